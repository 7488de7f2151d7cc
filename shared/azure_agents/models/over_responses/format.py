"""How a chat call speaks to the responses operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...jsonio import JSON
from ..names import ModelName
from .answer import to_completion
from .request import to_body
from .stream import ResponsesDecoder


class ResponsesFormat:
    """The responses operation.

    Args:
        model: What answers.
        drops: Leave out, aloud, what the operation does not have.
    """

    operation = "responses"
    headers: Mapping[str, str] = {}

    def __init__(self, model: ModelName, *, drops: bool) -> None:
        self._model, self._drops = model, drops

    def body(self, messages: Sequence[JSON], fields: Mapping[str, Any]) -> JSON:
        """Map a call; without ``model`` and ``stream``."""
        return to_body(messages, fields, self._model, drops=self._drops)

    def answer(self, data: JSON) -> JSON:
        """Map an answer."""
        return to_completion(data)

    def decoder(self, doing: str, *, include_usage: bool) -> ResponsesDecoder:
        """Make the decoder of one stream."""
        return ResponsesDecoder(doing, include_usage=include_usage)
