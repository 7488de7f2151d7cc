"""The one oracle: what the messages of a call say, and what the agent saw, in the same form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, TypeAlias

from azure_agents.events import ApprovalRequest
from azure_agents.messages import ApprovalReply, Message

Fact: TypeAlias = tuple[str, ...]

_RESULT = re.compile(r"\[tool (?:result|error) (call_\S+): (.*)\]", re.DOTALL)
_TOLD = re.compile(r"\[record: approval decided (\{.*\})\]")
_ASKED = re.compile(r"\n?\[record: approval requested (\{.*\})\]\n?")
_CALL = re.compile(r"\n?\[tool call (call_\S+): .*\]")


def expected_facts(messages: tuple[Message, ...], generation: str) -> list[Fact]:
    """What the messages of a call say: texts, answered calls, results; nothing else."""
    answered = {m.tool_call_id for m in messages if m.role == "tool"}
    facts: list[Fact] = []
    held = _results_that_hold(messages)
    for index, message in enumerate(messages):
        if message.role == "tool":
            if index in held:
                facts.append(("result", message.tool_call_id or "", message.text))
        elif message.role != "system" or generation != "classic":
            facts += _said(message.role, message.text)
            facts += (_decision(p) for p in message.parts if isinstance(p, ApprovalReply))
            facts += (("call", c.id) for c in message.tool_calls if c.id in answered)
    return in_any_order(facts)


def _results_that_hold(messages: tuple[Message, ...]) -> set[int]:
    """Of several results of one call the first that an answer follows, or else the last."""
    held: dict[str, int] = {}
    told = 0  # messages up to the last answer, which nobody can take back
    for index, message in enumerate(messages):
        if message.role == "assistant":
            told = index
        elif message.role == "tool" and held.get(message.tool_call_id or "", told) >= told:
            held[message.tool_call_id or ""] = index
    return set(held.values())


def seen_facts(seen: Any) -> list[Fact]:
    """The same, of what the agent saw; classic may tell calls and results as text."""
    facts: list[Fact] = []
    for message in seen.messages:
        result = _RESULT.fullmatch(message.text) if message.role == "assistant" else None
        if message.role == "tool":
            facts.append(("result", message.tool_call_id, message.text))
        elif result is not None:
            facts.append(("result", result[1], result[2]))
        elif (told := _TOLD.findall(message.text)) and message.role == "user":
            facts += (("result", one["id"], one["decision"]) for one in map(json.loads, told))
        else:
            facts += _said(message.role, _ASKED.sub("", _CALL.sub("", message.text)))
            facts += (("call", i) for i in _CALL.findall(message.text))
            facts += (("call", call.id) for call in message.tool_calls)
    return in_any_order(facts)


def told_in_part(
    messages: tuple[Message, ...], seen: Any, items: Iterable[Mapping[str, Any]] = ()
) -> list[str]:
    """Requests whose decision was told to an agent that does not have the whole request.

    A v2 agent that goes on from the answer that asked has the request itself, as an item of its
    thread; the transcript shows messages only. Everywhere else a record has to say all of it.

    Args:
        messages: The messages of the call.
        seen: What the agent saw.
        items: The items of the thread that the agent went on with, as the emulator keeps them.
    """
    taken = {message.tool_call_id for message in seen.messages}
    parts = (part for message in messages for part in message.parts)
    decided = {part.request_id for part in parts if isinstance(part, ApprovalReply)} - taken
    asked = (ask for m in messages for ask in m.asks if isinstance(ask, ApprovalRequest))
    whole = [*_requests_told(seen), *_requests_kept(items)]
    return [
        ask.id
        for ask in asked
        if ask.id in decided
        and (ask.id, ask.server_label, ask.name, json.loads(ask.arguments)) not in whole
    ]


def _requests_told(seen: Any) -> Iterator[tuple[Any, ...]]:
    """Read the records of requests in the agent's own words: id, server, tool, arguments."""
    for message in seen.messages:
        if message.role == "assistant":
            for one in map(json.loads, _ASKED.findall(message.text)):
                yield one["id"], one["server"], one["tool"], one["arguments"]


def _requests_kept(items: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Read the same of the requests that the thread itself holds."""
    for one in items:
        if one["type"] == "mcp_approval_request":
            yield one["id"], one["server_label"], one["name"], json.loads(one["arguments"])


def _decision(reply: ApprovalReply) -> Fact:
    return "result", reply.request_id, "approved" if reply.approve else "denied"


def in_any_order(facts: list[Fact]) -> list[Fact]:
    """Results of one round belong to their calls by id: their order says nothing."""
    ordered: list[Fact] = []
    for is_result, group in groupby(facts, key=lambda fact: fact[0] == "result"):
        run = list(group)
        ordered += sorted(run) if is_result else run
    return ordered


def _said(role: str, text: str) -> list[Fact]:
    return [(role, text.strip())] if text.strip() else []
