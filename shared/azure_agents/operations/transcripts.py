"""`transcription` and `translation`: sound to texts, each with its async twin."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, Unpack, overload

from ..errors import InvalidRequestError
from ..files.progress import OnProgress
from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.arguments import ModelArguments
from ..models.call import extra_of, fields_of
from ..models.event_stream import EventDecoder, EventRules
from ..models.forms import form_request, not_streamed
from ..models.settings import read_settings
from ..models.text_call import TextCall
from ..models.uploads import FileInput, read_upload

TranscriptFormat: TypeAlias = Literal["json", "verbose_json", "diarized_json", "text", "srt", "vtt"]

# By OpenAI's description; no stream of a transcript is recorded of Azure.
_EVENTS = EventRules(finishes=frozenset({"transcript.text.done"}), text="transcript.text.delta")


class TranscriptionArguments(ModelArguments, total=False):
    """More arguments of `transcription`."""

    language: str | None
    prompt: str | None
    response_format: TranscriptFormat | None
    timestamp_granularities: Sequence[Literal["word", "segment"]] | None
    temperature: float | None
    progress: OnProgress | None


@overload
def transcription(
    model: str,
    file: FileInput,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer: ...


@overload
def transcription(
    model: str,
    file: FileInput,
    *,
    stream: Literal[True],
    **arguments: Unpack[TranscriptionArguments],
) -> AnswerStream: ...


@overload
def transcription(
    model: str,
    file: FileInput,
    *,
    stream: bool | None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer | AnswerStream: ...


def transcription(
    model: str,
    file: FileInput,
    *,
    stream: bool | None = None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer | AnswerStream:
    """Write down what is said.

    Args:
        model: A deployment: ``azure/my-whisper``, ``openai/whisper-1``.
        file: A path, bytes, an open binary file, or ``(name, content)``. The service knows the
            format by the end of the name; bytes without a name get one by what they begin with.
        stream: Give the events of the service as they come, with the text in pieces
            (``gpt-4o-transcribe`` and later; ``whisper`` does not stream).
        arguments: More:

            - `language` of the speaker, such as ``de``; `prompt`: words that may occur, or what was
              said before; `temperature`: 0 to 1;
            - `response_format`: ``json`` (the service's default), ``verbose_json``,
              ``diarized_json``, ``text``, ``srt`` or ``vtt``; `timestamp_granularities`: ``word``,
              ``segment`` or both, with ``verbose_json``;
            - `progress`: called with the bytes that are sent, and the bytes in all;
            - where, who and how, as for `azure_agents.completion`; fields that the service knows
              and this function does not name go up as they are.

    Returns:
        ``answer.text``: what was said, or the subtitles. The JSON forms have more. With
        ``stream=True`` an iterator of events: close it, or leave its ``with`` block, to stop.

    Raises:
        InvalidRequestError: The file is not there, or nothing tells its format; nothing was sent.
        StreamInterruptedError: The stream was cut after a part of it was handed out.
        AzureAgentsError: See `azure_agents.errors`.
    """
    call = _written("transcription", model, file, arguments, streamed=bool(stream))
    return call.chunks() if stream else call.whole()


@overload
async def atranscription(
    model: str,
    file: FileInput,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer: ...


@overload
async def atranscription(
    model: str,
    file: FileInput,
    *,
    stream: Literal[True],
    **arguments: Unpack[TranscriptionArguments],
) -> AsyncAnswerStream: ...


@overload
async def atranscription(
    model: str,
    file: FileInput,
    *,
    stream: bool | None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer | AsyncAnswerStream: ...


async def atranscription(
    model: str,
    file: FileInput,
    *,
    stream: bool | None = None,
    **arguments: Unpack[TranscriptionArguments],
) -> Answer | AsyncAnswerStream:
    """Do as `transcription` does, on an event loop; the file is read in threads.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        stream: As for `transcription`; an async iterator.
        arguments: As for `transcription`; `progress` is called on the event loop, and instead of
            `transport`, `async_transport` is used.
    """
    call = await _awritten("transcription", model, file, arguments, streamed=bool(stream))
    return await call.achunks() if stream else await call.awhole()


def translation(model: str, file: FileInput, **arguments: Unpack[TranscriptionArguments]) -> Answer:
    """Write down in English what is said in any language.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        arguments: As for `transcription`; `prompt` in English.

    Returns:
        As for `transcription`.
    """
    given = not_streamed("translation", arguments)
    return _written("translation", model, file, given).whole()


async def atranslation(
    model: str, file: FileInput, **arguments: Unpack[TranscriptionArguments]
) -> Answer:
    """Do as `translation` does, on an event loop; the file is read in threads.

    Args:
        model: As for `transcription`.
        file: As for `transcription`.
        arguments: As for `atranscription`; `prompt` in English.
    """
    given = not_streamed("translation", arguments)
    return await (await _awritten("translation", model, file, given)).awhole()


class _TranscriptCall(TextCall):
    """One checked call."""

    def decoder(self) -> EventDecoder:
        """Make the decoder of one stream."""
        return EventDecoder(self.request.doing, _EVENTS)


def _written(
    operation: str,
    model: object,
    file: object,
    given: Mapping[str, Any],
    *,
    streamed: bool = False,
) -> _TranscriptCall:
    progress = given.get("progress")
    given = {name: value for name, value in given.items() if name != "progress"}
    settings = read_settings(model, given)
    named = settings.model.base_model or settings.model.name
    if streamed and "whisper" in named.lower():  # by OpenAI's description it would not be heeded
        raise InvalidRequestError(
            f"stream=True: {settings.model.requested} is a whisper model, which does not stream: "
            "leave stream= out, or use a gpt-4o-transcribe deployment"
        )
    content = read_upload(file, "audio")
    every = {**fields_of(given), **extra_of(given), **({"stream": True} if streamed else {})}
    request = form_request(settings, operation, every, [("file", content)], progress)
    return _TranscriptCall(settings, request)


async def _awritten(
    operation: str,
    model: object,
    file: object,
    given: Mapping[str, Any],
    *,
    streamed: bool = False,
) -> _TranscriptCall:
    return await asyncio.to_thread(_written, operation, model, file, given, streamed=streamed)
