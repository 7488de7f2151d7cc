"""Canonical messages to thread messages, and classic objects to events. Pure.

Threads have two roles, user and assistant. System messages travel with the run. Tool calls, and
results that cannot be submitted to their run any more, become text of the assistant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from ...content.computer import OUTPUT, answer_fields, computer_call
from ...content.media import data_url
from ...content.wording import call_text, described, placeholder, result_text, text_of
from ...errors import InvalidRequestError
from ...events import (
    ApprovalRequest,
    Citation,
    Event,
    FinishReason,
    MediaOutput,
    Other,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from ...jsonio import JSON
from ...messages import ApprovalReply, Media, Message, Part, Text, ToolCall
from ...naming import shown
from ..server_tools import file_made, image_at
from .step_tools import CALLS, COMPUTER
from .wire import RunObject, ThreadMessage

_NEAR = 10_000  # characters to each side
_TABLES = (".csv", ".xlsx", ".xls", ".tsv", ".parquet")

# --- requests -----------------------------------------------------------------------------------


def check_messages(messages: Sequence[Message]) -> None:
    """Refuse new messages with parts that no classic agent takes.

    Older messages were answered, maybe by another model: `encode_messages` puts such parts into
    words.

    Raises:
        InvalidRequestError: A file that is not uploaded.
    """
    newest = max((at for at, each in enumerate(messages) if each.role == "assistant"), default=0)
    for message in messages[newest:]:
        for part in message.parts if message.role == "user" else ():
            if isinstance(part, Media) and _is_not_uploaded(part):
                named = shown(part.name or part.url) if part.name or part.url else "without a name"
                raise InvalidRequestError(
                    f"the file {named} is not uploaded: a message to a classic agent takes files "
                    "by id only, so upload it with the client's `files.attach(path)` "
                    "(`llm.client.files`)"
                )


def encode_messages(messages: Sequence[Message]) -> list[ThreadMessage]:
    """Return messages as thread messages, in order; system messages are left out."""
    return [_message(message) for message in messages if message.role != "system"]


def _message(message: Message) -> ThreadMessage:
    if message.role == "tool":
        # Not in the role of the user: the agent obeys users, and results are no orders.
        return ThreadMessage(role="assistant", content=result_text(message))
    files = [part for part in message.parts if isinstance(part, Media) and part.kind == "file"]
    attached = [part for part in files if not _is_not_uploaded(part)]
    parts = [_sendable(part) for part in message.parts if part not in attached]
    if message.tool_calls:
        calls = "\n".join(map(call_text, message.tool_calls))
        parts.append(Text(f"\n{calls}" if message.text else calls))
    if attached and all(isinstance(part, Text) and not part.text.strip() for part in parts):
        # The service takes no message without content ("Message content must be non-empty").
        parts = [Text(", ".join(f"[{described(part)}]" for part in attached))]
    encoded = ThreadMessage(role=message.role, content=_content(parts))
    if attached:
        encoded["attachments"] = list(map(_attachment, attached))
    return encoded


def _is_not_uploaded(part: Media) -> bool:
    return part.kind == "file" and part.file_id is None


def _sendable(part: Part) -> Part:
    if isinstance(part, Media) and _is_not_uploaded(part):
        return Text(placeholder(described(part)))
    return part


def _attachment(part: Media) -> dict[str, Any]:
    """Return the attachment for an uploaded file, with the tool that reads such files."""
    # File search refuses tables (recorded for ``.csv``); that code interpreter reads them is
    # documented, that a name shows which they are is our guess.
    is_table = (part.name or "").lower().endswith(_TABLES)
    tool = "code_interpreter" if is_table else "file_search"
    return {"file_id": part.file_id, "tools": [{"type": tool}]}


def _content(parts: Sequence[Part]) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_part(part) for part in parts if part != Text("")]


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, ApprovalReply):
        raise InvalidRequestError(
            f"the approval of {part.request_id!r} does not answer a run that waits for it: "
            "send it right after the answer that asked"
        )
    return _image(part)


def _image(part: Media) -> dict[str, Any]:
    detail = part.detail or "auto"
    if part.file_id:
        return {"type": "image_file", "image_file": {"file_id": part.file_id, "detail": detail}}
    # A data URL in `image_url` is what OpenAI's service takes; on Azure it is a guess.
    url = part.url or data_url(part.data or b"", part.mime_type or "image/png")
    return {"type": "image_url", "image_url": {"url": url, "detail": detail}}


def encode_outputs(messages: Sequence[Message]) -> dict[str, list[dict[str, Any]]]:
    """Return tool messages and approvals as the fields of a submission to a paused run."""
    outputs = [_tool_output(message) for message in messages if message.role == "tool"]
    approvals = [
        {"tool_call_id": part.request_id, "approve": part.approve}
        for message in messages
        for part in message.parts
        if isinstance(part, ApprovalReply)
    ]
    fields: dict[str, list[dict[str, Any]]] = {}
    if outputs:
        fields["tool_outputs"] = outputs
    if approvals:
        fields["tool_approvals"] = approvals
    return fields


def _tool_output(message: Message) -> dict[str, Any]:
    answered = {"tool_call_id": message.tool_call_id or ""}
    if message.computer is not None:
        return {"type": OUTPUT, **answered, **answer_fields(message, message.computer)}
    return {**answered, "output": text_of(message)}


def system_text(messages: Sequence[Message]) -> str:
    """Join all system messages, with a blank line between two."""
    return "\n\n".join(m.text for m in messages if m.role == "system" and not m.is_empty)


# --- answers ------------------------------------------------------------------------------------


def message_events(message: dict[str, Any]) -> Iterator[Event]:
    """Yield the events of a finished message."""
    item = message.get("id") or ""
    made: list[MediaOutput] = []
    for place, part in enumerate(message.get("content") or ()):
        number = part.get("index", place)
        yield from part_events(part, item, number)
        if part.get("type") == "text":
            for annotation in part["text"].get("annotations") or ():
                yield _annotation(annotation, item, number, part["text"].get("value") or "")
                made += _file_made(annotation, item)
    yield from made


def part_events(part: dict[str, Any], item: str, number: int) -> Iterator[Event]:
    """Yield the events of a content part, whole or a delta; citations come with the whole text."""
    kind = part.get("type", "")
    if kind == "text":
        text = part.get("text") or {}
        if text.get("value"):
            yield TextDelta(text["value"], item, number)
    elif kind == "refusal":
        yield RefusalDelta(part.get("refusal") or "", item, number)
    elif kind == "image_file":
        yield MediaOutput(item, "image", file_id=part["image_file"].get("file_id"))
    elif kind == "image_url":
        yield from image_at(item, part["image_url"].get("url"))
    else:
        yield Other(kind, part)


def _annotation(annotation: dict[str, Any], item: str, part: int, text: str) -> Event:
    kind = annotation.get("type", "")
    start, end = _span(annotation, text)
    where = partial(
        Citation, item=item, part=part, start=start, end=end, marker=annotation.get("text")
    )
    source = annotation.get(kind) or {}
    if kind == "url_citation":
        return where("url", url=source.get("url"), title=source.get("title"))
    if kind == "file_citation":
        quote = source.get("quote") or None  # "" in deltas, left out in the message (recorded)
        return where("file", file_id=source.get("file_id"), quote=quote)
    if kind == "file_path":
        return where("file_path", file_id=source.get("file_id"), filename=_file_name(annotation))
    return Other(f"annotation.{kind}", annotation)


def _span(annotation: dict[str, Any], text: str) -> tuple[int | None, int | None]:
    """Return the span of a marker: the indices sent, or the nearest place where it really is."""
    start, end, marker = (annotation.get(n) for n in ("start_index", "end_index", "text"))
    if not marker or start is None:
        return start, end
    if end == start + len(marker) and text.startswith(marker, start):
        return start, end
    # Only near the index: with many markers, a search of the whole text for each takes for ever.
    before = text.rfind(marker, max(0, start - _NEAR), start + len(marker) - 1)
    after = text.find(marker, max(0, start), start + _NEAR + len(marker))
    places = [place for place in (before, after) if place >= 0]
    if not places:
        return start, end
    nearest = min(places, key=lambda place: abs(place - start))
    return nearest, nearest + len(marker)


def _file_made(annotation: dict[str, Any], item: str) -> Iterable[MediaOutput]:
    if annotation.get("type") != "file_path":
        return ()
    source = annotation.get("file_path") or {}
    return file_made(item, source.get("file_id"), _file_name(annotation))


def _file_name(annotation: dict[str, Any]) -> str | None:
    """Return the name at the end of a marker like ``sandbox:/mnt/data/plot.png``."""
    return (annotation.get("text") or "").rpartition("/")[2] or None


def message_text(message: dict[str, Any]) -> str:
    """Join the text parts of a message, refusals included."""
    parts = message.get("content") or ()
    return "".join((p.get("text") or {}).get("value") or p.get("refusal") or "" for p in parts)


def required_calls(run: RunObject) -> list[ToolCall]:
    """Return the calls of functions, and of a computer, that a paused run waits for."""
    return [
        computer_call(call["id"], call[COMPUTER])
        if call.get("type") == COMPUTER
        else ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
        for call in _waiting_calls(run)
    ]


def _waiting_calls(run: RunObject) -> list[dict[str, Any]]:
    return ((run.get("required_action") or {}).get("submit_tool_outputs") or {}).get(
        "tool_calls"
    ) or []


def required_ids(run: JSON) -> set[str]:
    """Return the ids of all calls that a paused run waits for: of functions and for approvals."""
    actions = (run.get("required_action") or {}).values()
    waiting = [action for action in actions if isinstance(action, dict)]
    return {call["id"] for action in waiting for call in action.get("tool_calls") or ()}


def required_events(run: RunObject) -> Iterator[Event]:
    """Yield the events of the calls and approvals that a paused run waits for."""
    functions = [call for call in required_calls(run) if call.kind == "function"]
    for index, call in enumerate(functions):
        yield ToolCallDelta(index, call.id, call.name, call.arguments)
    for asked in _waiting_calls(run):
        if asked.get("type") == COMPUTER:
            yield CALLS[COMPUTER].call(asked["id"], asked[COMPUTER])
    approval = (run.get("required_action") or {}).get("submit_tool_approval") or {}
    for request in approval.get("tool_calls") or ():
        yield ApprovalRequest(
            request["id"],
            request.get("name") or "",
            request.get("arguments") or "",
            request.get("server_label"),
        )


def decode_usage(run: RunObject) -> Usage | None:
    """Read the token counts of a run; None before its end."""
    usage = run.get("usage")
    if not usage:
        return None
    # Recorded without its "s"; the other name is that of OpenAI.
    details = usage.get("prompt_token_details") or usage.get("prompt_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        int(usage.get("total_tokens") or 0),
        _detail(details.get("cached_tokens")),
        _detail((usage.get("completion_tokens_details") or {}).get("reasoning_tokens")),
    )


def _detail(count: Any) -> int | None:
    return None if count is None else int(count)


def finish_reason(run: RunObject) -> FinishReason:
    """Return why a run ended or paused, in OpenAI's words."""
    if run.get("status") == "requires_action":
        return (
            "tool_calls" if required_calls(run) else "stop"
        )  # an approval is no call of a function
    if run.get("status") != "incomplete":
        return "stop"
    return "content_filter" if incomplete_reason(run) == "content_filter" else "length"


def incomplete_reason(run: RunObject) -> str | None:
    """Return the service's reason for an incomplete run."""
    return (run.get("incomplete_details") or {}).get("reason")


def finish_details(run: RunObject) -> dict[str, Any]:
    """Return facts about the end of a run besides its reason."""
    incomplete = run.get("incomplete_details") or {}
    return {"incomplete_details": incomplete} if incomplete.keys() - {"reason"} else {}
