"""What is known to go wrong with Foundry agents behind LiteLLM does not go wrong here.

The list is from a trial of LiteLLM 1.106 and 1.109 against a fake of the service.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from azure_agents import acompletion, completion
from azure_agents.emulator import (
    Citation,
    Delayed,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    Parts,
    Pause,
    RealClock,
    Text,
    ToolCalls,
)
from azure_agents.errors import (
    AzureAgentsError,
    ConfigError,
    InvalidRequestError,
    RateLimitError,
    RunFailedError,
    StreamInterruptedError,
    TimedOutError,
)

from .conftest import TOOL

SAID = "Berlin is big. It rains."
CITED = Text(SAID, citations=[Citation("url", 0, 14, url="https://x.example", title="X")])


def user(text: str) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": text}


def seen(foundry: Emulator) -> list[str]:
    """The texts of the last transcript."""
    return [message.text for message in foundry.seen[-1].messages]


def ask(**arguments: Any) -> Any:
    """The whole answer of a plain sync call."""
    return completion(**arguments)


def ask_async(**arguments: Any) -> Any:
    """The whole answer of a plain async call."""
    return asyncio.run(acompletion(**arguments))


def ask_streamed(**arguments: Any) -> Any:
    """The whole answer of a sync stream."""
    with completion(stream=True, **arguments) as stream:
        for _ in stream:
            pass
    return stream.response


def ask_streamed_async(**arguments: Any) -> Any:
    """The whole answer of an async stream."""

    async def ask() -> Any:
        async with await acompletion(stream=True, **arguments) as stream:
            async for _ in stream:
                pass
        return stream.response

    return asyncio.run(ask())


WAYS = (ask, ask_async, ask_streamed, ask_streamed_async)
ways = pytest.mark.parametrize("way", WAYS)


@ways
def test_only_new_messages_travel_on_a_given_thread(
    agent: Any, foundry: Emulator, way: Any
) -> None:
    """A growing history on a pinned thread is not posted again: 1, 3, 5 messages, none twice."""
    connection = agent()
    messages = [user("one")]
    response = way(messages=messages, **connection)
    thread = response.thread_id
    for text in ("two", "three"):
        answer = response.choices[0].message.content
        messages += [{"role": "assistant", "content": answer}, user(text)]
        response = way(messages=messages, thread_id=thread, **connection)
    assert thread == response.thread_id
    assert [
        "one",
        "You said: one (turn 1)",
        "two",
        "You said: two (turn 2)",
        "three",
    ] == seen(foundry)


@ways
def test_assistant_turns_of_the_past_are_kept(agent: Any, foundry: Emulator, way: Any) -> None:
    """A history of plain texts arrives whole, in one request, without any thread."""
    history = [user("one"), {"role": "assistant", "content": "eins"}, user("two")]
    response = way(messages=history, **agent())
    assert ["one", "eins", "two"] == seen(foundry)
    assert 1 == len(foundry.requests)
    assert response.thread_id.startswith(("resp_", "thread_"))


@ways
def test_an_answer_appended_as_it_is_continues_on_the_server(
    agent: Any, foundry: Emulator, way: Any
) -> None:
    """The message knows its place: the next call sends the new message alone."""
    connection = agent()
    messages: list[Any] = [user("one")]
    first = way(messages=messages, **connection)
    messages += [first.choices[0].message, user("two")]
    second = way(messages=messages, **connection)
    sent = str(foundry.requests[-1].body)
    assert (True, False) == ("two" in sent, "You said: one" in sent)
    assert first.thread_id == second.thread_id
    messages += [second.choices[0].message.model_dump(), user("three")]
    way(messages=messages, **connection)
    texts = ["one", "You said: one (turn 1)", "two", "You said: two (turn 2)", "three"]
    assert texts == seen(foundry)


def test_a_pinned_turn_in_between_is_not_mixed_in(agent: Any, foundry: Emulator) -> None:
    """Who goes on with a message from before a pinned turn gets the history that was given."""
    connection = agent()
    first = completion(messages=[user("one")], **connection)
    completion(messages=[user("aside")], thread_id=first.thread_id, **connection)
    completion(messages=[user("one"), first.choices[0].message, user("two")], **connection)
    assert ["one", "You said: one (turn 1)", "two"] == seen(foundry)


@ways
def test_usage_is_what_the_service_counted(agent: Any, foundry: Emulator, way: Any) -> None:
    """Never an estimate."""
    usage = way(messages=[user("hi")], **agent("Hello you")).usage
    counted = foundry.seen[-1].usage
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    told = [counted.get(name, counted.get(_v2_name(name))) for name in names]  # type: ignore[union-attr]
    assert told == [usage[name] for name in names]


def _v2_name(name: str) -> str:
    return name.replace("prompt", "input").replace("completion", "output")


def test_a_stream_ends_with_the_usage_if_asked(agent: Any) -> None:
    """The last chunk has the usage and no choice."""
    connection = agent("Hello")
    options = {"stream_options": {"include_usage": True}}
    chunks = list(completion(messages=[user("hi")], stream=True, **options, **connection))
    assert [] == chunks[-1].choices
    assert chunks[-1].usage is not None
    assert {None} == {chunk.usage for chunk in chunks[:-1]}
    chunks = list(completion(messages=[user("hi")], stream=True, **connection))
    assert {None} == {chunk.usage for chunk in chunks}


@ways
@pytest.mark.parametrize(
    ("code", "error"),
    [("server_error", RunFailedError), ("rate_limit_exceeded", RateLimitError)],
)
def test_a_failed_turn_is_an_error(agent: Any, way: Any, code: str, error: Any) -> None:
    """It is never an answer that looks finished, and the code is kept."""
    with pytest.raises(error) as failed:
        way(messages=[user("hi")], max_retries=0, **agent(Failed(code, text="Partly")))
    assert code == failed.value.code


@ways
def test_required_action_becomes_tool_calls(
    agent: Any, declared: Any, way: Any, foundry: Emulator
) -> None:
    """Nobody polls until the run expires: both calls come back at once, with their arguments."""
    calls = ToolCalls(("get_weather", {"city": "Rome"}), ("get_weather", {"city": "Oslo"}))
    response = way(messages=[user("Weather?")], tools=[TOOL], **agent(calls, tools=[declared]))
    assert "tool_calls" == response.choices[0].finish_reason
    arguments = [c.function.arguments for c in response.choices[0].message.tool_calls]
    assert ['{"city":"Rome"}', '{"city":"Oslo"}'] == arguments
    assert [] == [r for r in foundry.requests if r.method == "GET" and "/runs/" in r.path]


@ways
def test_a_pinned_tool_round_goes_on(
    agent: Any, declared: Any, way: Any, foundry: Emulator
) -> None:
    """Results go to the calls that wait on the thread, from a caller who keeps plain texts."""
    call = ToolCalls(("get_weather", {"city": "Rome"}, "call_1"))
    connection = agent([call, "Sunny."], tools=[declared])
    first = way(messages=[user("Weather?")], **connection)
    messages = [
        user("Weather?"),
        {
            "role": "assistant",
            "content": None,
            "tool_calls": first.choices[0].message.model_dump()["tool_calls"],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "sun"},
    ]
    second = way(messages=messages, thread_id=first.thread_id, **connection)
    assert "Sunny." == second.choices[0].message.content
    assert ["Weather?", "", "sun"] == seen(foundry)


@pytest.mark.parametrize("way", [ask_streamed, ask_streamed_async])
def test_an_error_event_raises(agent: Any, way: Any) -> None:
    """A turn that fails in the middle of its stream raises there, with what was said."""
    with pytest.raises(AzureAgentsError):
        way(messages=[user("hi")], max_retries=0, **agent(Failed(text="So far")))


@pytest.mark.parametrize("way", [ask_streamed, ask_streamed_async])
def test_a_cut_stream_is_completed_or_raises(agent: Any, foundry: Emulator, way: Any) -> None:
    """A connection that closes early never passes for the end of the answer."""
    connection = agent("One two three four five six")
    foundry.faults.add(Fault("cut", method="POST", after_events=6, mode="eof"))
    response = way(messages=[user("hi")], **connection)
    assert "One two three four five six" == response.choices[0].message.content
    foundry.faults.add(Fault("cut", after_events=6, times=None, finishes=False))
    with pytest.raises(AzureAgentsError):
        way(messages=[user("hi")], max_retries=0, **connection)


@ways
def test_the_timeout_is_kept(way: Any, generation: str) -> None:
    """A quarter of a second is a quarter of a second, on a clock that really runs."""
    with Emulator(clock=RealClock()) as foundry:
        made = foundry.create_agent("my-agent", Delayed(30, "late"), generation=generation)  # type: ignore[arg-type]
        connection = foundry.connection()
        api_base = connection.pop("endpoint")
        start = time.monotonic()
        with pytest.raises(TimedOutError):
            way(
                model=made.model,
                messages=[user("hi")],
                timeout=0.25,
                api_base=api_base,
                **connection,
            )
    assert time.monotonic() - start < 15


def test_a_cancelled_call_cancels_the_run(foundry: Emulator) -> None:
    """A task that is cancelled leaves no run behind that locks the thread."""
    made = foundry.create_agent("my-agent", Parts("a", Pause(1e6), "b"), generation="classic")
    connection = foundry.connection()

    async def main() -> None:
        stream = await acompletion(
            made.model,
            [user("hi")],
            stream=True,
            api_base=connection["endpoint"],
            credential=connection["credential"],
            async_transport=connection["async_transport"],
        )
        await anext(stream)
        await stream.aclose()

    asyncio.run(main())
    assert [f"{foundry.requests[-1].path}"] == [
        path for r in foundry.requests if (path := r.path).endswith("/cancel")
    ]


def test_closing_a_sync_stream_cancels_the_run(foundry: Emulator) -> None:
    """As does leaving the ``with`` block of a sync one; no chunk comes afterwards."""
    made = foundry.create_agent("my-agent", "a b c d", generation="classic")
    connection = foundry.connection()
    api_base = connection.pop("endpoint")
    with completion(made.model, [user("hi")], stream=True, api_base=api_base, **connection) as s:
        next(s)
    assert [] == list(s)
    assert foundry.requests[-1].path.endswith("/cancel")
    assert None is s.response


@ways
def test_citations_are_kept(agent: Any, way: Any) -> None:
    """In OpenAI's form, with indices into the whole content."""
    response = way(messages=[user("hi")], **agent(Parts("Listen. ", CITED)))
    message = response.choices[0].message
    (annotation,) = message.annotations
    assert "url_citation" == annotation["type"]
    facts = annotation.url_citation
    assert ("https://x.example", "X") == (facts.url, facts.title)
    assert "Berlin is big." == message.content[facts.start_index : facts.end_index]


@ways
def test_an_answer_of_several_parts_comes_whole(agent: Any, way: Any) -> None:
    """Not only the first text part."""
    response = way(messages=[user("hi")], **agent(Parts("part one, ", "part two")))
    assert "part one, part two" == response.choices[0].message.content


def test_an_empty_answer_is_no_older_one(agent: Any) -> None:
    """A run that says nothing gives an empty message, not what was said before."""
    connection = agent(["OLD ANSWER", Parts()])
    first = completion(messages=[user("one")], **connection)
    second = completion(messages=[user("two")], thread_id=first.thread_id, **connection)
    assert "" == second.choices[0].message.content


@ways
@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
def test_an_incomplete_answer_says_so(agent: Any, way: Any, reason: str, finish: str) -> None:
    """Not everything ends with "stop"."""
    choice = way(messages=[user("hi")], **agent(Incomplete(reason, "Half"))).choices[0]
    assert finish == choice.finish_reason
    assert "Half" == choice.message.content
    assert choice.provider_specific_fields["incomplete_reason"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"seed": 1}, "no argument 'seed'"),
        ({"drop_params": True, "azure_pasword": "x"}, "no argument 'azure_pasword'"),
        ({"drop_params": True, "tools": [1]}, "takes function tools"),
        ({"logprobs": True}, "'logprobs' is no option"),
        ({"n": 2}, "n=2"),
        ({"functions": []}, "replaced by tools="),
        ({"reasoning_effort": "low"}, "reasoning_effort='low'"),
        ({"extra_body": {"agent_reference": {}}}, "no argument 'agent_reference'"),
        ({"extra_body": {"thread_id": "x"}}, "no argument 'thread_id'"),
        ({"stream_options": {"include_usage": True}}, "with stream=True"),
        ({"stop": 1}, "stop must be"),
        ({"instructions": 1}, "instructions must be"),
        ({"metadata": {"a": 1}}, "metadata must map strings"),
        ({"thread_id": "x_1"}, "thread_id 'x_1' has an unknown form"),
    ],
)
def test_nothing_is_ignored(agent: Any, foundry: Emulator, arguments: Any, words: str) -> None:
    """What an agent does not take is an error before anything is sent."""
    with pytest.raises(InvalidRequestError) as failed:
        completion(messages=[user("hi")], **arguments, **agent("Hello"))
    assert words in str(failed.value)
    assert [] == foundry.requests


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("azure_ai/my-agents/foo", "does not allow"),
        ("azure-agents/foo", "no prefix"),
        ("azure_ai/agents/../x", "names no agent"),
    ],
)
def test_what_is_no_agent_is_no_agent(model: str, words: str) -> None:
    """The prefix of agents is matched as a whole."""
    with pytest.raises(ConfigError) as failed:
        completion(model, [user("hi")], api_base="https://r.services.ai.azure.com/api/projects/p")
    assert words in str(failed.value)


def test_temperature_is_sent_or_refused(agent: Any, foundry: Emulator, generation: str) -> None:
    """A classic run takes it; a v2 agent has its own."""
    connection = agent("Hello")
    if generation == "classic":
        completion(messages=[user("hi")], temperature=0.5, **connection)
        assert 0.5 == foundry.requests[-1].body["temperature"]
        return
    with pytest.raises(InvalidRequestError) as failed:
        completion(messages=[user("hi")], temperature=0.5, **connection)
    assert "set `temperature` in the agent's definition" in str(failed.value)


@pytest.mark.parametrize("way", [ask_streamed, ask_streamed_async])
def test_a_contradicted_stream_says_what_was_delivered(foundry: Emulator, way: Any) -> None:
    """A second answer is never glued to the first half of another one."""
    made = foundry.create_agent("my-agent", ["One two three four", "Eins zwei drei vier"])
    connection = foundry.connection()
    api_base = connection.pop("endpoint")
    foundry.faults.add(
        Fault("cut", method="POST", after_events=7, finishes=False, path="responses")
    )
    history = [user("a"), {"role": "assistant", "content": "b"}, user("c")]
    with pytest.raises(StreamInterruptedError) as failed:
        way(model=made.model, messages=history, api_base=api_base, **connection)
    assert "One two three four".startswith(failed.value.partial_text)
