"""Responses and their events, as callers read them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..errors import RefusedError, StructuredOutputError
from .answers import Answer

CLASS = "text_format"  # where an answer keeps the class that was asked for, among what is hidden


class ResponseAnswer(Answer):
    """A response: the service's object, with its text."""

    __slots__ = ()

    @property
    def output_text(self) -> str:
        """All text of the answer, as OpenAI's SDK joins it."""
        return "".join(part["text"] for part in self._parts("output_text", "text"))

    @property
    def output_parsed(self) -> Any:
        """The object of the class that ``text_format`` named; None if it named none.

        Raises:
            RefusedError: The model refused to give one.
            StructuredOutputError: The text is no such object.
        """
        cls = self._hidden_params.get(CLASS)
        if cls is None:
            return None
        refusal = "".join(part["refusal"] for part in self._parts("refusal", "refusal"))
        if refusal:
            raise RefusedError(
                f"the model refused: {refusal}", response_id=self.get("id"), partial_text=refusal
            )
        text = self.output_text
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            why = f"status {self.get('status')!r}, {error}"
            raise StructuredOutputError(
                f"the answer is no {cls.__name__}: {why}",
                response_id=self.get("id"),
                partial_text=text,
            ) from error

    def _parts(self, kind: str, field: str) -> Iterator[dict[str, Any]]:
        for item in self._data.get("output") or ():
            if isinstance(item, dict) and item.get("type") == "message":
                for part in item.get("content") or ():
                    if part.get("type") == kind and isinstance(part.get(field), str):
                        yield part


class ResponseEvent(Answer):
    """One event of a stream: ``event.type``, ``event.delta``, ``event.response``."""

    __slots__ = ()

    @property
    def response(self) -> ResponseAnswer:
        """The response, as far as it is when this event is sent.

        Raises:
            AttributeError: The event has none.
        """
        data = self._data.get("response")
        if isinstance(data, dict):
            known = {k: v for k, v in self._hidden.items() if k != "response_cost"}
            return ResponseAnswer(data, known)
        raise AttributeError(f"an event {self._data.get('type')!r} has no response")
