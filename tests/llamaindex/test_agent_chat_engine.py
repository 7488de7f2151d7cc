"""The chat engine of an agent: one conversation, whose history the engine or the server keeps."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, TextBlock
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms.mock import MockLLM

from azure_agents.emulator import Citation, Emulator, Failed, McpApproval, Text, ToolCalls
from azure_agents.errors import ConfigError, InvalidRequestError, RunFailedError
from llamaindex_azure_agents import AzureAgentChatEngine, AzureAgentLLM, decide, record_turns

from .oracle import declared

Make = Callable[..., AzureAgentLLM]
ADA, WHO = "My name is Ada.", "What is my name?"


def streamed(engine: Any, text: Any, **given: Any) -> Any:
    """An answer that was read to its end."""
    answer = engine.stream_chat(text, **given)
    answer.told = "".join(answer.response_gen)
    return answer


async def _astreamed(engine: Any, text: Any, **given: Any) -> Any:
    answer = await engine.astream_chat(text, **given)
    answer.told = "".join([token async for token in answer.async_response_gen()])
    return answer


SAYS: dict[str, Callable[..., Any]] = {
    "chat": lambda engine, text, **given: engine.chat(text, **given),
    "achat": lambda engine, text, **given: asyncio.run(engine.achat(text, **given)),
    "stream_chat": streamed,
    "astream_chat": lambda engine, text, **given: asyncio.run(_astreamed(engine, text, **given)),
}


@pytest.fixture(params=SAYS)
def say(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """One of the four ways to say something; gives the whole answer."""
    return SAYS[request.param]


def texts(messages: Any) -> list[tuple[str, str | None]]:
    """Who said what."""
    return [(message.role.value, message.content) for message in messages]


def shown(foundry: Emulator) -> list[str]:
    """What the agent was shown last, but for system prompts."""
    return [one.text for one in foundry.seen[-1].messages if one.role != "system"]


def test_a_conversation(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """Answers, ids and usage, and the history as messages; only what is new is sent."""
    engine = AzureAgentChatEngine.from_llm(make_llm())
    assert None is engine.thread_id
    first, second = say(engine, ADA), say(engine, WHO)
    assert "Your name is Ada." == str(second) == second.response
    assert engine.thread_id == second.metadata["thread_id"]
    assert first.metadata["usage"]["total_tokens"] < second.metadata["usage"]["total_tokens"]
    said = [("user", ADA), ("assistant", str(first)), ("user", WHO), ("assistant", str(second))]
    assert said == texts(engine.chat_history) == texts(asyncio.run(engine.achat_history()))
    assert [ADA, str(first), WHO] == shown(foundry)
    assert 2 == sum(len(request.body.get("input", ())) for request in foundry.requests) or (
        engine.thread_id or ""
    ).startswith("thread_")


@pytest.mark.parametrize("threads", ["auto", "conversation"])
def test_a_thread_is_resumed_by_its_id(
    foundry: Emulator, make_llm: Make, say: Any, generation: str, threads: str
) -> None:
    """Another process knows the id and nothing else; the history comes from the server."""
    llm = make_llm(**({"threads": threads} if generation == "v2" else {}))
    before = AzureAgentChatEngine(llm, system_prompt="Be kind.")
    before.chat(ADA)
    engine = AzureAgentChatEngine.from_llm(
        llm, thread_id=before.thread_id, system_prompt="Be kind."
    )
    assert texts(before.chat_history) == texts(engine.chat_history)
    for _ in range(2):
        assert "Your name is Ada." == str(say(engine, WHO))
    said = [role for role, _ in texts(engine.chat_history)]
    assert (
        ["user", "assistant"] * 3
        == said
        == [r for r, _ in texts(asyncio.run(engine.achat_history()))]
    )
    prompts = [one.text for one in foundry.seen[-1].messages if one.role == "system"]
    assert ["Be kind."] == (prompts or [foundry.seen[-1].additional_instructions])


def test_the_thread_of_the_llm_is_the_engines(
    make_llm: Make, foundry: Emulator, generation: str
) -> None:
    """Until a reset, which leaves the LLM as it is."""
    llm = make_llm(**({"threads": "conversation"} if generation == "v2" else {}))
    before = AzureAgentChatEngine(llm)
    before.chat(ADA)
    pinned = llm.model_copy(update={"thread_id": before.thread_id})
    engine = AzureAgentChatEngine(pinned)
    assert "Your name is Ada." == str(engine.chat(WHO))
    engine.reset()
    assert (None, []) == (engine.thread_id, engine.chat_history)
    engine.chat("Anew")
    assert ["Anew"] == shown(foundry)
    assert before.thread_id == pinned.thread_id


def test_a_reset_begins_a_new_thread(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """With the same system prompt; the old thread stays on the server."""
    engine = AzureAgentChatEngine(make_llm(), system_prompt="Be kind.")
    say(engine, ADA)
    old = engine.thread_id
    engine.reset()
    say(engine, "Anew")
    assert ["Anew"] == shown(foundry)
    assert old != engine.thread_id
    assert 2 == len(AzureAgentChatEngine(engine._llm, thread_id=old).chat_history)


def test_a_given_history_takes_the_place(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """As in every engine; but a thread has its own."""
    engine = AzureAgentChatEngine(make_llm("ok"), chat_history=[ChatMessage("Never")])
    once = [ChatMessage("Once"), ChatMessage("ok", role="assistant")]
    say(engine, "Now", chat_history=once)
    assert ["Once", "ok", "Now"] == shown(foundry)
    say(engine, "And?")
    assert ["Once", "ok", "Now", "ok", "And?"] == shown(foundry)
    pinned = AzureAgentChatEngine(engine._llm, thread_id=engine.thread_id)
    sent = len(foundry.requests)
    with pytest.raises(InvalidRequestError, match="has its own history"):
        say(pinned, "Now", chat_history=once)
    assert sent == len(foundry.requests)


def test_what_an_engine_cannot_be_made_of(make_llm: Make) -> None:
    """Said at once."""
    with pytest.raises(ConfigError, match="got MockLLM: SimpleChatEngine"):
        AzureAgentChatEngine(MockLLM())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="give thread_id or chat_history"):
        AzureAgentChatEngine(make_llm(), thread_id="conv_1", chat_history=[ChatMessage("Hi")])


def test_answers_are_those_of_a_simple_engine(make_llm: Make, say: Any) -> None:
    """LlamaIndex's own engine with the same agent is the oracle."""
    reply = Text(deltas=(" Hel", "lo. \n"))
    ours, simple = (
        AzureAgentChatEngine(make_llm(reply)),
        SimpleChatEngine.from_defaults(llm=make_llm(reply)),
    )
    assert str(say(simple, "Hi")) == str(say(ours, "Hi"))
    assert 2 == len(simple.chat_history) == len(ours.chat_history)


def test_sources_are_nodes(make_llm: Make, say: Any) -> None:
    """Each passage once, with what is known of where it stands."""
    spans = ((0, 5), (6, 10), (11, 16))
    url = [Citation("url", *span, url="https://x.test", title="X") for span in spans]
    engine = AzureAgentChatEngine(make_llm(Text("Paris Rome Paris", citations=url)))
    found = say(engine, "Hi").source_nodes
    assert ["Paris", "Rome"] == [node.text for node in found]
    assert [("https://x.test", "X", "url")] * 2 == [
        (node.metadata["source"], node.metadata["title"], node.metadata["kind"]) for node in found
    ]


def test_a_failed_turn_is_no_part_of_it(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """It can be said again, and is said once."""
    engine = AzureAgentChatEngine(make_llm([Failed(), "ok"]))
    with pytest.raises(RunFailedError):
        say(engine, "Hi")
    assert [] == engine.chat_history
    assert "ok" == str(say(engine, "Hi"))
    assert ["Hi"] == shown(foundry)


def test_functions_are_refused(foundry: Emulator, generation: str, say: Any) -> None:
    """An answer that only calls one would be empty; no run is left waiting, the engine goes on."""

    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    agent = foundry.create_agent(
        "adder",
        [ToolCalls(("add", {"a": 1, "b": 2})), "ok"],
        generation=generation,
        tools=declared(generation, [add]),
    )
    engine = AzureAgentChatEngine(AzureAgentLLM(agent.model, **foundry.connection()))
    with pytest.raises(InvalidRequestError, match=r"\['add'\], which a chat engine does not run"):
        say(engine, "1+2?")
    assert "ok" == str(say(engine, "Hi"))
    assert ["Hi"] == shown(foundry)
    cancelled = [request for request in foundry.requests if request.path.endswith("/cancel")]
    assert (1 if generation == "classic" else 0) == len(cancelled)


def test_decisions_are_messages(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """A request stands in the metadata, and in the history with its decision."""

    def files(turn: Any) -> Any:
        if turn.messages[-1].text == "approved":
            return "Deleted."
        return McpApproval("files", "delete", '{"path": "/tmp/x"}')

    engine = AzureAgentChatEngine(make_llm(files))
    asked = say(engine, "Delete /tmp/x")
    [request] = asked.metadata["approval_requests"]
    assert "delete" == request["name"]
    assert "Deleted." == str(say(engine, decide(engine.chat_history[-1], True)))
    again = AzureAgentChatEngine(engine._llm, thread_id=engine.thread_id)
    kinds = [message.role.value for message in again.chat_history]
    assert ["user", "assistant"] == kinds[:2]


def test_pictures_are_said(foundry: Emulator, make_llm: Make, say: Any) -> None:
    """A message with an image; the server's history has it, too."""
    llm = make_llm("A cat.")
    photo = llm.client.files.upload(b"\x89PNG\r\n\x1a\n", name="photo.png")
    image = ImageBlock(url=f"foundry-file:{photo.id}")
    engine = AzureAgentChatEngine(llm)
    say(engine, ChatMessage(role="user", blocks=[TextBlock(text="What is it?"), image]))
    assert ["image"] == [media.kind for media in foundry.seen[-1].messages[-1].media]
    again = AzureAgentChatEngine(llm, thread_id=engine.thread_id).chat_history
    assert ["What is it?", image.url] == [
        block.text if isinstance(block, TextBlock) else block.url  # type: ignore[union-attr]
        for block in again[0].blocks
    ]


def test_turns_are_recorded(make_llm: Make, say: Any) -> None:
    """As everywhere; a stream runs in a thread that knows no block."""
    engine = AzureAgentChatEngine(make_llm())
    with record_turns() as turns:
        answer = say(engine, "Hi")
    assert [answer.metadata] == turns


@pytest.mark.parametrize("repl", ["chat_repl", "streaming_chat_repl"])
def test_it_chats_in_a_terminal(
    make_llm: Make, monkeypatch: pytest.MonkeyPatch, capsys: Any, repl: str
) -> None:
    """LlamaIndex's own loop; it begins anew."""
    engine = AzureAgentChatEngine(make_llm())
    engine.chat("I am Bob.")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{ADA}\n{WHO}\nexit\n"))
    getattr(engine, repl)()
    assert "Assistant: Your name is Ada." in capsys.readouterr().out
    assert 4 == len(engine.chat_history)


def test_a_server_that_keeps_nothing(make_llm: Make, generation: str, say: Any) -> None:
    """v2: the engine's own messages are all there is."""
    if generation == "classic":
        pytest.skip("classic threads are always kept")
    engine = AzureAgentChatEngine(make_llm(threads="ephemeral"))
    say(engine, ADA)
    assert "Your name is Ada." == str(say(engine, WHO))
    assert (None, 4) == (engine.thread_id, len(engine.chat_history))
