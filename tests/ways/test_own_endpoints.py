"""Hosted agents and published applications, called at the endpoints that name them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import AgentClient, completion
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    InvalidRequestError,
    ThreadBusyError,
    TurnUnknownError,
)
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .conftest import Ask
from .wire import Seen

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings" / "v2"
PROJECT = "https://x.services.ai.azure.com/api/projects/p"
FRANCE = "What is the size of France in square miles?"
HOSTED = f"{PROJECT}/agents/sanitized-hosted-agent-name/endpoint/protocols/openai"
PUBLISHED = f"{PROJECT}/applications/ForPublih/protocols/openai"


def recorded(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Request and response of the one turn of a recording."""
    if not RECORDINGS.exists():
        pytest.skip(f"no recordings at {RECORDINGS}")
    entry = json.loads((RECORDINGS / name).read_text())["entries"][0]
    return entry["request"], entry["response"]


@pytest.mark.parametrize("tail", ["", "/responses", "/v1/responses", "/", "?api-version={}"])
@pytest.mark.parametrize(
    ("name", "endpoint", "begins"),
    [
        ("hosted_agent_endpoint.json", HOSTED, "Echo: What is the size"),
        ("published_application.json", PUBLISHED, "France covers an approximate area"),
    ],
)
def test_recorded_turns(name: str, endpoint: str, begins: str, tail: str) -> None:
    """Path, version and answer as recorded, at each door; nothing is sent but what was said."""
    asked, told = recorded(name)
    seen = Seen(lambda _: httpx.Response(told["status"], json=told["body"]))
    tail = tail.format(asked["query"]["api-version"])
    known = {"endpoint": endpoint + tail, "api_key": "k", **seen.connection}
    session = asked["body"].get("agent_session_id")
    call = {"agent_session_id": session} if session else {}
    chat = [{"role": "user", "content": FRANCE}]
    answers: list[Any] = [
        ChatAzureAgent(**known).invoke(FRANCE, **call).content,
        AzureAgentLLM(**known).chat([ChatMessage(FRANCE)], **call).message.content,
        completion(messages=chat, **known, **call).choices[0].message.content,
    ]
    assert all(answer.startswith(begins) for answer in answers)
    for request in seen.requests:
        assert f"/api/projects/p{asked['path']}" == request.url.path
        assert asked["query"] == dict(request.url.params)
        body = json.loads(request.content)
        message = body.pop("input")[0]
        assert ("user", FRANCE) == (message["role"], message["content"])
        assert call == body
    assert 3 == len(seen.requests)


def test_the_session_is_told() -> None:
    """At each door, under the details of the answer."""
    _, told = recorded("hosted_agent_endpoint.json")
    seen = Seen(lambda _: httpx.Response(200, json=told["body"]))
    known = {"endpoint": HOSTED, "api_key": "k", **seen.connection}
    session = told["body"]["agent_session_id"]
    message: Any = ChatAzureAgent(**known).invoke("hi")
    raw: Any = AzureAgentLLM(**known).chat([ChatMessage("hi")]).raw
    answer = completion(messages=[{"role": "user", "content": "hi"}], **known)
    fields: Any = answer.choices[0].provider_specific_fields
    assert session == message.response_metadata["details"]["agent_session_id"]
    assert session == raw["details"]["agent_session_id"]
    assert session == fields["agent_session_id"]


# --- settings -----------------------------------------------------------------------------------

WRONG = [
    ({"model": "other"}, "disagree"),
    ({"model": "asst_1"}, "disagree"),
    ({"model": "my-agent:3"}, "names a version"),
    ({"threads": "conversation"}, "keeps conversations was never recorded"),
    ({"thread_id": "conv_1"}, "every call sends the whole history"),
    ({"agent_session_id": "a b"}, "is malformed"),
    ({"agent_session_id": 7}, "is malformed"),
]


@pytest.mark.parametrize(("given", "words"), WRONG)
def test_settings_that_do_not_fit_are_refused(given: dict[str, Any], words: str) -> None:
    """The endpoint names its agent, and what it cannot do is said."""
    endpoint = f"{PROJECT}/agents/my-agent/endpoint/protocols/openai"
    for door in (ChatAzureAgent, AzureAgentLLM, AgentClient):
        with pytest.raises(ConfigError, match=words):
            door(endpoint=endpoint, api_key="k", **given)
    with pytest.raises(ConfigError, match=words):
        completion(messages=[{"role": "user", "content": "x"}], api_base=endpoint, **given)


@pytest.mark.parametrize("endpoint", [PROJECT, PUBLISHED])
def test_sessions_are_for_agents_endpoints(endpoint: str) -> None:
    """In the constructor and per call."""
    model = "ForPublih"
    with pytest.raises(ConfigError, match="works at a hosted agent's own endpoint"):
        ChatAzureAgent(model=model, endpoint=endpoint, api_key="k", agent_session_id="s")
    with pytest.raises(ConfigError, match="works at a hosted agent's own endpoint"):
        ChatAzureAgent(model=model, endpoint=endpoint, api_key="k").invoke(
            "x", agent_session_id="s"
        )


@pytest.mark.parametrize(
    "path",
    [
        "/agents/a/endpoint/protocols/activityprotocol",
        "/agents/a b/endpoint/protocols/openai",
        "/agents/a/endpoint",
        "/agents/../endpoint/protocols/openai",
        "/applications//protocols/openai",
        "/agents/a/endpoint/protocols/openai/conversations",
        "/agents/a/endpoint/protocols/openai?api-version=v1&code=secret",
        "?api-version=v1",
    ],
)
def test_other_places_below_a_project_are_refused(path: str) -> None:
    """With the forms that there are."""
    with pytest.raises(ConfigError, match="endpoint"):
        ChatAzureAgent(model="a", endpoint=PROJECT + path, api_key="k")


def test_the_model_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the endpoint's agent, whatever agent the environment names for projects."""
    monkeypatch.setenv("AZURE_AI_AGENT", "another")
    for model in (None, "my-agent", "azure_ai/agents/my-agent"):
        endpoint = f"{PROJECT}/agents/my-agent/endpoint/protocols/openai/responses"
        llm = ChatAzureAgent(model=model, endpoint=endpoint, api_key="k")
        assert "my-agent" == llm.client.settings.agent.requested


# --- turns on the emulator ----------------------------------------------------------------------


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A project with a hosted agent and a published one."""
    with Emulator() as emulator:
        emulator.create_agent("hosted", definition={"kind": "hosted"})
        emulator.create_agent("prompt")
        emulator.publish("prompt", "app")
        yield emulator


@pytest.fixture(params=["hosted", "prompt", "app"])
def connection(request: pytest.FixtureRequest, foundry: Emulator) -> dict[str, Any]:
    """What reaches each kind of endpoint, and what goes there is seen."""
    published = f"{foundry.endpoint}/applications/app/protocols/openai"
    endpoint = published if request.param == "app" else foundry.endpoint_of(request.param)
    known = foundry.connection()
    return {**known, **Seen(**known).connection, "endpoint": endpoint}


def texts(foundry: Emulator) -> list[str]:
    """What the agent saw in its last turn."""
    return [f"{message.role}: {message.text}" for message in foundry.seen[-1].messages]


def test_every_way_to_ask(ask: Ask, connection: dict[str, Any], foundry: Emulator) -> None:
    """Sync, async, streamed and whole, at every door."""
    assert ask(connection, {})
    assert ["user: hi"] == texts(foundry)


def test_the_agent_sees_the_messages_of_the_call(
    connection: dict[str, Any], foundry: Emulator
) -> None:
    """All of them in one request, with every turn: nothing is kept that is not known to be."""
    llm = ChatAzureAgent(**connection)
    history: list[Any] = [SystemMessage("Be brief."), HumanMessage("one")]
    for text in ("two", "three"):
        history += [llm.invoke(history), HumanMessage(text)]
    llm.invoke(history)
    seen = connection["transport"].requests
    assert 3 == len(seen)
    assert not any("previous_response_id" in json.loads(one.content) for one in seen)
    expected = [f"{m.type}: {m.text}" for m in history]
    kinds = {"human": "user", "ai": "assistant", "system": "system"}
    expected = [f"{kinds[line.partition(':')[0]]}:{line.partition(':')[2]}" for line in expected]
    assert expected == texts(foundry)


ACTS: dict[str, Callable[[Any], Any]] = {
    "resume": lambda llm: list(llm.resume("resp_1")),
    "cancel": lambda llm: llm.client.cancel(response_id="resp_1"),
    "fork_thread": lambda llm: llm.client.fork_thread("conv_1"),
    "declare_tools": lambda llm: llm.declare_tools([]),
    "files": lambda llm: llm.client.files.list(),
    "vector_stores": lambda llm: llm.client.vector_stores.list(),
    "background": lambda llm: llm.invoke("hi", background=True),
    "thread_id": lambda llm: llm.invoke("hi", thread_id="caresp_1"),
    "conversation": lambda llm: llm.invoke("hi", thread_id="conv_1"),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_needs_a_project_is_said(act: str, connection: dict[str, Any]) -> None:
    """Before anything is sent, with the project's endpoint or another way."""
    with pytest.raises(AzureAgentsError, match="needs the endpoint of a project") as failed:
        ACTS[act](ChatAzureAgent(**connection))
    assert isinstance(failed.value, InvalidRequestError | ConfigError)
    assert [] == connection["transport"].requests


def test_a_hosted_agent_at_the_project_is_told_where_it_answers(foundry: Emulator) -> None:
    """The service's own sentence says nothing that helps."""
    with pytest.raises(BadRequestError, match="answers only at its own endpoint"):
        ChatAzureAgent(model="hosted", **foundry.connection()).invoke("hi")


def test_another_version_may_be_asked_for() -> None:
    """By the argument, or by the endpoint as it was copied."""
    seen = Seen(lambda _: httpx.Response(404, json={}))
    known: dict[str, Any] = {"api_key": "k", **seen.connection}
    for more in (
        {"endpoint": HOSTED, "api_version": "v2"},
        {"endpoint": f"{HOSTED}/responses?api-version=v2"},
        {"endpoint": f"{HOSTED}?api-version=v3", "api_version": "v2"},
    ):
        with pytest.raises(AzureAgentsError):
            ChatAzureAgent(**known, **more).invoke("hi")
        assert {"api-version": "v2"} == dict(seen.requests[-1].url.params)


# --- sessions -----------------------------------------------------------------------------------


@pytest.fixture
def session(foundry: Emulator) -> dict[str, Any]:
    """A hosted agent, and the session that its first answer began."""
    known = foundry.connection() | {"endpoint": foundry.endpoint_of("hosted")}
    first = ChatAzureAgent(**known).invoke("I am Ann.")
    id = first.response_metadata["details"]["agent_session_id"]
    return {**known, **Seen(**known).connection, "agent_session_id": id}


def test_a_session_is_memory_on_the_server(session: dict[str, Any], foundry: Emulator) -> None:
    """Only what follows the last answer goes there; the agent has the rest."""
    llm = ChatAzureAgent(**session)
    history = [HumanMessage("forgotten"), AIMessage("nobody looks"), HumanMessage("Who am I?")]
    llm.invoke(history)
    assert ["Who am I?"] == [m["content"] for m in sent(session)[-1]["input"]]
    assert "user: I am Ann." == texts(foundry)[0]
    assert "user: Who am I?" == texts(foundry)[-1]


def sent(session: dict[str, Any]) -> list[dict[str, Any]]:
    """The bodies of all requests."""
    return [json.loads(request.content) for request in session["transport"].requests]


def test_a_system_message_is_sent_when_it_is_new(session: dict[str, Any]) -> None:
    """As on a pinned conversation."""
    llm = ChatAzureAgent(**session)
    for text, roles in (("a", ["system", "user"]), ("a", ["user"]), ("b", ["system", "user"])):
        llm.invoke([SystemMessage(text), HumanMessage("hi")])
        assert roles == [item["role"] for item in sent(session)[-1]["input"]]


def test_a_session_per_call(ask: Ask, session: dict[str, Any], foundry: Emulator) -> None:
    """At every door, streamed or not."""
    id = session.pop("agent_session_id")
    assert ask(session, {"agent_session_id": id})
    assert ["user: I am Ann.", "user: hi"] == [
        line for line in texts(foundry) if line.startswith("user")
    ]


def test_nothing_new_for_a_session_is_an_error(session: dict[str, Any]) -> None:
    """It holds everything up to the last answer."""
    with pytest.raises(InvalidRequestError, match="nothing to send"):
        ChatAzureAgent(**session).invoke([HumanMessage("a"), AIMessage("b")])


def test_a_forgotten_session_is_an_error(session: dict[str, Any], foundry: Emulator) -> None:
    """As an unknown pin is: what it held is not in the call."""
    foundry.forget(session["agent_session_id"])
    with pytest.raises(AzureAgentsError, match=r"Session .* not found"):
        ChatAzureAgent(**session).invoke("hi")
    assert 1 == len(sent(session))


@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("kind", ["lost", "status_after"])
def test_a_turn_that_was_lost_is_never_sent_twice(
    session: dict[str, Any], foundry: Emulator, way: str, kind: str
) -> None:
    """A session cannot be looked into: the error says so, with the ids that are known."""
    foundry.faults.add(Fault(kind, path=".*/responses"))
    llm = ChatAzureAgent(**session)
    with pytest.raises(TurnUnknownError, match="cannot be looked up"):
        llm.invoke("hi") if way == "invoke" else list(llm.stream("hi"))
    assert 1 == len(sent(session))


def test_a_turn_that_was_not_taken_is_sent_again(
    session: dict[str, Any], foundry: Emulator
) -> None:
    """A 429 changed nothing."""
    foundry.faults.add(Fault("status_before", status=429, path=".*/responses"))
    assert ChatAzureAgent(**session).invoke("hi").content
    assert 2 == len(sent(session))


def test_a_busy_session_is_waited_for_and_told() -> None:
    """One turn at a time; how the service says so was not recorded, a 409 is a guess."""
    seen = Seen(lambda _: httpx.Response(409, json={"error": {"code": "conflict", "message": "-"}}))
    known: dict[str, Any] = {"endpoint": HOSTED, "api_key": "k", "timeout": 1.0}
    llm = ChatAzureAgent(**known, agent_session_id="s", **seen.connection)
    with pytest.raises(ThreadBusyError, match="another turn is active in the session 's'"):
        llm.invoke("hi")
    assert 1 < len(seen.requests)
