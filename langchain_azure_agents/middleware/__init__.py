"""Middleware for LangChain's `create_agent`; needs the package `langchain` itself."""

try:
    import langchain.agents.middleware as _langchain  # noqa: F401 - only to name it when absent
except ImportError as exc:
    raise ImportError(
        "langchain_azure_agents.middleware needs langchain, install it with: pip install langchain",
    ) from exc

from ._approvals import ServerToolApprovals

__all__ = ["ServerToolApprovals"]
