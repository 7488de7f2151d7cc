"""Where a secret is: in two small classes that show and pickle nothing, and nowhere else.

Everything that can be reached from a client, an LLM or a half-read stream is looked at, attribute
by attribute, as debuggers, error trackers and careless serialisers do.
"""

from __future__ import annotations

import asyncio
import pickle
import types
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.emulator import Emulator
from azure_agents.settings.anchor_key import AnchorKey
from azure_agents.settings.environment import Secret
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .canary import unwatched
from .peers import HI, WAYS
from .test_canary import CANARY, PLACES, _both, _clients, _no_directory  # noqa: F401 - a fixture

HOLDERS = (Secret, AnchorKey)
OURS = ("azure_agents", "langchain_azure_agents", "llamaindex_azure_agents")


def _parts(one: Any) -> Iterator[Any]:
    if isinstance(one, dict):
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    else:
        yield from getattr(one, "__dict__", {}).values()
        yield from (getattr(one, "__pydantic_private__", None) or {}).values()
        for cls in type(one).__mro__:
            slots = cls.__dict__.get("__slots__", ())
            yield from (getattr(one, name) for name in slots if hasattr(one, name))


def _is_ours(one: object) -> bool:
    return type(one).__module__.partition(".")[0] in OURS or isinstance(
        one, dict | list | tuple | set | frozenset | str | bytes
    )


def reachable(root: object) -> list[Any]:
    """All objects of ours, and texts, that `root` holds; what holders hold is not one of them."""
    found: dict[int, Any] = {}
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) in found or not _is_ours(one) or isinstance(one, types.FunctionType | type):
            continue
        found[id(one)] = one
        if not isinstance(one, (str, bytes, *HOLDERS)):
            waiting += _parts(one)
    return list(found.values())


def shown_by(one: object) -> Iterator[str]:
    """What a tool writes that prints or pickles an object."""
    yield repr(one)
    yield f"{one}"
    try:
        with unwatched():
            yield repr(pickle.dumps(one))
    except (TypeError, AttributeError, NotImplementedError, pickle.PicklingError):
        return


def leaks(*roots: object) -> list[str]:
    """Where the secret is seen; that the walk gets as far as its holder is seen to."""
    held = [one for root in roots for one in reachable(root)]
    assert any(isinstance(one, HOLDERS) for one in held)
    return [
        f"{type(one).__name__}: {text[:200]}"
        for one in held
        for text in shown_by(one)
        if CANARY in text
    ]


@pytest.mark.parametrize("place", [place for place in PLACES if place != "failing credential"])
def test_only_holders_hold_a_secret(place: str) -> None:
    """Of each way to give one, in clients that have signed in."""
    with Emulator(strict_auth=False) as foundry:
        foundry.create_agent("my-agent", "Hello")
        clients = _clients(place, _both(foundry), foundry.endpoint)
        WAYS["async" if place.startswith("async") else "sync"](clients, HI)
        # A credential object is the caller's; its own attributes are not looked at.
        assert [] == leaks(clients.sync(), clients.aio(), clients.auth, clients.settings)


@pytest.mark.parametrize("holder", [Secret(CANARY), AnchorKey(CANARY.encode())], ids=repr)
def test_a_holder_shows_nothing(holder: object) -> None:
    """Neither printed nor formatted nor pickled, on its own or inside something else."""
    for one in (holder, [holder], {"key": holder}, (holder, 1)):
        assert CANARY not in "".join(shown_by(one))
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(one)


@pytest.mark.parametrize("given", [{"api_key": CANARY}, {"credential": CANARY}], ids=str)
def test_a_llamaindex_llm_holds_it_out_of_sight(given: dict[str, Any]) -> None:
    """Also in what is private to it."""
    with Emulator(strict_auth=False) as foundry:
        foundry.create_agent("my-agent", "Hello")
        place = foundry.connection() | {"credential": None} | given
        llm = AzureAgentLLM(model="my-agent", **place, anchor_key=CANARY)
        llm.chat([ChatMessage("Hi")])
        asyncio.run(llm.achat([ChatMessage("Hi")]))
        assert [] == leaks(llm)


def test_a_langchain_model_holds_a_key_out_of_sight() -> None:
    """Also in what is private to it."""
    with Emulator(strict_auth=False) as foundry:
        foundry.create_agent("my-agent", "Hello")
        place = foundry.connection() | {"credential": None, "api_key": CANARY}
        llm = ChatAzureAgent(model="my-agent", **place, anchor_key=CANARY)
        llm.invoke("Hi")
        asyncio.run(llm.ainvoke("Hi"))
        assert [] == leaks(llm)


def test_an_answer_holds_none() -> None:
    """Nothing of the client hangs on what it gives."""
    with Emulator(strict_auth=False) as foundry, warnings.catch_warnings():
        foundry.create_agent("my-agent", "Hello")
        place = foundry.connection() | {"api_key": CANARY, "api_base": foundry.endpoint}
        del place["endpoint"], place["credential"]
        answer = completion("my-agent", [{"role": "user", "content": "Hi"}], **place)
        llm = ChatAzureAgent(
            model="my-agent", **foundry.connection() | {"credential": None, "api_key": CANARY}
        )
        for one in (answer, llm.invoke("Hi"), *llm.stream("Hi")):
            assert CANARY not in "".join(map(str, reachable(one))) + repr(vars(one))
