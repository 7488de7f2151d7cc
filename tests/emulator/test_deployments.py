"""Deployments of the emulator on the wire: surfaces, sign-in, refusals, limits and streams."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deployment_wire import CALLING, DATED, HELLO, TOOL_RESULT, V1, WEATHER, Resource

from azure_agents.emulator import (
    CodeInterpreter,
    Delayed,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    Refusal,
    Text,
    ToolCalls,
)


@pytest.mark.parametrize("path", [V1, f"{V1}?api-version=preview", DATED, f"/{DATED}"])
def test_both_surfaces_answer(resource: Resource, path: str) -> None:
    """Versions, deployments in the path, and a doubled slash lead to the same answer."""
    answer = resource.chat(path)
    assert "Hello there!" == answer.json()["choices"][0]["message"]["content"]
    assert "gpt-4o-2024-08-06" == answer.json()["model"]
    assert ("dep", "chat") == (
        resource.foundry.seen[-1].agent,
        resource.foundry.seen[-1].generation,
    )
    assert answer.json()["id"] == resource.foundry.seen[-1].response_id


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{V1}?api-version=2024-10-21", 400, "BadRequest"),
        ("/openai/deployments/dep/chat/completions", 404, "404"),
        ("/openai/deployments/dep/chat/completions?api-version=latest", 404, "404"),
        ("/openai/v1/chat", 404, "404"),
        (
            "/openai/deployments/none/chat/completions?api-version=2024-10-21",
            404,
            "DeploymentNotFound",
        ),
    ],
)
def test_other_places_are_refused(resource: Resource, path: str, status: int, code: str) -> None:
    """A version where none belongs, none where one does, an unknown route or deployment."""
    answer = resource.chat(path)
    assert (status, code) == (answer.status_code, answer.json()["error"]["code"])
    assert "x-request-id" not in answer.headers or status == 400


def test_the_gateway_refuses_without_a_content_type(resource: Resource) -> None:
    """Recorded for an unknown deployment and a missing model; only the gateway's id is there."""
    unknown, missing = resource.chat(model="none"), resource.chat(model=None)
    assert "Missed model deployment" == missing.json()["error"]["message"]
    assert [404, 400] == [unknown.status_code, missing.status_code]
    for answer in (unknown, missing):
        assert "content-type" not in answer.headers
        assert "apim-request-id" in answer.headers
        assert "x-request-id" not in answer.headers


@pytest.mark.parametrize("scope", ["https://cognitiveservices.azure.com", "https://ai.azure.com"])
def test_a_token_of_either_audience_is_good(resource: Resource, scope: str) -> None:
    """A resource takes its own tokens and those of its projects, and a project only its own."""
    token = resource.foundry.credential.get_token(f"{scope}/.default").token
    bearer = {"authorization": f"Bearer {token}", "api-key": ""}
    assert 200 == resource.post(V1, {"model": "dep", "messages": HELLO}, **bearer).status_code
    answer = resource.http.get(f"{resource.foundry.endpoint}/agents?api-version=v1", headers=bearer)
    assert (200 if scope.endswith("ai.azure.com") else 401) == answer.status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"api-key": "wrong"},
        {"api-key": ""},
        {"api-key": "", "authorization": "Bearer wrong"},
    ],
)
def test_a_wrong_key_is_refused(resource: Resource, headers: dict[str, str]) -> None:
    """As recorded: the code is the status as text."""
    answer = resource.post(V1, {"model": "dep", "messages": HELLO}, **headers)
    assert (401, "401") == (answer.status_code, answer.json()["error"]["code"])
    assert "x-request-id" not in answer.headers


def test_a_key_as_bearer_token_is_good(resource: Resource) -> None:
    """OpenAI's client sends it so, and no log shows it."""
    key = {"api-key": "", "authorization": f"Bearer {resource.foundry.api_key}"}
    assert 200 == resource.post(V1, {"model": "dep", "messages": HELLO}, **key).status_code
    assert resource.foundry.api_key not in str(
        [request.headers for request in resource.foundry.requests]
    )


ASKED = {"tools": [WEATHER, {**WEATHER, "function": {"name": "get_time"}}]}
NAMED = {"type": "function", "function": {"name": "get_weather"}}


@pytest.mark.parametrize(("choice", "reason"), [("auto", "tool_calls"), (NAMED, "stop")])
def test_calls_are_whole_and_streamed(resource: Resource, choice: Any, reason: str) -> None:
    """Parallel calls go by index; a named function ends with ``stop``, as recorded."""
    resource.foundry.deploy(
        "dep", ToolCalls(("get_weather", {"city": "Paris"}), ("get_time", {}, "call_t"))
    )
    answer = resource.chat(**ASKED, tool_choice=choice).json()["choices"][0]
    calls = answer["message"]["tool_calls"]
    assert (None, reason, {}) == (
        answer["message"]["content"],
        answer["finish_reason"],
        answer["content_filter_results"],
    )
    assert ["get_weather", "get_time"] == [call["function"]["name"] for call in calls]
    built: dict[int, str] = {}
    for chunk in resource.chunks(**ASKED, tool_choice=choice)[1:-1]:
        for call in chunk["choices"][0]["delta"].get("tool_calls") or ():
            built[call["index"]] = built.get(call["index"], "") + call["function"]["arguments"]
    assert [call["function"]["arguments"] for call in calls] == list(built.values())
    assert "call_t" == calls[1]["id"]


def test_a_stream_begins_with_the_prompt_and_ends_with_the_usage(resource: Resource) -> None:
    """The order of the recordings; usage is null before it, but for the first chunk."""
    chunks = resource.chunks(stream_options={"include_usage": True})
    assert ([], "", "prompt_filter_results" in chunks[0], "usage" in chunks[0]) == (
        chunks[0]["choices"],
        chunks[0]["id"],
        True,
        False,
    )
    assert "[DONE]" == chunks[-1]
    assert ([], 8) == (chunks[-2]["choices"], chunks[-2]["usage"]["total_tokens"])
    assert {None} == {chunk["usage"] for chunk in chunks[1:-2]}
    told = [chunk["choices"][0] for chunk in chunks[1:-2]]
    assert {"content": "", "refusal": None, "role": "assistant"} == told[0]["delta"]
    assert "Hello there!" == "".join(choice["delta"].get("content") or "" for choice in told)
    assert [None] * (len(told) - 1) + ["stop"] == [choice["finish_reason"] for choice in told]


def test_a_stream_without_usage_has_none(resource: Resource) -> None:
    """Nobody asked for it."""
    assert not [chunk for chunk in resource.chunks()[:-1] if "usage" in chunk]


ENDS = [
    (Refusal("I cannot."), "stop", {"content": None, "refusal": "I cannot."}),
    (Incomplete("max_output_tokens", "so f"), "length", {"content": "so f", "refusal": None}),
    (Incomplete("content_filter", "so f"), "content_filter", {"refusal": None}),
    ([["Hello ", "you"]], "stop", {"content": "Hello you", "refusal": None}),
]


@pytest.mark.parametrize(("reply", "reason", "message"), ENDS)
def test_answers_end_as_scripts_say(
    resource: Resource, reply: Any, reason: str, message: dict[str, Any]
) -> None:
    """A filtered answer has no content at all, as recorded."""
    resource.foundry.deploy("dep", reply)
    choice = resource.chat().json()["choices"][0]
    assert reason == choice["finish_reason"]
    assert {"annotations": [], "role": "assistant", **message} == choice["message"]
    last = resource.chunks()[-2]["choices"][0]
    assert reason == last["finish_reason"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("code", "status"), [("content_filter", 400), ("rate_limit_exceeded", 429), ("oops", 500)]
)
def test_a_call_that_fails_at_once_has_a_status(
    resource: Resource, *, streamed: bool, code: str, status: int
) -> None:
    """Also where a stream was asked for: nothing of it was sent."""
    resource.foundry.deploy("dep", Delayed(4, Failed(code)))
    begun = resource.foundry.clock.time()
    answer = resource.chat(stream=streamed)
    assert status == answer.status_code
    assert 4 == resource.foundry.clock.time() - begun
    error = answer.json()["error"]
    if code == "content_filter":
        assert error["innererror"]["content_filter_result"]["violence"]["filtered"]
        assert ("prompt", None, 400) == (error["param"], error["type"], error["status"])
    assert code == resource.foundry.seen[-1].reply.error  # type: ignore[union-attr]


def test_a_stream_that_fails_later_tells_it_in_an_event(resource: Resource) -> None:
    """There is no finish and no end mark behind it; the whole answer is an error."""
    resource.foundry.deploy("dep", Failed("server_error", "Too hot.", text="so far"))
    assert "Too hot." == resource.chunks()[-1]["error"]["message"]
    assert 500 == resource.chat().status_code


def test_a_deployment_runs_no_tools(resource: Resource) -> None:
    """A script that it cannot play is an error of the test, and a 500 for the client."""
    resource.foundry.deploy("dep", CodeInterpreter("1"))
    assert [500, 500] == [resource.chat(stream=flag).status_code for flag in (False, True)]
    assert 2 == len(resource.foundry.errors)


def test_choices_are_as_many_as_asked_for(resource: Resource) -> None:
    """Each has its index, in a stream too."""
    assert [0, 1] == [choice["index"] for choice in resource.chat(n=2).json()["choices"]]
    told = [chunk["choices"][0] for chunk in resource.chunks(n=2)[1:-1]]
    assert [0, 1] == [choice["index"] for choice in told if choice["finish_reason"]]


def test_a_schema_is_filled_in(resource: Resource) -> None:
    """The built-in responder answers what `response_format` asks for."""
    resource.foundry.deploy("dep")
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    asked = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema}}
    answer = resource.chat(response_format=asked).json()["choices"][0]["message"]["content"]
    assert ["city"] == list(json.loads(answer))


def test_the_history_is_what_the_deployment_sees(resource: Resource) -> None:
    """System messages, images, calls and their results, in order."""
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    asked = {"role": "user", "content": [{"type": "text", "text": "And this?"}, image]}
    system = {"role": "system", "content": "Be brief."}
    answer = resource.chat(messages=[system, *HELLO, CALLING, TOOL_RESULT, asked]).json()
    seen = resource.foundry.seen[-1]
    assert ["system", "user", "assistant", "tool", "user"] == [one.role for one in seen.messages]
    assert "get_weather" == seen.messages[2].tool_calls[0].name
    assert ("18 C", "call_1") == (seen.messages[3].text, seen.messages[3].tool_call_id)
    assert ("And this?", "https://example.org/a.png") == (
        seen.messages[4].text,
        seen.messages[4].media[0].reference,
    )
    assert [1, 0] == [one["prompt_index"] for one in answer["prompt_filter_results"]]


def test_faults_hit_deployments_too(resource: Resource) -> None:
    """By their path, and by their names."""
    resource.foundry.faults.add(Fault("status_before", path="/chat/completions$", status=503))
    assert [503, 200] == [resource.chat().status_code for _ in range(2)]
    resource.foundry.faults.plan("throttled")
    assert [429, 200] == [resource.chat().status_code for _ in range(2)]


def test_a_response_asks_the_same_deployment(resource: Resource) -> None:
    """A project sees the deployments of its resource, and their scripts."""
    token = resource.foundry.credential.get_token("https://ai.azure.com/.default").token
    url = f"{resource.foundry.endpoint}/openai/v1/responses"
    headers = {"authorization": f"Bearer {token}", "api-key": ""}
    answer = resource.http.post(url, json={"model": "dep", "input": "hi"}, headers=headers).json()
    assert "Hello there!" == answer["output"][0]["content"][0]["text"]


def test_a_script_can_be_changed(foundry: Emulator) -> None:
    """From the next call on; the name shows in messages of tests."""
    deployed = foundry.deploy("dep", Text("one"))
    deployed.script("two")
    assert "two" == Resource(foundry).chat().json()["choices"][0]["message"]["content"]
    assert "azure/dep" == str(deployed)
    assert "<DeployedModel 'dep' (gpt-4o-2024-08-06)>" == repr(deployed)
