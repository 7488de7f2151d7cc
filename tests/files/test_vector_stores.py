from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_agents import FileCounts
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    ServerError,
    ServiceError,
)

UNSUPPORTED = {"code": "unsupported_file", "message": "No text in it.\nReally."}


def indexing(status: str, **more: Any) -> dict[str, Any]:
    """What the service says of a file in a store; shape as recorded."""
    return {"id": "assistant-x", "object": "vector_store.file", "status": status, **more}


def says(body: dict[str, Any], **where: Any) -> Fault:
    """An answer that the emulator itself never gives."""
    return Fault("status_before", status=200, body=body, **where)


def posts(foundry: Emulator) -> list[str]:
    """Writes, with their status, below the root of either generation."""
    paths = [
        (r.path.removeprefix("/openai/v1"), r.status)
        for r in foundry.requests
        if r.method == "POST"
    ]
    return [f"{path} {status}" for path, status in paths]


def test_a_store_is_made_filled_and_waited_for(
    agents: Any, foundry: Emulator, tmp_path: Path
) -> None:
    """Paths are uploaded, everything is added one by one, and then it can be searched."""
    (tmp_path / "a.md").write_text("a")
    stored = agents.files.upload(b"b", name="b.md")
    id = foundry.add_file("c.md", b"c")
    store = agents.vector_stores.create("docs", [tmp_path / "a.md", stored, id])
    assert ("docs", True, FileCounts(completed=3, total=3)) == (
        store.name,
        store.is_ready,
        store.files,
    )
    assert store == agents.vector_stores.get(store.id)
    assert [store] == agents.vector_stores.list()


def test_indexing_is_polled_with_growing_pauses(agents: Any, foundry: Emulator) -> None:
    """Indexing is looked for with growing pauses, which take no time here."""
    start, id = foundry.clock.time(), foundry.add_file("a.md", b"a")
    foundry.faults.add(says(indexing("in_progress"), method="GET", path=f"/files/{id}$", times=9))
    agents.vector_stores.create("docs", [id])
    assert 10 < foundry.clock.time() - start < 20


def test_an_empty_store_is_ready_at_once(agents: Any, foundry: Emulator) -> None:
    """One request; expiry is what the service calls it."""
    store = agents.vector_stores.create("docs", expires_after_days=7)
    assert (True, 1) == (store.is_ready, len(foundry.requests))
    assert {"anchor": "last_active_at", "days": 7} == foundry.requests[0].body["expires_after"]


def test_wait_false_returns_before_files_are_indexed(agents: Any, foundry: Emulator) -> None:
    """The files are added, and nobody looks whether they are indexed."""
    id = foundry.add_file("a.md", b"a")
    agents.vector_stores.create("docs", [id], wait=False)
    assert [] == [r for r in foundry.requests if r.path.endswith(f"/files/{id}")]


def test_a_file_removed_from_a_store_stays_in_the_project(agents: Any, foundry: Emulator) -> None:
    """Added, removed; the file itself stays."""
    id = foundry.add_file("a.md", b"a")
    store = agents.vector_stores.create("docs")
    assert 1 == agents.vector_stores.add(store.id, [id]).files.completed
    agents.vector_stores.remove(store.id, id)
    assert 0 == agents.vector_stores.get(store.id).files.total
    assert id == agents.files.get(id).id
    agents.vector_stores.delete(store.id)
    with pytest.raises(NotFoundError, match=f"vector store '{store.id}' is unknown"):
        agents.vector_stores.get(store.id)


def test_a_refused_file_is_named(agents: Any, tmp_path: Path) -> None:
    """Name, reason and store are in the message; the error is recorded so."""
    (tmp_path / "sales.csv").write_text("a,b")
    with pytest.raises(BadRequestError, match=r"file 'sales\.csv' \(.*\) was not added") as caught:
        agents.vector_stores.create("docs", [tmp_path / "sales.csv"])
    assert ("unsupported_file", 400) == (caught.value.code, caught.value.status)
    (store,) = agents.vector_stores.list()
    assert store.id in caught.value.message
    assert "[.csv] are not supported" in caught.value.message


def test_a_file_that_cannot_be_indexed_is_named(agents: Any, foundry: Emulator) -> None:
    """Indexing that fails is an error with the service's reason, in one line."""
    stored = agents.files.upload(b"b", name="b.pdf")
    failed = indexing("failed", last_error=UNSUPPORTED)
    foundry.faults.add(says(failed, method="GET", path=f"/files/{stored.id}$"))
    with pytest.raises(BadRequestError, match=r"'b\.pdf' \(.*\): unsupported_file") as caught:
        agents.vector_stores.create("docs", [stored])
    assert (False, "unsupported_file") == ("\n" in caught.value.message, caught.value.code)


@pytest.mark.parametrize(
    ("last_error", "expected"),
    [
        (UNSUPPORTED, BadRequestError),
        ({"code": "invalid_file", "message": ""}, BadRequestError),
        ({"code": "server_error", "message": "Sorry."}, ServerError),
        (None, ServerError),
    ],
)
def test_a_bad_file_and_a_failing_service_raise_different_errors(
    agents: Any, foundry: Emulator, last_error: Any, expected: type[ServiceError]
) -> None:
    """A file that is wrong is another error than a service that failed."""
    id = foundry.add_file("a.md", b"a")
    failed = indexing("failed", last_error=last_error)
    foundry.faults.add(says(failed, method="GET", path=f"/files/{id}$"))
    with pytest.raises(ServiceError) as caught:
        agents.vector_stores.create("docs", [id])
    assert expected is type(caught.value)


def test_waiting_later_names_the_files_that_failed(agents: Any, foundry: Emulator) -> None:
    """The error names the files even if the caller knows only the id of the store."""
    id = foundry.add_file("a.md", b"a")
    store = agents.vector_stores.create("docs", [id])
    wire = {"id": store.id, "name": "docs", "status": "completed", "file_counts": {"failed": 1}}
    entries = [indexing("failed", last_error=UNSUPPORTED) | {"id": id}]
    foundry.faults.add(
        says(wire, method="GET", path=f"{store.id}$"),
        says({"data": entries, "has_more": False}, method="GET", path=f"{store.id}/files$"),
    )
    with pytest.raises(BadRequestError, match=r"1 file\(s\) cannot be searched: 'a\.md'"):
        agents.vector_stores.wait_until_ready(store.id)


def test_a_store_not_ready_in_time_is_a_deadline_error(agents: Any, foundry: Emulator) -> None:
    """The error says that nothing is lost, and how to go on."""
    id = foundry.add_file("a.md", b"a")
    store = agents.vector_stores.create("docs", [id], wait=False)
    wire = {"id": store.id, "name": "docs", "status": "in_progress"}
    foundry.faults.add(says(wire, method="GET", path=f"{store.id}$", times=None))
    start = foundry.clock.time()
    with pytest.raises(DeadlineError, match="wait_until_ready"):
        agents.vector_stores.wait_until_ready(store.id, timeout=30)
    assert 25 < foundry.clock.time() - start <= 30
    foundry.faults.clear()
    assert agents.vector_stores.wait_until_ready(store.id).is_ready


def test_an_expired_store_is_an_error(agents: Any, foundry: Emulator) -> None:
    """It will never be ready."""
    store = agents.vector_stores.create("docs")
    wire = {"id": store.id, "name": "docs", "status": "expired"}
    foundry.faults.add(says(wire, method="GET", path=f"{store.id}$"))
    with pytest.raises(ServiceError, match="has expired"):
        agents.vector_stores.wait_until_ready(store.id)


WRITES = [
    (Fault("lost", method="POST", path="/vector_stores$"), "a lost store is found again"),
    (Fault("lost", method="POST", path="/vs_.*/files$"), "a lost file is found again"),
    (Fault("reset_before", method="POST", path="/vector_stores$"), "not made: made again"),
    (Fault("reset_before", method="POST", path="/vs_.*/files$"), "not added: added again"),
    (Fault("status_before", method="POST", path="/vector_stores$", status=429), "busy"),
    (Fault("status_before", method="POST", path="/vs_.*/files$", status=503), "failing"),
    (Fault("status_before", method="GET", path="/vs_.*/files/", status=429), "busy when asked"),
    (Fault("cut", method="GET", path="/vs_.*/files/"), "a look that was cut off"),
]


@pytest.mark.parametrize("fault", [w[0] for w in WRITES], ids=[w[1] for w in WRITES])
def test_a_store_is_filled_once_whatever_request_is_lost(
    agents: Any, foundry: Emulator, fault: Fault
) -> None:
    """One store with one file, whatever got lost."""
    id = foundry.add_file("a.md", b"a")
    foundry.faults.add(fault)
    store = agents.vector_stores.create("docs", [id])
    assert ([store], 1) == (agents.vector_stores.list(), store.files.completed)


def test_a_lost_store_is_not_made_twice(agents: Any, foundry: Emulator) -> None:
    """It is named in its metadata, so it can be looked for."""
    foundry.faults.add(Fault("lost", method="POST", path="/vector_stores$"))
    agents.vector_stores.create("docs")
    assert ["/vector_stores None"] == posts(foundry)


@pytest.mark.parametrize("fault", ["lost", "status_after", "reset_before"])
def test_deletes_are_repeated(agents: Any, foundry: Emulator, fault: Any) -> None:
    """Finding nothing after a lost answer means that it was done."""
    id = foundry.add_file("a.md", b"a")
    store = agents.vector_stores.create("docs", [id])
    foundry.faults.add(Fault(fault, method="DELETE"))
    agents.vector_stores.remove(store.id, id)
    foundry.faults.clear()
    foundry.faults.add(Fault(fault, method="DELETE"))
    agents.vector_stores.delete(store.id)
    assert [] == agents.vector_stores.list()


def test_attempts_are_bounded(agents: Any, foundry: Emulator) -> None:
    """A service that never answers is an error in the end."""
    foundry.faults.add(Fault("reset_before", times=None))
    with pytest.raises(ConnectionLostError):
        agents.vector_stores.create("docs")


REFUSED: list[tuple[str, Any, str]] = [
    ("no list", lambda v, p: v.create("docs", p / "a.md"), "must be a list"),
    ("no list of text", lambda v, _: v.create("docs", "assistant-12345678"), "must be a list"),
    ("missing", lambda v, p: v.create("docs", [p / "a.md", p / "none.md"]), "there is no file"),
    ("no id", lambda v, _: v.create("docs", ["assistant"]), "there is no file 'assistant'"),
    ("nameless", lambda v, _: v.create(" "), "give the vector store a name"),
    ("days", lambda v, _: v.create("docs", expires_after_days=0), "must be a whole number"),
    ("store", lambda v, _: v.get("../files"), "is no id of a vector store"),
    ("added to", lambda v, _: v.add("a/b", []), "is no id of a vector store"),
    ("removed", lambda v, _: v.remove("vs_1", ".."), "is no id of a file"),
]


@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_bad_arguments_are_refused_before_a_request_is_sent(
    agents: Any, foundry: Emulator, tmp_path: Path, call: Any, message: str
) -> None:
    """All files are looked at first: nothing is uploaded for a store that cannot be made."""
    (tmp_path / "a.md").write_text("a")
    with pytest.raises(InvalidRequestError, match=message):
        call(agents.vector_stores, tmp_path)
    assert [] == foundry.requests


def test_a_path_object_is_a_path_even_if_it_looks_like_an_id(agents: Any, tmp_path: Path) -> None:
    """A `Path` is a path, whatever it is called."""
    path = tmp_path / "file-12345678.md"
    path.write_text("a")
    assert 1 == agents.vector_stores.create("docs", [path]).files.completed


def test_every_page_of_the_stores_is_read(agents: Any) -> None:
    """All of them, however many."""
    names = {f"docs {n}" for n in range(103)}
    for name in names:
        agents.vector_stores.create(name)
    assert names == {store.name for store in agents.vector_stores.list()}
