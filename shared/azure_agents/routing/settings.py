"""The arguments of `Router`, by LiteLLM's names. Pure.

Every name that LiteLLM's router has is taken, or refused with the reason; any other name is a
mistake, and the error tells the nearest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from ..drivers.clock import Clock, SystemClock
from ..errors import ConfigError
from ..naming import near, shown
from ..seams import SecretText
from ..settings.environment import hidden
from ..settings.timeouts import DEFAULT_TIMEOUT, Timeouts
from .health import COOLDOWN
from .redis_link import shown_url, url_of

Fallbacks = Sequence[Mapping[str, Sequence[str]]]


class RouterArguments(TypedDict, total=False):
    """The keyword arguments of `Router` but ``model_list``; its docstring explains them."""

    allowed_fails: int | None
    clock: Clock | None
    content_policy_fallbacks: Fallbacks | None
    context_window_fallbacks: Fallbacks | None
    cooldown_time: float | None
    default_fallbacks: Sequence[str] | None
    default_litellm_params: Mapping[str, Any] | None
    default_max_parallel_requests: int | None
    disable_cooldowns: bool | None
    enable_pre_call_checks: bool | None
    fallbacks: Fallbacks | None
    max_fallbacks: int | None
    model_group_alias: Mapping[str, Any] | None
    num_retries: int | None
    optional_pre_call_checks: Sequence[str] | None
    redis_host: str | None
    redis_password: str | SecretText | None
    redis_port: int | str | None
    redis_prefix: str | None
    redis_url: str | SecretText | None
    redis_username: str | None
    routing_strategy: str | None
    stream_timeout: float | None
    timeout: float | Timeouts | None


PREFIX = "azure-agents-router"  # of all keys in Redis, unless another one is given
_NAMES = frozenset(RouterArguments.__annotations__)
# What LiteLLM's router has, and this one does not: why, and what to do.
NOT_OFFERED = {
    "alerting_config": "alerts are made of the gateway's metrics",
    "allowed_fails_policy": "use allowed_fails=",
    "assistants_config": "classic agents are models: 'azure_ai/agents/asst_…'",
    "cache_kwargs": "answers are not cached",
    "cache_responses": "answers are not cached",
    "caching_groups": "answers are not cached",
    "client_ttl": "clients are kept as long as they are used",
    "debug_level": "use logging.getLogger('azure_agents')",
    "default_priority": "requests are not queued",
    "enable_tag_filtering": "give the deployments names of their own",
    "guardrail_list": "content filters are the deployment's",
    "ignore_invalid_deployments": "take wrong entries out of the list",
    "model_group_retry_policy": "use num_retries in litellm_params",
    "polling_interval": "requests are not queued",
    "provider_budget_config": "budgets belong to the keys of the gateway",
    "retry_after": "the wait before a retry is what the service asks for",
    "retry_policy": "use num_retries=",
    "router_general_settings": "no setting of it has a meaning here",
    "routing_strategy_args": "there is one strategy, without settings",
    "search_tools": "tools are the agent's",
    "set_verbose": "use logging.getLogger('azure_agents')",
}
# There is one strategy: limits that hold, and the least used of what is left. These names of
# LiteLLM's ask for nothing else.
_STRATEGIES = ("simple-shuffle", "least-busy", "usage-based-routing", "usage-based-routing-v2")
# What LiteLLM does on request, and this router always.
_CHECKS = (
    "enforce_model_rate_limits",
    "responses_api_deployment_check",
    "encrypted_content_affinity",
)
_EVERY = "*"


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What a router was made with.

    Attributes:
        timeouts: Of an attempt.
        retries: How often a call asks again what failed in it.
        cooldown: Seconds that a deployment is put aside, where the service does not say.
        allowed_fails: Failures in a minute that are overlooked.
        is_cooling_off: No deployment is ever put aside.
        fallbacks: Models to ask instead, by the model that was asked; ``*``: of any.
        too_long: The same, where the prompt is too long for the model.
        filtered: The same, where a content filter refused the prompt.
        most_fallbacks: How many models are asked instead at most.
        aliases: Other names of models.
        defaults: Parameters of all entries, unless an entry has its own.
        redis: URL of the Redis that shares the counts; None: there is none. May be secret.
        prefix: First part of the keys there.
        clock: Time, to be replaced in tests.
    """

    timeouts: Timeouts
    retries: int
    cooldown: float
    allowed_fails: int
    is_cooling_off: bool
    fallbacks: Mapping[str, tuple[str, ...]]
    too_long: Mapping[str, tuple[str, ...]]
    filtered: Mapping[str, tuple[str, ...]]
    most_fallbacks: int
    aliases: Mapping[str, str]
    defaults: Mapping[str, Any]
    redis: Any
    prefix: str
    clock: Clock

    @property
    def redis_url(self) -> str | None:
        """The URL of Redis, to be connected to."""
        url: str | None = _revealed(self.redis)
        return url

    def instead_of(self, model: str, kind: str = "fallbacks") -> tuple[str, ...]:
        """The models to ask instead of one.

        Args:
            model: The one that was asked.
            kind: ``fallbacks``, ``too_long`` or ``filtered``.
        """
        named: Mapping[str, tuple[str, ...]] = getattr(self, kind)
        return named.get(model, named.get(_EVERY, ()))


def read_settings(arguments: Mapping[str, Any]) -> RouterSettings:
    """Check the arguments of a router.

    Args:
        arguments: By LiteLLM's names; None counts as absent, but for ``timeout``.

    Raises:
        ConfigError: One is unknown, not offered or wrong.
    """
    given = {k: v for k, v in arguments.items() if v is not None or k == "timeout"}
    for name in given:
        _check_name(name)
    _check_choices(given)
    every = given.get("default_fallbacks")
    return RouterSettings(
        timeouts=_timeouts(given),
        retries=whole(given, "num_retries", 2),
        cooldown=_seconds(given, "cooldown_time", COOLDOWN),
        allowed_fails=whole(given, "allowed_fails", 0),
        is_cooling_off=_flag(given, "disable_cooldowns"),
        fallbacks=read_fallbacks(given.get("fallbacks"), "fallbacks", every),
        too_long=read_fallbacks(given.get("context_window_fallbacks"), "context_window_fallbacks"),
        filtered=read_fallbacks(given.get("content_policy_fallbacks"), "content_policy_fallbacks"),
        most_fallbacks=whole(given, "max_fallbacks", 5),
        aliases=_aliases(given.get("model_group_alias", {})),
        defaults=_defaults(given),
        redis=_redis(given),
        prefix=str(given.get("redis_prefix", PREFIX)),
        clock=given.get("clock") or SystemClock(),
    )


def read_fallbacks(given: object, name: str, every: object = None) -> Mapping[str, tuple[str, ...]]:
    """Read ``[{"a": ["b", "c"]}]``: models to ask instead of others.

    Args:
        given: LiteLLM's form; None: there are none.
        name: Of the argument, for errors.
        every: Models to ask instead of any other.

    Raises:
        ConfigError: It has another form.
    """
    rows: dict[str, tuple[str, ...]] = {}
    if every is not None:
        rows[_EVERY] = _models(every, "default_fallbacks")
    for row in _listed(given, name):
        if not isinstance(row, Mapping):
            raise ConfigError(f"{name} must be like [{{'a': ['b', 'c']}}], got {shown(row)} in it")
        for model, others in row.items():
            rows[str(model)] = _models(others, f"{name} of {shown(model)}")
    return rows


def _models(given: object, name: str) -> tuple[str, ...]:
    found = tuple(_listed(given, name))
    for one in found:
        if not isinstance(one, str):
            raise ConfigError(
                f"{name}: a fallback is a model of model_list, by its name; got {shown(one)}"
            )
    return found


def _listed(given: object, name: str) -> Iterable[Any]:
    if given is None:
        return ()
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return given
    raise ConfigError(f"{name} must be a list, got {shown(given)}")


def _check_name(name: str) -> None:
    if name in NOT_OFFERED:
        raise ConfigError(f"Router: {name}= is not offered: {NOT_OFFERED[name]}")
    if name not in _NAMES:
        advice = near(name, _NAMES | set(NOT_OFFERED)) or ": leave it out"
        raise ConfigError(f"Router has no argument {name!r}{advice}")


def _check_choices(given: Mapping[str, Any]) -> None:
    strategy = given.get("routing_strategy", _STRATEGIES[0])
    if strategy not in _STRATEGIES:
        raise ConfigError(
            f"routing_strategy={shown(strategy)} is not offered: limits are kept and the least "
            f"used deployment is asked, under any of the names {', '.join(map(repr, _STRATEGIES))}"
        )
    for check in _listed(given.get("optional_pre_call_checks"), "optional_pre_call_checks"):
        if check not in _CHECKS:
            raise ConfigError(
                f"optional_pre_call_checks: {shown(check)} is not offered"
                f"{near(str(check), _CHECKS)}; always done: {', '.join(_CHECKS)}"
            )
    _flag(given, "enable_pre_call_checks")  # always done


def _timeouts(given: Mapping[str, Any]) -> Timeouts:
    timeouts = Timeouts.of(given.get("timeout", DEFAULT_TIMEOUT))
    if "stream_timeout" not in given:
        return timeouts
    return replace(timeouts, first_event=given["stream_timeout"])


def whole(given: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number, 0 or more.

    Args:
        given: Arguments.
        name: Which one.
        default: Where it was not given.

    Raises:
        ConfigError: It is something else.
    """
    value = given.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ConfigError(f"{name} must be a whole number, 0 or more, got {shown(value)}")


def _seconds(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LONG:
        return value
    raise ConfigError(f"{name} must be seconds, 0 or more, got {shown(value)}")


_LONG = 1e9  # seconds


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{name} must be True or False, got {shown(value)}")


def _aliases(given: object) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise ConfigError(f"model_group_alias must be a dictionary, got {shown(given)}")
    aliases = {}
    for alias, value in given.items():
        model = value.get("model") if isinstance(value, Mapping) else value
        if not isinstance(model, str):
            raise ConfigError(f"model_group_alias: {shown(alias)} must name a model")
        aliases[str(alias)] = model
    return aliases


def _defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = given.get("default_litellm_params", {})
    if not isinstance(defaults, Mapping):
        raise ConfigError(f"default_litellm_params must be a dictionary, got {shown(defaults)}")
    most = given.get("default_max_parallel_requests")
    return {**({} if most is None else {"max_parallel_requests": most}), **defaults}


def _redis(given: Mapping[str, Any]) -> Any:
    names = [name for name in ("redis_url", "redis_host") if name in given]
    if len(names) > 1:
        raise ConfigError("redis_url= and redis_host= say the same: pass one")
    if "redis_url" in given:
        return _kept(_revealed(given["redis_url"]))
    if "redis_host" in given:
        password = _revealed(given.get("redis_password"))
        host, port = str(given["redis_host"]), given.get("redis_port")
        return _kept(url_of(host, port, password, given.get("redis_username")))
    alone = [name for name in given if name in ("redis_port", "redis_password", "redis_username")]
    if alone:
        raise ConfigError(f"{alone[0]}= needs redis_host=: pass it, or leave {alone[0]}= out")
    return None


def _kept(url: str) -> Any:
    """The URL, out of sight if it holds a password."""
    return url if url == shown_url(url) else hidden(url)


def _revealed(value: Any) -> Any:
    reveal = getattr(value, "get_secret_value", None) or getattr(value, "reveal", None)
    return reveal() if callable(reveal) else value
