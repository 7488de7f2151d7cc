"""The worked table in the docstring of `delivery` is played, row by row."""

from __future__ import annotations

import json
import re

from azure_agents.errors import StreamInterruptedError
from azure_agents.events import Event, MediaOutput, TextDelta, ToolCallDelta
from azure_agents.protocols import delivery

COLUMNS = ["source", "event in", "event out", "text delivered"]


def table() -> list[list[str]]:
    """Read the rows of the table: its lines are indented, its columns two spaces apart."""
    lines = (delivery.__doc__ or "").splitlines()
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines if re.match(r"    \S", line)]
    assert COLUMNS == rows[0]
    return rows[2:]


def event_of(words: str) -> Event | None:
    """Read an event as the table writes it."""
    kind, _, rest = words.partition(" ")
    match kind:
        case "text":
            item, _, text = rest.partition(" ")
            return TextDelta(json.loads(text), item)
        case "image":
            return MediaOutput("msg", "image", rest)
        case "call":
            index, id, name, arguments = rest.split(" ")
            return ToolCallDelta(int(index), id, name, arguments)
        case "rest":
            index, arguments = rest.split(" ")
            return ToolCallDelta(int(index), "", "", arguments)
        case _:
            assert "nothing" == words
            return None


def outcome(attempt: delivery.Attempt, event: Event) -> Event | str | None:
    """Return what goes out for one event, or the name of the error."""
    try:
        return attempt.take(event)
    except StreamInterruptedError as error:
        return type(error).__name__


def test_the_table_of_the_docstring_is_true() -> None:
    """Every row gives what the table says, and so does the text that is delivered after it."""
    delivered = delivery.Delivered()
    attempts: dict[str, delivery.Attempt] = {}
    rows = table()
    for source, given, expected, text in rows:
        if source not in attempts:
            attempts[source] = delivery.Attempt(delivered)
            attempts[source].belongs_to("resp_1" if source in ("stream", "stored") else source)
        event = event_of(given)
        assert event is not None
        out = outcome(attempts[source], event)
        is_error = expected == StreamInterruptedError.__name__
        wanted = event if expected == "the same" else expected if is_error else event_of(expected)
        assert (given, wanted, json.loads(text)) == (given, out, delivered.text)
    assert 15 == len(rows)
