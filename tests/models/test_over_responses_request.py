"""A chat call as the body of the responses operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.emulator.v2.input import check_calls, read_items
from azure_agents.errors import InvalidRequestError
from azure_agents.models.names import ModelName, read_model
from azure_agents.models.over_responses.request import to_body

from .responses import JSON

HELLO: list[JSON] = [{"role": "user", "content": "Hello"}]
PLAIN = {"input": HELLO, "store": False}
SEALED = ["reasoning.encrypted_content"]


def model(name: str = "dep", base_model: str | None = None) -> ModelName:
    """A deployment."""
    return read_model(f"azure/responses/{name}", base_model=base_model)


def body(messages: Any = HELLO, *, drops: bool = False, **fields: Any) -> JSON:
    """The body of a call."""
    return to_body(messages, fields, model(), drops=drops)


FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}}
GRAMMAR = {"definition": "start: 'x'", "syntax": "lark"}
SCHEMA = {"name": "n", "schema": {"type": "object"}, "strict": True}
FIELDS: list[tuple[JSON, JSON]] = [
    ({}, {}),
    ({"max_tokens": 20}, {"max_output_tokens": 20}),
    ({"max_completion_tokens": 20}, {"max_output_tokens": 20}),
    ({"max_output_tokens": 20}, {"max_output_tokens": 20}),
    (
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}, "include": SEALED},
    ),
    ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
    (
        {"reasoning_effort": {"effort": "high", "summary": "auto"}},
        {"reasoning": {"effort": "high", "summary": "auto"}, "include": SEALED},
    ),
    (
        {"reasoning_effort": "low", "reasoning": {"summary": "auto"}, "include": ["x"]},
        {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["x", *SEALED]},
    ),
    (
        {"tools": [{"type": "function", "function": FUNCTION}]},
        {"tools": [{"type": "function", **FUNCTION, "strict": False}]},
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "strict": True}}]},
        {
            "tools": [
                {
                    "type": "function",
                    "name": "f",
                    "strict": True,
                    "parameters": {"type": "object", "properties": {}},
                }
            ]
        },
    ),
    (
        {"tools": [{"type": "custom", "custom": {"name": "c"}}, {"type": "web_search"}]},
        {"tools": [{"type": "custom", "name": "c"}, {"type": "web_search"}]},
    ),
    (
        {
            "tools": [
                {
                    "type": "custom",
                    "custom": {"name": "c", "format": {"type": "grammar", "grammar": GRAMMAR}},
                }
            ]
        },
        {"tools": [{"type": "custom", "name": "c", "format": {"type": "grammar", **GRAMMAR}}]},
    ),
    (
        {"tools": [{"type": "function", "name": "f", "parameters": {}, "strict": None}]},
        {"tools": [{"type": "function", "name": "f", "parameters": {}, "strict": None}]},
    ),
    ({"tool_choice": "required"}, {"tool_choice": "required"}),
    (
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tool_choice": {"type": "function", "name": "f"}},
    ),
    (
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            }
        },
        {
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            }
        },
    ),
    ({"tool_choice": {"type": "web_search"}}, {"tool_choice": {"type": "web_search"}}),
    ({"response_format": {"type": "text"}}, {}),
    (
        {"response_format": {"type": "json_object"}},
        {"text": {"format": {"type": "json_object"}}},
    ),
    (
        {
            "response_format": {"type": "json_schema", "json_schema": SCHEMA},
            "verbosity": "low",
            "text": {"x": 1},
        },
        {"text": {"x": 1, "format": {"type": "json_schema", **SCHEMA}, "verbosity": "low"}},
    ),
    (
        {"logprobs": True, "top_logprobs": 2},
        {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    ),
    ({"stream_options": {"include_usage": True}}, {}),
    (
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
        {"stream_options": {"include_obfuscation": False}},
    ),
    ({"store": True}, {"store": True}),
    ({"previous_response_id": "resp_1"}, {"previous_response_id": "resp_1", "store": None}),
    # What changes nothing is not refused, and not sent.
    ({"n": 1, "logprobs": False, "presence_penalty": 0.0, "modalities": ["text"]}, {}),
    (
        {"user": "u", "metadata": {"a": "b"}, "parallel_tool_calls": False, "temperature": 0},
        {"user": "u", "metadata": {"a": "b"}, "parallel_tool_calls": False, "temperature": 0},
    ),
    ({"truncation": "auto", "novelty": 1}, {"truncation": "auto", "novelty": 1}),
]


@pytest.mark.parametrize(("fields", "expected"), FIELDS)
def test_an_argument_of_chat_is_one_of_responses(fields: JSON, expected: JSON) -> None:
    """What is called otherwise is mapped; what is new tomorrow goes up as it is."""
    wanted = {name: one for name, one in {**PLAIN, **expected}.items() if one is not None}
    assert wanted == body(**fields)


@pytest.mark.parametrize(
    ("name", "base_model", "expected"),
    [
        ("gpt-5-nano", None, True),
        ("o3", None, True),
        ("gpt-5-codex", None, True),
        ("codex-mini", None, True),
        ("dep", "azure/gpt-5-mini", True),
        ("gpt-5-chat", None, False),
        ("gpt-4o", None, False),
        ("dep", None, False),
    ],
)
def test_encrypted_reasoning_is_asked_for_where_the_model_is_known_to_reason(
    name: str, base_model: str | None, *, expected: bool
) -> None:
    """Other models refuse the question."""
    found = to_body(HELLO, {}, model(name, base_model), drops=False)
    assert expected == ("include" in found)


URL = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
MESSAGES: list[tuple[list[JSON], list[JSON]]] = [
    (
        [{"role": role, "content": "x"} for role in ("system", "developer", "user")],
        [{"role": role, "content": "x"} for role in ("system", "developer", "user")],
    ),
    (
        [{"role": "user", "content": "x", "name": "Ann"}],
        [{"role": "user", "content": "Ann: x"}],
    ),
    (
        [{"role": "user", "content": [{"type": "text", "text": "x"}], "name": "Ann"}],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Ann: "},
                    {"type": "input_text", "text": "x"},
                ],
            }
        ],
    ),
    (
        [
            {
                "role": "user",
                "content": [
                    "x",
                    {"type": "image_url", "image_url": {"url": URL, "detail": "low"}},
                    {"type": "image_url", "image_url": "https://a/b.png"},
                    {"type": "file", "file": {"file_id": "file_1"}},
                    {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
                    {"type": "file", "file": {"file_id": "https://a/b.pdf"}},
                    {"type": "input_image", "file_id": "file_2", "detail": "auto"},
                    {"type": "text", "text": "y", "prompt_cache_breakpoint": {"mode": "explicit"}},
                    {"type": "text", "text": "z", "cache_control": {"type": "ephemeral"}},
                ],
            }
        ],
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "x"},
                    {"type": "input_image", "image_url": URL, "detail": "low"},
                    {"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"},
                    {"type": "input_file", "file_id": "file_1"},
                    {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
                    {"type": "input_file", "file_url": "https://a/b.pdf"},
                    {"type": "input_image", "file_id": "file_2", "detail": "auto"},
                    {
                        "type": "input_text",
                        "text": "y",
                        "prompt_cache_breakpoint": {"mode": "explicit"},
                    },
                    {"type": "input_text", "text": "z"},
                ],
            }
        ],
    ),
    (
        [
            {
                "role": "assistant",
                "content": "x",
                "refusal": "no",
                "tool_calls": [
                    {
                        "id": "1",
                        "type": "function",
                        "function": {"name": "f", "arguments": {"x": 1}},
                    },
                    {"id": "2", "function": {"name": "f", "arguments": ""}},
                    {"id": "3", "type": "custom", "custom": {"name": "c", "input": "in"}},
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "a"},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "b"}]},
            {"role": "tool", "tool_call_id": "3", "content": None},
        ],
        [
            {
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "x"},
                    {"type": "refusal", "refusal": "no"},
                ],
            },
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"x":1}'},
            {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "3", "name": "c", "input": "in"},
            {"type": "function_call_output", "call_id": "1", "output": "a"},
            {
                "type": "function_call_output",
                "call_id": "2",
                "output": [{"type": "input_text", "text": "b"}],
            },
            {"type": "custom_tool_call_output", "call_id": "3", "output": ""},
        ],
    ),
    # An answer of another model: its thinking stays with it.
    (
        [{"role": "assistant", "content": "x", "reasoning_content": "t", "thinking_blocks": []}],
        [{"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}],
    ),
    # Items that chat has no form for.
    (
        [{"type": "item_reference", "id": "rs_1"}],
        [{"type": "item_reference", "id": "rs_1"}],
    ),
]


@pytest.mark.parametrize(("messages", "expected"), MESSAGES)
def test_messages_become_input_items(messages: list[JSON], expected: list[JSON]) -> None:
    """Each in its place and with its role."""
    assert expected == body(messages)["input"]


REFUSED: list[tuple[JSON, str]] = [
    (
        {"stop": "x"},
        r"stop='x' has no place in the responses operation \(azure/responses/dep\): cut the text",
    ),
    ({"n": 2}, "make several calls"),
    ({"seed": 7}, "leave it out, or pass drop_params=True"),
    ({"logit_bias": {"1": 1}}, "logit_bias"),
    ({"frequency_penalty": 0.5}, "frequency_penalty"),
    ({"prediction": {"type": "content"}}, "prediction"),
    ({"modalities": ["text", "audio"]}, "call an audio model as"),
    ({"functions": []}, "pass tools="),
    ({"function_call": "auto"}, "pass tool_choice="),
    ({"web_search_options": {}}, "pass tools="),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
def test_what_only_chat_has_is_refused_or_dropped_aloud(fields: JSON, sentence: str) -> None:
    """Never in silence."""
    with pytest.raises(InvalidRequestError, match=sentence):
        body(**fields)
    if "functions" in fields:  # as tools
        with pytest.raises(InvalidRequestError, match=r"pass tools=$"):
            body(drops=True, **fields)
        return
    with pytest.warns(UserWarning, match=f"{next(iter(fields))} dropped"):
        assert PLAIN == body(drops=True, **fields)


WRONG: list[tuple[Any, JSON, str]] = [
    ([], {}, "messages hold nothing to send"),
    ([{"role": "assistant", "content": ""}], {}, "messages hold nothing to send"),
    ([{"role": "function", "content": "x"}], {}, "write tool_calls and role 'tool'"),
    ([{"content": "x"}], {}, r"the role of messages\[0\] is None"),
    ([{"role": "tool", "content": "x"}], {}, "has no tool_call_id"),
    ([{"role": "user", "content": 7}], {}, "must be a text or a list of parts"),
    ([{"role": "user", "content": [7]}], {}, "part 0 must be a dictionary with a type"),
    ([{"role": "user", "content": [{"type": "text"}]}], {}, "must be a string, got None"),
    (
        [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
        {},
        "is audio, which the responses operation does not take",
    ),
    (
        [{"role": "user", "content": [{"type": "image_url", "image_url": "a.png"}]}],
        {},
        "'a.png' is no address of an image",
    ),
    (
        [{"role": "user", "content": [{"type": "file", "file": {}}]}],
        {},
        "needs exactly one text of",
    ),
    (
        [{"role": "assistant", "content": [{"type": "image_url", "image_url": URL}]}],
        {},
        "texts and refusals go up",
    ),
    ([{"role": "assistant", "function_call": {"name": "f"}}], {}, "write it as one of tool_calls"),
    ([{"role": "assistant", "tool_calls": [7]}], {}, "must be a list of calls"),
    ([{"role": "assistant", "tool_calls": [{}]}], {}, "must be a call of a function"),
    (
        [{"role": "assistant", "tool_calls": [{"id": "1", "function": {}}]}],
        {},
        "needs an id and the name",
    ),
    (
        [
            {
                "role": "assistant",
                "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": 7}}],
            }
        ],
        {},
        "must be a text, got 7",
    ),
    (HELLO, {"tools": "f"}, "tools must be a list"),
    (HELLO, {"tools": [7]}, r"tools\[0\] must be a dictionary"),
    (HELLO, {"tools": [{"type": "function", "function": {}}]}, "needs a function with a name"),
    (HELLO, {"tools": [{"type": "custom"}]}, "needs a custom tool with a name"),
    (HELLO, {"tool_choice": "all"}, "tool_choice='all' is unknown"),
    (HELLO, {"response_format": {"type": "xml"}}, "response_format=.* is unknown"),
    (HELLO, {"response_format": {"type": "json_schema"}}, "response_format=.* is unknown"),
    (HELLO, {"text": 7}, "text must be a dictionary"),
    (HELLO, {"text": {"verbosity": "low"}, "verbosity": "low"}, "text has verbosity"),
    (HELLO, {"reasoning": "low"}, "reasoning must be a dictionary"),
    (HELLO, {"reasoning": {"effort": "low"}, "reasoning_effort": "low"}, "reasoning has effort"),
    (HELLO, {"include": "all"}, "include must be a list"),
    (HELLO, {"max_tokens": 1, "max_output_tokens": 2}, "max_tokens= and max_output_tokens= differ"),
    (HELLO, {"background": True}, "a chat call waits for its answer"),
]


@pytest.mark.parametrize(("messages", "fields", "sentence"), WRONG)
def test_what_is_malformed_is_refused_before_anything_is_sent(
    messages: Any, fields: JSON, sentence: str
) -> None:
    """The sentence says what, where, and what to do."""
    with pytest.raises(InvalidRequestError, match=sentence):
        body(messages, **fields)


def test_the_rules_of_the_o_series_hold_here_too() -> None:
    """A temperature is an error that says so, or dropped aloud."""
    with pytest.raises(InvalidRequestError, match="o-series model, which takes 1 only"):
        to_body(HELLO, {"temperature": 0.5}, model("o3"), drops=False)
    with pytest.warns(UserWarning, match="temperature dropped"):
        assert "temperature" not in to_body(HELLO, {"temperature": 0.5}, model("o3"), drops=True)


# --- any history --------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8"), max_size=6)
texts = st.builds(lambda text: {"type": "text", "text": text}, words)
images = st.just({"type": "image_url", "image_url": {"url": URL}})
contents = st.one_of(words, st.lists(st.one_of(texts, images), max_size=3))
roles = st.sampled_from(["system", "developer", "user"])
talk = st.builds(lambda role, content: [{"role": role, "content": content}], roles, contents)
answer = st.builds(
    lambda content: [{"role": "assistant", "content": content}],
    st.one_of(st.none(), words, st.lists(texts, max_size=2)),
)


def _round(kinds: list[str], content: str | None, results: list[Any]) -> list[JSON]:
    """An answer with calls, and their results."""
    inner = {
        "function": {"name": "f", "arguments": "{}"},
        "custom": {"name": "c", "input": "in"},
    }
    calls = [{"id": f"#{at}", "type": kind, kind: inner[kind]} for at, kind in enumerate(kinds)]
    told = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(calls, results, strict=False)
    ]
    return [{"role": "assistant", "content": content, "tool_calls": calls}, *told]


rounds = st.builds(
    _round,
    st.lists(st.sampled_from(["function", "custom"]), min_size=1, max_size=3),
    st.one_of(st.none(), words),
    st.lists(contents, min_size=3, max_size=3),
)
histories = st.lists(st.one_of(talk, answer, rounds), max_size=6)


@given(histories)
def test_any_history_becomes_a_body_that_the_service_takes(found: list[list[JSON]]) -> None:
    """Its own checks pass, every word is in it, in order, and each call stays with its result."""
    messages = [*HELLO]
    for at, some in enumerate(found):  # ids are unique in a history
        messages += json.loads(json.dumps(some).replace("#", f"call_{at}_"))
    items = body(messages)["input"]
    numbered = iter(range(10**6))
    stored = read_items(items, "/input", lambda prefix: f"{prefix}_{next(numbered)}")
    check_calls([], stored)
    assert list(_words_of(messages)) == list(_words_of(items))


def _words_of(messages: list[JSON]) -> Any:
    for message in messages:
        content = message.get("content", message.get("output"))
        parts = content if isinstance(content, list) else [{"text": content}]
        yield from (part["text"] for part in parts if part.get("text"))
