"""Flows stepped by hand: which requests a turn makes, in which order, and how long it waits.

No driver, no clock and no socket: each command is answered by the test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from azure_agents.commands import (
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
from azure_agents.config import resolve_settings
from azure_agents.drivers.call import guarded
from azure_agents.errors import (
    Abandoned,
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    DeadlineError,
    NotSentError,
    RateLimitError,
    RunFailedError,
    ServerError,
    StreamInterruptedError,
    ThreadBusyError,
    ThreadNotFoundError,
    TimedOutError,
    TurnUnknownError,
)
from azure_agents.events import Event, Finished, Started, TextDelta
from azure_agents.fold import Completion, fold
from azure_agents.messages import Message, ToolCall, TurnRequest, assistant, system, tool, user
from azure_agents.protocols.classic.flow import run_turn as run_classic
from azure_agents.protocols.memo import Memo
from azure_agents.protocols.responses.flow import run_turn as run_v2
from azure_agents.protocols.turn import Turn

JSON = dict[str, Any]
ENDPOINT = "https://x.services.ai.azure.com/api/projects/p"
OPERATION = {"azure_agents_operation": "op"}

# --- playing a flow ------------------------------------------------------------------------------


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


Answers = Sequence[Reply | bytes | Cut | BaseException]


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

# --- v2 ------------------------------------------------------------------------------------------

V2 = "/openai/v1/responses"
AGENT = {"type": "agent_reference", "name": "my-agent"}
GONE = refused(404, "Response with id 'resp_1' not found.")


def item(role: str, text: str) -> JSON:
    """A message as an input item."""
    return {"type": "message", "role": role, "content": text}


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


def test_a_first_v2_turn_is_one_post() -> None:
    """The first turn of a chain posts its messages, and nothing else."""
    played = play(run_v2(turn(system("Be brief."), user("Hi"))), [OPEN, whole()])
    items = (item("system", "Be brief."), item("user", "Hi"))
    assert [("POST", V2, body(*items, stream=True))] == played.requests
    end = played.completion.finished
    assert ("Hello", "resp_1", "resp_1") == (
        played.completion.text,
        end.thread_id,
        end.response_id,
    )


def test_a_v2_turn_without_deltas_takes_the_plain_answer() -> None:
    """Who wants the answer whole gets it whole: no stream, the same completion."""
    plain = play(run_v2(turn(user("Hi"), deltas=False)), [ok(response())])
    streamed = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    assert [("POST", V2, body(item("user", "Hi")))] == plain.requests
    assert streamed.completion == plain.completion


def second_turn(anchor: str, *messages: Message, **more: Any) -> Turn:
    """A turn that goes on after "Hi", "Hello"."""
    return turn(user("Hi"), assistant("Hello", anchor=anchor), *messages, **more)


def test_the_next_v2_turn_sends_what_is_new() -> None:
    """A history that matches its anchor continues: the new message, and the id before it."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    played = play(run_v2(second_turn(first.anchor, user("And?"))), [OPEN, whole("So.", "resp_2")])
    new = body(item("user", "And?"), previous_response_id="resp_1", stream=True)
    assert [("POST", V2, new)] == played.requests


FORKS: dict[str, Callable[[str], Turn]] = {
    "an edited question": lambda a: turn(user("Hey"), assistant("Hello", anchor=a), user("And?")),
    "an edited answer": lambda a: turn(user("Hi"), assistant("Howdy", anchor=a), user("And?")),
    "no anchor": lambda _: turn(*HISTORY),
    "an anchor of nobody": lambda _: turn(user("Hi"), assistant("Hello", anchor="x"), user("And?")),
    "a new system message": lambda a: turn(system("!"), *second_turn(a, user("And?")).messages),
    "another agent": lambda a: second_turn(a, user("And?"), model="other"),
}


@pytest.mark.parametrize("edited", FORKS.values(), ids=FORKS)
def test_a_history_that_does_not_match_is_told_whole(edited: Callable[[str], Turn]) -> None:
    """Whatever was changed, the agent sees the messages of the call, in one POST."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    asked = edited(first.anchor)
    played = play(run_v2(asked), [OPEN, whole("So.", "resp_2")])
    ((_, path, sent),) = played.requests
    assert (V2, [item(m.role, m.text) for m in asked.messages], False) == (
        path,
        sent["input"],
        "previous_response_id" in sent,
    )


def test_an_unknown_previous_response_is_no_error() -> None:
    """A response that is gone costs one request: the whole history follows."""
    first = play(run_v2(turn(user("Hi"))), [OPEN, whole()])
    played = play(
        run_v2(second_turn(first.anchor, user("And?"))), [GONE, OPEN, whole("So.", "resp_2")]
    )
    assert [
        body(item("user", "And?"), previous_response_id="resp_1", stream=True),
        body(*(item(m.role, m.text) for m in HISTORY), stream=True),
    ] == [sent for _, _, sent in played.requests]


def test_an_unknown_pinned_response_is_an_error() -> None:
    """A pin is the caller's word: it is never replayed in silence."""
    played = play(run_v2(turn(*HISTORY, pin="resp_1")), [GONE])
    assert (ThreadNotFoundError, 1) == (type(played.error), len(played.requests))


LOST_ANSWERS: list[Any] = [
    pytest.param([LOST, OPEN, whole()], 1, 1, id="no answer: asked again"),
    pytest.param([TimedOutError("x"), OPEN, whole()], 1, 1, id="no answer in time: asked again"),
    pytest.param([refused(503), OPEN, whole()], 1, 1, id="503: asked again"),
    pytest.param([NotSentError("x"), OPEN, whole()], 1, 1, id="not sent: asked again"),
    pytest.param(
        [OPEN, Cut(v2_events(begun(), said("Hel")), LOST), ok(response())],
        0,
        1,
        id="cut: the stored answer goes on",
    ),
    pytest.param(
        [OPEN, v2_events(begun(), said("Hel")), ok(response())],
        0,
        1,
        id="ended early: the stored answer goes on",
    ),
    pytest.param(
        [
            OPEN,
            Cut(v2_events(begun()), LOST),
            ok({"id": "resp_1", "status": "in_progress"}),
            ok(response()),
        ],
        1,
        1,
        id="cut: polled until it is over",
    ),
    pytest.param(
        [OPEN, Cut(v2_events(begun(), said("Hel")), LOST), GONE, OPEN, whole("Hello", "resp_2")],
        1,
        2,
        id="cut and gone: asked again, joined",
    ),
    pytest.param(
        [
            OPEN,
            Cut(v2_events(begun()), LOST),
            ok({"id": "resp_1", "status": "failed"}),
            OPEN,
            whole("Hello", "resp_2"),
        ],
        1,
        2,
        id="cut, and that ended it: asked again",
    ),
]


@pytest.mark.parametrize(("answers", "waits", "starts"), LOST_ANSWERS)
def test_a_lost_v2_answer_is_found_or_asked_for_again(
    answers: Answers, waits: int, starts: int
) -> None:
    """On a chain a twin is harmless; what was delivered is never said again."""
    played = play(run_v2(turn(user("Hi"))), answers)
    assert (None, "Hello", waits, starts) == (
        played.error,
        "".join(e.text for e in played.events if isinstance(e, TextDelta)),
        len(played.waits),
        sum(isinstance(event, Started) for event in played.events),
    )
    posts = [sent for method, _, sent in played.requests if method == "POST"]
    assert all(posts[0] == sent for sent in posts)


def test_another_answer_cannot_replace_what_was_said() -> None:
    """A twin that says something else ends the turn, with the text that was delivered."""
    cut = Cut(v2_events(begun(), said("Hel")), LOST)
    played = play(run_v2(turn(user("Hi"))), [OPEN, cut, GONE, OPEN, whole("Howdy", "resp_2")])
    assert isinstance(played.error, StreamInterruptedError)
    assert "Hel" == played.error.partial_text


FAILED: list[Any] = [
    pytest.param(response(status="failed", error={"code": "x", "message": "y"}), RunFailedError),
    pytest.param(
        response(status="failed", error={"code": "invalid_prompt", "message": "y"}), RunFailedError
    ),
]


@pytest.mark.parametrize(("stored", "cls"), FAILED)
def test_a_failed_response_is_never_asked_for_again(
    stored: JSON, cls: type[AzureAgentsError]
) -> None:
    """A turn that ended badly has had its effects: the caller decides."""
    end = v2_events(begun(), {"type": "response.failed", "response": stored})
    played = play(run_v2(turn(user("Hi"))), [OPEN, end])
    assert (cls, 1) == (type(played.error), len(played.requests))


CONVERSATION = ok({"id": "conv_1"})
ITEMS = "GET /openai/v1/conversations/conv_1/items"


def in_conversation(id: str = "resp_1", thread: str = "conv_1", text: str = "Hello") -> bytes:
    """A stream of a turn on a conversation."""
    return whole(text, id, conversation={"id": thread})


def test_a_first_turn_on_a_conversation_creates_it() -> None:
    """The history goes in with the first turn: two requests."""
    played = play(
        run_v2(turn(*HISTORY, threads="conversation")), [CONVERSATION, OPEN, in_conversation()]
    )
    assert ["POST /openai/v1/conversations", f"POST {V2}"] == played.paths
    sent = played.requests[1][2]
    assert ("conv_1", 3, True, "conv_1") == (
        sent["conversation"],
        len(sent["input"]),
        sent["stream"],
        played.completion.finished.thread_id,
    )


def first_on_conversation(store: dict[str, str]) -> str:
    """The anchor of a first turn on a conversation."""
    asked = turn(user("Hi"), threads="conversation")
    return play(run_v2(asked), [CONVERSATION, OPEN, in_conversation()], store).anchor


def test_the_next_turn_on_a_conversation_claims_its_head() -> None:
    """One POST with what is new; a second continuation of the same answer forks."""
    store: dict[str, str] = {}
    anchor = first_on_conversation(store)
    asked = second_turn(anchor, user("And?"), threads="conversation")
    played = play(run_v2(asked), [OPEN, in_conversation("resp_2")], store)
    assert [("POST", V2, body(item("user", "And?"), stream=True, conversation="conv_1"))] == (
        played.requests
    )
    again = [ok({"id": "conv_2"}), OPEN, in_conversation("resp_3", "conv_2")]
    twin = play(run_v2(asked), again, store)
    assert ("conv_2", 3) == (
        twin.requests[1][2]["conversation"],
        len(twin.requests[1][2]["input"]),
    )


@pytest.mark.parametrize("store", [{}, {"head:x:conv_1": "resp_9"}], ids=["unknown", "of others"])
def test_a_conversation_the_store_does_not_know_is_not_appended_to(store: dict[str, str]) -> None:
    """Without the claim nothing is appended: the history goes to a new conversation."""
    asked = second_turn(first_on_conversation({}), user("And?"), threads="conversation")
    played = play(
        run_v2(asked), [ok({"id": "conv_2"}), OPEN, in_conversation("resp_2", "conv_2")], store
    )
    assert ["POST /openai/v1/conversations", f"POST {V2}"] == played.paths


def test_a_turn_lost_on_a_conversation_is_found() -> None:
    """The turn carries our operation: one look finds it, and it is followed to its end."""
    store: dict[str, str] = {}
    asked = second_turn(first_on_conversation(store), user("And?"), threads="conversation")
    page = ok({"data": [{"response_id": "resp_2"}, {"response_id": "resp_1"}]})
    played = play(run_v2(asked), [LOST, page, ok(response("So.", "resp_2"))], store)
    assert [f"POST {V2}", ITEMS, f"GET {V2}/resp_2"] == played.paths
    assert "So." == played.completion.text


def test_a_turn_lost_on_a_conversation_is_never_posted_there_again() -> None:
    """Not found is not gone: items appear when a response ends, so the history forks."""
    store: dict[str, str] = {}
    asked = second_turn(first_on_conversation(store), user("And?"), threads="conversation")
    others = ok(response("Hello", "resp_1", metadata={}))
    page = ok({"data": [{"response_id": "resp_1"}]})
    fork = [ok({"id": "conv_2"}), OPEN, in_conversation("resp_2", "conv_2")]
    played = play(run_v2(asked), [LOST, page, others, *fork], store)
    posted = [sent["conversation"] for _, path, sent in played.requests if path == V2]
    assert (["conv_1", "conv_2"], "conv_2") == (posted, played.completion.finished.thread_id)


def test_a_turn_lost_on_a_pinned_conversation_is_waited_for() -> None:
    """A pin cannot fork: look until it is there, and say so if the time is over."""
    empty = ok({"data": []})
    page = ok({"data": [{"response_id": "resp_2"}]})
    answers = [LOST, empty, empty, page, ok(response("So.", "resp_2"))]
    played = play(run_v2(turn(*HISTORY, pin="conv_1")), answers)
    assert ([f"POST {V2}", ITEMS, ITEMS, ITEMS, f"GET {V2}/resp_2"], "So.") == (
        played.paths,
        played.completion.text,
    )
    assert [TurnUnknownError] * 2 == [type(wait.instead) for wait in played.waits]


def test_a_busy_pinned_conversation_is_waited_for() -> None:
    """While another turn is active nothing is posted; the deadline says why."""
    error = {"code": "conversation_locked", "message": "x", "param": None}
    busy = Reply(400, {}, json.dumps({"error": error}).encode())
    played = play(run_v2(turn(*HISTORY, pin="conv_1")), [busy, busy, OPEN, in_conversation()])
    assert (None, [ThreadBusyError] * 2) == (played.error, [type(w.instead) for w in played.waits])


# --- classic -------------------------------------------------------------------------------------

ASST = "asst_1"
RUNS = "/threads/thread_1/runs"


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


BEGUN = classic_events(("thread.run.created", run("in_progress")))
LISTED = ok({"data": [classic_message()]})
FIELDS = {"assistant_id": ASST, "stream": True, "metadata": OPERATION}


def classic(*messages: Message, **more: Any) -> Flow[None]:
    """A classic turn."""
    return run_classic(turn(*messages, model=ASST, **more))


def test_a_first_classic_turn_is_one_post() -> None:
    """Thread, messages and run are created at once."""
    played = play(classic(*HISTORY), [OPEN, answered()])
    messages = [{"role": m.role, "content": m.text} for m in HISTORY]
    thread = {"messages": messages, "metadata": OPERATION}
    assert [("POST", "/threads/runs", {**FIELDS, "thread": thread})] == played.requests
    end = played.completion.finished
    assert ("Hello", "thread_1", "run_1", "msg_1") == (
        played.completion.text,
        end.thread_id,
        end.run_id,
        end.message_id,
    )


def test_a_first_classic_turn_with_a_system_message_is_two() -> None:
    """`/threads/runs` takes no additional instructions: the thread first, then the run."""
    played = play(
        classic(system("Be brief."), user("Hi")), [ok({"id": "thread_1"}), OPEN, answered()]
    )
    assert [
        (
            "POST",
            "/threads",
            {"messages": [{"role": "user", "content": "Hi"}], "metadata": OPERATION},
        ),
        ("POST", RUNS, {**FIELDS, "additional_instructions": "Be brief."}),
    ] == played.requests


def first_classic(store: dict[str, str]) -> str:
    """The anchor of a first classic turn."""
    return play(classic(user("Hi")), [OPEN, answered()], store).anchor


def test_the_next_classic_turn_appends() -> None:
    """One POST with the new message, wherever the store lets us."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), system("Be brief."), model=ASST)
    played = play(run_classic(asked), [OPEN, answered("So.", "run_2")], store)
    new = [{"role": "user", "content": "And?"}]
    fields = {**FIELDS, "additional_instructions": "Be brief.", "additional_messages": new}
    assert [("POST", RUNS, fields)] == played.requests


def test_a_classic_head_is_claimed_once() -> None:
    """The second continuation of an answer goes to a thread of its own."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    answers = [OPEN, answered("So.", "run_2")]
    paths = [play(run_classic(asked), answers, store).paths for _ in range(2)]
    assert [[f"POST {RUNS}"], ["POST /threads/runs"]] == paths


BUSY = refused(400, "Can't add messages to thread_1 while a run run_9 is active.")
NO_THREAD = refused(404, "No thread found with id 'thread_1'.")


@pytest.mark.parametrize("problem", [BUSY, NO_THREAD], ids=["busy", "gone"])
def test_a_classic_thread_that_cannot_go_on_forks(problem: Reply) -> None:
    """A thread that is busy or gone is not an error: the history goes to a new one."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    played = play(run_classic(asked), [problem, OPEN, answered("So.", "run_2")], store)
    assert ([f"POST {RUNS}", "POST /threads/runs"], "So.") == (
        played.paths,
        played.completion.text,
    )


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
OUTPUTS = {"tool_outputs": [{"tool_call_id": "call_1", "output": "42"}], "stream": True}
SUBMIT = "POST /threads/thread_1/runs/run_1/submit_tool_outputs"


def test_results_are_submitted_to_the_run_that_waits() -> None:
    """The outputs of a paused run are one POST; nothing is claimed and nothing re-sent."""
    played = play(run_classic(paused(RESULT)), [OPEN, answered()])
    assert [(*SUBMIT.split(), OUTPUTS)] == played.requests


TOLD = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "[tool call call_1: f({})]"},
    {"role": "user", "content": "[tool result call_1: 42]"},
]


@pytest.mark.parametrize(
    "problem", [refused(400, "Runs in status expired do not accept tool outputs."), NO_THREAD]
)
def test_results_nobody_waits_for_are_told_as_text(problem: Reply) -> None:
    """A run that no longer waits is no error: calls and results go to a new thread as text."""
    played = play(run_classic(paused(RESULT)), [problem, OPEN, answered()])
    assert [SUBMIT, "POST /threads/runs"] == played.paths
    assert TOLD == played.requests[1][2]["thread"]["messages"]


def test_a_paused_run_that_is_passed_over_is_cancelled() -> None:
    """More than the results: one cancel, whatever it answers, and a new thread."""
    played = play(run_classic(paused(RESULT, user("And?"))), [refused(500), OPEN, answered("So.")])
    assert ["POST /threads/thread_1/runs/run_1/cancel", "POST /threads/runs"] == played.paths
    assert [*TOLD, {"role": "user", "content": "And?"}] == (
        played.requests[1][2]["thread"]["messages"]
    )


def test_lost_results_are_submitted_again_only_while_the_run_waits() -> None:
    """The run itself says whether the results arrived."""
    none = ok({"data": []})
    waiting = [LOST, none, ok(run("requires_action")), OPEN, answered()]
    waits = play(run_classic(paused(RESULT)), waiting)
    gone_on = [LOST, none, ok(run("queued")), ok(run()), LISTED]
    went_on = play(run_classic(paused(RESULT)), gone_on)
    look = "GET /threads/thread_1/runs/run_1"
    assert [SUBMIT, f"GET {RUNS}", look, SUBMIT] == waits.paths
    assert ([SUBMIT, f"GET {RUNS}", look, look], "Hello") == (
        went_on.paths[:4],
        went_on.completion.text,
    )


def test_a_classic_run_that_was_lost_is_found() -> None:
    """One look for our operation on the thread finds the run, and it is followed."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    page = ok({"data": [run("completed", "run_2")]})
    answers = [LOST, page, ok(run("in_progress", "run_2")), ok(run("completed", "run_2")), LISTED]
    played = play(run_classic(asked), answers, store)
    look = f"GET {RUNS}/run_2"
    assert [f"POST {RUNS}", f"GET {RUNS}", look, look, "GET /threads/thread_1/messages"] == (
        played.paths
    )


def test_a_classic_run_that_is_not_found_forks_and_is_cancelled_if_it_turns_up() -> None:
    """Nothing is posted to the thread again; a straggler is stopped when the answer is there."""
    store: dict[str, str] = {}
    asked = second_turn(first_classic(store), user("And?"), model=ASST)
    late = ok({"data": [run("in_progress", "run_2"), run("completed", "run_1", metadata={})]})
    answers = [LOST, ok({"data": []}), OPEN, answered("So.", "run_3"), late, ok({})]
    played = play(run_classic(asked), answers, store)
    assert [
        f"POST {RUNS}",
        f"GET {RUNS}",
        "POST /threads/runs",
        f"GET {RUNS}",
        f"POST {RUNS}/run_2/cancel",
    ] == played.paths


def test_a_classic_stream_that_was_cut_is_followed() -> None:
    """The run goes on without us: poll it, and tell the rest of its message."""
    said_so_far = classic_events(
        ("thread.run.created", run("in_progress")),
        (
            "thread.message.delta",
            {
                "id": "msg_1",
                "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hel"}}]},
            },
        ),
    )
    answers = [OPEN, Cut(said_so_far, LOST), ok(run("in_progress")), ok(run()), LISTED]
    played = play(classic(user("Hi")), answers)
    texts = [event.text for event in played.events if isinstance(event, TextDelta)]
    assert (["Hel", "lo"], 1) == (texts, sum(isinstance(e, Started) for e in played.events))


def test_a_run_lost_on_a_pinned_thread_is_waited_for() -> None:
    """A pin cannot fork, and nothing is posted twice: look until the run turns up."""
    empty, found = ok({"data": []}), ok({"data": [run("completed", "run_2")]})
    answers = [LOST, empty, empty, found, ok(run("completed", "run_2")), LISTED]
    played = play(classic(*HISTORY, pin="thread_1"), answers)
    assert (["POST"], [TurnUnknownError] * 2) == (
        [method for method, _, _ in played.requests if method == "POST"],
        [type(wait.instead) for wait in played.waits],
    )


@pytest.mark.parametrize("why", [Abandoned(), DeadlineError("too late")], ids=repr)
@pytest.mark.parametrize(
    ("answers", "looks"),
    [
        ([OPEN, Cut(BEGUN, LOST), None], [f"POST {RUNS}/run_1/cancel"]),
        ([OPEN, None], []),
    ],
    ids=["the run is known", "nothing is known"],
)
def test_a_turn_that_is_given_up_stops_its_run(
    why: BaseException, answers: list[Any], looks: list[str]
) -> None:
    """Once its run is known it is cancelled, and the reason goes on upwards."""
    given = [why if answer is None else answer for answer in answers]
    played = play(classic(user("Hi")), chain(given, repeat(ok({}))))
    assert why is played.error
    assert looks == [path for path in played.paths if path.endswith("/cancel")]


def test_a_run_on_a_known_thread_is_looked_for_before_it_is_stopped() -> None:
    """Without the run's id the operation names it."""
    answers = [OPEN, Abandoned(), ok({"data": [run("in_progress", "run_2")]}), ok({})]
    played = play(classic(*HISTORY, pin="thread_1"), answers)
    assert [f"POST {RUNS}", f"GET {RUNS}", f"POST {RUNS}/run_2/cancel"] == played.paths


# --- waiting -------------------------------------------------------------------------------------

WAITS: list[Any] = [
    pytest.param(refused(429, retry_after_ms="250", retry_after="3"), 0.25, 0.25, id="ms first"),
    pytest.param(refused(429, retry_after="3"), 3.0, 3.0, id="seconds"),
    pytest.param(refused(429, retry_after="0"), 0.0, 0.0, id="at once"),
    pytest.param(refused(429, "Try again in 7 seconds."), 7.0, 7.0, id="in words"),
    pytest.param(refused(429), 0.375, 0.625, id="nothing said: our own"),
    pytest.param(NotSentError("x"), 0.375, 0.625, id="not sent"),
]


@pytest.mark.parametrize("model", ["my-agent", ASST])
@pytest.mark.parametrize(("problem", "shortest", "longest"), WAITS)
def test_a_request_that_was_not_applied_is_sent_again(
    problem: Any, shortest: float, longest: float, model: str
) -> None:
    """After the wait the service asks for, or a growing one, the same request goes out."""
    flow, stream = {"my-agent": (run_v2, whole()), ASST: (run_classic, answered())}[model]
    played = play(flow(turn(user("Hi"), model=model)), [problem, OPEN, stream])
    (wait,) = played.waits
    assert played.requests[0] == played.requests[1]
    assert shortest <= wait.seconds <= longest
    assert isinstance(wait.instead, RateLimitError | NotSentError)


@pytest.mark.parametrize("model", ["my-agent", ASST])
@pytest.mark.parametrize("retries", [0, 1, 2, 5])
def test_patience_has_an_end(retries: int, model: str) -> None:
    """After `max_retries` the last error is raised; each wait is longer than the one before."""
    flow = {"my-agent": run_v2, ASST: run_classic}[model]
    asked = turn(user("Hi"), model=model, max_retries=retries)
    played = play(flow(asked), repeat(refused(429)))
    waits = [wait.seconds for wait in played.waits]
    assert (RateLimitError, retries + 1, retries) == (
        type(played.error),
        len(played.requests),
        len(waits),
    )
    assert waits == sorted(waits)


def test_a_wait_that_is_too_long_is_not_made() -> None:
    """A service that wants minutes gets no silent sleep: the caller is told how long."""
    played = play(run_v2(turn(user("Hi"))), [refused(429, retry_after="500")])
    assert isinstance(played.error, RateLimitError)
    assert ([], 500.0) == (played.waits, played.error.retry_after)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("model", ["my-agent", ASST])
def test_what_would_fail_again_is_not_tried_again(status: int, model: str) -> None:
    """A refusal is final."""
    flow = {"my-agent": run_v2, ASST: run_classic}[model]
    played = play(flow(turn(user("Hi"), model=model)), [refused(status)])
    assert ([], 1, status) == (
        played.waits,
        len(played.requests),
        getattr(played.error, "status", None),
    )


def test_the_deadline_during_a_wait_tells_why_it_waited() -> None:
    """A sleep that would end too late raises what it waited for, not the deadline."""
    flow = run_v2(turn(user("Hi")))
    flow.send(None)
    wait = flow.send(refused(429, retry_after="3"))
    assert isinstance(wait, Sleep)
    assert wait.instead is not None
    with pytest.raises(RateLimitError):
        flow.throw(wait.instead)


# --- answers that make no sense ------------------------------------------------------------------

NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["id", "data", "status", "output", "metadata", "thread_id", "content"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
TURNS: dict[str, Callable[[], Flow[None]]] = {
    "v2": lambda: run_v2(turn(user("Hi"), deltas=False)),
    "v2 conversation": lambda: run_v2(turn(user("Hi"), threads="conversation")),
    "v2 pinned": lambda: run_v2(turn(user("Hi"), pin="conv_1")),
    "classic": lambda: classic(user("Hi")),
    "classic with a system message": lambda: classic(system("!"), user("Hi")),
    "classic pinned": lambda: classic(user("Hi"), pin="thread_1"),
    "classic results": lambda: run_classic(paused(RESULT)),
}


def confused(answers: list[Any]) -> Any:
    """Nonsense in place of every answer, first some lost ones, in the end an error."""
    for answer in answers:
        yield LOST if answer == "lost" else ok(answer)
    yield from repeat(DeadlineError("the test is over"))


@pytest.mark.parametrize("start", TURNS.values(), ids=TURNS)
@examples(max_examples=60)
@given(answers=st.lists(st.just("lost") | NONSENSE, max_size=5))
def test_no_answer_leads_out_of_the_error_tree(
    start: Callable[[], Flow[None]], answers: list[Any]
) -> None:
    """Whatever JSON the service answers, the flow ends with an answer or a typed error."""
    played = play(guarded(start()), confused(answers))
    assert isinstance(played.error, AzureAgentsError) or isinstance(played.events[-1], Finished)


def test_errors_name_the_agent_and_the_thread() -> None:
    """What the client knows of the turn is on the error of a refused request."""
    played = play(classic(*HISTORY, pin="thread_1"), [refused(400, "No.", x_request_id="r")])
    assert isinstance(played.error, BadRequestError)
    assert {"status": 400, "request_id": "r", "agent": ASST, "thread_id": "thread_1"} == (
        played.error.facts
    )


def test_a_failed_run_is_not_run_again() -> None:
    """A run that failed has had its effects, also where its own error was a server's."""
    failed = classic_events(
        ("thread.run.failed", run("failed", last_error={"code": "server_error", "message": "x"}))
    )
    played = play(classic(user("Hi")), [OPEN, failed])
    assert (RunFailedError, ["POST /threads/runs"]) == (type(played.error), played.paths)


def test_an_error_event_before_the_run_is_known_is_a_failed_request() -> None:
    """A stream that begins with a server's error made nothing: a new thread is tried."""
    broken = classic_events(("error", {"error": {"code": "server_error", "message": "x"}}))
    played = play(classic(user("Hi"), max_retries=1), [OPEN, broken, OPEN, answered()])
    assert (None, ["POST /threads/runs"] * 2) == (played.error, played.paths)
    assert [ServerError] == [type(wait.instead) for wait in played.waits]
