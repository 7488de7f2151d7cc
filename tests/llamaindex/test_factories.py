"""The factories: any model string becomes the class that LlamaIndex's users know, signed in.

LlamaIndex's OpenAI classes need openai 2, which the development environment does not have: their
tests run in `make oracles`. `test_claude_in_foundry.py` has those of Claude.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import httpx
import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool

from azure_agents.emulator import Emulator, Fault, ToolCalls
from azure_agents.errors import ConfigError, CredentialError, InvalidRequestError
from llamaindex_azure_agents import AzureAgentLLM, init_azure_embedding, init_azure_llm

HAS_OPENAI = find_spec("llama_index.llms") is not None and (
    find_spec("llama_index.llms.azure_openai") is not None
)
needs_openai = pytest.mark.skipif(
    not HAS_OPENAI, reason="LlamaIndex's OpenAI classes need openai 2: see make oracles"
)
BASE = "https://r.openai.azure.com"
WHERE = {"api_base": BASE, "api_key": "the-key-of-a-resource"}
DATED = "2025-04-01-preview"
SCOPE = "https://cognitiveservices.azure.com/.default"
HELLO = [ChatMessage("Hello")]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment of each kind."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "Grüße!")
        emulator.deploy("thinker", "Grüße!", model="o3-mini-2025-01-31")
        emulator.deploy("emb", model="text-embedding-3-small")
        emulator.deploy("txt", "Grüße!", model="gpt-35-turbo-instruct")
        yield emulator


def build(foundry: Emulator, model: str, **more: Any) -> Any:
    """An LLM of the emulator."""
    return init_azure_llm(model, **{**foundry.deployment_connection(), **more})


GPT = {"base_model": "azure/gpt-4o"}
CLASSES: list[tuple[Callable[..., Any], str, dict[str, Any], str]] = [
    (init_azure_llm, "azure/d", {}, "OpenAILike"),
    (init_azure_llm, "azure/d", {"api_version": DATED, **GPT}, "AzureOpenAI"),
    (init_azure_llm, "azure/gpt-4o", {"api_version": DATED}, "AzureOpenAI"),
    (init_azure_llm, "azure/o_series/d", {}, "OpenAI"),
    (init_azure_llm, "azure/gpt5_series/d", {}, "OpenAILike"),
    (init_azure_llm, "azure/responses/d", GPT, "OpenAIResponses"),
    (init_azure_llm, "azure/responses/d", {"api_version": DATED, **GPT}, "OpenAIResponses"),
    (init_azure_llm, "azure_ai/mistral-large", {}, "OpenAILike"),
    (init_azure_llm, "azure_text/d", {}, "OpenAILike"),
    (init_azure_llm, "azure_text/d", {"api_version": DATED}, "AzureOpenAI"),
    (init_azure_llm, "openai/gpt-4o", {}, "OpenAILike"),
    (init_azure_embedding, "azure/d", {}, "OpenAIEmbedding"),
    (init_azure_embedding, "azure/d", {"api_version": DATED}, "AzureOpenAIEmbedding"),
    (init_azure_embedding, "openai/text-embedding-3-small", {}, "OpenAIEmbedding"),
]


@needs_openai
@pytest.mark.parametrize(("factory", "model", "given", "name"), CLASSES)
def test_each_string_becomes_the_class_that_users_know(
    factory: Callable[..., Any], model: str, given: dict[str, Any], name: str
) -> None:
    """The class itself, and nothing of it shows the key or other secrets."""
    built = factory(model, **{**WHERE, **given, "extra_headers": {"x-team": "a-secret-too"}})
    assert (name, True) == (type(built).__name__, type(built).__module__.startswith("llama_index."))
    texts = [repr(built), str(built.to_dict()), repr(vars(built)), str(pickle.dumps(built))]
    assert [] == [one for one in texts if "the-key-of-a-resource" in one or "a-secret-too" in one]


def test_an_agent_is_our_class_with_the_same_names(foundry: Emulator) -> None:
    """Where and who have the names of `completion`; options are the class's own."""
    agent = foundry.create_agent("helper", "hi")
    given = {name: value for name, value in foundry.connection().items() if name != "endpoint"}
    token = given.pop("credential").get_token("https://ai.azure.com/.default").token
    llm = init_azure_llm(
        f"azure_ai/agents/{agent.model}",
        **given,
        api_base=foundry.endpoint,
        azure_ad_token_provider=lambda: token,
        num_retries=1,
        timeout=30,
    )
    assert isinstance(llm, AzureAgentLLM)
    assert ("hi", 1, 30) == (llm.complete("Hello").text, llm.max_retries, llm.timeout)


STRINGS = [
    ("azure/dep", None, "azure/gpt-4o"),
    ("azure/dep", DATED, "azure/gpt-4o"),
    ("azure/o_series/thinker", None, None),
    ("azure/o_series/thinker", DATED, "o3-mini"),
    ("azure/responses/dep", None, "gpt-4o"),
    ("azure/responses/dep", DATED, "gpt-4o"),
]
WAYS = ["chat", "stream_chat", "achat", "astream_chat"]


def ask(llm: Any, way: str, messages: Any = HELLO) -> Any:
    """The last of what a call gives."""

    async def run() -> Any:
        answer = await getattr(llm, way)(messages)
        return [one async for one in answer][-1] if "stream" in way else answer

    if way.startswith("a"):
        return asyncio.run(run())
    answer = getattr(llm, way)(messages)
    return list(answer)[-1] if "stream" in way else answer


@needs_openai
@pytest.mark.parametrize("sign_in", ["key", "credential", "provider"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", STRINGS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_every_llm_answers_in_every_way(
    foundry: Emulator, row: tuple[str, str | None, str | None], way: str, sign_in: str
) -> None:
    """On both surfaces, signed in by whatever the caller has; the deployment is asked."""
    model, version, base_model = row
    ways: dict[str, dict[str, Any]] = {
        "key": {},
        "credential": {"api_key": None, "credential": foundry.credential},
        "provider": {
            "api_key": None,
            "azure_ad_token_provider": lambda: foundry.credential.get_token(SCOPE).token,
        },
    }
    llm = build(foundry, model, api_version=version, base_model=base_model, **ways[sign_in])
    assert "Grüße!" == ask(llm, way).message.content
    assert model.rpartition("/")[2] == foundry.seen[-1].agent


@needs_openai
@pytest.mark.parametrize("version", [None, DATED])
def test_embeddings_and_texts_come_in_both_ways(foundry: Emulator, version: str | None) -> None:
    """The same vectors, sync and async; text completions too."""
    where = {**foundry.deployment_connection(), "api_version": version}
    embedding = init_azure_embedding("azure/emb", **where)
    vector = embedding.get_text_embedding("x")
    assert vector == asyncio.run(embedding.aget_query_embedding("x"))
    llm = init_azure_llm("azure_text/txt", max_tokens=9, **where)
    assert "Grüße!" == llm.complete("x").text == asyncio.run(llm.acomplete("x")).text
    assert "Grüße!" == list(llm.stream_complete("x"))[-1].text


@needs_openai
@pytest.mark.parametrize("version", [None, DATED])
def test_embeddings_ask_the_provider(foundry: Emulator, version: str | None) -> None:
    """run-llama/llama_index#18968, #12849: sync and async, on both surfaces."""
    where = {**foundry.deployment_connection(), "api_key": None, "api_version": version}
    embedding = init_azure_embedding(
        "azure/emb",
        **where,
        azure_ad_token_provider=lambda: foundry.credential.get_token(SCOPE).token,
    )
    vector = embedding.get_text_embedding("x")
    assert (1536, vector) == (len(vector), asyncio.run(embedding.aget_text_embedding("x")))


@needs_openai
@pytest.mark.parametrize(("model", "version", "base_model"), STRINGS)
def test_one_llm_serves_many_event_loops_and_its_copies_too(
    foundry: Emulator, model: str, version: str | None, base_model: str | None
) -> None:
    """A second `asyncio.run` does not meet the connections of the first."""
    llm = build(foundry, model, api_version=version, base_model=base_model)
    twins = [llm, copy.copy(llm), copy.deepcopy(llm), llm.model_copy()]
    assert ["Grüße!"] * 8 == [
        ask(one, way).message.content for one in twins for way in ("achat", "chat")
    ]


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@needs_openai
@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(("model", "version", "base_model"), STRINGS)
def test_an_agent_calls_tools(
    foundry: Emulator, model: str, version: str | None, base_model: str | None, streaming: bool
) -> None:
    """Whatever the deployment is called: LlamaIndex knows that it takes functions."""
    replies = [ToolCalls(("multiply", {"a": 2, "b": 3})), "6."]
    foundry.deploy("dep", replies)
    foundry.deploy("thinker", replies, model="o3-mini-2025-01-31")
    llm = build(foundry, model, api_version=version, base_model=base_model)

    async def run() -> str:
        agent = FunctionAgent(
            tools=[FunctionTool.from_defaults(multiply)], llm=llm, streaming=streaming
        )
        return str(await agent.run("What is 2 x 3?"))

    assert "6." == asyncio.run(run())
    assert ["6"] == [one.text for one in foundry.seen[-1].messages if one.role == "tool"]


@needs_openai
@pytest.mark.parametrize(("version", "base_model"), [(None, None), (DATED, "o3-mini")])
def test_reasoning_models_get_their_parameters(
    foundry: Emulator, version: str | None, base_model: str | None
) -> None:
    """By the names that the service takes, although LlamaIndex does not know the deployment."""
    given = {"api_version": version, "base_model": base_model}
    llm = build(foundry, "azure/o_series/thinker", **given, max_tokens=50, reasoning_effort="low")
    llm.chat(HELLO)
    body = foundry.requests[-1].body
    assert (50, "low", 1) == (
        body["max_completion_tokens"],
        body["reasoning_effort"],
        body["temperature"],
    )
    assert "max_tokens" not in body


@needs_openai
@pytest.mark.parametrize(("model", "version", "base_model"), STRINGS)
def test_retries_have_one_owner(
    foundry: Emulator, model: str, version: str | None, base_model: str | None
) -> None:
    """The SDK: one more request than retries, where the class would try again on top of it."""
    fault = Fault("status_before", status=429, times=None, headers={"retry-after-ms": "1"})
    foundry.faults.add(fault)
    llm = build(foundry, model, api_version=version, base_model=base_model, max_retries=1)
    with pytest.raises(Exception, match="429"):
        llm.chat(HELLO)
    assert 2 == len(foundry.requests)


@needs_openai
@pytest.mark.parametrize("version", [None, DATED])
def test_retries_of_embeddings_have_one_owner(foundry: Emulator, version: str | None) -> None:
    """As those of LLMs."""
    fault = Fault("status_before", status=429, times=None, headers={"retry-after-ms": "1"})
    foundry.faults.add(fault)
    where = {**foundry.deployment_connection(), "api_version": version, "max_retries": 1}
    with pytest.raises(Exception, match="429"):
        init_azure_embedding("azure/emb", **where).get_text_embedding("x")
    assert 2 == len(foundry.requests)


@needs_openai
@pytest.mark.parametrize("way", WAYS)
def test_a_failed_sign_in_is_our_error(foundry: Emulator, way: str) -> None:
    """Asked once, and nothing is sent."""
    asked = []

    def provide() -> str:
        asked.append(1)
        raise RuntimeError("no network in here")

    llm = build(foundry, "azure/dep", api_key=None, azure_ad_token_provider=provide)
    with pytest.raises(CredentialError, match="no token could be had"):
        ask(llm, way)
    assert (1, []) == (len(asked), foundry.requests)


class Wire(httpx.BaseTransport):
    """Refuses each request, and keeps it."""

    def __init__(self, status: int) -> None:
        self.seen: list[httpx.Request] = []
        self._status = status

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return httpx.Response(self._status, headers={"location": "https://thief.example/x"})


@needs_openai
@pytest.mark.parametrize(("model", "version", "base_model"), STRINGS)
def test_the_credential_and_no_other_goes_to_its_origin(
    model: str, version: str | None, base_model: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the classes find in the environment, and not where a redirect leads."""
    for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "OPENAI_ORG_ID"):
        monkeypatch.setenv(name, "of-another-service")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://another.example")
    monkeypatch.setenv("OPENAI_API_BASE", "https://another.example")
    wire = Wire(307)
    given = {"api_version": version, "base_model": base_model, "max_retries": 0}
    with pytest.raises(Exception, match="307"):
        init_azure_llm(model, **WHERE, **given, transport=wire).chat(HELLO)
    (request,) = wire.seen
    assert ("r.openai.azure.com", "the-key-of-a-resource", False) == (
        request.url.host,
        request.headers["api-key"],
        "authorization" in request.headers,
    )
    assert "of-another-service" not in str(request.headers.raw)


LLM, EMBED = init_azure_llm, init_azure_embedding
WRONG: list[tuple[Callable[..., Any], str, dict[str, Any], type[Exception], str]] = [
    (LLM, "azur/d", {}, ConfigError, "did you mean 'azure'"),
    (LLM, "azure/d", {"drop_params": True}, ConfigError, "no argument 'drop_params'"),
    (LLM, "azure/d", {"http_client": object()}, ConfigError, "use transport="),
    (LLM, "azure/d", {"engine": "d"}, ConfigError, "the name behind 'azure/'"),
    (LLM, "azure/o_series/d", {"temperature": 0.2}, InvalidRequestError, "takes 1 only"),
    (LLM, "my-agent", {"base_model": "azure/gpt-4o"}, ConfigError, "is for deployments"),
    (EMBED, "azure_ai/claude-x", {}, ConfigError, "a deployment that embeds"),
    (EMBED, "my-agent", {}, ConfigError, "is no deployment"),
]
WRONG_OPENAI: list[tuple[Callable[..., Any], str, dict[str, Any], type[Exception], str]] = [
    (LLM, "azure/d", {"temperatur": 1}, ConfigError, "did you mean 'temperature'"),
    (LLM, "azure/d", {"api_version": DATED}, ConfigError, "pass base_model='azure/gpt-4o'"),
    (LLM, "azure/responses/d", {}, ConfigError, "pass base_model='azure/gpt-4o'"),
]


@pytest.mark.parametrize(
    ("factory", "model", "given", "kind", "sentence"),
    [*WRONG, *(pytest.param(*row, marks=needs_openai) for row in WRONG_OPENAI)],
)
def test_a_wrong_argument_is_refused_at_once(
    factory: Callable[..., Any],
    model: str,
    given: dict[str, Any],
    kind: type[Exception],
    sentence: str,
) -> None:
    """Nothing that a class has no place for is dropped."""
    with pytest.raises(kind, match=sentence):
        factory(model, **{**WHERE, **given})


@pytest.mark.parametrize(
    ("factory", "model", "package", "extra"),
    [
        (LLM, "azure/d", "llama_index.llms.openai_like", "openai"),
        (LLM, "azure_ai/claude-x", "llama_index.llms.anthropic", "anthropic"),
        (EMBED, "azure/d", "llama_index.embeddings.openai", "openai"),
    ],
)
def test_a_missing_package_is_one_sentence(
    factory: Callable[..., Any],
    model: str,
    package: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It can be pasted into a shell."""
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ImportError, match=rf'needs {package} .*"azure-agents\[llamaindex-{extra}\]"'
    ):
        factory(model, **WHERE)
