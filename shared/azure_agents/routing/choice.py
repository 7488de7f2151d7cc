"""Which deployments of a model are asked, and in which order. Pure.

Deployments with a lower ``order`` come first: provisioned throughput before what is paid by use.
Among equals those with the smallest part of their limits in use come first, then those that were
asked least. Where a deployment of a model has a ``weight``, the requests of the last minute are
spread by weight instead.

One that is put aside is not asked while others are there. How hard it is put aside decides what
happens when none is: one that failed may be asked all the same (failing is no worse than not
asking), one that said 429 may not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .windows import Load


class Standing(NamedTuple):
    """What is known of a deployment when a request comes.

    Attributes:
        id: The deployment.
        order: Lower ones are asked first.
        weight: Share of the requests; None: by what is in use.
        load: How much of it is in use.
        running: Requests that run on it now.
        wait: Microseconds until its limits let a request begin; 0: now.
        asked_to_wait: Microseconds until the time that its service asked for; 0: none.
        failed: It is put aside since it failed lately.
    """

    id: str
    order: int = 0
    weight: float | None = None
    load: Load = Load()
    running: int = 0
    wait: int = 0
    asked_to_wait: int = 0
    failed: bool = False

    @property
    def is_free(self) -> bool:
        """A request may begin now."""
        return not self.wait and not self.asked_to_wait


def order_of(standings: Sequence[Standing]) -> list[Standing]:
    """Put those that may be asked now in the order in which they are asked.

    Args:
        standings: Of the deployments of a model; those that failed lately come last.
    """
    is_weighted = any(one.weight is not None for one in standings)
    free = [one for one in standings if one.is_free]
    return sorted(free, key=lambda one: (one.failed, one.order, *_use(one, weighted=is_weighted)))


def soonest(standings: Sequence[Standing]) -> int | None:
    """Microseconds until the first of them may be asked; None if there are none.

    Args:
        standings: Of the deployments of a model.
    """
    return min((max(one.wait, one.asked_to_wait) for one in standings), default=None)


def _use(one: Standing, *, weighted: bool) -> tuple[float, ...]:
    load = one.load
    if weighted:
        # The next request is counted, too: else a new deployment of weight 1 came before one of 10.
        return ((load.begun + 1) / (one.weight or 1), load.share)
    return (load.share, load.tokens, load.begun, one.running)
