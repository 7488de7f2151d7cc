"""OpenAI chat messages as the core's: what the agent cannot be told is refused, nothing vanishes.

A message is a dictionary or an object that dumps to one (ours, OpenAI's, LiteLLM's). What an
assistant message holds besides text, refusals and calls is the agent's own work, which the server
has already. No URL is fetched: the service does that.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from .errors import InvalidRequestError
from .jsonio import dumps
from .messages import ApprovalReply, Media, Message, Part, Role, Text, ToolCall, said_by
from .naming import shown

_Dict: TypeAlias = Mapping[str, Any]

ANCHOR_FIELD = "foundry"  # in `provider_specific_fields` of an answer

_ROLES: dict[str, Role] = {
    "assistant": "assistant",
    "developer": "system",
    "function": "tool",  # the predecessor of tool messages
    "system": "system",
    "tool": "tool",
    "user": "user",
}
_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^,]*)?;base64,(?P<data>.*)", re.DOTALL)


def to_messages(messages: Sequence[object]) -> tuple[Message, ...]:
    """Map a whole history.

    Raises:
        InvalidRequestError: No list of messages, or something that an agent cannot be told.
    """
    if isinstance(messages, str | bytes | Mapping) or not isinstance(messages, Sequence):
        raise InvalidRequestError(
            f"messages must be a list of messages, got {type(messages).__name__}: "
            "pass for instance [{'role': 'user', 'content': 'Hello'}]"
        )
    return tuple(_message(each, f"messages[{at}]") for at, each in enumerate(messages))


def _message(given: object, where: str) -> Message:
    message = _as_dict(given, where)
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise InvalidRequestError(
            f"{where} has the role {shown(message.get('role'))}: use one of "
            f"{', '.join(map(repr, _ROLES))}"
        )
    parts = tuple(_parts(message.get("content"), role, where))
    if role == "assistant":
        return _answer(message, parts, where)
    if role == "tool":
        return Message(role, parts, tool_call_id=_answered_call(message, where))
    return Message(role, said_by(message.get("name"), parts, where))


def _as_dict(given: object, where: str) -> _Dict:
    dump = getattr(given, "model_dump", None)
    value = dump() if callable(dump) else given
    if isinstance(value, Mapping):
        return value
    raise InvalidRequestError(
        f"{where} is a {type(given).__name__}: pass a dictionary with 'role' and 'content', or the "
        "message of an earlier answer"
    )


def _answer(message: _Dict, parts: tuple[Part, ...], where: str) -> Message:
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts = (*parts, Text(refusal))
    fields = message.get("provider_specific_fields")
    anchor = fields.get(ANCHOR_FIELD) if isinstance(fields, Mapping) else None
    return Message(
        "assistant",
        parts,
        tuple(_calls(message, where)),
        anchor=anchor if isinstance(anchor, str) else None,
    )


# --- tool calls and results ---------------------------------------------------------------------


def _calls(message: _Dict, where: str) -> Iterator[ToolCall]:
    made = message.get("tool_calls") or ()
    if isinstance(made, str) or not isinstance(made, Sequence):
        raise InvalidRequestError(f"{where}.tool_calls must be a list, got {shown(made)}")
    for at, call in enumerate(made):
        yield _call(_as_dict(call, f"{where}.tool_calls[{at}]"), f"{where}.tool_calls[{at}]")
    legacy = message.get("function_call")
    if legacy and not message.get("tool_calls"):
        called = _as_dict(legacy, f"{where}.function_call")
        name = str(called.get("name"))
        yield ToolCall(_id_of_function(name), name, _arguments(called.get("arguments")))


def _call(call: _Dict, where: str) -> ToolCall:
    function, call_id = call.get("function"), call.get("id")
    if not isinstance(function, Mapping) or not isinstance(call_id, str) or not call_id:
        raise InvalidRequestError(
            f"{where} needs an 'id' and a 'function' with 'name' and 'arguments', got the type "
            f"{shown(call.get('type'))}: send the calls back as the answer brought them"
        )
    return ToolCall(call_id, str(function.get("name")), _arguments(function.get("arguments")))


def _arguments(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else dumps(arguments or {}).decode()


def _answered_call(message: _Dict, where: str) -> str:
    if message["role"] == "function":
        return _id_of_function(str(message.get("name")))
    call_id = message.get("tool_call_id")
    if isinstance(call_id, str) and call_id:
        return call_id
    raise InvalidRequestError(f"{where} lacks its 'tool_call_id': copy the 'id' of the tool call")


def _id_of_function(name: str) -> str:
    # Function messages, which tool messages replaced, name the function instead of the call.
    return f"call_{name}"


# --- content ------------------------------------------------------------------------------------


def _parts(content: object, role: Role, where: str) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield Text(content)
        return
    if not isinstance(content, Sequence):
        raise InvalidRequestError(
            f"the content of {where} is a {type(content).__name__}: pass a string or a list of "
            "content parts"
        )
    for at, part in enumerate(content):
        yield _part(_as_dict(part, f"{where}.content[{at}]"), role, f"{where}.content[{at}]")


def _part(part: _Dict, role: Role, where: str) -> Part:
    kind = part.get("type")
    if kind == "text" or (kind == "refusal" and role == "assistant"):
        return _text(part.get(str(kind)), where)
    if kind == "input_audio":
        raise InvalidRequestError(
            f"{where} is of type 'input_audio': agents take text, images and files; transcribe it "
            "first"
        )
    read = _USER_PARTS.get(str(kind)) if role == "user" else None
    if read is None:
        known = ", ".join(map(repr, ("text", *(_USER_PARTS if role == "user" else ()))))
        raise InvalidRequestError(
            f"{where} is of type {shown(kind)}, which a message with the role {role!r} cannot "
            f"hold: use {known}"
        )
    return read(part, where)


def _text(text: object, where: str) -> Text:
    if not isinstance(text, str):
        raise InvalidRequestError(f"the text of {where} is a {type(text).__name__}, not a string")
    return Text(text)


def _image(part: _Dict, where: str) -> Part:
    image = part.get("image_url")
    given = image if isinstance(image, Mapping) else {"url": image}
    return _media("image", given, where, url=given.get("url"), file_id=given.get("file_id"))


def _file(part: _Dict, where: str) -> Part:
    file = part.get("file")
    given = file if isinstance(file, Mapping) else {}
    url, file_id = given.get("file_url"), given.get("file_id")
    return _media("file", given, where, url=url, data=given.get("file_data"), file_id=file_id)


def _media(kind: Literal["image", "file"], given: _Dict, where: str, **sources: object) -> Media:
    values = {name: value for name, value in sources.items() if value}
    if len(values) != 1 or not isinstance(value := next(iter(values.values())), str):
        raise InvalidRequestError(
            f"{where} needs exactly one text of {', '.join(sources)}, got "
            f"{', '.join(values) or 'none of them'}"
        )
    (source,) = values
    name, detail, mime = given.get("filename"), given.get("detail"), given.get("format")
    if source == "file_id":
        return Media(kind, file_id=value, name=name, detail=detail)
    inline = _DATA_URL.fullmatch(value)
    if inline or source == "data":  # a data URL may stand in either place
        data, known = (inline["data"], inline["mime"]) if inline else (value, None)
        mime = known or mime
        return Media(kind, data=_decoded(data, where), mime_type=mime, name=name, detail=detail)
    return Media(kind, url=value, mime_type=mime, name=name, detail=detail)


def _decoded(data: str, where: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        # `from None`: a file may be secret, and the cause would repeat it.
        raise InvalidRequestError(
            f"the data of {where} is not base64: encode the bytes with base64.b64encode"
        ) from None


def _approval(part: _Dict, where: str) -> Part:
    request_id = part.get("approval_request_id") or part.get("request_id")
    if not isinstance(request_id, str):
        raise InvalidRequestError(f"{where} lacks its 'approval_request_id': copy the request's id")
    reason = part.get("reason")
    # Only `True` approves: no truthy text, number or object does.
    approve = part.get("approve") is True
    return ApprovalReply(request_id, approve, reason if isinstance(reason, str) else None)


_USER_PARTS: dict[str, Callable[[_Dict, str], Part]] = {
    "file": _file,
    "image_url": _image,
    "mcp_approval_response": _approval,
}
