"""How many tokens a request will use, and how many it has used. Pure.

Before the answer only an estimate is possible: the text by its length, and what the caller allows
the answer to have. Azure counts so, too, before it lets a request in. The answer tells the truth,
in one of several shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from .limits import Amounts

_BYTES = 4  # of a token, about: English text
_MEDIUM = 1_000  # tokens of an image or a file whose data goes up; guess
_ANSWER = 256  # tokens of an answer that nobody bounded; guess
_BOUNDS = ("max_completion_tokens", "max_output_tokens", "max_tokens")
_BOUNDED = frozenset({*_BOUNDS, "n"})
# Where the text of a request stands.
_TEXTS = frozenset({"messages", "input", "prompt", "system", "instructions", "tools", "documents"})
_WITHOUT_ANSWER = frozenset({"embedding", "count_tokens", "transcription", "translation", "speech"})


def estimate(operation: str, body: Mapping[str, Any]) -> Amounts:
    """Estimate what a request will use.

    Args:
        operation: Name of the operation, as in the table of `azure_agents.models.operations`.
        body: The arguments or the JSON of the request.
    """
    size = 0
    for name in _TEXTS.intersection(body):
        size += _size(body[name])
    return Amounts(size // _BYTES + 1, _answer(operation, body))


def _answer(operation: str, body: Mapping[str, Any]) -> int:
    if operation in _WITHOUT_ANSWER:
        return 0
    if _BOUNDED.isdisjoint(body):
        return _ANSWER
    most, answers = _ANSWER, body.get("n")
    for name in _BOUNDS:
        if isinstance(body.get(name), int):
            most = body[name]
            break
    return most * (answers if isinstance(answers, int) and answers > 0 else 1)


def _size(value: Any) -> int:
    """The bytes of text in a value, however deep."""
    kind = type(value)
    if kind is str:
        return _size_of_text(value)
    if kind is dict:
        return _size_of_all(value.values())
    if kind is list:
        return _size_of_all(value) if (size := _size_of_plain(value)) is None else size
    return _size_of_object(value)


def _size_of_plain(messages: list[Any]) -> int | None:
    """The same of messages that hold plain texts alone, as most do, without a look at each."""
    try:
        text = "".join(chain.from_iterable(map(dict.values, messages)))
    except TypeError:  # parts, or no messages at all
        return None
    return None if "data:" in text else _size_of_text(text)


def _size_of_all(values: Iterable[Any]) -> int:
    size = 0
    for one in values:  # most are plain texts
        if type(one) is str and one.isascii() and not one.startswith("data:"):
            size += len(one)
        else:
            size += _size(one)
    return size


def _size_of_text(text: str) -> int:
    if text.startswith("data:"):
        return _MEDIUM * _BYTES
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _size_of_object(value: Any) -> int:
    if isinstance(value, str):
        return _size_of_text(value)
    if isinstance(value, Mapping):
        return _size_of_all(value.values())
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return _size_of_all(value)
    if isinstance(value, int | float):
        return _BYTES
    dump = getattr(value, "model_dump", None)
    return _size(dump()) if callable(dump) else 0


def used(usage: Any) -> Amounts | None:
    """Read what a request used.

    Args:
        usage: The ``usage`` of an answer: of a chat, a response, a message of Claude, embeddings,
            an image or a transcription.

    Returns:
        None if it tells no tokens.
    """
    if not (type(usage) is dict or isinstance(usage, Mapping)):
        return None
    up = _first(usage, "prompt_tokens", "input_tokens")
    down = _first(usage, "completion_tokens", "output_tokens")
    if up is None and down is None:
        return None
    # Claude counts what it read from its cache, and wrote to it, beside its input.
    cached = "cache_read_input_tokens", "cache_creation_input_tokens"
    beside = sum(_first(usage, name) or 0 for name in cached) if "input_tokens" in usage else 0
    return Amounts((up or 0) + beside, down or 0)


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and value >= 0:
            return value
    return None
