"""Histories that keep only text: found again by their digest, within one owner's scope.

Without an owner nothing is ever matched by text: two users may have equal texts, and a thread on
the server holds more than text. With one, the anchor of every answer is kept in the thread store
under the owner and the digest of its transcript, and given back to an answer that lost it.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from ..commands import Flow, StoreGet, StorePut
from ..messages import Message
from ..threads.anchor import parse_anchor
from ..threads.digest import TranscriptDigest
from .turn import Turn

_LOOK_BACK = 3  # answers without an anchor to ask the store about, newest first


def recall(
    turn: Turn, prefixes: tuple[str, ...], *, with_system: bool
) -> Flow[tuple[Message, ...]]:
    """The messages of the turn, the newest answer that lost its anchor given it back."""
    messages = turn.messages
    if turn.owner is None:
        return messages
    answers = _answers(messages, with_system=with_system)
    for index, digest in answers[::-1][:_LOOK_BACK]:
        if messages[index].anchor is not None:
            break  # it speaks for itself
        text = yield StoreGet(_key(turn, digest))
        anchor = parse_anchor(text)
        if anchor is not None and anchor.thread.startswith(prefixes):
            found = replace(messages[index], anchor=text)
            return (*messages[:index], found, *messages[index + 1 :])
    return messages


def remember(turn: Turn, digest: str, anchor: str | None) -> Flow[None]:
    """Keep the anchor of an answer for its owner."""
    if turn.owner is not None and anchor is not None:
        yield StorePut(_key(turn, digest), anchor)


def _answers(messages: tuple[Message, ...], *, with_system: bool) -> list[tuple[int, str]]:
    running = TranscriptDigest(with_system=with_system)
    answers = []
    for index, message in enumerate(messages):
        running.add(message)
        if message.role == "assistant":
            answers.append((index, running.digest()))
    return answers


def _key(turn: Turn, digest: str) -> str:
    owner = sha256((turn.owner or "").encode()).hexdigest()[:24]
    return f"answer:{turn.scope}:{owner}:{digest}"
