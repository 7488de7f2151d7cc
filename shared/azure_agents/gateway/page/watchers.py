"""Those who watch: server-sent events, one snapshot a second for all of them together.

Nothing is made while nobody watches, and there are never many: what one of them holds is a task and
a connection. Each second a watcher's key is looked at again, so a key that a reload took away, or
that expired, sees no more. One that does not read is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from ...jsonio import JSON, dumps
from ..asgi import Receive, while_there
from ..out import Out
from ..refusals import Refusal

MOST = 20
EVERY = 1.0  # seconds
_PATIENCE = 10.0  # seconds that a watcher may take to read


class Watchers:
    """The watchers of one process.

    Args:
        look: Makes a snapshot.
    """

    def __init__(self, look: Callable[[], JSON]) -> None:
        self._look = look
        self._event, self._made_at = b"", float("-inf")
        self.number = 0

    async def serve(self, receive: Receive, out: Out, check: Callable[[], object]) -> None:
        """Send snapshots until the watcher leaves.

        Args:
            receive: Of the request.
            out: Of the request.
            check: Raises `Refusal` as soon as the watcher may see no more.

        Raises:
            Refusal: There are too many already, or it may see no more.
            ClientGone: It left.
        """
        if self.number >= MOST:
            raise Refusal(503, f"{MOST} pages watch already: close one", retry_after=_PATIENCE)
        self.number += 1
        try:
            with while_there(receive):
                await out.begin([(b"cache-control", b"no-store")])
                while True:
                    await self._tell(out)
                    await asyncio.sleep(EVERY)
                    check()
        finally:
            self.number -= 1

    async def _tell(self, out: Out) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await out.piece(self._latest())
        except TimeoutError as late:
            raise Refusal(408, "the page did not read in time") from late

    def _latest(self) -> bytes:
        now = monotonic()
        # A little earlier than the next tick, or each watcher would wait for two of them.
        if now - self._made_at >= EVERY / 2:
            self._event = b"data: " + dumps(self._look()) + b"\n\n"
            self._made_at = now
        return self._event
