"""What deployments of the emulator refuse: malformed requests, and what a family does not take."""

from __future__ import annotations

from typing import Any

import pytest
from deployment_wire import CALLING, HELLO, TOOL_RESULT, WEATHER, Resource

from azure_agents.emulator import Parts, Reasoning

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
