"""The ways to ask an agent: both adapters and `completion()`, each sync and async."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, NamedTuple, Protocol

import httpx
from langchain_core.messages import HumanMessage, ToolMessage
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ImageBlock,
    MessageRole,
    TextBlock,
)

from azure_agents import acompletion, completion
from azure_agents.threads.memory import MemoryThreadStore
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents import approve as langchain_approve
from llamaindex_azure_agents import AzureAgentLLM
from llamaindex_azure_agents import approve as llamaindex_approve

from .recording import ENDPOINT, JSON


class Said(NamedTuple):
    """What a caller says in one turn: words, maybe with an image, or what an answer waits for."""

    text: str = ""
    image: str = ""  # a data URL
    result_of: str = ""  # id of the call that `text` is the result of
    approves: str = ""  # id of the request that is approved


class Seen(NamedTuple):
    """What a caller sees of an answer."""

    text: str
    calls: list[tuple[str, str]]  # id and name
    tools: list[str]  # kinds of tools that ran on the server
    approvals: list[str]  # ids of what the user is asked for
    sources: int  # citations
    tokens: tuple[int, int] | None
    thread_id: str
    turn_id: str  # response or run
    unknown: list[str] = []  # noqa: RUF012 - types of what this package has no word for


@dataclass
class Connection:
    """Where and how to ask: no sockets, no memory of other tests."""

    model: str | None
    pin: str | None = None
    own: str = ""
    place: JSON = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place = {
            "endpoint": ENDPOINT + self.own,
            "credential": "a-token-for-replays",
            "thread_store": MemoryThreadStore(),
            # httpx-aiohttp, which async calls would use, is another library to vcrpy.
            "async_transport": httpx.AsyncHTTPTransport(),
        }


class Door(Protocol):
    """One way to ask; messages and answers are those of the framework."""

    def message(self, said: Said) -> Any:
        """What the caller says, as a message."""

    async def ask(self, history: list[Any], *, streamed: bool, **options: Any) -> Any:
        """Ask, and give the whole answer."""

    def kept(self, answer: Any) -> Any:
        """The message to keep in the history."""

    def seen(self, answer: Any) -> Seen:
        """What the caller sees."""


class LangChain:
    """`ChatAzureAgent`."""

    def __init__(self, connection: Connection, *, is_async: bool) -> None:
        self._llm = ChatAzureAgent(model=connection.model, **connection.place)
        self._pin = {"thread_id": connection.pin} if connection.pin else {}
        self._is_async = is_async

    def message(self, said: Said) -> Any:
        """A message of LangChain."""
        if said.approves:
            return langchain_approve(said.approves)
        if said.result_of:
            return ToolMessage(said.text, tool_call_id=said.result_of)
        return HumanMessage(_parts(said) if said.image else said.text)

    async def ask(self, history: list[Any], *, streamed: bool, **options: Any) -> Any:
        """The sum of the chunks, or the answer at once."""
        options |= self._pin
        if self._is_async and streamed:
            return reduce(add, [chunk async for chunk in self._llm.astream(history, **options)])
        if self._is_async:
            return await self._llm.ainvoke(history, **options)
        if streamed:
            return reduce(add, self._llm.stream(history, **options))
        return self._llm.invoke(history, **options)

    def kept(self, answer: Any) -> Any:
        """The message itself."""
        return answer

    def seen(self, answer: Any) -> Seen:
        """From the standard fields and the metadata."""
        about, blocks = answer.response_metadata, answer.content_blocks
        usage = answer.usage_metadata
        cited = [a for block in blocks for a in block.get("annotations") or ()]
        return Seen(
            str(answer.text),
            [(call["id"], call["name"]) for call in answer.tool_calls],
            [block["name"] for block in blocks if block["type"] == "server_tool_call"],
            [request["id"] for request in about.get("approval_requests", ())],
            len(cited),
            (usage["input_tokens"], usage["output_tokens"]) if usage else None,
            about.get("thread_id") or "",
            about.get("response_id") or about.get("run_id") or "",
            [value["type"] for block in blocks if (value := _unknown(block))],
        )


class LlamaIndex:
    """`AzureAgentLLM`."""

    def __init__(self, connection: Connection, *, is_async: bool) -> None:
        self._llm = AzureAgentLLM(model=connection.model, **connection.place)
        self._pin = {"thread_id": connection.pin} if connection.pin else {}
        self._is_async = is_async

    def message(self, said: Said) -> Any:
        """A message of LlamaIndex."""
        if said.approves:
            return llamaindex_approve(said.approves)
        if said.result_of:
            call = {"tool_call_id": said.result_of}
            return ChatMessage(said.text, role=MessageRole.TOOL, additional_kwargs=call)
        if said.image:
            mime_type, _, data = said.image.removeprefix("data:").partition(";base64,")
            image = ImageBlock(image=data.encode(), image_mimetype=mime_type, detail="high")
            return ChatMessage(blocks=[TextBlock(text=said.text), image])
        return ChatMessage(said.text)

    async def ask(self, history: list[Any], *, streamed: bool, **options: Any) -> Any:
        """The last of the chunks, or the answer at once."""
        options |= self._pin
        if self._is_async and streamed:
            chunks = await self._llm.astream_chat(history, **options)
            return [chunk async for chunk in chunks][-1]
        if self._is_async:
            return await self._llm.achat(history, **options)
        if streamed:
            return list(self._llm.stream_chat(history, **options))[-1]
        return self._llm.chat(history, **options)

    def kept(self, answer: ChatResponse) -> Any:
        """The message of the response."""
        return answer.message

    def seen(self, answer: ChatResponse) -> Seen:
        """From the message and `raw`."""
        raw: Any = answer.raw
        usage = raw["usage"]
        calls = self._llm.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
        return Seen(
            answer.message.content or "",
            [(call.tool_id, call.tool_name) for call in calls],
            [call["name"] for call in raw.get("built_in_tool_calls", ())],
            [request["id"] for request in raw.get("approval_requests", ())],
            len(raw.get("annotations", ())),
            (usage["input_tokens"], usage["output_tokens"]) if usage else None,
            raw.get("thread_id") or "",
            raw["id"],
            [other["kind"] for other in raw.get("other", ())],
        )


class Completions:
    """`completion()` and `acompletion()`."""

    def __init__(self, connection: Connection, *, is_async: bool) -> None:
        place = dict(connection.place)
        self._arguments: JSON = {
            "model": f"azure_ai/agents/{connection.model}" if connection.model else None,
            "api_base": place.pop("endpoint"),
            **place,
            **({"thread_id": connection.pin} if connection.pin else {}),
            # By itself this door begins a conversation, which the recorded turns have not.
            **({} if connection.pin or connection.own else {"threads": "auto"}),
        }
        self._is_async = is_async

    def message(self, said: Said) -> Any:
        """A message in OpenAI's format."""
        if said.approves:
            reply = {"approval_request_id": said.approves, "approve": True}
            return {"role": "user", "content": [{"type": "mcp_approval_response", **reply}]}
        if said.result_of:
            return {"role": "tool", "tool_call_id": said.result_of, "content": said.text}
        return {"role": "user", "content": _parts(said) if said.image else said.text}

    async def ask(self, history: list[Any], *, streamed: bool, **options: Any) -> Any:
        """The response, also of a stream."""
        arguments = {**self._arguments, **options, "messages": history, "stream": streamed}
        if not self._is_async:
            answer: Any = completion(**arguments)
            if streamed:
                list(answer)
        else:
            answer = await acompletion(**arguments)
            if streamed:
                [chunk async for chunk in answer]
        return answer.response if streamed else answer

    def kept(self, answer: Any) -> Any:
        """The message of the only choice."""
        return answer.choices[0].message

    def seen(self, answer: Any) -> Seen:
        """From the message and the hidden parameters."""
        message, hidden = answer.choices[0].message, answer._hidden_params
        more, usage = message.provider_specific_fields or {}, answer.usage
        blocks = more.get("blocks", ())
        return Seen(
            message.content or "",
            [(call.id, call.function.name) for call in message.tool_calls or ()],
            [block["name"] for block in blocks if block["type"] == "server_tool_call"],
            [request["id"] for request in more.get("approval_requests", ())],
            len(message.annotations or ()),
            (usage.prompt_tokens, usage.completion_tokens) if usage else None,
            hidden.get("thread_id") or "",
            hidden.get("response_id") or hidden.get("run_id") or "",
            [block["type"] for block in blocks if block["type"] not in _KNOWN_BLOCKS],
        )


def _unknown(block: Any) -> Any:
    value = block.get("value") or block
    is_known = block["type"] != "non_standard" or value.get("type") == "approval_request"
    return None if is_known else value


_KNOWN_BLOCKS = ("file", "image", "server_tool_call", "server_tool_result")


def _parts(said: Said) -> list[Any]:
    image = {"type": "image_url", "image_url": {"url": said.image, "detail": "high"}}
    return [{"type": "text", "text": said.text}, image]


Open = Callable[[Connection], Door]
DOORS: dict[str, Open] = {
    f"{cls.__name__}, {'async' if is_async else 'sync'}": (
        lambda connection, cls=cls, is_async=is_async: cls(connection, is_async=is_async)
    )
    for cls in (LangChain, LlamaIndex, Completions)
    for is_async in (False, True)
}
