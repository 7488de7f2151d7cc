"""Where to continue, and what to send: a pure decision over the messages of a call."""

# Theory of operation
# ===================
#
# The promise
# -----------
# A call is a pure function of the messages it is given: what the agent sees in a turn equals the
# messages of that call, nothing lost, nothing doubled, nothing of anybody else's. Frameworks hand
# over the whole history each time; the service keeps its own, and can only append to it. Sending
# the whole history each time would always be right, and slow. This module finds out how much of
# it the service provably has already. Wherever it is not sure, everything is sent: being unsure
# costs a longer request, being wrong would cost a wrong answer.
#
# The words
# ---------
# - Anchor: what an answer carries in its metadata, an opaque string that names a place on the
#   server and, as a digest, the transcript up to and including the answer (`anchor`, `digest`).
#   The caller brings it back with the message. It is believed only if endpoint and agent are
#   those of this call, the digest equals that of the messages before it, and its seal is right
#   where a key is set. So nobody has to notice that a history was edited, cut or rearranged: its
#   digests differ.
# - Candidate: an assistant message whose anchor is believed. They are tried newest first.
# - Ready: a candidate is ready if after it come the results of all its calls, and no result of an
#   earlier call. Otherwise the service would refuse what is sent (a call without a result), or a
#   result would stand where its call is not. A result that comes late makes the newest answer not
#   ready.
# - Chain: v2's ``previous_response_id``. Every response can be gone on from, any number of times,
#   so branches are free: a chain steps back to the next older candidate that is ready.
# - Thread: a classic thread or a v2 conversation. It is append-only and can be continued at its
#   end and nowhere else, so only the newest candidate counts.
# - Head: the end of a thread, named by its last run or response. An anchor holds the head that
#   its answer made. If somebody went on from there meanwhile, the head is another one.
# - Claim: taking the head out of the thread store, atomically, before anything is sent (`store`).
#   Of two calls that continue the same answer one gets it, and the other forks. The plan says
#   which head to claim; the flow claims it. A turn that failed never puts a head back.
# - Fork: starting anew with the whole history, on a new thread or chain. That is also what
#   becomes of a call without a candidate, of a lost claim, and of a continuation that the service
#   refuses: so `Plan.whole` is always there.
# - Paused: a classic run that waits for results of tools or for a decision. It goes on with
#   exactly those, under the system messages it was started with. Anything else cancels it, and
#   forks.
# - Pin: ``thread_id=``, the caller's word that the thread holds everything up to the last answer.
#   No digest is checked; what stands behind that answer is sent.
# - Owner: ``owner=``, whose history this is. Histories that keep only texts have no anchors; with
#   an owner they are found again by their digest (`protocols.recall`). Without one nothing is
#   guessed, since two users may have equal texts.
#
# What is sent
# ------------
# Behind a candidate, the messages after it (`Plan.suffix`). Calls that the history never answers
# are not sent, and neither are empty messages. Of several results of one call the one that was
# sent holds: the last before the next answer. A result whose call is not there (a history that
# was cut) goes out in words, and is an error where it is new: no service could place it.
# Decisions on approvals are items only right behind the answer that asked, and otherwise records
# in words (`history`, `approvals`).
#
# For instance, u being messages of the user, a answers (a* with an anchor), c a call, r its
# result (`tests/core/test_plan_table.py` plans each row):
#
#     messages                          candidates     on a chain            on a thread
#     --------------------------------  -------------  --------------------  ------------------
#     u1 a1* u2                         a1             a1, sends u2          a1, sends u2
#     u1 a1* u2 a2* u3                  a2, a1         a2, sends u3          a2, sends u3
#     u1 a1* U2 a2* u3 (u2 was edited)  a1             a1, sends U2 a2 u3    a1, sends U2 a2 u3 (1)
#     u1 a1 u2 (the anchor was lost)    none           sends all             fork
#     u1 a1*(c) r                       a1             a1, sends r           a1, sends r
#     u1 a1*(c) u2 (c has no result)    a1, not ready  sends all but c       fork
#
# (1) The claim then fails, since a2 has moved the head: fork.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import InvalidRequestError
from ..events import ApprovalRequest
from ..messages import Message
from ..settings.anchor_key import AnchorKey
from .anchor import Anchor, parse_anchor
from .approvals import fresh_decisions, last_answer, may_send
from .digest import TranscriptDigest, system_digest
from .history import History

RESPONSE_PREFIXES = ("resp_", "wfresp_", "caresp_")  # prompt, workflow and hosted agents


@dataclass(frozen=True, slots=True)
class Plan:
    """How one call continues or starts anew.

    Attributes:
        anchor: Where to continue; None: start anew with `whole`.
        suffix: What to send when continuing.
        whole: What to send when starting anew (also after a refused continuation).
        is_submission: The suffix is exactly the tool outputs the paused run of `anchor` waits for.
        superseded: A paused run that this call supersedes.
        transcript: Digest of the whole history, to be extended by the answer.
    """

    anchor: Anchor | None
    suffix: tuple[Message, ...]
    whole: tuple[Message, ...]
    transcript: TranscriptDigest
    is_submission: bool = False
    superseded: Anchor | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    index: int
    anchor: Anchor


def plan_chain(messages: Sequence[Message], scope: str, key: AnchorKey | None = None) -> Plan:
    """Plan a turn on a v2 chain: the newest ready anchor with something to send after it."""
    history = History(messages)
    candidates, transcript = _candidates(messages, scope, key, RESPONSE_PREFIXES, with_system=True)
    whole, last = _not_empty(history.whole()), history.last()
    for candidate in candidates:
        # A history may end with an answer, when somebody only wants the agent to go on. Nothing is
        # left to send behind it: an older answer is continued, and this one goes along.
        if candidate.index < last and history.is_ready(candidate.index):
            return Plan(candidate.anchor, history.after(candidate.index), whole, transcript)
    return Plan(None, (), whole, transcript)


def messages_for_ephemeral(
    messages: Sequence[Message], scope: str, key: AnchorKey | None, *, sends: bool
) -> tuple[Message, ...]:
    """Return what to send where nothing is stored: the whole history.

    Args:
        messages: The history of the call.
        scope: What requests must be bound to.
        key: What they must be sealed with, if with anything.
        sends: Whether decisions that end the history are sent as decisions, with the requests
            they answer; else they go out in words.
    """
    decided = {reply.request_id for reply in fresh_decisions(messages)} if sends else set()
    asked = messages[last_answer(messages)].asks if decided else ()
    sent = [
        ask.id
        for ask in asked
        if isinstance(ask, ApprovalRequest) and ask.id in decided and may_send(ask, scope, key)
    ]
    return _not_empty(History(messages).whole_but(sent))


def plan_thread(
    messages: Sequence[Message],
    scope: str,
    key: AnchorKey | None = None,
    *,
    prefix: str,
    with_system: bool,
) -> Plan:
    """Plan a turn on an append-only thread: the newest anchor or none.

    Args:
        messages: The history of the call.
        scope: What anchors must be bound to.
        key: What anchors must be sealed with, if with anything.
        prefix: ``thread_`` or ``conv_``: the kind of thread to continue.
        with_system: Whether system messages are stored in the thread (conversations) or travel
            with every run (classic).
    """
    history = History(messages)
    candidates, transcript = _candidates(messages, scope, key, (prefix,), with_system=with_system)
    plan = Plan(None, (), _not_empty(history.whole()), transcript)
    if not candidates:
        return plan
    point, anchor = candidates[0].index, candidates[0].anchor
    if anchor.paused_under:
        return _plan_paused(plan, history, point, anchor)
    if not history.is_ready(point):
        return plan
    # A classic run takes decisions only while it waits for them, and this one is over.
    suffix = history.after(point) if with_system else history.after_in_words(point)
    if with_system and not suffix:
        return plan  # a conversation has nothing new to answer: replay, so that it is asked again
    return replace(plan, anchor=anchor, suffix=suffix)


def _plan_paused(plan: Plan, history: History, point: int, anchor: Anchor) -> Plan:
    # A run keeps the instructions it was started with: where the caller has changed the system
    # messages since, it would answer under the old ones.
    same_system = (system_digest(history.messages) or NO_SYSTEM) == anchor.paused_under
    if not same_system or not history.answers_exactly(point):
        return replace(plan, superseded=anchor)
    outputs = tuple(m for m in history.after(point) if m.role != "system")
    return replace(plan, anchor=anchor, suffix=outputs, is_submission=True)


NO_SYSTEM = "no-system--"  # `Anchor.paused_under` of a run without system messages; never a digest


def messages_for_pin(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return what a pinned thread does not hold yet: all after the last assistant message."""
    history = History(messages, allow_orphans=True)
    return history.after(last_answer(messages))


def _candidates(
    messages: Sequence[Message],
    scope: str,
    key: AnchorKey | None,
    prefixes: tuple[str, ...],
    *,
    with_system: bool,
) -> tuple[list[_Candidate], TranscriptDigest]:
    """Return all anchors that are believed, newest first, and the digest of the whole history."""
    found: list[_Candidate] = []
    running = TranscriptDigest(with_system=with_system)
    for index, message in enumerate(messages):
        running.add(message)
        if message.anchor is None or message.role != "assistant":
            continue
        anchor = parse_anchor(message.anchor)
        if anchor is None or not anchor.thread.startswith(prefixes):
            continue
        if anchor.digest == running.digest() and anchor.is_of(scope, key):
            found.append(_Candidate(index, anchor))
    found.reverse()
    return found, running


def _not_empty(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    if not messages:
        raise InvalidRequestError("every message is empty: give at least one with text or media")
    return messages
