"""What the tests of Claude share: recordings, which are read in place, and made-up answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azure_agents.jsonio import dumps

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "models" / "claude"
recorded = pytest.mark.skipif(
    not RECORDINGS.exists(), reason="the recordings lie beside the project"
)
WHERE = {"api_base": "https://r.services.ai.azure.com/anthropic", "api_key": "a-key"}
MODEL = "azure_ai/claude-haiku-4-5"


def entries(name: str) -> list[dict[str, Any]]:
    """The requests and answers of a recording."""
    found: list[dict[str, Any]] = json.loads((RECORDINGS / f"{name}.json").read_text())["entries"]
    return found


def message(*blocks: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    """An answer of the service."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": list(blocks),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
        **more,
    }


def text(words: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": words}


def use(name: str = "f", id: str = "toolu_1", **given: Any) -> dict[str, Any]:
    """A block that calls a tool."""
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def thought(words: str) -> dict[str, Any]:
    """A block of thinking, signed."""
    return {"type": "thinking", "thinking": words, "signature": "sig"}


def events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The events in which an answer is streamed, in pieces of two characters."""
    start = {**answer, "content": [], "stop_reason": None}
    found: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for at, block in enumerate(answer["content"]):
        begun, deltas = _begun(block)
        found.append({"type": "content_block_start", "index": at, "content_block": begun})
        found += [{"type": "content_block_delta", "index": at, "delta": one} for one in deltas]
        found.append({"type": "content_block_stop", "index": at})
    ending = {name: answer.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    usage = {"output_tokens": answer["usage"]["output_tokens"]}
    return [
        *found,
        {"type": "message_delta", "delta": ending, "usage": usage},
        {"type": "message_stop"},
    ]


def _begun(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "text":
        citations = [{"type": "citations_delta", "citation": c} for c in block.get("citations", ())]
        deltas = [{"type": "text_delta", "text": piece} for piece in _pieces(block["text"])]
        return text(""), [*deltas, *citations]
    if block["type"] == "thinking":
        words = [{"type": "thinking_delta", "thinking": p} for p in _pieces(block["thinking"])]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*words, signed]
    if block.get("input"):
        pieces = ["", *_pieces(dumps(block["input"]).decode())]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        return {**block, "input": {}}, deltas
    return block, []


def _pieces(words: str) -> list[str]:
    return [words[at : at + 2] for at in range(0, len(words), 2)]


def sse(found: list[dict[str, Any]]) -> bytes:
    """Events as the service sends them."""
    lines = (f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in found)
    return "".join(lines).encode()
