"""Reading requests of a classic turn: runs, messages and threads, and which of them are its own.

Reading changes nothing, so it is tried again as often as the policy allows; only clean-up, whose
time is short, tries once and is called again as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import AzureAgentsError, DeadlineError
from ...jsonio import JSON
from ..commands import Flow, Send
from ..options import OPERATION, PIECE
from ..retry import is_transient
from ..sending import fetch, read_list, read_object, send
from ..turn import Turn

_HOLDS_THREAD = ("queued", "in_progress", "requires_action", "cancelling")  # one run at a time
_LOOK_BACK = "20"  # runs; a run of ours is among the newest
_PAGE = "100"  # threads of a busy project; of messages and steps of a run there may be more


class Lookups:
    """The reading requests of one turn.

    Args:
        turn: The turn.
        retries: Whether a request that fails is tried again.
    """

    def __init__(self, turn: Turn, *, retries: bool = True) -> None:
        self._turn = turn
        self._retries = retries

    def without_retries(self) -> Lookups:
        """Make the same lookups, each of which is tried once."""
        return Lookups(self._turn, retries=False)

    def get(self, path: str, doing: str, *query: tuple[str, str]) -> Flow[JSON]:
        """GET a JSON object."""
        route = self._turn.route(path, *query)
        if self._retries:
            return (yield from fetch(route, self._turn, doing))
        reply = yield from send(Send("GET", route), self._turn, doing)
        return read_object(reply)

    def run(self, thread: str, run: str) -> Flow[JSON]:
        """Read a run as it is now."""
        return (yield from self.get(f"/threads/{thread}/runs/{run}", "look for the run"))

    def newest_runs(self, thread: str) -> Flow[list[JSON]]:
        """List the newest runs of a thread, newest first."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        page = yield from self.get(f"/threads/{thread}/runs", "look for the run", *query)
        return list(page.get("data") or ())

    def our_runs(self, thread: str) -> Flow[list[JSON]]:
        """List the runs on a thread that carry the key of this turn, newest first."""
        return list(self._ours((yield from self.newest_runs(thread))))

    def our_run_or_holder(self, thread: str) -> Flow[tuple[str | None, str | None]]:
        """Look for the run with the key of this turn; without one, for the run that is active.

        Returns:
            Their ids; at most one is there.
        """
        runs = yield from self.newest_runs(thread)
        for run in self._ours(runs):
            return str(run["id"]), None
        holders = (str(run["id"]) for run in runs if run.get("status") in _HOLDS_THREAD)
        return None, next(holders, None)

    def our_threads(self) -> Flow[list[str]]:
        """List the threads that this turn created: their ids were lost with an answer."""
        query = (("order", "desc"), ("limit", _PAGE))
        try:
            page = yield from self.get("/threads", "look for the thread", *query)
        except AzureAgentsError as error:
            if isinstance(error, DeadlineError) or is_transient(error):
                raise
            return []  # the listing is Azure's own; without it nothing is found
        return [str(thread["id"]) for thread in self._ours(page.get("data") or ())]

    def has_message(self, thread: str, piece: str) -> Flow[bool]:
        """Whether a message of this turn is on the thread; `piece` is its number in the turn."""
        query = (("order", "desc"), ("limit", _PAGE))
        page = yield from self.get(f"/threads/{thread}/messages", "look for the message", *query)
        ours = self._ours(page.get("data") or ())
        return any(message["metadata"].get(PIECE) == piece for message in ours)

    def messages_of(self, thread: str, run: str) -> Flow[list[JSON]]:
        """Read all messages of a run, oldest first."""
        path = f"/threads/{thread}/messages"
        return (yield from self._all(path, "read the answer", ("run_id", run)))

    def steps_of(self, thread: str, run: str) -> Flow[list[JSON]]:
        """Read all steps of a run, oldest first."""
        return (yield from self._all(f"/threads/{thread}/runs/{run}/steps", "read the steps"))

    def _all(self, path: str, doing: str, *query: tuple[str, str]) -> Flow[list[JSON]]:
        """Read every page of a list: a part of an answer must not pass for the whole."""
        route = self._turn.route(path, ("order", "asc"), ("limit", _PAGE), *query)
        return (yield from read_list(route, self._turn, doing))

    def with_media(self, thread: str) -> Flow[list[str]]:
        """List the ids of messages that hold more than text, newest first."""
        query = (("order", "desc"), ("limit", _PAGE))
        page = yield from self.get(f"/threads/{thread}/messages", "read the thread", *query)
        return [
            str(message["id"])
            for message in page.get("data") or ()
            if any(part.get("type") != "text" for part in message.get("content") or ())
        ]

    def _ours(self, objects: Iterable[JSON]) -> Iterable[JSON]:
        operation = self._turn.operation
        return (one for one in objects if (one.get("metadata") or {}).get(OPERATION) == operation)
