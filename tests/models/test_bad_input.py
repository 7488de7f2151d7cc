"""Bad input is a typed error before anything is sent: of every operation, sync and async.

The operations are those of the package: a new function has to be told of here.
"""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import azure.identity
import httpx
import pytest

import azure_agents
from azure_agents.emulator import Emulator
from azure_agents.errors import BadRequestError, ConfigError, InvalidRequestError

BASE = "https://r.openai.azure.com"
TOKEN = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.c2ln"
HELLO = [{"role": "user", "content": "Hello"}]
SOUND = ("hello.wav", b"RIFF....WAVEfmt ")
IMAGE = ("image.png", b"\x89PNG....")

# What makes each function's call a good one, but for its model, base and key.
OF_A_DEPLOYMENT: dict[str, dict[str, Any]] = {
    "completion": {"messages": HELLO},
    "text_completion": {"prompt": "Hello"},
    "embedding": {"input": "Hello"},
    "responses": {"input": "Hello"},
    "speech": {"input": "Hello", "voice": "alloy"},
    "transcription": {"file": SOUND},
    "translation": {"file": SOUND},
    "image_generation": {"prompt": "A cat"},
    "image_edit": {"image": IMAGE, "prompt": "A cat"},
    "create_fine_tuning_job": {"training_file": "file-1"},
}
OF_A_RESOURCE: dict[str, dict[str, Any]] = {
    "create_file": {"file": ("a.jsonl", b"{}\n"), "purpose": "batch"},
    "file_list": {},
    "file_retrieve": {"file_id": "file-1"},
    "file_delete": {"file_id": "file-1"},
    "file_content": {"file_id": "file-1"},
    "create_batch": {"input_file_id": "file-1"},
    "list_batches": {},
    "retrieve_batch": {"batch_id": "batch_1"},
    "cancel_batch": {"batch_id": "batch_1"},
    "list_fine_tuning_jobs": {},
    "retrieve_fine_tuning_job": {"fine_tuning_job_id": "ftjob-1"},
    "cancel_fine_tuning_job": {"fine_tuning_job_id": "ftjob-1"},
    "list_fine_tuning_events": {"fine_tuning_job_id": "ftjob-1"},
    "get_response": {"response_id": "resp_1"},
    "delete_response": {"response_id": "resp_1"},
    "cancel_response": {"response_id": "resp_1"},
    "list_input_items": {"response_id": "resp_1"},
}
ALL = OF_A_DEPLOYMENT | OF_A_RESOURCE
HERE = {name: given for name, given in ALL.items() if name in azure_agents.__all__}
MODELS = {name: given for name, given in OF_A_DEPLOYMENT.items() if name in HERE}
WAYS = ("sync", "async")


def is_operation(name: str) -> bool:
    """Whether a public name is a function that asks a deployment or its resource."""
    public = getattr(azure_agents, name)
    return inspect.isfunction(public) and any(
        one.kind is one.VAR_KEYWORD for one in inspect.signature(public).parameters.values()
    )


def test_every_operation_is_here() -> None:
    """With its twin."""
    found = {name for name in azure_agents.__all__ if is_operation(name)}
    assert sorted({*HERE, *(f"a{name}" for name in HERE)}) == sorted(found)


def ask(name: str, way: str, arguments: dict[str, Any]) -> None:
    """One call."""
    if way == "sync":
        getattr(azure_agents, name)(**arguments)
    else:
        asyncio.run(getattr(azure_agents, f"a{name}")(**arguments))


def refused(name: str, way: str, **given: Any) -> str:
    """The sentence of the error that a call ends in; nothing may have been sent."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(500)

    place = {"api_base": BASE, "api_key": "k"}
    network = {
        "transport": httpx.MockTransport(answer),
        "async_transport": httpx.MockTransport(answer),
    }
    arguments = {**HERE[name], **place, **network, **given}
    arguments = {key: value for key, value in arguments.items() if value is not ABSENT}
    with pytest.raises((ConfigError, InvalidRequestError)) as caught:
        ask(name, way, arguments)
    assert [] == sent
    assert "s3cret" not in str(caught.value)
    return str(caught.value)


ABSENT = object()
PROJECT = "https://r.services.ai.azure.com/api/projects/p"
SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"api_base": ABSENT}, "no base URL"),
    ({"api_base": 7}, "api_base must be a string"),
    ({"api_base": ["https://a"]}, "api_base must be a string"),
    ({"api_base": ""}, "api_base is empty"),
    ({"api_base": "r.openai.azure.com"}, "does not begin with 'https://'"),
    ({"api_base": "http://r.openai.azure.com"}, "plain http"),
    ({"api_base": "https://u:s3cret@r.openai.azure.com"}, "holds a user or password"),
    ({"api_base": f"{BASE}/openai/deployments/d/extensions"}, "retired"),
    ({"api_base": "https://r.services.ai.azure.com/anthropic"}, "is Claude's"),
    ({"api_base": f"{PROJECT}/agents/a/endpoint/protocols/openai"}, "an agent's own endpoint"),
    ({"api_base": f"{BASE}/chat"}, "a path that Azure does not have"),
    ({"base_url": "https://other.openai.azure.com"}, "api_base= and base_url= are the same and"),
    ({"api_version": "yesterday"}, "api_version='yesterday' is malformed"),
    ({"api_version": "2024-10"}, "is malformed"),
    ({"api_version": 2024}, "is malformed"),
    ({"azure_ad_token": "s3cret"}, "api_key= and azure_ad_token= were both passed"),
    ({"credential": lambda: "s3cret"}, "api_key= and credential= were both passed"),
    ({"api_key": TOKEN}, "api_key holds a token of Entra ID"),
    ({"api_key": " "}, "api_key is empty"),
    ({"api_key": "s3cret\nx: y"}, "api_key has characters that cannot"),
    ({"api_key": 7}, "api_key= has the type int"),
    ({"api_key": ABSENT, "client_secret": "s3cret"}, "needs tenant_id= and client_id= too"),
    ({"azure_scope": 7, "api_key": ABSENT, "credential": object()}, "has the type object"),
    ({"timeout": -1}, "timeout must be"),
    ({"timeout": float("nan")}, "timeout must be"),
    ({"timeout": "5"}, "timeout must be"),
    ({"stream_timeout": -1}, "must be a positive"),
    ({"max_retries": -1}, "max_retries must be a whole number, 0 or more"),
    ({"max_retries": 1.5}, "max_retries must be a whole number"),
    ({"max_retries": [1]}, "max_retries must be a whole number"),
    ({"max_retries": True}, "max_retries must be a whole number"),
    ({"max_retries": 1, "num_retries": 2}, "max_retries= and num_retries= are the same and"),
    ({"drop_params": "yes"}, "drop_params must be True or False"),
    ({"allow_http": 1}, "allow_http must be True or False"),
    ({"extra_headers": [("a", "b")]}, "extra_headers must be a dictionary"),
    ({"extra_headers": {"authorization": "Bearer s3cret"}}, "pass credential="),
    ({"extra_headers": {"x-a": "s3cret\nb"}}, "visible ASCII"),
    ({"extra_query": ["a"]}, "extra_query must be"),
    ({"custom_llm_provider": "bedrock"}, "'bedrock' is not served here"),
    ({"apikey": "s3cret"}, "did you mean 'api_key'?"),
    ({"api_verison": "v1"}, "did you mean 'api_version'?"),
    ({"azure_ad_tokens": "s3cret"}, "did you mean 'azure_ad_token'?"),
    ({"headers": {"a": "s3cret"}}, "there is no argument 'headers': pass extra_headers="),
    ({"request_timeout": 5}, "pass timeout="),
    ({"azure_endpoint": "https://s3cret"}, "pass api_base="),
    ({"mock_response": "Hi"}, "azure_agents.emulator"),
    ({"base_model": 7, "model": "azure/dep"}, "base_model must be a string"),
]
NAMES: list[tuple[Any, str]] = [
    ("azurr/dep", "begins with 'azurr', which is no prefix here: did you mean 'azure'?"),
    ("bedrock/claude", "begins with 'bedrock', which is no prefix here"),
    ("azure/", "no deployment behind its prefix"),
    ("azure/o_series/", "no deployment behind its prefix"),
    ("azure_ai/", "no deployment behind its prefix"),
    ("azure/<your deployment name>", "still holds a placeholder"),
    ("azure/a b", "a deployment name that Azure does not allow"),
    ("azure/../x", "a deployment name that Azure does not allow"),
    ("azure/dep?x=1", "a deployment name that Azure does not allow"),
    ("/dep", "which is no prefix here"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HERE)
def test_a_wrong_setting(name: str, way: str) -> None:
    """Every operation reads the same settings, and says the same of them."""
    model = {"model": "azure/dep"} if name in MODELS else {}
    for given, words in SETTINGS:
        assert words in refused(name, way, **{**model, **given}), given


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HERE)
def test_a_wrong_model(name: str, way: str) -> None:
    """Also where a model only names the resource."""
    for model, words in NAMES:
        assert words in refused(name, way, model=model), model


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", sorted(set(HERE) - {"completion"}))
def test_agents_and_claude_have_chats_only(name: str, way: str) -> None:
    """Their names are refused by every other function, with the one that serves them."""
    assert "completion()" in refused(name, way, model="azure_ai/agents/a")
    given = {"model": "azure_ai/claude-x", "api_base": "https://r.services.ai.azure.com"}
    assert "Claude" in refused(name, way, **given)


# Function, what is wrong, and what the error says.
OWN: list[tuple[str, dict[str, Any], str]] = [
    ("completion", {"messages": []}, "no messages"),
    ("completion", {"messages": "Hello"}, "messages must be"),
    ("completion", {"messages": [7]}, "messages must be dictionaries"),
    ("completion", {"extra_body": [1]}, "extra_body must be a dictionary"),
    ("completion", {"thread_id": "t"}, "thread_id= is for agents"),
    ("completion", {"stream_options": 7, "stream": True}, "stream_options must be"),
    ("embedding", {"input": ""}, "input is empty"),
    ("embedding", {"input": []}, "input is empty"),
    ("embedding", {"input": 7}, "input must be a text"),
    ("embedding", {"input": [{}]}, "input[0] must be a text"),
    ("transcription", {"file": "/nowhere/hello.wav"}, "hello.wav"),
    ("transcription", {"file": Path("/nowhere/hello.wav")}, "hello.wav"),
    ("transcription", {"file": 7}, "int"),
    ("transcription", {"file": ("hello.wav", b"")}, "empty"),
    ("translation", {"file": "/nowhere/hello.wav"}, "hello.wav"),
    ("image_edit", {"image": "/nowhere/a.png"}, "a.png"),
    ("image_edit", {"image": []}, "image"),
    ("speech", {"input": ""}, "input"),
    ("image_generation", {"prompt": ""}, "prompt"),
    ("text_completion", {"prompt": 7}, "prompt"),
    ("text_completion", {"prompt": []}, "prompt"),
    ("responses", {"input": 7}, "input"),
    ("responses", {"input": []}, "input"),
    ("create_file", {"file": "/nowhere/a.jsonl"}, "a.jsonl"),
    ("create_file", {"file": ("a.jsonl", b"")}, "empty"),
    ("create_file", {"purpose": "homework"}, "purpose"),
    ("create_file", {"purpose": ""}, "purpose"),
    ("create_file", {"expires_after": 7}, "expires_after"),
    ("file_list", {"limit": -1}, "limit"),
    ("file_list", {"limit": 0}, "limit"),
    ("file_list", {"limit": "2"}, "limit"),
    ("list_batches", {"limit": -1}, "limit"),
    ("list_fine_tuning_jobs", {"limit": -1}, "limit"),
    ("list_fine_tuning_events", {"limit": -1}, "limit"),
    ("list_input_items", {"limit": -1}, "limit"),
    ("create_batch", {"input_file_id": ""}, "input_file_id"),
    ("create_batch", {"endpoint": "nowhere"}, "endpoint"),
    ("create_fine_tuning_job", {"training_file": ""}, "training_file"),
    *(
        (name, {argument: id}, "id")
        for name, given in OF_A_RESOURCE.items()
        for argument in given
        if argument.endswith("_id")
        for id in ("", "../files", "a/b", "a?b", 7, None)
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_wrong_with_one_operation(way: str) -> None:
    """Empty texts, files that are not there, unknown purposes, ids that lead elsewhere, limits."""
    for name, given, words in OWN:
        if name in HERE:
            model = {"model": "azure/dep"} if name in MODELS else {}
            assert words in refused(name, way, **{**model, **given}), (name, given)


def test_the_calls_of_this_page_are_good_ones_but_for_their_mistakes() -> None:
    """Else a test above could be refused for another reason."""
    with Emulator(seed=7) as foundry:
        for name, given in HERE.items():
            model = {"model": "azure/dep"} if name in MODELS else {}
            try:
                getattr(azure_agents, name)(**given, **model, **foundry.deployment_connection())
            except (ConfigError, InvalidRequestError) as error:
                pytest.fail(f"{name}: {error}")
            except azure_agents.AzureAgentsError:
                pass  # the emulator has no such deployment, file or job
        assert len(HERE) == len(foundry.requests)


STREAMS = (
    *("completion", "text_completion", "responses"),
    *("image_generation", "image_edit", "speech"),
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_refused_when_it_is_asked_for(name: str, way: str) -> None:
    """And not when its first chunk is read, far from the mistake."""
    for given, words in SETTINGS:
        streamed = {"model": "azure/dep", "stream": True, **given}
        assert words in refused(name, way, **streamed), given


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", HERE)
def test_a_key_of_api_management_is_enough_for_every_operation(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No credential is invented beside it, and none is missed."""

    def nobody() -> None:
        raise AssertionError("azure-identity was asked")

    monkeypatch.setattr(azure.identity, "DefaultAzureCredential", nobody)
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(400, json={"error": {"message": "no"}})

    arguments = {
        **HERE[name],
        **({"model": "azure/dep"} if name in MODELS else {}),
        "api_base": "https://apim.example.net/team",
        "extra_headers": {"Ocp-Apim-Subscription-Key": "k"},
        "transport": httpx.MockTransport(answer),
        "async_transport": httpx.MockTransport(answer),
    }
    with pytest.raises(BadRequestError):
        ask(name, way, arguments)
    (request,) = sent
    assert "k" == request.headers["ocp-apim-subscription-key"]
    assert set() == {"authorization", "api-key", "x-api-key"} & set(request.headers)
    assert str(request.url).startswith("https://apim.example.net/team/openai/v1/")
