"""OpenAI's and Anthropic's SDKs, unchanged, against the gateway."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest

from azure_agents.emulator import Emulator, ToolCalls

from .conftest import Gateway, Start

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

HELLO: Any = [{"role": "user", "content": "Hello"}]
TOOL: Any = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}
CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/dep, api_base: "{resource}", api_key: any}
  - model_name: vectors
    litellm_params: {model: azure/vectors, api_base: "{resource}", api_key: any}
  - model_name: claude
    litellm_params: {model: azure_ai/claude-sonnet-4-5, api_base: "{resource}", api_key: any}
general_settings: {master_key: sk-master}
"""


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Gateway:
    """A gateway with a master key."""
    foundry.deploy("dep", "Hello, Ada.")
    foundry.deploy("vectors", model="text-embedding-3-small-1")
    foundry.deploy("claude-sonnet-4-5", "Bonjour, Ada.", model="claude-sonnet-4-5-20250929")
    return start(CONFIG)


OPENAI = {
    "v1": lambda url: openai.OpenAI(base_url=f"{url}/v1", api_key="sk-master"),
    "bare": lambda url: openai.OpenAI(base_url=url, api_key="sk-master"),
    "azure v1": lambda url: openai.OpenAI(base_url=f"{url}/openai/v1", api_key="sk-master"),
    "azure": lambda url: openai.AzureOpenAI(
        azure_endpoint=url, api_key="sk-master", api_version="2024-10-21"
    ),
}


@pytest.mark.parametrize("kind", OPENAI)
def test_openais_sdk_by_every_base(gateway: Gateway, kind: str) -> None:
    """Chats, streamed too, and vectors."""
    with OPENAI[kind](gateway.url) as client:
        answer = client.chat.completions.create(model="gpt-4o", messages=HELLO)
        chunks = list(client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
        vectors = client.embeddings.create(model="vectors", input="Hello")
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert ["Hello, Ada."] * 2 == [answer.choices[0].message.content, text]
    assert len(vectors.data[0].embedding) > 100


def test_openais_responses_streamed(gateway: Gateway) -> None:
    """The SDK's own helper folds the stream."""
    with (
        OPENAI["v1"](gateway.url) as client,
        client.responses.stream(model="gpt-4o", input="Hello") as stream,
    ):
        assert "Hello, Ada." == stream.get_final_response().output_text


def test_tools_pass(gateway: Gateway, foundry: Emulator) -> None:
    """A call of a function, streamed by Claude too, in OpenAI's form."""
    for name, model in (("dep", "gpt-4o"), ("claude-sonnet-4-5", "claude")):
        foundry.deploy(
            name,
            ToolCalls(("look", {})),
            model="gpt-4o-2024-08-06" if name == "dep" else "claude-sonnet-4-5-20250929",
        )
        with OPENAI["v1"](gateway.url) as client:
            answer = client.chat.completions.create(model=model, messages=HELLO, tools=[TOOL])
        calls: Any = answer.choices[0].message.tool_calls
        assert ["look"] == [call.function.name for call in calls]


ERRORS: list[tuple[dict[str, Any], str, type[openai.APIStatusError]]] = [
    ({"model": "nothing"}, "sk-master", openai.NotFoundError),
    ({"model": "gpt-4o"}, "sk-wrong", openai.AuthenticationError),
    ({"model": "gpt-4o", "extra_body": {"api_base": "x"}}, "sk-master", openai.BadRequestError),
]


@pytest.mark.parametrize(("given", "key", "kind"), ERRORS)
def test_openais_sdk_understands_errors(
    gateway: Gateway, given: dict[str, Any], key: str, kind: type[openai.APIStatusError]
) -> None:
    """Each is of the class that the SDK has for it."""
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client,
        pytest.raises(kind),
    ):
        client.chat.completions.create(messages=HELLO, **given)


@pytest.mark.parametrize("base", ["", "/anthropic"])
def test_anthropics_sdk(gateway: Gateway, base: str) -> None:
    """Messages, streamed too, and a count; an error is one of its classes."""
    with anthropic.Anthropic(base_url=gateway.url + base, api_key="sk-master") as client:
        asked: Any = {"model": "claude", "messages": HELLO}
        answer = client.messages.create(max_tokens=100, **asked)
        with client.messages.stream(max_tokens=100, **asked) as stream:
            streamed = stream.get_final_text()
        count = client.messages.count_tokens(**asked)
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(max_tokens=100, **{**asked, "model": "nothing"})
    block: Any = answer.content[0]
    assert ["Bonjour, Ada."] * 2 == [block.text, streamed]
    assert count.input_tokens > 0
