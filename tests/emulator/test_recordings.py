"""The emulator's answers have the shape of the recorded ones, request by request.

Each recording is replayed: the recorded requests are sent with the emulator's ids in place of
the recorded ones, agents are scripted to say what they said then, and every answer is compared
by status, keys, types and order of events.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.emulator import (
    CodeInterpreter,
    ConnectedAgent,
    Delayed,
    Emulator,
    FileSearch,
    Items,
    McpApproval,
    McpCall,
    McpTools,
    Rules,
    Text,
    ToolCalls,
    WebSearch,
    WorkflowAction,
)

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
SCOPE = "https://ai.azure.com/.default"

# Recorded on the preview routes, which the emulator does not serve.
PREVIEW = {"v2/function_tool_stream_preview_api"}

# Where a recording and the emulator may differ, and why.
TOLERATED = (
    r"/content_filters",  # filters were listed in several orders and numbers
)

ID = re.compile(
    r"^(asst|thread|msg|run|step|call|wfresp|resp|conv|fc|fco|rs|mcpr|assistant|vs)[_-]\w{8,}$"
)


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
        found: list[str] = []
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
        body, content = request.get("body"), None
        if isinstance(body, str):  # a multipart form; the recorder wrote its purpose in base64
            content = body.replace("b64:YXNzaXN0YW50cw==", "assistants").encode()
        elif body is not None:
            content = self.translate(json.dumps(body)).encode()
        kind = {} if content is None else {"content-type": "application/json"}
        path, query = request["path"], dict(request.get("query") or {})
        if path.startswith("/openai/") and query.get("api-version"):
            path = path.replace("/openai/", "/openai/v1/")  # the same call on today's route
            del query["api-version"]
        return self.http.request(
            request["method"],
            self.translate(path),
            params={key: self.translate(value) for key, value in query.items()},
            content=content,
            headers=kind | (request.get("headers") or {}),
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
            if recorded.startswith("vs_"):
                self.ids["vs_" + "0" * 24] = emulated  # and this to stores
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


def prepare_approved_call(replay: Replay) -> None:
    """What v2/mcp_approved_call left out: the agent, and the turn that asked for the approval."""
    asked = replay.entries[0]["request"]["body"]["input"][0]["approval_request_id"]
    approval = McpApproval("api-specs", "get_me", id=asked)
    replay.foundry.create_agent(
        "MyAgent7", [approval, *script(replay.entries)], tools=[{"type": "mcp"} | CONNECTED]
    )
    body = {"agent_reference": {"name": "MyAgent7"}, "input": "Who am I?"}
    made = replay.http.post("/openai/v1/responses", json=body).json()
    replay.ids[replay.entries[0]["request"]["body"]["previous_response_id"]] = made["id"]


CONNECTED = {
    "server_label": "",
    "server_url": "",
    "require_approval": "",
    "project_connection_id": "",
}


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
        if body.get("output"):  # as late as it was then
            late = sum((one.get("body") or {}).get("status") == "in_progress" for one in responses)
            return Delayed(max(0, late - 1), from_output(body["output"]))
        if body.get("required_action"):
            return from_action(body["required_action"])
    return "It is half past twelve."


def from_events(events: list[tuple[str, Any]]) -> Any:
    """The reply behind a stream."""
    parts: list[Any] = []
    for position, (name, data) in enumerate(events):
        if name == "response.completed":
            deltas = [d["delta"] for n, d in events if n == "response.output_text.delta"]
            return from_output(data["response"]["output"], deltas)
        if name == "thread.message.completed":
            text = data["content"][0]["text"]
            parts.append(Text(text["value"], citations=text["annotations"]))
        elif name == "thread.run.requires_action":
            return [*parts, from_action(data["required_action"])]
        elif name == "thread.run.step.completed" and position > 0:
            parts += from_step(data["step_details"])
        elif name == "thread.run.step.delta" and "output" in data_call(data):
            parts += approved_call(events[0][1], data_call(data))
    return parts


def data_call(data: Any) -> Any:
    """The tool call of a step delta, if it is the output of an approved call."""
    call = data["delta"]["step_details"]["tool_calls"][0]
    return call if call["type"] == "mcp" and "id" not in call else {}


def approved_call(step: Any, delta: Any) -> list[Any]:
    """The call that an approval allowed."""
    call = step["step_details"]["tool_calls"][0]
    return [McpCall(call["server_label"], call["name"], call["arguments"], delta["output"])]


def from_step(details: dict[str, Any]) -> list[Any]:
    """The part behind a finished step."""
    if details["type"] == "activities":
        activity = details["activities"][0]
        tools = [
            {"name": name, "description": tool["description"], "schema": tool["parameters"]}
            for name, tool in activity["tools"].items()
        ]
        return [McpTools(activity["server_label"], tuple(tools))]
    if details["type"] != "tool_calls":
        return []
    call = details["tool_calls"][0]
    inner = call[call["type"]]
    if call["type"] == "file_search":
        found = ({"file_id": r["file_id"], "filename": r["file_name"]} for r in inner["results"])
        return [FileSearch(results=tuple(found))]
    if call["type"] == "code_interpreter":
        return [CodeInterpreter(inner["input"])]
    if call["type"] == "bing_grounding":
        return [WebSearch("x")]
    return [ConnectedAgent(inner["name"], inner["arguments"], inner["output"])]


OURS = ("id", "agent_reference", "response_id")


def from_output(output: list[Any], deltas: list[str] | None = None) -> Any:
    """The reply behind output items; streams have one message at most."""
    parts: list[Any] = []
    for item in output:
        if item["type"] == "message" and not is_said_by_workflow(parts):
            content = item["content"][0]
            parts.append(Text(content["text"], deltas, content["annotations"]))
        elif item["type"] == "message":
            parts[-1] = replace(parts[-1], says=item["content"][0]["text"])
        elif item["type"] == "function_call":
            parts.append(ToolCalls((item["name"], item["arguments"], item["call_id"])))
        elif item["type"] == "workflow_action":
            parts.append(WorkflowAction(item["kind"], item["action_id"]))
        else:
            parts.append(Items([{k: v for k, v in item.items() if k not in OURS}]))
    return parts


def is_said_by_workflow(parts: list[Any]) -> bool:
    """Whether the last part is an action that says something."""
    return bool(parts) and isinstance(parts[-1], WorkflowAction)


def from_action(action: dict[str, Any]) -> Any:
    """The reply behind a required action."""
    calls = action[action["type"]]["tool_calls"]
    if action["type"] == "submit_tool_approval":
        return McpApproval(calls[0]["server_label"], calls[0]["name"], calls[0]["arguments"])
    made = ((c["function"]["name"], c["function"]["arguments"], c["id"]) for c in calls)
    return ToolCalls(*made)


NAMES = sorted(f"{path.parent.name}/{path.stem}" for path in RECORDINGS.glob("*/*.json"))


@pytest.mark.parametrize("name", sorted({*NAMES} - PREVIEW) or ["classic/create_stream"])
def test_answers_have_the_recorded_shape(name: Any) -> None:
    """Status, headers, keys, types and order of events are those of the recording."""
    replay = Replay(load(name))
    if name == "v2/mcp_approved_call":
        prepare_approved_call(replay)
    assert replay.run() == []
