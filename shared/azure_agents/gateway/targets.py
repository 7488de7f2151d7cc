"""From a deployment and an operation to the request that goes up: its URL, its body, its headers.

A body goes up as it came. Where only the model differs, its name is replaced in the bytes; where
fields of the entry are missing, they are put in front; only where a rule of the model's family
changes something is the body written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from ..client.recent import fingerprints
from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON, dumps
from ..models.call import extra_of, fields_of, place_of
from ..models.credentials import sign_in
from ..models.operation_table import OPERATIONS
from ..models.rules import fit
from ..models.settings import ModelSettings, is_deployment, read_settings
from ..models.surfaces import Place
from ..prices.arguments import costs_of
from ..prices.pricer import Pricer
from ..protocols.responses.codec import encode_agent
from ..routing.deployments import Deployment
from ..service_errors.hints import Service
from ..sign_in.auth import Destination, FoundryAuth
from ..sign_in.no_credential import NoCredential
from .agent_entries import read_agent_entry
from .asked import Asked
from .exchange import Way, way_to
from .splice import spliced

_COUNTED = ("chat", "text_completion")
_MOST = 2_000  # targets that are kept: a wildcard has as many as clients think of names
# Families whose chats are no chats on the wire: the library maps them.
_MAPPED_CHATS = ("claude", "responses", "text")
_SECRETS = ("api_key", "azure_ad_token", "client_secret", "azure_password")
_SHORTEST = 8  # characters of a secret: a shorter one, such as "k", stands in ordinary words
_VERSION = "anthropic-version"
_USUAL_VERSION = "2023-06-01"
ID = "{id}"  # stands in the URL of what has one
_OF_RESPONSES = (
    "responses",
    "get_response",
    "delete_response",
    "cancel_response",
    "list_input_items",
)


class Sent(NamedTuple):
    """A body that goes up.

    Attributes:
        body: Its bytes.
        hides_usage: A stream is asked for its usage, and the client did not ask.
    """

    body: bytes
    hides_usage: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One operation of one deployment, or of an agent.

    Attributes:
        base: Below which it is asked; the credential goes nowhere else.
        url: Of the operation, as yarl's; with `ID` where it names a thing.
        service: Who answers there.
        model: What the body's ``model`` says; None: the body has none.
        auth: Signs its requests.
        way: To it.
        headers: Of each request, but for the credential; names in lower case.
        fields: Fields that the entry puts into each body, unless the client has them.
        pricer: Knows what its answers cost.
        fit: Makes a chat's body one that the model's family takes; None: it takes any.
        drops: Leave out, aloud, optional fields that the model refuses.
        agent: The reference of an agent, which each body carries; None: it is none.
        field: The model as a body names it, in JSON; None: it has none.
    """

    base: Destination
    url: Any
    service: Service
    model: str | None
    auth: FoundryAuth | NoCredential
    way: Way
    headers: Mapping[str, str] = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    pricer: Pricer = field(repr=False)
    fit: Callable[[JSON], JSON] | None = None
    drops: bool = False
    agent: Mapping[str, Any] | None = None
    field: bytes | None = None

    def sent(self, asked: Asked, *, asks_usage: bool) -> Sent:
        """Write the body.

        Args:
            asked: By the client.
            asks_usage: A stream is to tell its usage.

        Raises:
            InvalidRequestError: The model's family refuses a field.
        """
        given = asked.given
        fields = self.fields
        added: JSON = {k: v for k, v in fields.items() if k not in given} if fields else {}
        streams = asked.streams and asked.operation in _COUNTED
        hides = streams and asks_usage and not _asks_usage(given)
        if hides:
            told = given.get("stream_options")
            added["stream_options"] = {**(told or {}), "include_usage": True}
        if self.agent is not None:
            return Sent(self._written(_of_agent(given, added, self.agent)))
        if self.fit is not None:
            body = {**given, **added}
            fitted = self.fit(body)
            if fitted != body:
                return Sent(self._written(fitted), hides)
        sent = self._spliced(asked, added)
        return Sent(self._written({**given, **added}) if sent is None else sent, hides)

    def _spliced(self, asked: Asked, added: JSON) -> bytes | None:
        if asked.raw is None or self.field is None:
            return None
        return spliced(asked.raw, self.field, added, names_model=asked.names_model)

    def _written(self, body: Mapping[str, Any]) -> bytes:
        named = {} if self.model is None else {"model": self.model}
        return dumps({**named, **body})


def _of_agent(given: Mapping[str, Any], added: JSON, agent: Mapping[str, Any]) -> JSON:
    for name in ("agent", "agent_reference"):
        if name in given:  # it would reach the other agents of the project
            raise InvalidRequestError(f"{name}: the model names the agent", param=name)
    return {**added, **given, **({"agent_reference": agent} if agent else {})}


def secrets_of(deployments: Iterable[Deployment]) -> frozenset[str]:
    """The keys, tokens and passwords that entries hold.

    Args:
        deployments: The entries.
    """
    entries = [one.params for one in deployments]
    given = [params.get(name) for params in entries for name in _SECRETS]
    headers = [params.get("extra_headers") for params in entries]
    sent = [value for one in headers if isinstance(one, Mapping) for value in one.values()]
    return frozenset(
        value for value in (*given, *sent) if isinstance(value, str) and len(value) >= _SHORTEST
    )


def is_passed(deployment: Deployment, operation: str) -> bool:
    """Whether bytes pass between client and upstream; else the library maps the call.

    Args:
        deployment: Who is asked.
        operation: What is asked.
    """
    if not is_deployment(deployment.model, deployment.params):
        return operation != "chat"
    family = _settings(deployment).model.family
    return operation != "chat" or family not in _MAPPED_CHATS


class Targets:
    """Makes targets, and keeps them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Target | None] = {}
        self._auths: dict[Hashable, FoundryAuth | NoCredential] = {}

    def get(self, deployment: Deployment, operation: str) -> Target | None:
        """Give the target of an operation of a deployment; None if the library maps it.

        Args:
            deployment: Who is asked.
            operation: What is asked.

        Raises:
            ConfigError: The entry is wrong.
            InvalidRequestError: The model has no such operation.
        """
        key = (deployment.id, deployment.model, operation)
        try:
            return self._kept[key]
        except KeyError:
            pass
        if len(self._kept) >= _MOST:
            self._kept.clear()
        passed = is_passed(deployment, operation)
        made = self._kept[key] = self._made(deployment, operation) if passed else None
        return made

    def _made(self, deployment: Deployment, operation: str) -> Target:
        if not is_deployment(deployment.model, deployment.params):
            return _agent_target(deployment, operation)
        settings = _settings(deployment)
        place = _place(settings, operation)
        usual = {_VERSION: _USUAL_VERSION} if place.kind == "anthropic" else {}
        own = {name.lower(): value for name, value in settings.headers.reveal().items()}
        params, model = deployment.params, settings.model
        named = {"custom_llm_provider": model.provider, "model": model.requested}
        is_fitted = operation == "chat" and model.is_reasoning
        return Target(
            base=settings.surface.url,
            url=_url(settings.surface.url.url + place.path, (*place.query, *settings.query)),
            service=place.service,
            model=place.model,
            field=None if place.model is None else b'"model":%s' % dumps(place.model),
            auth=self._auth(settings),
            way=way_to(settings.surface.url),
            headers={"content-type": "application/json", **usual, **own},
            fields={**fields_of(params), **extra_of(params)},
            pricer=Pricer({**named, **entry_costs(deployment)}),
            drops=settings.drops,
            fit=partial(fit, model=model, drops=settings.drops) if is_fitted else None,
        )

    def _auth(self, settings: ModelSettings) -> FoundryAuth | NoCredential:
        """The credential of an entry: entries with the same one share its tokens."""
        model, surface, given = settings.model, settings.surface, settings.sign_in
        may_lack = settings.has_subscription_key
        key = (surface.url, model.provider, may_lack, fingerprints(given))
        if key not in self._auths:
            self._auths[key] = sign_in(model, surface, given, may_lack=may_lack)
        return self._auths[key]


def entry_costs(deployment: Deployment) -> Mapping[str, Any]:
    """What an entry says of the cost: in its parameters, or in ``model_info``.

    Args:
        deployment: The entry.
    """
    return costs_of({**deployment.info, **deployment.params})


def _settings(deployment: Deployment) -> ModelSettings:
    return read_settings(deployment.model, deployment.params)


def _url(url: str, query: tuple[tuple[str, str], ...]) -> Any:
    from yarl import URL

    made = URL(url, encoded=True)
    return made.with_query(query) if query else made


def _agent_target(deployment: Deployment, operation: str) -> Target:
    """A v2 agent, which answers the responses operation itself."""
    entry = read_agent_entry(deployment)
    settings, endpoint = entry.settings, entry.settings.endpoint
    if operation not in _OF_RESPONSES or settings.agent.generation != "v2":
        raise InvalidRequestError(
            f"this model is an agent, which has no operation {operation.replace('_', ' ')}: agents "
            "answer chats, and those of the newer generation responses, too",
            param="model",
        )
    own = endpoint.own
    path = "/openai/v1" if own is None else own.path
    query = () if own is None else (("api-version", settings.api_version or own.api_version),)
    headers = {name.lower(): value for name, value in entry.headers.items()}
    return Target(
        base=endpoint,
        url=_url(f"{endpoint.root}{path}{OPERATIONS[operation].path}", query),
        service="agents",
        model=None,
        auth=entry.auth,
        way=way_to(endpoint),
        headers={"content-type": "application/json", **headers},
        fields={},
        pricer=Pricer({"is_agent": True, **entry_costs(deployment)}),
        agent={} if own is not None else dict(encode_agent(settings.agent)),
    )


def _place(settings: ModelSettings, operation: str) -> Place:
    try:
        return place_of(settings, OPERATIONS[operation], ID)
    except ConfigError as wrong:  # it is the client that asks for it
        raise InvalidRequestError(
            f"this model has no operation {operation.replace('_', ' ')}", param="model"
        ) from wrong


def _asks_usage(given: Mapping[str, Any]) -> bool:
    options = given.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))
