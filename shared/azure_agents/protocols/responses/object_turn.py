"""A v2 turn that is to answer with an object: the ``response_format`` of a call.

The service takes no schema with a call. If the agent's definition has one, that one is in force,
and the answer is delivered as it comes. Otherwise a system message gives the agent the schema, for
this answer only, and the answer is held back until it was checked; after an invalid one the agent
is asked once more. An answer that calls functions or asks for an approval is delivered as it is:
the object comes in a later turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ...content.schema_check import read_object
from ...content.structured import Answer, Inquiry, instruction, json_of
from ...errors import InvalidRequestError
from ...events import ApprovalRequest, ConsentRequest, Event, TextDelta
from ...fold import Completion, RefusalBlock, TextBlock, fold
from ...messages import Message, TurnRequest, assistant, system, user
from ...naming import shown
from ..commands import Command, Decoder, Emit, Flow, Pump
from ..turn import Turn
from .definition import answer_schema

_ASKS = (ApprovalRequest, ConsentRequest)
Run = Callable[[Turn], Flow[None]]


def run_object_turn(turn: Turn, run: Run) -> Flow[None]:
    """Answer the messages of `turn`, with an object if the call asks for one.

    Args:
        turn: The turn, maybe with a ``response_format``.
        run: Runs a turn without ``response_format``.

    Raises:
        StructuredOutputError: The agent gave no object, or no valid one for the second time.
    """
    options = dict(turn.request.options)
    wanted = options.pop("response_format", None)
    plain = replace(turn, request=replace(turn.request, options=options))
    if wanted is None or wanted == {"type": "text"}:
        yield from run(plain)
        return
    schema = _schema(wanted)
    if (yield from answer_schema(plain)) is not None:
        yield from run(plain)
        return
    events = yield from _Rounds(plain, run, schema).events()
    yield Emit(events)


def _schema(wanted: object) -> Mapping[str, Any] | None:
    """Return the schema of a ``response_format``; None if any object will do."""
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_object":
        return None
    if isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        named = wanted.get("json_schema", wanted)  # OpenAI's Responses API has it one level up
        if isinstance(named, Mapping) and isinstance(named.get("schema"), Mapping):
            schema: Mapping[str, Any] = named["schema"]
            return schema
    raise InvalidRequestError(
        f"response_format={shown(wanted)}: pass a pydantic class, {{'type': 'json_object'}}, or "
        "{'type': 'json_schema', 'json_schema': {'name': …, 'schema': …}}"
    )


class _Rounds:
    """The one or two turns in which the agent is asked for an object."""

    def __init__(self, turn: Turn, run: Run, schema: Mapping[str, Any] | None) -> None:
        self._turn = replace(turn, wants_deltas=False)
        self._run = run
        self._inquiry = Inquiry(partial(read_object, schema=schema))
        if schema is not None:
            self._add(system(instruction(schema)))

    def _add(self, *messages: Message, **more: Any) -> None:
        request = self._turn.request
        request = replace(request, messages=(*request.messages, *messages), **more)
        self._turn = replace(self._turn, request=request)

    def events(self) -> Flow[list[Event]]:
        """Ask until the answer is valid; returns its events."""
        while True:
            held: list[Event] = []
            yield from _held_back(self._run(self._turn), held)
            answer = fold(held)
            if answer.tool_calls or any(isinstance(block, _ASKS) for block in answer.blocks):
                return held
            if self._inquiry.read(_answer_of(answer)) is not None:
                return _json_only(held, answer)
            self._ask_again(answer)

    def _ask_again(self, answer: Completion) -> None:
        done, request = answer.finished, self._turn.request
        # A pinned response stands for one moment: the second turn goes on from the first answer.
        pin = done.thread_id if _is_pinned_response(request) else request.thread_id
        first = assistant(answer.text, anchor=done.anchor)
        self._add(first, user(self._inquiry.repair), thread_id=pin)
        # A turn whose answer is lost is looked for by its key, so the second turn needs its own.
        self._turn = replace(self._turn, operation=f"{self._turn.operation}-again")


def _is_pinned_response(request: TurnRequest) -> bool:
    return (request.thread_id or "").startswith("resp_")


def _answer_of(completion: Completion) -> Answer:
    done = completion.finished
    texts = [block.text for block in completion.blocks if isinstance(block, TextBlock)]
    refusals = [block.text for block in completion.blocks if isinstance(block, RefusalBlock)]
    facts = {name: getattr(done, name) for name in ("thread_id", "run_id", "response_id")}
    return Answer(
        "".join(texts), done.reason, "".join(refusals), done.incomplete_reason, facts=facts
    )


def _json_only(events: list[Event], answer: Completion) -> list[Event]:
    """Reduce the text of the events to the JSON in it, which is what callers parse."""
    text = json_of(answer.text)
    if text == answer.text:
        return events
    first = next(event for event in events if isinstance(event, TextDelta))
    rest = [e for e in events if e is first or not isinstance(e, TextDelta)]
    return [replace(first, text=text) if e is first else e for e in rest]


class _HoldingDecoder:
    """A decoder that keeps its events in a list, so that the driver delivers none."""

    def __init__(self, decoder: Decoder, held: list[Event]) -> None:
        self._decoder = decoder
        self._held = held

    def feed(self, data: bytes) -> Iterable[Event]:
        self._held.extend(self._decoder.feed(data))
        return ()

    @property
    def is_done(self) -> bool:
        return self._decoder.is_done


def _held_back(flow: Flow[None], held: list[Event]) -> Flow[None]:
    """Run a flow as it is, but put its events into `held` instead of delivering them."""
    resume: Callable[[Any], Command] = flow.send
    value: Any = None
    while True:
        try:
            command = resume(value)
        except StopIteration:
            return
        try:
            resume, value = flow.send, (yield _holding(command, held))
        except GeneratorExit:
            flow.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the driver throws is the flow's
            resume, value = flow.throw, error


def _holding(command: Command, held: list[Event]) -> Command:
    match command:
        case Pump(decoder):
            return Pump(_HoldingDecoder(decoder, held))
        case Emit(events):
            held.extend(events)
            return Emit(())
        case _:
            return command
