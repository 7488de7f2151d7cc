"""The factories: any model string becomes the class that LangChain's users know, signed in."""

from __future__ import annotations

import asyncio
import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from langchain_core.load import dumps

from azure_agents import Timeouts
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import ConfigError, CredentialError, InvalidRequestError
from langchain_azure_agents import (
    ChatAzureAgent,
    init_azure_chat_model,
    init_azure_embeddings,
    init_azure_llm,
)

BASE = "https://r.openai.azure.com"
WHERE = {"api_base": BASE, "api_key": "the-key-of-a-resource"}
SCOPE = "https://cognitiveservices.azure.com/.default"
DATED = "2025-04-01-preview"
NO_COUNT = {"check_embedding_ctx_length": False}  # with tiktoken, which downloads its tables
CLAUDE = "claude-haiku-4-5"


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment of each kind."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("dep", "Grüße!")
        emulator.deploy("thinker", "Grüße!", model="o3-mini-2025-01-31")
        emulator.deploy(CLAUDE, "Grüße!", model=f"{CLAUDE}-20251001")
        emulator.deploy("emb", model="text-embedding-3-small")
        emulator.deploy("txt", "Grüße!", model="gpt-35-turbo-instruct")
        yield emulator


def build(foundry: Emulator, model: str, **more: Any) -> Any:
    """A chat model of the emulator."""
    return init_azure_chat_model(model, **{**foundry.deployment_connection(), **more})


# ------------------------------------------------------------------------------------ which class

CLASSES: list[tuple[Callable[..., Any], str, dict[str, Any], str]] = [
    (init_azure_chat_model, "azure/d", {}, "ChatOpenAI"),
    (init_azure_chat_model, "azure/d", {"api_version": "2024-10-21"}, "AzureChatOpenAI"),
    (init_azure_chat_model, "azure/d", {"api_version": "v1"}, "ChatOpenAI"),
    (init_azure_chat_model, "azure/d", {"api_base": f"{BASE}/openai/v1/"}, "ChatOpenAI"),
    (init_azure_chat_model, "azure/o_series/d", {}, "ChatOpenAI"),
    (init_azure_chat_model, "azure/gpt5_series/d", {"api_version": DATED}, "AzureChatOpenAI"),
    (init_azure_chat_model, "azure/responses/d", {}, "ChatOpenAI"),
    (init_azure_chat_model, "azure/responses/d", {"api_version": DATED}, "AzureChatOpenAI"),
    (init_azure_chat_model, "azure/claude-x", {}, "ChatAnthropic"),
    (init_azure_chat_model, "azure_ai/claude-x", {"api_version": DATED}, "ChatAnthropic"),
    (init_azure_chat_model, "azure_ai/d", {"api_base": f"{BASE}/anthropic"}, "ChatAnthropic"),
    (init_azure_chat_model, "azure_ai/mistral-large", {"api_version": None}, "ChatOpenAI"),
    (init_azure_chat_model, "openai/gpt-4o", {"api_base": None}, "ChatOpenAI"),
    (init_azure_embeddings, "azure/d", {}, "OpenAIEmbeddings"),
    (init_azure_embeddings, "azure/d", {"api_version": DATED}, "AzureOpenAIEmbeddings"),
    (init_azure_embeddings, "azure_ai/cohere-embed", {}, "OpenAIEmbeddings"),
    (init_azure_embeddings, "openai/text-embedding-3-small", {}, "OpenAIEmbeddings"),
    (init_azure_llm, "azure_text/d", {}, "OpenAI"),
    (init_azure_llm, "azure_text/d", {"api_version": DATED}, "AzureOpenAI"),
    (init_azure_llm, "openai/gpt-3.5-turbo-instruct", {}, "OpenAI"),
]


@pytest.mark.parametrize(("factory", "model", "given", "name"), CLASSES)
def test_each_string_becomes_the_class_that_users_know(
    factory: Callable[..., Any], model: str, given: dict[str, Any], name: str
) -> None:
    """The class itself, not one of ours."""
    built = factory(model, **{**WHERE, **given})
    assert (name, True) == (type(built).__name__, type(built).__module__.startswith("langchain_"))


def test_an_agent_is_our_class_with_the_same_names(foundry: Emulator) -> None:
    """Where and who have the names of `completion`; options are the class's own."""
    agent = foundry.create_agent("helper", "hi")
    given = {name: value for name, value in foundry.connection().items() if name != "endpoint"}
    token = given.pop("credential").get_token("https://ai.azure.com/.default").token
    model = init_azure_chat_model(
        f"azure_ai/agents/{agent.model}",
        **given,
        api_base=foundry.endpoint,
        azure_ad_token_provider=lambda: token,
        num_retries=1,
        timeout=30,
    )
    assert isinstance(model, ChatAzureAgent)
    assert ("hi", 1, 30) == (model.invoke("Hello").text, model.max_retries, model.timeout)


# ------------------------------------------------------------------------------------- they answer

STRINGS = [
    ("azure/dep", None),
    ("azure/dep", DATED),
    ("azure/o_series/thinker", None),
    ("azure/responses/dep", None),
    ("azure/responses/dep", DATED),
    (f"azure_ai/{CLAUDE}", None),
]


@pytest.mark.parametrize("sign_in", ["key", "credential", "provider", "async provider"])
@pytest.mark.parametrize("way", ["sync", "sync stream", "async", "async stream"])
@pytest.mark.parametrize(("model", "version"), STRINGS)
def test_every_model_answers_in_every_way(
    foundry: Emulator, model: str, version: str | None, way: str, sign_in: str
) -> None:
    """Whole and streamed, with usage, signed in by whatever the caller has."""
    if (sign_in, way[:4]) == ("async provider", "sync"):
        pytest.skip("an async provider serves async calls only")
    built = build(foundry, model, api_version=version, **signed_in(foundry, sign_in))
    answer = ask(built, way)
    assert ("Grüße!", True) == (answer.text, answer.usage_metadata["total_tokens"] > 0)


def signed_in(foundry: Emulator, way: str) -> dict[str, Any]:
    """Arguments of a way to sign in."""

    async def provide() -> str:
        return str((await foundry.async_credential.get_token(SCOPE)).token)

    ways: dict[str, dict[str, Any]] = {
        "key": {},
        "credential": {"credential": foundry.credential},
        "provider": {"azure_ad_token_provider": lambda: foundry.credential.get_token(SCOPE).token},
        "async provider": {"azure_ad_token_provider": provide},
    }
    return ways[way] if way == "key" else {"api_key": None, **ways[way]}


def ask(model: Any, way: str) -> Any:
    """One call; a stream comes back as the sum of its chunks."""

    async def run() -> Any:
        if not way.endswith("stream"):
            return await model.ainvoke("Hello")
        return summed([chunk async for chunk in model.astream("Hello")])

    if way.startswith("async"):
        return asyncio.run(run())
    return summed(list(model.stream("Hello"))) if way.endswith("stream") else model.invoke("Hello")


def summed(chunks: list[Any]) -> Any:
    """The message of a stream."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


@pytest.mark.parametrize("version", [None, DATED])
def test_embeddings_and_texts_come_in_both_ways(foundry: Emulator, version: str | None) -> None:
    """The same vectors, sync and async; text completions too."""
    where = {**foundry.deployment_connection(), "api_version": version}
    embeddings = init_azure_embeddings("azure/emb", **where, **NO_COUNT)
    assert embeddings.embed_query("x") == asyncio.run(embeddings.aembed_query("x"))
    llm = init_azure_llm("azure_text/txt", **where)
    assert "Grüße!" == llm.invoke("x") == asyncio.run(llm.ainvoke("x"))
    assert ["Grüße!"] * 2 == ["".join(llm.stream("x")), asyncio.run(streamed(llm))]


async def streamed(llm: Any) -> str:
    """The text of an async stream."""
    return "".join([chunk async for chunk in llm.astream("x")])


@pytest.mark.parametrize(("model", "version"), STRINGS)
def test_one_model_serves_many_event_loops(
    foundry: Emulator, model: str, version: str | None
) -> None:
    """A second `asyncio.run` does not meet the connections of the first."""
    built = build(foundry, model, api_version=version)
    assert ["Grüße!"] * 3 == [ask(built, "async stream").text for _ in range(3)]


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_one_model_serves_many_event_loops_over_sockets(foundry: Emulator) -> None:
    """With real connections, which belong to their loop."""
    with foundry.serve() as served:
        where = {"api_base": served.resource, "api_key": foundry.api_key}
        for model in ("azure/dep", f"azure_ai/{CLAUDE}"):
            built = init_azure_chat_model(model, **where)
            answers = [ask(built, way).text for way in ("async", "sync", "async stream", "async")]
            assert ["Grüße!"] * 4 == answers


# ---------------------------------------------------------------------------------------- sign-in


class Wire(httpx.BaseTransport):
    """Answers each request with what a function makes of it, and keeps the requests."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self.seen: list[httpx.Request] = []
        self._answer = answer

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        return self._answer(request)


def refused(_: httpx.Request) -> httpx.Response:
    """An answer that ends a call; only the request counts."""
    return httpx.Response(400, json={"error": {"message": "no", "code": "no"}})


def sent(model: str, *, call: Callable[[Any], Any] | None = None, **given: Any) -> httpx.Request:
    """The request of one call."""
    wire = Wire(refused)
    built = init_azure_chat_model(model, **{"max_retries": 0, **given}, transport=wire)
    with pytest.raises(Exception, match="no"):
        (call or (lambda one: one.invoke("Hello")))(built)
    return wire.seen[-1]


SIGNED = [
    ("azure/d", {}, {"api-key": "the-key-of-a-resource"}),
    ("azure/d", {"api_version": DATED}, {"api-key": "the-key-of-a-resource"}),
    (
        "azure_ai/claude-x",
        {},
        {"api-key": "the-key-of-a-resource", "x-api-key": "the-key-of-a-resource"},
    ),
    ("openai/gpt-4o", {}, {"authorization": "Bearer the-key-of-a-resource"}),
    (
        "azure/d",
        {"api_key": None, "azure_ad_token": "a-token"},
        {"authorization": "Bearer a-token"},
    ),
    (
        "azure/d",
        {"api_key": None, "extra_headers": {"Ocp-Apim-Subscription-Key": "apim-key"}},
        {"ocp-apim-subscription-key": "apim-key"},
    ),
]
CARRIERS = ("api-key", "authorization", "ocp-apim-subscription-key", "x-api-key")


@pytest.mark.parametrize(("model", "given", "expected"), SIGNED)
def test_the_credential_and_no_other_goes_along(
    model: str, given: dict[str, Any], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what the SDKs find in the environment, nor what they are given as their key."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ORG_ID"):
        monkeypatch.setenv(name, "of-another-service")
    monkeypatch.setenv("ANTHROPIC_FOUNDRY_RESOURCE", "another")
    monkeypatch.setenv("OPENAI_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("OPENAI_API_TYPE", "azure")
    request = sent(model, **{**WHERE, **given})
    assert expected == {name: request.headers[name] for name in CARRIERS if name in request.headers}
    assert "of-another-service" not in str(request.headers.raw)


def test_a_token_is_asked_for_again_when_it_has_ended(foundry: Emulator) -> None:
    """The provider is called anew after a 401, and the call succeeds."""
    given: list[str] = []

    def provide() -> str:
        given.append(foundry.credential.get_token(SCOPE).token)
        return given[-1]

    model = build(foundry, "azure/dep", api_key=None, azure_ad_token_provider=provide)
    assert ("Grüße!", 1) == (model.invoke("Hello").text, len(given))
    foundry.faults.add(Fault("status_before", status=401))
    assert ("Grüße!", 2) == (model.invoke("Hello").text, len(given))


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("model", ["azure/dep", f"azure_ai/{CLAUDE}"])
def test_a_failed_sign_in_is_our_error_and_asked_once(
    foundry: Emulator, model: str, way: str
) -> None:
    """Not a lost connection, which SDKs try again; the SDK's base class catches it too."""
    asked = []

    def provide() -> str:
        asked.append(1)
        raise RuntimeError("no network in here")

    built = build(foundry, model, api_key=None, azure_ad_token_provider=provide)
    with pytest.raises(CredentialError, match="no token could be had") as caught:
        ask(built, way)
    assert (1, []) == (len(asked), foundry.requests)
    bases = [base.__name__ for base in type(caught.value).__mro__]
    assert {"OpenAIError", "AnthropicError"} & set(bases)
    assert type(caught.value) is type(pickle.loads(pickle.dumps(caught.value)))  # noqa: S301


def test_a_redirect_is_not_followed() -> None:
    """Neither by the SDK nor by the HTTP library; the credential stays."""
    wire = Wire(lambda _: httpx.Response(307, headers={"location": "https://thief.example/x"}))
    model = init_azure_chat_model("azure/d", **WHERE, transport=wire, max_retries=0)
    with pytest.raises(openai.APIStatusError, match="307"):
        model.invoke("Hello")
    assert ["r.openai.azure.com"] == [request.url.host for request in wire.seen]


@pytest.mark.parametrize(("factory", "model", "given", "name"), CLASSES)
def test_no_key_is_shown_or_serialised(
    factory: Callable[..., Any], model: str, given: dict[str, Any], name: str
) -> None:
    """In `repr`, `str`, `vars`, LangChain's own format, and copies of the fields."""
    more = {"extra_headers": {"x-subscription-key": "another-secret"}}
    built = factory(model, **{**WHERE, **given, **more})
    texts = [repr(built), str(built), repr(vars(built)), str(built.model_dump())]
    texts.append(dumps(built))
    assert [] == [text for text in texts if "the-key-of-a-resource" in text]
    assert [] == [text for text in texts if "another-secret" in text]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: one.model_copy()])
@pytest.mark.parametrize(("model", "version"), STRINGS)
def test_copies_are_signed_in_too(
    foundry: Emulator, model: str, version: str | None, copied: Callable[[Any], Any]
) -> None:
    """They share the connections and the token."""
    twin = copied(build(foundry, model, api_version=version))
    assert ("Grüße!", "Grüße!") == (ask(twin, "sync").text, ask(twin, "async").text)


# --------------------------------------------------------------------------------------- arguments


def test_settings_reach_the_request(foundry: Emulator) -> None:
    """Headers, more fields of the body, and the waits, of which connecting has its own."""
    for model in ("azure/d", "azure_ai/claude-x"):
        more = {"extra_headers": {"x-team": "blue"}, "extra_body": {"service_tier": "auto"}}
        more["extra_query"] = {"trace": "on"}
        request = sent(model, **WHERE, **more, timeout=Timeouts(connect=3, read=45))
        assert ("blue", True) == (request.headers["x-team"], b'"service_tier"' in request.content)
        assert "trace=on" == request.url.query.decode()
        assert (3, 45) == tuple(request.extensions["timeout"][name] for name in ("connect", "read"))


@pytest.mark.parametrize("model", ["azure/dep", f"azure_ai/{CLAUDE}"])
def test_max_retries_is_the_sdks_own(foundry: Emulator, model: str) -> None:
    """One more request than retries, as everywhere."""
    foundry.faults.add(
        Fault("status_before", status=429, times=None, headers={"retry-after-ms": "1"})
    )
    with pytest.raises(Exception, match="429"):
        build(foundry, model, max_retries=1).invoke("Hello")
    assert 2 == len(foundry.requests)


def test_reasoning_models_get_their_parameters(foundry: Emulator) -> None:
    """`max_tokens` by the name that they take, and no temperature unless the caller gives one."""
    build(foundry, "azure/o_series/thinker", max_tokens=50).invoke("Hello")
    body = foundry.requests[-1].body
    assert (50, False) == (body["max_completion_tokens"], "temperature" in body)


def test_what_is_set_aside_is_said() -> None:
    """As `completion` says it in its notes."""
    with pytest.warns(UserWarning, match="api-version 2024-10-21 was set aside"):
        init_azure_chat_model(
            "azure/d", **{**WHERE, "api_base": f"{BASE}/openai/v1?api-version=2024-10-21"}
        )


CHAT, EMBED, TEXT = init_azure_chat_model, init_azure_embeddings, init_azure_llm
WRONG: list[tuple[Callable[..., Any], str, dict[str, Any], type[Exception], str]] = [
    (CHAT, "azur/d", {}, ConfigError, "did you mean 'azure'"),
    (CHAT, "azure/", {}, ConfigError, "no deployment"),
    (CHAT, "azure/d", {"api_base": None}, ConfigError, "no base URL"),
    (CHAT, "azure/d", {"credential": "a-token"}, ConfigError, "both passed"),
    (CHAT, "azure/d", {"http_client": object()}, ConfigError, "use transport="),
    (CHAT, "azure/d", {"default_headers": {}}, ConfigError, "use extra_headers="),
    (CHAT, "azure/d", {"drop_params": True}, ConfigError, "no argument 'drop_params'"),
    (CHAT, "azure/d", {"stream_timeout": 3}, ConfigError, "pass timeout="),
    (CHAT, "azure/d", {"timeout": Timeouts(first_event=3)}, ConfigError, "no limit first_event"),
    (CHAT, "azure/d", {"temperatur": 1}, ConfigError, "did you mean 'temperature'"),
    (CHAT, "azure_ai/claude-x", {"seed": 1}, ConfigError, "goes into extra_body="),
    (CHAT, "azure/o_series/d", {"temperature": 0.2}, InvalidRequestError, "takes 1 only"),
    (CHAT, "azure/d", {"extra_body": [1]}, InvalidRequestError, "must be a dictionary"),
    (CHAT, "azure_text/d", {}, ConfigError, r"use init_azure_llm\(\)"),
    (CHAT, "asst_abc123", {"base_model": "azure/gpt-4o"}, ConfigError, "is for deployments"),
    (EMBED, "azure_ai/claude-x", {}, ConfigError, "a deployment that embeds"),
    (EMBED, "my-agent", {}, ConfigError, "is no deployment"),
    (TEXT, "azure/gpt-4o", {}, ConfigError, r"use init_azure_chat_model\(\)"),
    (TEXT, "azure_ai/mistral", {}, ConfigError, r"use init_azure_chat_model\(\)"),
]


@pytest.mark.parametrize(("factory", "model", "given", "kind", "sentence"), WRONG)
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
        (CHAT, "azure/d", "langchain_openai", "langchain-openai"),
        (CHAT, "azure_ai/claude-x", "langchain_anthropic", "langchain-anthropic"),
        (EMBED, "azure/d", "langchain_openai", "langchain-openai"),
        (TEXT, "azure_text/d", "langchain_openai", "langchain-openai"),
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
    with pytest.raises(ImportError, match=rf'needs {package} .* "azure-agents\[{extra}\]"'):
        factory(model, **WHERE)
