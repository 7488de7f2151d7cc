"""What the service has forgotten in the middle of a history: the history goes on all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import completion
from azure_agents.emulator import Emulator
from azure_agents.errors import AgentNotFoundError, ThreadNotFoundError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .wire import Seen

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


def recorded_404(name: str) -> httpx.Response:
    """The last 404 of a recording."""
    if not RECORDINGS.exists():
        pytest.skip(f"no recordings at {RECORDINGS}")
    entries = json.loads((RECORDINGS / name).read_text())["entries"]
    told = [one["response"] for one in entries if one["response"]["status"] == 404][-1]
    headers = {n: v for n, v in told["headers"].items() if n != "content-type"}
    return httpx.Response(404, json=told["body"], headers=headers)


class Refusing(Seen):
    """The emulator; the next POST that matches is answered with a recorded 404."""

    def __init__(self, foundry: Emulator) -> None:
        super().__init__(**foundry.connection())
        self.next: httpx.Response | None = None
        self.path = ""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or refuse once."""
        if self.next is not None and self.path in request.url.path and request.method == "POST":
            answer, self.next = self.next, None
            request.read()
            self.requests.append(request)
            return answer
        return super().handle_request(request)


CASES = [
    ("v2", "auto", "v2/error_404_response_deleted.json", "/responses"),
    ("v2", "conversation", "v2/conversation_operations_404.json", "/responses"),
    ("classic", "auto", "classic/error_thread_not_found.json", "/threads/"),
]


def ask_langchain(known: dict[str, Any], texts: list[str], call: dict[str, Any]) -> Iterator[Any]:
    """Say these texts one after the other; gives the answers."""
    llm, history = ChatAzureAgent(**known), []
    for text in texts:
        history.append(HumanMessage(text))
        history.append(llm.invoke(history, **call))  # type: ignore[arg-type]
        yield history[-1].text


def ask_llamaindex(known: dict[str, Any], texts: list[str], call: dict[str, Any]) -> Iterator[Any]:
    """Say these texts one after the other; gives the answers."""
    llm, history = AzureAgentLLM(**known), []
    for text in texts:
        history.append(ChatMessage(text))
        history.append(llm.chat(history, **call).message)
        yield history[-1].content


def ask_completion(known: dict[str, Any], texts: list[str], call: dict[str, Any]) -> Iterator[Any]:
    """Say these texts one after the other; gives the answers."""
    history: list[Any] = []
    for text in texts:
        history.append({"role": "user", "content": text})
        history.append(completion(**known, messages=history, **call).choices[0].message)
        yield history[-1].content


DOORS = {"langchain": ask_langchain, "llamaindex": ask_llamaindex, "completion": ask_completion}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("door", DOORS)
def test_the_recorded_404_is_replayed(
    foundry: Emulator, door: str, case: tuple[Any, str, str, str]
) -> None:
    """The whole history in a new thread; the caller sees an answer and no error."""
    generation, threads, name, path = case
    agent = foundry.create_agent("a", generation=generation)
    seen = Refusing(foundry)
    known = {**foundry.connection(), **seen.connection, "model": agent.model, "threads": threads}
    answers = DOORS[door](known, ["My name is Ada.", "What is my name?"], {})
    next(answers)
    seen.next, seen.path = recorded_404(name), path
    assert "Your name is Ada." == next(answers)
    assert seen.next is None
    assert ["user", "assistant", "user"] == [m.role for m in foundry.seen[-1].messages]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_gone_for_good_is_replayed(
    foundry: Emulator, door: str, case: tuple[Any, str, str, str]
) -> None:
    """As after ninety days: the id is unknown from then on, and the next turns go on from anew."""
    generation, threads, _, _ = case
    agent = foundry.create_agent("a", generation=generation)
    known = {**foundry.connection(), "model": agent.model, "threads": threads}
    texts = ["My name is Ada.", "And?", "What is my name?", "Again, what is my name?"]
    answers = DOORS[door](known, texts, {})
    next(answers)
    next(answers)
    for turn in foundry.seen:
        gone = {i for i in (turn.thread_id, turn.response_id) if i}
        for id in gone:
            if not id.startswith("run_"):
                _forget(foundry, id)
    assert "Your name is Ada." == next(answers)
    assert "Your name is Ada." == next(answers)
    assert 7 == len(foundry.seen[-1].messages)


def _forget(foundry: Emulator, id: str) -> None:
    try:
        foundry.forget(id)
    except LookupError:
        return  # went with its thread


@pytest.mark.parametrize("threads", ["auto", "conversation"])
@pytest.mark.parametrize("door", DOORS)
def test_an_unknown_agent_is_no_forgotten_thread(
    foundry: Emulator, door: str, threads: str
) -> None:
    """Its recorded 404 is an error at once: no second request asks in vain."""
    agent = foundry.create_agent("a")
    seen = Refusing(foundry)
    known = {**foundry.connection(), **seen.connection, "model": agent.model, "threads": threads}
    answers = DOORS[door](known, ["My name is Ada.", "What is my name?"], {})
    next(answers)
    before = len(seen.requests)
    seen.next, seen.path = recorded_404("v2/error_404_unknown_agent.json"), "/responses"
    with pytest.raises(AgentNotFoundError):
        next(answers)
    assert before + 1 == len(seen.requests)


@pytest.mark.parametrize(
    ("generation", "name", "pin"),
    [
        ("v2", "v2/conversation_operations_404.json", "conv_gone"),
        ("v2", "v2/error_404_response_deleted.json", "resp_gone"),
        ("classic", "classic/error_thread_not_found.json", "thread_gone"),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_a_pin_that_is_gone_is_an_error(
    foundry: Emulator, door: str, generation: Any, name: str, pin: str
) -> None:
    """The caller's word was that it holds the rest: what is missing cannot be made up."""
    agent = foundry.create_agent("a", generation=generation)
    seen = Refusing(foundry)
    known = {**foundry.connection(), **seen.connection, "model": agent.model}
    seen.next = recorded_404(name)
    with pytest.raises(ThreadNotFoundError):
        next(DOORS[door](known, ["What is my name?"], {"thread_id": pin}))
    assert 1 == len(seen.requests)
