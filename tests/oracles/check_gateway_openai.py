"""openai's clients at the gateway: deployments, Claude and agents of both generations."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from oracle import ENDPOINT, check, raises, run

KEY = "sk-oracle"
CHATS = ("chat", "claude", "v2", "classic")
CALLS = ("chat", "v2", "classic", "claude")
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
client = openai.OpenAI(base_url=f"{ENDPOINT}/v1", api_key=KEY, max_retries=0)


def said(text: str) -> Any:
    """What the user says."""
    return [{"role": "user", "content": text}]


@check
def a_chat_by_every_base() -> None:
    """With and without ``/v1``, and as Azure's client writes paths."""
    clients = (
        client,
        openai.OpenAI(base_url=ENDPOINT, api_key=KEY),
        openai.OpenAI(base_url=f"{ENDPOINT}/openai/v1/", api_key=KEY),
        openai.AzureOpenAI(azure_endpoint=ENDPOINT, api_key=KEY, api_version="2024-10-21"),
    )
    for one in clients:
        answer = one.chat.completions.create(model="chat", messages=said("Hello"))
        assert "Hello there!" == answer.choices[0].message.content


@check
def a_chat_with_each() -> None:
    """Whole and streamed, with its usage, sync and async."""
    for model in CHATS:
        asked = {"model": model, "messages": said("Hello")}
        answer = client.chat.completions.create(**asked)
        assert ("Hello there!", "stop") == (
            answer.choices[0].message.content,
            answer.choices[0].finish_reason,
        )
        options = {"stream": True, "stream_options": {"include_usage": True}}
        chunks = list(client.chat.completions.create(**asked, **options))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert ("Hello there!", True) == (text, chunks[-1].usage.total_tokens > 0)
        assert "Hello there!" == asyncio.run(_async(asked))


async def _async(asked: dict[str, Any]) -> str:
    async with openai.AsyncOpenAI(base_url=f"{ENDPOINT}/v1", api_key=KEY) as one:
        stream = await one.chat.completions.create(**asked, stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])


@check
def a_tool_with_each() -> None:
    """A call, streamed by the SDK's own helper, and the answer after its result."""
    for model in CALLS:
        asked: dict[str, Any] = {"model": model, "tools": [TOOL]}
        with client.chat.completions.stream(messages=said("call"), **asked) as stream:
            message = stream.get_final_completion().choices[0].message
        assert ["get_weather"] == [call.function.name for call in message.tool_calls]
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 C"}
        history = [*said("call"), message.model_dump(exclude_none=True), result]
        answer = client.chat.completions.create(messages=history, **asked)
        assert "It is mild." == answer.choices[0].message.content, model


@check
def a_thread_goes_on() -> None:
    """An agent's thread, by the SDK's extra body."""
    for model in ("v2", "classic"):
        first = client.chat.completions.create(model=model, messages=said("Hello"))
        thread = {"thread_id": first.thread_id}
        again = client.chat.completions.create(
            model=model, messages=said("Hello"), extra_body=thread
        )
        assert first.thread_id == again.thread_id


@check
def responses() -> None:
    """Of a deployment and an agent, streamed, and one after the other."""
    for model in ("chat", "v2"):
        with client.responses.stream(model=model, input="Hello") as stream:
            first = stream.get_final_response()
        assert "Hello there!" == first.output_text
        next_one = client.responses.create(
            model=model, input="Hello", previous_response_id=first.id
        )
        assert first.id == next_one.previous_response_id or model == "v2"


@check
def models_and_vectors() -> None:
    """Lists and single ones; vectors as the SDK asks for them, in base64."""
    assert {*CHATS, "vectors"} == {model.id for model in client.models.list()}
    assert "v2" == client.models.retrieve("v2").id
    assert 1536 == len(client.embeddings.create(model="vectors", input="Hello").data[0].embedding)


@check
def errors() -> None:
    """Of the class that the SDK has for each."""
    wrong = openai.OpenAI(base_url=f"{ENDPOINT}/v1", api_key="sk-wrong", max_retries=0)
    ask = client.chat.completions.create
    raises(openai.NotFoundError, lambda: ask(model="none", messages=said("x")))
    raises(
        openai.AuthenticationError,
        lambda: wrong.chat.completions.create(model="chat", messages=said("x")),
    )
    raises(openai.BadRequestError, lambda: ask(model="chat", messages=said("filter")))
    raises(openai.RateLimitError, lambda: ask(model="chat", messages=said("throttle")))


if __name__ == "__main__":
    run()
