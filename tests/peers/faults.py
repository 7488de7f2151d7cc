"""What goes wrong, one thing at a time: the rows of the table.

A row says what the client is made to do, and what happens to it while it does that. Nothing here
knows any client: a fault names the request it hits by what that request does (makes a thread,
posts a message, starts a turn, asks how the run is), and a client that makes no such request has
no such cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from azure_agents.emulator import Failed, Fault, Incomplete, Pause, Text, ToolCalls

if TYPE_CHECKING:
    from azure_agents.emulator import SeenTurn

FIRST, SECOND, THIRD = "First question?", "Second question?", "Third question?"
OTHER = "Another question?"  # asked after going back
CHANGED = "First question, changed?"

Act: TypeAlias = Literal["ask", "replay", "back", "edit", "leave"]

# A request by what it does; `/threads/runs` starts a turn.
STEPS: Mapping[str, tuple[str, str, str]] = {
    "create": ("making a thread or conversation", "POST", r"^(?:/threads|.*/conversations)$"),
    "message": ("posting a message", "POST", r"/(?:messages|items)$"),
    "turn": ("starting a turn", "POST", r"/(?:runs|responses)$"),
    "poll": ("asking how the run is", "GET", r"/runs/[^/]+$"),
}
IN_THE_MIDDLE = 14  # stream events before a cut: some words of the answer are out, not all


def answer_to(question: str) -> str:
    """What the agent says when nothing is wrong."""
    return f"This answers '{question}' in so many words that it can be cut in its middle."


HALF = "This answers half of it, and"
LOOK_UP = ToolCalls(("look_up", {"n": 1}, "call_1"))
FUNCTION: Mapping[str, Any] = {
    "name": "look_up",
    "description": "Look a number up.",
    "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the table.

    Attributes:
        title: What the table calls it.
        act: What the client does: asks; is given a whole history; goes back a turn and asks
            something else; changes an old message and asks; is cancelled while it waits.
        fault: What goes wrong on the way; None if the agent or the caller is what is special.
        on_first: Whether it strikes the first turn; else the second one, of a thread that exists.
        reply: What the agent does instead of answering, once or always.
        happens_once: Whether the agent answers when it is asked again.
        is_streamed: Whether the client streams.
        timeout: Seconds that the caller allows.
        lifetime: Seconds after which runs expire.
        not_on_v2: Why there is no such thing on v2; empty if there is.
    """

    title: str
    act: Act = "ask"
    fault: Fault | None = None
    on_first: bool = False
    reply: Any = None
    happens_once: bool = False
    is_streamed: bool = False
    timeout: float | None = None
    lifetime: int | None = None
    not_on_v2: str = ""

    def script(self, question: str) -> Script:
        """What the agent of this row answers; `question` is the one that the row is about."""
        return Script(self, question)


class Script:
    """Answers everything, but not the question that the row is about."""

    def __init__(self, row: Row, question: str) -> None:
        self._row, self._question, self._is_done = row, question, False

    def __call__(self, turn: SeenTurn) -> Any:
        """The reply to a turn."""
        last = turn.messages[-1]
        if last.role == "tool":
            return Text(f"{answer_to(turn.last_user_text)} The tool said: {last.text}")
        strikes = self._row.reply is not None and turn.last_user_text == self._question
        if not strikes or (self._is_done and self._row.happens_once):
            return Text(answer_to(turn.last_user_text))
        self._is_done = True
        return self._row.reply


def _at(step: str, kind: Any, **more: Any) -> Fault:
    _, method, path = STEPS[step]
    return Fault(kind, method=method, path=path, **more)


def _row(title: str, step: str, kind: Any, **more: Any) -> Row:
    return Row(
        title=f"{title} {STEPS[step][0]}",
        fault=_at(step, kind, **more),
        on_first=step == "create",
    )


def _failing(title: str, reply: Any, **more: Any) -> tuple[Row, Row]:
    """A turn that goes badly on the server, waited for and streamed."""
    plain = Row(title=title, reply=reply, **more)
    return plain, Row(title=f"{title}, streamed", reply=reply, is_streamed=True, **more)


_WRITES = ("create", "message", "turn")
_NO_LOCK = "nobody can stop a response in the foreground"

GROUPS: Mapping[str, tuple[Row, ...]] = {
    "The request was carried out, and its answer did not arrive": (
        *(_row("answer lost:", step, "lost") for step in _WRITES),
        *(_row("500 after", step, "status_after", status=500) for step in _WRITES),
        *(_row("503 after", step, "status_after", status=503) for step in _WRITES),
    ),
    "The request was not carried out": (
        *(_row("503 instead of", step, "status_before", status=503) for step in _WRITES),
        *(
            _row("429 with retry-after instead of", step, "status_before", status=429)
            for step in ("message", "turn")
        ),
        _row("answer lost:", "poll", "lost"),
        _row("503 instead of", "poll", "status_before", status=503),
    ),
    "The stream ends early": (
        Row(
            title="connection broken in the middle of the answer",
            fault=_at("turn", "cut", after_events=IN_THE_MIDDLE),
            is_streamed=True,
        ),
        Row(
            title="quiet end in the middle of the answer",
            fault=_at("turn", "cut", after_events=IN_THE_MIDDLE, mode="eof"),
            is_streamed=True,
        ),
    ),
    "The turn goes badly on the server": (
        *_failing("failed after some words", Failed(text=HALF)),
        *_failing(
            "failed with `rate_limit_exceeded`, the next one would not",
            Failed("rate_limit_exceeded", "Rate limit is exceeded."),
            happens_once=True,
        ),
        *_failing("incomplete: the tokens ran out", Incomplete(text=HALF)),
        *_failing("waits for a function that nobody registered", LOOK_UP),
        Row(
            title="run expired",
            reply=(Pause(4.0), Text("too late")),
            lifetime=1,
            not_on_v2="responses do not expire",
        ),
    ),
    "The caller stops waiting": (
        Row(
            title="timeout of 1 s, the agent needs 10 s",
            reply=(Pause(10.0), Text("This took its time.")),
            timeout=1.0,
            not_on_v2=_NO_LOCK,
        ),
        Row(
            title="task cancelled after 3 s, the agent needs 20 s",
            act="leave",
            reply=(Pause(20.0), Text("This took its time.")),
            not_on_v2=_NO_LOCK,
        ),
    ),
    "Nothing goes wrong": (
        Row(title="one turn", on_first=True),
        Row(title="one turn, streamed", on_first=True, is_streamed=True),
        Row(title="three turns"),
        Row(title="a history of two turns from elsewhere, and a question", act="replay"),
        Row(title="back by one turn, and another question", act="back"),
        Row(title="an old message changed, and a question", act="edit"),
    ),
}
ROWS: tuple[Row, ...] = tuple(row for rows in GROUPS.values() for row in rows)
HISTORY_ROWS = GROUPS["Nothing goes wrong"]
THREE_TURNS = HISTORY_ROWS[2]
