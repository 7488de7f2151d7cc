"""The progress of an answer: which server-side tool is at work, and on what.

The chunks of a stream bring it in a field of its own, `progress`. Chunks that are added up lose it,
so that no history, checkpoint or cache holds it; callbacks and LangGraph's
``stream_mode="messages"`` see it. Background answers begin with a chunk that brings the id of the
response, by which another process can take the answer up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage

from azure_agents import Progress, Started
from azure_agents.content.progress_words import Steps
from azure_agents.jsonio import known_fields

FIELD = "progress"


def fields_of(step: Progress | Started) -> dict[str, Any]:
    """Make the field of a chunk: plain data, since chunks may travel as JSON."""
    return {FIELD: known_fields(**asdict(step))}


def progress_of(chunk: BaseMessage) -> Progress | Started | None:
    """Read the progress of an answer out of a chunk; None if the chunk is a piece of the answer.

    Args:
        chunk: A chunk of a streamed answer.
    """
    fields = getattr(chunk, FIELD, None)
    if not isinstance(fields, dict):
        return None
    return Progress(**fields) if "status" in fields else Started(**fields)


class ShowProgress(BaseCallbackHandler):
    """A callback that shows what server-side tools are doing, a line for each new step.

    Only streamed answers bring progress: `stream`, ``stream_mode="messages"``, or a model with
    ``streaming=True``.

    Args:
        show: Takes a line.
    """

    def __init__(self, show: Callable[[str], object] = print) -> None:
        self._show = show
        self._steps = Steps()

    def on_llm_new_token(self, token: Any, *, chunk: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Look at the next chunk.

        Args:
            token: The chunk's text; not looked at.
            chunk: The chunk, with its message.
            kwargs: Ids and tags of the run; not looked at.
        """
        step = progress_of(getattr(chunk, "message", None))  # type: ignore[arg-type]
        if isinstance(step, Progress) and (line := self._steps.line(step)):
            self._show(line)
