"""The typed fields in which answers keep what they ask, and what became of it, at every door.

LangChain keeps them in ``response_metadata``, LlamaIndex in the message's ``additional_kwargs``,
`completion` in ``provider_specific_fields``. They come back with the history; what has another form
is nothing that an answer of ours said, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from ..events import ApprovalRequest, ConsentRequest
from .blocks import others_request

REQUESTS = "approval_requests"
CONSENTS = "consent_requests"
OUTCOMES = "approval_outcomes"
APPROVED_CALLS = "approved_calls"  # ids of requests whose tools an answer shows to have run

_REQUEST = ("id", "name", "arguments")
_NOBODYS = ""  # a seal that fits nothing

_Ask = TypeVar("_Ask", ApprovalRequest, ConsentRequest)


def asks_of(kept: Mapping[str, Any]) -> tuple[ApprovalRequest | ConsentRequest, ...]:
    """What an answer asked for: approvals, then consent."""
    approvals = _entries(kept.get(REQUESTS), ApprovalRequest, _REQUEST)
    return (*approvals, *_entries(kept.get(CONSENTS), ConsentRequest, ("id", "link")))


def asks_of_others(content: object) -> tuple[ApprovalRequest, ...]:
    """What another model's answer asked approval for: it is told, and never sent as ours.

    Args:
        content: The content of an assistant message.
    """
    blocks = content if isinstance(content, list | tuple) else ()
    asked = [request for block in blocks if (request := others_request(block)) is not None]
    requests = _entries(asked, ApprovalRequest, _REQUEST)
    return tuple(replace(request, seal=_NOBODYS) for request in requests)


def outcomes_of(kept: Mapping[str, Any], calls: Iterable[object] = ()) -> dict[str, str]:
    """What an answer shows of decisions before it.

    Args:
        kept: Its fields.
        calls: Ids of server-side calls that it tells of, and of the requests that these answer.
    """
    told = kept.get(OUTCOMES)
    outcomes = dict(told) if isinstance(told, Mapping) else {}
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
