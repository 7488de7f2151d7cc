"""Batches by file, as LiteLLM's page on Azure does them, on one resource and on two."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.emulator import Emulator

from ..conftest import Gateway, Start
from .conftest import CONFIG, KEY_LINES, KEYS, MASTER, Client, completed, deploy, entries, lines

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
WINDOW: dict[str, Any] = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
PROVIDER: dict[str, Any] = {"extra_headers": {"custom-llm-provider": "azure"}}


@pytest.fixture
def second() -> Iterator[tuple[Emulator, str]]:
    """Another resource with the same deployments."""
    with Emulator(seed=8) as emulator, emulator.serve() as served:
        deploy(emulator)
        yield emulator, served.resource


@pytest.fixture
def emulators(foundry: Emulator, second: tuple[Emulator, str]) -> tuple[Emulator, ...]:
    """Both resources."""
    return foundry, second[0]


@pytest.fixture
def spread(foundry: Emulator, second: tuple[Emulator, str], start: Start) -> Gateway:
    """A gateway with each model on two resources."""
    deploy(foundry)
    return start(f"model_list:{entries()}{entries(second[1])}{KEY_LINES}")


# Page 003, "Quick Start" of batches: the SDK's tabs say the provider, the tabs for curl do not.
@pytest.mark.parametrize("more", [PROVIDER, {}], ids=["sdk", "curl"])
@pytest.mark.parametrize("root", ["", "/v1"])
def test_the_pages_batch_runs(
    gateway: Gateway, client: Client, more: dict[str, Any], root: str
) -> None:
    """Upload, create, retrieve, cancel and list, with the provider's header and without it."""
    openai = client(gateway, MASTER, root)
    upload = ("mydata.jsonl", lines("my-gpt", "my-gpt", "my-gpt"))
    file = openai.files.create(file=upload, purpose="batch", **more)
    batch = openai.batches.create(
        input_file_id=file.id, metadata={"description": "My batch job"}, **WINDOW, **more
    )
    assert batch.id == openai.batches.retrieve(batch.id, **more).id
    assert [batch.id] == [one.id for one in openai.batches.list(**more)]
    listed = gateway.http.get(f"{root}/batches?limit=2", headers={"api-key": MASTER}).json()
    assert [batch.id] == [one["id"] for one in listed["data"]]
    assert openai.batches.cancel(batch.id, **more).status in ("cancelling", "cancelled")


def test_a_provider_that_is_not_here_is_refused(gateway: Gateway) -> None:
    """One that the config lacks, and one that nobody here knows."""
    for provider in ("openai", "vertex_ai"):
        headers = {"api-key": MASTER, "custom-llm-provider": provider}
        assert 400 == gateway.http.get("/v1/files", headers=headers).status_code
        path = f"/v1/files?provider={provider}"
        assert 400 == gateway.http.get(path, headers={"api-key": MASTER}).status_code


# Page 003, "Loadbalance Multiple Azure Deployments".
def test_balanced_batches_are_spread_over_resources(spread: Gateway, client: Client) -> None:
    """The model in the lines chooses; batch, output and list know where they belong."""
    openai = client(spread, MASTER)
    files = [
        openai.files.create(file=("mydata.jsonl", lines("gpt-4o", "gpt-4o")), purpose="batch")
        for _ in range(4)
    ]
    marks = {file.id.rpartition(".")[0].rpartition("~")[2] for file in files}
    assert 2 == len(marks)
    for file in files:
        assert 2 == openai.files.content(file.id).content.count(b'"my-gpt"')
        body = {"input_file_id": file.id, "model": "gpt-4o", **WINDOW}
        answer = spread.http.post("/v1/batches", json=body, headers={"api-key": MASTER})
        batch = completed(openai, openai.batches.retrieve(answer.json()["id"]))
        assert b"Hello there." in openai.files.content(batch.output_file_id).content


@pytest.mark.parametrize("key", [KEYS["ada"], MASTER])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_list_of_two_resources_is_one_list(
    emulators: tuple[Emulator, ...], spread: Gateway, client: Client, limit: int, key: str
) -> None:
    """Page by page nothing is lost or doubled, and the newest comes first."""
    openai = client(spread, key)
    made = []
    for _ in range(5):
        made.append(openai.files.create(file=("a.jsonl", lines("gpt-4o")), purpose="batch").id)
        for emulator in emulators:
            emulator.clock.advance(1)
    assert made[::-1] == [one.id for one in openai.files.list(limit=limit)]
    assert made == [one.id for one in openai.files.list(limit=limit, order="asc")]


def test_ids_of_two_resources_do_not_meet(spread: Gateway, client: Client) -> None:
    """A clear error before anything is sent; and lines with models of no common resource."""
    openai = client(spread, MASTER)
    upload: Any = {"file": ("t.jsonl", b'{"messages": []}\n'), "purpose": "fine-tune"}
    first, other = (
        openai.files.create(**upload, extra_body={"model": "gpt-4o"}).id for _ in range(2)
    )
    body = {"model": "gpt-4o", "training_file": first, "validation_file": other}
    answer = spread.http.post("/v1/fine_tuning/jobs", json=body, headers={"api-key": MASTER})
    assert (400, True) == (answer.status_code, "two resources" in answer.text)


LINES = [
    (b'{"custom_id": "1"\n', 400),
    (b"[1]\n", 400),
    (b"\xef\xbb\xbf" + lines("gpt-4o"), 200),
    (b"\n\n" + lines("gpt-4o", None) + b"\n", 200),
]


@pytest.mark.parametrize(("content", "status"), LINES)
def test_odd_lines(gateway: Gateway, content: bytes, status: int) -> None:
    """What is no line is refused with its number; empty ones and a mark at the start are none."""
    answer = gateway.http.post(
        "/v1/files",
        files={"file": ("a.jsonl", content)},
        data={"purpose": "batch"},
        headers={"api-key": MASTER},
    )
    assert status == answer.status_code


def test_a_batch_is_paid_once_at_half_the_price(gateway: Gateway, client: Client) -> None:
    """When its output is read to its end; a second time costs nothing."""
    openai = client(gateway)

    def spent() -> float:
        rows = gateway.http.get("/spend", headers={"api-key": KEYS["ada"]}).json()["data"]
        return sum(float(row["cost"]) for row in rows)

    file = openai.files.create(file=("a.jsonl", lines("gpt-4o")), purpose="batch")
    batch = completed(openai, openai.batches.create(input_file_id=file.id, **WINDOW))
    assert 0 == spent()
    openai.files.content(batch.output_file_id)
    once = spent()
    openai.files.content(batch.output_file_id)
    assert once == spent() > 0
    question = [{"role": "user", "content": 'The "model": é 0'}]
    openai.chat.completions.create(model="gpt-4o", messages=question)  # type: ignore[arg-type]
    assert pytest.approx(3 * once) == spent()


def test_images_and_sound_are_priced(gateway: Gateway, client: Client) -> None:
    """As they were asked for, and as the service bills them."""
    openai = client(gateway)
    openai.images.generate(model="dall-e", prompt="A cat", size="1024x1024", n=1)
    openai.audio.speech.create(model="tts", input="hello, world!", voice="alloy").content  # noqa: B018
    rows = gateway.http.get("/spend", headers={"api-key": KEYS["ada"]}).json()["data"]
    costs = {row["model"]: row["cost"] for row in rows}
    assert {"dall-e": 0.044, "tts": pytest.approx(13 * 15e-6)} == costs


def test_a_spent_budget_stops_what_costs_and_nothing_else(start: Start, foundry: Emulator) -> None:
    """Images are a 429 before anything is sent, results can still be read."""
    deploy(foundry)
    made = start(CONFIG.replace("{name: ada,", "{name: ada, budget: 0.05,"))
    headers = {"api-key": KEYS["ada"]}
    body = {"model": "dall-e", "prompt": "A cat"}
    statuses = [
        made.http.post("/v1/images/generations", json=body, headers=headers).status_code
        for _ in range(3)
    ]
    assert [200, 429, 429] == statuses
    assert 200 == made.http.get("/v1/files", headers=headers).status_code
