"""The one error LlamaIndex callers need beside those of the core."""

from __future__ import annotations

from azure_agents.errors import TurnError


class StructuredOutputError(TurnError, ValueError):
    """The agent gave no object of the wanted class; `partial_text` is what it said.

    Also a ``ValueError``: that is what LlamaIndex's own programs raise.
    """
