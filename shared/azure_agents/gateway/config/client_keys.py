"""What a key of a client may do, read from a config file or from Redis. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast, get_args

from ...errors import ConfigError
from ...naming import shown
from .objects import GatewayKey, Period

_HASH = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")
_PERIODS = get_args(Period)


def read_key(found: Mapping[str, Any]) -> GatewayKey:
    """Read the settings of a key.

    Args:
        found: As the entry of ``keys`` has them.

    Raises:
        ConfigError: One is wrong.
    """
    name, hashed = found.get("name"), _HASH.fullmatch(str(found.get("hash") or ""))
    if not isinstance(name, str) or not name.strip():
        raise ConfigError("needs a name, by which spend and metrics call it")
    if hashed is None:
        raise ConfigError(
            "hash must be the SHA-256 of a key, 64 hexadecimal digits: 'azure-agents keys new' "
            "makes a key and its hash"
        )
    period = found.get("budget_period", "month")
    if period not in _PERIODS:
        raise ConfigError(f"budget_period must be one of {', '.join(_PERIODS)}: {shown(period)}")
    return GatewayKey(
        name=name.strip(),
        hash=hashed[1].lower(),
        models=_names(found.get("models")),
        rpm=_whole(found, "rpm"),
        tpm=_whole(found, "tpm"),
        budget=_amount(found, "budget"),
        budget_period=cast("Period", period),
        expires=_moment(found.get("expires")),
        is_admin=found.get("admin") is True,
    )


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise ConfigError(f"models must be a list of model names: {shown(value)}")


def _whole(found: Mapping[str, Any], name: str) -> int | None:
    value = found.get(name)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise ConfigError(f"{name} must be a whole number, 0 or more: {shown(value)}")


def _amount(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    if value is None or (
        isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    ):
        return None if value is None else float(value)
    raise ConfigError(f"{name} must be an amount in dollars, 0 or more: {shown(value)}")


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ConfigError(
            f"expires must be a moment such as 2027-01-31 or 2027-01-31T12:00:00Z: {shown(value)}"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
