"""Every fact of an answer may be anything: one after the other, each place gets each strange value.

Chance changes a whole stream in a few places (`test_fuzz`), and misses a place in a citation of a
text of a part of a message. Here nothing is missed: an answer with tools, files, citations and
usage goes through all adapters, and what comes out is an answer or an error of ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.emulator import Citation, CodeInterpreter, Emulator, Parts, Text
from azure_agents.errors import AzureAgentsError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from ..covering import scaled
from .mutations import Tee, _places, encoded, events_of
from .peers import ENDPOINT, Recorder, Whole

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**63, 0.5, "", "x", "\ud800", [], [None], {}, {"type": "text"}),
)
EVERY = scaled(all=1, pairs=14, few=50)  # of the changes one: a value in a place, not a place
CITED = Citation("url", 0, 4, "https://example.com", "title")
REPLY = Parts(CodeInterpreter("print(1)", "1"), Text("Here it is", citations=[CITED]))
STREAM = {"content-type": "text/event-stream"}


def _by_langchain(place: dict[str, Any]) -> object:
    return list(ChatAzureAgent(**place).stream([HumanMessage("Hi")]))


def _by_langchain_at_once(place: dict[str, Any]) -> object:
    return ChatAzureAgent(**place).invoke([HumanMessage("Hi")]).content_blocks


def _by_llamaindex(place: dict[str, Any]) -> object:
    return list(AzureAgentLLM(**place).stream_chat([ChatMessage("Hi")]))


def _by_completion(place: dict[str, Any]) -> object:
    arguments = {**place, "api_base": place["endpoint"], "stream": True}
    del arguments["endpoint"]
    return list(completion(messages=[{"role": "user", "content": "Hi"}], **arguments))


ADAPTERS = (_by_langchain, _by_langchain_at_once, _by_llamaindex, _by_completion)


def _told(generation: Any, *, streamed: bool) -> list[tuple[str, Any]]:
    """What the emulator answers: the events of a stream, or one object."""
    with Emulator(seed=1, strict_auth=False) as foundry:
        agent = foundry.create_agent("my-agent", REPLY, generation=generation)
        tee = Tee(foundry.transport)
        place = {"endpoint": foundry.endpoint, "api_key": "x", "transport": tee}
        llm = ChatAzureAgent(model=agent.model, **place)
        list(llm.stream("Hi")) if streamed else llm.invoke("Hi")
    (kind, body), *_ = tee.kept
    return events_of(body) if "event-stream" in kind else [("", json.loads(body))]


def _changed(told: list[tuple[str, Any]]) -> Iterator[tuple[list[tuple[str, Any]], str]]:
    """Each event that is not a delta, with each value in each place."""
    for number, (name, data) in enumerate(told):
        if name.endswith("delta"):
            continue
        for place in range(len(list(_places(data)))):
            for value in VALUES:
                other = deepcopy(data)
                holder, key = list(_places(other))[place]
                holder[key] = deepcopy(value)
                event = (name, other)
                yield [*told[:number], event, *told[number + 1 :]], f"{name} {key} {value!r}"


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("ask", ADAPTERS)
def test_every_fact_of_an_answer_may_be_anything(
    ask: Callable[[dict[str, Any]], object], generation: Any
) -> None:
    """An answer or an error of ours, and never a crash in a framework."""
    told = _told(generation, streamed=ask is not _by_langchain_at_once)
    model = "my-agent" if generation == "v2" else "asst_1"
    tried = 0
    changes = islice(_changed(_last(told)), ADAPTERS.index(ask), None, EVERY)
    for events, what in changes:
        is_stream = bool(events[-1][0])
        body = encoded(events) if is_stream else json.dumps(events[0][1]).encode()

        def answer(request: httpx.Request, body: bytes = body) -> httpx.Response:
            status = 200 if request.method == "POST" else 404
            return httpx.Response(
                status, headers=STREAM if body[:1] != b"{" else {}, stream=Whole(body)
            )

        place = {"model": model, "endpoint": ENDPOINT, "api_key": "x", "max_retries": 0}
        try:
            ask({**place, "transport": Recorder(answer), "timeout": 5.0})
        except AzureAgentsError:
            pass
        except Exception as error:
            raise AssertionError(f"{what}: {error!r}") from error
        tried += 1
    assert tried > 300 // EVERY


def _last(told: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The events that say most: each kind once, the last of it."""
    return list({name: (name, data) for name, data in told}.values())
