"""Which recorded turns our client can send, and why it cannot send the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from azure_agents.errors import AzureAgentsError, ServerError

from .doors import Said, Seen
from .recording import FOLDER, JSON


def entry(file: str, number: int) -> JSON:
    """One request of a recording, with its answer."""
    found: JSON = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))["entries"][number]
    return found


@dataclass(frozen=True)
class Turn:
    """One recorded turn.

    Attributes:
        number: Of its request in the recording.
        differences: The fields that we send otherwise (see `recording.DIFFERENCES`).
        options: Of the call.
        error: What the turn ends with, if not with an answer.
        others: Numbers of further requests of the turn: it was tried again.
    """

    number: int
    differences: tuple[str, ...] = ("metadata",)
    options: JSON = field(default_factory=dict)
    error: type[AzureAgentsError] | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True)
class Play:
    """Turns of one recording that follow each other.

    Attributes:
        file: The recording.
        model: The agent.
        turns: In order.
        pin: The thread, conversation or response that the turns go to.
        own: The path of the agent's own endpoint, if it has one.
    """

    file: str
    model: str | None
    turns: tuple[Turn, ...]
    pin: str | None = None
    own: str = ""

    @property
    def numbers(self) -> dict[int, tuple[str, ...]]:
        """All requests, each with its differences."""
        return {n: t.differences for t in self.turns for n in (t.number, *t.others)}


RUN = ("metadata", "additional_messages")
CALLS_A_TOOL = {"tool_choice": "required"}


def _run(file: str, model: str, pin: str, *numbers: int) -> Play:
    """A classic play: what the user says, and then the results of tools."""
    first, *rest = numbers
    return Play(file, model, (Turn(first, RUN), *(Turn(n, ()) for n in rest)), pin)


SESSION = "9cfbf0b166bd3cc600CpdH2kCbUF21dlYaDKp3zbQ35OHWdtLG"  # of a hosted agent

PLAYS = (
    Play("v2/a2a_stream", "MyAgent", (Turn(1, options=CALLS_A_TOOL),)),
    Play("v2/browser_automation_keepalive_stream", "MyAgent", (Turn(1, options=CALLS_A_TOOL),)),
    Play(
        "v2/code_interpreter",
        "MyAgent",
        (Turn(2, ("metadata", "stream"), CALLS_A_TOOL),),
        "conv_1e04a65643974cd100majXYajc8oNk9GfryYZgYDKCCZKbCGNr",
    ),
    Play("v2/computer_use", "MyAgent", (Turn(1, options={"truncation": "auto"}),)),
    Play(
        "v2/error_500_azure_function",
        "MyAgent",
        (Turn(1, options=CALLS_A_TOOL, error=ServerError, others=(2, 3)),),
    ),
    Play("v2/file_search_stream", "file-search-stream-agent", (Turn(6),)),
    Play("v2/function_tool", "function-tool-agent", (Turn(1), Turn(2))),
    Play(
        "v2/hosted_agent_endpoint",
        None,
        (Turn(0, (), {"agent_session_id": SESSION}),),
        own="/agents/sanitized-hosted-agent-name/endpoint/protocols/openai",
    ),
    Play(
        "v2/mcp_approval_request",
        "mcp-basic-agent",
        (Turn(2, ("metadata", "stream")),),
        "conv_cd70fdbfaf95d64500wa697kMdKkSGu1faJRdNEa0ylvg2YV17",
    ),
    Play(
        "v2/mcp_approved_call",
        "MyAgent7",
        (Turn(0),),
        "resp_357f27d340544e9d0069a28cb7b55c8190a00780fefeb6dc78",
    ),
    Play(
        "v2/prompt_text_stream",
        "PromptTestAgentStreaming:1",
        (Turn(2),),
        "conv_aa55cfcaf41110c6002mLtHhVGAkDxi67qaB7ywdWgZqlB7FbA",
    ),
    Play(
        "v2/published_application",
        None,
        (Turn(0, ()),),
        own="/applications/ForPublih/protocols/openai",
    ),
    Play("v2/web_search", "web-search-agent", (Turn(1),)),
    Play(
        "v2/workflow_stream",
        "student-teacher-workflow",
        (Turn(4),),
        "conv_ee13ea1c437f2eaa00oqxRbay3YHl27e32nxE6ifqqVOIp2m22",
    ),
    _run(
        "classic/bing_grounding_tool_streaming",
        "asst_7fb1D49ER2Hj5jBym7cUKMuy",
        "thread_xJWCkJJyH2VG6Yl7v5aotQLj",
        3,
    ),
    _run(
        "classic/cancel_run", "asst_puxeTq31CTY24tttyOmz17Bh", "thread_02yytdS7WLVcprL9sZwGSmQS", 3
    ),
    _run(
        "classic/code_interpreter_tool_streaming",
        "asst_M7a2XyvFHMXcaO21q5VwbGwq",
        "thread_uoIWUxBL1p0Ild0LM68Jvg4C",
        3,
    ),
    _run(
        "classic/create_stream",
        "asst_bcVAUsaklngwUFYlgCHt6YXZ",
        "thread_7ISSfUbj0zxL9ZaHrp4zC8ma",
        3,
    ),
    _run(
        "classic/file_search_tool_streaming",
        "asst_0ikiMPQyTBVdMTfFcPFvRsAD",
        "thread_X2R9HxDn7ZimN22Pra1d29WO",
        7,
    ),
    Play(
        "classic/mcp_tool_streaming",
        "asst_Ykifi34jsRY27zI4QREuveOe",
        (Turn(3, (*RUN, "tool_resources")), Turn(4, ("tool_approvals",))),
        "thread_szzpez9eLwOgtHAjvdOcSUGf",
    ),
    _run(
        "classic/openapi_streaming",
        "asst_yW3e6OvNaIL2J4yq3MWL1UZE",
        "thread_xRssssiBOfTrnzghClIPEeQZ",
        1,
    ),
    _run(
        "classic/submit_tool_outputs_to_stream",
        "asst_nqks3XcgTI9TKq7cbouwmlBo",
        "thread_2jnWQKk1saIC1btsQqMgjTvG",
        3,
        4,
    ),
    _run(
        "classic/tool_streaming_connected_agent",
        "asst_GarOD4Sp6mLUiRtXZbPQeEjl",
        "thread_bhT5wLxsDJKa4DVlproxa9Ii",
        4,
    ),
)

_NO_AGENT = "a turn of a model without an agent: this package asks agents"
_NO_INPUT = "a turn without input, on what its conversation holds: a call is made of its messages"
_PREVIEW = "the preview's surface (/openai without /v1, `agent` in the body), which is gone"
_POLLED = "a polled run: ours are streamed, since only then the run's id is known early"
_COMPACT = "no turn: a history is made shorter"

# Turns that are not played, by recording and number of the request. The codecs read them all.
NOT_SENT: dict[tuple[str, int], str] = {
    ("v2/background_poll", 0): _NO_AGENT,
    ("v2/compaction", 0): _COMPACT,
    ("v2/error_404_response_deleted", 0): _NO_AGENT,
    ("v2/function_tool_stream", 1): _NO_AGENT,
    ("v2/function_tool_stream", 2): _NO_AGENT,
    ("v2/function_tool_stream_preview_api", 2): _PREVIEW,
    ("v2/function_tool_stream_preview_api", 3): _PREVIEW,
    ("v2/image_generation_preview_api", 1): _PREVIEW,
    ("v2/memory_search_preview_api", 3): _PREVIEW,
    ("v2/memory_search_preview_api", 5): _PREVIEW,
    ("v2/openapi_preview_api", 1): _PREVIEW,
    ("v2/prompt_text_conversation", 2): _NO_INPUT,
    ("v2/prompt_text_conversation", 4): _NO_INPUT,
    ("v2/reasoning_encrypted", 0): _NO_AGENT,
    ("v2/structured_output", 2): _NO_INPUT,
    ("classic/browser_automation_polled", 3): _POLLED,
    ("classic/create_thread_and_run", 1): _POLLED,
    ("classic/submit_tool_outputs_to_run", 3): _POLLED,
    ("classic/submit_tool_outputs_to_run", 5): _POLLED,
}


def recorded_turns() -> Iterator[tuple[str, int]]:
    """Every recorded request that asks for an answer."""
    ends = ("/responses", "/responses/compact", "/runs", "/submit_tool_outputs")
    for path in sorted([*FOLDER.glob("classic/*.json"), *FOLDER.glob("v2/*.json")]):
        for number, one in enumerate(json.loads(path.read_text("utf-8"))["entries"]):
            asked = one["request"]
            if asked["method"] == "POST" and asked["path"].endswith(ends):
                yield f"{path.parent.name}/{path.stem}", number


# --- read from a recording, in the simplest way ---------------------------------------------------


def said_in(file: str, number: int) -> Said:
    """What the recorded caller says in a turn."""
    body = entry(file, number)["request"]["body"]
    if "tool_outputs" in body:
        (output,) = body["tool_outputs"]
        return Said(output["output"], result_of=output["tool_call_id"])
    if "tool_approvals" in body:
        return Said(approves=body["tool_approvals"][0]["tool_call_id"])
    if "assistant_id" in body:
        return Said(entry(file, number - 1)["request"]["body"]["content"])
    return _said_to_v2(body["input"])


def _said_to_v2(given: Any) -> Said:
    if isinstance(given, str):
        return Said(given)
    (item,) = given
    if item.get("type") == "function_call_output":
        return Said(item["output"], result_of=item["call_id"])
    if item.get("type") == "mcp_approval_response":
        return Said(approves=item["approval_request_id"])
    text, *images = item["content"]
    return Said(text["text"], image=images[0]["image_url"] if images else "")


def is_streamed(file: str, number: int) -> bool:
    """Whether the recorded caller wants a stream."""
    return bool(entry(file, number)["request"]["body"].get("stream"))


def events(file: str, number: int) -> list[tuple[str, JSON]]:
    """The events of a recorded stream."""
    sse = entry(file, number)["response"]["sse"]
    lines = [block.splitlines() for block in sse.split("\n\n") if block.strip()]
    pairs = [(name[len("event: ") :], data[len("data: ") :]) for name, data in lines]
    return [(name, json.loads(data)) for name, data in pairs if data != "[DONE]"]


def seen_in(file: str, number: int) -> Seen:
    """What the recorded answer holds."""
    if file.startswith("classic/"):
        return _seen_in_run(events(file, number))
    answer = entry(file, number)["response"]
    return _seen_in_response(
        answer["body"] if "body" in answer else events(file, number)[-1][1]["response"]
    )


_V2_TOOLS = {
    "a2a_preview_call": "a2a",
    "browser_automation_preview_call": "browser_automation",
    "code_interpreter_call": "code_interpreter",
    "computer_call": "computer_use",
    "file_search_call": "file_search",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcp_list_tools",
    "web_search_call": "web_search",
    "workflow_action": "workflow",
}


def _seen_in_response(response: JSON) -> Seen:
    output, usage = response["output"], response.get("usage")  # a hosted agent counts nothing
    parts = [part for item in output if item["type"] == "message" for part in item["content"]]
    return Seen(
        "".join(part["text"] for part in parts),
        [(one["call_id"], one["name"]) for one in output if one["type"] == "function_call"],
        [_V2_TOOLS[one["type"]] for one in output if one["type"] in _V2_TOOLS],
        [one["id"] for one in output if one["type"] == "mcp_approval_request"],
        sum(len(part["annotations"]) for part in parts),
        (usage["input_tokens"], usage["output_tokens"]) if usage else None,
        (response.get("conversation") or response)["id"],
        response["id"],
    )


def _seen_in_run(told: list[tuple[str, JSON]]) -> Seen:
    messages = [data for name, data in told if name == "thread.message.completed"]
    steps = [data["step_details"] for name, data in told if name == "thread.run.step.completed"]
    run = [data for name, data in told if data.get("object") == "thread.run"][-1]
    action = run["required_action"] or {}
    parts = [part["text"] for message in messages for part in message["content"]]
    tools = [
        one["type"]
        for step in steps
        for one in (*step.get("activities", ()), *step.get("tool_calls", ()))
        if one["type"] != "function"
    ]
    usage = run["usage"]
    called = (action.get("submit_tool_outputs") or {}).get("tool_calls") or []
    asked = (action.get("submit_tool_approval") or {}).get("tool_calls") or []
    return Seen(
        "".join(part["value"] for part in parts),
        [(one["id"], one["function"]["name"]) for one in called],
        tools,
        [one["id"] for one in asked],
        sum(len(part["annotations"]) for part in parts),
        (usage["prompt_tokens"], usage["completion_tokens"]) if usage else None,
        run["thread_id"],
        run["id"],
    )
