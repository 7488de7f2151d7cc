"""Give histories without anchors their anchors back: by owner and digest, or by the id of a call.

Frameworks may store messages without the anchor. For a call with an owner (`owner=`), the anchor of
every answer is kept in the thread store under the owner and the digest of the transcript. An answer
that comes back without its anchor gets it from there. Without an owner nothing is matched by text:
two users may have equal texts, and a thread on the server holds more than text.

The id of a call that a classic run waits for cannot be guessed. So the anchor of the pause is kept
under that id too, for callers who build the message with the call themselves. The id alone gives no
right to the run: the transcript must be the one that the run paused in, and with `anchor_key=`
this look-up is off. (v2 takes calls and results as items, so a replay does as well.)
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
    """Return the messages of the turn; the newest answer that lost its anchor has it back.

    Args:
        turn: The turn.
        prefixes: Prefixes of the threads that may be continued, such as ``thread_``.
        with_system: Whether system messages count in the digest.
    """
    messages = turn.messages
    if turn.owner is None:
        return (yield from _recall_call(turn))
    answers = _answer_digests(messages, with_system=with_system)
    for index, digest in answers[::-1][:_LOOK_BACK]:
        if messages[index].anchor is not None:
            break  # it has kept its own
        text = yield StoreGet(_answer_key(turn, digest))
        anchor = parse_anchor(text)
        if anchor is not None and anchor.thread.startswith(prefixes):
            return _with_anchor(messages, index, text)
    return messages


def _recall_call(turn: Turn) -> Flow[tuple[Message, ...]]:
    """Do the same by the id of a call in the newest answer."""
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
    """Keep the anchor of an answer in the store, if the turn has an owner."""
    if turn.owner is not None and anchor is not None:
        yield StorePut(_answer_key(turn, digest), anchor)


def remember_calls(turn: Turn, calls: Sequence[ToolCall], anchor: str | None) -> Flow[None]:
    """Keep the anchor of a pause under its first call, for callers who bring the call alone."""
    if turn.owner is None and turn.anchor_key is None and anchor is not None and calls:
        yield StorePut(_call_key(turn, calls[0]), anchor)


def _answer_digests(messages: tuple[Message, ...], *, with_system: bool) -> list[tuple[int, str]]:
    running = TranscriptDigest(with_system=with_system)
    answers = []
    for index, message in enumerate(messages):
        running.add(message)
        if message.role == "assistant":
            answers.append((index, running.digest()))
    return answers


def _answer_key(turn: Turn, digest: str) -> str:
    owner = sha256((turn.owner or "").encode()).hexdigest()[:24]
    return f"answer:{turn.scope}:{owner}:{digest}"


def _call_key(turn: Turn, call: ToolCall) -> str:
    return f"call:{turn.scope}:{sha256(call.id.encode('utf-8', 'surrogatepass')).hexdigest()}"
