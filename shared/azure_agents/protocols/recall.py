"""Histories that keep no anchors: found again by their digest, within one owner's scope.

Without an owner nothing is ever matched by text: two users may have equal texts, and a thread on
the server holds more than text. With one, the anchor of every answer is kept in the thread store
under the owner and the digest of its transcript, and given back to an answer that lost it.

A call that a classic run waits for has an id that nobody can guess. So its anchor is kept under
that id too, for callers who make up the message with the call themselves. But the id alone is no
right to the run: the transcript must be the one that the run paused in, and where anchors are
sealed there is no way around the seal. (v2 takes calls and results as items: a replay is as good.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from ..messages import Message, ToolCall
from ..threads.anchor import parse_anchor
from ..threads.digest import TranscriptDigest, digest_of
from .commands import Flow, StoreGet, StorePut
from .turn import Turn

_LOOK_BACK = 3  # answers without an anchor to ask the store about, newest first


def recall(
    turn: Turn, prefixes: tuple[str, ...], *, with_system: bool
) -> Flow[tuple[Message, ...]]:
    """The messages of the turn, the newest answer that lost its anchor given it back."""
    messages = turn.messages
    if turn.owner is None:
        return (yield from _recall_call(turn))
    answers = _answers(messages, with_system=with_system)
    for index, digest in answers[::-1][:_LOOK_BACK]:
        if messages[index].anchor is not None:
            break  # it speaks for itself
        text = yield StoreGet(_key(turn, digest))
        anchor = parse_anchor(text)
        if anchor is not None and anchor.thread.startswith(prefixes):
            return _with_anchor(messages, index, text)
    return messages


def _recall_call(turn: Turn) -> Flow[tuple[Message, ...]]:
    """The same by the id of a call that the newest answer makes."""
    messages = turn.messages
    newest = max((i for i, m in enumerate(messages) if m.role == "assistant"), default=0)
    calls = messages[newest].tool_calls if messages[newest].anchor is None else ()
    is_classic = turn.settings.agent.generation == "classic"
    if not calls or not is_classic or turn.anchor_key is not None:
        return messages
    text: str | None = yield StoreGet(_call_key(turn, calls[0]))
    anchor = parse_anchor(text)
    if text is None or anchor is None:
        return messages
    is_same = anchor.digest == digest_of(messages[: newest + 1], with_system=False)
    return _with_anchor(messages, newest, text) if is_same else messages


def _with_anchor(messages: tuple[Message, ...], index: int, text: str) -> tuple[Message, ...]:
    return (*messages[:index], replace(messages[index], anchor=text), *messages[index + 1 :])


def remember(turn: Turn, digest: str, anchor: str | None) -> Flow[None]:
    """Keep the anchor of an answer for its owner."""
    if turn.owner is not None and anchor is not None:
        yield StorePut(_key(turn, digest), anchor)


def remember_calls(turn: Turn, calls: Sequence[ToolCall], anchor: str | None) -> Flow[None]:
    """Keep the anchor of a pause for whoever brings its calls without it."""
    if turn.owner is None and turn.anchor_key is None and anchor is not None and calls:
        yield StorePut(_call_key(turn, calls[0]), anchor)


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


def _call_key(turn: Turn, call: ToolCall) -> str:
    return f"call:{turn.scope}:{sha256(call.id.encode('utf-8', 'surrogatepass')).hexdigest()}"
