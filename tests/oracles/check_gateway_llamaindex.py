"""LlamaIndex's `OpenAILike` at the gateway: chats, streams, tools, a query engine, an agent."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core import Document, SummaryIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from oracle import ENDPOINT, check, run

MODELS = ("chat", "claude", "v2", "classic")


def get_weather(city: str = "Paris") -> str:
    """The weather in a city."""
    return f"18 C in {city}"


TOOL = FunctionTool.from_defaults(get_weather)


def llm(model: str) -> Any:
    """As LlamaIndex's documentation builds it."""
    return OpenAILike(
        model=model,
        api_base=f"{ENDPOINT}/v1",
        api_key="sk-oracle",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=100_000,
        max_retries=0,
    )


@check
def a_chat() -> None:
    """Whole, streamed, completed, sync and async."""
    for model in MODELS:
        one, said = llm(model), [ChatMessage(role="user", content="Hello")]
        assert "Hello there!" == one.chat(said).message.content
        assert "Hello there!" == [*one.stream_chat(said)][-1].message.content
        assert "Hello there!" == one.complete("Hello").text
        assert "Hello there!" == asyncio.run(_async(llm(model), said))


async def _async(one: Any, said: list[ChatMessage]) -> str:
    pieces = [piece async for piece in await one.astream_chat(said)]
    return str(pieces[-1].message.content)


@check
def a_tool() -> None:
    """A call, whole and streamed."""
    for model in MODELS:
        one = llm(model)
        answer = one.chat_with_tools([TOOL], "call")
        calls = one.get_tool_calls_from_response(answer)
        assert [("get_weather", {"city": "Paris"})] == [
            (call.tool_name, call.tool_kwargs) for call in calls
        ], model
        last = [*one.stream_chat_with_tools([TOOL], "call")][-1]
        assert ["get_weather"] == [
            call.tool_name for call in one.get_tool_calls_from_response(last)
        ]


@check
def a_query_engine() -> None:
    """Over a document, whole and streamed."""
    index = SummaryIndex.from_documents([Document(text="Ada wrote the first program.")])
    for model in MODELS:
        engine = index.as_query_engine(llm=llm(model))
        assert "Hello there!" == str(engine.query("Who wrote it?"))
        streaming = index.as_query_engine(llm=llm(model), streaming=True)
        assert "Hello there!" == "".join(streaming.query("Who wrote it?").response_gen)


@check
def an_agent() -> None:
    """It calls the function, and answers with what came of it."""
    for model in MODELS:
        agent = FunctionAgent(tools=[TOOL], llm=llm(model))
        assert "It is mild." == str(asyncio.run(_run(agent))), model


async def _run(agent: FunctionAgent) -> Any:
    return await agent.run(user_msg="call")


if __name__ == "__main__":
    run()
