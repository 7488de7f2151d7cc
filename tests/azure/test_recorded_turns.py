"""Recorded Azure traffic, replayed: every turn that we can send, at every door, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

from azure_agents.drivers.clock import SystemClock

from .doors import DOORS, Connection, Door, Open, Seen
from .recording import DIFFERENCES, FOLDER, Recording, goes_to_the_same_place
from .turns import NOT_SENT, PLAYS, Play, Turn, is_streamed, recorded_turns, said_in, seen_in

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the recordings are not here: {FOLDER}"
)


class NotPlayedError(AssertionError):
    """A recording was not played to its end."""


@contextmanager
def cassette(play: Play) -> Iterator[None]:
    """The network is a recording; to leave before all of it is played is an error."""
    recording = Recording(play.numbers)
    player = vcr.VCR(match_on=["method", "place", "meaning"])
    player.register_serializer("recording", recording)
    player.register_matcher("place", goes_to_the_same_place)
    player.register_matcher("meaning", recording.means_the_same)
    path = str(FOLDER / f"{play.file}.json")
    with player.use_cassette(path, serializer="recording", record_mode="none") as played:
        yield
        if not played.all_played:
            raise NotPlayedError(f"{played.play_count} of {len(played)} requests were made")


async def asked(door: Door, play: Play) -> list[Any]:
    """What is seen of each turn of a play, or the error that it ends with."""
    history: list[Any] = []
    found: list[Any] = []
    for turn in play.turns:
        history.append(door.message(said_in(play.file, turn.number)))
        streamed = is_streamed(play.file, turn.number)
        if turn.error is not None:
            with pytest.raises(turn.error) as caught:
                await door.ask(history, streamed=streamed, **turn.options)
            found.append((caught.value.status, caught.value.code, caught.value.request_id))
            continue
        answer = await door.ask(history, streamed=streamed, **turn.options)
        history.append(door.kept(answer))
        found.append(door.seen(answer))
    return found


def expected(play: Play, turn: Turn) -> Any:
    """What is recorded of a turn."""
    if turn.error is None:
        return seen_in(play.file, turn.number)
    last = Recording(play.numbers)
    last.deserialize((FOLDER / f"{play.file}.json").read_text("utf-8"))
    answer = last.exchanges[max(last.exchanges)].response
    return (answer["status"], answer["body"]["error"]["code"], answer["headers"]["x-request-id"])


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async def asleep(_: object, seconds: float) -> None: ...

    monkeypatch.setattr(SystemClock, "sleep", lambda _, seconds: None)
    monkeypatch.setattr(SystemClock, "asleep", asleep)


every_play = pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.file)


@every_play
@pytest.mark.parametrize("opened", DOORS.values(), ids=DOORS)
def test_recorded_turns_are_replayed(play: Play, opened: Open) -> None:
    """Text, calls, tools, approvals, citations, tokens and ids are those of the recording."""
    with cassette(play):
        found = asyncio.run(asked(opened(Connection(play.model, play.pin, play.own)), play))
    assert [expected(play, turn) for turn in play.turns] == found


@every_play
def test_another_request_is_not_answered(play: Play) -> None:
    """By one word more, another agent, or another thread, it is not the recorded one."""
    door = DOORS["LangChain, sync"](Connection(play.model, play.pin, play.own))
    said = said_in(play.file, play.turns[0].number)
    other = door.message(said._replace(text=f"{said.text} Please.", approves="", result_of=""))
    with pytest.raises(CannotOverwriteExistingCassetteException), cassette(play):
        asyncio.run(door.ask([other], streamed=True))


@every_play
def test_a_recording_that_is_not_played_fails(play: Play) -> None:
    """A request that is no longer made is a change, too."""
    whole = f"0 of {len(play.numbers)} requests were made"
    with pytest.raises(NotPlayedError, match=whole), cassette(play):
        pass


def test_every_recorded_turn_is_played_or_says_why_not() -> None:
    """A recording that is added later does not go unplayed."""
    played = [(play.file, number) for play in PLAYS for number in play.numbers]
    assert sorted(recorded_turns()) == sorted([*played, *NOT_SENT])
    assert all(NOT_SENT.values())


def test_every_difference_is_in_use() -> None:
    """The table says what we send otherwise, and nothing else."""
    used = {name for play in PLAYS for names in play.numbers.values() for name in names}
    assert set(DIFFERENCES) == used


def test_what_is_expected_is_something() -> None:
    """The independent reader finds texts, calls, tools, approvals, citations; nothing unknown."""
    all_seen = [
        seen_in(play.file, turn.number)
        for play in PLAYS
        for turn in play.turns
        if turn.error is None
    ]
    found = {n: any(getattr(seen, n) for seen in all_seen) for n in Seen._fields}
    assert {n: n != "unknown" for n in Seen._fields} == found
