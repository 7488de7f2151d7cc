"""The key of anchors itself, and the way through a browser by each door."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr

from azure_agents import completion
from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError
from azure_agents.settings.anchor_key import AnchorKey, make_anchor_key
from azure_agents.settings.config import resolve_settings
from azure_agents.threads.anchor import MAX_LENGTH, Anchor, parse_anchor, scope_of
from azure_agents.threads.plan import NO_SYSTEM
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .test_anchor_key import FORMS, KEY, OTHER_KEY, World

# --- the key itself ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [KEY, KEY.encode(), SecretStr(KEY), f" {KEY}\n"], ids=str)
def test_a_key_is_a_text_bytes_or_hidden(value: Any) -> None:
    """The same key in each form."""
    assert AnchorKey(KEY.encode()) == make_anchor_key(value)


@pytest.mark.parametrize(
    "value", ["", "short", b"fifteen bytes..", SecretStr("short"), 7, ["x" * 40], True]
)
def test_what_could_be_guessed_is_refused(value: Any) -> None:
    """With a way to make a good one, and without the value."""
    with pytest.raises(ConfigError, match="anchor_key= has") as caught:
        make_anchor_key(value)
    assert "short" not in str(caught.value)


def test_the_environment_gives_the_key() -> None:
    """An argument wins over it."""
    place = {"model": "a", "endpoint": "https://r.services.ai.azure.com/api/projects/p"}
    env = {"AZURE_AGENTS_ANCHOR_KEY": KEY}
    keys = [
        resolve_settings(**place, env=env, **given).anchor_key  # type: ignore[arg-type]
        for given in ({}, {"anchor_key": OTHER_KEY})
    ]
    assert [make_anchor_key(KEY), make_anchor_key(OTHER_KEY)] == keys
    assert resolve_settings(**place, env={}).anchor_key is None  # type: ignore[arg-type]


def test_the_key_is_shown_to_nobody() -> None:
    """Not printed, dumped, or pickled; equal keys are equal settings."""
    key = AnchorKey(KEY.encode())
    assert ("AnchorKey(…)", key, key) == (repr(key), copy.copy(key), copy.deepcopy(key))
    assert (hash(key), key) == (hash(make_anchor_key(KEY)), make_anchor_key(KEY))
    assert key not in (make_anchor_key(OTHER_KEY), key.of("alice"), KEY)
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


def test_owners_have_keys_of_their_own() -> None:
    """One derived from the other, and none from its derivate."""
    key = AnchorKey(KEY.encode())
    seals = {
        key.seal("x"),
        key.of("a").seal("x"),
        key.of("b").seal("x"),
        key.of("a").of("b").seal("x"),
    }
    assert (4, key) == (len(seals), key.of(None))


@pytest.mark.parametrize("length", [24, 50, 56, 62])
def test_a_sealed_anchor_is_short(length: int) -> None:
    """With the longest ids that the service was seen to make (50 characters behind the prefix)."""
    ids = ("conv_" + "c" * length, "resp_" + "r" * length)
    text = Anchor("s" * 12, "d" * 22, *ids, NO_SYSTEM).sealed(make_anchor_key(KEY)).encode()
    assert text is not None
    assert len(text) <= MAX_LENGTH


def test_an_anchor_too_long_is_none() -> None:
    """Then the next call replays, sealed or not."""
    ids = ("conv_" + "c" * 90, "resp_" + "r" * 90)
    assert Anchor("s" * 12, "d" * 22, *ids).sealed(make_anchor_key(KEY)).encode() is None


# --- through a browser, with each door -----------------------------------------------------------


def _assert_sealed(world: World, text: str) -> None:
    """The door has passed the key on: this anchor is one that only its owner can make."""
    settings, anchor = world.settings(), parse_anchor(text)
    scope = scope_of(settings.endpoint.url, settings.agent.requested)
    assert anchor is not None
    assert (True, False) == (anchor.is_of(scope, make_anchor_key(KEY)), anchor.is_of(scope, None))


def _forged(world: World, text: str) -> str:
    """The same without a seal, as anybody can work it out."""
    settings, anchor = world.settings(), parse_anchor(text)
    assert anchor is not None
    scope = scope_of(settings.endpoint.url, settings.agent.requested)
    made = replace(anchor, scope=scope).encode()
    assert made is not None
    return made


def _through_langchain(messages: list[Any]) -> list[Any]:
    return [
        loads(text, allowed_objects="core")
        for text in json.loads(json.dumps([dumps(m) for m in messages]))
    ]


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("form", FORMS)
def test_langchain(form: str) -> None:
    """Messages come back as JSON; an anchor without its seal is a replay."""
    with Emulator() as foundry:
        world = World(foundry, form)
        place = {
            "model": world.agent.model,
            "threads": world.form["threads"],
            **foundry.connection(),
        }
        llm = ChatAzureAgent(**place, anchor_key=KEY, thread_store=world.store)
        history = [HumanMessage("Hi")]
        history = _through_langchain([*history, llm.invoke(history), HumanMessage("And?")])
        llm.invoke(history)
        assert "'Hi'" not in repr(foundry.requests[-1].body)
        answer = history[1]
        assert isinstance(answer, AIMessage)
        _assert_sealed(world, answer.response_metadata["foundry"])
        forged = _forged(world, answer.response_metadata["foundry"])
        answer.response_metadata["foundry"] = forged
        llm.invoke(history)
        assert ["Hi", answer.text, "And?"] == world.seen()
        assert "'Hi'" in world.sent(len(foundry.requests) - 2)


@pytest.mark.parametrize("form", FORMS)
def test_llamaindex(form: str) -> None:
    """Messages come back as JSON; an anchor without its seal is a replay."""
    with Emulator() as foundry:
        world = World(foundry, form)
        place = {
            "model": world.agent.model,
            "threads": world.form["threads"],
            **foundry.connection(),
        }
        llm = AzureAgentLLM(**place, anchor_key=SecretStr(KEY), thread_store=world.store)
        history = [ChatMessage("Hi")]
        history += [llm.chat(history).message, ChatMessage("And?")]
        history = [ChatMessage.model_validate_json(m.model_dump_json()) for m in history]
        llm.chat(history)
        assert "'Hi'" not in repr(foundry.requests[-1].body)
        kwargs = history[1].additional_kwargs
        _assert_sealed(world, kwargs["foundry"])
        kwargs["foundry"] = _forged(world, kwargs["foundry"])
        llm.chat(history)
        assert ["Hi", history[1].content, "And?"] == world.seen()
        assert "'Hi'" in world.sent(len(foundry.requests) - 2)


@pytest.mark.parametrize("form", FORMS)
def test_completion(form: str) -> None:
    """Message objects come back as dictionaries; an anchor without its seal is a replay."""
    with Emulator() as foundry:
        world = World(foundry, form)
        place = foundry.connection() | {"threads": world.form["threads"], "anchor_key": KEY}
        place["api_base"] = place.pop("endpoint")
        ask: Any = lambda messages: completion(world.agent.model, messages, **place)  # noqa: E731
        history: list[Any] = [{"role": "user", "content": "Hi"}]
        answer = json.loads(ask(history).choices[0].message.model_dump_json())
        history += [answer, {"role": "user", "content": "And?"}]
        ask(history)
        assert "'Hi'" not in repr(foundry.requests[-1].body)
        fields = answer["provider_specific_fields"]
        _assert_sealed(world, fields["foundry"])
        fields["foundry"] = _forged(world, fields["foundry"])
        ask(history)
        assert ["Hi", answer["content"], "And?"] == world.seen()
        assert "'Hi'" in world.sent(len(foundry.requests) - 2)
