"""What is recorded besides the demo's scenario: one act for each documented way to use an agent.

An act is played with `ChatAzureAgent` by an agent of either generation whose replies are scripted,
so it can be recorded from the emulator only. It is a generator that yields what its caller got, in
plain values: recording uses it up, a test compares it, and one that is not used up is half an act.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from azure_agents.emulator import (
    Citation,
    CreatedAgent,
    Emulator,
    FileSearch,
    McpApproval,
    McpCall,
    Parts,
    SeenTurn,
    Text,
    ToolCalls,
)
from azure_agents.naming import Generation
from langchain_azure_agents import approve


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


class Person(BaseModel):
    """A person."""

    name: str
    age: int


TOOLS = {one.name: one for one in (add, multiply)}
PATH = '{"path": "/tmp/x"}'
MARKER = "【4:0†source】"
FOUND: dict[str, Any] = {"file_id": "assistant-handbook", "filename": "handbook.md", "score": 0.9}


@dataclass(frozen=True, slots=True)
class Act:
    """One act: how it is played, what the agent answers, and the functions it declares."""

    name: str
    play: Callable[[Any], Iterator[Any]]
    script: Any = None
    functions: tuple[Any, ...] = ()

    def create_agent(self, foundry: Emulator, generation: Generation) -> CreatedAgent:
        """The agent; a v2 agent declares its functions, a classic run brings them along."""
        declared = [convert_to_openai_tool(one)["function"] for one in self.functions]
        tools = [{"type": "function", **one} for one in declared] if generation == "v2" else []
        name = f"{self.name}-agent"
        return foundry.create_agent(name, self.script, tools=tools, generation=generation)


def _tools(llm: Any) -> Iterator[Any]:
    bound = llm.bind_tools(list(TOOLS.values()))
    asked = HumanMessage("What are 2 + 3 and 2 * 3?")
    called = bound.invoke([asked])
    yield [(call["name"], call["args"]) for call in called.tool_calls]
    results: list[ToolMessage] = [TOOLS[call["name"]].invoke(call) for call in called.tool_calls]
    yield bound.invoke([asked, called, *results]).text


def _approval(llm: Any) -> Iterator[Any]:
    asked = HumanMessage("Delete /tmp/x")
    answer = llm.invoke([asked])
    [request] = answer.response_metadata["approval_requests"]
    yield request["server_label"], request["name"], request["arguments"]
    yield llm.invoke([asked, answer, approve(request["id"])]).text


def _structured(llm: Any) -> Iterator[Any]:
    yield llm.with_structured_output(Person).invoke("Who wrote the first program?")


def _files(llm: Any) -> Iterator[Any]:
    answer = llm.invoke("How many days of leave do I have?")
    blocks = [block for block in answer.content_blocks if block["type"] == "text"]
    cited = [
        source["extras"]["file_id"] for block in blocks for source in block.get("annotations", ())
    ]
    yield answer.text.removesuffix(MARKER), cited


def _branch(llm: Any) -> Iterator[Any]:
    asked = HumanMessage("What is my name?")
    start = [HumanMessage("My name is Ada.")]
    start.append(llm.invoke(start))
    for first in (start[0], HumanMessage("My name is Grace."), start[0]):
        yield llm.invoke([first, start[1], asked]).text


def _found(turn: SeenTurn) -> Parts:
    """Search and cite; recorded: classic answers have a marker in the text, v2 answers do not."""
    said = "You have 30 days."
    text = said + MARKER if turn.generation == "classic" else said
    file = {name: FOUND[name] for name in ("file_id", "filename")}
    source = Citation("file", len(said), len(text), **file)
    return Parts(FileSearch(("days of leave",), (FOUND,)), Text(text, citations=(source,)))


CALLS = ToolCalls(("add", {"a": 2, "b": 3}), ("multiply", {"a": 2, "b": 3}))
DELETED = Parts(McpCall("files", "delete", PATH, "gone"), Text("Deleted."))
ACTS = (
    Act("tools", _tools, [CALLS, "They are 5 and 6."], functions=(add, multiply)),
    Act("approval", _approval, [McpApproval("files", "delete", PATH), DELETED]),
    Act("structured", _structured, '{"name": "Ada", "age": 36}'),
    Act("files", _files, _found),
    Act("branch", _branch),
)
