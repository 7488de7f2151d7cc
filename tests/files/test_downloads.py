from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.client.agent_client import AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    ConnectionLostError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    ServiceError,
)
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth

DATA = bytes(range(256)) * 3000


@pytest.fixture
def id(foundry: Emulator) -> str:
    """A file at the service."""
    return foundry.add_file("chart.png", DATA)


def test_a_file_is_loaded_into_memory(agents: Any, id: str) -> None:
    """The bytes as they are."""
    assert DATA == agents.files.content(id)


def test_a_file_is_saved_under_the_name_asked_for(agents: Any, id: str, tmp_path: Path) -> None:
    """A file of that name is replaced, with the rights that new files have here."""
    target = tmp_path / "mine.png"
    target.write_bytes(b"old")
    assert target == agents.files.save(id, target)
    assert DATA == target.read_bytes()
    (tmp_path / "probe").touch()
    assert (tmp_path / "probe").stat().st_mode == target.stat().st_mode


def test_a_folder_never_loses_a_file(agents: Any, id: str, tmp_path: Path) -> None:
    """The service chooses the name, so it never replaces what is there."""
    (tmp_path / "chart.png").write_bytes(b"mine")
    places = [agents.files.save(id, tmp_path).name for _ in range(2)]
    assert ["chart (1).png", "chart (2).png"] == places
    assert b"mine" == (tmp_path / "chart.png").read_bytes()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('attachment; filename="../../.bashrc"', "bashrc"),
        ("attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt", "grüße.txt"),
        ('attachment; filename="/etc/passwd"', "passwd"),
        ("nonsense;;;=", "file-1"),
        ("", "file-1"),
    ],
)
def test_the_services_name_is_cleaned(
    connect: Any, answering: Any, tmp_path: Path, header: str, expected: str
) -> None:
    """Nothing leaves the folder, whatever the service answers."""
    headers = {"content-disposition": header} if header else {}
    agents = connect(transport=answering(200, headers, [b"x"]))
    inner = tmp_path / "in"
    inner.mkdir()
    assert inner / expected == agents.files.save("file-1", inner)
    assert [inner] == list(tmp_path.iterdir())


def test_progress_counts_the_bytes_of_a_download(agents: Any, id: str, tmp_path: Path) -> None:
    """Up to the end, with the total that the service announced."""
    seen: list[tuple[int, int | None]] = []
    agents.files.save(id, tmp_path, progress=lambda *now: seen.append(now))
    assert (len(DATA), len(DATA)) == seen[-1]


def test_without_a_length_progress_has_no_total(
    connect: Any, answering: Any, tmp_path: Path
) -> None:
    """Compressed and chunked answers do not say how much there will be, until it is there."""
    agents = connect(transport=answering(200, {}, [b"x" * 200_000] * 3))
    seen: list[tuple[int, int | None]] = []
    agents.files.save("file-1", tmp_path, progress=lambda *now: seen.append(now))
    assert [(400_000, None), (600_000, 600_000)] == seen


CUTS = [
    Fault("cut", path="content$", after_bytes=700_000),
    Fault("cut", path="content$", after_bytes=700_000, mode="eof"),
    Fault("reset_before", path="content$"),
    Fault("status_before", path="content$", status=429),
    Fault("status_before", path="content$", status=503),
]


@pytest.mark.parametrize("fault", CUTS, ids=lambda f: f"{f.kind} {f.mode}")
def test_a_broken_download_begins_again(
    agents: Any, foundry: Emulator, id: str, tmp_path: Path, fault: Fault
) -> None:
    """What came of the first attempt is dropped: no byte is doubled."""
    foundry.faults.add(fault)
    assert DATA == agents.files.save(id, tmp_path / "a.png").read_bytes()
    foundry.faults.add(fault)
    assert DATA == agents.files.content(id)


def test_a_failed_download_leaves_everything_as_it_was(
    agents: Any, foundry: Emulator, id: str, tmp_path: Path
) -> None:
    """The old file stays, and no part of the new one."""
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    foundry.faults.add(Fault("cut", path="content$", after_bytes=700_000, times=None))
    with pytest.raises(ConnectionLostError):
        agents.files.save(id, target)
    assert ([target], b"old") == (list(tmp_path.iterdir()), target.read_bytes())


def test_a_silent_download_ends(agents: Any, foundry: Emulator, id: str, tmp_path: Path) -> None:
    """No deadline for the whole, but one for each wait; then it begins again."""
    start = foundry.clock.time()
    foundry.faults.add(Fault("stall", path="content$", after_bytes=700_000))
    assert DATA == agents.files.save(id, tmp_path / "a.png").read_bytes()
    assert 120 <= foundry.clock.time() - start < 125


def test_a_download_stopped_by_its_progress_callback_leaves_no_file(
    agents: Any, id: str, tmp_path: Path
) -> None:
    """An exception of the caller's own function ends it, and comes back as it is."""

    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        agents.files.save(id, tmp_path / "a.png", progress=stop)
    assert [] == list(tmp_path.iterdir())


class Endless(httpx.AsyncBaseTransport, httpx.AsyncByteStream):
    """An answer that begins and does not go on."""

    def __init__(self) -> None:
        self.has_begun = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x" * 1_000_000
        self.has_begun.set()
        await asyncio.Event().wait()


def test_a_cancelled_download_leaves_nothing(foundry: Emulator, tmp_path: Path) -> None:
    """The task is gone, and so is what it had written."""
    asyncio.run(cancel_a_download(foundry, tmp_path / "a.png"))
    assert [] == list(tmp_path.iterdir())


async def cancel_a_download(foundry: Emulator, target: Path) -> None:
    """Stop when the first bytes are there."""
    settings = resolve_settings(model="my-agent", endpoint=foundry.endpoint, env={})
    auth = make_auth(credential=foundry.credential, endpoint=settings.endpoint, env={})
    transport = Endless()
    agents = make_client(AsyncAgentClient, settings, auth, transport=transport)
    task = asyncio.create_task(agents.files.save("file-1", target))
    await transport.has_begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("headers", [{}, {"content-length": "1000"}], ids=["counted", "announced"])
def test_a_download_larger_than_max_size_is_refused(
    connect: Any, answering: Any, tmp_path: Path, headers: dict[str, str]
) -> None:
    """By what is announced, or else by what comes; nothing is left behind."""
    agents = connect(transport=answering(200, headers, [b"x" * 500] * 2))
    with pytest.raises(InvalidRequestError, match="'file-1' is larger than max_size=999 bytes"):
        agents.files.save("file-1", tmp_path / "a", max_size=999)
    with pytest.raises(InvalidRequestError, match="larger than max_size=999"):
        agents.files.content("file-1", max_size=999)
    assert ([], 1000) == (
        list(tmp_path.iterdir()),
        len(agents.files.content("file-1", max_size=1000)),
    )


def test_redirects_are_not_followed(connect: Any, answering: Any, tmp_path: Path) -> None:
    """A file is loaded from the project or not at all."""
    transport = answering(302, {"location": "https://evil.example/x?sig=secret"}, [])
    agents = connect(transport=transport)
    with pytest.raises(ServiceError, match="redirects are never followed") as caught:
        agents.files.save("file-1", tmp_path / "a")
    assert (1, False) == (len(transport.requests), "secret" in str(caught.value))
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("target", ["missing/a.png", "missing/"])
def test_a_missing_folder_is_refused_before_a_request_is_sent(
    agents: Any, foundry: Emulator, id: str, tmp_path: Path, target: str
) -> None:
    """No request, and a sentence that names the place."""
    with pytest.raises(InvalidRequestError, match=r"there is no folder for '.*missing"):
        agents.files.save(id, f"{tmp_path}/{target}")
    assert [] == foundry.requests


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_replaced_and_not_followed(agents: Any, id: str, tmp_path: Path) -> None:
    """The file that a link points to is not written."""
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "precious")
    agents.files.save(id, tmp_path / "link")
    assert (b"mine", DATA) == (
        (tmp_path / "precious").read_bytes(),
        (tmp_path / "link").read_bytes(),
    )


def test_files_in_containers_load_on_v2_only(
    agents: Any, foundry: Emulator, generation: str
) -> None:
    """Code interpreter's files lie in containers on v2; classic has none."""
    id = foundry.add_file("data.csv", b"a,b", container_id="cntr_1")
    if generation == "classic":
        with pytest.raises(InvalidRequestError, match="container_id='cntr_1' is for v2 agents"):
            agents.files.content(id, container_id="cntr_1")
        return
    assert b"a,b" == agents.files.content(id, container_id="cntr_1")
    assert f"/openai/v1/containers/cntr_1/files/{id}/content" == foundry.requests[-1].path
    with pytest.raises(NotFoundError, match="needs its container_id"):
        agents.files.content(id)


@pytest.mark.parametrize("id", ["../agents", "a/b", "", "a?x=1"])
def test_ids_cannot_change_the_route(agents: Any, foundry: Emulator, id: str) -> None:
    """Refused before anything is sent, wherever an id goes."""
    for call in (agents.files.get, agents.files.delete, agents.files.content, agents.files.handle):
        with pytest.raises(InvalidRequestError, match="is no id of a file"):
            call(id)
    assert [] == foundry.requests


def test_unknown_files_are_named(agents: Any) -> None:
    """The error says which file, and why that may be."""
    for call in (agents.files.get, agents.files.delete, agents.files.content):
        with pytest.raises(NotFoundError, match=r"file 'assistant-none'.* is unknown") as caught:
            call("assistant-none")
        assert 404 == caught.value.status


@pytest.mark.parametrize("fault", ["lost", "status_after", "reset_before"])
def test_a_delete_is_repeated(agents: Any, foundry: Emulator, id: str, fault: Any) -> None:
    """Finding nothing after a lost answer means that it was done."""
    foundry.faults.add(Fault(fault, method="DELETE"))
    agents.files.delete(id)
    assert [] == agents.files.list()


def test_a_busy_service_does_not_make_a_missing_file_deleted(
    agents: Any, foundry: Emulator
) -> None:
    """After an attempt that had no effect, "unknown" is an error as ever."""
    foundry.faults.add(Fault("status_before", method="DELETE", status=429))
    with pytest.raises(NotFoundError):
        agents.files.delete("assistant-none")


def test_a_foreign_answer_is_a_protocol_error(connect: Any, answering: Any) -> None:
    """JSON of an unexpected shape is said to be that."""
    agents = connect(transport=answering(200, {}, [b'{"data": 42}']))
    for call in (lambda: agents.files.get("file-1"), agents.files.list):
        with pytest.raises(ProtocolError, match="unexpected shape"):
            call()
