"""Transcripts in pieces: the events as they come, on the emulator and cut anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import azure_agents
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError

from .calling import SURFACES
from .cuts import check_every_cut
from .wire import WAYS, frame

SOUND = ("a.wav", b"RIFF\x00\x00\x00\x00WAVEfmt ")
EVENTS = [
    {"type": "transcript.text.delta", "delta": "Grüße "},
    {"type": "transcript.text.delta", "delta": "aus Köln"},
    {"type": "transcript.text.done", "text": "Grüße aus Köln", "usage": {"total_tokens": 5}},
]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator that listens."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("ear", "Greetings from Cologne.", model="gpt-4o-transcribe")
        yield emulator


def listen(foundry: Emulator, way: str, model: str, **more: Any) -> list[Any]:
    """The events of one stream."""
    given: dict[str, Any] = {**foundry.deployment_connection(), **more, "stream": True}
    if way == "sync":
        return list(azure_agents.transcription(model, SOUND, **given))

    async def collected() -> list[Any]:
        return [event async for event in await azure_agents.atranscription(model, SOUND, **given)]

    return asyncio.run(collected())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_transcript_comes_in_pieces(foundry: Emulator, way: str, version: str | None) -> None:
    """The pieces make the text of the last event, which has the usage."""
    *deltas, done = listen(foundry, way, "azure/ear", api_version=version)
    assert len(deltas) > 1
    assert "Greetings from Cologne." == done.text == "".join(event.delta for event in deltas)
    assert done.usage.total_tokens > 0
    assert b'name="stream"\r\n\r\ntrue' in foundry.requests[-1].body


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_does_not_stream_is_not_asked(foundry: Emulator, way: str) -> None:
    """Whisper, by the name of the deployment or of the model behind it."""
    for model, more in (("azure/whisper", {}), ("azure/ear", {"base_model": "azure/whisper-1"})):
        with pytest.raises(InvalidRequestError, match="is a whisper model, which does not stream"):
            listen(foundry, way, model, **more)
    assert 0 == len(foundry.requests)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_anywhere_ends_in_one_way(way: str) -> None:
    """With its last event, or with an error that has the part."""
    data = b"".join(map(frame, EVENTS))
    given = {"model": "azure/ear", "file": SOUND}
    check_every_cut(
        way, "transcription", data, len(data), lambda event: event.get("delta", ""), **given
    )
