"""Stop the background responses that a turn may have begun, once no caller waits for them.

A background response outlives its connection and is charged for. So every request for one is noted
before it is sent, and dropped again if it was refused. When the turn ends, those that may still go
on are cancelled. A foreground response ends with its connection and needs no such care.
"""

from __future__ import annotations

from functools import partial

from ...errors import AzureAgentsError
from ...naming import shown
from ..commands import Flow, Send
from ..sending import ask_to_stop
from ..turn import Turn
from ..waiting import complete_cleanup, try_cleanup
from .lookups import ACTIVE, RESPONSES, Lookups
from .reader import ResponseReader


class ResponseCleanup:
    """The background responses of one turn, and how they are stopped.

    Args:
        turn: The turn.
        lookups: Its reading requests.
    """

    def __init__(self, turn: Turn, lookups: Lookups) -> None:
        self._turn = turn
        self._lookups = lookups
        self._noted: list[ResponseReader] = []
        self._left: list[str | None] = []  # ids of those that could not be stopped, where known

    def note(self, reader: ResponseReader) -> None:
        """Remember a response before the request is sent that may begin it."""
        self._noted.append(reader)

    def drop(self, reader: ResponseReader) -> None:
        """Forget a response whose request had no effect."""
        self._noted = [noted for noted in self._noted if noted is not reader]

    def stop(self) -> Flow[None]:
        """Cancel whatever may still go on; failures are kept for `report_left`."""
        yield from complete_cleanup(self._stop_all)

    def _stop_all(self) -> Flow[None]:
        while self._noted:
            reader = self._noted[0]
            goes_on = not reader.is_done or reader.response.get("status") in ACTIVE
            if goes_on and not (yield from try_cleanup(partial(self._stop, reader.response_id))):
                self._left.append(reader.response_id)
            self._noted = self._noted[1:]

    def _stop(self, response_id: str | None) -> Flow[None]:
        ids = [response_id] if response_id is not None else []
        if response_id is None:
            found = yield from self._lookups.ours()
            ids = [ours["id"] for ours in found if ours.get("status") in ACTIVE]
        for id in ids:
            route = self._turn.route(f"{RESPONSES}/{id}/cancel")
            yield from ask_to_stop(Send("POST", route), self._turn)

    def report_left(self, error: AzureAgentsError) -> None:
        """Name the responses that could not be stopped on the error of the turn."""
        for left in self._left:
            named = (
                f"the response {shown(left)}"
                if left
                else "a response that this turn may have begun"
            )
            error.add_facts(response_id=left)
            error.say_more(f"{named} could not be stopped and may go on")
