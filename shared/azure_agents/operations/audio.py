"""`speech` and `aspeech`: texts to sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, Unpack

from ..errors import InvalidRequestError
from ..files.progress import OnProgress
from ..models.arguments import ModelArguments
from ..models.byte_answers import AsyncBytesAnswer, BytesAnswer
from ..models.byte_call import BytesCall
from ..models.call import extra_of, fields_of, json_request
from ..models.settings import read_settings
from ..naming import shown

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
