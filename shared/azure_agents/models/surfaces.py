"""From a base URL and a version to the place of an operation: one URL, or an error. Pure.

A resource answers on several surfaces, and people paste any of their URLs:

| surface | where | model |
|---|---|---|
| ``v1`` | ``{base}/openai/v1/{operation}`` | in the body |
| ``dated`` | ``{base}/openai/deployments/{deployment}/{operation}?api-version=…`` | in the path |
| ``anthropic`` | ``{base}/anthropic/v1/{operation}`` | in the body |
| ``openai`` | ``{base}/{operation}``, the base with its ``/v1`` | in the body |

A path before these is kept: it is a gateway's, or a project's. What was pasted beside the base (a
whole operation, a version in the query) is read and taken off; what it contradicts is set aside
and noted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl

from ..errors import ConfigError
from ..naming import shown
from ..service_errors.hints import Service
from ..settings.urls import Url, read_url
from .hosts import is_microsoft
from .names import ModelName
from .operation_table import OPERATIONS, Operation

Kind: TypeAlias = Literal["v1", "dated", "anthropic", "openai"]

_SERVICES: dict[Kind, Service] = {
    "v1": "azure",
    "dated": "azure",
    "anthropic": "anthropic",
    "openai": "openai",
}
OPENAI_BASE = "https://api.openai.com/v1"
FIND_BASE = {
    "azure": "copy the endpoint from the deployment's page: https://<resource>.openai.azure.com",
    "anthropic": "copy it from the deployment's page: "
    "https://<resource>.services.ai.azure.com/anthropic",
    "openai": f"leave it out for {OPENAI_BASE}",
}
_DATED = re.compile(r"20\d\d-\d\d-\d\d(?:-preview)?")
_UNDATED = ("v1", "preview", "latest")
VERSION_FORMS = "'2024-10-21', '2025-04-01-preview', 'v1' or 'preview'"
# The part of a pasted URL that is an operation, or a method of one.
_PATHS = sorted(
    {
        row.path.replace("{id}", "[^/]+")
        for row in OPERATIONS.values()
        if not row.path.startswith("/messages")
    }
    | {"/models"}
)
_OPERATION = f"(?:{'|'.join(_PATHS)})?"
_AZURE = re.compile(
    rf"(?P<prefix>.*?)/openai(?:/(?P<v1>v1)|/deployments/(?P<deployment>[^/]+))?{_OPERATION}",
    re.IGNORECASE,
)
_MODELS = re.compile(r"(?P<prefix>.*?)/models(?:/chat/completions|/embeddings)?", re.IGNORECASE)
_CLAUDE = re.compile(
    r"(?P<prefix>.*?)/anthropic(?:/v1)?(?:/messages(?:/count_tokens)?)?", re.IGNORECASE
)
_BARE_CLAUDE = re.compile(r"(?P<prefix>.*?)/v1/messages(?:/count_tokens)?", re.IGNORECASE)
_ASSISTANTS = re.compile(r".*/openai(?:/v1)?/(?:assistants|threads)(?:/.*)?", re.IGNORECASE)
_OPENAI = re.compile(rf"(?P<base>.*?){_OPERATION}", re.IGNORECASE)
_PROJECT = re.compile(r".*/api/projects/[^/]+", re.IGNORECASE)
_AN_AGENT = re.compile(r".*/(?:agents|applications)/[^/]+/(?:endpoint/)?protocols/.*")


@dataclass(frozen=True, slots=True)
class Surface:
    """Where a deployment answers; made by `read_surface`.

    Attributes:
        kind: Which of the four.
        url: The origin and the path before the surface; a credential never leaves the origin.
        root: Path of the surface below `url`, such as ``/openai/v1``.
        version: The ``api-version`` of every request; None: none is sent.
        deployment: The deployment that the base names; None: the model string's.
        notes: What was set aside, in sentences.
    """

    kind: Kind
    url: Url
    root: str
    version: str | None = None
    deployment: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """The query of every request."""
        return () if self.version is None else (("api-version", self.version),)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one operation of one deployment is.

    Attributes:
        path: Below the surface's `url`.
        query: Of the request.
        model: What the body's ``model`` says; None: the body has none.
        kind: Of the surface.
    """

    path: str
    query: tuple[tuple[str, str], ...]
    model: str | None
    kind: Kind = "v1"

    @property
    def service(self) -> Service:
        """Who answers there."""
        return _SERVICES[self.kind]


def locate(surface: Surface, operation: Operation, name: str = "", id: str = "") -> Place:
    """Find an operation on a surface.

    Args:
        surface: Where the deployment answers.
        operation: A row of the table.
        name: The deployment; where the base names one, that is used.
        id: The file, batch, job or response that the path names.
    """
    name = surface.deployment or name
    path = operation.path.format(id=id)
    if surface.kind != "dated" or not operation.of_deployment:
        named = name if operation.names_model else None
        return Place(surface.root + path, surface.query, named, surface.kind)
    # Dated image routes refuse a model in the body; the others ignore it.
    model = None if operation.path.startswith("/images/") else name
    return Place(f"{surface.root}/deployments/{name}{path}", surface.query, model, surface.kind)


class Named(NamedTuple):
    """What a base and a version are called where they come from, for errors."""

    base: str = "api_base"
    version: str = "api_version"


_PASSED = Named()


def read_surface(
    base: str | None,
    version: object,
    model: ModelName,
    *,
    allow_http: bool = False,
    named: Named = _PASSED,
) -> Surface:
    """Read a base URL.

    Args:
        base: As the caller has it, with anything that people paste; None for OpenAI's own.
        version: ``api-version``; None, ``v1``, ``latest``: the surface without versions.
        model: What answers.
        allow_http: Accept plain http for another machine.
        named: The arguments or variables that base and version come from.

    Raises:
        ConfigError: The base is of another kind, or no URL; the version has no known form.
    """
    if base is None:
        if model.provider != "openai":
            raise ConfigError(f"no base URL: pass api_base=; {FIND_BASE[model.provider]}")
        base = OPENAI_BASE
    url = read_url(base, named.base, FIND_BASE[model.provider], allow_http=allow_http)
    if _AN_AGENT.fullmatch(url.path):
        raise ConfigError(
            f"{named.base} {url.safe} is an agent's own endpoint, and {model.requested!r} is a "
            f"deployment: {FIND_BASE[model.provider]}"
        )
    if model.provider == "openai":
        found = _OPENAI.fullmatch(url.path)
        path = found["base"] if found else url.path
        return Surface("openai", url.at(path or "/v1"), "", notes=_set_aside(url))
    if model.provider == "anthropic":
        return _claude(url, model, named)
    return _azure(url, _version(version, named.version), model, named)


def _version(version: object, name: str) -> str | None:
    """The version as it is meant; None where none was given."""
    if version is None or version == "":
        return None
    text = version.strip() if isinstance(version, str) else ""
    text = text.removeprefix("?").removeprefix("api-version=").strip().lower()
    if _DATED.fullmatch(text) or text in _UNDATED:
        return text
    raise ConfigError(f"{name}={shown(version)} is malformed: use {VERSION_FORMS}, or none")


def _azure(url: Url, version: str | None, model: ModelName, named: Named) -> Surface:
    if "/extensions" in url.path.lower():
        raise ConfigError(
            f"{named.base} {url.safe} ends in /extensions, which Azure has retired: leave it out. "
            "Images go into messages as 'image_url'; data of your own goes into data_sources"
        )
    if _ASSISTANTS.fullmatch(url.path):
        raise ConfigError(
            f"api_base {url.safe} is of the Assistants API, which Azure has retired: ask a "
            "deployment by its resource (https://<resource>.openai.azure.com), or an agent of a "
            "project as 'azure_ai/agents/<agent>'"
        )
    if _CLAUDE.fullmatch(url.path):
        raise ConfigError(
            f"{named.base} {url.safe} is Claude's, and {model.requested!r} is no Claude: use "
            f"'azure_ai/{model.name}' for a Claude model, or {FIND_BASE['azure']}"
        )
    found = _AZURE.fullmatch(url.path)
    models = None if found else _MODELS.fullmatch(url.path)
    notes: list[str] = []
    prefix = (found or models or {"prefix": url.path})["prefix"]
    deployment = found["deployment"] if found else None
    _check_prefix(url, prefix, named, FIND_BASE["azure"])
    if deployment and model.name and deployment != model.name:
        notes.append(f"{model.name!r} was set aside: the base names the deployment {deployment!r}")
    version = _one_version(url, version, notes, named)
    if models is not None:
        notes.append("'/models' of the base was set aside: the v1 surface serves the same models")
    needs_v1 = model.family == "foundry" or bool(_PROJECT.fullmatch(prefix))
    is_v1 = models is not None or bool(found and found["v1"]) or needs_v1
    if version is None or version in _UNDATED or is_v1:
        if version is not None and version not in _UNDATED:
            notes.append(f"api-version {version} was set aside: the v1 surface has no versions")
            version = None
        sent = version if version == "preview" else None
        return Surface("v1", url.at(prefix), "/openai/v1", sent, deployment, tuple(notes))
    return Surface("dated", url.at(prefix), "/openai", version, deployment, tuple(notes))


def _one_version(url: Url, given: str | None, notes: list[str], named: Named) -> str | None:
    """The version that was passed, else the one in the pasted URL; a variable's comes last."""
    query = {name.lower(): value for name, value in parse_qsl(url.query)}
    pasted = _version(query.pop("api-version", None), f"{named.base} with api-version")
    if query:
        notes.append(f"the query of the base was set aside: {', '.join(sorted(query))}")
    if not given or not pasted or given == pasted:
        return given or pasted
    if named.version.isupper() and not named.base.isupper():  # what is passed beats a variable
        notes.append(
            f"{named.version}={given} was set aside: api-version {pasted} of {named.base} counts"
        )
        return pasted
    notes.append(f"api-version {pasted} of the base was set aside: {named.version}={given} counts")
    return given


def _claude(url: Url, model: ModelName, named: Named) -> Surface:
    if _PROJECT.match(url.path):
        raise ConfigError(
            f"{named.base} {url.safe} is a project, and Claude answers at its resource: "
            f"{FIND_BASE['anthropic']}"
        )
    if "/openai" in url.path.lower():
        raise ConfigError(
            f"{named.base} {url.safe} is Azure OpenAI's, and {model.requested!r} is a Claude "
            f"model: {FIND_BASE['anthropic']}"
        )
    found = _CLAUDE.fullmatch(url.path) or _BARE_CLAUDE.fullmatch(url.path)
    prefix = found["prefix"] if found else url.path
    _check_prefix(url, prefix, named, FIND_BASE["anthropic"])
    return Surface("anthropic", url.at(prefix), "/anthropic/v1", notes=_set_aside(url))


def _check_prefix(url: Url, prefix: str, named: Named, find: str) -> None:
    """Refuse what stands before the surface and cannot: a gateway may have any path, Azure not."""
    is_known = not prefix or _PROJECT.fullmatch(prefix) or not is_microsoft(url.host)
    if not is_known:
        raise ConfigError(f"{named.base} {url.safe} has a path that Azure does not have: {find}")


def _set_aside(url: Url) -> tuple[str, ...]:
    return ("the query of the base was set aside",) if url.query else ()
