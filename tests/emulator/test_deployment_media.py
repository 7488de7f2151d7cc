"""Sound and pictures of deployments, with OpenAI's strict SDK: streams, formats, spoken chats."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Failed, ToolCalls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment_wire import Resource

openai = pytest.importorskip("openai")

BEGINNINGS = {
    "mp3": b"\xff\xfb",
    "opus": b"OggS",
    "aac": b"\xff\xf1",
    "flac": b"fLaC",
    "wav": b"RIFF",
    "pcm": b"\0\0",
}
SOUND = {"format": "wav", "voice": "alloy"}
HELLO = [{"role": "user", "content": "Hello"}]
PNG = b"\x89PNG"


@pytest.fixture
def client(foundry: Emulator) -> Iterator[Any]:
    """A strict client of the surface without versions."""
    given = {"base_url": f"{foundry.resource}/openai/v1", "api_key": foundry.api_key}
    http = httpx.Client(transport=foundry.transport)
    with openai.OpenAI(http_client=http, _strict_response_validation=True, **given) as made:
        yield made


@pytest.mark.parametrize("format", BEGINNINGS)
def test_speech_has_the_format_that_was_asked_for(
    foundry: Emulator, client: Any, format: str
) -> None:
    """Each begins as its container does, and is longer for a longer text."""
    foundry.deploy("tts", model="tts-1")
    texts = ("Hello there! " * 20, "Hello there! " * 40)
    asked = {"model": "tts", "voice": "alloy", "response_format": format}
    short, long = (client.audio.speech.create(input=text, **asked) for text in texts)
    assert short.content.startswith(BEGINNINGS[format])
    assert 1.8 < len(long.content) / len(short.content) < 2.2
    expected = "audio/mpeg" if format == "mp3" else f"audio/{format}"
    assert expected == short.response.headers["content-type"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_transcript_of_a_newer_model(foundry: Emulator, client: Any, *, streamed: bool) -> None:
    """Whole with its tokens, or in events that end with the whole."""
    foundry.deploy("stt", "It is half past twelve.", model="gpt-4o-transcribe")
    file = ("a.wav", b"sound" * 9000)
    given = {"model": "stt", "file": file, "response_format": "json", "stream": streamed}
    answer = client.audio.transcriptions.create(**given)
    if streamed:
        *deltas, answer = list(answer)
        assert "It is half past twelve." == "".join(event.delta for event in deltas)
        assert "transcript.text.done" == answer.type
    assert "It is half past twelve." == answer.text
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_whisper_has_no_streams(foundry: Emulator, client: Any) -> None:
    """It answers whole, whatever was asked for."""
    foundry.deploy("stt", "Hello", model="whisper")
    form = {"data": {"stream": "true"}, "files": {"file": ("a.mp3", b"sound")}}
    url = f"{foundry.resource}/openai/deployments/stt/audio/transcriptions"
    with httpx.Client(transport=foundry.transport, params={"api-version": "2024-10-21"}) as http:
        answer = http.post(url, headers={"api-key": foundry.api_key}, **form)
    assert {"text": "Hello"} == answer.json()


@pytest.mark.parametrize(
    ("filename", "form", "sentence"),
    [
        ("a.txt", "json", "Invalid file format"),
        ("sound", "json", "Invalid file format"),
        ("a.wav", "srt", "not compatible with model"),
    ],
)
def test_a_transcript_needs_a_known_name_and_form(
    foundry: Emulator, client: Any, filename: str, form: str, sentence: str
) -> None:
    """The service reads the format of a sound in its name."""
    foundry.deploy("stt", "Hello", model="gpt-4o-transcribe")
    with pytest.raises(openai.BadRequestError, match=sentence):
        client.audio.transcriptions.create(
            model="stt", file=(filename, b"sound"), response_format=form
        )


@pytest.mark.parametrize("edits", [False, True])
@pytest.mark.parametrize("partial", [0, 2])
def test_a_streamed_image(foundry: Emulator, client: Any, partial: int, *, edits: bool) -> None:
    """Pictures on the way, and the picture with its usage."""
    foundry.deploy("img", model="gpt-image-1")
    given = {"model": "img", "prompt": "A cat", "size": "1024x1536", "stream": True}
    if edits:
        made = client.images.edit(image=("a.png", PNG), partial_images=partial, **given)
    else:
        made = client.images.generate(partial_images=partial, **given)
    *on_the_way, last = list(made)
    assert list(range(partial)) == [event.partial_image_index for event in on_the_way]
    kind = "image_edit" if edits else "image_generation"
    assert (f"{kind}.completed", "1024x1536") == (last.type, last.size)
    assert base64.b64decode(last.b64_json).startswith(PNG)
    assert last.usage.total_tokens > 0


@pytest.mark.parametrize("fields", [{"stream": True}, {"partial_images": 2}])
def test_an_older_model_draws_no_streams(
    foundry: Emulator, client: Any, fields: dict[str, Any]
) -> None:
    """It does not know the parameter."""
    foundry.deploy("img", model="dall-e-3")
    with pytest.raises(openai.BadRequestError, match="not supported with this model"):
        client.images.generate(model="img", prompt="A cat", **fields)


def test_a_streamed_image_that_fails_at_once_has_a_status(foundry: Emulator, client: Any) -> None:
    """Nothing of the stream was sent."""
    foundry.deploy("img", Failed("content_filter"), model="gpt-image-1")
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model="img", prompt="A cat", stream=True)


def test_a_chat_can_be_spoken(foundry: Emulator, client: Any) -> None:
    """The content is in the transcript, and the answer can go up again by its id."""
    foundry.deploy("dep", ["Hello there!", "Again!"], model="gpt-4o-audio-preview-2024-12-17")
    asked = {"model": "dep", "modalities": ["text", "audio"], "audio": SOUND}
    answer = client.chat.completions.create(messages=HELLO, **asked)
    message = answer.choices[0].message
    assert (None, "Hello there!") == (message.content, message.audio.transcript)
    assert base64.b64decode(message.audio.data).startswith(b"RIFF")
    assert answer.usage.completion_tokens_details.audio_tokens > 0
    said = {"role": "assistant", "audio": {"id": message.audio.id}}
    part = {"type": "input_audio", "input_audio": {"data": message.audio.data, "format": "wav"}}
    history = [*HELLO, said, {"role": "user", "content": [part]}]
    again = client.chat.completions.create(messages=history, **asked)
    assert "Again!" == again.choices[0].message.audio.transcript
    assert "audio" == foundry.seen[-1].messages[-1].media[0].kind


def test_a_spoken_chat_is_streamed(resource: Resource) -> None:
    """Transcript and sound by turns, and at the end when it expires."""
    resource.foundry.deploy("dep", "Hello there!", model="gpt-4o-audio-preview")
    sound = {"format": "pcm16", "voice": "alloy"}
    chunks = resource.chunks(modalities=["text", "audio"], audio=sound)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[1:-1]]
    audio = [delta["audio"] for delta in deltas if "audio" in delta]
    assert "Hello there!" == "".join(one.get("transcript", "") for one in audio)
    assert b"\0" * 2 == b"".join(base64.b64decode(one.get("data", "")) for one in audio)[:2]
    assert 1 == len({one["id"] for one in audio})
    assert "expires_at" in audio[-1]
    assert not [delta for delta in deltas if delta.get("content")]


def test_a_spoken_chat_may_call_a_function(resource: Resource) -> None:
    """Then it says nothing."""
    resource.foundry.deploy("dep", ToolCalls(("f", {})), model="gpt-4o-audio-preview")
    tools = [{"type": "function", "function": {"name": "f"}}]
    answer = resource.chat(modalities=["text", "audio"], audio=SOUND, tools=tools).json()
    message = answer["choices"][0]["message"]
    assert ("f", False) == (message["tool_calls"][0]["function"]["name"], "audio" in message)


@pytest.mark.parametrize(
    ("model", "fields", "param"),
    [
        ("gpt-4o", {"modalities": ["audio"], "audio": SOUND}, "modalities"),
        ("gpt-4o-audio-preview", {"modalities": ["audio"]}, "audio"),
        ("gpt-4o-audio-preview", {"modalities": ["smell"]}, "modalities[0]"),
        (
            "gpt-4o-audio-preview",
            {"modalities": ["audio"], "audio": {"voice": "a"}},
            "audio.format",
        ),
        (
            "gpt-4o-audio-preview",
            {"modalities": ["audio"], "audio": SOUND, "stream": True},
            "audio.format",
        ),
    ],
)
def test_a_voice_that_cannot_be_is_refused(
    resource: Resource, model: str, fields: dict[str, Any], param: str
) -> None:
    """With the parameter that is wrong."""
    resource.foundry.deploy("dep", model=model)
    assert param == resource.error(**fields)["param"]


def test_log_probabilities_are_those_of_the_text(resource: Resource) -> None:
    """Whole and streamed the same, with as many others as were asked for."""
    asked = {"logprobs": True, "top_logprobs": 2}
    whole = resource.chat(**asked).json()["choices"][0]["logprobs"]["content"]
    assert "Hello there!" == "".join(one["token"] for one in whole)
    assert b"Hello" == bytes(whole[0]["bytes"])
    assert {2} == {len(one["top_logprobs"]) for one in whole}
    assert all(one["logprob"] <= 0 for one in whole)
    told = [chunk["choices"][0]["logprobs"] for chunk in resource.chunks(**asked)[1:-1]]
    assert whole == [one for part in told if part for one in part["content"]]
    assert "top_logprobs" == resource.error(top_logprobs=2)["param"]
    assert None is resource.chat().json()["choices"][0]["logprobs"]
    assert json.dumps(whole)
