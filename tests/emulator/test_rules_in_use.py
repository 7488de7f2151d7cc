"""Tokens, quotas and expiry; lists and deletions."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator, Failed, Rules, ToolCalls


@pytest.mark.parametrize("header", [None, "Bearer garbage", "Basic x", "Bearer "])
def test_bad_tokens_are_refused_in_their_own_envelope(wire: Any, header: Any) -> None:
    """API management answers without an `error` key."""
    headers = {} if header is None else {"authorization": header}
    answer = wire.http.get("/agents", params={"api-version": "v1"}, headers=headers)
    assert 401 == answer.status_code
    assert {
        "statusCode": 401,
        "message": "Unauthorized. Access token is missing, invalid, audience is incorrect "
        "(https://ai.azure.com/), or have expired.",
    } == answer.json()


def test_a_token_for_another_audience_is_refused(foundry: Emulator, wire: Any) -> None:
    """The credential hands it out, the service does not take it."""
    wire.token = foundry.credential.get_token("https://cognitiveservices.azure.com/.default").token
    assert 401 == wire.request("GET", "/agents").status_code
    assert ("https://cognitiveservices.azure.com/.default",) == foundry.token_scopes[-1]


def test_tokens_expire(foundry: Emulator, wire: Any) -> None:
    """A token lives an hour on the clock, or until it is revoked."""
    foundry.clock.advance(3599)
    assert 200 == wire.request("GET", "/agents").status_code
    foundry.clock.advance(1)
    assert 401 == wire.request("GET", "/agents").status_code
    wire.sign_in()
    foundry.revoke_tokens()
    assert 401 == wire.request("GET", "/agents").status_code


@pytest.mark.parametrize(
    ("path", "status"), [("/agents?api-version=v1", 200), ("/threads?api-version=v1", 401)]
)
def test_keys_work_on_v2_only(foundry: Emulator, wire: Any, path: Any, status: Any) -> None:
    """An api-key header works on v2 and not on classic."""
    assert wire.http.get(path, headers={"api-key": foundry.api_key}).status_code == status


def test_paused_runs_expire(foundry: Emulator, wire: Any) -> None:
    """Ten hours after it started, a paused run is over."""
    agent = foundry.create_agent("a", ToolCalls(("f", {}, "call_1")), generation="classic")
    thread = wire.start_thread("hi")
    run = wire.post(f"/threads/{thread}/runs", {"assistant_id": agent.id})["id"]
    paused = wire.finish(thread, run)
    assert paused["expires_at"] == paused["started_at"] + 36_000
    foundry.clock.advance(36_000)
    wire.sign_in()
    assert "expired" == wire.get(f"/threads/{thread}/runs/{run}")["status"]
    late = {"tool_outputs": [{"tool_call_id": "call_1", "output": ""}]}
    answer = wire.request("POST", f"/threads/{thread}/runs/{run}/submit_tool_outputs", late)
    assert ('Runs in status "expired" do not accept tool outputs.') == answer.json()["error"][
        "message"
    ]
    wire.post(f"/threads/{thread}/messages", {"role": "user", "content": "still there?"})


def test_an_exceeded_quota_fails_the_run(foundry: Emulator, wire: Any) -> None:
    """HTTP is fine, the run is not."""
    agent = foundry.create_agent("a", Failed("rate_limit_exceeded", "Wait."), generation="classic")
    thread = wire.start_thread("hi")
    run = wire.post(f"/threads/{thread}/runs", {"assistant_id": agent.id})["id"]
    ended = wire.finish(thread, run)
    assert "failed" == ended["status"]
    assert {"code": "rate_limit_exceeded", "message": "Wait."} == ended["last_error"]


def test_lists_are_paged_newest_first(wire: Any) -> None:
    """Twenty at a time unless asked otherwise, in both directions."""
    thread = wire.start_thread(*(f"{number}" for number in range(25)))
    path = f"/threads/{thread}/messages"

    def texts(page: Any) -> list[str]:
        return [message["content"][0]["text"]["value"] for message in page["data"]]

    first = wire.get(path)
    assert (20, True, "24") == (len(first["data"]), first["has_more"], texts(first)[0])
    second = wire.get(path, after=first["last_id"])
    assert (["4", "3", "2", "1", "0"], False) == (texts(second), second["has_more"])
    assert ["0", "1"] == texts(wire.get(path, order="asc", limit="2"))


def test_deleting_an_item_answers_with_the_conversation(wire: Any) -> None:
    """There is no deletion record."""
    items = [{"role": "user", "content": "hi"}]
    conversation = wire.post("/openai/v1/conversations", {"items": items})
    path = f"/openai/v1/conversations/{conversation['id']}/items"
    item = wire.get(path)["data"][0]["id"]
    assert wire.request("DELETE", f"{path}/{item}").json() == conversation
    assert {"data": [], "has_more": False, "object": "list"} == wire.get(path)


REQUEST = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "n"}
DECISION = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
UNPROVEN: list[tuple[str, str, dict[str, Any]]] = [
    ("metadata", "my-agent", {"metadata": {"a": "b"}}),
    ("agent_reference.version", "my-agent:1", {}),
    ("mcp_approval_request", "my-agent", {"input": [REQUEST | {"arguments": "{}"}, DECISION]}),
]


@pytest.mark.parametrize(("name", "agent", "fields"), UNPROVEN)
def test_rules_refuse_what_no_recording_shows(
    make_wire: Any, name: str, agent: str, fields: dict[str, Any]
) -> None:
    """Accepted by default: so a client is tested against both."""
    for refused, status in ((frozenset[str](), 200), (frozenset({name}), 400)):
        with Emulator(rules=Rules(refused=refused)) as foundry:
            foundry.create_agent("my-agent")
            wire = make_wire(foundry)
            body = wire.turn(agent, "hi") | fields
            answer = wire.request("POST", "/openai/v1/responses", body)
            assert answer.status_code == status, answer.text
    assert answer.json()["error"] == {
        "message": f"Unknown parameter: '{name}'.",
        "type": "invalid_request_error",
        "param": name,
        "code": "unknown_parameter",
    }
