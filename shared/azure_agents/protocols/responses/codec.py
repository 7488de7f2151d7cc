"""Canonical messages to v2 input items, and v2 output items to events. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ...content.computer import OUTPUT, answer_fields, computer_call
from ...content.media import data_url
from ...content.wording import FAILED
from ...errors import InvalidRequestError
from ...events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    FinishReason,
    MediaOutput,
    Other,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ...messages import ApprovalReply, Media, Message, Part, Text, ToolCall, assistant
from ...naming import AgentName
from ..server_tools import file_made
from . import items
from .wire import AgentReference, InputItem, ResponseObject

_LONGEST_ID, _LONGEST_NAME = 64, 128  # characters
_ODD = re.compile(r"[^A-Za-z0-9_-]")

# --- requests -----------------------------------------------------------------------------------


def encode_agent(agent: AgentName) -> AgentReference:
    """Return the agent reference of a request."""
    reference = AgentReference(type="agent_reference", name=agent.name)
    if agent.version is not None:
        reference["version"] = agent.version
    return reference


def encode_input(messages: Sequence[Message]) -> list[InputItem]:
    """Return messages as input items, in order."""
    ids = {call.id: _bounded_id(call.id) for message in messages for call in message.tool_calls}
    return [item for message in messages for item in _items(_bounded(message, ids))]


def _bounded(message: Message, ids: Mapping[str, str]) -> Message:
    """Return a message whose calls have ids and names that the service accepts.

    It accepts ids of 64 characters and names of 128, without dot, colon or space (public reports of
    histories that came from other providers). A result whose call is not in this input keeps its
    id, since the service has that call.
    """
    calls = tuple(
        replace(call, id=ids[call.id], name=_ODD.sub("_", call.name)[:_LONGEST_NAME])
        for call in message.tool_calls
    )
    answered = message.tool_call_id
    result = None if answered is None else ids.get(answered, answered)
    return replace(message, tool_calls=calls, tool_call_id=result)


def _bounded_id(call_id: str) -> str:
    if len(call_id) <= _LONGEST_ID:
        return call_id
    return f"call_{sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _items(message: Message) -> Iterator[InputItem]:
    if message.role == "tool" and message.computer is not None:
        yield InputItem(
            type=OUTPUT,
            call_id=message.tool_call_id or "",
            **answer_fields(message, message.computer),  # type: ignore[typeddict-item]
        )
        return
    if message.role == "tool":
        yield InputItem(
            type="function_call_output",
            call_id=message.tool_call_id or "",
            output=_output(message),
        )
        return
    approvals = [part for part in message.parts if isinstance(part, ApprovalReply)]
    content = tuple(part for part in message.parts if not isinstance(part, ApprovalReply))
    if any(not isinstance(part, Text) or part.text for part in content):
        yield InputItem(type="message", role=message.role, content=_content(content))
    for call in message.tool_calls:
        yield InputItem(
            type="function_call", call_id=call.id, name=call.name, arguments=call.arguments
        )
    yield from map(_request, message.asks)
    yield from map(_approval, approvals)


def _output(message: Message) -> str | list[dict[str, Any]]:
    # The wire has no mark for errors. A text says so itself; silence would look like a success.
    is_silent = message.is_error and not message.text.strip()
    is_silent = is_silent and not any(isinstance(part, Media) for part in message.parts)
    return FAILED if is_silent else _content(message.parts)


def _request(ask: ApprovalRequest | ConsentRequest) -> InputItem:
    """Return the item of an approval request whose answer is not stored by the service.

    The input types of OpenAI's SDK have it; it was not recorded, on Foundry or elsewhere.
    """
    if isinstance(ask, ConsentRequest):
        raise InvalidRequestError(
            f"the request for consent {ask.id!r} cannot be sent to the agent: leave it out"
        )
    return InputItem(
        type="mcp_approval_request",
        id=ask.id,
        server_label=ask.server_label or "",
        name=ask.name,
        arguments=ask.arguments,
    )


def _approval(reply: ApprovalReply) -> InputItem:
    item = InputItem(
        type="mcp_approval_response", approval_request_id=reply.request_id, approve=reply.approve
    )
    if reply.reason is not None:
        item["reason"] = reply.reason
    return item


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    """Return one string where there is only text: the shortest form, and the recorded one."""
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_part(part) for part in parts if not isinstance(part, ApprovalReply)]


def _part(part: Text | Media) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        source = {"file_id": part.file_id} if part.file_id else {"image_url": _url(part)}
        return {"type": "input_image", "detail": part.detail or "auto", **source}
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": part.name or "file", "file_data": _inline(part)}


def _url(part: Media) -> str:
    return part.url if part.url is not None else _inline(part)


def _inline(part: Media) -> str:
    return data_url(part.data or b"", part.mime_type or "application/octet-stream")


# --- answers ------------------------------------------------------------------------------------


def response_events(response: ResponseObject) -> Iterator[Event]:
    """Yield every event of a stored or final response, except ids and usage."""
    calls = 0
    for item in response.get("output") or ():
        yield from item_events(item, calls)
        calls += item.get("type") == "function_call"


def item_events(item: dict[str, Any], call_index: int) -> Iterable[Event]:
    """Return the events of one finished output item."""
    kind = item.get("type", "")
    if kind == "message":
        return _message(item)
    if kind == "function_call":
        call = (item.get("call_id") or "", item.get("name") or "", item["arguments"] or "")
        return (ToolCallDelta(call_index, *call),)
    if kind == "reasoning":  # often without any text: only an id, or encrypted
        return _reasoning(item, item.get("id") or "")
    return items.done(item)


def _message(item: dict[str, Any]) -> Iterator[Event]:
    for number, part in enumerate(item.get("content") or ()):
        yield from _part_events(part, item.get("id") or "", number)
    yield from files_of(item)


def files_of(message: dict[str, Any]) -> Iterator[MediaOutput]:
    """Yield the files that a message refers to as made by the agent."""
    for part in message.get("content") or ():
        for annotation in part.get("annotations") or ():
            if annotation.get("type") in ("container_file_citation", "file_path"):
                place = (annotation.get(n) for n in ("file_id", "filename", "container_id"))
                yield from file_made(message.get("id") or "", *place)


def _part_events(part: dict[str, Any], item: str, number: int) -> Iterator[Event]:
    if part.get("type") == "output_text":
        if part.get("text"):
            yield TextDelta(part["text"], item, number)
        for annotation in part.get("annotations") or ():
            yield citation(annotation, item, number)
    elif part.get("type") == "refusal":
        yield RefusalDelta(part.get("refusal") or "", item, number)
    else:
        yield Other(part.get("type", ""), part)


def _reasoning(item: dict[str, Any], item_id: str) -> Iterator[ReasoningDelta]:
    for number, part in enumerate(item.get("summary") or ()):
        yield ReasoningDelta(part.get("text") or "", item_id, number)
    for number, part in enumerate(item.get("content") or ()):
        yield ReasoningDelta(part.get("text") or "", item_id, reasoning_part(number))


def reasoning_part(content_index: int) -> int:
    """Return the part number of raw reasoning text, apart from the numbers of the summary."""
    return -1 - content_index


_CITATIONS = {
    "url_citation": "url",
    "file_citation": "file",
    "container_file_citation": "container_file",
    "file_path": "file_path",
}


def citation(annotation: dict[str, Any], item: str, part: int) -> Event:
    """Return the event of an annotation; kinds that are not listed here are passed on whole."""
    kind = _CITATIONS.get(annotation.get("type", ""))
    if kind is None:
        return Other(f"annotation.{annotation.get('type', '')}", annotation)
    # The index of a file path counts files; that of a file citation is a place in the text.
    index = None if kind == "file_path" else annotation.get("index")
    start = annotation.get("start_index", index)
    return Citation(
        kind,  # type: ignore[arg-type]
        item,
        part,
        start,
        annotation.get("end_index", start),
        url=annotation.get("url"),
        title=annotation.get("title"),
        file_id=annotation.get("file_id"),
        filename=annotation.get("filename"),
        container_id=annotation.get("container_id"),
    )


def answer_message(response: ResponseObject) -> Message:
    """Return the answer as the server keeps it: text, refusals and calls."""
    text: list[str] = []
    calls: list[ToolCall] = []
    for item in response.get("output") or ():
        if item.get("type") == "message":
            text += (p.get("text") or p.get("refusal") or "" for p in item.get("content") or ())
        elif item.get("type") == "function_call":
            calls.append(ToolCall(item["call_id"], item["name"], item["arguments"]))
        elif item.get("type") == "computer_call":
            calls.append(computer_call(items.item_id(item), item))
    return assistant("".join(text), *calls)


def decode_usage(response: ResponseObject) -> Usage | None:
    """Read the token counts of a response; None before its end."""
    usage = response.get("usage")
    if not usage:
        return None
    return Usage(
        int(usage.get("input_tokens") or 0),
        int(usage.get("output_tokens") or 0),
        int(usage.get("total_tokens") or 0),
        _detail(usage, "input", "cached_tokens"),
        _detail(usage, "output", "reasoning_tokens"),
    )


def _detail(usage: Mapping[str, Any], side: str, name: str) -> int | None:
    # Recorded in lists of responses: the details are null, and their values stand under a
    # name without its "s". Where neither says anything the count is unknown, not 0.
    for details in (usage.get(f"{side}_tokens_details"), usage.get(f"{side}_token_details")):
        count = (details or {}).get(name)
        if count is not None:
            return int(count)
    return None


def finish_reason(response: ResponseObject) -> FinishReason:
    """Return why a completed or incomplete response ended, in OpenAI's words."""
    reason = incomplete_reason(response)
    if reason == "content_filter":
        return "content_filter"
    kinds = {item.get("type") for item in response.get("output") or ()}
    # A user who must sign in first may leave the response incomplete, without a reason.
    if reason or (response.get("status") == "incomplete" and "oauth_consent_request" not in kinds):
        return "length"
    return "tool_calls" if kinds & {"function_call", "computer_call"} else "stop"


def incomplete_reason(response: ResponseObject) -> str | None:
    """Return the service's reason for an incomplete response."""
    return (response.get("incomplete_details") or {}).get("reason")


def finish_details(response: ResponseObject) -> dict[str, Any]:
    """Return facts about the end of a response besides its reason: filters, session, details."""
    details: dict[str, Any] = {}
    if filters := response.get("content_filters"):
        details["content_filters"] = filters
    if session := response.get("agent_session_id"):  # of a hosted agent
        details["agent_session_id"] = session
    incomplete = response.get("incomplete_details") or {}
    if incomplete.keys() - {"reason"}:
        details["incomplete_details"] = incomplete
    return details
