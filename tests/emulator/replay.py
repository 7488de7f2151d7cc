"""Replay a recording on the emulator: the same requests, to agents with the recorded answers.

The recorded requests are sent with the emulator's ids in place of the recorded ones; what agents
said then is read from the recorded answers and becomes their script.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

import httpx

from azure_agents.emulator import (
    CodeInterpreter,
    ComputerCall,
    ConnectedAgent,
    Delayed,
    Emulator,
    Fault,
    FileSearch,
    FoundryTool,
    GeneratedImage,
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

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPE = "https://ai.azure.com/.default"
MODELS = ("sanitized-model-deployment-name", "gpt-5-mini", "gpt-5.2")

ID = re.compile(
    r"^(asst|thread|msg|run|step|call|wfresp|caresp|resp|conv|fc|fco|rs|mcpr|assistant|vs|vsfb)"
    r"[_-]\w{8,}$"
)


def read_events(text: str) -> list[tuple[str, Any]]:
    """Read the events of a stream."""
    found = []
    for block in filter(None, text.split("\n\n")):
        event, data = block.split("\n")
        value = data.removeprefix("data: ")
        parsed = value if value == "[DONE]" else json.loads(value)
        found.append((event.removeprefix("event: "), parsed))
    return found


def series(events: list[tuple[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Join equal events in a row: a model cuts its text as it likes."""
    grouped = groupby(events, key=lambda event: event[0])
    return [(name, [data for _, data in group]) for name, group in grouped]


class Replay:
    """Sends recorded requests, translating ids as they become known."""

    def __init__(self, name: str, recording: dict[str, Any]) -> None:
        self.entries = recording["entries"]
        era = "preview" if any(map(_is_preview, self.entries)) else "ga"
        rules = Rules(polls_until_noticed=0, deployments=set(MODELS), era=era)
        self.foundry = Emulator(seed=11, reply=script(self.entries), rules=rules)
        token = self.foundry.credential.get_token(SCOPE).token
        self.http = httpx.Client(
            transport=self.foundry.transport,
            base_url=self.foundry.endpoint,
            headers={"authorization": f"Bearer {token}"},
            timeout=3600,  # some tools worked for minutes
        )
        self.ids: dict[str, str] = {}
        _PREPARED.get(name, lambda _: None)(self)

    def exchanges(self) -> Iterator[tuple[dict[str, Any], httpx.Response]]:
        """Send every request, and return each entry with the emulator's answer."""
        for entry in self.entries:
            answer = self._send(entry["request"], entry["response"])
            self._learn_from(entry["response"], answer)
            yield entry, answer

    def _send(self, request: dict[str, Any], recorded: dict[str, Any]) -> httpx.Response:
        wanted = (recorded.get("body") or {}).get("status")
        answer = self._send_once(request)
        for _ in range(3):  # a poll may come too early for the status that was recorded
            if request["method"] != "GET" or not wanted or answer.json().get("status") == wanted:
                break
            answer = self._send_once(request)
        return answer

    def _send_once(self, request: dict[str, Any]) -> httpx.Response:
        body, content = request.get("body"), None
        if isinstance(body, str):  # a multipart form; the recorder wrote its purpose in base64
            content = body.replace("b64:YXNzaXN0YW50cw==", "assistants").encode()
        elif body is not None:
            content = self.translate(json.dumps(body)).encode()
        kind = {} if content is None else {"content-type": "application/json"}
        query = request.get("query") or {}
        return self.http.request(
            request["method"],
            self.translate(request["path"]),
            params={key: self.translate(value) for key, value in query.items()},
            content=content,
            headers=kind | (request.get("headers") or {}),
        )

    def translate(self, text: str) -> str:
        """Replace recorded ids in a text by the emulator's."""
        for old, new in self.ids.items():
            text = text.replace(old, new)
        return text

    def _learn_from(self, recorded: dict[str, Any], answer: httpx.Response) -> None:
        if recorded["status"] >= 500:  # its sentence names the request
            self.ids[recorded["headers"]["x-request-id"]] = answer.headers["x-request-id"]
        if "sse" in recorded:
            old, new = series(read_events(recorded["sse"])), series(read_events(answer.text))
            self._learn([data[0] for _, data in old], [data[0] for _, data in new])
        else:
            self._learn(recorded["body"], answer.json())

    def _learn(self, recorded: Any, emulated: Any) -> None:
        """Remember which id of the emulator stands for which recorded one."""
        if isinstance(recorded, dict) and isinstance(emulated, dict):
            if recorded.get("object") == "agent.version":  # numbers went on from earlier tests
                old, new = f"/versions/{recorded['version']}", f"/versions/{emulated['version']}"
                self.ids.setdefault(old, new)
            for key in recorded.keys() & emulated.keys():
                self._learn(recorded[key], emulated[key])
        elif isinstance(recorded, list) and isinstance(emulated, list):
            for one, other in zip(recorded, emulated, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, str) and ID.match(recorded) and isinstance(emulated, str):
            self.ids.setdefault(recorded, emulated)
            if recorded.startswith("vs_"):
                self.ids["vs_" + "0" * 24] = emulated  # the recorder did this to stores in paths
            if recorded.startswith("run_"):
                self.ids["Sanitized"] = emulated  # and this to runs


def _is_preview(entry: dict[str, Any]) -> bool:
    path = entry["request"]["path"]
    return path.startswith("/openai/") and not path.startswith("/openai/v1/")


# --- what a recording takes for granted -----------------------------------------------------------


def _fill_the_project(replay: Replay) -> None:
    for _ in range(2):
        replay.http.post("/openai/v1/conversations", json={})


_CONNECTED = dict.fromkeys(
    ("server_label", "server_url", "require_approval", "project_connection_id"), ""
)


def _ask_for_approval(replay: Replay) -> None:
    """The recording begins after the agent was made and the approval was asked for."""
    asked = replay.entries[0]["request"]["body"]["input"][0]["approval_request_id"]
    approval = McpApproval("api-specs", "get_me", id=asked)
    replay.foundry.create_agent(
        "MyAgent7", [approval, *script(replay.entries)], tools=[{"type": "mcp"} | _CONNECTED]
    )
    body = {"agent_reference": {"name": "MyAgent7"}, "input": "Who am I?"}
    made = replay.http.post("/openai/v1/responses", json=body).json()
    replay.ids[replay.entries[0]["request"]["body"]["previous_response_id"]] = made["id"]


def _make_first_version(name: str) -> Any:
    return lambda replay: replay.foundry.create_agent(name)


def _find_assistant_and_thread(replay: Replay) -> None:
    """The recording begins after both were made."""
    recorded = replay.entries[1]["response"]
    run = read_events(recorded["sse"])[0][1]
    tools, instructions = run["tools"], run["instructions"]
    agent = replay.foundry.create_agent(
        "agent",
        script(replay.entries),
        generation="classic",
        tools=tools,
        instructions=instructions,
    )
    version = {"api-version": "2025-05-15-preview"}
    thread = replay.http.post("/threads", json={}, params=version).json()["id"]
    replay.ids |= {run["assistant_id"]: agent.id, run["thread_id"]: thread}


def _host(replay: Replay) -> None:
    body = replay.entries[0]["request"]["body"]
    hosted = {"kind": "hosted"}
    path = "/agents/sanitized-hosted-agent-name"
    replay.foundry.create_agent(path[8:], script(replay.entries), definition=hosted)
    session = {"agent_session_id": body["agent_session_id"]}
    replay.http.post(f"{path}/endpoint/sessions", json=session, params={"api-version": "v1"})


def _publish(replay: Replay) -> None:
    agent = replay.foundry.create_agent("ForPublih", script(replay.entries), instructions=None)
    replay.foundry.publish(agent)


def _fail_three_times(replay: Replay) -> None:
    replay.foundry.faults.add(Fault("status_before", path="/responses$", status=500, times=3))


def _search_once(replay: Replay) -> None:
    """The recording only reads what was done before it began."""
    answer = replay.entries[0]["response"]["body"]["data"][0]
    name = answer["agent_reference"]["name"]
    reply, instructions = _from_output(answer["output"]), answer["instructions"]
    tools = answer["tools"]
    replay.foundry.create_agent(name, [reply], tools=tools, instructions=instructions)
    body = {"agent_reference": {"name": name}, "input": "What is new?"}
    replay.http.post("/openai/v1/responses", json=body)


_PREPARED: dict[str, Any] = {
    "classic/openapi_streaming": _find_assistant_and_thread,
    "v2/hosted_agent_endpoint": _host,
    "v2/published_application": _publish,
    "v2/error_500_azure_function": _fail_three_times,
    "v2/responses_list": _search_once,
    "v2/conversation_operations_404": _fill_the_project,
    "v2/mcp_approved_call": _ask_for_approval,
    "v2/function_tool_stream_preview_api": _make_first_version("WeatherAgent"),
}


# --- what agents said -----------------------------------------------------------------------------


def script(entries: list[dict[str, Any]]) -> list[Any]:
    """Read the answers of the agents of a recording, in order."""
    starts = [number for number, entry in enumerate(entries) if is_turn(entry["request"])]
    answers = (entries[start:end] for start, end in pairwise([*starts, len(entries)]))
    return [_reply_of([entry["response"] for entry in answer]) for answer in answers] or ["unused"]


def is_turn(request: dict[str, Any]) -> bool:
    """Whether a request lets an agent answer."""
    ends = ("/responses", "/runs", "/submit_tool_outputs")
    return request["method"] == "POST" and request["path"].endswith(ends)


def _reply_of(responses: list[dict[str, Any]]) -> Any:
    """Read one turn's reply, from its own answer or from that of a later poll."""
    for response in responses:
        if "sse" in response:
            return _from_events(read_events(response["sse"]))
        body = response.get("body") or {}
        if body.get("output"):  # as late as it was then
            late = sum((one.get("body") or {}).get("status") == "in_progress" for one in responses)
            return Delayed(max(0, late - 1), _from_output(body["output"]))
        if body.get("required_action"):
            return _from_action(body["required_action"])
        if _lists_steps(body):  # newest first
            used = [part for step in body["data"] for part in _from_step(step["step_details"])]
            return [*used[::-1], "It is half past twelve."]
    return "It is half past twelve."


def _lists_steps(body: dict[str, Any]) -> bool:
    data = body.get("data") or []
    return any(one.get("object") == "thread.run.step" for one in data)


def _from_events(events: list[tuple[str, Any]]) -> Any:
    parts: list[Any] = []
    for position, (name, data) in enumerate(events):
        if name == "response.completed":
            deltas = [d["delta"] for n, d in events if n == "response.output_text.delta"]
            silences = sum(n == "keepalive" for n, _ in events)
            return _from_output(data["response"]["output"], deltas, 31 * silences)
        if name == "thread.message.completed":
            text = data["content"][0]["text"]
            parts.append(Text(text["value"], citations=text["annotations"]))
        elif name == "thread.run.requires_action":
            return [*parts, _from_action(data["required_action"])]
        elif name == "thread.run.step.completed" and position > 0:
            parts += _from_step(data["step_details"])
        elif name == "thread.run.step.delta" and "output" in _approved_delta(data):
            parts += _approved_call(events[0][1], _approved_delta(data))
    return parts


def _approved_delta(data: Any) -> Any:
    """Return the tool call of a step delta, if it is the output of an approved call."""
    call = data["delta"]["step_details"]["tool_calls"][0]
    return call if call["type"] == "mcp" and "id" not in call else {}


def _approved_call(step: Any, delta: Any) -> list[Any]:
    call = step["step_details"]["tool_calls"][0]
    return [McpCall(call["server_label"], call["name"], call["arguments"], delta["output"])]


def _from_step(details: dict[str, Any]) -> list[Any]:
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
    if call["type"] in {"browser_automation", "openapi"}:
        return [_foundry_tool(call)]
    inner = call[call["type"]]
    if call["type"] == "file_search":
        found = ({"file_id": r["file_id"], "filename": r["file_name"]} for r in inner["results"])
        return [FileSearch(results=tuple(found))]
    if call["type"] == "code_interpreter":
        return [CodeInterpreter(inner["input"])]
    if call["type"] == "bing_grounding":
        return [WebSearch("x")]
    return [ConnectedAgent(inner["name"], inner["arguments"], inner["output"])]


def _foundry_tool(call: dict[str, Any]) -> FoundryTool:
    inner = dict(call.get("function") or call[call["type"]])
    asked = inner.pop("arguments", None) or inner.pop("input")
    name, output = inner.pop("name", ""), inner.pop("output")
    return FoundryTool(call["type"], asked, output, name, details=inner)


_OURS = ("id", "agent_reference", "response_id")


def _from_output(output: list[Any], deltas: list[str] | None = None, seconds: int = 0) -> Any:
    """Build the reply behind output items; streams have at most one message and one slow tool."""
    parts: list[Any] = []
    for item in output:
        is_said_by_workflow = bool(parts) and isinstance(parts[-1], WorkflowAction)
        if item["type"] == "message" and is_said_by_workflow:
            parts[-1] = replace(parts[-1], says=item["content"][0]["text"])
        elif item["type"] == "message":
            content = item["content"][0]
            parts.append(Text(content["text"], deltas, content["annotations"]))
        elif item["type"] == "function_call":
            parts.append(ToolCalls((item["name"], item["arguments"], item["call_id"])))
        elif item["type"] in _TOOLS:
            parts.append(_TOOLS[item["type"]](item, seconds))
        elif item["type"].endswith("_call_output"):
            continue  # it came with its call
        elif item["type"] == "workflow_action":
            parts.append(WorkflowAction(item["kind"], item["action_id"]))
        else:
            parts.append(Items([{k: v for k, v in item.items() if k not in _OURS}]))
    return parts


def _computer(item: dict[str, Any], _: int) -> ComputerCall:
    return ComputerCall(item["action"], item["pending_safety_checks"], item["call_id"])


def _agent(item: dict[str, Any], _: int) -> ConnectedAgent:
    return ConnectedAgent(item["name"], item["arguments"])


def _image(item: dict[str, Any], _: int) -> GeneratedImage:
    return GeneratedImage(item["result"], item["revised_prompt"])


def _used(tool: Any) -> Any:
    return lambda item, seconds: FoundryTool(
        tool, item["arguments"], name=item.get("name", ""), seconds=seconds
    )


_TOOLS: dict[str, Any] = {
    "computer_call": _computer,
    "a2a_preview_call": _agent,
    "image_generation_call": _image,
    "browser_automation_preview_call": _used("browser_automation"),
    "openapi_call": _used("openapi"),
}


def _from_action(action: dict[str, Any]) -> Any:
    calls = action[action["type"]]["tool_calls"]
    if action["type"] == "submit_tool_approval":
        return McpApproval(calls[0]["server_label"], calls[0]["name"], calls[0]["arguments"])
    made = ((c["function"]["name"], c["function"]["arguments"], c["id"]) for c in calls)
    return ToolCalls(*made)
