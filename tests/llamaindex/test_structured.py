"""Structured output: all four methods, both generations."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import ChatPromptTemplate, PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel

from azure_agents import errors
from azure_agents.emulator import Emulator, Incomplete, Refusal, Text, ToolCalls
from llamaindex_azure_agents import AzureAgentLLM, RefusedError, StructuredOutputError

from .oracle import declared

Make = Callable[..., AzureAgentLLM]


class City(BaseModel):
    """A city."""

    name: str
    people: int


PROMPT = PromptTemplate("Tell me about {city}.")
BERLIN = City(name="Berlin", people=3)
GOOD = BERLIN.model_dump_json()


def look() -> str:
    """Look."""
    return "?"


async def _acollect(awaitable: Any) -> list[Any]:
    return [partial async for partial in await awaitable]


WAYS: dict[str, Callable[..., Any]] = {
    "structured_predict": lambda llm, **kw: llm.structured_predict(City, PROMPT, **kw),
    "astructured_predict": lambda llm, **kw: asyncio.run(
        llm.astructured_predict(City, PROMPT, **kw)
    ),
    "stream_structured_predict": lambda llm, **kw: list(
        llm.stream_structured_predict(City, PROMPT, **kw)
    )[-1],
    "astream_structured_predict": lambda llm, **kw: asyncio.run(
        _acollect(llm.astream_structured_predict(City, PROMPT, **kw))
    )[-1],
}


@pytest.fixture(name="predict", params=WAYS)
def _predict(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return WAYS[request.param]


ANSWERS = [GOOD, f"```json\n{GOOD}\n```", f"```\n{GOOD}```", f"\n {GOOD}\n"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_object_comes_back(make_llm: Make, predict: Any, answer: str) -> None:
    """With or without the fence that models like to put around."""
    assert predict(make_llm(answer), city="Berlin") == BERLIN


def test_the_agent_knows_the_schema(
    foundry: Emulator, make_llm: Make, predict: Any, generation: str
) -> None:
    """A classic run enforces it, a v2 agent is told."""
    predict(make_llm(GOOD, system_prompt="Be exact."), city="Berlin")
    seen, body = foundry.seen[-1], foundry.requests[-1].body
    spoken = " ".join(message.text for message in seen.messages)
    assert "Tell me about Berlin." in spoken
    if generation == "classic":
        assert City.model_json_schema() == body["response_format"]["json_schema"]["schema"]
        assert "Be exact." == seen.additional_instructions
    else:
        assert '"title": "City"' in spoken
        assert "Be exact." in spoken


def test_a_wrong_answer_is_repaired(foundry: Emulator, make_llm: Make, predict: Any) -> None:
    """Once, and the agent is told what was wrong."""
    assert predict(make_llm(['{"name": "Berlin"}', GOOD]), city="Berlin") == BERLIN
    assert "people: Field required" in foundry.seen[-1].last_user_text
    assert 2 == len(foundry.seen)


FAILURES = [
    (["no", "no"], "not valid"),
    ([Incomplete("max_output_tokens", '{"name": "Be')], "not whole"),
    ([ToolCalls(("look", {}))], "not whole"),
    ([Text("")], "said nothing"),
]


@pytest.mark.parametrize(("replies", "words"), FAILURES)
def test_no_object_is_an_error(
    foundry: Emulator, generation: str, predict: Any, replies: Any, words: str
) -> None:
    """With what the agent said, and the ids of the turn."""
    tools = declared(generation, [look])
    agent = foundry.create_agent("helper", replies, generation=generation, tools=tools)
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    with pytest.raises(StructuredOutputError, match=words) as caught:
        predict(llm, city="Berlin")
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, errors.StructuredOutputError)
    assert caught.value.thread_id is not None


def test_a_refusal_is_an_error_of_its_own(foundry: Emulator, predict: Any) -> None:
    """v2: with the agent's words, and no second round."""
    agent = foundry.create_agent("helper", Refusal("I won't."))
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    with pytest.raises(RefusedError, match=r"I won't\.") as caught:
        predict(llm, city="Berlin")
    assert isinstance(caught.value, errors.RefusedError)
    assert ("I won't.", 1) == (caught.value.partial_text, len(foundry.seen))


OWN = {"type": "json_schema", "name": "city", "schema": City.model_json_schema()}


def test_the_agents_own_schema_is_in_force(foundry: Emulator, predict: Any) -> None:
    """v2: an agent that declares a schema is told none."""
    definition = {"text": {"format": OWN}}
    agent = foundry.create_agent("helper", GOOD, definition=definition)
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    assert BERLIN == predict(llm, city="Berlin")
    assert ["Tell me about Berlin."] == [message.text for message in foundry.seen[-1].messages]


def test_an_own_schema_that_does_not_fit_is_named(foundry: Emulator, predict: Any) -> None:
    """v2: the repair round cannot help, and the error says where to look."""
    definition = {"text": {"format": OWN}}
    agent = foundry.create_agent("helper", '{"town": "Berlin"}', definition=definition)
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    with pytest.raises(StructuredOutputError, match="the schema of the agent's definition"):
        predict(llm, city="Berlin")


class Named(BaseModel):
    """One field."""

    name: str


class Numbers(BaseModel):
    """One field that is a list."""

    numbers: list[int]


ONE_FIELD: list[tuple[type[BaseModel], str]] = [
    (Named, '{"name": "Berlin"}'),
    (Numbers, '{"numbers": [1, 2]}'),
    (Numbers, '{"numbers": []}'),
]


@pytest.mark.parametrize(("wanted", "answer"), ONE_FIELD)
def test_objects_of_one_field(make_llm: Make, wanted: type[BaseModel], answer: str) -> None:
    """Directly, streamed, and through LlamaIndex's programs, which unpack single arguments."""
    expected, llm = wanted.model_validate_json(answer), make_llm(answer)
    prompt = PromptTemplate("Go.")
    program = FunctionCallingProgram.from_defaults(wanted, prompt_template_str="Go.", llm=llm)
    assert [expected] * 4 == [
        llm.structured_predict(wanted, prompt),
        list(llm.stream_structured_predict(wanted, prompt))[-1],
        program(),
        asyncio.run(program.acall()),
    ]


def test_partial_objects_stream(make_llm: Make) -> None:
    """Each one knows as much as was said so far."""
    llm = make_llm(Text(deltas=('{"name": "Ber', 'lin",', ' "people": 3}')))
    partials = list(llm.stream_structured_predict(City, PROMPT, city="Berlin"))
    # LlamaIndex's parser cannot read a text that ends in a comma; what was known stays.
    assert ["Ber", "Ber", "Berlin", "Berlin"] == [partial.name for partial in partials]
    assert BERLIN == partials[-1]


def test_options_reach_the_call(make_llm: Make, predict: Any) -> None:
    """`llm_kwargs` are options; those of LlamaIndex's own way are not."""
    llm = make_llm(GOOD)
    options = {"max_tokens": 50, "tool_choice": "x", "tool_required": True}
    assert BERLIN == predict(llm, llm_kwargs=options, city="Berlin")
    assert {"max_tokens": 50, "tool_choice": "x", "tool_required": True} == options


@pytest.mark.filterwarnings("ignore:The `json` method:DeprecationWarning")  # LlamaIndex's own
def test_a_structured_llm_talks(make_llm: Make) -> None:
    """`as_structured_llm` is what query engines take."""
    llm = make_llm(GOOD).as_structured_llm(City)
    messages = [ChatMessage("Tell me about Berlin.")]
    assert BERLIN == llm.chat(messages).raw
    assert BERLIN == asyncio.run(llm.achat(messages)).raw
    assert BERLIN == list(llm.stream_chat(messages))[-1].raw
    assert BERLIN == asyncio.run(_acollect(llm.astream_chat(messages)))[-1].raw
    assert BERLIN == City.model_validate_json(llm.complete("Tell me about Berlin.").text)


def test_a_chat_prompt_keeps_its_roles(foundry: Emulator, make_llm: Make) -> None:
    """A conversation may be the question."""
    prompt = ChatPromptTemplate(
        message_templates=[
            ChatMessage("Hi", role="user"),
            ChatMessage("Hello", role="assistant"),
            ChatMessage("{city}?", role="user"),
        ]
    )
    make_llm(GOOD).structured_predict(City, prompt, city="Berlin")
    spoken = [(m.role, m.text) for m in foundry.seen[-1].messages if m.role != "system"]
    assert [("user", "Hi"), ("assistant", "Hello"), ("user", "Berlin?")] == spoken


def test_another_program_mode_goes_llamaindex_way(
    foundry: Emulator, make_llm: Make, predict: Any
) -> None:
    """Who asks for the text program gets its prompt, and no schema of ours."""
    llm = make_llm(GOOD, pydantic_program_mode=PydanticProgramMode.LLM)
    assert BERLIN == predict(llm, city="Berlin")
    assert "Here's a JSON schema to follow" in foundry.seen[-1].last_user_text
    assert "response_format" not in foundry.requests[-1].body
