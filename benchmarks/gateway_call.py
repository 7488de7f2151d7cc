"""What a call through the gateway costs in CPU, beside a server that only forwards.

The floor is uvicorn, raw ASGI and aiohttp: it reads the body for its model, swaps the credential
and passes the answer on, and knows no keys, limits, spend or metrics. Floor and gateways are
processes of their own on loopback, asked in turn by one load with one fast upstream; each tells its
own CPU time, so what the load costs does not count. Rows differ in what the config switches on;
spend and metrics are always on.

    python benchmarks/gateway_call.py                   all rows
    python benchmarks/gateway_call.py full --calls 100000 --rounds 1   memory over many calls
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

CLIENTS = 16
KEY = "sk-benchmark"
MESSAGES = [
    {"role": "system", "content": "You are helpful."},
    {"role": "user", "content": "Hello, how are you today? Tell me something about gateways."},
]
BODY = json.dumps({"model": "gpt-4o", "messages": MESSAGES}, separators=(",", ":")).encode()
SAFE = {k: {"filtered": False, "severity": "safe"} for k in ("hate", "self_harm", "violence")}
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-2024-11-20",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "content_filter_results": SAFE,
                "message": {"role": "assistant", "content": "some text " * 20},
            }
        ],
        "usage": {
            "prompt_tokens": 50,
            "completion_tokens": 40,
            "total_tokens": 90,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    }
).encode()
# As many as Azure sends, of which some tell limits.
HEADERS = {
    "content-type": "application/json",
    "x-request-id": "2f7a1f0e-2a55-4f3c-8b51-0c7c3f3a9d10",
    "apim-request-id": "6b1f9a36-6a0c-4c8e-9d1d-0a5a1d5cf7ab",
    "x-ms-region": "Sweden Central",
    "x-ratelimit-limit-requests": "1000000",
    "x-ratelimit-remaining-requests": "999999",
    "x-ratelimit-limit-tokens": "100000000",
    "x-ratelimit-remaining-tokens": "99999900",
    "azureml-model-session": "d20250601",
    "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
    "x-content-type-options": "nosniff",
}
MANY = 10**9  # a limit that is counted and never reached


# --- configs --------------------------------------------------------------------------------------
def entry(upstream: str, **limits: int) -> dict[str, Any]:
    """One deployment."""
    params = {
        "model": "azure/gpt-4o",
        "api_base": upstream,
        "api_version": "2024-10-21",
        "api_key": "upstream-key",
    }
    info = {"base_model": "azure/gpt-4o"}
    return {"model_name": "gpt-4o", "litellm_params": {**params, **limits}, "model_info": info}


def key(**limits: Any) -> dict[str, Any]:
    """The key of the load."""
    return {"name": "app", "hash": sha256(KEY.encode()).hexdigest(), "models": ["gpt-4o"], **limits}


def config(row: str, upstream: str) -> dict[str, Any]:
    """The config of a row."""
    both = {"rpm": MANY, "tpm": MANY}
    key_limits = {**both, "budget": MANY, "expires": "2099-01-01T00:00:00Z"}
    rows: dict[str, tuple[list[Any], list[Any]]] = {
        "plain": ([entry(upstream)], []),
        "key": ([entry(upstream)], [key()]),
        "key limits": ([entry(upstream)], [key(**both)]),
        "entry limits": ([entry(upstream, **both)], [key()]),
        "full": ([entry(upstream, **both)], [key(**key_limits)]),
        "two entries": ([entry(upstream, **both), entry(upstream, **both)], [key(**key_limits)]),
    }
    entries, keys = rows[row]
    return {"model_list": entries, "keys": keys}


ROWS = ("plain", "key", "key limits", "entry limits", "full", "two entries")


# --- servers: processes of their own --------------------------------------------------------------
class Floor:
    """Forwards, and nothing else."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        from orjson import loads

        message = await receive()
        url = self._urls[loads(message["body"])["model"]]
        async with self._session.post(url, data=message["body"], headers=self._headers) as answer:
            names = ("content-type", "content-length")
            headers = [(name.encode(), answer.headers[name].encode()) for name in names]
            start = {"type": "http.response.start", "status": answer.status, "headers": headers}
            await send(start)
            await send({"type": "http.response.body", "body": await answer.read()})

    async def _live(self, receive: Any, send: Any) -> None:
        import aiohttp
        from yarl import URL

        path = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
        self._urls = {"gpt-4o": URL(self._upstream + path, encoded=True)}
        self._headers = {"content-type": "application/json", "api-key": "upstream-key"}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("user-agent", "accept-encoding"),
        )
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._session.close()
        await send({"type": "lifespan.shutdown.complete"})


def measured(application: Any) -> Any:
    """The application, with a page that tells its CPU seconds and its memory in MB."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/__used":
            await application(scope, receive, send)
            return
        body = json.dumps([time.process_time(), megabytes()]).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def megabytes() -> float:
    """What the process has in memory; where the system does not tell, the most that it had."""
    try:
        told = Path("/proc/self/statm").read_text(encoding="ascii")
        return int(told.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def serve(row: str, upstream: str) -> None:
    """Serve the floor, or the gateway by the config of a row; print the port."""
    from azure_agents.gateway import Application, read_config
    from azure_agents.gateway.server import make_server, run_loop

    if row == "floor":
        application: Any = Floor(upstream)
    else:
        application = Application(read_config(json.dumps(config(row, upstream)), "benchmark"))
    server = make_server(measured(application), "127.0.0.1", 0, tell)
    run_loop(server.serve())


def tell(url: str) -> None:
    """Tell the process that waits for it where this one listens."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()


class Server:
    """A server in a process of its own."""

    def __init__(self, row: str, upstream: str) -> None:
        command = [sys.executable, __file__, "--serve", row, upstream]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
        told = self._process.stdout.readline() if self._process.stdout else ""
        self.port = int(told.strip().rpartition(":")[2])

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


# --- upstream and load ----------------------------------------------------------------------------
class Upstream(asyncio.Protocol):
    """Answers at once, whatever is asked."""

    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()).encode()
    answer = b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (head, len(ANSWER), ANSWER)

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport, self._data = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._data += data
        if whole(self._data):
            self._data = b""
            self._transport.write(self.answer)


class Client(asyncio.Protocol):
    """One connection; makes one request after the other."""

    def __init__(self, request: bytes, calls: int) -> None:
        self._request, self._left = request, calls
        self.done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Ask first."""
        self._transport, self._data = transport, b""
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Ask again when an answer is whole."""
        self._data += data
        if not whole(self._data):
            return
        if not self._data.startswith(b"HTTP/1.1 200"):
            raise SystemExit(self._data.decode())
        self._left -= 1
        if self._left > 0:
            self._data = b""
            self._transport.write(self._request)
        else:
            self.done.set_result(self._data.partition(b"\r\n\r\n")[2])
            self._transport.close()


def whole(data: bytes) -> bool:
    """Whether a message is there with its whole body."""
    head, end, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)


def request(path: str, body: bytes = b"") -> bytes:
    """A request as a client sends it."""
    head = (
        f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


CHAT = request("/v1/chat/completions", BODY)
USED = request("/__used")


async def ask(port: int, data: bytes, calls: int = 1) -> bytes:
    """Make requests on one connection; the body of the last answer."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(data, calls), "127.0.0.1", port)
    return await client.done


async def block(port: int, calls: int) -> tuple[float, float]:
    """CPU microseconds of one call, and memory in MB behind all of them."""
    before, _ = json.loads(await ask(port, USED))
    each = calls // CLIENTS
    await asyncio.gather(*(ask(port, CHAT, each) for _ in range(CLIENTS)))
    after, memory = json.loads(await ask(port, USED))
    return (after - before) / (each * CLIENTS) * 1e6, memory


async def measure(rows: list[str], calls: int, rounds: int) -> None:
    """Ask all servers in turn, and print the table."""
    upstream = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    servers = {row: Server(row, url) for row in ("floor", *rows)}
    try:
        begun = {row: (await block(one.port, 1_600))[1] for row, one in servers.items()}
        found: dict[str, list[tuple[float, float]]] = {row: [] for row in servers}
        for _ in range(rounds):
            for row, one in servers.items():
                found[row].append(await block(one.port, calls))
    finally:
        for one in servers.values():
            one.stop()
    show(found, begun)


def show(found: dict[str, list[tuple[float, float]]], begun: dict[str, float]) -> None:
    """Print medians over rounds; ratios are those within a round."""
    write = sys.stdout.write
    write(f"{'':14}{'CPU us a call':>14}{'x floor':>9}{'added us':>10}{'MB':>7}{'MB more':>9}\n")
    floors = [cpu for cpu, _ in found["floor"]]
    for row, rounds in found.items():
        cpus = [cpu for cpu, _ in rounds]
        ratio = statistics.median(cpu / floor for cpu, floor in zip(cpus, floors, strict=True))
        added = statistics.median(cpu - floor for cpu, floor in zip(cpus, floors, strict=True))
        memory = rounds[-1][1]
        write(
            f"{row:14}{statistics.median(cpus):14.0f}{ratio:9.2f}{added:10.0f}"
            f"{memory:7.0f}{memory - begun[row]:9.1f}\n"
        )


def main() -> int:
    """Measure, or be one of the servers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", help=", ".join(ROWS))
    parser.add_argument("--calls", type=int, default=4_000, help="of a row in a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
    else:
        import uvloop

        uvloop.run(measure(given.rows or list(ROWS), given.calls, given.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
