"""The formats in which chat models are spoken to.

A chat call is always OpenAI's to the caller. What goes up, and what comes back, is the format of
the model's family: a new family is a new format.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ..jsonio import JSON
from .chunks import ChatDecoder
from .claude.format import ClaudeFormat
from .instruct.format import InstructFormat
from .names import ModelName
from .over_responses.format import ResponsesFormat
from .requests import StreamDecoder
from .rules import fit
from .settings import ModelSettings


class Format(Protocol):
    """One format, for one call."""

    @property
    def operation(self) -> str:
        """The row of the table that is called."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What every request must say, unless the caller says otherwise."""

    def body(self, messages: Sequence[JSON], fields: Mapping[str, Any]) -> JSON:
        """Map a call; without ``model`` and ``stream``.

        Args:
            messages: OpenAI chat messages.
            fields: The other arguments of the call.

        Raises:
            InvalidRequestError: Something is malformed, or the family does not have it.
        """

    def answer(self, data: JSON) -> JSON:
        """Map an answer to a chat completion."""

    def decoder(self, doing: str, *, include_usage: bool) -> StreamDecoder:
        """Make the decoder of one stream.

        Args:
            doing: What is being done, for errors.
            include_usage: Deliver a chunk that holds nothing but the usage.
        """


# What other formats keep in a message for themselves: a chat refuses fields that it does not know.
_OF_OTHERS = frozenset({"provider_specific_fields", "thinking_blocks"})


class ChatFormat:
    """OpenAI's own format, with the rules of a family.

    Args:
        model: What answers.
        drops: Leave out, aloud, what the family is known to refuse.
    """

    operation = "chat"
    headers: Mapping[str, str] = {}

    def __init__(self, model: ModelName, *, drops: bool) -> None:
        self._model, self._drops = model, drops

    def body(self, messages: Sequence[JSON], fields: Mapping[str, Any]) -> JSON:
        """Put messages and arguments together."""
        # Foundry's models have reasoning of their own there; OpenAI's do not know the field.
        others = _OF_OTHERS | ({"reasoning_content"} if self._model.family != "foundry" else set())
        sent = [{k: v for k, v in one.items() if k not in others} for one in messages]
        return {"messages": sent, **fit(fields, self._model, drops=self._drops)}

    def answer(self, data: JSON) -> JSON:
        """Give the answer as it came."""
        return data

    def decoder(self, doing: str, *, include_usage: bool) -> ChatDecoder:
        """Make the decoder of one stream."""
        return ChatDecoder(doing, include_usage=include_usage)


def format_of(settings: ModelSettings) -> Format:
    """Choose the format of a call.

    Args:
        settings: Of the call.
    """
    if settings.model.family == "claude":
        return ClaudeFormat(settings.model, drops=settings.drops, created=int(time.time()))
    if settings.model.family == "responses":
        return ResponsesFormat(settings.model, drops=settings.drops)
    if settings.model.family == "text":
        return InstructFormat(settings.model, drops=settings.drops)
    return ChatFormat(settings.model, drops=settings.drops)
