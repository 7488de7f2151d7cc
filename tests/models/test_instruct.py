"""Chat with models that complete texts: the prompt, the answer, and both through the emulator."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.emulator import Emulator, Failed, Fault, Incomplete
from azure_agents.errors import (
    ConnectionLostError,
    InvalidRequestError,
    ProtocolError,
    ServerError,
    StreamInterruptedError,
)
from azure_agents.models.instruct.answer import ChunkReader, to_completion
from azure_agents.models.instruct.prompt import to_prompt

from .responses import JSON, entries, recorded
from .test_chat import Service, sse, streaming
from .test_emulated import HELLO, WAYS, ask, foundry, text_of

__all__ = ["foundry"]  # a fixture

MODEL = "azure_text/instruct"
DEPLOYED = {"model": "gpt-35-turbo-instruct"}


def user(text: Any, **more: Any) -> JSON:
    """A message of the user."""
    return {"role": "user", "content": text, **more}


def system(text: Any) -> JSON:
    """A system message."""
    return {"role": "system", "content": text}


def assistant(text: Any, **more: Any) -> JSON:
    """A message of the assistant."""
    return {"role": "assistant", "content": text, **more}


PROMPTS: list[tuple[list[JSON], str]] = [
    ([user("Once upon a time")], "Once upon a time"),
    ([user([{"type": "text", "text": "Once "}, "upon"])], "Once upon"),
    ([system("Be brief."), user("Hello")], "System: Be brief.\n\nUser: Hello\n\nAssistant:"),
    ([{"role": "developer", "content": "Be brief."}], "System: Be brief.\n\nAssistant:"),
    (
        [user("Hello"), assistant("Hi"), user("Bye")],
        "User: Hello\n\nAssistant: Hi\n\nUser: Bye\n\nAssistant:",
    ),
    ([user("Hello"), assistant("Hi, I")], "User: Hello\n\nAssistant: Hi, I"),
    ([user("Hello"), assistant("")], "Hello"),
    ([user("Hello"), assistant(None), user("?")], "User: Hello\n\nUser: ?\n\nAssistant:"),
    ([user("Hello", name="Ann  Lee")], "Ann Lee: Hello\n\nAssistant:"),
    ([assistant([{"type": "refusal", "refusal": "No"}])], "Assistant: No"),
]


@pytest.mark.parametrize(("messages", "expected"), PROMPTS)
def test_messages_become_one_prompt_by_a_rule(messages: list[JSON], expected: str) -> None:
    """Roles are kept; the model's turn is at the end."""
    assert expected == to_prompt(messages)


words = st.text(st.characters(codec="utf-8", exclude_characters="\n:"), min_size=1, max_size=6)
talks = st.lists(st.tuples(st.sampled_from([system, user, assistant]), words), min_size=2)


@given(talks)
def test_every_message_is_in_the_prompt_with_its_role(talk: list[Any]) -> None:
    """In order, each once."""
    found = to_prompt([make(text) for make, text in talk])
    expected = [(make.__name__.capitalize(), text) for make, text in talk]
    told = [tuple(one.split(": ", 1)) for one in found.removesuffix("\n\nAssistant:").split("\n\n")]
    assert expected == told
    assert found.endswith("\n\nAssistant:") == (talk[-1][0] is not assistant)


WRONG: list[tuple[list[JSON], str]] = [
    ([], "messages hold no text to complete"),
    ([user("")], "messages hold no text to complete"),
    ([{"role": "tool", "content": "x"}], "text completions have no tools"),
    ([{"content": "x"}], r"the role of messages\[0\] is None"),
    ([assistant("x", tool_calls=[{}])], "calls tools"),
    ([user([{"type": "image_url", "image_url": "https://a"}])], "part 0 is 'image_url', and text"),
    ([user([7])], "part 0 is 7"),
    ([user([{"type": "text"}])], "must be a string, got None"),
    ([user(7)], "must be a text or a list of parts"),
]


@pytest.mark.parametrize(("messages", "sentence"), WRONG)
def test_what_is_no_text_is_refused(messages: list[JSON], sentence: str) -> None:
    """The sentence says what, where, and what to do."""
    with pytest.raises(InvalidRequestError, match=sentence):
        to_prompt(messages)


TEXT = {
    "id": "cmpl-1",
    "object": "text_completion",
    "model": "gpt-35-turbo-instruct",
    "choices": [{"index": 0, "text": "Hi", "finish_reason": "stop", "logprobs": None}],
    "usage": {"total_tokens": 3},
    "novelty": 1,
}
FIELDS: list[tuple[JSON, JSON]] = [
    ({}, {}),
    ({"max_tokens": 9}, {"max_tokens": 9}),
    ({"max_completion_tokens": 9}, {"max_tokens": 9}),
    ({"echo": True, "suffix": "s"}, {"echo": True, "suffix": "s"}),
    ({"best_of": 2, "n": 2}, {"best_of": 2, "n": 2}),
    ({"logprobs": 3}, {"logprobs": 3}),
    ({"logprobs": 0}, {"logprobs": 0}),
    ({"logprobs": True}, {"logprobs": 0}),
    ({"logprobs": True, "top_logprobs": 2}, {"logprobs": 2}),
    ({"logprobs": False, "response_format": {"type": "text"}, "n": 1}, {}),
    ({"seed": 7, "stop": ["x"], "novelty": 1}, {"seed": 7, "stop": ["x"], "novelty": 1}),
    ({"extra_body": {"novelty": 1}}, {"novelty": 1}),
]


@pytest.mark.parametrize(("fields", "expected"), FIELDS)
def test_arguments_go_up_as_text_completions_call_them(fields: JSON, expected: JSON) -> None:
    """On the surface without versions; on the dated one the path names the deployment too."""
    service = Service(httpx.Response(200, json=TEXT))
    service.ask(MODEL, **fields)
    sent = {"model": "instruct", "prompt": "Hello", **expected}
    assert [sent] == service.bodies
    assert "/openai/v1/completions" == service.requests[0].url.path


LACKING: list[tuple[JSON, bool]] = [
    ({"tools": [{}]}, False),
    ({"functions": [{}]}, False),
    ({"response_format": {"type": "json_object"}}, False),
    ({"reasoning_effort": "low"}, False),
    ({"tool_choice": "auto"}, True),
    ({"modalities": ["audio"]}, True),
    ({"metadata": {"a": "b"}}, True),
    ({"store": True}, True),
    ({"verbosity": "low"}, True),
]


@pytest.mark.parametrize(("fields", "may_be_dropped"), LACKING)
def test_what_text_completions_lack_is_refused_or_dropped_aloud(
    fields: JSON, *, may_be_dropped: bool
) -> None:
    """What the answer is asked for with is never left out."""
    service = Service(httpx.Response(200, json=TEXT))
    with pytest.raises(InvalidRequestError, match="has no place in text completions"):
        service.ask(MODEL, **fields)
    if may_be_dropped:
        with pytest.warns(UserWarning, match="dropped, which has no place in text completions"):
            service.ask(MODEL, drop_params=True, **fields)
    else:
        with pytest.raises(InvalidRequestError, match="has no place in text completions"):
            service.ask(MODEL, drop_params=True, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "x"},
        {"max_tokens": 1, "max_completion_tokens": 2},
        {"logprobs": "many"},
    ],
)
def test_what_is_said_twice_or_malformed_is_refused(fields: JSON) -> None:
    """Before anything is sent."""
    service = Service(httpx.Response(200, json=TEXT))
    with pytest.raises(InvalidRequestError):
        service.ask(MODEL, **fields)
    assert [] == service.requests


def test_an_answer_is_one_of_a_chat() -> None:
    """Only the text moves; what is new tomorrow stays."""
    message = {"role": "assistant", "content": "Hi"}
    choice = {"message": message, "index": 0, "finish_reason": "stop", "logprobs": None}
    assert {**TEXT, "object": "chat.completion", "choices": [choice]} == to_completion(TEXT)
    with pytest.raises(ProtocolError):
        to_completion({"choices": [{"message": {}}]})


CHUNKS: list[JSON] = [
    {"id": "c", "choices": [], "prompt_filter_results": []},
    {"id": "c", "choices": [{"index": 0, "text": "Hé", "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 1, "text": "Ho", "finish_reason": None}]},
    {"id": "c", "choices": [{"index": 0, "text": "llo", "finish_reason": "stop"}]},
    {"id": "c", "choices": [{"index": 1, "text": "", "finish_reason": "length"}]},
    {"id": "c", "choices": [], "usage": {"total_tokens": 3}},
]


def test_chunks_are_those_of_a_chat() -> None:
    """Each choice begins with its role; the usage comes once, if it was asked for."""
    service = Service(streaming(sse(CHUNKS)))
    options = {"stream_options": {"include_usage": True}}
    chunks = [one.model_dump() for one in service.ask(MODEL, stream=True, **options)]
    assert [
        (0, {"role": "assistant", "content": "Hé"}, None),
        (1, {"role": "assistant", "content": "Ho"}, None),
        (0, {"content": "llo"}, "stop"),
        (1, {}, "length"),
    ] == [(c["index"], c["delta"], c["finish_reason"]) for one in chunks for c in one["choices"]]
    assert {"total_tokens": 3} == chunks[-1]["usage"]
    assert options == {k: v for k, v in service.bodies[0].items() if k == "stream_options"}


@pytest.mark.parametrize("model", [MODEL, "azure/dep"])
def test_a_stream_is_over_when_every_choice_has_finished(model: str) -> None:
    """In text completions and in a chat: the end of one choice is not that of the others."""
    chunks = CHUNKS[:4]
    if model != MODEL:
        read = ChunkReader()
        chunks = [read(chunk) for chunk in chunks]
    for end in (b"", b"data: [DONE]\n\n"):
        service = Service(streaming(sse(chunks, end)))
        with pytest.raises(StreamInterruptedError) as caught:
            list(service.ask(model, stream=True, n=2))
        assert "HéHollo" == caught.value.partial_text


def test_an_error_in_a_stream_is_an_error() -> None:
    """Also as its first event, which is no shape of a chunk."""
    failure = {"error": {"code": "server_error", "message": "no"}}
    with pytest.raises(ServerError):
        list(Service(streaming(sse([failure]))).ask(MODEL, stream=True, max_retries=0))
    with pytest.raises(ConnectionLostError):
        list(Service(streaming(b"")).ask(MODEL, stream=True, max_retries=0))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", [None, "2024-10-21"])
def test_a_deployment_completes(foundry: Emulator, way: str, version: str | None) -> None:
    """On either surface, whichever way it is asked."""
    foundry.deploy("instruct", "Grüße aus Köln!", **DEPLOYED)
    asked = [system("Be brief."), *HELLO]
    answer = ask(foundry, way, MODEL, messages=asked, api_version=version, echo=True)
    prompt = "System: Be brief.\n\nUser: Hello\n\nAssistant:"
    assert f"{prompt}Grüße aus Köln!" == text_of(answer)
    assert prompt == foundry.seen[-1].last_user_text


@pytest.mark.parametrize("way", WAYS)
def test_endings_and_failures_are_told(foundry: Emulator, way: str) -> None:
    """In chat's words; a failure that passes is survived."""
    foundry.deploy("instruct", [Incomplete("max_output_tokens", "Hal"), "hi"], **DEPLOYED)
    answer = ask(foundry, way, MODEL)
    last = answer[-1] if isinstance(answer, list) else answer
    assert ("Hal", "length") == (text_of(answer), last.choices[0].finish_reason)
    foundry.faults.add(Fault("status_before", status=500))
    assert "hi" == text_of(ask(foundry, way, MODEL))
    foundry.deploy("failing", Failed("server_error"), **DEPLOYED)
    with pytest.raises(ServerError):
        ask(foundry, way, "azure_text/failing", max_retries=0)


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_stream_that_is_cut_keeps_what_came(foundry: Emulator, way: str) -> None:
    """Before the first text it is asked again."""
    foundry.deploy("instruct", "one two three", **DEPLOYED)
    parts = set()
    for cut in range(5):
        foundry.faults.add(Fault("cut", after_events=cut))
        try:
            assert "one two three" == text_of(ask(foundry, way, MODEL))
        except StreamInterruptedError as error:
            parts.add(error.partial_text)
    assert {"one", "one two", "one two three"} == parts


@recorded
def test_a_recorded_completion_is_read_exactly() -> None:
    """Filter results stay at the choice."""
    entry = entries("completions_legacy_gpt35")[0]
    body = entry["response"]["body"]
    service = Service(httpx.Response(200, json=json.loads(json.dumps(body))))
    answer = service.ask(MODEL)
    choice, told = body["choices"][0], answer.choices[0].model_dump()
    assert choice["text"] == told["message"]["content"]
    assert choice["content_filter_results"] == told["content_filter_results"]
    assert body["usage"] == answer.usage.model_dump()
