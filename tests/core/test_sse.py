"""The push decoder of server-sent events: no boundary between two pushes may matter."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import ProtocolError
from azure_agents.protocols.sse import ServerSentEvent, SSEDecoder

from ..covering import case

Event = ServerSentEvent


def decode(*pushes: bytes, limit: int = 1_000_000) -> list[ServerSentEvent]:
    """Decode a stream that arrives in these pushes."""
    decoder = SSEDecoder(limit)
    return [event for data in pushes for event in decoder.feed(data)]


CASES = [
    pytest.param(b"", [], id="nothing"),
    pytest.param(b"data: 1\n\n", [Event("message", b"1")], id="unnamed"),
    pytest.param(b"event: a\ndata: 1\n\n", [Event("a", b"1")], id="named"),
    pytest.param(b"data: 1\nevent: a\n\n", [Event("a", b"1")], id="name after data"),
    pytest.param(b"event: a\nevent: b\ndata: 1\n\n", [Event("b", b"1")], id="last name wins"),
    pytest.param(b"event:a\ndata:1\n\n", [Event("a", b"1")], id="no space"),
    pytest.param(b"event:  a\ndata:  1\n\n", [Event(" a", b" 1")], id="only one space is skipped"),
    pytest.param(b"data: a\ndata: b\n\n", [Event("message", b"a\nb")], id="two data lines"),
    pytest.param(b"data: a\ndata:\ndata\n\n", [Event("message", b"a\n\n")], id="empty data lines"),
    pytest.param(b"data\n\n", [Event("message", b"")], id="data without a colon"),
    pytest.param(b"data: a:b: c\n\n", [Event("message", b"a:b: c")], id="colons in the value"),
    pytest.param(b"data: 1\r\n\r\n", [Event("message", b"1")], id="CRLF"),
    pytest.param(b"data: 1\r\r", [Event("message", b"1")], id="lone CR"),
    pytest.param(b"event: a\rdata: 1\r\n\n", [Event("a", b"1")], id="all three line ends"),
    pytest.param(b"\xef\xbb\xbfdata: 1\n\n", [Event("message", b"1")], id="BOM"),
    pytest.param(b"data: 1\n\n\xef\xbb\xbfdata: 2\n\n", [Event("message", b"1")], id="late BOM"),
    pytest.param(b": hello\ndata: 1\n:\n\n", [Event("message", b"1")], id="comments"),
    pytest.param(b": ping\n\n: ping\n\n", [], id="comments only"),
    pytest.param(b"event: a\n\ndata: 1\n\n", [Event("message", b"1")], id="event without data"),
    pytest.param(b"id: 7\nretry: 10\nfoo: x\ndata: 1\n\n", [Event("message", b"1")], id="fields"),
    pytest.param(b"dataset: 1\nDATA: 2\n data: 3\n\n", [], id="not quite data"),
    pytest.param(b"\n\n\ndata: 1\n\n\n\n", [Event("message", b"1")], id="many blank lines"),
    pytest.param(b"data: 1\n", [], id="end without a blank line"),
    pytest.param(
        "data: a\u2028b\u0085c\x0bd\n\n".encode(),
        [Event("message", "a\u2028b\u0085c\x0bd".encode())],
        id="no line ends in U+2028, U+0085 and VT",
    ),
    pytest.param("event: é\ndata: €😀\n\n".encode(), [Event("é", "€😀".encode())], id="UTF-8"),
    pytest.param(b"event: \xff\ndata: \xff\n\n", [Event("\ufffd", b"\xff")], id="not UTF-8"),
]
RICH = (
    '\ufeffevent: first\r\ndata: {"text": "Grüße 😀\u2028"}\r\n\r\n'
    ": keep-alive\r\n\r\n"
    "event: second\rdata: one\rdata: two\r\r"
    "event: nothing\n\n"
    "data: third\r\n\n"
    "event: done\ndata: [DONE]\n\n"
).encode()
RICH_EVENTS = [
    Event("first", '{"text": "Grüße 😀\u2028"}'.encode()),
    Event("second", b"one\ntwo"),
    Event("message", b"third"),
    Event("done", b"[DONE]"),
]


@pytest.mark.parametrize(("raw", "events"), CASES)
def test_events_are_those_of_the_standard(raw: bytes, events: list[ServerSentEvent]) -> None:
    """Names, data, comments and line ends are read as the WHATWG rules say."""
    assert events == decode(raw)


@pytest.mark.parametrize(("raw", "events"), CASES)
def test_one_byte_at_a_time_gives_the_same_events(
    raw: bytes, events: list[ServerSentEvent]
) -> None:
    """The smallest pushes give what one push gives."""
    assert events == decode(*(raw[i : i + 1] for i in range(len(raw))))


def test_chunk_boundaries_do_not_matter() -> None:
    """A cut at any byte - inside CRLF, the BOM or a character - changes nothing."""
    for cut in range(len(RICH) + 1):
        with case(f"cut at byte {cut}"):
            assert RICH_EVENTS == decode(RICH[:cut], RICH[cut:])


@given(st.lists(st.integers(0, len(RICH)), max_size=12).map(sorted))
def test_any_split_gives_equal_events(cuts: list[int]) -> None:
    """Any number of cuts, empty pushes included, changes nothing."""
    bounds = [0, *cuts, len(RICH)]
    assert RICH_EVENTS == decode(*(RICH[a:b] for a, b in pairwise(bounds)))


PIECES = [b"\r", b"\n", b"\r\n", b"data: x", b"data", b"event: e", b":", b"\xef\xbb\xbf", b"\xc3"]


@given(st.lists(st.sampled_from(PIECES), max_size=20), st.data())
def test_any_split_of_any_stream_gives_equal_events(
    pieces: list[bytes], data: st.DataObject
) -> None:
    """What a stream means does not depend on how it was cut, however odd it is."""
    raw = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    bounds = [0, *cuts, len(raw)]
    assert decode(raw) == decode(*(raw[a:b] for a, b in pairwise(bounds)))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_stream(raw: bytes) -> None:
    """No bytes make the decoder fail, and cutting them changes nothing."""
    half = len(raw) // 2
    assert decode(raw) == decode(raw[:half], raw[half:])


def test_an_event_comes_out_with_its_last_byte() -> None:
    """Nothing is held back: the event is there as soon as its blank line is, also at a lone CR."""
    decoder = SSEDecoder()
    assert [[], [], [Event("message", b"1")], []] == [
        decoder.feed(data) for data in (b"data: 1", b"\r\n", b"\r", b"\n")
    ]


SIZES = [
    pytest.param(b"data: 12345678901234\n\n", True, id="a line of the limit"),
    pytest.param(b"data: 123456789012345\n\n", False, id="a line beyond it"),
    pytest.param(b"data: 1234\ndata: 5678\n\n", True, id="lines that add up to the limit"),
    pytest.param(b"data: 1234\ndata: 56789\n\n", False, id="lines that add up beyond it"),
    pytest.param(b"data: 1234\n\n" * 20, True, id="a long stream of short events"),
    pytest.param(b": ping\n" * 20, True, id="comments without end"),
    pytest.param(b": 123456789012345678\n\n", True, id="a comment of the limit"),
    pytest.param(b": 1234567890123456789\n\n", False, id="a comment beyond it"),
    pytest.param(b"123456789012345678901", False, id="a line that never ends"),
    pytest.param(b"event: 1234567\ndata: 1\n\n", True, id="a name below it"),
]


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(("raw", "fits"), SIZES)
def test_an_event_has_a_size_limit(raw: bytes, fits: bool, step: int) -> None:
    """What is too large is refused, however it is cut, and nothing else is."""
    pushes = [raw[i : i + step] for i in range(0, len(raw), step)]
    refused = pytest.raises(ProtocolError, match="a server-sent event is larger than 20 bytes")
    with nullcontext() if fits else refused:
        decode(*pushes, limit=20)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [b"xx", b"data:x\n", b"data:x\r\n"], ids=["line", "lines", "CRLF"]
)
def test_tiny_pushes_of_a_huge_event_take_no_more_memory(piece: bytes) -> None:
    """A piece in a list takes twenty times its size; these go into one buffer."""
    decoder = SSEDecoder()
    pushes = 100_000
    tracemalloc.start()
    try:
        for _ in range(pushes):
            decoder.feed(piece)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * pushes * len(piece)


def test_tiny_pushes_of_a_huge_event_give_it_whole() -> None:
    """Many pushes and one push of a large event mean the same."""
    raw = b"data: " + b"0123456789" * 20_000 + b"\n\n"
    assert decode(raw) == decode(*(raw[i : i + 16] for i in range(0, len(raw), 16)))
