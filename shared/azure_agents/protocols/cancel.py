"""Stop a run or response that goes on by itself."""

from __future__ import annotations

from ..errors import InvalidRequestError
from ..naming import check_id
from .commands import Flow, Send
from .sending import read_object, send
from .turn import Turn


def cancel(
    turn: Turn, *, response_id: str | None, thread_id: str | None, run_id: str | None
) -> Flow[str]:
    """Cancel on the server; the result is the status the service answers with.

    Raises:
        InvalidRequestError: The ids are not those of the agent's generation, or none at all.
    """
    if turn.settings.agent.generation == "v2":
        if response_id is None or thread_id or run_id:
            raise InvalidRequestError("a v2 agent's answer is cancelled by its response_id alone")
        path = f"/openai/v1/responses/{check_id(response_id, 'response')}/cancel"
        request = Send("POST", path)
    else:
        if thread_id is None or run_id is None or response_id:
            raise InvalidRequestError("a classic run is cancelled by its thread_id and run_id")
        version = (("api-version", turn.settings.api_version),)
        thread, run = check_id(thread_id, "thread"), check_id(run_id, "run")
        request = Send("POST", f"/threads/{thread}/runs/{run}/cancel", query=version)
    reply = yield from send(request, turn, "cancel the turn")
    return str(read_object(reply).get("status"))
