"""Where the clients of resources are kept, so that calls share connections and tokens.

A pair is known by its resource, its credential and what stands for the network; what the
environment says of credentials is part of the key, so a changed variable makes a new pair.
"""

from __future__ import annotations

import os
from typing import Any

from ..client.recent import Recent, Same, fingerprints
from ..settings import environment as names
from .client import AsyncModelClient, Connection, ModelClient
from .credentials import sign_in
from .settings import ModelSettings

_clients: Recent[tuple[ModelClient, AsyncModelClient]] = Recent()
_VARIABLES = tuple(value for name, value in vars(names).items() if name.startswith("ENV_"))


def recent_clients(settings: ModelSettings) -> tuple[ModelClient, AsyncModelClient]:
    """Give the sync and the async client of these settings, those of an earlier call if still kept.

    Args:
        settings: Of the call.

    Raises:
        ConfigError: The ways to sign in do not fit one another.
    """
    key = (
        settings.surface.url,
        settings.model.provider,
        settings.has_subscription_key,
        fingerprints(settings.sign_in),
        fingerprints({name: os.environ.get(name) for name in _VARIABLES}),
        tuple((name, Same(seam)) for name, seam in sorted(settings.seams.items())),
    )
    return _clients.get(key, lambda: _made(settings))


def _made(settings: ModelSettings) -> tuple[ModelClient, AsyncModelClient]:
    auth = sign_in(
        settings.model,
        settings.surface,
        settings.sign_in,
        may_lack=settings.has_subscription_key,
    )
    seams: dict[str, Any] = dict(settings.seams)
    connection = Connection(settings.surface.url, auth, **seams)
    return ModelClient(connection), AsyncModelClient(connection)
