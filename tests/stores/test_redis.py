"""What is particular to the store in Redis."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from azure_agents.errors import ConfigError, StoreUnavailableError
from azure_agents.threads.redis import RedisThreadStore
from azure_agents.threads.store import CLOSED

from .servers import RedisServer

SECRET = "canary"


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisThreadStore]:
    """A store on an empty server."""
    redis_server.command("FLUSHALL")
    made = RedisThreadStore(redis_server.url)
    yield made
    made.close()


# --- settings -----------------------------------------------------------------------------------

SHOWN = [
    (
        f"redis://me:{SECRET}@cache.example.net:6380/1?password={SECRET}",
        "redis://cache.example.net:6380/1",
    ),
    (f"rediss://:{SECRET}@cache.example.net", "rediss://cache.example.net"),
    (f"unix://me:{SECRET}@/run/redis.sock", "unix:///run/redis.sock"),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_no_password_is_ever_shown(url: str, shown: str) -> None:
    """Where the store is may be told, who may enter may not."""
    assert f"RedisThreadStore({shown!r}, prefix='azure-agents')" == repr(RedisThreadStore(url))


WRONG_URLS = [
    f"http://:{SECRET}@host",
    f"redis://:{SECRET}/1@host:6379",
    f"redis://:123#{SECRET}@host",
    f"redis://:12/{SECRET}@host:x",
    f"redis://[{SECRET}",
    SECRET,
    "",
]


@pytest.mark.parametrize("url", WRONG_URLS)
def test_a_wrong_url_is_told_without_its_secrets(url: str) -> None:
    """Neither the error nor what led to it quotes the password."""
    try:
        shown = repr(RedisThreadStore(url))  # some wrong ones look right until they are used
    except ConfigError as error:
        shown = f"{error!r} {error.__cause__!r} {error.__context__!r}"
        assert "redis://host:6379/0" in shown
    assert SECRET not in shown


def test_an_outage_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the place and the kind of error, once."""
    store = RedisThreadStore(f"unix://me:{SECRET}@/nowhere/redis.sock")
    assert [(None, False)] * 3 == [(store.get("key"), store.take("key", "x")) for _ in range(3)]
    assert [
        f"{store!r} does not answer (ConnectionError): conversations fork until it does"
    ] == caplog.messages
    assert SECRET not in caplog.text


def test_a_client_of_ones_own_is_used(redis_server: RedisServer, store: RedisThreadStore) -> None:
    """Also one that decodes its answers; it meets the entries that others made."""
    client = redis.Redis.from_url(redis_server.url, decode_responses=True)
    own = RedisThreadStore(client)
    store.put("key", "naïve 🙂")
    assert ("naïve 🙂", True, None) == (
        own.get("key"),
        own.take("key", "naïve 🙂"),
        store.get("key"),
    )
    assert "RedisThreadStore('Redis', prefix='azure-agents')" == repr(own)
    own.close()


@pytest.mark.parametrize("given", [redis.asyncio.Redis(), None, 6379])
def test_what_is_no_sync_client_is_refused(given: Any) -> None:
    """An async client would answer with coroutines, in the wrong loop."""
    with pytest.raises(ConfigError, match="sync client"):
        RedisThreadStore(given)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that can be pasted into a shell."""
    monkeypatch.setitem(sys.modules, "redis.exceptions", None)
    with pytest.raises(ConfigError, match=r'pip install "azure-agents\[redis\]"'):
        RedisThreadStore("redis://localhost")


def test_it_is_not_pickled(store: RedisThreadStore) -> None:
    """Its settings may hold a password."""
    with pytest.raises(TypeError, match="make the store anew"):
        pickle.dumps(store)


# --- entries ------------------------------------------------------------------------------------


def test_prefixes_part_what_shares_a_server(
    redis_server: RedisServer, store: RedisThreadStore
) -> None:
    """Two applications on one server know nothing of each other."""
    other = RedisThreadStore(redis_server.url, prefix="other")
    store.put("key", "head")
    assert (None, False) == (other.get("key"), other.take("key", "head"))
    other.close()


def test_everything_expires(redis_server: RedisServer, store: RedisThreadStore) -> None:
    """Entries after thirty days, marks of taken heads after one; and one cluster slot for both."""
    store.put("open", "head")
    store.put("gone", "head")
    store.take("gone", "head")
    with redis.Redis.from_url(redis_server.url) as client:
        days = {k.decode(): round(client.pttl(k) / 86_400_000, 2) for k in client.scan_iter()}
    assert {"azure-agents:{open}": 30.0, "azure-agents:{gone}:taken:head": 1.0} == days


# --- what a network may do ----------------------------------------------------------------------


def test_a_head_that_was_taken_never_comes_back(
    redis_server: RedisServer, store: RedisThreadStore
) -> None:
    """A put that is executed late or twice does nothing."""
    store.put("key", "head 1")
    assert store.take("key", "head 1")
    store.put("key", "head 1")
    assert store.get("key") is None
    store.put("key", "head 2")
    store.put("key", "head 1")
    assert "head 2" == store.get("key")


def test_entries_from_before_a_restart_are_dead(own_redis_server: RedisServer) -> None:
    """The server comes back with an old snapshot, in which a head stands that was taken since."""
    store = RedisThreadStore(own_redis_server.url)
    store.put("key", "head 1")
    store.put("system", "digest 1")
    own_redis_server.command("SAVE")
    assert store.take("key", "head 1")
    own_redis_server.kill()
    own_redis_server.start()
    assert own_redis_server.command("EXISTS", "azure-agents:{key}")
    assert (None, False) == (store.get("system"), store.take("key", "head 1"))
    store.put("key", "head 2")  # of the turn that took the old one: meant for the old server
    assert store.get("key") is None
    store.put("other", "head")
    assert store.take("other", "head")
    store.close()


def test_a_thread_closed_before_a_restart_stays_closed_for_turns_under_way(
    own_redis_server: RedisServer,
) -> None:
    """The mark is lost with the server; so is the right to put a head that was won there."""
    store = RedisThreadStore(own_redis_server.url)
    store.put("key", "head 1")
    assert store.take("key", "head 1")
    store.put("key", CLOSED)
    own_redis_server.kill()
    own_redis_server.start()
    store.get("another key")
    store.put("key", "head 2")
    assert (None, False) == (store.get("key"), store.take("key", "head 2"))
    store.close()


def test_a_pinned_turn_is_refused_while_the_store_is_down(own_redis_server: RedisServer) -> None:
    """Its thread cannot be closed, and somebody may still hold the right to its head."""
    store = RedisThreadStore(own_redis_server.url)
    store.put("head:x:thread_1", "head")
    own_redis_server.kill()
    store.put("other", "head")
    with pytest.raises(StoreUnavailableError, match="'thread_1'") as caught:
        store.put("head:x:thread_1", CLOSED)
    assert "thread_1" == caught.value.thread_id
    own_redis_server.start()
    store.put("head:x:thread_1", CLOSED)  # at once, although the store is left alone for a while
    assert CLOSED == store.get("head:x:thread_1")
    store.close()


def test_a_dead_server_is_not_waited_for_every_time(own_redis_server: RedisServer) -> None:
    """A server that hangs costs a turn one wait, not one for each question."""
    store = RedisThreadStore(own_redis_server.url + "?socket_timeout=0.2")
    own_redis_server.command("CLIENT", "PAUSE", "60000", "ALL")
    began = time.monotonic()
    assert [False] * 100 == [store.take("key", "head") for _ in range(100)]
    assert 0.15 < time.monotonic() - began < 10.0  # 20, if each waited
    store.close()


def test_connections_cut_while_idle_are_made_anew(
    redis_server: RedisServer, store: RedisThreadStore, caplog: pytest.LogCaptureFixture
) -> None:
    """As firewalls and servers do: no fork, no warning."""
    store.put("key", "head")
    redis_server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert store.take("key", "head")
    assert [] == caplog.messages


def test_a_server_without_an_id_is_down(redis_server: RedisServer) -> None:
    """What it remembers could be set back in time: it is asked for nothing."""
    redis_server.command("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-info")
    client = redis.Redis.from_url(
        redis_server.url, username="limited", password="pw", retry=Retry(NoBackoff(), 0)
    )
    store = RedisThreadStore(client)
    store.put("key", "head")
    assert (None, False) == (store.get("key"), store.take("key", "head"))
    store.close()
    redis_server.command("ACL", "DELUSER", "limited")
