"""Each stream ends exactly once: every fault, at every byte, for every kind of stream.

The application runs in process on answers that are played, so that a cut at each byte takes a
second and no clock is waited for. Sockets have tests of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from azure_agents.errors import AzureAgentsError, ConnectionLostError, ProtocolError, TimedOutError
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.exchange import Call, Incoming
from azure_agents.gateway.upstream import Upstream

from .conftest import HELLO
from .test_frames import CHAT, DONE, ERROR, FILTER, FINISH, MESSAGES, RESPONSE, ROLE, USAGE, WORD
from .test_streams_end import Client

TEXT = CHAT.replace(ROLE, b"").replace(
    WORD, 'data: {"choices":[{"index":0,"text":"Grüße"}]}\n\n'.encode()
)
SAID = b"event: error\ndata: "
KINDS: dict[str, tuple[str, bytes, bytes]] = {
    # path, a good stream, an error event
    "chat": ("/v1/chat/completions", CHAT, ERROR),
    "text": ("/v1/completions", TEXT, ERROR),
    "responses": (
        "/v1/responses",
        RESPONSE,
        SAID + b'{"type":"error","code":"server_error","message":"broke"}\n\n',
    ),
    "messages": (
        "/v1/messages",
        MESSAGES,
        SAID + b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
    ),
}
WHERE = 'api_base: "http://127.0.0.1:9", api_key: k'
CONFIG = f"""
model_list:
  - {{model_name: gpt, litellm_params: {{model: azure/dep, {WHERE}}}}}
  - {{model_name: claude, litellm_params: {{model: azure_ai/claude-x, {WHERE}}}}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


class Played(Incoming):
    """An answer that was written down: pieces, then its end, an error, or silence."""

    def __init__(self, pieces: Sequence[bytes], end: AzureAgentsError | str | None) -> None:
        self.status, self.headers = 200, {"content-type": "text/event-stream"}
        self._pieces, self._end = [one for one in pieces if one], end
        self.closed = self.finished = False

    async def read(self) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        if self._end == "silence":
            await asyncio.Event().wait()
        if isinstance(self._end, AzureAgentsError):
            raise self._end
        return b""

    def finish(self) -> None:
        self.finished = True

    def close(self) -> None:
        self.closed = True


class Stage:
    """The application in front of what is played next."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.application = Application(read_config(CONFIG))
        self.next: Played | None = None

        async def ask(_: Upstream, __: Call, ___: str) -> Incoming:
            assert self.next is not None
            return self.next

        monkeypatch.setattr(Upstream, "ask", ask)

    def client(self, kind: str, **more: Any) -> Client:
        model = "claude" if kind == "messages" else "gpt"
        asked = {"messages": HELLO, "prompt": "Hi", "input": "Hi", "max_tokens": 9}
        taken = {
            "chat": ("messages",),
            "text": ("prompt",),
            "responses": ("input",),
            "messages": ("messages", "max_tokens"),
        }
        given = {name: asked[name] for name in taken[kind]}
        if kind in ("chat", "text"):
            given["stream_options"] = {"include_usage": True}
        return Client({"model": model, "stream": True, **given, **more}, KINDS[kind][0])

    async def play(self, kind: str, pieces: Sequence[bytes], end: Any, **more: Any) -> Client:
        self.next = Played(pieces, end)
        client = await self.client(kind, **more).ask(self.application)
        assert self.next.closed or self.next.finished
        return client

    @property
    def running(self) -> int:
        board = self.application._serving.board
        return sum(board.engine.desk.counts.running(one) for one in board.deployments)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """One for each test."""
    return Stage(monkeypatch)


def ends_of(text: bytes) -> list[str]:
    """The terminal frames of a stream; a half event is one too many."""
    found = [] if text.endswith(b"\n\n") else ["half an event"]
    for event in text.split(b"\n\n")[:-1]:
        data = event.rpartition(b"data: ")[2]
        read = {} if data == b"[DONE]" else json.loads(data)
        kind = str(read.get("type", ""))
        if data == b"[DONE]" or kind in ("message_stop", "response.completed"):
            found.append("end")
        elif "error" in read or kind in ("error", "response.failed"):
            found.append("error")
    return found


def judged(client: Client) -> str:
    """How a stream ended: "end", "error", or a status; anything else is wrong."""
    if client.ends != 1:
        return f"{client.ends} ends"
    if client.status != 200:
        return str(client.status) if b"error" in client.text else "no error"
    return " and ".join(ends_of(client.text)) or "no end"


@pytest.mark.parametrize("kind", KINDS)
async def test_two_reads_are_as_good_as_one(kind: str, stage: Stage) -> None:
    """Cut into two at every byte, and into single bytes: the same bytes, and one end."""
    whole = KINDS[kind][1]
    cuts = [[whole[:at], whole[at:]] for at in range(len(whole))]
    cuts.append([whole[at : at + 1] for at in range(len(whole))])
    played = [await stage.play(kind, pieces, None) for pieces in cuts]
    wrong = [at for at, one in enumerate(played) if (judged(one), one.text) != ("end", whole)]
    assert [] == wrong


LOST = [ConnectionLostError("cut"), TimedOutError("late"), ProtocolError("not HTTP"), None]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", LOST, ids=["cut", "late", "not HTTP", "ended"])
async def test_a_stream_that_stops_at_any_byte_ends_once(
    kind: str, end: AzureAgentsError | None, stage: Stage
) -> None:
    """With an error, but where all was there; a status where nothing had been said."""
    whole = KINDS[kind][1]
    last = whole.removesuffix(b"\n\n").rindex(b"\n\n") + 2
    found = [judged(await stage.play(kind, [whole[:at]], end)) for at in range(len(whole))]
    allowed = {"error", "502", "504"}
    # Clean ends only: a chat whose choices finished, or whose last event lacks its line break.
    extra = {"end"} if end is None else set()
    assert set() == {*found[:last]} - allowed - (extra if kind in ("chat", "text") else set())
    assert set() == {*found[last:]} - allowed - extra
    assert 0 == stage.running


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_event_at_any_place_is_the_only_end(kind: str, stage: Stage) -> None:
    """In a 200, in the same read as the rest, and with more behind it."""
    _, whole, error = KINDS[kind]
    events = [one + b"\n\n" for one in whole.split(b"\n\n")[:-1]]
    found = set()
    for at in range(len(events)):
        before, rest = b"".join(events[:at]), b"".join(events[at:])
        for pieces in ([before + error + rest], [before, error, rest], [before, error + rest]):
            found.add(judged(await stage.play(kind, pieces, None)))
    assert "error" in found
    assert found <= {"error", "429", "500", "502", "503", "529"}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_no_json_does_not_end_a_stream_twice(kind: str, stage: Stage) -> None:
    """It passes like all that is not read; the end is the upstream's."""
    whole, broken = KINDS[kind][1], b'data: {"choices":[}\n\n'
    events = [one + b"\n\n" for one in whole.split(b"\n\n")[:-1]]
    for at in range(len(events)):
        played = b"".join([*events[:at], broken, *events[at:]])
        client = await stage.play(kind, [played], None)
        assert whole == client.text.replace(broken, b"")
        assert 1 == client.ends


FILTERED = [
    # What Azure sends of a filter: results before the answer, a finish, or an error in their place.
    ([FILTER, ROLE, WORD, FINISH.replace(b"stop", b"content_filter"), DONE], "end"),
    ([FILTER, FILTER, FINISH.replace(b"stop", b"content_filter"), DONE], "end"),
    ([FILTER, b'data: {"error":{"code":"content_filter","message":"no","status":400}}\n\n'], "400"),
]


@pytest.mark.parametrize(("events", "ended"), FILTERED)
async def test_a_filter_ends_a_stream_once(events: list[bytes], ended: str, stage: Stage) -> None:
    """Before the first content it has the status of a filter."""
    whole = b"".join(events)
    for pieces in ([whole], events, [whole[at : at + 1] for at in range(len(whole))]):
        assert ended == judged(await stage.play("chat", pieces, None))


async def test_choices_that_finish_without_done(stage: Stage) -> None:
    """The end is added once all of them have; one that is missing was cut."""
    second = FINISH.replace(b'"index":0', b'"index":1')
    both = await stage.play("chat", [ROLE + WORD + FINISH + second], None, n=2)
    assert ("end", ROLE + WORD + FINISH + second + DONE) == (judged(both), both.text)
    one = await stage.play("chat", [ROLE + WORD + FINISH], None, n=2)
    assert "error" == judged(one)


async def test_done_twice_is_said_once(stage: Stage) -> None:
    """Also in another read, and with comments between."""
    for behind in ([DONE], [b": bye\n\n" + DONE], [WORD, DONE]):
        client = await stage.play("chat", [CHAT, *behind], None)
        assert CHAT == client.text


@pytest.mark.parametrize(
    "comment", [b": PROCESSING\n\n", b": PROCESSING\n", b":\n\n", b"data:\n\n"]
)
async def test_what_only_keeps_a_stream_alive_stays_what_it_is(
    comment: bytes, stage: Stage
) -> None:
    """A comment or an empty event of the upstream is no content and no end."""
    for events in ([comment, ROLE, WORD], [ROLE, comment, WORD], [ROLE, WORD, comment]):
        whole = b"".join([*events, FINISH, DONE])
        client = await stage.play(
            "chat", [whole[at : at + 7] for at in range(0, len(whole), 7)], None
        )
        assert (whole, 1) == (client.text, client.ends)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_client_that_leaves_at_any_event(kind: str, stage: Stage) -> None:
    """The upstream is closed, and what had begun to answer is booked."""
    whole = KINDS[kind][1]
    events = [one + b"\n\n" for one in whole.split(b"\n\n")[:-1]]
    for at in range(len(events)):
        stage.next = played = Played(events[:at], "silence")
        client = stage.client(kind)
        asking = asyncio.create_task(client.ask(stage.application))
        for _ in range(20):
            await asyncio.sleep(0)
        client.leave()
        await asyncio.wait_for(asking, 5)
        assert (True, False, 0) == (played.closed, played.finished, client.ends)
    assert 0 == stage.running
    assert b'status="499"} %d.0' % len(events) in stage.application._metrics.text()
    assert 0 < sum(row["calls"] for row in stage.application._ledger.rows()) < len(events)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_stream_that_the_server_cancels_says_so(kind: str, stage: Stage) -> None:
    """As it does where the time is over that streams have to finish after SIGTERM."""
    whole = KINDS[kind][1]
    begun = whole[: whole.removesuffix(b"\n\n").rindex(b"\n\n") + 2]
    stage.next = Played([begun], "silence")
    client = stage.client(kind)
    asking = asyncio.create_task(client.ask(stage.application))
    for _ in range(20):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert ("error", True, 0) == (judged(client), stage.next.closed, stage.running)


def test_the_table_has_every_end() -> None:
    """The judge sees what it is to see."""
    assert ["end"] == ends_of(CHAT)
    assert ["end", "end"] == ends_of(CHAT + DONE)
    assert ["error", "end"] == ends_of(ERROR + DONE)
    assert ["half an event", "end"] == ends_of(CHAT + USAGE[:9])
