"""Replay a recording of deployments on the emulator, whose deployments say what was said then.

A request goes where it went, but for paths that belong elsewhere (`PATHS`). Forms, which no
recorder kept, are made anew. A look at a file, batch or job is repeated until it is where it was.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import httpx
from replay import ID as IDS_OF_AGENTS
from replay import read_events

from azure_agents.emulator import (
    Emulator,
    Failed,
    Incomplete,
    Parts,
    Reasoning,
    Rules,
    Text,
    ToolCalls,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]
PATHS = (
    (r"/v1/messages", "/anthropic/v1/messages"),  # recorded at Anthropic, not in Foundry
    (r"/deployments/(.+)", r"/openai/deployments/\1"),  # the recorder lost the beginning
)
_ID = re.compile(rf"{IDS_OF_AGENTS.pattern}|^(file-|batch_|ftjob-)[\w-]+$")
_MASSIVE = "word " * 21_000  # ten of them are more than Claude reads; the recorder cut them out
_STATIONS = ("validating", "in_progress", "finalizing", "completed")
_OWN_TEXT = "A day at the museum, told in a few words."
_BLOCKLIST = {"TestBlocklistNoBanana": ["banana"]}


def chunks_of(text: str) -> list[Any]:
    """The data of a stream without names of events."""
    data = re.findall(r"^data: ?(.*)$", text, re.MULTILINE)
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def events_of(text: str) -> list[tuple[str, Any]]:
    """The events of a stream; chunks without names get one from what they bring."""
    if text.startswith("event:"):
        return read_events(text)
    return [(kind_of(chunk), chunk) for chunk in chunks_of(text)]


def kind_of(chunk: Any) -> str:
    """What a chunk brings, in a word."""
    if chunk == "[DONE]":
        return "done"
    if not chunk["choices"]:
        return "usage" if chunk.get("usage") else "prompt"
    choice = chunk["choices"][0]
    if choice.get("finish_reason"):
        return "finish"
    if "delta" not in choice:
        return "annotation"
    return "role" if "role" in choice["delta"] else " ".join(choice["delta"])


class DeploymentReplay:
    """Sends recorded requests, translating ids and signatures as they become known."""

    def __init__(self, name: str, recording: JSON) -> None:
        self.entries: list[JSON] = recording["entries"]
        in_march = name.endswith("chat_stream_dated_gpt41mini")
        self.foundry = Emulator(seed=3, rules=Rules(resets_in_milliseconds=in_march))
        self.http = httpx.Client(transport=self.foundry.transport)
        self.ids: dict[str, str] = {}
        for deployment in dict.fromkeys(filter(None, map(deployment_of, self.entries))):
            self._deploy(deployment)

    def _deploy(self, name: str) -> None:
        asked = [entry for entry in self.entries if deployment_of(entry) == name]
        response = asked[0]["response"]
        if response["status"] == 404:
            return
        limits = dict(_limits(response["headers"]))
        replies = [said_in(entry["response"]) for entry in asked]
        self.foundry.deploy(
            name,
            replies,
            model=model_of(name, asked[0]),
            rpm=limits.get("requests"),
            tpm=limits.get("tokens"),
            async_filter="-async-" in name,
            blocklists=_BLOCKLIST if "-block-banana" in name else {},
        )

    def exchanges(self) -> Iterator[tuple[JSON, httpx.Response]]:
        """Send every request, and return each entry with the emulator's answer."""
        for entry in self.entries:
            answer = self._send(entry)
            for _ in range(8):
                if not _looks_earlier(answer, entry["response"]):
                    break
                answer = self._send(entry)
            self._learn(entry["response"].get("body"), _body(answer))
            yield entry, answer
            if deployment_of(entry):
                self.foundry.clock.advance(60)  # limits are as if nothing had been asked
            elif entry["request"]["path"].endswith("/files"):
                self.foundry.clock.advance(6)  # as long as it took then

    def _send(self, entry: JSON) -> httpx.Response:
        request, response = entry["request"], entry["response"]
        path = request["path"]
        for theirs, ours in PATHS:
            path = re.sub(rf"^{theirs}$", ours, path)
        key = "wrong" if response["status"] == 401 else self.foundry.api_key
        headers = {"api-key": key}
        if "anthropic" in path:
            headers["anthropic-version"] = "2023-06-01"
        return self.http.request(
            request["method"],
            f"{self.foundry.resource}{self.translate(path)}",
            params=request.get("query"),
            headers=headers,
            **self._content(entry),
        )

    def _content(self, entry: JSON) -> JSON:
        request, told = entry["request"], entry["response"].get("body")
        if "multipart" in request["headers"].get("content-type", ""):
            return _form(request["path"], told)
        if request["body"] is None:
            return {}
        text = self.translate(json.dumps(request["body"]))
        return {"json": json.loads(text.replace("<MASSIVE_TEXT>", _MASSIVE))}

    def translate(self, text: str) -> str:
        """Replace recorded ids and signatures in a text by the emulator's."""
        for old, new in self.ids.items():
            text = text.replace(old, new)
        return text

    def _learn(self, recorded: Any, emulated: Any) -> None:
        if isinstance(recorded, dict) and isinstance(emulated, dict):
            for key in recorded.keys() & emulated.keys():
                if key == "signature":
                    self.ids[recorded[key]] = emulated[key]
                self._learn(recorded[key], emulated[key])
        elif isinstance(recorded, list) and isinstance(emulated, list):
            for one, other in zip(recorded, emulated, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, str) and _ID.match(recorded) and isinstance(emulated, str):
            self.ids.setdefault(recorded, emulated)


def _limits(headers: JSON) -> Iterator[tuple[str, int]]:
    """The recorded limits; where only the rest is told, a little more than that."""
    for kind in ("requests", "tokens"):
        left = headers.get(f"x-ratelimit-remaining-{kind}")
        if left is not None:
            yield kind, int(headers.get(f"x-ratelimit-limit-{kind}", int(left) + 10))


def _body(answer: httpx.Response) -> Any:
    is_json = "json" in answer.headers.get("content-type", "")
    return answer.json() if answer.content and is_json else None


def _looks_earlier(answer: httpx.Response, recorded: JSON) -> bool:
    """Whether a batch is still before the recorded station."""
    wanted, now = recorded.get("body"), _body(answer)
    if not isinstance(wanted, dict) or wanted.get("object") != "batch":
        return False
    return _STATIONS.index(now["status"]) < _STATIONS.index(wanted["status"])


def _form(path: str, told: Any) -> JSON:
    if path.endswith("/files"):
        lines = b"".join(json.dumps(_line(id)).encode() + b"\n" for id in ("a", "b"))
        file = (told["filename"], lines)
        return {"data": {"purpose": told["purpose"]}, "files": {"file": file}}
    kind = "verbose_json" if isinstance(told, dict) else "srt"
    return {"data": {"response_format": kind}, "files": {"file": ("a.wav", b"sound")}}


def _line(id: str) -> JSON:
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
    return {"custom_id": id, "method": "POST", "url": "/v1/chat/completions", "body": body}


# --- what deployments said ------------------------------------------------------------------------


def deployment_of(entry: JSON) -> str | None:
    """The deployment that a request asks; None if it asks none."""
    request = entry["request"]
    if request["method"] != "POST" or "fine_tuning" in request["path"]:
        return None
    found = re.search(r"/deployments/([^/]+)", request["path"])
    return found[1] if found else (request.get("body") or {}).get("model")


def model_of(name: str, entry: JSON) -> str:
    """The model behind a recorded deployment, as its answer tells."""
    path, response = entry["request"]["path"], entry["response"]
    if path.endswith("deployments/test-openai/completions"):
        return "gpt-35-turbo-instruct"
    if "sse" in response:
        told = [data for _, data in events_of(response["sse"]) if isinstance(data, dict)]
        return next((chunk["model"] for chunk in told if chunk.get("model")), name)
    body = response["body"] if isinstance(response["body"], dict) else {}
    is_unnamed = "/deployments/" in path and "chat" in path
    return str(body.get("model") or ("gpt-4" if is_unnamed else name))


def said_in(response: JSON) -> Any:
    """The reply that a script gives to say what a recorded answer says."""
    if "sse" in response:
        return _said_in_events(response["sse"])
    body = response.get("body")
    if not isinstance(body, dict) or "text" in body or not {"choices", "error"} & body.keys():
        return _said_in_items(body if isinstance(body, dict) else {})
    if "error" in body:
        is_over = response["status"] == 429
        return Failed("rate_limit_exceeded" if is_over else str(body["error"].get("code")))
    return _said_in_choice(body)


def _said_in_choice(body: JSON) -> Any:
    choice = body["choices"][0]
    message = choice.get("message", {"content": choice.get("text")})
    details = body["usage"].get("completion_tokens_details") or {}
    tokens = details.get("reasoning_tokens")
    reasoning = [] if tokens is None else [Reasoning(tokens=tokens)]
    if choice["finish_reason"] == "content_filter":
        return Text("It is a banana.")  # a blocklist of the deployment finds it
    if choice["finish_reason"] == "length":
        return Parts(*reasoning, Incomplete("max_output_tokens", message["content"]))
    calls = [_call(one["function"]) for one in message.get("tool_calls") or ()]
    return Parts(*reasoning, ToolCalls(*calls) if calls else Text(message["content"]))


def _call(function: JSON) -> tuple[str, str]:
    return function["name"], function["arguments"]


def _said_in_events(sse: str) -> Any:
    events = events_of(sse)
    if events[0][0].startswith("response."):
        return _said_in_items(events[-1][1]["response"])
    if events[0][0] == "message_start":
        return _said_in_blocks(_built(events))
    choices = [data["choices"][0] for name, data in events if name != "done" and data["choices"]]
    deltas = [choice.get("delta", {}) for choice in choices]
    calls = list(chain.from_iterable(delta.get("tool_calls") or () for delta in deltas))
    if calls:
        written = "".join(call["function"]["arguments"] for call in calls)
        return ToolCalls((calls[0]["function"]["name"], written))
    return Text(deltas=[delta["content"] for delta in deltas if delta.get("content")])


def _said_in_items(body: JSON) -> Any:
    if body.get("type") == "message":
        return _said_in_blocks(body["content"])
    parts: list[Any] = []
    for item in body.get("output") or ():
        if item["type"] == "reasoning":
            parts.append(Reasoning(tokens=64))
        elif item["type"] == "function_call":
            parts.append(ToolCalls((item["name"], item["arguments"], item["call_id"])))
        else:
            parts.append(Text(item["content"][0]["text"]))
    return Parts(*parts) if parts else Text(body.get("text") or _OWN_TEXT)


def _said_in_blocks(blocks: list[JSON]) -> Any:
    parts: list[Any] = []
    for block in blocks:
        if block["type"] == "thinking":
            parts.append(Reasoning(block["thinking"], 20))
        elif block["type"] == "text":
            parts.append(Text(block["text"]))
        else:
            parts.append(ToolCalls((block["name"], block["input"], block["id"])))
    return Parts(*parts)


def _built(events: list[tuple[str, Any]]) -> list[JSON]:
    """The blocks of a stream of Claude's."""
    blocks: list[JSON] = []
    for name, data in events:
        if name == "content_block_start":
            blocks.append({**data["content_block"], "said": ""})
        elif name == "content_block_delta":
            delta = data["delta"]
            blocks[-1]["said"] += delta.get("text") or delta.get("partial_json") or ""
    for block in blocks:
        said = block.pop("said")
        is_text = block["type"] == "text"
        block.update({"text": said} if is_text else {"input": json.loads(said or "{}")})
    return blocks
