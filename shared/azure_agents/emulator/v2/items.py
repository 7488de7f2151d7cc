"""The output items of v2 that each part of a reply becomes.

Sources: v2/prompt_text_stream.json, v2/function_tool.json, v2/file_search_stream.json,
v2/code_interpreter.json, v2/web_search.json, v2/mcp_approval_request.json,
v2/mcp_approved_call.json, v2/error_404_response_deleted.json (reasoning),
v2/workflow_stream.json, v2/a2a_stream.json, v2/computer_use.json,
v2/image_generation_preview_api.json. Refusals and consent follow the service description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..agent import server_tools as tools
from ..agent.foundry_tools import FoundryTool
from ..agent.replies import Failed, Incomplete, Text, ToolCalls
from ..world.ids import partition_of
from .input import item_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...jsonio import JSON
    from ..agent.replies import Part
    from ..world.state import Response, World


class ItemMaker:
    """Makes the output items of one response."""

    def __init__(self, world: World, response: Response) -> None:
        self._world = world
        self._response = response
        self._includes = response.params.get("include") or []

    def items_of(self, part: Part) -> list[JSON]:
        """Build the output items of one part."""
        match part:
            case Text(text, _, citations):
                return [self._message(text, [_annotation(one) for one in citations])]
            case Failed(text=text) | Incomplete(text=text) if text:
                return [self._message(text) | {"status": "incomplete"}]
            case tools.Refusal(text):
                return [self._says({"type": "refusal", "refusal": text})]
            case ToolCalls(calls):
                return [self._function_call(*call) for call in calls]
            case tools.WorkflowAction():
                return self._workflow_action(part)
            case tools.Items(items):
                return [self._raw(dict(item)) for item in items]
            case tools.ConnectedAgent(name, arguments, output):
                return self._pair("a2a_preview_call", name, arguments, output)
            case FoundryTool(_, arguments, output, name):
                return self._pair(part.item_type, name, arguments, output)
            case _ if isinstance(part, tools.SERVER_PARTS):
                return [self._tool(part)]
            case _:
                return []

    def _make(self, type: str, **fields: Any) -> JSON:
        ids, response = self._world.ids, self._response
        prefix, partition = item_type(type)[0], partition_of(response.id)
        # Items of workflows are made by the conversation layer: their ids carry no time.
        make = ids.stored if response.is_workflow else ids.made
        item: JSON = {"type": type, "id": make(prefix, partition)}
        if response.agent is not None:
            item["agent_reference"] = response.agent.reference
        return item | {"response_id": response.id, **fields}

    def _raw(self, item: JSON) -> JSON:
        return self._make(item["type"]) | item

    def _says(self, content: JSON) -> JSON:
        fields = {"role": "assistant", "content": [content], "status": "completed"}
        return self._make("message", **fields)

    def _message(self, text: str, annotations: Sequence[JSON] = ()) -> JSON:
        content = {"type": "output_text", "text": text, "annotations": list(annotations)}
        # Recorded: a workflow's text has no log probabilities.
        return self._says(content if self._response.is_workflow else content | {"logprobs": []})

    def _call_id(self, id: str | None = None) -> str:
        return id or self._world.ids.classic("call")

    def _function_call(self, name: str, arguments: str, id: str | None) -> JSON:
        fields = {"call_id": self._call_id(id), "name": name, "arguments": arguments}
        return self._make("function_call", **fields, status="completed")

    def _pair(self, type: str, name: str, arguments: str, output: str) -> list[JSON]:
        """Build the call and the output of a tool of Foundry; recorded with ids of functions."""
        shared = {"call_id": self._call_id()} | ({"name": name} if name else {})
        ended = {"status": "completed"}
        call = self._make(type, **shared, arguments=arguments, **ended)
        return [call, self._make(f"{type}_output", **shared, output=output, **ended)]

    def _workflow_action(self, part: tools.WorkflowAction) -> list[JSON]:
        fields = {
            "kind": part.kind,
            "action_id": part.action_id,
            "parent_action_id": part.parent_action_id,
            "previous_action_id": part.previous_action_id,
        }
        action = self._make("workflow_action", **fields, status="completed")
        return [action] if part.says is None else [action, self._message(part.says)]

    def _tool(self, part: tools.ServerPart) -> JSON:
        match part:
            case tools.Reasoning(summary):
                texts = [{"type": "summary_text", "text": summary}] if summary else []
                return self._make("reasoning", summary=texts)
            case tools.FileSearch(queries, results):
                found = self._file_search_results(results)
                shown = {"status": "completed", "queries": list(queries)}
                return self._make("file_search_call", **shown, **found)
            case tools.CodeInterpreter():
                return self._code_interpreter(part)
            case tools.WebSearch(query):
                action = {"type": "search", "queries": [query], "query": query}
                return self._make("web_search_call", status="completed", action=action)
            case tools.GeneratedImage(result, prompt):
                return self._image(result, prompt)
            case tools.ComputerCall(action, checks, id):
                call = {"call_id": self._call_id(id), "action": dict(action)}
                pending = {"pending_safety_checks": [dict(check) for check in checks]}
                return self._make("computer_call", **call, **pending, status="completed")
            case tools.Consent(link, label):
                server = {} if label is None else {"server_label": label}
                return self._make("oauth_consent_request", consent_link=link, **server)
            case _:
                return self._mcp(part)

    def _mcp(self, part: tools.ServerPart) -> JSON:
        match part:
            case tools.McpTools(label, listed):
                shown = [_mcp_tool(tool) for tool in listed]
                return self._make("mcp_list_tools", server_label=label, tools=shown)
            case tools.McpApproval(label, name, arguments, id):
                call = {"server_label": label, "name": name, "arguments": arguments}
                item = self._make("mcp_approval_request", **call)
                return item | ({"id": id} if id else {})
            case tools.McpCall(label, name, arguments, output, error):
                call = {"server_label": label, "name": name, "arguments": arguments}
                ended = {"output": output, "status": "completed"}
                if error is not None:
                    ended = {"error": error, "status": "failed"}
                return self._make("mcp_call", **call, **ended, **self._approval())
            case _:
                raise TypeError(
                    f"a v2 agent cannot answer with {part!r}; script a classic agent for it"
                )

    def _approval(self) -> JSON:
        """Name the approval request that this response's input approves."""
        for item in self._response.inputs:
            if item["type"] == "mcp_approval_response" and item["approve"]:
                return {"approval_request_id": item["approval_request_id"]}
        return {}

    def _file_search_results(self, results: Sequence[Mapping[str, Any]] | None) -> JSON:
        if "file_search_call.results" not in self._includes:
            return {}
        return {"results": [{"attributes": {}} | dict(result) for result in results or ()]}

    def _code_interpreter(self, part: tools.CodeInterpreter) -> JSON:
        outputs: list[JSON] | None = None
        if "code_interpreter_call.outputs" in self._includes:
            logs = [{"type": "logs", "logs": part.logs}] if part.logs else []
            outputs = [*logs, *({"type": "image", "url": url} for url in part.images)]
        container = part.container_id or f"cntr_{self._world.ids.request()}{'0' * 16}"
        fields = {"container_id": container, "code": part.code, "outputs": outputs}
        return self._make("code_interpreter_call", status="completed", **fields)

    def _image(self, result: str, prompt: str | None) -> JSON:
        style = {
            "background": "opaque",
            "output_format": "png",
            "quality": "medium",
            "size": "1024x1024",
        }
        tools_given = self._response.definition.get("tools") or []
        asked: JSON = next((tool for tool in tools_given if tool["type"] == "image_generation"), {})
        style |= {key: asked[key] for key in style if asked.get(key) not in {None, "auto"}}
        painted = {"revised_prompt": prompt, "status": "completed", "result": result}
        return self._make("image_generation_call", **style, **painted)


def _annotation(citation: tools.Citation | Mapping[str, Any]) -> JSON:
    if isinstance(citation, Mapping):
        return dict(citation)
    place = {"start_index": citation.start, "end_index": citation.end}
    match citation.kind:
        case "url":
            page = {"url": citation.url, "title": citation.title}
            return {"type": "url_citation", **page, **place}
        case "file":
            file = {"file_id": citation.file_id, "filename": citation.filename}
            return {"type": "file_citation", **file, "index": citation.end}
        case "container_file":
            file = {"file_id": citation.file_id, "filename": citation.filename}
            container = {"container_id": citation.container_id}
            return {"type": "container_file_citation", **container, **file, **place}


def _mcp_tool(tool: Mapping[str, Any]) -> JSON:
    return {
        "name": tool["name"],
        "description": tool.get("description", ""),
        "input_schema": tool.get("schema", {"type": "object"}),
        "annotations": {},
    }
