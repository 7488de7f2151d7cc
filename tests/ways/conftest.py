"""Every way to ask an agent, as a table: what holds at one door holds at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, closing
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import AgentClient, AsyncAgentClient, acompletion, completion
from azure_agents.fold import fold
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

Ask = Callable[[dict[str, Any], dict[str, Any]], str]  # settings, arguments of the call -> text


def _langchain(way: str) -> Ask:
    def ask(settings: dict[str, Any], call: dict[str, Any]) -> str:
        llm = ChatAzureAgent(**settings)

        async def collected() -> str:
            return "".join([str(chunk.content) async for chunk in llm.astream("hi", **call)])

        async def asked() -> str:
            return str((await llm.ainvoke("hi", **call)).content)

        if way == "invoke":
            return str(llm.invoke("hi", **call).content)
        if way == "stream":
            return "".join(str(chunk.content) for chunk in llm.stream("hi", **call))
        return asyncio.run(asked() if way == "ainvoke" else collected())

    return ask


def _llamaindex(way: str) -> Ask:
    def ask(settings: dict[str, Any], call: dict[str, Any]) -> str:
        llm, messages = AzureAgentLLM(**settings), [ChatMessage("hi")]

        async def collected() -> str:
            told = await llm.astream_chat(messages, **call)
            return "".join([chunk.delta or "" async for chunk in told])

        async def asked() -> str:
            return (await llm.achat(messages, **call)).message.content or ""

        if way == "chat":
            return llm.chat(messages, **call).message.content or ""
        if way == "stream_chat":
            return "".join(chunk.delta or "" for chunk in llm.stream_chat(messages, **call))
        return asyncio.run(asked() if way == "achat" else collected())

    return ask


def _completion(*, is_async: bool, stream: bool) -> Ask:
    def ask(settings: dict[str, Any], call: dict[str, Any]) -> str:
        arguments: dict[str, Any] = {
            "messages": [{"role": "user", "content": "hi"}],
            "stream": stream,
            **settings,
            **call,
        }

        async def asked() -> str:
            answer: Any = await acompletion(**arguments)
            if not stream:
                return str(answer.choices[0].message.content)
            chunks = [chunk async for chunk in answer]
            return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

        if is_async:
            return asyncio.run(asked())
        answer: Any = completion(**arguments)
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join(c.choices[0].delta.content or "" for c in answer if c.choices)

    return ask


def _core(*, is_async: bool, stream: bool) -> Ask:
    def ask(settings: dict[str, Any], call: dict[str, Any]) -> str:
        named = {n: call[n] for n in ("owner", "thread_id") if n in call}
        options = {n: v for n, v in call.items() if n not in named}
        request = TurnRequest((user("hi"),), options=options, **named)

        async def asked() -> str:
            client = AsyncAgentClient(**settings)
            if not stream:
                return (await client.complete(request)).text
            async with aclosing(client.stream(request)) as events:
                return fold([event async for event in events]).text

        if is_async:
            return asyncio.run(asked())
        client = AgentClient(**settings)
        if not stream:
            return client.complete(request).text
        with closing(client.stream(request)) as events:
            return fold(list(events)).text

    return ask


DOORS: dict[str, Ask] = {
    **{f"langchain {way}": _langchain(way) for way in ("invoke", "stream", "ainvoke", "astream")},
    **{
        f"llamaindex {way}": _llamaindex(way)
        for way in ("chat", "stream_chat", "achat", "astream_chat")
    },
    **{
        f"{name} {'async' if is_async else 'sync'} {'stream' if stream else 'whole'}": make(
            is_async=is_async, stream=stream
        )
        for name, make in (("completion", _completion), ("core", _core))
        for is_async in (False, True)
        for stream in (False, True)
    },
}


@pytest.fixture(params=DOORS)
def ask(request: pytest.FixtureRequest) -> Ask:
    """One of the sixteen ways."""
    return DOORS[request.param]
