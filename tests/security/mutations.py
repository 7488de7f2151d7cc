"""How inputs are made bad: bytes and JSON values of real streams, changed by a seeded chance."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import (
    Citation,
    CodeInterpreter,
    Emulator,
    Failed,
    FileSearch,
    GeneratedImage,
    Incomplete,
    McpApproval,
    McpCall,
    Parts,
    Reasoning,
    Refusal,
    Text,
    ToolCalls,
    WebSearch,
)
from azure_agents.errors import AzureAgentsError
from azure_agents.events import Finished
from azure_agents.fold import Fold
from azure_agents.jsonio import malformed
from azure_agents.messages import TurnRequest, user
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.protocols.sse import SSEDecoder
from azure_agents.threads.digest import digest_of

from ..covering import scaled
from .peers import Whole, connect

READERS: dict[Any, Any] = {"v2": ResponseReader, "classic": RunReader}
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
# --- what is changed, and how --------------------------------------------------------------------

STRANGE: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**30, 0.5, -1e308, "", " ", "x", "null", "\x00", "\ud800",
    "\u2028", "é" * 50, "x" * 5000, "resp_1", "completed", "failed", "function_call", "message", [],
    [None], [[]], [{}], ["x"] * 50, {}, {"type": None}, {"type": "text"}, {"id": 7}, {"error": []},
    {"text": {"value": None}}, {"message": {"a": 1}}, {"details": [0, None, {}]},
)  # fmt: skip


def changed_bytes(data: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat, insert: what happens to bytes."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(out) + 1)
        end = min(len(out), at + chance.randint(1, 40))
        match chance.randrange(6):
            case 0:
                out[at:end] = chance.randbytes(end - at)
            case 1:
                del out[at:end]
            case 2:
                out[at:at] = out[at:end] * chance.randint(1, 4)
            case 3:
                out[at:at] = chance.choice(
                    (b"\n\n", b"\r", b"data: ", b"event: ", b"{", b"]", b'"')
                )
            case 4:
                out[at:at] = chance.choice(
                    (b"\xff", b"\xef\xbb\xbf", b"\x00", b"\\ud800", b"[" * 200)
                )
            case _:
                del out[at:]
    return bytes(out)


def changed_value(value: Any, chance: random.Random) -> Any:
    """Change one place somewhere inside a JSON value."""
    places = list(_places(value))
    if not places:
        return deepcopy(chance.choice(STRANGE))
    holder, key = chance.choice(places)
    match chance.randrange(5):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice((*holder, "type", "id", "status", "error"))] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.extend([holder[key]] * chance.randint(1, 3))
        case _:
            holder[key] = deepcopy(chance.choice(STRANGE))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def cut(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same bytes in pieces."""
    while data:
        size = chance.choice((1, 2, 7, 64, 1000, len(data)))
        yield data[:size]
        data = data[size:]


# --- real streams --------------------------------------------------------------------------------

BOTH: tuple[Any, ...] = (
    "Hello, wörld",
    ToolCalls(("f", {"a": 1}), ("g", {})),
    Parts(
        CodeInterpreter("print(1)", "1"),
        Text("Here", citations=[Citation("url", 0, 4, "https://example.com", "title")]),
    ),
    Parts(FileSearch(("q",), ()), WebSearch("q"), McpCall("server", "tool", "{}", "out"), "done"),
    McpApproval("server", "tool", "{}"),
    Failed("server_error", "boom", "so far"),
    Failed("rate_limit_exceeded"),
    Incomplete("max_output_tokens", "half"),
)
REPLIES: dict[Any, tuple[Any, ...]] = {
    "classic": BOTH,
    "v2": (*BOTH, Refusal("no"), Parts(Reasoning("hm", 7), GeneratedImage("AAAA"), "there")),
}


class Tee(httpx.BaseTransport):
    """Keeps what the emulator answers."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.kept: list[tuple[str, bytes]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        body = b"".join(answer.stream)  # type: ignore[arg-type]
        kind = answer.headers.get("content-type", "")
        self.kept.append((kind, body))
        headers = {"content-type": kind}
        return httpx.Response(answer.status_code, headers=headers, stream=Whole(body))


@cache
def answers(generation: Any, kind: str) -> tuple[bytes, ...]:
    """What the emulator answers to each script, and what was recorded, if that is here."""
    found = []
    for reply in REPLIES[generation]:
        with Emulator(seed=1, strict_auth=False) as foundry:
            agent = foundry.create_agent("my-agent", reply, generation=generation)
            tee = Tee(foundry.transport)
            made = connect(endpoint=foundry.endpoint, model=agent.model, sign_in={"api_key": "x"})
            client = make_client(AgentClient, made.settings, made.auth, transport=tee)
            request = TurnRequest((user("Hi"),))
            for ask in (lambda: list(client.stream(request)), lambda: client.complete(request)):  # noqa: B023
                with suppress(AzureAgentsError):
                    ask()
            found += [body for content_type, body in tee.kept if kind in content_type and body]
    assert found
    return (*dict.fromkeys(found), *_recorded(generation, kind))


def _recorded(generation: str, kind: str) -> Iterator[bytes]:
    if not RECORDINGS.is_dir() or kind != "event-stream":
        return
    marker = "event: thread." if generation == "classic" else '"response.created"'
    for path in sorted(RECORDINGS.rglob("*.json")):
        for entry in json.loads(path.read_text("utf-8")).get("entries", ()):
            sse = entry["response"].get("sse") or entry["response"].get("body")
            if isinstance(sse, str) and marker in sse[:500] and len(sse) < 60_000:
                yield sse.encode()


def events_of(stream: bytes) -> list[tuple[str, Any]]:
    """A stream as names and JSON values."""
    decoded = SSEDecoder().feed(stream)
    return [(e.name, json.loads(e.data)) for e in decoded if e.data.startswith(b"{")]


def encoded(events: list[tuple[str, Any]]) -> bytes:
    """And back again."""
    frames = (f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)
    return "".join(frames).encode("utf-8", "surrogatepass")


def changed_stream(stream: bytes, chance: random.Random) -> bytes:
    """A stream with other values, or with events lost, repeated or in another order."""
    events = events_of(stream)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(events))
        match chance.randrange(6):
            case 0:
                del events[at]
            case 1:
                events.insert(chance.randrange(len(events)), events[at])
            case 2:
                events[at] = (chance.choice(events)[0], events[at][1])
            case _:
                name, value = events[at]
                events[at] = (name, changed_value(json.loads(json.dumps(value)), chance))
        if not events:
            break
    return encoded(events)


def read(reader: Any, data: bytes, chance: random.Random) -> None:
    """Read a stream to its end as a flow does, and make an answer of it."""
    folding = Fold()
    for piece in cut(data, chance):
        for event in reader.feed(piece):
            folding.add(event)
    folding.add(Finished("stop", "completed"))
    assert isinstance(folding.result().text, str)
    assert reader.failure is None or isinstance(reader.failure, AzureAgentsError)
    if isinstance(reader, RunReader):
        with malformed(reader.run):  # as `guarded` does around a flow
            assert digest_of([reader.answer])


def fuzz(family: str, count: int, act: Callable[[random.Random], object]) -> None:
    """Do it with `count` seeds; anything but an error of ours fails, and names the seed.

    `make test` tries a fifth of them.
    """
    for seed in range(count // scaled(all=1, pairs=10, few=25)):
        try:
            told = _error_of(act, random.Random(f"{family}{seed}"))  # noqa: S311 - to be repeatable
        except Exception as error:
            raise AssertionError(f"{family}, seed {seed}: {error!r}") from error
        assert len(told) < 5000, f"{family}, seed {seed}"


def _error_of(act: Callable[[random.Random], object], chance: random.Random) -> str:
    try:
        act(chance)
    except AzureAgentsError as error:
        return str(error)
    return ""
