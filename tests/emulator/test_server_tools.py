"""Everything an agent does with tools on the server, as parts of scripted answers."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import (
    CodeInterpreter,
    ComputerCall,
    ConnectedAgent,
    Consent,
    Emulator,
    FileSearch,
    FoundryTool,
    GeneratedImage,
    Items,
    McpApproval,
    McpCall,
    McpTools,
    Reasoning,
    Refusal,
    SeenMessage,
    WebSearch,
    WorkflowAction,
)

V2 = "/openai/v1/responses"
FOUND = ({"file_id": "assistant-1", "filename": "a.md", "score": 0.5, "text": "42"},)

# Part, item type, events between added and done (without their common prefix).
V2_PARTS: list[tuple[Any, str, list[str]]] = [
    (FileSearch(("what",), FOUND), "file_search_call", ["in_progress", "searching", "completed"]),
    (WebSearch("what"), "web_search_call", ["in_progress", "searching", "completed"]),
    (
        CodeInterpreter("print(1)", logs="1"),
        "code_interpreter_call",
        ["in_progress", "_code.delta", "_code.done", "interpreting", "completed"],
    ),
    (
        GeneratedImage("aW1n", "a cat", partial=("aQ==",)),
        "image_generation_call",
        ["in_progress", "generating", "partial_image", "completed"],
    ),
    (
        McpTools("docs", ({"name": "find"},)),
        "mcp_list_tools",
        ["in_progress", "completed"],
    ),
    (McpApproval("docs", "find"), "mcp_approval_request", []),
    (
        McpCall("docs", "find", output="42"),
        "mcp_call",
        ["in_progress", "_arguments.delta", "_arguments.done", "completed"],
    ),
    (
        McpCall("docs", "find", error="no"),
        "mcp_call",
        ["in_progress", "_arguments.delta", "_arguments.done", "failed"],
    ),
    (Items([{"type": "future_call", "answer": 42}]), "future_call", []),
]


def squeezed(events: list[tuple[str, Any]]) -> list[str]:
    """Names of events, each series of equal ones once."""
    names = [name for name, _ in events]
    return [name for name, before in zip(names, ["", *names], strict=False) if name != before]


@pytest.mark.parametrize(("part", "type", "between"), V2_PARTS)
def test_v2_items_are_streamed(
    foundry: Emulator, wire: Any, part: Any, type: str, between: list[str]
) -> None:
    """Each item is added, makes its progress, and is done; the answer holds it whole."""
    agent = foundry.create_agent("my-agent", [[part, "done"]])
    events = wire.stream(V2, wire.turn(agent, "hi"))
    inner = [f"response.{type}{'' if name[0] == '_' else '.'}{name}" for name in between]
    expected = ["response.output_item.added", *inner, "response.output_item.done"]
    assert squeezed(events)[2 : 2 + len(expected)] == expected
    item = events[-1][1]["response"]["output"][0]
    assert item["type"] == type
    assert item["response_id"] == events[-1][1]["response"]["id"]
    assert item["id"] == events[2][1]["item"]["id"]
    assert [entry["type"] for entry in events[-1][1]["response"]["output"]] == [type, "message"]


PAIRS = [
    (ConnectedAgent("helper", output="42"), "a2a_preview_call"),
    (FoundryTool("openapi", "{}", "42", "helper"), "openapi_call"),
    (FoundryTool("azure_function", "{}", "42", "helper"), "azure_function_call"),
    (FoundryTool("azure_ai_search", "{}", "42", "helper"), "azure_ai_search_call"),
    (FoundryTool("browser_automation", "{}", "42", "helper"), "browser_automation_preview_call"),
    (FoundryTool("fabric_dataagent", "{}", "42", "helper"), "fabric_dataagent_preview_call"),
]


@pytest.mark.parametrize(("part", "type"), PAIRS)
def test_foundry_tools_are_pairs_of_items(
    foundry: Emulator, wire: Any, part: Any, type: str
) -> None:
    """v2: a call without arguments, done; an output "[]", done; as recorded."""
    agent = foundry.create_agent("my-agent", [part])
    events = wire.stream(V2, wire.turn(agent, "hi"))
    items = [(name.rpartition(".")[2], data["item"]) for name, data in events if "item" in data]
    assert [(stage, item["type"]) for stage, item in items] == [
        ("added", type),
        ("done", type),
        ("added", f"{type}_output"),
        ("done", f"{type}_output"),
    ]
    opened, call, waiting, output = (item for _, item in items)
    assert ("", "{}", "[]") == (opened["arguments"], call["arguments"], waiting["output"])
    assert ("helper", "42", "fc_") == (call["name"], output["output"], call["id"][:3])
    assert call["call_id"] == output["call_id"]


CLASSIC_TOOLS: list[tuple[Any, dict[str, Any]]] = [
    (
        FoundryTool("openapi", "{}", "42", "get"),
        {"function": {"name": "get", "arguments": "{}", "output": "42"}},
    ),
    (
        FoundryTool("azure_function", "{}", "42", "get"),
        {"azure_function": {"name": "get", "arguments": "{}", "output": "42"}},
    ),
    (
        FoundryTool("browser_automation", "go", "42"),
        {"browser_automation": {"input": "go", "output": "42", "steps": []}},
    ),
    (
        FoundryTool("azure_ai_search", "what", details={"output": "[]"}),
        {"azure_ai_search": {"input": "what", "output": "[]"}},
    ),
    (
        FoundryTool("fabric_dataagent", "what", "42"),
        {"fabric_dataagent": {"input": "what", "output": "42"}},
    ),
]


@pytest.mark.parametrize(("part", "expected"), CLASSIC_TOOLS)
def test_foundry_tools_are_steps(
    foundry: Emulator, wire: Any, part: Any, expected: dict[str, Any]
) -> None:
    """Classic: one call in a step, which has no expiry once its run is over."""
    agent = foundry.create_agent("a", [[part, "done"]], generation="classic")
    thread = wire.start_thread("hi")
    run = wire.post(f"/threads/{thread}/runs", {"assistant_id": agent.id})["id"]
    wire.finish(thread, run)
    _, step = wire.get(f"/threads/{thread}/runs/{run}/steps")["data"]
    (call,) = step["step_details"]["tool_calls"]
    assert {key: call[key] for key in call if key not in {"id", "type"}} == expected
    assert step["expires_at"] is None


def test_a_slow_tool_sends_keepalives(foundry: Emulator, wire: Any) -> None:
    """One every 30 seconds, with a number of its own; none in plain answers, or by `Rules`."""
    slow = FoundryTool("browser_automation", seconds=100)
    agent = foundry.create_agent("my-agent", [[slow, "done"]])
    wire.http.timeout = 3600
    events = wire.stream(V2, wire.turn(agent, "hi"))
    numbers = [data["sequence_number"] for _, data in events]
    assert numbers == list(range(len(events)))
    assert [name for name, _ in events[2:7]] == [
        "response.output_item.added",
        *["keepalive"] * 3,
        "response.output_item.done",
    ]
    foundry.rules.keepalive = None
    assert "keepalive" not in dict(wire.stream(V2, wire.turn(agent, "hi")))
    assert "completed" == wire.respond(agent, "hi")["status"]


def test_rules_switch_classic_keepalives_on(foundry: Emulator, wire: Any) -> None:
    """As users report them: with empty data, which is no JSON."""
    slow = FoundryTool("browser_automation", "go", seconds=100)
    agent = foundry.create_agent("a", [[slow, "done"]], generation="classic")
    wire.http.timeout = 3600

    def names() -> list[str]:
        path, body = f"/threads/{wire.start_thread('hi')}/runs", {"assistant_id": agent.id}
        answer = wire.request("POST", path, {**body, "stream": True})
        assert "event: keepalive\ndata: \n\n" in answer.text or not foundry.rules.classic_keepalive
        return [line for line in answer.text.splitlines() if line.startswith("event: keep")]

    assert [] == names()
    foundry.rules.classic_keepalive = 30
    assert names() == ["event: keepalive"] * 3


SCREEN = {"type": "computer_screenshot", "image_url": "data:image/png;base64,aW1n"}


def test_a_computer_call_waits_for_a_picture(foundry: Emulator, wire: Any) -> None:
    """The agent sees the picture; without it the chain cannot go on."""
    call = ComputerCall({"type": "type", "text": "news"}, id="call_1")
    agent = foundry.create_agent("my-agent", [[Reasoning(), call], "I see it."])
    first = wire.respond(agent, "search", truncation="auto")
    assert "auto" == first["truncation"]
    item = first["output"][-1]
    assert ("computer_call", "call_1", "cu_") == (item["type"], item["call_id"], item["id"][:3])
    assert ("news", []) == (item["action"]["text"], item["pending_safety_checks"])
    body = wire.turn(agent, "and?", previous_response_id=first["id"])
    refused = wire.request("POST", V2, body).json()["error"]["message"]
    assert "No tool output found for computer call call_1." == refused
    output = {"type": "computer_call_output", "call_id": "call_1", "output": SCREEN}
    second = wire.respond(agent, [output], previous_response_id=first["id"])
    assert "I see it." == second["output"][0]["content"][0]["text"]
    *_, called, shown = foundry.seen[-1].messages
    assert "computer" == called.tool_calls[0].name
    assert shown.media[0].reference == SCREEN["image_url"]


def test_an_image_has_the_tools_settings(foundry: Emulator, wire: Any) -> None:
    """With the service's defaults; the header is needed, as reported."""
    tool = {"type": "image_generation", "quality": "low", "size": "auto"}
    agent = foundry.create_agent("a", GeneratedImage("aW1n"), tools=[tool])
    refused = wire.request("POST", V2, wire.turn(agent, "paint"))
    assert (
        400,
        "missing_required_parameter",
    ) == (refused.status_code, refused.json()["error"]["code"])
    request = wire.build("POST", V2, wire.turn(agent, "paint"))
    request.headers["x-ms-oai-image-generation-deployment"] = "gpt-image-1"
    made = wire.http.send(request).json()
    assert ("low", "1024x1024") == (made["output"][0]["quality"], made["output"][0]["size"])
    assert ("auto", 1) == (made["tools"][0]["moderation"], made["tools"][0]["n"])


def test_include_adds_results_and_outputs(foundry: Emulator, wire: Any) -> None:
    """v2: results of searches and outputs of code need `include`."""
    agent = foundry.create_agent("a", [[FileSearch(("x",), FOUND), CodeInterpreter("1", "2")]])
    search, code = wire.respond(agent, "hi")["output"]
    assert (False, None) == ("results" in search, code["outputs"])
    include = ["file_search_call.results", "code_interpreter_call.outputs"]
    search, code = wire.respond(agent, "hi", include=include)["output"]
    assert "42" == search["results"][0]["text"]
    assert [{"type": "logs", "logs": "2"}] == code["outputs"]


def test_reasoning_is_streamed_and_counted(foundry: Emulator, wire: Any) -> None:
    """v2: a summary in events of its own, and tokens in the details."""
    agent = foundry.create_agent("a", [[Reasoning("think hard", tokens=64), "yes"]])
    events = wire.stream(V2, wire.turn(agent, "hi"))
    assert [
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
    ] == [name for name in squeezed(events) if "reasoning" in name]
    usage = events[-1][1]["response"]["usage"]
    assert {"reasoning_tokens": 64} == usage["output_tokens_details"]
    assert 65 == usage["output_tokens"]


def test_refusals_are_content_of_the_message(foundry: Emulator, wire: Any) -> None:
    """v2: a part of the message, and its text in what is seen later."""
    agent = foundry.create_agent("a", [Refusal("I won't."), "ok"])
    events = wire.stream(V2, wire.turn(agent, "hi"))
    assert "response.refusal.delta" in squeezed(events)
    response = events[-1][1]["response"]
    assert [{"type": "refusal", "refusal": "I won't."}] == response["output"][0]["content"]
    wire.respond(agent, "please", previous_response_id=response["id"])
    assert foundry.seen[-1].messages[1] == SeenMessage("assistant", "I won't.")


def test_consent_is_an_item_with_a_link(foundry: Emulator, wire: Any) -> None:
    """v2: with the event that no SDK knows."""
    agent = foundry.create_agent("a", Consent("https://login.test", "docs"))
    events = wire.stream(V2, wire.turn(agent, "hi"))
    assert "response.oauth_consent_requested" == events[3][0]
    item = events[-1][1]["response"]["output"][0]
    assert ("https://login.test", "docs") == (item["consent_link"], item["server_label"])
    assert item["id"].startswith("oauthreq_")


CLASSIC_PARTS = [
    (FileSearch(("what",), FOUND), "file_search", 1),
    (CodeInterpreter("print(1)", logs="1"), "code_interpreter", 6),
    (WebSearch("what"), "bing_grounding", 3),
    (ConnectedAgent("helper", output="42"), "connected_agent", 3),
    (McpCall("docs", "find", output="42"), "mcp", 2),
]


@pytest.mark.parametrize(("part", "type", "deltas"), CLASSIC_PARTS)
def test_classic_tools_are_streamed_as_steps(
    foundry: Emulator, wire: Any, part: Any, type: str, deltas: int
) -> None:
    """Each tool is a step that never pauses the run."""
    agent = foundry.create_agent("a", [[part, "done"]], generation="classic")
    thread = wire.start_thread("hi")
    events = wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    names = [name for name, _ in events]
    assert ["thread.run.step.created", "thread.run.step.in_progress"] == names[3:5]
    assert names[5 : 6 + deltas] == ["thread.run.step.delta"] * deltas + [
        "thread.run.step.completed"
    ]
    call = events[5 + deltas][1]["step_details"]["tool_calls"][0]
    assert call["type"] == type
    assert ["thread.run.completed", "done"] == names[-2:]
    run = events[-2][1]
    steps = wire.get(f"/threads/{thread}/runs/{run['id']}/steps")["data"]
    assert sum(step["usage"]["total_tokens"] for step in steps) == run["usage"]["total_tokens"]


def test_include_adds_contents_to_classic_searches(foundry: Emulator, wire: Any) -> None:
    """Classic: `include[]` on the steps."""
    agent = foundry.create_agent("a", [[FileSearch((), FOUND), "ok"]], generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    run = wire.stream(path, {"assistant_id": agent.id})[-2][1]["id"]
    key = "step_details.tool_calls[*].file_search.results[*].content"

    def result(**query: str) -> Any:
        step = wire.get(f"{path}/{run}/steps", order="asc", **query)["data"][0]
        return step["step_details"]["tool_calls"][0]["file_search"]["results"][0]

    assert "content" not in result()
    assert [{"type": "text", "text": "42"}] == result(**{"include[]": key})["content"]


def test_a_v2_approval_is_answered_in_the_next_input(foundry: Emulator, wire: Any) -> None:
    """A request in a completed response; the answer in the next one's input; then the call."""
    agent = foundry.create_agent(
        "a", [McpApproval("docs", "find"), [McpCall("docs", "find"), "ok"]]
    )
    asked = wire.respond(agent, "hi")
    request = asked["output"][0]
    answer = {"type": "mcp_approval_response", "approval_request_id": "mcpr_x", "approve": True}
    body = wire.turn(agent, [answer], previous_response_id=asked["id"])
    assert "input" == wire.request("POST", V2, body).json()["error"]["param"]
    answer["approval_request_id"] = request["id"]
    call, message = wire.respond(agent, [answer], previous_response_id=asked["id"])["output"]
    assert call["approval_request_id"] == request["id"]
    assert "ok" == message["content"][0]["text"]
    assert "approved" == foundry.seen[-1].messages[-1].text


@pytest.mark.parametrize(("approve", "seen"), [(True, "approved"), (False, "denied")])
def test_a_classic_approval_pauses_the_run(
    foundry: Emulator, wire: Any, approve: bool, seen: str
) -> None:
    """It refuses function outputs, and goes on with the decision."""
    reply = [[McpTools("docs"), McpApproval("docs", "find", id="call_1")], "ok"]
    agent = foundry.create_agent("a", reply, generation="classic")
    thread = wire.start_thread("hi")
    events = wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    run = events[-2][1]
    assert "submit_tool_approval" == run["required_action"]["type"]
    path = f"/threads/{thread}/runs/{run['id']}/submit_tool_outputs"
    wrong = {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}]}
    assert 400 == wire.request("POST", path, wrong).status_code
    wire.stream(path, {"tool_approvals": [{"tool_call_id": "call_1", "approve": approve}]})
    assert foundry.seen[-1].messages[-1] == SeenMessage("tool", seen, tool_call_id="call_1")
    assert "ok" == foundry.seen[-1].reply.text  # type: ignore[union-attr]


def test_a_workflow_has_its_own_ids_and_numbers(foundry: Emulator, wire: Any) -> None:
    """v2: an action stays open while it sends a message."""
    says = WorkflowAction("SendActivity", "send", says="2")
    agent = foundry.create_agent(
        "flow",
        [[WorkflowAction("SetVariable", "set"), says, WorkflowAction("EndConversation", "end")]],
        definition={"kind": "workflow", "workflow": "kind: workflow"},
    )
    events = wire.stream(V2, wire.turn(agent, "1 + 1?"))
    assert [data["sequence_number"] for _, data in events] == list(range(1, len(events) + 1))
    ends = [
        (name.rpartition(".")[2], data["output_index"])
        for name, data in events
        if "output_item" in name
    ]
    assert [("added", 1), ("added", 2), ("done", 2), ("done", 1)] == ends[2:6]
    assert events[-1][1]["response"]["id"].startswith("wfresp_")


@pytest.mark.parametrize("part", [Reasoning(), Refusal("no"), Consent("x"), GeneratedImage("x")])
def test_parts_of_v2_fail_in_classic(foundry: Emulator, wire: Any, part: Any) -> None:
    """A script that cannot be played is an error that shows the part."""
    agent = foundry.create_agent("a", part, generation="classic")
    thread = wire.start_thread("hi")
    events = wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    assert "thread.run.failed" == events[-2][0]
    assert "a classic agent cannot answer with" in str(foundry.errors[0])
