"""Results of function tools, kept call by call, so that no tool runs twice for one call.

A process may die, or an answer get lost, between a tool's end and the moment its result is on the
server. With results kept in a thread store (SQLite or Redis to outlive the process), the same call
gets the kept result instead of a second run. A process that dies *inside* a tool leaves no result:
whether the tool had its effect, nobody can know, so the call is not run again either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import TypeVar
from uuid import uuid4

from ..errors import InvalidRequestError, StoreUnavailableError, ToolOutcomeUnknownError
from ..jsonio import canonical
from ..messages import ToolCall
from ..threads.digest import canonical_arguments
from ..threads.store import ThreadStore

T = TypeVar("T")
_BEGUN, _ENDED = "begun", "ended"


class ToolResults:
    """Results of tool calls in a thread store.

    A call is known by its id, its name and its arguments: a call that somebody edited is another
    one. Two processes that begin the same call within the same milliseconds may both run it.

    Args:
        store: Any thread store. A result longer than it keeps (64 Ki characters) is not kept;
            its call is not run again for all that.
        scope: Keeps equal calls of different applications or conversations apart.
    """

    def __init__(self, store: ThreadStore, scope: str = "") -> None:
        self._store = store
        self._scope = scope

    def begin(self, call: ToolCall) -> str | None:
        """Give the kept result of a call; None if it is to be run now, which the store then knows.

        Args:
            call: The call, known by its id, name and arguments.

        Raises:
            InvalidRequestError: The call has no id.
            ToolOutcomeUnknownError: It was begun before, and no result was kept.
            StoreUnavailableError: The store does not remember the beginning.
        """
        key = self._key(call)
        state, _, result = (self._store.get(key) or "").partition(":")
        if state == _BEGUN:
            raise ToolOutcomeUnknownError(
                f"the tool {call.name!r} was begun for the call {call.id!r} before, and its result "
                "is not known. It may have had its effect, so it was not run again: look whether "
                "it did before you call it anew"
            )
        if state == _ENDED:
            return result
        self._note_beginning(key, call)
        return None

    def keep(self, call: ToolCall, result: str) -> None:
        """Keep the result of a call.

        Args:
            call: The call that was begun.
            result: The result of the tool, as the text that the agent gets.
        """
        self._store.put(self._key(call), f"{_ENDED}:{result}")

    def forget(self, call: ToolCall) -> None:
        """Let a call run again that was begun: it raised, or it waits for somebody.

        Args:
            call: The call, known by its id, name and arguments.
        """
        key = self._key(call)
        kept = self._store.get(key)
        if kept is not None and kept.startswith(_BEGUN):
            self._store.take(key, kept)

    def once(self, call: ToolCall, run: Callable[[], str]) -> str:
        """Give the kept result of a call, or that of running the tool now.

        Args:
            call: The call, known by its id, name and arguments.
            run: Runs the tool and gives its result as text.

        Raises:
            InvalidRequestError: The call has no id.
            ToolOutcomeUnknownError: It was begun before, and no result was kept.
            StoreUnavailableError: The store does not remember the beginning.
            Exception: Whatever the tool raises; its caller knows, and may run it again.
        """
        kept = self.begin(call)
        if kept is not None:
            return kept
        try:
            result = run()
        except Exception:
            self.forget(call)
            raise
        self.keep(call, result)
        return result

    def _note_beginning(self, key: str, call: ToolCall) -> None:
        # Each beginning is a value of its own: a store may refuse one that was taken before.
        mark = f"{_BEGUN}:{uuid4().hex}"
        self._store.put(key, mark)
        if self._store.get(key) != mark:
            raise StoreUnavailableError(
                f"the thread store does not remember that the tool {call.name!r} begins for the "
                f"call {call.id!r}, so it could run twice: it was not run. Ask again when the "
                "store answers"
            )

    def _key(self, call: ToolCall) -> str:
        if not call.id:
            raise InvalidRequestError(
                f"a call of the tool {call.name!r} has no id, so nobody can tell whether it ran"
            )
        arguments = canonical_arguments(call.arguments)
        facts = canonical([self._scope, call.id, call.name, arguments])
        return f"tool:{sha256(facts.encode('utf-8', 'surrogatepass')).hexdigest()}"


async def to_the_end(operation: Callable[..., T], *args: object) -> T:
    """Run an operation in a thread; a caller who cancels it waits for its end.

    A result that is not kept because the caller was cancelled would be a call that nobody can run
    again. The wait is as short as the store's timeouts.

    Args:
        operation: The method to call, which may block.
        args: Its arguments.
    """
    work = asyncio.get_running_loop().run_in_executor(None, partial(operation, *args))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise
