"""`completion(response_format=…)` with agents of both generations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from azure_agents import acompletion, completion
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError, StructuredOutputError

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
