"""What a config file says, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from ...settings.environment import Secret
from .document import Problem

Period: TypeAlias = Literal["day", "week", "month", "total"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One deployment or agent, under the name by which clients ask for it.

    Attributes:
        name: ``model_name``.
        params: ``litellm_params``, with the values of variables; may be secret.
        info: ``model_info``.
        upstream: Names in `params` that are no settings: they go up with every call, and a
            client's own value wins.
        line: Where it stands in the file.
    """

    name: str
    params: Mapping[str, Any] = field(repr=False)
    info: Mapping[str, Any]
    upstream: tuple[str, ...]
    line: int

    @property
    def is_wildcard(self) -> bool:
        """It stands for many models (``azure/*``), and is not listed as one."""
        return "*" in self.name

    def as_router_entry(self) -> dict[str, Any]:
        """The entry as the router's ``model_list`` takes it."""
        return {
            "model_name": self.name,
            "litellm_params": dict(self.params),
            "model_info": dict(self.info),
        }


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A key that clients may use.

    Attributes:
        name: What spend and metrics call it.
        hash: SHA-256 of the key, in hexadecimal digits.
        models: The model names that it may use, with ``*`` for any part; empty: all.
        rpm: Requests in any minute.
        tpm: Tokens in any minute.
        budget: Dollars in a period.
        budget_period: The period.
        expires: From then on the key is refused.
        is_admin: It may see spend and the status page of all keys.
    """

    name: str
    hash: str
    models: tuple[str, ...] = ()
    rpm: int | None = None
    tpm: int | None = None
    budget: float | None = None
    budget_period: Period = "month"
    expires: datetime | None = None
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request and all of them may take.

    Attributes:
        body_bytes: The longest body.
        file_bytes: The longest file that is uploaded to be kept.
        concurrency: Requests at once, in one process; more are refused with 503.
        first_content: Seconds that the status of a stream waits for its first content.
    """

    body_bytes: int = 100 * 2**20
    concurrency: int = 5_000
    first_content: float = 15.0
    file_bytes: int = 2**30


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """Spans and metrics for OpenTelemetry.

    Attributes:
        content: Spans have what people and models said.
        passes_up: Upstreams are told the trace that a request belongs to.
    """

    content: bool = False
    passes_up: bool = False


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """All of a config file.

    Attributes:
        entries: Deployments and agents.
        keys: Keys of clients.
        keys_in_redis: There may be more of them in Redis.
        master_key: The key that may do everything; None: there is none.
        router: Arguments of the router, but its ``model_list``.
        limits: What requests may take.
        drops: Leave out, aloud, what a model is known to refuse.
        user_identity_header: A client's header that names the user, for agents.
        thread_secret: Seals thread handles to keys; None: made from the master key.
        tracing: Spans and metrics for OpenTelemetry; None: none.
        cors_allow_origins: Origins of browsers that may read answers.
        prices: Own prices by model.
        environment: Variables that the file sets.
        notes: Keys that were set aside, and parameters that go up.
    """

    entries: tuple[Entry, ...]
    keys: tuple[GatewayKey, ...] = ()
    keys_in_redis: bool = False
    master_key: Secret | None = None
    router: Mapping[str, Any] = field(default_factory=dict, repr=False)
    limits: Limits = field(default_factory=Limits)
    drops: bool = False
    user_identity_header: str | None = None
    thread_secret: Secret | None = None
    cors_allow_origins: tuple[str, ...] = ()
    tracing: TracingConfig | None = None
    prices: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[Problem, ...] = ()

    @property
    def has_keys(self) -> bool:
        """Whether clients need a key; without one only this machine may call."""
        return self.master_key is not None or bool(self.keys) or self.keys_in_redis
