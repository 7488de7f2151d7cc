"""One sample of everything an agent can put into an answer, ids invented.

Shapes: recordings where there is one, else the types of Microsoft's SDKs. `KNOWN_FROM` says which;
what neither backs is called a guess there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from azure_agents.events import Event, Progress, Started, Usage

JSON = dict[str, Any]

PNG = "iVBORw0KGgo="
TOOL = {"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}
STEPS = {"last_step_result": "ok", "current_state": "open", "next_step": "click"}


def _pair(stem: str, output: str = "{stem}_output", **fields: Any) -> dict[str, JSON]:
    """A call and the item that answers it."""
    answer = {"call_id": "call_1", "output": "It is 42.", "status": "completed"}
    asked = {"call_id": "call_1", "arguments": '{"query":"answer"}', "status": "completed"}
    kind = output.format(stem=stem)
    return {
        stem: {"type": stem, "id": "item_1", **asked, **fields},
        kind: {"type": kind, "id": "item_2", **answer},
    }


V2_ITEMS: dict[str, JSON] = {
    "file_search_call": {
        "id": "fs_1",
        "status": "completed",
        "queries": ["answer"],
        "results": [{"file_id": "assistant-1", "filename": "a.md", "score": 0.5, "text": "42"}],
    },
    "web_search_call": {
        "id": "ws_1",
        "status": "completed",
        "action": {
            "type": "search",
            "query": "answer",
            "queries": ["answer"],
            "sources": [{"type": "url", "url": "https://example.com"}],
        },
    },
    "code_interpreter_call": {
        "id": "ci_1",
        "status": "completed",
        "container_id": "cntr_1",
        "code": "print(6 * 7)",
        "outputs": [
            {"type": "logs", "logs": "42"},
            {"type": "image", "url": f"data:image/png;base64,{PNG}"},
        ],
    },
    "image_generation_call": {
        "id": "ig_1",
        "status": "completed",
        "background": "opaque",
        "output_format": "png",
        "quality": "medium",
        "size": "1024x1024",
        "revised_prompt": "A cat.",
        "result": PNG,
    },
    "mcp_list_tools": {"id": "mcpl_1", "server_label": "docs", "tools": [TOOL]},
    "mcp_call": {
        "id": "mcp_1",
        "server_label": "docs",
        "name": "find",
        "arguments": '{"query":"answer"}',
        "output": "It is 42.",
        "status": "completed",
        "approval_request_id": "mcpr_1",
    },
    "mcp_approval_request": {
        "id": "mcpr_1",
        "server_label": "docs",
        "name": "find",
        "arguments": '{"query":"answer"}',
    },
    "oauth_consent_request": {
        "id": "oauthreq_1",
        "consent_link": "https://login.example.com",
        "server_label": "mail",
    },
    "memory_search_call": {
        "id": "mem_1",
        "status": "completed",
        "results": [{"memory_item": {"memory_id": "m_1", "content": "Likes tea."}}],
    },
    "workflow_action": {
        "id": "wfa_1",
        "kind": "SetVariable",
        "action_id": "set_variable",
        "parent_action_id": "my_workflow",
        "previous_action_id": "my_workflow",
        "status": "completed",
    },
    "structured_outputs": {"id": "so_1", "output": {"answer": 42}},
    "compaction": {"id": "cmp_1", "encrypted_content": "AAAA"},
    "additional_tools": {"id": "adt_1", "role": "assistant", "tools": [{"type": "web_search"}]},
    **_pair("a2a_preview_call", name="helper"),
    **_pair("apply_patch_call", operation={"type": "delete_file", "path": "a.txt"}),
    **_pair("azure_ai_search_call"),
    **_pair("azure_function_call", name="queue"),
    **_pair("bing_custom_search_preview_call"),
    **_pair("bing_grounding_call"),
    **_pair("browser_automation_preview_call"),
    **_pair("computer_call", action={"type": "screenshot"}, pending_safety_checks=[]),
    **_pair("custom_tool_call", name="sql", input="select 42"),
    **_pair("fabric_dataagent_preview_call"),
    **_pair("local_shell_call", action={"type": "exec", "command": ["ls"], "env": {}}),
    **_pair("memory_command_preview_call"),
    **_pair("openapi_call", name="weather"),
    **_pair("program", code="42"),
    **_pair("sharepoint_grounding_preview_call"),
    **_pair("shell_call", action={"commands": ["ls"]}),
    **_pair("tool_search_call", "tool_search_output", execution="server"),
    "function_call_output": {"id": "fco_1", "call_id": "call_1", "output": "It is 42."},
}
# Its SDK's type has no call_id: the id of the item is that of the call.
V2_ITEMS["local_shell_call_output"] = {"id": "call_1", "output": "a.txt", "status": "completed"}
V2_ITEMS["program"]["fingerprint"] = "AAAA"
V2_ITEMS["computer_call_output"]["output"] = {
    "type": "computer_screenshot",
    "image_url": f"data:image/png;base64,{PNG}",
}
V2_ITEMS["program_output"] |= {"result": "42"}
V2_ITEMS["tool_search_output"] |= {"tools": [TOOL]}
V2_ITEMS["shell_call_output"]["output"] = [
    {"stdout": "a.txt", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}
]
for _kind, _item in V2_ITEMS.items():
    _item["type"] = _kind

NESTED: dict[str, JSON] = {
    "azure_ai_search": {"input": "answer", "output": "{'documents': ['42']}"},
    "azure_function": {"name": "queue", "arguments": '{"query":"answer"}', "output": "42"},
    "bing_custom_search": {
        "requesturl": "https://api.bing.microsoft.com/v7.0/custom/search?q=answer",
        "response_metadata": "{'market': 'en-US'}",
    },
    "bing_grounding": {
        "requesturl": "https://api.bing.microsoft.com/v7.0/search?q=answer",
        "response_metadata": "{'market': 'en-US'}",
    },
    "browser_automation": {"input": "look", "output": "seen", "steps": [STEPS]},
    "code_interpreter": {
        "input": "print(6 * 7)",
        "outputs": [
            {"type": "logs", "logs": "42"},
            {"type": "image", "image": {"file_id": "assistant-plot"}},
        ],
    },
    "computer_use_preview": {
        "action": {"type": "screenshot"},
        "pending_safety_checks": [],
        "output": {"type": "computer_screenshot", "file_id": "assistant-shot"},
    },
    "connected_agent": {
        "name": "helper",
        "arguments": '{"query":"answer"}',
        "output": "42",
        "run_id": "run_2",
        "thread_id": "thread_2",
        "assistant_id": "asst_2",
    },
    "deep_research": {"input": "answer", "output": "42"},
    "fabric_dataagent": {"input": "answer", "output": "42"},
    "file_search": {
        "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0},
        "results": [
            {"file_id": "assistant-1", "file_name": "a.md", "score": 0.5, "attributes": {}}
        ],
    },
    "openapi": {"name": "weather", "arguments": '{"query":"answer"}', "output": "42"},
    "sharepoint_grounding": {"input": "answer", "output": "42"},
}
CLASSIC_CALLS: dict[str, JSON] = {
    kind: {"id": "call_1", "type": kind, kind: inner} for kind, inner in NESTED.items()
}
OPENAPI = CLASSIC_CALLS["openapi"]
OPENAPI["function"] = OPENAPI.pop("openapi")  # recorded: not under its type's name
CLASSIC_CALLS["mcp"] = {
    "id": "call_1",
    "type": "mcp",
    "server_label": "docs",
    "name": "find",
    "arguments": '{"query":"answer"}',
    "output": "It is 42.",
}
CLASSIC_ACTIVITIES: dict[str, JSON] = {
    "mcp_list_tools": {
        "id": "activity_1",
        "type": "mcp_list_tools",
        "server_label": "docs",
        "tools": {"find": {"description": "Finds.", "parameters": {"type": "object"}}},
    }
}

RECORDING = "recording"
SDK = "SDK"  # v2: azure-ai-agentserver-responses 2.4.0b1; classic: azure-ai-agents 1.2.0b6
REPORT = "report"  # quoted in public, and named by the .NET SDK
FIELDS_GUESSED = "SDK, fields guessed"  # the SDK has a map of texts, the names in it are ours
GUESS = "guess"  # neither recorded nor in an SDK: as on OpenAI's own service


def _all(word: str, *kinds: str) -> dict[str, str]:
    return dict.fromkeys(kinds, word)


# Where the shape of a sample comes from; in no row: the SDK.
KNOWN_FROM: dict[str, dict[str, str]] = {
    "v2": {
        **_all(RECORDING, "a2a_preview_call", "a2a_preview_call_output"),
        **_all(
            RECORDING, "browser_automation_preview_call", "browser_automation_preview_call_output"
        ),
        **_all(RECORDING, "openapi_call", "openapi_call_output", "mcp_call", "mcp_list_tools"),
        **_all(RECORDING, "mcp_approval_request", "memory_search_call", "workflow_action"),
        **_all(RECORDING, "code_interpreter_call", "file_search_call", "image_generation_call"),
        **_all(RECORDING, "compaction", "computer_call", "web_search_call"),
        **_all(RECORDING, "function_call", "message: output_text"),
        **_all(RECORDING, "annotation: url_citation", "annotation: file_citation"),
        **_all(REPORT, "memory_command_preview_call", "memory_command_preview_call_output"),
    },
    "classic": {
        **_all(RECORDING, "bing_grounding", "browser_automation", "code_interpreter"),
        **_all(RECORDING, "connected_agent", "file_search", "mcp", "mcp_list_tools", "openapi"),
        **_all(FIELDS_GUESSED, "azure_ai_search", "bing_custom_search", "fabric_dataagent"),
        **_all(FIELDS_GUESSED, "sharepoint_grounding"),
        **_all(RECORDING, "message: text", "annotation: url_citation", "annotation: file_citation"),
        **_all(RECORDING, "submit_tool_outputs", "submit_tool_approval"),
        **_all(GUESS, "message: image_url", "message: refusal"),
    },
}


def known_from(generation: str, kind: str) -> str:
    """Where the shape of this type comes from: one of the words above."""
    bare = kind.removeprefix("tool call: ").removeprefix("activity: ")
    return KNOWN_FROM[generation].get(bare.removeprefix("required_action: "), SDK)


SAID = "See the file."
SPAN = {"start_index": 4, "end_index": 12}
V2_ANNOTATIONS: dict[str, JSON] = {
    "url_citation": {"url": "https://example.com", "title": "Example", **SPAN},
    "file_citation": {"file_id": "assistant-1", "filename": "a.md", "index": 12},
    "container_file_citation": {
        "container_id": "cntr_1",
        "file_id": "cfile_1",
        "filename": "plot.png",
        **SPAN,
    },
    "file_path": {"file_id": "assistant-1", "index": 0},
}
CLASSIC_ANNOTATIONS: dict[str, JSON] = {
    "url_citation": {"url": "https://example.com", "title": "Example"},
    "file_citation": {"file_id": "assistant-1", "quote": "42"},
    "file_path": {"file_id": "assistant-1"},
}


def v2_message(*parts: JSON) -> JSON:
    """An output message."""
    content = list(parts)
    return {"type": "message", "id": "msg_1", "status": "completed", "content": content}


def v2_text(*annotations: JSON) -> JSON:
    """A text part."""
    return {"type": "output_text", "text": SAID, "annotations": list(annotations), "logprobs": []}


def classic_message(*parts: JSON) -> JSON:
    """A message of the agent."""
    return {"object": "thread.message", "id": "msg_1", "role": "assistant", "content": list(parts)}


def classic_text(*annotations: JSON) -> JSON:
    """A text part."""
    return {"type": "text", "text": {"value": SAID, "annotations": list(annotations)}}


def classic_annotation(kind: str) -> JSON:
    """An annotation with its marker."""
    return {"type": kind, "text": "the file", **SPAN, kind: CLASSIC_ANNOTATIONS[kind]}


def step(*calls: JSON, activities: bool = False, **fields: Any) -> JSON:
    """A step that has ended."""
    kind = "activities" if activities else "tool_calls"
    details = {"type": kind, kind: list(calls)}
    return {
        "object": "thread.run.step",
        "id": "step_1",
        "type": kind,
        "status": "completed",
        "step_details": details,
        **fields,
    }


# --- on the wire ----------------------------------------------------------------------------------


def v2_stream(*events: JSON) -> bytes:
    """Events as they go over the wire."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def classic_stream(*events: tuple[str, JSON]) -> bytes:
    """Named events as they go over the wire."""
    lines = (f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return "".join(lines).encode()


def response(*output: JSON, id: str = "resp_1", status: str = "completed", **fields: Any) -> JSON:
    """A response object."""
    return {"id": id, "status": status, "output": list(output), **fields}


def added(item: JSON, **changes: Any) -> JSON:
    """An item begins."""
    return {"type": "response.output_item.added", "item": {**item, **changes}}


def done(item: JSON) -> JSON:
    """An item is over."""
    return {"type": "response.output_item.done", "item": item}


def completed(*output: JSON, **fields: Any) -> JSON:
    """The last event."""
    return {"type": "response.completed", "response": response(*output, **fields)}


def told(events: Iterable[Event]) -> list[Event]:
    """What remains of a turn once it is over."""
    return [event for event in events if not isinstance(event, Progress | Started | Usage)]
