"""Files of questions, answered in parallel: as fast as allowed, nothing lost or paid twice."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import abulk, bulk
    from .on_ray import map_on_ray
    from .ray_rows import AskRows

_HOMES = {"AskRows": ".ray_rows", "abulk": ".api", "bulk": ".api", "map_on_ray": ".on_ray"}
__all__ = ["AskRows", "abulk", "bulk", "map_on_ray"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    late: object = getattr(_import_module(_HOMES[name], __name__), name)
    globals()[name] = late
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
