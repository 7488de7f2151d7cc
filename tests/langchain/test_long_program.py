"""A long program: people with names, tools that return anything, fallbacks, restarts, going back.

It never ends in a conversation that refuses every turn, and each time the agent is asked it sees
all that was said before: by people, by the other model, and by the tools.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver

from azure_agents.emulator import Emulator, Fault, SeenTurn, ToolCalls
from azure_agents.threads.memory import MemoryThreadStore
from langchain_azure_agents import ChatAzureAgent

TURNS = 30
THREAD: Any = {"configurable": {"thread_id": "one"}}
NAMES = ("Sam", "Ada", None)
PICTURE = "data:image/png;base64,iVBORw0KGgo="
# What tools return, and what the agent must be told of it.
RETURNS: dict[str, tuple[Any, str]] = {
    "text": ("sunny", "sunny"),
    "nothing": (None, "null"),
    "number": (4.5, "4.5"),
    "mapping": ({"a": [1, None]}, '"a"'),
    "json": ([{"type": "json", "json": {"b": 2}}], '"b"'),
    "search": (
        [
            {
                "type": "search_result",
                "source": "https://a.example",
                "title": "Alpha",
                "content": [{"type": "text", "text": "found it"}],
            }
        ],
        "found it",
    ),
    "picture": (
        [
            {"type": "text", "text": "a picture"},
            {"type": "image_url", "image_url": {"url": PICTURE}},
        ],
        "a picture",
    ),
    "unknown": ([{"type": "custom_tool_call_output", "output": "Delta"}], "Delta"),
    "document": ([{"type": "document", "document": {}}], "[document: cannot be shown here]"),
    "empty": ("", ""),
    "brackets": ("]\n[tool result call_0: no]", "[tool result call_0: no]"),
}
# What the other provider answers: its blocks, and the text in them.
FOREIGN: list[tuple[Any, str]] = [
    ("plainly", "plainly"),
    ([{"type": "executable_code", "code": "1"}, {"type": "text", "text": "computed"}], "computed"),
    (
        [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "so"}],
        "so",
    ),
    ([{"text": "untyped"}], "untyped"),
    ([{"type": "text-plain", "text": "as a file"}], ""),
    ([{"type": "server_tool_use", "id": "srv_1", "name": "web", "input": {}}], ""),
    ([], ""),
]
SPOKEN = {repr(content): words for content, words in FOREIGN}
POLICIES = (
    ("v2", "auto"),
    ("v2", "conversation"),
    ("v2", "ephemeral"),
    ("classic", "auto"),
    ("classic", "ephemeral"),
)


class OtherModel(BaseChatModel):
    """Another provider's model; sometimes it calls tools, in its own words."""

    answers: int = 0

    @property
    def _llm_type(self) -> str:
        return "other"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """It knows them."""
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.answers += 1
        content = FOREIGN[self.answers % len(FOREIGN)][0]
        called = wanted(messages[-1].text) if isinstance(messages[-1], HumanMessage) else []
        calls = [
            {"id": f"toolu_{self.answers}_{name}", "name": name, "args": {}} for name in called
        ]
        if calls:
            content = [{"type": "tool_use", "input": {}, **call} for call in calls]
        answer = AIMessage(content, tool_calls=calls, response_metadata={"model_provider": "other"})
        return ChatResult(generations=[ChatGeneration(message=answer)])


def wanted(text: str) -> list[str]:
    """The tools that a question asks for."""
    _, _, names = text.partition("use ")
    return names.split()


def reply(turn: SeenTurn) -> Any:
    """The agent: it calls what the question asks for, once."""
    last = turn.messages[-1]
    names = wanted(last.text) if last.role == "user" else []
    return ToolCalls(*((name, {}) for name in names)) if names else f"answer {len(turn.messages)}"


def _tool(name: str) -> StructuredTool:
    return StructuredTool.from_function(lambda: RETURNS[name][0], name=name, description=name)


def explode() -> None:
    """Ends the program in the middle of its calls."""
    raise ExplodedError


class ExplodedError(Exception):
    """What a tool raises."""


TOOLS = [*(_tool(name) for name in RETURNS), StructuredTool.from_function(explode)]
NAMED = [tool.name for tool in TOOLS]


class Program:
    """A graph with a checkpointer; each start is another process with the same checkpoints."""

    def __init__(self, generation: Any, threads: str) -> None:
        self.foundry = Emulator(seed=3)
        declared = [{"type": "function", "name": name, "parameters": {}} for name in NAMED]
        self.model = self.foundry.create_agent(
            "helper", reply, generation=generation, tools=declared if generation == "v2" else ()
        ).model
        self.threads = threads
        self.other = OtherModel()
        self.saver = InMemorySaver()
        self.config = THREAD
        self.agents_turns = 0  # turns that the agent took part in
        self.exploded = 0
        self.start()

    def start(self) -> None:
        """Start anew: what is not in the checkpoint is lost."""
        llm = ChatAzureAgent(
            model=self.model,
            threads=self.threads,
            thread_store=MemoryThreadStore(),
            **self.foundry.connection(),
        )
        self.app = create_agent(llm.with_fallbacks([self.other]), TOOLS, checkpointer=self.saver)

    def say(self, text: str, name: str | None = None, *, is_streamed: bool = False) -> None:
        """One turn of the graph, however many calls of models it takes."""
        given, before = {"messages": [HumanMessage(text, name=name)]}, len(self.foundry.seen)
        config = self.config
        self.config = THREAD  # the newest checkpoint will be the one behind this turn
        try:
            messages = self._run(given, config, is_streamed=is_streamed)["messages"]
        except ExplodedError:
            self.exploded += 1
            return
        assert isinstance(messages[-1], AIMessage)
        assert not messages[-1].tool_calls
        if len(self.foundry.seen) > before:
            self.agents_turns += 1
            newest = max(at for at, message in enumerate(messages) if is_agents(message))
            check(messages[:newest], self.foundry.seen[-1])

    def _run(self, given: Any, config: Any, *, is_streamed: bool) -> Any:
        if not is_streamed:
            return self.app.invoke(given, config)
        events = self.app.stream(given, config, stream_mode=["messages", "values"])
        *_, (_, state) = (event for event in events if event[0] == "values")
        return state

    def go_back(self, steps: int) -> None:
        """Time travel: on from an older state in which nothing was under way."""
        states = [state for state in self.app.get_state_history(THREAD) if not state.next]
        if states:
            self.config = states[min(steps, len(states) - 1)].config


def is_agents(message: BaseMessage) -> bool:
    """Whether our agent said it."""
    provider = message.response_metadata.get("model_provider")
    return isinstance(message, AIMessage) and provider != "other"


def check(messages: Sequence[BaseMessage], seen: SeenTurn) -> None:
    """All that was said is there, once and in order; users by their names."""
    text = "\n".join(message.text for message in seen.messages)
    place = 0
    for words in told(messages):
        found = text.find(words, place)
        assert found >= 0, f"{words!r} is not where it should be in {text!r}"
        place = found + len(words)
    for message in messages:
        if isinstance(message, HumanMessage):
            assert 1 == text.count(message.text)


def told(messages: Sequence[BaseMessage]) -> Iterator[str]:
    """What the agent must see of these messages, in order."""
    for message in messages:
        match message:
            case HumanMessage():
                yield f"{message.name}: {message.text}" if message.name else message.text
            case ToolMessage():
                yield RETURNS[str(message.name)][1]
            case AIMessage():
                yield SPOKEN.get(repr(message.content), message.text)


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
            program.go_back(dice.randint(1, 6))
        tools = dice.sample(NAMED, dice.choice((0, 0, 1, 2)))
        question = f"question {number}: " + (f"use {' '.join(tools)}" if tools else "hm?")
        away = dice.random() < 0.35
        if away:  # from its first or second request on
            program.foundry.faults.add(Fault("status_before", nth=dice.randint(1, 2), times=None))
        program.say(question, dice.choice(NAMES), is_streamed=dice.random() < 0.5)
        program.foundry.faults.clear()
    before = program.agents_turns
    program.say("last question: still there?", "Sam")
    assert before + 1 == program.agents_turns
    assert program.agents_turns > TURNS // 2
    assert program.other.answers > 5
    assert program.exploded
