"""No window is ever exceeded: the counts against a brute-force model, and Redis against both."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from math import ceil

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import ConfigError
from azure_agents.routing.limits import SECOND, Amounts, Limits, read_limits
from azure_agents.routing.redis_script import Eval, SharedWindows
from azure_agents.routing.windows import Load, Tally

from ..stores.servers import RedisServer

PAUSES = st.one_of(st.integers(0, 2 * SECOND), st.integers(0, 70 * SECOND), st.just(60 * SECOND))
AMOUNTS = st.builds(Amounts, st.integers(0, 80), st.integers(0, 80))
REQUESTS = st.lists(st.tuples(PAUSES, AMOUNTS, AMOUNTS), min_size=1, max_size=60)
SOME = st.none() | st.integers(1, 130)
LIMITS = st.builds(Limits, rpm=SOME, tpm=SOME, itpm=SOME, otpm=SOME, rpd=SOME, tpd=SOME)
_names = count()


def most_in_any(starts: list[tuple[int, int]], length: int) -> int:
    """The largest sum of amounts that begin within any `length` microseconds."""
    sums = [sum(a for at, a in starts if end - length < at <= end) for end, _ in starts]
    return max(sums, default=0)


def played(
    limits: Limits, requests: list[tuple[int, Amounts, Amounts]]
) -> list[tuple[int, Amounts]]:
    """What is let in of some requests, in microseconds; each uses what it reserved."""
    tally, now, let_in = Tally(limits), 10**15, []
    for pause, amounts, _ in requests:
        now += pause
        if not tally.wait(amounts, now):
            tally.begin(amounts, now)
            let_in.append((now, amounts))
    return let_in


@given(LIMITS, REQUESTS)
def test_no_window_is_ever_exceeded(
    limits: Limits, requests: list[tuple[int, Amounts, Amounts]]
) -> None:
    """Whatever comes when: in any minute, ten seconds or day at most what the limits say."""
    let_in = played(limits, requests)
    minute, day = 60 * SECOND, 86_400 * SECOND
    ones = [(at, 1) for at, _ in let_in]
    if limits.rpm is not None:
        assert most_in_any(ones, minute) <= limits.rpm
        if limits.rpm >= 60:
            assert most_in_any(ones, minute // 6) <= ceil(limits.rpm / 6)
    if limits.rpd is not None:
        assert most_in_any(ones, day) <= limits.rpd
    for most, kind, length in (
        (limits.tpm, "tokens", minute),
        (limits.itpm, "input", minute),
        (limits.otpm, "output", minute),
        (limits.tpd, "tokens", day),
    ):
        if most is not None:
            asked = [(at, min(one.of(kind), most)) for at, one in let_in]  # type: ignore[arg-type]
            assert most_in_any(asked, length) <= most


@given(st.integers(1, 130), REQUESTS)
def test_requests_of_a_minute_are_let_in_exactly(
    rpm: int, requests: list[tuple[int, Amounts, Amounts]]
) -> None:
    """One is refused only if it would be one too many, judged by all starts before it."""
    windows = [(60 * SECOND, rpm)] + ([(10 * SECOND, ceil(rpm / 6))] if rpm >= 60 else [])
    expected: list[int] = []
    now = 10**15
    for pause, *_ in requests:
        now += pause
        if all(sum(now - length < at for at in expected) < most for length, most in windows):
            expected.append(now)
    assert expected == [at for at, _ in played(Limits(rpm=rpm), requests)]


@given(LIMITS, REQUESTS)
def test_nothing_starves(limits: Limits, requests: list[tuple[int, Amounts, Amounts]]) -> None:
    """Whoever waits as long as was said may begin then, however much it asks for."""
    tally, now = Tally(limits), 10**15
    for pause, amounts, _ in requests:
        now += pause
        now += tally.wait(amounts, now)
        assert 0 == tally.wait(amounts, now)
        tally.begin(amounts, now)


@given(LIMITS, REQUESTS)
def test_what_is_taken_back_was_never_there(
    limits: Limits, requests: list[tuple[int, Amounts, Amounts]]
) -> None:
    """A request that was not sent leaves no trace."""
    tally, other, now = Tally(limits), Tally(limits), 10**15
    for at, (pause, amounts, _) in enumerate(requests):
        now += pause
        if tally.wait(amounts, now):
            continue
        place = tally.begin(amounts, now)
        if at % 2:
            tally.take_back(place)
        else:
            other.begin(amounts, now)
        assert other.counted(now) | {"rpm": 0} == tally.counted(now) | {"rpm": 0}


@given(LIMITS, REQUESTS)
def test_a_request_that_waited_counts_from_when_it_began(
    limits: Limits, requests: list[tuple[int, Amounts, Amounts]]
) -> None:
    """Its place moves; no window is exceeded for it."""
    tally, now, starts = Tally(limits), 10**15, []
    for pause, amounts, waited in requests:
        now += pause
        if tally.wait(amounts, now):
            continue
        place = tally.begin(amounts, now)
        now += waited.input * SECOND // 100
        assert now == tally.move(place, now).at
        starts.append((now, 1))
    if limits.rpm is not None:
        assert most_in_any(starts, 60 * SECOND) <= limits.rpm


def test_usage_takes_the_place_of_the_estimate() -> None:
    """Too much that was reserved is free at once; what was used beyond it is counted."""
    tally = Tally(Limits(tpm=100))
    place = tally.begin(Amounts(50, 50), 0)
    assert 0 < tally.wait(Amounts(10, 0), SECOND)
    tally.settle(place, Amounts(50, 20))
    assert 0 == tally.wait(Amounts(30, 0), SECOND)
    assert 0 < tally.wait(Amounts(31, 0), SECOND)
    tally.settle(place, Amounts(100, 70))  # twice: the difference to the reserved is added again
    assert 0 < tally.wait(Amounts(1, 0), SECOND)


@pytest.mark.parametrize(
    ("limits", "left", "free"),
    [
        (Limits(rpm=10), {"requests": 3}, 3),
        (Limits(rpm=10), {"requests": 30}, 10),
        (Limits(rpm=10), {"requests": 0}, 0),
        (Limits(rpm=10), {"requests": -1}, 0),
        (Limits(rpm=10), {"tokens": 0}, 10),
        (Limits(tpm=100), {"tokens": 25}, 2),
        (Limits(), {"requests": 0, "tokens": 0}, 99),
    ],
)
def test_the_service_knows_what_others_used(
    limits: Limits, left: dict[str, int], free: int
) -> None:
    """What it says is left is what is left here, if that is less; for a window's length."""
    tally = Tally(limits)
    tally.learn(left, SECOND)
    let_in = 0
    while let_in < 99 and not tally.wait(Amounts(10, 0), SECOND):
        tally.begin(Amounts(10, 0), SECOND)
        let_in += 1
    assert free == let_in
    assert 0 == tally.wait(Amounts(10, 0), 63 * SECOND)


def test_the_load_is_the_largest_share_of_a_limit() -> None:
    """A deployment of which half the tokens are used is half used, however few requests it had."""
    tally = Tally(Limits(rpm=10, tpm=100))
    tally.begin(Amounts(40, 10), SECOND)
    assert Load(0.5, 50, 1) == tally.load(2 * SECOND)
    assert {"rpm": 1, "tpm": 50, "begun": 1, "used": 50} == tally.counted(2 * SECOND)
    assert Load() == tally.load(200 * SECOND)


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "10", float("inf")])
def test_a_limit_that_allows_nothing_is_refused(value: object) -> None:
    """None, or leaving it out, is the way to have no limit."""
    with pytest.raises(ConfigError, match=r"model_list\[0\]: rpm must be a whole number"):
        read_limits({"rpm": value}, "model_list[0]")
    assert Limits(tpm=5) == read_limits({"rpm": None, "tpm": 5.0}, "model_list[0]")


# ------------------------------------------------------------------------------ the same in Redis


@pytest.fixture(scope="module")
def client() -> Iterator[redis.Redis]:
    """A connection to a server of this module's own."""
    server = RedisServer()
    with redis.Redis.from_url(server.url) as client:
        yield client
    server.remove()


def run(client: redis.Redis, asked: Eval) -> list[int]:
    """Run a script as it is."""
    reply: list[int] = client.eval(asked.script.text, len(asked.keys), *asked.keys, *asked.args)  # type: ignore[assignment]
    return reply


@given(LIMITS, REQUESTS)
def test_redis_counts_by_the_same_rule(
    client: redis.Redis, limits: Limits, requests: list[tuple[int, Amounts, Amounts]]
) -> None:
    """Each answer of the scripts is the one that this process would give, also after usage."""
    tally, now = Tally(limits), 10**15
    shared = SharedWindows("test", f"d{next(_names)}", limits.starts(), limits.slices())
    for pause, amounts, used in requests:
        now += pause
        wait = tally.wait(amounts, now)
        okay, value, _ = run(client, shared.begin(amounts, now))
        assert (wait == 0) == bool(okay)
        if wait:
            # The script names the wait of starts first; another limit may take longer.
            assert 0 < value <= wait
            continue
        assert now == value
        place = tally.begin(amounts, now)
        if used.input % 2:
            tally.settle(place, used)
            if shared.counts_tokens:
                run(client, shared.settle(now, amounts, used))


def test_what_redis_keeps_ends_by_itself(client: redis.Redis) -> None:
    """No key lives longer than its window and a little more."""
    limits = Limits(rpm=100, tpm=100, rpd=5)
    shared = SharedWindows("ttl", "d", limits.starts(), limits.slices())
    run(client, shared.begin(Amounts(1, 1)))
    run(client, shared.settle(10**15, Amounts(1, 1), Amounts(5, 5)))
    run(client, shared.cool(3.0))
    left = {bytes(key).decode(): client.ttl(key) for key in client.keys("ttl:*")}  # type: ignore[union-attr]
    assert {
        "ttl:{d}:starts": 61,
        "ttl:{d}:tpm": 62,
        "ttl:{d}:rpd": 87_600,
        "ttl:{d}:cooling": 3,
    } == {key: pytest.approx(seconds, abs=1) for key, seconds in left.items()}


def test_the_later_of_two_waits_counts_in_redis(client: redis.Redis) -> None:
    """A short wait does not shorten a long one; all keys of a deployment are in one slot."""
    shared = SharedWindows("cool", "a}b{c", Limits(rpm=1).starts(), ())
    for seconds in (5.0, 1.0):
        run(client, shared.cool(seconds))
    okay, wait, why = run(client, shared.begin(Amounts(), None))
    assert (0, b"cooling") == (okay, why)
    assert 4 * SECOND < wait <= 5 * SECOND
    asked = shared.begin(Amounts())
    assert {"{a)b(c}"} == {key[key.index("{") : key.index("}") + 1] for key in asked.keys}
