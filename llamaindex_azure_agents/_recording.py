"""Ids and usage of turns that a query engine makes and keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.llms.types import ChatResponse
from llama_index.core.base.response.schema import AsyncStreamingResponse, StreamingResponse
from llama_index.core.instrumentation.span import BaseSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler
from llama_index.core.types import TokenAsyncGen, TokenGen
from pydantic import PrivateAttr

Turns: TypeAlias = list[dict[str, Any]]

_turns: ContextVar[Turns | None] = ContextVar("azure_agents_llamaindex_turns", default=None)


@contextmanager
def record_turns() -> Iterator[Turns]:
    """Collect the `raw` of every answer that `AzureAgentLLM` objects give inside the block.

    Query engines pass on nothing but the text of an answer; this is where its ids are:

        with record_turns() as turns:
            query_engine.query("…")
        print([turn["thread_id"] for turn in turns])

    Blocks may be nested, the innermost one collects. Threads and tasks started inside count as
    inside if LlamaIndex starts them; an answer that is streamed belongs to where it was asked for.
    """
    turns: Turns = []
    token = _turns.set(turns)
    try:
        yield turns
    finally:
        _turns.reset(token)


def current_turns() -> Turns | None:
    """Give the innermost list. Ask when a call starts: streams run in threads without a context."""
    return _turns.get()


def noted(response: ChatResponse, turns: Turns | None) -> ChatResponse:
    """Add the `raw` of a response to `turns`; returns the response. Only the last chunk has one."""
    if turns is not None and response.raw is not None:
        turns.append(response.raw)
    return response


class _PassedOn(list[dict[str, Any]]):
    """Turns of an inner block, which count in the block around it, too."""

    def __init__(self, outer: Turns | None) -> None:
        super().__init__()
        self._outer = outer

    def append(self, turn: dict[str, Any]) -> None:
        super().append(turn)
        if self._outer is not None:
            self._outer.append(turn)


class TurnsInResponses(BaseSpanHandler[BaseSpan]):
    """Puts the turns behind a query engine's answer into ``response.metadata["foundry_turns"]``.

    For those who see nothing but a `Response`: it is added once, and holds for every query engine
    of the process.

        llama_index.core.instrumentation.get_dispatcher().add_span_handler(TurnsInResponses())

    Each turn is the `raw` of an LLM's answer: ids, usage and so on. Engines inside of others have
    their own, which count for the outer one, too. A streamed response has them when it was read.
    """

    _open: dict[str, tuple[Turns | None, Turns]] = PrivateAttr(default_factory=dict)

    def __init__(self) -> None:
        super().__init__()

    @classmethod
    def class_name(cls) -> str:
        """Name the class, for dumps."""
        return "TurnsInResponses"

    def new_span(self, id_: str, *rest: Any, instance: Any = None, **facts: Any) -> None:  # noqa: ARG002
        """Begin to collect if a query begins.

        Args:
            id_: Names the class and method that runs.
            rest: Not used, as are `facts`.
            instance: The object whose method runs.
            facts: What else LlamaIndex tells.
        """
        if isinstance(instance, BaseQueryEngine) and _is_query(id_):
            outer = _turns.get()
            turns = _PassedOn(outer)
            self._open[id_] = (outer, turns)
            # It holds where the query runs: LlamaIndex tells of it in the same task or thread.
            _turns.set(turns)

    def prepare_to_exit_span(
        self,
        id_: str,
        *rest: Any,  # noqa: ARG002
        result: Any = None,
        **facts: Any,  # noqa: ARG002
    ) -> None:
        """Put what was collected into the response.

        Args:
            id_: As for `new_span`.
            rest: Not used, as are `facts`.
            result: What the method gave.
            facts: What else LlamaIndex tells.
        """
        if id_ in self._open:
            turns = self._close(id_)
            result.metadata = {**(result.metadata or {}), "foundry_turns": turns}
            # Engines ask for a streamed answer when its first token is wanted.
            if isinstance(result, StreamingResponse):
                result.response_gen = _listening(result.response_gen, turns)
            elif isinstance(result, AsyncStreamingResponse):
                result.response_gen = _alistening(result.response_gen, turns)

    def prepare_to_drop_span(self, id_: str, *rest: Any, **facts: Any) -> None:  # noqa: ARG002
        """End a query that failed.

        Args:
            id_: As for `new_span`.
            rest: Not used, as are `facts`.
            facts: What else LlamaIndex tells.
        """
        if id_ in self._open:
            self._close(id_)

    def _close(self, id_: str) -> Turns:
        outer, turns = self._open.pop(id_)
        _turns.set(outer)
        return turns


def _is_query(span_id: str) -> bool:
    # "RetrieverQueryEngine.query-<uuid>": its inner methods have spans of their own.
    return span_id.partition(".")[2].startswith(("query-", "aquery-"))


def _listening(tokens: TokenGen, turns: Turns) -> TokenGen:
    """Read tokens as inside a block of `record_turns` that collects into `turns`."""
    with closing(tokens):
        while True:
            outer = _turns.get()
            _turns.set(turns)
            try:
                token = next(tokens)
            except StopIteration:
                return
            finally:
                _turns.set(outer)
            yield token


async def _alistening(tokens: TokenAsyncGen, turns: Turns) -> TokenAsyncGen:
    """Read tokens as inside a block of `record_turns`; as `_listening`."""
    async with aclosing(tokens):
        while True:
            outer = _turns.get()
            _turns.set(turns)
            try:
                token = await anext(tokens)
            except StopAsyncIteration:
                return
            finally:
                _turns.set(outer)
            yield token
