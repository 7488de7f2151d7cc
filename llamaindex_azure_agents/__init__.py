"""Foundry agents as LlamaIndex LLMs."""

try:
    import llama_index.core as _llama_index_core  # noqa: F401 - only to name the extra when absent
except ImportError as exc:
    raise ImportError(
        "llamaindex_azure_agents needs llama-index-core, "
        'install it with: pip install "azure-agents[llamaindex]"',
    ) from exc

from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from ._approvals import approve, decide, reject
from ._call_ids import tool_call_id, with_call_ids
from ._chat_engine import AzureAgentChatEngine
from ._computer import screenshot
from ._errors import RefusedError, StructuredOutputError
from ._factories import init_azure_embedding, init_azure_llm
from ._llm import AzureAgentLLM
from ._once import run_once
from ._recording import TurnsInResponses, record_turns
from ._retriever import AzureAgentRetriever

if _TYPE_CHECKING:
    from ._claude import ClaudeInFoundry

__all__ = [
    "AzureAgentChatEngine",
    "AzureAgentLLM",
    "AzureAgentRetriever",
    "ClaudeInFoundry",
    "RefusedError",
    "StructuredOutputError",
    "TurnsInResponses",
    "approve",
    "decide",
    "init_azure_embedding",
    "init_azure_llm",
    "record_turns",
    "reject",
    "run_once",
    "screenshot",
    "tool_call_id",
    "with_call_ids",
]


def __getattr__(name: str) -> _Any:
    # Loaded when it is first asked for: it needs the SDK of Anthropic, which nothing else does.
    if name != "ClaudeInFoundry":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from ._claude import ClaudeInFoundry
    except ImportError as exc:
        raise ImportError(
            "ClaudeInFoundry needs llama-index-llms-anthropic, "
            'install it with: pip install "azure-agents[llamaindex-anthropic]"',
        ) from exc
    return ClaudeInFoundry


def __dir__() -> list[str]:
    return sorted({*globals(), "ClaudeInFoundry"})
