"""Every server-side tool of the recordings: what it was asked and what it told, exactly."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.events import Event, MediaOutput, ServerToolCall, ServerToolResult
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.classic.step_tools import ACTIVITIES, CALLS
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.items import ITEMS

from . import item_samples as samples
from .recorded import ENTRIES, RESPONSES, STREAMS, Entry, entry_of, label, reader_for
from .recorded_tools import PAINTED, USED, Begins, Used

WAITING = "v2/computer_use"  # the only call that has no result: its caller moves the mouse


def used(events: list[Event]) -> list[Used]:
    """The tools of an answer in the same form."""
    results = {e.id: e for e in events if isinstance(e, ServerToolResult)}
    calls = [e for e in events if isinstance(e, ServerToolCall)]
    assert all(result.status == "success" for result in results.values())
    return [
        Used(
            c.name, c.id, c.arguments, c.details, results[c.id].output if c.id in results else None
        )
        for c in calls
    ]


def read(entry: Entry) -> list[Event]:
    """The events of a recorded answer."""
    reader = reader_for(entry)
    if entry.sse:
        return list(reader.feed(entry.sse.encode()))
    assert not isinstance(reader, RunReader)
    return reader.read(entry.body)


@pytest.mark.parametrize("entry", [*STREAMS, *RESPONSES], ids=label)
def test_tools_are_read_exactly(entry: Entry) -> None:
    """Names, arguments, details and outputs, in order; an answer without tools has none."""
    events = read(entry)
    assert USED.get((entry.file, entry.number), []) == used(events)
    ended = {event.id for event in events if isinstance(event, ServerToolResult)}
    called = {event.id for event in events if isinstance(event, ServerToolCall)}
    assert (entry.file == WAITING) == (called != ended)


def test_what_a_polled_run_did_is_read_from_its_steps() -> None:
    """The recorded browser automation of a classic run: its steps are part of what it told."""
    file = "classic/browser_automation_polled"
    run, listed, steps = (entry_of(file, number).body for number in (5, 6, 7))
    messages = [message for message in listed["data"] if message["run_id"]]
    events = RunReader(Delivered()).read(run, reversed(messages), reversed(steps["data"]))
    (tool,) = used(events)
    assert (
        "browser_automation",
        "call_05dtvTFfgf2cvQ36D5snIoCe",
        {"input": Begins('Go to "https://finance.yahoo.com" and search for "MSFT". Click on the')},
        "The year-to-date (YTD) stock price change for Microsoft (MSFT) is 24.01%.",
        2,
    ) == (tool.name, tool.id, tool.arguments, tool.output["output"], len(tool.output["steps"]))


def test_a_painted_image_is_read_exactly() -> None:
    """The recorded image, as far as it was kept."""
    events = read(entry_of("v2/image_generation_preview_api", 1))
    item = "ig_0cda52149085f4eb006932efcb972c819490d72da8e6add641"
    assert [MediaOutput(item, "image", data=PAINTED, mime_type="image/png")] == [
        event for event in events if isinstance(event, MediaOutput)
    ]


def recorded_types(value: Any, key: str) -> set[str]:
    """The types of all objects in the lists of this name, wherever they stand."""
    if isinstance(value, list):
        return {kind for one in value for kind in recorded_types(one, key)}
    if not isinstance(value, dict):
        return set()
    here = value.get(key) if isinstance(value.get(key), list) else []
    found = {one["type"] for one in here if isinstance(one, dict) and "type" in one}
    return found | {kind for one in value.values() for kind in recorded_types(one, key)}


BODIES = [*(e.body for e in ENTRIES), *(data for e in STREAMS for _, data in e.frames)]


def test_what_counts_as_recorded_is_recorded() -> None:
    """The page of the items says of each type where its shape comes from; that is checked here."""
    told = {
        generation: {kind for kind, word in table.items() if word == samples.RECORDING}
        for generation, table in samples.KNOWN_FROM.items()
    }
    v2 = recorded_types(BODIES, "output")
    classic = recorded_types(BODIES, "tool_calls") | recorded_types(BODIES, "activities")
    assert told["v2"] & ITEMS.keys() == v2 & ITEMS.keys()
    known = CALLS.keys() | ACTIVITIES.keys()
    assert told["classic"] & known == classic & known
