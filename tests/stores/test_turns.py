"""Whole turns on each store: continued over restarts, forked while it is down, always right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.errors import StoreUnavailableError
from azure_agents.messages import Message, TurnRequest, user
from azure_agents.threads.redis import RedisThreadStore
from azure_agents.threads.sqlite import SQLiteThreadStore

from ..promise.oracle import expected_facts, seen_facts
from ..promise.world import Setting, World, answer
from .processes import result, start
from .talker import client, dump, load, talk

if TYPE_CHECKING:
    from .conftest import Backend
    from .servers import RedisServer

SETTINGS = [
    Setting(generation, is_async, threads)
    for generation, threads in (("classic", "auto"), ("v2", "conversation"))
    for is_async in (False, True)
]


async def turn(world: World, chat: list[Message], store: Any) -> str:
    """One turn, checked by the world; the thread it was on."""
    world.stores[0] = store
    chat.append(user(f"question {len(chat)}"))
    world.said = f"answer {len(chat)}"
    completion = await world.ask(chat, stream=False)
    chat.append(answer(completion))
    return completion.finished.thread_id or ""


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_a_lasting_store_continues_after_a_restart(
    lasting: Backend, setting: Setting
) -> None:
    """New store, new clients, the same thread; and each turn once on it."""
    world, chat = World(setting, seed=1), []
    threads = [await turn(world, chat, lasting.open()) for _ in range(4)]
    assert 1 == len(set(threads))
    assert 4 == world.calls


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_an_old_answer_is_not_continued_in_another_process(
    lasting: Backend, setting: Setting
) -> None:
    """Both go on from the same answer; one gets the thread, the other a new one."""
    world, chat = World(setting, seed=1), []
    first = await turn(world, chat, lasting.open())
    branches = [await turn(world, list(chat), lasting.open()) for _ in range(2)]
    assert first == branches[0]
    assert first != branches[1]


def _outage_of_sqlite(folder: Path) -> tuple[Any, Callable[[], None], Callable[[], None]]:
    path, aside = folder / "threads.db", folder / "aside"
    store = SQLiteThreadStore(path)

    def go_down() -> None:
        store.close()
        shutil.move(path, aside)
        path.mkdir()

    def come_up() -> None:
        path.rmdir()
        shutil.move(aside, path)

    return store, go_down, come_up


def _outage_of_redis(server: RedisServer) -> tuple[Any, Callable[[], None], Callable[[], None]]:
    store = RedisThreadStore(server.url)
    store._rest = 0.0
    return store, server.kill, server.start


@pytest.fixture(params=["sqlite", "redis"])
def failing(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A store, what makes it fail, and what repairs it."""
    if request.param == "sqlite":
        made = _outage_of_sqlite(tmp_path)
    else:
        made = _outage_of_redis(request.getfixturevalue("own_redis_server"))
    yield made
    made[0].close()


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_a_store_that_is_down_costs_forks_and_nothing_else(
    failing: Any, setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    """Before, during and after the outage every turn sees its messages; the log has one line."""
    store, go_down, come_up = failing
    world, chat = World(setting, seed=1), []
    before = [await turn(world, chat, store) for _ in range(2)]
    stale = list(chat)
    go_down()
    during = [await turn(world, chat, store) for _ in range(2)]
    come_up()
    after = [await turn(world, chat, store) for _ in range(3)]
    await turn(world, stale, store)
    assert 1 == len(set(before))
    assert 3 == len({*before, *during}), "two turns without a store, two forks"
    assert 1 == len(set(after)), "and from then on one thread again"
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert 1 == len(warnings)


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
async def test_a_pinned_turn_is_not_sent_while_the_store_is_down(
    failing: Any, setting: Setting
) -> None:
    """Else the outage's end would let an older answer continue behind it."""
    store, go_down, come_up = failing
    world, chat = World(setting, seed=1), []
    thread = await turn(world, chat, store)
    stale = list(chat)
    pinned = TurnRequest((*chat, user("pinned")), thread_id=thread)
    go_down()
    sent = len(world.foundry.seen)
    with pytest.raises(StoreUnavailableError, match=thread):
        await _complete(world, store, pinned)
    assert sent == len(world.foundry.seen)
    come_up()
    assert thread == (await _complete(world, store, pinned)).finished.thread_id
    assert thread != await turn(world, stale, store)


async def _complete(world: World, store: Any, request: TurnRequest) -> Any:
    sync, aio = world._clients(store)
    return await aio.complete(request) if world.setting.is_async else sync.complete(request)


# --- processes ----------------------------------------------------------------------------------

served = pytest.mark.allow_hosts(["127.0.0.1"])
KINDS = [("auto", "classic"), ("conversation", "v2")]


def connect(world: World, endpoint: str) -> dict[str, Any]:
    """What another process needs to know."""
    model, threads = world.agent.model, world.setting.threads
    return {"model": model, "threads": threads, "endpoint": endpoint}


@served
@pytest.mark.slow
@pytest.mark.parametrize(("threads", "generation"), KINDS)
def test_another_process_goes_on_where_the_store_lets_it(
    backend: Backend, threads: str, generation: str
) -> None:
    """On the same thread with a lasting store, on a new one with that of a process."""
    world, chat = World(Setting(generation, is_async=False, threads=threads), seed=1), []
    with world.foundry.serve() as server:
        connection = connect(world, server.endpoint)
        _say(connection, backend.open(), chat)
        first = _thread_of(world)
        place = {"kind": backend.kind, "place": backend.place}
        said = result(start("say", connection=connection, history=dump(chat), **place))
    assert (first == _thread_of(world)) is (backend.kind != "memory")
    messages = tuple(load(json.dumps(said))[:-1])
    assert expected_facts(messages, generation) == seen_facts(world.foundry.seen[-1])


def _thread_of(world: World) -> str | None:
    return world.foundry.seen[-1].thread_id


def _say(connection: dict[str, Any], store: Any, chat: list[Message]) -> None:
    agents = client(connection, store)
    talk(agents, chat, "in this process")
    agents.close()
