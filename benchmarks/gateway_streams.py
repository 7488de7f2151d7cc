"""What a stream through the gateway costs: CPU beside a server that only forwards, and memory.

CPU: streams of 50 deltas, each its own write of the upstream, with keys, limits, budgets, spend and
metrics on. Memory: many streams that are open at once, twice; the second wave must add nothing.

    python benchmarks/gateway_streams.py                    both
    python benchmarks/gateway_streams.py --rounds 0         memory alone
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
from typing import Any

from gateway_call import (
    HEADERS,
    MESSAGES,
    SAFE,
    USED,
    Floor,
    Server,
    ask,
    config,
    measured,
    request,
    tell,
)

CLIENTS = 16
DELTAS = 50
BODY = json.dumps({"model": "gpt-4o", "stream": True, "messages": MESSAGES}).encode()
STREAM = request("/v1/chat/completions", BODY)
USAGE = {"prompt_tokens": 50, "completion_tokens": 50, "total_tokens": 100}
END = b"0\r\n\r\n"


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """An event as Azure sends it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "content_filter_results": SAFE}
    told = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1}
    return framed(json.dumps({**told, "model": "gpt-4o-2024-11-20", "choices": [choice]}))


def framed(data: str) -> bytes:
    """An event in a chunk of HTTP's."""
    event = b"data: %s\n\n" % data.encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


HEAD = "".join(f"{k}: {v}\r\n" for k, v in HEADERS.items() if k != "content-type").encode()
BEGIN = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    + HEAD
    + b"\r\n"
    + chunk({"role": "assistant", "content": ""})
)
DELTA = chunk({"content": "some "})
TAIL = (
    chunk({}, "stop")
    + framed(json.dumps({"model": "gpt-4o-2024-11-20", "choices": [], "usage": USAGE}))
    + framed("[DONE]")
    + END
)


class StreamFloor(Floor):
    """Forwards what one read brought in one write, and nothing else."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        from orjson import loads

        message = await receive()
        url = self._urls[loads(message["body"])["model"]]
        async with self._session.post(url, data=message["body"], headers=self._headers) as answer:
            headers = [(b"content-type", answer.headers["content-type"].encode())]
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await send(start)
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def serve(row: str, upstream: str) -> None:
    """Serve the floor, or the gateway by the config of a row; print the port."""
    from azure_agents.gateway import Application, read_config
    from azure_agents.gateway.server import make_server, run_loop

    if row == "floor":
        application: Any = StreamFloor(upstream)
    else:
        application = Application(read_config(json.dumps(config(row, upstream)), "benchmark"))
    run_loop(make_server(measured(application), "127.0.0.1", 0, tell).serve())


class StreamServer(Server):
    """A server of this script, in a process of its own."""

    def __init__(self, row: str, upstream: str) -> None:
        command = [sys.executable, __file__, "--serve", row, upstream]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        told = self._process.stdout.readline() if self._process.stdout else ""
        self.port = int(told.strip().rpartition(":")[2])


class Upstream(asyncio.Protocol):
    """Streams, or holds streams open until it is told to go on."""

    held: asyncio.Event | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport, self._left = transport, 0

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio's name
        """Begin a stream; requests are small, so each comes in one read."""
        self._transport.write(BEGIN + DELTA)
        self._left = DELTAS - 1
        if self.held is None:
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._waiting = asyncio.create_task(self._hold(self.held))

    async def _hold(self, held: asyncio.Event) -> None:
        await held.wait()
        self._next()

    def _next(self) -> None:
        if self._left > 0:
            self._left -= 1
            self._transport.write(DELTA)
            asyncio.get_running_loop().call_soon(self._next)
        else:
            self._transport.write(TAIL)


class Client(asyncio.Protocol):
    """One connection; reads one stream after the other."""

    def __init__(self, streams: int) -> None:
        self._left, self._end = streams, b""
        self.begun = asyncio.get_running_loop().create_future()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Ask first."""
        self._transport = transport
        transport.write(STREAM)

    def data_received(self, data: bytes) -> None:
        """Ask again when a stream is over."""
        if not self.begun.done():
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(data.decode())
            self.begun.set_result(None)
        self._end = (self._end + data)[-40:]
        if not self._end.endswith(END):
            return
        if b"[DONE]" not in self._end:
            raise SystemExit("a stream without its end")
        self._left, self._end = self._left - 1, b""
        if self._left > 0:
            self._transport.write(STREAM)
        else:
            self.done.set_result(None)
            self._transport.close()


async def client(port: int, streams: int) -> Client:
    """A connection that has asked."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Client(streams), "127.0.0.1", port)
    return made


async def block(port: int, streams: int) -> float:
    """CPU microseconds of one stream."""
    before, _ = json.loads(await ask(port, USED))
    each = streams // CLIENTS
    clients = await asyncio.gather(*(client(port, each) for _ in range(CLIENTS)))
    await asyncio.gather(*(one.done for one in clients))
    after, _ = json.loads(await ask(port, USED))
    return float(after - before) / (each * CLIENTS) * 1e6


async def wave(port: int, open_: int) -> tuple[float, float]:
    """Memory in MB while so many streams are open, and when they are over."""
    Upstream.held = asyncio.Event()
    clients = [await client(port, 1) for _ in range(open_)]
    await asyncio.gather(*(one.begun for one in clients))
    _, during = json.loads(await ask(port, USED))
    Upstream.held.set()
    await asyncio.gather(*(one.done for one in clients))
    Upstream.held = None
    _, after = json.loads(await ask(port, USED))
    return during, after


async def measure(streams: int, rounds: int, open_: int) -> None:
    """Ask all servers in turn, and print what was found."""
    upstream = await asyncio.get_running_loop().create_server(
        Upstream, "127.0.0.1", 0, backlog=4096
    )
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    servers = {row: StreamServer(row, url) for row in ("floor", "full")}
    try:
        for one in servers.values():
            await block(one.port, 320)
        if rounds:
            await cpu(servers, streams, rounds)
        if open_:
            await memory(servers["full"].port, open_)
    finally:
        for one in servers.values():
            one.stop()


async def cpu(servers: dict[str, StreamServer], streams: int, rounds: int) -> None:
    """Print what a stream costs."""
    found: dict[str, list[float]] = {row: [] for row in servers}
    for _ in range(rounds):
        for row, one in servers.items():
            found[row].append(await block(one.port, streams))
    ratios = [one / floor for one, floor in zip(found["full"], found["floor"], strict=True)]
    floor, full = (statistics.median(found[row]) for row in ("floor", "full"))
    sys.stdout.write(f"CPU us a stream: floor {floor:.0f}, full {full:.0f}\n")
    sys.stdout.write(f"x floor: {statistics.median(ratios):.2f}\n")


async def memory(port: int, open_: int) -> None:
    """Print what an open stream holds, and what is left of waves."""
    _, before = json.loads(await ask(port, USED))
    first, over = await wave(port, open_)
    second, end = await wave(port, open_)
    sys.stdout.write(f"kB an open stream, of {open_}: {(first - before) * 1024 / open_:.1f}\n")
    more = max(0.0, second - max(first, over)) * 1024 / open_
    sys.stdout.write(f"kB more a stream in a second wave than ever before: {more:.1f}\n")
    sys.stdout.write(f"MB before, open, over, open, over: {before:.0f}, {first:.0f}, ")
    sys.stdout.write(f"{over:.0f}, {second:.0f}, {end:.0f}\n")


def main() -> int:
    """Measure, or be one of the servers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--streams", type=int, default=2_000, help="of a server in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--open", type=int, default=5_000, help="streams at once; 0: none")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
    else:
        import uvloop

        uvloop.run(measure(given.streams, given.rounds, given.open))
    return 0


if __name__ == "__main__":
    sys.exit(main())
