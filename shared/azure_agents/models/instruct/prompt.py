"""Chat messages as the prompt of a text completion. Pure.

A message of the user alone is the prompt, as it is. Of everything else the prompt is a transcript:
a paragraph for each message, with its role before it, and the model's turn at its end::

    System: You are brief.

    User: Hello

    Assistant:

If the last message is the assistant's, the prompt ends with its text, and the model goes on from
there. A ``name`` takes the place of the role.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...content.joins import PARAGRAPH
from ...errors import InvalidRequestError
from ...naming import shown

_LABELS = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant"}
_TEXT = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_CUE = "Assistant:"


def to_prompt(messages: Sequence[Mapping[str, Any]]) -> str:
    """Map the messages of a chat.

    Args:
        messages: OpenAI chat messages.

    Raises:
        InvalidRequestError: A message is malformed, or is more than text; or there is none.
    """
    turns = [_turn(message, f"messages[{at}]") for at, message in enumerate(messages)]
    turns = [(label, text) for label, text in turns if text]
    if not turns:
        raise InvalidRequestError("messages hold no text to complete: add a message of the user")
    if len(turns) == 1 and turns[0][0] == "User":
        return turns[0][1]
    paragraphs = [f"{label}: {text}" for label, text in turns]
    if messages[-1].get("role") != "assistant" or not _turn(messages[-1], "")[1]:
        paragraphs.append(_CUE)
    return PARAGRAPH.join(paragraphs)


def _turn(message: Mapping[str, Any], where: str) -> tuple[str, str]:
    role = message.get("role")
    if role not in _LABELS:
        hint = ": text completions have no tools" if role in ("tool", "function") else ""
        raise InvalidRequestError(f"the role of {where} is {shown(role)}, which is unknown{hint}")
    if message.get("tool_calls") or message.get("function_call"):
        raise InvalidRequestError(
            f"{where} calls tools, which text completions do not have: use a chat model"
        )
    name = message.get("name")
    label = " ".join(name.split()) if isinstance(name, str) else ""
    return label or _LABELS[role], _text(message.get("content"), where)


def _text(content: object, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list | tuple):
        return "".join(_part(part, f"{where}, part {at}") for at, part in enumerate(content))
    raise InvalidRequestError(
        f"the content of {where} must be a text or a list of parts, got {shown(content)}"
    )


def _part(part: object, where: str) -> str:
    if isinstance(part, str):
        return part
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or kind not in _TEXT:
        raise InvalidRequestError(
            f"{where} is {shown(kind if isinstance(part, Mapping) else part)}, and text "
            "completions take text only: use a chat model"
        )
    value = part.get(_TEXT[kind])
    if isinstance(value, str):
        return value
    raise InvalidRequestError(f"the text of {where} must be a string, got {shown(value)}")
