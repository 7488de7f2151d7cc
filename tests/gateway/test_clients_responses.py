"""The compliance cases of Open Responses at ``/v1/responses``: a deployment, and a v2 agent.

Played after openresponses/openresponses, src/lib/compliance-tests.ts and the schemas beside it: the
same kinds of requests and the same checks, in our own words. The gateway adds nothing to what the
service says.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls

from .conftest import Gateway, running

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
CONFIG = """
model_list:
  - model_name: deployment
    litellm_params: {{model: azure/dep, api_base: "{resource}", api_key: any}}
  - model_name: agent
    litellm_params: {{model: "{agent}", api_base: "{project}", api_key: any}}
"""
NOTHING = type(None)
# Fields that a response has, and of which kinds.
FIELDS: dict[str, tuple[type, ...]] = {
    "id": (str,),
    "object": (str,),
    "created_at": (int,),
    "completed_at": (int, NOTHING),
    "status": (str,),
    "incomplete_details": (dict, NOTHING),
    "model": (str,),
    "previous_response_id": (str, NOTHING),
    "instructions": (str, NOTHING),
    "output": (list,),
    "error": (dict, NOTHING),
    "tools": (list,),
    "tool_choice": (str, dict),
    "truncation": (str,),
    "parallel_tool_calls": (bool,),
    "text": (dict,),
    "top_p": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "top_logprobs": (int,),
    "temperature": (int, float),
    "reasoning": (dict, NOTHING),
    "usage": (dict, NOTHING),
    "max_output_tokens": (int, NOTHING),
    "max_tool_calls": (int, NOTHING),
    "store": (bool,),
    "background": (bool,),
    "service_tier": (str,),
    "metadata": (dict,),
    "safety_identifier": (str, NOTHING),
    "prompt_cache_key": (str, NOTHING),
}
MODELS = ("deployment", "agent")
# What the service's agents leave out of a response that is not streamed, as recorded.
LEFT_OUT = {
    "frequency_penalty",
    "max_output_tokens",
    "max_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt_cache_key",
    "safety_identifier",
    "store",
}
ITEMS: dict[str, dict[str, type]] = {
    "message": {"id": str, "status": str, "role": str, "content": list},
    "function_call": {"id": str, "call_id": str, "name": str, "arguments": str, "status": str},
}
_TEXT: dict[str, type] = {"item_id": str, "output_index": int, "content_index": int}
_CALL: dict[str, type] = {"item_id": str, "output_index": int}
EVENTS: dict[str, dict[str, type]] = {
    "response.created": {"response": dict},
    "response.in_progress": {"response": dict},
    "response.completed": {"response": dict},
    "response.output_item.added": {"output_index": int, "item": dict},
    "response.output_item.done": {"output_index": int, "item": dict},
    "response.content_part.added": {**_TEXT, "part": dict},
    "response.content_part.done": {**_TEXT, "part": dict},
    "response.output_text.delta": {**_TEXT, "delta": str, "logprobs": list},
    "response.output_text.done": {**_TEXT, "text": str, "logprobs": list},
    "response.function_call_arguments.delta": {**_CALL, "delta": str},
    "response.function_call_arguments.done": {**_CALL, "arguments": str},
}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Tells the weather of a place.",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
}
DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def _says(role: str, content: Any) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": content}


# By the names of the public cases: what is asked, and the kind of item that comes.
CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "basic-response": ([_says("user", "Greet me in three words.")], "message"),
    "system-prompt": (
        [_says("system", "You are a sailor."), _says("user", "Greet me.")],
        "message",
    ),
    "tool-calling": ([_says("user", "How is the weather in Oslo?")], "function_call"),
    "image-input": (
        [
            _says(
                "user",
                [
                    {"type": "input_text", "text": "What is in the picture?"},
                    {"type": "input_image", "image_url": DOT},
                ],
            )
        ],
        "message",
    ),
    "multi-turn": (
        [
            _says("user", "I am called Ada."),
            _says("assistant", "Good to meet you, Ada."),
            _says("user", "What am I called?"),
        ],
        "message",
    ),
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway with a deployment and an agent."""

    def say(turn: SeenTurn) -> Any:
        calls = "weather" in turn.last_user_text
        return ToolCalls(("get_weather", {"location": "Oslo"})) if calls else "Ahoy, dear Ada!"

    with Emulator(seed=7) as foundry, foundry.serve() as served:
        foundry.deploy("dep", say)
        agent = foundry.create_agent("sailor", say, tools=[WEATHER])
        where = {"resource": served.resource, "project": served.endpoint}
        with running(CONFIG.format(agent=agent.model, **where)) as front:
            yield front


def ask(gateway: Gateway, model: str, case: str, **more: Any) -> httpx.Response:
    """Send a case; an agent has its functions, and refuses any others."""
    tools = {"tools": [WEATHER]} if case == "tool-calling" and model == "deployment" else {}
    body = {"model": model, "input": CASES[case][0], **tools, **more}
    return gateway.http.post("/v1/responses", json=body)


def check_response(
    data: dict[str, Any], kind: str, left_out: Collection[str] = (), empty: Collection[str] = ()
) -> None:
    """Compare a finished response with the schema."""
    assert {*left_out} == FIELDS.keys() - data.keys()
    wrong = {name: data[name] for name in FIELDS.keys() & data.keys() if not _fits(name, data)}
    assert dict.fromkeys(empty) == wrong
    assert ("response", "completed") == (data["object"], data["status"])
    assert [kind] == [item["type"] for item in data["output"]]
    for item in data["output"]:
        _check(item, ITEMS[item["type"]])
    usage = data["usage"]
    assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]
    assert {"cached_tokens"} <= usage["input_tokens_details"].keys()
    assert {"reasoning_tokens"} <= usage["output_tokens_details"].keys()


def _fits(name: str, data: dict[str, Any]) -> bool:
    return isinstance(data[name], FIELDS[name])


def _check(data: dict[str, Any], fields: dict[str, type]) -> None:
    assert {} == {
        name: data.get(name) for name, kind in fields.items() if not _is(data, name, kind)
    }


def _is(data: dict[str, Any], name: str, kind: type) -> bool:
    return isinstance(data.get(name), kind)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", MODELS)
def test_a_case_whole(gateway: Gateway, model: str, case: str) -> None:
    """The schema of a response, and the item that was asked for."""
    answer = ask(gateway, model, case, stream=False)
    assert 200 == answer.status_code, answer.text
    left_out = LEFT_OUT if model == "agent" else ()
    check_response(answer.json(), CASES[case][1], left_out)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("model", MODELS)
def test_a_case_streamed(gateway: Gateway, model: str, case: str) -> None:
    """streaming-response and tool-calling-streaming: each event's schema, then the response."""
    events = events_of(ask(gateway, model, case, stream=True))
    kind = CASES[case][1]
    for name, event in events:
        assert name == event["type"]
        _check(event, EVENTS[name])
    assert list(range(len(events))) == [event["sequence_number"] for _, event in events]
    names = [name for name, _ in events]
    assert ("response.created", "response.completed") == (names[0], names[-1])
    added = [event["item"]["type"] for name, event in events if name.endswith("item.added")]
    done = [event["item"]["type"] for name, event in events if name.endswith("item.done")]
    assert ([kind], [kind]) == (added, done)
    part = "function_call_arguments" if kind == "function_call" else "output_text"
    assert {f"response.{part}.delta", f"response.{part}.done"} <= {*names}
    # Recorded: agents stream no choice of tools where the request makes none.
    empty = ("tool_choice",) if model == "agent" else ()
    check_response(events[-1][1]["response"], kind, empty=empty)


def events_of(answer: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """Name and data of each event."""
    assert 200 == answer.status_code, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [one.split("\n") for one in answer.text.replace("\r", "").split("\n\n") if one]
    return [
        (lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: ")))
        for lines in blocks
    ]


def test_an_agent_refuses_functions_that_it_does_not_have(gateway: Gateway) -> None:
    """Here the public case of tools differs: the service's own words come back."""
    body = {"model": "agent", "input": "Hi", "tools": [WEATHER]}
    answer = gateway.http.post("/v1/responses", json=body)
    assert (400, "tools") == (answer.status_code, answer.json()["error"]["param"])
