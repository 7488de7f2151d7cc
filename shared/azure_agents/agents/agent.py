"""An agent as the service has it, whichever its generation, read from either wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidRequestError
from ..files.searching import stores_of
from ..jsonio import JSON, malformed
from ..naming import Generation, parse_agent, shown
from ..protocols.options import OPERATION

_EDITABLE = (
    "model",
    "instructions",
    "tools",
    "tool_resources",
    "temperature",
    "top_p",
    "response_format",
)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent, or one version of it.

    Attributes:
        id: What `model=` of every door takes: ``my-agent:3`` (v2) or ``asst_…`` (classic).
        name: Its name; classic agents may share one, or have none.
        generation: ``v2`` or ``classic``.
        version: The version (v2), None on classic.
        model: The deployment that it uses; None where the kind of agent has none.
        instructions: What it was told to be.
        description: What others are told of it.
        metadata: The project's own notes.
        created_at: Unix seconds.
        definition: All of it, in the form of the service, to be shown, kept and made again.
    """

    id: str
    name: str
    generation: Generation
    version: str | None = None
    model: str | None = None
    instructions: str = ""
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    created_at: int | None = None
    definition: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def as_dict(self) -> JSON:
        """Give what makes it, to be kept in a file and given to `Agents.apply`.

        Ids of vector stores and files in it belong to the project.
        """
        told = {"description": self.description, "metadata": dict(self.metadata)}
        return {
            "name": self.name,
            "generation": self.generation,
            **{key: value for key, value in told.items() if value},
            "definition": dict(self.definition),
        }

    @property
    def tools(self) -> tuple[JSON, ...]:
        """Its tools, in the form of the service."""
        return tuple(self.definition.get("tools") or ())

    @property
    def vector_store_ids(self) -> tuple[str, ...]:
        """The vector stores that its file search searches in."""
        return stores_of(self.definition)

    @property
    def file_ids(self) -> tuple[str, ...]:
        """The files that its code interpreter reads."""
        containers = [tool.get("container") for tool in self.tools]
        found = [
            id
            for container in containers
            if isinstance(container, Mapping)
            for id in container.get("file_ids") or ()
        ]
        code = (self.definition.get("tool_resources") or {}).get("code_interpreter") or {}
        return tuple(dict.fromkeys([*found, *(code.get("file_ids") or ())]))


def read_version(wire: JSON) -> Agent:
    """Decode a version of a v2 agent.

    Args:
        wire: An ``agent.version``.
    """
    with malformed(wire):
        definition = dict(wire.get("definition") or {})
        return Agent(
            id=f"{wire['name']}:{wire['version']}",
            name=wire["name"],
            generation="v2",
            version=str(wire["version"]),
            model=definition.get("model"),
            instructions=definition.get("instructions") or "",
            description=wire.get("description") or "",
            metadata=dict(wire.get("metadata") or {}),
            created_at=wire.get("created_at"),
            definition=definition,
        )


def read_assistant(wire: JSON) -> Agent:
    """Decode a classic agent.

    Args:
        wire: An ``assistant``.
    """
    with malformed(wire):
        return Agent(
            id=wire["id"],
            name=wire.get("name") or "",
            generation="classic",
            model=wire.get("model"),
            instructions=wire.get("instructions") or "",
            description=wire.get("description") or "",
            metadata={k: v for k, v in (wire.get("metadata") or {}).items() if k != OPERATION},
            created_at=wire.get("created_at"),
            definition={key: wire[key] for key in _EDITABLE if wire.get(key) is not None},
        )


def generation_of(agent: Agent | str) -> Generation:
    """The generation of an agent.

    Args:
        agent: The agent, or what `model=` takes.
    """
    return agent.generation if isinstance(agent, Agent) else parse_agent(agent).generation


def id_of(agent: object) -> str:
    """What `model=` takes for an agent.

    Args:
        agent: The agent, or that text already.

    Raises:
        InvalidRequestError: It is neither.
    """
    if isinstance(agent, Agent):
        return agent.id
    if isinstance(agent, str):
        return parse_agent(agent).requested
    raise InvalidRequestError(f"{shown(agent)} is no agent: give an Agent, or its name or id")
