"""What the factories of both frameworks share: from a model string to what an SDK is built with.

A factory builds the class that users of a framework know, for instance LangChain's
``AzureChatOpenAI``. Its arguments are those of `completion` by name, and everything else is the
class's own. Here the first are read and checked; what such a class has no place for is an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from ..drivers.sdk_clients import Route, SdkClients, sdk_clients
from ..errors import ConfigError, InvalidRequestError
from ..jsonio import known_fields
from ..models.credentials import sign_in
from ..models.names import FORMS, Family, read_model
from ..models.rules import fit
from ..models.settings import SETTINGS, ModelSettings, is_deployment, read_settings
from ..naming import near, shown
from ..settings.environment import Secret, hidden
from ..settings.timeouts import DEFAULT_TIMEOUT, Timeouts

# What an SDK is given as its key. It is never sent: the HTTP client signs in.
PLACEHOLDER = "signed-in-by-azure-agents"
_EMBED_NOTHING: tuple[Family, ...] = ("claude", "o_series", "gpt5", "responses", "text")
_OF_A_CALL = {
    "drop_params": "the class sends what it is given: leave the parameter out",
    "observer": "the class reports to the framework's callbacks",
    "stream_timeout": "the SDK waits as long for each piece of a stream as for an answer: pass "
    "timeout=",
}
# What the factory itself decides, by the names of the classes' fields.
_DECIDED = {
    "http_client": "transport=",
    "http_async_client": "async_transport=",
    "http_socket_options": "transport= and async_transport=",
    "async_http_client": "async_transport=",
    "openai_client": "transport=",
    "async_openai_client": "async_transport=",
    "default_headers": "extra_headers=",
    "openai_api_key": "api_key=",
    "anthropic_api_key": "api_key=",
    "openai_api_base": "api_base=",
    "anthropic_api_url": "api_base=",
    "azure_endpoint": "api_base=",
    "openai_api_version": "api_version=",
    "openai_proxy": "the environment's HTTPS_PROXY",
    "anthropic_proxy": "the environment's HTTPS_PROXY",
    "request_timeout": "timeout=",
    "default_request_timeout": "timeout=",
    "azure_ad_async_token_provider": "azure_ad_token_provider=, which may be async",
    "azure_deployment": "the name behind 'azure/'",
    "deployment_name": "the name behind 'azure/'",
    "engine": "the name behind 'azure/'",
    "model_name": "the name behind 'azure/'",
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment as the classes of a framework need it; made by `read_deployment`.

    Attributes:
        settings: What was read of the arguments.
        own: Arguments of the class itself.
        extra_body: More fields for every request's body.
    """

    settings: ModelSettings
    own: Mapping[str, Any]
    extra_body: Mapping[str, Any]

    @property
    def family(self) -> Family:
        """Which rules hold for its calls."""
        return self.settings.model.family

    @property
    def provider(self) -> str:
        """Whose API answers."""
        return self.settings.model.provider

    @property
    def name(self) -> str:
        """The deployment, or the model of OpenAI."""
        return self.settings.surface.deployment or self.settings.model.name

    @property
    def base_model(self) -> str:
        """The model behind it as far as that was said, else the deployment's own name."""
        return (self.settings.model.base_model or self.name).rpartition("/")[2]

    @property
    def is_reasoning(self) -> bool:
        """Whether it takes ``max_completion_tokens`` and no temperature of the caller."""
        return self.settings.model.is_reasoning

    @property
    def version(self) -> str | None:
        """The version of a dated surface; None on every other."""
        surface = self.settings.surface
        return surface.version if surface.kind == "dated" else None

    @property
    def endpoint(self) -> str:
        """The resource, as the SDK's Azure client takes it (dated surface)."""
        return self.settings.surface.url.url

    @property
    def base_url(self) -> str:
        """What an SDK's own paths are put behind."""
        surface = self.settings.surface
        return surface.url.url + surface.root.removesuffix("/v1" if surface.kind != "v1" else "")

    @property
    def seconds(self) -> float:
        """How long a single wait may take; an SDK knows no limit for a whole call."""
        return self.settings.timeouts.read

    @property
    def max_retries(self) -> int:
        """How often the SDK tries a request again."""
        return self.settings.policy.max_retries

    def own_with_body(self, options: str) -> dict[str, Any]:
        """Put more fields of the body where the class takes them.

        Args:
            options: The class's argument for more options of each call.

        Returns:
            The class's own arguments.
        """
        own = dict(self.own)
        if self.extra_body:
            own[options] = {**(own.get(options) or {}), "extra_body": dict(self.extra_body)}
        return own

    def clients(self, sdk: ModuleType) -> SdkClients:
        """Make the HTTP clients for an SDK; nothing is sent, and no token fetched.

        Args:
            sdk: The imported package.

        Raises:
            ConfigError: The ways to sign in do not fit one another.
        """
        settings = self.settings
        auth = sign_in(
            settings.model,
            settings.surface,
            settings.sign_in,
            may_lack=settings.has_subscription_key,
        )
        seams = {name: settings.seams.get(name) for name in ("transport", "async_transport")}
        # A dated version is put on by the SDK's Azure client.
        query = () if settings.surface.kind == "dated" else settings.surface.query
        query = (*query, *settings.query)
        connect = settings.timeouts.connect
        route = Route(settings.surface.url, auth, settings.headers, query, connect, **seams)
        return sdk_clients(sdk, route)


class Given:
    """Arguments of a class that are kept for its copies: not shown, and left behind by pickles.

    Args:
        values: The arguments by name.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {n: hidden(v) if n in _SECRET else v for n, v in values.items()}

    def get(self, name: str) -> Any:
        """Give an argument that is no secret, or None.

        Args:
            name: The name of the argument.
        """
        return None if name in _SECRET else self._values.get(name)

    def reveal(self) -> dict[str, Any]:
        """Give all arguments, for a copy."""
        shown = self._values.items()
        return {n: v.reveal() if isinstance(v, Secret) else v for n, v in shown}

    def __repr__(self) -> str:
        return "Given(…)"

    def __copy__(self) -> Given:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Given:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Given, ({},)


_SECRET = frozenset(
    {"api_key", "azure_ad_token", "azure_password", "client_secret", "credential", "extra_headers"}
)


def read_deployment(
    door: str, model: str, given: Mapping[str, Any], refused: Mapping[Family, str]
) -> Deployment:
    """Check the arguments of a factory.

    Args:
        door: Name of the factory, for errors.
        model: The model string.
        given: The other arguments.
        refused: Families that the factory does not build, each with what to do instead.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        InvalidRequestError: The family refuses a parameter.
    """
    if not is_deployment(model, given):
        raise ConfigError(f"{door}: model={shown(model)} is no deployment: use {FORMS}")
    _check_names(door, given)
    settings = read_settings(model, given)
    if settings.model.family in refused:
        refuse(door, model, refused[settings.model.family])
    for note in settings.surface.notes:
        warnings.warn(note, stacklevel=4)
    own = {name: value for name, value in given.items() if name not in SETTINGS}
    sampling = known_fields(**{name: own.get(name) for name in _SAMPLING})
    fit(sampling, settings.model, drops=False)
    return Deployment(settings, own, _extra_body(given))


def read_embedding(door: str, model: str, given: Mapping[str, Any]) -> Deployment:
    """Read the arguments of a factory of embeddings.

    Args:
        door: Name of the factory, for errors.
        model: The model string.
        given: The other arguments.

    Raises:
        ConfigError: As of `read_deployment`; or the model is known to embed nothing.
    """
    instead = "name a deployment that embeds, such as 'azure/text-embedding-3-small'"
    return read_deployment(door, model, given, dict.fromkeys(_EMBED_NOTHING, instead))


def refuse(door: str, model: str, instead: str) -> NoReturn:
    """Refuse a model that a factory does not build.

    Args:
        door: Name of the factory.
        model: The model string.
        instead: What to do instead.

    Raises:
        ConfigError: Always.
    """
    raise ConfigError(f"{door} does not build model={shown(model)}: {instead}")


_SAMPLING = ("temperature", "top_p")


def _check_names(door: str, given: Mapping[str, Any]) -> None:
    for name, why in _OF_A_CALL.items():
        if given.get(name) not in (None, False):
            raise ConfigError(f"{door} has no argument {name!r}: {why}")
    for name in given.keys() & _DECIDED.keys():
        raise ConfigError(f"{door} decides {name!r} itself: use {_DECIDED[name]}")
    if isinstance(given.get("timeout"), Timeouts):
        _check_timeouts(door, given["timeout"])


def _check_timeouts(door: str, timeouts: Timeouts) -> None:
    lost = [
        name for name in ("first_event", "between_events") if getattr(timeouts, name) is not None
    ]
    if timeouts.turn not in (None, DEFAULT_TIMEOUT, timeouts.read):
        lost.append("turn")
    if lost:
        raise ConfigError(
            f"{door}: an SDK has no limit {' and '.join(lost)}: set connect and read of Timeouts "
            "only, or pass timeout= in seconds for each wait"
        )


def _extra_body(given: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = given.get("extra_body") or {}
    if not isinstance(extra, Mapping):
        raise InvalidRequestError(f"extra_body must be a dictionary, got {type(extra).__name__}")
    return extra


def is_agent(model: object, given: Mapping[str, Any]) -> bool:
    """Whether a model string names an agent.

    Args:
        model: The model string.
        given: The other arguments, whose base may decide it.
    """
    return isinstance(model, str) and bool(model.strip()) and not is_deployment(model, given)


def is_claude(model: object, given: Mapping[str, Any]) -> bool:
    """Whether a model string names a Claude model.

    Args:
        model: The model string.
        given: The other arguments, whose base may decide it.
    """
    return is_deployment(model, given) and read_settings(model, given).model.family == "claude"


_TOKENS = ("azure_ad_token", "azure_ad_token_provider")
_RENAMED = {"api_base": "endpoint", "base_url": "endpoint", "azure_scope": "scope"}
_OF_DEPLOYMENTS = (
    "azure_password",
    "azure_username",
    "base_model",
    "drop_params",
    "extra_body",
    "extra_query",
    "stream_timeout",
)


def of_agent(door: str, model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an agent's class, from those of a factory.

    Args:
        door: Name of the factory, for errors.
        model: The model string.
        given: The other arguments.

    Raises:
        ConfigError: An argument has no meaning for agents, or two say the same.
    """
    named = read_model(model).name
    taken: dict[str, Any] = {}
    for name, value in given.items():
        if value is None and name != "timeout":
            continue
        if name in _OF_DEPLOYMENTS and value is not False:
            raise ConfigError(f"{door}: {name}= is for deployments, and {model!r} is an agent")
        if name == "custom_llm_provider":
            continue
        meant = "credential" if name in _TOKENS else _RENAMED.get(name, name)
        meant = "max_retries" if name == "num_retries" else meant
        if taken.get(meant, value) != value:
            raise ConfigError(f"{door}: {name}= and another name of {meant}= differ: pass one")
        taken[meant] = value
    return {"model": named, **taken}


def imported(module: str, extra: str, door: str) -> ModuleType:
    """Import what an extra of this package installs.

    Args:
        module: The module.
        extra: The extra, such as ``langchain-openai``.
        door: Name of the factory, for the error.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        raise ImportError(
            f'{door} needs {module} for this model, install it with: pip install "azure-agents'
            f'[{extra}]"'
        ) from exc


def check_own(door: str, own: Mapping[str, Any], names: frozenset[str]) -> None:
    """Refuse an argument that the class would put into every request, unless it has it.

    Args:
        door: Name of the factory, for errors.
        own: Arguments of the class.
        names: Those that the class knows.

    Raises:
        ConfigError: One is unknown to it.
    """
    for name in own.keys() - names:
        advice = near(name, names) or ": a field of the request goes into extra_body="
        raise ConfigError(f"{door} has no argument {name!r} for this model{advice}")
