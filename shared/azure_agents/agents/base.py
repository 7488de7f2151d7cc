"""What `Agents` and `AsyncAgents` share: arguments, checks, and which flow an operation is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from ..client.arguments import SignInArguments
from ..client.base import BaseClient
from ..drivers.clock import Clock
from ..drivers.observe import Observer
from ..errors import InvalidRequestError
from ..naming import Generation, is_agent_name, near, parse_agent, shown
from ..protocols.commands import Flow
from ..protocols.turn import Turn
from ..seams import AsyncTransport, Transport
from ..settings.endpoint import check_at_project
from ..settings.timeouts import Timeouts
from . import flows
from .agent import Agent, generation_of, id_of
from .flows import Draft
from .tools import AgentTool, Checked, checked_tools, encode
from .with_files import make, take_down

# Stands for an agent in what is done for the whole project; it is never sent.
_OF_THE_PROJECT: Mapping[Generation, str] = {"v2": "agents", "classic": "asst_agents"}
_KEPT = ("name", "generation", "description", "metadata", "definition")
_TEXTS = ("model", "instructions", "description")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An agent that is to be made or changed; checked, but nothing is uploaded yet.

    Attributes:
        agent: What `model=` takes; of a classic agent that is to be made any id.
        name: Its name.
        draft: All but its tools.
        tools: The tools; None: they stay.
    """

    agent: str
    name: str
    draft: Draft
    tools: tuple[Checked, ...] | None

    @property
    def generation(self) -> Generation:
        """Of the agent."""
        return generation_of(self.agent)

    def with_tools(self, tools: Sequence[AgentTool]) -> Draft:
        """The draft with tools whose files are uploaded.

        Args:
            tools: In the order of the caller's.
        """
        if self.tools is None:
            return self.draft
        encoded, resources = encode(tools, self.generation)
        more = {"tools": encoded, **({"tool_resources": resources} if resources else {})}
        return replace(self.draft, definition={**self.draft.definition, **more})


class ProjectArguments(SignInArguments, total=False):
    """The settings of `AgentClient` that concern a project, not the turns of an agent."""

    endpoint: str | None
    timeout: float | Timeouts | None
    max_retries: int
    allow_http: bool
    api_version: str | None
    extra_headers: object


class BaseAgents(BaseClient):
    """Base of `Agents` and `AsyncAgents`, which describe the arguments."""

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        clock: Clock | None = None,
        operation_keys: Callable[[], str] | None = None,
        observer: Observer | None = None,
        **arguments: Unpack[ProjectArguments],
    ) -> None:
        known = ProjectArguments.__annotations__
        for name in arguments.keys() - known.keys():
            raise TypeError(f"{type(self).__name__} has no argument {name!r}{near(name, known)}")
        super().__init__(
            _OF_THE_PROJECT["v2"],
            transport=transport,
            async_transport=async_transport,
            clock=clock,
            operation_keys=operation_keys,
            observer=observer,
            **arguments,
        )
        check_at_project(self.settings.endpoint, type(self).__name__)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint={self.settings.endpoint.url!r})"

    def _turn_of(self, agent: str) -> Turn:
        return self._turn(settings=replace(self.settings, agent=parse_agent(agent)))

    def _of_project(self, generation: Generation) -> Turn:
        return self._turn_of(_OF_THE_PROJECT[generation])

    def _to_create(
        self,
        name: object,
        generation: object,
        tools: object,
        definition: Mapping[str, Any] | None,
        **told: Any,
    ) -> Wanted:
        if generation not in _OF_THE_PROJECT:
            raise InvalidRequestError(
                f"generation={shown(generation)} must be 'v2' or 'classic' (older agents, `asst_…`)"
            )
        if not isinstance(name, str) or not name.strip():
            raise InvalidRequestError(f"name={shown(name)}: give the agent a name")
        if not told.get("model"):
            raise InvalidRequestError("model= is missing: name a deployment of the project")
        agent = name if generation == "v2" else _OF_THE_PROJECT["classic"]
        if generation == "v2" and (not is_agent_name(name) or name.startswith("asst_")):
            raise InvalidRequestError(
                f"name={shown(name)} cannot be the name of a v2 agent: give 1 to 63 letters, "
                "digits and inner hyphens; the service numbers the versions itself"
            )
        return self._wanted(agent, name, tools, definition, told)

    def _to_update(
        self,
        agent: Agent | str,
        tools: object,
        definition: Mapping[str, Any] | None,
        **told: Any,
    ) -> Wanted:
        named = parse_agent(id_of(agent))
        # A new version follows the newest one, whichever was named.
        return self._wanted(named.name, named.name, tools, definition, told)

    def _wanted(
        self,
        agent: str,
        name: str,
        tools: object,
        definition: Mapping[str, Any] | None,
        told: Mapping[str, Any],
    ) -> Wanted:
        for field in _TEXTS:
            if not isinstance(told.get(field), str | None):
                raise InvalidRequestError(f"{field}={shown(told[field])} must be a text")
        fields = {k: told[k] for k in ("model", "instructions") if told.get(k) is not None}
        draft = Draft({**fields, **(definition or {})}, told.get("description"), told["metadata"])
        checked = None if tools is None else checked_tools(tools, generation_of(agent))
        return Wanted(agent, name, draft, checked)

    def _creation(self, wanted: Wanted) -> Flow[Agent]:
        turn = self._turn_of(wanted.agent)

        def finish(tools: list[AgentTool]) -> Flow[Agent]:
            draft = wanted.with_tools(tools)
            if wanted.generation == "v2":
                return flows.create_agent(turn, draft)
            return flows.create_assistant(turn, wanted.name, draft)

        return make(turn, wanted.name, wanted.tools or (), finish)

    def _change(self, wanted: Wanted) -> Flow[Agent]:
        turn = self._turn_of(wanted.agent)

        def finish(tools: list[AgentTool]) -> Flow[Agent]:
            draft = wanted.with_tools(tools)
            if wanted.generation == "v2":
                return flows.update_agent(turn, draft)
            return flows.update_assistant(turn, draft)

        return make(turn, wanted.name, wanted.tools or (), finish)

    def _application(self, kept: object) -> Flow[Agent]:
        """What `apply` does with what `Agent.as_dict` gave."""
        if not isinstance(kept, Mapping) or not isinstance(kept.get("definition"), Mapping):
            raise InvalidRequestError(
                f"{shown(kept)} is no agent: give what as_dict() gave, with name and definition"
            )
        for key in kept.keys() - _KEPT:
            raise InvalidRequestError(f"{shown(key)} is no part of an agent{near(str(key), _KEPT)}")
        definition, metadata = kept["definition"], kept.get("metadata")
        is_prompt = definition.get("kind", "prompt") == "prompt"
        wanted = self._to_create(
            kept.get("name"),
            kept.get("generation", "v2"),
            (),
            definition,
            model=definition.get("model") or (None if is_prompt else "of its kind"),
            description=kept.get("description"),
            metadata=metadata,
        )
        turn, draft = (
            self._turn_of(wanted.agent),
            Draft(definition, kept.get("description"), metadata),
        )
        if wanted.generation == "v2":
            return flows.apply_agent(turn, draft)
        return flows.apply_assistant(turn, wanted.name, draft)

    def _deletion(self, agent: Agent | str, *, and_files: bool) -> Flow[None]:
        turn = self._turn_of(id_of(agent))
        return take_down(turn) if and_files else flows.delete_agent(turn)

    def _listing(self, generation: Generation) -> Flow[list[Agent]]:
        turn = self._of_project(generation)
        return flows.list_agents(turn) if generation == "v2" else flows.list_assistants(turn)

    def _versions(self, agent: Agent | str) -> Flow[list[Agent]]:
        named = parse_agent(id_of(agent))
        if named.generation == "classic":
            raise InvalidRequestError(
                f"{named.requested!r} is a classic agent, which has no versions: get() reads it"
            )
        return flows.list_versions(self._turn_of(named.name))


def listed(generation: object) -> tuple[Generation, ...]:
    """The generations that a caller wants to list.

    Args:
        generation: One of them, or None for both.

    Raises:
        InvalidRequestError: It is neither.
    """
    if generation is None:
        return tuple(_OF_THE_PROJECT)
    for known in _OF_THE_PROJECT:
        if generation == known:
            return (known,)
    raise InvalidRequestError(f"generation={shown(generation)} must be 'v2', 'classic' or None")
