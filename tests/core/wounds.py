"""Streams with places that are missing or hold something else, whatever their protocol."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, TypeAlias

from hypothesis import strategies as st

JSON = dict[str, Any]
Wounds: TypeAlias = list[tuple[int, int, tuple[Any] | None]]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 10**30),
    st.floats(allow_nan=False),
    st.text(max_size=3),
    st.just("\ud800"),
    st.just([]),
    st.just({}),
    st.just([None]),
    st.just({"id": 1, "type": [], "text": None}),
)
# Which event (the long streams are mostly deltas: their ends are broken more often), which place
# in it, what it holds instead; None: it is missing.
WOUNDS = st.lists(
    st.tuples(
        st.integers(0, 500) | st.sampled_from([-2, -1]),
        st.integers(0, 500),
        st.none() | st.tuples(JUNK),
    ),
    min_size=1,
    max_size=3,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in pairs:
            yield from places(inner, (*path, key))


def broken(events: list[JSON], wounds: Wounds) -> list[JSON]:
    """The events, with their wounds."""
    events = copy.deepcopy(events)
    for event, place, junk in wounds:
        holder: Any = events[event % len(events)]
        found = [*places(holder)]
        *way, key = found[place % len(found)] if found else ["type"]
        for step in way:
            holder = holder[step]
        if junk is not None:
            holder[key] = copy.deepcopy(junk[0])
        elif isinstance(holder, dict):
            holder.pop(key, None)
    return events
