"""What every thread store promises, tried on all three."""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier
from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.errors import ConfigError
from azure_agents.threads.store import CLOSED, LONGEST

from .processes import race, start

if TYPE_CHECKING:
    from .conftest import Backend

TEXTS = ["x", "a b:c{d}%", "naïve 🙂 \u2028", "line\nline\x00end", "'; DROP TABLE entries; --"]


def test_an_unknown_key_has_no_value(backend: Backend) -> None:
    """Nothing to read and nothing to take."""
    store = backend.open()
    assert (None, False) == (store.get("key"), store.take("key", "head"))


def test_the_last_put_counts(backend: Backend) -> None:
    """A put replaces what was there."""
    store = backend.open()
    store.put("key", "one")
    store.put("key", "two")
    assert ("two", False, True) == (
        store.get("key"),
        store.take("key", "one"),
        store.take("key", "two"),
    )


def test_a_value_is_taken_once(backend: Backend) -> None:
    """Whoever comes second finds nothing, and other keys are not touched."""
    store = backend.open()
    store.put("key", "head")
    store.put("other", "head")
    assert [True, False] == [store.take("key", "head") for _ in range(2)]
    assert (None, "head") == (store.get("key"), store.get("other"))


@pytest.mark.parametrize("value", ["", "another head"])
def test_a_wrong_guess_takes_nothing(backend: Backend, value: str) -> None:
    """The entry stays as it was."""
    store = backend.open()
    store.put("key", "head")
    assert (False, "head") == (store.take("key", value), store.get("key"))


def test_a_new_head_follows_the_one_that_was_taken(backend: Backend) -> None:
    """Turn after turn, as a conversation does it."""
    store = backend.open()
    store.put("key", "head 0")
    for turn in range(5):
        assert store.take("key", f"head {turn}")
        store.put("key", f"head {turn + 1}")
    assert "head 5" == store.get("key")


@pytest.mark.parametrize("before", [None, "head"])
def test_closed_is_final(backend: Backend, before: str | None) -> None:
    """No later put opens the thread again, and nobody takes the mark itself."""
    store = backend.open()
    if before:
        store.put("key", before)
    store.put("key", CLOSED)
    store.put("key", "late head")
    assert (CLOSED, False, False) == (
        store.get("key"),
        store.take("key", "late head"),
        store.take("key", CLOSED),
    )


@pytest.mark.parametrize("text", TEXTS)
def test_any_text_is_kept_as_it_is(backend: Backend, text: str) -> None:
    """As key and as value."""
    store = backend.open()
    store.put(text, text)
    assert (text, True) == (store.get(text), store.take(text, text))


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "\ud800"], ids=["too long", "half a pair"])
def test_what_not_every_store_can_keep_none_keeps(backend: Backend, text: str) -> None:
    """Such an id comes from no honest service: it costs a fork, not an error."""
    store = backend.open()
    store.put("key", text)
    store.put(text, "value")
    assert [None, None] == [store.get("key"), store.get(text)]
    assert [False, False] == [store.take("key", text), store.take(text, "value")]


@pytest.mark.slow
def test_entries_expire(backend: Backend) -> None:
    """Counted from the last put; an expired closed thread is as new."""
    store = backend.open(ttl=0.3)
    store.put("head", "value")
    store.put("closed", CLOSED)
    time.sleep(0.2)
    store.put("renewed", "one")
    store.put("head", "again")
    time.sleep(0.2)
    assert ("again", None, "one") == tuple(store.get(key) for key in ("head", "closed", "renewed"))
    time.sleep(0.2)
    assert (None, False) == (store.get("head"), store.take("head", "again"))
    store.put("closed", "anew")
    assert "anew" == store.get("closed")


def test_full_stores_lose_the_oldest(bounded: Backend) -> None:
    """The newest stay. Redis has no such bound but the server's memory and the time to live."""
    store = bounded.open(size=20)
    for number in range(100):
        store.put(f"key {number}", "value")
    kept = [number for number in range(100) if store.get(f"key {number}")]
    assert list(range(80, 100)) == kept


def test_one_of_many_threads_wins(backend: Backend) -> None:
    """Eight threads on one store take every key exactly once."""
    store = backend.open()
    keys = [f"key {number}" for number in range(50)]
    for key in keys:
        store.put(key, "head")
    barrier = Barrier(8)

    def take_all(_: int) -> list[str]:
        barrier.wait()
        return [key for key in keys if store.take(key, "head")]

    with ThreadPoolExecutor(8) as pool:
        won = list(chain.from_iterable(pool.map(take_all, range(8))))
    assert keys == sorted(won, key=keys.index)


@pytest.mark.slow
def test_one_of_many_processes_wins(lasting: Backend) -> None:
    """Four processes take every key exactly once."""
    store = lasting.open()
    keys = [f"key {number}" for number in range(200)]
    for key in keys:
        store.put(key, "head")
    assert [1] * len(keys) == race(keys, kind=lasting.kind, place=lasting.place)


def test_another_process_finds_everything(lasting: Backend) -> None:
    """A store made anew on the same place holds what the first one put."""
    lasting.open().put("key", "head")
    lasting.opened[0].close()
    again = lasting.open()
    assert ("head", True, None) == (again.get("key"), again.take("key", "head"), again.get("key"))


@pytest.mark.parametrize("limits", [{"ttl": 0}, {"ttl": -1.0}])
def test_limits_that_keep_nothing_are_refused(lasting: Backend, limits: dict[str, Any]) -> None:
    """A wrong setting is told at once."""
    with pytest.raises(ConfigError, match="keeps nothing"):
        lasting.open(**limits)


@pytest.mark.slow
def test_a_killed_process_loses_nothing(lasting: Backend) -> None:
    """Whatever a process had done when it was killed is there, and nothing is half done."""
    for number in range(8):
        with start("hammer", kind=lasting.kind, place=lasting.place) as child:
            done = _kill_after(child, 40 + 17 * number)
        store = lasting.open()
        for key in (f"key {n}" for n in range(max(done["put"]) + 1)):
            index = int(key.removeprefix("key "))
            value = f"value {index}"
            if index in done["took"]:
                assert not store.take(key, value)
            elif index in done["has"] and not (index % 2 and index == max(done["has"])):
                assert store.take(key, value)
            else:
                assert store.get(key) in (None, value)
                store.take(key, value)
        store.close()
        if lasting.kind == "redis":  # there a head is put once in its life
            store._client.flushall()


def _kill_after(child: subprocess.Popen[str], lines: int) -> dict[str, set[int]]:
    """Kill the child in the middle of its work; what it had said."""
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    said += [line for line in child.stdout if line.endswith("\n")]
    done: dict[str, set[int]] = {"put": set(), "has": set(), "took": set()}
    for line in said:
        word, number = line.split()
        done[word].add(int(number))
    return done
