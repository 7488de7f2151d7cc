"""What a request, an answer and its usage say, as attributes of a span. Pure.

Numbers and names only: what people and models said is in `messages`, for those who ask for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from . import conventions as names

Attributes: TypeAlias = dict[str, Any]

_NUMBERS: dict[str, tuple[str, type]] = {
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, float),
    "max_completion_tokens": (names.REQUEST_MAX_TOKENS, int),
    "max_output_tokens": (names.REQUEST_MAX_TOKENS, int),
    "max_tokens": (names.REQUEST_MAX_TOKENS, int),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, float),
    "seed": (names.REQUEST_SEED, int),
    "temperature": (names.REQUEST_TEMPERATURE, float),
    "top_p": (names.REQUEST_TOP_P, float),
}
_STOPS = ("stop", "stop_sequences")
_CONVERSATIONS = ("thread_id", "conversation")
_LONGEST = 256  # characters of a text
_ID = re.compile(rb'"id"\s*:\s*"((?:chatcmpl|cmpl|resp|msg)[\w.~-]{1,200})"')
_FINISH = re.compile(rb'"(?:finish_reason|stop_reason)"\s*:\s*"(\w{1,40})"')
_STATUS = re.compile(rb'"status"\s*:\s*"(completed|incomplete|failed)"')
_THREAD = re.compile(rb'"thread_id"\s*:\s*"([^"\\]{1,256})"')


def of_request(fields: Mapping[str, Any]) -> Attributes:
    """What a request asks for.

    Args:
        fields: Of a body in OpenAI's or Anthropic's form; anything may stand in them.
    """
    found: Attributes = {}
    for field, (name, kind) in _NUMBERS.items():
        value = fields.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = kind(value)
    if fields.get("stream") is True:
        found[names.REQUEST_STREAM] = True
    if isinstance(fields.get("n"), int) and fields["n"] != 1:
        found[names.REQUEST_CHOICE_COUNT] = fields["n"]
    stops = next((stop for name in _STOPS for stop in _texts(fields.get(name)) if stop), None)
    if stops is not None:
        found[names.REQUEST_STOP_SEQUENCES] = [
            stop[:_LONGEST] for name in _STOPS for stop in _texts(fields.get(name))
        ]
    return {**found, **_output_type(fields), **_conversation(fields)}


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [one for one in values if isinstance(one, str)]


def _output_type(fields: Mapping[str, Any]) -> Attributes:
    text = fields.get("text")
    form = fields.get("response_format") or (text.get("format") if isinstance(text, dict) else None)
    kind = form.get("type") if isinstance(form, dict) else None
    if kind in {"json_object", "json_schema"}:
        return {names.OUTPUT_TYPE: "json"}
    return {names.OUTPUT_TYPE: "text"} if kind == "text" else {}


def _conversation(fields: Mapping[str, Any]) -> Attributes:
    for name in _CONVERSATIONS:
        value = fields.get(name)
        id = value.get("id") if isinstance(value, dict) else value
        if isinstance(id, str) and id:
            return {names.CONVERSATION_ID: id[:_LONGEST]}
    return {}


def of_usage(usage: Mapping[str, Any]) -> Attributes:
    """What an answer used, beside the sums of its input and its output.

    Args:
        usage: Of a chat, a response or a message.
    """
    details = {
        names.USAGE_CACHE_READ: (
            ("prompt_tokens_details", "cached_tokens"),
            ("input_tokens_details", "cached_tokens"),
            ("cache_read_input_tokens",),
        ),
        names.USAGE_CACHE_CREATION: (("cache_creation_input_tokens",),),
        names.USAGE_REASONING: (
            ("completion_tokens_details", "reasoning_tokens"),
            ("output_tokens_details", "reasoning_tokens"),
        ),
    }
    found = {name: _first(usage, paths) for name, paths in details.items()}
    return {name: value for name, value in found.items() if value}


def _first(usage: Mapping[str, Any], paths: Iterable[tuple[str, ...]]) -> int | None:
    for path in paths:
        value: Any = usage
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, int):
            return value
    return None


def of_answer(begin: bytes, end: bytes) -> Attributes:
    """What an answer says of itself, out of its bytes: a whole one, or a stream.

    A quoted text has its quotes escaped, so nothing of these is found inside one.

    Args:
        begin: Its first bytes.
        end: Its last bytes, which may overlap with the first.
    """
    found: Attributes = {}
    id = _ID.search(begin)
    if id is not None:
        found[names.RESPONSE_ID] = id[1].decode()
    reasons = _FINISH.findall(end) or _STATUS.findall(end)[-1:]
    if reasons:
        found[names.RESPONSE_FINISH_REASONS] = [reason.decode() for reason in reasons]
    thread = _THREAD.search(end) or _THREAD.search(begin)
    if thread is not None:
        found[names.CONVERSATION_ID] = thread[1].decode("utf-8", "replace")
    return found
