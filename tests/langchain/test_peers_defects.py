"""Defects found in langchain-azure-ai 1.2.12; each has a test that we do not have it.

The numbers are those of our notes. Other ways to reach an agent: `test_prior_art.py`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from azure_agents.emulator import (
    Citation,
    CodeInterpreter,
    Consent,
    Empty,
    Emulator,
    Failed,
    FileSearch,
    Incomplete,
    McpApproval,
    Parts,
    Reasoning,
    Text,
)
from azure_agents.errors import RunFailedError
from langchain_azure_agents import ChatAzureAgent, decide

from .asking import PAIR, acollect, add, added, texts

PIXEL = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}

# langchain-azure-ai


def test_01_only_the_last_message_is_sent(llm: Any, foundry: Emulator) -> None:
    """The whole history is seen, checkpointer or not."""
    llm.invoke([HumanMessage("my name is Bob"), AIMessage("Hello."), HumanMessage("who am I?")])
    assert ["my name is Bob", "Hello.", "who am I?"] == texts(foundry)


def test_02_time_travel_corrupts(connect: Any, foundry: Emulator) -> None:
    """Asking on from turn 1 does not touch the thread that holds turn 2."""
    llm = connect(threads="conversation")
    history: list[Any] = [HumanMessage("one")]
    for text in ("two", "three"):
        history += [llm.invoke(history), HumanMessage(text)]
    branch = [*history[:2], HumanMessage("alt-two")]
    answer = llm.invoke(branch)
    assert texts(foundry) == [m.content for m in branch]
    assert answer.response_metadata["thread_id"] != history[1].response_metadata["thread_id"]
    llm.invoke(history)
    assert texts(foundry) == [m.content for m in history]


def test_03_cache_collision_across_agents_and_users(connect: Any, foundry: Emulator) -> None:
    """The finance agent never answers out of the HR agent's mouth."""
    set_llm_cache(InMemoryCache())
    try:
        question = "what is the policy?"
        said = [connect(name, name=name).invoke(question).content for name in ("hr", "finance")]
        assert ["hr", "finance"] == said
        connect("hr", name="hr", owner="somebody else").invoke(question)
        assert 3 == len(foundry.seen)
    finally:
        set_llm_cache(None)


def test_04_parallel_calls_are_broken(with_tools: Any, foundry: Emulator, ask: Any) -> None:
    """Both calls are in one message, and both outputs travel in one request."""
    llm = with_tools([PAIR, "three and seven"])
    asked = HumanMessage("compute")
    call = ask(llm, [asked])
    assert [{"a": 1, "b": 2}, {"a": 3, "b": 4}] == [c["args"] for c in call.tool_calls]
    before = len(foundry.requests)
    results = [add.invoke(each) for each in call.tool_calls]
    assert "three and seven" == ask(llm, [asked, call, *results]).content
    assert len(foundry.requests) == before + 1
    assert ["3", "7"] == texts(foundry)[-2:]


NO_TEXT = [Empty(), Consent("https://login.example", "mail")]


@pytest.mark.parametrize("reply", NO_TEXT)
def test_05_list_index_out_of_range(foundry: Emulator, ask: Any, reply: Any) -> None:
    """An answer without text is a message without text; a link to consent is not lost."""
    agent = foundry.create_agent("silent", reply)
    answer = ask(ChatAzureAgent(model=agent.model, **foundry.connection()), "hi")
    assert "" == answer.content
    asked = answer.response_metadata.get("consent_requests", [])
    assert [each["link"] for each in asked] == (
        ["https://login.example"] if isinstance(reply, Consent) else []
    )


NOT_TRUE = ["denied", "reject", "No!", "never", {"approved": False}, "", "Error: timeout", "yes",
            "true", "True", 1, [True], {"approved": True}, False, None]  # fmt: skip


@pytest.mark.parametrize("said", NOT_TRUE, ids=repr)
def test_06_approval_is_fail_open(connect: Any, foundry: Emulator, said: Any) -> None:
    """Whatever is not exactly True denies, through the helper and through a block made by hand."""
    llm = connect(lambda turn: McpApproval("files", "delete") if turn.last_user_text else "ok")
    asked = HumanMessage("delete it")
    request = llm.invoke([asked])
    [id] = [r["id"] for r in request.response_metadata["approval_requests"]]
    value = {"type": "approval_reply", "request_id": id, "approve": said}
    by_hand = HumanMessage([{"type": "non_standard", "value": value}])
    for reply in (decide(request, said), by_hand):
        llm.invoke([asked, request, reply])
        assert [True, False] == ["denied" in texts(foundry)[-1], "approved" in texts(foundry)[-1]]
    request = llm.invoke([asked])
    llm.invoke([asked, request, decide(request, True)])
    assert "approved" == texts(foundry)[-1]


def test_07_no_usage_and_no_ids(llm: Any, foundry: Emulator, ask: Any) -> None:
    """Usage, ids, status and finish reason are there, and LangChain's callback counts."""
    with get_usage_metadata_callback() as counted:
        answer = ask(llm, "hi")
    assert counted.usage_metadata == {"gpt-4o": answer.usage_metadata}
    told = answer.response_metadata
    seen = foundry.seen[-1]
    assert told["id"] in {seen.response_id, seen.run_id}
    assert told["thread_id"] in {seen.response_id, seen.thread_id}
    assert ("completed", "stop") == (told["status"], told["finish_reason"])


def test_08_citations_reasoning_and_server_tools_are_dropped(foundry: Emulator, ask: Any) -> None:
    """All of it is in the standard blocks, in order."""
    cited = Citation("url", 0, 3, url="https://x.example", title="X")
    reply = Parts(
        Reasoning("Let me think."),
        FileSearch(("q",), ({"file_id": "f", "filename": "a.md", "score": 1.0, "text": "t"},)),
        CodeInterpreter("print(1)", "1"),
        Text("See X.", citations=[cited]),
    )
    agent = foundry.create_agent("rich", reply)
    answer = ask(ChatAzureAgent(model=agent.model, **foundry.connection()), "hi")
    kinds = [block["type"] for block in answer.content_blocks]
    tool = ["server_tool_call", "server_tool_result"]
    assert [kind for kind in kinds if kind != "non_standard"] == ["reasoning", *tool, *tool, "text"]
    [annotation] = answer.content_blocks[-1]["annotations"]
    assert ("citation", "https://x.example") == (annotation["type"], annotation["url"])
    assert [] == answer.tool_calls


def test_09_streams_end_in_confusion(connect: Any, with_tools: Any) -> None:
    """Incomplete is an answer, failed an error that says why, and calls stream piece by piece."""
    cut = added(connect(Incomplete(text="So far")).stream("hi"))
    assert ("So far", "length") == (cut.content, cut.response_metadata["finish_reason"])
    with pytest.raises(RunFailedError, match="out of luck"):
        list(connect(Failed(message="out of luck"), name="f", max_retries=0).stream("hi"))
    pieces = [c for chunk in with_tools(PAIR).stream("hi") for c in chunk.tool_call_chunks]
    assert len(pieces) > 4


def test_10_async_is_a_thread(connect: Any, foundry: Emulator, monkeypatch: Any) -> None:
    """No thread is started (but for a sync credential), and one client serves all calls."""
    llm = connect(credential=foundry.async_credential)

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a thread was asked for")

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "run_in_executor", refuse)
        client = llm.async_client
        answers = [await llm.ainvoke("hi"), await acollect(llm.astream("hi"))]
        assert llm.async_client is client
        return [answer.content for answer in answers]

    assert asyncio.run(run()) == ["You said: hi (turn 1)"] * 2


def test_11_the_constructor_asks_the_service(foundry: Emulator, connect: Any) -> None:
    """Nothing is sent and no token is fetched; credentials may be async."""
    llm = connect(credential=foundry.async_credential)
    llm.bind_tools([add])
    assert ([], []) == (foundry.requests, foundry.token_scopes)
    assert "You said: hi (turn 1)" == asyncio.run(llm.ainvoke("hi")).content


def test_12_it_is_no_chat_model(connect: Any, foundry: Emulator) -> None:
    """Any message may be last, images are taken, and the model is a part of chains."""
    llm = connect('{"x": 1}')
    for last in (SystemMessage("Be brief."), AIMessage("I think")):
        llm.invoke([HumanMessage("hi"), last])
    llm.invoke([HumanMessage([{"type": "text", "text": "see"}, PIXEL])])  # type: ignore[list-item]
    assert ["image"] == [media.kind for media in foundry.seen[-1].messages[-1].media]
    chain = ChatPromptTemplate.from_messages([("user", "{q}")]) | llm | StrOutputParser()
    assert chain.batch([{"q": "a"}, {"q": "b"}]) == ['{"x": 1}'] * 2
    schema = {"title": "X", "type": "object", "properties": {"x": {"type": "integer"}}}
    assert {"x": 1} == llm.with_structured_output(schema).invoke("hi")


def test_13_the_pinned_version_is_ignored(foundry: Emulator) -> None:
    """`name:1` is version 1 also when there is a second one; `name` is the newest."""
    for reply in ("first", "second"):
        foundry.create_agent("agent", reply)
    said = [
        ChatAzureAgent(model=model, **foundry.connection()).invoke("hi").content
        for model in ("agent:1", "agent:2", "agent")
    ]
    assert ["first", "second", "second"] == said


def test_14_state_lives_on_the_instance(
    llm: Any, foundry: Emulator, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    """Two users of one model never meet; nothing is printed, and nobody sleeps."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("slept"))
    ada, bob = (llm.invoke(f"my name is {name}") for name in ("Ada", "Bob"))
    assert ada.response_metadata["thread_id"] != bob.response_metadata["thread_id"]
    answer = llm.invoke([HumanMessage("my name is Ada"), ada, HumanMessage("who am I?")])
    assert "Your name is Ada." == answer.content
    picture = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    llm.invoke([HumanMessage([picture])])
    assert "https://x.example/a.png" == foundry.seen[-1].messages[-1].media[0].reference
    assert ("", "") == capsys.readouterr()


def test_15_langgraphs_thread_is_taken_for_the_services(llm: Any, foundry: Emulator) -> None:
    """`thread_id` in the metadata is the service's own."""

    def answer(state: Any) -> Any:
        return {"messages": [llm.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    app = graph.compile(checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "langgraph-1"}}
    told = app.invoke({"messages": [("user", "hi")]}, config)["messages"][-1].response_metadata
    seen = foundry.seen[-1]
    assert told["thread_id"] in {seen.thread_id, seen.response_id}
