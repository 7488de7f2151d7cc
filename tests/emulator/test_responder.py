"""The built-in responder: which tools it calls, with what, and what it answers without a script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_agents.emulator import Emulator, FileSearch, Text
from azure_agents.emulator.agent.schemas import Evidence, sample

STRING, NUMBER, INTEGER = ({"type": kind} for kind in ("string", "number", "integer"))


def tool(name: str, description: str = "", **properties: Any) -> dict[str, Any]:
    """A function tool of a v2 agent."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "function", "name": name, "description": description, "parameters": schema}


TOOLS = [
    tool("get_weather", "The current weather in a city.", city=STRING),
    tool("magic_function", "Applies a magic function to an input.", input=INTEGER),
    tool("sendEmail", "Send a message to somebody.", to=STRING, body=STRING),
    tool("add", "Adds two numbers.", a=NUMBER, b=NUMBER),
]

ASKED = [
    ("What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
    ("what is the weather like in New York today", [("get_weather", {"city": "New York"})]),
    ("What is the value of magic_function(3)? Use the tool.", [("magic_function", {"input": 3})]),
    ("add 2 and 3.5", [("add", {"a": 2, "b": 3.5})]),
    ("Please send an email to Ann", [("sendEmail", {"to": "Ann", "body": "Ann"})]),
    (
        "get_weather and add, please: 1 2",
        [("get_weather", {"city": "2"}), ("add", {"a": 1, "b": 2})],
    ),
    ("hello", []),
    ("Thank you, that was the tool I wanted.", []),
    ("What is your name?", []),
]


def calls(foundry: Emulator) -> list[tuple[str, Any]]:
    """The functions that were called in the last turn, with their arguments."""
    reply = foundry.seen[-1].reply
    assert reply is not None
    return [(call.name, json.loads(call.arguments)) for call in reply.tool_calls]


@pytest.mark.parametrize(("text", "expected"), ASKED)
def test_a_message_that_names_a_tool_calls_it(
    foundry: Emulator, wire: Any, text: str, expected: Any
) -> None:
    """By its name or the words in it, and not otherwise; arguments come from the text."""
    agent = foundry.create_agent("a", tools=TOOLS)
    wire.respond(agent, text)
    assert expected == calls(foundry)


CHOICES = [
    ({"tool_choice": "none"}, "weather in Paris?", []),
    ({"tool_choice": "required"}, "hello", ["get_weather"]),
    ({"tool_choice": {"type": "function", "name": "add"}}, "hello", ["add"]),
    ({"parallel_tool_calls": False}, "get_weather and add", ["get_weather"]),
]


@pytest.mark.parametrize(("fields", "text", "expected"), CHOICES)
def test_tool_choice_decides_what_is_called(
    foundry: Emulator, wire: Any, fields: Any, text: str, expected: list[str]
) -> None:
    """None, any, a certain one, only one."""
    agent = foundry.create_agent("a", tools=TOOLS)
    wire.respond(agent, text, **fields)
    assert expected == [name for name, _ in calls(foundry)]


def test_classic_runs_pause_for_functions(foundry: Emulator, wire: Any) -> None:
    """The built-in responder calls them there, too, and repeats their outputs."""
    nested = {"type": "function", "function": {k: v for k, v in TOOLS[0].items() if k != "type"}}
    agent = foundry.create_agent("a", tools=[nested], generation="classic")
    thread = wire.start_thread("the weather in Rome?")
    path = f"/threads/{thread}/runs"
    run = wire.stream(path, {"assistant_id": agent.id})[-2][1]
    call = run["required_action"]["submit_tool_outputs"]["tool_calls"][0]
    assert {"city": "Rome"} == json.loads(call["function"]["arguments"])
    outputs = {"tool_outputs": [{"tool_call_id": call["id"], "output": "rain"}]}
    wire.stream(f"{path}/{run['id']}/submit_tool_outputs", outputs)
    assert "The tool said: rain" == foundry.seen[-1].reply.text  # type: ignore[union-attr]


def test_several_tool_results_are_repeated_in_order(foundry: Emulator, wire: Any) -> None:
    """All outputs that came at once are in the answer."""
    agent = foundry.create_agent("a", tools=TOOLS)
    asked = wire.respond(agent, "get_weather and add: 1 2")
    outputs = [
        {"type": "function_call_output", "call_id": call["call_id"], "output": str(number)}
        for number, call in enumerate(asked["output"])
    ]
    wire.respond(agent, outputs, previous_response_id=asked["id"])
    assert "The tool said: 0; 1" == foundry.seen[-1].reply.text  # type: ignore[union-attr]


PERSON = {
    "type": "object",
    "properties": {"name": STRING, "age": INTEGER},
    "required": ["name", "age"],
}
SCHEMAS: list[tuple[Any, str, Any]] = [
    (PERSON, "Ada is 36", {"name": "36", "age": 36}),
    (PERSON, "Say that Ada is 36", {"name": "Ada", "age": 36}),
    ({"enum": ["red", "blue"]}, "make it BLUE", "blue"),
    ({"enum": ["red", "blue"]}, "make it green", "red"),
    ({"const": 5}, "x", 5),
    ({"type": ["null", "string"]}, "to Ann", "Ann"),
    ({"anyOf": [{"type": "null"}, INTEGER]}, "take 4", 4),
    ({"allOf": [PERSON, {"properties": {"age": {"maximum": 30}}}]}, "to Ada, 36", None),
    ({"$ref": "#/$defs/P", "$defs": {"P": PERSON}}, "for Ada, 3", {"name": "Ada", "age": 3}),
    ({"type": "array", "items": INTEGER}, "1 2 3", [1, 2, 3]),
    ({"type": "array", "items": STRING, "maxItems": 1}, "to Ann and to Bob", ["Ann"]),
    ({"type": "array", "items": INTEGER, "minItems": 2}, "none", [1, 1]),
    ({"type": "integer", "minimum": 10}, "3", 10),
    ({"type": "integer", "exclusiveMaximum": 3}, "7", 2),
    ({"type": "integer", "multipleOf": 5}, "12", 10),
    ({"type": "string", "format": "date"}, "x", "2026-01-15"),
    ({"type": "string", "minLength": 5, "maxLength": 6}, "is Bo", "Boxxx"),
    ({"type": "boolean"}, "yes", True),
    ({"type": "boolean"}, "do not", False),
    (
        {"type": "object", "properties": {"query": STRING}, "required": ["query"]},
        "Search for cats.",
        {"query": "cats"},
    ),
    ({"type": "object", "properties": {"n": INTEGER, "d": STRING}}, "no", {}),
    ({"type": "object", "properties": {"n": INTEGER}}, "7", {"n": 7}),
    ({"type": "object", "additionalProperties": INTEGER}, "7", {}),
]


@pytest.mark.parametrize(("schema", "text", "expected"), SCHEMAS)
def test_filled_in_values_fit_their_schema(schema: Any, text: str, expected: Any) -> None:
    """The text fills them in; in any case they are valid."""
    value = sample(schema, Evidence(text))
    if expected is None:
        assert {"name": "Ada", "age": 30} == value
    else:
        assert expected == value


def test_a_recursive_schema_gets_a_finite_value() -> None:
    """A tree has leaves."""
    node = {
        "type": "object",
        "properties": {
            "name": STRING,
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        },
        "required": ["name", "children"],
    }
    tree = sample({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, Evidence("a tree"))
    assert 3 == json.dumps(tree).count("name")


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_a_structured_answer_fits_the_response_format(
    foundry: Emulator, wire: Any, generation: str
) -> None:
    """The agent's own format, or the run's."""
    named = {"name": "Person", "schema": PERSON}
    if generation == "v2":
        format = {"type": "json_schema", **named}
        agent = foundry.create_agent("a", definition={"text": {"format": format}})
        wire.respond(agent, "Say that Ada is 36")
    else:
        agent = foundry.create_agent("a", generation="classic")
        format = {"type": "json_schema", "json_schema": named}
        body = {"assistant_id": agent.id, "response_format": format}
        wire.stream(f"/threads/{wire.start_thread('Say that Ada is 36')}/runs", body)
    reply = foundry.seen[-1].reply
    assert reply is not None
    assert {"name": "Ada", "age": 36} == json.loads(reply.text)


IN_WORDS = [
    (
        [("developer", f"Answer with {{one}} JSON: {json.dumps(PERSON)}.")],
        {"name": "Ada", "age": 36},
    ),
    ([("developer", "Answer with {one} JSON.")], None),
    ([("user", "a JSON with 'setup' and \"end\" keys")], {"setup": "setup", "end": "end"}),
]


@pytest.mark.parametrize(("told", "expected"), IN_WORDS)
def test_json_asked_for_in_words_is_json(
    foundry: Emulator, wire: Any, told: Any, expected: Any
) -> None:
    """A schema in the instructions, or quoted keys in the question; else the answer is talk."""
    agent = foundry.create_agent("a")
    messages = [{"role": role, "content": text} for role, text in told]
    if told[0][0] != "user":
        messages.append({"role": "user", "content": "Say that Ada is 36"})
    wire.respond(agent, messages)
    text = foundry.seen[-1].reply.text  # type: ignore[union-attr]
    assert expected == (json.loads(text) if text.startswith("{") else None)


def library(foundry: Emulator) -> str:
    """A store with two files."""
    texts = {
        "leave.md": "# Leave\n\nYou have 30 days of leave. Ask your manager.",
        "travel.html": "<p>Travel is paid by the company.</p><script>leave()</script>",
    }
    ids = [foundry.add_file(name, text.encode()) for name, text in texts.items()]
    return foundry.add_vector_store("handbook", ids)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Who pays for travel?", "Travel is paid by the company."),
        ("How many days of leave?", "You have 30 days of leave."),
        ("Is it raining?", "You said: Is it raining? (turn 1)"),
    ],
)
def test_questions_are_answered_from_attached_files(
    foundry: Emulator, wire: Any, question: str, expected: str
) -> None:
    """With the sentence that shares most words, and its source; else the answer is talk."""
    search = {"type": "file_search", "vector_store_ids": [library(foundry)]}
    agent = foundry.create_agent("a", tools=[search])
    output = wire.respond(agent, question)["output"]
    text = output[-1]["content"][0]
    assert expected == text["text"]
    cited = [annotation["filename"] for annotation in text["annotations"]]
    assert len(cited) == len(output) - 1


def test_a_script_may_search_attached_files(foundry: Emulator, wire: Any) -> None:
    """With a part without results, or with `SeenTurn.search`."""
    search = {"type": "file_search", "vector_store_ids": [library(foundry)], "max_num_results": 1}
    found = foundry.create_agent(
        "a", lambda turn: turn.search("travel").results[0]["text"], tools=[search]
    )
    wire.respond(found, "x")
    assert "Travel is paid by the company." == foundry.seen[-1].reply.text  # type: ignore[union-attr]
    both = foundry.create_agent("b", [[FileSearch(("leave", "travel")), "ok"]], tools=[search])
    call, _ = wire.respond(both, "x", include=["file_search_call.results"])["output"]
    assert (["leave", "travel"], 1) == (call["queries"], len(call["results"]))
    none = foundry.create_agent("c", [[FileSearch(("leave",)), Text("ok")]])
    assert "results" not in wire.respond(none, "x")["output"][0]
