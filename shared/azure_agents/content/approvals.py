"""Approvals and consent at every door: requests of an answer, replies, and their outcomes.

What an answer asks for stands in typed fields: LangChain keeps them in ``response_metadata``,
LlamaIndex in ``additional_kwargs`` of the message, `completion` in ``provider_specific_fields``.
They come back with the history; a field of another form comes from no answer of ours, and is left
out. Only ``True`` approves: `reply_of` is where every decision of a caller is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Generic, NamedTuple, TypeVar, cast

from ..errors import InvalidRequestError
from ..events import ApprovalRequest, ConsentRequest
from ..jsonio import JSON, known_fields
from ..messages import ApprovalReply
from .computer import CALLS, call_facts

REQUESTS = "approval_requests"
CONSENTS = "consent_requests"
OUTCOMES = "approval_outcomes"
APPROVED_CALLS = "approved_calls"  # ids of requests whose tools an answer shows to have run

_REQUEST = ("id", "name", "arguments")
_NOBODYS = ""  # a seal that fits nothing

_Ask = TypeVar("_Ask", ApprovalRequest, ConsentRequest)
AnswerT = TypeVar("AnswerT")
MessageT = TypeVar("MessageT")


# --- replies ------------------------------------------------------------------------------------


def reply_of(request_id: str, approve: object, reason: object = None) -> ApprovalReply:
    """Read a decision: only ``True`` approves, no other text, number or object does.

    Args:
        request_id: The request that is decided.
        approve: What a person or a program said.
        reason: Why; what is no text counts as none.
    """
    return ApprovalReply(request_id, approve is True, reason if isinstance(reason, str) else None)


class Requests(NamedTuple):
    """The approval requests that an answer of a framework holds.

    Attributes:
        place: The field of the answer in which they stand, for an error.
        entries: The requests, each with its ``id``.
    """

    place: str
    entries: Sequence[Mapping[str, Any]]


class ApprovalReplies(Generic[AnswerT, MessageT]):
    """Makes the messages of one framework that answer requests for approval.

    Args:
        message_of: Makes the message of replies.
        requests_in: Finds the requests of an answer.
    """

    def __init__(
        self,
        message_of: Callable[[Sequence[ApprovalReply]], MessageT],
        requests_in: Callable[[AnswerT], Requests],
    ) -> None:
        self._message_of = message_of
        self._requests_in = requests_in

    def approve(self, request_id: str, *more: str) -> MessageT:
        """Make the message that lets server-side tools run.

        Args:
            request_id: ``id`` of an entry of ``approval_requests``: in LangChain's
                ``message.response_metadata``, in LlamaIndex's ``response.raw``.
            more: Further ids, if several tools asked at once.
        """
        return self._message_of(
            [reply_of(id, approve=True) for id in _each_once(request_id, *more)]
        )

    def reject(self, request_id: str, *more: str, reason: str | None = None) -> MessageT:
        """Make the message that forbids server-side tools to run.

        Args:
            request_id: As for `approve`.
            more: Further ids, if several tools asked at once.
            reason: Given to the agent, if it shall know.
        """
        replies = [
            reply_of(id, approve=False, reason=reason) for id in _each_once(request_id, *more)
        ]
        return self._message_of(replies)

    def decide(self, answer: AnswerT, decision: object) -> MessageT:
        """Make the message that answers all requests of an answer.

        Only ``True`` approves: not ``"yes"``, not ``1``, not an object that says so.

        Args:
            answer: The answer that asks: LangChain's message; LlamaIndex's response, the output of
                an agent, or the message of either, for instance from a chat memory.
            decision: What a person or a program said: ``True`` for all of them, or a mapping from
                the id of a request to ``True``.

        Raises:
            InvalidRequestError: The answer asks for nothing.
        """
        place, entries = self._requests_in(answer)
        if not entries:
            raise InvalidRequestError(
                f"the answer asks for no approval: its {place} has no {REQUESTS!r}"
            )
        ids = _each_once(*(entry["id"] for entry in entries))
        given = decision if isinstance(decision, Mapping) else dict.fromkeys(ids, decision)
        return self._message_of([reply_of(id, given.get(id)) for id in ids])


def _each_once(*ids: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ids))


# --- requests of answers ------------------------------------------------------------------------


def asked_by(events: Iterable[object]) -> dict[str, list[JSON]]:
    """List what an answer asks of its caller, by the field in which every door keeps it.

    Args:
        events: Events or blocks of the answer; those that ask for nothing are passed over.

    Returns:
        Facts of approval requests, of consent requests and of computer calls, where there are any.
    """
    found: dict[str, list[JSON]] = {}
    for event in events:
        if isinstance(event, ApprovalRequest):
            found.setdefault(REQUESTS, []).append(known_fields(**asdict(event)))
        elif isinstance(event, ConsentRequest):
            found.setdefault(CONSENTS, []).append(known_fields(**asdict(event)))
        elif facts := call_facts(event):
            found.setdefault(CALLS, []).append(facts)
    return found


def asks_of(kept: Mapping[str, Any]) -> tuple[ApprovalRequest | ConsentRequest, ...]:
    """Read what an answer asked for out of its fields: approvals, then consent."""
    approvals = _entries(kept.get(REQUESTS), ApprovalRequest, _REQUEST)
    return (*approvals, *_entries(kept.get(CONSENTS), ConsentRequest, ("id", "link")))


def asks_of_others(content: object) -> tuple[ApprovalRequest, ...]:
    """Read what another model's answer asked approval for; it is described to the agent, no more.

    Args:
        content: The content of an assistant message.
    """
    blocks = content if isinstance(content, list | tuple) else ()
    asked = [request for block in blocks if (request := others_request(block)) is not None]
    requests = _entries(asked, ApprovalRequest, _REQUEST)
    return tuple(replace(request, seal=_NOBODYS) for request in requests)


def others_request(block: object) -> Mapping[str, Any] | None:
    """Find the request for approval in a block of another model's answer, None if it is none.

    Args:
        block: A block in the words of OpenAI's Responses API, maybe within one of LangChain's.
    """
    wrapped = block.get("value") if isinstance(block, Mapping) else None
    given = wrapped if isinstance(wrapped, Mapping) else block
    is_one = isinstance(given, Mapping) and given.get("type") == "mcp_approval_request"
    return cast("Mapping[str, Any]", given) if is_one else None


def ids_shown(blocks: object, details: str) -> Iterator[object]:
    """Find the ids of the server-side calls that an answer shows, and of requests they answer.

    Args:
        blocks: The blocks of the answer; what is none is passed over.
        details: The key under which a block keeps the details of its call.
    """
    for block in blocks if isinstance(blocks, list | tuple) else ():
        if isinstance(block, Mapping) and block.get("type") == "server_tool_call":
            facts = block.get(details)
            yield block.get("id")
            yield facts.get("approval_request_id") if isinstance(facts, Mapping) else None


def outcomes_of(kept: Mapping[str, Any], calls: Iterable[object] = ()) -> dict[str, str]:
    """Read what an answer shows of decisions before it: request id to what became of it.

    Args:
        kept: The fields of the answer.
        calls: Ids of server-side calls that it shows, and of the requests that these answer.
    """
    noted = kept.get(OUTCOMES)
    outcomes = dict(noted) if isinstance(noted, Mapping) else {}
    shown = kept.get(APPROVED_CALLS)
    ran = [*calls, *(shown if isinstance(shown, list | tuple) else ())]
    outcomes |= {id: "ran" for id in ran if isinstance(id, str)}
    return {id: word for id, word in outcomes.items() if isinstance(id, str)}


def _entries(given: object, cls: type[_Ask], needed: tuple[str, ...]) -> list[_Ask]:
    entries = given if isinstance(given, list | tuple) else ()
    names = [field.name for field in fields(cls)]
    asks = []
    for entry in entries:
        if not isinstance(entry, Mapping):
            continue
        known = {name: entry[name] for name in names if isinstance(entry.get(name), str)}
        if all(name in known for name in needed):
            asks.append(cls(**known))
    return asks
