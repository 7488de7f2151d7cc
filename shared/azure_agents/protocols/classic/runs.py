"""What can be done on a classic thread: create it, run on it, submit to a run, find a run again.

The answer is always streamed underneath: only then is the run's id known early, and nothing is
polled. A stream that was cut, or an answer that was lost, is followed if its run can be found by
its id or by the operation key in its metadata; polling is the fallback.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

from ...commands import Emit, Flow, Pump, Reply, Send, Sleep
from ...errors import AzureAgentsError, BadRequestError, ConnectionLostError, RateLimitError
from ...jsonio import JSON, dumps
from ...messages import Message
from ...retry import delay_before, is_unknown, may_pass, was_not_applied
from ...threads.anchor import parse_anchor
from ..delivery import Delivered
from ..metadata import OPERATION, encode_metadata
from ..steps import fetch, poll, read_object, retrying, send, suppress_but_deadline
from ..turn import Turn
from .codec import encode_messages, encode_outputs, message_text, system_text
from .options import encode_options
from .reader import ACTIVE, RunReader

_LOOK_BACK = "20"  # runs; a run of ours is among the newest


class Runs:
    """The requests of one turn.

    Args:
        turn: The turn.

    Attributes:
        reader: The source of the answer that is being read, or was read last.
    """

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self._delivered = Delivered()
        self._told_before = ""  # text the run had told before it paused
        self._answered: set[str] = set()  # calls the run had paused for
        self._fields: dict[str, Any] = {
            "assistant_id": turn.settings.agent.assistant_id,
            "stream": True,
            "metadata": encode_metadata(turn.request.options, turn.operation),
            **encode_options(turn.request.options),
        }
        self.reader = self._new_reader(None)

    def _new_reader(self, thread: str | None) -> RunReader:
        """A reader for the next source of the answer."""
        return RunReader(self._delivered, deltas=self.turn.deltas, thread_id=thread)

    def add_tools_of_agent(self) -> Flow[None]:
        """The tools of a run replace those of its agent: send both, the call's own first."""
        own = self._fields.get("tools")
        if not own:
            return
        known = self.turn.memo.get("tools of agent")
        if known is None:
            path = f"/assistants/{self.turn.settings.agent.assistant_id}"
            agent = yield from self._get(path, "read the agent")
            known = agent.get("tools") or []
            self.turn.memo.put("tools of agent", known)
        names = {tool["function"]["name"] for tool in own}
        kept = [t for t in known if (t.get("function") or {}).get("name") not in names]
        self._fields["tools"] = [*own, *kept]

    # --- creating -------------------------------------------------------------------------------

    def start(self, whole: Sequence[Message]) -> Flow[None]:
        """Run on a new thread that holds `whole`. A lost one is an orphan nobody will use."""
        self.reader = self._new_reader(None)
        if self._needs_thread_first(whole):
            thread = yield from self._create_thread(whole)
            yield from self.run_on(thread, ())
            return
        try:
            yield from self._create_and_run(whole)
        except RateLimitError as limited:
            yield from self._run_again(limited)

    def _run_again(self, limited: RateLimitError) -> Flow[None]:
        """The run failed at the model's rate limit, its messages are stored: only run anew."""
        thread = limited.thread_id
        if thread is None or limited.run_id is None:
            raise limited  # refused before anything was stored
        self.reader = self._new_reader(thread)
        error = limited
        for retry in count(1):
            delay = delay_before(retry, error, self.turn.policy, self.turn.operation)
            if delay is None:
                raise error
            yield Sleep(delay, instead=error)
            self.reader = self._new_reader(thread)
            try:
                yield from self._post_run(thread, ())
            except RateLimitError as again:
                error = again
            else:
                return

    def _needs_thread_first(self, whole: Sequence[Message]) -> bool:
        # `/threads/runs` takes no `additional_instructions`, but `instructions`.
        return bool(system_text(whole)) and not self._replaces_instructions

    @property
    def _replaces_instructions(self) -> bool:
        return self.turn.settings.instructions_mode == "replace"

    def _create_and_run(self, whole: Sequence[Message]) -> Flow[None]:
        named = {OPERATION: self.turn.operation}
        thread = {"messages": encode_messages(whole), "metadata": named}
        body = {**self._run_fields(), "thread": thread}
        try:
            yield from self._run(Send("POST", "/threads/runs", dumps(body), stream=True))
        except BadRequestError as error:
            if not is_too_much(error):
                raise
            created = yield from self._create_thread_piecewise(whole)
            yield from self.run_on(created, ())

    def _create_thread(self, whole: Sequence[Message]) -> Flow[str]:
        try:
            return (yield from self._post_thread(whole))
        except BadRequestError as error:
            if not is_too_much(error):
                raise
            return (yield from self._create_thread_piecewise(whole))

    def _post_thread(self, messages: Sequence[Message]) -> Flow[str]:
        named = {OPERATION: self.turn.operation}
        body = dumps({"messages": encode_messages(messages), "metadata": named})
        reply = yield from self._post(Send("POST", "/threads", body), "create a thread")
        return str(read_object(reply)["id"])

    def _create_thread_piecewise(self, whole: Sequence[Message]) -> Flow[str]:
        """The caps on messages in one body are not documented: past them, one by one."""
        thread = yield from self._post_thread(())
        yield from self._post_messages(thread, whole)
        return thread

    def _post_messages(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        for message in encode_messages(messages):
            body = dumps({**message, "metadata": {OPERATION: self.turn.operation}})
            path = f"/threads/{thread}/messages"
            yield from self._post(Send("POST", path, body), "post a message")

    def run_on(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        """Run on `thread` after appending `messages`; a lost answer is looked for once.

        Raises:
            ConnectionLostError: The answer was lost, and no run of ours is on the thread.
        """
        self.reader = self._new_reader(thread)
        try:
            yield from self._post_run(thread, messages)
        except RateLimitError as limited:
            yield from self._run_again(limited)
        except BadRequestError as error:
            if not messages or not is_too_much(error):
                raise
            yield from self._post_messages(thread, messages)
            yield from self._post_run(thread, ())

    def _post_run(self, thread: str, messages: Sequence[Message]) -> Flow[None]:
        body = self._run_fields()
        encoded = encode_messages(messages)
        if encoded:
            body["additional_messages"] = encoded
        yield from self._run(Send("POST", f"/threads/{thread}/runs", dumps(body), stream=True))

    def _run(self, request: Send) -> Flow[None]:
        attempt = partial(self._stream, request)
        yield from retrying(attempt, self.turn, when=was_not_applied)

    def _post(self, request: Send, doing: str) -> Flow[Reply]:
        attempt = partial(self.send, request, doing)
        return (yield from retrying(attempt, self.turn, when=was_not_applied))

    def _run_fields(self) -> dict[str, Any]:
        text = system_text(self.turn.messages)
        if not text:
            return dict(self._fields)
        name = "instructions" if self._replaces_instructions else "additional_instructions"
        return {**self._fields, name: text}

    def submit(self, thread: str, run: str, outputs: Sequence[Message]) -> Flow[None]:
        """Hand the outputs of all calls to the paused run.

        Submitting twice is safe: a run that no longer waits refuses.
        """
        self.reader = self._new_reader(thread)
        self._told_before = _told_by(run, self.turn.messages)
        given = encode_outputs(outputs)
        self._answered = {answer["tool_call_id"] for kind in given.values() for answer in kind}
        body = dumps({**given, "stream": True})
        path = f"/threads/{thread}/runs/{run}/submit_tool_outputs"

        def attempt() -> Flow[None]:
            try:
                yield from self._stream(Send("POST", path, body, stream=True))
            except AzureAgentsError as error:
                if not is_unknown(error) or (yield from self._still_waits(thread, run)):
                    raise
                yield from self.follow(thread, run)

        yield from retrying(attempt, self.turn, when=may_pass)

    def _still_waits(self, thread: str, run: str) -> Flow[bool]:
        state = yield from self._get_run(thread, run)
        return bool(state.get("status") == "requires_action")

    def _stream(self, request: Send) -> Flow[None]:
        """Post and read to the end of the run; what was cut is followed if its run is known."""
        reader = self.reader
        try:
            yield from self.send(request, "run the agent", thread_id=reader.thread_id)
            yield Pump(reader)
            if not reader.is_done:
                raise ConnectionLostError("the stream ended before the run did")
        except AzureAgentsError as error:
            if not is_unknown(error):
                raise
            found = reader.run_id or (yield from self.ours_on(reader.thread_id))
            if found is None:
                error.add_facts(thread_id=reader.thread_id)
                raise
            yield from self.follow(reader.thread_id or "", found)
        self._raise_failure()

    def send(self, request: Send, doing: str, **facts: str | None) -> Flow[Reply]:
        """Send below the classic API version."""
        query = (("api-version", self.turn.settings.api_version), *request.query)
        versioned = Send(request.method, request.path, request.body, query, request.stream)
        return (yield from send(versioned, self.turn, doing, **facts))

    # --- finding out ----------------------------------------------------------------------------

    def _get(self, path: str, doing: str, *query: tuple[str, str]) -> Flow[JSON]:
        version = ("api-version", self.turn.settings.api_version)
        return (yield from fetch(path, self.turn, doing, (version, *query)))

    def _get_run(self, thread: str, run: str) -> Flow[JSON]:
        return (yield from self._get(f"/threads/{thread}/runs/{run}", "look for the run"))

    def ours_on(self, thread: str | None) -> Flow[str | None]:
        """The run on `thread` that carries this turn's operation key."""
        thread = thread or (yield from self._our_thread())
        if thread is None:
            return None
        self.reader.thread_id = thread
        page = yield from self.newest_runs(thread)
        for run in page:
            if (run.get("metadata") or {}).get(OPERATION) == self.turn.operation:
                return str(run["id"])
        return None

    def _our_thread(self) -> Flow[str | None]:
        """The thread that this turn created, where its id was lost with the answer."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        with suppress_but_deadline():  # the listing is Azure's own; without it nothing is found
            page = yield from self._get("/threads", "look for the thread", *query)
            for thread in page.get("data") or ():
                if (thread.get("metadata") or {}).get(OPERATION) == self.turn.operation:
                    return str(thread["id"])
        return None

    def newest_runs(self, thread: str) -> Flow[list[JSON]]:
        """The newest runs of a thread, newest first."""
        query = (("order", "desc"), ("limit", _LOOK_BACK))
        page = yield from self._get(f"/threads/{thread}/runs", "look for the run", *query)
        return list(page.get("data") or ())

    def follow(self, thread: str, run_id: str) -> Flow[None]:
        """Poll a run to its end (or pause) and tell what of its answer is still untold."""
        run = yield from poll(partial(self._get_run, thread, run_id), active=ACTIVE)
        messages = yield from self._messages_of(thread, run_id)
        messages = _after(self._told_before, messages)
        steps = (yield from self._steps_of(thread, run)) if _has_server_tools(run) else []
        announced = self.reader.run_id is not None
        self.reader = self._new_reader(thread)
        events = self.reader.read(run, messages, _since(self._answered, steps))
        yield Emit(events[1:] if announced else events)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self.reader.failure is not None:
            raise self.reader.failure

    def _messages_of(self, thread: str, run_id: str) -> Flow[list[JSON]]:
        query = (("order", "asc"), ("limit", "100"), ("run_id", run_id))
        page = yield from self._get(f"/threads/{thread}/messages", "read the answer", *query)
        return list(page.get("data") or ())

    def _steps_of(self, thread: str, run: JSON) -> Flow[list[JSON]]:
        query = (("order", "asc"), ("limit", "100"))
        path = f"/threads/{thread}/runs/{run['id']}/steps"
        page = yield from self._get(path, "read the steps", *query)
        return list(page.get("data") or ())

    # --- clean-up -------------------------------------------------------------------------------

    def delete_thread(self, thread: str | None) -> Flow[None]:
        """Delete a thread, if one is known, as well as possible: nobody will use it again."""
        if thread is None:
            return
        version = (("api-version", self.turn.settings.api_version),)
        with suppress_but_deadline():
            yield Send("DELETE", f"/threads/{thread}", query=version)

    def abandon(self) -> Flow[None]:
        """The caller is gone or out of time: stop what still runs. Called once, bounded."""
        thread, run = self.reader.thread_id, self.reader.run_id
        if thread is None or self.reader.is_done:
            return
        run = run or (yield from self.ours_on(thread))
        if run is not None:
            yield from self.cancel(thread, run)

    def cancel(self, thread: str, run: str) -> Flow[None]:
        """Ask the service to stop a run; what it answers does not matter."""
        yield Send(
            "POST",
            f"/threads/{thread}/runs/{run}/cancel",
            query=(("api-version", self.turn.settings.api_version),),
        )


def _told_by(run: str, messages: Sequence[Message]) -> str:
    """What a paused run has told; each of its pauses made an answer of its own."""
    answers = [m for m in messages if m.role == "assistant"]
    anchors = [parse_anchor(m.anchor) for m in answers]
    told = [m.text for m, a in zip(answers, anchors, strict=True) if a and a.head == run]
    return "".join(told or [m.text for m in answers[-1:]])


def _after(told: str, messages: list[JSON]) -> list[JSON]:
    """The messages of a run that came after it had told `told` and paused."""
    wanted = _squeezed(told)
    for index in range(len(messages) + 1):
        if _squeezed("".join(map(message_text, messages[:index]))) == wanted:
            return messages[index:]
    return messages


def _squeezed(text: str) -> str:
    """A text without white space, which frameworks strip from the ends of each answer."""
    return "".join(text.split())


def _has_server_tools(run: JSON) -> bool:
    return any(tool.get("type") != "function" for tool in run.get("tools") or ())


def _since(answered: set[str], steps: list[JSON]) -> list[JSON]:
    """The steps of a run from the one on that it had paused in."""
    for index in reversed(range(len(steps))):
        calls = (steps[index].get("step_details") or {}).get("tool_calls") or ()
        if any(call.get("id") in answered for call in calls):
            return steps[index:]
    return steps


def is_busy(error: AzureAgentsError) -> bool:
    """Another run is active on the thread (both sentences quoted in public issue threads)."""
    if not isinstance(error, BadRequestError):
        return False
    text = error.message
    return "already has an active run" in text or ("while a run" in text and "is active" in text)


def is_too_much(error: BadRequestError) -> bool:
    """The body holds more messages, or longer ones, than one request may. The words are a guess."""
    words = ("maxitems", "too many", "too long", "too large", "at most", "maximum")
    return "messages" in f"{error.param} {error.message}" and any(
        word in error.message.lower() for word in words
    )
