"""What stands on the server is read back as it was said, in every kind of thread."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import azure_agents
from azure_agents import AgentClient, AsyncAgentClient, Media, Message, Text, TurnRequest
from azure_agents.emulator import CodeInterpreter, Emulator, Fault, McpApproval, ToolCalls
from azure_agents.errors import InvalidRequestError, ThreadNotFoundError
from azure_agents.events import ApprovalRequest
from azure_agents.messages import ApprovalReply, assistant, tool, user

from ..files.conftest import Blocking

KINDS = {
    "chain": ("v2", "auto"),
    "conversation": ("v2", "conversation"),
    "classic": ("classic", "auto"),
}
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    """Each place that a history can stand at."""
    return request.param


@pytest.fixture
def foundry() -> Any:
    """An agent that calls a function, uses a tool of the server, and asks for approval."""
    return Emulator()


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, foundry: Emulator, kind: str) -> Any:
    """Both kinds of client."""
    generation, threads = KINDS[kind]
    script = [
        ToolCalls(("look", {"n": 1})),
        [CodeInterpreter("1"), "It is sunny."],
        McpApproval("files", "delete", "{}"),
        "They are gone.",
    ]
    agent = foundry.create_agent("a", script, generation=generation)  # type: ignore[arg-type]
    given: dict[str, Any] = {"threads": threads, **foundry.connection()}
    if request.param == "sync":
        yield AgentClient(agent.model, **given)
        return
    with asyncio.Runner() as runner:
        yield Blocking(AsyncAgentClient(agent.model, **given), runner)


def play(client: Any) -> tuple[list[Message], str]:
    """A conversation with everything that a caller can say; the thread that it stands on."""
    image = Media("image", data=PNG, mime_type="image/png", detail="auto")
    said = [Message("user", (Text("What is it like?"), image))]
    answer = client.complete(TurnRequest(tuple(said)))
    (call,) = answer.tool_calls
    said += [assistant("", call, anchor=answer.finished.anchor), tool(call.id, "sun")]
    answer = client.complete(TurnRequest(tuple(said)))
    said += [assistant(answer.text, anchor=answer.finished.anchor), user("Delete the files")]
    answer = client.complete(TurnRequest(tuple(said)))
    (ask,) = [block for block in answer.blocks if isinstance(block, ApprovalRequest)]
    said.append(assistant("", anchor=answer.finished.anchor, asks=(ask,)))
    said.append(Message("user", (ApprovalReply(ask.id, approve=True),)))
    answer = client.complete(TurnRequest(tuple(said)))
    said.append(assistant(answer.text))
    ids = answer.finished
    return said, ids.thread_id if ids.thread_id.startswith(("conv", "thread")) else ids.response_id


def facts(message: Message) -> tuple[Any, ...]:
    """What is said; not where it stood."""
    asks = [(ask.id, ask.name) for ask in message.asks]
    return message.role, message.parts, message.tool_calls, message.tool_call_id, asks


def test_what_was_said_is_read_back(client: Any, kind: str) -> None:
    """Texts, pictures, calls with results, requests and decisions; what tools did is left out."""
    said, thread = play(client)
    if kind == "classic":  # calls, results and decisions stand in runs
        told = [m for m in said if m.text or any(isinstance(p, Media) for p in m.parts)]
        said = [m for m in told if m.role != "tool"]
    found = client.threads.messages(thread)
    assert [facts(message) for message in said] == [facts(message) for message in found]


def test_threads_are_listed_and_deleted(client: Any, kind: str) -> None:
    """A chain is no thread: the service lists conversations only."""
    _, thread = play(client)
    assert ([] if kind == "chain" else [thread]) == [one.id for one in client.threads.list()]
    client.threads.delete(thread)
    with pytest.raises(ThreadNotFoundError):
        client.threads.messages(thread)
    with pytest.raises(ThreadNotFoundError):
        client.threads.delete(thread)
    assert [] == client.threads.list()


@pytest.mark.parametrize("kind", ["conversation", "classic"], indirect=True)
def test_old_threads_are_pruned(client: Any, foundry: Emulator) -> None:
    """Newer ones stay; a lost answer to a delete is no failure."""
    _, old = play(client)
    foundry.clock.advance(40 * 86_400.0)
    client.complete("Hello")
    foundry.faults.add(Fault("lost", method="DELETE"))
    assert [old] == client.threads.prune(30)
    assert 1 == len(client.threads.list())
    assert [] == client.threads.prune(30)


@pytest.mark.parametrize("days", [0, -1, "x", True, None])
@pytest.mark.parametrize("kind", ["classic"], indirect=True)
def test_a_wrong_age_deletes_nothing(client: Any, foundry: Emulator, days: Any) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError, match="must be a number above 0"):
        client.threads.prune(days)
    assert [] == list(foundry.requests)


def test_an_id_of_the_other_generation_is_refused(client: Any, kind: str) -> None:
    """As at every other place."""
    other = "conv_0123456789abcdef" if kind == "classic" else "thread_abc"
    with pytest.raises(InvalidRequestError):
        client.threads.messages(other)
    with pytest.raises(InvalidRequestError):
        client.threads.delete("../agents/a")


def test_the_snippet_runs(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """docs/reliability.md shows what was said."""
    page = (Path(__file__).parents[2] / "docs" / "reliability.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    foundry = Emulator()
    foundry.create_agent("my-agent", ["Hello, Ada."])

    def connect(model: str, **_: Any) -> AgentClient:
        return AgentClient(model, **foundry.connection())

    monkeypatch.setattr(azure_agents, "AgentClient", connect)
    exec(compile(code, "page", "exec"), {})  # noqa: S102 - our own page
    assert "user My name is Ada.\nassistant Hello, Ada.\n" == capsys.readouterr().out
