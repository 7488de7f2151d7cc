"""The objects of a chat: a completion, its choices, messages and usage, keys in recorded order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import filters
from .chat_audio import audio_of, audio_tokens, is_spoken
from .families import reasons
from .logprobs import logprobs_of

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .answer import Call


def completion(call: Call) -> JSON:
    """Build a whole answer; all of its choices are the same."""
    return {
        "choices": [_choice(call, index) for index in range(call.body.get("n") or 1)],
        "created": call.created,
        "id": call.id,
        "model": call.deployment.model,
        "object": "chat.completion",
        "prompt_filter_results": prompt_results(call),
        "system_fingerprint": fingerprint(call),
        "usage": usage(call),
    }


def _choice(call: Call, index: int) -> JSON:
    return {
        "content_filter_results": _results(call),
        "finish_reason": finish_reason(call),
        "index": index,
        "logprobs": logprobs_of(call, call.text),
        "message": _message(call),
    }


def _results(call: Call) -> JSON:
    if call.stopped_by == "content_filter":
        return filtered_results(call)
    # Recorded: nothing is told of calls and of empty answers.
    return passed_results(call) if call.text and not call.calls else {}


def filtered_results(call: Call) -> JSON:
    """Build the results of an answer that a filter ended."""
    return filters.answer_results(is_filtered=True, blocked_by=call.blocked_by)


def passed_results(call: Call) -> JSON:
    """Build the results of an answer in which filters found nothing."""
    return filters.answer_results(has_lists=bool(call.deployment.blocklists))


def _message(call: Call) -> JSON:
    message: JSON = {"annotations": []}
    if call.stopped_by != "content_filter":  # recorded: a filtered answer has no content at all
        is_silent = bool(call.calls or call.refusal) and not call.text
        message["content"] = None if is_silent or is_spoken(call) else call.text
    message |= {"refusal": call.refusal or None, "role": "assistant"}
    if is_spoken(call):
        message["audio"] = audio_of(call)
    if call.calls:
        message["tool_calls"] = [tool_call(*one) for one in call.calls]
    return message


def tool_call(id: str, name: str, arguments: str) -> JSON:
    """Build a call of a function."""
    return {"function": {"arguments": arguments, "name": name}, "id": id, "type": "function"}


def finish_reason(call: Call) -> str:
    """Return why the answer ends: a named function ends with ``stop``, as recorded."""
    if call.stopped_by:
        return "length" if call.stopped_by == "max_output_tokens" else "content_filter"
    is_named = isinstance(call.body.get("tool_choice"), dict)
    return "tool_calls" if call.calls and not is_named else "stop"


def prompt_results(call: Call) -> list[JSON]:
    """Build the results of the prompt's filters."""
    has_images = any(
        media.kind == "image" for message in call.seen.messages for media in message.media
    )
    has_lists = bool(call.deployment.blocklists)
    return filters.prompt_results(has_images=has_images, has_lists=has_lists)


def fingerprint(call: Call) -> str | None:
    """Return the fingerprint of the system; recorded: gpt-5 has none."""
    return None if "gpt-5" in call.deployment.model and reasons(call.deployment.model) else _PRINT


_PRINT = "fp_b6f445fc1c"


def usage(call: Call) -> JSON:
    """Build the token counts, of all choices together."""
    choices, sound = call.body.get("n") or 1, audio_tokens(call)
    output = (call.output_tokens + sound) * choices
    counts: dict[str, Any] = {"completion_tokens": output}
    counts["completion_tokens_details"] = {
        "accepted_prediction_tokens": 0,
        "audio_tokens": sound * choices,
        "reasoning_tokens": call.reasoning_tokens,
        "rejected_prediction_tokens": 0,
    }
    counts["prompt_tokens"] = call.prompt_tokens
    counts["prompt_tokens_details"] = {"audio_tokens": 0, "cached_tokens": 0}
    return counts | {"total_tokens": call.prompt_tokens + output}
