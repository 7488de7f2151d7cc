"""Files and batches of the emulated resource: OpenAI's SDK uploads, runs and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Delayed, Emulator, Failed, Text

openai = pytest.importorskip("openai")

KINDS = ["AzureOpenAI", "OpenAI"]


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, foundry: Emulator) -> Iterator[Any]:
    """A client of either surface."""
    place = (
        {"azure_endpoint": foundry.resource, "api_version": "2025-01-01-preview"}
        if request.param == "AzureOpenAI"
        else {"base_url": f"{foundry.resource}/openai/v1"}
    )
    http = httpx.Client(transport=foundry.transport)
    kind = getattr(openai, request.param)
    with kind(http_client=http, api_key=foundry.api_key, max_retries=0, **place) as made:
        yield made


def line(id: str, text: str, url: str = "/v1/chat/completions", **body: Any) -> dict[str, Any]:
    """A line of a batch."""
    asked = {"model": "dep", "messages": [{"role": "user", "content": text}], **body}
    return {"custom_id": id, "method": "POST", "url": url, "body": asked}


def start(client: Any, *lines: Any, endpoint: str = "/v1/chat/completions") -> Any:
    """A batch of these lines."""
    shown = [one if isinstance(one, str) else json.dumps(one) for one in lines]
    data = "".join(f"{one}\n" for one in shown).encode()
    file = client.files.create(file=("lines.jsonl", data), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint=endpoint, completion_window="24h", metadata={"a": "b"}
    )


def finish(client: Any, batch: Any) -> tuple[Any, list[str]]:
    """Look at a batch until it ends; it, and the stations that it was seen at."""
    seen = [batch.status]
    while batch.status not in {"completed", "failed", "cancelled"} and len(seen) < 40:
        batch = client.batches.retrieve(batch.id)
        seen += [batch.status] if batch.status != seen[-1] else []
    return batch, seen


def lines_of(client: Any, id: str) -> dict[str, Any]:
    """The lines of a file by their ids."""
    content = client.files.content(id).content
    assert not content or content.endswith(b"\n")
    lines = [json.loads(one) for one in content.splitlines()]
    return {one["custom_id"]: one["response"] for one in lines}


def test_a_file_is_kept_read_and_deleted(foundry: Emulator, client: Any) -> None:
    """A second deletion is no error, as recorded; the dated surface says where a file is."""
    file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    is_dated = "deployments" in str(client.base_url) or hasattr(client, "_api_version")
    assert (201 if is_dated else 200) == foundry.requests[-1].status
    assert (3, "a.jsonl", "processed") == (file.bytes, file.filename, file.status)
    assert b"{}\n" == client.files.content(file.id).content
    assert [file.id] == [one.id for one in client.files.list(purpose="batch")]
    assert [] == list(client.files.list(purpose="fine-tune"))
    assert [True, False] == [client.files.delete(file.id).deleted for _ in range(2)]
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_file_for_training_is_looked_at_first(client: Any) -> None:
    """Pending, and at the next look processed."""
    file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="fine-tune")
    assert ["pending", "pending", "processed"] == [
        file.status,
        *(client.files.retrieve(file.id).status for _ in range(2)),
    ]


def test_an_unknown_purpose_is_refused(client: Any) -> None:
    """By its name."""
    with pytest.raises(openai.BadRequestError, match="Invalid value: 'fun'"):
        client.files.create(file=("a.jsonl", b"{}\n"), purpose="fun")


def test_a_batch_runs_its_lines(foundry: Emulator, client: Any) -> None:
    """Each asks the deployment; answers come in another order, and a failed line stands apart."""
    replies = {"one": Text("first"), "two": Text("second"), "bad": Failed("content_filter")}
    foundry.deploy("dep", lambda turn: replies[turn.last_user_text])
    asked = [line("a", "one"), line("b", "two"), line("c", "bad"), line("d", "one", model="none")]
    batch, seen = finish(client, start(client, *asked))
    assert ["validating", "in_progress", "finalizing", "completed"] == seen
    assert (4, 2, 2) == (
        batch.request_counts.total,
        batch.request_counts.completed,
        batch.request_counts.failed,
    )
    good, bad = lines_of(client, batch.output_file_id), lines_of(client, batch.error_file_id)
    assert ["b", "a"] == list(good)
    assert ["second", "first"] == [
        one["body"]["choices"][0]["message"]["content"] for one in good.values()
    ]
    assert {"c": 400, "d": 404} == {id: one["status_code"] for id, one in bad.items()}
    assert "DeploymentNotFound" == bad["d"]["body"]["error"]["code"]
    assert ["one", "two", "bad"] == [turn.last_user_text for turn in foundry.seen]
    assert {"a": "b"} == batch.metadata
    assert "/chat/completions" == batch.endpoint


OTHERS = [
    ("/v1/embeddings", "text-embedding-3-small", {"input": "hi"}, "embedding"),
    ("/v1/completions", "gpt-35-turbo-instruct", {"prompt": "hi"}, "text_completion"),
    ("/v1/responses", "gpt-4o", {"input": "hi"}, "response"),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: other[-1])
def test_a_batch_of_another_operation(foundry: Emulator, client: Any, other: Any) -> None:
    """Its lines are answered as by themselves; one that is refused stands apart."""
    endpoint, model, fields, kind = other
    foundry.deploy("dep", Delayed(3, "Hello there!"), model=model)
    asked = [{"url": endpoint, "body": {"model": name, **fields}} for name in ("dep", "none")]
    lines = [{"custom_id": id, **one} for id, one in zip("ab", asked, strict=True)]
    batch, _ = finish(client, start(client, *lines, endpoint=endpoint))
    good, bad = (lines_of(client, id) for id in (batch.output_file_id, batch.error_file_id))
    body = good["a"]["body"]
    assert kind in {body["object"], *(one.get("object") for one in body.get("data", ()))}
    assert ({"b": 404}, ["a"]) == ({id: one["status_code"] for id, one in bad.items()}, [*good])


def test_a_script_that_breaks_fails_its_line(foundry: Emulator, client: Any) -> None:
    """The others go on."""

    def say(turn: Any) -> str:
        if turn.last_user_text == "two":
            raise ValueError("a mistake in a script")
        return "first"

    foundry.deploy("dep", say)
    batch, _ = finish(client, start(client, line("a", "two"), line("b", "one")))
    assert ["b"] == list(lines_of(client, batch.output_file_id))
    assert 500 == lines_of(client, batch.error_file_id)["a"]["status_code"]
    assert 1 == len(foundry.errors)


def test_a_batch_expires_after_a_day(foundry: Emulator, client: Any) -> None:
    """What was answered is kept; the rest is told, line by line."""
    foundry.deploy("dep", ["first", Delayed(100_000, "late")])
    batch = start(client, line("a", "one"), line("b", "two"), line("c", "three"))
    for _ in range(4):
        batch = client.batches.retrieve(batch.id)
    foundry.clock.advance(86_400)
    batch = client.batches.retrieve(batch.id)
    assert ("expired", 1, 2) == (
        batch.status,
        batch.request_counts.completed,
        batch.request_counts.failed,
    )
    assert ["a"] == list(lines_of(client, batch.output_file_id))
    content = client.files.content(batch.error_file_id).content
    errors = [json.loads(one)["error"]["code"] for one in content.splitlines()]
    assert ["batch_expired"] * 2 == errors
    assert 2 == len(foundry.seen)
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_files_and_batches_do_not_grow_for_ever(foundry: Emulator, client: Any) -> None:
    """The newest are kept; an older one is gone as if it had been deleted."""
    foundry.keep = 4
    foundry.deploy("dep", "ok")
    made = [start(client, line("a", "one")) for _ in range(6)]
    assert [one.id for one in made[:1:-1]] == [batch.id for batch in client.batches.list()]
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve(made[0].id)
    assert 4 == len(list(client.files.list()))


def test_time_carries_a_batch_on(foundry: Emulator, client: Any) -> None:
    """Nobody has to look at it."""
    foundry.deploy("dep", "ok")
    batch = start(client, line("a", "one"))
    foundry.clock.advance(600)
    assert "completed" == client.batches.list().data[0].status
    assert batch.id == client.batches.list().data[0].id


@pytest.mark.parametrize(
    ("lines", "code", "number"),
    [
        (["no json"], "invalid_json_line", 1),
        ([line("a", "x"), line("a", "y")], "duplicate_custom_id", 2),
        ([line("a", "x", url="/v1/embeddings")], "url_mismatch", 1),
        ([{"custom_id": "a"}], "invalid_request", 1),
        ([], "empty_file", None),
    ],
)
def test_a_malformed_file_fails_its_batch(
    foundry: Emulator, client: Any, lines: list[Any], code: str, number: int | None
) -> None:
    """Nothing is asked; the error names the line."""
    batch, seen = finish(client, start(client, *lines))
    assert ["validating", "failed"] == seen
    assert [(code, number)] == [(one.code, one.line) for one in batch.errors.data]
    assert [] == foundry.seen


def test_a_cancelled_batch_answers_no_more(foundry: Emulator, client: Any) -> None:
    """It has no files then, and cannot be cancelled again."""
    foundry.deploy("dep", "ok")
    batch = client.batches.cancel(start(client, line("a", "one")).id)
    assert ("cancelling", None) == (batch.status, batch.output_file_id)
    foundry.clock.advance(60)
    assert "cancelled" == client.batches.retrieve(batch.id).status
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)
    assert [] == foundry.seen


def test_batches_come_in_pages(foundry: Emulator, client: Any) -> None:
    """The newest first."""
    foundry.deploy("dep", "ok")
    made = [start(client, line("a", "one")).id for _ in range(3)]
    assert made[::-1] == [batch.id for batch in client.batches.list(limit=2)]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"input_file_id": "file-none"}, "NotFoundError"),
        ({"endpoint": "/v1/images"}, "BadRequestError"),
        ({"completion_window": "1h"}, "BadRequestError"),
    ],
)
def test_a_batch_of_nonsense_is_refused(client: Any, change: dict[str, Any], kind: str) -> None:
    """Before it is made."""
    file = client.files.create(file=("a.jsonl", b"{}\n"), purpose="batch")
    fields = {"input_file_id": file.id, "endpoint": "/v1/chat/completions"}
    with pytest.raises(getattr(openai, kind)):
        client.batches.create(**{"completion_window": "24h", **fields, **change})
    assert [] == list(client.batches.list())
