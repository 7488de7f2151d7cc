"""Cursor lists of both generations: newest first, twenty at a time, unless asked otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from . import problems

if TYPE_CHECKING:
    from ...jsonio import JSON


def page(
    oldest_first: Sequence[JSON],
    query: Mapping[str, str],
    key: Callable[[JSON], str] = lambda item: str(item["id"]),
) -> tuple[list[JSON], bool]:
    """Return the part of a list that a query asks for, and whether there is more."""
    items = list(oldest_first)
    if _order(query) == "desc":
        items.reverse()
    if after := query.get("after"):
        items = items[_position(items, after, "after", key) + 1 :]
    elif before := query.get("before"):
        items = items[: _position(items, before, "before", key)]
    limit = _limit(query)
    return items[:limit], len(items) > limit


def _order(query: Mapping[str, str]) -> str:
    order = query.get("order", "desc")
    if order not in {"asc", "desc"}:
        message = f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'."
        raise problems.openai(400, message, param="order", code="invalid_value")
    return order


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "20")
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        message = f"Invalid 'limit': '{text}'. Expected a value between 1 and 100."
        raise problems.openai(400, message, param="limit", code="invalid_value")
    return int(text)


def _position(items: Sequence[JSON], cursor: str, name: str, key: Callable[[JSON], str]) -> int:
    for position, item in enumerate(items):
        if key(item) == cursor:
            return position
    # Not recorded: how the service refuses an unknown cursor.
    raise problems.openai(400, f"Invalid '{name}': no item with id '{cursor}'.", param=name)


def classic_list(oldest_first: Sequence[JSON], query: Mapping[str, str]) -> JSON:
    """Build the list envelope of the classic generation."""
    data, has_more = page(oldest_first, query)
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }


def v2_list(oldest_first: Sequence[JSON], query: Mapping[str, str]) -> JSON:
    """Build the list envelope of v2; an empty list has no first_id and last_id."""
    data, has_more = page(oldest_first, query)
    edges = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {}
    return {"data": data, **edges, "has_more": has_more, "object": "list"}
