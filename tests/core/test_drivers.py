"""Both drivers against a peer on real sockets: flows, broken connections, bodies."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from typing import Any

import pytest

from azure_agents.errors import ConnectionLostError, NotSentError
from azure_agents.protocols.commands import Flow, Reply, Route, Send
from azure_agents.protocols.sse import ServerSentEvent

from .peer import (
    EVENT_STREAM,
    POST,
    PROJECT,
    STREAM,
    Act,
    Peer,
    Run,
    answer,
    asking,
    chunk,
    head,
    outcomes,
    send,
    silence,
    stream,
    then,
)

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def reset(*pieces: bytes | float) -> Act:
    """Send these and break the connection with a RST."""

    def act(connection: socket.socket) -> None:
        send(*pieces)(connection)
        time.sleep(0.05)  # what was sent shall be read before the reset overtakes it
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return act


GET = Send("GET", Route("/threads"))


LOST: list[Any] = [
    pytest.param([reset()], POST, id="reset before the head"),
    pytest.param([send()], POST, id="closed before the head"),
    pytest.param([reset(b"HTTP/1.1 200 OK\r\nconte")], POST, id="reset in the head"),
    pytest.param([send(b"HTTP/1.1 200 OK\r\nconte")], POST, id="closed in the head"),
    pytest.param([send(b"garbage\r\n\r\n")], POST, id="no HTTP"),
    pytest.param([send(head("content-length: 9") + b"{}")], POST, id="closed in the body"),
    pytest.param([reset(head("content-length: 9") + b"{}")], POST, id="reset in the body"),
    pytest.param(
        [answer(b"not gzip", "content-encoding: gzip")], POST, id="a body that cannot be unpacked"
    ),
    pytest.param([reset()], STREAM, id="a stream is reset before its head"),
]


@pytest.mark.parametrize(("script", "command"), LOST)
def test_an_answer_that_is_lost_is_not_a_request_that_was_not_sent(
    run: Run, script: list[Act], command: Send
) -> None:
    """Once a request was sent its fate is unknown, whatever the transport calls the failure."""
    with Peer(script) as peer:
        assert ([ConnectionLostError], 1) == (outcomes(run, peer, command), len(peer.asked))


@pytest.mark.parametrize(
    "breaks", [send(), reset()], ids=["closed on the second request", "reset on the second request"]
)
def test_a_kept_connection_may_break_under_a_request(run: Run, breaks: Act) -> None:
    """A server that closes a kept connection loses the answer, and nobody sends it again."""
    with Peer([answer(), breaks, answer()]) as peer:
        assert [200, ConnectionLostError] == outcomes(run, peer, POST, POST)
        assert ([1, 1], 2) == ([asked.connection for asked in peer.asked], len(peer.asked))


def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(run: Run) -> None:
    """A connection that the server has closed between two requests is noticed and replaced."""

    def flow(box: list[Any]) -> Flow[None]:
        yield from asking(box, POST)
        time.sleep(0.2)
        yield from asking(box, GET)

    with Peer([answer(keep=False), answer()]) as peer:
        box: list[Any] = []
        run(flow(box), peer.url)
        assert [200, 200] == [reply.status for reply in box]


def test_a_refused_connection_was_not_used(run: Run) -> None:
    """Nobody listens: nothing was sent, so trying again is always safe."""
    with Peer([]) as peer:
        pass
    assert [NotSentError, NotSentError] == outcomes(run, peer, POST, STREAM)


CUTS: list[Any] = [
    pytest.param([stream(b"data: 1\n\n", 0.05, end=False)], id="closed"),
    pytest.param([reset(EVENT_STREAM, chunk(b"data: 1\n\n"))], id="reset"),
]


@pytest.mark.parametrize("script", CUTS)
def test_a_stream_that_is_cut_says_so_after_what_came(run: Run, script: list[Act]) -> None:
    """Events before the cut are delivered, then the flow is told of it."""
    with Peer(script) as peer:
        box: list[Any] = []
        events = run(asking(box, STREAM, pump=True), peer.url)
        assert ([ServerSentEvent("message", b"1")], [Reply, ConnectionLostError]) == (
            events,
            [type(told) for told in box],
        )


END = b"event: end\ndata: 1\n\n"


ENDS: list[Any] = [
    pytest.param([stream(END)], id="whole"),
    pytest.param([stream(END, end=False)], id="closed without the last chunk"),
    pytest.param([reset(EVENT_STREAM, chunk(END))], id="reset"),
    pytest.param([then(stream(END, end=False), silence)], id="left open"),
]


@pytest.mark.slow
@pytest.mark.parametrize("script", ENDS)
def test_after_the_final_event_the_rest_does_not_matter(run: Run, script: list[Act]) -> None:
    """An answer that is whole is not lost over the end of its stream, nor waited for long."""
    with Peer(script) as peer:
        start = time.monotonic()
        assert [200] == outcomes(run, peer, STREAM)
        assert time.monotonic() - start < 15


EVENTS = [ServerSentEvent("a", "é😀".encode()), ServerSentEvent("message", b"2")]
RAW = "event: a\r\ndata: é😀\r\n\r\n: ping\n\ndata: 2\n\n".encode()


ZIPPED = gzip.compress(RAW)


BODIES: list[Any] = [
    pytest.param([stream(RAW)], id="one chunk"),
    pytest.param([stream(*(RAW[i : i + 1] for i in range(len(RAW))))], id="a byte a chunk"),
    pytest.param([stream(RAW[:12], 0.1, RAW[12:14], 0.1, RAW[14:])], id="slow"),
    pytest.param([send(head("content-type: text/event-stream") + RAW)], id="until the close"),
    pytest.param(
        [
            send(
                head("transfer-encoding: chunked", "content-encoding: gzip"),
                *(chunk(ZIPPED[i : i + 5]) for i in range(0, len(ZIPPED), 5)),
                chunk(b""),
            )
        ],
        id="gzip",
    ),
]


@pytest.mark.parametrize("script", BODIES)
def test_the_events_of_a_stream_do_not_depend_on_the_wire(run: Run, script: list[Act]) -> None:
    """Chunked by bytes, slow or compressed, a stream has the same events."""
    with Peer(script) as peer:
        assert EVENTS == run(asking([], STREAM, pump=True), peer.url)


@pytest.mark.parametrize(
    "act",
    [answer(b'{"a":1}'), answer(gzip.compress(b'{"a":1}'), "content-encoding: gzip")],
    ids=["plain", "gzip"],
)
def test_an_answer_is_read_whole(run: Run, act: Act) -> None:
    """The body of an answer arrives unpacked, with its headers in lower case."""
    with Peer([act]) as peer:
        box: list[Reply] = []
        run(asking(box, POST), peer.url)
        assert [(200, b'{"a":1}', False)] == [(r.status, r.body, r.is_open) for r in box]


def test_a_stream_that_is_refused_has_a_body(run: Run) -> None:
    """An error status instead of a stream is read whole: its body says why."""
    with Peer([answer(b'{"error":{}}', status="429 Too Many", keep=True)]) as peer:
        box: list[Reply] = []
        run(asking(box, STREAM, pump=True), peer.url)
        assert [(429, b'{"error":{}}', False)] == [(r.status, r.body, r.is_open) for r in box]


def test_connections_are_kept(run: Run) -> None:
    """Answers and streams that were read to their end leave the connection for the next."""
    with Peer([answer(), stream(END), answer()]) as peer:
        outcomes(run, peer, POST, STREAM, GET)
        assert [1, 1, 1] == [asked.connection for asked in peer.asked]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirects_are_not_followed(run: Run, status: str) -> None:
    """A redirect is an answer like any other; the credential goes nowhere else."""
    with Peer([answer()]) as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.port}{PROJECT}/threads"
        with Peer([answer(b"", location, status=status)]) as peer:
            assert [int(status[:3])] == outcomes(run, peer, POST)
            assert ("canary", []) == (peer.asked[0].headers["api-key"], elsewhere.asked)
