"""Calls of what belongs to a resource: files, batches, fine-tuning jobs.

They are asked of the resource and not of a deployment; `read_resource` reads their arguments, and
`ResourceCall` runs the flow that each needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..naming import check_id, shown
from ..protocols.commands import Flow, Reply
from .answers import Answer
from .call import AnswerCall, bare_request, extra_of, fields_of
from .lost_answers import FOUND, Trace
from .requests import Request, reading
from .settings import ModelSettings, read_settings

Query = tuple[tuple[str, str], ...]


class ResourceCall(AnswerCall):
    """One checked call; nothing has been sent.

    Args:
        settings: Of the call.
        request: What goes up.
        flow: Asks; by default as often as helps.
        bare: What an answer without a body says.
    """

    def __init__(
        self,
        settings: ModelSettings,
        request: Request,
        flow: Callable[[], Flow[Reply]] | None = None,
        bare: JSON | None = None,
    ) -> None:
        super().__init__(settings, request)
        self._flow, self._bare = flow, bare

    def asking(self) -> Flow[Answer]:
        """Make the flow of the call."""
        if self._flow is None:
            return super().asking()
        return reading(self.request, self._flow(), self.answer)

    def answer(self, reply: Reply) -> Answer:
        """Read a whole reply; one that a look in the list made says so in its notes."""
        data = dict(self._bare) if self._bare and not reply.body else self.object_of(reply)
        hidden = self.hidden(reply.headers)
        if FOUND in reply.headers:
            said = f"the answer was lost, and the {reply.headers[FOUND]} was found in the list"
            hidden["notes"] = [*hidden.get("notes", ()), said]
        return Answer(data, hidden)


def read_resource(
    name: str, model: object, given: Mapping[str, Any], *, moves_file: bool = False
) -> ModelSettings:
    """Read the settings of a call without a body of its own.

    Args:
        name: The function, for errors.
        model: The model string, of whose resource it is asked; None: ``custom_llm_provider``'s.
        given: The other arguments of the call.
        moves_file: A file goes up or down, so no limit holds for the whole call unless one was
            passed.

    Raises:
        ConfigError: A setting is missing or wrong.
        InvalidRequestError: An argument is unknown.
    """
    unknown = sorted({**fields_of(given), **extra_of(given)})
    if unknown:
        raise InvalidRequestError(
            f"{name} has no {', '.join(f'{one}=' for one in unknown)}, and no body to put it into: "
            "use extra_query= for a parameter of the service"
        )
    settings = read_settings(model, given)
    return for_files(settings, given) if moves_file else settings


def for_files(settings: ModelSettings, given: Mapping[str, Any]) -> ModelSettings:
    """The settings with which a file goes up or down: it may take longer than a call.

    Each wait stays limited. A limit for the whole that the caller passed holds.

    Args:
        settings: Of the call.
        given: The arguments of the call.
    """
    limits = settings.timeouts
    first, between = limits.first_event or limits.read, limits.between_events or limits.read
    whole = limits.turn if given.get("timeout") is not None else None
    timeouts = replace(limits, turn=whole, first_event=first, between_events=between)
    return replace(settings, timeouts=timeouts)


def named_id(value: object, what: str, name: str) -> str:
    """The id of a file, batch or job, as it may stand in a path.

    Args:
        value: What the caller passed.
        what: What it is the id of.
        name: The argument.

    Raises:
        InvalidRequestError: It is none; an empty one is explained.
    """
    if value is None or value == "":
        raise InvalidRequestError(
            f"{name} is empty: a batch has no output_file_id before it is completed, nor if all of "
            "its requests failed (look into its error_file_id), and no error_file_id without errors"
            if what == "file"
            else f"{name} is empty: pass the id as the service gave it"
        )
    try:
        return check_id(value, what)
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{name}: {error.message}") from None


def page_query(limit: object, after: object, **more: object) -> Query:
    """The query of a list.

    Args:
        limit: How many objects at most; None: as many as the service gives.
        after: The id of the object before the first one; None: from the start.
        more: Other texts of the query; None: left out.

    Raises:
        InvalidRequestError: The limit is no positive number, or the id none.
    """
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise InvalidRequestError(f"limit must be a whole number, 1 or more, got {shown(limit)}")
    if after is not None:
        named_id(after, "list's object", "after")
    texts = {**more, "limit": limit, "after": after}
    return tuple((name, str(value)) for name, value in texts.items() if value is not None)


def trace_of(
    settings: ModelSettings,
    noun: str,
    listing: str,
    fields: Mapping[str, Any],
    *,
    query: Query = (),
    model: str | None = None,
) -> Trace:
    """How what a lost call has made is told from the rest.

    Args:
        settings: Of the call.
        noun: What the call makes.
        listing: The operation that lists such objects.
        fields: What such an object says of itself.
        query: Of the list.
        model: What a job trains.
    """
    clock = settings.seams.get("clock")
    now = time.time if clock is None else clock.time  # a clock that is passed counts Unix seconds
    return Trace(noun, bare_request(settings, listing, query=query), fields, now, model)
