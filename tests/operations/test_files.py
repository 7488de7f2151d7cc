"""Files of a resource, on the emulator: both surfaces, sync and async."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AzureAgentsError,
    ConfigError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    TurnUnknownError,
)

from .calling import SURFACES, WAYS, call

LINES = b'{"custom_id": "1"}\r\n{"custom_id": "2", "text": "a\xe2\x80\xa8b"}\n'


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_file_lives(foundry: Emulator, way: str, version: str | None) -> None:
    """Made, looked at, listed, read and deleted; below the resource on either surface."""
    more = {"api_version": version, "custom_llm_provider": "azure"}
    made = call(foundry, way, "create_file", ("in.jsonl", LINES), "batch", **more)
    assert ("in.jsonl", len(LINES), "batch") == (made.filename, made.bytes, made.purpose)
    root = "/openai/v1/files" if version is None else "/openai/files"
    assert root == foundry.requests[-1].path
    assert made == call(foundry, way, "file_retrieve", made.id, **more)
    listed = call(foundry, way, "file_list", "batch", limit=1, **more)
    assert [made.id] == [one.id for one in listed.data]
    answer = call(foundry, way, "file_content", made.id, **more)
    assert LINES == answer.content == answer.read() == b"".join(answer.iter_bytes(7))
    assert LINES.decode() == answer.text
    assert ['{"custom_id": "1"}', '{"custom_id": "2", "text": "a\u2028b"}'] == list(
        answer.iter_lines()
    )
    assert call(foundry, way, "file_delete", made.id, **more).deleted is True
    assert call(foundry, way, "file_delete", made.id, **more).deleted is False
    with pytest.raises(NotFoundError):
        call(foundry, way, "file_content", made.id, **more)


@pytest.mark.parametrize("way", WAYS)
def test_lists_go_on_where_a_page_ended(foundry: Emulator, way: str) -> None:
    """`limit` and `after` reach the service."""
    ids = [call(foundry, way, "create_file", (f"{n}.jsonl", LINES), "batch").id for n in range(3)]
    first = call(foundry, way, "file_list", limit=2)
    rest = call(foundry, way, "file_list", limit=2, after=first.data[-1].id)
    assert list(reversed(ids)) == [one.id for one in (*first.data, *rest.data)]
    assert (True, False) == (first.has_more, rest.has_more)


def opened(path: Path) -> Any:
    """A binary stream of the file, which knows its name."""
    stream = io.BytesIO(path.read_bytes())
    stream.name = str(path)  # type: ignore[attr-defined]  # as files from web frameworks have it
    return stream


SOURCES = [
    (lambda path: path, "in.jsonl"),
    (str, "in.jsonl"),
    (opened, "in.jsonl"),
    (lambda path: path.read_bytes(), "file.jsonl"),
    (lambda path: io.BytesIO(path.read_bytes()), "file.jsonl"),
    (lambda path: ("other.jsonl", path.read_bytes()), "other.jsonl"),
    (lambda path: ("other", path.read_bytes()), "other.jsonl"),
    (lambda path: ("other.txt", path, "text/plain"), "other.txt"),
    (lambda path: (None, opened(path)), "in.jsonl"),
    (lambda path: bytearray(path.read_bytes()), "file.jsonl"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_anything_with_bytes_and_has_a_name(
    foundry: Emulator, way: str, tmp_path: Path
) -> None:
    """Its own, or one with the ending that the service asks for."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    for source, name in SOURCES:
        made = call(foundry, way, "create_file", source(path), "batch")
        assert (name, len(LINES)) == (made.filename, made.bytes)
    sent = [logged.body for logged in foundry.requests]
    assert any(b"Content-Type: text/plain\r\n" in one for one in sent)


def test_what_expires_says_so_in_the_form(foundry: Emulator) -> None:
    """As OpenAI's own SDK spells it; other fields pass."""
    after = {"anchor": "created_at", "seconds": 3600}
    more = {"expires_after": after, "extra_body": {"novelty": True, "many": ["a", "b"]}}
    call(foundry, "sync", "create_file", ("a.jsonl", LINES), "batch", **more)
    sent = foundry.requests[-1].body
    fields = [
        ("purpose", "batch"),
        ("expires_after[anchor]", "created_at"),
        ("expires_after[seconds]", "3600"),
        ("novelty", "true"),
        ("many[]", "a"),
        ("many[]", "b"),
    ]
    places = [sent.find(f'name="{name}"\r\n\r\n{text}\r\n'.encode()) for name, text in fields]
    assert sorted(places) == places
    assert -1 not in places
    assert places[-1] < sent.find(b'name="file"; filename="a.jsonl"')


def closed(path: Path) -> Any:
    """A file that was closed."""
    with path.open("rb") as file:
        pass
    return file


def at_its_end(path: Path) -> Any:
    """A stream that was written and not rewound."""
    stream = io.BytesIO()
    stream.write(path.read_bytes())
    return stream


BAD_FILES: list[tuple[Any, str]] = [
    (lambda path: path.parent / "none.jsonl", "there is no file '.*none.jsonl'"),
    (lambda path: path.parent, "is a folder: pass the path of a file"),
    (lambda _: b"", "file '' is empty: the service takes no empty files"),
    (lambda _: ("a.jsonl", b""), "file 'a.jsonl' is empty"),
    (at_its_end, r"is empty from where it stands: .* seek\(0\)"),
    (closed, "the file 'in.jsonl' is closed"),
    (lambda path: (path.name, closed(path)), "the file 'in.jsonl' is closed"),
    (lambda path: io.StringIO("x"), "open the file with mode 'rb'"),
    (lambda _: 42, "cannot upload a int"),
    (lambda _: None, "cannot upload a NoneType"),
    (lambda _: ("a.jsonl",), r"file is a tuple that is not understood"),
    (lambda _: (1, b"x"), r"file is a tuple that is not understood"),
    (lambda _: ("\udcff.jsonl", b"x"), "cannot be sent as UTF-8"),
]
BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], type[AzureAgentsError], str]] = [
    ("create_file", (LINES, "dreams"), {}, InvalidRequestError, "purpose='dreams' is unknown"),
    ("create_file", (LINES, "finetune"), {}, InvalidRequestError, "'fine-tune'"),
    ("create_file", (LINES, None), {}, InvalidRequestError, "purpose=None is unknown"),
    ("create_file", (LINES, "user_data"), {}, InvalidRequestError, "no name with an ending"),
    (
        "create_file",
        (LINES, "batch"),
        {"expires_after": {"seconds": -1}},
        InvalidRequestError,
        "expires_after=.* is not understood",
    ),
    ("create_file", (LINES, "batch"), {"novelty": object()}, InvalidRequestError, "in a form"),
    ("file_list", (), {"limit": -1}, InvalidRequestError, "limit must be .* got -1"),
    ("file_list", (), {"limit": 0}, InvalidRequestError, "limit must be .* got 0"),
    ("file_list", (), {"limit": True}, InvalidRequestError, "limit must be .* got True"),
    ("file_list", (), {"after": ""}, InvalidRequestError, "after is empty"),
    ("file_list", (3,), {}, InvalidRequestError, "purpose must be a word"),
    (
        "file_list",
        (),
        {"order": "asc"},
        InvalidRequestError,
        "file_list has no order=, .* extra_qu",
    ),
    ("file_retrieve", ("",), {}, InvalidRequestError, "no output_file_id before it is completed"),
    ("file_content", (None,), {}, InvalidRequestError, "file_id is empty"),
    ("file_delete", ("../batches",), {}, InvalidRequestError, "is no id of a file"),
    ("file_content", ("f",), {"max_retries": -1}, ConfigError, "max_retries"),
    ("file_list", (), {"custom_llm_provider": "x"}, ConfigError, "custom_llm_provider='x'"),
    ("file_list", (), {"custom_llm_provider": "anthropic"}, ConfigError, "Claude"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_files_are_refused_before_anything_is_sent(
    foundry: Emulator, way: str, tmp_path: Path
) -> None:
    """Each with the value and the next step."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    for source, said in BAD_FILES:
        with pytest.raises(InvalidRequestError, match=said):
            call(foundry, way, "create_file", source(path), "batch")
    assert [] == foundry.requests


@pytest.mark.parametrize("way", WAYS)
def test_bad_arguments_are_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for function, args, more, kind, said in BAD_CALLS:
        with pytest.raises(kind, match=said):
            call(foundry, way, function, *args, **more)
    assert [] == foundry.requests


def made(foundry: Emulator) -> int:
    """How many files the service has."""
    return len(call(foundry, "sync", "file_list", limit=100).data)


LOST = [
    Fault("lost", method="POST", path="/files$"),
    Fault("timeout_after", method="POST", path="/files$"),
    Fault("status_after", method="POST", path="/files$", status=500),
    Fault("cut", method="POST", path="/files$", after_bytes=20, mode="eof"),
    Fault("cut", method="POST", path="/files$", after_bytes=20),
]
NOT_MADE = [
    Fault("refuse", method="POST", path="/files$"),
    Fault("status_before", method="POST", path="/files$", status=429),
]
UNKNOWN = [
    Fault("reset_before", method="POST", path="/files$"),
    Fault("status_before", method="POST", path="/files$", status=503),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
def test_a_file_whose_answer_is_lost_is_found_and_not_sent_twice(
    foundry: Emulator, way: str, fault: Fault
) -> None:
    """One look in the list tells; older files of that name do not count."""
    before = call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")
    foundry.clock.advance(60)
    foundry.faults.add(fault)
    found = call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")
    assert before.id != found.id
    assert ["the answer was lost, and the file was found in the list"] == found._hidden_params[
        "notes"
    ]
    assert 2 == made(foundry)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", NOT_MADE, ids=lambda fault: fault.kind)
def test_a_file_that_was_provably_not_made_is_sent_again(
    foundry: Emulator, way: str, fault: Fault
) -> None:
    """All of it, as often as other calls."""
    foundry.faults.add(fault)
    seen: list[tuple[int, int | None]] = []
    more: dict[str, Any] = {"progress": lambda *now: seen.append(now)}
    call(foundry, way, "create_file", ("a.jsonl", LINES), "batch", **more)
    assert (len(LINES), len(LINES)) == seen[-1]
    assert 1 == made(foundry)
    foundry.faults.add(fault)
    with pytest.raises((RateLimitError, AzureAgentsError)):
        call(foundry, way, "create_file", ("a.jsonl", LINES), "batch", max_retries=0)
    assert 1 == made(foundry)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", UNKNOWN, ids=lambda fault: fault.kind)
def test_a_file_that_may_not_have_been_made_is_an_error_that_says_so(
    foundry: Emulator, way: str, fault: Fault
) -> None:
    """Nothing is sent again; the error keeps the facts of the first one."""
    foundry.faults.add(fault)
    with pytest.raises(TurnUnknownError, match=r"the list shows none .* may cost") as caught:
        call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")
    assert (503 if fault.kind == "status_before" else None) == caught.value.status
    assert 1 == sum(one.method == "POST" for one in foundry.requests)


@pytest.mark.parametrize("way", WAYS)
def test_two_files_that_may_be_it_are_named(foundry: Emulator, way: str) -> None:
    """Whose they are is not guessed."""
    other = call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")
    foundry.faults.add(Fault("lost", path="/files$"))
    with pytest.raises(TurnUnknownError, match=rf"2 in the list may be its: .*{other.id}"):
        call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")


@pytest.mark.parametrize("way", WAYS)
def test_a_list_that_cannot_be_read_is_told(foundry: Emulator, way: str) -> None:
    """The lost answer comes first, and why nothing more is known."""
    foundry.faults.add(Fault("lost", method="POST"), Fault("refuse", method="GET", times=None))
    with pytest.raises(TurnUnknownError, match=r"the answer was lost .* list could not be read"):
        call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")


@pytest.mark.parametrize("way", WAYS)
def test_the_list_is_read_as_far_as_it_is_new(foundry: Emulator, way: str) -> None:
    """Older pages cannot hold what was made just now."""
    for name in range(22):
        call(foundry, way, "create_file", (f"{name}.jsonl", LINES), "batch")
        foundry.clock.advance(60)
    reads = len(foundry.requests)
    foundry.faults.add(Fault("lost", path="/files$"))
    call(foundry, way, "create_file", ("a.jsonl", LINES), "batch")
    assert ["POST", "GET"] == [one.method for one in foundry.requests[reads:]]


class Paged:
    """Loses the answer of an upload, and lists its file on the second page."""

    def __init__(self, *, date: str | None = None) -> None:
        self.asked: list[str | None] = []
        self._date = date

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadError("lost")
        self.asked.append(request.url.params.get("after"))
        new = {"purpose": "batch", "bytes": len(LINES), "created_at": 1e10}
        first = [new | {"id": f"file-{n}", "filename": "b.jsonl"} for n in range(2)]
        second = [new | {"id": "file-2", "filename": "a.jsonl"}]
        is_first = len(self.asked) == 1
        page = {"data": first if is_first else second, "has_more": is_first}
        return httpx.Response(200, json=page, headers={"date": self._date} if self._date else {})


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_found_on_a_later_page(foundry: Emulator, way: str) -> None:
    """Others may have uploaded meanwhile."""
    paged = Paged()
    transport = httpx.MockTransport(paged)
    more = {"transport": transport, "async_transport": transport, "clock": foundry.clock}
    found = call(foundry, way, "create_file", ("a.jsonl", LINES), "batch", **more)
    assert ("file-2", [None, "file-1"]) == (found.id, paged.asked)


@pytest.mark.parametrize("way", WAYS)
def test_the_services_clock_counts(foundry: Emulator, way: str) -> None:
    """A file is older than the call if the service's own date says so, whatever this machine's."""
    transport = httpx.MockTransport(Paged(date="Fri, 01 Jan 2400 00:00:00 GMT"))
    more = {"transport": transport, "async_transport": transport, "clock": foundry.clock}
    with pytest.raises(TurnUnknownError, match="the list shows none"):
        call(foundry, way, "create_file", ("a.jsonl", LINES), "batch", **more)


@pytest.mark.parametrize("way", WAYS)
def test_a_delete_whose_answer_is_lost_has_deleted(foundry: Emulator, way: str) -> None:
    """The second one finds nothing, which is what was wanted."""
    id = call(foundry, way, "create_file", ("a.jsonl", LINES), "batch").id
    foundry.faults.add(Fault("lost", method="DELETE"))
    assert call(foundry, way, "file_delete", id).deleted is True
    assert 0 == made(foundry)


@pytest.mark.parametrize("way", WAYS)
def test_the_environment_is_enough(
    foundry: Emulator, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As LiteLLM's page has it."""
    connection = foundry.deployment_connection()
    monkeypatch.setenv("AZURE_API_BASE", connection["api_base"] + "/openai/deployments/dep")
    monkeypatch.setenv("AZURE_API_KEY", connection["api_key"])
    monkeypatch.setenv("AZURE_API_VERSION", "2024-10-21")
    more = {"api_base": None, "api_key": None, "custom_llm_provider": "azure"}
    call(foundry, way, "create_file", ("a.jsonl", LINES), "batch", **more)
    assert "/openai/files" == foundry.requests[-1].path


def test_what_the_caller_opened_stays_open(foundry: Emulator, tmp_path: Path) -> None:
    """And what we open is closed, or the interpreter would warn."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    call(foundry, "sync", "create_file", path, "batch")
    with path.open("rb") as file:
        call(foundry, "sync", "create_file", file, "batch")
        assert not file.closed
