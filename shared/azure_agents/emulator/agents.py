"""The agents that users of the emulator create, find and change, in both generations."""

from __future__ import annotations

from ..jsonio import JSON
from .agent.replies import Script
from .agent.responder import Responder
from .classic import agents as classic_agents
from .v2 import agents as v2_agents
from .world.state import AgentVersion, Assistant, Generation, World


class CreatedAgent:
    """An agent that lives in the emulator.

    Attributes:
        name: The agent's name.
        id: ``name:version``, or ``asst_…``.
        version: The version; None for a classic agent.
        generation: ``"v2"`` or ``"classic"``.

    Args:
        made: The stored agent; `create` and `existing` pass it.
    """

    def __init__(self, made: AgentVersion | Assistant) -> None:
        self._made = made
        is_v2 = isinstance(made, AgentVersion)
        self.generation: Generation = "v2" if is_v2 else "classic"
        self.id = made.id
        self.name = made.name if isinstance(made, AgentVersion) else str(made.wire["name"])
        self.version = made.version if isinstance(made, AgentVersion) else None

    @property
    def model(self) -> str:
        """The text that a client passes as model: ``my-agent:1`` or ``asst_…``."""
        return self.id

    def script(self, reply: Script) -> None:
        """Give the agent another script, from its next turn on.

        Args:
            reply: A reply, a list of replies played in order, or a function of the `SeenTurn`;
                None lets the built-in responder answer.
        """
        self._made.responder = Responder(reply)

    def become(self, other: CreatedAgent) -> None:
        """Take over everything of another assistant but its id and its creation time.

        Args:
            other: A classic agent whose definition and script replace this one's.
        """
        made, new = self._made, other._made
        assert isinstance(made, Assistant)  # noqa: S101 - for the type checker
        assert isinstance(new, Assistant)  # noqa: S101 - v2 agents get a new version instead
        kept = {key: made.wire[key] for key in ("id", "created_at")}
        made.wire, made.responder = new.wire | kept, new.responder

    def __str__(self) -> str:
        return self.model

    def __repr__(self) -> str:
        return f"<CreatedAgent {self.model!r} ({self.generation})>"


def create(
    world: World, generation: Generation, name: str, fields: JSON, reply: Script
) -> CreatedAgent:
    """Create an agent: a new version of it (v2), or an assistant (classic)."""
    with world.lock:
        if generation == "classic":
            body = {"name": name, **fields}
            return CreatedAgent(classic_agents.add_assistant(world, body, reply))
        v2_agents.check_name(name)
        full = {"kind": "prompt", **fields}
        return CreatedAgent(v2_agents.add_version(world, name, full, reply))


def existing(world: World) -> list[CreatedAgent]:
    """List the newest version of each v2 agent, then all assistants."""
    with world.lock:
        latest = [agent.latest for agent in world.agents.values()]
        made = [*latest, *world.assistants.values()]
    return [CreatedAgent(one) for one in made if one is not None]


def find(world: World, name: str) -> CreatedAgent:
    """Return the agent of this name, id or model string; `LookupError` if there is none."""
    agents = existing(world)
    for agent in agents:
        if name in {agent.name, agent.id}:
            return agent
    known = ", ".join(repr(agent.name) for agent in agents) or "none"
    raise LookupError(f"no agent is called {name!r}; there are: {known}")


def replace(world: World, old: CreatedAgent, new: CreatedAgent) -> CreatedAgent:
    """Let `new` take the place of `old`; an assistant keeps its id, v2 has versions for that."""
    if old.generation == "v2":
        return new
    with world.lock:
        old.become(new)
        del world.assistants[new.id]
    return old
