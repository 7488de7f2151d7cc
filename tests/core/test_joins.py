"""The parts of an answer as the texts that callers have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.content.joins import (
    JoinedText,
    cited,
    reasoning_of,
    refusal_of,
    refusal_places,
    span_of,
    text_of,
    with_refusals,
)
from azure_agents.events import Citation, Finished, ReasoningDelta, RefusalDelta, TextDelta
from azure_agents.fold import fold

END = Finished("stop", "completed")


@given(st.lists(st.tuples(st.booleans(), st.text("ab", min_size=1, max_size=3)), max_size=6))
def test_an_answer_is_whole_again(pieces: list[tuple[bool, str]]) -> None:
    """Text and refusals are kept apart, and their places make the answer that the digest has."""
    events = [
        (RefusalDelta if is_refusal else TextDelta)(words, "m", part)
        for part, (is_refusal, words) in enumerate(pieces)
    ]
    blocks, joined = fold([*events, END]).blocks, JoinedText()
    streamed = [joined.add(event) for event in events]
    text, refusal, places = text_of(blocks), refusal_of(blocks), refusal_places(blocks)
    assert [words for _, words in pieces] == streamed
    assert (len(text), places) == (joined.length, joined.refusal_places())
    assert "".join(streamed) == with_refusals(text, refusal, places)


@pytest.mark.parametrize("places", [None, [], "x", 7, [1], [["a", "b"]], [[1, 2, 3]], {"a": 1}])
def test_what_is_no_place_is_the_end(places: Any) -> None:
    """Somebody may have changed the message; then the refusal follows the text."""
    assert "text no" == with_refusals("text ", "no", places)


def test_summaries_are_paragraphs() -> None:
    """Streamed and whole they are the same text."""
    events = [ReasoningDelta(*each) for each in (("O", "r"), ("ne", "r"), ("Two", "r", 1))]
    joined = JoinedText()
    assert "One\n\nTwo" == "".join(map(joined.add, events))
    assert "One\n\nTwo" == reasoning_of(fold([*events, END]).blocks)


def test_citations_count_from_the_start_of_the_whole_text() -> None:
    """Streamed and whole the places are the same, also where the cited text never comes."""
    events = [
        TextDelta("One. ", "m", 0),
        RefusalDelta("No. ", "m", 1),
        Citation("url", "m", 0, 0, 3),
        TextDelta("Two.", "m", 2),
        Citation("url", "m", 2, 0),
        Citation("url", "m", 3),
    ]
    joined, streamed = JoinedText(), []
    for event in events:
        if isinstance(event, Citation):
            streamed.append(span_of(event, joined.begin_of(event)))
        else:
            joined.add(event)
    blocks = fold([*events, END]).blocks
    expected = [{"start_index": 0, "end_index": 3}, {"start_index": 5}, {}]
    assert expected == streamed
    assert expected == [span_of(one.citation, one.begin) for one in cited(blocks)]
    assert [0, 9, 13] == [one.begin for one in cited(blocks, counts_refusals=True)]
