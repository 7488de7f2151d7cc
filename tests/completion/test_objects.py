"""`completion(response_format=…)` with agents of both generations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel

from azure_agents import acompletion, completion
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError, StructuredOutputError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

GOOD = '{"name": "Bob"}'
ASKED = [{"role": "user", "content": "Who?"}]
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
FORMATS: dict[str, Any] = {
    "a schema": {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}},
    "no title": {"type": "json_schema", "json_schema": {"schema": SCHEMA}},
    "any object": {"type": "json_object"},
}


class Person(BaseModel):
    """Somebody."""

    name: str


FORMATS["a class"] = Person


async def asked(foundry: Emulator, model: str, **arguments: Any) -> list[str]:
    """The texts of an answer: whole and streamed, sync and async."""
    given = {**foundry.connection(), **arguments}
    texts = [
        completion(model, ASKED, **given).choices[0].message.content,
        (await acompletion(model, ASKED, **given)).choices[0].message.content,
    ]
    stream = completion(model, ASKED, stream=True, **given)
    pieces = [chunk.choices[0].delta.content for chunk in stream]
    astream = await acompletion(model, ASKED, stream=True, **given)
    more = [chunk.choices[0].delta.content async for chunk in astream]
    return [*map(str, texts), "".join(filter(None, pieces)), "".join(filter(None, more))]


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
async def test_a_v2_agent_is_told_and_its_answer_is_checked(format: Any) -> None:
    """Fences go, a wrong answer is asked for once more, whole and streamed."""
    foundry = Emulator()
    agent = foundry.create_agent("a", ["sure!", f"```json\n{GOOD}\n```"] * 4)
    assert [GOOD] * 4 == await asked(foundry, agent.model, response_format=format)
    posts = [one for one in foundry.requests if one.path.endswith("/responses")]
    assert 8 == len(posts)
    assert [] == [one for one in posts if "text" in one.body or "response_format" in one.body]
    last = foundry.seen[-1].messages
    assert (["Who?", "sure!"], True) == (
        [m.text for m in last if m.text in {"Who?", "sure!"}],
        last[-1].text.startswith("This is not valid"),
    )


async def test_the_schema_of_the_agent_is_enough() -> None:
    """Nothing is told where the definition has a schema; the answer streams as it comes."""
    foundry = Emulator()
    text = {"format": {"type": "json_schema", "name": "person", "schema": SCHEMA}}
    agent = foundry.create_agent("a", GOOD, definition={"text": text})
    assert [GOOD] * 4 == await asked(foundry, agent.model, response_format=Person)
    assert {"Who?"} == {seen.messages[-1].text for seen in foundry.seen}


async def test_a_classic_run_takes_the_schema() -> None:
    """As it always did."""
    foundry = Emulator()
    agent = foundry.create_agent("a", GOOD, generation="classic")
    assert [GOOD] * 4 == await asked(foundry, agent.model, response_format=Person)
    assert "json_schema" == foundry.requests[-1].body["response_format"]["type"]


def test_no_object_is_an_error() -> None:
    """Wrong twice, with the text and where it stands."""
    foundry = Emulator()
    agent = foundry.create_agent("a", '{"name": 3}')
    with pytest.raises(StructuredOutputError, match="name: it is no string") as caught:
        completion(agent.model, ASKED, response_format=Person, **foundry.connection())
    assert ('{"name": 3}', True) == (caught.value.partial_text, bool(caught.value.response_id))


@pytest.mark.parametrize("format", ["json", {"type": "xml"}, {"type": "json_schema"}])
def test_an_unknown_format_is_refused(format: Any) -> None:
    """Before anything is sent."""
    foundry = Emulator()
    agent = foundry.create_agent("a", GOOD)
    with pytest.raises(InvalidRequestError, match="response_format"):
        completion(agent.model, ASKED, response_format=format, **foundry.connection())
    assert [] == foundry.requests


def test_the_next_turn_sees_what_its_messages_say() -> None:
    """What was told for one answer is no part of the conversation."""
    foundry = Emulator()
    agent = foundry.create_agent("a", ["sure!", GOOD, "Bob it is."])
    first = completion(agent.model, ASKED, response_format=Person, **foundry.connection())
    history = [*ASKED, first.choices[0].message.model_dump(), {"role": "user", "content": "Sure?"}]
    completion(agent.model, history, **foundry.connection())
    assert ["Who?", GOOD, "Sure?"] == [m.text for m in foundry.seen[-1].messages]
    assert {"name": "Bob"} == json.loads(str(first.choices[0].message.content))


CODE = {
    "title": "Place",
    "description": "A place.",
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "at": {"prefixItems": [{"type": "integer"}, {"type": "integer"}], "items": False},
    },
    "required": ["code"],
}
WRONG_PLACE, PLACE = '{"code": "fi", "at": [60, "x"]}', '{"code": "FI", "at": [60, 25]}'


def problem_of(texts: list[str]) -> str:
    """What an agent was told to be wrong with its answer."""
    found = re.search(r"^This is not valid: (.*)\. Answer again", texts[-1])
    return found[1] if found else "nothing was wrong"


@pytest.mark.parametrize("wanted", [CODE, Person], ids=["schema", "class"])
def test_both_rooms_use_the_same_words_and_the_same_check(wanted: Any) -> None:
    """`response_format` of a call, and what the frameworks call structured output."""
    wrong, right = (WRONG_PLACE, PLACE) if wanted is CODE else ("{}", GOOD)
    foundry = Emulator()
    agent = foundry.create_agent("a", [wrong, right] * 3)
    given = foundry.connection()
    form = {"type": "json_schema", "json_schema": {"schema": wanted}}
    completion(agent.model, ASKED, response_format=Person if wanted is Person else form, **given)
    ChatAzureAgent(model=agent.model, **given).with_structured_output(wanted).invoke("Who?")
    if wanted is Person:
        llm = AzureAgentLLM(agent.model, **given)
        llm.structured_predict(Person, PromptTemplate("Who?"))
    turns = [[message.text for message in turn.messages] for turn in foundry.seen]
    problems = {problem_of(texts) for texts in turns[1::2]}
    # LangChain has an order of its own in the schemas of classes.
    lines = [[text.partition("\n")[0] for text in texts] for texts in turns]
    heard = [[line.replace(problem_of(texts), "") for line in texts] for texts in lines]
    assert [heard[:2]] * (len(heard) // 2) == [heard[n : n + 2] for n in range(0, len(heard), 2)]
    from_schema = "code: pattern is ^[A-Z]{2}$; at[1]: it is no integer"
    from_classes = {"the answer: it lacks name", "name: Field required"}
    assert ({from_schema} if wanted is CODE else from_classes) == problems
