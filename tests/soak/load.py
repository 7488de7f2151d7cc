"""Clients of every kind at once: what they sent, and what they heard of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp

HELLO = [{"role": "user", "content": "Hello"}]
_PATHS = {"chat": "/v1/chat/completions", "embedding": "/v1/embeddings"}


@dataclass
class Heard:
    """What clients heard.

    Attributes:
        answers: By operation, model and status.
        left: Requests that their client left, by operation and model.
        ends: How streams ended: ``done``, or ``error``.
        tokens: Of whole answers, by model.
        unfinished: Streams without either end; there must be none.
    """

    answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    left: Counter[tuple[str, str]] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0


class Client:
    """One client, which asks for this and that until its time is over.

    Args:
        url: Of the gateway.
        key: Its key.
        heard: What all clients heard.
        random: What it does next.
    """

    def __init__(self, url: str, key: str, heard: Heard, random: Random) -> None:
        self._url, self._heard, self._random = url, heard, random
        self._headers = {"authorization": f"Bearer {key}"}
        self._http: aiohttp.ClientSession | None = None

    async def run(self, until: float) -> None:
        """Ask until then."""
        kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (5, self._whole),
            (5, self._stream),
            (3, self._embedding),
            (2, self._agent),
            (2, self._leave),
        ]
        weights, choices = zip(*kinds, strict=True)
        async with aiohttp.ClientSession(headers=self._headers) as self._http:
            while monotonic() < until:
                (choice,) = self._random.choices(choices, weights)
                await choice()

    async def _whole(self) -> None:
        await self._ask("chat", "gpt", {"messages": HELLO})

    async def _embedding(self) -> None:
        await self._ask("embedding", "embed", {"input": "Hello"})

    async def _agent(self) -> None:
        await self._ask("chat", "helper", {"messages": HELLO})

    async def _ask(self, operation: str, model: str, body: dict[str, Any]) -> None:
        assert self._http is not None
        url = self._url + _PATHS[operation]
        async with self._http.post(url, json={"model": model, **body}) as answer:
            told = await answer.json()
            self._heard.answers[operation, model, str(answer.status)] += 1
            self._heard.tokens[model] += (told.get("usage") or {}).get("total_tokens", 0)

    async def _stream(self) -> None:
        assert self._http is not None
        body = {"model": "gpt", "messages": HELLO, "stream": True}
        async with self._http.post(self._url + _PATHS["chat"], json=body) as answer:
            text = (await answer.read()).decode()
        self._heard.answers["chat", "gpt", str(answer.status)] += 1
        if answer.status == 200:
            self._ended(text)

    def _ended(self, text: str) -> None:
        last = text.rstrip().rpartition("\n\n")[2]
        if last == "data: [DONE]":
            self._heard.ends["done"] += 1
        elif last.startswith('data: {"error"'):
            self._heard.ends["error"] += 1
        else:
            self._heard.unfinished += 1

    async def _leave(self) -> None:
        """Send a whole request, read a little of its answer or nothing, and hang up."""
        parts = urlsplit(self._url)
        body = {"model": "gpt", "messages": HELLO, "stream": self._random.random() < 0.5}
        sent = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        head = [f"POST {_PATHS['chat']} HTTP/1.1", f"host: {parts.netloc}"]
        head += [f"{name}: {value}" for name, value in self._headers.items()]
        head += ["content-type: application/json", f"content-length: {len(sent)}", "", ""]
        writer.write("\r\n".join(head).encode() + sent)
        self._heard.left["chat", "gpt"] += 1
        try:
            async with asyncio.timeout(self._random.random() * 0.05):
                await reader.read(self._random.choice((1, 200, 4000)))
        except TimeoutError:
            pass
        writer.close()
