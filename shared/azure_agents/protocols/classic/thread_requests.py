"""Create a classic thread, put messages on it, delete it.

A thread that is created with a run is created by `requests`. Here are the other ways: a thread by
itself, and messages one by one where a single body would hold too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ...errors import AzureAgentsError, BadRequestError
from ...jsonio import JSON, dumps
from ...messages import Message
from ..commands import Flow, Reply, Send
from ..options import OPERATION, PIECE
from ..retry import may_have_been_applied, was_not_applied
from ..sending import is_too_large, read_object, retrying, send
from ..turn import Turn
from ..waiting import none_if_it_fails, suppress_but_deadline, turn_unknown_error, wait_until_found
from .codec import encode_messages
from .lookups import Lookups


class ThreadRequests:
    """The requests of one turn that create or change a thread without running on it.

    Args:
        turn: The turn.
        lookups: Its reading requests.
    """

    def __init__(self, turn: Turn, lookups: Lookups) -> None:
        self._turn = turn
        self._lookups = lookups
        self._posted: dict[str, int] = {}  # thread -> how many messages were posted one by one

    def create(self, messages: Sequence[Message]) -> Flow[str]:
        """Create a thread that holds `messages`; returns its id."""
        try:
            return (yield from self._create(messages))
        except BadRequestError as error:
            if not is_too_large(error):
                raise
            return (yield from self.create_one_by_one(messages))

    def create_one_by_one(self, messages: Sequence[Message]) -> Flow[str]:
        """Create an empty thread and post each message; returns its id.

        The caps on messages in one body are not documented. This is the way past them.
        """
        thread = yield from self._create(())
        yield from self.append(thread, messages)
        return thread

    def _create(self, messages: Sequence[Message]) -> Flow[str]:
        body = self.named({"messages": encode_messages(messages)})
        reply = yield from self._post("/threads", body, "create a thread")
        return str(read_object(reply)["id"])

    def named(self, body: JSON, **more: str) -> JSON:
        """Return the body with the key of the turn, by which what it creates can be found."""
        return {**body, "metadata": {OPERATION: self._turn.operation, **more}}

    def has_posted_to(self, thread: str) -> bool:
        """Whether messages of this turn were posted to the thread one by one."""
        return thread in self._posted

    def append(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        """Post messages to a thread one by one, each once, going on where an earlier call ended.

        A thread may turn busy between two messages: then the flow waits and calls again.
        """
        for number, message in enumerate(encode_messages(messages)):
            if number < self._posted.get(thread, 0):
                continue
            body = self.named({**message}, **{PIECE: str(number)})
            try:
                yield from self._post(f"/threads/{thread}/messages", body, "post a message")
            except AzureAgentsError as error:
                if not may_have_been_applied(error):
                    raise
                yield from self._confirm(thread, str(number), error)
            self._posted[thread] = number + 1

    def _confirm(self, thread: str, piece: str, lost: AzureAgentsError) -> Flow[None]:
        """Confirm that a message whose reply was lost was stored.

        Raises:
            AzureAgentsError: `lost`, if it was not. On a pinned thread, which cannot be left for
                another one, only the deadline ends the search.
        """
        look = partial(self._lookups.has_message, thread, piece)
        if (yield from none_if_it_fails(look)):
            return
        if self._turn.pin is None:
            raise lost
        unknown = turn_unknown_error(lost, "the message", self._turn.pin)
        yield from wait_until_found(look, self._turn, unknown)

    def _post(self, path: str, body: JSON, doing: str) -> Flow[Reply]:
        request = Send("POST", self._turn.route(path), dumps(body))
        attempt = partial(send, request, self._turn, doing)
        return (yield from retrying(attempt, self._turn, when=was_not_applied))

    def delete(self, thread: str | None) -> Flow[None]:
        """Delete a thread that is not used again, if there is one; a failure is let pass."""
        if thread is None:
            return
        with suppress_but_deadline():
            yield Send("DELETE", self._turn.route(f"/threads/{thread}"))
