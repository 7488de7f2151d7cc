"""v2 as it was in its preview, and as the types of the SDK say."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator, Rules

PREVIEW = "2025-11-15-preview"
OLD, NEW = "/openai/responses", "/openai/v1/responses"


@pytest.fixture
def old(make_wire: Any) -> Any:
    """A project in the preview, with one agent."""
    foundry = Emulator(seed=3, rules=Rules(era="preview"))
    foundry.create_agent("my-agent", "yes")
    return make_wire(foundry)


def turn(**fields: Any) -> dict[str, Any]:
    """The body of a turn in the preview."""
    return {"agent": {"type": "agent_reference", "name": "my-agent"}, "input": "hi", **fields}


def test_preview_clients_are_served(old: Any) -> None:
    """The agent is named in `agent`, in requests and answers; listed items say who made them."""
    answer = old.post(OLD, turn(), api_version=PREVIEW)
    named = {"type": "agent_id", "name": "my-agent", "version": "1"}
    assert (answer["agent"], "agent_reference" in answer) == (named, False)
    assert "created_by" not in answer["output"][0]
    conversation = old.post("/openai/conversations", api_version=PREVIEW)["id"]
    old.post(OLD, turn(conversation=conversation), api_version=PREVIEW)
    items = old.get(f"/openai/conversations/{conversation}/items", api_version=PREVIEW)["data"]
    assert [
        (True, "assistant"),
        (False, "user"),
    ] == [("created_by" in item, item["role"]) for item in items]


WRONG = [
    (f"POST {OLD}", "", 400, "Missing required query parameter: api-version"),
    (f"POST {OLD}", "v1", 404, "Resource not found"),
    (f"POST {NEW}", "", 404, "Resource not found"),
    (f"GET {OLD}/resp_x", PREVIEW, 400, "resp_x not found"),
]


@pytest.mark.parametrize(("request_line", "version", "status", "message"), WRONG)
def test_the_preview_refuses_todays_requests(
    old: Any, request_line: str, version: str, status: int, message: str
) -> None:
    """Its routes want their version, today's are not there; unknown responses are a 400."""
    method, path = request_line.split()
    answer = old.request(method, path, turn(), api_version=version)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)


def test_each_era_refuses_the_others_name_for_the_agent(
    old: Any, foundry: Emulator, wire: Any
) -> None:
    """`agent_reference` in the preview, and `agent` today, also on the old route."""
    foundry.create_agent("my-agent")
    early = old.request("POST", OLD, {"agent_reference": {}, "input": "x"}, api_version=PREVIEW)
    assert "agent_reference" == early.json()["error"]["param"]
    late = wire.request("POST", OLD, turn(), api_version=PREVIEW)
    assert "agent" == late.json()["error"]["param"]
    body = wire.turn("my-agent", "hi")
    assert "my-agent" == wire.post(OLD, body, api_version=PREVIEW)["agent_reference"]["name"]


def test_the_sdk_era_adds_what_the_sdk_requires(make_wire: Any) -> None:
    """Fields that recorded answers lack, for clients that validate strictly."""
    foundry = Emulator(rules=Rules(era="sdk"))
    agent = foundry.create_agent("my-agent")
    events = make_wire(foundry).stream(NEW, make_wire(foundry).turn(agent, "hi"))
    response = events[-1][1]["response"]
    assert "auto" == response["tool_choice"]
    assert {
        "cache_write_tokens": 0,
        "cached_tokens": 0,
    } == response["usage"]["input_tokens_details"]
