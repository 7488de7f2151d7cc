"""`azure-agents serve`, `check-config` and `keys`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Delayed, Emulator

from .conftest import HELLO

CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: azure/dep, api_base: "{base}", api_key: upstream-secret, rpm: 60}}
  - model_name: helper
    litellm_params:
      model: azure_ai/agents/my-agent
      api_base: https://x.services.ai.azure.com/api/projects/p
      api_key: agent-secret
{more}
"""
BASE = "https://x.openai.azure.com"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(base=BASE, more="general_settings: {master_key: sk-master}"))
    return path


def test_a_new_key_fits_its_hash(capsys: pytest.CaptureFixture[str]) -> None:
    """The key is shown once, and the lines for the config file hold its hash."""
    assert 0 == main(["keys", "new", "app"])
    shown = capsys.readouterr().out
    key = re.search(r"sk-\S+", shown)
    assert key is not None
    assert f"hash: {sha256(key[0].encode()).hexdigest()}" in shown


def test_check_config_shows_routes_and_no_secret(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain where nobody looks: columns that other programs can read."""
    assert 0 == main(["check-config", "--config", str(config)])
    shown = capsys.readouterr().out
    lines = [re.split(r" {2,}", line) for line in shown.splitlines()]
    assert ["model", "route", "where", "credential", "limits", "price"] == lines[0]
    assert ["gpt-4o", "azure/dep", f"{BASE}/openai/v1", "api-key", "rpm=60"] == lines[1][:5]
    assert ("helper", "api-key") == (lines[2][0], lines[2][3])
    assert not {"upstream-secret", "agent-secret", "sk-master"} & set(re.split(r"\s+", shown))


WRONG = [
    ("general_settings: {master_kee: x}", "line 10, general_settings.master_kee"),
    ("keys: [{name: a}]", "line 10, keys[0]"),
]


@pytest.mark.parametrize(("more", "told"), WRONG)
@pytest.mark.parametrize("command", ["serve", "check-config"])
def test_a_wrong_file_is_told_with_its_line(
    config: Path, capsys: pytest.CaptureFixture[str], command: str, more: str, told: str
) -> None:
    """One line on standard error, and exit code 2."""
    config.write_text(CONFIG.format(base=BASE, more=more))
    assert 2 == main([command, "--config", str(config)])
    assert told in capsys.readouterr().err


def test_several_mistakes_have_a_line_each(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below one that counts them."""
    config.write_text(CONFIG.format(base=BASE, more="general_settings: {aa: 1}\nbb: 2"))
    assert 2 == main(["check-config", "--config", str(config)])
    first, *each = capsys.readouterr().err.splitlines()
    assert "azure-agents: ConfigFileError: config.yaml has 2 problems:" == first
    assert ["  line 10, general_settings.aa", "  line 11, bb"] == [
        line.partition(": ")[0] for line in each
    ]


def test_other_machines_are_not_let_in_without_a_key(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing listens."""
    config.write_text(CONFIG.format(base=BASE, more=""))
    assert 2 == main(["serve", "--config", str(config), "--host", "0.0.0.0"])  # noqa: S104
    assert "master_key" in capsys.readouterr().err


@contextmanager
def served(config: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A gateway in a process of its own."""
    command = [sys.executable, "-m", "azure_agents.cli", "serve", "--port", "0", "-c", str(config)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, **piped, text=True, env=environment)  # type: ignore[call-overload]
    try:
        assert process.stdout is not None
        url = re.search(r"http://\S+(?=/v1)", process.stdout.readline())
        assert url is not None
        with httpx.Client(base_url=url[0], timeout=20) as http:
            yield process, http
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_process_reloads_and_finishes_its_streams(tmp_path: Path) -> None:
    """SIGHUP changes what is served, a wrong file nothing; SIGTERM lets a stream end."""
    config = tmp_path / "config.yaml"
    with Emulator(seed=3) as foundry, foundry.serve() as emulator:
        foundry.deploy("dep", Delayed(1.0, "Slow hello."))
        config.write_text(CONFIG.format(base=emulator.resource, more=""))
        with served(config) as (process, http):
            assert ["gpt-4o", "helper"] == models(http)
            config.write_text("model_list: nonsense")
            process.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            assert ["gpt-4o", "helper"] == models(http)
            text = CONFIG.format(base=emulator.resource, more="").replace("helper", "helper-2")
            config.write_text(text)
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: models(http) == ["gpt-4o", "helper-2"])
            body = {"model": "gpt-4o", "messages": HELLO, "stream": True}
            with http.stream("POST", "/v1/chat/completions", json=body) as answer:
                process.send_signal(signal.SIGTERM)
                said = answer.read().decode()
            assert said.endswith("data: [DONE]\n\n")
            assert -signal.SIGTERM == process.wait(20)  # as shells and supervisors expect
            _, log = process.communicate()
    told = [re.sub(r"^\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d{4} ", "", line) for line in log.splitlines()]
    assert ["ERROR the config was not changed", "WARNING the config was read again"] == [
        line.partition(":")[0] for line in told
    ]


def models(http: httpx.Client) -> list[str]:
    """The names that are served."""
    return [model["id"] for model in json.loads(http.get("/v1/models").text)["data"]]


def wait_until(holds: Any) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)
