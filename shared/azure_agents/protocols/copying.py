"""Copy a thread without the messages that make it unusable: the way out of a poisoned thread.

Messages are copied, and on a conversation function calls with their results. Approvals and requests
to sign in are put into words (`threads.approvals`). Items of server-side tools are left out, since
no client can create them, and so is a call that was never answered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

from ..errors import BadRequestError, InvalidRequestError
from ..events import ApprovalRequest, ConsentRequest
from ..jsonio import JSON, dumps
from ..messages import ApprovalReply, Message
from ..naming import check_handle, parse_handle
from ..threads.approvals import RAN, ApprovalRecords
from .commands import Flow, Send
from .options import OPERATION
from .retry import is_transient
from .sending import is_too_large, read_list, read_object, retrying, send
from .turn import Turn

_MOST_ITEMS = 20  # per request, recorded
_CALLERS = ("user", "system", "developer")
_PAGES = (("order", "asc"), ("limit", "100"))


def fork_thread(turn: Turn, thread_id: str, without: Collection[str]) -> Flow[str]:
    """Copy a thread or conversation; returns the id of the copy.

    Args:
        turn: For settings and policy.
        thread_id: ``thread_…`` or ``conv_…``.
        without: Ids of messages or items to leave out.

    Raises:
        InvalidRequestError: It is no thread of the agent's generation.
    """
    handle = parse_handle(thread_id)
    check_handle(handle, turn.settings.agent.generation)
    if handle.kind == "conversation":
        return (yield from _fork_conversation(turn, thread_id, without))
    if handle.kind == "thread":
        return (yield from _fork_classic(turn, thread_id, without))
    raise InvalidRequestError(
        f"{thread_id!r} cannot be forked: give a 'thread_…' or 'conv_…' id; a 'resp_…' branches by "
        "itself when it is pinned"
    )


def _fork_conversation(turn: Turn, thread: str, without: Collection[str]) -> Flow[str]:
    path = "/conversations"
    route = turn.route(f"{path}/{thread}/items", *_PAGES)
    items = yield from read_list(route, turn, "read the thread")
    copies = list(_copied_items([item for item in items if item.get("id") not in without]))
    first, rest = copies[:_MOST_ITEMS], copies[_MOST_ITEMS:]
    made = yield from _post(turn, path, {"items": first, "metadata": _metadata(turn)})
    for start in range(0, len(rest), _MOST_ITEMS):
        # Not repeated: an item that was added twice would stay twice.
        batch = {"items": rest[start : start + _MOST_ITEMS]}
        yield from _post(turn, f"{path}/{made['id']}/items", batch, repeats=False)
    return str(made["id"])


def _copied_items(items: list[JSON]) -> Iterator[JSON]:
    answered = {i.get("call_id") for i in items if i.get("type") == "function_call_output"}
    called = {i.get("call_id") for i in items if i.get("type") == "function_call"}
    messages = list(map(_as_message, items))
    records = ApprovalRecords(messages)
    for index, item in enumerate(items):
        kind = item.get("type")
        if kind == "message":
            yield {"type": kind, "role": item["role"], "content": item["content"]}
        elif kind == "function_call" and item["call_id"] in answered:
            yield {key: item[key] for key in ("type", "call_id", "name", "arguments")}
        elif kind == "function_call_output" and item["call_id"] in called:
            yield {key: item[key] for key in ("type", "call_id", "output")}
        elif words := records.render(index, messages[index]).text:
            block = "output_text" if messages[index].role == "assistant" else "input_text"
            content = [{"type": block, "text": words}]
            yield {"type": "message", "role": messages[index].role, "content": content}


def _as_message(item: JSON) -> Message:
    """Return the message that an item is part of, as far as approvals are concerned."""
    match item.get("type"):
        case "mcp_approval_request":
            arguments = item.get("arguments") or ""
            ask = ApprovalRequest(item["id"], item["name"], arguments, item.get("server_label"))
            return Message("assistant", asks=(ask,))
        case "oauth_consent_request":
            link = item.get("consent_link") or ""
            return Message(
                "assistant", asks=(ConsentRequest(item["id"], link, item.get("server_label")),)
            )
        case "mcp_approval_response":
            id, approve = item["approval_request_id"], item.get("approve") is True
            return Message("user", (ApprovalReply(id, approve, item.get("reason")),))
        case "mcp_call" if request := item.get("approval_request_id"):
            return Message("assistant", outcomes={request: RAN})
        case _:
            return Message("user" if item.get("role") in _CALLERS else "assistant")


def _fork_classic(turn: Turn, thread: str, without: Collection[str]) -> Flow[str]:
    route = turn.route(f"/threads/{thread}/messages", *_PAGES)
    messages = yield from read_list(route, turn, "read the thread")
    kept = [_copied_message(m) for m in messages if m.get("id") not in without]
    try:
        body = {"messages": kept, "metadata": _metadata(turn)}
        made = yield from _post(turn, "/threads", body)
    except BadRequestError as error:
        if not is_too_large(error):
            raise
        made = yield from _post(turn, "/threads", {"metadata": _metadata(turn)})
        for message in kept:
            path = f"/threads/{made['id']}/messages"
            yield from _post(turn, path, message, repeats=False)
    return str(made["id"])


def _metadata(turn: Turn) -> JSON:
    """Return the metadata of the copy; by it one whose answer was lost can be found."""
    return {OPERATION: turn.operation}


def _copied_message(message: JSON) -> JSON:
    content = [_copied_part(part) for part in message.get("content") or ()]
    copy: JSON = {"role": message["role"], "content": content}
    if message.get("attachments"):
        copy["attachments"] = message["attachments"]
    return copy


def _copied_part(part: JSON) -> JSON:
    if part.get("type") == "text":
        return {"type": "text", "text": part["text"]["value"]}
    return part


def _post(turn: Turn, path: str, body: Any, *, repeats: bool = True) -> Flow[JSON]:
    """POST a JSON body and read the reply; `repeats` where a lost copy would only be an orphan."""
    request = Send("POST", turn.route(path), dumps(body))
    attempt = partial(send, request, turn, "copy the thread")
    reply = yield from (retrying(attempt, turn, when=is_transient) if repeats else attempt())
    return read_object(reply)
