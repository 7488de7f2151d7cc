"""Everything that the service stores, as plain records; only handlers and turns change them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..agent.seen import SeenMessage, SeenTurn
from ..trouble.weather import FaultInjector, Weather
from .deployments import Deployment
from .ids import Ids
from .jobs import Job
from .log import Log, Shelf
from .rules import Era, Rules
from .stored import StoredFile, VectorStore

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..agent.responder import Responder
    from .clock import Clock
    from .turns import Turn, Work

_LOGGER = logging.getLogger(__name__)
Generation: TypeAlias = Literal["v2", "classic"]


@dataclass(slots=True)
class AgentVersion:
    """One immutable version of a v2 agent."""

    name: str
    version: str
    definition: JSON
    responder: Responder
    created_at: int
    description: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def reference(self) -> JSON:
        """The reference by which responses and items name it."""
        return {"type": "agent_reference", "name": self.name, "version": self.version}


@dataclass(slots=True)
class Agent:
    """A v2 agent: a name and its versions; numbers are never used twice.

    Attributes:
        made: How many versions there have been.
        details: The patched fields: its endpoint, its card.
        state: ``"enabled"`` or ``"disabled"``.
        is_managed: Whether a client patched or switched it; only then answers show its state, as
            older recordings have none.
        sessions: Sessions of a hosted agent.
        creating: Versions that are being created right now.
    """

    name: str
    versions: dict[str, AgentVersion] = field(default_factory=dict)
    made: int = 0
    details: JSON = field(default_factory=dict)
    state: str = "enabled"
    is_managed: bool = False
    sessions: dict[str, Session] = field(default_factory=dict)
    creating: int = 0

    @property
    def is_hosted(self) -> bool:
        """Whether its newest version runs in a container."""
        return self.latest is not None and self.latest.definition.get("kind") == "hosted"

    @property
    def latest(self) -> AgentVersion | None:
        """The newest version that still exists."""
        return next(reversed(self.versions.values()), None)


@dataclass(slots=True)
class Session:
    """A session of a hosted agent; `items` is the history that its container sees."""

    id: str
    created_at: int
    used_at: int
    status: str = "active"
    items: list[JSON] = field(default_factory=list)
    user: str = ""


@dataclass(slots=True)
class Conversation:
    """A v2 conversation; `turn` is the response that is working on it, if any."""

    id: str
    created_at: int
    metadata: dict[str, str]
    items: list[JSON] = field(default_factory=list)
    turn: Turn | None = None
    user: str = ""

    @property
    def busy(self) -> Turn | None:
        """The turn that locks this conversation."""
        return self.turn if self.turn is not None and not self.turn.done else None


@dataclass(slots=True)
class Response:
    """A v2 response, stored or not."""

    id: str
    created_at: int
    params: JSON
    model: str
    agent: AgentVersion | None
    responder: Responder
    definition: JSON
    inputs: list[JSON]
    previous_id: str | None = None
    conversation: Conversation | None = None
    context: list[JSON] = field(default_factory=list)
    status: str = "in_progress"
    output: list[JSON] = field(default_factory=list)
    completed_at: int | None = None
    error: JSON | None = None
    incomplete_details: JSON | None = None
    usage: JSON | None = None
    turn: Turn | None = None
    era: Era = "ga"
    session: Session | None = None
    user: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether clients can read and continue it."""
        return self.params.get("store") is not False

    @property
    def is_background(self) -> bool:
        """Whether it runs without a client."""
        return bool(self.params.get("background"))

    @property
    def is_workflow(self) -> bool:
        """Whether a workflow made it: its ids and objects have a form of their own."""
        return self.agent is not None and self.agent.definition.get("kind") == "workflow"

    def chain(self) -> list[JSON]:
        """Return all items up to and including this response's output."""
        return [*self.context, *self.inputs, *self.output]


@dataclass(slots=True)
class Assistant:
    """A classic agent: mutable, known by an opaque id."""

    wire: JSON
    responder: Responder

    @property
    def id(self) -> str:
        """``asst_…``."""
        return str(self.wire["id"])


@dataclass(slots=True)
class Run:
    """A classic run; clients get `wire`, the other fields say how the run goes on.

    Attributes:
        leg: How many times tool outputs came in.
        open_message: The message being written.
        open_step: The step being worked on; during a pause the step that waits for outputs.
        approved: The step whose call was approved and has not been made yet.
        had_approval: Whether a call was approved in this run.
        shows_contents: Whether the client asked for the contents of file searches.
        prompt_tokens: Tokens read so far; `completion_tokens`: tokens written so far.
    """

    wire: JSON
    assistant: Assistant
    thread: Thread
    instructions: str | None
    additional_instructions: str | None
    leg: int = 0
    steps: list[JSON] = field(default_factory=list)
    open_message: JSON | None = None
    open_step: JSON | None = None
    approved: JSON | None = None
    had_approval: bool = False
    shows_contents: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    turn: Turn | None = None

    @property
    def id(self) -> str:
        """``run_…``."""
        return str(self.wire["id"])

    @property
    def status(self) -> str:
        """The run's status."""
        return str(self.wire["status"])

    @property
    def is_active(self) -> bool:
        """Whether it locks its thread."""
        return self.status in {"queued", "in_progress", "requires_action", "cancelling"}


@dataclass(slots=True)
class Entry:
    """Something a run reads: a message, or a tool round that was answered.

    Attributes:
        author: Run and leg that wrote it; None for what clients posted.
    """

    seen: tuple[SeenMessage, ...]
    message: JSON | None = None
    author: tuple[str, int] | None = None


@dataclass(slots=True)
class Thread:
    """A classic thread; `entries` is what a run reads, in order."""

    wire: JSON
    entries: list[Entry] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """``thread_…``."""
        return str(self.wire["id"])

    @property
    def messages(self) -> list[JSON]:
        """The messages, oldest first."""
        return [entry.message for entry in self.entries if entry.message is not None]

    @property
    def active(self) -> Run | None:
        """The run that locks this thread."""
        return next((run for run in self.runs.values() if run.is_active), None)


class World:
    """All state of one emulated project, its lock, clock and ids."""

    def __init__(self, clock: Clock, seed: int | None, rules: Rules, default: Responder) -> None:
        self.clock = clock
        self.rules = rules
        self.default = default
        self.ids = Ids(seed, clock.time)
        self.injector = FaultInjector(Weather(), seed)
        self.lock = threading.Condition(threading.RLock())
        self.agents: dict[str, Agent] = {}
        self.applications: dict[str, str] = {}  # published agents, by name of the application
        self.conversations: dict[str, Conversation] = {}
        self.responses: Shelf[Response] = Shelf()
        self.assistants: dict[str, Assistant] = {}
        self.threads: dict[str, Thread] = {}
        self.deployments: dict[str, Deployment] = {}
        self.images: Shelf[bytes] = Shelf()
        self.resource_files: Shelf[StoredFile] = Shelf()
        self.batches: Shelf[Job] = Shelf()
        self.tuning_jobs: Shelf[Job] = Shelf()
        self.active_runs: dict[str, Run] = {}
        self.files: dict[str, StoredFile] = {}
        self.containers: dict[str, JSON] = {}
        self.container_files: dict[tuple[str, str], StoredFile] = {}
        self.stores: dict[str, VectorStore] = {}
        self.seen: Log[SeenTurn] = Log()
        self.before_requests: list[Callable[[], None]] = []
        self.turns: list[Turn] = []
        self.errors: Log[Exception] = Log()

    @property
    def now(self) -> int:
        """Unix seconds, as the wire writes them."""
        return int(self.clock.time())

    def deployment(self, name: str) -> Deployment | None:
        """Return the deployment of this name; None if there is none."""
        if name not in self.deployments and name in self.rules.deployments:
            # Not stored: `Rules.deployments` may be changed at any time.
            return Deployment.standing(name, self.default)
        return self.deployments.get(name)

    def report(self, error: Exception) -> None:
        """Log and keep an error of the emulator or of a script; clients see a server error."""
        _LOGGER.error("the emulator or a script failed: %r", error, exc_info=error)
        self.errors.append(error)

    def keep(self, limit: int | None) -> None:
        """Keep no more than the newest of what every request may add to; None keeps all."""
        # A server that runs for weeks must not grow.
        logs: tuple[Log[Any] | Shelf[Any], ...] = (
            self.seen,
            self.errors,
            self.responses,
            self.images,
            self.resource_files,
            self.batches,
            self.tuning_jobs,
        )
        for log in logs:
            log.limit = limit

    def start(self, work: Work, **hooks: Any) -> Turn:
        """Start a turn and run its first step: a generator that has not begun cannot clean up."""
        from .turns import Turn

        hooks |= {"report": self.report, "polls_until_noticed": self.rules.polls_until_noticed}
        turn = Turn(work, lock=self.lock, clock=self.clock, **hooks)
        turn.step()
        self.turns.append(turn)
        return turn

    def unfinished(self) -> list[Turn]:
        """Return the turns that still go on."""
        self.turns = [turn for turn in self.turns if not turn.done]
        return list(self.turns)
