"""Tools are bound and objects are asked for in LangChain's words."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import tool
from pydantic import BaseModel
from pydantic.v1 import BaseModel as OldBaseModel
from typing_extensions import TypedDict

from azure_agents.emulator import Emulator, Fault, Incomplete, Refusal, Text, ToolCalls
from azure_agents.errors import (
    ConfigError,
    InvalidRequestError,
    RefusedError,
    StructuredOutputError,
)
from langchain_azure_agents import ChatAzureAgent

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
GOOD = '{"name": "Bob", "age": 4}'


class Person(BaseModel):
    """A person."""

    name: str
    age: int


class OldPerson(OldBaseModel):
    """A person."""

    name: str
    age: int


class PersonDict(TypedDict):
    """A person."""

    name: str
    age: int


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def double(x: int) -> int:
    """Double."""
    return 2 * x


SCHEMAS = [
    (Person, Person(name="Bob", age=4)),
    (OldPerson, OldPerson(name="Bob", age=4)),
    (PersonDict, {"name": "Bob", "age": 4}),
    (Person.model_json_schema(), {"name": "Bob", "age": 4}),
]

CHOICES = [
    (None, None),
    (False, None),
    (True, "required"),
    ("any", "required"),
    ("required", "required"),
    ("auto", "auto"),
    ("none", "none"),
    ("add", {"type": "function", "function": {"name": "add"}}),
    ({"type": "file_search"}, {"type": "file_search"}),
]


def model() -> ChatAzureAgent:
    """A model that is never called."""
    return ChatAzureAgent(model="my-agent", endpoint=ENDPOINT)


@pytest.mark.parametrize(("choice", "expected"), CHOICES)
def test_tools_are_bound_in_openai_format(choice: Any, expected: Any) -> None:
    """Binding sends nothing, takes every kind of tool and translates the choice."""
    declared = {"type": "file_search"}
    bound = model().bind_tools([add, double, Person, declared], tool_choice=choice, user="u")
    assert isinstance(bound, RunnableBinding)
    tools = bound.kwargs["tools"]
    assert [
        "add",
        "double",
        "Person",
        "file_search",
    ] == [t.get("function", t).get("name", t["type"]) for t in tools]
    assert bound.kwargs.get("tool_choice") == expected
    assert "u" == bound.kwargs["user"]


def test_a_choice_of_no_bound_tool() -> None:
    """It is refused when it is made."""
    with pytest.raises(InvalidRequestError, match="subtract"):
        model().bind_tools([add], tool_choice="subtract")


def test_an_unknown_method() -> None:
    """It is refused when it is made."""
    with pytest.raises(ConfigError, match="telepathy"):
        model().with_structured_output(Person, method="telepathy")


@pytest.mark.parametrize("schema", ["Person", None, {"type": "object", "properties": {}}])
def test_what_is_no_schema(schema: Any) -> None:
    """As with other models of LangChain: refused when it is made, not at the first call."""
    with pytest.raises(ValueError, match="Unsupported function"):
        model().with_structured_output(schema)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize(("schema", "expected"), SCHEMAS)
def test_objects(connect: Any, schema: Any, expected: Any, method: str) -> None:
    """Every kind of schema gives its kind of object, in every way of calling."""
    llm = connect(Text(GOOD)).with_structured_output(schema, method=method)
    found = [
        llm.invoke("who?"),
        asyncio.run(llm.ainvoke("who?")),
        list(llm.stream("who?"))[-1],
        *llm.batch(["who?"]),
    ]
    assert found == [expected] * 4


def test_the_agent_knows_the_schema(connect: Any, foundry: Emulator, generation: str) -> None:
    """A classic run enforces it, a v2 agent is told it."""
    connect(Text(GOOD)).with_structured_output(Person, strict=True).invoke("who?")
    body = foundry.requests[-1].body
    if generation == "classic":
        assert "Person" == body["response_format"]["json_schema"]["name"]
        assert body["response_format"]["json_schema"]["strict"] is True
    else:
        told = foundry.seen[-1].messages[-1]
        assert (True, True) == (told.role in {"system", "developer"}, '"age"' in told.text)


def test_a_wrong_answer_gets_one_repair_round(connect: Any, foundry: Emulator) -> None:
    """The agent hears what was wrong, once."""
    llm = connect(["sure!", GOOD]).with_structured_output(Person)
    assert llm.invoke("who?") == Person(name="Bob", age=4)
    assert "not valid" in foundry.seen[-1].last_user_text
    assert 2 == len(foundry.seen)


@pytest.mark.parametrize("bad", ["sure!", "[1]", '{"name": "Bob"}', '{"name": "Bob", "age": "x"}'])
@pytest.mark.parametrize("schema", [Person, OldPerson])
def test_a_wrong_repair_is_an_error(connect: Any, foundry: Emulator, schema: Any, bad: str) -> None:
    """With the raw text; with `include_raw` it is told and not raised."""
    llm = connect(Text(bad))
    with pytest.raises(OutputParserException) as caught:
        llm.with_structured_output(schema).invoke("who?")
    assert caught.value.llm_output == bad
    assert 2 == len(foundry.seen)
    told = llm.with_structured_output(schema, include_raw=True).invoke("who?")
    assert (told["raw"].content, told["parsed"]) == (bad, None)
    assert isinstance(told["parsing_error"], OutputParserException)


def test_include_raw(connect: Any) -> None:
    """The message comes along, with ids and usage."""
    llm = connect(Text(GOOD)).with_structured_output(Person, include_raw=True)
    told = llm.invoke("who?")
    assert (told["parsed"], told["parsing_error"]) == (Person(name="Bob", age=4), None)
    assert told["raw"].usage_metadata["total_tokens"] > 0


def test_a_truncated_answer_is_an_error(connect: Any, foundry: Emulator) -> None:
    """Half an object is none, and asking again would give the same half."""
    llm = connect(Incomplete(text='{"name": "Bo')).with_structured_output(Person)
    with pytest.raises(OutputParserException, match="not whole"):
        llm.invoke("who?")
    assert 1 == len(foundry.seen)


@pytest.mark.parametrize("v1", [False, True])
def test_a_refusal_is_an_error(foundry: Emulator, v1: bool) -> None:
    """LangChain's own, where it has one; in any case ours, with the raw text and the ids."""
    agent = foundry.create_agent("prude", Refusal("I will not."))
    version = "v1" if v1 else None
    llm = ChatAzureAgent(model=agent.model, output_version=version, **foundry.connection())
    standard = getattr(exceptions, "ModelRefusalError", OutputParserException)
    with pytest.raises(standard, match=r"I will not\.") as caught:
        llm.with_structured_output(Person).invoke("who?")
    assert isinstance(caught.value, RefusedError)
    assert "I will not." == caught.value.partial_text
    assert caught.value.response_id == foundry.seen[-1].response_id
    assert getattr(caught.value, "raw_message", None) is not None or standard is (
        OutputParserException
    )
    assert 1 == len(foundry.seen)


OWN_FORMAT = {
    "type": "json_schema",
    "name": "person",
    "schema": {"type": "object", "properties": {"name": {"type": "string"}}},
}


def own_schema(foundry: Emulator, reply: Any, format: Any = None) -> Any:
    """A v2 agent whose definition says what its answers look like."""
    definition = {"text": {"format": format or OWN_FORMAT}}
    agent = foundry.create_agent("typed", reply, definition=definition)
    return ChatAzureAgent(model=agent.model, **foundry.connection())


def test_an_agent_with_a_schema_of_its_own(foundry: Emulator) -> None:
    """It need not be told; its definition is read once."""
    llm = own_schema(foundry, Text(GOOD)).with_structured_output(Person)
    assert [llm.invoke("who?"), asyncio.run(llm.ainvoke("who?")), llm.invoke("who?")] == [
        Person(name="Bob", age=4)
    ] * 3
    assert [[m.role for m in turn.messages] for turn in foundry.seen] == [["user"]] * 3
    assert ["GET", "POST", "GET", "POST", "POST"] == [r.method for r in foundry.requests]


def test_a_schema_of_the_agent_that_does_not_fit(foundry: Emulator) -> None:
    """The error says whose schema is in force."""
    llm = own_schema(foundry, Text('{"name": "Bob"}')).with_structured_output(Person)
    with pytest.raises(OutputParserException, match="schema of the agent's definition") as caught:
        llm.invoke("who?")
    assert isinstance(caught.value, StructuredOutputError)


def test_a_format_without_a_schema(foundry: Emulator) -> None:
    """JSON alone says nothing about the object: the agent is told."""
    llm = own_schema(foundry, Text(GOOD), {"type": "json_object"})
    llm.with_structured_output(Person).invoke("who?")
    assert ["user", "system"] == [m.role for m in foundry.seen[-1].messages]


def test_a_definition_that_may_not_be_read(foundry: Emulator) -> None:
    """Who may only talk to the agent tells it the schema."""
    foundry.faults.add(Fault("status_before", method="GET", status=403, times=None))
    llm = own_schema(foundry, Text(GOOD)).with_structured_output(Person)
    assert llm.invoke("who?") == Person(name="Bob", age=4)
    assert ["user", "system"] == [m.role for m in foundry.seen[-1].messages]


def test_json_mode_tells_nothing(connect: Any, foundry: Emulator, generation: str) -> None:
    """The caller's own messages describe the object."""
    llm = connect(Text(GOOD)).with_structured_output(Person, method="json_mode")
    assert llm.invoke("who? as JSON") == Person(name="Bob", age=4)
    assert ["user"] == [m.role for m in foundry.seen[-1].messages]
    sent = foundry.requests[-1].body.get("response_format")
    assert sent == ({"type": "json_object"} if generation == "classic" else None)


def test_the_instruction_leaves_no_trace_in_the_history(connect: Any, foundry: Emulator) -> None:
    """The raw answer goes on where the caller's own messages go on."""
    llm = connect(["Hello.", GOOD, "Bye."])
    history: list[Any] = [HumanMessage("hi")]
    history.append(llm.invoke(history))
    history.append(HumanMessage("who?"))
    history.append(llm.with_structured_output(Person, include_raw=True).invoke(history)["raw"])
    history.append(HumanMessage("bye"))
    llm.invoke(history)
    assert [m.text for m in foundry.seen[-1].messages] == [m.text for m in history]


def test_a_pin_of_a_structured_call(connect: Any, foundry: Emulator) -> None:
    """Arguments and config of the call reach the model."""
    llm = connect(Text(GOOD))
    thread = llm.invoke("hi").response_metadata["thread_id"]
    asked = llm.with_structured_output(Person)
    asked.invoke("who?", thread_id=thread)
    assert "hi" == foundry.seen[-1].messages[0].text
    asked.invoke("who?", {"configurable": {"foundry_thread_id": thread}})
    assert "hi" == foundry.seen[-1].messages[0].text


OWN = {"format": {"type": "json_schema", "name": "p", "schema": Person.model_json_schema()}}


@pytest.mark.parametrize(
    ("generation", "own", "wanted", "grows"),
    [
        ("classic", {}, "dict", True),
        ("v2", {"text": OWN}, "dict", True),
        ("v2", {}, "dict", False),
        ("classic", {}, "pydantic", False),
        ("v2", {"text": OWN}, "pydantic", False),
    ],
)
async def test_an_object_grows_where_the_service_sees_to_it(
    foundry: Emulator, generation: Any, own: Any, wanted: str, grows: bool
) -> None:
    """A dictionary comes in pieces, the last one whole; what may be wrong comes once, checked."""
    agent = foundry.create_agent("who", GOOD, generation=generation, definition=own)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    schema = Person if wanted == "pydantic" else Person.model_json_schema()
    asked = llm.with_structured_output(schema)
    expected = Person(name="Bob", age=4) if wanted == "pydantic" else {"name": "Bob", "age": 4}
    told = [list(asked.stream("who?")), [piece async for piece in asked.astream("who?")]]
    assert [expected, expected] == [each[-1] for each in told]
    assert [grows, grows] == [len(each) > 1 for each in told]
    assert all(set(piece) <= {"name", "age"} for piece in map(dict, told[0]))


@pytest.mark.parametrize("schema", [Person, Person.model_json_schema(), PersonDict])
def test_it_pickles(foundry: Emulator, schema: Any) -> None:
    """As what `bind_tools` makes does; the model's secrets stay behind."""
    agent = foundry.create_agent("who", GOOD)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    asked = llm.with_structured_output(schema, include_raw=True)
    again = pickle.loads(pickle.dumps(asked))  # noqa: S301 - made here
    assert (asked.wanted, True) == (again.wanted, again.include_raw)  # type: ignore[attr-defined]


ASKED: Any = {"messages": [("user", "who?")]}


def test_an_agent_of_langchain_and_a_classic_agent(foundry: Emulator) -> None:
    """`create_agent` lets the run take the schema; no tool is left waiting for an output."""
    agent = foundry.create_agent("who", GOOD, generation="classic")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    state = create_agent(llm, [], response_format=Person).invoke(ASKED)
    assert state["structured_response"] == Person(name="Bob", age=4)
    assert "json_schema" == foundry.requests[-1].body["response_format"]["type"]


def test_an_agent_of_langchain_and_a_v2_agent(foundry: Emulator) -> None:
    """`create_agent` gives the call a schema: the agent is told it, a wrong answer mended."""
    agent = foundry.create_agent("who", ['{"name": "Bob"}', f"```json\n{GOOD}\n```"])
    llm = ChatAzureAgent(model=agent.name, **foundry.connection())
    state = create_agent(llm, [], response_format=Person).invoke(ASKED)
    assert state["structured_response"] == Person(name="Bob", age=4)
    assert [message.text for message in foundry.seen[-1].messages][-1].startswith("This is not")


def test_an_agent_with_tools_and_an_object(foundry: Emulator) -> None:
    """Calls come out as they are; the object is asked for and checked where the answer is one."""
    tools = [{"type": "function", "name": "double", "parameters": {"type": "object"}}]
    script = [ToolCalls(("double", {"x": 3})), GOOD]
    agent = foundry.create_agent("who", script, tools=tools)
    llm = ChatAzureAgent(model=agent.name, **foundry.connection())
    state = create_agent(llm, [double], response_format=Person).invoke(ASKED)
    assert state["structured_response"] == Person(name="Bob", age=4)
    assert ["human", "ai", "tool", "ai"] == [message.type for message in state["messages"]]


def test_a_tool_round_of_a_classic_agent(foundry: Emulator) -> None:
    """Calls come out, results go in, and the run goes on where it waited."""
    script = [ToolCalls(("add", {"a": 1, "b": 2}), ("double", {"x": 3})), "3 and 6"]
    agent = foundry.create_agent("tools", script, generation="classic")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection()).bind_tools([add, double])
    asked: list[Any] = [HumanMessage("compute")]
    call = llm.invoke(asked)
    assert [
        ("add", {"a": 1, "b": 2}),
        ("double", {"x": 3}),
    ] == [(c["name"], c["args"]) for c in call.tool_calls]
    assert "tool_calls" == call.response_metadata["finish_reason"]
    results = [add.invoke(call.tool_calls[0]), tool(double).invoke(call.tool_calls[1])]
    assert "3 and 6" == llm.invoke([*asked, call, *results]).content
    assert foundry.requests[-1].path.endswith("/submit_tool_outputs")
