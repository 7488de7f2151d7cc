"""The Foundry agent service in process: both generations, for tests, notebooks and demos.

    from azure_agents.emulator import Emulator

    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent", reply="Hello!")
        ...  # a client with **foundry.connection() and model=agent.model
        print(foundry.seen[-1].messages)

Its answers are templates written after recorded traffic of the real service, and it knows
nothing of this package's own codecs: a mistake on one side cannot hide behind the same mistake
on the other.
"""

from .clock import FakeClock, RealClock
from .credential import Token
from .faults import Fault, Faults
from .project import CreatedAgent, Emulator
from .replies import (
    Delayed,
    Empty,
    Failed,
    Incomplete,
    Parts,
    Pause,
    Text,
    ToolCalls,
)
from .server import Served, run_server
from .server_tools import (
    Citation,
    CodeInterpreter,
    ConnectedAgent,
    Consent,
    FileSearch,
    GeneratedImage,
    Items,
    McpApproval,
    McpCall,
    McpTools,
    Reasoning,
    Refusal,
    WebSearch,
    WorkflowAction,
)
from .state import Rules
from .transcripts import SeenCall, SeenMedia, SeenMessage, SeenReply, SeenTurn
from .wireline import LoggedRequest

__all__ = [
    "Citation",
    "CodeInterpreter",
    "ConnectedAgent",
    "Consent",
    "CreatedAgent",
    "Delayed",
    "Empty",
    "Emulator",
    "Failed",
    "FakeClock",
    "Fault",
    "Faults",
    "FileSearch",
    "GeneratedImage",
    "Incomplete",
    "Items",
    "LoggedRequest",
    "McpApproval",
    "McpCall",
    "McpTools",
    "Parts",
    "Pause",
    "RealClock",
    "Reasoning",
    "Refusal",
    "Rules",
    "SeenCall",
    "SeenMedia",
    "SeenMessage",
    "SeenReply",
    "SeenTurn",
    "Served",
    "Text",
    "Token",
    "ToolCalls",
    "WebSearch",
    "WorkflowAction",
    "run_server",
]
