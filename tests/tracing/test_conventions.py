"""The names are those of the conventions, as OpenTelemetry's own package has them."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, server_attributes

from azure_agents.errors import RateLimitError, TimedOutError, TransportError
from azure_agents.tracing import conventions as names
from azure_agents.tracing.attributes import of_answer, of_request, of_usage
from azure_agents.tracing.messages import of_input, of_output

PUBLISHED = {
    value
    for module in (
        *(gen_ai_attributes, gen_ai_metrics),
        *(error_attributes, http_attributes, server_attributes),
    )
    for value in vars(module).values()
    if isinstance(value, str)
}


def test_every_name_is_published() -> None:
    """But those that say that they are ours."""
    ours = {
        value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)
    }
    beside = {"azure_agents.", names.FOUNDRY_AGENTS}
    assert set() == {one for one in ours - PUBLISHED if not one.startswith(tuple(beside))}


PROVIDERS = [
    ("azure", "chat", "azure.ai.openai"),
    ("azure", "foundry", "azure.ai.inference"),
    ("anthropic", "claude", "anthropic"),
    ("openai", "chat", "openai"),
]


@pytest.mark.parametrize(("provider", "family", "expected"), PROVIDERS)
def test_providers_have_their_published_names(provider: str, family: str, expected: str) -> None:
    """The name tells which flavour of the conventions a span has."""
    assert expected == names.provider_name(provider, family)
    assert expected in {one.value for one in gen_ai_attributes.GenAiProviderNameValues}


ERRORS: list[tuple[Exception, str]] = [
    (RateLimitError("slow", status=429), "429"),
    (TimedOutError("late"), "timeout"),
    (TransportError("cut"), "TransportError"),
    (ValueError("odd"), "ValueError"),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS)
def test_errors_are_of_few_kinds(error: Exception, expected: str) -> None:
    """A status, or a class; never a sentence."""
    assert expected == names.error_type(error)


REQUESTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    (
        {"temperature": 1, "top_p": 0.5, "max_tokens": 9, "seed": 3, "stream": True, "n": 2},
        {
            names.REQUEST_TEMPERATURE: 1.0,
            names.REQUEST_TOP_P: 0.5,
            names.REQUEST_MAX_TOKENS: 9,
            names.REQUEST_SEED: 3,
            names.REQUEST_STREAM: True,
            names.REQUEST_CHOICE_COUNT: 2,
        },
    ),
    ({"n": 1, "stream": False, "temperature": None, "seed": True}, {}),
    ({"stop": "a"}, {names.REQUEST_STOP_SEQUENCES: ["a"]}),
    ({"stop_sequences": ["a", 7]}, {names.REQUEST_STOP_SEQUENCES: ["a"]}),
    ({"max_output_tokens": 5}, {names.REQUEST_MAX_TOKENS: 5}),
    ({"response_format": {"type": "json_schema"}}, {names.OUTPUT_TYPE: "json"}),
    ({"text": {"format": {"type": "json_object"}}}, {names.OUTPUT_TYPE: "json"}),
    ({"text": "plain", "response_format": "odd"}, {}),
    ({"conversation": {"id": "conv_1"}}, {names.CONVERSATION_ID: "conv_1"}),
    ({"thread_id": "thread_1"}, {names.CONVERSATION_ID: "thread_1"}),
]


@pytest.mark.parametrize(("fields", "expected"), REQUESTS)
def test_a_request_is_read(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    """In any of the formats; what is of another kind is left out."""
    assert expected == of_request(fields)


USAGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"prompt_tokens": 3}, {}),
    ({"prompt_tokens_details": {"cached_tokens": 2}}, {names.USAGE_CACHE_READ: 2}),
    ({"output_tokens_details": {"reasoning_tokens": 4}}, {names.USAGE_REASONING: 4}),
    (
        {"cache_read_input_tokens": 1, "cache_creation_input_tokens": 2},
        {names.USAGE_CACHE_READ: 1, names.USAGE_CACHE_CREATION: 2},
    ),
    ({"prompt_tokens_details": "odd"}, {}),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_a_usage_is_read(usage: dict[str, Any], expected: dict[str, Any]) -> None:
    """Of chats, responses and messages."""
    assert expected == of_usage(usage)


CHAT = b'{"id": "chatcmpl-1", "choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]}'
ANSWERS = [
    (CHAT, {names.RESPONSE_ID: "chatcmpl-1", names.RESPONSE_FINISH_REASONS: ["stop", "length"]}),
    (b'{"id":"msg_1","stop_reason":"end_turn"}', {names.RESPONSE_ID: "msg_1"}),
    (
        b'{"id":"resp_1","status":"completed","thread_id":"conv_1"}',
        {names.CONVERSATION_ID: "conv_1"},
    ),
    (b'{"content":"\\"finish_reason\\": \\"stop\\""}', {}),
]


@pytest.mark.parametrize(("body", "expected"), ANSWERS)
def test_an_answer_is_read_out_of_its_bytes(body: bytes, expected: dict[str, Any]) -> None:
    """What it quotes is not taken for what it says of itself."""
    found = of_answer(body, body)
    assert expected == {name: found[name] for name in expected}
    assert bool(expected) == bool(found)


def test_content_has_the_form_of_the_conventions() -> None:
    """Roles with parts; data of images stays out."""
    call = {"id": "call_1", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:secret"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, image]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
    ]
    found = of_input({"messages": messages, "system": "Be kind."})
    assert (
        '[{"role":"user","parts":[{"type":"text","content":"hi"},{"type":"image_url"}]},'
        '{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"f",'
        '"arguments":"{}"}]},'
        '{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":"7"}]}]'
    ) == found[names.INPUT_MESSAGES]
    assert '[{"type":"text","content":"Be kind."}]' == found[names.SYSTEM_INSTRUCTIONS]
    items = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "y"}]}
    ]
    assert (
        '[{"role":"assistant","parts":[{"type":"text","content":"y"}],"finish_reason":"stop"}]'
    ) == of_output(items, "stop")[names.OUTPUT_MESSAGES]
