"""Where to continue, and what to send: a pure decision over the messages of a call.

The candidates are the assistant messages that carry an anchor of this endpoint and agent whose
digest matches the history before them. The newest *ready* one is the continuation point: what
follows it answers all its tool calls and answers nothing older. A chain (`previous_response_id`)
may step back to an older ready anchor, since branches are free; an append-only thread may not,
since only its head can be continued. Everything else starts anew with the whole history.

Calls the history never answers are not sent, and neither are empty messages. Of several results of
one call the one that was sent holds: the last before the next answer. A result whose call is not
there (a history that was cut) is told in words, and is an error where it is new: no service could
place it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..content.wording import result_text
from ..errors import InvalidRequestError
from ..events import ApprovalRequest
from ..messages import ComputerAnswer, Message, assistant
from ..settings.anchor_key import AnchorKey
from .anchor import Anchor, parse_anchor
from .approvals import Telling, each_once, fresh_decisions, last_answer, may_send
from .call_ids import told_apart
from .computer import with_computer_told
from .digest import TranscriptDigest, system_digest

RESPONSES = ("resp_", "wfresp_", "caresp_")  # prompt, workflow and hosted agents


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with one call.

    Attributes:
        anchor: Where to continue; None: start anew with `whole`.
        suffix: What to send when continuing.
        whole: What to send when starting anew (also after a refused continuation).
        submits: The suffix is exactly the tool outputs the paused run of `anchor` waits for.
        cancels: A paused run that this call supersedes.
        transcript: Digest of the whole history, to be extended by the answer.
    """

    anchor: Anchor | None
    suffix: tuple[Message, ...]
    whole: tuple[Message, ...]
    transcript: TranscriptDigest
    submits: bool = False
    cancels: Anchor | None = None


_ON_THE_THREAD = -1  # where a pinned thread holds the call and the caller does not
_SUPERSEDED = Message("user")  # the result of a call that has another one: nothing is sent


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    anchor: Anchor


class _History:
    """The messages of a call, with every tool result paired to the call it answers."""

    def __init__(self, given: Sequence[Message], *, allow_orphans: bool = False) -> None:
        self.messages = messages = told_apart(each_once(given))
        self.call_of: dict[int, int] = {}  # index of a tool message -> index of the call's message
        self._result_of: dict[tuple[int, str], int] = {}  # a call -> index of the result that holds
        self._computer: set[tuple[int, str]] = set()  # calls that a screenshot answers
        self._lost: set[int] = set()  # results whose calls are not there
        said = (i for i, m in enumerate(messages) if m.role in ("assistant", "user"))
        self._newest = max(said, default=-1)  # results behind it are new
        self._allow_orphans = allow_orphans
        self._telling = Telling(messages)
        self._pair()
        self._oldest_after = self._oldest_answered()

    def _pair(self) -> None:
        made: dict[str, int] = {}
        answer = -1  # the last assistant message before
        for index, message in enumerate(self.messages):
            for call in message.tool_calls:
                made[call.id] = index
                if call.kind == "computer":
                    self._computer.add((index, call.id))
            if message.role == "assistant":
                answer = index
            if message.role == "tool":
                self._answer(index, message.tool_call_id or "", made, answer)

    def _answer(self, index: int, call_id: str, made: dict[str, int], answer: int) -> None:
        may_be_there = self._allow_orphans and call_id != ""
        caller = made.get(call_id, _ON_THE_THREAD if may_be_there else None)
        if caller is None:
            self._lose(index, call_id)
            return
        before = self._result_of.setdefault((caller, call_id), index)
        if before != index and answer < before:
            self._result_of[caller, call_id] = index  # nobody was told the other one yet
            self.call_of.pop(before)
        if self._result_of[caller, call_id] == index:
            self.call_of[index] = caller

    def _lose(self, index: int, call_id: str) -> None:
        if index > self._newest:
            raise InvalidRequestError(
                f"message {index} is the result of tool call {call_id!r}, which no message before "
                "it makes: keep the assistant message with the call in the history"
            )
        self._lost.add(index)

    def _oldest_answered(self) -> list[int]:
        """Behind each message: the oldest message whose calls are answered there."""
        oldest = [len(self.messages)]
        for index in range(len(self.messages) - 1, 0, -1):
            oldest.append(min(oldest[-1], self.call_of.get(index, oldest[-1])))
        oldest.reverse()
        return oldest

    def is_ready(self, point: int) -> bool:
        """What follows `point` answers all its calls and nothing older."""
        calls = self.messages[point].tool_calls
        if not all((point, call.id) in self._result_of for call in calls):
            return False
        return self._oldest_after[point] >= point

    def whole(self) -> tuple[Message, ...]:
        """The messages, without empty ones and calls that are never answered; all is told."""
        return self._kept(0, lambda index: with_computer_told(self._told(index)))

    def whole_but(self, requests: Sequence[str]) -> tuple[Message, ...]:
        """The same, but for requests that go out as what they are, and this call's decisions."""
        point = last_answer(self.messages)

        def told(index: int) -> Message:
            keep = requests if index >= point else ()
            return with_computer_told(self._telling.told(index, self._clean(index), keep))

        return self._kept(0, told)

    def last(self) -> int:
        """The last message that has something to send."""
        indices = range(len(self.messages) - 1, -1, -1)
        return next((index for index in indices if not self._clean(index).is_empty), -1)

    def after(self, point: int) -> tuple[Message, ...]:
        """The same behind `point`, where the server can take what follows right behind it.

        That is so for decisions, too, unless an answer follows: then they were taken, or told.
        Given again, a tool would run again.
        """
        is_answered = last_answer(self.messages) > point
        return self._behind(point, self._told if is_answered else self._clean)

    def told_after(self, point: int) -> tuple[Message, ...]:
        """The same, for a server that waits for no decision."""
        return self._behind(point, self._told)

    def _behind(self, point: int, form: Callable[[int], Message]) -> tuple[Message, ...]:
        messages = self.messages
        later = range(point + 1, len(messages))
        told = next((i for i in later if messages[i].role == "assistant"), len(messages))
        return self._kept(
            point + 1, lambda i: with_computer_told(form(i)) if i >= told else form(i)
        )

    def _kept(self, start: int, form: Callable[[int], Message]) -> tuple[Message, ...]:
        messages = map(form, range(start, len(self.messages)))
        return tuple(m for m in messages if m.asks or not m.is_empty)

    def _told(self, index: int) -> Message:
        return self._telling.told(index, self._clean(index))

    def _clean(self, index: int) -> Message:
        message = self.messages[index]
        if message.role == "tool":
            return self._clean_result(index, message)
        if not message.tool_calls:
            return message
        answered = tuple(c for c in message.tool_calls if (index, c.id) in self._result_of)
        if len(answered) == len(message.tool_calls):
            return message
        return replace(message, tool_calls=answered)

    def _clean_result(self, index: int, message: Message) -> Message:
        if index in self._lost:
            return assistant(result_text(message))  # no words of the user: no orders
        if index not in self.call_of:
            return _SUPERSEDED
        return self._screenshot(index, message) if message.computer is None else message

    def _screenshot(self, index: int, message: Message) -> Message:
        """The message; as an answer to a computer call, if it is the result of one."""
        if (self.call_of[index], message.tool_call_id) not in self._computer:
            return message
        return replace(message, computer=ComputerAnswer())

    def answers_exactly(self, point: int) -> bool:
        """What follows `point`, system messages aside, is the results of all its calls."""
        rest = {
            index: message
            for index in range(point + 1, len(self.messages))
            if not (message := self._clean(index)).is_empty and message.role != "system"
        }
        are_answers = (m.is_approval or self.call_of.get(i) == point for i, m in rest.items())
        return bool(rest) and all(are_answers) and self.is_ready(point)


def plan_chain(messages: Sequence[Message], scope: str, key: AnchorKey | None = None) -> Plan:
    """Plan a turn on a v2 chain: the newest ready anchor with something to send after it."""
    history = _History(messages)
    candidates, transcript = _candidates(messages, scope, key, RESPONSES, with_system=True)
    whole, last = _something(history.whole()), history.last()
    for candidate in candidates:
        if candidate.index < last and history.is_ready(candidate.index):
            return Plan(candidate.anchor, history.after(candidate.index), whole, transcript)
    return Plan(None, (), whole, transcript)


def plan_ephemeral(
    messages: Sequence[Message], scope: str, key: AnchorKey | None, *, sends: bool
) -> tuple[Message, ...]:
    """What to send where nothing is stored: the whole history.

    Args:
        messages: The history of the call.
        scope: What requests must be bound to.
        key: What they must be sealed with, if with anything.
        sends: Whether decisions that end the history are sent as decisions, with the requests
            they answer; else they are told.
    """
    decided = {reply.request_id for reply in fresh_decisions(messages)} if sends else set()
    asked = messages[last_answer(messages)].asks if decided else ()
    sent = [
        ask.id
        for ask in asked
        if isinstance(ask, ApprovalRequest) and ask.id in decided and may_send(ask, scope, key)
    ]
    return _something(_History(messages).whole_but(sent))


def plan_thread(
    messages: Sequence[Message],
    scope: str,
    key: AnchorKey | None = None,
    *,
    prefix: str,
    with_system: bool,
) -> Plan:
    """Plan a turn on an append-only thread: the newest anchor or none.

    Args:
        messages: The history of the call.
        scope: What anchors must be bound to.
        key: What anchors must be sealed with, if with anything.
        prefix: ``thread_`` or ``conv_``: the kind of thread to continue.
        with_system: Whether system messages are stored in the thread (conversations) or travel
            with every run (classic).
    """
    history = _History(messages)
    candidates, transcript = _candidates(messages, scope, key, (prefix,), with_system=with_system)
    plan = Plan(None, (), _something(history.whole()), transcript)
    if not candidates:
        return plan
    point, anchor = candidates[0].index, candidates[0].anchor
    if anchor.pending:
        return _plan_pending(plan, history, point, anchor)
    if not history.is_ready(point):
        return plan
    # A classic run takes decisions only while it waits for them.
    suffix = history.after(point) if with_system else history.told_after(point)
    if with_system and not suffix:
        return plan  # a conversation has nothing new to answer: replay, so that it is asked again
    return replace(plan, anchor=anchor, suffix=suffix)


def _plan_pending(plan: Plan, history: _History, point: int, anchor: Anchor) -> Plan:
    same_system = (system_digest(history.messages) or NO_SYSTEM) == anchor.pending
    if not same_system or not history.answers_exactly(point):
        return replace(plan, cancels=anchor)
    outputs = tuple(m for m in history.after(point) if m.role != "system")
    return replace(plan, anchor=anchor, suffix=outputs, submits=True)


NO_SYSTEM = "no-system--"  # `Anchor.pending` of a run without system messages; never a digest


def plan_pinned(messages: Sequence[Message]) -> tuple[Message, ...]:
    """What a pinned thread does not hold yet: everything after the last assistant message."""
    history = _History(messages, allow_orphans=True)
    return history.after(last_answer(messages))


def _candidates(
    messages: Sequence[Message],
    scope: str,
    key: AnchorKey | None,
    prefixes: tuple[str, ...],
    *,
    with_system: bool,
) -> tuple[list[_Candidate], TranscriptDigest]:
    """All anchors that may be believed, newest first, and the digest of the whole history."""
    found: list[_Candidate] = []
    running = TranscriptDigest(with_system=with_system)
    for index, message in enumerate(messages):
        running.add(message)
        if message.anchor is None or message.role != "assistant":
            continue
        anchor = parse_anchor(message.anchor)
        if anchor is None or not anchor.thread.startswith(prefixes):
            continue
        if anchor.digest == running.digest() and anchor.is_of(scope, key):
            found.append(_Candidate(index, anchor))
    found.reverse()
    return found, running


def _something(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    if not messages:
        raise InvalidRequestError("every message is empty: give at least one with text or media")
    return messages
