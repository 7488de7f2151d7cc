"""Defects found in other ways to reach an agent; each has a test that we do not have it.

`test_openai_…` is langchain-openai with `use_previous_response_id` and an agent reference,
`test_llamaindex_…` is AzureFoundryAgent, `test_assistant_…` is OpenAIAssistantRunnable.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from azure_agents.emulator import Citation, Emulator, Failed, Text
from azure_agents.errors import RunFailedError
from langchain_azure_agents import ChatAzureAgent

from .asking import PAIR, acollect, add, texts

# litellm


def test_litellm_posts_everything_as_user_turns(llm: Any, foundry: Emulator) -> None:
    """Assistant turns stay assistant turns, and a second turn repeats nothing."""
    history = [HumanMessage("hi"), AIMessage("Hello."), HumanMessage("and?")]
    answer = llm.invoke(history)
    assert ["user", "assistant", "user"] == [m.role for m in foundry.seen[-1].messages]
    llm.invoke([*history, answer, HumanMessage("more")])
    assert [m.role for m in foundry.seen[-1].messages] == ["user", "assistant"] * 2 + ["user"]


def test_litellm_polls_a_waiting_run_to_death(with_tools: Any, foundry: Emulator) -> None:
    """A run that waits for a tool is an answer with a call, without one poll."""
    assert "tool_calls" == with_tools(PAIR).invoke("compute").response_metadata["finish_reason"]
    assert ["GET", "POST"] == [r.method for r in foundry.requests]  # the declaration, the turn


def test_litellm_estimates_usage(llm: Any, foundry: Emulator, ask: Any) -> None:
    """The numbers are the service's."""
    answer = ask(llm, "hi")
    assert foundry.seen[-1].usage is not None
    assert answer.usage_metadata["total_tokens"] == foundry.seen[-1].usage["total_tokens"]


def test_litellm_loses_the_thread_of_an_async_stream(llm: Any, foundry: Emulator) -> None:
    """Thread and messages arrive, streamed or not, sync or async."""
    thread = llm.invoke("my name is Bob").response_metadata["thread_id"]
    answer = asyncio.run(acollect(llm.astream("who am I?", thread_id=thread)))
    assert "Your name is Bob." == answer.content


def test_litellm_fakes_sync_streams(llm: Any) -> None:
    """The first chunk is a piece, not the whole."""
    first = next(iter(llm.stream("tell me a story")))
    assert 0 < len(first.content) < len("You said: tell me a story (turn 1)")


def test_litellm_hides_the_thread_id(llm: Any, ask: Any) -> None:
    """It is in the metadata, where it can be passed on."""
    answer = ask(llm, "my name is Bob")
    later = llm.invoke("who am I?", thread_id=answer.response_metadata["thread_id"])
    assert "Your name is Bob." == later.content


def test_litellm_knows_only_url_citations(foundry: Emulator, ask: Any) -> None:
    """Files, in a vector store or a container, are cited as well."""
    citations = [
        Citation("file", 0, 3, file_id="f_1", filename="a.md"),
        Citation("container_file", 4, 6, file_id="cf_1", filename="b.csv", container_id="cntr_1"),
    ]
    agent = foundry.create_agent("cites", Text("See X.", citations=citations))
    answer = ask(ChatAzureAgent(model=agent.model, **foundry.connection()), "hi")
    blocks = [block for block in answer.content_blocks if block["type"] == "text"]
    extras = [note["extras"] for block in blocks for note in block["annotations"]]
    assert [
        ("file", "f_1"),
        ("container_file", "cf_1"),
    ] == [(e["kind"], e["file_id"]) for e in extras]


# langchain-openai, use_previous_response_id


def test_openai_edits_are_invisible(llm: Any, foundry: Emulator) -> None:
    """An edited history is not the old one."""
    answer = llm.invoke("my name is Bob")
    llm.invoke([HumanMessage("my name is Eve"), answer, HumanMessage("who am I?")])
    assert "my name is Eve" == texts(foundry)[0]


def test_openai_drops_the_system_message_on_turn_two(llm: Any, foundry: Emulator) -> None:
    """It is in force in every turn."""
    history: list[Any] = [SystemMessage("Be brief."), HumanMessage("hi")]
    history += [llm.invoke(history), HumanMessage("and?")]
    llm.invoke(history)
    for seen in foundry.seen:
        system = [m.text for m in seen.messages if m.role == "system"]
        assert ["Be brief."] == (system or [seen.additional_instructions])


def test_openai_breaks_when_the_service_forgot(llm: Any, foundry: Emulator, connect: Any) -> None:
    """A continuation point that is gone is replayed from the history."""
    other = connect(name="other-agent")
    history: list[Any] = [HumanMessage("my name is Bob")]
    history += [llm.invoke(history), HumanMessage("who am I?")]
    with Emulator() as elsewhere:  # an agent of the same name that knows nothing of the past
        agent = elsewhere.create_agent("my-agent", generation=foundry.seen[0].generation)  # type: ignore[arg-type]
        fresh = ChatAzureAgent(model=agent.model, **elsewhere.connection())
        assert "Your name is Bob." == fresh.invoke(history).content
    assert "Your name is Bob." == other.invoke(history).content


def test_openai_sends_model_and_tools_beside_the_agent(foundry: Emulator) -> None:
    """Both would be refused: "Not allowed when agent is specified"."""
    declared = [{"type": "function", "name": "add", "parameters": {}}]
    agent = foundry.create_agent("tools", "ok", tools=declared)
    ChatAzureAgent(model=agent.model, **foundry.connection()).bind_tools([add]).invoke("hi")
    assert set() == {"model", "tools", "instructions"} & foundry.requests[-1].body.keys()


# LlamaIndex's AzureFoundryAgent, LangChain's OpenAIAssistantRunnable


def test_llamaindex_flattens_the_history(with_tools: Any, foundry: Emulator) -> None:
    """Roles and tool results arrive as what they are, once."""
    llm = with_tools([PAIR, "done"])
    asked = HumanMessage("compute")
    call = llm.invoke([asked])
    llm.invoke([asked, call, *(add.invoke(each) for each in call.tool_calls)])
    assert ["user", "assistant", "tool", "tool"] == [m.role for m in foundry.seen[-1].messages]


def test_llamaindex_reports_a_failed_run_as_text(connect: Any, ask: Any) -> None:
    """A failure is never an answer."""
    with pytest.raises(RunFailedError):
        ask(connect(Failed(), max_retries=0), "hi")


def test_assistant_takes_one_user_message_per_call(llm: Any, foundry: Emulator) -> None:
    """Several messages in a row are several messages."""
    llm.invoke([HumanMessage("one"), HumanMessage("two"), HumanMessage("three")])
    assert ["one", "two", "three"] == texts(foundry)
