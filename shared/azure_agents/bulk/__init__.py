"""Files of questions, answered in parallel: as fast as allowed, nothing lost or paid twice."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api import abulk, bulk

__all__ = ["abulk", "bulk"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    late: object = getattr(_import_module(".api", __name__), name)
    globals()[name] = late
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
