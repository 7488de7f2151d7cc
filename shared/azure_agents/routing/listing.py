"""A list of several resources, as a router's method gives it: a flow over routed calls, no I/O."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, TypeAlias

from ..errors import InvalidRequestError
from ..jsonio import JSON
from ..models.answers import Answer
from ..models.resource_calls import page_query
from ..naming import shown
from . import lists, sticky
from .calls import RoutedCall
from .engine import Engine

Pages: TypeAlias = Generator[Sequence[RoutedCall], Sequence[Answer], Answer]


def listing(
    engine: Engine, operation: str, model: object, given: Mapping[str, Any]
) -> Pages | None:
    """The flow of a list; yields calls that may be made at the same time.

    Args:
        engine: Of the router.
        operation: One of `lists.LISTS`.
        model: Whose resources are asked; None: all.
        given: The other arguments of the call.

    Returns:
        None, where one resource is asked: its own list is the answer.

    Raises:
        InvalidRequestError: The model is unknown, or an argument is wrong.
    """
    shared = {k: v for k, v in given.items() if k not in ("limit", "after")}
    first = engine.read(operation, model, shared)
    if len(first.job.groups) == 1:
        return None
    page_query(given.get("limit"), None)
    return _Listing(engine, first, model, given).pages()


class _Listing:
    def __init__(
        self, engine: Engine, first: RoutedCall, model: object, given: Mapping[str, Any]
    ) -> None:
        self._engine, self._job, self._model, self._given = engine, first.job, model, given
        self._homes = [group[0] for group in first.job.groups]
        most = first.job.most_seconds
        self._end = None if most is None else engine.settings.clock.time() + most

    def pages(self) -> Pages:
        operation, given = self._job.operation, self._given
        limit = given.get("limit") or lists.USUAL[operation]
        start = yield from self._start()
        flow = lists.merged(
            [_every] * len(self._homes),
            limit,
            start,
            ascending=lists.is_ascending(operation, (given.get("extra_query") or {}).get("order")),
            size=min(limit, lists.PAGE),
        )
        pages: list[JSON] | None = None
        while True:
            try:
                asks = next(flow) if pages is None else flow.send(pages)
            except StopIteration as end:
                return self._told(end.value)
            answers = yield [self._page(ask) for ask in asks]
            pages = [answer.model_dump() for answer in answers]

    def _start(self) -> Generator[Sequence[RoutedCall], Sequence[Answer], lists.Start | None]:
        """Look at the thing behind which the page begins: only its resource knows its time."""
        after = self._given.get("after")
        if after is None:
            return None
        look, name = lists.LISTS[self._job.operation]
        own = {k: v for k, v in self._given.items() if k not in _OF_LISTS}
        (thing,) = yield [self._timed(self._engine.read(look, self._model, {**own, name: after}))]
        id, _, mark = str(thing["id"]).rpartition("~")
        return lists.start_of(id, thing.model_dump(), self._place_of(mark, after))

    def _place_of(self, mark: str, after: object) -> int:
        made_by = self._engine.book.by_mark[mark]
        for at, home in enumerate(self._homes):
            if home.resource == made_by.resource:
                return at
        raise InvalidRequestError(
            f"after={shown(after)} was made on {made_by.id}, which this list does not hold: pass "
            "the last id of the page before",
            param="after",
        )

    def _page(self, ask: lists.Ask) -> RoutedCall:
        given = {**self._given, "limit": ask.size, "after": ask.after}
        at = ((self._homes[ask.at],),)
        return self._timed(self._engine.read_for(self._job.operation, given, at))

    def _timed(self, call: RoutedCall) -> RoutedCall:
        """The call with what is left of the caller's time."""
        if self._end is None:
            return call
        left = max(0.0, self._end - self._engine.settings.clock.time())
        return call._replace(job=call.job._replace(most_seconds=left))

    def _told(self, page: lists.Merged) -> Answer:
        data = [sticky.marked(item, self._homes[at].mark) for at, item in page.found]
        hidden = {"model_group": self._job.asked}
        return Answer(lists.told_page(data, has_more=page.has_more), hidden)


_OF_LISTS = frozenset({"after", "extra_query", "limit", "purpose"})


def _every(_: JSON) -> bool:
    return True
