"""Defects of the other ways from LlamaIndex to a hosted agent, as tests that we do not have them.

The packages: `llama-index-agent-azure-foundry` 0.4.0, `OpenAIAssistantAgent`, `OpenAIResponses`,
`llama-index-llms-azure-inference`; numbers are issues of run-llama/llama_index.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from llama_index.core import Document, Settings, SummaryIndex
from llama_index.core.agent.workflow import AgentStream, FunctionAgent
from llama_index.core.base.llms.types import (
    ChatMessage,
    CitationBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from azure_agents.emulator import (
    Citation,
    Delayed,
    Emulator,
    Failed,
    Incomplete,
    Reasoning,
    Text,
    ToolCalls,
)
from azure_agents.errors import DeadlineError, InvalidRequestError, RunFailedError
from llamaindex_azure_agents import AzureAgentLLM, record_turns

from .oracle import declared, seen

Make = Callable[..., AzureAgentLLM]
HI = [ChatMessage("Hi")]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


CALL = ToolCalls(("add", {"a": 1, "b": 2}, "call_1"))
NEXT = ToolCalls(("add", {"a": 3, "b": 3}, "call_2"))


class Sum(BaseModel):
    """A sum."""

    total: int
    comment: str


@pytest.fixture(name="make")
def _make(foundry: Emulator, generation: str) -> Make:
    def make(replies: Any, tools: Sequence[Any] = (add,), **settings: Any) -> AzureAgentLLM:
        agent = foundry.create_agent(
            "helper", replies, generation=generation, tools=declared(generation, tools)
        )
        return AzureAgentLLM(agent.model, **foundry.connection(), **settings)

    return make


def converse(llm: AzureAgentLLM, *questions: str, **settings: Any) -> tuple[list[str], list[str]]:
    """Answers of an agent with one memory, and the roles that the memory holds."""

    async def run() -> tuple[list[str], list[str]]:
        memory = ChatMemoryBuffer.from_defaults()
        agent = FunctionAgent(tools=[add], llm=llm, **settings)
        answers = [str(await agent.run(question, memory=memory)) for question in questions]
        return answers, [message.role.value for message in memory.get_all()]

    return asyncio.run(run())


# -- llama-index-agent-azure-foundry ------------------------------------------------------------


def test_it_is_an_llm_everywhere(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer is a workflow agent with a mock for an LLM: no engine and no setting takes it."""
    monkeypatch.setattr(Settings, "_llm", None)
    Settings.llm = make("ok")
    engine = SummaryIndex.from_documents([Document(text="x")]).as_query_engine()
    answers = [str(engine.query("?")), str(SimpleChatEngine.from_defaults().chat("?"))]
    assert ["ok", "ok"] == answers


@pytest.mark.parametrize("streaming", [True, False])
def test_one_turn_is_one_run(
    foundry: Emulator, make: Make, generation: str, streaming: bool
) -> None:
    """The peer throws the answer to a tool's output away and asks the question again, in a new run.

    It also sends the whole history as one user message each time, and no answer reaches a memory.
    """
    llm = make([CALL, NEXT, "3 and 6.", "Bye."])
    answers, kept = converse(llm, "1+2? 3+3?", "Thanks", streaming=streaming)
    assert ["3 and 6.", "Bye."] == answers
    rounds = ["user", "assistant", "tool", "assistant", "tool", "assistant"]
    assert [*rounds, "user", "assistant"] == kept
    assert [*rounds, "user"] == [role for role, *_ in seen(foundry)[-1]]
    runs = {turn.run_id or turn.response_id for turn in foundry.seen}
    assert {"v2": 4, "classic": 2}[generation] == len(runs)


def test_nothing_is_polled(foundry: Emulator, make: Make) -> None:
    """The peer asks every second how far the run is, and lists the messages of the thread."""
    converse(make([CALL, "3."]), "1+2?")
    gets = [request.path for request in foundry.requests if request.method == "GET"]
    # Which tools the agent has is asked once.
    assert [] == [path for path in gets if "/agents/" not in path and "/assistants/" not in path]


def test_answers_stream(make: Make) -> None:
    """The peer does not stream; nor did OpenAIAssistantAgent (#13015, #15653)."""
    llm = make(Text(deltas=("One ", "two ", "three.")))

    async def run() -> list[str]:
        handler = FunctionAgent(tools=[add], llm=llm).run("Hi")
        return [e.delta async for e in handler.stream_events() if isinstance(e, AgentStream)]

    assert ["One ", "two ", "three."] == [delta for delta in asyncio.run(run()) if delta]


def test_a_failure_is_an_error(make: Make, ask: Any) -> None:
    """The peer answers with the text "Run failed."; other ends give an answer from before."""
    llm = make(["Before.", Failed(message="Broken.")])
    history = [*HI, ask(llm, HI).message, ChatMessage("And?")]
    with pytest.raises(RunFailedError, match="Broken"):
        ask(llm, history)


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_answer_says_so(make: Make, ask: Any, reason: str) -> None:
    """And keeps what was said (#20194: the reason is lost in streams)."""
    response = ask(make(Incomplete(reason, "So far")), HI)
    assert "So far" == response.message.content
    assert {"max_output_tokens": "length"}.get(reason, reason) == response.raw["finish_reason"]
    assert "incomplete" == response.raw["status"]
    assert response.raw["incomplete_reason"]


def test_there_is_a_deadline(make: Make, ask: Any) -> None:
    """The peer waits for ever."""
    with pytest.raises(DeadlineError):
        ask(make(Delayed(30, "late"), timeout=10), HI)


def test_nothing_is_printed(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """The peer logs by `print`."""
    converse(make([CALL, "3."]), "1+2?")
    assert ("", "") == capsys.readouterr()


def test_a_local_image_is_content(foundry: Emulator, make: Make, tmp_path: Any) -> None:
    """The peer sends the path as the id of a file."""
    path = tmp_path / "cat.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    make("A cat.").chat([ChatMessage(role="user", blocks=[ImageBlock(path=path)])])
    (media,) = foundry.seen[-1].messages[-1].media
    assert "image" == media.kind
    assert str(path) not in media.reference


# -- OpenAIAssistantAgent -----------------------------------------------------------------------


def test_the_agents_instructions_stay(foundry: Emulator, make: Make) -> None:
    """A prefix replaced them there; ours are said beside them."""
    converse(make("ok", instructions="Be brief."), "Hi", system_prompt="Be kind.")
    turn = foundry.seen[-1]
    said = [turn.additional_instructions or ""]
    said += [message.text for message in turn.messages if message.role == "system"]
    assert "You are a helpful agent." == turn.instructions
    assert all(any(words in text for text in said) for words in ("Be brief.", "Be kind."))


def test_async_calls_do_not_block_the_loop(make: Make) -> None:
    """`arun` made sync calls there: nothing else ran meanwhile."""
    release = asyncio.Event()

    def reply(_: Any) -> str:
        # Runs in a thread; only a loop that is free can let it go on.
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(timeout=10)
        return "ok"

    async def run() -> str:
        nonlocal loop
        loop = asyncio.get_running_loop()
        call = asyncio.create_task(llm.acomplete("Hi"))
        await asyncio.sleep(0.01)
        release.set()
        return (await call).text

    loop: Any = None
    llm = make(reply)
    assert "ok" == asyncio.run(run())


# -- OpenAIResponses ----------------------------------------------------------------------------


def test_conversations_do_not_share_an_id(foundry: Emulator, make: Make, ask: Any) -> None:
    """There one mutable id on the LLM chains whatever is asked next, even behind a cut stream."""
    llm = make(lambda turn: f"{len(turn.messages)}")
    first = ask(llm, HI).message
    chunks = llm.stream_chat([ChatMessage("Something else")])
    next(chunks)
    chunks.close()
    assert "1" == llm.complete("A foreign prompt").text
    assert "3" == ask(llm, [*HI, first, ChatMessage("And?")]).message.content


def test_a_continued_chain_carries_only_what_is_new(foundry: Emulator, make: Make) -> None:
    """There the id of the last response and the full history travel together."""
    llm = make(["one", "two"])
    llm.chat([*HI, llm.chat(HI).message, ChatMessage("And?")])
    body = json.dumps(foundry.requests[-1].body)
    said = [f'"{text}"' in body for text in ("And?", "Hi", "one")]  # an id may hold such letters
    assert [True, False, False] == said


def test_a_callers_list_is_not_changed(make: Make) -> None:
    """There the user's message is appended to the caller's history."""
    history = [ChatMessage("Before")]
    make("ok").chat_with_tools([FunctionTool.from_defaults(add)], "Hi", chat_history=history)
    assert [ChatMessage("Before")] == history


def test_content_is_cumulative_in_agents(make: Make) -> None:
    """There `AgentStream.response` is garbage: chunks hold the delta, the last one nothing."""
    llm = make(Text(deltas=("hello ", "world")))

    async def run() -> list[str]:
        handler = FunctionAgent(tools=[add], llm=llm).run("Hi")
        return [e.response async for e in handler.stream_events() if isinstance(e, AgentStream)]

    assert ["hello ", "hello world", "hello world"] == asyncio.run(run())


def test_streamed_tokens_are_counted(foundry: Emulator, make: Make) -> None:
    """There the usage of a stream is nested where nobody looks, and an estimate is reported."""
    llm = make("Hello there.")
    handler = TokenCountingHandler(tokenizer=lambda _: [0] * 100_000)
    llm.callback_manager = CallbackManager([handler])
    list(llm.stream_chat(HI))
    usage = foundry.seen[-1].usage or {}
    assert usage["total_tokens"] == handler.total_llm_token_count


def test_streamed_calls_make_partial_objects(make: Make) -> None:
    """There calls are blocks only, and every partial object is empty."""
    call = ToolCalls(("Sum", {"total": 3, "comment": "easy"}))
    tool = FunctionTool.from_defaults(lambda total, comment: None, name="Sum", description="Sum")
    program = FunctionCallingProgram.from_defaults(
        Sum, prompt_template_str="1+2?", llm=make(call, tools=[tool])
    )
    assert Sum(total=3, comment="easy") == list(program.stream_call())[-1]


def test_structured_calls_keep_history_and_options(foundry: Emulator, make: Make) -> None:
    """There they ignore the chain, instructions and options without a word."""
    llm = make(["one", '{"total": 3, "comment": ""}'], instructions="Be exact.")
    history = [*HI, llm.chat(HI).message, ChatMessage("1+2?")]
    structured = llm.as_structured_llm(Sum)
    assert 3 == structured.chat(history, max_tokens=50).raw.total
    assert ["user", "assistant", "user"] == [
        role for role, *_ in seen(foundry)[-1] if role != "system"
    ]
    assert "Be exact." in str(seen(foundry)[-1])
    assert 50 in foundry.requests[-1].body.values()
    with pytest.raises(InvalidRequestError, match="nonsense"):
        structured.chat(history, nonsense=1)


def test_every_citation_is_kept(make: Make, ask: Any) -> None:
    """There only those of the last part are."""
    first = Text("A. ", citations=[Citation("url", 0, 2, url="https://a.test", title="A")])
    second = Text("B.", citations=[Citation("url", 0, 2, url="https://b.test", title="B")])
    response = ask(make([[first, second]]), HI)
    titles = [b.title for b in response.message.blocks if isinstance(b, CitationBlock)]
    assert ["A", "B"] == titles
    assert ["A", "B"] == [note["title"] for note in response.raw["annotations"]]


# -- llama-index-llms-azure-inference -----------------------------------------------------------


def test_metadata_asks_nobody(foundry: Emulator, make: Make) -> None:
    """There it does a request, on every call."""
    llm, before = make("ok"), len(foundry.requests)
    assert llm.metadata.is_chat_model
    assert llm.metadata.is_function_calling_model
    assert before == len(foundry.requests)


def test_streams_bring_tool_calls_and_usage(make: Make, generation: str) -> None:
    """There both are dropped; a classic run counts when it is over."""
    *_, last = make(CALL).stream_chat(HI)
    assert ["add"] == [call.function.name for call in last.message.additional_kwargs["tool_calls"]]
    *_, last = make("ok").stream_chat(HI)
    assert last.raw["usage"]["completion_tokens"] > 0


def test_what_we_keep_in_messages_is_not_sent(foundry: Emulator, make: Make, ask: Any) -> None:
    """There `additional_kwargs` travel to the service."""
    llm = make(["one", "two"])
    first = ask(llm, HI).message
    anchor = first.additional_kwargs["foundry"]
    ask(llm, [ChatMessage("edited"), first, ChatMessage("And?")])
    assert not any(anchor in json.dumps(request.body) for request in foundry.requests)


# -- threads of run-llama/llama_index -----------------------------------------------------------


def test_a_call_after_reasoning_continues(foundry: Emulator) -> None:
    """#20333: the call was sent back without the reasoning item that it needs; we send neither."""
    tools = declared("v2", [add])
    agent = foundry.create_agent("helper", [[Reasoning("Hm."), CALL], "3."], tools=tools)
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    assert ["3."] == converse(llm, "1+2?")[0]
    body = foundry.requests[-1].body
    assert body["previous_response_id"]
    assert ["function_call_output"] == [item["type"] for item in body["input"]]


def test_an_answer_in_thoughts_only_is_empty(foundry: Emulator, ask: Any) -> None:
    """#21337: a reply that is only reasoning is no text, and no error."""
    agent = foundry.create_agent("helper", Reasoning("Hm.", tokens=3))
    response = ask(AzureAgentLLM(agent.model, **foundry.connection()), HI)
    assert [ThinkingBlock(content="Hm."), TextBlock(text="")] == response.message.blocks


@pytest.mark.parametrize("streaming", [True, False])
def test_the_answer_after_a_call_is_text(make: Make, streaming: bool) -> None:
    """#19909: an empty text after the tool call; #18363: the call itself as the answer."""
    assert ["3."] == converse(make([CALL, "3."]), "1+2?", streaming=streaming)[0]


def test_ids_come_up_through_a_query_engine(make: Make) -> None:
    """#20136: engines drop everything but the text."""
    engine = SummaryIndex.from_documents([Document(text="x")]).as_query_engine(llm=make("ok"))
    with record_turns() as turns:
        engine.query("?")
    assert [True] == [bool(turn["thread_id"] and turn["usage"]) for turn in turns]


def test_a_refused_token_is_renewed(foundry: Emulator, make: Make, ask: Any) -> None:
    """#12849, #18968: after an hour every call failed."""
    llm = make("ok")
    ask(llm, HI)
    foundry.revoke_tokens()
    assert "ok" == ask(llm, HI).message.content


def test_one_failing_question_does_not_stop_the_others(make: Make) -> None:
    """#20904: independent calls fail independently."""
    llm = make(lambda turn: Failed() if "bad" in turn.last_user_text else "ok", max_retries=0)

    async def run() -> list[Any]:
        calls = (llm.acomplete(text) for text in ("good", "bad", "good"))
        return await asyncio.gather(*calls, return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert ["ok", "ok"] == [first.text, third.text]
    assert isinstance(second, RunFailedError)


def test_nothing_is_asked_twice_by_layers_of_retries(foundry: Emulator, make: Make) -> None:
    """There up to four times three attempts: one layer is enough, and none for a failed run."""
    with pytest.raises(RunFailedError):
        make(Failed(code="server_error")).chat(HI)
    assert 1 == len(foundry.seen)


def test_a_prompt_is_a_prompt(foundry: Emulator, make: Make) -> None:
    """`predict` gives system and user messages, and their roles arrive."""
    prompt = PromptTemplate("Say {what}.")
    assert "ok" == make("ok", system_prompt="Be brief.").predict(prompt, what="ok")
    assert [("system", "Be brief."), ("user", "Say ok.")] == [
        (role, text) for role, text, *_ in seen(foundry)[-1]
    ]
