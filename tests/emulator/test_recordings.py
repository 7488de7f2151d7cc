"""The emulator's answers have the shape of the recorded ones, request by request.

Each recording is replayed: the recorded requests are sent with the emulator's ids in place of
the recorded ones, agents are scripted to say what they said then, and every answer is compared
by status, keys, types and order of events.
"""

from __future__ import annotations

import json
import re
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Rules, Text, ToolCalls

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SCOPE = "https://ai.azure.com/.default"

REPLAYED = [
    "classic/cancel_run",
    "classic/create_stream",
    "classic/create_thread_and_run",
    "classic/error_thread_not_found",
    "classic/list_messages",
    "classic/submit_tool_outputs_to_run",
    "classic/submit_tool_outputs_to_stream",
    "v2/agents_crud",
    "v2/conversation_items_crud",
    "v2/conversation_operations_404",
    "v2/error_403_preview_feature_required",
    "v2/error_404_unknown_agent",
    "v2/function_tool",
    "v2/function_tool_stream",
    "v2/prompt_text_conversation",
    "v2/prompt_text_stream",
]

# Where a recording and the emulator may differ, and why.
TOLERATED = (
    r"/content_filters",  # filters were listed in several orders and numbers
    r"/reasoning/summary$",
)

ID = re.compile(r"^(asst|thread|msg|run|step|call|resp|conv|fc|fco|rs|assistant|vs)[_-]\w{8,}$")


def load(name: str) -> dict[str, Any]:
    """A recording, or a skip with the reason."""
    path = RECORDINGS / f"{name}.json"
    if not path.exists():
        pytest.skip(f"no recordings: {RECORDINGS} is not here")
    return json.loads(path.read_text())


def read_events(text: str) -> list[tuple[str, Any]]:
    """Events of a stream."""
    found = []
    for block in filter(None, text.split("\n\n")):
        event, data = block.split("\n")
        value = data.removeprefix("data: ")
        parsed = value if value == "[DONE]" else json.loads(value)
        found.append((event.removeprefix("event: "), parsed))
    return found


def compare(recorded: Any, emulated: Any, at: str = "") -> list[str]:
    """Differences in keys and types; values are the emulator's own business."""
    if any(re.search(pattern, at) for pattern in TOLERATED):
        return []
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        missing = [f"{at}/{key} is missing" for key in recorded if key not in emulated]
        extra = [f"{at}/{key} is extra" for key in emulated if key not in recorded]
        inner = (
            difference
            for key in recorded
            if key in emulated
            for difference in compare(recorded[key], emulated[key], f"{at}/{key}")
        )
        return [*missing, *extra, *inner]
    if isinstance(recorded, list) and isinstance(emulated, list):
        if len(recorded) != len(emulated):
            return [f"{at} has {len(emulated)} elements, recorded {len(recorded)}"]
        pairs = enumerate(zip(recorded, emulated, strict=True))
        return [
            difference
            for index, (one, other) in pairs
            for difference in compare(one, other, f"{at}/{index}")
        ]
    kinds = [_kind(recorded), _kind(emulated)]
    return [] if kinds[0] == kinds[1] else [f"{at} is {kinds[1]}, recorded {kinds[0]}"]


def _kind(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


class Replay:
    """Sends recorded requests, translating ids as they become known."""

    def __init__(self, recording: dict[str, Any]) -> None:
        self.entries = recording["entries"]
        self.foundry = Emulator(
            seed=11, reply=script(self.entries), rules=Rules(linger=0, deployments=set(MODELS))
        )
        token = self.foundry.credential.get_token(SCOPE).token
        self.http = httpx.Client(
            transport=self.foundry.transport,
            base_url=self.foundry.endpoint,
            headers={"authorization": f"Bearer {token}"},
        )
        self.ids: dict[str, str] = {}
        for _ in range(2):  # the project of v2/conversation_operations_404 was not empty
            self.http.post("/openai/v1/conversations", json={})

    def run(self) -> list[str]:
        """All differences of the scenario."""
        found = []
        for number, entry in enumerate(self.entries):
            answer = self.send(entry["request"], entry["response"])
            place = f"{number} {entry['request']['path']}"
            found += [f"{place}: {one}" for one in self.check(entry["response"], answer)]
        return found

    def send(self, request: dict[str, Any], recorded: dict[str, Any]) -> httpx.Response:
        wanted = (recorded.get("body") or {}).get("status")
        for _ in range(4):
            answer = self._send_once(request)
            is_poll = request["method"] == "GET" and wanted
            if not is_poll or answer.json().get("status") == wanted:
                break
        return answer

    def _send_once(self, request: dict[str, Any]) -> httpx.Response:
        body = request.get("body")
        return self.http.request(
            request["method"],
            self.translate(request["path"]),
            params={k: self.translate(v) for k, v in (request.get("query") or {}).items()},
            json=None if body is None else json.loads(self.translate(json.dumps(body))),
            headers=request.get("headers") or {},
        )

    def translate(self, text: str) -> str:
        for old, new in self.ids.items():
            text = text.replace(old, new)
        return text

    def check(self, recorded: dict[str, Any], answer: httpx.Response) -> list[str]:
        if answer.status_code != recorded["status"]:
            return [f"status {answer.status_code}: {answer.text}"]
        expected, given = recorded["headers"]["content-type"], answer.headers["content-type"]
        if expected.split(";")[0] != given.split(";")[0]:
            return [f"content type {given}"]
        missing = [
            f"header {name} is missing"
            for name in ("apim-request-id", "x-request-id", "x-ms-region")
            if name in recorded["headers"] and name not in answer.headers
        ]
        if "sse" in recorded:
            return missing + self.check_events(recorded["sse"], answer.text)
        self.learn(recorded["body"], answer.json())
        return missing + compare(recorded["body"], answer.json())

    def check_events(self, recorded: str, emulated: str) -> list[str]:
        old, new = read_events(recorded), read_events(emulated)
        self.learn([data for _, data in squeeze(old)], [data for _, data in squeeze(new)])
        names = [name for name, _ in squeeze(old)], [name for name, _ in squeeze(new)]
        if names[0] != names[1]:
            return [f"events {names[1]}, recorded {names[0]}"]
        pairs = zip(squeeze(old), squeeze(new), strict=True)
        return [
            f"{name}: {difference}"
            for (name, one), (_, other) in pairs
            for difference in compare(one, other)
        ]

    def learn(self, recorded: Any, emulated: Any) -> None:
        """Note which id of ours stands for which recorded one."""
        if isinstance(recorded, dict) and isinstance(emulated, dict):
            if recorded.get("object") == "agent.version":  # numbers went on from earlier tests
                old, new = f"/versions/{recorded['version']}", f"/versions/{emulated['version']}"
                self.ids.setdefault(old, new)
            for key in recorded.keys() & emulated.keys():
                self.learn(recorded[key], emulated[key])
        elif isinstance(recorded, list) and isinstance(emulated, list):
            for one, other in zip(recorded, emulated, strict=False):
                self.learn(one, other)
        elif isinstance(recorded, str) and ID.match(recorded) and isinstance(emulated, str):
            self.ids.setdefault(recorded, emulated)
            if recorded.startswith("run_"):
                self.ids["Sanitized"] = emulated  # the recorder did this to run ids in paths


def squeeze(events: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The first of every series of equal events: how a text is cut is up to the model."""
    return [next(group) for _, group in groupby(events, key=lambda event: event[0])]


MODELS = ("sanitized-model-deployment-name", "gpt-5-mini")


def script(entries: list[dict[str, Any]]) -> list[Any]:
    """What the agents of a recording answered, in order."""
    starts = [number for number, entry in enumerate(entries) if is_turn(entry["request"])]
    answers = (entries[start:end] for start, end in pairwise([*starts, len(entries)]))
    return [reply_of([entry["response"] for entry in answer]) for answer in answers] or ["unused"]


def is_turn(request: dict[str, Any]) -> bool:
    """Whether a request lets an agent answer."""
    path = request["path"]
    return request["method"] == "POST" and path.endswith(
        ("/responses", "/runs", "/submit_tool_outputs")
    )


def reply_of(responses: list[dict[str, Any]]) -> Any:
    """One turn's reply, from its own answer or from what polling found."""
    for response in responses:
        if "sse" in response:
            return from_events(read_events(response["sse"]))
        body = response.get("body") or {}
        if body.get("output"):
            return from_output(body["output"])
        if body.get("required_action"):
            return from_action(body["required_action"])
    return "It is half past twelve."


def from_events(events: list[tuple[str, Any]]) -> Any:
    """The reply behind a stream."""
    for name, data in reversed(events):
        if name == "response.completed":
            return from_output(data["response"]["output"])
        if name == "thread.message.completed":
            return Text(data["content"][0]["text"]["value"])
        if name == "thread.run.requires_action":
            return from_action(data["required_action"])
    raise AssertionError(events)


def from_output(output: list[Any]) -> Any:
    """The reply behind output items."""
    parts = []
    for item in output:
        if item["type"] == "message":
            parts.append(Text(item["content"][0]["text"]))
        elif item["type"] == "function_call":
            parts.append(ToolCalls((item["name"], item["arguments"], item["call_id"])))
    return parts


def from_action(action: dict[str, Any]) -> Any:
    """The reply behind a required action."""
    calls = action["submit_tool_outputs"]["tool_calls"]
    made = ((c["function"]["name"], c["function"]["arguments"], c["id"]) for c in calls)
    return ToolCalls(*made)


@pytest.mark.parametrize("name", REPLAYED)
def test_answers_have_the_recorded_shape(name: Any) -> None:
    """Status, headers, keys, types and order of events are those of the recording."""
    assert Replay(load(name)).run() == []
