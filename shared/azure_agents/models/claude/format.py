"""How a chat call speaks to Claude."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...jsonio import JSON
from ..names import ModelName
from .answer import to_completion
from .request import to_body
from .stream import ClaudeDecoder

# Recorded of Anthropic's own API, documented for Foundry.
VERSION = "2023-06-01"


class ClaudeFormat:
    """The messages operation.

    Args:
        model: What answers.
        drops: Leave out, aloud, what Claude does not have.
        created: Unix time in seconds, which answers of Claude do not say.
    """

    operation = "messages"
    headers: Mapping[str, str] = {"anthropic-version": VERSION}

    def __init__(self, model: ModelName, *, drops: bool, created: int) -> None:
        self._model, self._drops, self._created = model, drops, created

    def body(self, messages: Sequence[JSON], fields: Mapping[str, Any]) -> JSON:
        """Map a call; without ``model`` and ``stream``."""
        return to_body(messages, fields, self._model, drops=self._drops)

    def answer(self, data: JSON) -> JSON:
        """Map an answer."""
        return to_completion(data, self._created)

    def decoder(self, doing: str, *, include_usage: bool) -> ClaudeDecoder:
        """Make the decoder of one stream."""
        return ClaudeDecoder(doing, include_usage=include_usage, created=self._created)
