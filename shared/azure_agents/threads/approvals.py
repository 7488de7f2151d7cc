"""Approval requests and decisions where the server is not waiting for them.

The server takes a decision only right behind the answer that asked. After an edit, a fork, or a
restart without the store nobody waits for it there, and the agent can only read of it: what it
asked for, among its own messages, and what was decided, among the user's. Both are records in one
fixed form, JSON inside square brackets, in both generations:

    [record: approval requested {"id":"mcpr_1","server":"files","tool":"delete","arguments":{…}}]
    [record: approval decided {"id":"mcpr_1","decision":"approved","outcome":"ran"}]

What a tool was asked for is untrusted text. Inside JSON it cannot end the record or begin another,
and nothing reads records back: only the typed fields of a message are ever sent as a decision.

With ``threads="ephemeral"`` nothing is stored that a decision could go on from, so the request is
sent along with it. An answer that asks seals its requests for that: what was approved is what was
asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import cast

from ..errors import InvalidRequestError, ProtocolError
from ..events import ApprovalRequest, ConsentRequest
from ..jsonio import dumps, loads
from ..messages import ApprovalReply, Message, Part, Text
from ..settings.anchor_key import AnchorKey
from .anchor import short_digest

TOLD = "told"  # an outcome, as answers bring it: the agent could only read of the decision
RAN = "ran"  # an outcome, as answers bring it: they show the tool's call

_NOT_RUN = "not run"
_UNKNOWN = "unknown"
_FRESH = "unknown: this decision did not run it, an earlier one may have"


# --- decisions ----------------------------------------------------------------------------------


def decisions_in(messages: Sequence[Message]) -> list[ApprovalReply]:
    """Return all decisions, in order."""
    return [part for m in messages for part in m.parts if isinstance(part, ApprovalReply)]


def fresh_decisions(messages: Sequence[Message]) -> list[ApprovalReply]:
    """Return the decisions that no answer follows: those of this call."""
    return decisions_in(messages[last_answer(messages) + 1 :])


def each_once(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages, this call's decisions once each: a double click approves once.

    Raises:
        InvalidRequestError: One request is both approved and denied.
    """
    point, said = last_answer(messages), dict[str, bool]()
    return tuple(
        _without_repeats(message, said) if index > point else message
        for index, message in enumerate(messages)
    )


def _without_repeats(message: Message, said: dict[str, bool]) -> Message:
    kept: list[Part] = []
    for part in message.parts:
        before = said.get(part.request_id) if isinstance(part, ApprovalReply) else None
        if isinstance(part, ApprovalReply) and before not in (None, part.approve):
            raise InvalidRequestError(
                f"the request {part.request_id!r} is both approved and denied: keep one decision"
            )
        if before is None:
            kept.append(part)
        if isinstance(part, ApprovalReply):
            said[part.request_id] = part.approve
    return message if len(kept) == len(message.parts) else replace(message, parts=tuple(kept))


def last_answer(messages: Sequence[Message]) -> int:
    """Return the index of the last assistant message, or -1."""
    return max((i for i, m in enumerate(messages) if m.role == "assistant"), default=-1)


def outcomes(messages: Sequence[Message], sent: Sequence[Message]) -> dict[str, str]:
    """Return what an answer says of this call's decisions: which ones could only be put into words.

    Args:
        messages: The history of the call.
        sent: What was sent to the agent.
    """
    taken = {reply.request_id for reply in decisions_in(sent)}
    fresh = (reply.request_id for reply in fresh_decisions(messages))
    return {id: TOLD for id in fresh if id not in taken}


# --- records ------------------------------------------------------------------------------------


class ApprovalRecords:
    """Puts the requests and decisions of one history into words.

    Args:
        messages: The history.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self._last_answer = last_answer(messages)
        self._decided: set[str] = set()
        self._outcomes: dict[str, str] = {}
        for message in messages:
            # An answer that shows a call before it was decided shows what was asked for, nothing
            # that ran.
            shown = {id: word for id, word in message.outcomes.items() if id in self._decided}
            self._outcomes |= shown
            self._decided |= {reply.request_id for reply in decisions_in((message,))}

    def render(self, index: int, message: Message, keep: Sequence[str] = ()) -> Message:
        """Return the message with its requests and decisions as records.

        Args:
            index: Its place in the history.
            message: The message.
            keep: Ids of requests that go out as what they are.
        """
        if not message.asks and not decisions_in((message,)):
            return message
        is_fresh = index > self._last_answer
        parts: list[Part | str] = [  # a record is a plain string here
            self._decision(part, is_fresh=is_fresh)
            if isinstance(part, ApprovalReply) and part.request_id not in keep
            else part
            for part in message.parts
        ]
        parts += (self._request(ask) for ask in message.asks if ask.id not in keep)
        kept = tuple(ask for ask in message.asks if ask.id in keep)
        return replace(message, parts=_on_lines(parts), asks=kept)

    def _request(self, ask: ApprovalRequest | ConsentRequest) -> str:
        if isinstance(ask, ConsentRequest):
            # The link is not repeated: it is made for one user and one sign-in.
            facts = {"id": ask.id, "server": ask.server_label, "outcome": _UNKNOWN}
            return _record("sign-in requested", facts)
        facts = {"id": ask.id, "server": ask.server_label, "tool": ask.name}
        undecided = {} if ask.id in self._decided else {"decision": "none", "outcome": _NOT_RUN}
        return _record("approval requested", facts, ask.arguments, undecided)

    def _decision(self, reply: ApprovalReply, *, is_fresh: bool) -> str:
        facts = {
            "id": reply.request_id,
            "decision": "approved" if reply.approve else "denied",
            "reason": reply.reason,
            "outcome": self._outcome(reply, is_fresh=is_fresh),
        }
        return _record("approval decided", facts)

    def _outcome(self, reply: ApprovalReply, *, is_fresh: bool) -> str:
        if not reply.approve:
            return _NOT_RUN
        if is_fresh:
            return _FRESH
        known = {RAN: RAN, TOLD: _NOT_RUN}
        return known.get(self._outcomes.get(reply.request_id, ""), _UNKNOWN)


def _on_lines(parts: Sequence[Part | str]) -> tuple[Part, ...]:
    """Return the parts, each record on a line of its own."""
    lines: list[Part] = []
    was_record = False
    for part in parts:
        is_record = isinstance(part, str)
        text = part if isinstance(part, str) else part.text if isinstance(part, Text) else None
        follows = bool(lines) and isinstance(lines[-1], Text) and lines[-1].text != ""
        if text and follows and (is_record or was_record):
            text = f"\n{text}"
        lines.append(Text(text) if text is not None else cast("Part", part))
        was_record = is_record
    return tuple(lines)


def _record(
    what: str,
    facts: Mapping[str, str | None],
    arguments: str | None = None,
    more: Mapping[str, str] | None = None,
) -> str:
    fields = [_field(name, value) for name, value in facts.items() if value is not None]
    if arguments is not None:
        fields.append(f'"arguments":{_json(arguments)}')
    fields += [_field(name, value) for name, value in (more or {}).items()]
    return f"[record: {what} {{{','.join(fields)}}}]"


def _field(name: str, value: str) -> str:
    return f'"{name}":{dumps(value).decode()}'


def _json(arguments: str) -> str:
    """Return the arguments as they were given if they are a JSON object, else as a JSON string."""
    try:
        is_object = isinstance(loads(arguments), dict)
    except ProtocolError:
        is_object = False
    return arguments.strip() if is_object else dumps(arguments).decode()


# --- seals --------------------------------------------------------------------------------------


def seal_of(request: ApprovalRequest, scope: str, key: AnchorKey | None) -> str:
    """Make the seal over what a request asks for; without a key a digest, which anybody can."""
    said = dumps([scope, request.id, request.server_label, request.name, request.arguments])
    text = said.decode()
    return short_digest(text.encode(), 22) if key is None else key.seal(f"approval\n{text}")


def may_send(request: ApprovalRequest, scope: str, key: AnchorKey | None) -> bool:
    """Whether a request of a history may be sent to the server as one that the agent made.

    Without a key one that has no seal may be, since anybody could make the seal.
    """
    if not request.server_label:
        return False
    if request.seal is None:
        return key is None
    given = request.seal.encode("utf-8", "surrogatepass")
    return compare_digest(given, seal_of(request, scope, key).encode())
