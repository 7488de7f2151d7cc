"""Resume a background response by its id, from any process."""

from __future__ import annotations

from functools import partial

from ...errors import AzureAgentsError, BadRequestError, InvalidRequestError
from ...naming import check_id
from ..commands import Emit, Flow
from ..retry import may_have_been_applied
from ..sending import retrying
from ..turn import Turn
from .flow import finished_of
from .reader import ResponseReader
from .requests import ResponseRequests


def resume_response(turn: Turn, response_id: str, starting_after: int | None) -> Flow[None]:
    """Deliver the events of a response behind event `starting_after`, and how it ended.

    The response is read from its start, and what the caller has is left out. Only so the rest is
    exact when something repeats the whole: the final event, or the stored response where the stream
    is cut for good. A response that was not made for streaming is waited for and delivered whole.

    Raises:
        InvalidRequestError: The id is malformed, or the agent is a classic one.
    """
    if turn.settings.agent.generation != "v2":
        raise InvalidRequestError(
            f"{response_id!r} cannot be resumed with {turn.settings.agent.requested!r}: only "
            "background responses of v2 agents can. A classic run ends with the call that started "
            "it: ask again with the history"
        )
    id = check_id(response_id, "response")
    requests = ResponseRequests(turn)
    reader = ResponseReader(requests.delivered, seen=starting_after)
    try:
        yield from retrying(partial(requests.resume, reader, id), turn, when=may_have_been_applied)
    except AzureAgentsError as error:
        is_plain = isinstance(error, BadRequestError)
        error.add_facts(response_id=response_id)
        if not is_plain and not (may_have_been_applied(error) and reader.has_caught_up):
            raise
        stored = yield from requests.lookups.ended(id)
        if stored is None:
            raise
        yield from requests.deliver(reader, stored)
    yield Emit([finished_of(reader.checked().response)])
