"""What frameworks do to a model: print, dump, trace, cache, copy, pickle. No secret comes along."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from langchain_core.prompts import ChatPromptTemplate
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from pydantic import SecretStr

from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

CANARY = "canary-e17c55d0a9b34420"


class Holder:
    """A credential with the secret in plain sight, and one who shows it."""

    def __init__(self) -> None:
        self.secret = CANARY

    def get_token(self, *_: str, **__: Any) -> Any:
        from azure.core.credentials import AccessToken

        return AccessToken(self.secret, 4_000_000_000)

    def __repr__(self) -> str:
        return f"Holder({self.secret})"


GIVEN: dict[str, Callable[[], dict[str, Any]]] = {
    "token": lambda: {"credential": CANARY},
    "callable": lambda: {"credential": lambda: CANARY},
    "credential": lambda: {"credential": Holder()},
    "key": lambda: {"api_key": CANARY},
    "hidden key": lambda: {"api_key": SecretStr(CANARY)},
    "anchor key": lambda: {"credential": Holder(), "anchor_key": CANARY},
    "hidden anchor key": lambda: {"api_key": CANARY, "anchor_key": SecretStr(CANARY)},
}
GENERATIONS: tuple[Any, ...] = ("v2", "classic")


def connected(cls: Any, foundry: Emulator, generation: Any, given: dict[str, Any]) -> Any:
    """A model that has answered: nothing that is made later is missing."""
    agent = foundry.create_agent("my-agent", "Hello", generation=generation)
    return cls(model=agent.model, **(foundry.connection() | {"credential": None} | given))


CHAIN = ChatPromptTemplate.from_messages([("user", "{x}")])
LANGCHAIN: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "vars of a copy": lambda llm: repr(copy.deepcopy(llm)),
    "dumps": dumps,
    "dumpd": dumpd,
    "dumps of a chain": lambda llm: dumps(CHAIN | llm),
    "repr of a chain": lambda llm: repr(CHAIN | llm.bind(stop=["x"])),
    "to_json": lambda llm: llm.to_json(),
    "model_dump": lambda llm: llm.model_dump(),
    "model_dump_json": lambda llm: llm.bind(stop=["x"]).bound.model_dump(exclude_none=True),
    "identity": lambda llm: llm._identifying_params,
    "dict": lambda llm: llm.asdict() if hasattr(llm, "asdict") else {},
    "key of the cache": lambda llm: llm._get_llm_string(stop=["x"]),
    "LangSmith": lambda llm: llm._get_ls_params(),
    "attributes": lambda llm: (llm.lc_attributes, llm.lc_secrets, llm.lc_id()),
    "schema": lambda llm: (llm.get_input_jsonschema(), llm.config_specs, llm.get_graph().to_json()),
    "pickle": pickle.dumps,
    "unpickled": lambda llm: vars(pickle.loads(pickle.dumps(llm))),  # noqa: S301 - made here
    "clients": lambda llm: (llm.client, llm.async_client, vars(llm.client)),
    "log": lambda llm: logging.LogRecord("x", 10, "", 1, "%r", (llm,), None).getMessage(),
}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_langchain_model_shows_no_secret(
    given: Callable[[], dict[str, Any]], generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty ways to look at it."""
    with Emulator(strict_auth=False) as foundry:
        llm = connected(ChatAzureAgent, foundry, generation, given())
        monkeypatch.setenv("AZURE_AD_TOKEN", "another-token-of-the-environment")
        llm.invoke("Hi")
        asyncio.run(llm.ainvoke("Hi"))
        shown = {name: repr(show(llm)) for name, show in LANGCHAIN.items()}
    assert {} == {name: text for name, text in shown.items() if CANARY in text}


class Tracer(BaseCallbackHandler):
    """Keeps everything that LangChain tells its tracers."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def _keep(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(f"{args} {kwargs}")

    on_chat_model_start = on_llm_new_token = on_llm_end = on_llm_error = _keep


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_langchain_tracer_is_told_no_secret(given: Callable[[], dict[str, Any]]) -> None:
    """Neither of a good turn nor of one that failed."""
    with Emulator(strict_auth=False) as foundry:
        llm = connected(ChatAzureAgent, foundry, "v2", given())
        tracer = Tracer()
        llm.invoke("Hi", {"callbacks": [tracer]})
        list(llm.stream("Hi", {"callbacks": [tracer]}))
        with pytest.raises(AzureAgentsError):
            llm.invoke("Hi", {"callbacks": [tracer]}, temperature=2.0)
    assert (True, []) == (len(tracer.told) > 6, [text for text in tracer.told if CANARY in text])


LLAMAINDEX: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "copy": lambda llm: repr(copy.deepcopy(llm)),
    "to_dict": lambda llm: llm.to_dict(),
    "to_json": lambda llm: llm.to_json(),
    "to_payload": lambda llm: llm.to_payload(),
    "model_dump": lambda llm: llm.model_dump(),
    "model_dump_json": lambda llm: llm.model_dump_json(),
    "metadata": lambda llm: llm.metadata,
    "schema": lambda llm: llm.model_json_schema(),
    "pickle": pickle.dumps,
    "unpickled": lambda llm: vars(pickle.loads(pickle.dumps(llm))),  # noqa: S301 - made here
    "clients": lambda llm: (llm.client, llm.async_client, vars(llm.client)),
    "vars": vars,
    "JSON": lambda llm: json.dumps(llm.to_dict()),
}


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_a_llamaindex_llm_shows_no_secret(
    given: Callable[[], dict[str, Any]], generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifteen ways to look at it."""
    with Emulator(strict_auth=False) as foundry:
        llm = connected(AzureAgentLLM, foundry, generation, given())
        monkeypatch.setenv("AZURE_AD_TOKEN", "another-token-of-the-environment")
        llm.chat([ChatMessage("Hi")])
        asyncio.run(llm.achat([ChatMessage("Hi")]))
        shown = {name: repr(show(llm)) for name, show in LLAMAINDEX.items()}
    assert {} == {name: text for name, text in shown.items() if CANARY in text}


class Events(BaseEventHandler):
    """Keeps every event of LlamaIndex's instrumentation."""

    told: list[str] = []  # noqa: RUF012 - a pydantic field

    def handle(self, event: Any, **_: Any) -> None:
        self.told.append(f"{event!r} {event.model_dump_json()}")


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_llamaindex_instrumentation_is_told_no_secret(given: Callable[[], dict[str, Any]]) -> None:
    """Neither the old callbacks nor the new events, of good turns and of bad ones."""
    events, debug, root = Events(), LlamaDebugHandler(print_trace_on_end=False), get_dispatcher()
    root.add_event_handler(events)
    try:
        with Emulator(strict_auth=False) as foundry:
            llm = connected(AzureAgentLLM, foundry, "v2", given())
            llm.callback_manager = CallbackManager([debug])
            llm.chat([ChatMessage("Hi")])
            list(llm.stream_complete("Hi"))
            with pytest.raises(AzureAgentsError):
                llm.chat([ChatMessage("Hi")], temperature=2.0)
    finally:
        root.event_handlers.remove(events)
    told = [*events.told, *(repr(event.payload) for event in debug.get_events())]
    assert (True, []) == (len(told) > 6, [text for text in told if CANARY in text])
