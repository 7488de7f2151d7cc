"""`--workers`: processes on one port, killed, told to reload and to stop, and what they count."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Delayed, Emulator

from .conftest import HELLO
from .processes import Served, served, wait_until

CALLS = 'azure_agents_gateway_requests_total{model="gpt-4o",operation="chat",status="200"}'
CONFIG = """
model_list:
- model_name: gpt-4o
  litellm_params: {{model: azure/{deployment}, api_base: "{base}", api_key: k}}
general_settings: {{master_key: sk-master}}
"""


@pytest.fixture
def base() -> Iterator[str]:
    """The resource of an emulator with a quick and a slow deployment."""
    with Emulator(seed=3) as foundry, foundry.serve() as emulator:
        foundry.deploy("dep", "Hello.")
        foundry.deploy("slow", Delayed(2.0, "Slow hello."))
        yield emulator.resource


def written(path: Path, base: str, deployment: str = "dep") -> Path:
    """A config file."""
    config = path / "config.yaml"
    config.write_text(CONFIG.format(base=base, deployment=deployment))
    return config


def ask(gateway: Served, times: int) -> int:
    """Ask in parallel, on connections of their own; how many were answered."""
    with ThreadPoolExecutor(8) as pool:
        return sum(
            answer.status_code == 200 for answer in pool.map(lambda _: gateway.chat(), range(times))
        )


def spent(gateway: Served) -> int:
    """The calls in all rows of `/spend`."""
    return sum(row["calls"] for row in gateway.get("/spend").json()["data"])


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_killed_worker_is_started_again_and_nothing_is_lost(tmp_path: Path, base: str) -> None:
    """Metrics and spend are those of all workers, also of one that was killed."""
    with served(written(tmp_path, base), "--workers", "2", key="sk-master") as gateway:
        assert 40 == ask(gateway, 40)
        wait_until(lambda: gateway.metric(CALLS) == 40)  # within a second
        wait_until(lambda: spent(gateway) == 40)
        first = gateway.workers()
        os.kill(first[0], signal.SIGKILL)
        assert 20 == ask(gateway, 20)  # the other one takes them: the port is the parent's
        wait_until(lambda: len(set(gateway.workers()) - {first[0]}) == 2)
        wait_until(lambda: gateway.metric(CALLS) == 60)
        assert 60 == spent(gateway)
        assert "ended with code -9; another one is started" in gateway.log.read_text()


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_all_workers_reload_and_a_new_one_takes_no_wrong_file(tmp_path: Path, base: str) -> None:
    """SIGHUP reaches all; a worker that is started while the file is wrong serves the last one."""
    config = written(tmp_path, base)
    right = config.read_text()
    with served(config, "--workers", "2", key="sk-master") as gateway:
        config.write_text(right.replace("gpt-4o", "renamed"))
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: gateway.log.read_text().count("read again") >= 2)
        assert {200} == {gateway.chat("renamed").status_code for _ in range(8)}
        config.write_text("model_list: nonsense")
        for worker in gateway.workers():
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: gateway.log.read_text().count("serves by the config as it was") >= 2)
        assert {200} == {gateway.chat("renamed").status_code for _ in range(8)}


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_streams_of_all_workers_end_well(tmp_path: Path, base: str, end: signal.Signals) -> None:
    """After SIGTERM, and when the parent is killed; nothing listens or runs after that."""
    body = {"model": "gpt-4o", "messages": HELLO, "stream": True}

    def stream(gateway: Served) -> str:
        url = f"{gateway.url}/v1/chat/completions"
        with httpx.stream("POST", url, json=body, headers=gateway.headers, timeout=20) as answer:
            return answer.read().decode()

    with served(written(tmp_path, base, "slow"), "--workers", "2", key="sk-master") as gateway:
        workers = gateway.workers()
        with ThreadPoolExecutor(8) as pool:
            answers = [pool.submit(stream, gateway) for _ in range(8)]
            wait_until(lambda: gateway.metric("azure_agents_gateway_running") >= 8)
            gateway.process.send_signal(end)
            assert {True} == {one.result().endswith("data: [DONE]\n\n") for one in answers}
        wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers))
        with pytest.raises(httpx.ConnectError):
            gateway.chat()
        if end == signal.SIGTERM:
            assert 0 == gateway.process.wait(10)


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_taken_port_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    """In one line, before a worker is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        config = str(written(tmp_path, "https://r.openai.azure.com"))
        assert 2 == main(["serve", "-c", config, "--workers", workers, "--port", port])
    told = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1 port {port}" in told
    assert "choose another with --port" in told


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_an_entry_that_no_worker_can_serve_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, and nothing goes on running."""
    config = written(tmp_path, "https://r.openai.azure.com", deployment="")
    assert 2 == main(["serve", "-c", str(config), "--workers", "2", "--port", "0"])
    assert "no deployment" in capsys.readouterr().err


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_temporary_files_are_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container whose root is read-only hears what to do."""

    def no_folder(**_: object) -> str:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr("tempfile.mkdtemp", no_folder)
    config = written(tmp_path, "https://r.openai.azure.com")
    assert 2 == main(["serve", "-c", str(config), "--workers", "2", "--port", "0"])
    assert "set TMPDIR" in capsys.readouterr().err


# (workers, more of the config, whether limits hold for each worker only)
EXACT = [("1", "", False), ("2", "", True), ("2", 'router_settings: {redis_host: "r"}', False)]


@pytest.mark.parametrize(("workers", "more", "is_told"), EXACT)
def test_check_config_tells_what_workers_do_not_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], workers: str, more: str, is_told: bool
) -> None:
    """Without Redis each of several workers counts for itself."""
    config = written(tmp_path, "https://r.openai.azure.com")
    config.write_text(config.read_text() + more)
    assert 0 == main(["check-config", "-c", str(config), "--workers", workers])
    assert is_told == ("workers without Redis" in capsys.readouterr().out)
