"""Run routing flows, in a thread or on an event loop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..drivers.clock import Clock
from .flow import Attempt, Command, Flow, Pause
from .redis_link import RedisLink
from .redis_script import Eval


class Driver:
    """Carries out what a flow asks for.

    Args:
        clock: Time, to be replaced in tests.
        link: To the Redis that shares the counts; None: there is none.
    """

    def __init__(self, clock: Clock, link: RedisLink | None) -> None:
        self._clock = clock
        self._link = link

    def run(self, flow: Flow, ask: Callable[[Attempt], Any]) -> Any:
        """Run a flow in this thread; returns its result.

        Args:
            flow: What to run.
            ask: Makes one attempt.
        """
        resume: Callable[[Any], Command] = flow.send
        value: Any = None
        while True:
            try:
                command = resume(value)
            except StopIteration as end:
                return end.value
            try:
                resume, value = flow.send, self._carry_out(command, ask)
            except BaseException as error:  # noqa: BLE001 - the flow hears of it, and raises it
                resume, value = flow.throw, error

    async def arun(self, flow: Flow, ask: Callable[[Attempt], Awaitable[Any]]) -> Any:
        """Do as `run` does, on an event loop.

        Args:
            flow: What to run.
            ask: Makes one attempt.
        """
        resume: Callable[[Any], Command] = flow.send
        value: Any = None
        while True:
            try:
                command = resume(value)
            except StopIteration as end:
                return end.value
            try:
                if isinstance(command, Attempt):
                    value = await ask(command)
                else:
                    value = await self._acarry_out(command)
                resume = flow.send
            except BaseException as error:  # noqa: BLE001 - as above
                resume, value = flow.throw, error

    def _carry_out(self, command: Command, ask: Callable[[Attempt], Any]) -> Any:
        if isinstance(command, Attempt):
            return ask(command)
        if isinstance(command, Pause):
            return self._clock.sleep(command.seconds)
        return None if self._link is None else self._link.ask(command)

    async def _acarry_out(self, command: Eval | Pause) -> Any:
        if isinstance(command, Pause):
            return await self._clock.asleep(command.seconds)
        return None if self._link is None else await self._link.aask(command)
