"""Recorded answers of deployments, read by the classes that the factory builds.

The recorded request is asked through LangChain, whose SDK gets the recorded answer. What LangChain
makes of a text, of calls and of tokens is compared with the recording, read apart from all code.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, convert_to_messages

from langchain_azure_agents import init_azure_chat_model, init_azure_embeddings

from ..models.recorded_answers import recorded_chunks
from ..models.recorded_claude import blocks_of, said_in
from ..models.recorded_models import FOLDER, Call, body_of, call_of, entries, files, function_of

pytest.importorskip("langchain_openai")
pytest.importorskip("langchain_anthropic")
pytestmark = [
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason=f"no recordings of deployments: {FOLDER} is not here"
    ),
    # What is set aside of a base is said; a call without tools is answered by a tool's call here.
    pytest.mark.filterwarnings("ignore:'/models' of the base was set aside"),
    pytest.mark.filterwarnings("ignore:Received unexpected tool content block"),
]
FILTERED = "openai/chat_completion_content_filtered"
WHERE = ("model", "api_base", "api_key", "api_version")


def exchanges(function: str) -> list[Any]:
    """The recorded answers of a function, by file."""
    found = []
    for file in files() if FOLDER.is_dir() else ():
        if file == FILTERED:
            continue
        for number, exchange in enumerate(entries(file)):
            good = exchange["response"]["status"] < 400
            if good and exchange["request"]["body"] and _asks(exchange, function):
                found.append(pytest.param(exchange, id=f"{file}-{number}"))
    return found


def _asks(exchange: dict[str, Any], function: str) -> bool:
    return function_of(exchange["request"])[0] == function


class Recorded(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with the recorded answer; keeps what was asked."""

    def __init__(self, response: dict[str, Any]) -> None:
        self._response = response
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """For threads."""
        request.read()
        self.asked.append(request)
        headers = {k: v for k, v in self._response["headers"].items() if k == "content-type"}
        kind = "text/event-stream" if "sse" in self._response else "application/json"
        content = body_of(self._response).encode()
        return httpx.Response(200, headers={"content-type": kind, **headers}, content=content)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """For event loops."""
        await request.aread()
        return self.handle_request(request)


def told_by(response: dict[str, Any], *, is_claude: bool) -> tuple[str, list[Any], tuple[int, int]]:
    """Text, calls and tokens of a recorded answer."""
    if is_claude:
        return _of_claude(response)
    if "sse" in response:
        return _of_chunks(recorded_chunks(response["sse"]))
    message, usage = response["body"]["choices"][0]["message"], response["body"]["usage"]
    calls = [one["function"] for one in message.get("tool_calls") or ()]
    return message.get("content") or "", _read(calls), _tokens(usage, "prompt", "completion")


def _of_chunks(chunks: list[dict[str, Any]]) -> tuple[str, list[Any], tuple[int, int]]:
    deltas = [c.get("delta") or {} for one in chunks for c in one["choices"] if c["index"] == 0]
    calls: dict[int, dict[str, str]] = {}
    for piece in (call for delta in deltas for call in delta.get("tool_calls") or ()):
        made = calls.setdefault(piece["index"], {"name": "", "arguments": ""})
        for name in made:
            made[name] += piece["function"].get(name) or ""
    usage = next((one["usage"] for one in chunks if one.get("usage")), {})
    text = "".join(delta.get("content") or "" for delta in deltas)
    return text, _read(list(calls.values())), _tokens(usage, "prompt", "completion")


def _of_claude(response: dict[str, Any]) -> tuple[str, list[Any], tuple[int, int]]:
    if "sse" in response:
        events = recorded_chunks(response["sse"])
        blocks, began, last = blocks_of(events), events[0]["message"]["usage"], events[-2]["usage"]
        usage = {**began, **last}
    else:
        blocks, usage = response["body"]["content"], response["body"]["usage"]
    said = said_in(blocks)
    calls = [one["function"] for one in said.get("tool_calls") or ()]
    return said.get("content") or "", _read(calls), _tokens(usage, "input", "output")


def _read(calls: list[dict[str, str]]) -> list[Any]:
    return [(call["name"], json.loads(call["arguments"] or "{}")) for call in calls]


def _tokens(usage: dict[str, Any], up: str, down: str) -> tuple[int, int]:
    return usage.get(f"{up}_tokens", 0), usage.get(f"{down}_tokens", 0)


def ask(call: Call, transport: Recorded, *, is_async: bool) -> AIMessage:
    """Ask by the class that the factory builds, as the recorded request was asked."""
    given = {name: call.arguments[name] for name in WHERE if name in call.arguments}
    seams = {"transport": transport, "async_transport": transport, "max_retries": 0}
    more = {"stream_usage": True} if call.is_streamed else {}
    model = init_azure_chat_model(**given, **seams, **more)
    messages = convert_to_messages(call.arguments["messages"])
    if not is_async:
        return joined(list(model.stream(messages))) if call.is_streamed else model.invoke(messages)

    async def run() -> AIMessage:
        if call.is_streamed:
            return joined([chunk async for chunk in model.astream(messages)])
        return await model.ainvoke(messages)

    return asyncio.run(run())


def joined(chunks: list[Any]) -> AIMessageChunk:
    """The message that chunks make."""
    whole: AIMessageChunk = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return whole


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("exchange", exchanges("completion"))
def test_a_recorded_chat_is_read_as_it_was_said(exchange: dict[str, Any], is_async: bool) -> None:
    """Text, calls with their arguments, and tokens."""
    call, response = call_of(exchange), exchange["response"]
    transport = Recorded(response)
    message = ask(call, transport, is_async=is_async)
    is_claude = call.arguments["model"].startswith("azure_ai/claude")
    text, calls, tokens = told_by(response, is_claude=is_claude)
    assert text == message.text
    assert calls == [(one["name"], one["args"]) for one in message.tool_calls]
    usage = message.usage_metadata or {"input_tokens": 0, "output_tokens": 0}
    assert tokens == (usage["input_tokens"], usage["output_tokens"])
    (sent,) = transport.asked
    assert "a-key" in (sent.headers.get("api-key") or sent.headers.get("x-api-key"))


@pytest.mark.parametrize("is_async", [False, True])
def test_a_filtered_answer_is_langchains_own_error(is_async: bool) -> None:
    """Its class for Azure's dated surface raises; `completion` gives the answer as it is."""
    (exchange,) = entries(FILTERED)
    with pytest.raises(ValueError, match="content filter being triggered"):
        ask(call_of(exchange), Recorded(exchange["response"]), is_async=is_async)


@pytest.mark.parametrize("exchange", exchanges("embedding"))
def test_recorded_vectors_are_read(exchange: dict[str, Any]) -> None:
    """As many as texts, each with its numbers."""
    call, response = call_of(exchange), exchange["response"]
    given = {name: call.arguments[name] for name in WHERE if name in call.arguments}
    transport = Recorded(response)
    model = init_azure_embeddings(
        **given, transport=transport, max_retries=0, check_embedding_ctx_length=False
    )
    texts = call.arguments["input"]
    vectors = model.embed_documents([texts] if isinstance(texts, str) else texts)
    assert len(response["body"]["data"]) == len(vectors)
    assert all(isinstance(number, float) for vector in vectors for number in vector)
