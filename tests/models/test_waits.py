"""The wait for the first content of a stream, on real sockets: `stream_timeout`."""

from __future__ import annotations

import time
from typing import Any

import pytest

from azure_agents import completion
from azure_agents.errors import AzureAgentsError, TimedOutError

from ..core.peer import Act, Peer, silence, stream, then
from ..operations.wire import call, sse

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SHORT, LONG = 0.6, 30.0  # seconds
WAYS = ("sync", "async")
HELLO = [{"role": "user", "content": "Hello"}]


def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """A chunk of a chat."""
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def event(kind: str, **more: Any) -> dict[str, Any]:
    """An event with its type."""
    return {"type": kind, **more}


FILTERS = {"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
ROLE = chunk({"role": "assistant", "content": ""})
HE, LLO = chunk({"content": "He"}), chunk({"content": "llo"}, "stop")
DONE = b"data: [DONE]\n\n"
BEGUN = {"id": "resp_1", "status": "in_progress", "output": []}
TAKEN_UP = [event("response.created", response=BEGUN), event("response.in_progress")]
MESSAGE = {"id": "m", "model": "claude", "usage": {"input_tokens": 1}, "content": []}
# What each kind of stream says before it has anything to say.
PRELUDES: list[tuple[str, dict[str, Any], list[dict[str, Any]]]] = [
    ("completion", {"model": "azure/d", "messages": HELLO}, [FILTERS, ROLE]),
    (
        "completion",
        {"model": "azure_ai/claude-x", "messages": HELLO},
        [event("message_start", message=MESSAGE), event("ping")],
    ),
    ("completion", {"model": "azure/responses/d", "messages": HELLO}, TAKEN_UP),
    ("completion", {"model": "azure_text/d", "messages": HELLO}, [FILTERS]),
    ("text_completion", {"model": "azure_text/d", "prompt": "Hello"}, [FILTERS]),
    ("responses", {"model": "azure/d", "input": "Hello"}, TAKEN_UP),
]


def ask(way: str, act: list[Act], function: str = "completion", **given: Any) -> Any:
    """A stream from a peer: its chunks or its error, the requests, and the seconds it took."""
    arguments = {"model": "azure/d", "messages": HELLO} | given if "model" not in given else given
    came: list[Any] = []
    with Peer(act) as peer:
        where = {"api_base": f"http://127.0.0.1:{peer.port}", "api_key": "k", "stream": True}
        start = time.monotonic()
        try:
            call(way, function, into=came, **where, **arguments)
        except AzureAgentsError as error:
            return error, len(peer.asked), time.monotonic() - start
        return came, len(peer.asked), time.monotonic() - start


def text_of(chunks: list[Any]) -> str:
    """What a chat said."""
    return "".join(one.choices[0].delta.get("content") or "" for one in chunks)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("function", "given", "prelude"), PRELUDES)
def test_what_comes_before_the_content_does_not_end_the_wait_for_it(
    way: str, function: str, given: dict[str, Any], prelude: list[dict[str, Any]]
) -> None:
    """Filters, roles and words that a call was taken up come at once, and may be all that comes."""
    act = then(stream(sse(prelude), end=False), silence)
    more = {"stream_timeout": SHORT, "max_retries": 0, "timeout": LONG}
    error, count, seconds = ask(way, [act], function, **given, **more)
    assert (TimedOutError, 1) == (type(error), count)
    assert "stream_timeout=" in str(error)
    assert SHORT - 0.05 < seconds < LONG / 2


WAITS: list[Any] = [
    pytest.param([*[sse([FILTERS]), 0.2] * 20], id="filters trickle"),
    pytest.param([*[b": ping\n\n", 0.2] * 20], id="pings trickle"),
    pytest.param([0.4, sse([ROLE]), 0.4, sse([HE])], id="each wait is short enough"),
]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("pieces", WAITS)
def test_the_wait_begins_with_the_request(way: str, pieces: list[Any]) -> None:
    """No sign of life begins it anew."""
    act = then(stream(*pieces, end=False), silence)
    error, _, seconds = ask(way, [act], stream_timeout=SHORT, max_retries=0)
    assert (TimedOutError, True) == (type(error), SHORT - 0.05 < seconds < 3)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_says_nothing_in_time_is_asked_for_again(way: str) -> None:
    """Nothing of it was delivered; each request has the whole wait."""
    acts = [then(stream(sse([FILTERS, ROLE]), end=False), silence), stream(sse([HE, LLO], DONE))]
    chunks, count, _ = ask(way, acts, stream_timeout=SHORT, max_retries=1)
    assert ("Hello", 2) == (text_of(chunks), count)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_once_content_came_a_stream_may_pause(way: str) -> None:
    """The limit is that of the first content only."""
    act = stream(sse([FILTERS, ROLE, HE]), 2 * SHORT, sse([LLO], DONE))
    chunks, count, _ = ask(way, [act], stream_timeout=SHORT, max_retries=0)
    assert ("Hello", 1) == (text_of(chunks), count)


@pytest.mark.slow
def test_a_caller_may_take_longer_over_the_first_content_than_it_was_waited_for() -> None:
    """What watches the wait of a sync call must not shut the connection while nobody waits."""
    act = stream(sse([HE]), SHORT / 2, sse([LLO], DONE))
    with Peer([act]) as peer:
        given: dict[str, Any] = {"model": "azure/d", "messages": HELLO, "stream_timeout": SHORT}
        where = {"api_base": f"http://127.0.0.1:{peer.port}", "api_key": "k", "stream": True}
        chunks = completion(**given, **where, max_retries=0)
        first = next(chunks)
        time.sleep(2 * SHORT)
        assert "Hello" == text_of([first, *chunks])
