"""From a deployment and an operation to the request that goes up: its URL, its body, its headers.

A body goes up as it came. Where only the model differs, its name is replaced in the bytes; where
fields of the entry are missing, they are put in front; only where a rule of the model's family
changes something is the body written anew.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client.recent import fingerprints
from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON, dumps
from ..models.call import extra_of, fields_of, place_of
from ..models.credentials import sign_in
from ..models.operation_table import OPERATIONS
from ..models.rules import fit
from ..models.settings import ModelSettings, is_deployment, read_settings
from ..models.surfaces import Place
from ..routing.deployments import Deployment
from ..sign_in.auth import FoundryAuth, NoCredential
from .upstream import Way, way_to

_MODEL = re.compile(rb'"model"\s*:\s*"(?:[^"\\]|\\.)*"')
_FITTED = ("o_series", "gpt5")
_COUNTED = ("chat", "text_completion")
_MOST = 2_000  # targets that are kept: a wildcard has as many as clients think of names
# Families whose chats are no chats on the wire: the library maps them.
_MAPPED_CHATS = ("claude", "responses", "text")
_VERSION = "anthropic-version"
_USUAL_VERSION = "2023-06-01"


@dataclass(frozen=True, slots=True)
class Sent:
    """A body that goes up.

    Attributes:
        body: Its bytes.
        hides_usage: A stream is asked for its usage, and the client did not ask.
    """

    body: bytes
    hides_usage: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """One operation of one deployment.

    Attributes:
        settings: Of its calls.
        place: Where it is.
        url: The same whole, as yarl's.
        auth: Signs its requests.
        way: To it.
        headers: Of each request, but for the credential; names in lower case.
        fields: Fields that the entry puts into each body, unless the client has them.
    """

    settings: ModelSettings
    place: Place
    url: Any
    auth: FoundryAuth | NoCredential
    way: Way
    headers: Mapping[str, str] = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)

    def sent(
        self, operation: str, given: Mapping[str, Any], raw: bytes | None, *, asks_usage: bool
    ) -> Sent:
        """Write the body.

        Args:
            operation: What is asked.
            given: The client's fields, without its model.
            raw: The client's body; None if `given` differs from it.
            asks_usage: A stream is to tell its usage.

        Raises:
            InvalidRequestError: The model's family refuses a field.
        """
        added: JSON = {k: v for k, v in self.fields.items() if k not in given}
        streams = given.get("stream") is True and operation in _COUNTED
        hides = streams and asks_usage and not _asks_usage(given)
        if hides:
            told = given.get("stream_options")
            added["stream_options"] = {**(told or {}), "include_usage": True}
            raw = None if "stream_options" in given else raw
        if operation == "chat" and self.settings.model.family in _FITTED:
            body = {**given, **added}
            fitted = fit(body, self.settings.model, drops=self.settings.drops)
            if fitted != body:
                return Sent(self._written(fitted), hides)
        spliced = None if raw is None else _spliced(raw, self.place.model, added)
        return Sent(spliced or self._written({**given, **added}), hides)

    def _written(self, body: Mapping[str, Any]) -> bytes:
        named = {} if self.place.model is None else {"model": self.place.model}
        return dumps({**named, **body})


def is_passed(deployment: Deployment, operation: str) -> bool:
    """Whether bytes pass between client and upstream; else the library maps the call.

    Args:
        deployment: Who is asked.
        operation: What is asked.
    """
    if not is_deployment(deployment.model, deployment.params):
        return False
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
        from yarl import URL

        settings = _settings(deployment)
        place = _place(settings, operation)
        url = URL(settings.surface.url.url + place.path, encoded=True)
        query = (*place.query, *settings.query)
        usual = {_VERSION: _USUAL_VERSION} if place.kind == "anthropic" else {}
        own = {name.lower(): value for name, value in settings.headers.reveal().items()}
        params = deployment.params
        return Target(
            settings,
            place,
            url.with_query(query) if query else url,
            self._auth(settings),
            way_to(settings.surface.url),
            {"content-type": "application/json", **usual, **own},
            {**fields_of(params), **extra_of(params)},
        )

    def _auth(self, settings: ModelSettings) -> FoundryAuth | NoCredential:
        """The credential of an entry: entries with the same one share its tokens."""
        model, surface, given = settings.model, settings.surface, settings.sign_in
        may_lack = settings.has_subscription_key
        key = (surface.url, model.provider, may_lack, fingerprints(given))
        if key not in self._auths:
            self._auths[key] = sign_in(model, surface, given, may_lack=may_lack)
        return self._auths[key]


def _settings(deployment: Deployment) -> ModelSettings:
    return read_settings(deployment.model, deployment.params)


def _place(settings: ModelSettings, operation: str) -> Place:
    try:
        return place_of(settings, OPERATIONS[operation])
    except ConfigError as wrong:  # it is the client that asks for it
        raise InvalidRequestError(
            f"this model has no operation {operation.replace('_', ' ')}", param="model"
        ) from wrong


def _asks_usage(given: Mapping[str, Any]) -> bool:
    options = given.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))


def _spliced(raw: bytes, model: str | None, added: Mapping[str, Any]) -> bytes | None:
    """The body with another model and more fields; None if its bytes do not tell where."""
    found = list(_MODEL.finditer(raw))
    # Elsewhere than at the top, or written with escapes: then there is another number of them.
    if model is None or len(found) > 1:
        return None
    if found:
        start, end = found[0].span()
        raw = b'%s"model":%s%s' % (raw[:start], dumps(model), raw[end:])
    elif b"model" in raw or b"\\u" in raw:
        return None
    else:
        added = {"model": model, **added}
    if not added:
        return raw
    start = raw.index(b"{") + 1
    rest = raw[start:].lstrip()
    return None if rest == b"}" else b"%s%s,%s" % (raw[:start], dumps(added)[1:-1], rest)
