"""Answers of deployments: the JSON as it came, read as attributes or as items.

Nothing is modelled that need not be: what the service adds tomorrow is there tomorrow. The text,
bytes or object of an operation that answers otherwise stand in classes of their own.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any, Self

from ..client.chunk_stream import AsyncChunkStream, ChunkStream
from ..jsonio import JSON
from ..prices.cost import response_cost

# Fields of chats that services leave out where they have no value. People write ``delta.content``
# and ``if message.tool_calls``: with OpenAI's own objects these are None then.
_OPTIONAL = frozenset(
    {
        "annotations",
        "audio",
        "content",
        "finish_reason",
        "function_call",
        "logprobs",
        "reasoning_content",
        "refusal",
        "role",
        "service_tier",
        "system_fingerprint",
        "thinking_blocks",
        "tool_calls",
        "usage",
    }
)


class Answer(Mapping[str, Any]):
    """A JSON object of the service: ``answer.choices[0].message.content``, or with items.

    Args:
        data: The object; kept, not copied.
        hidden: What is known beside it, in ``_hidden_params`` as in LiteLLM.
    """

    __slots__ = ("_data", "_hidden", "_is_priced")

    def __init__(self, data: JSON, hidden: Mapping[str, Any] | None = None) -> None:
        self._data = data
        self._hidden: dict[str, Any] = dict(hidden or {})
        self._is_priced = hidden is None or "response_cost" in hidden  # a part has no cost

    @property
    def _hidden_params(self) -> dict[str, Any]:
        """What LiteLLM keeps beside an answer; the cost is worked out when it is looked at."""
        if not self._is_priced:
            self._hidden["response_cost"] = response_cost(self._data, self._hidden)
            self._is_priced = True
        return self._hidden

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return _wrapped(self._data[name])
        except KeyError:
            if name in _OPTIONAL:
                return None
            known = ", ".join(map(str, self._data)) or "none"
            raise AttributeError(f"the answer has no field {name!r}; its fields: {known}") from None

    def __getitem__(self, name: str) -> Any:
        return _wrapped(self._data[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._data!r})"

    def __eq__(self, other: object) -> bool:
        return self._data == (other._data if isinstance(other, Answer) else other)

    __hash__ = None  # type: ignore[assignment]  # it can be changed, as a dictionary can

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *map(str, self._data)})

    def model_dump(self, **_: Any) -> JSON:
        """The object as plain dictionaries and lists, of the caller's own."""
        return copy.deepcopy(self._data)

    def model_dump_json(self, *, indent: int | None = None, **_: Any) -> str:
        """The object as a JSON text.

        Args:
            indent: Spaces of each level; None: all in one line.
        """
        return json.dumps(self._data, indent=indent, ensure_ascii=False)

    def json(self) -> JSON:
        """The same: what ``json()`` gives in LiteLLM."""
        return self.model_dump()

    def __copy__(self) -> Self:
        return type(self)(dict(self._data), self._hidden_params)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self)(copy.deepcopy(self._data, memo), copy.deepcopy(self._hidden_params, memo))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._data, self._hidden_params)


class AnswerStream(ChunkStream[JSON, Answer]):
    """The chunks of a chat, the events of another stream; made by `completion` and its like."""


class AsyncAnswerStream(AsyncChunkStream[JSON, Answer]):
    """The twin of `AnswerStream`; made by `acompletion` and its like."""


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Answer(value)
    if isinstance(value, list):
        return [_wrapped(one) for one in value]
    return value
