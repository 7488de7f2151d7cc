"""The parts of an answer as the texts that callers have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.content.joins import Paragraphs, RefusalPlaces, reasoning_of, with_refusals
from azure_agents.events import Finished, ReasoningDelta, RefusalDelta, TextDelta
from azure_agents.fold import fold

END = Finished("stop", "completed")


@given(st.lists(st.tuples(st.booleans(), st.text("ab", min_size=1, max_size=3)), max_size=6))
def test_an_answer_is_whole_again(pieces: list[tuple[bool, str]]) -> None:
    """Text and refusals are kept apart, and their places make the answer that the digest has."""
    events = [
        (RefusalDelta if is_refusal else TextDelta)(words, "m", part)
        for part, (is_refusal, words) in enumerate(pieces)
    ]
    completion, streamed = fold([*events, END]), RefusalPlaces()
    for event in events:
        (streamed.refusal if isinstance(event, RefusalDelta) else streamed.text)(event.text)
    text = "".join(words for is_refusal, words in pieces if not is_refusal)
    refusal = "".join(words for is_refusal, words in pieces if is_refusal)
    told = RefusalPlaces(completion.blocks).told()
    assert streamed.told() == told
    assert completion.text == with_refusals(text, refusal, told)


@pytest.mark.parametrize("places", [None, [], "x", 7, [1], [["a", "b"]], [[1, 2, 3]], {"a": 1}])
def test_what_is_no_place_is_the_end(places: Any) -> None:
    """Somebody may have changed the message; then the refusal follows the text."""
    assert "text no" == with_refusals("text ", "no", places)


def test_summaries_are_paragraphs() -> None:
    """Streamed and whole they are the same text."""
    events = [ReasoningDelta(*each) for each in (("O", "r"), ("ne", "r"), ("Two", "r", 1))]
    joined = Paragraphs()
    assert "One\n\nTwo" == "".join(map(joined.next, events))
    assert "One\n\nTwo" == reasoning_of(fold([*events, END]).blocks)
