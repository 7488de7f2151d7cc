"""Agents as tools of a LangChain agent; needs the package `langchain` itself."""

try:
    import langchain.agents as _langchain  # noqa: F401 - only to name it when absent
except ImportError as exc:
    raise ImportError(
        "langchain_azure_agents.subagents needs langchain, install it with: pip install langchain",
    ) from exc

from ._tool import agent_tool

__all__ = ["agent_tool"]
