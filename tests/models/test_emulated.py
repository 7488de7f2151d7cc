"""`completion` against deployments of the emulator: both surfaces, sync and async, streamed too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents import acompletion, completion
from azure_agents.emulator import (
    Delayed,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    ToolCalls,
)
from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    BadRequestError,
    ContentFilteredError,
    RateLimitError,
    StreamInterruptedError,
)

HELLO = [{"role": "user", "content": "Hello"}]
SURFACES = [None, "2024-10-21"]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


def ask(foundry: Emulator, way: str, model: str = "azure/dep", **more: Any) -> Any:
    """One call: sync or async, whole or streamed; a stream comes back as the list of its chunks."""
    given = {"messages": HELLO, **foundry.deployment_connection(), **more}
    streams = way.endswith("stream")
    if way.startswith("sync"):
        answer: Any = completion(model, stream=streams, **given)
        return list(answer) if streams else answer

    async def run() -> Any:
        answer: Any = await acompletion(model, stream=streams, **given)
        return [chunk async for chunk in answer] if streams else answer

    return asyncio.run(run())


WAYS = ["sync", "sync stream", "async", "async stream"]


def text_of(answer: Any) -> str:
    """What an answer says, whole or in chunks."""
    if isinstance(answer, list):
        return "".join(chunk.choices[0].delta.get("content") or "" for chunk in answer)
    return str(answer.choices[0].message.content)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_deployment_answers(foundry: Emulator, way: str, version: str | None) -> None:
    """On either surface, whichever way it is asked."""
    foundry.deploy("dep", "Grüße aus Köln!")
    assert "Grüße aus Köln!" == text_of(ask(foundry, way, api_version=version))
    assert HELLO[0]["content"] == foundry.seen[-1].last_user_text
    place = "v1" if version is None else "deployments/dep"
    assert f"/openai/{place}/chat/completions" == foundry.requests[-1].path


@pytest.mark.parametrize("way", WAYS)
def test_a_token_asks_a_deployment(foundry: Emulator, way: str) -> None:
    """The client asks for a token of the audience that the resource takes."""
    foundry.deploy("dep", "hi")
    is_async = way.startswith("async")
    credential = foundry.async_credential if is_async else foundry.credential
    assert "hi" == text_of(ask(foundry, way, api_key=None, credential=credential))
    assert [("https://cognitiveservices.azure.com/.default",)] == foundry.token_scopes


@pytest.mark.parametrize("way", WAYS)
def test_a_conversation_with_tools_comes_to_an_answer(foundry: Emulator, way: str) -> None:
    """Calls go up again with their results, as the service demands."""
    foundry.deploy("dep", [ToolCalls(("get_weather", {"city": "Paris"}, "call_1")), "It is mild."])
    answer = ask(foundry, way, tools=TOOLS)
    if isinstance(answer, list):
        calls = [one for chunk in answer for one in chunk.choices[0].delta.get("tool_calls") or ()]
        arguments = "".join(one["function"]["arguments"] for one in calls)
        called = {"name": "get_weather", "arguments": arguments}
        message: Any = {
            "role": "assistant",
            "tool_calls": [{"id": "call_1", "type": "function", "function": called}],
        }
    else:
        message = answer.choices[0].message
    result = {"role": "tool", "tool_call_id": "call_1", "content": "18 C"}
    final = ask(foundry, way, messages=[*HELLO, message, result], tools=TOOLS)
    assert "It is mild." == text_of(final)
    assert '{"city":"Paris"}' == foundry.seen[-1].messages[1].tool_calls[0].arguments


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Failed("content_filter"), ContentFilteredError),
        (Failed("rate_limit_exceeded"), RateLimitError),
        (Failed("server_error"), AzureAgentsError),
    ],
)
def test_failures_are_typed(foundry: Emulator, way: str, reply: Any, kind: type[Exception]) -> None:
    """The same error, streamed or not."""
    foundry.deploy("dep", reply)
    with pytest.raises(kind):
        ask(foundry, way, max_retries=0)


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_key_and_a_missing_deployment_are_typed(foundry: Emulator, way: str) -> None:
    """The second one has no content type, and its words are read all the same."""
    foundry.deploy("dep", "hi")
    with pytest.raises(AuthenticationError, match="a key must be of the resource") as refused:
        ask(foundry, way, api_key="wrong")
    with pytest.raises(AzureAgentsError, match="deployment for this resource does not exist"):
        ask(foundry, way, "azure/none")
    assert ("azure/dep", None) == (refused.value.model, refused.value.agent)
    assert "model=azure/dep" in str(refused.value)


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_is_waited_for(foundry: Emulator, way: str) -> None:
    """As long as the service asks, on the emulator's clock."""
    foundry.deploy("dep", "hi", rpm=1)
    begun = foundry.clock.time()
    assert ["hi", "hi"] == [text_of(ask(foundry, way)) for _ in range(2)]
    assert 60 <= foundry.clock.time() - begun
    assert [200, 429, 200] == [request.status for request in foundry.requests]


def test_limits_are_told_beside_the_answer(foundry: Emulator) -> None:
    """A router reads them there."""
    foundry.deploy("dep", "hi", rpm=10, tpm=1000)
    headers = ask(foundry, "sync")._hidden_params["headers"]
    assert "9" == headers["x-ratelimit-remaining-requests"]
    assert "1000" == headers["x-ratelimit-limit-tokens"]


@pytest.mark.parametrize("way", WAYS)
def test_a_reasoning_model_is_asked_in_its_words(foundry: Emulator, way: str) -> None:
    """`max_tokens` goes up under the name that the service takes."""
    foundry.deploy("o3-mini", "hi", model="o3-mini-2025-01-31")
    foundry.deploy("gpt-5", "hi", model="gpt-5-2025-08-07")
    for name in ("o3-mini", "gpt-5"):
        assert "hi" == text_of(ask(foundry, way, f"azure/{name}", max_tokens=20))


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_parameter_is_an_error_or_left_out(foundry: Emulator, way: str) -> None:
    """Once more without it where the caller allows that, aloud."""
    foundry.deploy("gpt-5", "hi", model="gpt-5-2025-08-07")
    with pytest.raises(BadRequestError, match="temperature"):
        ask(foundry, way, "azure/gpt-5", temperature=0.2)
    with pytest.warns(UserWarning, match="temperature dropped"):
        answer = ask(foundry, way, "azure/gpt-5", temperature=0.2, drop_params=True)
    assert "hi" == text_of(answer)


@pytest.mark.parametrize("way", WAYS)
def test_faults_before_the_answer_are_survived(foundry: Emulator, way: str) -> None:
    """A lost connection, a server error, a throttled call."""
    foundry.deploy("dep", "hi")
    foundry.faults.add(Fault("reset_before"), Fault("status_before", status=500, nth=2))
    foundry.faults.plan("throttled", nth=3)
    assert "hi" == text_of(ask(foundry, way, max_retries=3))
    assert 4 == len(foundry.requests)


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_stream_that_is_cut_keeps_what_came(foundry: Emulator, way: str) -> None:
    """The text so far is in the error."""
    foundry.deploy("dep", "one two three four")
    foundry.faults.add(Fault("cut", after_events=4))
    with pytest.raises(StreamInterruptedError) as caught:
        ask(foundry, way)
    assert "one two" == caught.value.partial_text


def test_a_filtered_answer_is_an_answer(foundry: Emulator) -> None:
    """It says so in its finish, and has no content."""
    foundry.deploy("dep", Incomplete("content_filter"))
    choice = ask(foundry, "sync").choices[0]
    assert ("content_filter", False) == (choice.finish_reason, "content" in choice.message)


def test_a_slow_deployment_takes_time_on_the_clock(foundry: Emulator) -> None:
    """A test of a timeout waits for nothing."""
    foundry.deploy("dep", Delayed(30, "late"))
    begun = foundry.clock.time()
    assert "late" == text_of(ask(foundry, "sync"))
    assert 30 <= foundry.clock.time() - begun < 31


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("streams", [False, True])
def test_a_served_deployment_answers_over_the_socket(foundry: Emulator, *, streams: bool) -> None:
    """For gateways and programs in other processes; a wrong key is refused there too."""
    foundry.deploy("dep", "hi")
    with foundry.serve(strict_auth=True) as served:
        given = served.deployment_connection()
        answer: Any = completion("azure/dep", HELLO, stream=streams, **given)
        assert "hi" == text_of(list(answer) if streams else answer)
        with pytest.raises(AuthenticationError):
            completion("azure/dep", HELLO, **{**given, "api_key": "wrong"})
