"""`azure-agents map` against a served emulator: exit statuses, signals, progress."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Delayed, Emulator, Failed

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator on a port, named by the environment, and a folder with questions."""
    foundry = Emulator()
    monkeypatch.setenv("AZURE_AI_API_KEY", "any")
    rows = (json.dumps({"id": n, "input": f"q {n}"}) for n in range(20))
    (tmp_path / "q.jsonl").write_text("\n".join(rows))
    with foundry.serve() as server, monkeypatch.context() as patch:
        patch.setenv("AZURE_AI_PROJECT_ENDPOINT", server.endpoint)
        patch.chdir(tmp_path)
        yield foundry


def _map(*arguments: str) -> int:
    return main(["map", "my-agent", "q.jsonl", *arguments])


def _ids(name: str) -> list[int]:
    return sorted(json.loads(line)["id"] for line in Path(name).read_text().splitlines())


def test_all_rows_are_answered(served: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and one line that says what it came to."""
    served.create_agent("my-agent", "Hi")
    assert 0 == _map("--out", "a.jsonl")
    assert list(range(20)) == _ids("a.jsonl")
    said = capsys.readouterr()
    assert said.out.startswith("20 rows answered in a.jsonl. ")
    assert "" == said.err


def test_rows_failed(served: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1 as long as one is left, also in a run that asks nothing."""
    replies = iter([Failed("content_filter")])
    served.create_agent("my-agent", lambda _: next(replies, "Hi"))
    assert 1 == _map("--out", "a.jsonl", "--concurrency", "1")
    first = capsys.readouterr().out
    assert (
        "19 rows answered in a.jsonl, 1 failed (a.jsonl.failed.jsonl; --retry-failed ask" in first
    )
    assert 1 == _map("--out", "a.jsonl")
    assert "--retry-failed asks them again). Nothing was left to ask." in capsys.readouterr().out
    assert 0 == _map("--out", "a.jsonl", "--retry-failed")
    assert "20 rows answered in a.jsonl. In this run 1 rows, " in capsys.readouterr().out
    assert list(range(20)) == _ids("a.jsonl")


def test_refused(served: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 2, and one line on standard error."""
    assert 2 == _map("--out", "a.jsonl", "--column", "ask")
    assert 2 == _map()
    assert 2 == _map("--out", "a.jsonl", "--tools", "nothing:here")
    assert 2 == _map("--out", "a.jsonl", "--redis")
    errors = capsys.readouterr().err
    assert "q.jsonl, line 1: the row has no column 'ask'" in errors
    assert "Missing option '--out'" in errors
    assert "'nothing:here' cannot be imported" in errors
    assert "AZURE_AGENTS_REDIS_URL" in errors
    assert [] == served.requests


def test_a_run_on_ray_is_refused(
    served: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Ray, and with options that only a run in this process has."""
    monkeypatch.setitem(sys.modules, "ray", None)
    assert 2 == _map("--engine", "ray", "--out", "answers")
    assert 2 == _map("--engine", "ray", "--out", "answers", "--retry-failed")
    assert 2 == _map("--engine", "ray")
    errors = capsys.readouterr().err
    assert 'pip install "azure-agents[ray]"' in errors
    assert "--retry-failed is not there with --engine ray" in errors
    assert "Missing option '--out'" in errors
    assert [] == served.requests


def test_a_dry_run_sends_and_writes_nothing(
    served: Emulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It tells what the run would cost, and by which assumptions."""
    assert 0 == _map("--dry-run", "--limit", "10", "--base-model", "azure/gpt-4.1-mini")
    said = capsys.readouterr().out
    assert "10 of 20 rows would be asked" in said
    assert "2,560 tokens out" in said
    assert "cost: $0.00" in said
    assert "256 tokens for an answer" in said
    assert [] == served.requests
    assert ["q.jsonl"] == [path.name for path in tmp_path.iterdir()]


def _start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "azure_agents.cli", "map", "my-agent", "q.jsonl", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared"), "COLUMNS": "120"}
    return subprocess.Popen(command, env=environment, text=True, **options)


def _wait_for_lines(name: str, number: int) -> None:
    for _ in range(600):
        with suppress(OSError):
            if Path(name).read_bytes().count(b"\n") >= number:
                return
        time.sleep(0.02)
    raise TimeoutError(name)


@pytest.mark.slow
@pytest.mark.parametrize("signals", [1, 2])
def test_interrupted_and_gone_on_with(served: Emulator, signals: int) -> None:
    """Exit status 130; the same command goes on, and with `--background` nothing is paid twice."""
    slow = Delayed(0.5, "Hi")
    served.create_agent("my-agent", slow)
    options = ("--out", "a.jsonl", "--concurrency", "4", "--background")
    child = _start(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _wait_for_lines("a.jsonl", 2)
    for _ in range(signals):
        child.send_signal(signal.SIGINT)
        time.sleep(0.1)
    out, error = child.communicate(timeout=30)
    assert 130 == child.returncode
    assert "Asking no more" in error
    assert "Run the same command again to go on." in (out if signals == 1 else error)
    assert len(_ids("a.jsonl")) < 20
    assert 0 == _map(*options)
    assert list(range(20)) == _ids("a.jsonl")
    assert 20 == len(served.seen)


@pytest.mark.slow
def test_killed_and_gone_on_with(served: Emulator) -> None:
    """``kill -9`` in the middle: nothing is paid twice."""
    served.create_agent("my-agent", Delayed(0.3, "Hi"))
    options = ("--out", "a.jsonl", "--concurrency", "4", "--background")
    child = _start(*options)
    _wait_for_lines("a.jsonl", 4)
    child.kill()
    child.wait()
    assert 0 == _map(*options)
    assert list(range(20)) == _ids("a.jsonl")
    assert 20 == len(served.seen)


@pytest.mark.slow
def test_a_terminal_shows_a_bar(served: Emulator) -> None:
    """With how many rows are over, the rate, the tokens and the failures."""
    served.create_agent("my-agent", Delayed(0.05, "Hi"))
    ours, theirs = pty.openpty()
    child = _start("--out", "a.jsonl", stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # of a terminal whose other end is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert 0 == child.wait(timeout=30)
    for expected in (b"20/20", b"/s", b"tokens in", "━".encode(), b"20 rows answered in a.jsonl"):
        assert expected in shown
