"""MCP tools that ask before they run, and tools that need a sign-in."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.workflow import (
    Context,
    HumanResponseEvent,
    InputRequiredEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

from azure_agents.emulator import Consent, Emulator, McpApproval, McpCall, Parts
from azure_agents.errors import InvalidRequestError
from llamaindex_azure_agents import AzureAgentLLM, approve, decide, reject

Make = Callable[..., AzureAgentLLM]
ASKS = McpApproval("files", "delete", '{"path": "/tmp/x"}')


def files(turn: Any) -> Any:
    """An agent that deletes nothing unasked."""
    match turn.messages[-1].text:
        case "approved":
            return Parts(McpCall("files", "delete", '{"path": "/tmp/x"}', "gone"), "Deleted.")
        case "denied":
            return "I left it alone."
        case "Delete it":
            return ASKS
        case _:
            return "Anything else?"


QUESTION = ChatMessage("Delete it")


def test_a_request_is_surfaced(make_llm: Make, ask: Any) -> None:
    """In `raw` and `additional_kwargs`; it is no tool call of the caller's."""
    response = ask(make_llm(files), [QUESTION])
    (request,) = response.raw["approval_requests"]
    assert response.additional_kwargs["approval_requests"] == [request]
    assert ("delete", '{"path": "/tmp/x"}', "files") == (
        request["name"],
        request["arguments"],
        request["server_label"],
    )
    assert ["foundry", "approval_requests"] == list(response.message.additional_kwargs)
    assert [request] == response.message.additional_kwargs["approval_requests"]
    assert "" == (response.message.content or "")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (lambda asked: approve(asked.raw["approval_requests"][0]["id"]), "Deleted."),
        (lambda asked: reject(asked.raw["approval_requests"][0]["id"]), "I left it alone."),
        (lambda asked: decide(asked, True), "Deleted."),
        (lambda asked: decide(asked, False), "I left it alone."),
        (lambda asked: decide(asked, "yes"), "I left it alone."),
        (lambda asked: decide(asked, 1), "I left it alone."),
        (lambda asked: decide(asked, {"mcpr_other": True}), "I left it alone."),
        (lambda asked: ChatMessage("What else?"), "Anything else?"),
    ],
)
def test_only_true_approves(
    foundry: Emulator, make_llm: Make, ask: Any, reply: Any, answer: str
) -> None:
    """Anything else denies; who says nothing of it may go on."""
    llm = make_llm(files)
    asked = ask(llm, [QUESTION])
    decided = ask(llm, [QUESTION, asked.message, reply(asked)])
    assert answer == decided.message.content
    assert (answer == "Deleted.") == ("gone" in str(decided.raw.get("built_in_tool_results")))


def test_the_conversation_goes_on_behind_it(foundry: Emulator, make_llm: Make, ask: Any) -> None:
    """The reply is a message of the history like any other."""
    llm = make_llm(files)
    history = [QUESTION]
    for say in (lambda asked: decide(asked, True), lambda _: ChatMessage("Thanks")):
        answer = ask(llm, history)
        history += [answer.message, say(answer)]
    before = len([request for request in foundry.requests if request.method == "POST"])
    assert "Anything else?" == ask(llm, history).message.content
    after = len([request for request in foundry.requests if request.method == "POST"])
    assert 1 == after - before


def test_a_decision_needs_a_request(make_llm: Make) -> None:
    """The error names the key that is missing."""
    answer = make_llm("ok").chat([ChatMessage("Hi")])
    with pytest.raises(InvalidRequestError, match="approval_requests"):
        decide(answer, True)


@pytest.mark.parametrize("streaming", [True, False])
def test_an_agent_asks(make_llm: Make, streaming: bool) -> None:
    """The run ends with the request; the next one brings the decision."""
    llm = make_llm(files)

    async def run() -> list[str]:
        agent = FunctionAgent(tools=[], llm=llm, streaming=streaming, system_prompt="Be careful.")
        memory = ChatMemoryBuffer.from_defaults()
        asked = await agent.run("Delete it", memory=memory)
        decided = await agent.run(decide(asked, True), memory=memory)
        return [str(asked), str(decided), str(await agent.run("Thanks", memory=memory))]

    assert ["", "Deleted.", "Anything else?"] == asyncio.run(run())


class Careful(Workflow):
    """Asks a human with LlamaIndex's own events."""

    def __init__(self, llm: AzureAgentLLM) -> None:
        super().__init__(timeout=10)
        self.llm = llm

    @step
    async def begin(self, ctx: Context, ev: StartEvent) -> InputRequiredEvent | StopEvent:
        return await self.say(ctx, [ChatMessage(ev.question)])

    @step
    async def go_on(self, ctx: Context, ev: HumanResponseEvent) -> InputRequiredEvent | StopEvent:
        history = await ctx.store.get("history")
        return await self.say(ctx, [*history, decide(await ctx.store.get("asked"), ev.response)])

    async def say(self, ctx: Context, history: Any) -> InputRequiredEvent | StopEvent:
        answer = await self.llm.achat(history)
        if not answer.raw.get("approval_requests"):
            return StopEvent(result=answer.message.content)
        await ctx.store.set("history", [*history, answer.message])
        await ctx.store.set("asked", answer)
        return InputRequiredEvent(requests=answer.raw["approval_requests"])


@pytest.mark.parametrize(("says", "result"), [(True, "Deleted."), ("ok", "I left it alone.")])
def test_a_workflow_asks_a_human(make_llm: Make, says: Any, result: str) -> None:
    """`InputRequiredEvent` goes out, `HumanResponseEvent` comes back."""

    async def run() -> Any:
        handler = Careful(make_llm(files)).run(question="Delete it")
        async for event in handler.stream_events():
            if isinstance(event, InputRequiredEvent):
                assert "delete" == event.requests[0]["name"]
                handler.ctx.send_event(HumanResponseEvent(response=says))
        return await handler

    assert result == asyncio.run(run())


def test_consent_is_surfaced(foundry: Emulator, ask: Any) -> None:
    """v2: a link to show; there is nothing to reply, so one asks again."""
    agent = foundry.create_agent("mail", [Consent("https://login.test", "mail"), "3 mails."])
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    answer = ask(llm, [ChatMessage("Read my mail")])
    (request,) = answer.raw["consent_requests"]
    assert ("https://login.test", "mail") == (request["link"], request["server_label"])
    history = [ChatMessage("Read my mail"), answer.message, ChatMessage("Done, again please")]
    assert "3 mails." == ask(llm, history).message.content
