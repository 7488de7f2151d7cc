"""Runs in an environment with Ray: a cluster of two nodes, of which one is killed in the middle.

Called by `make bulk ARGS=ray` with a folder, a model, and the number of rows; the service, Redis
and the sign-in stand in the environment, which the nodes inherit. Nothing of the tests can be
imported here.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Thread

import pyarrow.parquet
import ray
from ray.cluster_utils import Cluster

from azure_agents.bulk.on_ray import map_on_ray
from azure_agents.bulk.shared_journal import SharedJournal


def main(folder: Path, model: str, rows: int, options: dict[str, object]) -> None:
    """Run, kill a node after a third of the rows, run again, and tell what came of it."""
    begun = time.monotonic()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    node = cluster.add_node(num_cpus=2)
    ray.init(address=cluster.address, log_to_driver=False)
    up = time.monotonic() - begun
    journal, out = SharedJournal(str(folder / "answers")), folder / "answers"
    killed: list[int] = []

    def kill() -> None:
        while journal.count("done") < rows // 3:
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)
        killed.append(journal.count("done"))

    if options.pop("kills", True):
        Thread(target=kill, daemon=True).start()
    given = {"allow_http": True, "concurrency": 8, "lease": 10.0, **options}
    ended = map_on_ray(model, str(folder / "questions"), str(out), **given)
    seconds = time.monotonic() - begun - up
    table = pyarrow.parquet.read_table(out)
    again = map_on_ray(model, str(folder / "questions"), str(out), **given)
    assert ended == again, again
    assert pyarrow.parquet.read_table(out).sort_by("id").equals(table.sort_by("id"))
    told = {
        "up": up,
        "seconds": seconds,
        "killed": killed,
        "ended": [ended.rows, ended.done, ended.failed],
        "rows": table.sort_by("id").select(["id", "input", "answer", "error"]).to_pylist(),
    }
    (folder / "told.json").write_text(json.dumps(told))
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4]))
