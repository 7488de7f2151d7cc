"""One row at work: its turns, the functions it calls, and what is kept so that it can go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..content.schema_check import read_object
from ..content.structured import json_of
from ..errors import AzureAgentsError, ProtocolError, RateLimitError, StructuredOutputError
from ..jsonio import JSON
from ..routing.tokens import estimate, used
from .asking import Answered, Asked, Asker
from .functions import Functions
from .journal import Begun, Progress
from .pace import Pace
from .rows import Row
from .verdicts import MOST_WEIGHT, judge, may_be_there, needs_new_name, says_overload, weight

_MOST_ROUNDS = 40  # of functions in one turn of the user
_WAITS = (0.5, 30.0)  # seconds before another attempt: first and longest


class EndedError(Exception):
    """The whole run must end: its cause is what nobody can be asked with."""


@dataclass(slots=True)
class Standing:
    """How far a row is.

    Attributes:
        messages: The conversation so far.
        step: Turns of the user that are over.
        turn: Turns that are over, those with results of functions too.
        attempt: Part of the names of what is sent.
        is_repeated: The next turn may have been sent before.
        seconds: That its turns took.
        usage: Tokens of all turns.
        cost: US dollars of all turns; None: not known.
        last: The last answer.
    """

    messages: list[JSON] = field(default_factory=list)
    step: int = 0
    turn: int = 0
    attempt: int = 0
    is_repeated: bool = False
    seconds: float = 0.0
    usage: dict[str, int] = field(default_factory=dict)
    cost: float | None = 0.0
    last: Answered | None = None

    @classmethod
    def of(cls, begun: Begun | None) -> Standing:
        """Go on where an earlier run was.

        Args:
            begun: What the journal knows; None: nothing.
        """
        if begun is None:
            return cls()
        kept = begun.progress or {}
        return cls(**kept, attempt=begun.attempt, is_repeated=begun.was_sent)

    def kept(self) -> JSON:
        """What the journal keeps of it."""
        names = ("messages", "step", "turn", "seconds", "usage", "cost")
        return {name: getattr(self, name) for name in names}

    def add(self, answered: Answered) -> None:
        """Take an answer into the conversation.

        Args:
            answered: The answer.
        """
        self.messages.append(answered.message)
        self.turn += 1
        self.is_repeated = False
        self.last = answered
        for name, value in (answered.usage or {}).items():
            if isinstance(value, int):
                self.usage[name] = self.usage.get(name, 0) + value
        known = self.cost is not None and answered.cost is not None
        self.cost = self.cost + answered.cost if known else None  # type: ignore[operator]


class Names(Protocol):
    """Names what is sent."""

    def operation(self, number: int, turn: int, attempt: int) -> str:
        """Name a turn: the same in every process that asks it.

        Args:
            number: Of the row.
            turn: Of the row, from 0.
            attempt: From 0; another one after a turn that failed for certain.
        """


class Notes(Protocol):
    """Notes changes of the journal."""

    async def note(self, *changes: Any) -> None:
        """Note changes; they are on disk when this returns.

        Args:
            changes: In their order.
        """


@dataclass(slots=True)
class Desk:
    """What all rows of a run share.

    Attributes:
        asker: Who is asked.
        pace: When.
        journal: Names what is sent.
        notes: Keeps how far a row is.
        functions: That run here.
        schema: Of objects as answers; None: texts.
        clock: Time, to be replaced in tests.
        answers: How many turns were answered.
        counted: Is told each answer.
    """

    asker: Asker
    pace: Pace
    journal: Names
    notes: Notes
    functions: Functions
    schema: Mapping[str, Any] | None
    clock: Any
    counted: Callable[[Answered], None]
    patience: Callable[[AzureAgentsError], bool] = lambda _: False
    answers: int = 0


class RowWork:
    """Asks one row to its end.

    Args:
        desk: What all rows share.
        row: The row.
        steps: The messages of each turn of the user.
        begun: How far an earlier run came.
    """

    def __init__(
        self, desk: Desk, row: Row, steps: Sequence[Sequence[JSON]], begun: Begun | None
    ) -> None:
        self._desk, self._row, self._steps = desk, row, steps
        self.standing = Standing.of(begun)
        self.was_sent = self.standing.is_repeated
        self._weight = self._waits = 0

    async def run(self) -> JSON:
        """Ask, and give the values of the answer's columns.

        Raises:
            AzureAgentsError: The row has failed for good.
            StoppedError: The run was stopped; the journal knows how far the row is.
            EndedError: The run must end.
        """
        standing = self.standing
        while standing.step < len(self._steps):
            if standing.turn == 0 or self._is_at_a_question():
                standing.messages += self._steps[standing.step]
            await self._answer_and_functions()
            standing.step += 1
            if standing.step < len(self._steps):
                await self._keep()
        return self._columns()

    def _is_at_a_question(self) -> bool:
        last = self.standing.messages[-1]
        return last.get("role") == "assistant" and not last.get("tool_calls")

    async def _answer_and_functions(self) -> None:
        for _ in range(_MOST_ROUNDS):
            answered = await self._turn()
            calls = answered.message.get("tool_calls")
            if not calls:
                return
            scope = self._desk.journal.operation(
                self._row.number, self.standing.turn, self.standing.attempt
            )
            self.standing.messages += await self._desk.functions.answer(calls, scope)
            await self._keep()
        raise ProtocolError(
            f"the model called functions {_MOST_ROUNDS} times without an answer: look at what "
            "they return"
        )

    async def _keep(self) -> None:
        number, standing = self._row.number, self.standing
        await self._desk.notes.note(Progress(number, standing.attempt, standing.kept()))

    # --- one turn -------------------------------------------------------------------------------

    async def _turn(self) -> Answered:
        while True:
            try:
                return await self._attempt()
            except AzureAgentsError as error:
                await self._after(error)

    async def _attempt(self) -> Answered:
        standing, desk = self.standing, self._desk
        messages = list(standing.messages)
        entered = await desk.pace.enter(estimate("chat", {"messages": messages}))
        self.was_sent = True
        name = desk.journal.operation(self._row.number, standing.turn, standing.attempt)
        begun_at = desk.clock.time()
        try:
            answered = await desk.asker.ask(Asked(messages, name, standing.is_repeated))
        except RateLimitError as error:
            await desk.pace.refused(entered, error)
            raise
        except BaseException as error:
            if says_overload(error):
                desk.pace.cut(entered)
            desk.pace.drop(entered)
            raise
        await desk.pace.leave(entered, used(answered.usage), answered.headers)
        standing.seconds += desk.clock.time() - begun_at
        desk.answers += 1
        standing.add(answered)
        desk.counted(answered)
        return answered

    async def _after(self, error: AzureAgentsError) -> None:
        """Prepare another attempt, or raise."""
        verdict = judge(error, has_answers=self._desk.answers > 0)
        if verdict == "end" or self._desk.patience(error):
            raise EndedError from error
        if verdict == "fail":
            raise error
        if verdict == "wait":
            if needs_new_name(error):
                await self._rename()
            return
        await self._count(error)
        if verdict == "anew":
            await self._rename()
        elif may_be_there(error):
            self.standing.is_repeated = True

    async def _count(self, error: AzureAgentsError) -> None:
        self._weight += weight(error)
        self._waits += 1
        if self._weight >= MOST_WEIGHT:
            raise error
        first, longest = _WAITS
        wait = min(longest, first * 2.0 ** min(self._waits, 10))
        await self._desk.clock.asleep(max(wait, error.retry_after or 0.0))

    async def _rename(self) -> None:
        """Give what is sent next another name: what has that of before is over."""
        self.standing.attempt += 1
        self.standing.is_repeated = False
        kept = self.standing.kept() if self.standing.turn else None
        await self._desk.notes.note(Progress(self._row.number, self.standing.attempt, kept))

    # --- the end --------------------------------------------------------------------------------

    def _columns(self) -> JSON:
        standing, last = self.standing, self.standing.last
        if last is None:
            raise ProtocolError("the row was over before it was asked")
        return {
            "answer": self._answer(last),
            "thread_id": last.ids["thread_id"],
            "response_id": last.ids["response_id"],
            "usage": standing.usage or None,
            "cost": standing.cost,
            "citations": last.message.get("annotations") or [],
            "finish_reason": last.finish_reason,
            "seconds": round(standing.seconds, 3),
        }

    def _answer(self, last: Answered) -> Any:
        text = last.message.get("content") or last.message.get("refusal") or ""
        if self._desk.schema is None:
            return text
        try:
            return read_object(json_of(text), self._desk.schema)
        except (ValueError, ProtocolError) as error:
            raise StructuredOutputError(
                f"the answer is not valid under the schema ({error}), it said {text[:200]!r}",
                thread_id=last.ids["thread_id"],
                response_id=last.ids["response_id"],
            ) from error
