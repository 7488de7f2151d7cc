"""Background responses, taken up again by anybody who knows their id."""

from __future__ import annotations

from functools import partial

from ...errors import AzureAgentsError, BadRequestError, InvalidRequestError
from ...naming import check_id
from ..commands import Emit, Flow
from ..retry import is_unknown
from ..sending import retrying
from ..turn import Turn
from .flow import finished_of
from .reader import ResponseReader
from .requests import ResponseCalls


def resume_response(turn: Turn, response_id: str, starting_after: int | None) -> Flow[None]:
    """Tell the rest of a response, behind event `starting_after`, and how it ended.

    It is read from its start: only so the rest can be told exactly, whatever repeats the whole
    (its final event, or the stored response if the stream is cut for good). A response that was not
    made for streaming is waited for and told whole.

    Raises:
        InvalidRequestError: The id is none, or the agent is a classic one.
    """
    if turn.settings.agent.generation != "v2":
        raise InvalidRequestError(
            f"{response_id!r} cannot be resumed with {turn.settings.agent.requested!r}: only "
            "background responses of v2 agents can. A run of a classic agent ends with its call: "
            "ask again, and the turn goes on where the history stands"
        )
    id = check_id(response_id, "response")
    calls = ResponseCalls(turn)
    reader = ResponseReader(calls.delivered, seen=starting_after)
    try:
        yield from retrying(partial(calls.read_on, reader, id), turn, when=is_unknown)
    except AzureAgentsError as error:
        is_plain = isinstance(error, BadRequestError)
        error.add_facts(response_id=response_id)
        if not is_plain and not (is_unknown(error) and reader.has_caught_up):
            raise
        stored = yield from calls.looks.ended(id)
        if stored is None:
            raise
        yield from calls.take(reader, stored)
    if reader.failure is not None:
        raise reader.failure
    yield Emit([finished_of(reader.response)])
