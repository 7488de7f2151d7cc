"""`stop`, cut on our side: the answer ends before the first sequence, however it was streamed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.content.stop import StopCut
from azure_agents.errors import InvalidRequestError
from azure_agents.events import (
    Citation,
    Event,
    Finished,
    Other,
    Progress,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from azure_agents.fold import fold

WHOLE = Finished("stop", "completed", anchor="fa1.x")
CUT = Finished("stop", "completed", anchor=None)


def cut(stop: tuple[str, ...], *events: Event) -> list[Event]:
    """The events that are delivered."""
    cutter = StopCut(stop)
    return [kept for event in events for kept in cutter.feed(event)]


def texts(*pieces: str) -> list[TextDelta]:
    """Pieces of one answer text."""
    return [TextDelta(piece, "m", 0) for piece in pieces]


TEXTS = [
    pytest.param(("X",), ["ab", "cd"], "abcd", WHOLE, id="not met"),
    pytest.param(("X",), ["abXcd"], "ab", CUT, id="inside one delta"),
    pytest.param(("END",), ["aE", "N", "Db"], "a", CUT, id="over three deltas"),
    pytest.param(("END",), ["aE", "N", "db"], "aENdb", WHOLE, id="only the beginning of one"),
    pytest.param(("END",), ["aEN"], "aEN", WHOLE, id="ends with the beginning of one"),
    pytest.param(("b", "a"), ["xab"], "x", CUT, id="the first in the text counts"),
    pytest.param(("bcd", "c"), ["abcd"], "ab", CUT, id="the one that is complete first counts"),
    pytest.param(("bc", "c"), ["abc"], "a", CUT, id="of two that end together, the longer one"),
    pytest.param(("X",), ["X", "abc"], "", CUT, id="at the very beginning"),
    pytest.param(("\n\n",), ["a\n", "\nb"], "a", CUT, id="white space"),
    pytest.param(("ö€",), ["a", "ö", "€"], "a", CUT, id="beyond ASCII"),
]


@pytest.mark.parametrize(("stop", "pieces", "text", "finished"), TEXTS)
def test_the_answer_ends_before_the_first_sequence(
    stop: tuple[str, ...], pieces: list[str], text: str, finished: Finished
) -> None:
    """Text before a sequence is delivered; a cut answer ends with `stop` and has no anchor."""
    *events, last = cut(stop, *texts(*pieces), WHOLE)
    assert (text, finished) == ("".join(e.text for e in events if isinstance(e, TextDelta)), last)


CALL = ToolCallDelta(0, "call_1", "f", "{}")
USAGE = Usage(1, 2, 3)
CITED = Citation("url", "m", 0, 0, 2)
EVENTS = [
    pytest.param(
        [Started("t"), *texts("aENDb"), CALL, Other("x", {}), CITED, USAGE],
        [Started("t"), *texts("a"), USAGE, CUT],
        id="after a cut only usage comes",
    ),
    pytest.param(
        [*texts("ab"), CALL, USAGE],
        [*texts("a"), *texts("b"), CALL, USAGE, WHOLE],
        id="held text comes before a call",
    ),
    pytest.param(
        [*texts("aE"), CALL, *texts("ND")],
        [*texts("a"), *texts("E"), CALL, *texts("N"), *texts("D"), WHOLE],
        id="no sequence spans a call",
    ),
    pytest.param(
        [*texts("aE"), CITED, *texts("ND")],
        [*texts("a"), CUT],
        id="a sequence spans a citation",
    ),
    pytest.param(
        [*texts("abE"), CITED, *texts("nd")],
        [*texts("a"), *texts("b"), *texts("E"), CITED, *texts("n"), *texts("d"), WHOLE],
        id="a citation comes after its text",
    ),
    pytest.param(
        [*texts("abc"), Progress("1", "x", "searching")],
        [*texts("a"), Progress("1", "x", "searching"), *texts("bc"), WHOLE],
        id="progress waits for nothing",
    ),
    pytest.param(
        [ReasoningDelta("END")],
        [ReasoningDelta("END"), WHOLE],
        id="reasoning is not the answer",
    ),
]


def merged(events: list[Event]) -> list[Event]:
    """Adjacent deltas of one text as one."""
    out: list[Event] = []
    for event in events:
        if isinstance(event, TextDelta) and out and isinstance(out[-1], TextDelta):
            out[-1] = TextDelta(out[-1].text + event.text, event.item, event.part)
        else:
            out.append(event)
    return out


@pytest.mark.parametrize(("events", "delivered"), EVENTS)
def test_other_events_keep_their_place(events: list[Event], delivered: list[Event]) -> None:
    """What is not text stays in order, and what follows a cut is not delivered."""
    assert merged(delivered) == merged(cut(("END",), *events, WHOLE))


def test_nothing_is_delivered_that_may_have_to_be_taken_back() -> None:
    """One character less than the longest sequence is held back."""
    cutter = StopCut(("END", "."))
    assert [texts("abc"), [], texts("EN", "d"), texts("EN")] == [
        cutter.feed(TextDelta("abcEN", "m", 0)),
        cutter.feed(TextDelta("", "m", 0)),
        cutter.feed(TextDelta("dEN", "m", 0)),
        cutter.feed(WHOLE)[:-1],
    ]


@given(
    st.text("abX", max_size=30),
    st.lists(st.text("abX", min_size=1, max_size=4), min_size=1, max_size=3).map(tuple),
    st.lists(st.integers(0, 30), max_size=6).map(sorted),
)
def test_how_the_text_is_streamed_does_not_matter(
    text: str, stop: tuple[str, ...], bounds: list[int]
) -> None:
    """Any split gives the same answer as the whole text at once, also where sequences overlap."""
    pieces = [text[a:b] for a, b in zip([0, *bounds], [*bounds, len(text)], strict=True)]
    whole = fold(cut(stop, *texts(text), WHOLE))
    streamed = fold(cut(stop, *texts(*pieces), WHOLE))
    ends = [(text.find(one) + len(one), text.find(one)) for one in stop if one in text]
    _, start = min(ends, default=(0, len(text)))
    assert (text[:start],) * 2 == (whole.text, streamed.text)


def test_an_empty_sequence_is_refused() -> None:
    """An empty sequence would end every answer at once."""
    with pytest.raises(InvalidRequestError, match=r"none of them empty, got \('a', ''\)"):
        StopCut(("a", ""))
