"""Rows that are asked from many machines: each once, whoever dies in between.

The actors are called as Ray calls them, in this process; `make bulk ARGS=ray` runs Ray itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from azure_agents.bulk.ray_rows import AskRows
from azure_agents.bulk.shared_journal import VARIABLE
from azure_agents.emulator import Emulator, Failed, SeenTurn, Text, ToolCalls
from azure_agents.errors import ConfigError, InvalidRequestError, TransportError

from ..stores.servers import RedisServer
from .killed import DyingTransport, Killed, Killer

ROWS = 6
LEASE = 1.5  # seconds
KINDS = {
    "v2": ("v2", {}),
    "v2 background": ("v2", {"background": True}),
    "classic": ("classic", {}),
}


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A Redis that the tests of this module share."""
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture(autouse=True)
def _empty(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.command("FLUSHALL")
    monkeypatch.setenv(VARIABLE, server.url)


def _actor(model: str, connection: dict[str, Any], **settings: Any) -> AskRows:
    given = {"run": "a", "key": "id", "lease": LEASE, **settings}
    return AskRows(model, **given, **connection)


def _batch(number: int = ROWS, text: str = "q") -> Any:
    return pa.Table.from_pylist([{"id": n, "input": f"{text} {n}"} for n in range(number)])


async def _asked(actor: AskRows, batch: Any) -> Any:
    (table,) = [one async for one in actor(batch)]
    return table


def _echo(turn: SeenTurn) -> Text:
    return Text(f"said: {turn.last_user_text}")


async def test_answers_stand_beside_their_rows() -> None:
    """Own columns keep their types, and objects of answers are JSON."""
    with Emulator() as foundry:
        actor = _actor(foundry.create_agent("a", _echo).model, foundry.connection())
        table = await _asked(actor, _batch(1))
        actor.close()
    (row,) = table.to_pylist()
    kinds = {field.name: str(field.type) for field in table.schema}
    assert ("int64", "string", "double") == (kinds["id"], kinds["answer"], kinds["seconds"])
    told = (row["id"], row["input"], row["answer"], row["finish_reason"], row["error"])
    assert (0, "q 0", "said: q 0", "stop", None) == told
    assert json.loads(row["usage"])["total_tokens"] > 0


async def test_a_batch_that_comes_again_is_not_asked_again() -> None:
    """Another actor gives the same table, from the journal."""
    with Emulator() as foundry:
        model = foundry.create_agent("a", _echo).model
        actors = [_actor(model, foundry.connection()) for _ in range(2)]
        first, second = [await _asked(actor, _batch()) for actor in actors]
        assert (ROWS, True) == (len(foundry.seen), first.equals(second))


@pytest.mark.parametrize("kind", KINDS)
async def test_two_actors_with_one_batch_ask_once(kind: str) -> None:
    """Who comes second to a row waits for the first."""
    generation, options = KINDS[kind]
    with Emulator() as foundry:
        model = foundry.create_agent("a", _echo, generation=generation).model
        actors = [_actor(model, foundry.connection() | options) for _ in range(2)]
        first, second = await asyncio.gather(*(_asked(actor, _batch()) for actor in actors))
        assert (ROWS, True) == (len(foundry.seen), first.equals(second))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("last", [3, 7, 11])
async def test_rows_of_a_dead_actor_are_taken_up(kind: str, last: int) -> None:
    """Their answers are found at the service; a chain in the foreground ended with its process."""
    generation, options = KINDS[kind]
    with Emulator() as foundry:
        model = foundry.create_agent("a", _echo, generation=generation).model
        killer, connection = Killer(last), foundry.connection() | options
        dying = DyingTransport(connection["async_transport"], killer)
        dead = _actor(model, connection | {"async_transport": dying})
        with pytest.raises(Killed):
            await _asked(dead, _batch())
        dead._journal._closed.set()  # nobody renews its lease any more
        table = await _asked(_actor(model, connection), _batch())
        answers = [f"said: q {n}" for n in range(ROWS)]
        assert answers == table["answer"].to_pylist()
        again = len(foundry.seen) - ROWS
    assert 0 <= again <= (ROWS if kind == "v2" else 0)


async def test_functions_run_once() -> None:
    """A conversation that an actor left in the middle goes on in another one.

    An actor that dies just before a function runs leaves it undone, and the agent is told so.
    """
    looked_up = []

    def look_up(what: str) -> str:
        """Look something up."""
        looked_up.append(what)
        return f"{what} was found"

    def reply(turn: SeenTurn) -> Any:
        if turn.messages[-1].role == "user":
            return ToolCalls(("look_up", {"what": turn.last_user_text}))
        return Text("found")

    what = {"type": "object", "properties": {"what": {"type": "string"}}}
    declared = [{"type": "function", "name": "look_up", "parameters": what}]
    with Emulator() as foundry:
        model = foundry.create_agent("a", reply, tools=declared).model
        for last in (14, None):
            connection = foundry.connection() | {"background": True}
            inner = connection["async_transport"]
            connection["async_transport"] = DyingTransport(inner, Killer(last))
            actor = _actor(model, connection, tools=[look_up])
            try:
                table = await _asked(actor, _batch())
            except Killed:
                actor._journal._closed.set()
    assert ["found"] * ROWS == table["answer"].to_pylist()
    answered = [turn for turn in foundry.seen if turn.messages[-1].role == "tool"]
    told = [turn for turn in answered if "was found" not in turn.messages[-1].text]
    undone = {turn.last_user_text for turn in told}
    assert len(set(looked_up)) == len(looked_up)
    assert {f"q {n}" for n in range(ROWS)} == {*looked_up, *undone}
    assert len(undone) <= 1


async def test_a_failed_row_says_why() -> None:
    """Its error is a column, and the others are answered."""

    def reply(turn: SeenTurn) -> Any:
        return Failed("invalid_request", "no") if turn.last_user_text == "q 1" else Text("Hi")

    with Emulator() as foundry:
        actor = _actor(foundry.create_agent("a", reply).model, foundry.connection())
        table = await _asked(actor, _batch(3))
        assert ["Hi", None, "Hi"] == table["answer"].to_pylist()
        assert "RunFailedError" == json.loads(table["error"][1].as_py())["type"]
        assert (2, 1) == (actor._journal.count("done"), actor._journal.count("failed"))


async def test_an_actor_that_lost_its_lease_notes_nothing() -> None:
    """Others may have its rows: it ends, and its rows are no failures."""
    with Emulator() as foundry:
        model = foundry.create_agent("a", _echo).model
        lost, other = (_actor(model, foundry.connection()) for _ in range(2))
        lost._journal._closed.set()
        await asyncio.sleep(1.2 * LEASE)
        with pytest.raises(TransportError, match="has not heard of this process"):
            await _asked(lost, _batch())
        await _asked(other, _batch())
        assert (ROWS, ROWS) == (len(foundry.seen), other._journal.count("done"))


WRONG = {
    "a name for two rows": ([{"id": 0, "input": "other"}], "with other columns"),
    "no name": ([{"id": None, "input": "a"}], "has no 'id'"),
    "no question": ([{"id": 9, "text": "a"}], "has no column 'input'"),
    "a column of ours": ([{"id": 9, "input": "a", "answer": "b"}], "a column 'answer'"),
    "a column for errors": ([{"id": 9, "input": "a", "error": "b"}], "a column 'error'"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_wrong_row_is_refused(wrong: str) -> None:
    """Before anything of its batch is sent."""
    rows, message = WRONG[wrong]
    with Emulator() as foundry:
        actor = _actor(foundry.create_agent("a", _echo).model, foundry.connection())
        await _asked(actor, _batch(1))
        with pytest.raises(InvalidRequestError, match=message):
            await _asked(actor, pa.Table.from_pylist(rows))
        assert 1 == len(foundry.seen)


@pytest.mark.parametrize(
    ("url", "message"), [(None, VARIABLE), ("http://user:secret@host", "no Redis URL")]
)
def test_without_a_redis_nothing_begins(
    monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    """The error names the variable, and no password."""
    monkeypatch.delenv(VARIABLE)
    if url:
        monkeypatch.setenv(VARIABLE, url)
    with pytest.raises(ConfigError, match=message) as raised:
        AskRows("a", run="a", key="id", api_base="https://r.services.ai.azure.com/api/projects/p")
    assert "secret" not in str(raised.value)
