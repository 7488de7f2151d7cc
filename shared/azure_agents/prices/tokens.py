"""Counts of tokens, taken apart into what has a price of its own.

The services count in three shapes: a chat's ``prompt_tokens``, the ``input_tokens`` of responses,
images and transcriptions, and Claude's ``input_tokens``, which hold no cached ones. Details are
parts of the total, never more tokens: what was cached, written to a cache, heard or seen is taken
out of the input before the rest gets the plain price, so nothing is paid twice. Reasoning is
output.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Quantities = dict[str, int]


class UnreadableError(ValueError):
    """A usage that cannot be priced, and why."""


class _Input(NamedTuple):
    """The tokens of a prompt: all of them, and which of them were cached, heard and seen."""

    total: int
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    audio: int = 0
    image: int = 0
    cached_audio: int = 0
    cached_image: int = 0


_NO_PARTS = (0,) * 7


def prompt_tokens(usage: Mapping[str, Any]) -> int:
    """Count the tokens of a whole prompt, what was cached included.

    Args:
        usage: Of an answer, in any of the three shapes.

    Raises:
        UnreadableError: A count is no number of tokens.
    """
    return _input(usage).total


def has_tokens(usage: Mapping[str, Any]) -> bool:
    """Whether a usage counts tokens; some count seconds.

    Args:
        usage: Of an answer.
    """
    return any(usage.get(name) is not None for name in ("prompt_tokens", "input_tokens"))


def text_alone(usage: Mapping[str, Any]) -> tuple[int, int] | None:
    """Give the tokens of prompt and answer of a chat, if nothing else was used; so are most.

    Args:
        usage: Of an answer.

    Returns:
        None if it takes `quantities` to tell.
    """
    if not _SPECIAL.isdisjoint(usage):
        return None
    up, down = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if type(up) is not int or type(down) is not int or min(up, down) < 0:
        return None
    return (up, down) if all(map(_is_empty, map(usage.get, _PARTS))) else None


def quantities(usage: Mapping[str, Any], priced: Mapping[str, object]) -> Quantities:
    """Take a usage apart.

    Args:
        usage: Of an answer, in any of the three shapes.
        priced: The components that the model has prices for: images are text to a model that has
            none of their own for them.

    Returns:
        Tokens by component, without those that are 0.

    Raises:
        UnreadableError: A count is no number of tokens, or the counts contradict each other.
    """
    read = _input(usage)
    counted = _of_input(read, priced)
    counted.update(_of_output(usage, read.total, priced))
    if min(counted.values()) < 0:
        name, count = next(one for one in counted.items() if one[1] < 0)
        raise UnreadableError(
            f"the usage contradicts itself: {name} would be {count} tokens of {dict(usage)!r}"
        )
    return {name: count for name, count in counted.items() if count}


def _input(usage: Mapping[str, Any]) -> _Input:
    details = _details(
        usage, "prompt_tokens_details", "input_tokens_details", "input_token_details"
    )
    plain = _count(usage, "prompt_tokens", "input_tokens")
    if not any(details.values()) and _CACHES.isdisjoint(usage):  # so are most
        return _Input(plain)
    kinds = _details(details, "cached_tokens_details")
    cached = _count(details, "cached_tokens") or _count(usage, "cache_read_input_tokens")
    written = _count(details, "cache_creation_tokens", "cache_write_tokens")
    written = written or _count(usage, "cache_creation_input_tokens")
    return _Input(
        total=plain + (cached + written if _is_claude(usage) else 0),
        cached=cached,
        written=written,
        written_1h=_count(_details(usage, "cache_creation"), "ephemeral_1h_input_tokens"),
        audio=_count(details, "audio_tokens"),
        image=_count(details, "image_tokens"),
        cached_audio=_count(kinds, "audio_tokens"),
        cached_image=_count(kinds, "image_tokens"),
    )


_COUNTS = ("cache_read_input_tokens", "cache_creation_input_tokens")
_CACHES = frozenset({*_COUNTS, "cache_creation"})
_PARTS = ("prompt_tokens_details", "completion_tokens_details")
# What is paid for apart, or has another form than a chat's usage.
_SPECIAL = _CACHES | {
    "inference_geo",
    "input_token_details",
    "input_tokens",
    "input_tokens_details",
    "output_token_details",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
}


def _is_empty(details: object) -> bool:
    return details is None or (type(details) is dict and not any(details.values()))


def _is_claude(usage: Mapping[str, Any]) -> bool:
    return "prompt_tokens" not in usage and any(usage.get(name) is not None for name in _COUNTS)


def _of_input(read: _Input, priced: Mapping[str, object]) -> Quantities:
    if read == (read.total, *_NO_PARTS):
        return {"input": read.total}
    image, cached_image = (read.image, read.cached_image) if "image_input" in priced else (0, 0)
    if read.cached and (read.audio or image) and not (read.cached_audio or read.cached_image):
        raise UnreadableError(
            f"of {read.cached} cached tokens the usage does not say which were text"
        )
    return {
        "input": read.total - read.cached - read.written - read.audio - image
        + read.cached_audio + cached_image,
        "cached_input": read.cached - read.cached_audio - cached_image,
        "cache_write": read.written - read.written_1h,
        "cache_write_1h": read.written_1h,
        "audio_input": read.audio - read.cached_audio,
        "cached_audio_input": read.cached_audio,
        "image_input": image - cached_image,
        "cached_image_input": cached_image,
    }  # fmt: skip


def _of_output(usage: Mapping[str, Any], prompt: int, priced: Mapping[str, object]) -> Quantities:
    name = "completion_tokens_details"
    details = _details(usage, name, "output_tokens_details", "output_token_details")
    total = _count(usage, "completion_tokens", "output_tokens")
    reasoning = _count(details, "reasoning_tokens")
    # xAI's models count their reasoning beside the answer: then only the total holds both.
    if reasoning and _count(usage, "total_tokens") == prompt + total + reasoning:
        total += reasoning
    audio = _count(details, "audio_tokens")
    image = _count(details, "image_tokens") if "image_output" in priced else 0
    if "image_output" in priced and not details:
        image = total  # image models that count nothing apart write nothing else
    return {"output": total - audio - image, "audio_output": audio, "image_output": image}


def _details(fields: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        found = fields.get(name)
        if type(found) is dict or isinstance(found, Mapping):
            return found
        if found is not None:
            raise UnreadableError(f"the usage has no object in {name}, but {found!r}")
    return _NONE


_NONE: Mapping[str, Any] = {}


def _count(fields: Mapping[str, Any], *names: str) -> int:
    if not fields:
        return 0
    for name in names:
        count = fields.get(name)
        if type(count) is int and count >= 0:  # True is no count
            return count
        if count is not None:
            raise UnreadableError(f"{name} is no number of tokens, but {count!r}")
    return 0
