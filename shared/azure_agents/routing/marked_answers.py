"""Answers of functions with the marks of `azure_agents.routing.sticky`, each kind in its places."""

from __future__ import annotations

from typing import Any

from ..models.answers import Answer
from ..models.operation_table import OPERATIONS
from . import sticky
from .lists import LISTS

# Operations whose answers hold ids of things that stay on the resource.
STICKY = frozenset(name for name, row in OPERATIONS.items() if row.makes or "{id}" in row.path)


def marked_answer(answer: Any, operation: str, mark: str) -> Any:
    """An answer of a function whose ids carry their deployment.

    Args:
        answer: Of the function, or a chunk of it; one of an agent is changed itself.
        operation: Name of a row of the table.
        mark: Of the deployment.
    """
    if isinstance(answer, Answer):
        if operation == "chat":
            return _marked_chat(answer, mark)
        if operation not in STICKY | LISTS.keys():
            return answer
        return Answer(sticky.marked(answer.model_dump(), mark), answer._hidden_params)  # noqa: SLF001
    _mark_turn(answer, mark)
    return answer


def _marked_chat(answer: Answer, mark: str) -> Answer:
    """A chat over the responses operation with its items marked: reasoning may be encrypted."""
    data = answer.model_dump()
    for choice in data.get("choices", ()):
        said = choice.get("message") or choice.get("delta") or {}
        fields = said.get("provider_specific_fields") or {}
        if "output" in fields:
            fields["output"] = sticky.marked(fields["output"], mark)
    return Answer(data, answer._hidden_params)  # noqa: SLF001


def _mark_turn(answer: Any, mark: str) -> None:
    """Mark the thread of an agent's answer, or of a chunk of one, and where its history stands."""
    thread = getattr(answer, "thread_id", None)
    if isinstance(thread, str):
        answer.thread_id = f"{thread}~{mark}"
        answer._hidden_params["thread_id"] = answer.thread_id  # noqa: SLF001
    for choice in getattr(answer, "choices", ()):
        said = getattr(choice, "message", None) or getattr(choice, "delta", None)
        fields = getattr(said, "provider_specific_fields", None)
        if isinstance(fields, dict) and isinstance(fields.get(sticky.ANCHOR), str):
            fields[sticky.ANCHOR] += f"~{mark}"
