"""The paths of this room and the operations behind them, out of the one table. Pure.

Each stands with and without ``/v1``, below ``/openai``, and below a deployment, as Azure's clients
write it. ``{id}`` is whatever stands between two slashes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from ...models.operation_table import OPERATIONS, Operation
from ..routes import OPENAI_ROOTS, is_hot

_DEPLOYMENT = "/openai/deployments/{model:path}"
COLD = tuple(row for row in OPERATIONS.values() if not is_hot(row.name))


def paths() -> Mapping[str, Mapping[str, Operation]]:
    """The operations of each path by their HTTP methods."""
    found: dict[str, dict[str, Operation]] = defaultdict(dict)
    for row in COLD:
        for root in (*OPENAI_ROOTS, _DEPLOYMENT):
            found[root + row.path][row.method] = row
    return found
