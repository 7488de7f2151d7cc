"""One model, driven in all the ways that LangChain users drive a model."""

from __future__ import annotations

import asyncio
import functools
import operator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from azure_agents.emulator import (
    Delayed,
    Empty,
    Emulator,
    Failed,
    Fault,
    Incomplete,
    RealClock,
    Text,
)
from azure_agents.errors import DeadlineError, InvalidRequestError, RunFailedError, ServerError
from langchain_azure_agents import ChatAzureAgent

from ..eventually import eventually

HISTORY = [HumanMessage("my name is Bob"), AIMessage("Hello Bob."), HumanMessage("who am I?")]


def added(chunks: Any) -> Any:
    """The chunks, added up."""
    return functools.reduce(operator.add, chunks)


async def collect(stream: Any) -> Any:
    """All items of a stream."""
    return [item async for item in stream]


WAYS = {
    "invoke": lambda llm, x, **kw: llm.invoke(x, **kw),
    "ainvoke": lambda llm, x, **kw: asyncio.run(llm.ainvoke(x, **kw)),
    "stream": lambda llm, x, **kw: added(llm.stream(x, **kw)),
    "astream": lambda llm, x, **kw: added(asyncio.run(collect(llm.astream(x, **kw)))),
    "streaming": lambda llm, x, **kw: llm.model_copy(update={"streaming": True}).invoke(x, **kw),
    "batch": lambda llm, x, **kw: llm.batch([x], **kw)[0],
    "abatch": lambda llm, x, **kw: asyncio.run(llm.abatch([x], **kw))[0],
}


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Any:
    """One way to call a model."""
    return WAYS[request.param]


def test_every_way_gives_the_same_answer(llm: Any, foundry: Emulator, ask: Any) -> None:
    """Text, metadata and usage do not depend on how the model is called."""
    answer = ask(llm, HISTORY)
    assert "Your name is Bob." == answer.content
    assert answer.usage_metadata["total_tokens"] > 0
    assert {"cache_read": 0} == answer.usage_metadata["input_token_details"]
    metadata = answer.response_metadata
    assert "azure_ai_agents" == metadata["model_provider"]
    assert "gpt-4o" == metadata["model_name"]
    assert "stop" == metadata["finish_reason"]
    assert "completed" == metadata["status"]
    seen = foundry.seen[-1]
    assert metadata["id"] in {seen.response_id, seen.run_id}
    assert metadata["thread_id"] in {seen.response_id, seen.thread_id}
    assert [m.text for m in seen.messages] == [m.content for m in HISTORY]


def test_the_next_turn_sends_only_what_is_new(llm: Any, foundry: Emulator, ask: Any) -> None:
    """An answer carries the anchor that makes a turn one request."""
    answer = ask(llm, "my name is Bob")
    before = len(foundry.requests)
    following = ask(llm, [HumanMessage("my name is Bob"), answer, HumanMessage("who am I?")])
    assert "Your name is Bob." == following.content
    assert len(foundry.requests) == before + 1
    assert b"my name is Bob" not in str(foundry.requests[-1].body).encode()


def test_an_edited_history_forks(llm: Any, foundry: Emulator) -> None:
    """The agent sees the edited messages and nothing of the old ones."""
    answer = llm.invoke("my name is Bob")
    llm.invoke([HumanMessage("my name is Eve"), answer, HumanMessage("who am I?")])
    assert [m.text for m in foundry.seen[-1].messages] == [
        "my name is Eve",
        answer.content,
        "who am I?",
    ]


def test_an_empty_answer_is_an_empty_message(connect: Any, ask: Any) -> None:
    """It has a finish reason and is no exception."""
    answer = ask(connect(Empty()), "hi")
    assert ("", "stop") == (answer.content, answer.response_metadata["finish_reason"])


def test_an_incomplete_answer_says_why(connect: Any, ask: Any) -> None:
    """Truncation is told by finish reason and status."""
    answer = ask(connect(Incomplete(text="So far")), "hi")
    metadata = answer.response_metadata
    assert "So far" == answer.content
    assert ("length", "incomplete") == (metadata["finish_reason"], metadata["status"])


def test_stop_cuts_the_answer(connect: Any, ask: Any) -> None:
    """Agents know no `stop`: it is cut on our side, and such an answer has no anchor."""
    answer = ask(connect(Text("one two three")), "hi", stop=["two"])
    assert "one " == answer.content
    assert "foundry" not in answer.response_metadata


def test_stop_of_the_constructor(connect: Any) -> None:
    """It holds for calls that bring none."""
    llm = connect(Text("one two three"), stop=["three"])
    assert "one two " == llm.invoke("hi").content
    assert "one " == llm.invoke("hi", stop=["two"]).content


def test_a_failed_run_is_an_error(connect: Any, ask: Any) -> None:
    """It is never reported as an answer, and both libraries know the error."""
    with pytest.raises(RunFailedError, match="out of luck") as caught:
        ask(connect(Failed(message="out of luck"), max_retries=0), "hi")
    assert isinstance(caught.value, ModelAPIError)


def test_no_messages(llm: Any, foundry: Emulator, ask: Any) -> None:
    """An empty call is refused before anything is sent."""
    with pytest.raises(InvalidRequestError, match="no messages"):
        ask(llm, [])
    assert [] == foundry.requests


def test_an_unknown_option_is_refused_at_the_call(connect: Any, foundry: Emulator) -> None:
    """The constructor takes what frameworks pass; the call says what to change."""
    llm = connect(wormhole=3)
    with pytest.raises(InvalidRequestError, match="wormhole"):
        llm.invoke("hi")
    assert [] == foundry.requests


def test_options_reach_the_service(connect: Any, foundry: Emulator, generation: str) -> None:
    """`max_tokens` has another name there."""
    connect(max_tokens=99).invoke("hi")
    name = {"v2": "max_output_tokens", "classic": "max_completion_tokens"}[generation]
    assert 99 == foundry.requests[-1].body[name]


def test_output_version_v1(connect: Any, ask: Any) -> None:
    """Content is a list of standard blocks in every way of calling."""
    answer = ask(connect(Text("hi"), output_version="v1"), "hi")
    (block,) = answer.content
    assert ("text", "hi") == (block["type"], block["text"])
    assert "v1" == answer.response_metadata["output_version"]


def test_streaming_can_be_switched_off(connect: Any, foundry: Emulator, generation: str) -> None:
    """`disable_streaming` and `streaming=False` give one chunk."""
    for setting in ({"disable_streaming": True}, {"streaming": False}):
        assert 1 == len(list(connect("a b c d", **setting).stream("hi")))
    assert len(list(connect("a b c d").stream("hi"))) > 1


def test_chunks_of_a_stream(llm: Any) -> None:
    """Text comes as strings, piece by piece; one id; the last chunk is marked."""
    *pieces, last = list(llm.stream("hi"))
    assert "You said: hi (turn 1)" == "".join(piece.content for piece in pieces)
    assert {type(piece) for piece in pieces} == {AIMessageChunk}
    assert 1 == len({piece.id for piece in [*pieces, last]})
    assert ("", "last") == (last.content, last.chunk_position)


# Cache


def test_cache_hits_for_the_same_model_only(connect: Any, foundry: Emulator) -> None:
    """Two agents, two threads or two instructions never share an answer."""
    cache = InMemoryCache()
    llm = connect(cache=cache)
    twin = llm.model_copy(update={"timeout": 30.0})
    assert llm.invoke("hi").content == twin.invoke("hi").content
    assert 1 == len(foundry.seen)
    other = connect("from another agent", name="other", cache=cache)
    assert "from another agent" == other.invoke("hi").content
    told = llm.model_copy(update={"instructions": "Be brief."})
    told.invoke("hi")
    assert 3 == len(foundry.seen)


def test_cache_knows_pins_of_the_config(connect: Any, foundry: Emulator) -> None:
    """A pinned thread makes another call, wherever the pin comes from."""
    llm = connect(cache=InMemoryCache())
    plain = llm.invoke("hi")
    pin = {"configurable": {"foundry_thread_id": plain.response_metadata["thread_id"]}}
    assert "You said: hi (turn 2)" == llm.invoke("hi", pin).content


# Retry, fallbacks, parallel calls


def test_with_retry(connect: Any, foundry: Emulator) -> None:
    """A retried turn is neither lost nor doubled."""
    llm = connect(max_retries=0)
    foundry.faults.add(Fault("status_before", method="POST", status=500))
    retried = llm.with_retry(stop_after_attempt=2, wait_exponential_jitter=False)
    assert "You said: hi (turn 1)" == retried.invoke("hi").content
    assert ["hi"] == [m.text for m in foundry.seen[-1].messages]


def test_with_fallbacks(connect: Any, foundry: Emulator) -> None:
    """The fallback answers, and its answer is part of the history from then on."""
    broken = connect(Failed(), name="broken", max_retries=0)
    spare = connect("from the spare", name="spare")
    answer = broken.with_fallbacks([spare]).invoke("hi")
    assert "from the spare" == answer.content
    working = connect(name="working")
    working.invoke([HumanMessage("hi"), answer, HumanMessage("and?")])
    assert ["hi", "from the spare", "and?"] == [m.text for m in foundry.seen[-1].messages]


def test_parallel_continuations_do_not_mix(llm: Any, foundry: Emulator) -> None:
    """A batch from one answer: every call sees its own history only."""
    first = llm.invoke("hi")
    calls = [[HumanMessage("hi"), first, HumanMessage(f"branch {n}")] for n in range(5)]
    answers = llm.batch(calls)
    assert [a.content for a in answers] == [f"You said: branch {n} (turn 2)" for n in range(5)]
    threads = {a.response_metadata["thread_id"] for a in answers}
    assert 5 == len(threads)


def test_one_model_in_many_threads_and_loops(llm: Any) -> None:
    """Nothing of a call lives on the model."""

    def work(n: Any) -> Any:
        if n % 2:
            return asyncio.run(llm.ainvoke(f"call {n}")).content
        return llm.invoke(f"call {n}").content

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(work, range(8)))
    assert answers == [f"You said: call {n} (turn 1)" for n in range(8)]


def test_close_is_not_the_end(llm: Any) -> None:
    """A closed model opens new connections when it is called again."""

    async def both() -> Any:
        await llm.ainvoke("hi")
        await llm.aclose()
        return await llm.ainvoke("hi")

    llm.invoke("hi")
    llm.close()
    assert llm.invoke("hi").content == asyncio.run(both()).content


# Callbacks and events


class Tokens(BaseCallbackHandler):
    def __init__(self) -> None:
        self.tokens = []
        self.errors = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        self.tokens.append(token)

    def on_llm_error(self, error: Any, **kwargs: Any) -> None:
        self.errors.append(error)


def test_tokens_are_told_once(llm: Any) -> None:
    """Handlers hear every chunk once."""
    handler = Tokens()
    chunks = list(llm.stream("hi", {"callbacks": [handler]}))
    assert handler.tokens == [chunk.content for chunk in chunks]


def test_errors_are_told(connect: Any) -> None:
    """Handlers hear the error that the caller gets."""
    handler = Tokens()
    with pytest.raises(RunFailedError) as caught:
        list(connect(Failed(), max_retries=0).stream("hi", {"callbacks": [handler]}))
    assert handler.errors == [caught.value]


def test_usage_is_counted(llm: Any, ask: Any) -> None:
    """LangChain's usage handler counts by model name."""
    handler = UsageMetadataCallbackHandler()
    answer = ask(llm, "hi", config={"callbacks": [handler]})
    assert handler.usage_metadata == {"gpt-4o": answer.usage_metadata}


def test_events_v2(llm: Any) -> None:
    """`astream_events` tells start, every chunk, and the whole message."""
    events = asyncio.run(collect(llm.astream_events("hi", version="v2")))
    names = [event["event"] for event in events]
    assert "on_chat_model_start" == names[0]
    assert "on_chat_model_end" == names[-1]
    assert {"on_chat_model_stream"} == set(names[1:-1])
    assert "You said: hi (turn 1)" == events[-1]["data"]["output"].content


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_events_v3(llm: Any) -> None:
    """The newest event stream keeps text, ids, usage and the anchor."""

    async def run() -> Any:
        stream = await llm.astream_events("hi", version="v3")
        text = "".join([delta async for delta in stream.text])
        return text, await stream.output

    text, message = asyncio.run(run())
    again = llm.stream_events("hi", version="v3").output
    for output in (message, again):
        assert output.text == text == "You said: hi (turn 1)"
        assert output.usage_metadata["total_tokens"] > 0
        assert {"thread_id", "foundry", "id"} <= output.response_metadata.keys()


@pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
def test_an_answer_of_events_v3_continues(llm: Any, foundry: Emulator) -> None:
    """Its message, all blocks, is still the same answer to the agent."""
    message = llm.stream_events("hi", version="v3").output
    llm.invoke([HumanMessage("hi"), message, HumanMessage("and?")])
    assert 2 == len(foundry.requests)


# Leaving early


def cancelled(foundry: Emulator) -> Any:
    """The cancellations that reached the service."""
    return [r.path for r in foundry.requests if r.path.endswith("/cancel")]


def test_leaving_a_stream_cancels_the_run(foundry: Emulator, connect: Any, generation: str) -> None:
    """The server stops working at once where it can be told to (classic)."""
    stream = connect("a b c d e f").stream("hi")
    next(stream)
    stream.close()
    assert len(cancelled(foundry)) == {"v2": 0, "classic": 1}[generation]


def test_leaving_an_async_stream_cancels_the_run(
    foundry: Emulator, connect: Any, generation: str
) -> None:
    """Also when the consumer only breaks out of its loop."""
    llm = connect("a b c d e f")

    async def run() -> Any:
        async for _ in llm.astream("hi"):
            break
        for _ in range(20):  # the loop finalises the abandoned generator
            await asyncio.sleep(0)
        return list(cancelled(foundry))

    assert len(asyncio.run(run())) == {"v2": 0, "classic": 1}[generation]


@pytest.mark.parametrize("way", ["ainvoke", "astream"])
def test_a_cancelled_task_cancels_the_run(generation: str, way: Any) -> None:
    """A server whose client went away does not pay for the rest of the answer."""
    foundry = Emulator(clock=RealClock())
    agent = foundry.create_agent("slow", Delayed(30, "late"), generation=generation)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())

    async def run() -> Any:
        call = llm.ainvoke("hi") if way == "ainvoke" else collect(llm.astream("hi"))
        task = asyncio.create_task(call)
        await eventually(lambda: foundry.requests)
        await asyncio.sleep(0.2)  # the answer has begun, too
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return list(cancelled(foundry))

    assert len(asyncio.run(run())) == {"v2": 0, "classic": 1}[generation]


def test_an_answer_may_be_silent_for_as_long_as_the_page_says(generation: str) -> None:
    """Ten minutes, streamed or not: v2 streams give signs of life, classic ones need not."""
    foundry = Emulator()
    agent = foundry.create_agent("slow", Delayed(590, "late"), generation=generation)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    told = [[llm.invoke("hi")], list(llm.stream("hi"))]
    told += [[asyncio.run(llm.ainvoke("hi"))], asyncio.run(collect(llm.astream("hi")))]
    assert ["late"] * 4 == ["".join(chunk.text for chunk in chunks) for chunks in told]
    assert 4 == len(foundry.requests)  # nothing was given up, looked for or asked again
    agent.script(Delayed(610, "late"))
    for call in (llm.invoke, lambda text: list(llm.stream(text))):
        with pytest.raises(DeadlineError, match="pass a longer timeout="):
            call("hi")


def test_server_errors_keep_their_facts(connect: Any, foundry: Emulator) -> None:
    """The error of the last attempt, with status and ids."""
    foundry.faults.add(Fault("status_before", method="POST", status=503, times=None))
    with pytest.raises(ServerError) as caught:
        connect(max_retries=1).invoke("hi")
    assert 503 == caught.value.status
    assert 2 == sum(request.method == "POST" for request in foundry.requests)
