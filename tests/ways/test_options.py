"""Options that ask for nothing, options that are dropped, and tools that a v2 agent declares."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from llama_index.core.tools import FunctionTool

from azure_agents import AgentClient, completion
from azure_agents.emulator import CreatedAgent, Emulator, Fault, ToolCalls
from azure_agents.errors import ConfigError, InvalidRequestError, TurnUnknownError
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .conftest import Ask

HI = [{"role": "user", "content": "hi"}]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture(params=["v2", "classic"])
def generation(request: pytest.FixtureRequest) -> Any:
    """Both generations of the service."""
    return request.param


# --- what asks for nothing ----------------------------------------------------------------------

NOTHING = {
    "presence_penalty": 0,
    "frequency_penalty": 0.0,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
    "modalities": ["text"],
    "extra_headers": {},
    "n": 1,
}


def test_what_asks_for_nothing_passes(ask: Ask, foundry: Emulator, generation: Any) -> None:
    """At every door, and none of it is sent."""
    agent = foundry.create_agent("a", "Hello", generation=generation)
    assert "Hello" == ask({"model": agent.model, **foundry.connection()}, NOTHING)
    bodies = [request.body for request in foundry.requests if request.method == "POST"]
    assert not any(NOTHING.keys() & body.keys() for body in bodies if isinstance(body, dict))


@pytest.mark.parametrize("given", [{"presence_penalty": 0.5}, {"logprobs": True}, {"n": 2}])
def test_what_asks_for_something_is_refused(
    ask: Ask, foundry: Emulator, generation: Any, given: Any
) -> None:
    """In one short sentence."""
    agent = foundry.create_agent("a", "Hello", generation=generation)
    with pytest.raises(InvalidRequestError) as failed:
        ask({"model": agent.model, **foundry.connection()}, given)
    assert len(str(failed.value)) < 120
    assert next(iter(given)) in str(failed.value)


SAMPLING = [
    ({}, {"temperature": 1}, True),
    ({"temperature": 1.0}, {"temperature": 1, "top_p": 1.0}, True),
    ({"temperature": 0.2}, {"temperature": 1}, False),
    ({"top_p": 0.5}, {"top_p": 1}, False),
    ({}, {"temperature": 0.9}, False),
    ({}, {"temperature": True}, False),
]


@pytest.mark.parametrize(("own", "given", "passes"), SAMPLING)
def test_a_temperature_of_one_is_the_agents_own(
    foundry: Emulator, own: Any, given: Any, passes: bool
) -> None:
    """On v2, where the agent sets none or 1; it is not sent, and read once for many calls."""
    definition = {"kind": "prompt", "model": "gpt-4o", **own}
    agent = foundry.create_agent("a", "Hello", definition=definition)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    other = AzureAgentLLM(agent.model, **foundry.connection())
    calls: list[Callable[[], Any]] = [
        lambda: llm.invoke("hi", **given).content,
        lambda: llm.invoke("hi", **given).content,
        lambda: other.complete("hi", **given).text,
        lambda: completion(agent.model, HI, **given, **foundry.connection()),
    ]
    for call in calls:
        if passes:
            assert call()
        else:
            with pytest.raises(InvalidRequestError, match="is refused by a v2 agent"):
                call()
    reads = [request for request in foundry.requests if request.method == "GET"]
    assert len(reads) <= 3


# --- drop_params --------------------------------------------------------------------------------

DROPPED = [
    ("v2", {"temperature": 0.3, "seed": 1, "logprobs": True}, "logprobs, seed, temperature"),
    ("v2", {"n": 3, "reasoning_effort": "low"}, "n, reasoning_effort"),
    ("classic", {"temperature": 0.3, "seed": 1}, "seed"),
    ("classic", {"reasoning_effort": "low", "presence_penalty": 0}, "reasoning_effort"),
]


@pytest.mark.parametrize(("generation", "given", "named"), DROPPED)
def test_options_are_dropped_aloud(
    foundry: Emulator, generation: Any, given: Any, named: str
) -> None:
    """One warning names them; what is taken stays."""
    agent = foundry.create_agent("a", "Hello", generation=generation)
    with pytest.warns(UserWarning, match=f"^drop_params=True: {named} dropped") as told:
        completion(agent.model, HI, drop_params=True, **given, **foundry.connection())
    assert 1 == len(told)
    assert __file__ == told[0].filename
    body = foundry.requests[-1].body
    assert ("temperature" in body) == (generation == "classic" and "temperature" in given)


def test_nothing_dropped_is_nothing_said(foundry: Emulator) -> None:
    """Also of what asks for nothing."""
    agent = foundry.create_agent("a", "Hello")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        completion(agent.model, HI, drop_params=True, logprobs=False, **foundry.connection())
        completion(agent.model, HI, drop_params=False, **foundry.connection())


@pytest.mark.parametrize(
    "given", [{"azure_pasword": "x"}, {"functions": []}, {"tools": [{"type": "web_search"}]}]
)
def test_some_things_are_never_dropped(foundry: Emulator, given: Any) -> None:
    """Names nobody knows, and what the answer is for."""
    agent = foundry.create_agent("a", "Hello")
    with pytest.raises(InvalidRequestError):
        completion(agent.model, HI, drop_params=True, **given, **foundry.connection())
    assert [] == foundry.requests


# --- what is sent beside the agent --------------------------------------------------------------


@pytest.mark.parametrize("way", ["langchain", "llamaindex", "completion"])
def test_turns_need_no_name(foundry: Emulator, way: str) -> None:
    """Metadata beside an agent reference was never recorded, and can be left out."""
    agent = foundry.create_agent("a")
    known = {**foundry.connection(), "model": agent.model, "name_turns": False, "threads": "auto"}
    for metadata in (None, {"mine": "1"}):
        call = {} if metadata is None else {"metadata": metadata}
        if way == "langchain":
            ChatAzureAgent(**known, model_kwargs=call).invoke("hi")
        elif way == "llamaindex":
            AzureAgentLLM(**known).complete("hi", **call)
        else:
            completion(messages=HI, **known, **call)
        assert metadata == foundry.requests[-1].body.get("metadata")


def test_a_lost_turn_without_a_name_forks_or_is_unknown(foundry: Emulator) -> None:
    """It cannot be told from others on a conversation, so nothing there is taken for it."""
    agent = foundry.create_agent("a")
    llm = ChatAzureAgent(
        model=agent.model, **foundry.connection(), name_turns=False, threads="conversation"
    )
    first = llm.invoke("My name is Ada.")
    thread = first.response_metadata["thread_id"]
    history: list[Any] = [HumanMessage("My name is Ada."), first, HumanMessage("What is my name?")]
    foundry.faults.add(Fault("lost", path="/responses"))
    second = llm.invoke(history)
    assert "Your name is Ada." == second.text
    assert thread != second.response_metadata["thread_id"]
    foundry.faults.add(Fault("lost", path="/responses"))
    with pytest.raises(TurnUnknownError):
        llm.invoke("And?", thread_id=thread, timeout=2.0)


# --- where --------------------------------------------------------------------------------------


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_an_endpoint_has_one_name_at_every_door(foundry: Emulator) -> None:
    """`endpoint`, `api_base`; both are fine if they agree. A served emulator is no other."""
    agent = foundry.create_agent("a", "Hello")
    known = foundry.connection()
    place = {"api_base": known["endpoint"]}
    for way in (known, known | place, place | {**known, "endpoint": None}):
        assert completion(agent.model, HI, **way).choices[0].message.content
    with pytest.raises(ConfigError, match="endpoint= and api_base= are the same and differ"):
        completion(agent.model, HI, **known | {"api_base": "https://elsewhere.example"})
    with foundry.serve() as served:
        clients: list[Any] = [
            AgentClient(agent.model, **served.connection()),
            ChatAzureAgent(model=agent.model, **served.connection()),
            AzureAgentLLM(agent.model, **served.connection()),
        ]
        for client in clients:
            with closing(client):
                assert _asked(client)


def _asked(client: Any) -> Any:
    if isinstance(client, AgentClient):
        return client.complete(TurnRequest((user("hi"),))).text
    return client.invoke("hi") if isinstance(client, ChatAzureAgent) else client.complete("hi")


# --- tools that v2 declares ---------------------------------------------------------------------


@tool
def add(a: int, b: str) -> str:
    """Add."""
    return f"{a}{b}"


def declared(**properties: Any) -> dict[str, Any]:
    """The declaration of `add`."""
    parameters = {"type": "object", "properties": properties}
    return {"type": "function", "name": "add", "parameters": parameters}


PARAMETERS = [
    (declared(a={"type": "integer"}), r"\['b'\] only in the application"),
    (
        declared(a={"type": "string"}, b={"type": "string"}, c={"type": "string"}),
        r"\['c'\] only in the agent; 'a' is integer in the application and string in the agent",
    ),
]


def bound(door: str, agent: CreatedAgent, foundry: Emulator) -> Callable[[], Any]:
    """A call with the tool `add`, through a door."""
    known = foundry.connection()
    if door == "langchain":
        llm = ChatAzureAgent(model=agent.model, **known).bind_tools([add])
        return lambda: llm.invoke("hi")
    if door == "llamaindex":
        function = FunctionTool.from_defaults(add.func, name="add")
        other = AzureAgentLLM(agent.model, **known)
        return lambda: other.chat_with_tools([function], "hi")
    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "add", "parameters": schema}}]
    return lambda: completion(agent.model, HI, tools=tools, **known)


@pytest.mark.parametrize("door", ["langchain", "llamaindex", "completion"])
@pytest.mark.parametrize(("declaration", "words"), PARAMETERS)
def test_other_parameters_are_told_once(
    foundry: Emulator, door: str, declaration: Any, words: str
) -> None:
    """Which ones differ; the call goes on, and the next says nothing."""
    agent = foundry.create_agent("a", "Hello", tools=[declaration])
    call = bound(door, agent, foundry)
    with pytest.warns(UserWarning, match=f"declares other parameters .*: {words}") as told:
        call()
    assert 1 == len(told)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call()


@pytest.mark.parametrize(
    "declaration",
    [
        declared(a={"type": "integer"}, b={"type": "string", "description": "Text."}),
        declared(a={}, b={"anyOf": [{"type": "string"}]}),
        {"type": "function", "name": "add", "parameters": {}},
    ],
)
def test_equal_parameters_are_not_told(foundry: Emulator, declaration: Any) -> None:
    """Descriptions do not matter, and a schema that says nothing allows everything."""
    agent = foundry.create_agent("a", "Hello", tools=[declaration])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bound("langchain", agent, foundry)()


ADVICE = {
    "langchain": "`llm.declare_tools",
    "llamaindex": "`llm.declare_tools",
    "completion": "`AgentClient",
}


@pytest.mark.parametrize("door", ADVICE)
def test_advice_is_in_the_words_of_the_door(foundry: Emulator, door: str) -> None:
    """And of a version that is too old it names the one to use."""
    agent = foundry.create_agent("a", "Hello")
    with pytest.raises(InvalidRequestError, match=f"Declare them with {ADVICE[door]}"):
        bound(door, agent, foundry)()
    old = ChatAzureAgent(model="a:1", **foundry.connection())
    assert "2" == old.declare_tools([add])
    with pytest.raises(
        InvalidRequestError, match="Version '2' declares them: pass model='a:2', or model='a'"
    ):
        old.bind_tools([add]).invoke("hi")
    assert ChatAzureAgent(model="a:2", **foundry.connection()).bind_tools([add]).invoke("hi")


def test_one_program_serves_both_generations(foundry: Emulator, generation: Any) -> None:
    """`declare_tools` makes a version of a v2 agent, and does nothing with a classic one."""
    agent = foundry.create_agent("a", ToolCalls(("add", {"a": 1, "b": "x"})), generation=generation)
    llm = ChatAzureAgent(model=agent.model.partition(":")[0], **foundry.connection())
    assert ("2" if generation == "v2" else "") == llm.declare_tools([add])
    answer: Any = llm.bind_tools([add]).invoke("hi")
    assert ["add"] == [call["name"] for call in answer.tool_calls]
