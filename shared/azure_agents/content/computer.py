"""Computer use: the agent asks for an action, the application acts and sends a screenshot.

The call is no function call: it has an action instead of a name and arguments, and only a picture
answers it. Answers tell of calls under `CALLS` at every door; what answers one is a tool message
with an image, made by the helper `screenshot` of the door. The first call is recorded
(``v2/computer_use.json``), what answers it is in OpenAI's words and was not recorded. Of classic
runs nothing is recorded: call and answer are in the words of azure-ai-agents 1.2.0b6.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ..errors import InvalidRequestError
from ..events import ServerToolCall
from ..jsonio import JSON, dumps
from ..messages import ComputerAnswer, Media, Message, SafetyCheck, ToolCall
from ..naming import shown

CALLS = "computer_calls"
OUTPUT = "computer_call_output"
ACKNOWLEDGED = "acknowledged_safety_checks"
TOOL = "computer_use"


def call_facts(event: object) -> JSON | None:
    """What an application must know to act: id, action (or actions), checks; None: no such call."""
    if not isinstance(event, ServerToolCall) or event.name != TOOL:
        return None
    return {"id": event.id, **event.arguments, **event.details}


def calls_told(entries: object) -> Iterator[ToolCall]:
    """The calls of an answer, as it told of them under `CALLS`."""
    for entry in entries if isinstance(entries, list | tuple) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
            yield computer_call(entry["id"], entry)


def computer_call(id: str, data: Mapping[str, Any]) -> ToolCall:
    """A call with the action, or actions, that stand in `data`."""
    asked = {name: data[name] for name in ("action", "actions") if data.get(name)}
    return ToolCall(id, "computer", dumps(asked).decode(), kind="computer")


def answer_of(kind: object, acknowledged: object, where: str) -> ComputerAnswer | None:
    """What a tool message answers a computer call with, besides its image.

    Args:
        kind: Its ``type``; anything but `OUTPUT` is the result of a function.
        acknowledged: Its safety checks that a human or a rule has let pass.
        where: How an error names the message.

    Raises:
        InvalidRequestError: The checks are none.
    """
    if kind != OUTPUT:
        return None
    return ComputerAnswer(tuple(_checks(acknowledged or (), where)))


def _checks(entries: object, where: str) -> Iterable[SafetyCheck]:
    if not isinstance(entries, list | tuple):
        raise InvalidRequestError(f"{ACKNOWLEDGED} of {where} must be a list, got {shown(entries)}")
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
            raise InvalidRequestError(
                f"{ACKNOWLEDGED} of {where} holds {shown(entry)}: copy the entries of "
                "pending_safety_checks that you acknowledge"
            )
        yield SafetyCheck(entry["id"], entry.get("code"), entry.get("message"))


def answer_fields(message: Message, answer: ComputerAnswer) -> JSON:
    """What a tool message answers a call with, as both generations of the service take it.

    Raises:
        InvalidRequestError: It has no image, or more than one.
    """
    images = [part for part in message.parts if isinstance(part, Media) and part.kind == "image"]
    if len(images) != 1:
        raise InvalidRequestError(
            f"computer call {message.tool_call_id!r} is answered by one screenshot, got "
            f"{len(images)} images: send what the screen shows now"
        )
    fields: JSON = {"output": {"type": "computer_screenshot", **_source(images[0])}}
    if answer.acknowledged:
        checks = [asdict(check) for check in answer.acknowledged]
        fields[ACKNOWLEDGED] = [
            {name: value for name, value in check.items() if value is not None} for check in checks
        ]
    return fields


def _source(image: Media) -> JSON:
    if image.file_id:
        return {"file_id": image.file_id}
    if image.url is not None:
        return {"image_url": image.url}
    return {"image_url": picture(image.data or b"", image.mime_type or "image/png")}


def picture(image: object, mime_type: str = "image/png") -> str:
    """The URL of a screenshot: bytes as a data URL, a URL as it is.

    Raises:
        InvalidRequestError: Neither.
    """
    if isinstance(image, bytes):
        return f"data:{mime_type};base64,{b64encode(image).decode()}"
    if isinstance(image, str) and image.startswith(("data:", "https://")):
        return image
    raise InvalidRequestError(
        "a screenshot must be the bytes of an image, a data URL or an https URL, got "
        f"{type(image).__name__}"
    )


def id_of(call: Mapping[str, Any] | str) -> str:
    """The id of a call, also given by its entry under `CALLS`.

    Raises:
        InvalidRequestError: It has none.
    """
    id = call.get("id") if isinstance(call, Mapping) else call
    if isinstance(id, str) and id:
        return id
    raise InvalidRequestError(
        f"{shown(call)} is no computer call: pass an entry of {CALLS!r} of the answer, or its id"
    )


def screenshot(
    call: Mapping[str, Any] | str,
    image: bytes | str,
    *,
    acknowledged: Iterable[Mapping[str, Any]] = (),
    mime_type: str = "image/png",
) -> dict[str, Any]:
    """The message that answers a computer call of `completion`.

    Args:
        call: An entry of ``message.provider_specific_fields["computer_calls"]``, or its id.
        image: What the screen shows after the action: bytes, a data URL or an https URL.
        acknowledged: The entries of ``pending_safety_checks`` that a human or a rule let pass;
            none is acknowledged by itself.
        mime_type: Of bytes.

    Raises:
        InvalidRequestError: The call or the image is none.
    """
    return {
        "role": "tool",
        "type": OUTPUT,
        "tool_call_id": id_of(call),
        "content": [{"type": "image_url", "image_url": {"url": picture(image, mime_type)}}],
        ACKNOWLEDGED: list(acknowledged),
    }
