"""What was passed under a wrong name may be a secret, and an owner that is nobody is a mistake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr, ValidationError

from azure_agents import completion
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError, ConfigError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

CANARY = "canary-c40e5a917bd2f683"
NAMES = (
    "apikey",
    "authorization",
    "azure_ad_token",
    "azure_ad_token_provider",
    "azure_api_key",
    "azure_openai_api_key",
    "client_credential",
    "default_headers",
    "openai_api_key",
    "password",
    "subscription_key",
    "token",
)
PER_CALL = (*NAMES, "api_key", "client_secret", "credential", "anchor_key", "endpoint", "api_base")


def _langchain(place: dict[str, Any], **given: Any) -> object:
    return ChatAzureAgent(**place).invoke("Hi", **given)


def _bound(place: dict[str, Any], **given: Any) -> object:
    return list(ChatAzureAgent(**place).bind(**given).stream("Hi"))


def _llamaindex(place: dict[str, Any], **given: Any) -> object:
    return AzureAgentLLM(**place).chat([ChatMessage("Hi")], **given)


def _additional(place: dict[str, Any], **given: Any) -> object:
    return AzureAgentLLM(**place, additional_kwargs=given).chat([ChatMessage("Hi")])


DOORS: dict[str, Callable[..., object]] = {
    "LangChain": _langchain,
    "LangChain, bound": _bound,
    "LlamaIndex": _llamaindex,
    "LlamaIndex, additional": _additional,
}


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("ask", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("name", PER_CALL)
def test_an_unknown_option_is_named_and_not_shown(
    name: str, ask: Callable[..., object], generation: Any
) -> None:
    """And the request does not go elsewhere, or with another credential: none is sent."""
    with Emulator() as foundry:
        agent = foundry.create_agent("my-agent", "Hello", generation=generation)
        with pytest.raises(AzureAgentsError) as caught:
            ask({"model": agent.model, **foundry.connection()}, **{name: CANARY})
        assert (True, False) == (name in str(caught.value), CANARY in str(caught.value))
        assert [] == foundry.requests


def test_completion_names_it_and_does_not_show_it() -> None:
    """As the adapters; its own names of credentials are arguments."""
    for name in ("apikey", "password", "default_headers"):
        given: dict[str, Any] = {name: CANARY}
        with pytest.raises(AzureAgentsError) as caught:
            completion("my-agent", [{"role": "user", "content": "Hi"}], api_key="x", **given)
        assert (True, False) == (name in str(caught.value), CANARY in str(caught.value))


@pytest.mark.parametrize("name", NAMES)
def test_a_langchain_model_takes_no_secret_for_an_option(name: str) -> None:
    """Options are printed, traced and part of the key of a cache."""
    place = {"model": "my-agent", "endpoint": "https://r.services.ai.azure.com/api/projects/p"}
    for given in ({name: CANARY}, {"model_kwargs": {name: CANARY}}):
        with pytest.raises(ConfigError, match=name) as caught:
            ChatAzureAgent(**place, api_key="x", **{**given, "seed": 1})
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "given", [{"api_key": [CANARY]}, {"client_secret": {"x": CANARY}}, {"anchor_key": [CANARY]}]
)
def test_a_secret_of_a_wrong_type_is_not_shown(given: dict[str, Any]) -> None:
    """Pydantic would show what does not fit."""
    place = {"model": "my-agent", "endpoint": "https://r.services.ai.azure.com/api/projects/p"}
    with pytest.raises(ValidationError) as caught:
        ChatAzureAgent(**place, **given)
    assert CANARY not in f"{caught.value} {caught.value!r}"


def test_a_token_that_is_a_text_is_hidden_in_the_model() -> None:
    """Also from those who ask pydantic for all fields."""
    place = {"model": "my-agent", "endpoint": "https://r.services.ai.azure.com/api/projects/p"}
    llm = ChatAzureAgent(**place, credential=CANARY)
    assert CANARY not in f"{vars(llm)} {dict(llm)} {list(llm)}"
    assert SecretStr(CANARY) == llm.credential


# --- owners --------------------------------------------------------------------------------------

OWNERS = ("", " ", "\t\n", 0, 1, True, False, b"alice", ["alice"], {"id": 1}, "\ud800", 1.5)


def _by_completion(place: dict[str, Any], **given: Any) -> object:
    arguments = {**place, "api_base": place["endpoint"]}
    del arguments["endpoint"]
    return completion(messages=[{"role": "user", "content": "Hi"}], **arguments, **given)


ASKING = {**dict(list(DOORS.items())[::2]), "completion": _by_completion}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("owner", OWNERS, ids=ascii)
def test_an_owner_that_is_nobody_is_an_error(owner: Any, ask: Callable[..., object]) -> None:
    """Not nobody, nor the owner of the client: the histories of several users would be one."""
    with Emulator() as foundry:
        foundry.create_agent("my-agent", "Hello")
        place = {"model": "my-agent", **foundry.connection()}
        with pytest.raises(AzureAgentsError, match="owner must be a non-empty string"):
            ask(place, owner=owner)
        assert [] == foundry.requests
