"""The harder scenario: approvals of server tools, and histories that go back several times.

A question; a question for which the agent asks whether two tools of the server may run; the
decision; a question that needs functions; their results; another question. Then the caller goes
back: other results (a correction), the same results again, the opposite decision, the same decision
again; and at last on from the first line. A pinned thread has one line only.

What goes wrong is planned by place: in which step of the scenario, in which attempt at it, at which
request or step of the process. The oracle counts what the server's tools did, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from azure_agents.emulator import (
    Emulator,
    Fault,
    McpApproval,
    McpCall,
    Parts,
    SeenTurn,
    Text,
    ToolCalls,
)
from azure_agents.errors import AzureAgentsError
from azure_agents.events import ApprovalRequest
from azure_agents.fold import Completion
from azure_agents.messages import ApprovalReply, Message, tool, user
from azure_agents.protocols.options import OPERATION
from tests.promise.oracle import Fact, expected_facts, seen_facts, told_in_part
from tests.promise.world import answer

from .conversation import Shape, has_ids
from .matrix import FAULTS
from .mortal import Died, Mortal, is_within, takes_no_results

PATHS = ("/tmp/x", "/tmp/y")  # noqa: S108 - arguments of a tool that does not exist
QUIET = 5.0  # seconds after which a turn that nobody reads is over on the server
ATTEMPTS = 8  # at a step, with all its faults, deaths, and ways out of a thread that is stuck


class Place(NamedTuple):
    """Where something goes wrong, all counted from 1.

    Attributes:
        step: The step of the scenario.
        nth: The request of that attempt; of a death, the step of the process.
        attempt: The attempt: 2 is the recovery after an error.
    """

    step: int
    nth: int
    attempt: int = 1


class Tools:
    """The agent of the scenario and its tools on the server; several conversations may share them.

    Attributes:
        asked: Requests for approval that callers got, by id.
        ran: How often each ran, by the operation of the call of ours, and the request.
    """

    def __init__(self) -> None:
        self.asked: dict[str, ApprovalRequest] = {}
        self.ran = Counter[tuple[str, str]]()

    def reply(self, turn: SeenTurn) -> Any:
        """The script of the agent."""
        last = turn.messages[-1]
        if last.role == "tool" and last.text in ("approved", "denied"):
            return self._use(turn)
        if last.role == "tool" or last.text.startswith("[tool "):
            return Text(deltas=("It ", "will ", "be ", "so."))
        return _said(turn.last_user_text)

    def _use(self, turn: SeenTurn) -> Any:
        used = [self.asked[id] for id, decision in _decided_last(turn) if decision == "approved"]
        for request in used:
            self.ran[turn.metadata.get(OPERATION, ""), request.id] += 1
        calls = (McpCall("files", "delete", request.arguments, "gone") for request in used)
        return Parts(*calls, "They are gone." if used else "I left them alone.")


class Branching(Mortal):
    """One play of the scenario.

    Args:
        shape: The kind of conversation.
        faults: Which request is hit by what, as names of `FAULTS`.
        deaths: Where the process is killed; another one with the same store goes on.
        foundry: The emulator; a new one by default.
        tools: The agent's tools; its own by default.
    """

    def __init__(
        self,
        shape: Shape,
        faults: Iterable[tuple[Place, str]] = (),
        deaths: Iterable[Place] = (),
        foundry: Emulator | None = None,
        tools: Tools | None = None,
    ) -> None:
        super().__init__(shape, foundry)
        self.tools = tools or Tools()
        self.agent.script(self.tools.reply)
        self.requests_of: list[int] = []  # by each step, all attempts together
        self.killed = 0
        self._faults, self._deaths = list(faults), list(deaths)
        self._planned: list[str] = []  # faults, in the order in which they hit
        self._told: set[tuple[str | None, ...]] = set()  # answers that the caller has got
        self.anchors: set[str] = set()  # the same, of their anchors

    # --- the caller -----------------------------------------------------------------------------

    async def play(self) -> None:
        """All steps; whatever fails or dies is tried again."""
        first = await self._say([], "first question")
        asked = await self._say(first, "delete the files")
        decided = await self._decide(asked, yes=True)
        waits = await self._say(decided, "weather, please")
        rain = await self._hand_in(waits, self.run_tool)
        third = await self._say(rain, "third question")
        if not self.shape.is_pinned:
            await self._hand_in(waits, lambda call: f"corrected {call.arguments}")
            await self._hand_in(waits, self.run_tool)
            await self._decide(asked, yes=False)
            await self._decide(asked, yes=True)
        await self._say(third, "last question")

    async def _say(self, history: list[Message], question: str) -> list[Message]:
        def fresh(attempt: int) -> list[Message]:
            # On a pinned thread the question may stand already: in other words it is not doubled.
            again = f", again {attempt}" if attempt > 1 and self.pin else ""
            return [user(question + again)]

        return await self._step(history, fresh)

    async def _decide(self, history: list[Message], *, yes: bool) -> list[Message]:
        """The first tool may run, or none."""
        asked = history[-1].asks if history else ()
        replies = tuple(ApprovalReply(a.id, approve=yes and not n) for n, a in enumerate(asked))
        if not replies:
            return history
        return await self._step(history, lambda _: [Message("user", replies)])

    async def _hand_in(self, history: list[Message], run: Callable[[Any], str]) -> list[Message]:
        calls = history[-1].tool_calls
        if not calls:
            return history
        return await self._step(history, lambda _: [tool(call.id, run(call)) for call in calls])

    async def _step(
        self, history: list[Message], fresh: Callable[[int], list[Message]]
    ) -> list[Message]:
        """The history with what is fresh and its answer; as it was, if the thread is past it."""
        before = len(self.foundry.requests)
        self.requests_of.append(0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(history, fresh, attempt)
            except Died:
                self.killed += 1
                self.begin_anew()
            except AzureAgentsError as error:
                self._note(error)
                if self._is_past(history, error):
                    return history
            finally:
                self.requests_of[-1] = len(self.foundry.requests) - before
            self.is_left = self.is_left or self.pin is not None
        self.wrong.append(f"silent: the conversation did not recover: {self.errors[-2:]!r}")
        return history

    async def _attempt(
        self, history: list[Message], fresh: Callable[[int], list[Message]], attempt: int
    ) -> list[Message]:
        self.plan(len(self.requests_of), attempt)
        self.get_unstuck()
        said = fresh(attempt)
        if attempt > 1 and self._stands(said):
            return history
        whole = [*history, *said]
        completion = await self.ask(whole)
        self.check(whole, completion)
        return self._keep(whole, completion)

    def _stands(self, said: list[Message]) -> bool:
        """Whether a look at the pinned thread, once it is quiet, shows what is to be handed in."""
        if self.pin:
            self.foundry.clock.advance(QUIET)
            _ = self.foundry.active_runs  # looking lets time pass
        fresh = {fact for fact in expected_facts(tuple(said), "v2") if fact[0] == "result"}
        seen = [turn for turn in self.foundry.seen if self.pin and turn.thread_id == self.pin]
        return bool(fresh) and any(fresh <= {*seen_facts(turn)} for turn in seen)

    def plan(self, step: int, attempt: int) -> None:
        """What is to go wrong in this attempt; a fault that found no request hits the next one."""
        self.foundry.faults.clear()
        late = self._planned[self.faults_met() :]
        here = [(p.nth, name) for p, name in self._faults if (p.step, p.attempt) == (step, attempt)]
        for nth, name in [*((1, name) for name in late), *here]:
            self.foundry.faults.add(Fault(nth=nth, **FAULTS[name]))
        self._planned += [name for _, name in here]
        deaths = [p.nth for p in self._deaths if (p.step, p.attempt) == (step, attempt)]
        self.process.plan(dict.fromkeys(deaths, self.process.die))

    def _note(self, error: AzureAgentsError) -> None:
        self.errors.append(error)
        self.stuck = error
        if not self.faults_met() and not self.killed:
            self.wrong.append(f"silent: an error, and nothing was wrong: {error!r}")

    def _is_past(self, history: list[Message], error: AzureAgentsError) -> bool:
        """Whether a pinned thread does not wait for results or decisions any more."""
        waited = bool(history and (history[-1].tool_calls or history[-1].asks))
        if not (self.pin and waited and takes_no_results(error)):
            return False
        self.is_left = True
        return True

    def _keep(self, whole: list[Message], completion: Completion) -> list[Message]:
        message = answer(completion)
        self.tools.asked |= {ask.id: ask for ask in message.asks}
        self.anchors.add(message.anchor or "")
        if self.shape.is_pinned:
            self.pin = completion.finished.thread_id
        return [*whole, message]

    # --- the oracle -----------------------------------------------------------------------------

    def check(
        self, history: list[Message], completion: Completion, *, is_loose: bool = False
    ) -> None:
        """Also that the answer is a new one."""
        super().check(history, completion, is_loose=is_loose)
        ids = completion.finished
        answer_ids = ids.response_id, ids.run_id, ids.message_id
        if answer_ids in self._told:
            self.wrong.append(f"silent: an older answer was given again: {answer_ids}")
        self._told.add(answer_ids)

    def check_usage(self, completion: Completion, seen: SeenTurn) -> None:
        """But for classic runs that used tools of the server: the oracle does not count those."""
        if seen.generation == "v2" or seen.messages[-1].text not in ("approved", "denied"):
            super().check_usage(completion, seen)

    def check_transcript(self, history: list[Message], seen: SeenTurn, *, is_loose: bool) -> None:
        """The agent saw what the history says, and decisions with what they are about."""
        expected, facts = expected_facts(tuple(history), seen.generation), seen_facts(seen)
        missing, extra = Counter(expected) - Counter(facts), Counter(facts) - Counter(expected)
        if is_loose:
            extra = Counter(dict.fromkeys(_twice(facts), 1))
        self.wrong += [f"lost: {fact!r}" for fact in missing]
        self.wrong += [f"doubled: {fact!r}" for fact in extra]
        if not (missing or is_within(expected, facts)):
            self.wrong.append(f"lost: the order; expected {expected!r}, got {facts!r}")
        self.wrong += [f"told in part: {id}" for id in told_in_part(tuple(history), seen)]

    def check_end(self) -> None:
        """What must hold when all is over."""
        self.check_caller()
        ran = [f"{id} ran {n} times in one call" for (_, id), n in self.tools.ran.items() if n > 1]
        self.wrong += [f"doubled: {what}" for what in ran]
        self.foundry.clock.advance(6 * QUIET)  # what nobody reads goes on, what is stopped ends
        self.wrong += [f"left running: {run}" for run in self.still_running()]

    def check_caller(self) -> None:
        """What the caller can see of it."""
        bare = [error for error in self.errors if not has_ids(error)]
        self.wrong += [f"silent: an error without ids: {error!r}" for error in bare]
        again = [f"{call} ran {n} times" for call, n in self.effects.items() if n > 1]
        self.wrong += [f"doubled: {what}" for what in again]

    def still_running(self) -> list[str]:
        """Runs that nobody waits for, and that no error names; of killed workers, known ones."""
        told = " ".join(repr(vars(error)) for error in self.errors)
        left = [run for run in self.foundry.active_runs if run not in told]
        anchors = " ".join(self.anchors)
        return [run for run in left if not self.killed or run in anchors]

    def expect(self, what: str, expected: object, actual: object) -> None:
        """Note a difference of answers: nobody was told that it is wrong."""
        if expected != actual:
            self.wrong.append(f"silent: {what}: expected {expected!r}, got {actual!r}")


def _said(question: str) -> Any:
    if question.startswith("delete the files"):
        asks = (McpApproval("files", "delete", f'{{"path": "{path}"}}') for path in PATHS)
        return Parts(*asks)
    if question.startswith("weather"):
        return ToolCalls(("look_up", {"n": 1}), ("look_up", {"n": 2}))
    return Text(deltas=("I ", "heard ", "that."))


def _decided_last(turn: SeenTurn) -> Iterator[tuple[str, str]]:
    """Request and decision of what the caller decided last."""
    for message in reversed(turn.messages):
        if message.role != "tool" or message.text not in ("approved", "denied"):
            return
        yield message.tool_call_id or "", message.text


def _twice(facts: list[Fact]) -> list[Fact]:
    return [fact for fact, n in Counter(facts).items() if n > 1 and fact[0] != "assistant"]
