"""Approvals at every door: sent once, told whole, kept with the history."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, messages_from_dict, messages_to_dict
from llama_index.core.base.llms.types import ChatMessage

import langchain_azure_agents as lc
import llamaindex_azure_agents as li
from azure_agents import acompletion, completion
from azure_agents.emulator import Consent, Fault, McpApproval, McpCall, Parts
from azure_agents.errors import TurnUnknownError

from .bench import PATH, TURN, Bench

WAYS = ("whole", "streamed", "async whole", "async streamed")


class LangChain:
    """`ChatAzureAgent`."""

    def __init__(self, bench: Bench, way: str, **settings: Any) -> None:
        wires = bench.foundry.connection() | settings
        self.llm = lc.ChatAzureAgent(model=bench.agent.model, **wires)
        self.way = way

    def user(self, text: str) -> Any:
        return HumanMessage(text)

    def ask(self, *messages: Any) -> Any:
        if self.way == "whole":
            return self.llm.invoke([*messages])
        if self.way == "streamed":
            return _sum(self.llm.stream([*messages]))
        return asyncio.run(self._ask([*messages]))

    async def _ask(self, messages: Any) -> Any:
        if self.way == "async whole":
            return await self.llm.ainvoke(messages)
        return _sum([chunk async for chunk in self.llm.astream(messages)])

    message = staticmethod(lambda answer: answer)
    text = staticmethod(lambda answer: answer.text)
    fields = staticmethod(lambda answer: answer.response_metadata)
    approve = staticmethod(lc.approve)

    def stored(self, message: AIMessage) -> Any:
        """The message from a checkpoint and from a JSON history."""
        [back] = messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))
        return back


def _sum(chunks: Any) -> Any:
    total = None
    for chunk in chunks:
        total = chunk if total is None else total + chunk
    return total


class LlamaIndex:
    """`AzureAgentLLM`."""

    def __init__(self, bench: Bench, way: str, **settings: Any) -> None:
        wires = bench.foundry.connection() | settings
        self.llm = li.AzureAgentLLM(bench.agent.model, **wires)
        self.way = way

    def user(self, text: str) -> Any:
        return ChatMessage(text)

    def ask(self, *messages: Any) -> Any:
        if self.way == "whole":
            return self.llm.chat([*messages])
        if self.way == "streamed":
            return list(self.llm.stream_chat([*messages]))[-1]
        return asyncio.run(self._ask([*messages]))

    async def _ask(self, messages: Any) -> Any:
        if self.way == "async whole":
            return await self.llm.achat(messages)
        return [chunk async for chunk in await self.llm.astream_chat(messages)][-1]

    message = staticmethod(lambda answer: answer.message)
    text = staticmethod(lambda answer: answer.message.content)
    fields = staticmethod(lambda answer: answer.raw)
    approve = staticmethod(li.approve)

    def stored(self, message: ChatMessage) -> Any:
        """The message from a chat memory that was stored as JSON."""
        stored = json.dumps(message.model_dump(mode="json"))
        return ChatMessage.model_validate(json.loads(stored))


class Completion:
    """`completion` and `acompletion`."""

    def __init__(self, bench: Bench, way: str, **settings: Any) -> None:
        wires = bench.foundry.connection() | {"threads": "auto"} | settings
        self.arguments = {"api_base": wires.pop("endpoint"), **wires}
        self.model, self.way = bench.agent.model, way

    def user(self, text: str) -> Any:
        return {"role": "user", "content": text}

    def ask(self, *messages: Any) -> Any:
        if self.way == "whole":
            return completion(self.model, [*messages], **self.arguments)
        if self.way == "streamed":
            stream = completion(self.model, [*messages], stream=True, **self.arguments)
            list(stream)
            return stream.response
        return asyncio.run(self._ask([*messages]))

    async def _ask(self, messages: Any) -> Any:
        if self.way == "async whole":
            return await acompletion(self.model, messages, **self.arguments)
        stream = await acompletion(self.model, messages, stream=True, **self.arguments)
        _ = [chunk async for chunk in stream]
        return stream.response

    message = staticmethod(lambda answer: answer.choices[0].message)
    text = staticmethod(lambda answer: answer.choices[0].message.content)
    fields = staticmethod(lambda answer: answer.choices[0].message.provider_specific_fields or {})

    @staticmethod
    def approve(id: str) -> Any:
        part = {"type": "mcp_approval_response", "approval_request_id": id, "approve": True}
        return {"role": "user", "content": [part]}

    def stored(self, message: Any) -> Any:
        """The message as a JSON history keeps it."""
        return json.loads(json.dumps(message.model_dump()))


DOORS: dict[str, Callable[..., Any]] = {
    "LangChain": LangChain,
    "LlamaIndex": LlamaIndex,
    "completion": Completion,
}
PAIRS = [(door, WAYS[(at + turn) % 4]) for turn in (0, 1) for at, door in enumerate(DOORS)]


def asked(door: Any) -> tuple[Any, Any, str]:
    """The question, the answer that asks, and the request's id."""
    question = door.user("delete it")
    answer = door.ask(question)
    [request] = door.fields(answer)["approval_requests"]
    return question, answer, request["id"]


def decisions(bench: Bench) -> list[str]:
    """What the agent was told of decisions, last."""
    messages = bench.foundry.seen[-1].messages
    return [m.text for m in messages if m.role == "user" and "approval decided" in m.text]


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_an_approval_is_sent_once(generation: str, name: str, way: str) -> None:
    """Its answer is lost and found; the answer shows the call, and tells no outcome."""
    bench = Bench(generation=generation)
    door = DOORS[name](bench, way)
    question, answer, id = asked(door)
    path = r"/(?:responses|submit_tool_outputs)$"
    bench.foundry.faults.add(Fault("lost", method="POST", path=path))
    done = door.ask(question, door.message(answer), door.approve(id))
    assert ("Deleted.", 1) == (door.text(done), bench.runs)
    assert "approval_outcomes" not in door.fields(done)


@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_an_approval_that_nobody_knows_of(name: str, way: str) -> None:
    """A typed error with the place, and no second POST."""
    bench = Bench()
    door = DOORS[name](bench, way)
    question, answer, id = asked(door)
    bench.foundry.faults.add(Fault("reset_before", method="POST", path=TURN))
    with pytest.raises(TurnUnknownError) as caught:
        door.ask(question, door.message(answer), door.approve(id))
    assert (0, 1) == (bench.runs, bench.posts)
    assert (caught.value.thread_id or "").startswith("resp_")


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_a_decision_is_told_from_a_stored_history(generation: str, name: str, way: str) -> None:
    """A store of messages keeps the request; after an edit it is told, and the answer says so."""
    bench = Bench(generation=generation)
    door = DOORS[name](bench, way)
    _, answer, id = asked(door)
    kept = door.stored(door.message(answer))
    done = door.ask(door.user("Delete it, please"), kept, door.approve(id))
    assert {id: "told"} == door.fields(done)["approval_outcomes"]
    request, decided = [m.text for m in bench.foundry.seen[-1].messages][1:]
    assert f'"server":"files","tool":"delete","arguments":{PATH}' in request
    assert '"decision":"approved"' in decided
    told = door.stored(door.message(done))
    door.ask(door.user("Another way"), kept, door.approve(id), told, door.user("thanks"))
    [record] = decisions(bench)
    assert '"outcome":"not run"' in record


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_a_tool_that_ran_is_told_to_have_run(generation: str, name: str, way: str) -> None:
    """The answer to the decision shows its call, also from a stored history."""
    bench = Bench(generation=generation)
    door = DOORS[name](bench, way)
    question, answer, id = asked(door)
    done = door.ask(question, door.message(answer), door.approve(id))
    kept = [door.stored(door.message(each)) for each in (answer, done)]
    history = [door.user("Hi"), question, kept[0], door.approve(id), kept[1], door.user("thanks")]
    assert "Noted: thanks" == door.text(door.ask(*history))
    [record] = decisions(bench)
    assert (True, 1) == ('"outcome":"ran"' in record, bench.runs)


@pytest.mark.parametrize(("name", "way"), PAIRS)
def test_an_ephemeral_tool_runs(name: str, way: str) -> None:
    """The sealed request comes back with the history, and goes along with the decision."""
    bench = Bench()
    key = "a-secret-of-many-bytes"
    door = DOORS[name](bench, way, threads="ephemeral", anchor_key=key)
    question, answer, id = asked(door)
    history = [question, door.stored(door.message(answer)), door.approve(id)]
    assert ("Deleted.", 1) == (door.text(door.ask(*history)), bench.runs)
    off = DOORS[name](bench, way, threads="ephemeral", anchor_key=key, ephemeral_approvals=False)
    assert {id: "told"} == off.fields(off.ask(*history))["approval_outcomes"]
    assert 1 == bench.runs


@pytest.mark.parametrize(("name", "way"), PAIRS[:3])
def test_a_request_to_sign_in_is_told_without_its_link(name: str, way: str) -> None:
    """Where the history goes to the server anew."""
    bench = Bench()
    link = "https://login.example/once?state=s3cret"
    bench.agent.script([Consent(link, "mail"), "One mail."])
    door = DOORS[name](bench, way)
    answer = door.ask(door.user("read my mail"))
    door.ask(door.user("Read my mail"), door.stored(door.message(answer)), door.user("done"))
    records = [m.text for m in bench.foundry.seen[-1].messages if "sign-in requested" in m.text]
    assert [True] == ['"server":"mail"' in record and link not in record for record in records]


def test_blocks_alone_keep_the_request() -> None:
    """A LangChain history whose metadata was dropped still has its typed blocks."""
    bench = Bench()
    door = LangChain(bench, "whole")
    _, answer, id = asked(door)
    bare = answer.model_copy(update={"response_metadata": {}})
    door.ask(door.user("Delete it, please"), bare, door.approve(id))
    assert "approval requested" in bench.foundry.seen[-1].messages[1].text


def test_a_message_of_llamaindex_can_be_decided() -> None:
    """A chat memory gives back messages, not responses."""
    bench = Bench()
    door = LlamaIndex(bench, "whole")
    question, answer, _ = asked(door)
    kept = door.stored(answer.message)
    assert "Deleted." == door.text(door.ask(question, kept, li.decide(kept, True)))


def test_a_second_request_of_the_same_turn() -> None:
    """Reported for Azure (azure-sdk-for-python#47996): a second approval in a chain got a 400."""
    bench = Bench()
    bench.agent.script(_in_two_steps)
    door = LangChain(bench, "whole")
    question, first, id = asked(door)
    second = door.ask(question, first, door.approve(id))
    [request] = second.response_metadata["approval_requests"]
    history = [question, first, door.approve(id), second, door.approve(request["id"])]
    assert "Both." == door.text(door.ask(*history))
    refuse = Fault("status_before", method="POST", path=TURN, status=400)
    bench.foundry.faults.add(refuse)
    told = door.ask(*history)
    assert {request["id"]: "told"} == told.response_metadata["approval_outcomes"]
    ran, fresh = decisions(bench)
    assert '"outcome":"ran"' in ran
    assert '"outcome":"unknown: this decision' in fresh


def _in_two_steps(turn: Any) -> Any:
    decided = [m for m in turn.messages if (m.role, m.text) == ("tool", "approved")]
    call = McpCall("files", "delete", PATH, "gone")
    if turn.messages[-1].role != "tool":
        return McpApproval("files", "delete", PATH) if not decided else "Told."
    return Parts(call, McpApproval("files", "empty_bin")) if len(decided) == 1 else "Both."


def test_a_chain_sends_the_decision_and_not_the_request() -> None:
    """Reported for another client (vercel/ai#18605): with both the service refuses duplicates."""
    bench = Bench()
    door = LangChain(bench, "whole")
    question, answer, id = asked(door)
    door.ask(question, answer, door.approve(id))
    sent: Any = bench.foundry.requests[-1].body
    assert ["mcp_approval_response"] == [item["type"] for item in sent["input"]]


def test_a_settled_decision_is_not_sent_again() -> None:
    """Reported for another client (agent-framework#7452): it came along with later turns, a 400."""
    bench = Bench()
    door = LangChain(bench, "whole")
    question, answer, id = asked(door)
    history = [question, answer, door.approve(id)]
    history += [door.ask(*history), door.user("thanks")]
    door.ask(*history)
    door.ask(door.user("Hi"), *history)
    assert (1, 1) == (bench.posts, bench.runs)
