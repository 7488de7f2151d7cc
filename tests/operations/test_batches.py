"""Batches on the emulator: both surfaces, sync and async."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TurnUnknownError,
)

from .calling import SURFACES, WAYS, call

WINDOW = ("24h", "/v1/chat/completions")


def lines(count: int = 3) -> bytes:
    """Requests for a batch."""
    body = {"model": "dep", "messages": [{"role": "user", "content": "Hello"}]}
    one = {"method": "POST", "url": "/chat/completions", "body": body}
    return b"".join(
        json.dumps({"custom_id": f"task-{n}", **one}).encode() + b"\n" for n in range(count)
    )


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment that answers."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "Grüße!")
        yield emulator


@pytest.fixture
def file(foundry: Emulator) -> str:
    """The id of a file of requests."""
    made: str = call(foundry, "sync", "create_file", ("in.jsonl", lines()), "batch").id
    return made


def finished(foundry: Emulator, way: str, id: str, **more: Any) -> tuple[Any, list[str]]:
    """The batch once it is over, and the states it was seen in."""
    states: list[str] = []
    while True:
        batch = call(foundry, way, "retrieve_batch", id, **more)
        states += [batch.status] if batch.status not in states else []
        if batch.status in {"completed", "failed", "cancelled"}:
            return batch, states
        assert batch.output_file_id in {"", None}
        foundry.clock.advance(30)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_batch_runs_its_lines(foundry: Emulator, way: str, version: str | None) -> None:
    """From the file that goes up to the lines that come down."""
    more = {"api_version": version, "custom_llm_provider": "azure"}
    file = call(foundry, way, "create_file", ("in.jsonl", lines()), "batch", **more)
    batch = call(foundry, way, "create_batch", *WINDOW, file.id, metadata={"a": "b"}, **more)
    sent = foundry.requests[-1]
    assert ("/openai/v1/batches" if version is None else "/openai/batches") == sent.path
    asked = {"completion_window": "24h", "endpoint": WINDOW[1], "input_file_id": file.id}
    assert {**asked, "metadata": {"a": "b"}} == sent.body
    assert ("validating", "/chat/completions") == (batch.status, batch.endpoint)
    done, states = finished(foundry, way, batch.id, **more)
    assert ("completed", {"a": "b"}) == (states[-1], done["metadata"])
    output = call(foundry, way, "file_content", done.output_file_id, **more)
    answers = {line["custom_id"]: line for line in map(json.loads, output.iter_lines())}
    assert {"task-0", "task-1", "task-2"} == set(answers)
    message = answers["task-0"]["response"]["body"]["choices"][0]["message"]
    assert "Grüße!" == message["content"]


@pytest.mark.parametrize("way", WAYS)
def test_batches_are_listed_page_by_page(foundry: Emulator, way: str, file: str) -> None:
    """`limit` and `after` reach the service, which LiteLLM forgets."""
    ids = [call(foundry, way, "create_batch", *WINDOW, file).id for _ in range(3)]
    page = call(foundry, way, "list_batches", limit=2)
    rest = call(foundry, way, "list_batches", page.data[-1].id, 2)
    assert list(reversed(ids)) == [one.id for one in (*page.data, *rest.data)]
    assert {"limit": "2", "after": ids[1]} == foundry.requests[-1].query


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_is_cancelled(foundry: Emulator, way: str, file: str) -> None:
    """Also where the answer to that is lost; one that is over is not."""
    for lost in (False, True):
        batch = call(foundry, way, "create_batch", *WINDOW, file)
        if lost:
            foundry.faults.add(Fault("lost", path="/cancel$"))
        assert "cancelling" == call(foundry, way, "cancel_batch", batch.id).status
        assert "cancelled" == finished(foundry, way, batch.id)[0].status
        with pytest.raises(ConflictError):
            call(foundry, way, "cancel_batch", batch.id)
    with pytest.raises(NotFoundError):
        call(foundry, way, "cancel_batch", "batch_none")


LOST = [
    Fault("lost", method="POST", path="/batches$"),
    Fault("status_after", method="POST", path="/batches$", status=502),
    Fault("cut", method="POST", path="/batches$", after_bytes=30, mode="eof"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
def test_a_batch_whose_answer_is_lost_is_found(
    foundry: Emulator, way: str, version: str | None, fault: Fault, file: str
) -> None:
    """By its file and metadata, also where the service writes the endpoint otherwise."""
    for of in ("one", "two"):
        call(foundry, way, "create_batch", *WINDOW, file, metadata={"of": of})
    foundry.faults.add(fault)
    more = {"metadata": {"of": "three"}, "api_version": version}
    found = call(foundry, way, "create_batch", *WINDOW, file, **more)
    assert {"of": "three"} == found["metadata"]
    assert found._hidden_params["notes"]
    assert 3 == len(call(foundry, way, "list_batches").data)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_that_cannot_be_told_from_another_is_an_error(
    foundry: Emulator, way: str, file: str
) -> None:
    """Which names both; nothing is paid twice."""
    first = call(foundry, way, "create_batch", *WINDOW, file)
    foundry.faults.add(Fault("lost", path="/batches$"))
    with pytest.raises(TurnUnknownError, match=rf"2 in the list may be its: .*{first.id}"):
        call(foundry, way, "create_batch", *WINDOW, file)
    assert 2 == len(call(foundry, way, "list_batches").data)


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_that_may_not_have_been_made_is_not_made_again(
    foundry: Emulator, way: str, file: str
) -> None:
    """Whether it came to be is the service's secret: the error says so."""
    foundry.faults.add(Fault("reset_before", path="/batches$"))
    with pytest.raises(TurnUnknownError, match="the list shows none"):
        call(foundry, way, "create_batch", *WINDOW, file)
    assert 0 == len(call(foundry, way, "list_batches").data)
    foundry.faults.add(Fault("status_before", path="/batches$", status=429))
    call(foundry, way, "create_batch", *WINDOW, file)
    assert 1 == len(call(foundry, way, "list_batches").data)


BAD: list[tuple[str, tuple[Any, ...], dict[str, Any], type[AzureAgentsError], str]] = [
    ("create_batch", WINDOW, {}, InvalidRequestError, "input_file_id is empty|no output_file_id"),
    ("create_batch", (*WINDOW, "a/b"), {}, InvalidRequestError, "is no id of a file"),
    ("create_batch", ("", WINDOW[1], "f"), {}, InvalidRequestError, "completion_window must be"),
    ("create_batch", ("24h", None, "f"), {}, InvalidRequestError, "endpoint must be what"),
    (
        "create_batch",
        (*WINDOW, "f"),
        {"metadata": {"a": 1}},
        InvalidRequestError,
        "metadata must be a dictionary of texts",
    ),
    ("retrieve_batch", ("",), {}, InvalidRequestError, "batch_id is empty"),
    ("cancel_batch", (5,), {}, InvalidRequestError, "5 is no id of a batch"),
    ("list_batches", (), {"limit": -3}, InvalidRequestError, "limit must be .* got -3"),
    ("list_batches", (7,), {}, InvalidRequestError, "after: 7 is no id"),
    ("retrieve_batch", ("b",), {"extra_body": {"a": 1}}, InvalidRequestError, "has no a="),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for function, args, more, kind, said in BAD:
        with pytest.raises(kind, match=said):
            call(foundry, way, function, *args, **more)
    assert [] == foundry.requests


@pytest.mark.parametrize("way", WAYS)
def test_what_the_service_refuses_is_told(foundry: Emulator, way: str, file: str) -> None:
    """In its own words."""
    with pytest.raises(BadRequestError, match="/v1/dreams"):
        call(foundry, way, "create_batch", "24h", "/v1/dreams", file)
