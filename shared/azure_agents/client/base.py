"""What the sync and the async client share: construction, checks, and the beginning of a turn."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, Unpack, get_args
from uuid import uuid4

from ..drivers.clock import Clock, SystemClock
from ..drivers.observe import Observer
from ..drivers.turn import Wiring
from ..errors import InvalidRequestError
from ..messages import ApprovalReply, Media, Message, Role, Text, ToolCall, TurnRequest
from ..naming import check_handle, parse_handle, shown
from ..protocols.classic.flow import run_turn as run_classic_turn
from ..protocols.commands import Flow
from ..protocols.memo import Memo
from ..protocols.repeated import repeated
from ..protocols.responses.flow import run_turn as run_responses_turn
from ..protocols.turn import Turn
from ..seams import AsyncTransport, Transport
from ..settings.config import Settings, check_owner
from ..settings.endpoint import check_at_project, check_own_endpoint
from ..settings.per_call import split_call
from ..settings.replacements import checked_seams
from ..sign_in.auth import FoundryAuth
from ..threads.memory import shared_store
from ..threads.store import ThreadStore
from .arguments import ClientArguments, read_arguments

_OPERATION = re.compile(r"[\w-]{1,64}", re.ASCII)
_FLOWS = {"classic": run_classic_turn, "v2": run_responses_turn}


def _new_operation_key() -> str:
    # Goes out with the turn: a turn whose answer was lost is found on the server by it.
    return uuid4().hex


class BaseClient(ABC):
    """Base of both clients: holds their parts, checks a request and starts its flow.

    `AgentClient` describes the arguments.
    """

    settings: Settings
    _is_async: ClassVar[bool]

    def __init__(
        self,
        model: str | None = None,
        *,
        thread_store: ThreadStore | None = None,
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        clock: Clock | None = None,
        operation_keys: Callable[[], str] | None = None,
        observer: Observer | None = None,
        **arguments: Unpack[ClientArguments],
    ) -> None:
        self._set_up(
            *read_arguments(type(self).__name__, model, arguments),
            transport=async_transport if self._is_async else transport,
            store=thread_store,
            clock=clock,
            operation_keys=operation_keys,
            observer=observer,
        )

    def _set_up(
        self,
        settings: Settings,
        auth: FoundryAuth,
        *,
        transport: Any,
        store: ThreadStore | None,
        clock: Clock | None,
        operation_keys: Callable[[], str] | None,
        observer: Observer | None,
    ) -> None:
        name = "async_transport" if self._is_async else "transport"
        checked_seams({name: transport, "clock": clock, "observer": observer})
        self.settings = settings
        self._store = store if store is not None else shared_store()
        self._new_key = operation_keys or _new_operation_key
        self._auth, self._clock, self._observer = auth, clock or SystemClock(), observer
        self._memo = Memo(self._clock.time)
        self._connect(transport)

    @abstractmethod
    def _connect(self, transport: Any) -> None:
        """Make the HTTP client or clients; nothing is opened yet."""

    def _project_turn(self, operation: str) -> Turn:
        # An agent's own endpoint only answers: files, forks and the like need the project's.
        check_at_project(self.settings.endpoint, operation)
        return self._turn()

    @property
    def _wiring(self) -> Wiring:
        # For operations besides calls; a call may have a timeout and headers of its own.
        return self._wiring_of(self.settings)

    def _wiring_of(self, settings: Settings) -> Wiring:
        return Wiring(
            settings.endpoint.root,
            self._auth,
            settings.timeouts,
            self._clock,
            self._observer,
            settings.headers,
        )

    def _begin_turn(self, request: TurnRequest, *, deltas: bool) -> tuple[Wiring, Flow[None]]:
        # A flow that nobody drives sends nothing: a generator that is never read costs no request.
        check_request(self.settings, request)
        settings, options = split_call(self.settings, request.options)
        turn = self._turn(replace(request, options=options), settings, deltas=deltas)
        run_turn = _FLOWS[settings.agent.generation]
        return self._wiring_of(settings), repeated(turn, run_turn)

    def _turn(
        self,
        request: TurnRequest | None = None,
        settings: Settings | None = None,
        *,
        deltas: bool = True,
    ) -> Turn:
        # Operations besides calls have no messages: a look-up, a cancellation, an upload.
        request = request or TurnRequest(())
        key = request.operation or self._new_key()
        return Turn(settings or self.settings, request, key, deltas, self._memo)

    def __repr__(self) -> str:
        agent, url = self.settings.agent.requested, self.settings.endpoint.url
        return f"{type(self).__name__}({agent!r}, endpoint={url!r})"


C = TypeVar("C", bound=BaseClient)


def make_client(
    cls: type[C],
    settings: Settings,
    auth: FoundryAuth,
    *,
    transport: Any = None,
    store: ThreadStore | None = None,
    clock: Clock | None = None,
    operation_keys: Callable[[], str] | None = None,
    observer: Observer | None = None,
) -> C:
    """Make a client from settings and a credential that were checked before.

    Args:
        cls: `AgentClient` or `AsyncAgentClient`.
        settings: From `azure_agents.settings.config.resolve_settings`.
        auth: From `azure_agents.sign_in.auth.make_auth`.
        transport: The httpx transport of this kind of client, instead of the network.
        store: Thread store; by default one in memory, shared by all clients of the process.
        clock: Time, to be replaced in tests.
        operation_keys: Makes the unique key of each turn, to be replaced in tests.
        observer: Receives every request.
    """
    client = cls.__new__(cls)
    client._set_up(  # noqa: SLF001 - the second half of its constructor
        settings,
        auth,
        transport=transport,
        store=store,
        clock=clock,
        operation_keys=operation_keys,
        observer=observer,
    )
    return client


def check_request(settings: Settings, request: TurnRequest) -> None:
    """Refuse a call that cannot be right, before anything is sent.

    Args:
        settings: The client's.
        request: The call.

    Raises:
        InvalidRequestError: It has no messages, a message of a wrong type, or a pin that does not
            fit the agent or the policy.
    """
    if not request.messages:
        raise InvalidRequestError("no messages: give at least one")
    for message in request.messages:
        _check_message(message)
    check_owner(request.owner)
    _check_operation(request)
    if settings.endpoint.own is not None:
        check_own_endpoint(settings.endpoint.own, settings.threads, request.thread_id)
    if request.thread_id is not None:
        handle = parse_handle(request.thread_id)
        check_handle(handle, settings.agent.generation)
        if settings.threads == "ephemeral":
            raise InvalidRequestError(
                f"thread_id={request.thread_id!r} cannot be pinned with threads='ephemeral', which "
                "keeps nothing: use threads='auto'"
            )


def _check_operation(request: TurnRequest) -> None:
    key = request.operation
    if key is not None and (type(key) is not str or not _OPERATION.fullmatch(key)):
        raise InvalidRequestError(
            f"operation={shown(key)}: give a unique name of 1 to 64 letters, digits, '-' and '_'"
        )
    if request.is_repeated and key is None:
        raise InvalidRequestError(
            "is_repeated=True needs the operation= of the turn: by it the turn is found"
        )


def _check_message(message: object) -> None:
    if not isinstance(message, Message):
        raise InvalidRequestError(
            f"TurnRequest takes messages as azure_agents.Message, got {shown(message)}: pass "
            "for instance (user('Hello'),)"
        )
    if message.role not in get_args(Role):
        roles = ", ".join(map(repr, get_args(Role)))
        raise InvalidRequestError(f"a message has the role {shown(message.role)}: use {roles}")
    for one in (*message.parts, *message.tool_calls):
        if not _is_part(one) and not (isinstance(one, ToolCall) and isinstance(one.arguments, str)):
            raise InvalidRequestError(
                f"a message of the role {message.role!r} holds {shown(one)}: give parts such as "
                "Text('Hello'), and calls whose arguments are JSON text"
            )


def _is_part(part: object) -> bool:
    if isinstance(part, Text):
        return isinstance(part.text, str)
    if isinstance(part, ApprovalReply):
        return isinstance(part.approve, bool)  # the text "no" would count as true
    return isinstance(part, Media)
