"""Transcripts: what a script says, in any of the forms, streamed too.

Sources: audio_transcription_srt, audio_transcription_verbose_json, both of Whisper. The other
forms, and the newer models with their streams, follow OpenAI's description.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..agent.seen import SeenMedia, SeenMessage, SeenTurn
from ..files.files import read_form
from ..text import tokens
from ..text.sound import seconds_of
from ..world.exchange import Answer, Request
from ..world.limits import unknown_value
from ..world.turns import frame
from .answer import TEXT_PARTS, Call, answered, paced
from .asked import asked_deployment, headers_of
from .quota import admit
from .refusals import invalid, missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.problems import Problem
    from ..world.state import World
    from ..world.turns import Work

_FORMS = ("json", "text", "srt", "verbose_json", "vtt")
_OF_NEWER_MODELS = ("json", "text")
_PLAIN = "text/plain; charset=utf-8"
_NAMES = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
_PER_SECOND = 10  # tokens of sound


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was heard, and how it is to be told."""

    form: str
    task: str
    seconds: float
    streams: bool


def transcribe(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /audio/transcriptions: multipart with a `file`."""
    return _write(world, request, deployment, "transcribe")


def translate(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /audio/translations: the same, in English."""
    return _write(world, request, deployment, "translate")


def _write(world: World, request: Request, deployment: str | None, task: str) -> Answer:
    fields = read_form(request)
    body: JSON = {name: data.decode() for name, (data, named) in fields.items() if not named}
    asked = asked_deployment(world, body, "transcription", deployment)
    data, filename = fields.get("file", (None, ""))
    if data is None:
        raise missing("file")
    form = body.get("response_format", "json")
    _check(form, filename, asked.model)
    seconds = seconds_of(data)
    limits = admit(world, asked, 0)
    call = Call(world.ids.uuid(), world.now, asked, body, _seen(asked.name, filename, body))
    # Whisper has no streams, and does not refuse to be asked for one.
    streams = body.get("stream") == "true" and not _is_whisper(asked.model)
    headers = headers_of(asked) | limits
    headers["csp-billing-usage"] = f"CognitiveServices.OpenAI.Whisper={-int(-seconds // 1)}"
    if "json" not in form:
        headers["content-type"] = _PLAIN
    return _start(world, call, _Heard(form, task, seconds, streams), headers)


def _start(world: World, call: Call, heard: _Heard, headers: dict[str, str]) -> Answer:

    def drop() -> None:
        call.status = "failed"

    def refused() -> Problem | None:
        return call.problem

    turn = world.start(_listen(world, call, heard), status=lambda: call.status, drop=drop)
    if heard.streams:
        headers["content-type"] = "text/event-stream; charset=utf-8"
        return Answer(turn=turn, streamed=True, headers=headers, refused=refused)

    def render() -> bytes:
        return _written(call, heard)

    return Answer(turn=turn, headers=headers, render=render, refused=refused)


def _is_whisper(model: str) -> bool:
    return "whisper" in model


def _check(form: str, filename: str, model: str) -> None:
    if form not in _FORMS:
        raise unknown_value("response_format", form, _FORMS)
    if not _is_whisper(model) and form not in _OF_NEWER_MODELS:
        message = (
            f"response_format '{form}' is not compatible with model '{model}'. Use 'json' or "
            "'text' instead."
        )
        raise invalid(message, "response_format", "unsupported_value")
    if PurePosixPath(filename).suffix.lower().removeprefix(".") not in _NAMES:
        # Quoted by users: the service reads the format in the name, not in the data.
        raise invalid(f"Invalid file format. Supported formats: {list(_NAMES)}", "file")


def _seen(name: str, filename: str, body: JSON) -> SeenTurn:
    heard = SeenMedia("audio", filename)
    message = SeenMessage("user", str(body.get("prompt", "")), media=(heard,))
    return SeenTurn(generation="audio", agent=name, instructions=None, messages=(message,))


def _listen(world: World, call: Call, heard: _Heard) -> Work:
    yield from answered(world, call, TEXT_PARTS)
    if call.problem is not None:
        return
    if heard.streams:
        for piece in tokens.pieces(call.text):
            delta = {"type": "transcript.text.delta", "delta": piece}
            yield from paced(world, frame("", delta))
        done = {
            "type": "transcript.text.done",
            "text": call.text,
            "usage": _usage(call, heard.seconds),
        }
        yield frame("", done)
    call.status = "completed"


def _usage(call: Call, seconds: float) -> JSON:
    read, written = round(_PER_SECOND * seconds), tokens.count(call.text)
    return {
        "type": "tokens",
        "input_tokens": read,
        "input_token_details": {"audio_tokens": read, "text_tokens": 0},
        "output_tokens": written,
        "total_tokens": read + written,
    }


def _written(call: Call, heard: _Heard) -> bytes:
    """Write a transcript in the form that was asked for."""
    text, form, seconds = call.text, heard.form, heard.seconds
    if form == "text":
        return f"{text}\n".encode()
    if form in {"srt", "vtt"}:
        point = "," if form == "srt" else "."
        head = "1\n" if form == "srt" else "WEBVTT\n\n"
        span = f"{_clock(0, point)} --> {_clock(seconds, point)}"
        return f"{head}{span}\n{text}\n\n\n".encode()
    answer: JSON = {"text": text}
    if not _is_whisper(call.deployment.model):
        answer["usage"] = _usage(call, seconds)
    return jsonio.dumps(answer if form == "json" else _verbose(heard.task, call, seconds))


def _clock(seconds: float, point: str) -> str:
    whole, thousandths = divmod(round(1000 * seconds), 1000)
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}{point}{thousandths:03}"


def _verbose(task: str, call: Call, seconds: float) -> JSON:
    text = call.text
    segment: dict[str, Any] = {"id": 0, "seek": 0, "start": 0.0, "end": round(seconds, 2)}
    segment |= {
        "text": f" {text}",
        "tokens": [50364, *range(1000, 1000 + tokens.count(text)), 50514],
        "temperature": 0.25,
        "avg_logprob": -0.5677503943443298,
        "compression_ratio": 0.8235294222831726,
        "no_speech_prob": 0.0076646204106509686,
    }
    language = call.body.get("language") or "english"
    answer = {"task": task, "language": language, "duration": seconds, "text": text}
    return answer | {"segments": [segment]}
