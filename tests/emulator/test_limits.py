"""Option values are checked as the service does, in both generations, each in its envelope."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest

from azure_agents.emulator import Emulator

V2 = "/openai/v1/responses"
NO_TEXT = [{"role": "user", "content": [{"type": "input_text"}]}]
NO_IMAGE = [{"role": "user", "content": [{"type": "input_image", "image_url": 7}]}]

# A field, its value, the code, and what the answer names.
Case: TypeAlias = tuple[str, Any, str, str]
V2_WRONG: list[Case] = [
    ("max_output_tokens", 0, "integer_below_min_value", "max_output_tokens"),
    ("max_output_tokens", -1, "integer_below_min_value", "max_output_tokens"),
    ("max_output_tokens", 15, "integer_below_min_value", "max_output_tokens"),
    ("max_output_tokens", "10", "invalid_payload", "/max_output_tokens"),
    ("max_output_tokens", 1.5, "invalid_payload", "/max_output_tokens"),
    ("max_output_tokens", True, "invalid_payload", "/max_output_tokens"),
    ("top_logprobs", 21, "integer_above_max_value", "top_logprobs"),
    ("max_tool_calls", 0, "integer_below_min_value", "max_tool_calls"),
    ("stream", "yes", "invalid_payload", "/stream"),
    ("store", 1, "invalid_payload", "/store"),
    ("parallel_tool_calls", "no", "invalid_payload", "/parallel_tool_calls"),
    ("truncation", "some", "invalid_value", "truncation"),
    ("include", ["everything"], "invalid_value", "include[0]"),
    ("include", "everything", "invalid_payload", "/include"),
    ("service_tier", "gold", "invalid_value", "service_tier"),
    ("tool_choice", "maybe", "invalid_value", "tool_choice"),
    ("tool_choice", 7, "invalid_type", "tool_choice"),
    ("tool_choice", {"type": "function", "name": "nothing"}, "", "tool_choice"),
    ("tool_choice", {"type": "file_search"}, "", "tool_choice"),
    ("input", NO_TEXT, "invalid_payload", "/input/0/content/0/text"),
    ("input", NO_IMAGE, "invalid_payload", "/input/0/content/0/image_url"),
]
BY_MODEL: list[Case] = [
    ("temperature", 5, "decimal_above_max_value", "temperature"),
    ("top_p", -0.5, "decimal_below_min_value", "top_p"),
    ("temperature", "hot", "invalid_payload", "/temperature"),
    ("tools", [{"name": "f"}], "invalid_payload", "/tools/0/type"),
    ("tools", [{"type": "function"}], "invalid_payload", "/tools/0/name"),
    ("tools", ["f"], "invalid_payload", "/tools/0"),
]
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"schema": {}}}
CLASSIC_WRONG: list[Case] = [
    ("temperature", 5, "decimal_above_max_value", "temperature"),
    ("temperature", "hot", "invalid_type", "temperature"),
    ("top_p", 2, "decimal_above_max_value", "top_p"),
    ("max_completion_tokens", 0, "integer_below_min_value", "max_completion_tokens"),
    ("max_completion_tokens", "10", "invalid_type", "max_completion_tokens"),
    ("max_prompt_tokens", 1.5, "invalid_type", "max_prompt_tokens"),
    ("stream", "yes", "invalid_type", "stream"),
    ("parallel_tool_calls", "no", "invalid_type", "parallel_tool_calls"),
    ("truncation_strategy", {"type": "some"}, "invalid_value", "type"),
    ("truncation_strategy", {"last_messages": 0}, "integer_below_min_value", "last_messages"),
    ("tool_choice", "maybe", "invalid_value", "tool_choice"),
    ("tool_choice", {"type": "function", "function": {"name": "x"}}, "", "tool_choice"),
    ("response_format", "xml", "invalid_value", "response_format.type"),
    (
        "response_format",
        JSON_SCHEMA,
        "missing_required_parameter",
        "response_format.json_schema.name",
    ),
    ("tools", "f", "invalid_type", "tools"),
    ("tools", ["f"], "invalid_type", "tools[0]"),
    ("tools", [{"type": "oracle"}], "", "tools"),
    ("tools", [{"type": "function"}], "missing_required_parameter", "tools[0].function.name"),
    ("additional_messages", "hi", "invalid_type", "additional_messages"),
    ("instructions", 7, "invalid_type", "instructions"),
]


def blamed(answer: Any) -> tuple[int, str, str | None]:
    """Status, code, and what is named: in the details of a validation error."""
    error = answer.json()["error"]
    details = error.get("details") or [error]
    return answer.status_code, error["code"] or "", details[0]["param"]


@pytest.mark.parametrize("case", [*V2_WRONG, *BY_MODEL], ids=str)
def test_v2_refuses_wrong_option_values(foundry: Emulator, wire: Any, case: Case) -> None:
    """A wrong type is a schema error of Foundry's, a wrong value one of OpenAI's."""
    name, value, code, param = case
    agent = foundry.create_agent("my-agent")
    body = {"model": "gpt-4o", "input": "hi"} if case in BY_MODEL else wire.turn(agent, "hi")
    assert blamed(wire.request("POST", V2, body | {name: value})) == (400, code, param)
    assert [] == foundry.errors


@pytest.mark.parametrize("case", CLASSIC_WRONG, ids=str)
def test_classic_refuses_wrong_option_values(foundry: Emulator, wire: Any, case: Case) -> None:
    """In OpenAI's envelope; the thread stays free."""
    name, value, code, param = case
    agent = foundry.create_agent("a", generation="classic")
    path, body = f"/threads/{wire.start_thread('hi')}/runs", {"assistant_id": agent.id}
    assert blamed(wire.request("POST", path, body | {name: value})) == (400, code, param)
    assert "thread.run.completed" == wire.stream(path, body)[-2][0]
    assert [] == foundry.errors


def test_too_few_output_tokens_are_refused_as_users_quote(foundry: Emulator, wire: Any) -> None:
    """Word for word."""
    body = wire.turn(foundry.create_agent("my-agent"), "hi", max_output_tokens=10)
    assert {
        "message": "Invalid 'max_output_tokens': integer below minimum value. "
        "Expected a value >= 16, but got 10 instead.",
        "type": "invalid_request_error",
        "param": "max_output_tokens",
        "code": "integer_below_min_value",
    } == wire.request("POST", V2, body).json()["error"]


def test_agents_with_malformed_tools_are_refused(wire: Any) -> None:
    """Both generations, when they are made."""
    definition = {"kind": "prompt", "model": "m", "tools": [{"type": "function"}]}
    made = wire.request("POST", "/agents/a/versions", {"definition": definition})
    assert (400, "invalid_payload", "/definition/tools/0/name") == blamed(made)
    made = wire.request("POST", "/assistants", {"model": "m", "temperature": 5})
    assert (400, "decimal_above_max_value", "temperature") == blamed(made)


def test_values_at_the_limits_pass(foundry: Emulator, wire: Any) -> None:
    """The smallest and the largest."""
    agent = foundry.create_agent("my-agent")
    wire.respond(agent, "hi", max_output_tokens=16, top_logprobs=20, max_tool_calls=1)
    wire.post(V2, {"model": "gpt-4o", "input": "hi", "temperature": 2, "top_p": 0})


CALLS = [
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {
        "type": "function_call_output",
        "call_id": "c",
        "output": [{"type": "input_text", "text": "x"}],
    },
    {
        "type": "mcp_approval_request",
        "id": "m",
        "server_label": "s",
        "name": "n",
        "arguments": "{}",
    },
    {"type": "mcp_approval_response", "approval_request_id": "m", "approve": True},
    {"type": "computer_call", "call_id": "k", "action": {"type": "wait"}},
    {"type": "computer_call_output", "call_id": "k", "output": {"image_url": "x"}},
]
SAID = {"role": "user", "content": [{"type": "input_text", "text": "x"}]}
POSTED = {"role": "user", "content": [{"type": "text", "text": "x"}], "attachments": [{}]}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
AGENT = {"name": "my-agent"}
BODIES: list[tuple[str, dict[str, Any]]] = [
    (V2, {"agent_reference": AGENT, "input": [SAID], "metadata": {}, "include": []}),
    (V2, {"agent_reference": AGENT, "input": CALLS, "structured_inputs": {}}),
    (V2, {"model": "gpt-4o", "input": "hi", "text": {"format": {"type": "text"}}, "tools": []}),
    (V2, {"model": "gpt-4o", "input": "hi", "reasoning": {}, "temperature": 1, "stream": False}),
    ("/openai/v1/conversations", {"items": [SAID], "metadata": {}}),
    ("/agents/b/versions", {"definition": {"kind": "prompt", "model": "m", "tools": [FUNCTION]}}),
    ("/assistants", {"model": "m", "tools": [FUNCTION], "tool_resources": {}, "name": "n"}),
    ("/threads", {"messages": [POSTED], "metadata": {}, "tool_resources": {}}),
    ("/threads/runs", {"assistant_id": "asst_x", "thread": {"messages": [POSTED]}}),
    ("/vector_stores", {"name": "x", "file_ids": [], "expires_after": {"days": 1}}),
]
WRONG: list[Any] = [7, "x", [], {}, [7], {"a": 1}, True, 1.5, None, ["x"], [{"type": "x"}], [[]]]


def places(body: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a body."""
    yield path
    parts = body if isinstance(body, dict) else {}
    parts = dict(enumerate(body)) if isinstance(body, list) else parts
    for key, value in parts.items():
        yield from places(value, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with another value in one place."""
    if not path:
        return value
    copied = dict(body) if isinstance(body, dict) else list(body)
    copied[path[0]] = changed(body[path[0]], path[1:], value)
    return copied


@pytest.mark.parametrize(("path", "body"), BODIES, ids=range(len(BODIES)))
def test_malformed_bodies_never_break_the_emulator(
    foundry: Emulator, wire: Any, path: str, body: dict[str, Any]
) -> None:
    """Any value in any place is accepted, or refused as a mistake of the client's."""
    foundry.create_agent("my-agent")
    for place in places(body):
        for value in WRONG:
            answer = wire.request("POST", path, changed(body, place, value))
            assert answer.status_code in {200, 400, 404}, (place, value, answer.text)
    assert [] == foundry.errors
