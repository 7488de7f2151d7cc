from __future__ import annotations

import base64
import pickle
from pathlib import Path
from typing import Any

import pytest

from azure_agents import AsyncFileHandle, FileHandle, FileReference
from azure_agents.emulator import Citation as Cited
from azure_agents.emulator import CodeInterpreter, Emulator, GeneratedImage, Text
from azure_agents.errors import InvalidRequestError, ProtocolError
from azure_agents.events import Citation, Event, Finished, MediaOutput, TextDelta
from azure_agents.fold import fold
from azure_agents.messages import TurnRequest, user

PNG = b"\x89PNG\r\n\x1a\n"
INLINE = base64.b64encode(PNG).decode()
ASK = TurnRequest((user("Draw it."),))


def completion(*events: Event) -> Any:
    """An answer that holds these events."""
    return fold([TextDelta("Here.", "m"), *events, Finished("stop", "completed")])


FOUND: list[tuple[str, list[Event], list[tuple[str, str, str | None, str | None]]]] = [
    ("nothing", [], []),
    (
        "image of a thread",
        [MediaOutput("m", "image", file_id="assistant-1")],
        [("assistant-1.png", "image/png", "assistant-1", None)],
    ),
    (
        "file in a container",
        [Citation("container_file", "m", file_id="cfile_1", filename="a.csv", container_id="c_1")],
        [("a.csv", "text/csv", "cfile_1", "c_1")],
    ),
    (
        "file path",
        [Citation("file_path", "m", file_id="assistant-1", marker="sandbox:/mnt/data/b.xlsx")],
        [
            (
                "b.xlsx",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "assistant-1",
                None,
            )
        ],
    ),
    (
        "cited and told of",
        [
            MediaOutput("m", "file", file_id="assistant-1"),
            Citation("file_path", "m", file_id="assistant-1", marker="sandbox:/mnt/data/c.png"),
            MediaOutput("m", "image", file_id="assistant-1"),
        ],
        [("c.png", "image/png", "assistant-1", None)],
    ),
    (
        "one name in two containers",
        [
            MediaOutput("m", "file", file_id="f", container_id=c, filename="a.txt")
            for c in ("c_1", "c_2")
        ],
        [("a.txt", "text/plain", "f", "c_1"), ("a.txt", "text/plain", "f", "c_2")],
    ),
    (
        "painted",
        [MediaOutput("ig_1", "image", data=INLINE, mime_type="image/webp")],
        [("image.webp", "image/webp", None, None)],
    ),
    (
        "a name made up",
        [MediaOutput("m", "file", file_id="f", filename="../../.ssh/authorized_keys")],
        [("authorized_keys", "application/octet-stream", "f", None)],
    ),
    (
        "sources",
        [
            Citation("file", "m", file_id="assistant-1", filename="source.pdf"),
            Citation("url", "m", url="https://example.com/x"),
            Citation("container_file", "m", filename="no id"),
            MediaOutput("m", "image"),
        ],
        [],
    ),
]


@pytest.mark.parametrize(("events", "expected"), [f[1:] for f in FOUND], ids=[f[0] for f in FOUND])
def test_the_files_of_an_answer_are_found(
    agents: Any, foundry: Emulator, events: list[Event], expected: list[Any]
) -> None:
    """What the agent made, each once, in order; looking at them asks nobody."""
    handles = agents.files.of(completion(*events))
    found = [(h.name, h.mime_type, h.file_id, h.reference.container_id) for h in handles]
    assert (expected, []) == (found, foundry.requests)


def test_content_inside_the_answer_needs_no_request(
    agents: Any, foundry: Emulator, tmp_path: Path
) -> None:
    """Inline content is decoded, and saved like everything else."""
    (handle,) = agents.files.of(completion(MediaOutput("ig_1", "image", data=INLINE)))
    seen: list[Any] = []
    path = handle.save(tmp_path, progress=lambda *now: seen.append(now))
    assert (PNG, PNG, "image.png") == (handle.bytes(), path.read_bytes(), path.name)
    assert ([(8, 8)], []) == (seen, foundry.requests)
    with pytest.raises(InvalidRequestError, match="larger than max_size=7"):
        handle.bytes(max_size=7)


def test_inline_content_that_is_not_base64_is_a_protocol_error(agents: Any) -> None:
    """Bytes that cannot be understood are said to be that."""
    (handle,) = agents.files.of(completion(MediaOutput("ig_1", "image", data="no base64!")))
    with pytest.raises(ProtocolError, match=r"'image\.png' is not base64"):
        handle.bytes()


def test_files_of_code_interpreter(
    foundry: Emulator, connect: Any, tmp_path: Path, generation: str
) -> None:
    """From the answer of an agent to a file on disk."""
    if generation == "classic":
        id = foundry.add_file("plot.png", PNG)
        agents = connect(reply=[[CodeInterpreter("plot()", images=(id,)), "Here."]])
    else:
        id = foundry.add_file("plot.png", PNG, container_id="cntr_1")
        cited = Cited(
            "container_file", 0, 4, file_id=id, filename="plot.png", container_id="cntr_1"
        )
        agents = connect(reply=[[Text("Here.", citations=(cited,))]])
    handles = agents.files.of(agents.complete(ASK))
    assert [id] == [handle.file_id for handle in handles]
    path = handles[0].save(tmp_path)
    assert (PNG, ".png") == (path.read_bytes(), path.suffix)


@pytest.mark.parametrize("generation", ["v2"], indirect=True)
def test_a_generated_image_is_in_the_answer(foundry: Emulator, connect: Any) -> None:
    """Image generation (v2 only) brings its content along."""
    agents = connect(reply=[[GeneratedImage(INLINE), "Here."]])
    (handle,) = agents.files.of(agents.complete(ASK))
    sent = len(foundry.requests)
    assert (PNG, sent) == (handle.bytes(), len(foundry.requests))


@pytest.mark.parametrize("cls", [FileHandle, AsyncFileHandle])
def test_pickled_handles_carry_no_credential(cls: Any) -> None:
    """Only what is known of the file travels; it is equal to what was pickled."""

    class Client:
        def __reduce__(self) -> Any:
            raise TypeError("a credential is never pickled")

    known = FileReference("file", "a.csv", "text/csv", file_id="cfile_1", container_id="cntr_1")
    copy = pickle.loads(pickle.dumps(cls(known, Client())))  # noqa: S301 - made above
    assert (cls(known), known, f"<{cls.__name__} 'a.csv' (text/csv)>") == (
        copy,
        copy.reference,
        repr(copy),
    )


def test_a_pickled_handle_works_again_with_a_client(agents: Any, foundry: Emulator) -> None:
    """`files.handle` takes a handle of either kind, a reference, an event or an id."""
    id = foundry.add_file("a.csv", b"a,b")
    known = FileReference("file", "a.csv", "text/csv", file_id=id)
    event = MediaOutput("m", "file", file_id=id, filename="a.csv")
    for given in (FileHandle(known), AsyncFileHandle(known), known, event):
        assert ("a.csv", b"a,b") == (
            agents.files.handle(given).name,
            agents.files.handle(given).bytes(),
        )
    assert ("mine.csv", b"a,b") == (
        agents.files.handle(id, name="mine.csv").name,
        agents.files.handle(id).bytes(),
    )


def test_a_handle_without_a_client_says_what_to_do() -> None:
    """A pickled handle knows everything but how to load."""
    handle = FileHandle(FileReference("file", "a.csv", "text/csv", file_id="assistant-1"))
    with pytest.raises(InvalidRequestError, match=r"use agents\.files\.handle\(handle\)"):
        handle.bytes()


def test_an_image_that_lies_elsewhere_is_not_fetched(agents: Any, foundry: Emulator) -> None:
    """The client loads from the project only."""
    event = MediaOutput("m", "image", url="https://example.com/plot.png")
    (handle,) = agents.files.of(completion(event))
    with pytest.raises(InvalidRequestError, match=r"is at 'https://example\.com/plot\.png'"):
        handle.bytes()
    assert [] == foundry.requests


def test_a_source_is_no_file_to_load(agents: Any) -> None:
    """A citation of something the agent did not make gives no handle."""
    with pytest.raises(InvalidRequestError, match="the agent did not make"):
        agents.files.handle(Citation("url", "m", url="https://example.com"))
