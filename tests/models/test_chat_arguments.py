"""The arguments of `completion` for deployments: what goes up, and what is refused before it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from openai import pydantic_function_tool
from openai.lib._pydantic import to_strict_json_schema
from pydantic import BaseModel, Field

from azure_agents.errors import ConfigError, InvalidRequestError, StreamInterruptedError
from azure_agents.models.schemas import named_schema

from .claude import message, text
from .responses import response, spoken
from .test_chat import ANSWER, HELLO, WHERE, Service, sse, streaming
from .test_instruct import TEXT


class Inner(BaseModel):
    """What stands inside."""

    size: int = 3
    again: Outer | None = None


class Outer(BaseModel):
    """What stands outside."""

    name: str = Field(description="Any name.")
    described: Inner = Field(description="In words of its own.")
    many: list[Inner] = []
    either: Inner | str | None = None
    pair: tuple[int, str]


Inner.model_rebuild()


class Recursive(BaseModel):
    """It stands inside itself, with words of its own."""

    inner: Recursive = Field(description="Again.")


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0


@pytest.mark.parametrize("cls", [Inner, Outer])
def test_a_class_has_the_schema_that_openais_sdk_makes(cls: type[BaseModel]) -> None:
    """Every object demands its fields and allows no others."""
    assert to_strict_json_schema(cls) == named_schema("response_format", cls)["schema"]


def test_a_class_within_itself_has_a_schema_too() -> None:
    """Words beside a reference are left out where they would never end."""
    schema = named_schema("response_format", Recursive)["schema"]
    assert {"inner": {"$ref": "#/$defs/Recursive"}} == schema["properties"]


POINT = {
    "type": "object",
    "title": "Point",
    "description": "A place.",
    "properties": {
        "x": {"title": "X", "type": "integer"},
        "y": {"title": "Y", "type": "integer", "default": 0},
    },
    "required": ["x", "y"],
    "additionalProperties": False,
}
NAMED = {"name": "Point", "schema": POINT, "strict": True}
FAMILIES: list[tuple[str, Any, Callable[[Any], Any], Any]] = [
    (
        "azure/dep",
        ANSWER,
        lambda body: body["response_format"],
        {"type": "json_schema", "json_schema": NAMED},
    ),
    (
        "azure/responses/dep",
        response(spoken("{}")),
        lambda body: body["text"]["format"],
        {"type": "json_schema", **NAMED},
    ),
    (
        "azure/claude-haiku-4-5",
        message(text("{}")),
        lambda body: body["output_config"]["format"],
        {"type": "json_schema", "schema": POINT},
    ),
]


@pytest.mark.parametrize(("model", "answer", "read", "expected"), FAMILIES)
def test_a_class_is_the_form_of_an_answer(
    model: str, answer: Any, read: Callable[[Any], Any], expected: Any
) -> None:
    """In every family's own words."""
    service = Service(httpx.Response(200, json=answer))
    base = WHERE["api_base"] if "claude" not in model else "https://r.services.ai.azure.com"
    service.ask(model, response_format=Point, api_base=base)
    assert expected == read(service.bodies[0])


def test_a_class_is_a_tool() -> None:
    """As OpenAI's SDK makes one of it; schemas pass beside it."""
    service = Service(httpx.Response(200, json=ANSWER))
    plain = {"type": "function", "function": {"name": "f"}}
    service.ask(tools=[Inner, plain])
    expected = json.loads(json.dumps(pydantic_function_tool(Inner)))
    expected["function"]["parameters"].pop("description")  # which stands at the function
    assert [expected, plain] == service.bodies[0]["tools"]


PASSED: list[dict[str, Any]] = [
    {"n": 2, "seed": 7, "logprobs": True, "top_logprobs": 2, "user": "u", "store": True},
    {"metadata": {"a": "b"}, "stop": ["x"], "logit_bias": {"1": 1}, "frequency_penalty": 0},
    {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}},
    {"prediction": {"type": "content", "content": "x"}, "service_tier": "auto"},
    {"functions": [{"name": "f"}], "function_call": {"name": "f"}},
    {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"},
    {"parallel_tool_calls": False, "response_format": {"type": "json_object"}},
    {"verbosity": "low", "web_search_options": {}, "data_sources": [{"type": "azure_search"}]},
    {"novelty": {"of": ["tomorrow"]}},
]


@pytest.mark.parametrize("fields", PASSED)
def test_a_chat_passes_its_arguments_as_they_are(fields: dict[str, Any]) -> None:
    """Unknown ones too, given by name or in `extra_body`; None counts as absent."""
    for given in (fields, {"extra_body": fields, "seed": None}):
        service = Service(httpx.Response(200, json=ANSWER))
        service.ask(**given)
        assert [{"model": "dep", "messages": HELLO, **fields}] == service.bodies


@pytest.mark.parametrize("model", ["azure/o3-mini", "azure/gpt5_series/dep", "azure/dep"])
def test_messages_stay_as_they_are(model: str) -> None:
    """Roles, details of images, names, audio: no family of chats rewrites them."""
    image = {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    messages = [
        {"role": "developer", "content": "x"},
        {"role": "system", "content": "y"},
        {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "z"}, image, sound]},
        {"role": "assistant", "audio": {"id": "audio_1"}},
    ]
    service = Service(httpx.Response(200, json=ANSWER))
    service.ask(model, messages=messages)
    assert messages == service.bodies[0]["messages"]


# As OpenAI documents them: the voice comes in pieces, its words beside it.
SOUNDS: list[dict[str, Any]] = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "audio": {"id": "audio_1"}}}]},
    {"choices": [{"index": 0, "delta": {"audio": {"transcript": "Hel"}}}]},
    {"choices": [{"index": 0, "delta": {"audio": {"data": "AAAA"}}}]},
    {"choices": [{"index": 0, "delta": {"audio": {"transcript": "lo"}}}]},
    {"choices": [{"index": 0, "delta": {"audio": {"expires_at": 7}}, "finish_reason": "stop"}]},
]


def test_sound_is_content() -> None:
    """It is delivered as it comes; of a stream that is cut the words are kept."""
    chunks = list(Service(streaming(sse(SOUNDS))).ask(stream=True, modalities=["text", "audio"]))
    assert SOUNDS == [{"choices": chunk.model_dump()["choices"]} for chunk in chunks]
    with pytest.raises(StreamInterruptedError) as caught:
        list(Service(streaming(sse(SOUNDS[:4], b""))).ask(stream=True))
    assert "Hello" == caught.value.partial_text


def test_settings_of_litellm_that_mean_nothing_here_are_set_aside_aloud() -> None:
    """Streams are real without a preview."""
    service = Service(httpx.Response(200, json=ANSWER))
    answer = service.ask(enable_preview_features=True)
    assert ["model", "messages"] == list(service.bodies[0])
    assert "enable_preview_features" in answer._hidden_params["notes"][0]


def no_schema() -> None:
    """A function."""


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "no messages: give at least one"),
    ({"messages": "Hello"}, "messages must be a list, got 'Hello'"),
    ({"messages": None}, "messages must be a list, got None"),
    ({"messages": HELLO[0]}, "messages must be dictionaries"),
    ({"messages": [7]}, "messages must be dictionaries"),
    ({"stream_options": True, "stream": True}, "stream_options"),
    ({"response_format": int}, "response_format must be a dictionary, or a class"),
    ({"response_format": type}, "response_format: .* has no JSON schema"),
    ({"tools": [no_schema]}, r"tools\[0\] is the function 'no_schema': pass its schema"),
    ({"tools": [int]}, r"tools\[0\] must be a dictionary, or a class"),
    ({"seed": object()}, "cannot be sent as JSON"),
    ({"extra_body": "x"}, "extra_body must be a dictionary"),
    ({"instructions": "x"}, "instructions= is for agents"),
    ({"enhancements": {}}, "retired by Azure: leave it out"),
    ({"dataSources": []}, "retired by Azure: pass data_sources="),
]


@pytest.mark.parametrize(("given", "sentence"), WRONG)
def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    given: dict[str, Any], sentence: str
) -> None:
    """The sentence says what, and what to do."""
    service = Service(httpx.Response(200, json=ANSWER))
    with pytest.raises(InvalidRequestError, match=sentence):
        service.ask(**given)
    assert [] == service.requests


@pytest.mark.parametrize("path", ["assistants", "v1/assistants", "threads/t_1/runs"])
def test_a_base_of_the_assistants_api_is_refused(path: str) -> None:
    """Azure has retired it; the sentence names what replaced it."""
    with pytest.raises(ConfigError, match=r"Assistants API, which .* retired: .*agents"):
        Service().ask(api_base=f"https://r.openai.azure.com/openai/{path}")


def test_instructions_are_a_field_of_a_response() -> None:
    """There they do what their name says."""
    service = Service(httpx.Response(200, json=response(spoken("Hi"))))
    service.ask("azure/responses/dep", instructions="Be brief.")
    assert "Be brief." == service.bodies[0]["instructions"]


@pytest.mark.parametrize("name", ["messages", "tools", "response_format", "reasoning_effort"])
def test_what_was_asked_for_is_never_left_out(name: str) -> None:
    """Whatever the service says about it."""
    error = {"message": f"Unsupported parameter: '{name}'", "code": "unsupported_parameter"}
    service = Service(httpx.Response(400, json={"error": {**error, "param": name}}))
    given = {
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
    }
    with pytest.raises(Exception, match="Unsupported parameter"):
        service.ask(drop_params=True, **given)
    assert 1 == len(service.requests)


def test_the_extra_body_is_never_left_out() -> None:
    """Only an argument of the call is; the caller put this past all rules."""
    error = {"message": "no", "code": "unknown_parameter", "param": "novelty"}
    service = Service(httpx.Response(400, json={"error": error}))
    with pytest.raises(Exception, match="no"):
        service.ask(drop_params=True, extra_body={"novelty": 1})
    assert 1 == len(service.requests)


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("azure/dep", ANSWER),
        ("azure/responses/dep", response(spoken("Hi"))),
        ("azure_text/dep", TEXT),
    ],
)
def test_a_message_of_one_family_goes_up_in_another(model: str, answer: Any) -> None:
    """A history may change its model: only what all of them know is sent."""
    first = Service(httpx.Response(200, json=answer)).ask(model).choices[0].message
    for other, said in (("azure/responses/dep", response(spoken("x"))), ("azure_text/dep", TEXT)):
        service = Service(httpx.Response(200, json=said))
        service.ask(other, messages=[*HELLO, first, *HELLO])
        assert "Hi" in json.dumps(service.bodies[0])


@pytest.mark.parametrize(
    ("model", "kept"),
    [("azure/dep", set()), ("azure/o3", set()), ("azure_ai/deepseek", {"reasoning_content"})],
)
def test_what_other_formats_keep_in_a_message_does_not_go_up(model: str, kept: set[str]) -> None:
    """A chat refuses fields that it does not know; a history may change its model."""
    fields = ("provider_specific_fields", "thinking_blocks", "reasoning_content")
    answer = {"role": "assistant", "content": "Hi", **dict.fromkeys(fields, "x")}
    service = Service(httpx.Response(200, json=ANSWER))
    service.ask(model, messages=[*HELLO, answer])
    assert {"role", "content", *kept} == set(service.bodies[0]["messages"][1])
