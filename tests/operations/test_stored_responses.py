"""`get_response`, `delete_response`, `cancel_response`, `list_input_items`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Delayed, Emulator, Failed
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    InvalidRequestError,
    NotFoundError,
    RunFailedError,
    StreamInterruptedError,
)

from .test_responses import DONE, EVENTS, FAILED, event
from .wire import WAYS, Service, ask, call, sse, streaming

SURFACES = [None, "2025-04-01-preview"]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "one two three")
        yield emulator


def made(foundry: Emulator, **more: Any) -> Any:
    """A response that the service keeps."""
    given = {"model": "azure/dep", "input": "Hello", **foundry.deployment_connection(), **more}
    return call("sync", "responses", **given)


def use(foundry: Emulator, way: str, function: str, id: Any, **more: Any) -> Any:
    """One call of a kept response."""
    given = {**foundry.deployment_connection(), **more}
    return call(way, function, response_id=id, **given)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_response_is_got_listed_and_deleted(
    foundry: Emulator, way: str, version: str | None
) -> None:
    """By its id alone: no model is named, and none goes up."""
    more = {"api_version": version, "custom_llm_provider": "azure"}
    first = made(foundry)
    got = use(foundry, way, "get_response", first.id, **more)
    assert (first.id, "one two three") == (got.id, got.output_text)
    assert f"/openai{'' if version else '/v1'}/responses/{first.id}" == foundry.requests[-1].path
    items = use(foundry, way, "list_input_items", first.id, limit=5, order="asc", **more)
    assert ["Hello"] == [part.text for item in items.data for part in item.content]
    deleted = use(foundry, way, "delete_response", first.id, **more)
    assert (True, "response.deleted") == (deleted.deleted, deleted.object)
    with pytest.raises(NotFoundError) as caught:
        use(foundry, way, "get_response", first.id, **more)
    assert caught.value.request_id
    assert "agent" not in caught.value.message


@pytest.mark.parametrize("way", WAYS)
def test_a_response_in_the_background_is_polled_and_cancelled(foundry: Emulator, way: str) -> None:
    """Cancelling one that does not run in the background is refused."""
    foundry.deploy("slow", Delayed(60, "late"))
    begun = made(foundry, model="azure/slow", background=True)
    assert begun.status in ("queued", "in_progress")
    assert "cancelled" == use(foundry, way, "cancel_response", begun.id).status
    assert "cancelled" == use(foundry, way, "get_response", begun.id, model="azure/slow").status
    with pytest.raises(BadRequestError):
        use(foundry, way, "cancel_response", made(foundry).id)


@pytest.mark.parametrize("way", WAYS)
def test_the_events_of_a_response_go_on_where_they_were_left(foundry: Emulator, way: str) -> None:
    """With `starting_after` none comes twice, and none is lost."""
    events = made(foundry, background=True, stream=True)
    id, last = events[0].response.id, events[2].sequence_number
    rest = use(foundry, way, "get_response", id, stream=True, starting_after=last)
    assert [one.model_dump() for one in events[3:]] == [one.model_dump() for one in rest]
    assert {"stream": "true", "starting_after": str(last)} == dict(foundry.requests[-1].query)


@pytest.mark.parametrize("way", WAYS)
def test_a_failed_response_is_an_answer_when_it_is_got(foundry: Emulator, way: str) -> None:
    """It was asked what became of it; its events end in the error."""
    service = Service(httpx.Response(200, json={**FAILED, "error": {"code": "x", "message": "m"}}))
    assert "failed" == ask(way, "get_response", service, response_id="resp_1").status
    failed = event("failed", 2, response={**FAILED, "error": {"code": "x", "message": "m"}})
    stream = Service(streaming(sse([failed])))
    with pytest.raises(RunFailedError):
        ask(way, "get_response", stream, response_id="resp_1", stream=True)
    foundry.deploy("bad", Failed("server_error"))
    with pytest.raises(AzureAgentsError):
        made(foundry, model="azure/bad", max_retries=0)


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_says_how_to_go_on(way: str) -> None:
    """With the number of the last event that was delivered."""
    came: list[Any] = []
    service = Service(streaming(sse(EVENTS[:3])))
    with pytest.raises(StreamInterruptedError) as caught:
        ask(way, "get_response", service, response_id="resp_1", stream=True, into=came)
    assert EVENTS[:3] == [one.model_dump() for one in came]
    assert "get_response('resp_1', stream=True, starting_after=2)" in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_what_was_lost_after_it_was_done_is_done(way: str) -> None:
    """A second delete finds nothing, a second cancel is refused: the first one was applied."""
    gone = Service(httpx.Response(500), httpx.Response(404, json={"error": {"message": "no"}}))
    assert ask(way, "delete_response", gone, response_id="resp_1").deleted
    with pytest.raises(NotFoundError):
        ask(way, "delete_response", Service(httpx.Response(404)), response_id="resp_1")
    refused = httpx.Response(400, json={"error": {"message": "over"}})
    cancelled = httpx.Response(200, json={**DONE, "status": "cancelled"})
    stopped = Service(httpx.Response(500), refused, cancelled)
    assert "cancelled" == ask(way, "cancel_response", stopped, response_id="resp_1").status
    assert ["POST", "POST", "GET"] == [request.method for request in stopped.requests]
    bare = Service(httpx.Response(204))
    assert "resp_1" == ask(way, "delete_response", bare, response_id="resp_1").id


BAD: list[tuple[str, dict[str, Any], type[AzureAgentsError], str]] = [
    ("get_response", {"response_id": ""}, InvalidRequestError, "response_id is empty"),
    ("get_response", {"response_id": "a/b"}, InvalidRequestError, "is no id of a response"),
    ("get_response", {"response_id": None}, InvalidRequestError, "response_id is empty"),
    ("get_response", {"starting_after": 3}, InvalidRequestError, "goes with stream=True, got 3"),
    ("get_response", {"stream": True, "starting_after": -1}, InvalidRequestError, "got -1"),
    ("get_response", {"novelty": 1}, InvalidRequestError, "get_response has no novelty="),
    ("get_response", {"custom_llm_provider": "x"}, ConfigError, "custom_llm_provider"),
    ("get_response", {"custom_llm_provider": "anthropic"}, ConfigError, "Claude"),
    ("delete_response", {"response_id": 3}, InvalidRequestError, "is no id of a response"),
    ("cancel_response", {"model": "azure_ai/agents/a"}, ConfigError, "completion"),
    ("list_input_items", {"limit": 0}, InvalidRequestError, "limit must be a whole number"),
    ("list_input_items", {"order": "up"}, InvalidRequestError, "order must be 'asc' or 'desc'"),
    ("list_input_items", {"extra_body": {"a": 1}}, InvalidRequestError, "no body"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for function, bad, kind, said in BAD:
        given = {"id": "resp_1", **{k: v for k, v in bad.items() if k != "response_id"}}
        given["id"] = bad.get("response_id", "resp_1")
        with pytest.raises(kind, match=said):
            use(foundry, way, function, **given)
    assert [] == foundry.requests
