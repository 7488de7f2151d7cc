"""Stop a run or response that goes on by itself."""

from __future__ import annotations

from ..commands import Flow, Send
from ..errors import InvalidRequestError
from .steps import read_object, send
from .turn import Turn


def cancel(
    turn: Turn, *, response_id: str | None, thread_id: str | None, run_id: str | None
) -> Flow[str]:
    """Cancel on the server; the result is the status the service answers with.

    Raises:
        InvalidRequestError: The ids are not those of the agent's generation.
    """
    if turn.settings.agent.generation == "v2":
        if response_id is None or thread_id or run_id:
            raise InvalidRequestError("a v2 agent's answer is cancelled by its response_id alone")
        request = Send("POST", f"/openai/v1/responses/{response_id}/cancel")
    else:
        if thread_id is None or run_id is None or response_id:
            raise InvalidRequestError("a classic run is cancelled by its thread_id and run_id")
        version = (("api-version", turn.settings.api_version),)
        request = Send("POST", f"/threads/{thread_id}/runs/{run_id}/cancel", query=version)
    reply = yield from send(request, turn, "cancel the turn")
    return str(read_object(reply).get("status"))
