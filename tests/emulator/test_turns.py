"""How a turn lives: streamed, polled, in the background, cancelled, and in parallel."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from azure_agents.emulator import (
    Delayed,
    Empty,
    Emulator,
    Failed,
    Incomplete,
    Items,
    Parts,
    Reasoning,
    Rules,
    Text,
    ToolCalls,
)

V2 = "/openai/v1/responses"

TEXT = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
CALL = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
    "response.completed",
]

V2_STREAMS = [
    ("one two", TEXT),
    (Empty(), ["response.created", "response.in_progress", "response.completed"]),
    (ToolCalls(("f", {})), CALL),
    (Parts("one two", ToolCalls(("f", {}))), [*TEXT[:-1], *CALL[2:]]),
    (Failed(), ["response.created", "response.in_progress", "response.failed"]),
    (Failed(text="one two"), [*TEXT[:6], "response.failed"]),
    (Incomplete(text="one two"), [*TEXT[:-1], "response.incomplete"]),
    ("", [*TEXT[:4], *TEXT[6:]]),
]

HEAD = ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
STEP = ["thread.run.step.created", "thread.run.step.in_progress"]
MESSAGE = [
    *STEP,
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.delta",
]
SAID = [*MESSAGE, "thread.message.completed", "thread.run.step.completed"]
CLASSIC_STREAMS = [
    ("one two", [*SAID, "thread.run.completed"]),
    (Empty(), ["thread.run.completed"]),
    (
        ToolCalls(("f", {})),
        [*STEP, "thread.run.step.delta", "thread.run.step.delta", "thread.run.requires_action"],
    ),
    (
        Parts("one two", ToolCalls(("f", ""))),
        [*SAID, *STEP, "thread.run.step.delta", "thread.run.requires_action"],
    ),
    (Failed(), ["thread.run.failed"]),
    (
        Failed(text="one two"),
        [
            *MESSAGE,
            "thread.message.incomplete",
            "thread.run.step.failed",
            "thread.run.failed",
        ],
    ),
    (
        Incomplete(text="one two"),
        [
            *MESSAGE,
            "thread.message.incomplete",
            "thread.run.step.completed",
            "thread.run.incomplete",
        ],
    ),
]


@pytest.mark.parametrize(("reply", "expected"), V2_STREAMS)
def test_v2_events_come_in_order(foundry: Emulator, wire: Any, reply: Any, expected: Any) -> None:
    """Names and order of events; numbers from zero without gaps; no [DONE]."""
    agent = foundry.create_agent("my-agent", reply)
    events = wire.stream(V2, wire.turn(agent, "hi"))
    assert [name for name, _ in events] == expected
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert all(name == data["type"] for name, data in events)


@pytest.mark.parametrize(("reply", "expected"), CLASSIC_STREAMS)
def test_classic_events_come_in_order(
    foundry: Emulator, wire: Any, reply: Any, expected: Any
) -> None:
    """Names and order of events; every stream ends with `done`."""
    agent = foundry.create_agent("a", reply, generation="classic")
    thread = wire.start_thread("hi")
    events = wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    assert [name for name, _ in events] == [*HEAD, *expected, "done"]
    assert "[DONE]" == events[-1][1]


def test_a_run_with_a_new_thread_announces_it(foundry: Emulator, wire: Any) -> None:
    """`/threads/runs` begins with the thread."""
    agent = foundry.create_agent("a", "yes", generation="classic")
    body = {
        "assistant_id": agent.id,
        "thread": {"messages": [{"role": "user", "content": "hi"}]},
    }
    events = wire.stream("/threads/runs", body)
    assert "thread.created" == events[0][0]
    assert events[0][1]["id"] == events[1][1]["thread_id"]


@pytest.mark.parametrize("chunk_size", [1, 7, None])
def test_streams_are_cut_into_chunks_anywhere(make_wire: Any, chunk_size: Any) -> None:
    """Events come in several reads, also inside of characters."""
    foundry = Emulator(seed=1, chunk_size=chunk_size)
    wire = make_wire(foundry)
    agent = foundry.create_agent("my-agent", Text("naïve 😀 text"))
    answer = wire.open(V2, wire.turn(agent, "hi"))
    chunks = list(answer.iter_raw())
    assert len(chunks) > b"".join(chunks).count(b"\n\n")
    assert "naïve 😀 text" in b"".join(chunks).decode()
    if chunk_size:
        assert max(map(len, chunks)) == chunk_size


def test_a_run_is_active_while_its_stream_is_open(foundry: Emulator, wire: Any) -> None:
    """The thread is locked until the last event, and free right after it."""
    agent = foundry.create_agent("a", generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    answer = wire.open(path, {"assistant_id": agent.id})
    chunks = answer.iter_raw()
    next(chunks)
    for _ in range(3):
        assert 400 == wire.request("POST", path, {"assistant_id": agent.id}).status_code
    for _ in chunks:
        pass
    assert 200 == wire.request("POST", path, {"assistant_id": agent.id}).status_code


def test_a_client_may_stop_reading_at_the_terminal_event(foundry: Emulator, wire: Any) -> None:
    """v2: after response.completed the conversation is free, even before the stream is closed."""
    agent = foundry.create_agent("my-agent")
    conversation = wire.post("/openai/v1/conversations")["id"]
    body = wire.turn(agent, "hi", conversation=conversation)
    answer, got = wire.open(V2, body), b""
    for chunk in answer.iter_raw():
        got += chunk
        if b"response.completed" in got and got.endswith(b"\n\n"):
            break
    assert 200 == wire.request("POST", V2, body).status_code
    answer.close()


def test_each_poll_moves_a_run_by_one_status(foundry: Emulator, wire: Any) -> None:
    """A client that polls sees queued, in_progress, completed."""
    agent = foundry.create_agent("a", [ToolCalls(("f", {}, "call_1")), "ok"], generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    run = wire.post(path, {"assistant_id": agent.id})
    statuses = [run["status"]] + [wire.get(f"{path}/{run['id']}")["status"] for _ in range(3)]
    assert ["queued", "in_progress", "requires_action", "requires_action"] == statuses
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "x"}]}
    again = wire.post(f"{path}/{run['id']}/submit_tool_outputs", outputs)
    statuses = [again["status"]] + [wire.get(f"{path}/{run['id']}")["status"] for _ in range(2)]
    assert ["queued", "in_progress", "completed"] == statuses
    steps = wire.get(f"{path}/{run['id']}/steps")["data"]
    assert ["message_creation", "tool_calls"] == [step["type"] for step in steps]
    assert wire.get(f"{path}/{run['id']}/steps/{steps[0]['id']}") == steps[0]
    total = wire.get(f"{path}/{run['id']}")["usage"]["total_tokens"]
    assert total == sum(step["usage"]["total_tokens"] for step in steps)


def test_a_late_reply_ends_on_any_clock(foundry: Emulator, wire: Any) -> None:
    """A polled run takes as many polls as seconds, or the time on the clock."""
    agent = foundry.create_agent("a", Delayed(3, "ok"), generation="classic")
    thread = wire.start_thread("hi")
    run = wire.post(f"/threads/{thread}/runs", {"assistant_id": agent.id})["id"]
    path = f"/threads/{thread}/runs/{run}"
    statuses = [wire.get(path)["status"] for _ in range(6)]
    assert (5, "completed") == (statuses.count("in_progress"), statuses[-1])


def test_background_streams_resume_after_any_event(foundry: Emulator, wire: Any) -> None:
    """For any number of readers."""
    agent = foundry.create_agent("my-agent", "one two three")
    body = wire.turn(agent, "hi", background=True)
    whole = wire.stream(V2, body)
    id = whole[0][1]["response"]["id"]
    assert [
        "response.created",
        "response.queued",
        "response.in_progress",
    ] == [name for name, _ in whole][:3]
    answer = wire.request("GET", f"{V2}/{id}", stream="true", starting_after="4")
    numbers = [line for line in answer.text.split("\n") if line.startswith("data: ")]
    assert len(numbers) == len(whole) - 5


def test_background_responses_can_be_cancelled(foundry: Emulator, wire: Any) -> None:
    """Any number of times; a cancelled one stays cancelled."""
    agent = foundry.create_agent("my-agent")
    id = wire.respond(agent, "hi", background=True)["id"]
    statuses = [wire.post(f"{V2}/{id}/cancel")["status"] for _ in range(2)]
    assert [*statuses, wire.get(f"{V2}/{id}")["status"]] == ["cancelled"] * 3


def test_unstored_responses_cannot_be_read(foundry: Emulator, wire: Any) -> None:
    """`store: false` leaves nothing behind."""
    agent = foundry.create_agent("my-agent")
    id = wire.respond(agent, "hi", store=False)["id"]
    assert 404 == wire.request("GET", f"{V2}/{id}").status_code
    body = wire.turn(agent, "hi", previous_response_id=id)
    assert "previous_response_not_found" == wire.request("POST", V2, body).json()["error"]["code"]


def test_max_output_tokens_cut_the_answer(foundry: Emulator, wire: Any) -> None:
    """The budget ends the answer as incomplete."""
    agent = foundry.create_agent("my-agent", "one " * 30)
    answer = wire.respond(agent, "hi", max_output_tokens=16)
    assert {"reason": "max_output_tokens"} == answer["incomplete_details"]
    assert answer["output"][0]["content"][0]["text"].split() == ["one"] * 16
    assert 16 == answer["usage"]["output_tokens"]


def test_each_agent_version_answers_for_itself(foundry: Emulator, wire: Any) -> None:
    """A new version is the default; the old one answers by number; the endpoint route works."""
    foundry.create_agent("my-agent", "old")
    new = foundry.create_agent("my-agent", "new")
    texts = [
        wire.respond(name, "hi")["output"][0]["content"][0]["text"]
        for name in ("my-agent", "my-agent:1", new)
    ]
    assert ["new", "old", "new"] == texts
    path = "/agents/my-agent/endpoint/protocols/openai/responses"
    assert "2" == wire.post(path, {"input": "hi"})["agent_reference"]["version"]


def test_ids_share_their_partition_key(foundry: Emulator, wire: Any) -> None:
    """v2: a conversation, its responses and their items; a chain and its items."""
    agent = foundry.create_agent("my-agent")
    conversation = wire.post("/openai/v1/conversations")["id"]
    made = wire.respond(agent, "hi", conversation=conversation)
    ids = [conversation, made["id"], made["output"][0]["id"]]
    assert 1 == len({id.partition("_")[2][:18] for id in ids})
    first = wire.respond(agent, "hi")
    second = wire.respond(agent, "hi", previous_response_id=first["id"])
    assert first["id"][:23] == second["id"][:23]
    assert first["id"] != second["id"]


def test_a_seed_makes_everything_repeatable(make_wire: Any) -> None:
    """The same requests give the same bytes; without a seed ids differ."""

    def play(seed: int | None) -> bytes:
        foundry = Emulator(seed=seed)
        wire = make_wire(foundry)
        agent = foundry.create_agent("my-agent")
        return b"|".join(wire.open(V2, wire.turn(agent, "hi")).iter_raw())

    assert play(3) == play(3)
    assert play(3) != play(4)
    assert play(None) != play(None)


def test_agents_answer_in_parallel(foundry: Emulator, wire: Any) -> None:
    """A scripted answer may wait for another turn: nothing is locked meanwhile."""
    barrier = threading.Barrier(2, timeout=10)
    agent = foundry.create_agent("my-agent", lambda _: f"{barrier.wait() * 0}")
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda n: wire.respond(agent, n), "ab"))
    assert {"completed"} == {answer["status"] for answer in answers}


def test_many_threads_share_one_emulator(foundry: Emulator, wire: Any) -> None:
    """Every turn sees its own messages only, streamed and not."""
    agent = foundry.create_agent("my-agent", lambda turn: f"re: {turn.last_user_text}")

    def talk(number: int) -> bool:
        text = f"number {number}"
        first = wire.respond(agent, text)
        body = wire.turn(agent, text, previous_response_id=first["id"])
        last = wire.stream(V2, body)[-1][1]["response"]
        seen = [message.text for message in foundry.seen_by(last["id"]).messages]
        return seen == [text, f"re: {text}", text]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(talk, range(100)))


async def test_agents_answer_in_parallel_tasks(foundry: Emulator, wire: Any) -> None:
    """The same from one event loop."""
    barrier = threading.Barrier(2, timeout=10)
    agent = foundry.create_agent("my-agent", lambda _: f"{barrier.wait() * 0}")
    headers = {"authorization": f"Bearer {wire.token}"}
    async with httpx.AsyncClient(
        transport=foundry.async_transport, base_url=foundry.endpoint, headers=headers
    ) as client:
        posts = (client.post(V2, json=wire.turn(agent, text)) for text in "ab")
        answers = await asyncio.gather(*posts)
    assert [200, 200] == [answer.status_code for answer in answers]


async def test_a_cancelled_task_leaves_its_turn(foundry: Emulator, wire: Any) -> None:
    """Async: cancelling the reader is going away; the run can be cancelled or goes on."""
    agent = foundry.create_agent("a", "one two three", generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    headers = {"authorization": f"Bearer {wire.token}"}
    seen = asyncio.Event()

    async def follow(client: httpx.AsyncClient) -> None:
        body = {"assistant_id": agent.id, "stream": True}
        async with client.stream("POST", f"{path}?api-version=v1", json=body) as answer:
            async for _ in answer.aiter_raw():
                seen.set()

    async with httpx.AsyncClient(
        transport=foundry.async_transport, base_url=foundry.endpoint, headers=headers
    ) as client:
        task = asyncio.create_task(follow(client))
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    run = wire.get(path)["data"][0]["id"]
    assert wire.post(f"{path}/{run}/cancel")["status"] in {"cancelling", "cancelled"}


def broken(_: object) -> str:
    """A script with an error in it."""
    raise RuntimeError("assertion in a script")


def test_a_script_that_raises_fails_the_turn(
    foundry: Emulator, wire: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged and kept, the caller gets what the service would say."""
    agent = foundry.create_agent("a", broken, generation="classic")
    path = f"/threads/{wire.start_thread('hi')}/runs"
    events = wire.stream(path, {"assistant_id": agent.id})
    assert ["thread.run.failed", "done"] == [name for name, _ in events[-2:]]
    assert "server_error" == events[-2][1]["last_error"]["code"]
    agent = foundry.create_agent("b", broken)
    answer = wire.request("POST", "/openai/v1/responses", wire.turn(agent, "hi"))
    assert (500, "server_error") == (answer.status_code, answer.json()["error"]["code"])
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    events = wire.stream("/openai/v1/responses", wire.turn(agent, "hi"))
    assert "response.failed" == events[-1][0]
    assert [str(error) for error in foundry.errors] == ["assertion in a script"] * 3
    assert 3 == caplog.text.count("RuntimeError: assertion in a script")


def test_a_reply_that_a_generation_lacks_loses_the_turn(foundry: Emulator, wire: Any) -> None:
    """A failed run, a stream that ends in an error, a 500."""
    agent = foundry.create_agent("a", Reasoning("hm"), generation="classic")
    path = f"/threads/{wire.start_thread('hi')}/runs"
    events = wire.stream(path, {"assistant_id": agent.id})
    assert ["thread.run.failed", "done"] == [name for name, _ in events[-2:]]
    agent = foundry.create_agent("b", Items([{"kind": "no type"}]))
    name, data = wire.stream("/openai/v1/responses", wire.turn(agent, "hi"))[-1]
    assert ("error", "server_error", 2) == (name, data["code"], data["sequence_number"])
    answer = wire.request("POST", "/openai/v1/responses", wire.turn(agent, "hi"))
    assert 500 == answer.status_code
    assert "a classic agent cannot answer with" in str(foundry.errors[0])


def test_an_error_of_the_emulator_is_a_500(foundry: Emulator, wire: Any) -> None:
    """In process too: no client ever meets an exception of ours."""

    def look() -> None:
        raise LookupError("a hook")

    foundry.before_requests(look)
    answer = wire.request("GET", "/openai/v1/conversations")
    assert (500, "server_error") == (answer.status_code, answer.json()["error"]["type"])
    assert ["LookupError('a hook')"] == [repr(error) for error in foundry.errors]


def test_secrets_are_not_logged(foundry: Emulator, wire: Any) -> None:
    """The request log keeps bodies and headers, not tokens."""
    wire.respond(foundry.create_agent("my-agent"), "hi")
    logged = foundry.requests[-1]
    assert "***" == logged.headers["authorization"]
    assert wire.token not in repr(foundry.requests)
    assert wire.token not in repr(foundry.credential.get_token("x"))
    assert (logged.body["input"], logged.status, logged.path) == ("hi", 200, V2)


@pytest.mark.parametrize("keeps", [False, True])
def test_rules_say_whether_failed_input_stays(make_wire: Any, keeps: bool) -> None:
    """Users report both: nothing, or the message of a turn that failed or was lost."""
    with Emulator(seed=7, rules=Rules(keeps_failed_input=keeps)) as foundry:
        wire = make_wire(foundry)
        agent = foundry.create_agent("a", [Failed(), "ok", "ok"])
        talk = wire.post("/openai/v1/conversations")["id"]
        assert "failed" == wire.respond(agent, "one", conversation=talk)["status"]
        foundry.faults.plan("turn lost")
        body = {**wire.turn(agent, "two", conversation=talk), "stream": True}
        with pytest.raises(httpx.ReadError):
            wire.request("POST", V2, body)
        wire.respond(agent, "three", conversation=talk)
    texts = [message.text for message in foundry.seen[-1].messages]
    assert texts == (["one", "two", "three"] if keeps else ["three"])
