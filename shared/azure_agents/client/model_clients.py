"""The clients behind one model object of a framework.

Frameworks copy their models, also with changes, assign to their fields, print and pickle them. So
the clients depend on the values that they were made from: when one changes, they are made anew for
that object; copies that change nothing share them. What must not be printed or pickled is held
here, and left out of pickles.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from ..settings.config import Settings, resolve_settings
from ..settings.environment import hidden
from ..sign_in.auth import make_auth
from .agent_client import AgentClient, AsyncAgentClient
from .arguments import ClientArguments, SignInArguments
from .pair import ClientPair

_SIGN_IN = tuple(SignInArguments.__annotations__)
_SETTINGS = ("model", *sorted(ClientArguments.__annotations__.keys() - set(_SIGN_IN)))
_SEAMS = ("thread_store", "observer", "operation_keys", "clock")
_TRANSPORTS = ("transport", "async_transport")
MODEL_ARGUMENTS = (*_SETTINGS, *_SIGN_IN, *_SEAMS, *_TRANSPORTS)
_SECRET = ("anchor_key", "api_key", "client_secret", "credential")


def _make_pair(values: Mapping[str, Any]) -> ClientPair:
    given = {name: values[name] for name in _SETTINGS if name in values}
    settings = resolve_settings(**given, door="llm")
    auth = make_auth(endpoint=settings.endpoint, **{name: values.get(name) for name in _SIGN_IN})
    seams = {name: values.get(name) for name in (*_SEAMS, *_TRANSPORTS)}
    return ClientPair(settings, auth, store=seams.pop("thread_store"), **seams)


class ModelClients:
    """Holds the clients of one model object.

    Args:
        given: Arguments that the object itself does not keep, by the names in `MODEL_ARGUMENTS`.
    """

    def __init__(self, given: Mapping[str, Any] | None = None) -> None:
        self.given = {n: hidden(v) if n in _SECRET else v for n, v in (given or {}).items()}
        self._lock = Lock()
        self._values: dict[str, Any] = {}
        self._pair: ClientPair | None = None

    def settings(self, values: Mapping[str, Any]) -> Settings:
        """Check the values and give the settings that they make; nothing is sent.

        Args:
            values: The fields that the object keeps, by the names in `MODEL_ARGUMENTS`.

        Raises:
            ConfigError: A setting is missing or wrong.
        """
        return self._pair_of(values).settings

    def sync(self, values: Mapping[str, Any]) -> AgentClient:
        """Give the client of sync calls; `values` as for `settings`."""
        return self._pair_of(values).sync()

    def aio(self, values: Mapping[str, Any]) -> AsyncAgentClient:
        """Give the client of async calls, one for every event loop; `values` as for `settings`."""
        return self._pair_of(values).aio()

    def close(self) -> None:
        """Close idle connections of sync calls; the next call opens new ones."""
        if self._pair is not None:
            self._pair.close()

    async def aclose(self) -> None:
        """Close idle connections of the running event loop; the next call opens new ones."""
        if self._pair is not None:
            await self._pair.aclose()

    def _pair_of(self, values: Mapping[str, Any]) -> ClientPair:
        with self._lock:
            wanted = {**self.given, **values}
            if self._pair is None or wanted != self._values:
                # The old pair is not closed: a stream that it still serves goes on to its end.
                self._pair, self._values = _make_pair(wanted), wanted
            return self._pair

    def share(self, other: ModelClients) -> None:
        """Take the clients of another, for as long as the values are the same.

        Args:
            other: Behind the model from which this one was copied.
        """
        with self._lock:
            self._pair, self._values = other._pair, other._values

    def __copy__(self) -> ModelClients:
        copied = ModelClients(self.given)
        copied.share(self)
        return copied

    def __deepcopy__(self, _memo: object) -> ModelClients:
        return self.__copy__()

    def __reduce__(self) -> tuple[type[ModelClients], tuple[()]]:
        return ModelClients, ()

    def __repr__(self) -> str:
        return "ModelClients(…)"
