"""`responses`: on the emulator, and streams that are cut at every place."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field

from azure_agents import completion
from azure_agents.emulator import Emulator, Failed, Fault, Incomplete, Refusal, ToolCalls
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    ConnectionLostError,
    ContentFilteredError,
    InvalidRequestError,
    RateLimitError,
    RefusedError,
    RunCancelledError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
    StructuredOutputError,
)

from .cuts import check_every_cut
from .wire import WAYS, Service, ask, call, sse, streaming

SURFACES = [None, "2025-04-01-preview"]
TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
RESPONSE = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
MESSAGE = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Héllo", "annotations": []}],
}
DONE = {**RESPONSE, "status": "completed", "output": [MESSAGE], "novelty": 1}


def event(kind: str, number: int, **more: Any) -> dict[str, Any]:
    """An event as the service sends it."""
    return {"type": f"response.{kind}", "sequence_number": number, **more}


EVENTS = [
    event("created", 0, response=RESPONSE),
    event("in_progress", 1, response=RESPONSE),
    event("output_text.delta", 2, delta="Hé"),
    event("output_text.delta", 3, delta="llo"),
    event("completed", 4, response=DONE),
]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "Grüße aus Köln!")
        yield emulator


def respond(foundry: Emulator, way: str, **more: Any) -> Any:
    """One call; of a stream the list of its events."""
    given = {"model": "azure/dep", "input": "Hello", **foundry.deployment_connection(), **more}
    return call(way, "responses", **given)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_deployment_responds(
    foundry: Emulator, way: str, version: str | None, *, stream: bool
) -> None:
    """On either surface, whole or in events; the model is in the body, never in the path."""
    answer = respond(foundry, way, api_version=version, stream=stream, metadata={"a": "b"})
    whole = answer[-1].response if stream else answer
    assert ("completed", "Grüße aus Köln!") == (whole.status, whole.output_text)
    assert whole.id.startswith("resp_")
    assert whole.usage.total_tokens > 0
    assert "azure/dep" == whole._hidden_params["model"]
    assert "dep" == answer[0]._hidden_params["headers"]["x-ms-deployment-name"] if stream else True
    sent = foundry.requests[-1]
    assert f"/openai{'' if version else '/v1'}/responses" == sent.path
    stated = {"stream": True} if stream else {}
    assert {"model": "dep", "input": "Hello", "metadata": {"a": "b"}, **stated} == sent.body


@pytest.mark.parametrize("way", WAYS)
def test_every_event_comes_in_order(foundry: Emulator, way: str) -> None:
    """None is left out or made up, and deltas add up to the text."""
    events = respond(foundry, way, stream=True)
    assert list(range(len(events))) == [one.sequence_number for one in events]
    assert ["response.created", "response.completed"] == [events[0].type, events[-1].type]
    deltas = [one.delta for one in events if one.type == "response.output_text.delta"]
    assert events[-1].response.output_text == "".join(deltas)
    with pytest.raises(AttributeError, match="no field 'response'"):
        _ = next(one for one in events if one.type == "response.output_text.delta").response


@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_goes_on_by_id_or_by_its_items(foundry: Emulator, way: str) -> None:
    """Items of an answer go up again as objects."""
    foundry.deploy(
        "dep", [ToolCalls(("get_weather", {"city": "Paris"}, "call_1")), "Mild.", "Yes."]
    )
    first = respond(foundry, way, tools=[TOOL])
    assert ("", "function_call") == (first.output_text, first.output[-1].type)
    result = {"type": "function_call_output", "call_id": "call_1", "output": "18 C"}
    asked = {"role": "user", "content": "Weather?"}
    second = respond(foundry, way, input=[asked, *first.output, result], tools=[TOOL])
    assert "Mild." == second.output_text
    third = respond(foundry, way, input="Sure?", previous_response_id=second.id)
    assert "Yes." == third.output_text
    assert "Sure?" == foundry.seen[-1].last_user_text


class City(BaseModel):
    """What is asked for."""

    name: str
    river: str | None = None
    twins: list["City"] = []
    sister: "City | None" = Field(default=None, description="Of the same country.")


@dataclass
class Town:
    """The same without pydantic."""

    name: str


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_an_object_of_a_class(foundry: Emulator, way: str) -> None:
    """The schema goes up strictly; the object is read when it is asked for, also from a copy."""
    foundry.deploy("dep", '{"name": "Köln", "river": "Rhein", "twins": []}')
    answer = respond(foundry, way, text_format=City, text={"verbosity": "low"})
    for one in (answer, copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):  # noqa: S301
        assert City(name="Köln", river="Rhein") == one.output_parsed
    sent = foundry.requests[-1].body["text"]
    assert ("low", "City", True) == (
        sent["verbosity"],
        sent["format"]["name"],
        sent["format"]["strict"],
    )
    schema = sent["format"]["schema"]["$defs"]["City"]
    assert (["name", "river", "twins", "sister"], False) == (
        schema["required"],
        schema["additionalProperties"],
    )
    assert {"$ref": "#/$defs/City"} == schema["properties"]["twins"]["items"]
    assert "default" not in schema["properties"]["river"]
    events = respond(foundry, way, text_format=City, stream=True)
    assert "Köln" == events[-1].response.output_parsed.name
    foundry.deploy("dep", '{"name": "Bonn"}')
    assert Town("Bonn") == respond(foundry, way, text_format=Town).output_parsed
    raw = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}
    assert respond(foundry, way, text_format=raw).output_parsed is None
    assert raw == foundry.requests[-1].body["text"]["format"]


@pytest.mark.parametrize(
    "model", ["azure/dep", "azure/responses/dep", "azure_ai/claude-sonnet-4-5"]
)
def test_a_chat_takes_a_class_as_well(foundry: Emulator, model: str) -> None:
    """Whatever operation carries it: the schema is the same."""
    foundry.deploy("dep", '{"name": "Bonn"}')
    foundry.deploy("claude-sonnet-4-5", '{"name": "Bonn"}', model="claude-sonnet-4-5")
    base = foundry.resource + ("/anthropic" if "claude" in model else "")
    given = {**foundry.deployment_connection(), "api_base": base, "response_format": Town}
    answer = completion(model, [{"role": "user", "content": "Where?"}], **given)
    assert '{"name": "Bonn"}' == answer.choices[0].message.content
    body = foundry.requests[-1].body
    formats = {"text": "format", "output_config": "format", "response_format": "json_schema"}
    sent = next(body[name][part] for name, part in formats.items() if name in body)
    assert (["name"], False) == (sent["schema"]["required"], sent["schema"]["additionalProperties"])


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_such_object_is_an_error_when_it_is_read(foundry: Emulator, way: str) -> None:
    """The answer itself stays readable."""
    for reply, kind in (("no JSON", StructuredOutputError), (Refusal("I won't."), RefusedError)):
        foundry.deploy("dep", reply)
        answer = respond(foundry, way, text_format=City)
        with pytest.raises(kind) as caught:
            _ = answer.output_parsed
        assert answer.id == caught.value.response_id


@pytest.mark.parametrize("way", WAYS)
def test_a_response_in_the_background_says_its_id_at_once(foundry: Emulator, way: str) -> None:
    """Whole it is queued or begun; in a stream its first event is not held back."""
    answer = respond(foundry, way, background=True)
    assert answer.status in ("queued", "in_progress", "completed")
    service = Service(streaming(sse(EVENTS[:1])))
    came: list[Any] = []
    with pytest.raises(StreamInterruptedError) as caught:
        ask(way, "responses", service, into=came, **BACKGROUND)
    assert (["resp_1"], 1) == ([one.response.id for one in came], len(service.requests))
    assert "get_response('resp_1', stream=True, starting_after=0)" in str(caught.value)
    assert "resp_1" == caught.value.response_id


BACKGROUND = {"model": "azure/dep", "input": "p", "stream": True, "background": True}


@pytest.mark.parametrize("way", WAYS)
def test_a_response_in_the_background_is_made_once(way: str) -> None:
    """Repeated only where it was provably not made."""
    lost = Service(httpx.Response(500))
    for stream in (False, True):
        with pytest.raises(ServerError):
            ask(way, "responses", lost, **{**BACKGROUND, "stream": stream})
    assert 2 == len(lost.requests)
    busy = Service(httpx.Response(429), httpx.Response(200, json={**DONE, "status": "queued"}))
    assert "queued" == ask(way, "responses", busy, **{**BACKGROUND, "stream": False}).status


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_anywhere_ends_in_one_way(way: str) -> None:
    """With its last event, or with an error that has the part."""
    data = sse(EVENTS)
    given = {"model": "azure/dep", "input": "p"}
    check_every_cut(way, "responses", data, len(data), lambda one: one.get("delta") or "", **given)


FAILED = {**RESPONSE, "status": "failed"}
SLOW = {"code": "rate_limit_exceeded", "message": "slow down"}
FAILURES: list[tuple[list[dict[str, Any]], type[AzureAgentsError]]] = [
    ([{"type": "error", "code": "server_error", "message": "oops"}], ServerError),
    (
        [{"type": "error", "error": {"code": "content_filter", "message": "no"}}],
        ContentFilteredError,
    ),
    ([{"error": SLOW}], RateLimitError),
    ([event("failed", 2, response={**FAILED, "error": SLOW})], RateLimitError),
    (
        [event("failed", 2, response={**FAILED, "error": {"code": "x", "message": "m"}})],
        RunFailedError,
    ),
    ([event("failed", 2, response=FAILED)], RunFailedError),
    ([event("failed", 2, response=FAILED), {"type": "error", **SLOW}], RateLimitError),
    ([event("cancelled", 2, response={**FAILED, "status": "cancelled"})], RunCancelledError),
    ([], ConnectionLostError),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_fails_ends_in_that_error(way: str) -> None:
    """Before the first content it is the error itself; after it one that has the part."""
    for events, kind in FAILURES:
        early = Service(streaming(sse([*EVENTS[:2], *events])))
        with pytest.raises(kind) as caught:
            ask(way, "responses", early, model="azure/d", input="p", stream=True, max_retries=0)
        assert ("r-1", "azure/d") == (caught.value.request_id, caught.value.model)
        came: list[Any] = []
        late = Service(streaming(sse([*EVENTS[:3], *events])))
        with pytest.raises(StreamInterruptedError) as caught:
            ask(way, "responses", late, model="azure/d", input="p", stream=True, into=came)
        assert ("Hé", "resp_1") == (caught.value.partial_text, caught.value.response_id)
        told = [one for one in events if one.get("type", "error") != "error"]
        assert [*EVENTS[:3], *told] == [one.model_dump() for one in came]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_what_may_pass_is_made_again_unseen(way: str, *, stream: bool) -> None:
    """A response that failed at a rate limit or inside the service, in a 200."""
    for code in ("rate_limit_exceeded", "server_error"):
        failed = {**FAILED, "error": {"code": code, "message": "m"}}
        bad = [*EVENTS[:2], event("failed", 2, response=failed)]
        service = Service(
            *((streaming(sse(bad)), streaming(sse(EVENTS))) if stream else ()),
            *(() if stream else (httpx.Response(200, json=failed), httpx.Response(200, json=DONE))),
        )
        answer = ask(way, "responses", service, model="azure/d", input="p", stream=stream)
        whole = answer[-1].response if stream else answer
        assert ("Héllo", 2, 1) == (whole.output_text, len(service.requests), whole["novelty"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("stream", [False, True])
def test_failures_are_typed_and_faults_survived(
    foundry: Emulator, way: str, *, stream: bool
) -> None:
    """The same error whole and streamed; an incomplete answer is an answer."""
    foundry.faults.add(Fault("reset_before"), Fault("status_before", status=500, nth=2))
    assert respond(foundry, way, stream=stream, max_retries=3)
    replies = {"content_filter": AzureAgentsError, "server_error": ServerError}
    replies["rate_limit_exceeded"] = RateLimitError
    for code, kind in replies.items():
        foundry.deploy("bad", Failed(code))
        with pytest.raises(kind) as caught:
            respond(foundry, way, model="azure/bad", stream=stream, max_retries=0)
        assert caught.value.request_id, code
    foundry.deploy("long", Incomplete("max_output_tokens"))
    answer = respond(foundry, way, model="azure/long", stream=stream)
    whole = answer[-1].response if stream else answer
    assert "max_output_tokens" == whole.incomplete_details.reason
    with pytest.raises(BadRequestError, match="novelty"):
        respond(foundry, way, extra_body={"novelty": 1}, stream=stream)


BAD: list[tuple[dict[str, Any], type[AzureAgentsError], str]] = [
    ({"input": None}, InvalidRequestError, "nothing is asked"),
    ({"input": ""}, InvalidRequestError, "nothing is asked"),
    ({"input": 3}, InvalidRequestError, "input must be a text or a list of items, got 3"),
    ({"input": ["a"]}, InvalidRequestError, r"input\[0\] must be a dictionary"),
    ({"text_format": int}, InvalidRequestError, "text_format must be a dictionary, or a class"),
    ({"text_format": "City"}, InvalidRequestError, "text_format must be a dictionary"),
    ({"text_format": City, "text": {"format": {}}}, InvalidRequestError, "are the same: pass one"),
    ({"model": None}, ConfigError, "responses is asked of a deployment"),
    ({"model": "azure_ai/agents/a"}, ConfigError, "completion"),
    ({"model": "azure_ai/claude-x"}, ConfigError, "is a Claude model"),
    ({"api_version": "soon"}, ConfigError, "api_version"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for bad, kind, said in BAD:
        with pytest.raises(kind, match=said):
            respond(foundry, way, **bad)
    assert [] == foundry.requests


def test_an_answer_says_what_it_cost_whole_and_streamed(foundry: Emulator) -> None:
    """By the tokens of the response."""
    foundry.deploy("priced", "hi", model="gpt-4o-2024-08-06")
    whole = respond(foundry, "sync", model="azure/priced")
    last = respond(foundry, "sync", model="azure/priced", stream=True)[-1].response
    assert 0 < whole._hidden_params["response_cost"] == last._hidden_params["response_cost"]


@pytest.mark.parametrize("model", ["azure/responses/dep", "azure/o_series/dep", "azure_ai/dep"])
def test_every_string_that_names_a_deployment_is_taken(foundry: Emulator, model: str) -> None:
    """Whatever family its chats are of."""
    assert "Grüße aus Köln!" == respond(foundry, "sync", model=model).output_text
