"""Chat completions, on both surfaces.

Sources: chat_plain_gpt4o_dated, chat_parallel_tools_gpt5nano_dated, chat_stream_dated_gpt41mini,
chat_tool_stream_dated, chat_json_schema_gpt4o, chat_o1_max_completion_tokens_length,
chat_completion_content_filtered, chat_vision_gpt4o_dated.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..agent.seen import SeenTurn, count_prompt, read_choice, read_schema, read_tools
from ..world.exchange import Answer, Request
from .answer import Call
from .asked import asked_deployment
from .chat_checks import check_chat
from .forms import form_of
from .quota import admit
from .reading import read_messages
from .refusals import failed, prompt_filtered, with_limits

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World

_ESTIMATE = 16  # tokens of an answer without a limit, for the limits of a deployment: documented


def create(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /openai/v1/chat/completions; /openai/deployments/{deployment}/chat/completions."""
    return _start(world, *accept(world, request.json(), deployment))


def accept(world: World, body: JSON, deployment: str | None = None) -> tuple[Call, dict[str, str]]:
    """Check a request, and return the call that it makes, with the headers of its limits.

    Raises:
        Problem: The deployment does not take it.
    """
    asked = asked_deployment(world, body, "chatCompletion", deployment)
    check_chat(body, asked.model)
    seen = _seen(world, asked, body)
    budget = body.get("max_completion_tokens") or body.get("max_tokens")
    estimate = count_prompt(seen.messages) + (budget or _ESTIMATE)
    too_many = form_of(asked).too_many
    limits = admit(world, asked, estimate, too_many)
    blocked_by = asked.blocked_by(seen.last_user_text)
    if blocked_by:
        raise with_limits(prompt_filtered(blocked_by), limits)
    refuse = partial(failed, refuse=too_many)
    return Call(str(seen.response_id), world.now, asked, body, seen, budget, refuse), limits


def _seen(world: World, deployment: Deployment, body: JSON) -> SeenTurn:
    return SeenTurn(
        generation="chat",
        agent=deployment.name,
        instructions=None,
        messages=read_messages(body["messages"]),
        response_id=world.ids.chat(),
        metadata=dict(body.get("metadata") or {}),
        tools=read_tools(body.get("tools") or ()),
        tool_choice=read_choice(body.get("tool_choice")),
        parallel_tool_calls=body.get("parallel_tool_calls") is not False,
        schema=read_schema(body.get("response_format")),
    )


def _start(world: World, call: Call, limits: dict[str, str]) -> Answer:
    def drop() -> None:
        call.status = "failed"

    form = form_of(call.deployment)
    turn = world.start(form.stream(world, call), status=lambda: call.status, drop=drop)
    headers = form.headers(call.deployment) | limits

    def refused() -> Problem | None:
        return with_limits(call.problem, limits) if call.problem else None

    if call.body.get("stream"):
        headers["content-type"] = "text/event-stream; charset=utf-8"
        return Answer(turn=turn, streamed=True, headers=headers, refused=refused)
    return Answer(
        turn=turn,
        headers=headers,
        render=lambda: form.whole(call),
        refused=refused,
    )
