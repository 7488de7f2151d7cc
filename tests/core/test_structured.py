"""Objects are taken from answers: out of fences, checked, asked for once more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from azure_agents.content.structured import Answer, Inquiry, instruction, json_of, response_format
from azure_agents.errors import RefusedError, StructuredOutputError

GOOD = '{"name": "Bob"}'


class Person(BaseModel):
    name: str


def inquiry(**more: Any) -> Inquiry[Person]:
    """Somebody is asked for."""
    return Inquiry(Person.model_validate_json, **more)


FENCES = [GOOD, f" {GOOD}\n", f"```json\n{GOOD}\n```", f"```\n{GOOD}```"]


@pytest.mark.parametrize("text", FENCES)
def test_json_is_taken_out_of_its_fence(text: str) -> None:
    """Models like to wrap their JSON in Markdown."""
    assert json.loads(GOOD) == json.loads(json_of(text))
    assert Person(name="Bob") == inquiry().read(Answer(text, "stop"))


def test_a_wrong_answer_gets_one_repair_round() -> None:
    """The agent hears what was wrong, once."""
    asked = inquiry()
    assert asked.read(Answer('{"name": 3}', "stop")) is None
    problem = "name: Input should be a valid string"
    words = f"This is not valid: {problem}. Answer again, with the JSON object only."
    assert words == asked.repair
    with pytest.raises(StructuredOutputError, match="not valid") as caught:
        asked.read(Answer("sure!", "stop", facts={"thread_id": "thread_1"}))
    assert ("sure!", "thread_1") == (caught.value.partial_text, caught.value.thread_id)


def test_the_agents_own_schema_is_named() -> None:
    """Where the definition says what comes, the error says where to look."""
    asked = inquiry(is_agents_schema=True)
    asked.read(Answer("{}", "stop"))
    with pytest.raises(StructuredOutputError, match="schema of the agent's definition"):
        asked.read(Answer("{}", "stop"))


ENDINGS = [
    (Answer("", "stop", "I will not."), RefusedError, "the agent refused: I will not."),
    (Answer('{"na', "length"), StructuredOutputError, "the answer is not whole (length)"),
    (
        Answer('{"na', "length", incomplete_reason="max_output_tokens"),
        StructuredOutputError,
        "the answer is not whole (max_output_tokens)",
    ),
    (Answer("", "tool_calls"), StructuredOutputError, "the answer is not whole (tool_calls)"),
    (Answer(" ", "stop"), StructuredOutputError, "the agent said nothing"),
]


@pytest.mark.parametrize(("answer", "error", "says"), ENDINGS)
def test_an_answer_that_cannot_be_repaired(answer: Answer, error: Any, says: str) -> None:
    """Asked again, the agent would say the same."""
    with pytest.raises(error) as caught:
        inquiry().read(answer)
    assert says == caught.value.message[: len(says)]
    assert (answer.refusal or answer.text) == caught.value.partial_text


def test_what_is_sent() -> None:
    """A classic run takes the schema under a plain name, a v2 agent hears it."""
    schema = Person.model_json_schema()
    assert {
        "type": "json_schema",
        "json_schema": {"name": "My_Person_", "schema": schema, "strict": True},
    } == response_format("My Person!", schema, strict=True)
    assert "strict" not in response_format("x", schema)["json_schema"]
    assert json.dumps(schema) in instruction(schema)
