"""Spoken answers of chats: a transcript, which the script says, and silence as long as it.

The form is OpenAI's; no recording has any. Sentences of refusals are quoted by users.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..text.sound import FORMATS, silence
from ..world.limits import Kind, Limit, Word, check_values, wrong_type
from .refusals import invalid, missing

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .answer import Call

PER_SECOND = 15  # characters that a voice says
TOKENS_PER_SECOND = 20
_LIFETIME = 3600
_FORMATS = (*(one for one in FORMATS if one != "pcm"), "pcm16")
_OPTIONS: Mapping[str, Limit] = {"audio.format": Word(_FORMATS), "audio.voice": Kind("string")}


def is_spoken(call: Call) -> bool:
    """Whether the answer is a voice: it calls no functions, and audio was asked for."""
    return "audio" in (call.body.get("modalities") or ()) and not call.calls


def check_audio(body: JSON, model: str) -> None:
    """Refuse audio where the model has none, and formats that it does not have.

    Raises:
        Problem: A 400 that names the parameter.
    """
    wanted = body.get("modalities") or ["text"]
    for index, one in enumerate(wanted):
        if one not in {"text", "audio"}:
            raise invalid(f"Invalid value: '{one}'.", f"modalities[{index}]", "invalid_value")
    if "audio" not in wanted:
        return
    if "audio" not in model:
        message = "This model does not support audio output. Use one with 'audio' in its name."
        raise invalid(message, "modalities", "unsupported_value")
    _check_voice(body)


def _check_voice(body: JSON) -> None:
    asked = body.get("audio")
    if not isinstance(asked, dict):
        raise missing("audio")
    check_values({f"audio.{name}": value for name, value in asked.items()}, _OPTIONS, wrong_type)
    for name in ("format", "voice"):
        if not asked.get(name):
            raise missing(f"audio.{name}")
    if body.get("stream") and asked["format"] != "pcm16":
        message = (
            f"Unsupported value: 'audio.format' does not support '{asked['format']}' when "
            "stream=true. Supported values are: 'pcm16'."
        )
        raise invalid(message, "audio.format", "unsupported_value")


def audio_of(call: Call) -> JSON:
    """Build the voice of a whole answer."""
    said = {"id": _id(call), "expires_at": call.created + _LIFETIME}
    return said | {"data": _data(call, call.text), "transcript": call.text}


def audio_tokens(call: Call) -> int:
    """Count the tokens of the voice; 0 if there is none."""
    return round(len(call.text) / PER_SECOND * TOKENS_PER_SECOND) if is_spoken(call) else 0


def spoken_deltas(call: Call, piece: str) -> list[JSON]:
    """Build the deltas of a piece of the transcript, and of its sound."""
    told = ({"transcript": piece}, {"data": _data(call, piece)})
    return [{"audio": {"id": _id(call), **one}} for one in told]


def last_delta(call: Call) -> JSON:
    """Build the delta that ends the voice of a stream."""
    return {"audio": {"id": _id(call), "expires_at": call.created + _LIFETIME}}


def _id(call: Call) -> str:
    return f"audio_{call.id.partition('-')[2]}"


def _data(call: Call, text: str) -> str:
    asked: dict[str, Any] = call.body["audio"]
    sound = silence(len(text) / PER_SECOND, asked["format"].removesuffix("16"))
    return base64.b64encode(sound).decode()
