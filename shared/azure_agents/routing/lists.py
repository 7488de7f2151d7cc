"""Lists of files, batches and jobs over several resources: one list, the newest first. Pure.

Each resource is asked for its own list, and the lists are merged by the time that a thing was made.
The next page begins behind the caller's last id: its own resource goes on behind it, the others
behind the time that it was made. So nothing is stored, lost or doubled.

A list that comes whole is sorted here: where a service knows no pages, its list has any order. One
that comes in pages is taken as the service's documentation says, the newest first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeAlias

from ..errors import ProtocolError
from ..jsonio import JSON

# What looks at one thing of a list, and the argument of that function that names it.
LISTS = {
    "file_list": ("file_retrieve", "file_id"),
    "list_batches": ("retrieve_batch", "batch_id"),
    "list_fine_tuning_jobs": ("retrieve_fine_tuning_job", "fine_tuning_job_id"),
}
_ORDERED = frozenset({"file_list"})  # the other lists know no `order`
MOST = 10_000  # things that a page of a service may have
USUAL = {"file_list": MOST, "list_batches": 20, "list_fine_tuning_jobs": 20}
PAGE = 100

Keeps: TypeAlias = Callable[[JSON], bool]


class Start(NamedTuple):
    """Where a page begins: behind this thing.

    Attributes:
        id: As its resource knows it.
        made: When, in Unix seconds.
        at: Which of the resources it belongs to.
    """

    id: str
    made: float
    at: int


class Ask(NamedTuple):
    """Ask a resource for a page of its list.

    Attributes:
        at: Which of the resources.
        size: How many things at most.
        after: The last thing of its page before; None: from the start.
    """

    at: int
    size: int
    after: str | None


class Merged(NamedTuple):
    """A page.

    Attributes:
        found: Its things, each with its resource.
        has_more: There are more behind it.
    """

    found: list[tuple[int, JSON]]
    has_more: bool


Merging: TypeAlias = Generator[Sequence[Ask], Sequence[Any], Merged]


def is_ascending(operation: str, order: object) -> bool:
    """Whether a list is asked for with the oldest first.

    Args:
        operation: One of `LISTS`.
        order: As the caller gave it.
    """
    return operation in _ORDERED and order == "asc"


def start_of(id: str, thing: JSON, at: int) -> Start:
    """Where a page begins behind a thing.

    Args:
        id: Of the thing.
        thing: As its resource tells of it.
        at: Which of the resources.
    """
    return Start(id, _made(thing), at)


def told_page(data: list[JSON], *, has_more: bool) -> JSON:
    """A page as a service would tell it.

    Args:
        data: Its things, with ids as the caller is to know them.
        has_more: There are more behind it.
    """
    ids = [one.get("id") for one in data]
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    told = {"first_id": first, "last_id": last, "has_more": has_more}
    return {"object": "list", "data": data, **told}


def merged(
    keeps: Sequence[Keeps],
    limit: int | None,
    start: Start | None,
    *,
    ascending: bool,
    size: int = PAGE,
) -> Merging:
    """Merge the lists of some resources; yields what may be asked at the same time.

    Args:
        keeps: For each resource, which of its things the list may show.
        limit: How many things the page has at most; None: all.
        start: Where it begins.
        ascending: The oldest comes first.
        size: How many things are asked for at once.

    Raises:
        ProtocolError: An answer is no list.
    """
    heads = [_Head(at, one, start, ascending=ascending) for at, one in enumerate(keeps)]
    found: list[tuple[int, JSON]] = []
    while True:
        while dry := [head for head in heads if head.is_dry]:
            pages = yield [Ask(head.at, size, head.after) for head in dry]
            for head, page in zip(dry, pages, strict=True):
                head.take(page)
        left = [head for head in heads if head.items]
        if not left or len(found) == limit:
            return Merged(found, bool(left))
        best = min(left, key=lambda head: (head.rank(head.items[0]), head.at))
        found.append((best.at, best.items.popleft()))


class _Head:
    """The list of one resource, as far as it was read and not given yet."""

    def __init__(self, at: int, keeps: Keeps, start: Start | None, *, ascending: bool) -> None:
        self.at, self.items = at, deque[JSON]()
        self._keeps, self._start, self._sign = keeps, start, 1 if ascending else -1
        self._is_home = start is not None and start.at == at
        self.after = start.id if start is not None and start.at == at else None
        self._is_first, self._is_read = True, False

    @property
    def is_dry(self) -> bool:
        """Whether it must be asked before it can be compared."""
        return not self.items and not self._is_read

    def rank(self, item: JSON) -> float:
        """What a thing is ordered by."""
        return self._sign * _made(item)

    def take(self, page: Any) -> None:
        """Take a page in."""
        items = _items(page)
        last = str(items[-1].get("id")) if items else None
        self._is_read = not page.get("has_more") or last in (None, self.after)
        if self._is_first and self._is_read:
            items.sort(key=self.rank)
        self.items.extend(one for one in self._behind(items) if self._keeps(one))
        self.after, self._is_first = last, False

    def _behind(self, items: list[JSON]) -> list[JSON]:
        if self._start is None:
            return items
        if not self._is_home:
            return [one for one in items if self._is_behind(one, self._start)]
        # A service that knows no pages begins with the first thing again.
        ids = [one.get("id") for one in items]
        return items[ids.index(self._start.id) + 1 :] if self._start.id in ids else items

    def _is_behind(self, item: JSON, start: Start) -> bool:
        rank, begun = self.rank(item), self._sign * start.made
        return rank > begun or (rank == begun and self.at > start.at)


def _made(item: JSON) -> float:
    made = item.get("created_at")
    return float(made) if isinstance(made, int | float) else 0.0


def _items(page: Any) -> list[JSON]:
    found = page.get("data") if isinstance(page, dict) else None
    if not isinstance(found, list):
        raise ProtocolError("a list of the service has no data")
    return [one for one in found if isinstance(one, dict)]
