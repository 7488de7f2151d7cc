"""Each fault does what it says, to the request it names, and the service's state is right after."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents.emulator import Delayed, Emulator, Fault, Rules

V2 = "/openai/v1/responses"

BREAKS = [
    ("refuse", httpx.ConnectError, 0),
    ("connect_timeout", httpx.ConnectTimeout, 0),
    ("reset_before", httpx.ReadError, 0),
    ("lost", httpx.ReadError, 1),
    ("timeout_after", httpx.ReadTimeout, 1),
]


@pytest.mark.parametrize(("kind", "error", "applied"), BREAKS)
def test_plain_requests_break_as_the_fault_says(
    foundry: Emulator, wire: Any, kind: Any, error: Any, applied: Any
) -> None:
    """The error is the one that httpx raises; the request was applied or not."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(Fault(kind, path="/responses$"))
    with pytest.raises(error):
        wire.respond(agent, "hi")
    assert len(foundry.seen) == applied
    assert [(r.path, r.status, r.fault) for r in foundry.requests] == [(V2, None, kind)]
    assert "completed" == wire.respond(agent, "hi")["status"]


def test_requests_are_shown_as_short_lines(foundry: Emulator, wire: Any) -> None:
    """A list of them in a notebook can be read; bodies and headers are attributes."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(Fault("lost", path="/responses$"))
    with pytest.raises(httpx.ReadError):
        wire.respond(agent, "hi")
    wire.respond(agent, "hi" * 1000)
    assert f"[<POST {V2}: no answer, lost>, <POST {V2}: 200>]" == repr(foundry.requests)
    assert foundry.requests[1].body["input"]


@pytest.mark.parametrize(("kind", "applied"), [("status_before", 0), ("status_after", 1)])
def test_faults_answer_with_an_error_status(
    foundry: Emulator, wire: Any, kind: Any, applied: Any
) -> None:
    """Instead of the answer, before or after the request is applied."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(Fault(kind, status=429, headers={"Retry-After-Ms": "20"}))
    answer = wire.request("POST", V2, wire.turn(agent, "hi"))
    assert (429, "20") == (answer.status_code, answer.headers["retry-after-ms"])
    assert "429" == answer.json()["error"]["code"]
    assert len(foundry.seen) == applied


@pytest.mark.parametrize(
    ("fault", "hits"),
    [
        (Fault("refuse"), [1]),
        (Fault("refuse", nth=2), [2]),
        (Fault("refuse", nth=2, times=2), [2, 3]),
        (Fault("refuse", times=None), [1, 2, 3, 4]),
        (Fault("refuse", method="get"), []),
        (Fault("refuse", path="^/threads"), []),
        (Fault("refuse", when=lambda body: body["input"] == "3"), [3]),
    ],
)
def test_faults_hit_the_request_they_name(
    foundry: Emulator, wire: Any, fault: Any, hits: Any
) -> None:
    """By method, path, number and body."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(fault)
    found = []
    for number in range(1, 5):
        try:
            wire.respond(agent, str(number))
        except httpx.ConnectError:
            found.append(number)
    assert found == hits


def test_an_unknown_kind_of_fault_is_an_error() -> None:
    """The message lists the kinds."""
    with pytest.raises(ValueError, match="unknown fault 'explode'; use one of refuse"):
        Fault("explode")


def read(answer: httpx.Response) -> tuple[bytes, Exception | None]:
    """Everything that arrives, and the error at the end."""
    got = b""
    try:
        for chunk in answer.iter_raw():
            got += chunk
    except httpx.HTTPError as error:
        return got, error
    finally:
        answer.close()
    return got, None


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("cut", after_events=5), httpx.ReadError),
        (Fault("cut", after_events=5, mode="eof"), None),
        (Fault("stall", after_events=5), httpx.ReadTimeout),
        (Fault("cut", after_bytes=2000), httpx.ReadError),
    ],
)
def test_a_cut_stream_ends_where_the_fault_says(
    foundry: Emulator, wire: Any, fault: Any, error: Any
) -> None:
    """Exactly what was let through arrives; the turn goes on without its reader."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(fault)
    got, raised = read(wire.open(V2, wire.turn(agent, "hi")))
    assert type(raised) is (error or type(None))
    if fault.after_bytes:
        assert len(got) == fault.after_bytes
    else:
        assert 5 == got.count(b"\n\n")
    id = got.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    statuses = [wire.get(f"{V2}/{id}")["status"] for _ in range(3)]
    assert ["in_progress", "completed", "completed"] == statuses


def test_a_fault_can_lose_a_response(foundry: Emulator, wire: Any) -> None:
    """`finishes=False`: the response is gone, and the conversation is free."""
    agent = foundry.create_agent("my-agent")
    conversation = wire.post("/openai/v1/conversations")["id"]
    foundry.faults.add(Fault("cut", path="/responses$", after_events=3, finishes=False))
    got, _ = read(wire.open(V2, wire.turn(agent, "hi", conversation=conversation)))
    id = got.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    assert 404 == wire.request("GET", f"{V2}/{id}").status_code
    assert [] == wire.get(f"/openai/v1/conversations/{conversation}/items")["data"]
    assert "completed" == wire.respond(agent, "again", conversation=conversation)["status"]


@pytest.mark.parametrize(("finishes", "status"), [(True, "completed"), (False, "failed")])
def test_a_cut_run_ends_by_itself(foundry: Emulator, wire: Any, finishes: Any, status: Any) -> None:
    """Classic: the run goes on to its end, or fails."""
    agent = foundry.create_agent("a", generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    foundry.faults.add(Fault("cut", path="/runs$", after_events=8, finishes=finishes))
    read(wire.open(path, {"assistant_id": agent.id}))
    run = wire.get(path)["data"][0]["id"]
    assert wire.finish(thread, run)["status"] == status


def test_items_of_an_abandoned_turn_appear_at_its_end(foundry: Emulator, wire: Any) -> None:
    """v2: they are on the conversation when the response is over, not before."""
    agent = foundry.create_agent("my-agent", "yes")
    conversation = wire.post("/openai/v1/conversations")["id"]
    foundry.faults.add(Fault("lost", path="/responses$"))
    with pytest.raises(httpx.ReadError):
        wire.open(V2, wire.turn(agent, "hi", conversation=conversation))
    path = f"/openai/v1/conversations/{conversation}/items"
    looks = [len(wire.get(path)["data"]) for _ in range(3)]
    assert [0, 2, 2] == looks


def test_a_retry_finds_an_abandoned_turn_finished(foundry: Emulator, wire: Any) -> None:
    """A client that is refused and tries again gets through, on any clock."""
    agent = foundry.create_agent("my-agent", "yes")
    conversation = wire.post("/openai/v1/conversations")["id"]
    wire.open(V2, wire.turn(agent, "one", conversation=conversation)).close()
    body = wire.turn(agent, "two", conversation=conversation)
    statuses = [wire.request("POST", V2, body).status_code for _ in range(3)]
    assert [400, 400, 200] == statuses


def test_time_finishes_abandoned_turns(foundry: Emulator, wire: Any) -> None:
    """As retries do, so does the clock."""
    agent = foundry.create_agent("a", generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    wire.open(path, {"assistant_id": agent.id}).close()
    foundry.clock.advance(5)
    assert "completed" == wire.get(path)["data"][0]["status"]


@pytest.mark.parametrize("linger", [0, 2])
def test_abandoned_polls_find_the_turn_in_progress(make_wire: Any, linger: Any) -> None:
    """`Rules(polls_until_noticed=…)` tests clients that poll once, or often."""
    foundry = Emulator(rules=Rules(polls_until_noticed=linger))
    wire = make_wire(foundry)
    agent = foundry.create_agent("a", generation="classic")
    thread = wire.start_thread("hi")
    path = f"/threads/{thread}/runs"
    answer = wire.open(path, {"assistant_id": agent.id})
    next(answer.iter_raw())
    answer.close()
    run = foundry.wireline.world.threads[thread].active.id
    statuses = [wire.get(f"{path}/{run}")["status"] for _ in range(4)]
    assert statuses.index("completed") >= linger


def test_delays_pass_on_the_emulators_clock(foundry: Emulator, wire: Any) -> None:
    """A slow answer, a slow event and a slow agent take its time, and no real time."""
    agent = foundry.create_agent("my-agent", Delayed(7, "late"))
    start = foundry.clock.time()
    foundry.faults.add(
        Fault("delay", seconds=20), Fault("delay", seconds=40, after_events=4, nth=2)
    )
    client = wire.http
    client.timeout = httpx.Timeout(60)
    assert "completed" == wire.respond(agent, "hi")["status"]
    wire.stream(V2, wire.turn(agent, "hi"))
    assert foundry.clock.time() - start == 7 + 20 + 7 + 40


def test_a_long_wait_is_the_clients_read_timeout(foundry: Emulator, wire: Any) -> None:
    """After as many seconds as the client waits."""
    agent = foundry.create_agent("my-agent", Delayed(30, "late"))
    wire.http.timeout = httpx.Timeout(10)
    start = foundry.clock.time()
    with pytest.raises(httpx.ReadTimeout):
        wire.respond(agent, "hi")
    assert 10 == foundry.clock.time() - start


def test_duplicate_repeats_events(foundry: Emulator, wire: Any) -> None:
    """One event, or every one."""
    agent = foundry.create_agent("my-agent", "a")
    foundry.faults.add(Fault("duplicate", after_events=5), Fault("duplicate", nth=2))
    once = [name for name, _ in wire.stream(V2, wire.turn(agent, "hi"))]
    assert 2 == once.count("response.output_text.delta")
    assert 1 == once.count("response.created")
    twice = [name for name, _ in wire.stream(V2, wire.turn(agent, "hi"))]
    assert twice[::2] == twice[1::2]


def test_cleared_faults_do_nothing(foundry: Emulator, wire: Any) -> None:
    """`clear` drops what was planned."""
    foundry.faults.add(Fault("refuse", times=None))
    foundry.faults.clear()
    assert 200 == wire.request("GET", "/agents").status_code
