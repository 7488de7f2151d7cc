"""The arguments of a call of a deployment: where, who and how, apart from what goes up. Pure.

Names are LiteLLM's. None counts as absent, since wrappers pass None for everything they were not
given; but ``timeout=None`` is a value: no limit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from ..errors import ConfigError
from ..naming import shown
from ..prices.arguments import costs_of
from ..protocols.retry import RetryPolicy
from ..settings import environment as names
from ..settings.environment import Environment, base_in, hidden, read_env
from ..settings.headers import ExtraHeaders, extra_headers_of
from ..settings.replacements import checked_seams
from ..settings.timeouts import DEFAULT_TIMEOUT, Timeouts
from .bare_names import BASES, OPENAI_WAY, is_openai_model
from .names import ModelName, read_model, resource
from .surfaces import Named, Surface, read_surface

SIGN_IN = frozenset(
    {
        "api_key",
        "azure_ad_token",
        "azure_ad_token_provider",
        "credential",
        "tenant_id",
        "client_id",
        "client_secret",
        "azure_username",
        "azure_password",
        "azure_scope",
    }
)
_OTHERS = frozenset(
    {
        "api_version",
        "allow_http",
        "timeout",
        "stream_timeout",
        "max_retries",
        "num_retries",
        "extra_headers",
        "extra_body",
        "extra_query",
        "drop_params",
        "base_model",
        "custom_cost_per_token",
        "custom_llm_provider",
        "transport",
        "async_transport",
        "clock",
        "observer",
    }
)
SETTINGS = SIGN_IN | _OTHERS | frozenset(BASES)
# Where a base is looked for, in this order. ``azure_ai/`` is the prefix of LiteLLM's Foundry
# models, whose variables are AZURE_AI_…
_AZURE = (names.ENV_API_BASE, names.ENV_OPENAI_ENDPOINT, names.ENV_AI_API_BASE)
_FOUNDRY = (names.ENV_AI_API_BASE, names.ENV_API_BASE, names.ENV_OPENAI_ENDPOINT)
_CLAUDE = (names.ENV_FOUNDRY_BASE, names.ENV_FOUNDRY_RESOURCE, *_FOUNDRY)
# Providers by LiteLLM's names, and the prefix that each is for a bare model.
_PREFIXES: dict[object, str] = {
    "azure": "azure",
    "azure_ai": "azure_ai",
    "azure_text": "azure_text",
    "anthropic": "azure_ai",
    "openai": "openai",
}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything about a call but its credential and its body.

    Attributes:
        model: What answers.
        surface: Where.
        timeouts: In seconds; the turn is the whole call.
        policy: How often and how patiently to try.
        headers: More headers for every request.
        query: More of every request's query.
        sign_in: Arguments of `azure_agents.models.credentials.sign_in`; texts are hidden.
        seams: What stands for the network, the clock and the observer; only what was given.
        drops: Whether parameters that the model does not take are left out.
        costs: What the caller said of the cost: the base model, prices.
    """

    model: ModelName
    surface: Surface
    timeouts: Timeouts
    policy: RetryPolicy
    headers: ExtraHeaders
    query: tuple[tuple[str, str], ...]
    sign_in: Mapping[str, Any] = field(repr=False)
    seams: Mapping[str, Any]
    drops: bool
    costs: Mapping[str, Any]

    def __reduce__(self) -> NoReturn:
        raise TypeError("settings hold a credential and are not pickled: pass the arguments again")

    @property
    def has_subscription_key(self) -> bool:
        """A key of API Management goes along, which may stand in for a credential."""
        return any(name.lower().endswith("-subscription-key") for name in self.headers.reveal())


def is_deployment(model: object, given: Mapping[str, Any]) -> bool:
    """Whether a call is for a deployment; else it is an agent's.

    Args:
        model: The model string.
        given: The arguments of the call.
    """
    named = _with_provider(model, given.get("custom_llm_provider"), given, os.environ)
    if not isinstance(named, str) or "/" not in named:
        return False
    return read_model(named, base=_base(given)[0]).provider != "agents"


def read_settings(
    model: object, given: Mapping[str, Any], env: Mapping[str, str] | None = None
) -> ModelSettings:
    """Check all settings of a call at once.

    Args:
        model: The model string. None for what belongs to a resource and not to a deployment:
            ``custom_llm_provider`` says of which kind, by default ``azure``.
        given: The arguments of the call; those that are no settings are left alone.
        env: Instead of ``os.environ``.

    Raises:
        ConfigError: A setting is missing or wrong.
    """
    given = {k: v for k, v in given.items() if v is not None or k == "timeout"}
    variables = Environment(os.environ if env is None else env)
    named, surface = _place(model, given, variables)
    return ModelSettings(
        model=named,
        surface=surface,
        timeouts=_timeouts(given),
        policy=RetryPolicy(max_retries=_retries(given)),
        headers=_headers(given.get("extra_headers")),
        query=query_of(given.get("extra_query"), "extra_query"),
        sign_in={name: hidden(given[name]) for name in SIGN_IN if name in given},
        seams=checked_seams(given),
        drops=_flag(given, "drop_params"),
        costs=costs_of(given),
    )


def _place(
    model: object, given: Mapping[str, Any], env: Mapping[str, str]
) -> tuple[ModelName, Surface]:
    """What answers, and where; the base tells what some strings name."""
    base, base_name = _base(given)
    named = _named(model, given, base, env)
    if base is None:
        base, base_name = _base_of(named, env)
        named = _named(model, given, base, env)
    version, version_name = _version(given, env)
    allow_http, called = _flag(given, "allow_http"), Named(base_name, version_name)
    return named, read_surface(base, version, named, allow_http=allow_http, named=called)


def _named(
    model: object, given: Mapping[str, Any], base: str | None, env: Mapping[str, str]
) -> ModelName:
    """What answers; no agent.

    Raises:
        ConfigError: The string names an agent, or nothing.
    """
    provider = given.get("custom_llm_provider")
    _check_provider(provider)
    if model is None:
        return resource(provider or "azure")
    base_model = _text(given, "base_model")
    full_name = _with_provider(model, provider, given, env)
    named = read_model(full_name, base=base, base_model=base_model)
    if named.provider == "agents":
        raise ConfigError(
            f"model={shown(model)} is an agent's name, and agents are asked by completion(): "
            f"name a deployment, such as 'azure/<deployment>'; {OPENAI_WAY}"
        )
    return named


def _with_provider(
    model: object, provider: object, given: Mapping[str, Any], env: Mapping[str, str]
) -> object:
    """The model string with its prefix: that of LiteLLM's ``custom_llm_provider``, or OpenAI's."""
    if not isinstance(model, str) or "/" in model or not model.strip():
        return model
    if provider is None and is_openai_model(model.strip(), given, env):
        provider = "openai"
    prefix = _PREFIXES.get(provider) if isinstance(provider, str) else None
    return model if prefix is None else f"{prefix}/{model.strip()}"


def _base(given: Mapping[str, Any]) -> tuple[str | None, str]:
    """The base that was passed, and as which argument.

    Raises:
        ConfigError: Two were passed, or one that is no text.
    """
    passed = {name: given[name] for name in BASES if given.get(name) is not None}
    for name, value in passed.items():
        if not isinstance(value, str):
            raise ConfigError(f"{name} must be a string, got {shown(value)}")
    if len(set(passed.values())) > 1:
        raise ConfigError(f"{' and '.join(f'{n}=' for n in passed)} are the same and differ")
    name, value = next(iter(passed.items()), (BASES[0], None))
    return value, name


def _base_of(model: ModelName, env: Mapping[str, str]) -> tuple[str | None, str]:
    """The base that the environment names for a model, and in which variable.

    Raises:
        ConfigError: It names none, and the model needs one.
    """
    looked_at = _variables(model)
    for name in looked_at:
        value = read_env(env, name)
        if value:
            return base_in(name, value), name
    if model.provider == "openai":
        return None, BASES[0]
    raise ConfigError(
        f"no base URL for {model.requested!r}: pass api_base=, or set {' or '.join(looked_at)}"
    )


def _variables(model: ModelName) -> tuple[str, ...]:
    if model.provider == "openai":
        return (names.ENV_OPENAI_BASE,)
    if model.provider == "anthropic":
        return _CLAUDE
    return _FOUNDRY if model.family == "foundry" else _AZURE


def _version(given: Mapping[str, Any], env: Mapping[str, str]) -> tuple[object, str]:
    if given.get("api_version") is not None:
        return given["api_version"], "api_version"
    for name in (names.ENV_API_VERSION, names.ENV_OPENAI_API_VERSION):
        if read_env(env, name):
            return read_env(env, name), name
    return None, "api_version"


def _timeouts(given: Mapping[str, Any]) -> Timeouts:
    timeouts = Timeouts.of(given.get("timeout", DEFAULT_TIMEOUT))
    if given.get("stream_timeout") is not None:
        return replace(timeouts, first_event=given["stream_timeout"])
    return timeouts


def _headers(given: object) -> ExtraHeaders:
    headers = extra_headers_of(given)
    # A call's own headers come from no pickle, so none were left behind in one.
    return headers if isinstance(headers, ExtraHeaders) else ExtraHeaders({})


def query_of(given: object, name: str) -> tuple[tuple[str, str], ...]:
    """Parts of a query: lists as repeated names, as OpenAI's SDK sends them.

    Args:
        given: A dictionary, or None. Values that are None are left out.
        name: What it is called, for errors.

    Raises:
        ConfigError: It is no dictionary of texts, numbers, truth values and lists of these.
    """
    if given is None:
        return ()
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} must be a dictionary, got {shown(given)}")
    try:
        return tuple(pair for key, value in given.items() for pair in _pairs(key, value, name))
    except RecursionError:
        raise ConfigError(f"{name} is nested too deeply, or holds itself") from None


def _pairs(key: object, value: object, name: str) -> list[tuple[str, str]]:
    if isinstance(value, list | tuple):
        return [pair for one in value for pair in _pairs(f"{key}[]", one, name)]
    if value is None:
        return []
    if not isinstance(key, str) or not isinstance(value, str | int | float):
        raise ConfigError(f"{name}[{key!r}] must be a text, a number or a list, got {shown(value)}")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return [(key, text)]


def _retries(given: Mapping[str, Any]) -> int:
    passed = [given[name] for name in ("max_retries", "num_retries") if name in given]
    if len(passed) > 1 and passed[0] != passed[1]:
        raise ConfigError("max_retries= and num_retries= are the same and differ: pass one")
    value = next(iter(passed), 2)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ConfigError(f"max_retries must be a whole number, 0 or more, got {shown(value)}")


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{name} must be True or False, got {shown(value)}")


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"{name} must be a string, got {shown(value)}")


def _check_provider(value: object) -> None:
    if value is not None and (not isinstance(value, str) or value not in _PREFIXES):
        raise ConfigError(
            f"custom_llm_provider={shown(value)} is not served here: use "
            f"{', '.join(map(repr, _PREFIXES))}, or leave it out"
        )
