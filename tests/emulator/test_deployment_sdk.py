"""OpenAI's own SDK, unmodified and strict, against deployments of the emulator."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Failed, GeneratedImage, ToolCalls

openai = pytest.importorskip("openai")

HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather"}}]
KINDS = ["AzureOpenAI", "OpenAI", "OpenAI itself"]


def settings(foundry: Emulator, kind: str) -> dict[str, Any]:
    """How each client is led to the resource; answers that do not fit its types are errors."""
    shared = {"api_key": foundry.api_key, "max_retries": 0, "_strict_response_validation": True}
    if kind.endswith("AzureOpenAI"):
        return {**shared, "azure_endpoint": foundry.resource, "api_version": "2024-10-21"}
    own = kind == "OpenAI itself"
    return {**shared, "base_url": None if own else f"{foundry.resource}/openai/v1"}


@pytest.fixture(params=KINDS)
def client(request: pytest.FixtureRequest, foundry: Emulator) -> Iterator[Any]:
    """A client of either surface."""
    made = getattr(openai, request.param.partition(" ")[0])
    http = httpx.Client(transport=foundry.transport)
    with made(http_client=http, **settings(foundry, request.param)) as one:
        yield one


def lenient(client: Any) -> Any:
    """The same client for what its own types are too narrow for, as real traffic has it too."""
    made = client.with_options()
    made._strict_response_validation = False
    return made


def test_a_chat(foundry: Emulator, client: Any) -> None:
    """A plain answer with its usage."""
    foundry.deploy("dep", "Hello there!")
    answer = client.chat.completions.create(model="dep", messages=HELLO)
    assert "Hello there!" == answer.choices[0].message.content
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_call_of_a_function(foundry: Emulator, client: Any) -> None:
    """And the conversation goes on with its result."""
    foundry.deploy("dep", [ToolCalls(("get_weather", {"city": "Paris"})), "It is mild."])
    asked = {"model": "dep", "tools": TOOLS}
    message = client.chat.completions.create(messages=HELLO, **asked).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 C"}
    answer = client.chat.completions.create(messages=[*HELLO, message, result], **asked)
    assert "It is mild." == answer.choices[0].message.content


def test_a_stream(foundry: Emulator, client: Any) -> None:
    """Its first chunk has an empty `object`, as recorded, which the SDK's own types refuse."""
    foundry.deploy("dep", "Hello there!")
    client = lenient(client)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="dep", messages=HELLO, **options))
    told = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "Hello there!" == "".join(told)
    kind = openai.types.chat.ChatCompletionChunk
    assert chunks[1:] == [kind.model_validate(chunk.to_dict()) for chunk in chunks[1:]]
    assert chunks[-1].usage.total_tokens > 0


def test_the_helper_for_streams(foundry: Emulator, client: Any) -> None:
    """It puts the calls of functions together."""
    foundry.deploy("dep", ToolCalls(("get_weather", {"city": "Paris"}), ("get_weather", {})))
    client = lenient(client)
    with client.chat.completions.stream(model="dep", messages=HELLO, tools=TOOLS) as stream:
        list(stream)
        message = stream.get_final_completion().choices[0].message
    assert ['{"city":"Paris"}', "{}"] == [one.function.arguments for one in message.tool_calls]


def test_embeddings(foundry: Emulator, client: Any) -> None:
    """The SDK asks for base64, and reads it; strict it would refuse it before it does."""
    foundry.deploy("emb", model="text-embedding-3-small")
    answer = lenient(client).embeddings.create(model="emb", input=["one", "two"])
    assert [1536, 1536] == [len(one.embedding) for one in answer.data]
    assert "base64" == foundry.requests[-1].body["encoding_format"]


def test_a_text_completion(foundry: Emulator, client: Any) -> None:
    """The old way, whole and streamed; its types have no place for a choice that goes on."""
    foundry.deploy("ins", "once upon a time", model="gpt-35-turbo-instruct")
    asked = {"model": "ins", "prompt": "Tell"}
    assert "once upon a time" == client.completions.create(**asked).choices[0].text
    chunks = lenient(client).completions.create(stream=True, **asked)
    assert "once upon a time" == "".join(c.choices[0].text for c in chunks if c.choices)


def test_responses(foundry: Emulator, client: Any) -> None:
    """Whole, continued, streamed, read again and deleted."""
    foundry.rules.era = "sdk"  # recorded answers of the dated surface lack a required field
    foundry.deploy("dep", ["one", "two", "three"], model="gpt-5-mini-2025-08-07")
    first = client.responses.create(model="dep", input="Hello", max_output_tokens=50)
    assert ("one", 50, "dep") == (first.output_text, first.max_output_tokens, first.model)
    second = client.responses.create(model="dep", input="And?", previous_response_id=first.id)
    assert ["Hello", "one", "And?"] == [one.text for one in foundry.seen[-1].messages]
    assert second.id == client.responses.retrieve(second.id).id
    with lenient(client).responses.stream(model="dep", input="Hello") as stream:
        told = [event.delta for event in stream if event.type == "response.output_text.delta"]
        assert "three" == "".join(told) == stream.get_final_response().output_text
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


@pytest.mark.parametrize(
    "fields", [{"temperature": 0.2}, {"max_output_tokens": 1}, {"input": None}, {"novelty": 1}]
)
def test_a_response_of_nonsense_is_refused(
    foundry: Emulator, client: Any, fields: dict[str, Any]
) -> None:
    """In OpenAI's envelope."""
    foundry.deploy("dep", "hi", model="gpt-5-mini-2025-08-07")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="dep", extra_body={"input": "Hello", **fields})
    assert {"message", "type", "param", "code"} == set(caught.value.body)
    assert [] == foundry.seen


def test_a_response_counts_for_the_limit(foundry: Emulator, client: Any) -> None:
    """As a chat does, and a refused one begins no turn."""
    foundry.rules.era = "sdk"  # recorded answers of the dated surface lack a required field
    foundry.deploy("dep", "hi", rpm=1)
    client.responses.create(model="dep", input="Hello")
    with pytest.raises(openai.RateLimitError) as caught:
        client.responses.create(model="dep", input="Hello")
    assert "60000" == caught.value.response.headers["retry-after-ms"]
    assert 1 == len(foundry.seen)


def test_an_image(foundry: Emulator, client: Any) -> None:
    """Its URL needs no key, and only the whole URL is good; the size is what was asked for."""
    foundry.deploy("img", model="dall-e-3")
    image = client.images.generate(model="img", prompt="a cat", size="1024x1792").data[0]
    assert "a cat" == image.revised_prompt
    with httpx.Client(transport=foundry.transport) as http:
        data = http.get(image.url).content
        assert 401 == http.get(image.url.partition("?")[0]).status_code
    assert (b"\x89PNG", 1024, 1792) == (data[:4], *struct.unpack(">II", data[16:24]))
    packed = client.images.generate(model="img", prompt="a cat", response_format="b64_json")
    assert b"\x89PNG" == base64.b64decode(packed.data[0].b64_json)[:4]


def test_an_image_of_a_script(foundry: Emulator, client: Any) -> None:
    """gpt-image gives bytes and a usage; an edit takes a picture."""
    drawn = GeneratedImage(base64.b64encode(b"a picture").decode())
    foundry.deploy("img", drawn, model="gpt-image-1")
    answer = client.images.edit(model="img", prompt="a hat", image=("a.png", b"x", "image/png"))
    assert b"a picture" == base64.b64decode(answer.data[0].b64_json)
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert "a hat" == foundry.seen[-1].last_user_text


@pytest.mark.parametrize(
    "fields", [{"size": "huge"}, {"n": 11}, {"prompt": ""}, {"response_format": "gif"}]
)
def test_an_image_of_nonsense_is_refused(
    foundry: Emulator, client: Any, fields: dict[str, Any]
) -> None:
    """Nobody is asked."""
    foundry.deploy("img", model="dall-e-3")
    with pytest.raises(openai.BadRequestError):
        client.images.generate(**{"model": "img", "prompt": "a cat", **fields})
    assert [] == foundry.seen


def test_speech_is_as_long_as_its_text(foundry: Emulator, client: Any) -> None:
    """A real WAV file, which a transcription then measures."""
    foundry.deploy("tts", model="tts-hd")
    foundry.deploy("stt", "hello again", model="whisper")
    asked = {"model": "tts", "voice": "alloy", "input": "hello " * 10}
    speech = client.audio.speech.create(response_format="wav", **asked).content
    with wave.open(io.BytesIO(speech)) as sound:
        assert 4.0 == sound.getnframes() / sound.getframerate()
    given = {"model": "stt", "file": ("a.wav", speech)}
    verbose = client.audio.transcriptions.create(response_format="verbose_json", **given)
    assert ("hello again", 4.0) == (verbose.text, verbose.duration)
    assert "hello again\n" == client.audio.transcriptions.create(response_format="text", **given)
    shown = client.audio.transcriptions.create(response_format="vtt", **given)
    assert shown.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:04.000\n")
    assert "a.wav" == foundry.seen[-1].messages[0].media[0].reference


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_translation(foundry: Emulator, client: Any) -> None:
    """The SDK of today warns of it, and the service still has it."""
    foundry.deploy("stt", "hello again", model="whisper")
    given = {"model": "stt", "file": ("a.mp3", b"sound")}
    assert "hello again" == client.audio.translations.create(**given).text


@pytest.mark.parametrize("fields", [{"input": ""}, {"voice": ""}, {"speed": 9}])
def test_speech_of_nonsense_is_refused(
    foundry: Emulator, client: Any, fields: dict[str, Any]
) -> None:
    """Nothing to say, nobody to say it, or too fast."""
    foundry.deploy("tts", model="tts-hd")
    with pytest.raises(openai.BadRequestError):
        client.audio.speech.create(**{"model": "tts", "voice": "a", "input": "hi", **fields})


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("content_filter", "BadRequestError"),
        ("rate_limit_exceeded", "RateLimitError"),
        ("server_error", "InternalServerError"),
    ],
)
def test_errors(foundry: Emulator, client: Any, code: str, kind: str) -> None:
    """The SDK knows each of them, streamed or not."""
    foundry.deploy("dep", Failed(code))
    for stream in (False, True):
        with pytest.raises(getattr(openai, kind)):
            client.chat.completions.create(model="dep", messages=HELLO, stream=stream)
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="none", messages=HELLO)


@pytest.mark.parametrize("kind", KINDS)
def test_the_async_client(foundry: Emulator, kind: str) -> None:
    """On an event loop."""
    foundry.deploy("dep", "Hello there!")

    async def run() -> Any:
        http = httpx.AsyncClient(transport=foundry.async_transport)
        made = getattr(openai, f"Async{kind}".partition(" ")[0])
        async with made(http_client=http, **settings(foundry, f"Async{kind}")) as client:
            return await client.chat.completions.create(model="dep", messages=HELLO)

    assert "Hello there!" == asyncio.run(run()).choices[0].message.content
