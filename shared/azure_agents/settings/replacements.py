"""Checks what callers pass instead of the network, the clock and the observer, before its use.

`azure_agents.seams` describes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..naming import shown

# What is asked of each, in the name of its argument.
_METHODS = {
    "transport": "handle_request",
    "async_transport": "handle_async_request",
    "clock": "time",
    "observer": "record",
}


def checked_seams(given: Mapping[str, Any]) -> dict[str, Any]:
    """Give what stands for the network, the clock and the observer; only what was given.

    Args:
        given: The arguments of a call or a client; None counts as absent.

    Raises:
        ConfigError: One has not the method that it is asked by.
    """
    seams = {name: given[name] for name in _METHODS if given.get(name) is not None}
    for name, value in seams.items():
        if isinstance(value, type) or not callable(getattr(value, _METHODS[name], None)):
            raise ConfigError(
                f"{name} must be an object with a method {_METHODS[name]}(), got {shown(value)}"
            )
    return seams
