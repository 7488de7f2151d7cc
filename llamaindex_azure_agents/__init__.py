"""Foundry agents as LlamaIndex LLMs."""

try:
    import llama_index.core as _llama_index_core  # noqa: F401 - only to name the extra when absent
except ImportError as exc:
    raise ImportError(
        "llamaindex_azure_agents needs llama-index-core, "
        'install it with: pip install "azure-agents[llamaindex]"',
    ) from exc

from ._approvals import approve, decide, reject
from ._computer import screenshot
from ._errors import RefusedError, StructuredOutputError
from ._llm import AzureAgentLLM
from ._once import run_once
from ._recording import record_turns

__all__ = [
    "AzureAgentLLM",
    "RefusedError",
    "StructuredOutputError",
    "approve",
    "decide",
    "record_turns",
    "reject",
    "run_once",
    "screenshot",
]
