"""What belongs to whom: ids are sealed to the key that made them, and lists show a key its own."""

from __future__ import annotations

from typing import Any

import pytest
from openai import NotFoundError

from ..conftest import Gateway
from .conftest import KEYS, MASTER, Client, lines

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
WINDOW: dict[str, Any] = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}


def made(gateway: Gateway, client: Client) -> dict[str, str]:
    """One of each kind, of Ada's."""
    ada = client(gateway)
    file = ada.files.create(file=("my.jsonl", lines("gpt-4o")), purpose="batch").id
    training = ada.files.create(file=("t.jsonl", b'{"messages": []}\n'), purpose="fine-tune").id
    job = ada.fine_tuning.jobs.create(model="gpt-4o-2024-08-06", training_file=training).id
    batch = ada.batches.create(input_file_id=file, **WINDOW).id
    response = ada.responses.create(model="gpt-4o", input="Hello").id
    return {"file": file, "batch": batch, "job": job, "response": response}


CALLS = [
    ("GET", "/v1/files/{file}", None),
    ("GET", "/v1/files/{file}/content", None),
    ("DELETE", "/v1/files/{file}", None),
    ("GET", "/v1/batches/{batch}", None),
    ("POST", "/v1/batches/{batch}/cancel", None),
    ("POST", "/v1/batches", {"input_file_id": "{file}", **WINDOW}),
    ("GET", "/v1/batches?after={batch}", None),
    ("GET", "/v1/fine_tuning/jobs/{job}", None),
    ("GET", "/v1/fine_tuning/jobs/{job}/events", None),
    ("POST", "/v1/fine_tuning/jobs/{job}/cancel", None),
    ("POST", "/v1/fine_tuning/jobs", {"model": "gpt-4o", "training_file": "{file}"}),
    ("GET", "/v1/responses/{response}", None),
    ("GET", "/v1/responses/{response}/input_items", None),
    ("POST", "/v1/responses/{response}/cancel", None),
    ("DELETE", "/v1/responses/{response}", None),
    (
        "POST",
        "/v1/responses",
        {"model": "gpt-4o", "input": "x", "previous_response_id": "{response}"},
    ),
    (
        "POST",
        "/v1/responses",
        {"model": "gpt-4o", "input": [{"type": "item_reference", "id": "{response}"}]},
    ),
    (
        "POST",
        "/v1/responses",
        {
            "model": "gpt-4o",
            "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "{file}"}]}],
        },
    ),
]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """A value with ids in their places."""
    if isinstance(value, dict):
        return {k: filled(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(one, ids) for one in value]
    return value.format(**ids) if isinstance(value, str) else value


def test_another_keys_ids_are_unknown(gateway: Gateway, client: Client) -> None:
    """With their seal and without it, on every route; and Ada's own still work after all that."""
    ids = made(gateway, client)
    bare = {kind: id.rpartition(".")[0] for kind, id in ids.items()}
    wrong = []
    for given in (ids, bare):
        for method, path, body in CALLS:
            answer = gateway.http.request(
                method,
                path.format(**given),
                json=filled(body, given) if body else None,
                headers={"api-key": KEYS["bob"]},
            )
            if (404, "not_found") != (answer.status_code, answer.json()["error"]["code"]):
                wrong.append((method, path, answer.status_code, answer.text))
    assert [] == wrong
    ada = client(gateway)
    assert ids["file"] == ada.files.retrieve(ids["file"]).id
    assert ids["response"] == ada.responses.retrieve(ids["response"]).id


def test_a_seal_is_not_shared_by_ids(gateway: Gateway, client: Client) -> None:
    """The seal of one file on the name of another opens nothing."""
    ids = made(gateway, client)
    first, _, seal = ids["file"].rpartition(".")
    with pytest.raises(NotFoundError):
        client(gateway).files.retrieve(f"{first}x.{seal}")


def test_an_admins_key_may_name_what_was_made_elsewhere(gateway: Gateway, client: Client) -> None:
    """By its bare id: the resource is the admin's."""
    bare = made(gateway, client)["file"].rpartition(".")[0]
    master = client(gateway, MASTER)
    assert bare == master.files.retrieve(bare).id.rpartition(".")[0]


def test_a_list_shows_a_key_its_own(gateway: Gateway, client: Client) -> None:
    """Bob sees none of Ada's, the master key sees all; the gateway's own words are not told."""
    ids = made(gateway, client)
    ada, bob, master = client(gateway), client(gateway, KEYS["bob"]), client(gateway, MASTER)
    for kind, of in (("file", "files"), ("batch", "batches")):
        assert ids[kind] in [one.id for one in getattr(ada, of).list()]
        assert [] == list(getattr(bob, of).list())
        assert list(getattr(master, of).list())
    assert [ids["job"]] == [one.id for one in ada.fine_tuning.jobs.list()]
    assert [] == list(bob.fine_tuning.jobs.list())
    assert {"my.jsonl", "t.jsonl"} == {one.filename for one in ada.files.list()}
    assert [None] == [one.metadata for one in ada.batches.list()]


def test_a_key_that_names_models_uses_their_resources(gateway: Gateway, client: Client) -> None:
    """It uploads lines for its models; those for others, known or not, are a 403."""
    mini = client(gateway, KEYS["mini"])
    assert mini.files.create(file=("a.jsonl", lines("gpt-mini")), purpose="batch").id
    headers = {"api-key": KEYS["mini"]}
    for model in ("gpt-4o", "my-gpt", "not-in-the-config"):
        upload = {"file": ("a.jsonl", lines("gpt-mini", model))}
        answer = gateway.http.post(
            "/v1/files", files=upload, data={"purpose": "batch"}, headers=headers
        )
        assert (403, "model_not_allowed") == (answer.status_code, answer.json()["error"]["code"])
    for path, body in (
        ("/v1/images/generations", {"model": "dall-e", "prompt": "x"}),
        ("/v1/audio/speech", {"model": "tts", "input": "x"}),
        ("/v1/fine_tuning/jobs", {"model": "gpt-4o-2024-08-06", "training_file": "x"}),
    ):
        assert gateway.http.post(path, json=body, headers=headers).status_code in (403, 404)
