"""The errors of the core for which LlamaIndex has a class of its own."""

from __future__ import annotations

from azure_agents import errors


class StructuredOutputError(errors.StructuredOutputError, ValueError):
    """The agent gave no object of the wanted class; `partial_text` is its answer.

    Also a ``ValueError``: that is what LlamaIndex's own programs raise.
    """


class RefusedError(StructuredOutputError, errors.RefusedError):
    """The agent refused to give an object; `partial_text` is the refusal."""


def as_value_error(error: errors.StructuredOutputError) -> StructuredOutputError:
    """Make the same error for callers who catch what LlamaIndex's programs raise."""
    cls = RefusedError if isinstance(error, errors.RefusedError) else StructuredOutputError
    return cls(error.message, **error.facts)
