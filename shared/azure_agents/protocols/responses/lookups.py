"""Reading requests of a v2 turn: the state of a response, and which responses are its own.

Reading changes nothing, so it is tried again as often as the policy allows.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from ...errors import ThreadNotFoundError
from ...jsonio import JSON, malformed
from ..commands import Flow, Query
from ..options import OPERATION
from ..sending import fetch
from ..turn import Turn
from ..waiting import poll, suppress_but_deadline

RESPONSES = "/responses"
CONVERSATIONS = "/conversations"
ACTIVE = ("queued", "in_progress")
_LOOK_BACK = "20"  # a turn of ours is among the newest
_MOST_PAGES = 5  # of the list of responses, where many are made at the same time
_MOST_PAGES_BACK = 15  # for a turn of an earlier process: all that it had under way came since


class Lookups:
    """The reading requests of one turn.

    Args:
        turn: The turn.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def ended(self, response_id: str) -> Flow[JSON | None]:
        """Poll a stored response until it is over; None if the service does not know it."""
        route = self._turn.route(f"{RESPONSES}/{response_id}")
        look = partial(fetch, route, self._turn, "look for the response")
        try:
            return (yield from poll(look, active=ACTIVE))
        except ThreadNotFoundError:
            return None

    def ours_on(self, thread: str) -> Flow[JSON | None]:
        """Find this turn's response by the items of a conversation, and poll it to its end."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        route = self._turn.route(f"{CONVERSATIONS}/{thread}/items", *query)
        page = yield from fetch(route, self._turn, "look for the turn")
        with malformed(page):
            ids = dict.fromkeys(item.get("response_id") for item in page.get("data") or ())
        # The newest turns of the conversation; ours is among them unless others were very busy.
        for response_id in [i for i in ids if i][:3]:
            stored = yield from self.ended(response_id)
            if stored and self._is_ours(stored):
                return stored
        return None

    def ours(self) -> Flow[list[JSON]]:
        """List this turn's responses, newest first: background ones, whose ids were lost."""
        with suppress_but_deadline():  # the listing is Azure's own: without it nothing is found
            page = yield from self._newest()
            with malformed(page):
                return [stored for stored in page.get("data") or () if self._is_ours(stored)]
        return []

    def ours_behind(self, parent: str | None) -> Flow[JSON | None]:
        """Find this turn's response that goes on from `parent` in the list of all responses.

        The list holds foreground responses, too (recorded). It is read back to the parent, which
        is older than anything that goes on from it, and no further than `_MOST_PAGES`
        (of a repeated turn: `_MOST_PAGES_BACK`).
        """
        cursor: Query = ()
        for _ in range(_MOST_PAGES_BACK if self._turn.is_repeated else _MOST_PAGES):
            page = yield from self._newest(*cursor)
            with malformed(page):
                for stored in page.get("data") or ():
                    if stored["id"] == parent:
                        return None
                    if self._is_ours(stored) and self._goes_on_from(parent, stored):
                        return cast("JSON", stored)
                if not page.get("has_more") or not page.get("data"):
                    return None
                cursor = (("after", str(page["data"][-1]["id"])),)
        return None

    def _newest(self, *cursor: tuple[str, str]) -> Flow[JSON]:
        """Read a page of the list of the agent's responses, newest first."""
        name = self._turn.settings.agent.name
        query = (("order", "desc"), ("limit", _LOOK_BACK), ("agent_name", name), *cursor)
        route = self._turn.route(RESPONSES, *query)
        return (yield from fetch(route, self._turn, "look for the response"))

    def _goes_on_from(self, parent: str | None, stored: JSON) -> bool:
        return (stored.get("previous_response_id") or parent) == parent

    def with_media(self, thread: str) -> Flow[list[str]]:
        """List the ids of messages on a conversation that hold more than text, newest first."""
        query = (("order", "desc"), ("limit", "100"))
        route = self._turn.route(f"{CONVERSATIONS}/{thread}/items", *query)
        page = yield from fetch(route, self._turn, "read the conversation")
        messages = [item for item in page.get("data") or () if item.get("type") == "message"]
        return [str(m["id"]) for m in messages if any(map(_is_media, m.get("content") or ()))]

    def _is_ours(self, stored: JSON) -> bool:
        return bool((stored.get("metadata") or {}).get(OPERATION) == self._turn.operation)


def _is_media(part: JSON) -> bool:
    return part.get("type") in ("input_image", "input_file")
