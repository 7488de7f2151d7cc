"""The messages of a server thread as LangChain's message history."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables.history import RunnableWithMessageHistory

from azure_agents.emulator import Emulator, McpApproval, ToolCalls
from azure_agents.errors import InvalidRequestError, ThreadNotFoundError
from langchain_azure_agents import AzureAgentChatMessageHistory, ChatAzureAgent, reject
from langchain_azure_agents._messages import to_messages

POLICIES = [("v2", "auto"), ("v2", "conversation"), ("classic", "auto")]


@pytest.fixture(params=POLICIES, ids=["chain", "conversation", "thread"])
def pair(request: pytest.FixtureRequest, foundry: Emulator) -> Any:
    """A model that keeps its threads in one of three ways, and its history."""
    generation, policy = request.param
    agent = foundry.create_agent("my-agent", generation=generation)
    llm = ChatAzureAgent(model=agent.model, threads=policy, **foundry.connection())
    return llm, AzureAgentChatMessageHistory(llm=llm)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def do(request: pytest.FixtureRequest) -> Any:
    """Use a history in one of both ways."""

    def run(history: Any, what: str, *arguments: Any) -> Any:
        if request.param:
            name = {"messages": "aget_messages"}.get(what, f"a{what}")
            return asyncio.run(getattr(history, name)(*arguments))
        found = getattr(history, what)
        return found if what == "messages" else found(*arguments)

    return run


def turn(llm: Any, history: Any, text: str) -> list[BaseMessage]:
    """Ask on the history's thread; gives question and answer."""
    question = HumanMessage(text)
    return [question, llm.invoke([question], thread_id=history.thread_id)]


def said(messages: list[BaseMessage]) -> list[tuple[str, str]]:
    """Types and texts."""
    return [(one.type, one.text) for one in messages]


def test_a_history_reads_what_stands_on_the_server(pair: Any, do: Any) -> None:
    """It follows the first answer to its thread, and a chain from response to response."""
    llm, history = pair
    assert [] == do(history, "messages")
    first = turn(llm, history, "My name is Ada.")
    do(history, "add_messages", first)
    second = turn(llm, history, "What is my name?")
    do(history, "add_messages", second)
    assert "Your name is Ada." == second[-1].text
    assert said([*first, *second]) == said(do(history, "messages"))
    assert second[-1].response_metadata["thread_id"] == history.thread_id


def test_what_is_there_is_not_added_again(pair: Any, foundry: Emulator, do: Any) -> None:
    """Whoever adds a turn twice, or only its end, changes nothing, and nothing is posted."""
    llm, history = pair
    said_now = turn(llm, history, "Hi")
    posted = sum(request.method == "POST" for request in foundry.requests)
    for added in (said_now, said_now, said_now[-1:], []):
        do(history, "add_messages", added)
    assert said(said_now) == said(do(history, "messages"))
    assert posted == sum(request.method == "POST" for request in foundry.requests)


def test_what_is_not_there_is_an_error(pair: Any, do: Any) -> None:
    """Only turns of the agent write on the server; the error says how to make one."""
    llm, history = pair
    with pytest.raises(InvalidRequestError, match=r"there is no thread with the messages"):
        do(history, "add_messages", [HumanMessage("Hi")])
    question, answer = turn(llm, history, "Hi")
    do(history, "add_messages", [question, answer])
    held, thread = do(history, "messages"), history.thread_id
    elsewhere = AIMessage("Hello.")
    for added in ([question], [HumanMessage("new")], [answer, question], [question, elsewhere]):
        with pytest.raises(InvalidRequestError, match=r"say new ones with llm\.invoke"):
            do(history, "add_messages", added)
    assert (said(held), thread) == (said(do(history, "messages")), history.thread_id)


def test_the_single_methods_of_langchain_say_the_same(pair: Any) -> None:
    """`add_user_message` before the agent was asked is what the error is for."""
    llm, history = pair
    with pytest.raises(InvalidRequestError, match="only turns of the agent write there"):
        history.add_user_message("Hi")
    answer = turn(llm, history, "Hi")[-1]
    history.add_ai_message(answer)
    assert f"Human: Hi\nAI: {answer.text}" == str(history)


def test_clear_deletes_the_thread(pair: Any, do: Any) -> None:
    """The next answer begins another one."""
    llm, history = pair
    do(history, "add_messages", turn(llm, history, "My name is Ada."))
    gone = history.thread_id
    do(history, "clear")
    do(history, "clear")
    assert [] == do(history, "messages")
    with pytest.raises(ThreadNotFoundError):
        do(AzureAgentChatMessageHistory(llm=llm, thread_id=gone), "messages")
    again = turn(llm, history, "What is my name?")
    do(history, "add_messages", again)
    assert said(again) == said(do(history, "messages"))


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.filterwarnings("ignore:.*RunnableWithMessageHistory")
@pytest.mark.parametrize(("generation", "policy"), POLICIES)
def test_the_older_chain_with_history_works(
    foundry: Emulator, generation: Any, policy: Any, is_async: bool, caplog: Any
) -> None:
    """With an owner the thread goes on, turn after turn, and nothing is said twice."""
    agent = foundry.create_agent("my-agent", generation=generation)
    llm = ChatAzureAgent(model=agent.model, threads=policy, owner="ada", **foundry.connection())
    sessions: dict[str, AzureAgentChatMessageHistory] = {}

    def session(session_id: str) -> AzureAgentChatMessageHistory:
        return sessions.setdefault(session_id, AzureAgentChatMessageHistory(llm=llm))

    chain = RunnableWithMessageHistory(llm, session)
    config: Any = {"configurable": {"session_id": "1"}}
    texts = []
    for question in ("My name is Ada.", "Hi", "What is my name?"):
        asked: Any = [HumanMessage(question)]
        answer = (
            asyncio.run(chain.ainvoke(asked, config)) if is_async else chain.invoke(asked, config)
        )
        texts += [question, answer.text]
    assert "Your name is Ada." == texts[-1]
    assert texts == [one.text for one in sessions["1"].messages]
    assert 3 == len([one for one in foundry.seen if one])
    assert "Error in" not in caplog.text


def test_calls_and_their_results(with_tools: Any, generation: str) -> None:
    """A classic thread keeps only what was said."""
    bound = with_tools([ToolCalls(("add", {"a": 1, "b": 2})), "It is 3."])
    history = AzureAgentChatMessageHistory(llm=bound.bound)
    messages: list[Any] = [HumanMessage("What is 1 + 2?")]
    messages.append(bound.invoke(messages))
    [call] = messages[-1].tool_calls
    messages.append(ToolMessage("3", tool_call_id=call["id"]))
    messages.append(bound.invoke(messages))
    history.add_messages(messages)
    kept = [("human", "What is 1 + 2?"), ("ai", ""), ("tool", "3"), ("ai", "It is 3.")]
    wanted = kept if generation == "v2" else [kept[0], kept[-1]]
    assert wanted == said(history.messages)
    calls = [one.tool_calls for one in history.messages if isinstance(one, AIMessage)]
    assert ([[call], []] if generation == "v2" else [[]]) == calls


def test_requests_and_decisions(foundry: Emulator) -> None:
    """What asked for approval can be decided from the history; a decision is a message in it."""
    ask = McpApproval("files", "delete", '{"path": "/x"}')
    agent = foundry.create_agent("files", [ask, "Left alone."])
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    history = AzureAgentChatMessageHistory(llm=llm)
    question, asked = turn(llm, history, "Delete /x")
    history.add_messages([question, asked])
    requests = asked.response_metadata["approval_requests"]
    assert requests == history.messages[-1].response_metadata["approval_requests"]
    denial = reject(requests[0]["id"])
    history.add_messages([denial, llm.invoke([denial], thread_id=history.thread_id)])
    assert denial.content[0]["value"] == history.messages[2].content[0]["value"]  # type: ignore[index]


def test_images_come_back_as_they_went(llm: Any) -> None:
    """What is read can be sent again."""
    image = {"type": "image", "base64": "aGk=", "mime_type": "image/png"}
    history = AzureAgentChatMessageHistory(llm=llm)
    question = HumanMessage([{"type": "text", "text": "What is it?"}, image])
    history.add_messages([question, llm.invoke([question])])
    [held, _answer] = llm.client.threads.messages(history.thread_id)
    [read] = to_messages(history.messages[:1])
    assert (held.role, held.parts) == (read.role, read.parts)


def test_a_thread_of_the_other_generation_is_an_error(llm: Any, generation: str) -> None:
    """As everywhere."""
    other = "thread_1" if generation == "v2" else "conv_1"
    with pytest.raises(InvalidRequestError, match="and this agent is"):
        AzureAgentChatMessageHistory(llm=llm, thread_id=other).messages  # noqa: B018
