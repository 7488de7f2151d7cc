"""Background responses, taken up again by anybody who knows their id."""

from __future__ import annotations

from functools import partial

from ...commands import Emit, Flow, Pump, Send
from ...errors import AzureAgentsError, BadRequestError, ConnectionLostError
from ...file_references import check_id
from ...retry import is_unknown
from ..delivery import Delivered
from ..steps import fetch, poll, send
from ..turn import Turn
from .calls import ACTIVE, RESPONSES
from .flow import finished_of
from .reader import ResponseReader


def resume_response(turn: Turn, response_id: str, starting_after: int | None) -> Flow[None]:
    """Tell the rest of a response, behind event `starting_after`, and how it ended.

    A response that was not made for streaming is waited for and told whole.

    Raises:
        InvalidRequestError: The id is none.
    """
    reader = ResponseReader(Delivered())
    query = [("stream", "true")]
    if starting_after is not None:
        query.append(("starting_after", str(starting_after)))
    path = f"{RESPONSES}/{check_id(response_id, 'response')}"
    try:
        request = Send("GET", path, query=tuple(query), stream=True)
        yield from send(request, turn, "resume the response", response_id=response_id)
        yield Pump(reader)
        if not reader.is_done:
            raise ConnectionLostError("the stream ended before the answer did")
    except AzureAgentsError as error:
        if not isinstance(error, BadRequestError) and not is_unknown(error):
            raise
        look = partial(fetch, path, turn, "look for the response")
        yield Emit(reader.read((yield from poll(look, active=ACTIVE))))
    if reader.failure is not None:
        raise reader.failure
    yield Emit([finished_of(reader.response)])
