"""Output items of a response as a chat message, and back as input. Pure.

A chat message has one text, its calls and its reasoning. An answer is richer: encrypted reasoning,
tools that the service runs, the phase of a message. Its items stand in
``provider_specific_fields["output"]`` then, and go up from there in the next turn, as long as text
and calls are unchanged.

Texts follow each other, and the places of citations count from the start of the whole; paragraphs
of reasoning have a blank line between them (`azure_agents.content.joins` says the same of agents).
What a model says in passing (``phase: commentary``) stands with the reasoning: ``content`` is the
answer, and with a schema nothing but JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...content.joins import PARAGRAPH
from ...jsonio import JSON, known_fields

# Calls that the caller answers, and how chat writes them.
CALLS = {"function_call": "function", "custom_tool_call": "custom"}
_INPUT = {"function_call": "arguments", "custom_tool_call": "input"}
# Calls that the caller answers, and that chat has no form for.
_WAITING = frozenset(
    {
        "apply_patch_call",
        "computer_call",
        "local_shell_call",
        "mcp_approval_request",
        "shell_call",
    }
)
_OF_STORED = ("id", "status")  # what names an item on the server, or its progress
_PLACES = ("start_index", "end_index")


def to_message(items: Sequence[JSON]) -> JSON:
    """Map the items of an answer.

    Args:
        items: The ``output`` of a response.
    """
    texts = list(_texts(items))
    message: JSON = {"role": "assistant", "content": "".join(p["text"] for p in texts) or None}
    more = known_fields(
        refusal="".join(_refusals(items)) or None,
        tool_calls=[to_call(item) for item in items if item["type"] in CALLS] or None,
        annotations=list(_cited(texts)) or None,
        reasoning_content=PARAGRAPH.join(_paragraphs(items)) or None,
    )
    return {**message, **more, **kept(items)}


def waits(items: Iterable[JSON]) -> bool:
    """Whether the caller has to answer a call before the model goes on."""
    return any(item["type"] in CALLS or item["type"] in _WAITING for item in items)


def to_call(item: Mapping[str, Any]) -> JSON:
    """Map a call."""
    kind = CALLS[item["type"]]
    word = _INPUT[item["type"]]
    inner = {"name": item["name"], word: item.get(word) or ""}
    return {"id": item["call_id"], "type": kind, kind: inner}


def is_commentary(item: Mapping[str, Any]) -> bool:
    """Whether a message is said in passing, and is not the answer."""
    return item.get("phase") == "commentary"


def logprobs_of(items: Iterable[JSON]) -> list[JSON]:
    """Give the log probabilities of the answer's tokens, in order."""
    return [one for part in _texts(items) for one in part.get("logprobs") or ()]


def annotations_of(item: Mapping[str, Any], begin: int) -> list[JSON]:
    """Map the citations of a message.

    Args:
        item: The message.
        begin: Characters of text before it.
    """
    return list(_cited(list(_texts([item])), begin))


def _texts(items: Iterable[Mapping[str, Any]]) -> Iterator[JSON]:
    for item in items:
        if item["type"] == "message" and not is_commentary(item):
            yield from (part for part in item["content"] if part["type"] == "output_text")


def _refusals(items: Iterable[JSON]) -> Iterator[str]:
    for item in items:
        parts = item["content"] if item["type"] == "message" else ()
        yield from (part["refusal"] for part in parts if part["type"] == "refusal")


def _paragraphs(items: Iterable[JSON]) -> Iterator[str]:
    for item in items:
        parts: Sequence[JSON] = ()
        if item["type"] == "reasoning":
            parts = [*(item.get("summary") or ()), *(item.get("content") or ())]
        elif item["type"] == "message" and is_commentary(item):
            parts = item["content"]
        yield from (part["text"] for part in parts if part.get("text"))


def _cited(texts: Iterable[JSON], begin: int = 0) -> Iterator[JSON]:
    for part in texts:
        for annotation in part.get("annotations") or ():
            yield _annotation(annotation, begin)
        begin += len(part["text"])


def _annotation(annotation: Mapping[str, Any], begin: int) -> JSON:
    kind = annotation["type"]
    # The index of a file path counts files; that of a file citation is a place in the text.
    places = (*_PLACES, "index") if kind == "file_citation" else _PLACES
    moved = {n: begin + annotation[n] for n in places if isinstance(annotation.get(n), int)}
    return {"type": kind, kind: {k: v for k, v in {**annotation, **moved}.items() if k != "type"}}


# --- answers that come back ---------------------------------------------------------------------


def kept(items: Sequence[JSON]) -> JSON:
    """Give the fields that keep items which a chat message would lose; none if it loses none."""
    return {} if _is_plain(items) else {"provider_specific_fields": {"output": list(items)}}


def _is_plain(items: Sequence[JSON]) -> bool:
    kinds = [item["type"] for item in items]
    spoken = kinds[:1] == ["message"]
    calls = kinds[spoken:]
    is_said = not spoken or ("phase" not in items[0] and len(items[0]["content"]) == 1)
    is_known = all(kind in CALLS for kind in calls)
    return is_said and is_known and not any(_is_indirect(item) for item in items)


def _is_indirect(item: Mapping[str, Any]) -> bool:
    # A call that a program in the service made, or of a tool in a namespace, must say so again.
    return item.get("caller") is not None or item.get("namespace") is not None


def kept_of(message: Mapping[str, Any]) -> list[JSON] | None:
    """Give the items that a message of an earlier answer keeps.

    Args:
        message: A chat message of the assistant.

    Returns:
        None where it keeps none, or where its text or calls were changed since: then they count.
    """
    fields = message.get("provider_specific_fields")
    items = fields.get("output") if isinstance(fields, Mapping) else None
    if not isinstance(items, list) or not items:
        return None
    try:
        is_same = _said(to_message(items)) == _said(message)
    except (LookupError, TypeError, AttributeError):  # a history comes from anywhere
        return None
    return [dict(item) for item in items] if is_same else None


def _said(message: Mapping[str, Any]) -> tuple[object, ...]:
    calls = [
        (call.get("id"), call.get(call.get("type") or "function"))
        for call in message.get("tool_calls") or ()
    ]
    return message.get("content") or None, message.get("refusal") or None, calls


def to_input_items(items: Iterable[Mapping[str, Any]], *, is_stored: bool) -> list[JSON]:
    """Make input of the items of an earlier answer.

    Args:
        items: As an answer had them.
        is_stored: Whether the service keeps them; reasoning that is not encrypted goes up only
            then, since nothing of it is left elsewhere.
    """
    return [one for item in items for one in _to_input(item, is_stored=is_stored)]


def _to_input(item: Mapping[str, Any], *, is_stored: bool) -> Iterator[JSON]:
    kind = item["type"]
    if kind == "reasoning" and not item.get("encrypted_content"):
        if is_stored:
            yield {name: item[name] for name in ("type", "id", "summary") if name in item}
    elif kind == "reasoning":
        more = {"content": item["content"]} if item.get("content") else {}
        summary, sealed = item.get("summary") or [], item["encrypted_content"]
        yield {"type": kind, "summary": summary, **more, "encrypted_content": sealed}
    elif kind == "message":
        phase = known_fields(phase=item.get("phase"))
        yield {"role": "assistant", "content": list(map(_said_part, item["content"])), **phase}
    elif kind in CALLS:
        yield {name: value for name, value in item.items() if name not in _OF_STORED}
    else:  # of tools that the service runs: their ids are part of them
        yield dict(item)


def _said_part(part: Mapping[str, Any]) -> JSON:
    words = {name: part[name] for name in ("type", "text", "refusal") if name in part}
    return {**words, **known_fields(annotations=part.get("annotations") or None)}
