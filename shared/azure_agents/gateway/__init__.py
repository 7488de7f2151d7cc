"""An OpenAI-compatible server in front of agents and deployments, set up by a ``config.yaml``."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .app import Application
    from .config.document import ConfigFileError, Problem
    from .config.objects import Entry, GatewayConfig, GatewayKey, Limits
    from .config.reading import read_config
    from .keyring import new_key
    from .server import serve

__all__ = [
    "Application",
    "ConfigFileError",
    "Entry",
    "GatewayConfig",
    "GatewayKey",
    "Limits",
    "Problem",
    "new_key",
    "read_config",
    "serve",
]

_MODULES = {
    "ConfigFileError": "config.document",
    "Problem": "config.document",
    "Entry": "config.objects",
    "GatewayConfig": "config.objects",
    "GatewayKey": "config.objects",
    "Limits": "config.objects",
    "read_config": "config.reading",
    "Application": "app",
    "new_key": "keyring",
    "serve": "server",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    late: object = getattr(_import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = late
    return late


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
