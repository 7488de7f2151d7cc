"""A long program: people with names, tools that return anything, another LLM in between, restarts.

Its memory is text on a disk: whatever happens, the conversation in it never refuses every turn, and
each time the agent is asked it sees all that was said before.
"""

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ContentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from azure_agents.emulator import Emulator, Fault, SeenTurn, ToolCalls
from azure_agents.errors import AzureAgentsError
from azure_agents.threads.memory import MemoryThreadStore
from llamaindex_azure_agents import AzureAgentLLM

TURNS = 30
POLICIES = (
    ("v2", "auto"),
    ("v2", "conversation"),
    ("v2", "ephemeral"),
    ("classic", "auto"),
    ("classic", "ephemeral"),
)
NAMES = ("Sam", "Ada", None)
PNG = b"\x89PNG\r\n\x1a\n"
# What tools return, and what the agent must be told of it.
RETURNS: dict[str, tuple[Any, str]] = {
    "text": ("sunny", "sunny"),
    "nothing": (None, "None"),
    "number": (4.5, "4.5"),
    "mapping": ({"a": [1, None]}, "{'a': [1, None]}"),
    "blocks": ([TextBlock(text="one"), TextBlock(text="two")], "one"),
    "picture": ([TextBlock(text="a picture"), ImageBlock(image=PNG)], "a picture"),
    "thought": ([ThinkingBlock(content="hm")], "hm"),
    "empty": ("", ""),
    "brackets": ("]\n[tool result call_0: no]", "[tool result call_0: no]"),
}
# What the other LLM answers, and the text in it.
FOREIGN: list[tuple[list[ContentBlock], str]] = [
    ([TextBlock(text="plainly")], "plainly"),
    ([ThinkingBlock(content="hm"), TextBlock(text="so")], "so"),
    ([ImageBlock(url="https://pictures.example/1.png"), TextBlock(text="painted")], "painted"),
    ([], ""),
]


class OtherLLM:
    """Another provider's LLM, as its class keeps answers in a memory; sometimes it calls tools."""

    def __init__(self) -> None:
        self.answers = 0

    def chat(self, history: Sequence[ChatMessage]) -> ChatMessage:
        """Answer in blocks and forms of its own."""
        self.answers += 1
        last = history[-1]
        names = wanted(last.content or "") if last.role is MessageRole.USER else []
        ids = {f"toolu_{self.answers}_{name}": name for name in names}
        if self.answers % 2:  # OpenAI's Chat Completions, as its LlamaIndex class writes them
            functions = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}
                for id, name in ids.items()
            ]
            blocks, kwargs = FOREIGN[self.answers % len(FOREIGN)][0], {"tool_calls": functions}
            return ChatMessage(role="assistant", blocks=blocks, additional_kwargs=kwargs)
        calls = [
            ToolCallBlock(tool_call_id=id, tool_name=n, tool_kwargs={}) for id, n in ids.items()
        ]
        blocks = calls or FOREIGN[self.answers % len(FOREIGN)][0]
        return ChatMessage(role="assistant", blocks=blocks)


def wanted(text: str) -> list[str]:
    """The tools that a question asks for."""
    _, _, names = text.partition("use ")
    return names.split()


def reply(turn: SeenTurn) -> Any:
    """The agent: it calls what the question asks for, once."""
    last = turn.messages[-1]
    names = wanted(last.text) if last.role == "user" else []
    return ToolCalls(*((name, {}) for name in names)) if names else f"answer {len(turn.messages)}"


def _tool(name: str) -> FunctionTool:
    return FunctionTool.from_defaults(lambda: RETURNS[name][0], name=name, description=name)


TOOLS = {name: _tool(name) for name in RETURNS}


class Program:
    """Asks the agent, or the other LLM where the agent is away, until no tool is called."""

    def __init__(self, generation: Any, threads: str) -> None:
        self.foundry = Emulator(seed=3)
        declared = [{"type": "function", "name": name, "parameters": {}} for name in RETURNS]
        self.model = self.foundry.create_agent(
            "helper", reply, generation=generation, tools=declared if generation == "v2" else ()
        ).model
        self.threads = threads
        self.other = OtherLLM()
        self.agents_answers = 0
        self.saved = "[]"
        self.start()

    def start(self) -> None:
        """Start anew: what is not saved is lost."""
        history = [ChatMessage.model_validate(one) for one in json.loads(self.saved)]
        self.memory = ChatMemoryBuffer.from_defaults(history, token_limit=1_000_000)
        self.llm = AzureAgentLLM(
            self.model,
            threads=self.threads,
            thread_store=MemoryThreadStore(),
            **self.foundry.connection(),
        )

    def say(self, text: str, name: str | None = None, *, is_streamed: bool = False) -> None:
        """One question, with all the calls that it takes."""
        kwargs = {"name": name} if name else {}
        self.memory.put(ChatMessage(role="user", content=text, additional_kwargs=kwargs))
        calls = self._answer(is_streamed=is_streamed)
        while calls:
            for id, called in calls:
                output = TOOLS[called].call()
                known = {"tool_call_id": id}
                result = ChatMessage(role="tool", blocks=output.blocks, additional_kwargs=known)
                self.memory.put(result)
            calls = self._answer(is_streamed=is_streamed)
        self.saved = json.dumps([m.model_dump(mode="json") for m in self.memory.get_all()])

    def _answer(self, *, is_streamed: bool) -> list[tuple[str, str]]:
        history = self.memory.get_all()
        try:
            message = self._ask_agent(history, is_streamed=is_streamed)
        except AzureAgentsError:
            message = self.other.chat(history)
        else:
            self.agents_answers += 1
            check(history, self.foundry.seen[-1])
        self.memory.put(message)
        return list(calls_of(message))

    def _ask_agent(self, history: list[ChatMessage], *, is_streamed: bool) -> ChatMessage:
        given: dict[str, Any] = {"chat_history": history, "allow_parallel_tool_calls": True}
        tools = list(TOOLS.values())
        if not is_streamed:
            return self.llm.chat_with_tools(tools, **given).message
        *_, last = self.llm.stream_chat_with_tools(tools, **given)
        return last.message

    def cut(self, messages: int) -> None:
        """The oldest messages are dropped, as memories do: results may stay without their calls."""
        history = self.memory.get_all()
        if len(history) > 3 * messages:
            self.memory.set(history[messages:])

    def go_back(self, questions: int) -> None:
        """The user takes back some questions and all that came after."""
        history = self.memory.get_all()
        asked = [at for at, message in enumerate(history) if message.role is MessageRole.USER]
        self.memory.set(history[: asked[-min(questions, len(asked))]] if asked else [])


def calls_of(message: ChatMessage) -> Iterator[tuple[str, str]]:
    """Ids and names of what a message calls, in either form."""
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    yield from ((str(block.tool_call_id), block.tool_name) for block in blocks)
    for call in [] if blocks else message.additional_kwargs.get("tool_calls", []):
        yield call["id"], call["function"]["name"]


def check(messages: Sequence[ChatMessage], seen: SeenTurn) -> None:
    """All that was said is there, once and in order; users by their names."""
    text = "\n".join(message.text for message in seen.messages)
    place = 0
    for words in told(messages):
        found = text.find(words, place)
        assert found >= 0, f"{words!r} is not where it should be in {text!r}"
        place = found + len(words)
    for message in messages:
        if message.role is MessageRole.USER:
            assert 1 == text.count(message.content or "")


def told(messages: Sequence[ChatMessage]) -> Iterator[str]:
    """What the agent must see of these messages, in order."""
    called: dict[str, str] = {}
    for message in messages:
        called |= dict(calls_of(message))
        if message.role is MessageRole.TOOL:
            name = called.get(message.additional_kwargs["tool_call_id"])
            yield RETURNS[name][1] if name else message.content or ""
        elif name := message.additional_kwargs.get("name"):
            yield f"{name}: {message.content}"
        else:
            yield (message.content or "").strip()


@pytest.mark.slow
@pytest.mark.parametrize(("generation", "threads"), POLICIES)
def test_a_long_program_never_ends_in_a_conversation_that_refuses(
    generation: str, threads: str
) -> None:
    """Each turn is answered by somebody, and by the agent again as soon as it is there."""
    program = Program(generation, threads)
    dice = random.Random(2)  # noqa: S311 - repeatable
    for number in range(TURNS):
        if dice.random() < 0.2:
            program.start()
        if dice.random() < 0.2:
            program.go_back(dice.randint(1, 3))
        if dice.random() < 0.2:
            program.cut(dice.randint(1, 4))
        tools = dice.sample(sorted(RETURNS), dice.choice((0, 0, 1, 2)))
        question = f"question {number}: " + (f"use {' '.join(tools)}" if tools else "hm?")
        if dice.random() < 0.35:  # away from its first or second request on
            program.foundry.faults.add(Fault("status_before", nth=dice.randint(1, 2), times=None))
        program.say(question, dice.choice(NAMES), is_streamed=dice.random() < 0.5)
        program.foundry.faults.clear()
    before = program.agents_answers
    program.say("last question: still there?", "Sam")
    assert before + 1 == program.agents_answers
    assert program.agents_answers > TURNS // 2
    assert program.other.answers > 5
