"""Chats with models of Foundry that are not OpenAI's: Grok, Llama, Mistral and others.

Their answers have no filter results and their streams no first chunk without choices; a call of a
function comes whole, in one delta. Sources: models_api_tool_stream_grok,
models_api_parallel_tools_grok, models_api_vision_grok, error_429_rate_limit_models_api, all of
Grok: that other models answer alike, and how a text is streamed, is a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..agent.replies import Failed, Pause
from ..world import problems
from ..world.turns import Frame, Wait, frame
from . import asked
from .answer import answered, paced
from .chat_objects import finish_reason
from .chat_stream import said_pieces

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.seen import SeenCall
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World
    from ..world.turns import Work
    from .answer import Call

_TIER = {"system_fingerprint": "fp_49c5j0a323", "service_tier": "default"}
_TIERS = {
    "azureai-fe-is-streaming": "False",  # recorded of streams, too
    "azureai-fe-offer-type": "paygo",
    "azureai-processed-tier": "default",
    "azureai-requested-tier": "default",
}
_IMAGE_TOKENS = 256


def completion(call: Call) -> JSON:
    """Build a whole answer."""
    return {
        "id": call.id,
        "model": call.deployment.model,
        "choices": [_choice(call, index) for index in range(call.body.get("n") or 1)],
        "usage": {**_counts(call), "audio_prompt_tokens": 0, **_details(call)},
        "created": call.created,
        "object": "chat.completion",
        "prompt_filter_results": None,
    }


def headers_of(deployment: Deployment) -> dict[str, str]:
    """Build the headers that answers have beside ids and limits."""
    return asked.headers_of(deployment) | _TIERS | {"x-ms-rai-invoked": "false"}


def _choice(call: Call, index: int) -> JSON:
    message: JSON = {"role": "assistant", "content": call.text}
    if call.calls:
        message["tool_calls"] = _calls(call, ("id", "index", "type", "function"))
    choice: JSON = {"index": index, "message": message, "finish_reason": finish_reason(call)}
    # Recorded: filters are named, without results, where a prompt has images.
    return choice | ({"content_filter_results": {}} if _images(call) else {})


def _calls(call: Call, order: tuple[str, ...]) -> list[JSON]:
    return [_ordered(index, one, order) for index, one in enumerate(call.calls)]


def _ordered(index: int, one: SeenCall, order: tuple[str, ...]) -> JSON:
    function = {"name": one.name, "arguments": one.arguments}
    made = {"id": one.id, "index": index, "type": "function", "function": function}
    return {key: made[key] for key in order}


def _images(call: Call) -> int:
    return sum(media.kind == "image" for one in call.seen.messages for media in one.media)


def _counts(call: Call) -> JSON:
    read = call.prompt_tokens + _IMAGE_TOKENS * _images(call)
    written = call.output_tokens * (call.body.get("n") or 1)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
    }


def _details(call: Call) -> JSON:
    return {
        "prompt_tokens_details": {
            "text_tokens": call.prompt_tokens,
            "audio_tokens": 0,
            "image_tokens": _IMAGE_TOKENS * _images(call),
            "cached_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": call.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "num_sources_used": 0,
    }


def stream(world: World, call: Call) -> Work:
    """Answer a call; its frames are the chunks of its stream."""
    yield from answered(world, call)
    if call.problem is not None:
        return
    for index in range(call.body.get("n") or 1):
        yield from _streamed_choice(world, call, index)
        if call.problem is not None:
            return
    if (call.body.get("stream_options") or {}).get("include_usage"):
        usage = {**_counts(call), **_details(call), "cost_in_usd_ticks": 0}
        yield frame("", _chunk(call, [], {"usage": usage}))
    call.status = "completed"
    yield Frame("", b"[DONE]")


def _streamed_choice(world: World, call: Call, index: int) -> Work:
    opening: JSON = {"role": "assistant"}
    for part in call.parts:
        if isinstance(part, Pause):
            yield Wait(part.seconds)
        for delta in said_pieces(part):
            yield from paced(world, frame("", _delta(call, index, opening | delta)))
            opening = {}
        if isinstance(part, Failed):
            yield frame("", call.fail(part).body)
            return
    if call.calls or opening:
        calls = _calls(call, ("id", "function", "index", "type"))
        called = {"tool_calls": calls} if calls else {"content": ""}
        yield frame("", _delta(call, index, opening | called))
    yield frame("", _delta(call, index, {}, finish_reason(call)))


def _delta(call: Call, index: int, delta: JSON, finish: str | None = None) -> JSON:
    ended: JSON = {} if finish is None else {"finish_reason": finish}
    return _chunk(call, [{"index": index, "delta": delta, **ended}], {})


def _chunk(call: Call, choices: list[JSON], more: JSON) -> JSON:
    made: dict[str, Any] = {
        "id": call.id,
        "object": "chat.completion.chunk",
        "created": call.created,
        "model": call.deployment.model,
        "choices": choices,
    }
    return made | more | _TIER


def too_many(deployment: Deployment, milliseconds: int, _: dict[str, str]) -> Problem:
    """Build the 429 of a model over its limit: it tells no limits, and no milliseconds."""
    name = deployment.model
    message = (
        f"Your requests to {deployment.name} for {name} in westeurope have exceeded rate limit."
    )
    error = {"code": "RateLimitReached", "message": message, "details": message}
    waits = {"retry-after": str(-(-milliseconds // 1000)), "retry-after-ms": "0"}
    kind = {"content-type": "application/json; charset=utf-8"}
    refused = problems.Problem(429, {"error": error}, headers=kind | waits | _TIERS)
    refused.has_request_id = False
    return refused
