"""The long forms of what must hold of bulk runs: `make bulk`. Some minutes on two cores.

1. Limits: 10,000 rows against a served emulator whose deployment has limits. No request is a 429,
   and at least 97 % of what the limits allow is asked.
2. Memory: 100,000 rows. After the first thousand the process grows by less than 20 MB.
3. Kills: 200 processes are killed by `kill -9` at random moments, over v2 chains, background
   responses and classic runs. No row is lost or doubled, and none is paid twice but those of a
   chain that were in flight.
4. Evaluation: the recipes of docs/bulk.md, each in an environment of its own under .oracles/.
5. Ray: a cluster of two nodes, of which one is killed (`cluster`); also in such an environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from azure_agents.bulk import abulk, bulk
from azure_agents.bulk.api import Bulk, Settings
from azure_agents.emulator import Delayed, Emulator

from .cluster import ray

ROOT = Path(__file__).parents[2]
RPM = 1_200
PORT = 8329
LIMITED, MANY, KILLS = 10_000, 100_000, 200
ROWS, CONCURRENCY = 24, 6
# ragas imports a module that langchain-community 0.4 has no more.
PACKAGES = {
    "azure-ai-evaluation": ["azure-ai-evaluation"],
    "ragas": ["ragas", "rapidfuzz", "langchain-community<0.4"],
    "pandas": ["pandas"],
}
RAY = ["--editable", f"{ROOT}[ray]"]
TOLD = {"Capital of France?": "Paris", "2+2?": "five"}
ASKED = [
    {"question": "Capital of France?", "ground_truth": "Paris", "reference": "Paris"},
    {"question": "2+2?", "ground_truth": "4", "reference": "4"},
]
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


def limits(folder: Path) -> None:
    """10,000 rows within limits, over a socket, in real time."""
    agents = folder / "agents.yaml"
    agents.write_text(f"deployments:\n  - {{name: d, rpm: {RPM}, reply: Hi}}\n")
    command = [sys.executable, "-m", "azure_agents.cli", "emulator", "--port", str(PORT)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        [*command, "--agents", str(agents)], env=environment, stdout=quiet
    ) as one:
        try:
            asyncio.run(_limited())
        finally:
            one.terminate()


async def _limited() -> None:
    there = {"api_base": f"http://127.0.0.1:{PORT}", "api_key": "any", "allow_http": True}
    await _up(there["api_base"])
    settings = Settings(rpm=RPM, concurrency=64, arguments=there)
    run = Bulk("azure/d", [f"{n}" for n in range(LIMITED)], settings)
    begun = time.monotonic()
    async for _ in run.results():
        pass
    seconds, pace = time.monotonic() - begun, run.pace
    allowed = seconds / 60 * RPM + RPM / 6
    refused = None if pace is None else pace.throttled
    print(
        f"limits: {run.totals.done:,} rows in {seconds:.1f} s, {refused} refused, "
        f"{LIMITED / allowed:.1%} of what is allowed"
    )
    assert (LIMITED, 0) == (run.totals.done, refused)
    assert 0.97 * allowed <= LIMITED


async def _up(url: str) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.TransportError):
                await client.get(url)
                return
            await asyncio.sleep(0.1)


class _Fixed(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: Any) -> Any:
        return httpx.Response(200, json=ANSWER)


async def memory(folder: Path) -> None:
    """100,000 rows in the memory of a thousand."""
    questions, sizes, written = folder / "many.jsonl", list[float](), list[int]()
    with questions.open("w") as file:
        for number in range(MANY):
            file.write(json.dumps({"id": number, "input": f"{number} {'x' * 500}"}) + "\n")
    given = {"api_base": "https://r.openai.azure.com", "api_key": "k", "concurrency": 32}
    out, number = folder / "many.answers.jsonl", 0
    async for _ in abulk("azure/d", questions, out=out, async_transport=_Fixed(), **given):
        number += 1
        if number % 1_000 == 0:
            sizes.append(_resident())
            written.append(out.stat().st_size)
    growth = max(sizes) - sizes[0]
    steps = [after - before for before, after in pairwise(written)]
    print(f"memory: {number:,} rows, grown by {growth:.1f} MB after the first thousand")
    print(f"output: {min(steps):,} to {max(steps):,} bytes for each thousand rows")
    assert growth < 20


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def kills(folder: Path) -> None:
    """Processes that are killed, each followed by one that goes on."""
    chance, asked_again, number = random.Random(1), 0, 0  # noqa: S311 - no secret
    questions = folder / "q.jsonl"
    rows = ({"id": n, "input": f"q {n}"} for n in range(ROWS))
    questions.write_text("\n".join(map(json.dumps, rows)))
    while number < KILLS:
        for generation, options in (("v2", []), ("v2", ["--background"]), ("classic", [])):
            again, killed = _killed(generation, options, questions, chance)
            number += killed
            may = generation == "v2" and not options
            assert 0 <= again <= (killed * CONCURRENCY if may else 0), (generation, options, again)
            asked_again += again
            print(f"kills: {number} of {KILLS}", flush=True)
    print(f"kills: {number}, {asked_again} turns of plain chains were asked again, no other")


def _killed(
    generation: str, options: list[str], questions: Path, chance: random.Random
) -> tuple[int, int]:
    """Kill a run again and again until one comes to its end: turns too many, and kills."""
    out = questions.with_name("a.jsonl")
    for path in questions.parent.glob("a.jsonl*"):
        path.unlink()
    foundry = Emulator()
    model = foundry.create_agent("my-agent", Delayed(0.3, "Hi"), generation=generation).model
    killed = 0
    with foundry.serve() as server:
        while True:
            child = _start(model, questions, out, server.endpoint, options)
            if _ended(child, out, _lines(out) + chance.randint(0, 8)):
                break
            time.sleep(chance.uniform(0, 0.3))  # the time of a turn: any moment of it
            child.send_signal(signal.SIGKILL)
            child.wait()
            killed += 1
        assert 0 == child.returncode
        turns = len(foundry.seen)
    ids = sorted(json.loads(line)["id"] for line in out.read_text().splitlines())
    assert list(range(ROWS)) == ids, ids
    return turns - ROWS, killed


def _ended(child: subprocess.Popen[str], out: Path, lines: int) -> bool:
    """Wait until a run has written so many lines; True if it ended before."""
    while _lines(out) < lines:
        if child.poll() is not None:
            return True
        time.sleep(0.01)
    return child.poll() is not None


def _lines(out: Path) -> int:
    return out.read_bytes().count(b"\n") if out.exists() else 0


def _start(
    model: str, questions: Path, out: Path, endpoint: str, options: list[str]
) -> subprocess.Popen[str]:
    files = [model, str(questions), "--out", str(out), "--concurrency", str(CONCURRENCY)]
    command = [sys.executable, "-m", "azure_agents.cli", "map", *files, *options]
    environment = {**os.environ, "AZURE_AI_API_KEY": "any", "AZURE_AI_PROJECT_ENDPOINT": endpoint}
    environment["PYTHONPATH"] = str(ROOT / "shared")
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, text=True)


def evaluation(folder: Path) -> None:
    """The recipes of docs/bulk.md, each in an environment of its own."""
    page = (ROOT / "docs" / "bulk.md").read_text()
    for format, packages in PACKAGES.items():
        (recipe,) = re.findall(rf"```python {format}\n(.*?)```", page, re.DOTALL)
        here = folder / format
        here.mkdir()
        with Emulator() as foundry:
            agent = foundry.create_agent("a", lambda turn: TOLD[turn.last_user_text])
            given = {"column": "question", "format": format, "concurrency": 1}
            list(
                bulk(
                    agent.model, ASKED, out=here / "answers.jsonl", **given, **foundry.connection()
                )
            )
        said = _said(_python(format, packages), recipe, here)
        expected = "\n".join(re.findall(r"^#> (.*)$", recipe, re.MULTILINE))
        print(f"evaluation: {format}: {expected}")
        assert said.endswith(expected), said


def _python(name: str, packages: list[str]) -> Path:
    """The Python of an environment with these packages, made the first time."""
    home = ROOT / ".oracles" / f"bulk-{name}"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def _said(python: Path, program: str, folder: Path) -> str:
    run = [str(python), "-c", program]
    ended = subprocess.run(run, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout.strip()


def main() -> None:
    """Run all of them, or those that are named."""
    names = sys.argv[1:] or ["limits", "memory", "kills", "evaluation", "ray"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "limits" in names:
            limits(folder)
        if "memory" in names:
            asyncio.run(memory(folder))
        if "kills" in names:
            kills(folder)
        if "evaluation" in names:
            evaluation(folder)
        if "ray" in names:
            for line in ray(folder, _python("ray", RAY)):
                print(line, flush=True)


if __name__ == "__main__":
    main()
