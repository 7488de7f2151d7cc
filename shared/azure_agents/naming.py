"""Reads the names of agents, as users type them, and the handles of server-side threads. Pure.

A text is matched as a whole against an allow-list, never searched: it ends up in URL paths and
request bodies, so a slash, a space or ``..`` is a mistake to report and not something to escape.
The text also decides the generation of the service: ``asst_`` is classic, anything else is v2.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeAlias

from .errors import ConfigError, InvalidRequestError

Generation: TypeAlias = Literal["v2", "classic"]
HandleKind: TypeAlias = Literal["conversation", "thread", "response"]

AGENT_FORMS = "'my-agent', 'my-agent:1', 'asst_abc123', each also with 'azure_ai/agents/' before it"
HANDLE_FORMS = "'thread_…' (classic), 'conv_…' or 'resp_…' (v2)"

_PREFIXES = ("azure_ai/agents/", "agents/")
# Agent names as the service takes them: 1-63 letters, digits and inner hyphens.
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
# The service numbers versions "1", "2", …; words cost nothing and survive a change of mind.
_VERSION = re.compile(r"[A-Za-z0-9_]{1,64}")
_ASSISTANT = re.compile(r"asst_[A-Za-z0-9_-]{1,123}")
_HANDLE = re.compile(r"(conv|thread|resp|wfresp|caresp)_[A-Za-z0-9_-]+")
_HANDLE_LENGTH = 256
_COMPARED = 64  # characters of an unknown name: comparing takes time by their square
_SHORT = 2  # `id` ends many names
_KINDS: dict[str, HandleKind] = {
    "conv": "conversation",
    "thread": "thread",
    "resp": "response",
    "wfresp": "response",  # made by a workflow agent
    "caresp": "response",  # made by a hosted agent
}


@dataclass(frozen=True, slots=True)
class AgentName:
    """An agent as requested.

    Attributes:
        requested: Canonical text: ``my-agent``, ``my-agent:1`` or ``asst_abc123``.
        generation: ``"v2"`` or ``"classic"``.
        name: The name without the version; on classic the assistant id.
        version: The pinned version, or None for the newest (and always on classic).
    """

    requested: str
    generation: Generation
    name: str
    version: str | None = None

    @property
    def assistant_id(self) -> str | None:
        """The ``asst_…`` id of a classic agent, None on v2."""
        return self.name if self.generation == "classic" else None


@dataclass(frozen=True, slots=True)
class Handle:
    """The id of a conversation or response (v2) or of a thread (classic)."""

    kind: HandleKind
    id: str

    @property
    def generation(self) -> Generation:
        """The generation of the service that this handle belongs to."""
        return "classic" if self.kind == "thread" else "v2"


def parse_agent(model: str) -> AgentName:
    """Read a model string.

    Args:
        model: ``my-agent``, ``my-agent:1`` or ``asst_abc123``, with or without the prefix
            ``azure_ai/agents/``.

    Raises:
        ConfigError: The text is empty or names no agent.
    """
    if not isinstance(model, str):
        raise ConfigError(f"model must be a string, got {type(model).__name__}: use {AGENT_FORMS}")
    if not model:
        raise ConfigError(f"model is empty: use {AGENT_FORMS}")
    text = _without_prefix(model)
    if text.startswith("asst_"):
        return _classic(text, model)
    name, colon, version = text.partition(":")
    if not _NAME.fullmatch(name):
        raise ConfigError(_not_an_agent(model, name))
    if colon and not _VERSION.fullmatch(version):
        raise ConfigError(
            f"model {shown(model)} has a malformed version {shown(version)}: "
            "write 'my-agent:1', or 'my-agent' for the newest version"
        )
    return AgentName(text, "v2", name, version if colon else None)


def is_agent_name(text: str) -> bool:
    """Whether v2 agents, and published applications, may be called so."""
    return _NAME.fullmatch(text) is not None


def _without_prefix(model: str) -> str:
    for prefix in _PREFIXES:
        if model.startswith(prefix):
            return model.removeprefix(prefix)
    return model


def _classic(text: str, model: str) -> AgentName:
    if ":" in text:
        raise ConfigError(
            f"model {shown(model)} gives a version to a classic agent: classic agents have none, "
            f"write {shown(text.partition(':')[0])}"
        )
    if not _ASSISTANT.fullmatch(text):
        raise ConfigError(
            f"model {shown(model)} is not a classic agent id: letters, digits, '-' and '_' follow "
            "'asst_', as in 'asst_abc123'"
        )
    return AgentName(text, "classic", text)


def _not_an_agent(model: str, name: str) -> str:
    if "/" in name:
        return (
            f"model {shown(model)} names no agent: use {AGENT_FORMS} "
            "(model deployments such as 'azure/gpt-4o' are not agents)"
        )
    return (
        f"model {shown(model)} names no agent: a name has 1 to 63 letters, digits and inner "
        f"hyphens; use {AGENT_FORMS}"
    )


def parse_handle(text: str) -> Handle:
    """Read a thread handle by its prefix.

    Raises:
        InvalidRequestError: The form is unknown.
    """
    if not isinstance(text, str):
        raise InvalidRequestError(
            f"thread_id must be a string, got {type(text).__name__}: use {HANDLE_FORMS}"
        )
    match = _HANDLE.fullmatch(text) if len(text) <= _HANDLE_LENGTH else None
    if match is None:
        raise InvalidRequestError(
            f"thread_id {shown(text)} has an unknown form: use a handle that an earlier answer "
            f"returned, {HANDLE_FORMS}"
        )
    return Handle(_KINDS[match[1]], text)


def check_handle(handle: Handle, generation: Generation) -> None:
    """Refuse a handle of the other generation.

    Raises:
        InvalidRequestError: Classic agents know threads only, v2 agents do not know them.
    """
    if handle.generation == generation:
        return
    wanted = "'thread_…'" if generation == "classic" else "'conv_…' or 'resp_…'"
    raise InvalidRequestError(
        f"thread_id {shown(handle.id)} is a {handle.kind} of a {handle.generation} agent, and this "
        f"agent is {generation}: pass {wanted}, or leave thread_id out"
    )


def shown(value: object, limit: int = 80) -> str:
    """Return the ``repr`` of a value for an error message, cut to a bounded length.

    Args:
        value: What was given.
        limit: Most characters of it that are shown.
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a value in itself, or one that cannot show itself
        text = f"<{type(value).__name__}>"
    return text if len(text) <= limit else f"{text[:limit]}…"


def near(name: str, names: Collection[str]) -> str:
    """Return the end of a sentence about an unknown name: the known one that may be meant, if any.

    Args:
        name: The unknown name.
        names: All known names.
    """
    # ``headers`` looks most like ``threads``, but means ``extra_headers``.
    longer = [known for known in names if known.endswith(f"_{name}")] if len(name) > _SHORT else []
    found = longer if len(longer) == 1 else []
    if not found and len(name) <= _COMPARED:
        found = get_close_matches(name, sorted(names), 1)
    return f": did you mean {found[0]!r}?" if found else ""


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,255}")


def check_id(id: object, what: str = "file") -> str:
    """Return an id as it may stand in a path.

    Args:
        id: What a caller passed.
        what: What it is the id of, for the error.

    Raises:
        InvalidRequestError: It could lead elsewhere.
    """
    if isinstance(id, str) and _ID.fullmatch(id):
        return id
    raise InvalidRequestError(
        f"{shown(id)} is no id of a {what}: pass the id as the service gave it"
    )
