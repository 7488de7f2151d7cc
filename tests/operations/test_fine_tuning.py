"""Fine-tuning jobs on the emulator: both surfaces, sync and async."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    InvalidRequestError,
    TurnUnknownError,
)

from .calling import SURFACES, WAYS, call

EXAMPLES = b'{"messages": [{"role": "user", "content": "Hello"}]}\n' * 10


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


@pytest.fixture
def file(foundry: Emulator) -> str:
    """The id of a file of examples."""
    made: str = call(foundry, "sync", "create_file", ("in.jsonl", EXAMPLES), "fine-tune").id
    return made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
@pytest.mark.parametrize("model", ["gpt-4o-mini", "azure/gpt-4o-mini"])
def test_a_job_trains_a_model(
    foundry: Emulator, way: str, version: str | None, model: str, file: str
) -> None:
    """Nothing goes up that was not asked for; a deployment in the base is not what is trained."""
    more = {"api_version": version}
    base = f"{foundry.resource}/openai/deployments/dep" if version else foundry.resource
    asked = {"suffix": "mine", "method": {"type": "supervised"}, "api_base": base}
    job = call(foundry, way, "create_fine_tuning_job", model, file, **asked, **more)
    sent = foundry.requests[-1]
    root = "/openai/v1" if version is None else "/openai"
    assert f"{root}/fine_tuning/jobs" == sent.path
    body = {"model": "gpt-4o-mini", "training_file": file, "suffix": "mine"}
    assert {**body, "method": {"type": "supervised"}} == sent.body
    assert "gpt-4o-mini-2024-07-18" == job.model
    while job.status not in {"succeeded", "failed"}:
        foundry.clock.advance(60)
        job = call(foundry, way, "retrieve_fine_tuning_job", job.id, **more)
    assert "succeeded" == job.status
    assert job.fine_tuned_model.endswith("-mine")
    events = call(foundry, way, "list_fine_tuning_events", job.id, limit=1, **more)
    assert (["Job succeeded."], True) == ([one.message for one in events.data], events.has_more)
    more_events = call(foundry, way, "list_fine_tuning_events", job.id, events.data[0].id, **more)
    assert "Training started." in [one.message for one in more_events.data]
    assert [job.id] == [one.id for one in call(foundry, way, "list_fine_tuning_jobs", **more).data]


@pytest.mark.parametrize("way", WAYS)
def test_a_job_is_cancelled(foundry: Emulator, way: str, file: str) -> None:
    """Also where the answer to that is lost, or has no body; one that is over is not."""
    for lost in (False, True):
        job = call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file)
        if lost:
            foundry.faults.add(Fault("lost", path="/cancel$"))
        assert "cancelled" == call(foundry, way, "cancel_fine_tuning_job", job.id).status
    with pytest.raises(BadRequestError, match="already ended"):
        call(foundry, way, "cancel_fine_tuning_job", job.id)
    transport = httpx.MockTransport(lambda _: httpx.Response(204))
    more = {"transport": transport, "async_transport": transport}
    bare = call(foundry, way, "cancel_fine_tuning_job", "ftjob-1", **more)
    assert {"id": "ftjob-1", "object": "fine_tuning.job"} == bare


LOST = [
    Fault("lost", method="POST", path="/jobs$"),
    Fault("status_after", method="POST", path="/jobs$", status=500),
    Fault("cut", method="POST", path="/jobs$", after_bytes=30, mode="eof"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault.kind)
def test_a_job_whose_answer_is_lost_is_found(
    foundry: Emulator, way: str, fault: Fault, file: str
) -> None:
    """By model, files and suffix; the service names the version of the model."""
    call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file, suffix="other")
    foundry.faults.add(fault)
    found = call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file, suffix="mine")
    assert "mine" == found.suffix
    assert found._hidden_params["notes"]
    assert 2 == len(call(foundry, way, "list_fine_tuning_jobs").data)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_that_cannot_be_told_is_an_error(foundry: Emulator, way: str, file: str) -> None:
    """None, or several: nothing is paid twice."""
    foundry.faults.add(Fault("reset_before", path="/jobs$"))
    with pytest.raises(TurnUnknownError, match="the list shows none"):
        call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file)
    call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file)
    foundry.faults.add(Fault("lost", path="/jobs$"))
    with pytest.raises(TurnUnknownError, match="2 in the list may be its"):
        call(foundry, way, "create_fine_tuning_job", "gpt-4o-mini", file)
    assert 2 == len(call(foundry, way, "list_fine_tuning_jobs").data)


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_that_names_the_wrong_cause_is_explained(foundry: Emulator, way: str) -> None:
    """Where the service wants a kind of training, it blames the model."""
    error = {"error": {"message": "The specified base model does not support fine-tuning."}}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=error))
    more: dict[str, Any] = {"transport": transport, "async_transport": transport}
    with pytest.raises(BadRequestError, match=r"pass trainingType=1 \(standard\)"):
        call(foundry, way, "create_fine_tuning_job", "gpt-4.1", "file-1", **more)
    with pytest.raises(BadRequestError) as caught:
        call(foundry, way, "create_fine_tuning_job", "gpt-4.1", "file-1", trainingType=1, **more)
    assert "trainingType" not in caught.value.message


BAD: list[tuple[str, tuple[Any, ...], dict[str, Any], type[AzureAgentsError], str]] = [
    ("create_fine_tuning_job", (None, "f"), {}, ConfigError, "trains a model"),
    ("create_fine_tuning_job", ("m", ""), {}, InvalidRequestError, "training_file is empty"),
    (
        "create_fine_tuning_job",
        ("m", "f"),
        {"validation_file": "a b"},
        InvalidRequestError,
        "is no id of a validation file",
    ),
    (
        "create_fine_tuning_job",
        ("m", "f"),
        {"hyperparameters": 3},
        InvalidRequestError,
        "hyperparameters must be a dictionary",
    ),
    ("retrieve_fine_tuning_job", ("",), {}, InvalidRequestError, "fine_tuning_job_id is empty"),
    ("cancel_fine_tuning_job", ("?",), {}, InvalidRequestError, "is no id of a fine-tuning job"),
    ("list_fine_tuning_jobs", (), {"limit": -1}, InvalidRequestError, "limit must be"),
    ("list_fine_tuning_events", ("j", None, 0), {}, InvalidRequestError, "limit must be"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for function, args, more, kind, said in BAD:
        with pytest.raises(kind, match=said):
            call(foundry, way, function, *args, **more)
    assert [] == foundry.requests
