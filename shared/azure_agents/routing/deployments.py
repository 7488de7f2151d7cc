"""Deployments, as LiteLLM's `model_list` tells them. Pure but for the environment's variables.

An entry names a model (``model_name``), says what answers it (``litellm_params``) and what it may
be asked (``rpm``, ``tpm``, …, in ``litellm_params`` or beside them). What is a setting stays here;
any other parameter goes with each call.

A deployment is known by its ``id``: the one of its ``model_info``, else a digest of what it is,
without secrets. So all processes with the same list count the same deployment as one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from ..errors import ConfigError
from ..models.settings import SETTINGS
from ..naming import near, shown
from ..prices.fields import is_price
from .limits import LIMITS, Limits, read_limits
from .resources import full_name, keeps_files, resource_of, url_of

_OF_AN_ENTRY = ("model_name", "litellm_params", "model_info", *LIMITS, "order", "weight")
# What the router itself reads of `litellm_params`.
_OWN = (
    *LIMITS,
    "order",
    "weight",
    "max_parallel_requests",
    "num_retries",
    "max_retries",
    "timeout",
    "stream_timeout",
    "cooldown_time",
)
_NOT_OFFERED = {
    "litellm_credential_name": "put api_key=, or another way to sign in, into the entry",
    "mock_response": "in tests use azure_agents.emulator",
    "organization": "pass extra_headers={'OpenAI-Organization': …}",
    "tags": "give the deployments names of their own",
    "use_litellm_proxy": "pass the proxy's URL as api_base=",
}
# Prices and places that LiteLLM keeps in `litellm_params`: they are known, and not sent.
_NOTES = re.compile(r".*cost_per.*|.*_cost|region_name|max_budget|budget_duration")
_COMPARED = (*_OWN, *SETTINGS, "model")
_ALIKE = 0.8
_ENVIRONMENT = "os.environ/"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of a model.

    Attributes:
        id: Known by this, in Redis and to users.
        name: What callers ask for; may hold a ``*``.
        model: The model string of the call, see `azure_agents.models.names`.
        resource: Where it is: what is made on a resource is known nowhere else.
        url: Where it is asked: one of the URLs of its resource.
        mark: What an id that was made here carries behind its ``~``, where that is needed.
        keeps_files: Its resource knows files and batches.
        limits: What it may be asked.
        params: More arguments of each call; may be secret.
        order: Those with a lower one are asked first.
        weight: Share of the requests; None: by what is in use.
        most_running: How many requests may run on it at once in this process; None: any number.
        retries: Instead of the router's number; None: the router's.
        timeout: Seconds of an attempt; None: the router's.
        stream_timeout: Seconds until the first content of a stream; None: the router's.
        cooldown: Seconds that it is put aside; None: the router's.
        info: ``model_info``, and what of `litellm_params` is not sent.
    """

    id: str
    name: str
    model: str
    resource: str
    url: str = ""
    mark: str = ""
    keeps_files: bool = True
    limits: Limits = field(default_factory=Limits)
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    order: int = 0
    weight: float | None = None
    most_running: int | None = None
    retries: int | None = None
    timeout: float | None = None
    stream_timeout: float | None = None
    cooldown: float | None = None
    info: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def own_resource(self) -> Deployment:
        """Its resource, for what is not asked of a model: its limits do not hold there."""
        return replace(self, id=f"{self.id}/resource", limits=Limits(), most_running=None)

    @property
    def is_any(self) -> bool:
        """Whether it stands for any number of models: it is a wildcard's."""
        return "*" in self.name

    @property
    def health_id(self) -> str:
        """Whose health is known by this: behind a wildcard each model has its own."""
        return f"{self.id} {self.model}" if self.is_any and "*" not in self.model else self.id

    def under(self, asked: str) -> Deployment:
        """The deployment that a wildcard stands for: ``azure/*`` asked for ``azure/gpt-4o``.

        Args:
            asked: What the caller asked for.
        """
        star = asked[len(self.name.partition("*")[0]) :]
        return replace(self, model=self.model.replace("*", star, 1))


def read_deployments(
    model_list: Iterable[Mapping[str, Any]],
    defaults: Mapping[str, Any] | None = None,
    places: Sequence[str] = (),
) -> tuple[Deployment, ...]:
    """Read a `model_list`.

    Args:
        model_list: Dictionaries of LiteLLM's form.
        defaults: `litellm_params` of all entries, unless an entry has its own.
        places: What errors call each entry; by default its place in the list.

    Raises:
        ConfigError: An entry lacks something, or has what it cannot have.
    """
    if isinstance(model_list, str | bytes | Mapping) or not isinstance(model_list, Sequence):
        raise ConfigError(
            f"model_list must be a list of dictionaries, got {type(model_list).__name__}"
        )
    seen: dict[str, str] = {}
    found = []
    for at, entry in enumerate(model_list):
        where = places[at] if places else f"model_list[{at}]"
        one = _deployment(entry, defaults or {}, where)
        id = _unique(one, seen, where)
        found.append(replace(one, id=id, mark=sha256(id.encode()).hexdigest()[:8]))
    return tuple(found)


def _unique(one: Deployment, seen: dict[str, str], where: str) -> str:
    """An id that no other entry has; the same for the same list in every process."""
    id, copies = one.id, 1
    while id in seen:
        if "id" in one.info:
            raise ConfigError(f"{where}: the id {shown(id)} is that of {seen[id]}: ids must differ")
        copies += 1
        id = f"{one.id}-{copies}"
    seen[id] = where
    return id


def _deployment(entry: object, defaults: Mapping[str, Any], where: str) -> Deployment:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} must be a dictionary, got {type(entry).__name__}")
    for key in entry:
        if key not in _OF_AN_ENTRY:
            raise ConfigError(f"{where}: {shown(key)} is unknown{near(str(key), _OF_AN_ENTRY)}")
    name = _text(entry, "model_name", where)
    given = {**defaults, **_mapping(entry, "litellm_params", where)}
    given = {key: _resolved(value, f"{where}.litellm_params.{key}") for key, value in given.items()}
    model = _text(given, "model", f"{where}.litellm_params")
    beside = {k: v for k, v in entry.items() if k in _OWN}
    own = {**beside, **{k: v for k, v in given.items() if k in _OWN and v is not None}}
    params = _params(given, where)
    info = {**_notes(given), **_mapping(entry, "model_info", where, may_lack=True)}
    params.update(_base_model(info, params))
    return _made(name, model, params, own, info, where=where)


def _made(
    name: str,
    model: str,
    params: dict[str, Any],
    own: Mapping[str, Any],
    info: Mapping[str, Any],
    *,
    where: str,
) -> Deployment:
    model = full_name(model, params)
    url = url_of(model, params, where)
    return Deployment(
        id=str(info.get("id") or _digest(name, model, url)),
        name=name,
        model=model,
        resource=resource_of(url),
        url=url,
        keeps_files=keeps_files(model, params),
        limits=read_limits(own, where),
        params=params,
        order=int(_number(own, "order", where, least=-(10**9)) or 0),
        weight=_number(own, "weight", where, least=0.0, above=True),
        most_running=_whole(own, "max_parallel_requests", where, least=1),
        retries=_retries(own, where),
        timeout=_number(own, "timeout", where, least=0.0, above=True),
        stream_timeout=_number(own, "stream_timeout", where, least=0.0, above=True),
        cooldown=_number(own, "cooldown_time", where, least=0.0),
        info=info,
    )


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


def _params(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What goes with each call; near misses of settings are mistakes, not parameters."""
    params = {}
    for key, value in given.items():
        if key in _NOT_OFFERED:
            raise ConfigError(f"{where}.litellm_params: {key} is not offered: {_NOT_OFFERED[key]}")
        if key in (*_OWN, "model") or _is_note(key) or value is None:
            continue
        if key not in _COMPARED:
            _check_near(key, where)
        params[key] = value
    return params


def setting_meant(key: str) -> str | None:
    """The setting that a parameter's name was meant to be; None if it looks like none.

    Args:
        key: A name that is no setting.
    """
    # A parameter of a model that looks like a setting by chance would be refused: none is known.
    swapped = (one for one in _COMPARED if sorted(one) == sorted(key))  # ``tmp``
    return next(swapped, None) or next(iter(get_close_matches(key, _COMPARED, 1, _ALIKE)), None)


def _check_near(key: str, where: str) -> None:
    meant = setting_meant(key)
    if meant is not None:
        raise ConfigError(
            f"{where}.litellm_params: {shown(key)} is no setting: did you mean {meant!r}?"
        )


def _notes(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if _is_note(key)}


def _is_note(key: str) -> bool:
    return is_price(key) or _NOTES.fullmatch(key) is not None


def _base_model(info: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    # The pages put it in either place.
    named = info.get("base_model")
    return {"base_model": named} if named and "base_model" not in params else {}


def _resolved(value: Any, where: str) -> Any:
    """A value; of ``os.environ/NAME`` the variable's."""
    if not isinstance(value, str) or not value.startswith(_ENVIRONMENT):
        return value
    name = value.removeprefix(_ENVIRONMENT)
    if name not in os.environ:
        raise ConfigError(f"{where}: the environment variable {name} is not set")
    return os.environ[name]


def _mapping(
    given: Mapping[str, Any], name: str, where: str, *, may_lack: bool = False
) -> Mapping[str, Any]:
    value = given.get(name)
    if isinstance(value, Mapping):
        return value
    if value is None and may_lack:
        return {}
    raise ConfigError(f"{where}: {name} must be a dictionary, got {type(value).__name__}")


def _text(given: Mapping[str, Any], name: str, where: str) -> str:
    value = given.get(name)
    if isinstance(value, str) and value:
        return value
    raise ConfigError(f"{where}: {name} must be a name, got {shown(value)}")


def _number(
    given: Mapping[str, Any], name: str, where: str, *, least: float, above: bool = False
) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (value > least or (value == least and not above)):
        return value  # type: ignore[no-any-return]
    bound = f"above {least:g}" if above else f"{least:g} or more"
    raise ConfigError(f"{where}: {name} must be a number {bound}, got {shown(value)}")


def _whole(given: Mapping[str, Any], name: str, where: str, *, least: int) -> int | None:
    value = _number(given, name, where, least=least)
    if value is None or value == int(value):
        return None if value is None else int(value)
    raise ConfigError(f"{where}: {name} must be a whole number, got {shown(value)}")


def _retries(own: Mapping[str, Any], where: str) -> int | None:
    values = {own[name] for name in ("num_retries", "max_retries") if name in own}
    if len(values) > 1:
        raise ConfigError(f"{where}: num_retries and max_retries are the same and differ")
    return _whole({"num_retries": next(iter(values), None)}, "num_retries", where, least=0)
