"""What becomes of a field: the words of the tables, and how each of them is tried.

A table says of every field of a type one of these:

    kind       says what the thing is; there is nothing else to send
    sent       reaches the agent in a field of its own
    told       reaches the agent in a sentence
    label      is no content (ids, notes for others, caching hints): documented as never sent
    left out   only what foreign answers hold: one warning in the life of a process
    refused    an error before anything is sent
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from azure_agents.content import notices
from azure_agents.content.notices import LeftOutWarning
from azure_agents.errors import InvalidRequestError
from azure_agents.jsonio import dumps
from azure_agents.messages import Message
from azure_agents.protocols.responses.codec import encode_input

MARK = "MARK"
B64_MARK = "TUFSS01BUks="  # base64 of a text that no other field holds

ToCore = Callable[[Sequence[Any]], tuple[Message, ...]]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a field.

    Attributes:
        word: See the module.
        value: An example.
        trace: What the agent gets of it (``sent``, ``told``).
        beside: Fields that the example needs; None: those of its table.
    """

    word: str
    value: Any = None
    trace: str = MARK
    beside: Mapping[str, Any] | None = None


KIND = Fate("kind")


def sent(value: Any = MARK, trace: str = MARK, beside: Mapping[str, Any] | None = None) -> Fate:
    """Reaches the agent in a field of its own."""
    return Fate("sent", value, trace, beside)


def told(value: Any = MARK, trace: str = MARK, beside: Mapping[str, Any] | None = None) -> Fate:
    """Reaches the agent in a sentence."""
    return Fate("told", value, trace, beside)


def label(value: Any = MARK) -> Fate:
    """Is no content."""
    return Fate("label", value)


def left_out(value: Any = MARK) -> Fate:
    """Held by foreign answers only; a warning says so once."""
    return Fate("left out", value)


def refused(value: Any = MARK) -> Fate:
    """Is an error."""
    return Fate("refused", value)


@dataclass(frozen=True, slots=True)
class Table:
    """The fields of a type.

    Attributes:
        make: Messages with a thing of the type that has these fields.
        base: Fields that it cannot be without.
        fates: What becomes of each field.
    """

    make: Callable[..., Sequence[Any]]
    base: Mapping[str, Any]
    fates: Mapping[str, Fate]


def check(table: Table, field: str, to_core: ToCore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try the example of a field: what the table says of it is true."""
    fate = table.fates[field]
    monkeypatch.setattr(notices, "_SAID", set())
    beside = table.base if fate.beside is None else fate.beside
    messages = table.make(**{**beside, field: fate.value})
    if fate.word == "refused":
        with pytest.raises(InvalidRequestError):
            to_core(messages)
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        given = to_core(messages)
    assert (fate.word == "left out") == any(each.category is LeftOutWarning for each in said)
    if fate.word in ("label", "left out"):
        assert _wire(to_core(table.make(**table.base))) == _wire(given)
    else:
        assert fate.trace in _wire(given)
    if fate.word == "told":
        assert any(fate.trace in message.text for message in given)


def _wire(messages: tuple[Message, ...]) -> str:
    """What a v2 agent is sent."""
    return dumps(encode_input(messages)).decode()
