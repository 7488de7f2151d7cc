"""Deployments of the emulator on the wire: surfaces, sign-in, refusals, limits and streams."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import (
    CodeInterpreter,
    Delayed,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    Parts,
    Reasoning,
    Refusal,
    Text,
    ToolCalls,
)

HELLO = [{"role": "user", "content": "Hello"}]
V1 = "/openai/v1/chat/completions"
DATED = "/openai/deployments/dep/chat/completions?api-version=2024-10-21"
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


class Resource:
    """Sends requests to the resource of one emulator."""

    def __init__(self, foundry: Emulator) -> None:
        self.foundry = foundry
        self.http = httpx.Client(
            transport=foundry.transport,
            headers={"api-key": foundry.api_key},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST with the emulator's key, unless another header says otherwise."""
        return self.http.post(f"{self.foundry.resource}{path}", json=body, headers=headers)

    def chat(self, path: str = V1, **fields: Any) -> httpx.Response:
        """One chat with the deployment ``dep``."""
        body = {"model": "dep", "messages": HELLO, **fields}
        return self.post(path, {name: value for name, value in body.items() if value is not None})

    def error(self, **fields: Any) -> dict[str, Any]:
        """The error of one chat."""
        answer = self.chat(**fields)
        assert 400 == answer.status_code, answer.text
        return dict(answer.json()["error"])

    def chunks(self, path: str = V1, **fields: Any) -> list[Any]:
        """The chunks of one streamed chat, the last one parsed too."""
        answer = self.chat(path, stream=True, **fields)
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"], answer.text
        data = [one.removeprefix("data: ") for one in answer.text.strip().split("\n\n")]
        return [one if one == "[DONE]" else json.loads(one) for one in data]


@pytest.fixture
def resource(foundry: Emulator) -> Iterator[Resource]:
    """A resource with a deployment ``dep`` that says hello."""
    foundry.deploy("dep", "Hello there!")
    made = Resource(foundry)
    with made.http:
        yield made


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


TOOL_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "18 C"}
CALLING = {
    "role": "assistant",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    ],
}
REFUSED: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "bot", "content": ""}]}, "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", None),
    (
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        "messages[0].content[0].image_url",
        "missing_required_parameter",
    ),
    ({"messages": [TOOL_RESULT]}, "messages.[0].role", None),
    ({"messages": [CALLING, *HELLO]}, "messages.[1].role", None),
    ({"messages": [CALLING]}, "messages.[1].role", None),
    ({"temperature": 3}, "temperature", "decimal_above_max_value"),
    ({"temperature": "hot"}, "temperature", "invalid_type"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_tokens": 9, "max_completion_tokens": 9}, None, "invalid_parameter_combination"),
    ({"novelty": 1}, None, None),
    ({"reasoning_effort": "low"}, None, None),
    ({"stream_options": {}}, "stream_options", None),
    ({"tools": []}, "tools", "empty_array"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"tools": [WEATHER], "tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    (
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        "tool_choice",
        None,
    ),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_object"}}, "messages", None),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED)
def test_a_malformed_request_is_refused(
    resource: Resource, fields: dict[str, Any], param: str | None, code: str | None
) -> None:
    """In OpenAI's envelope, which names the parameter; the deployment is not asked."""
    error = resource.error(**fields)
    assert ("invalid_request_error", param, code) == (error["type"], error["param"], error["code"])
    assert [] == resource.foundry.seen


FAMILIES = [
    ("o3-mini-2025-01-31", {"max_tokens": 9}, "unsupported_parameter"),
    ("o3-mini-2025-01-31", {"temperature": 0.2}, "unsupported_value"),
    ("o1-2024-12-17", {"top_p": 0.5}, "unsupported_value"),
    ("o4-mini-2025-04-16", {"parallel_tool_calls": False}, "unsupported_parameter"),
    ("gpt-5-mini-2025-08-07", {"max_tokens": 9}, "unsupported_parameter"),
    ("gpt-5-mini-2025-08-07", {"temperature": 0.2}, "unsupported_value"),
    ("gpt-5-mini-2025-08-07", {"logprobs": True}, "unsupported_parameter"),
]


@pytest.mark.parametrize(("model", "fields", "code"), FAMILIES)
def test_a_family_refuses_what_it_does_not_take(
    resource: Resource, model: str, fields: dict[str, Any], code: str
) -> None:
    """Reasoning models have no `max_tokens`, and one temperature."""
    resource.foundry.deploy("dep", model=model)
    error = resource.error(**fields)
    assert (next(iter(fields)), code) == (error["param"], error["code"])


@pytest.mark.parametrize("model", ["gpt-5-chat-2025-10-03", "gpt-4o-2024-08-06", "grok-4"])
def test_other_models_take_it(resource: Resource, model: str) -> None:
    """The chat model of gpt-5 does not reason."""
    resource.foundry.deploy("dep", model=model)
    assert 200 == resource.chat(max_tokens=9, temperature=0.2).status_code


def test_a_reasoning_model_takes_its_own_words(resource: Resource) -> None:
    """The default temperature, its own limit, an effort; reasoning is paid from the limit."""
    resource.foundry.deploy("dep", Parts(Reasoning(tokens=20), "late"), model="o1-2024-12-17")
    answer = resource.chat(temperature=1, max_completion_tokens=16, reasoning_effort="low").json()
    assert ("length", "") == (
        answer["choices"][0]["finish_reason"],
        answer["choices"][0]["message"]["content"],
    )
    assert 16 == answer["usage"]["completion_tokens_details"]["reasoning_tokens"]


@pytest.mark.parametrize("model", ["text-embedding-3-small", "gpt-35-turbo-instruct"])
def test_a_model_refuses_other_operations(resource: Resource, model: str) -> None:
    """A chat with a model that has none is no 404."""
    resource.foundry.deploy("dep", model=model)
    assert "OperationNotSupported" == resource.error()["code"]


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


def test_requests_beyond_the_limit_wait(resource: Resource) -> None:
    """Headers tell the limit; a 429 says how long to wait, and after that it is free."""
    foundry = resource.foundry
    foundry.deploy("dep", "ok", rpm=2)
    first, second, third = (resource.chat() for _ in range(3))
    left = [one.headers["x-ratelimit-remaining-requests"] for one in (first, second, third)]
    assert (["1", "0", "0"], "2") == (left, first.headers["x-ratelimit-limit-requests"])
    assert (429, "429") == (third.status_code, third.json()["error"]["code"])
    assert ("60", "60000") == (third.headers["retry-after"], third.headers["retry-after-ms"])
    assert 2 == len(foundry.seen)
    foundry.clock.advance(60)
    assert 200 == resource.chat().status_code


def test_tokens_beyond_the_limit_wait(resource: Resource) -> None:
    """The estimate is the prompt and the most tokens of the answer."""
    foundry = resource.foundry
    foundry.deploy("dep", "ok", tpm=100)
    assert 200 == resource.chat(max_tokens=60).status_code
    foundry.clock.advance(15)
    late = resource.chat(max_tokens=60)
    assert (429, "45000") == (late.status_code, late.headers["retry-after-ms"])


def test_many_requests_a_minute_come_evenly(resource: Resource) -> None:
    """From 60 a minute on, a sixth of them in ten seconds."""
    resource.foundry.deploy("dep", "ok", rpm=60)
    statuses = [resource.chat().status_code for _ in range(11)]
    assert [200] * 10 + [429] == statuses


@pytest.mark.parametrize("limit", [{"rpm": 0}, {"tpm": -1}])
def test_a_limit_of_nothing_is_refused(foundry: Emulator, limit: dict[str, int]) -> None:
    """A deployment that answers nobody is a mistake."""
    with pytest.raises(ValueError, match="must be 1 or more"):
        foundry.deploy("dep", **limit)


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


def test_embeddings_come_as_numbers_and_as_base64(resource: Resource) -> None:
    """Both hold the same numbers; texts that share words are near to each other."""
    resource.foundry.deploy("emb", model="text-embedding-3-small")
    texts = ["a red car", "the red car", "tax law"]
    body = {"model": "emb", "input": texts}
    plain = resource.post("/openai/v1/embeddings", body).json()
    packed = resource.post("/openai/v1/embeddings", {**body, "encoding_format": "base64"}).json()
    vectors = [one["embedding"] for one in plain["data"]]
    assert [1536] * 3 == [len(one) for one in vectors]
    read = [struct.unpack("<1536f", base64.b64decode(one["embedding"])) for one in packed["data"]]
    assert vectors == [list(one) for one in read]
    near, far = (sum(map(float.__mul__, vectors[0], other)) for other in vectors[1:])
    assert near > far
    assert texts == [message.text for message in resource.foundry.seen[-1].messages]
    assert plain["usage"]["prompt_tokens"] == plain["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("text-embedding-3-small", {"input": None}, "input"),
        ("text-embedding-3-small", {"input": [""]}, None),
        ("text-embedding-3-small", {"input": []}, None),
        ("text-embedding-3-small", {"dimensions": 4000}, "dimensions"),
        ("text-embedding-3-small", {"encoding_format": "hex"}, "encoding_format"),
        ("text-embedding-ada-002", {"dimensions": 256}, None),
    ],
)
def test_malformed_embeddings_are_refused(
    resource: Resource, model: str, fields: dict[str, Any], param: str | None
) -> None:
    """In OpenAI's envelope, as for chat."""
    resource.foundry.deploy("emb", model=model)
    answer = resource.post("/openai/v1/embeddings", {"model": "emb", "input": "a", **fields})
    assert (400, param) == (answer.status_code, answer.json()["error"]["param"])


def test_dimensions_are_as_many_as_asked_for(resource: Resource) -> None:
    """The newer models take any number up to their own; tokens are an input too."""
    resource.foundry.deploy("emb", model="text-embedding-3-large")
    body = {"model": "emb", "input": [1, 2, 3], "dimensions": 256}
    data = resource.post("/openai/v1/embeddings", body).json()["data"]
    assert [256] == [len(one["embedding"]) for one in data]


def test_text_completions_are_whole_and_streamed(resource: Resource) -> None:
    """One choice for each prompt, each prompt asked for itself."""
    resource.foundry.deploy(
        "ins", lambda turn: f"after {turn.last_user_text}", model="gpt-35-turbo-instruct"
    )
    body = {"model": "ins", "prompt": ["one", "two"], "max_tokens": 20}
    answer = resource.post("/openai/v1/completions", body).json()
    assert ["after one", "after two"] == [choice["text"] for choice in answer["choices"]]
    assert ["one", "two"] == [turn.last_user_text for turn in resource.foundry.seen]
    text = resource.post("/openai/v1/completions", {**body, "stream": True}).text
    chunks = [json.loads(one[6:]) for one in text.strip().split("\n\n")[:-1]]
    said = ["", ""]
    for choice in (one for chunk in chunks for one in chunk["choices"]):
        said[choice["index"]] += choice["text"]
    assert ["after one", "after two"] == said
    assert text.endswith("data: [DONE]\n\n")


def test_a_text_completion_ends_where_its_budget_does(resource: Resource) -> None:
    """The least budget is the service's own: 16 tokens."""
    resource.foundry.deploy("ins", "word " * 30, model="gpt-35-turbo-instruct")
    answer = resource.post("/openai/v1/completions", {"model": "ins", "prompt": "go"}).json()
    assert ("length", 16) == (
        answer["choices"][0]["finish_reason"],
        answer["usage"]["completion_tokens"],
    )


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
