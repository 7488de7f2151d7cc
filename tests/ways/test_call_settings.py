"""`timeout`, `extra_headers`, `user_identity` and the image deployment: per call, and for all."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import httpx
import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import AgentClient, completion
from azure_agents.client.pair import ClientPair, recent_pair
from azure_agents.completions.arguments import read_call
from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError, DeadlineError, ServiceError
from azure_agents.messages import TurnRequest, user
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .conftest import Ask
from .wire import Seen

ENDPOINT = "https://x.services.ai.azure.com/api/projects/p"
GIVEN = {
    "user_identity": "3f2c0000-0000-4000-8000-00000000beef",
    "extra_headers": {"X-Team": "blue-canary", "Ocp-Apim-Subscription-Key": "key-canary"},
    "image_generation_deployment": "gpt-image-1-mini",
}
SENT = {
    "x-ms-user-identity": "3f2c0000-0000-4000-8000-00000000beef",
    "x-team": "blue-canary",
    "ocp-apim-subscription-key": "key-canary",
    "x-ms-oai-image-generation-deployment": "gpt-image-1-mini",
}
CANARIES = ("beef", "blue-canary", "key-canary")


@pytest.fixture(params=["my-agent", "asst"])
def connection(request: pytest.FixtureRequest) -> Any:
    """An agent of either generation, what reaches it being seen."""
    with Emulator() as foundry:
        generation = "v2" if request.param == "my-agent" else "classic"
        agent = foundry.create_agent("my-agent", "Hello", generation=generation)
        known = foundry.connection()
        yield {**known, "model": agent.model, **Seen(**known).connection}


def headers_of(connection: dict[str, Any]) -> list[dict[str, str]]:
    """Those of `SENT` that each request had."""
    found = connection["transport"].requests
    return [{n: r.headers[n] for n in SENT if n in r.headers} for r in found]


def test_headers_go_with_every_request(ask: Ask, connection: dict[str, Any]) -> None:
    """Given in the constructor or with the call, at every door."""
    assert "Hello" == ask(connection, GIVEN)
    sent = headers_of(connection)
    assert sent
    assert all(found == SENT for found in sent)
    before = len(sent)
    red = {"x-team": "red", "ocp-apim-subscription-key": "key-canary"}
    assert "Hello" == ask(connection | GIVEN, {"extra_headers": red})
    assert all(found == SENT | {"x-team": "red"} for found in headers_of(connection)[before:])
    assert "Hello" == ask(connection, {"extra_headers": {}, "user_identity": None})


REFUSED = [
    ({"extra_headers": {"Authorization": "Bearer secret-canary"}}, "pass credential="),
    ({"extra_headers": {"API-key": "secret-canary"}}, "pass api_key="),
    ({"extra_headers": {"X-Api-Key": "secret-canary"}}, "pass api_key="),
    ({"extra_headers": {"Cookie": "secret-canary"}}, "cookies are never sent"),
    ({"extra_headers": {"host": "secret-canary"}}, "pass endpoint="),
    ({"extra_headers": {"X-MS-User-Identity": "secret-canary"}}, "pass user_identity="),
    (
        {"extra_headers": {"x-ms-oai-image-generation-deployment": "secret-canary"}},
        "pass image_generation_deployment=",
    ),
    ({"extra_headers": {"Content-Type": "secret-canary"}}, "which the client sets itself"),
    ({"extra_headers": {"transfer-encoding": "secret-canary"}}, "which the client sets itself"),
    ({"extra_headers": {"a\r\nb": "c"}}, "is no name of a header"),
    ({"extra_headers": {"x-a": "secret-canary\r\nhost: evil"}}, "visible ASCII"),
    ({"extra_headers": {"x-a": b"secret-canary"}}, "got bytes"),
    ({"extra_headers": [("x-a", "b")]}, "must be a dictionary"),
    ({"extra_headers": {"X-A": "1", "x-a": "2"}}, "in two spellings"),
    ({"user_identity": "secret-canary\n"}, "visible ASCII"),
    ({"user_identity": ""}, "visible ASCII"),
    ({"user_identity": 7}, "got int"),
    ({"image_generation_deployment": "a b\n"}, "name of a deployment"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
@pytest.mark.parametrize("place", ["call", "constructor"])
def test_what_the_caller_cannot_set_is_refused(
    given: dict[str, Any], words: str, place: str
) -> None:
    """Before anything is sent, naming the argument that does it, and never the value."""
    known = {"model": "a", "endpoint": ENDPOINT, "api_key": "k"}

    def langchain() -> None:
        if place == "constructor":
            ChatAzureAgent(**known, **given)
        else:
            ChatAzureAgent(**known).invoke("hi", **given)

    def llamaindex() -> None:
        if place == "constructor":
            AzureAgentLLM(**known, **given)
        else:
            AzureAgentLLM(**known).chat([ChatMessage("hi")], **given)

    def litellm() -> None:
        completion(messages=[{"role": "user", "content": "hi"}], **known, **given)

    for door in (langchain, llamaindex, litellm):
        with pytest.raises(ConfigError, match=words) as failed:
            door()
        assert "secret-canary" not in str(failed.value)


@pytest.mark.slow
def test_a_call_has_a_timeout_of_its_own(ask: Ask) -> None:
    """At every door, and for that call alone."""

    def slow(_: httpx.Request) -> httpx.Response:
        time.sleep(0.8)
        return httpx.Response(200, json={})

    seen = Seen(slow)
    known = {"model": "a", "endpoint": ENDPOINT, "api_key": "k", **seen.connection}
    with pytest.raises(DeadlineError, match=r"timeout=0\.6 seconds"):
        ask(known, {"timeout": 0.6})
    assert 1 == len(seen.requests)


@pytest.mark.parametrize("model", ["my-agent", "asst_1"])
def test_every_door_allows_ten_minutes(model: str) -> None:
    """Recorded ordinary turns took up to 266 seconds."""
    known = {"model": model, "endpoint": ENDPOINT, "api_key": "k"}
    messages = [{"role": "user", "content": "hi"}]
    call = read_call(model, messages, stream=False, arguments={"api_base": ENDPOINT})
    llm = ChatAzureAgent(**known)
    all_timeouts = [
        llm.client.settings.timeouts,
        AzureAgentLLM(**known).client.settings.timeouts,
        AgentClient(**known).settings.timeouts,
        call.settings.timeouts,
    ]
    assert [(600.0, 600.0, 60.0)] * 4 == [(t.turn, t.read, t.busy) for t in all_timeouts]
    assert 1 == len(set(all_timeouts))


def test_headers_do_not_follow_a_redirect(ask: Ask) -> None:
    """To another origin or another path: the error says where it led, and nothing is sent there."""
    seen = Seen(lambda _: httpx.Response(307, headers={"location": "https://elsewhere.example/x"}))
    known = {"model": "a", "endpoint": ENDPOINT, "api_key": "k", **seen.connection}
    with pytest.raises(ServiceError, match="redirects are never followed"):
        ask(known, GIVEN)
    assert {"x.services.ai.azure.com"} == {request.url.host for request in seen.requests}


def test_nothing_shows_them(connection: dict[str, Any]) -> None:
    """Neither objects, nor dumps, traces, pickles and requests."""
    llm, told = ChatAzureAgent(**connection, **GIVEN), Tracer()
    other = AzureAgentLLM(**connection, **GIVEN)
    request = TurnRequest((user("hi"),), options=dict(GIVEN))
    plain = ChatAzureAgent(**connection)
    plain.invoke("hi", config={"callbacks": [told]}, **GIVEN)
    plain.generate([[HumanMessage("hi")]], callbacks=[told], **GIVEN)
    shown = [
        repr(llm),
        str(llm.model_dump()),
        json.dumps(dict(llm._identifying_params), default=str),
        repr(llm.bind(**GIVEN)),
        repr(plain.bind(**GIVEN)),
        repr(other),
        str(other.model_dump()),
        other.to_json(),
        repr(request),
        repr(llm.client.settings),
        str(told.seen),
    ]
    for text in shown:
        assert [] == [canary for canary in CANARIES if canary in text]
    portable = _portable(connection)
    for kept in (ChatAzureAgent(**portable, **GIVEN), AzureAgentLLM(**portable, **GIVEN), request):
        assert [] == [c for c in CANARIES if c.encode() in pickle.dumps(kept)]


def _portable(connection: dict[str, Any]) -> dict[str, Any]:
    return {n: connection[n] for n in ("model", "endpoint")} | {"api_key": "k"}


class Tracer(BaseCallbackHandler):
    """Keeps whatever LangChain tells its tracers."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        """Keep it."""
        self.seen += [args, kwargs]


def test_what_a_pickle_left_behind_must_be_given_again(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody's name is not another's: the call is refused until the user is named again."""
    portable = _portable(connection)
    monkeypatch.setenv("AZURE_AI_API_KEY", "k")
    llm = pickle.loads(pickle.dumps(ChatAzureAgent(**portable, **GIVEN)))  # noqa: S301 - ours
    other = pickle.loads(pickle.dumps(AzureAgentLLM(**portable, **GIVEN)))  # noqa: S301 - ours
    for call in (lambda: llm.invoke("hi"), lambda: other.chat([ChatMessage("hi")])):
        with pytest.raises(ConfigError, match=r"was left behind: pass .* again"):
            call()
    again = {n: GIVEN[n] for n in ("user_identity", "extra_headers")}
    llm.transport, llm.credential = connection["transport"], connection["credential"]
    assert "Hello" == llm.invoke("hi", **again).content
    assert SENT == headers_of(connection)[-1]


def test_langchains_cache_tells_users_apart(connection: dict[str, Any]) -> None:
    """By the constructor's and by the call's; equal ones share an answer."""
    cache = InMemoryCache()

    def asked(settings: Any, call: Any) -> int:
        before = len(connection["transport"].requests)
        ChatAzureAgent(**connection, cache=cache, **settings).invoke("hi", **call)
        return len(connection["transport"].requests) - before

    for differing in (
        {"user_identity": "one"},
        {"user_identity": "two"},
        {"extra_headers": {"x-a": "1"}},
        {"extra_headers": {"x-a": "2"}},
    ):
        assert asked(differing, {}) > 0
        assert asked({}, differing) > 0
        assert asked(differing, {}) == asked({}, differing) == 0
    assert asked({"image_generation_deployment": "d"}, {}) > 0
    assert not any("x-a" in str(key) for key in cache._cache)


def test_users_are_owners_of_their_own(connection: dict[str, Any]) -> None:
    """A text-only history of one is not found for another, with the same `owner`."""
    history = [HumanMessage("hi"), AIMessage("Hello"), HumanMessage("and?")]
    seen = connection["transport"]
    llm = ChatAzureAgent(**connection, owner="team")
    llm.invoke("hi", user_identity="ann")
    bodies = []
    for user_id in ("bob", "ann"):
        llm.invoke(history, user_identity=user_id)
        bodies.append(seen.requests[-1].content.decode())
    assert "Hello" in bodies[0]
    assert "Hello" not in bodies[1]


def test_a_hundred_owners_share_a_client() -> None:
    """Owners, users, headers and timeouts belong to the call; a client keeps its connections."""
    known = {"api_base": ENDPOINT, "api_key": "k"}
    calls: list[dict[str, Any]] = [{"owner": f"user {n}"} for n in range(100)]
    calls += [{"timeout": n} for n in (None, 1, 2.5)]
    calls += [{"user_identity": f"user-{n}"} for n in range(3)]
    calls += [{"extra_headers": {"x-a": f"{n}"}} for n in range(3)]

    def pair(more: dict[str, Any]) -> ClientPair:
        messages = [{"role": "user", "content": "hi"}]
        call = read_call("my-agent", messages, stream=False, arguments=known | more)
        return recent_pair(call.settings, call.sign_in, **call.seams)

    pairs = [pair(more) for more in calls]
    assert (1, 1) == (len({id(one.sync()) for one in pairs}), len({id(one.aio()) for one in pairs}))
