"""What the tests of chat over responses share: recordings, read in place, and made-up answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

JSON = dict[str, Any]

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "models" / "openai"
recorded = pytest.mark.skipif(
    not RECORDINGS.exists(), reason="the recordings lie beside the project"
)


def entries(name: str) -> list[JSON]:
    """The requests and answers of a recording."""
    found: list[JSON] = json.loads((RECORDINGS / f"{name}.json").read_text())["entries"]
    return found


def response(*items: JSON, status: str = "completed", **more: Any) -> JSON:
    """A response of the service."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 7,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5-nano",
        "output": [{**item, "id": f"{item['type']}_{at}"} for at, item in enumerate(items)],
        "store": False,
        "service_tier": "default",
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        **more,
    }


def said(words: str, **more: Any) -> JSON:
    """A part of text."""
    return {"type": "output_text", "annotations": [], "text": words, **more}


def spoken(*parts: JSON | str, **more: Any) -> JSON:
    """A message."""
    content = [said(part) if isinstance(part, str) else part for part in parts]
    message = {"type": "message", "role": "assistant", "status": "completed"}
    return {**message, "content": content, **more}


def refused(words: str) -> JSON:
    """A part that refuses."""
    return {"type": "refusal", "refusal": words}


def called(name: str = "f", id: str = "call_1", arguments: str = '{"x":1}', **more: Any) -> JSON:
    """A call of a function."""
    asked = {"call_id": id, "name": name, "arguments": arguments}
    return {"type": "function_call", "status": "completed", **asked, **more}


def custom(name: str = "c", id: str = "call_2", input: str = "any words") -> JSON:
    """A call of a custom tool."""
    return {"type": "custom_tool_call", "call_id": id, "name": name, "input": input}


def reasoned(*summaries: str, sealed: str | None = "gAAA", content: tuple[str, ...] = ()) -> JSON:
    """Reasoning, encrypted unless it is not."""
    summary = [{"type": "summary_text", "text": text} for text in summaries]
    texts = [{"type": "reasoning_text", "text": text} for text in content]
    item: JSON = {"type": "reasoning", "summary": summary, "content": texts}
    return item if sealed is None else {**item, "encrypted_content": sealed}


def events(answer: JSON, size: int = 2) -> list[JSON]:
    """The events in which a response is streamed, in pieces of some characters."""
    begun = {**answer, "status": "in_progress", "output": [], "usage": None}
    found: list[JSON] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for at, item in enumerate(answer["output"]):
        found.append({"type": "response.output_item.added", "item": _begun(item)})
        found += _pieces(item, size)
        found.append({"type": "response.output_item.done", "item": item})
        for event in found:
            if "item" in event or "item_id" in event:
                event.setdefault("output_index", at)
    found.append({"type": f"response.{answer['status']}", "response": answer})
    return [{**event, "sequence_number": number} for number, event in enumerate(found)]


def _begun(item: JSON) -> JSON:
    blank = {"message": {"content": []}, "function_call": {"arguments": ""}}
    blank |= {"custom_tool_call": {"input": ""}, "reasoning": {"summary": [], "content": []}}
    return {**item, **blank.get(item["type"], {})}


def _pieces(item: JSON, size: int) -> list[JSON]:
    found: list[JSON] = []
    for at, part in enumerate(item.get("content") or ()):
        kind = part["type"].removeprefix("output_").replace("text", "output_text")
        kind = "reasoning_text" if part["type"] == "reasoning_text" else kind
        words = part.get("text", part.get("refusal"))
        found += _deltas(item, f"response.{kind}", words, size, content_index=at)
    for at, part in enumerate(item.get("summary") or ()):
        name = "response.reasoning_summary_text"
        found += _deltas(item, name, part["text"], size, summary_index=at)
    if item["type"] == "reasoning":  # the summary comes first
        found.sort(key=lambda event: "summary_index" not in event)
    for kind, word in (
        ("function_call_arguments", "arguments"),
        ("custom_tool_call_input", "input"),
    ):
        if word in item:
            found += _deltas(item, f"response.{kind}", item[word], size)
    return found


def _deltas(item: JSON, kind: str, words: str, size: int, **index: int) -> list[JSON]:
    pieces = [words[at : at + size] for at in range(0, len(words), size)]
    where = {"item_id": item["id"], **index}
    deltas: list[JSON] = [{"type": f"{kind}.delta", **where, "delta": one} for one in pieces]
    return [*deltas, {"type": f"{kind}.done", **where, "text": words}]


def sse(found: list[JSON]) -> bytes:
    """Events as the service sends them."""
    lines = (f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in found)
    return "".join(lines).encode()


def joined(chunks: list[Any]) -> JSON:
    """The completion that chunks add up to, as any client of OpenAI's adds them."""
    message: JSON = {"content": None}
    choice: JSON = {"index": 0, "message": message}
    for chunk in chunks:
        for part in chunk["choices"]:
            _join(message, part["delta"])
            if part.get("logprobs"):
                logprobs = choice.setdefault("logprobs", {"content": []})
                logprobs["content"] += part["logprobs"]["content"]
            known = ("delta", "index", "logprobs")
            choice |= {k: v for k, v in part.items() if k not in known}
    for call in message.get("tool_calls", ()):
        call.pop("index")
    head = {k: v for chunk in chunks for k, v in chunk.items() if k not in ("choices", "usage")}
    return {**head, "object": "chat.completion", "choices": [choice]}


def _join(message: JSON, delta: JSON) -> None:
    for name, value in delta.items():
        if name in ("content", "refusal", "reasoning_content"):
            message[name] = ((message.get(name) or "") + value) or None
        elif name == "annotations":
            message[name] = [*message.get(name, ()), *value]
        elif name != "tool_calls":
            message[name] = value
    for part in delta.get("tool_calls", ()):
        _join_call(message.setdefault("tool_calls", []), part)


def _join_call(calls: list[JSON], part: JSON) -> None:
    if part["index"] == len(calls):
        calls.append(json.loads(json.dumps(part)))
        return
    call = calls[part["index"]]
    kind, word = ("custom", "input") if "custom" in part else ("function", "arguments")
    call[kind][word] += part[kind][word]


def failed_once() -> list[JSON]:
    """The events of a response that fails before it says anything."""
    return events(response(status="failed", error={"code": "server_error", "message": "no"}))
