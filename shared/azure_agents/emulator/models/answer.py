"""The answer of one call of a deployment, whatever its form on the wire: parts, end, usage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..agent.replies import (
    Empty,
    Failed,
    Incomplete,
    Pause,
    Text,
    ToolCalls,
    limited,
    said,
)
from ..agent.seen import SeenCall, SeenReply, count_prompt
from ..agent.server_tools import Reasoning, Refusal
from ..text import tokens
from ..world.turns import AskAgent, Wait
from .refusals import failed

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..agent.seen import SeenTurn
    from ..world.deployments import Deployment
    from ..world.problems import Problem
    from ..world.state import World
    from ..world.turns import Frame, Work

# Deployments run no tools of their own.
TEXT_PARTS: tuple[type[Part], ...] = (Text, Failed, Incomplete, Empty, Pause)
CHAT_PARTS: tuple[type[Part], ...] = (*TEXT_PARTS, ToolCalls, Refusal, Reasoning)


@dataclass(slots=True)
class Call:
    """One call of a deployment, until it is answered.

    Attributes:
        id: The id of the answer.
        body: The request's.
        budget: Most tokens of the answer; None is no limit.
        refuse: Builds the error of a script that fails, from its code and message.
        counts: The names of the tokens read and written, as usage has them.
        new_call_id: Makes the id of a call of a function; None makes one of OpenAI's.
        parts: What the deployment answers; none until it has.
        calls: The functions that it calls, with their ids.
        prompt_tokens: Tokens read.
        output_tokens: Tokens written, those of reasoning among them.
        reasoning_tokens: Tokens of reasoning.
        blocked_by: The id of the blocklist that has a word of the answer.
        problem: The error that the call ends in.
        status: ``in_progress``, ``completed`` or ``failed``.
    """

    id: str
    created: int
    deployment: Deployment
    body: JSON
    seen: SeenTurn
    budget: int | None = None
    refuse: Callable[[str, str], Problem] = failed
    counts: tuple[str, str] = ("prompt_tokens", "completion_tokens")
    new_call_id: Callable[[], str] | None = None
    parts: tuple[Part, ...] = ()
    calls: tuple[SeenCall, ...] = ()
    prompt_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    blocked_by: str = ""
    problem: Problem | None = None
    status: str = "in_progress"

    @property
    def text(self) -> str:
        """Everything that it says; what it refuses to do is a text of its own."""
        return said([part for part in self.parts if not isinstance(part, Refusal)])

    @property
    def refusal(self) -> str:
        """The reason why it declines; "" if it does not."""
        return "".join(part.text for part in self.parts if isinstance(part, Refusal))

    @property
    def is_filtered_late(self) -> bool:
        """Whether filters look at the answer only after it was sent."""
        return self.deployment.async_filter and bool(self.body.get("stream"))

    @property
    def stopped_by(self) -> str:
        """Why the answer ends early: ``max_output_tokens``, ``content_filter``, or ""."""
        early = (part.reason for part in self.parts if isinstance(part, Incomplete))
        return next(early, "")

    def fail(self, part: Failed) -> Problem:
        """Note that the call fails, and return the error."""
        self.status, self.problem = "failed", self.refuse(part.code, part.message)
        return self.problem


def answered(world: World, call: Call, kinds: tuple[type[Part], ...] = CHAT_PARTS) -> Work:
    """Ask the deployment, and note its answer; what is left to do is to send it.

    Leading pauses pass here: a deployment that fails after them has sent nothing yet.

    Args:
        world: The state.
        call: What is asked; it gets the answer.
        kinds: The kinds of parts that an answer of this operation has a form for.
    """
    parts = yield AskAgent(call.seen, call.deployment.responder)
    parts = world.injector.fail_at_random(parts)
    _check_parts(parts, kinds)
    _note(world, call, _filtered(call, _within(parts, call.budget)))
    waits = [part.seconds for part in _leading_pauses(call.parts)]
    waits.append(world.injector.weather.slow_start)
    for seconds in filter(None, waits):
        yield Wait(seconds)
    call.parts = call.parts[len(waits) - 1 :]
    if call.parts and isinstance(call.parts[0], Failed) and not call.parts[0].text:
        call.fail(call.parts[0])


def _check_parts(parts: Sequence[Part], kinds: tuple[type[Part], ...]) -> None:
    for part in parts:
        if not isinstance(part, kinds):
            raise TypeError(
                f"this deployment cannot answer with {part!r}; use one of "
                f"{', '.join(kind.__name__ for kind in kinds)}"
            )


def _leading_pauses(parts: Sequence[Part]) -> Iterator[Pause]:
    for part in parts:
        if not isinstance(part, Pause):
            return
        yield part


def _within(parts: tuple[Part, ...], budget: int | None) -> tuple[Part, ...]:
    """Cut an answer where its token budget ends; reasoning is paid first."""
    if budget is None:
        return parts
    left = budget - sum(part.tokens for part in parts if isinstance(part, Reasoning))
    if left > 0:
        return limited(parts, left)
    # Recorded (chat_o1_max_completion_tokens_length): all of the budget is reasoning.
    return (Reasoning(tokens=budget), Incomplete("max_output_tokens"))


def _filtered(call: Call, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """End an answer where a word of a blocklist begins, unless it is looked at later."""
    text = said(parts)
    call.blocked_by = call.deployment.blocked_by(text)
    if not call.blocked_by or call.is_filtered_late:
        return parts
    thoughts = (part for part in parts if isinstance(part, Reasoning))
    # How much of a blocked answer a stream has sent before its end was not recorded.
    return (*thoughts, Incomplete("content_filter"))


def _note(world: World, call: Call, parts: tuple[Part, ...]) -> None:
    call.parts = parts
    made = (one for part in parts if isinstance(part, ToolCalls) for one in part.calls)
    new_id = call.new_call_id or partial(world.ids.classic, "call")
    call.calls = tuple(SeenCall(id or new_id(), name, arguments) for name, arguments, id in made)
    call.prompt_tokens = count_prompt(call.seen.messages, call.seen.instructions)
    call.reasoning_tokens = sum(part.tokens for part in parts if isinstance(part, Reasoning))
    called = sum(tokens.count(one.name) + tokens.count(one.arguments) for one in call.calls)
    call.output_tokens = tokens.count(said(parts)) + called + call.reasoning_tokens
    error = next((part.code for part in parts if isinstance(part, Failed)), None)
    usage = dict(zip(call.counts, (call.prompt_tokens, call.output_tokens), strict=True))
    reply = SeenReply(said(parts), call.calls, error)
    world.seen.append(call.seen.answered(reply, usage))


def paced(world: World, frame: Frame) -> Work:
    """Yield a piece of text, then the pause that the weather puts behind it."""
    yield frame
    pause = world.injector.pause_after("text.delta")
    if pause:
        yield Wait(pause)
