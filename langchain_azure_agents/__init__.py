"""Foundry agents as LangChain chat models."""

try:
    import langchain_core as _langchain_core  # noqa: F401 - only to name the extra when absent
except ImportError as exc:
    raise ImportError(
        "langchain_azure_agents needs langchain-core, "
        'install it with: pip install "azure-agents[langchain]"',
    ) from exc

from azure_agents import Timeouts, __version__
from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError

from ._approvals import approve, decide, reject
from ._blocks import register as _register
from ._chat_model import ChatAzureAgent
from ._computer import screenshot
from ._factories import init_azure_chat_model, init_azure_embeddings, init_azure_llm
from ._history import AzureAgentChatMessageHistory
from ._once import arun_once, run_once
from ._progress import ShowProgress, progress_of
from ._retriever import AzureAgentRetriever

_register()

__all__ = [
    "AzureAgentChatMessageHistory",
    "AzureAgentRetriever",
    "AzureAgentsError",
    "ChatAzureAgent",
    "ConfigError",
    "InvalidRequestError",
    "ShowProgress",
    "Timeouts",
    "__version__",
    "approve",
    "arun_once",
    "decide",
    "init_azure_chat_model",
    "init_azure_embeddings",
    "init_azure_llm",
    "progress_of",
    "reject",
    "run_once",
    "screenshot",
]
