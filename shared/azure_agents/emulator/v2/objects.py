"""v2 wire objects, written after the recordings.

Sources: v2/prompt_text_conversation.json (plain answers), v2/prompt_text_stream.json (the same
object in streams lists every field), v2/agents_crud.json, v2/background_poll.json,
v2/workflow_stream.json (a shorter object, the same in streams and plain), v2/responses_list.json,
v2/hosted_agent_endpoint.json.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..world.ids import partition_of
from .eras import show_response

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import Agent, AgentVersion, Conversation, Response, Session

_SAFE = {"filtered": False, "severity": "safe"}
_CLEAR = {"detected": False, "filtered": False}
_HARMS = {"hate": _SAFE, "sexual": _SAFE, "violence": _SAFE, "self_harm": _SAFE}

_NO_USAGE: JSON = {
    "input_tokens": 0,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 0,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 0,
}

# What the service fills in where an agent's tool leaves it out.
_TOOL_KEYS = ("type", "name", "description", "parameters", "vector_store_ids")  # shown first
_TOOL_DEFAULTS: dict[str, JSON] = {
    "file_search": {
        "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    },
    "code_interpreter": {"container": {"type": "auto"}},
    "web_search": {"search_context_size": "medium"},
    "web_search_preview": {"search_context_size": "medium"},
    "image_generation": {
        "n": 1,
        "output_format": "png",
        "output_compression": 100,
        "moderation": "auto",
        "background": "auto",
    },
}
_HIDDEN = {"memory_search": ("update_delay",)}  # recorded: it does not come back


def version_wire(version: AgentVersion) -> JSON:
    """Build an agent version."""
    return {
        "metadata": version.metadata,
        "object": "agent.version",
        "id": version.id,
        "name": version.name,
        "version": version.version,
        "description": version.description,
        "created_at": version.created_at,
        "definition": version.definition,
    }


def agent_wire(agent: Agent) -> JSON:
    """Build an agent with its latest version."""
    latest = agent.latest
    versions = {"latest": version_wire(latest)} if latest is not None else {}
    wire: JSON = {"object": "agent", "id": agent.name, "name": agent.name, "versions": versions}
    if agent.is_managed:  # later answers always have it, the recorded ones never
        wire |= {"state": agent.state, "configuration_state": agent.state}
    return wire | agent.details


def session_wire(agent: Agent, session: Session) -> JSON:
    """Build a session of a hosted agent."""
    latest = agent.latest
    return {
        "agent_session_id": session.id,
        "version_indicator": {
            "type": "version_ref",
            "agent_version": latest.version if latest else "",
        },
        "status": session.status,
        "created_at": session.created_at,
        "last_accessed_at": session.used_at,
        "expires_at": session.used_at + 30 * 86_400,
    }


def conversation_wire(conversation: Conversation) -> JSON:
    """Build a conversation; its items have routes of their own."""
    return {
        "id": conversation.id,
        "object": "conversation",
        "metadata": conversation.metadata,
        "created_at": conversation.created_at,
    }


def response_wire(response: Response) -> JSON:
    """Show a response as plain answers do: keys without a value are absent."""
    if response.is_workflow:
        wire = _workflow_wire(response)
        del wire["completed_at"]
        return wire
    if response.session is not None:
        return _hosted_wire(response, response.session)
    params, wire = response.params, _settings(response)
    wire["service_tier"] = "auto" if response.completed_at is None else "default"
    if response.previous_id is not None:
        wire["previous_response_id"] = response.previous_id
    if params.get("max_output_tokens") is not None:
        wire["max_output_tokens"] = params["max_output_tokens"]
    wire |= _body(response)
    if response.completed_at is not None:
        wire["completed_at"] = response.completed_at
    wire |= {
        "error": response.error,
        "incomplete_details": response.incomplete_details,
        "output": response.output,
        "instructions": response.definition.get("instructions"),
    }
    if response.usage is not None:
        wire["usage"] = response.usage
    wire["parallel_tool_calls"] = params.get("parallel_tool_calls", True)
    if response.conversation is not None:
        wire["conversation"] = {"id": response.conversation.id}
    wire |= {"agent_reference": response.agent.reference if response.agent else None}
    return show_response(response, wire, streamed=False)


def listed_response_wire(response: Response) -> JSON:
    """Show a response as lists do: with a partition key, and counts under misspelt names.

    Recorded, and not done here: the model with its version (``gpt-4.1-2025-04-14``).
    """
    if response.is_workflow or response.session is not None:  # not recorded in a list
        return response_wire(response)
    wire = {key: one for key, one in response_wire(response).items() if key not in _NOT_LISTED}
    key = {"partition_key": partition_of(response.id)}
    wire["output"] = [_with_key(item, key) for item in wire["output"]]
    if usage := wire.get("usage"):
        details = {name: usage[name] for name in _DETAILS}
        misspelt = {name.replace("tokens", "token"): one for name, one in details.items()}
        wire["usage"] = usage | dict.fromkeys(_DETAILS) | misspelt
    return wire


_NOT_LISTED = ("completed_at", "reasoning", "text")
_DETAILS = ("input_tokens_details", "output_tokens_details")


def _with_key(item: JSON, key: JSON) -> JSON:
    first = ("type", "id", "agent_reference", "response_id")
    return {name: item[name] for name in first if name in item} | key | item


def _settings(response: Response) -> JSON:
    definition = response.definition
    return {
        "metadata": response.params.get("metadata") or {},
        "top_logprobs": 0,
        "temperature": definition.get("temperature", 1),
        "top_p": definition.get("top_p", 1),
    }


def _body(response: Response) -> JSON:
    return {
        "model": response.model,
        "reasoning": response.definition.get("reasoning") or {"effort": "none"},
        "background": response.is_background,
        "text": _text_options(response),
        "tools": _tools(response),
        "tool_choice": response.params.get("tool_choice") or "auto",
        "truncation": response.params.get("truncation") or "disabled",
        "id": response.id,
        "object": "response",
        "status": response.status,
        "created_at": response.created_at,
    }


def _text_options(response: Response) -> JSON:
    text = response.definition.get("text") or {}
    format = dict(text.get("format") or {"type": "text"})
    if format["type"] == "json_schema":
        format.setdefault("strict", True)
    return {"format": format, "verbosity": text.get("verbosity") or "medium"}


def _tools(response: Response) -> list[JSON]:
    return [_shown_tool(tool) for tool in response.definition.get("tools") or []]


def _shown_tool(tool: JSON) -> JSON:
    hidden = _HIDDEN.get(tool["type"], ())
    given = {key: value for key, value in tool.items() if key not in hidden}
    full = _TOOL_DEFAULTS.get(tool["type"], {}) | given
    return {key: full[key] for key in _TOOL_KEYS if key in full} | full


def streamed_response_wire(response: Response) -> JSON:
    """Show a response as stream events do: every field is there, null if it has no value."""
    if response.is_workflow:
        return _workflow_wire(response)
    if response.session is not None:
        return _hosted_wire(response, response.session)
    params, definition = response.params, response.definition
    conversation = response.conversation
    reasoning = {"effort": "none", "summary": None} | (definition.get("reasoning") or {})
    wire: JSON = {
        "id": response.id,
        "object": "response",
        "created_at": response.created_at,
        "status": response.status,
        "background": response.is_background,
        "completed_at": response.completed_at,
        "content_filters": _filters(response) if response.usage else None,
        **({"conversation": {"id": conversation.id}} if conversation else {}),
        "error": response.error,
        "frequency_penalty": 0.0,
        "incomplete_details": response.incomplete_details,
        "instructions": definition.get("instructions"),
        "max_output_tokens": params.get("max_output_tokens"),
        "max_tool_calls": params.get("max_tool_calls"),
        "model": response.model,
        "output": response.output if response.usage else [],
        "parallel_tool_calls": params.get("parallel_tool_calls", True),
        "presence_penalty": 0.0,
        "previous_response_id": response.previous_id,
        "prompt_cache_key": params.get("prompt_cache_key"),
        "prompt_cache_retention": None,
        "reasoning": reasoning,
        "safety_identifier": params.get("safety_identifier"),
        "service_tier": "auto" if response.completed_at is None else "default",
        "store": response.is_stored,
        "temperature": float(definition.get("temperature", 1)),
        "text": _text_options(response),
        "tool_choice": params.get("tool_choice"),
        "tools": _tools(response),
        "top_logprobs": 0,
        "top_p": float(definition.get("top_p", 1)),
        "truncation": params.get("truncation") or "disabled",
        "usage": response.usage,
        "user": params.get("user"),
        "metadata": params.get("metadata") or {},
    }
    wire |= {"agent_reference": response.agent.reference} if response.agent else {}
    return show_response(response, wire, streamed=True)


def _hosted_wire(response: Response, session: Session) -> JSON:
    wire: JSON = {
        "id": response.id,
        "object": "response",
        "output": response.output,
        "created_at": response.created_at,
        "agent_reference": response.agent.reference if response.agent else None,
        "status": response.status,
    }
    if response.completed_at is not None:
        wire["completed_at"] = response.completed_at
    if response.error is not None:
        wire["error"] = response.error
    wire |= {"response_id": response.id, "model": "", "agent_session_id": session.id}
    return wire | {"background": response.is_background}


def _workflow_wire(response: Response) -> JSON:
    wire: JSON = {
        "metadata": response.params.get("metadata") or {},
        "service_tier": "auto",
        "model": "",
        "background": response.is_background,
        "tools": [],
        "truncation": "auto",
        "id": response.id,
        "object": "response",
        "status": response.status,
        "created_at": response.created_at,
        "completed_at": response.completed_at or response.created_at,
        "error": response.error,
        "incomplete_details": response.incomplete_details,
        "output": response.output,
        "instructions": "",
    }
    if response.usage is not None:  # recorded: a workflow's text and tokens are not counted
        wire |= {"output_text": "", "usage": _NO_USAGE}
    wire["parallel_tool_calls"] = True
    if response.conversation is not None:
        wire["conversation"] = {"id": response.conversation.id}
    return wire | {"agent_reference": response.agent.reference if response.agent else None}


def _filters(response: Response) -> list[JSON]:
    length = sum(len(str(item)) for item in response.inputs)
    prompt = {"indirect_attack": _CLEAR, "jailbreak": _CLEAR} | _HARMS
    completion = {"protected_material_code": _CLEAR, "protected_material_text": _CLEAR} | _HARMS
    found = [_filter("completion", completion, length)]
    # Recorded: what a function or a search in files said is not a prompt.
    is_asked = not response.inputs or response.inputs[-1]["type"] == "message"
    is_first = not response.output or response.output[0]["type"] != "file_search_call"
    return [_filter("prompt", prompt, length), *found] if is_asked and is_first else found


def _filter(source: str, results: JSON, length: int) -> JSON:
    return {
        "blocked": False,
        "source_type": source,
        "content_filter_raw": [],
        "content_filter_results": results,
        "content_filter_offsets": {"start_offset": 0, "end_offset": length, "check_offset": 0},
    }
