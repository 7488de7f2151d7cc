"""From what the server knows and what the client told its caller, a verdict.

The server's side decides: what its threads and conversations hold, what the agent saw when it gave
the answer, how the run ended, what is still running. The client's words count only for what the
caller was told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure_agents.emulator import SeenTurn

    from .faults import Row

RIGHT, ERROR, NOT_MADE, NO_FEATURE = "right", "told", "-", "n/a"
SILENT, UNSAID, DOUBLED, LOST, MIXED = "SILENT", "UNSAID", "DOUBLED", "LOST", "MIXED"
RUNNING, LATE, HANGS, UNCLEAR = "LEFT RUNNING", "LATE", "HANGS", "UNCLEAR"
# Every word of the table, the harmless ones first, with what it means.
WORDS = {
    RIGHT: "the caller got the whole right answer (or was told of the function call, or left and "
    "nothing went on), and each thread or conversation holds each message once; an unused second "
    "answer costs tokens, no more",
    ERROR: "the caller was told: an exception, or a status other than completed on what the call "
    "returned",
    NOT_MADE: "the client makes no such request",
    NO_FEATURE: "the client has no such feature, or the service has none",
    SILENT: "success was reported, and the answer is missing, cut, or of a turn that went badly",
    UNSAID: "the stream just ended: no error, and only the missing last event tells that the "
    "answer is cut",
    DOUBLED: "a message or an answer stands twice on a thread or conversation, or the agent read "
    "it twice",
    LOST: "success was reported, and the agent did not see the question or a part of the history",
    MIXED: "the agent saw messages that are not in the caller's history",
    RUNNING: "a run goes on, or waits, on the server; nobody will come for it",
    LATE: "the caller's timeout was not kept",
    UNCLEAR: "an exception, but only that of the client's own code that stumbled",
    HANGS: "nothing came back within the program's limit",
}
HARMLESS = frozenset({RIGHT, ERROR, NOT_MADE, NO_FEATURE})

_STUMBLE = re.compile(r"object has no attribute|is not subscriptable|\b(?:Key|Type|Index)Error\b")

Spoken = tuple[str, str]  # role and text


@dataclass(frozen=True, slots=True)
class Told:
    """What the client told its caller.

    Attributes:
        text: The text of the answer.
        done: How it says the answer ended: ``"complete"``; a status or reason; empty if it says
            nothing.
        calls: Names of the functions that it says are called.
        error: Class and sentence of the exception.
        seconds: How long it took.
        missing: Why it cannot do this at all.
        hangs: Whether it never came back.
    """

    text: str = ""
    done: str = ""
    calls: tuple[str, ...] = ()
    error: str = ""
    seconds: float = 0.0
    missing: str = ""
    hangs: bool = False


@dataclass(frozen=True, slots=True)
class Log:
    """A thread or conversation, as the server keeps it."""

    id: str
    messages: tuple[Spoken, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What the server knows.

    Attributes:
        question: What the agent was asked last.
        history: The caller's messages, the question last.
        turns: What the agent saw, with how each turn ended.
        logs: The threads and conversations of the case.
        running: Runs that are still active.
        was_hit: Whether the planned fault met a request.
    """

    question: str
    history: tuple[Spoken, ...]
    turns: tuple[tuple[SeenTurn, str], ...]
    logs: tuple[Log, ...]
    running: tuple[str, ...]
    was_hit: bool


@dataclass(slots=True)
class Verdict:
    """The words of a cell, and the reasons for those that are not harmless."""

    words: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def add(self, word: str, reason: str = "") -> None:
        """Another word."""
        if word not in self.words:
            self.words.append(word)
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def is_harmless(self) -> bool:
        """Whether nobody comes to harm."""
        return HARMLESS.issuperset(self.words)


def judge(row: Row, told: Told, facts: Facts, *, keeps_history: bool) -> Verdict:
    """The verdict on one cell.

    Args:
        row: The row of the table.
        told: What the caller was told.
        facts: What the server knows.
        keeps_history: Whether this client keeps a history when nothing goes wrong. If it does
            not, that has rows of its own and is not held against it elsewhere.
    """
    verdict = Verdict()
    if told.missing:
        verdict.add(NO_FEATURE, told.missing)
    elif told.hangs:
        verdict.add(HANGS, f"nothing within {told.seconds:.0f} s")
    elif row.fault is not None and not facts.was_hit:
        verdict.add(NOT_MADE)
        return verdict
    else:
        _judge_answer(row, told, facts, verdict, keeps_history=keeps_history)
    _judge_server(told, facts, verdict)
    return verdict


def _judge_answer(
    row: Row, told: Told, facts: Facts, verdict: Verdict, *, keeps_history: bool
) -> None:
    if told.error:
        verdict.add(UNCLEAR if _STUMBLE.search(told.error) else ERROR, told.error)
        return
    if row.act == "leave":  # there is no answer; what counts is what the server does
        verdict.add(RIGHT)
        return
    if told.done not in {"", "complete"}:
        verdict.add(ERROR, f"told: {told.done}")
        return
    answered = _answered(told, facts)
    if answered is None:
        verdict.add(SILENT if told.done else UNSAID, _shortfall(told, facts))
        return
    _judge_transcript(answered, facts, verdict, keeps_history=keeps_history)
    if row.timeout is not None and told.seconds > 2 * row.timeout:
        verdict.add(LATE, f"answered after {told.seconds:.0f} s")
    if not verdict.words:
        verdict.add(RIGHT)


def _answered(told: Told, facts: Facts) -> SeenTurn | None:
    """The turn whose whole answer the caller got, with nothing left out."""
    for turn, status in reversed(facts.turns):
        if turn.reply is None or turn.last_user_text != facts.question:
            continue
        calls = tuple(call.name for call in turn.reply.tool_calls)
        is_whole = told.text.strip() == turn.reply.text.strip() and told.calls == calls
        if is_whole and status in {"completed", "requires_action"}:
            return turn
    return None


def _judge_transcript(
    turn: SeenTurn, facts: Facts, verdict: Verdict, *, keeps_history: bool
) -> None:
    seen = [(message.role, message.text) for message in turn.messages if message.text]
    wanted = facts.history if keeps_history else facts.history[-1:]
    lost = [text for role, text in wanted if (role, text) not in seen]
    if lost:
        verdict.add(LOST, f"the agent saw {_list(seen)}, not {_quote(lost[0])}")
    # Its own answer, from a first time that was not noticed, makes it DOUBLED and nothing else.
    known = {*facts.history, ("assistant", turn.reply.text if turn.reply else "")}
    foreign = [text for role, text in seen if (role, text) not in known]
    if keeps_history and foreign and not any(message.role == "tool" for message in turn.messages):
        verdict.add(MIXED, f"the agent saw {_quote(foreign[0])}")


def _judge_server(told: Told, facts: Facts, verdict: Verdict) -> None:
    for reason in _doubles(facts):
        verdict.add(DOUBLED, reason)
    if facts.running and not told.calls:
        verdict.add(RUNNING, f"{len(facts.running)} run still active")
    if len(verdict.words) > 1 and RIGHT in verdict.words:
        verdict.words.remove(RIGHT)


def _doubles(facts: Facts) -> Iterable[str]:
    for log in facts.logs:
        place = log.id.partition("_")[0]
        place = {"conv": "conversation"}.get(place, place)
        for (role, text), count in Counter(log.messages).items():
            if count > 1:
                yield f"{count} {role} messages {_quote(text)} on the {place}"
    for turn, _ in facts.turns:
        texts = Counter((one.role, one.text) for one in turn.messages if one.role == "user")
        for (_, text), count in texts.items():
            if count > 1:
                yield f"the agent read {_quote(text)} {count} times"


def _shortfall(told: Told, facts: Facts) -> str:
    """What the caller was told, and what is true."""
    how = "told as complete" if told.done else "and no word about its end"
    turns = [pair for pair in facts.turns if pair[0].last_user_text == facts.question]
    if not turns:
        return f"{_quote(told.text)} {how}; the agent was not asked"
    turn, status = turns[-1]
    if status in {"completed", "in_progress", "queued"}:
        return f"a part of the answer, {how}"
    kind = "run" if turn.run_id else "response"
    return f"{_quote(told.text)} {how}; the {kind} is `{status}`"


def _list(seen: Sequence[Spoken]) -> str:
    return ", ".join(_quote(text) for _, text in seen) or "nothing"


def _quote(text: str) -> str:
    shown = text if len(text) <= 34 else f"{text[:30]} …"
    return f"“{shown}”" if text else "no text"
