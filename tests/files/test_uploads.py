from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from azure_agents import text_progress
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    BadRequestError,
    ConnectionLostError,
    InvalidRequestError,
    RateLimitError,
)
from azure_agents.files import disk
from azure_agents.messages import Media

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
DATA = b"# Title\n\nText\r\n--not a boundary\r\n"


class OnePass(io.RawIOBase):
    """A stream that can be read once."""

    def __init__(self, data: bytes) -> None:
        self._left = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._left.read(size)

    def seekable(self) -> bool:
        return False


class Counting(io.BytesIO):
    """Counts the bytes that are read from it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def at(stream: BinaryIO, position: int) -> BinaryIO:
    """The stream, somewhere in the middle."""
    stream.seek(position)
    return stream


SOURCES = {
    "path": lambda path: path,
    "text path": str,
    "bytes": lambda _: DATA,
    "stream": lambda _: io.BytesIO(DATA),
    "rest of a stream": lambda _: at(io.BytesIO(b"before" + DATA), 6),
    "one pass": lambda _: OnePass(DATA),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_paths_bytes_and_streams_are_uploaded_whole(
    agents: Any, tmp_path: Path, source: Any
) -> None:
    """Paths, bytes and streams arrive whole and under their name."""
    path = tmp_path / "notes.md"
    path.write_bytes(DATA)
    stored = agents.files.upload(source(path), name="notes.md")
    assert ("notes.md", len(DATA), "assistants", "processed") == (
        stored.name,
        stored.size,
        stored.purpose,
        stored.status,
    )
    assert stored == agents.files.get(stored.id)
    assert DATA == agents.files.content(stored.id)


@pytest.mark.parametrize("name", ['a "b".md', "grüße.md", "a;b=c.md", "100 %.md"])
def test_names_survive_the_form(agents: Any, foundry: Emulator, name: str) -> None:
    """What is special in a header is no way out of it."""
    agents.files.upload(DATA, name=name)
    sent = foundry.requests[-1].body.decode()
    assert f'filename="{name.replace(chr(34), "%22")}"' in sent


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1.md", "a\x00.md", "a\\"])
def test_no_name_adds_a_header(agents: Any, foundry: Emulator, name: str) -> None:
    """Line breaks and quotes in a name stay inside the quotes."""
    agents.files.upload(DATA, name=name)
    logged = foundry.requests[-1]
    boundary = logged.headers["content-type"].partition("boundary=")[2]
    disposition, type = shape(logged.body.decode(), boundary)[1]
    assert re.fullmatch(
        r'Content-Disposition: form-data; name="file"; filename="[^"]+"', disposition
    )
    assert type.startswith("Content-Type: ")


def recorded_upload() -> dict[str, Any]:
    """The request of an upload that was recorded."""
    path = RECORDINGS / "v2" / "file_search_stream.json"
    if not path.exists():
        pytest.skip(f"no recordings at {RECORDINGS}")
    entries = json.loads(path.read_text())["entries"]
    return next(e["request"] for e in entries if e["request"]["path"].endswith("/files"))


def shape(body: str, boundary: str) -> list[list[str]]:
    """The header lines of each part of a form."""
    parts = body.split(f"--{boundary}")[1:-1]
    return [part.strip("\r\n").split("\r\n\r\n")[0].split("\r\n") for part in parts]


def test_the_form_is_the_recorded_one(agents: Any, foundry: Emulator) -> None:
    """Same parts, same order, same headers as the recorded upload."""
    recorded = recorded_upload()
    agents.files.upload(DATA, name="product_info.md")
    ours = foundry.requests[-1]
    bodies = [recorded["body"], ours.body.decode()]
    types = [recorded["headers"]["content-type"], ours.headers["content-type"]]
    theirs, mine = (
        shape(body, type.partition("boundary=")[2])
        for body, type in zip(bodies, types, strict=True)
    )
    assert theirs == mine
    assert str(ours.size) == ours.headers["content-length"]


def test_each_generation_has_its_route(agents: Any, foundry: Emulator, generation: str) -> None:
    """Classic routes need an api-version, v2 routes must not have one."""
    agents.files.list()
    logged = foundry.requests[-1]
    route = {
        "v2": ("/openai/v1/files", {"limit": "100"}),
        "classic": ("/files", {"api-version": "2025-05-15-preview"}),
    }
    assert route[generation] == (logged.path, logged.query)


REFUSED: list[tuple[str, Any, dict[str, Any], str]] = [
    ("missing", lambda p: p / "none.md", {}, "there is no file '.*none.md'"),
    ("folder", lambda p: p, {}, "is a folder: pass the path of a file"),
    ("empty", lambda _: b"", {"name": "a.md"}, "'a.md' is empty"),
    ("nameless", lambda _: b"x", {}, "no file name: pass name="),
    ("surrogate", lambda _: b"x", {"name": "\udcff.md"}, "cannot be sent as UTF-8: pass another"),
    ("number", lambda _: 42, {"name": "a.md"}, "cannot upload a int"),
    ("text stream", lambda _: io.StringIO("x"), {"name": "a"}, "open the file with mode 'rb'"),
    ("nul", lambda _: "a\0b", {}, "there is no file"),
    ("purpose", lambda _: b"x", {"name": "a", "purpose": "a\r\n"}, r"purpose='a\\r\\n' is malf"),
]


@pytest.mark.parametrize(
    ("source", "options", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_a_file_that_cannot_be_uploaded_is_refused_before_a_request_is_sent(
    agents: Any, tmp_path: Path, source: Any, options: dict[str, Any], message: str
) -> None:
    """The error names the value; no file has come."""
    with pytest.raises(InvalidRequestError, match=message):
        agents.files.upload(source(tmp_path), **options)
    assert [] == agents.files.list()


def test_too_large_a_file_is_refused(
    agents: Any, foundry: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is looked at, not run into; also a stream is read no further."""
    monkeypatch.setattr(disk, "MAX_UPLOAD", 10)
    path = tmp_path / "big.md"
    path.write_bytes(b"x" * 11)
    for source in (path, OnePass(b"x" * 1000), b"x" * 11):
        with pytest.raises(InvalidRequestError, match=r"has 11 bytes, and .* at most 10"):
            agents.files.upload(source, name="big.md")
    assert [] == foundry.requests


def test_an_unknown_purpose_is_refused_by_the_service(agents: Any) -> None:
    """Purposes change; the service's own sentence arrives."""
    with pytest.raises(BadRequestError, match="Supported values are"):
        agents.files.upload(DATA, name="a.md", purpose="dreaming")


def test_a_large_file_is_sent_in_pieces_and_read_once(
    agents: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress goes up piece by piece, and no byte is read twice."""
    monkeypatch.setattr(disk, "PIECE", 1000)
    seen: list[tuple[int, int | None]] = []
    stream = Counting(b"x" * 3500)
    agents.files.upload(stream, name="a.md", progress=lambda *now: seen.append(now))
    steps = sorted({done for done, _ in seen})
    assert ([0, 1000, 2000, 3000, 3500], {3500}) == (steps, {total for _, total in seen})
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert 3500 == stream.count


FAULTS = [
    (Fault("lost", path="/files$"), 2),
    (Fault("status_after", path="/files$"), 2),
    (Fault("status_before", path="/files$", status=429), 1),
    (Fault("refuse", path="/files$"), 1),
    (Fault("cut", path="/files$", after_bytes=20, mode="eof"), 2),
    (Fault("status_before", path="/files$", status=401), 1),
]


@pytest.mark.parametrize(("fault", "kept"), FAULTS, ids=lambda v: getattr(v, "kind", v))
def test_an_upload_is_repeated(
    agents: Any, foundry: Emulator, uploads: Any, fault: Fault, kept: int
) -> None:
    """Whatever became of the first attempt, the second arrives whole; a twin may stay."""
    foundry.faults.add(fault)
    seen: list[int] = []
    stored = agents.files.upload(
        io.BytesIO(DATA), name="a.md", progress=lambda done, _: seen.append(done)
    )
    assert (2, kept) == (uploads(), len(agents.files.list()))
    assert DATA == agents.files.content(stored.id)
    assert len(DATA) == seen[-1]


def test_an_upload_to_a_busy_service_fails_after_the_last_retry(
    agents: Any, foundry: Emulator, uploads: Any
) -> None:
    """A service that stays busy is an error with its facts, after the waits it asked for."""
    start = foundry.clock.time()
    foundry.faults.add(Fault("status_before", path="/files$", status=429, times=None))
    with pytest.raises(RateLimitError, match=r"upload the file 'a\.md'") as caught:
        agents.files.upload(DATA, name="a.md")
    assert (3, 1.0) == (uploads(), caught.value.retry_after)
    assert 2.0 <= foundry.clock.time() - start < 2.3  # the second wait is our own, if longer


class Shrinking(io.BytesIO):
    """Loses its end once it is read."""

    def read(self, size: int | None = -1) -> bytes:
        self.truncate(3)
        return super().read(size)


class Broken(io.BytesIO):
    """A disk that fails."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


FAILING = [
    (Shrinking, "changed while it was uploaded: it had 33"),
    (Broken, "cannot be read: .*Input"),
]


@pytest.mark.parametrize(("stream", "message"), FAILING)
def test_a_file_that_fails_is_not_a_lost_connection(
    agents: Any, uploads: Any, stream: Any, message: str
) -> None:
    """A file that changes or cannot be read is said so, and not tried again."""
    with pytest.raises(InvalidRequestError, match=message):
        agents.files.upload(stream(DATA), name="a.md")
    assert 0 == uploads()


@pytest.mark.parametrize(("stream", "message"), FAILING)
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_over_a_socket_a_failing_file_is_itself_the_error(
    foundry: Emulator, connect: Any, stream: Any, message: str
) -> None:
    """To aiohttp it is a lost connection; the caller gets the error of the file."""
    with foundry.serve() as served, pytest.raises(InvalidRequestError, match=message):
        connect(endpoint=served.endpoint).files.upload(stream(DATA), name="a.md")


def test_an_error_of_the_progress_callback_reaches_the_caller(agents: Any) -> None:
    """What the caller's function raises comes back as it is."""

    def fail(done: int, total: int | None) -> None:
        raise LookupError("no display")

    with pytest.raises(LookupError, match="no display"):
        agents.files.upload(DATA, name="a.md", progress=fail)


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_files_travel_over_a_real_socket(foundry: Emulator, connect: Any, tmp_path: Path) -> None:
    """The streaming bodies of both HTTP stacks, there and back."""
    data = bytes(range(256)) * 8192
    with foundry.serve() as served:
        agents = connect(endpoint=served.endpoint)
        stored = agents.files.upload(data, name="big.bin")
        assert len(data) == stored.size
        path = agents.files.save(stored.id, tmp_path)
    assert ("big.bin", data) == (path.name, path.read_bytes())


def test_every_page_of_the_files_is_read(agents: Any, foundry: Emulator) -> None:
    """All pages, each file once, one purpose if asked."""
    ids = {foundry.add_file(f"{n}.md", b"x") for n in range(230)}
    agents.files.upload(DATA, name="eye.png", purpose="vision")
    assert (ids, 231) == (ids & {f.id for f in agents.files.list()}, len(agents.files.list()))
    assert ["eye.png"] == [f.name for f in agents.files.list(purpose="vision")]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("eye.png", {}, ("image", None)),
        ("eye.png", {"detail": "low"}, ("image", "low")),
        ("eye.png", {"kind": "file"}, ("file", None)),
        ("drawing.svg", {}, ("file", None)),
        ("report.pdf", {}, ("file", None)),
    ],
)
def test_attached_files_are_parts_of_messages(
    agents: Any, tmp_path: Path, name: str, options: dict[str, Any], expected: tuple[Any, Any]
) -> None:
    """A path becomes a part that names the uploaded file."""
    (tmp_path / name).write_bytes(DATA)
    part = agents.files.attach(tmp_path / name, **options)
    stored = agents.files.list()[0]
    kind, detail = expected
    assert Media(kind, file_id=stored.id, name=name, detail=detail) == part


def test_text_progress_rewrites_one_line() -> None:
    """One line that is written over, ended when everything is there."""
    out = io.StringIO()
    show = text_progress("report.pdf", stream=out)
    for done in (0, 10, 1_500_000, 3_000_000):
        show(done, 3_000_000)
    expected = [
        "report.pdf 0.0 of 3.0 MB (0 %)",
        "report.pdf 1.5 of 3.0 MB (50 %)",
        "report.pdf 3.0 of 3.0 MB (100 %)\n",
    ]
    assert expected == out.getvalue().split("\r")[1:]


def test_an_upload_that_is_always_lost_fails_after_the_last_retry(
    agents: Any, foundry: Emulator
) -> None:
    """Attempts are bounded; the last failure is the error."""
    foundry.faults.add(Fault("lost", path="/files$", times=None))
    with pytest.raises(ConnectionLostError, match=r"POST .*/files"):
        agents.files.upload(DATA, name="a.md")
