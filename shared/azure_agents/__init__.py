"""Microsoft (Azure AI) Foundry agents: the core that the framework adapters share.

What stands in `__all__` here and in `azure_agents.errors` and `azure_agents.emulator` is public
(docs/api.md lists it); every other module is private.

Importing this package loads no framework, no SDK and no httpx, and opens nothing: most names are
loaded when they are first asked for.
"""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from . import errors
from ._version import __version__
from .errors import AzureAgentsError
from .settings.no_globals import Package as _Package
from .settings.timeouts import Timeouts

if TYPE_CHECKING:
    from .agents.agent import Agent
    from .agents.agents import Agents
    from .agents.async_agents import AsyncAgents
    from .agents.tools import (
        CodeInterpreterTool,
        FileSearchTool,
        ImageGenerationTool,
        McpTool,
        OpenApiTool,
        WebSearchTool,
    )
    from .client.agent_client import AgentClient, AsyncAgentClient
    from .client.server_threads import AsyncThreads, Threads
    from .completions.api import acompletion, completion
    from .completions.input import screenshot
    from .drivers.observe import Observer, RequestEnded, RequestStarted, Retrying
    from .events import (
        ApprovalRequest,
        Citation,
        ConsentRequest,
        Event,
        Finished,
        MediaOutput,
        Other,
        Progress,
        ReasoningDelta,
        RefusalDelta,
        ServerToolCall,
        ServerToolResult,
        Started,
        TextDelta,
        ToolCallDelta,
        Usage,
    )
    from .files.async_files import AsyncFiles
    from .files.file_flows import StoredFile
    from .files.files import Files
    from .files.handles import AsyncFileHandle, FileHandle
    from .files.progress import text_progress
    from .files.references import FileReference
    from .files.searching import Passage
    from .files.vector_store_flows import FileCounts, VectorStore
    from .files.vector_stores import AsyncVectorStores, VectorStores
    from .fold import Completion, Fold, ReasoningBlock, RefusalBlock, TextBlock
    from .frameworks.tool_results import ToolResults
    from .messages import (
        ApprovalReply,
        ComputerAnswer,
        Media,
        Message,
        SafetyCheck,
        Text,
        ToolCall,
        TurnRequest,
        assistant,
        system,
        tool,
        user,
    )
    from .operations.audio import aspeech, speech
    from .operations.batches import (
        acancel_batch,
        acreate_batch,
        alist_batches,
        aretrieve_batch,
        cancel_batch,
        create_batch,
        list_batches,
        retrieve_batch,
    )
    from .operations.embeddings import aembedding, embedding
    from .operations.files import (
        acreate_file,
        afile_content,
        afile_delete,
        afile_list,
        afile_retrieve,
        create_file,
        file_content,
        file_delete,
        file_list,
        file_retrieve,
    )
    from .operations.fine_tuning import (
        acancel_fine_tuning_job,
        acreate_fine_tuning_job,
        alist_fine_tuning_events,
        alist_fine_tuning_jobs,
        aretrieve_fine_tuning_job,
        cancel_fine_tuning_job,
        create_fine_tuning_job,
        list_fine_tuning_events,
        list_fine_tuning_jobs,
        retrieve_fine_tuning_job,
    )
    from .operations.image_edits import (
        aimage_edit,
        image_edit,
    )
    from .operations.images import aimage_generation, image_generation
    from .operations.responses import aresponses, responses
    from .operations.stored_responses import (
        acancel_response,
        adelete_response,
        aget_response,
        alist_input_items,
        cancel_response,
        delete_response,
        get_response,
        list_input_items,
    )
    from .operations.text_completions import atext_completion, text_completion
    from .operations.transcripts import atranscription, atranslation, transcription, translation
    from .prices.cost import Cost, CostPart, completion_cost, cost_of
    from .prices.model_prices import Prices
    from .prices.table import PriceTable, register_prices
    from .protocols.histories import Thread
    from .routing.router import Router
    from .threads.memory import MemoryThreadStore
    from .threads.redis import RedisThreadStore
    from .threads.sqlite import SQLiteThreadStore
    from .threads.store import ThreadStore

__all__ = [
    "Agent",
    "AgentClient",
    "Agents",
    "ApprovalReply",
    "ApprovalRequest",
    "AsyncAgentClient",
    "AsyncAgents",
    "AsyncFileHandle",
    "AsyncFiles",
    "AsyncThreads",
    "AsyncVectorStores",
    "AzureAgentsError",
    "Citation",
    "CodeInterpreterTool",
    "Completion",
    "ComputerAnswer",
    "ConsentRequest",
    "Cost",
    "CostPart",
    "Event",
    "FileCounts",
    "FileHandle",
    "FileReference",
    "FileSearchTool",
    "Files",
    "Finished",
    "Fold",
    "ImageGenerationTool",
    "McpTool",
    "Media",
    "MediaOutput",
    "MemoryThreadStore",
    "Message",
    "Observer",
    "OpenApiTool",
    "Other",
    "Passage",
    "PriceTable",
    "Prices",
    "Progress",
    "ReasoningBlock",
    "ReasoningDelta",
    "RedisThreadStore",
    "RefusalBlock",
    "RefusalDelta",
    "RequestEnded",
    "RequestStarted",
    "Retrying",
    "Router",
    "SQLiteThreadStore",
    "SafetyCheck",
    "ServerToolCall",
    "ServerToolResult",
    "Started",
    "StoredFile",
    "Text",
    "TextBlock",
    "TextDelta",
    "Thread",
    "ThreadStore",
    "Threads",
    "Timeouts",
    "ToolCall",
    "ToolCallDelta",
    "ToolResults",
    "TurnRequest",
    "Usage",
    "VectorStore",
    "VectorStores",
    "WebSearchTool",
    "__version__",
    "acancel_batch",
    "acancel_fine_tuning_job",
    "acancel_response",
    "acompletion",
    "acreate_batch",
    "acreate_file",
    "acreate_fine_tuning_job",
    "adelete_response",
    "aembedding",
    "afile_content",
    "afile_delete",
    "afile_list",
    "afile_retrieve",
    "aget_response",
    "aimage_edit",
    "aimage_generation",
    "alist_batches",
    "alist_fine_tuning_events",
    "alist_fine_tuning_jobs",
    "alist_input_items",
    "aresponses",
    "aretrieve_batch",
    "aretrieve_fine_tuning_job",
    "aspeech",
    "assistant",
    "atext_completion",
    "atranscription",
    "atranslation",
    "cancel_batch",
    "cancel_fine_tuning_job",
    "cancel_response",
    "completion",
    "completion_cost",
    "cost_of",
    "create_batch",
    "create_file",
    "create_fine_tuning_job",
    "delete_response",
    "embedding",
    "errors",
    "file_content",
    "file_delete",
    "file_list",
    "file_retrieve",
    "get_response",
    "image_edit",
    "image_generation",
    "list_batches",
    "list_fine_tuning_events",
    "list_fine_tuning_jobs",
    "list_input_items",
    "register_prices",
    "responses",
    "retrieve_batch",
    "retrieve_fine_tuning_job",
    "screenshot",
    "speech",
    "system",
    "text_completion",
    "text_progress",
    "tool",
    "transcription",
    "translation",
    "user",
]

# The module of each name that is loaded late.
_PLACES = {
    "agents.agent": ("Agent",),
    "agents.agents": ("Agents",),
    "agents.async_agents": ("AsyncAgents",),
    "agents.tools": (
        "CodeInterpreterTool",
        "FileSearchTool",
        "ImageGenerationTool",
        "McpTool",
        "OpenApiTool",
        "WebSearchTool",
    ),
    "client.agent_client": ("AgentClient", "AsyncAgentClient"),
    "client.server_threads": ("AsyncThreads", "Threads"),
    "protocols.histories": ("Thread",),
    "completions.api": ("acompletion", "completion"),
    "completions.input": ("screenshot",),
    "drivers.observe": ("Observer", "RequestEnded", "RequestStarted", "Retrying"),
    "events": (
        "ApprovalRequest",
        "Citation",
        "ConsentRequest",
        "Event",
        "Finished",
        "MediaOutput",
        "Other",
        "Progress",
        "ReasoningDelta",
        "RefusalDelta",
        "ServerToolCall",
        "ServerToolResult",
        "Started",
        "TextDelta",
        "ToolCallDelta",
        "Usage",
    ),
    "files.async_files": ("AsyncFiles",),
    "files.file_flows": ("StoredFile",),
    "files.files": ("Files",),
    "files.handles": ("AsyncFileHandle", "FileHandle"),
    "files.progress": ("text_progress",),
    "files.references": ("FileReference",),
    "files.searching": ("Passage",),
    "files.vector_store_flows": ("FileCounts", "VectorStore"),
    "files.vector_stores": ("AsyncVectorStores", "VectorStores"),
    "fold": ("Completion", "Fold", "ReasoningBlock", "RefusalBlock", "TextBlock"),
    "frameworks.tool_results": ("ToolResults",),
    "messages": (
        "ApprovalReply",
        "ComputerAnswer",
        "Media",
        "Message",
        "SafetyCheck",
        "Text",
        "ToolCall",
        "TurnRequest",
        "assistant",
        "system",
        "tool",
        "user",
    ),
    "operations.audio": ("aspeech", "speech"),
    "operations.batches": (
        "acancel_batch",
        "acreate_batch",
        "alist_batches",
        "aretrieve_batch",
        "cancel_batch",
        "create_batch",
        "list_batches",
        "retrieve_batch",
    ),
    "operations.files": (
        "acreate_file",
        "afile_content",
        "afile_delete",
        "afile_list",
        "afile_retrieve",
        "create_file",
        "file_content",
        "file_delete",
        "file_list",
        "file_retrieve",
    ),
    "operations.fine_tuning": (
        "acancel_fine_tuning_job",
        "acreate_fine_tuning_job",
        "alist_fine_tuning_events",
        "alist_fine_tuning_jobs",
        "aretrieve_fine_tuning_job",
        "cancel_fine_tuning_job",
        "create_fine_tuning_job",
        "list_fine_tuning_events",
        "list_fine_tuning_jobs",
        "retrieve_fine_tuning_job",
    ),
    "operations.image_edits": (
        "aimage_edit",
        "image_edit",
    ),
    "operations.embeddings": ("aembedding", "embedding"),
    "operations.images": ("aimage_generation", "image_generation"),
    "operations.responses": ("aresponses", "responses"),
    "operations.stored_responses": (
        "acancel_response",
        "adelete_response",
        "aget_response",
        "alist_input_items",
        "cancel_response",
        "delete_response",
        "get_response",
        "list_input_items",
    ),
    "operations.text_completions": ("atext_completion", "text_completion"),
    "operations.transcripts": (
        "atranscription",
        "atranslation",
        "transcription",
        "translation",
    ),
    "prices.cost": ("Cost", "CostPart", "completion_cost", "cost_of"),
    "prices.model_prices": ("Prices",),
    "prices.table": ("PriceTable", "register_prices"),
    "routing.router": ("Router",),
    "threads.memory": ("MemoryThreadStore",),
    "threads.redis": ("RedisThreadStore",),
    "threads.sqlite": ("SQLiteThreadStore",),
    "threads.store": ("ThreadStore",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        hint = f": it is {__name__}.errors.{name}" if name in errors.__all__ else ""
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    value: object = getattr(_import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


_sys.modules[__name__].__class__ = _Package
