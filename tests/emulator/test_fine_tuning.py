"""Fine-tuning jobs of the emulated resource, asked by OpenAI's SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator

openai = pytest.importorskip("openai")

EXAMPLE = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}


@pytest.fixture(params=["AzureOpenAI", "OpenAI"])
def client(request: pytest.FixtureRequest, foundry: Emulator) -> Iterator[Any]:
    """A client of either surface; not strict, since its types lack the recorded ``pending``."""
    place = (
        {"azure_endpoint": foundry.resource, "api_version": "2025-04-01-preview"}
        if request.param == "AzureOpenAI"
        else {"base_url": f"{foundry.resource}/openai/v1"}
    )
    http = httpx.Client(transport=foundry.transport)
    kind = getattr(openai, request.param)
    with kind(http_client=http, api_key=foundry.api_key, max_retries=0, **place) as made:
        yield made


def start(client: Any, lines: list[str] | None = None, **fields: Any) -> Any:
    """A job on a file of these lines; without any on a good one."""
    shown = [json.dumps(EXAMPLE)] * 10 if lines is None else lines
    data = "\n".join(shown).encode()
    file = client.files.create(file=("train.jsonl", data), purpose="fine-tune")
    return client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id, **fields)


def finish(client: Any, job: Any) -> tuple[Any, list[str]]:
    """Look at a job until it ends; it, and the statuses that it was seen with."""
    seen = [job.status]
    while job.status in {"pending", "running"} and len(seen) < 20:
        job = client.fine_tuning.jobs.retrieve(job.id)
        seen += [job.status] if job.status != seen[-1] else []
    return job, seen


def test_a_job_makes_a_model_that_can_be_deployed(foundry: Emulator, client: Any) -> None:
    """Its name tells the model behind it; the events tell how it went."""
    job, seen = finish(client, start(client, suffix="mine"))
    assert ["pending", "running", "succeeded"] == seen
    assert job.fine_tuned_model.startswith("gpt-4o-mini-2024-07-18.ft-")
    assert job.fine_tuned_model.endswith("-mine")
    messages = [one.message for one in client.fine_tuning.jobs.list_events(job.id)]
    assert ("Job succeeded.", 3) == (messages[0], len(messages))
    foundry.deploy("mine", "tuned", model=job.fine_tuned_model)
    asked = {"model": "mine", "messages": [{"role": "user", "content": "hi"}]}
    assert "tuned" == client.chat.completions.create(**asked).choices[0].message.content


def test_hyperparameters_are_those_asked_for(client: Any) -> None:
    """What is left to the service is -1, as recorded."""
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    job = start(client, method=method, seed=7)
    assert (3, -1, 7) == (job.hyperparameters.n_epochs, job.hyperparameters.batch_size, job.seed)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (["no json"] * 10, "invalid_training_file"),
        (["{}"] * 10, "invalid_training_file"),
        ([json.dumps(EXAMPLE)] * 9, "invalid_n_examples"),
    ],
)
def test_a_malformed_file_fails_its_job(client: Any, lines: list[str], code: str) -> None:
    """The error says what is wrong."""
    job, seen = finish(client, start(client, lines))
    assert (["pending", "failed"], code) == (seen, job.error.code)


def test_a_job_is_cancelled_once(client: Any) -> None:
    """At once; one that has ended stays as it is."""
    job = start(client)
    assert "cancelled" == client.fine_tuning.jobs.cancel(job.id).status
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.cancel(job.id)
    assert [(job.id, "cancelled")] == [
        (one.id, one.status) for one in client.fine_tuning.jobs.list()
    ]


def test_time_carries_a_job_on(foundry: Emulator, client: Any) -> None:
    """Nobody has to look at it."""
    start(client)
    foundry.clock.advance(60)
    assert ["succeeded"] == [one.status for one in client.fine_tuning.jobs.list()]


def test_nonsense_is_refused(client: Any) -> None:
    """An unknown file, one for something else, an unknown job."""
    create = client.fine_tuning.jobs.create
    with pytest.raises(openai.NotFoundError):
        create(model="gpt-4o-mini", training_file="file-none")
    other = client.files.create(file=("a.jsonl", b"{}"), purpose="batch")
    with pytest.raises(openai.BadRequestError, match="purpose"):
        create(model="gpt-4o-mini", training_file=other.id)
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.retrieve("ftjob-none")
