"""`speech`, `transcription`, `translation`: texts to sound and back, each with its async twin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, Unpack

from ..errors import InvalidRequestError
from ..files.progress import OnProgress
from ..models.answers import Answer
from ..models.arguments import ModelArguments
from ..models.byte_answers import AsyncBytesAnswer, BytesAnswer
from ..models.byte_call import BytesCall
from ..models.call import extra_of, fields_of, json_request
from ..models.forms import form_request, not_streamed
from ..models.settings import read_settings
from ..models.text_call import TextCall
from ..models.uploads import FileInput, read_upload
from ..naming import shown

TranscriptFormat: TypeAlias = Literal["json", "verbose_json", "diarized_json", "text", "srt", "vtt"]
SpeechFormat: TypeAlias = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def speech(
    model: str,
    input: str,
    voice: str | Mapping[str, Any] | None = None,
    *,
    response_format: SpeechFormat | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    stream: bool = False,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> BytesAnswer:
    """Say a text aloud.

    Args:
        model: A deployment: ``azure/my-tts``, ``openai/tts-1``.
        input: What is said.
        voice: Who says it, such as ``alloy``.
        response_format: ``mp3`` (the service's default), ``opus``, ``aac``, ``flac``, ``wav`` or
            ``pcm``.
        speed: 0.25 to 4; 1 is the voice's own.
        instructions: How it is said, for models that take this.
        stream: Read nothing ahead: the pieces come as the service sends them.
        progress: Called with the bytes that have come, and the bytes in all (None: unknown).
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name go up as they are.

    Returns:
        ``answer.stream_to_file(path)``, ``answer.iter_bytes()``, ``answer.content``.

    Raises:
        StreamInterruptedError: The sound was cut after a part of it was handed out.
        AzureAgentsError: See `azure_agents.errors`.
    """
    fields = _spoken(input, voice, response_format, speed, instructions)
    return _speech(model, fields, progress, arguments, streamed=stream).begun()


async def aspeech(
    model: str,
    input: str,
    voice: str | Mapping[str, Any] | None = None,
    *,
    response_format: SpeechFormat | None = None,
    speed: float | None = None,
    instructions: str | None = None,
    stream: bool = False,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> AsyncBytesAnswer:
    """Do as `speech` does, on an event loop.

    Args:
        model: As for `speech`.
        input: As for `speech`.
        voice: As for `speech`.
        response_format: As for `speech`.
        speed: As for `speech`.
        instructions: As for `speech`.
        stream: As for `speech`; read it by ``async for piece in answer.aiter_bytes()``.
        progress: As for `speech`; called on the event loop.
        arguments: As for `speech`; instead of its `transport`, `async_transport` is used.
    """
    fields = _spoken(input, voice, response_format, speed, instructions)
    return await _speech(model, fields, progress, arguments, streamed=stream).abegun()


def transcription(
    model: str,
    file: FileInput,
    *,
    language: str | None = None,
    prompt: str | None = None,
    response_format: TranscriptFormat | None = None,
    timestamp_granularities: Sequence[Literal["word", "segment"]] | None = None,
    temperature: float | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Write down what is said.

    Args:
        model: A deployment: ``azure/my-whisper``, ``openai/whisper-1``.
        file: A path, bytes, an open binary file, or ``(name, content)``. The service knows the
            format by the end of the name; bytes without a name get one by what they begin with.
        language: Of the speaker, such as ``de``.
        prompt: Words that may occur, or what was said before.
        response_format: ``json`` (the service's default), ``verbose_json``, ``diarized_json``,
            ``text``, ``srt`` or ``vtt``.
        timestamp_granularities: ``word``, ``segment`` or both, with ``verbose_json``.
        temperature: 0 to 1.
        progress: Called with the bytes that are sent, and the bytes in all.
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name go up as they are.

    Returns:
        ``answer.text``: what was said, or the subtitles. The JSON forms have more.

    Raises:
        InvalidRequestError: The file is not there, or nothing tells its format; nothing was sent.
        AzureAgentsError: See `azure_agents.errors`.
    """
    fields = {
        "language": language,
        "prompt": prompt,
        "response_format": response_format,
        "timestamp_granularities": timestamp_granularities,
        "temperature": temperature,
    }
    return _written("transcription", (model, file), fields, progress, arguments).whole()


async def atranscription(
    model: str,
    file: FileInput,
    *,
    language: str | None = None,
    prompt: str | None = None,
    response_format: TranscriptFormat | None = None,
    timestamp_granularities: Sequence[Literal["word", "segment"]] | None = None,
    temperature: float | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `transcription` does, on an event loop; the file is read in threads.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        language: As for `transcription`.
        prompt: As for `transcription`.
        response_format: As for `transcription`.
        timestamp_granularities: As for `transcription`.
        temperature: As for `transcription`.
        progress: As for `transcription`; called on the event loop.
        arguments: As for `transcription`; instead of its `transport`, `async_transport` is used.
    """
    fields = {
        "language": language,
        "prompt": prompt,
        "response_format": response_format,
        "timestamp_granularities": timestamp_granularities,
        "temperature": temperature,
    }
    asked = ("transcription", (model, file), fields, progress, arguments)
    call = await asyncio.to_thread(_written, *asked)
    return await call.awhole()


def translation(
    model: str,
    file: FileInput,
    *,
    prompt: str | None = None,
    response_format: TranscriptFormat | None = None,
    temperature: float | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Write down in English what is said in any language.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        prompt: As for `transcription`, in English.
        response_format: As for `transcription`.
        temperature: 0 to 1.
        progress: As for `transcription`.
        arguments: As for `transcription`.

    Returns:
        As for `transcription`.
    """
    fields = {"prompt": prompt, "response_format": response_format, "temperature": temperature}
    return _written("translation", (model, file), fields, progress, arguments).whole()


async def atranslation(
    model: str,
    file: FileInput,
    *,
    prompt: str | None = None,
    response_format: TranscriptFormat | None = None,
    temperature: float | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `translation` does, on an event loop; the file is read in threads.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        prompt: As for `translation`.
        response_format: As for `transcription`.
        temperature: 0 to 1.
        progress: As for `transcription`; called on the event loop.
        arguments: As for `atranscription`.
    """
    fields = {"prompt": prompt, "response_format": response_format, "temperature": temperature}
    asked = ("translation", (model, file), fields, progress, arguments)
    call = await asyncio.to_thread(_written, *asked)
    return await call.awhole()


# --- the calls ----------------------------------------------------------------------------------


def _spoken(
    input: object, voice: object, response_format: object, speed: object, instructions: object
) -> dict[str, Any]:
    if not isinstance(input, str) or not input:
        raise InvalidRequestError(f"input must be a text to say, got {shown(input)}")
    named = {
        "voice": voice,
        "response_format": response_format,
        "speed": speed,
        "instructions": instructions,
    }
    return {"input": input, **{name: value for name, value in named.items() if value is not None}}


def _speech(
    model: object,
    fields: Mapping[str, Any],
    progress: OnProgress | None,
    given: Mapping[str, Any],
    *,
    streamed: bool,
) -> BytesCall:
    settings = read_settings(model, given)
    asked = {**fields, **fields_of(given)}
    request = json_request(settings, "speech", {**asked, **extra_of(given)}, droppable=asked)
    name = f"speech.{fields.get('response_format') or 'mp3'}"
    return BytesCall(settings, request, name, progress, streamed=streamed)


def _written(
    operation: str,
    asked: tuple[object, object],
    fields: Mapping[str, Any],
    progress: OnProgress | None,
    given: Mapping[str, Any],
) -> TextCall:
    model, file = asked
    given = not_streamed(operation, given)
    settings = read_settings(model, given)
    content = read_upload(file, "audio")
    every = {**fields, **fields_of(given), **extra_of(given)}
    return TextCall(
        settings, form_request(settings, operation, every, [("file", content)], progress)
    )
