"""Claude in the emulator on the wire: sign-in, refusals, thinking with signatures, streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from replay import read_events

from azure_agents.emulator import (
    Emulator,
    Failed,
    Incomplete,
    Parts,
    Reasoning,
    Refusal,
    Text,
    ToolCalls,
)

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"name": "get_weather", "input_schema": {"type": "object", "properties": {}}}
CALLING = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}],
}
RESULT = {
    "role": "user",
    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18 C"}],
}
THINKING = {"type": "enabled", "budget_tokens": 1024}


class Claude:
    """Sends requests to the deployment ``claude`` of one emulator."""

    def __init__(self, foundry: Emulator) -> None:
        self.foundry = foundry
        self.deployed = foundry.deploy("claude", "Hello there!", model="claude-sonnet-4-5-20250929")
        self.http = httpx.Client(transport=foundry.transport, base_url=foundry.resource)

    def post(self, fields: dict[str, Any], path: str = "", **headers: str) -> httpx.Response:
        """Ask; fields that are None are left out."""
        body = {"model": "claude", "max_tokens": 2000, "messages": HELLO, **fields}
        signed = {"x_api_key": self.foundry.api_key, "anthropic_version": "2023-06-01", **headers}
        return self.http.post(
            f"/anthropic/v1/messages{path}",
            json={name: value for name, value in body.items() if value is not None},
            headers={name.replace("_", "-"): value for name, value in signed.items() if value},
        )

    def events(self, **fields: Any) -> list[tuple[str, Any]]:
        """The events of a stream."""
        answer = self.post({"stream": True, **fields})
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"], answer.text
        return read_events(answer.text)


@pytest.fixture
def claude(foundry: Emulator) -> Iterator[Claude]:
    """A deployment of Claude that says hello."""
    made = Claude(foundry)
    with made.http:
        yield made


def test_a_message_has_two_ids_of_its_request(claude: Claude) -> None:
    """Anthropic's and the gateway's, as documented, and no limits of Anthropic's."""
    answer = claude.post({"system": "Be brief."})
    assert [{"type": "text", "text": "Hello there!"}] == answer.json()["content"]
    named = {name for name in answer.headers if name.endswith("request-id")}
    assert {"request-id", "apim-request-id"} == named
    seen = claude.foundry.seen_by(answer.json()["id"])
    assert ("messages", "Be brief.", "Hello") == (
        seen.generation,
        seen.instructions,
        seen.last_user_text,
    )


@pytest.mark.parametrize(
    ("header", "status"), [("x-api-key", 200), ("api-key", 200), ("authorization", 200), ("", 401)]
)
def test_a_key_comes_in_any_header(claude: Claude, header: str, status: int) -> None:
    """And without one there is no answer; no log shows it."""
    key = claude.foundry.api_key
    value = f"Bearer {key}" if header == "authorization" else key
    given = {"x_api_key": "", header.replace("-", "_"): value} if header else {"x_api_key": ""}
    assert status == claude.post({}, **given).status_code
    assert key not in str(claude.foundry.requests[-1].headers)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"max_tokens": None}, "max_tokens: Field required"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"model": None}, "model: Field required"),
    ({"messages": []}, "messages: at least one message is required"),
    ({"messages": [{"role": "system", "content": "s"}]}, 'messages: Unexpected role "system"'),
    ({"messages": [{"role": "user", "content": ""}]}, "messages.0: all messages must have"),
    ({"messages": [{"role": "assistant", "content": "hi"}]}, "messages: first message must use"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        "messages.0.content.0: text content blocks must be non-empty",
    ),
    ({"messages": [*HELLO, RESULT]}, "messages.1: unexpected `tool_use_id` found"),
    ({"messages": [*HELLO, CALLING, *HELLO]}, "messages.1: `tool_use` ids were found without"),
    ({"messages": [*HELLO, CALLING]}, "messages.1: `tool_use` ids were found without"),
    ({"novelty": 1}, "novelty: Extra inputs are not permitted"),
    ({"temperature": 1.5}, "temperature: range: 0..1"),
    ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "thinking.enabled.budget_tokens"),
    ({"thinking": THINKING, "max_tokens": 1024}, "`max_tokens` must be greater than"),
    ({"thinking": THINKING, "temperature": 0.5}, "`temperature` may only be set to 1"),
    ({"system": 7}, "system: Input should be a valid list"),
    ({"system": [{"type": "image"}]}, "system.0: Input tag 'image' does not match"),
    ({"thinking": "on"}, "thinking: Input should be a valid dictionary"),
    ({"tools": {}}, "tools: Input should be a valid list"),
    ({"tools": [WEATHER], "tool_choice": "auto"}, "tool_choice: Input should be a valid dict"),
    ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
    ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, "tools.0: server tools"),
    ({"tool_choice": {"type": "auto"}}, "tool_choice: may only be specified while"),
    ({"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "b"}}, "Tool 'b' not found"),
]


@pytest.mark.parametrize(("fields", "sentence"), REFUSED)
def test_a_malformed_request_is_refused(
    claude: Claude, fields: dict[str, Any], sentence: str
) -> None:
    """In Anthropic's envelope, whose id is in the headers too; the deployment is not asked."""
    answer = claude.post(fields)
    error = answer.json()
    assert (400, "invalid_request_error") == (answer.status_code, error["error"]["type"])
    assert error["error"]["message"].startswith(sentence)
    assert answer.headers["request-id"] == error["request_id"]
    assert [] == claude.foundry.seen


@pytest.mark.parametrize(("first", "status"), [(HELLO, 200), ([], 400)])
def test_a_beta_lets_a_system_message_stand_behind_another(
    claude: Claude, first: list[Any], status: int
) -> None:
    """Claude Code sends some; none may be the first."""
    turns = [*first, {"role": "system", "content": "The user is in plan mode."}]
    beta = "effort-2025-11-24,mid-conversation-system-2026-04-07"
    assert status == claude.post({"messages": turns}, anthropic_beta=beta).status_code


def test_the_version_of_the_api_is_needed(claude: Claude) -> None:
    """Its header has no default."""
    error = claude.post({}, anthropic_version="").json()["error"]
    assert "anthropic-version: header is required" == error["message"]


def test_another_path_and_another_model_are_refused(claude: Claude) -> None:
    """Each in its own envelope."""
    assert "api_not_supported" == claude.post({}, "/batches").json()["error"]["code"]
    assert "DeploymentNotFound" == claude.post({"model": "none"}).json()["error"]["code"]
    claude.foundry.deploy("gpt")
    assert "OperationNotSupported" == claude.post({"model": "gpt"}).json()["error"]["code"]


def test_tokens_are_counted(claude: Claude) -> None:
    """As many as the message then has, and without a limit of the answer."""
    counted = claude.post({"max_tokens": None}, "/count_tokens").json()
    assert counted == {"input_tokens": claude.post({}).json()["usage"]["input_tokens"]}


def test_a_thought_goes_up_again_with_its_signature(claude: Claude) -> None:
    """A thought with another signature, or another thought, is refused."""
    claude.deployed.script(Parts(Reasoning("2 and 2", 7), "4"))
    answer = claude.post({"thinking": THINKING}).json()
    thought = answer["content"][0]
    assert ("thinking", "2 and 2") == (thought["type"], thought["thinking"])
    assert {"thinking_tokens": 7} == answer["usage"]["output_tokens_details"]
    turn = {"role": "assistant", "content": answer["content"]}
    again = {"thinking": THINKING, "messages": [*HELLO, turn, *HELLO]}
    assert 200 == claude.post(again).status_code
    for change in ({"signature": "other"}, {"thinking": "2 and 3"}):
        turn["content"] = [{**thought, **change}, *answer["content"][1:]]
        assert "Invalid `signature`" in claude.post(again).text


def test_thoughts_are_silent_unless_asked_for(claude: Claude) -> None:
    """Then only the text comes."""
    claude.deployed.script(Parts(Reasoning("2 and 2", 7), "4"))
    assert ["text"] == [block["type"] for block in claude.post({}).json()["content"]]


def test_events_come_in_order(claude: Claude) -> None:
    """A thought with its signature last, a text, a call whose first piece is empty."""
    calls = ToolCalls(("get_weather", {"city": "Paris"}), ("get_weather", {}))
    claude.deployed.script(Parts(Reasoning("hmm", 3), Text(deltas=["a", "b"]), calls))
    events = claude.events(thinking=THINKING, tools=[WEATHER])
    assert ["message_start", "content_block_start", "ping"] == [name for name, _ in events[:3]]
    assert ["message_delta", "message_stop"] == [name for name, _ in events[-2:]]
    starts = [data["content_block"] for name, data in events if name == "content_block_start"]
    assert ["thinking", "text", "tool_use", "tool_use"] == [block["type"] for block in starts]
    assert ["", "", {}, {}] == [
        block.get("thinking", block.get("text", block.get("input"))) for block in starts
    ]
    deltas = [
        (data["index"], data["delta"]) for name, data in events if name == "content_block_delta"
    ]
    assert ["thinking_delta", "signature_delta"] == [d["type"] for index, d in deltas if index == 0]
    assert ["a", "b"] == [delta["text"] for index, delta in deltas if index == 1]
    pieces = [delta["partial_json"] for index, delta in deltas if index == 2]
    assert ("", '{"city":"Paris"}') == (pieces[0], "".join(pieces))
    assert [""] == [delta["partial_json"] for index, delta in deltas if index == 3]
    assert "tool_use" == events[-2][1]["delta"]["stop_reason"]


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("hi", "end_turn"),
        (Incomplete("max_output_tokens", "so f"), "max_tokens"),
        (Incomplete("content_filter"), "refusal"),
        (Refusal("No."), "refusal"),
        (ToolCalls(("get_weather",)), "tool_use"),
    ],
)
def test_answers_end_as_scripts_say(claude: Claude, reply: Any, reason: str) -> None:
    """Whole and streamed."""
    claude.deployed.script(reply)
    assert reason == claude.post({}).json()["stop_reason"]
    assert reason == claude.events()[-2][1]["delta"]["stop_reason"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("content_filter", 400, "invalid_request_error"),
        ("rate_limit_exceeded", 429, "rate_limit_error"),
        ("overloaded_error", 529, "overloaded_error"),
        ("server_error", 500, "api_error"),
    ],
)
def test_a_call_that_fails_has_a_status(
    claude: Claude, *, streamed: bool, code: str, status: int, kind: str
) -> None:
    """Also where a stream was asked for."""
    claude.deployed.script(Failed(code))
    answer = claude.post({"stream": streamed})
    assert (status, kind) == (answer.status_code, answer.json()["error"]["type"])


def test_a_stream_that_fails_later_tells_it_in_an_event(claude: Claude) -> None:
    """As Anthropic's do when they are overloaded."""
    claude.deployed.script(Failed("overloaded_error", "Overloaded", text="so far"))
    name, data = claude.events()[-1]
    expected = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert ("error", expected) == (name, data)


def test_a_limit_is_refused_in_anthropics_envelope(claude: Claude) -> None:
    """With the seconds to wait."""
    claude.foundry.deploy("claude", model="claude-haiku-4-5-20251001", rpm=1)
    answers = [claude.post({}) for _ in range(2)]
    assert [200, 429] == [answer.status_code for answer in answers]
    assert ("60", "rate_limit_error") == (
        answers[1].headers["retry-after"],
        answers[1].json()["error"]["type"],
    )


def test_the_history_is_what_claude_sees(claude: Claude) -> None:
    """Results of tools are messages of their own, before the text of their turn."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
    results = {"role": "user", "content": [*RESULT["content"], {"type": "text", "text": "So?"}]}  # type: ignore[misc]
    first = {"role": "user", "content": [{"type": "text", "text": "Look"}, image]}
    claude.post({"messages": [first, CALLING, results], "tools": [WEATHER]})
    seen = claude.foundry.seen[-1]
    assert ["user", "assistant", "tool", "user"] == [message.role for message in seen.messages]
    assert "data:image/png;base64,AA" == seen.messages[0].media[0].reference
    assert ("18 C", "toolu_1") == (seen.messages[2].text, seen.messages[2].tool_call_id)
    assert ["get_weather"] == [tool.name for tool in seen.tools]


def test_a_prompt_longer_than_the_window_is_refused(claude: Claude) -> None:
    """With both numbers, and no use in trying again."""
    answer = claude.post({"messages": [{"role": "user", "content": "word " * 200_001}]})
    assert (400, "false") == (answer.status_code, answer.headers["x-should-retry"])
    message = answer.json()["error"]["message"]
    assert message.startswith("prompt is too long: 200")
    assert message.endswith(" > 200000 maximum")
