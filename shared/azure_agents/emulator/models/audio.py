"""Audio: speech is silence as long as its text, transcripts are what a script says.

Sources: audio_speech_tts (mp3), audio_transcription_srt, audio_transcription_verbose_json. The
forms `text`, `vtt` and `json` follow OpenAI's description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ... import jsonio
from ..agent.seen import SeenMedia, SeenMessage, SeenReply, SeenTurn
from ..files.files import read_form
from ..text import tokens
from ..text.sound import seconds_of, silence
from ..world.exchange import Answer, Request
from ..world.limits import Kind, Limit, Number, Word, check_values, unknown_value, wrong_type
from .answer import TEXT_PARTS, Call, answered
from .asked import asked_deployment, headers_of
from .quota import admit
from .refusals import missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from ..world.state import World
    from ..world.turns import Work

_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "audio/pcm"}
_SPEECH: Mapping[str, Limit] = {
    "input": Kind("string"),
    "response_format": Word(tuple(_TYPES)),  # the service has opus, aac and flac as well
    "speed": Number(0.25, 4, "number"),
    "voice": Kind("string"),
}
_FORMS = ("json", "text", "srt", "verbose_json", "vtt")
_PER_SECOND = 15  # characters that a voice says
_PLAIN = "text/plain; charset=utf-8"


def speak(world: World, request: Request, deployment: str | None = None) -> Answer:
    """POST /audio/speech."""
    body = request.json()
    asked = asked_deployment(world, body, "speech", deployment)
    check_values(body, _SPEECH, wrong_type)
    for name in ("input", "voice"):
        if not body.get(name):
            raise missing(name)
    headers = headers_of(asked) | admit(world, asked, 0)
    text, format = str(body["input"]), body.get("response_format") or "mp3"
    message = SeenMessage("user", text)
    seen = SeenTurn(generation="speech", agent=asked.name, instructions=None, messages=(message,))
    world.seen.append(seen.answered(SeenReply(), {"characters": len(text)}))
    billed = f"CognitiveServices.OpenAI.TextToSpeech={len(text)}"
    headers |= {"content-type": _TYPES[format], "csp-billing-usage": billed}
    return Answer(raw=silence(len(text) / _PER_SECOND, format), headers=headers)


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
    if form not in _FORMS:
        raise unknown_value("response_format", form, _FORMS)
    seconds = seconds_of(data)
    limits = admit(world, asked, 0)
    call = Call(world.ids.uuid(), world.now, asked, body, _seen(asked.name, filename, body))

    def drop() -> None:
        call.status = "failed"

    turn = world.start(_listen(world, call), status=lambda: call.status, drop=drop)
    headers = headers_of(asked) | limits
    headers["csp-billing-usage"] = f"CognitiveServices.OpenAI.Whisper={-int(-seconds // 1)}"
    if "json" not in form:
        headers["content-type"] = _PLAIN

    def render() -> bytes:
        return _written(form, task, call, seconds)

    return Answer(turn=turn, headers=headers, render=render, refused=lambda: call.problem)


def _seen(name: str, filename: str, body: JSON) -> SeenTurn:
    heard = SeenMedia("audio", filename)
    message = SeenMessage("user", str(body.get("prompt", "")), media=(heard,))
    return SeenTurn(generation="audio", agent=name, instructions=None, messages=(message,))


def _listen(world: World, call: Call) -> Work:
    yield from answered(world, call, TEXT_PARTS)
    if call.problem is None:
        call.status = "completed"


def _written(form: str, task: str, call: Call, seconds: float) -> bytes:
    """Write a transcript in the form that was asked for."""
    text = call.text
    if form == "text":
        return f"{text}\n".encode()
    if form in {"srt", "vtt"}:
        point = "," if form == "srt" else "."
        head = "1\n" if form == "srt" else "WEBVTT\n\n"
        span = f"{_clock(0, point)} --> {_clock(seconds, point)}"
        return f"{head}{span}\n{text}\n\n\n".encode()
    answer: JSON = {"text": text}
    return jsonio.dumps(answer if form == "json" else _verbose(task, call, seconds))


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
