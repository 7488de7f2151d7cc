"""Computer use: the agent asks for an action, the application acts and sends a screenshot.

The call is no function call: it has an action instead of a name and arguments, and only a picture
answers it. Answers keep their calls under `CALLS` at every door; a tool message with an image
answers one, made by the function `screenshot` of the door. The first call is recorded
(``v2/computer_use.json``); its answer is in OpenAI's words and was not recorded. Of classic runs
nothing is recorded: call and answer are in the words of azure-ai-agents 1.2.0b6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from ..errors import InvalidRequestError
from ..events import ServerToolCall
from ..jsonio import JSON, dumps, known_fields
from ..messages import ComputerAnswer, Media, Message, SafetyCheck, ToolCall
from ..naming import shown
from .media import data_url

CALLS = "computer_calls"
OUTPUT = "computer_call_output"
ACKNOWLEDGED = "acknowledged_safety_checks"
TOOL = "computer_use"

MessageT = TypeVar("MessageT")


def call_facts(event: object) -> JSON | None:
    """Give id, action (or actions) and checks of a computer call; None for any other event."""
    if not isinstance(event, ServerToolCall) or event.name != TOOL:
        return None
    return {"id": event.id, **event.arguments, **event.details}


def calls_kept(entries: object) -> Iterator[ToolCall]:
    """Read the calls that an answer keeps under `CALLS`."""
    for entry in entries if isinstance(entries, list | tuple) else ():
        if isinstance(entry, Mapping) and isinstance(entry.get("id"), str):
            yield computer_call(entry["id"], entry)


def computer_call(id: str, data: Mapping[str, Any]) -> ToolCall:
    """Make a call with the action, or actions, that stand in `data`."""
    asked = {name: data[name] for name in ("action", "actions") if data.get(name)}
    return ToolCall(id, "computer", dumps(asked).decode(), kind="computer")


def answer_of(kind: object, acknowledged: object, where: str) -> ComputerAnswer | None:
    """Read what a tool message answers a computer call with, besides its image.

    Args:
        kind: Its ``type``; anything but `OUTPUT` is the result of a function.
        acknowledged: Its safety checks that a human or a rule has let pass.
        where: How an error names the message.

    Raises:
        InvalidRequestError: The checks are none.
    """
    if kind != OUTPUT:
        return None
    return ComputerAnswer(tuple(_safety_checks(acknowledged or (), where)))


def _safety_checks(entries: object, where: str) -> Iterable[SafetyCheck]:
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
    """Write the answer to a computer call as both generations of the service take it.

    Raises:
        InvalidRequestError: It has no image, or more than one.
    """
    images = [part for part in message.parts if isinstance(part, Media) and part.kind == "image"]
    if len(images) != 1:
        raise InvalidRequestError(
            f"computer call {message.tool_call_id!r} is answered by one screenshot, got "
            f"{len(images)} images: send what the screen shows now"
        )
    fields: JSON = {"output": {"type": "computer_screenshot", **_image_source(images[0])}}
    if answer.acknowledged:
        fields[ACKNOWLEDGED] = [known_fields(**asdict(check)) for check in answer.acknowledged]
    return fields


def _image_source(image: Media) -> JSON:
    if image.file_id:
        return {"file_id": image.file_id}
    if image.url is not None:
        return {"image_url": image.url}
    return {"image_url": picture(image.data or b"", image.mime_type or "image/png")}


def picture(image: object, mime_type: str = "image/png") -> str:
    """Give the URL of a screenshot: bytes as a data URL, a URL as it is.

    Raises:
        InvalidRequestError: Neither.
    """
    if isinstance(image, bytes):
        return data_url(image, mime_type)
    if isinstance(image, str) and image.startswith(("data:", "https://")):
        return image
    raise InvalidRequestError(
        "a screenshot must be the bytes of an image, a data URL or an https URL, got "
        f"{type(image).__name__}"
    )


def id_of(call: Mapping[str, Any] | str) -> str:
    """Give the id of a call, from itself or from its entry under `CALLS`.

    Raises:
        InvalidRequestError: It has none.
    """
    id = call.get("id") if isinstance(call, Mapping) else call
    if isinstance(id, str) and id:
        return id
    raise InvalidRequestError(
        f"{shown(call)} is no computer call: pass an entry of {CALLS!r} of the answer, or its id"
    )


@dataclass(frozen=True, slots=True)
class Screenshot:
    """The answer to one computer call, for a message of any framework.

    Attributes:
        call_id: The call.
        image: Bytes, or a data URL or an https URL.
        mime_type: Media type of bytes.
        acknowledged: Safety checks of the call that a human or a rule let pass.
    """

    call_id: str
    image: bytes | str
    mime_type: str
    acknowledged: list[Mapping[str, Any]]

    @property
    def url(self) -> str:
        """The image as a URL."""
        return picture(self.image, self.mime_type)

    @property
    def fields(self) -> dict[str, Any]:
        """Fields that tell the message from the result of a function, and acknowledge checks."""
        return {"type": OUTPUT, ACKNOWLEDGED: self.acknowledged}


class Screenshots(Generic[MessageT]):
    """Makes the messages of one framework that answer computer calls.

    Args:
        message_of: Makes the message of a screenshot.
    """

    def __init__(self, message_of: Callable[[Screenshot], MessageT]) -> None:
        self._message_of = message_of

    def screenshot(
        self,
        call: Mapping[str, Any] | str,
        image: bytes | str,
        *,
        acknowledged: Iterable[Mapping[str, Any]] = (),
        mime_type: str = "image/png",
    ) -> MessageT:
        """Make the message that answers a computer call.

        Args:
            call: An entry of ``computer_calls``, or its id: in LangChain's
                ``message.response_metadata``, in LlamaIndex's ``response.raw``, in
                ``message.provider_specific_fields`` of `completion`.
            image: What the screen shows after the action: bytes, a data URL or an https URL.
            acknowledged: The entries of ``pending_safety_checks`` that a human or a rule let pass;
                none is acknowledged by itself.
            mime_type: Media type of bytes.

        Raises:
            InvalidRequestError: The call or the image is none.
        """
        picture(image, mime_type)  # refused here, not where some framework reads it
        return self._message_of(Screenshot(id_of(call), image, mime_type, list(acknowledged)))
