"""What stands on the server: the messages of a conversation, a chain of responses, or a thread.

Read only, and put into the words of callers: what was said, calls of functions with their results,
requests for approval with what was decided. What tools of the server did in between is left out:
an answer's events tell of it, and no caller can send it. A thread of the classic generation does
not keep calls of functions: they stand in its runs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..errors import InvalidRequestError, NotFoundError
from ..events import ApprovalRequest, ConsentRequest
from ..jsonio import JSON, malformed
from ..messages import ApprovalReply, Media, Message, Part, Role, Text, ToolCall
from ..naming import check_handle, parse_handle
from .commands import Flow, Send
from .retry import is_transient
from .sending import fetch, read_list, retrying, send
from .turn import Turn

_PAGES = (("order", "asc"), ("limit", "100"))
_NEWEST = (("order", "desc"), ("limit", "100"))
_ROLES: Mapping[str, Role] = {
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "user": "user",
}


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread (classic) or conversation (v2) that the service keeps.

    Attributes:
        id: ``thread_…`` or ``conv_…``, as `thread_id` takes it.
        created_at: Unix seconds, or None.
        metadata: What is noted of it.
    """

    id: str
    created_at: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def read_history(turn: Turn, id: str) -> Flow[list[Message]]:
    """Read what was said, the oldest first.

    Args:
        turn: For settings and policy.
        id: ``conv_…`` or ``resp_…`` (v2), ``thread_…`` (classic).

    Raises:
        InvalidRequestError: It is of the other generation.
        ThreadNotFoundError: There is none.
    """
    handle = parse_handle(id)
    check_handle(handle, turn.settings.agent.generation)
    if handle.kind == "thread":
        route = turn.route(f"/threads/{id}/messages", *_PAGES)
        found = yield from read_list(route, turn, "read the thread")
        return [_said(message) for message in found]
    if handle.kind == "conversation":
        route = turn.route(f"/conversations/{id}/items", *_PAGES)
        return messages_of((yield from read_list(route, turn, "read the conversation")))
    return messages_of((yield from _chain(turn, id)))


def _chain(turn: Turn, id: str) -> Flow[list[JSON]]:
    """All items of a response and of those before it, the oldest first."""
    turns: list[list[JSON]] = []
    here: str | None = id
    while here is not None:
        response = yield from fetch(turn.route(f"/responses/{here}"), turn, "read the response")
        route = turn.route(f"/responses/{here}/input_items", *_PAGES)
        given = yield from read_list(route, turn, "read what was asked")
        turns.append([*given, *(response.get("output") or ())])
        here = response.get("previous_response_id")
    return [item for items in reversed(turns) for item in items]


def messages_of(items: Iterable[JSON]) -> list[Message]:
    """Put the items of a conversation into messages; what one turn says and asks is one message.

    Args:
        items: The oldest first.
    """
    said: list[Message] = []
    for item in items:
        with malformed(item):
            message = _message(item)
        if message is None:
            continue
        last = said[-1] if said else None
        if last is not None and last.role == message.role == "assistant":
            said[-1] = replace(
                last,
                parts=last.parts + message.parts,
                tool_calls=last.tool_calls + message.tool_calls,
                asks=last.asks + message.asks,
            )
        else:
            said.append(message)
    return said


def _message(item: JSON) -> Message | None:
    match item.get("type", "message"):
        case "message":
            return Message(_ROLES[item["role"]], tuple(_parts(item.get("content"))))
        case "function_call":
            call = ToolCall(item["call_id"], item["name"], item["arguments"])
            return Message("assistant", tool_calls=(call,))
        case "function_call_output":
            return Message("tool", tuple(_parts(item["output"])), tool_call_id=item["call_id"])
        case "mcp_approval_request":
            label = item.get("server_label")
            ask = ApprovalRequest(item["id"], item["name"], item.get("arguments") or "", label)
            return Message("assistant", asks=(ask,))
        case "oauth_consent_request":
            link = item.get("consent_link") or ""
            consent = ConsentRequest(item["id"], link, item.get("server_label"))
            return Message("assistant", asks=(consent,))
        case "mcp_approval_response":
            approved = item.get("approve") is True
            reply = ApprovalReply(item["approval_request_id"], approved, item.get("reason"))
            return Message("user", (reply,))
        case _:
            return None


def _parts(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield Text(content)
        return
    for part in content or ():
        yield from _part(part)


def _part(part: JSON) -> Iterator[Part]:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            text = part["text"]
            yield Text(text["value"] if isinstance(text, Mapping) else text)
        case "refusal":
            yield Text(part["refusal"])
        case "input_image" | "image_url" | "image_file":
            yield _media("image", part)
        case "input_file":
            yield _media("file", part)
        case _:
            return


def _media(kind: Literal["image", "file"], part: JSON) -> Media:
    inner = part.get("image_file") or part.get("image_url") or {}
    facts = inner if isinstance(inner, Mapping) else {"url": inner}
    url = facts.get("url") or part.get("file_url") or part.get("file_data")
    id, detail = (
        facts.get("file_id") or part.get("file_id"),
        facts.get("detail") or part.get("detail"),
    )
    if id:
        return Media(kind, file_id=id, name=part.get("filename"), detail=detail)
    mime, data = _inline(url or "")
    if data is not None:
        return Media(kind, data=data, mime_type=mime, name=part.get("filename"), detail=detail)
    return Media(kind, url=url, name=part.get("filename"), detail=detail)


def _inline(url: str) -> tuple[str | None, bytes | None]:
    """Media type and bytes of a data URL."""
    head, comma, data = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None, None
    try:
        return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(data)
    except binascii.Error:
        return None, None


def _said(message: JSON) -> Message:
    """A message of a classic thread; what is attached for tools to read is a file in it."""
    with malformed(message):
        attached = [
            Media("file", file_id=one["file_id"])
            for one in message.get("attachments") or ()
            if one.get("file_id")
        ]
        parts = (*_parts(message.get("content")), *attached)
        return Message(_ROLES[message["role"]], parts)


# --- which there are ----------------------------------------------------------------------------


def list_threads(turn: Turn) -> Flow[list[Thread]]:
    """List the threads or conversations of the project, newest first.

    Both lists are Azure's own: OpenAI has none.
    """
    path = "/threads" if turn.settings.agent.generation == "classic" else "/conversations"
    found = yield from read_list(turn.route(path, *_NEWEST), turn, "list the threads")
    return [_thread(wire) for wire in found]


def _thread(wire: JSON) -> Thread:
    with malformed(wire):
        return Thread(wire["id"], wire.get("created_at"), dict(wire.get("metadata") or {}))


_PLACES = {"conversation": "conversations", "thread": "threads", "response": "responses"}


def delete_thread(turn: Turn, id: str) -> Flow[None]:
    """Delete a thread, a conversation, or one response; after a lost answer, gone is deleted.

    Raises:
        ThreadNotFoundError: There was none.
    """
    handle = parse_handle(id)
    check_handle(handle, turn.settings.agent.generation)
    request = Send("DELETE", turn.route(f"/{_PLACES[handle.kind]}/{id}"))
    tries = 0

    def attempt() -> Flow[None]:
        nonlocal tries
        tries += 1
        try:
            yield from send(request, turn, "delete the thread")
        except NotFoundError:
            if tries == 1:
                raise

    yield from retrying(attempt, turn, when=is_transient)


def checked_age(days: object) -> float:
    """Seconds of a number of days.

    Args:
        days: More than 0.

    Raises:
        InvalidRequestError: It is none.
    """
    if isinstance(days, int | float) and not isinstance(days, bool) and days > 0:
        return float(days) * 86_400
    raise InvalidRequestError(f"older_than_days={days!r} must be a number above 0")
