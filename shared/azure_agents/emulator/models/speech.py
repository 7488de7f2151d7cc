"""Speech: silence as long as its text. Source: audio_speech_tts (mp3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..agent.seen import SeenMessage, SeenReply, SeenTurn
from ..text.sound import FORMATS, silence
from ..world.exchange import Answer, Request
from ..world.limits import Kind, Limit, Number, Word, check_values, wrong_type
from .asked import asked_deployment, headers_of
from .chat_audio import PER_SECOND
from .quota import admit
from .refusals import missing

if TYPE_CHECKING:
    from ..world.state import World

_TYPES = {one: f"audio/{one}" for one in FORMATS} | {"mp3": "audio/mpeg"}
_SPEECH: Mapping[str, Limit] = {
    "input": Kind("string"),
    "response_format": Word(FORMATS),
    "speed": Number(0.25, 4, "number"),
    "voice": Kind("string"),
}


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
    return Answer(raw=silence(len(text) / PER_SECOND, format), headers=headers)
