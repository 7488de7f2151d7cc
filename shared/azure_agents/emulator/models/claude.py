"""Claude in Foundry: messages, and the count of their tokens.

Bodies are those that Anthropic's service answers with; they were recorded there
(recordings/models/claude), and Foundry is documented to pass them on. Its headers are documented:
`request-id` and `apim-request-id`, no limits.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..agent.seen import SeenTurn, count_prompt
from ..world.exchange import Answer, Request
from .answer import Call
from .asked import asked_deployment
from .claude_checks import check_messages_request
from .claude_objects import blocks, message, stop_reason, usage
from .claude_reading import (
    read_claude_choice,
    read_claude_schema,
    read_claude_tools,
    read_turns,
    text_of,
)
from .claude_refusals import failed, invalid, too_many
from .claude_stream import stream_message
from .quota import admit

_WINDOW = 200_000  # tokens; recorded of claude-haiku-4-5

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World


def create(world: World, request: Request) -> Answer:
    """POST /anthropic/v1/messages."""
    body = _checked(world, request)
    asked = asked_deployment(world, body, "messages")
    seen = _seen(world, asked, body)
    budget = body["max_tokens"]
    _check_length(world, seen)
    admit(world, asked, count_prompt(seen.messages) + budget, too_many(world))
    call = Call(
        id=str(seen.response_id),
        created=world.now,
        deployment=asked,
        body=body,
        seen=seen,
        budget=budget,
        refuse=failed(world),
        counts=("input_tokens", "output_tokens"),
        new_call_id=partial(world.ids.claude, "toolu"),
    )
    return _start(world, call)


def _check_length(world: World, seen: SeenTurn) -> None:
    count = count_prompt(seen.messages, seen.instructions)
    if count > _WINDOW:
        raise invalid(world, f"prompt is too long: {count} tokens > {_WINDOW} maximum")


def count_tokens(world: World, request: Request) -> Answer:
    """POST /anthropic/v1/messages/count_tokens."""
    body = _checked(world, request, counts=True)
    seen = _seen(world, asked_deployment(world, body, "messages"), body)
    count = count_prompt(seen.messages, seen.instructions)
    return Answer({"input_tokens": count}, headers=_headers(world))


def _checked(world: World, request: Request, *, counts: bool = False) -> JSON:
    refuse = partial(invalid, world)
    if "anthropic-version" not in request.headers:
        raise refuse("anthropic-version: header is required")
    body = request.json()
    betas = request.headers.get("anthropic-beta", "")
    check_messages_request(body, refuse, betas=betas, counts=counts)
    return body


def _headers(world: World) -> dict[str, str]:
    # The gateway's id of other deployments is not there.
    named = {"content-type": "application/json", "request-id": world.ids.claude("req")}
    return named | {"x-request-id": ""}


def _seen(world: World, deployment: Deployment, body: JSON) -> SeenTurn:
    choice = body.get("tool_choice")
    return SeenTurn(
        generation="messages",
        agent=deployment.name,
        instructions=text_of(body.get("system")) or None,
        messages=read_turns(body["messages"]),
        response_id=world.ids.claude("msg"),
        metadata=dict(body.get("metadata") or {}),
        tools=read_claude_tools(body.get("tools") or ()),
        tool_choice=read_claude_choice(choice),
        parallel_tool_calls=not (choice or {}).get("disable_parallel_tool_use"),
        schema=read_claude_schema(body),
    )


def _start(world: World, call: Call) -> Answer:
    def drop() -> None:
        call.status = "failed"

    def refused() -> Problem | None:
        return call.problem

    turn = world.start(stream_message(world, call), status=lambda: call.status, drop=drop)
    headers = _headers(world)
    if call.body.get("stream"):
        headers["content-type"] = "text/event-stream; charset=utf-8"
        return Answer(turn=turn, streamed=True, headers=headers, refused=refused)
    return Answer(turn=turn, headers=headers, render=lambda: _whole(call), refused=refused)


def _whole(call: Call) -> JSON:
    return message(call, blocks(call), stop_reason(call), usage(call, call.output_tokens))
