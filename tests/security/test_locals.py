"""Error trackers show the local variables of every frame: ours hold no plain secret.

What a caller passes as a text stands in the caller's own frames, and nothing can be done about
that. But what came hidden (a ``SecretStr``, a credential) or from the environment is never laid
open in a frame of ours, also where it is refused; nor is anything else of the environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr

from azure_agents import completion
from azure_agents.errors import AzureAgentsError
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.settings.environment import Environment
from azure_agents.settings.headers import extra_headers_of, user_identity_of
from azure_agents.sign_in.auth import make_auth
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .peers import ENDPOINT, HI, WAYS, Recorder, connect
from .test_canary import _told

CANARY = "canary-0b71c2"  # fewer than 16 bytes, so that it is also refused as an anchor key
SPOILT = f"{CANARY} {CANARY}"  # cannot stand in a header
STRANGER = "https://gateway.example/api/projects/p"
USER = [{"role": "user", "content": "Hi"}]


def _sign_in(**given: Any) -> object:
    return make_auth(endpoint=parse_endpoint(given.pop("endpoint", ENDPOINT)), **given)


def _settings(**given: Any) -> object:
    return resolve_settings(**{"model": "my-agent", "endpoint": ENDPOINT, **given})


def _langchain(**given: Any) -> object:
    return ChatAzureAgent(**{"model": "my-agent", "endpoint": ENDPOINT, **given}).invoke("Hi")


def _llamaindex(**given: Any) -> object:
    llm = AzureAgentLLM(**{"model": "my-agent", "endpoint": ENDPOINT, **given})
    return llm.chat([ChatMessage("Hi")])


def _completion(**given: Any) -> object:
    return completion("my-agent", USER, **{"api_base": ENDPOINT, **given})


def _asked(**sign_in: Any) -> object:
    network = Recorder(lambda _: httpx.Response(200))
    return WAYS["sync"](connect(network, sign_in=sign_in), HI)


PRINCIPAL = {"AZURE_CLIENT_SECRET": CANARY, "AZURE_CLIENT_ID": "c", "AZURE_TENANT_ID": "t"}
HIDDEN = SecretStr(SPOILT)
READ_FROM_A_FILE = SecretStr(f"{CANARY}\n")  # cannot stand in a header either
# What goes wrong: the environment, and the call.
MISTAKES: dict[str, tuple[dict[str, str], Callable[[], object]]] = {
    "no endpoint": (PRINCIPAL, lambda: _settings(endpoint=None)),
    "no agent": (PRINCIPAL, lambda: _settings(model=None)),
    "endpoint that is none": (PRINCIPAL, lambda: _settings(endpoint="x")),
    "no scope": (PRINCIPAL, lambda: _sign_in(endpoint=STRANGER)),
    "no scope for a token": ({"AZURE_AD_TOKEN": CANARY}, lambda: _sign_in(endpoint=STRANGER)),
    "no scope for a key": ({"AZURE_AI_API_KEY": CANARY}, lambda: _sign_in(endpoint=STRANGER)),
    "spoilt token": ({"AZURE_AD_TOKEN": SPOILT}, _sign_in),
    "spoilt key": ({"AZURE_AI_API_KEY": SPOILT}, _sign_in),
    "spoilt key with a base": ({"AZURE_API_KEY": SPOILT, "AZURE_API_BASE": ENDPOINT}, _sign_in),
    "short anchor key": ({"AZURE_AGENTS_ANCHOR_KEY": CANARY}, _settings),
    "spoilt hidden key": ({}, lambda: _sign_in(api_key=HIDDEN)),
    "spoilt hidden token": ({}, lambda: _sign_in(credential=HIDDEN)),
    "two hidden ones": ({}, lambda: _sign_in(api_key=HIDDEN, client_secret=HIDDEN)),
    "hidden secret alone": ({}, lambda: _sign_in(client_secret=HIDDEN, client_id="c")),
    "spoilt key in plain": ({}, lambda: _sign_in(api_key=SPOILT)),
    "spoilt token in plain": ({}, lambda: _sign_in(credential=SPOILT)),
    "secret alone, in plain": ({}, lambda: _sign_in(client_secret=CANARY, client_id="c")),
    "two in plain": ({}, lambda: _sign_in(api_key=CANARY, credential=CANARY)),
    "short hidden anchor key": ({}, lambda: _settings(anchor_key=SecretStr(CANARY))),
    "spoilt token of a function": ({}, lambda: _asked(credential=lambda: SPOILT)),
    "spoilt header": ({}, lambda: extra_headers_of({"x-key": READ_FROM_A_FILE})),
    "spoilt identity": ({}, lambda: user_identity_of(READ_FROM_A_FILE)),
    "a header twice": ({}, lambda: extra_headers_of({"x": HIDDEN, "X": HIDDEN})),
    "LangChain, no endpoint": (PRINCIPAL, lambda: _langchain(endpoint=None, api_key=HIDDEN)),
    "LangChain, spoilt key": ({}, lambda: _langchain(api_key=HIDDEN)),
    "LangChain, short anchor key": ({}, lambda: _langchain(anchor_key=SecretStr(CANARY))),
    "LangChain, spoilt header": (
        {},
        lambda: _langchain(api_key="k", extra_headers={"x-key": READ_FROM_A_FILE}),
    ),
    "LlamaIndex, spoilt identity": (
        {},
        lambda: _llamaindex(api_key="k", user_identity=READ_FROM_A_FILE),
    ),
    "completion, spoilt header": (
        {},
        lambda: _completion(api_key="k", extra_headers={"x-key": READ_FROM_A_FILE}),
    ),
    "LangChain, wrong timeout": (PRINCIPAL, lambda: _langchain(timeout=-1, api_key=HIDDEN)),
    "LlamaIndex, no endpoint": (PRINCIPAL, lambda: _llamaindex(endpoint=None, api_key=HIDDEN)),
    "LlamaIndex, spoilt key": ({}, lambda: _llamaindex(api_key=HIDDEN)),
    "LlamaIndex, short anchor key": ({}, lambda: _llamaindex(anchor_key=SecretStr(CANARY))),
    "completion, no endpoint": (PRINCIPAL, lambda: _completion(api_base=None, api_key=HIDDEN)),
    "completion, spoilt key": ({}, lambda: _completion(api_key=HIDDEN)),
    "completion, spoilt token": ({}, lambda: _completion(azure_ad_token=HIDDEN)),
    "completion, unknown option": ({}, lambda: _completion(api_key=HIDDEN, nonsense=1)),
}


@pytest.mark.parametrize(("env", "act"), MISTAKES.values(), ids=MISTAKES)
def test_no_frame_of_ours_shows_a_secret(
    env: dict[str, str], act: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, repr, traceback and local variables of an error about settings."""
    monkeypatch.setenv("ANOTHER_TOOLS_SECRET", CANARY)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AzureAgentsError) as caught:
        act()
    assert [] == [text for text in _told(caught.value) if CANARY in text]


def test_a_frame_that_holds_one_would_be_seen() -> None:
    """What is looked at is what trackers show: a plain text in our own frames is found."""
    with pytest.raises(AzureAgentsError) as caught:
        _settings(model=[CANARY])
    assert any(CANARY in text for text in _told(caught.value))


def test_the_environment_is_read_and_not_shown() -> None:
    """Error trackers print ``os.environ`` like any other mapping."""
    env = Environment({"A": CANARY})
    assert (CANARY, ["A"], 1) == (env["A"], list(env), len(env))
    assert "Environment(…)" == repr(env) == str(env)


# Half of a surrogate pair: what Python makes of a byte in a variable that is no UTF-8.
BROKEN = f"{CANARY}-{CANARY}\udcff"
UNREADABLE: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "key": ({}, {"api_key": BROKEN}),
    "token": ({}, {"azure_ad_token": BROKEN}),
    "client secret": ({}, {"client_secret": BROKEN, "client_id": "c"}),
    "key of the environment": ({"AZURE_AI_API_KEY": BROKEN}, {}),
    "token of the environment": ({"AZURE_AD_TOKEN": BROKEN}, {}),
}


@pytest.mark.parametrize(("env", "given"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_secret_that_is_no_unicode_is_refused_as_any_other(
    env: dict[str, str], given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own error holds the whole text, and shows it."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AzureAgentsError) as caught:
        _completion(**given)
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
