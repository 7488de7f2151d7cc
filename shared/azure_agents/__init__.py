"""Microsoft (Azure AI) Foundry agents: the core that the framework adapters share.

Importing this package loads no framework, no Azure SDK and opens nothing. `completion`,
`acompletion` and the two clients are loaded when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from . import errors
from ._version import __version__
from .errors import AzureAgentsError
from .settings.timeouts import Timeouts

if TYPE_CHECKING:
    from .client.agent_client import AgentClient, AsyncAgentClient
    from .completions.api import acompletion, completion
    from .completions.input import screenshot

__all__ = [
    "AgentClient",
    "AsyncAgentClient",
    "AzureAgentsError",
    "Timeouts",
    "__version__",
    "acompletion",
    "completion",
    "errors",
    "screenshot",
]

_LATE = {
    "AgentClient": "client.agent_client",
    "AsyncAgentClient": "client.agent_client",
    "acompletion": "completions.api",
    "completion": "completions.api",
    "screenshot": "completions.input",
}


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    late: object = getattr(_import_module(f".{_LATE[name]}", __name__), name)
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
