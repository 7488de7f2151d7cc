"""OpenAI's own SDK, unmodified and strict, against deployments of the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Failed, ToolCalls

openai = pytest.importorskip("openai")

HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather"}}]
KINDS = ["AzureOpenAI", "OpenAI"]


def settings(foundry: Emulator, kind: str) -> dict[str, Any]:
    """How each client is led to the resource; answers that do not fit its types are errors."""
    shared = {"api_key": foundry.api_key, "max_retries": 0, "_strict_response_validation": True}
    if kind.endswith("AzureOpenAI"):
        return {**shared, "azure_endpoint": foundry.resource, "api_version": "2024-10-21"}
    return {**shared, "base_url": f"{foundry.resource}/openai/v1"}


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, foundry: Emulator) -> Iterator[Any]:
    """A client of either surface."""
    made = getattr(openai, request.param)
    http = httpx.Client(transport=foundry.transport)
    with made(http_client=http, **settings(foundry, request.param)) as one:
        yield one


def lenient(client: Any) -> Any:
    """The same client for what its own types are too narrow for, as real traffic has it too."""
    made = client.with_options()
    made._strict_response_validation = False
    return made


def test_a_chat(foundry: Emulator, client: Any) -> None:
    """A plain answer with its usage."""
    foundry.deploy("dep", "Hello there!")
    answer = client.chat.completions.create(model="dep", messages=HELLO)
    assert "Hello there!" == answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_call_of_a_function(foundry: Emulator, client: Any) -> None:
    """And the conversation goes on with its result."""
    foundry.deploy("dep", [ToolCalls(("get_weather", {"city": "Paris"})), "It is mild."])
    asked = {"model": "dep", "tools": TOOLS}
    message = client.chat.completions.create(messages=HELLO, **asked).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 C"}
    answer = client.chat.completions.create(messages=[*HELLO, message, result], **asked)
    assert "It is mild." == answer.choices[0].message.content


def test_a_stream(foundry: Emulator, client: Any) -> None:
    """Its first chunk has an empty `object`, as recorded, which the SDK's own types refuse."""
    foundry.deploy("dep", "Hello there!")
    client = lenient(client)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="dep", messages=HELLO, **options))
    told = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "Hello there!" == "".join(told)
    kind = openai.types.chat.ChatCompletionChunk
    assert chunks[1:] == [kind.model_validate(chunk.to_dict()) for chunk in chunks[1:]]
    assert chunks[-1].usage.total_tokens > 0


def test_the_helper_for_streams(foundry: Emulator, client: Any) -> None:
    """It puts the calls of functions together."""
    foundry.deploy("dep", ToolCalls(("get_weather", {"city": "Paris"}), ("get_weather", {})))
    client = lenient(client)
    with client.chat.completions.stream(model="dep", messages=HELLO, tools=TOOLS) as stream:
        list(stream)
        message = stream.get_final_completion().choices[0].message
    assert ['{"city":"Paris"}', "{}"] == [one.function.arguments for one in message.tool_calls]


def test_embeddings(foundry: Emulator, client: Any) -> None:
    """The SDK asks for base64, and reads it; strict it would refuse it before it does."""
    foundry.deploy("emb", model="text-embedding-3-small")
    answer = lenient(client).embeddings.create(model="emb", input=["one", "two"])
    assert [1536, 1536] == [len(one.embedding) for one in answer.data]
    assert "base64" == foundry.requests[-1].body["encoding_format"]


def test_a_text_completion(foundry: Emulator, client: Any) -> None:
    """The old way, whole and streamed; its types have no place for a choice that goes on."""
    foundry.deploy("ins", "once upon a time", model="gpt-35-turbo-instruct")
    asked = {"model": "ins", "prompt": "Tell"}
    assert "once upon a time" == client.completions.create(**asked).choices[0].text
    chunks = lenient(client).completions.create(stream=True, **asked)
    assert "once upon a time" == "".join(c.choices[0].text for c in chunks if c.choices)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("content_filter", "BadRequestError"),
        ("rate_limit_exceeded", "RateLimitError"),
        ("server_error", "InternalServerError"),
    ],
)
def test_errors(foundry: Emulator, client: Any, code: str, kind: str) -> None:
    """The SDK knows each of them, streamed or not."""
    foundry.deploy("dep", Failed(code))
    for stream in (False, True):
        with pytest.raises(getattr(openai, kind)):
            client.chat.completions.create(model="dep", messages=HELLO, stream=stream)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="none", messages=HELLO)


@pytest.mark.parametrize("kind", KINDS)
def test_the_async_client(foundry: Emulator, kind: str) -> None:
    """On an event loop."""
    foundry.deploy("dep", "Hello there!")

    async def run() -> Any:
        http = httpx.AsyncClient(transport=foundry.async_transport)
        made = getattr(openai, f"Async{kind}")
        async with made(http_client=http, **settings(foundry, f"Async{kind}")) as client:
            return await client.chat.completions.create(model="dep", messages=HELLO)

    assert "Hello there!" == asyncio.run(run()).choices[0].message.content
