"""Recorded traffic of deployments, asked for by our functions: what is read is what was recorded.

Each request is a cassette of its own (`recorded_models.Recording`), played without sockets, by the
sync and the async function. Expected values are read from the recording, apart from our code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

import azure_agents
from azure_agents import errors

from .recorded_answers import check, check_error
from .recorded_models import (
    DIFFERENCES,
    FOLDER,
    FUNCTIONS,
    PLACES,
    Call,
    Place,
    Recording,
    call_of,
    entries,
    files,
    function_of,
    goes_to_the_same_place,
)
from .test_chat import in_pieces

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings of deployments: {FOLDER} is not here"
)
# Recorded requests that no function of ours makes.
NOT_ASKED = {("openai/fine_tuning_create_cancel_delete", 4): "jobs are cancelled, not deleted"}


PLAYED = [
    (file, number)
    for file in (files() if FOLDER.is_dir() else ())
    for number in range(len(entries(file)))
    if (file, number) not in NOT_ASKED
]
every_exchange = pytest.mark.parametrize(("file", "number"), PLAYED)
both = pytest.mark.parametrize("is_async", [False, True])


@contextmanager
def cassette(file: str, number: int) -> Iterator[Recording]:
    """The network is one recorded exchange."""
    recording = Recording(number)
    player = vcr.VCR(match_on=["method", "place", "meaning"])
    player.register_serializer("recording", recording)
    player.register_matcher("place", goes_to_the_same_place)
    player.register_matcher("meaning", recording.means_the_same)
    path = str(FOLDER / f"{file}.json")
    with player.use_cassette(path, serializer="recording", record_mode="none") as played:
        yield recording
        assert played.all_played


def asked(call: Call, *, is_async: bool, **more: Any) -> Any:
    """What a call gives, by either function; of a stream a list of its pieces."""
    given = {"max_retries": 0, **call.arguments, **more}
    if not is_async:
        answer = getattr(azure_agents, call.function)(**given)
        return list(answer) if call.is_streamed else answer

    async def run() -> Any:
        # httpx-aiohttp, which async calls would use, is another library to vcrpy.
        transport = {"async_transport": httpx.AsyncHTTPTransport(), **given}
        answer = await getattr(azure_agents, f"a{call.function}")(**transport)
        return [piece async for piece in answer] if call.is_streamed else answer

    return asyncio.run(run())


@every_exchange
@both
def test_recorded_answers_are_read_exactly(file: str, number: int, *, is_async: bool) -> None:
    """Every field of a chat, every choice of a stream; of an error its class, ids and sentence."""
    exchange = entries(file)[number]
    call, response = call_of(exchange), exchange["response"]
    with cassette(file, number):
        if response["status"] >= 400:
            with pytest.raises(errors.AzureAgentsError) as caught:
                asked(call, is_async=is_async)
            check_error(file, response, caught.value)
        else:
            check(call, response, asked(call, is_async=is_async))


@pytest.mark.parametrize("size", [1, 3, 64])
def test_streams_are_read_in_pieces_of_any_size(size: int) -> None:
    """A piece may end within a line, a character or a line's end."""
    for file, number in PLAYED:
        exchange = entries(file)[number]
        if "sse" in exchange["response"]:
            call, sse = call_of(exchange), exchange["response"]["sse"].encode()
            kind = {"content-type": "text/event-stream"}
            network = httpx.MockTransport(
                lambda _, sse=sse, kind=kind: httpx.Response(
                    200, content=in_pieces(sse, size), headers=kind
                )
            )
            answer = asked(call, is_async=False, transport=network)
            check(call, exchange["response"], answer)


def other_than(call: Call) -> dict[str, Any]:
    """One argument of a call, changed."""
    names = ("messages", "input", "prompt", "training_file", "input_file_id")
    for name, value in call.arguments.items():
        if name == "messages":
            return {name: [*value, {"role": "user", "content": "Please."}]}
        if name in names and isinstance(value, list):
            return {name: [*value, value[-1]]}
        if name in names or name.endswith("_id"):
            return {name: f"{value}1"}
    return {"model": "azure/another"} if "model" in call.arguments else {"api_version": "v1"}


@every_exchange
def test_another_request_is_not_answered(file: str, number: int) -> None:
    """By one word more, or another id, it is not the recorded one."""
    call = call_of(entries(file)[number])
    with pytest.raises(CannotOverwriteExistingCassetteException), cassette(file, number):
        asked(call, is_async=False, **other_than(call))


def test_every_recorded_request_has_its_function() -> None:
    """One that is recorded later does not go unplayed; what no function asks has a reason."""
    asked_for = {
        (file, number): function_of(exchange["request"])[0]
        for file in files()
        for number, exchange in enumerate(entries(file))
        if (file, number) not in NOT_ASKED
    }
    assert {name for _, _, name in FUNCTIONS} == set(asked_for.values())
    assert all(NOT_ASKED.values())


def test_every_mapped_place_and_every_difference_is_in_use() -> None:
    """The tables say what is otherwise with us, and nothing else."""
    differ: set[str] = set()
    moved: set[Place | None] = set()
    for file, number in PLAYED:
        exchange = entries(file)[number]
        with cassette(file, number) as recording:
            try:
                asked(call_of(exchange), is_async=False)
            except errors.ServiceError:
                assert exchange["response"]["status"] >= 400
        differ |= recording.differences
        moved.add(recording.moved_by)
    assert set(DIFFERENCES) == differ
    assert {*PLACES, None} == moved
