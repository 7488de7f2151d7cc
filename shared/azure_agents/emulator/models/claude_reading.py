"""Read the turns and tools of a request to Claude as what the model sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..agent.seen import SeenCall, SeenMedia, SeenMessage, SeenTool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...jsonio import JSON

_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def blocks_of(content: Any) -> list[JSON]:
    """Return the blocks of a content; a text is one block."""
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())


def text_of(content: Any) -> str:
    """Join the texts of a content."""
    return "".join(block["text"] for block in blocks_of(content) if block["type"] == "text")


def read_turns(given: Iterable[JSON]) -> tuple[SeenMessage, ...]:
    """Read turns, which have been checked: results of tools are messages of their own."""
    return tuple(message for turn in given for message in _read_turn(turn))


def _read_turn(turn: JSON) -> Iterator[SeenMessage]:
    rest = []
    for block in blocks_of(turn["content"]):
        if block["type"] == "tool_result":
            text, media = text_of(block.get("content")), _media(blocks_of(block.get("content")))
            yield SeenMessage("tool", text, tool_call_id=block["tool_use_id"], media=media)
        else:
            rest.append(block)
    if rest or isinstance(turn["content"], str):
        calls = tuple(_call(block) for block in rest if block["type"] == "tool_use")
        yield SeenMessage(turn["role"], text_of(rest), calls, media=_media(rest))


def _call(block: JSON) -> SeenCall:
    return SeenCall(block["id"], block["name"], jsonio.dumps(block["input"]).decode())


def _media(blocks: Iterable[JSON]) -> tuple[SeenMedia, ...]:
    found = []
    for block in blocks:
        if block["type"] in {"image", "document"}:
            kind = "image" if block["type"] == "image" else "file"
            found.append(SeenMedia(kind, _reference(block.get("source") or {})))
    return tuple(found)


def _reference(source: JSON) -> str:
    if source.get("type") == "base64":
        return f"data:{source.get('media_type')};base64,{source.get('data')}"
    return str(source.get("url") or source.get("file_id") or source.get("data") or "")


def read_claude_tools(given: Iterable[JSON]) -> tuple[SeenTool, ...]:
    """Read the functions that Claude may call."""
    return tuple(
        SeenTool(tool["name"], tool.get("description") or "", tool.get("input_schema") or {})
        for tool in given
    )


def read_claude_choice(given: JSON | None) -> str:
    """Read a tool choice: ``auto``, ``required``, ``none``, or the name of a tool."""
    kind = (given or {}).get("type", "auto")
    return str((given or {}).get("name")) if kind == "tool" else _CHOICES[kind]


def read_claude_schema(body: JSON) -> Mapping[str, Any] | None:
    """Read the schema that the answer must fit; None if it is text."""
    format = (body.get("output_config") or {}).get("format") or body.get("output_format")
    return format.get("schema") or {} if isinstance(format, dict) else None


def thinks(body: JSON) -> bool:
    """Whether Claude is asked to think aloud."""
    return (body.get("thinking") or {}).get("type") in {"enabled", "adaptive"}
