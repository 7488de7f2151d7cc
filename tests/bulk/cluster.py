"""The long form of what must hold on a cluster of Ray: `make bulk ARGS=ray`.

Two nodes on this machine, a real Redis, and one node killed after a third of the rows. No row is
lost or doubled; none is asked twice but those of a chain in the foreground that were in flight. The
answers are those that `bulk` gives on one machine, and the same run again asks nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pyarrow import parquet

from azure_agents.bulk import bulk
from azure_agents.bulk.shared_journal import VARIABLE
from azure_agents.emulator import Delayed, Emulator, SeenTurn

from ..stores.servers import RedisServer

CHECK = Path(__file__).with_name("check_ray.py")
ROWS, FILES, CONCURRENCY = 300, 6, 8
DELAY = 0.5  # seconds of an answer
KINDS: tuple[tuple[Literal["v2", "classic"], dict[str, Any]], ...] = (
    ("v2", {}),
    ("v2", {"background": True}),
    ("classic", {}),
)


def ray(folder: Path, python: Path) -> Iterator[str]:
    """Lose a node in the middle, for each kind of run; gives a line on each."""
    for number, (generation, options) in enumerate(KINDS):
        here = folder / f"ray-{number}"
        rows = _questions(here / "questions")
        foundry = Emulator()
        model = foundry.create_agent("a", _reply, generation=generation).model
        server = RedisServer()
        try:
            with foundry.serve() as served:
                there = {"AZURE_AI_PROJECT_ENDPOINT": served.endpoint, VARIABLE: server.url}
                told = _told(python, here, model, options, there)
                turns = len(foundry.seen)
                alone = list(bulk(model, rows, **foundry.connection()))
        finally:
            server.remove()
        kind = f"{generation} {'background' if options else ''}".strip()
        yield _checked(told, alone, turns - ROWS, kind)


def _reply(turn: SeenTurn) -> Any:
    return Delayed(DELAY, f"said: {turn.last_user_text}")


def _questions(folder: Path) -> list[dict[str, Any]]:
    folder.mkdir(parents=True)
    rows = [{"id": n, "input": f"q {n}"} for n in range(ROWS)]
    for at in range(FILES):
        parquet.write_table(pa.Table.from_pylist(rows[at::FILES]), folder / f"{at}.parquet")
    return rows


def _told(
    python: Path, folder: Path, model: str, options: dict[str, Any], there: dict[str, str]
) -> Any:
    command = [str(python), str(CHECK), str(folder), model, str(ROWS), json.dumps(options)]
    environment = os.environ | there | {"AZURE_AI_API_KEY": "any"}
    with (folder / "log.txt").open("w") as log:
        ended = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
    assert not ended.returncode, (folder / "log.txt").read_text()[-4000:]
    return json.loads((folder / "told.json").read_text())


def _checked(told: Any, alone: list[dict[str, Any]], again: int, kind: str) -> str:
    names = ("id", "input", "answer")
    expected = [{name: row[name] for name in names} for row in sorted(alone, key=_id)]
    assert expected == [{name: row[name] for name in names} for row in told["rows"]]
    assert [ROWS, ROWS, 0] == told["ended"]
    assert told["killed"], "the run was over before the node was killed"
    assert 0 <= again <= (CONCURRENCY if kind == "v2" else 0), again
    return (
        f"ray: {kind}: {ROWS} rows in {told['seconds']:.1f} s, cluster up in {told['up']:.1f} s, "
        f"a node killed after {told['killed'][0]} rows, {again} turns asked again"
    )


def _id(row: dict[str, Any]) -> int:
    return int(row["id"])
