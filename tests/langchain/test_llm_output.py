"""`llm_output` of results: model, usage and threads, where older programs look for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_azure_agents._llm_output import _told

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult


class Ends(BaseCallbackHandler):
    """Keeps the results that a callback gets."""

    def __init__(self) -> None:
        self.results: list[LLMResult] = []

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """Keep the result."""
        self.results.append(response)


def told(answer: Any) -> Any:
    """What `llm_output` says of an answer."""
    usage = answer.usage_metadata
    counts = {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    metadata = answer.response_metadata
    return {
        "model_name": metadata["model_name"],
        "token_usage": counts,
        "thread_ids": [metadata["thread_id"]],
    }


WAYS: Any = {
    "invoke": lambda llm, config: llm.invoke("Hi", config),
    "ainvoke": lambda llm, config: asyncio.run(llm.ainvoke("Hi", config)),
    "batch": lambda llm, config: llm.batch(["Hi"], config)[0],
    "abatch": lambda llm, config: asyncio.run(llm.abatch(["Hi"], config))[0],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("version", [None, "v1"])
def test_callbacks_find_usage_there(connect: Any, way: str, streaming: bool, version: Any) -> None:
    """However the answer was asked for; the message itself stays as a stream gives it."""
    llm = connect(streaming=streaming, output_version=version)
    ends = Ends()
    answer = WAYS[way](llm, {"callbacks": [ends]})
    assert [told(answer)] == [result.llm_output for result in ends.results]
    assert not {"token_usage", "thread_ids"} & set(answer.response_metadata)


@pytest.mark.parametrize("is_async", [False, True])
def test_several_answers_are_added_up(llm: Any, is_async: bool) -> None:
    """Usage is a sum, and each answer has its thread."""
    asked: Any = [[HumanMessage("Hi")], [HumanMessage("My name is Ada.")]]
    result = asyncio.run(llm.agenerate(asked)) if is_async else llm.generate(asked)
    answers = [told(one[0].message) for one in result.generations]
    counted = [one["token_usage"]["total_tokens"] for one in answers]
    assert sum(counted) == result.llm_output["token_usage"]["total_tokens"]
    assert [one["thread_ids"][0] for one in answers] == result.llm_output["thread_ids"]


def test_what_is_not_known_is_left_out(llm: Any) -> None:
    """A service that did not count, and an answer of the cache among the others."""
    message = AIMessage("Hi", response_metadata={"model_name": "m"})
    result = _told(ChatResult(generations=[ChatGeneration(message=message)]))
    assert {"model_name": "m", "thread_ids": []} == result.llm_output
    counted = {"model_name": "m", "token_usage": {"total_tokens": 3}, "thread_ids": ["t"]}
    assert counted == llm._combine_llm_outputs([None, result.llm_output, counted])
    assert {} == llm._combine_llm_outputs([None])


def test_an_answer_from_the_cache_used_nothing(connect: Any) -> None:
    """So it is counted once."""
    llm, ends = connect(cache=InMemoryCache()), Ends()
    for _ in range(2):
        llm.invoke("Hi", {"callbacks": [ends]})
    assert [True, False] == [bool(result.llm_output) for result in ends.results]


def test_a_stream_has_usage_in_its_message(llm: Any) -> None:
    """LangChain gives callbacks of `stream` no `llm_output`; those who count read the message."""
    ends = Ends()
    list(llm.stream("Hi", {"callbacks": [ends]}))
    [result] = ends.results
    [[generation]] = result.generations
    assert result.llm_output is None
    assert generation.message.usage_metadata["total_tokens"] > 0  # type: ignore[union-attr]
