"""Ids and usage in the `Response` of a query engine, for those who see nothing else."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from llama_index.core import Document, SummaryIndex
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.query_engine import RouterQueryEngine
from llama_index.core.tools import QueryEngineTool

from azure_agents.emulator import Failed
from azure_agents.errors import RunFailedError
from llamaindex_azure_agents import AzureAgentLLM, TurnsInResponses, record_turns

Make = Callable[..., AzureAgentLLM]


@pytest.fixture(autouse=True)
def _handler() -> Iterator[None]:
    dispatcher, handler = get_dispatcher(), TurnsInResponses()
    dispatcher.add_span_handler(handler)
    yield
    dispatcher.span_handlers.remove(handler)
    assert {} == handler._open


def engine_of(llm: AzureAgentLLM, **settings: Any) -> Any:
    """Over one short text."""
    index = SummaryIndex.from_documents([Document(text="Ada lives in London.")])
    return index.as_query_engine(llm=llm, **settings)


def ask(engine: Any, *, is_async: bool) -> Any:
    """A query."""
    return asyncio.run(engine.aquery("Where?")) if is_async else engine.query("Where?")


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("mode", ["compact", "tree_summarize", "accumulate"])
def test_a_response_has_its_turns(make_llm: Make, is_async: bool, mode: str) -> None:
    """Beside what it had; a block around it has them, too."""
    engine = engine_of(make_llm("London."), response_mode=mode)
    with record_turns() as turns:
        responses = [ask(engine, is_async=is_async) for _ in range(2)]
    assert [[turn] for turn in turns] == [one.metadata["foundry_turns"] for one in responses]
    assert all(turn["thread_id"] and turn["usage"]["total_tokens"] for turn in turns)
    assert all(len(one.metadata) > 1 for one in responses)


@pytest.mark.parametrize("is_async", [True, False])
def test_a_streamed_response_has_them_when_it_was_read(make_llm: Make, is_async: bool) -> None:
    """Its list fills at the end."""
    engine = engine_of(make_llm("London."), streaming=True)

    async def stream() -> tuple[str, Any]:
        response = await engine.aquery("Where?")
        return "".join([token async for token in response.async_response_gen()]), response

    if is_async:
        text, response = asyncio.run(stream())
    else:
        response = engine.query("Where?")
        text = str(response)
    assert "London." == text
    [turn] = response.metadata["foundry_turns"]
    assert turn["thread_id"]


@pytest.mark.parametrize("is_async", [True, False])
def test_an_engine_in_an_engine(make_llm: Make, is_async: bool) -> None:
    """The choice and the answer."""
    inner = engine_of(make_llm("London."))
    outer = RouterQueryEngine.from_defaults(
        [QueryEngineTool.from_defaults(inner, description="Where people live.")],
        llm=make_llm('{"index": 1, "reason": "the only one"}'),
    )
    response = ask(outer, is_async=is_async)
    assert "London." == str(response)
    assert 2 == len(response.metadata["foundry_turns"])


def test_a_query_that_failed_leaves_nothing(make_llm: Make) -> None:
    """The block around it goes on to collect."""
    engine = engine_of(make_llm([Failed(), "London."]))
    with record_turns() as turns:
        with pytest.raises(RunFailedError):
            engine.query("Where?")
        response = engine.query("Where?")
    assert turns == response.metadata["foundry_turns"]
    assert 1 == len(turns)
