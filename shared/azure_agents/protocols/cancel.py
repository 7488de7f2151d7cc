"""Cancel a run or response by its id."""

from __future__ import annotations

from ..errors import InvalidRequestError
from ..naming import check_id
from .commands import Flow, Send
from .sending import read_object, send
from .turn import Turn


def cancel(
    turn: Turn, *, response_id: str | None, thread_id: str | None, run_id: str | None
) -> Flow[str]:
    """Cancel a run or response; returns the status that the service replies with.

    Raises:
        InvalidRequestError: Ids are missing, or are not those of the agent's generation.
    """
    if turn.settings.agent.generation == "v2":
        if response_id is None or thread_id or run_id:
            raise InvalidRequestError("a v2 agent's answer is cancelled by its response_id alone")
        path = f"/responses/{check_id(response_id, 'response')}/cancel"
    else:
        if thread_id is None or run_id is None or response_id:
            raise InvalidRequestError("a classic run is cancelled by its thread_id and run_id")
        path = f"/threads/{check_id(thread_id, 'thread')}/runs/{check_id(run_id, 'run')}/cancel"
    reply = yield from send(Send("POST", turn.route(path)), turn, "cancel the turn")
    return str(read_object(reply).get("status"))
