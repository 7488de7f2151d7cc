"""What tests of the recordings share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from azure_agents.errors import ServiceError
from azure_agents.events import Event, Finished
from azure_agents.fold import Completion, fold
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader

FOLDER = Path(__file__).parents[3] / "shared" / "recordings"


if not FOLDER.is_dir():
    pytest.skip(f"the recordings are not here: {FOLDER}", allow_module_level=True)


JSON = dict[str, Any]
END = Finished("stop", "completed")


class Entry(NamedTuple):
    """One recorded request with its answer."""

    file: str
    number: int
    path: str
    status: int
    headers: JSON
    body: Any
    sse: str

    @property
    def frames(self) -> list[tuple[str, JSON]]:
        """The events of a stream, read in the simplest way: recorded frames are one line each."""
        blocks = (block.splitlines() for block in self.sse.split("\n\n") if block.strip())
        pairs = ((name[len("event: ") :], data[len("data: ") :]) for name, data in blocks)
        return [(name, json.loads(data)) for name, data in pairs if data != "[DONE]"]

    def data(self, *names: str) -> list[JSON]:
        """The data of all events of these names."""
        return [data for name, data in self.frames if name in names]


def load(path: Path) -> Iterator[Entry]:
    """The entries of one file."""
    name = f"{path.parent.name}/{path.stem}"
    for number, entry in enumerate(json.loads(path.read_text("utf-8"))["entries"]):
        answer = entry["response"]
        yield Entry(
            name,
            number,
            entry["request"]["path"],
            answer["status"],
            answer["headers"],
            answer.get("body"),
            answer.get("sse") or "",
        )


ENTRIES = [entry for path in sorted(FOLDER.glob("*/*.json")) for entry in load(path)]
STREAMS = [e for e in ENTRIES if e.sse]


V2_STREAMS = [e for e in STREAMS if e.path.endswith("/responses")]
RESPONSES = [
    e
    for e in ENTRIES
    if isinstance(e.body, dict) and e.body.get("object") == "response" and "output" in e.body
]


def label(entry: Entry | TextAnswer | ErrorFacts) -> str:
    """How an entry is called in a test's name."""
    return f"{entry.file}[{entry.number}]"


def entry_of(file: str, number: int) -> Entry:
    """One entry by its place."""
    return next(e for e in ENTRIES if (e.file, e.number) == (file, number))


def reader_for(entry: Entry, *, deltas: bool = True) -> ResponseReader | RunReader:
    """A reader of the entry's generation."""
    if entry in V2_STREAMS or entry in RESPONSES:
        return ResponseReader(Delivered())
    return RunReader(Delivered(), deltas=deltas)


def folded(events: list[Event]) -> Completion:
    """The completion of one source."""
    return fold([*events, END])


class TextAnswer(NamedTuple):
    """What a recorded text answer says, written down by hand."""

    file: str
    number: int
    text: str
    tokens: tuple[int, int] | None
    thread: str | None
    turn: str
    items: list[str]


class ErrorFacts(NamedTuple):
    """What a recorded error says, written down by hand."""

    file: str
    number: int
    cls: type[ServiceError]
    code: str | None
    param: str | None
    request_id: str | None
    sentence: str


RUNS = [e for e in ENTRIES if isinstance(e.body, dict) and e.body.get("object") == "thread.run"]
