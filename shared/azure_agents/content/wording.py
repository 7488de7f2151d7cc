"""Words for what the service has no field for, alike everywhere. Pure.

Each sentence stands in square brackets: an agent shall not take it for the words of a person.
"""

from __future__ import annotations

import json

from ..messages import Media, Message, Text, ToolCall

FAILED = "[the tool failed]"  # a result that is an error and says nothing


def call_text(call: ToolCall) -> str:
    """Describe a tool call of the past."""
    return f"[tool call {call.id}: {call.name}({call.arguments})]"


def result_text(message: Message) -> str:
    """Describe the result of a tool call of the past."""
    word = "error" if message.is_error else "result"
    return f"[tool {word} {message.tool_call_id}: {text_of(message)}]"


def text_of(message: Message) -> str:
    """Give a message as text, where nothing else is taken."""
    text = "".join(
        part.text if isinstance(part, Text) else placeholder(described(part))
        for part in message.parts
        if isinstance(part, Text | Media)
    )
    return FAILED if message.is_error and not text.strip() else text


def described(media: Media) -> str:
    """Describe an image or a file in a few words, without its content."""
    which = media.name or media.url or media.file_id or media.mime_type
    if which is None or which.startswith("data:"):
        return media.kind
    return f"{media.kind} {which}"


def placeholder(what: str) -> str:
    """Stand in for what the agent cannot be sent, where an error would end a conversation."""
    return f"[{what}: cannot be shown here]"


def as_json(value: object) -> str:
    """Write anything as JSON text; what JSON has no form for, as its own text."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:  # printing it would end in another
        return "[nested too deeply to be shown]"
    except (TypeError, ValueError):
        return str(value)
