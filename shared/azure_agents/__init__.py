"""Microsoft (Azure AI) Foundry agents: the core that the framework adapters share.

Importing this package loads no framework, no Azure SDK and opens nothing. `completion` and
`acompletion` are loaded when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import errors
from ._version import __version__
from .config import Timeouts
from .errors import AzureAgentsError

if TYPE_CHECKING:
    from .completions import acompletion, completion

__all__ = [
    "AzureAgentsError",
    "Timeouts",
    "__version__",
    "acompletion",
    "completion",
    "errors",
]

_LATE = ("acompletion", "completion")


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import completions

    late: object = getattr(completions, name)
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
