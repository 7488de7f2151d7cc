"""Text completions, on both surfaces.

Source: completions_legacy_gpt35 (whole, one prompt). Streams and lists of prompts were not
recorded: they follow those of chat, and OpenAI's description.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..agent.replies import Failed, Incomplete, Pause, Text
from ..agent.seen import SeenMessage, SeenTurn, count_prompt
from ..text import tokens
from ..world.exchange import Answer, Request
from ..world.limits import Kind, Limit, Number, check_values, wrong_type
from ..world.turns import Frame, Wait, frame
from . import filters
from .answer import TEXT_PARTS, Call, answered, paced
from .asked import asked_deployment, headers_of
from .chat_objects import finish_reason
from .quota import admit
from .refusals import invalid

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World
    from ..world.turns import Work

_OPTIONS: Mapping[str, Limit] = {
    "best_of": Number(1, 20),
    "echo": Kind("boolean"),
    "frequency_penalty": Number(-2, 2, "number"),
    "max_tokens": Number(0),
    "n": Number(1, 128),
    "presence_penalty": Number(-2, 2, "number"),
    "seed": Number(),
    "stream": Kind("boolean"),
    "stream_options": Kind("object"),
    "temperature": Number(0, 2, "number"),
    "top_p": Number(0, 1, "number"),
    "user": Kind("string"),
}
_KNOWN = frozenset((*_OPTIONS, "logit_bias", "logprobs", "model", "prompt", "stop", "suffix"))
_TOKENS = 16  # the most tokens of an answer, unless the request says otherwise


def create(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /openai/v1/completions; /openai/deployments/{deployment}/completions."""
    body = request.json()
    asked = asked_deployment(world, body, "completion", deployment)
    _check(body)
    budget = body.get("max_tokens", _TOKENS)
    seen = [_seen(world, asked, prompt) for prompt in _prompts(body.get("prompt"))]
    read = sum(count_prompt(one.messages) for one in seen)
    limits = admit(world, asked, read + budget * len(seen))
    id = world.ids.chat("cmpl")
    calls = [Call(id, world.now, asked, body, one, budget) for one in seen]
    return _start(world, calls, headers_of(asked) | limits)


def _check(body: JSON) -> None:
    for name in body:
        if name not in _KNOWN:
            raise invalid(f"Unrecognized request argument supplied: {name}")
    check_values(body, _OPTIONS, wrong_type)


def _prompts(given: Any) -> list[str]:
    """Read a prompt: a text, a list of texts, tokens, or a list of lists of tokens."""
    if given is None:
        return ["<|endoftext|>"]
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given:
        if all(isinstance(one, int) for one in given):
            return [_shown(given)]
        if all(isinstance(one, str | list) for one in given):
            return [one if isinstance(one, str) else _shown(one) for one in given]
    raise wrong_type("prompt", "string", given)


def _shown(numbers: Sequence[Any]) -> str:
    # The emulator has no vocabulary: tokens stay numbers.
    return " ".join(map(str, numbers))


def _seen(world: World, deployment: Deployment, prompt: str) -> SeenTurn:
    return SeenTurn(
        generation="text",
        agent=deployment.name,
        instructions=None,
        messages=(SeenMessage("user", prompt),),
        response_id=world.ids.chat("cmpl"),
    )


def _start(world: World, calls: list[Call], headers: dict[str, str]) -> Answer:
    first = calls[0]

    def drop() -> None:
        first.status = "failed"

    def refused() -> Problem | None:
        return next((call.problem for call in calls if call.problem is not None), None)

    turn = world.start(_stream(world, calls), status=lambda: first.status, drop=drop)
    if first.body.get("stream"):
        headers["content-type"] = "text/event-stream; charset=utf-8"
        return Answer(turn=turn, streamed=True, headers=headers, refused=refused)
    return Answer(turn=turn, headers=headers, render=lambda: _whole(calls), refused=refused)


def _whole(calls: list[Call]) -> JSON:
    return {
        **_head(calls[0]),
        "prompt_filter_results": _prompt_results(calls),
        "choices": [
            _choice(index, _text(call), finish_reason(call)) for index, call in _each(calls)
        ],
        "usage": _usage(calls),
    }


def _head(call: Call) -> JSON:
    named = {"id": call.id, "object": "text_completion", "created": call.created}
    return named | {"model": call.deployment.model}


def _each(calls: list[Call]) -> Iterator[tuple[int, Call]]:
    """Number the choices: `n` of them for each prompt."""
    more = calls[0].body.get("n") or 1
    return enumerate(call for call in calls for _ in range(more))


def _text(call: Call) -> str:
    echo = call.seen.last_user_text if call.body.get("echo") else ""
    return echo + call.text


def _choice(index: int, text: str, finish: str | None) -> JSON:
    is_filtered = finish == "content_filter"
    results = filters.filtered_prompt() if is_filtered else filters.plain_results()
    return {
        "text": text,
        "index": index,
        "finish_reason": finish,
        "logprobs": None,
        "content_filter_results": results,
    }


def _prompt_results(calls: list[Call]) -> list[JSON]:
    return [
        {"prompt_index": index, "content_filter_results": filters.plain_results()}
        for index, _ in enumerate(calls)
    ]


def _usage(calls: list[Call]) -> JSON:
    read = sum(call.prompt_tokens for call in calls)
    written = sum(call.output_tokens for _, call in _each(calls))
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _stream(world: World, calls: list[Call]) -> Work:
    for call in calls:
        yield from answered(world, call, TEXT_PARTS)
        if call.problem is not None:
            return
    head = _head(calls[0])
    yield frame("", head | {"prompt_filter_results": _prompt_results(calls), "choices": []})
    for index, call in _each(calls):
        yield from _pieces(world, call, index)
        if call.problem is not None:
            return
    if (calls[0].body.get("stream_options") or {}).get("include_usage"):
        yield frame("", head | {"choices": [], "usage": _usage(calls)})
    calls[0].status = "completed"
    yield Frame("", b"[DONE]")


def _pieces(world: World, call: Call, index: int) -> Work:
    head = _head(call)
    if call.body.get("echo"):
        echo = _choice(index, call.seen.last_user_text, None)
        yield frame("", head | {"choices": [echo]})
    for part in call.parts:
        if isinstance(part, Pause):
            yield Wait(part.seconds)
        for piece in _said(part):
            choice = _choice(index, piece, None)
            yield from paced(world, frame("", head | {"choices": [choice]}))
        if isinstance(part, Failed):
            yield frame("", call.fail(part).body)
            return
    yield frame("", head | {"choices": [_choice(index, "", finish_reason(call))]})


def _said(part: Part) -> Sequence[str]:
    if isinstance(part, Text) and part.deltas:
        return part.deltas
    return tokens.pieces(part.text) if isinstance(part, Text | Failed | Incomplete) else ()
