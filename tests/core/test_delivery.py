"""Joining several sources of one answer: text already delivered binds, and nothing comes twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import ProtocolError, StreamInterruptedError
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    Finished,
    MediaOutput,
    Other,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    TextDelta,
    ToolCallDelta,
)
from azure_agents.fold import fold
from azure_agents.protocols.delivery import Attempt, Delivered


def text(*pieces: str, item: str = "m", part: int = 0) -> list[Event]:
    """Deltas of one text."""
    return [TextDelta(piece, item, part) for piece in pieces]


def call(arguments: str, *, name: str = "f", id: str = "call_1", index: int = 0) -> ToolCallDelta:
    """The first delta of a call."""
    return ToolCallDelta(index, id, name, arguments)


def more(arguments: str, index: int = 0) -> ToolCallDelta:
    """A further delta of a call."""
    return ToolCallDelta(index, "", "", arguments)


def deliver(*sources: list[Event], settle: bool = True) -> list[list[Event]]:
    """What each source adds; all but the last are cut, the last is whole."""
    delivered = Delivered()
    attempts = [Attempt(delivered)]
    added = [attempts[0].take_all(sources[0])]
    for source in sources[1:]:
        attempts.append(Attempt(delivered))
        added.append(attempts[-1].take_all(source))
    if settle:
        attempts[-1].check_complete()
    return added


CITED = Citation("url", "m", 0, 0, 2, url="https://example.com/a")
TWICE = Citation("url", "m", 0, 2, 3, url="https://example.com/b")
FILE = Citation("file", "m", 0, 0, 2, file_id="x")
# what was delivered before the cut, the next source, what that adds
SPLICES = [
    pytest.param([], text("Hello"), text("Hello"), id="nothing was delivered"),
    pytest.param(text("Hel"), text("Hello"), text("lo"), id="a stored answer's suffix"),
    pytest.param(text("H", "el"), text("Hello"), text("lo"), id="delivered in pieces"),
    pytest.param(text("Hello"), text("Hello"), [], id="everything was delivered"),
    pytest.param(text("Hel"), text("H", "e", "l", "l", "o"), text("l", "o"), id="streamed again"),
    pytest.param(text("Hel"), text("He", "llo"), text("lo"), id="cut elsewhere"),
    pytest.param(
        text("Hel"), text("Hello", item="n", part=3), text("lo"), id="other ids: the first stay"
    ),
    pytest.param(
        text("one"),
        [*text("one", item="n"), *text("two", item="o")],
        text("two", item="o"),
        id="a new text keeps its own id",
    ),
    pytest.param(
        [*text("one"), *text("tw", item="n")],
        [*text("one", item="x"), *text("two", item="y")],
        text("o", item="n"),
        id="two texts, matched by their order",
    ),
    pytest.param(
        [*text(""), *text("one", item="n")],
        text("one!", item="n"),
        text("!", item="n"),
        id="an empty text is no text",
    ),
    pytest.param(
        [ReasoningDelta("hm", "r", 0), *text("Hel")],
        [ReasoningDelta("hmm", "r", 0), *text("Hello")],
        [ReasoningDelta("m", "r", 0), *text("lo")],
        id="kinds are counted apart",
    ),
    pytest.param(
        [RefusalDelta("I ca", "m", 0)],
        [RefusalDelta("I can't", "n", 0)],
        [RefusalDelta("n't", "m", 0)],
        id="a refusal",
    ),
    pytest.param(
        [*text("ab"), CITED],
        [*text("abc"), CITED, TWICE, FILE],
        [*text("c"), TWICE, FILE],
        id="citations are counted by kind",
    ),
    pytest.param(
        text("ab"),
        [*text("abc", item="n"), Citation("url", "n", 0, 2, 3)],
        [*text("c"), Citation("url", "m", 0, 2, 3)],
        id="a citation goes where its text went",
    ),
    pytest.param(
        [Other("a", {"n": 1}), Other("b", {})],
        [Other("a", {"n": 2}), Other("a", {"n": 3}), Other("b", {})],
        [Other("a", {"n": 3})],
        id="other items are counted by kind",
    ),
    pytest.param(
        [ApprovalRequest("1", "f", "{}")],
        [ApprovalRequest("1", "f", "{}"), ApprovalRequest("2", "g", "{}")],
        [ApprovalRequest("2", "g", "{}")],
        id="approval requests",
    ),
    pytest.param(
        [Progress("1", "x", "searching")],
        [Progress("1", "x", "searching"), *text("a")],
        [Progress("1", "x", "searching"), *text("a")],
        id="progress is shown as it comes",
    ),
    pytest.param(
        [call(""), more('{"a"')],
        [call('{"a": 1}')],
        [more(": 1}")],
        id="the rest of a call's arguments",
    ),
    pytest.param(
        [call("{}")],
        [call("{}"), call("[]", name="g", id="call_2", index=1)],
        [call("[]", name="g", id="call_2", index=1)],
        id="a second call",
    ),
    pytest.param([call("{}")], [call(""), more("{"), more("}")], [], id="a whole call again"),
]


@pytest.mark.parametrize(("before", "source", "added"), SPLICES)
def test_a_second_source_adds_what_is_new(
    before: list[Event], source: list[Event], added: list[Event]
) -> None:
    """What was delivered is swallowed, the rest goes on under the first ids."""
    assert added == deliver(before, source)[1]


@pytest.mark.parametrize(("before", "source", "added"), SPLICES)
def test_a_third_source_adds_nothing(
    before: list[Event], source: list[Event], added: list[Event]
) -> None:
    """Once the answer is whole, telling it again adds nothing."""
    again = [event for event in source if not isinstance(event, Progress)]
    assert [] == deliver(before, source, again)[2]


CONTRADICTIONS = [
    pytest.param(text("Hello"), text("Howdy"), "Hello", id="another text"),
    pytest.param(text("Hello"), text("H", "o"), "Hello", id="another text, in pieces"),
    pytest.param(text("Hello"), text("Hell"), "Hello", id="a shorter text"),
    pytest.param(text("Hello"), [], "Hello", id="no text"),
    pytest.param(
        [*text("one"), *text("two", item="n")], text("one"), "onetwo", id="one text is missing"
    ),
    pytest.param([RefusalDelta("no")], text("yes"), "yes", id="an answer after a refusal"),
    pytest.param([ReasoningDelta("hm")], [ReasoningDelta("oh")], "", id="another reasoning"),
    pytest.param([call("{}")], [call("{}", id="call_2")], "", id="another call id"),
    pytest.param([call("{}")], [call("{}", name="g")], "", id="another function"),
    pytest.param([call('{"a":1}')], [call('{"a":2}')], "", id="other arguments"),
    pytest.param([*text("a"), call('{"a')], text("a"), "a", id="a call is missing"),
    pytest.param([call('{"a":1}')], [call('{"a"')], "", id="shorter arguments"),
]


@pytest.mark.parametrize(("before", "source", "partial"), CONTRADICTIONS)
def test_a_source_that_contradicts_ends_the_turn(
    before: list[Event], source: list[Event], partial: str
) -> None:
    """What was said cannot be unsaid: the error carries the text that was delivered."""
    with pytest.raises(StreamInterruptedError) as caught:
        deliver(before, source)
    assert partial == caught.value.partial_text


# two things of one kind, each with an id of its own
FURTHER = [
    (ServerToolCall("ws_1", "web_search"), ServerToolCall("ws_2", "web_search")),
    (MediaOutput("m", "image", "file_1"), MediaOutput("m", "image", "file_2")),
    (Other("x", {"id": "x_1"}), Other("x", {"id": "x_2"})),
    (ConsentRequest("1", "https://example.com/1"), ConsentRequest("2", "https://example.com/2")),
    (ApprovalRequest("1", "f", "{}"), ApprovalRequest("2", "f", "{}")),
]


@pytest.mark.parametrize(("first", "further"), FURTHER, ids=lambda event: type(event).__name__)
def test_a_resumed_stream_brings_further_things_of_a_kind(first: Event, further: Event) -> None:
    """A stream resumed behind what was delivered does not repeat it, so a further thing is new."""
    delivered = Delivered()
    cut, resumed = Attempt(delivered), Attempt(delivered)
    for attempt in (cut, resumed):
        attempt.belongs_to("resp_1")
    assert [first, further] == [cut.take(first), resumed.take(further)]


@pytest.mark.parametrize(("first", "other"), FURTHER[:4], ids=lambda event: type(event).__name__)
def test_a_thing_of_another_answer_stands_for_the_first(first: Event, other: Event) -> None:
    """An answer that was generated again gives its things new ids, and nobody gets them twice."""
    delivered = Delivered()
    cut, again = Attempt(delivered), Attempt(delivered)
    cut.belongs_to("resp_1")
    again.belongs_to("resp_2")
    assert [first, None] == [cut.take(first), again.take(other)]


# the deltas of a stream, its final object, what that adds
FINALS = [
    pytest.param(text("Hel", "lo"), text("Hello"), [], id="nothing is missing"),
    pytest.param(text("Hel"), text("Hello"), text("lo"), id="the last delta is missing"),
    pytest.param([], text("Hello"), text("Hello"), id="all deltas are missing"),
    pytest.param(
        text("Hello"), [*text("Hello"), CITED], [CITED], id="an annotation without its event"
    ),
    pytest.param(text("Hello"), text("Howdy"), [], id="another text is ignored"),
    pytest.param(text("Hello"), text("Hell"), [], id="a shorter text is ignored"),
    pytest.param([call(""), more('{"a')], [call('{"a":1}')], [more('":1}')], id="a call's end"),
    pytest.param([], [call("{}")], [call("{}")], id="a call without deltas"),
    pytest.param(
        text("b", item="2"),
        [*text("a", item="1"), *text("b", item="2")],
        text("a", item="1"),
        id="texts of one stream are matched by id",
    ),
    pytest.param([Other("x", {})], [Other("x", {}), Other("y", {})], [Other("y", {})], id="items"),
]


@pytest.mark.parametrize(("deltas", "final", "added"), FINALS)
def test_the_final_object_completes_its_stream(
    deltas: list[Event], final: list[Event], added: list[Event]
) -> None:
    """The final object adds what the deltas left out, and never takes text back."""
    delivered = Delivered()
    attempt = Attempt(delivered)
    attempt.take_all(deltas)
    last = Attempt(delivered, repeats=attempt)
    assert added == last.take_all(final)
    last.check_complete()


WRONG_CALLS = [
    pytest.param([call('{"a":1}')], [call('{"a":2}')], id="arguments"),
    pytest.param([call("{}")], [call("{}", id="call_2")], id="id"),
    pytest.param([call("{}{}")], [call("{}")], id="deltas that came twice"),
]


@pytest.mark.parametrize(("deltas", "final"), WRONG_CALLS)
def test_a_call_that_differs_from_its_deltas_is_never_ignored(
    deltas: list[Event], final: list[Event]
) -> None:
    """No tool may run on arguments that the agent did not give."""
    delivered = Delivered()
    attempt = Attempt(delivered)
    attempt.take_all(deltas)
    last = Attempt(delivered, repeats=attempt)
    with pytest.raises(StreamInterruptedError):
        _ = last.take_all(final), last.check_complete()


def test_a_final_object_may_not_contradict_an_earlier_source() -> None:
    """Leniency is for the deltas of the same stream, not for what was delivered before a cut."""
    delivered = Delivered()
    Attempt(delivered).take_all(text("Hello"))
    again = Attempt(delivered)
    with pytest.raises(StreamInterruptedError):
        Attempt(delivered, repeats=again).take_all(text("Howdy"))


BROKEN = [
    TextDelta(5),  # type: ignore[arg-type]
    TextDelta(["a"]),  # type: ignore[arg-type]
    TextDelta(None),  # type: ignore[arg-type]
    RefusalDelta({}),  # type: ignore[arg-type]
    ToolCallDelta(0, None, "f", "{}"),  # type: ignore[arg-type]
    ToolCallDelta(0, "call_1", 7, "{}"),  # type: ignore[arg-type]
    ToolCallDelta(0, "call_1", "f", {}),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("event", BROKEN, ids=repr)
def test_what_is_no_text_is_not_delivered(event: Event) -> None:
    """A service that sends a number for a text cannot be understood."""
    with pytest.raises(ProtocolError, match="expected text"):
        Attempt(Delivered()).take(event)


BLOCKS = st.lists(st.text("ab", min_size=1, max_size=6), min_size=1, max_size=3)


@st.composite
def told(draw: st.DrawFn, blocks: list[str], name: str) -> list[Event]:
    """These texts, streamed in pieces of any size under ids of their own."""
    events: list[Event] = []
    for number, block in enumerate(blocks):
        cuts = sorted(draw(st.lists(st.integers(0, len(block)), max_size=3)))
        bounds = zip([0, *cuts], [*cuts, len(block)], strict=True)
        events += text(*(block[a:b] for a, b in bounds), item=f"{name}{number}")
    return events


@given(st.data(), BLOCKS, st.integers(1, 4))
def test_any_cuts_and_repeats_give_the_answer_once(
    data: st.DataObject, blocks: list[str], cuts: int
) -> None:
    """However often a stream is cut and told again, the caller gets each text exactly once."""
    sources = [data.draw(told(blocks, f"{n}-")) for n in range(cuts + 1)]
    ends = [data.draw(st.integers(0, len(source))) for source in sources[:-1]]
    cut = [source[:end] for source, end in zip(sources, ends, strict=False)]
    got = [event for added in deliver(*cut, sources[-1]) for event in added]
    answer = fold([*got, Finished("stop", "completed")])
    assert blocks == [getattr(block, "text", None) for block in answer.blocks]


@given(st.data(), BLOCKS, BLOCKS)
def test_two_answers_are_joined_only_if_one_begins_the_other(
    data: st.DataObject, first: list[str], second: list[str]
) -> None:
    """What reaches the caller is the second answer, whole, or an error: never a mixture."""
    source = data.draw(told(first, "a"))
    cut = source[: data.draw(st.integers(0, len(source)))]
    try:
        added = deliver(cut, data.draw(told(second, "b")))
    except StreamInterruptedError:
        said = fold([*deliver(cut, settle=False)[0], Finished("stop", "completed")]).blocks
        begins = len(said) <= len(second) and all(
            s.startswith(getattr(b, "text", "")) for b, s in zip(said, second, strict=False)
        )
        assert not begins
        return
    answer = fold([*(e for events in added for e in events), Finished("stop", "completed")])
    assert second == [getattr(block, "text", None) for block in answer.blocks]
