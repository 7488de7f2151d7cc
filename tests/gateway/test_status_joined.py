"""What the status page shows where several workers serve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.counters import SLOTS
from azure_agents.gateway.page import sharing
from azure_agents.gateway.page.joining import joined
from azure_agents.gateway.page.sharing import SharedLook
from azure_agents.gateway.workers.folder import Folder, bury

from .processes import served, wait_until


def traffic(newest: int, *calls: int) -> dict[str, Any]:
    """Of a worker: the last of its slots."""
    slots = [[0, 0]] * (SLOTS - len(calls)) + [[one, 0] for one in calls]
    return {"newest": newest, "slots": slots, "seconds": [[10, sum(calls)]]}


def worker(pid: int, newest: int, *calls: int, **of_deployment: Any) -> dict[str, Any]:
    """The snapshot of one."""
    usual = {"id": "d", "health": "ok", "seconds": 0, "running": 1, "failure": None}
    window = {"limit": "rpm", "most": 10, "used": 2, "seconds": 60}
    one = {**usual, "windows": [window], "traffic": traffic(newest, *calls), **of_deployment}
    error = {
        "model": "m",
        "deployment": "d",
        "kind": "Server",
        "status": 500,
        "at": pid,
        "times": 2,
    }
    return {
        "processes": [pid],
        "begun_at": pid,
        "now": 0.0,
        "running": 1,
        "streams": 0,
        "traffic": traffic(newest, *calls),
        "deployments": [one],
        "errors": [error],
        "refused": {"401": 1},
        "redis": None,
        "keys": [],
    }


def test_counts_add_up_and_the_worst_health_is_shown() -> None:
    """A worker that was told a slot ago is put where it belongs."""
    cooling = {"health": "cooling", "seconds": 9.0, "failure": {"at": 3}}
    told = joined([worker(7, 100, 1, 2), worker(5, 101, 4, **cooling), worker(9, 101)])
    (one,), (error,) = told["deployments"], told["errors"]
    assert [5, 7, 9] == told["processes"]
    assert (3, {"401": 3}, 5) == (told["running"], told["refused"], told["begun_at"])
    assert [[1, 0], [2, 0], [4, 0]] == told["traffic"]["slots"][-3:]
    assert 7 == told["traffic"]["calls"] == one["calls"]
    assert ("cooling", 9.0, {"at": 3}, 3) == (
        *(one["health"], one["seconds"], one["failure"]),
        one["running"],
    )
    assert [6] == [window["used"] for window in one["windows"]]
    assert (9, 6) == (error["at"], error["times"])


def test_a_deployment_of_another_config_is_left_out() -> None:
    """For a moment workers may have read different files."""
    other = worker(2, 1, id="new")
    assert ["d"] == [one["id"] for one in joined([worker(1, 1), other])["deployments"]]


def test_workers_tell_only_while_somebody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that has ended is seen no more."""
    now = [1000.0]
    monkeypatch.setattr(sharing, "time", lambda: now[0])
    looks: list[str] = []

    def look(pid: int) -> Any:
        def made(*, is_watched: bool) -> Any:
            looks.append(f"{pid} {'watched' if is_watched else 'tells'}")
            return {**worker(pid, 1), "now": now[0]}

        return made

    one, two = (SharedLook(look(pid), Folder(tmp_path, f"w-{pid}")) for pid in (1, 2))
    two.tell()
    assert [] == looks
    assert [1] == one()["processes"]
    two.tell()
    assert ["1 watched", "2 tells"] == looks
    assert [1, 2] == one()["processes"]
    bury(tmp_path, "w-2")
    assert [1] == one()["processes"]
    now[0] += 60
    looks.clear()
    two.tell()
    assert [] == looks


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_two_workers_are_one_gateway(foundry: Emulator, resource: str, tmp_path: Path) -> None:
    """Calls that each of them answered stand in one number, whichever is asked."""
    foundry.deploy("dep", "Hello!")
    entry = f'{{model: azure/dep, api_base: "{resource}", api_key: k}}'
    config = tmp_path / "config.yaml"
    config.write_text(f"model_list: [{{model_name: gpt-4o, litellm_params: {entry}}}]")
    with served(config, "--workers", "2") as gateway:
        for _ in range(20):
            assert 200 == gateway.chat().status_code

        def told() -> Any:
            return gateway.get("/status").json()

        wait_until(lambda: (told()["traffic"]["calls"], len(told()["processes"])) == (20, 2))
        assert os.getpid() not in told()["processes"]
