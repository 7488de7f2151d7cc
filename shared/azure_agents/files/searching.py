"""Searching vector stores from here, without asking an agent: for retrievers.

The route is OpenAI's (``POST /vector_stores/{id}/search``); no recording of Foundry has it. A
search changes nothing, so it is tried again like any reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from functools import partial
from typing import Any, cast

from ..errors import InvalidRequestError
from ..jsonio import JSON, dumps, malformed
from ..naming import shown
from ..protocols.commands import Flow, Send
from ..protocols.responses.definition import read_definition
from ..protocols.retry import is_transient
from ..protocols.sending import fetch, read_object, retrying, send
from ..protocols.turn import Turn
from .file_flows import name_missing
from .vector_store_flows import checked_store

MOST = 50  # of one search, as OpenAI has it


@dataclass(frozen=True, slots=True)
class Passage:
    """What a search found.

    Attributes:
        text: The words.
        file_id: The file that they stand in.
        file_name: How that file is called.
        score: How well they fit, 0 to 1.
        attributes: What is noted of the file in its vector store.
    """

    text: str
    file_id: str
    file_name: str
    score: float
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for; checked when it is made.

    Attributes:
        query: Words or a question.
        max_results: Passages at most, 1 to 50.
        min_score: Passages that fit less well are left out; 0 to 1, None: none are.
    """

    query: str
    max_results: int = 10
    min_score: float | None = None

    def __post_init__(self) -> None:
        query, most, least = cast("tuple[object, object, object]", astuple(self))
        if not isinstance(query, str) or not query.strip():
            raise InvalidRequestError(f"query={shown(query)}: give words to search for")
        if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST:
            raise InvalidRequestError(f"max_results={shown(most)} must be a number, 1 to {MOST}")
        if least is not None and not (isinstance(least, int | float) and 0 <= least <= 1):
            raise InvalidRequestError(f"min_score={shown(least)} must be a number, 0 to 1")

    def best(self, passages: Sequence[Passage]) -> list[Passage]:
        """The best of what was found, the best first.

        Args:
            passages: Of any number of stores.
        """
        fitting = [one for one in passages if one.score >= (self.min_score or 0.0)]
        return sorted(fitting, key=lambda one: -one.score)[: self.max_results]


def search_stores(turn: Turn, search: Search, store_ids: Sequence[str] = ()) -> Flow[list[Passage]]:
    """Search in vector stores, by default in those of the turn's agent; the best of all first.

    Raises:
        InvalidRequestError: The agent has none.
    """
    ids = tuple(store_ids) or stores_of((yield from _definition(turn)))
    if not ids:
        agent = turn.settings.agent.requested
        raise InvalidRequestError(
            f"agent {agent!r} has no vector store: give it a file search tool, or name stores"
        )
    found: list[Passage] = []
    for id in ids:
        found += yield from _found(turn, id, search)
    return search.best(found)


def stores_of(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """The vector stores that an agent's file search searches in, whatever its generation.

    Args:
        definition: In the form of the service.
    """
    tools = definition.get("tools") or ()
    found = [id for tool in tools for id in tool.get("vector_store_ids") or ()]
    search = (definition.get("tool_resources") or {}).get("file_search") or {}
    return tuple(dict.fromkeys([*found, *(search.get("vector_store_ids") or ())]))


def _definition(turn: Turn) -> Flow[JSON]:
    agent = turn.settings.agent
    if agent.generation == "v2":
        return (yield from read_definition(turn))
    return (yield from fetch(turn.route(f"/assistants/{agent.name}"), turn, "read the agent"))


def _found(turn: Turn, store_id: str, search: Search) -> Flow[list[Passage]]:
    body = dumps({"query": search.query, "max_num_results": search.max_results})
    route = turn.route(f"/vector_stores/{checked_store(store_id)}/search")
    attempt = partial(send, Send("POST", route, body), turn, "search the vector store")
    with name_missing(f"vector store {store_id!r}"):
        page = read_object((yield from retrying(attempt, turn, when=is_transient)))
    with malformed(page):
        return [_passage(one) for one in page["data"]]


def _passage(wire: JSON) -> Passage:
    texts = [part["text"] for part in wire.get("content") or () if part.get("type") == "text"]
    return Passage(
        text="\n".join(texts),
        file_id=wire["file_id"],
        file_name=wire.get("filename") or "",
        score=float(wire.get("score") or 0.0),
        attributes=dict(wire.get("attributes") or {}),
    )
