"""Requests to deployments of the emulator on the wire, as several tests send them."""

from __future__ import annotations

import json
from typing import Any

import httpx

from azure_agents.emulator import Emulator

HELLO = [{"role": "user", "content": "Hello"}]
V1 = "/openai/v1/chat/completions"
DATED = "/openai/deployments/dep/chat/completions?api-version=2024-10-21"
WEATHER = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}


class Resource:
    """Sends requests to the resource of one emulator."""

    def __init__(self, foundry: Emulator) -> None:
        self.foundry = foundry
        self.http = httpx.Client(
            transport=foundry.transport,
            headers={"api-key": foundry.api_key},
        )

    def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """POST with the emulator's key, unless another header says otherwise."""
        return self.http.post(f"{self.foundry.resource}{path}", json=body, headers=headers)

    def chat(self, path: str = V1, **fields: Any) -> httpx.Response:
        """One chat with the deployment ``dep``."""
        body = {"model": "dep", "messages": HELLO, **fields}
        return self.post(path, {name: value for name, value in body.items() if value is not None})

    def error(self, **fields: Any) -> dict[str, Any]:
        """The error of one chat."""
        answer = self.chat(**fields)
        assert 400 == answer.status_code, answer.text
        return dict(answer.json()["error"])

    def chunks(self, path: str = V1, **fields: Any) -> list[Any]:
        """The chunks of one streamed chat, the last one parsed too."""
        answer = self.chat(path, stream=True, **fields)
        assert "text/event-stream; charset=utf-8" == answer.headers["content-type"], answer.text
        data = [one.removeprefix("data: ") for one in answer.text.strip().split("\n\n")]
        return [one if one == "[DONE]" else json.loads(one) for one in data]


TOOL_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "18 C"}
CALLING = {
    "role": "assistant",
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    ],
}
