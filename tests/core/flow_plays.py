"""Flows stepped by hand: no driver, no clock and no socket; each command is answered by a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure_agents.errors import Abandoned, AzureAgentsError, ConnectionLostError
from azure_agents.events import Event
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, tool, user
from azure_agents.protocols.classic.flow import run_turn as run_classic
from azure_agents.protocols.commands import (
    Decoder,
    Emit,
    Flow,
    Pump,
    Reply,
    Send,
    Sleep,
    StoreGet,
    StorePut,
    StoreTake,
)
from azure_agents.protocols.memo import Memo
from azure_agents.protocols.turn import Turn
from azure_agents.settings.config import resolve_settings

JSON = dict[str, Any]
ENDPOINT = "https://x.services.ai.azure.com/api/projects/p"


OPERATION = {"azure_agents_operation": "op"}


@dataclass
class Cut:
    """A stream that says this and then breaks."""

    data: bytes
    error: BaseException


@dataclass
class Played:
    """What a flow asked for, said and ended with."""

    requests: list[tuple[str, str, Any]] = field(default_factory=list)
    waits: list[Sleep] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    error: BaseException | None = None

    @property
    def paths(self) -> list[str]:
        """Method and path of the requests."""
        return [f"{method} {path}" for method, path, _ in self.requests]

    @property
    def completion(self) -> Completion:
        """The folded events."""
        return fold(self.events)

    @property
    def anchor(self) -> str:
        """The anchor of the answer."""
        assert self.completion.finished.anchor is not None
        return self.completion.finished.anchor


class Hands:
    """Does by hand what a driver does, with prepared answers."""

    def __init__(self, answers: Any, store: dict[str, str]) -> None:
        self.played = Played()
        self._answers = iter(answers)
        self._store = store

    def perform(self, command: Any) -> Any:
        """The result of a command; an exception is thrown into the flow."""
        match command:
            case Emit(events):
                self.played.events += events
            case Sleep():
                self.played.waits.append(command)
            case Send():
                body = json.loads(command.body) if isinstance(command.body, bytes) else None
                self.played.requests.append((command.method, command.path, body))
                return next(self._answers)
            case Pump(decoder):
                return self._pump(decoder, next(self._answers))
            case _:
                return self._look_up(command)
        return None

    def _pump(self, decoder: Decoder, said: Any) -> Any:
        if isinstance(said, BaseException):
            return said
        data = {Cut: "data", Reply: "body"}.get(type(said))
        try:
            self.played.events += decoder.feed(getattr(said, data) if data else said)
        except AzureAgentsError as error:
            return error
        return said.error if isinstance(said, Cut) else None

    def _look_up(self, command: Any) -> Any:
        match command:
            case StoreGet(key):
                return self._store.get(key)
            case StorePut(key, text):
                self._store[key] = text
                return None
            case StoreTake(key, expected):
                known = self._store.get(key) == expected
                return known and bool(self._store.pop(key))
        raise AssertionError(command)


def play(flow: Flow[None], answers: Any, store: dict[str, str] | None = None) -> Played:
    """Step a flow to its end, answering its requests and streams in order."""
    hands = Hands(answers, {} if store is None else store)
    resume: Callable[[Any], Any] = flow.send
    value: Any = None
    try:
        while True:
            value = hands.perform(resume(value))
            resume = flow.throw if isinstance(value, BaseException) else flow.send
    except StopIteration:
        pass
    except (AzureAgentsError, Abandoned) as error:
        hands.played.error = error
    return hands.played


def turn(
    *messages: Message,
    model: str = "my-agent",
    deltas: bool = True,
    pin: str | None = None,
    operation: str = "op",
    **more: Any,
) -> Turn:
    """A turn with these messages."""
    settings = resolve_settings(model=model, endpoint=ENDPOINT, env={}, **more)
    request = TurnRequest(messages, thread_id=pin)
    return Turn(settings, request, operation, deltas, Memo(lambda: 0.0))


def ok(body: object) -> Reply:
    """A whole answer."""
    return Reply(200, {}, json.dumps(body).encode())


def refused(status: int, message: str = "No.", **headers: str) -> Reply:
    """An error answer."""
    error = {"message": message, "type": "error", "param": None, "code": None}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, names, json.dumps({"error": error}).encode())


OPEN = Reply(200, {}, b"", is_open=True)
LOST = ConnectionLostError("the connection was lost")


AGENT = {"type": "agent_reference", "name": "my-agent"}


def response(text: str = "Hello", id: str = "resp_1", **fields: Any) -> JSON:
    """A response that is over."""
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": f"msg_{id}", "content": [part]}
    return {"id": id, "status": "completed", "output": [message], "metadata": OPERATION} | fields


def v2_events(*events: JSON) -> bytes:
    """A v2 stream."""
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)


def begun(id: str = "resp_1", **fields: Any) -> JSON:
    """The first event of a stream."""
    return {"type": "response.created", "response": {"id": id, "status": "in_progress"} | fields}


def said(text: str, id: str = "resp_1") -> JSON:
    """A delta of the answer."""
    where = {"item_id": f"msg_{id}", "content_index": 0}
    return {"type": "response.output_text.delta", "delta": text, **where}


def whole(text: str = "Hello", id: str = "resp_1", **fields: Any) -> bytes:
    """A whole v2 stream."""
    end = {"type": "response.completed", "response": response(text, id, **fields)}
    return v2_events(begun(id), said(text, id), end)


def body(*items: JSON, **fields: Any) -> JSON:
    """The body of a v2 request."""
    return {"agent_reference": AGENT, "metadata": OPERATION, "input": [*items]} | fields


HISTORY = (user("Hi"), assistant("Hello"), user("And?"))


def second_turn(anchor: str, *messages: Message, **more: Any) -> Turn:
    """A turn that goes on after "Hi", "Hello"."""
    return turn(user("Hi"), assistant("Hello", anchor=anchor), *messages, **more)


ASST = "asst_1"


def run(status: str = "completed", id: str = "run_1", **fields: Any) -> JSON:
    """A run."""
    known = {"id": id, "thread_id": "thread_1", "status": status, "metadata": OPERATION}
    return known | fields


def classic_message(text: str = "Hello", id: str = "msg_1") -> JSON:
    """An answer message."""
    part = {"type": "text", "text": {"value": text, "annotations": []}}
    return {"id": id, "role": "assistant", "content": [part]}


def classic_events(*events: tuple[str, JSON]) -> bytes:
    """A classic stream."""
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (name.encode(), json.dumps(data).encode())
        for name, data in events
    )


def answered(text: str = "Hello", id: str = "run_1") -> bytes:
    """A whole classic stream."""
    return classic_events(
        ("thread.run.created", run("queued", id)),
        ("thread.message.completed", classic_message(text)),
        ("thread.run.completed", run("completed", id)),
    )


def classic(*messages: Message, **more: Any) -> Flow[None]:
    """A classic turn."""
    return run_classic(turn(*messages, model=ASST, **more))


CALL = ToolCall("call_1", "f", "{}")
PAUSED = classic_events(
    (
        "thread.run.requires_action",
        run(
            "requires_action",
            required_action={
                "type": "submit_tool_outputs",
                "submit_tool_outputs": {
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "f", "arguments": "{}"},
                        }
                    ]
                },
            },
        ),
    )
)


def paused(*more: Message) -> Turn:
    """A turn after a run that waits for the result of a call."""
    anchor = play(classic(user("Hi")), [OPEN, PAUSED]).anchor
    history = (user("Hi"), assistant("", CALL, anchor=anchor), *more)
    return turn(*history, model=ASST, operation="op2")


RESULT = tool("call_1", "42")
