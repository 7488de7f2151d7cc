"""The Foundry agent service in process: both generations, for tests, notebooks and demos.

    from azure_agents.emulator import Emulator

    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent", reply="Hello!")
        ...  # a client with **foundry.connection() and model=agent.model
        print(foundry.seen[-1].messages)

Its answers are templates written after recorded traffic of the real service, and it knows
nothing of this package's own codecs: a mistake on one side cannot hide behind the same mistake
on the other.

Names are loaded when they are first asked for: the pytest plugin is imported by every test run of
everybody who has this package, and must cost them nothing.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent.foundry_tools import FoundryTool
    from .agent.replies import Delayed, Empty, Failed, Incomplete, Parts, Pause, Text, ToolCalls
    from .agent.scripts import Rulebook, read_rules, read_script
    from .agent.seen import SeenCall, SeenMedia, SeenMessage, SeenReply, SeenTool, SeenTurn
    from .agent.server_tools import (
        Citation,
        CodeInterpreter,
        ComputerCall,
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
    from .agents import CreatedAgent
    from .deployed import DeployedModel
    from .emulator import Emulator
    from .line.wireline import LoggedRequest
    from .served.address import Served
    from .served.agents_file import AgentsFile
    from .served.command import run_server
    from .trouble.faults import NAMED, Fault, Faults
    from .trouble.weather import Weather
    from .world.clock import FakeClock, RealClock
    from .world.credential import Token
    from .world.rules import Rules

__all__ = [
    "NAMED",
    "AgentsFile",
    "Citation",
    "CodeInterpreter",
    "ComputerCall",
    "ConnectedAgent",
    "Consent",
    "CreatedAgent",
    "Delayed",
    "DeployedModel",
    "Empty",
    "Emulator",
    "Failed",
    "FakeClock",
    "Fault",
    "Faults",
    "FileSearch",
    "FoundryTool",
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
    "Rulebook",
    "Rules",
    "SeenCall",
    "SeenMedia",
    "SeenMessage",
    "SeenReply",
    "SeenTool",
    "SeenTurn",
    "Served",
    "Text",
    "Token",
    "ToolCalls",
    "Weather",
    "WebSearch",
    "WorkflowAction",
    "read_rules",
    "read_script",
    "run_server",
]

_PLACES = {
    "served.agents_file": ("AgentsFile",),
    "world.clock": (
        "FakeClock",
        "RealClock",
    ),
    "world.credential": ("Token",),
    "trouble.faults": (
        "Fault",
        "Faults",
        "NAMED",
    ),
    "agent.foundry_tools": ("FoundryTool",),
    "agents": ("CreatedAgent",),
    "deployed": ("DeployedModel",),
    "emulator": ("Emulator",),
    "agent.replies": (
        "Delayed",
        "Empty",
        "Failed",
        "Incomplete",
        "Parts",
        "Pause",
        "Text",
        "ToolCalls",
    ),
    "agent.scripts": (
        "Rulebook",
        "read_rules",
        "read_script",
    ),
    "served.address": ("Served",),
    "served.command": ("run_server",),
    "agent.server_tools": (
        "Citation",
        "CodeInterpreter",
        "ComputerCall",
        "ConnectedAgent",
        "Consent",
        "FileSearch",
        "GeneratedImage",
        "Items",
        "McpApproval",
        "McpCall",
        "McpTools",
        "Reasoning",
        "Refusal",
        "WebSearch",
        "WorkflowAction",
    ),
    "world.rules": ("Rules",),
    "agent.seen": (
        "SeenCall",
        "SeenMedia",
        "SeenMessage",
        "SeenReply",
        "SeenTool",
        "SeenTurn",
    ),
    "trouble.weather": ("Weather",),
    "line.wireline": ("LoggedRequest",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    late: object = getattr(_import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = late
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
