"""Speech and transcripts on the emulator: both surfaces, sync and async."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import azure_agents
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    InvalidRequestError,
    ProtocolError,
    StreamInterruptedError,
)

from .calling import SURFACES, WAYS, call

SAID = "the quick brown fox jumped over the lazy dogs"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a voice and an ear."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("voice", model="tts-1")
        emulator.deploy("ear", "Grüße aus Köln.", model="whisper")
        yield emulator


def speak(foundry: Emulator, way: str, **more: Any) -> Any:
    """Something said aloud."""
    return call(foundry, way, "speech", "azure/voice", SAID, "alloy", **more)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_speech_is_bytes_any_number_of_times(
    foundry: Emulator, way: str, version: str | None, tmp_path: Path
) -> None:
    """In memory, in pieces and in a file; as LiteLLM's page has it."""
    answer = speak(foundry, way, api_version=version, speed=1.5)
    place = "v1" if version is None else "deployments/voice"
    sent = foundry.requests[-1]
    assert f"/openai/{place}/audio/speech" == sent.path
    assert {"model": "voice", "input": SAID, "voice": "alloy", "speed": 1.5} == sent.body
    assert "audio/mpeg" == answer.content_type
    path = tmp_path / "speech.mp3"
    path.write_bytes(b"old")
    assert path == answer.stream_to_file(path)
    assert answer.content == path.read_bytes() == b"".join(answer.iter_bytes(1000))
    assert {1000} == {len(piece) for piece in list(answer.iter_bytes(1000))[:-1]}
    assert tmp_path / "speech (1).mp3" == answer.write_to_file(tmp_path)
    assert answer.size == len(answer.read()) > 1000
    assert answer._hidden_params["headers"]["x-request-id"]
    assert [path, tmp_path / "speech (1).mp3"] == sorted(tmp_path.iterdir(), reverse=True)


@pytest.mark.parametrize("way", WAYS)
def test_each_format_is_asked_for(foundry: Emulator, way: str) -> None:
    """What the service does not have, it refuses itself."""
    for format, kind in (("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("pcm", "audio/pcm")):
        answer = speak(foundry, way, response_format=format)
        assert (kind, format) == (answer.content_type, foundry.requests[-1].body["response_format"])
    with pytest.raises(BadRequestError, match="response_format"):
        speak(foundry, way, response_format="midi")


def streamed(foundry: Emulator, way: str, **more: Any) -> list[bytes]:
    """The pieces of speech that is not read ahead."""
    given = {**foundry.deployment_connection(), **more}
    if way == "sync":
        return list(
            azure_agents.speech("azure/voice", SAID, "alloy", stream=True, **given).iter_bytes()
        )

    async def run() -> list[bytes]:
        answer = await azure_agents.aspeech("azure/voice", SAID, "alloy", stream=True, **given)
        return [piece async for piece in answer.aiter_bytes()]

    return asyncio.run(run())


class Trickling:
    """Sends sound in pieces, and counts those that were read."""

    def __init__(self) -> None:
        self.read = 0

    def __call__(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=self._body(), headers={"content-type": "audio/pcm"})

    def _body(self) -> Any:
        counted = self

        class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                for piece in (b"a", b"bc", b"def"):
                    counted.read += 1
                    yield piece

            async def __aiter__(self) -> Any:
                for piece in self:
                    yield piece

        return Body()


@pytest.mark.parametrize("way", WAYS)
def test_speech_can_be_heard_while_it_comes(foundry: Emulator, way: str) -> None:
    """In the pieces of the service; nothing is read before it is asked for."""
    transport = httpx.MockTransport(trickling := Trickling())
    more = {"transport": transport, "async_transport": transport}
    speak(foundry, way, stream=True, **more)
    assert 0 == trickling.read
    assert [b"a", b"bc", b"def"] == streamed(foundry, way, **more)
    assert b"abcdef" == speak(foundry, way, **more).content


@pytest.mark.parametrize("way", WAYS)
def test_speech_that_is_cut_is_made_again_unless_it_was_heard(foundry: Emulator, way: str) -> None:
    """Nobody hears a beginning twice."""
    whole = speak(foundry, way).content
    made = len(foundry.requests)
    foundry.faults.add(Fault("cut", after_bytes=700))
    assert whole == speak(foundry, way).content
    foundry.faults.add(Fault("cut", after_bytes=0))
    assert whole == b"".join(streamed(foundry, way))
    assert 4 == len(foundry.requests) - made
    foundry.faults.add(Fault("cut", after_bytes=700))
    with pytest.raises(StreamInterruptedError) as caught:
        streamed(foundry, way)
    assert caught.value.request_id
    assert 5 == len(foundry.requests) - made


NO_SOUND = [
    ("application/json", b'{"spoken": "no"}'),
    ("text/html", b"<html>Sign in</html>"),
    ("audio/mpeg", b""),
]


def answering(kind: str, body: bytes) -> dict[str, Any]:
    """Where every request has one answer, a success."""

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body, headers={"content-type": kind})

    transport = httpx.MockTransport(answer)
    return {"transport": transport, "async_transport": transport}


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_sound_is_an_error(foundry: Emulator, way: str) -> None:
    """Though its status says success."""
    for answer in NO_SOUND:
        with pytest.raises(ProtocolError, match="speech with azure/voice: the answer is"):
            speak(foundry, way, **answering(*answer))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("function", ["transcription", "translation"])
@pytest.mark.parametrize("version", SURFACES)
def test_what_is_said_is_written_down(
    foundry: Emulator, way: str, function: str, version: str | None
) -> None:
    """In every form; `text` has it in all of them."""
    sound = speak(foundry, way, response_format="wav").content
    written = {}
    for form in (None, "json", "verbose_json", "text", "srt", "vtt"):
        more = {"response_format": form, "api_version": version}
        written[form] = call(foundry, way, function, "azure/ear", ("a.wav", sound), **more)
    assert {"Grüße aus Köln."} == {written[form].text for form in (None, "json", "verbose_json")}
    assert "Grüße aus Köln.\n" == written["text"].text
    assert written["srt"].text.startswith("1\n00:00:00,000 --> ")
    assert written["vtt"].text.startswith("WEBVTT\n\n00:00:00.000 --> ")
    verbose = written["verbose_json"]
    task = {"transcription": "transcribe", "translation": "translate"}[function]
    assert (task, 0) == (verbose.task, verbose.segments[0].start)
    place = "v1" if version is None else "deployments/ear"
    assert f"/openai/{place}/audio/{function}s" == foundry.requests[-1].path


@pytest.mark.parametrize("way", WAYS)
def test_the_fields_of_a_transcript_are_in_its_form(foundry: Emulator, way: str) -> None:
    """As OpenAI's SDK writes them; nothing else is added."""
    more = {"language": "de", "temperature": 0.5, "timestamp_granularities": ["word", "segment"]}
    call(foundry, way, "transcription", "azure/ear", ("a.wav", WAV), user="u", **more)
    sent = foundry.requests[-1]
    names = [line.split(b'"')[1] for line in sent.body.split(b"\r\n") if b"form-data" in line]
    granularity = b"timestamp_granularities[]"
    fields = [b"model", b"language", granularity, granularity, b"temperature", b"user", b"file"]
    assert sorted(fields) == sorted(names)
    assert (b"model", b"file") == (names[0], names[-1])
    assert sent.headers["content-length"] == str(sent.size)


NAMES = [
    ("a.wav", WAV, "a.wav"),
    ("a.MP3", b"?", "a.MP3"),
    (None, WAV, "file.wav"),
    (None, b"ID3\x04", "file.mp3"),
    (None, b"\xff\xfb\x90\x64", "file.mp3"),
    (None, b"fLaC\x00", "file.flac"),
    (None, b"OggS\x00", "file.ogg"),
    (None, b"\x00\x00\x00\x20ftypM4A ", "file.m4a"),
    (None, b"\x1aE\xdf\xa3", "file.webm"),
    ("recording", WAV, "recording.wav"),
]


@pytest.mark.parametrize("way", WAYS)
def test_sound_from_memory_has_a_name_with_its_format(foundry: Emulator, way: str) -> None:
    """The service reads the format there."""
    for name, data, expected in NAMES:
        for source in ((name, data), (name, io.BytesIO(data))):
            call(foundry, way, "transcription", "azure/ear", source)
            assert f'filename="{expected}"'.encode() in foundry.requests[-1].body


class OnePass(io.RawIOBase):
    """A stream that can be read once, as from a network."""

    name = "live.wav"

    def __init__(self, data: bytes) -> None:
        self._left = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._left.read(size)

    def seekable(self) -> bool:
        return False


class Uploaded(io.BytesIO):
    """A file as web frameworks hand it out: its `name` is that of the form's field."""

    name = "file"
    filename = "talk.webm"


class AsyncUploaded:
    """A file as others hand it out: to be awaited."""

    filename = "talk.webm"

    async def read(self, size: int = -1) -> bytes:
        return b""


@pytest.mark.parametrize("way", WAYS)
def test_files_of_web_frameworks_keep_their_names(foundry: Emulator, way: str) -> None:
    """What must be awaited is an error that says what to pass."""
    call(foundry, way, "transcription", "azure/ear", Uploaded(b"?"))
    assert b'filename="talk.webm"' in foundry.requests[-1].body
    with pytest.raises(InvalidRequestError, match=r"read as coroutine.* such as upload.file"):
        call(foundry, way, "transcription", "azure/ear", AsyncUploaded())


@pytest.mark.parametrize("way", WAYS)
def test_all_of_an_upload_is_sent_again(foundry: Emulator, way: str, tmp_path: Path) -> None:
    """Also of a stream that cannot be rewound."""
    sound = speak(foundry, way, response_format="wav").content
    path = tmp_path / "a.wav"
    path.write_bytes(sound)
    for source in (path, sound, io.BytesIO(sound), OnePass(sound)):
        before = len(foundry.requests)
        for fault in (Fault("status_before", status=503), Fault("reset_before", nth=2)):
            foundry.faults.add(fault)
        seen: list[int] = []
        call(
            foundry,
            way,
            "transcription",
            "azure/ear",
            source,
            progress=lambda done, total, seen=seen: seen.append(done),
        )
        sent = [logged.body for logged in foundry.requests[before:]]
        assert 3 == len(sent)
        assert all(sound in body for body in sent)
        assert (3, len(sound)) == (seen.count(0) if seen[1] else 3, seen[-1])


BAD: list[tuple[str, tuple[Any, ...], dict[str, Any], type[AzureAgentsError], str]] = [
    ("speech", ("azure/voice", ""), {}, InvalidRequestError, "input must be a text"),
    ("speech", ("azure/voice", None), {}, InvalidRequestError, "input must be a text"),
    ("speech", (None, "x"), {}, ConfigError, "speech is asked of a deployment"),
    ("speech", ("azure_ai/claude-x", "x"), {}, ConfigError, "is a Claude model"),
    ("transcription", ("azure/ear", "/none.wav"), {}, InvalidRequestError, "there is no file"),
    ("transcription", ("azure/ear", "/"), {}, InvalidRequestError, "is a folder"),
    ("transcription", ("azure/ear", b""), {}, InvalidRequestError, "is empty"),
    ("transcription", ("azure/ear", b"what?"), {}, InvalidRequestError, "no name with an ending"),
    ("transcription", (None, WAV), {}, ConfigError, "transcription is asked of a deployment"),
    ("transcription", ("azure/ear", None), {}, InvalidRequestError, "cannot upload a NoneType"),
    (
        "translation",
        ("azure/ear", WAV),
        {"prompt": "\udcff"},
        InvalidRequestError,
        "prompt cannot be sent as UTF-8",
    ),
    ("translation", ("azure/ear", WAV), {"stream": True}, InvalidRequestError, "not stream"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for function, args, more, kind, said in BAD:
        with pytest.raises(kind, match=said):
            call(foundry, way, function, *args, **more)
    assert [] == foundry.requests


WRONG = [
    ("text/html", b"<html>Sign in</html>"),
    ("text/plain", b"\xff\xfe"),
    ("application/json", b""),
]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_transcript_is_an_error(foundry: Emulator, way: str) -> None:
    """Though its status says success."""
    for answer in WRONG:
        with pytest.raises(ProtocolError):
            call(foundry, way, "transcription", "azure/ear", WAV, **answering(*answer))
