"""Conversations with a tool round, each held by a process that is killed and by its heirs.

Started with a mode and JSON arguments. A conversation is played to its end once, to learn its
steps, and then once for each step: a process is killed there, and others go on from what it left
behind, as a LangGraph application does from its checkpoint. Every process is a fork, so that it
costs little.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from httpx_aiohttp import AiohttpTransport

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.errors import ToolOutcomeUnknownError
from azure_agents.events import Event
from azure_agents.fold import Completion, Fold
from azure_agents.frameworks.tool_results import ToolResults
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth

from .child import store_at
from .watched import Watched

QUESTIONS = 3  # the one in the middle makes the agent call its tools


class Said(NamedTuple):
    """A message, and the response or run that said it."""

    message: Message
    turn: str | None = None


def dump(history: list[Said]) -> str:
    """A history as a file keeps it."""
    return json.dumps([_facts(message, turn) for message, turn in history])


def _facts(message: Message, turn: str | None) -> list[Any]:
    calls = [[call.id, call.name, call.arguments] for call in message.tool_calls]
    return [message.role, message.text, calls, message.tool_call_id, message.anchor, turn]


def load(text: str) -> list[Said]:
    """The history that `dump` wrote."""
    return [Said(_message(*facts), turn) for *facts, turn in json.loads(text)]


def _message(role: str, text: str, calls: Any, call_id: str, anchor: str | None) -> Message:
    if role == "assistant":
        return assistant(text, *(ToolCall(*call) for call in calls), anchor=anchor)
    return tool(call_id, text) if role == "tool" else user(text)


@dataclass
class Killer:
    """Sees every step of this process, and kills it at one of them."""

    last: int
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        """Take a step; maybe the last one."""
        self.steps.append(name)
        if len(self.steps) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def record(self, event: object) -> None:
        """Watch requests, as an observer."""
        self.step(type(event).__name__)


@dataclass(frozen=True)
class Case:
    """What all conversations of one run have in common."""

    model: str
    endpoint: str
    threads: str
    kind: str
    place: str
    folder: str
    is_async: bool
    is_streamed: bool
    heirs: int  # how many go on, one after the other, from the same checkpoint
    every: int  # of the steps one is the last of a process


class Talk:
    """One process's part of a conversation: whatever the first process left undone.

    Args:
        case: What the conversations have in common.
        number: Number of the conversation.
        killer: Ends this process.
        heir: Number of the process; 0 is the first one.
    """

    def __init__(self, case: Case, number: int, killer: Killer, heir: int = 0) -> None:
        self._case = case
        self._number = number
        self._killer = killer
        self._heir = heir
        self._file = Path(case.folder, f"{number}.{heir}")
        left = Path(case.folder, f"{number}.0")
        self._history = load(left.read_text()) if left.exists() else []
        if heir:
            self._file.write_text(dump(self._history))  # there may be nothing left to do
        store = store_at(case.kind, case.place)
        self._results = ToolResults(Watched(store, killer.step, "tool"))
        self._client = self._make_client(Watched(store, killer.step, "thread"))

    def _make_client(self, store: Watched) -> Any:
        case = self._case
        wanted = {"model": case.model, "endpoint": case.endpoint, "threads": case.threads}
        settings = resolve_settings(**wanted, allow_http=True, timeout=20.0, env={})
        auth = make_auth(credential="token", endpoint=settings.endpoint, env={})
        seams: dict[str, Any] = {"store": store, "observer": self._killer}
        seams["operation_keys"] = lambda: f"{self._number}.{self._heir}-{os.urandom(8).hex()}"
        # Without certificates: to read them takes as long as half a conversation.
        if case.is_async:
            return make_client(
                AsyncAgentClient, settings, auth, transport=AiohttpTransport(verify=False), **seams
            )
        return make_client(
            AgentClient, settings, auth, transport=httpx.HTTPTransport(verify=False), **seams
        )

    async def go_on(self) -> None:
        """Play what is missing."""
        while (fresh := self._next()) is not None:
            completion = await self._ask(fresh)
            finished = completion.finished
            calls, anchor = completion.tool_calls, finished.anchor
            answer = assistant(completion.text, *calls, anchor=anchor)
            said = Said(answer, finished.run_id or finished.response_id)
            self._keep([*self._history, *map(Said, fresh), said])

    def _next(self) -> list[Message] | None:
        """What to say now; None at the end."""
        calls = self._history[-1].message.tool_calls if self._history else ()
        if calls:
            return [tool(call.id, self._run(call)) for call in calls]
        asked = sum(message.role == "user" for message, _ in self._history)
        return [user(f"question {asked} of play {self._number}")] if asked < QUESTIONS else None

    def _run(self, call: ToolCall) -> str:
        step = self._killer.step
        step("before the tool")
        try:
            result = self._results.once(call, lambda: self._tool(call))
        except ToolOutcomeUnknownError as error:
            result = str(error)
        step("after the tool")
        return result

    def _tool(self, call: ToolCall) -> str:
        """A tool with an effect that all the world can see."""
        self._killer.step("in the tool")
        with Path(self._case.folder, f"{self._number}.effects").open("a") as effects:
            effects.write(f"{call.id}\n")
        self._killer.step("in the tool, done")
        return f"result of {call.id}"

    async def _ask(self, fresh: list[Message]) -> Completion:
        request = TurnRequest((*(message for message, _ in self._history), *fresh))
        if not self._case.is_streamed:
            answer = self._client.complete(request)
            return (await answer) if self._case.is_async else answer
        folding = Fold()
        async for event in _each(self._client.stream(request)):
            folding.add(event)
            self._killer.step("event")
        return folding.result()

    def _keep(self, history: list[Said]) -> None:
        """The checkpoint, written at once or not at all."""
        self._killer.step("before the checkpoint")
        half = Path(f"{self._file}.new")
        half.write_text(dump(history))
        self._killer.step("in the checkpoint")
        half.replace(self._file)
        self._killer.step("after the checkpoint")
        self._history = history


async def _each(events: Any) -> AsyncIterator[Event]:
    """The events of either client."""
    if hasattr(events, "__aiter__"):
        async with aclosing(events):
            async for event in events:
                yield event
    else:
        for event in events:
            yield event


def main(case: Case) -> None:
    """Play, kill at each step, and go on; what each step was ends up on standard output."""
    learner = Killer(last=0)
    _play(case, 0, learner)  # and what is imported late is there for all forks
    gc.freeze()
    for number in range(1, len(learner.steps) + 1, case.every):
        ended = _in_a_fork(partial(_play, case, number, Killer(number)))
        assert -signal.SIGKILL == ended, (number, ended)
        for heir in range(1, case.heirs + 1):
            ended = _in_a_fork(partial(_play, case, number, Killer(0), heir))
            assert 0 == ended, (number, heir)
    sys.stdout.write(json.dumps(learner.steps))


def _play(case: Case, number: int, killer: Killer, heir: int = 0) -> None:
    asyncio.run(Talk(case, number, killer, heir).go_on())


def _in_a_fork(work: Callable[[], None]) -> int:
    """The exit code of a process that does this work; of a killed one, its signal below zero."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a fork must never return
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main(Case(**json.loads(sys.argv[2])))
