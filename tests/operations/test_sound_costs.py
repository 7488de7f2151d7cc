"""What sound costs stands in ``_hidden_params``, by what the service says it bills."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from azure_agents import completion_cost

from .wire import Service, ask

BILLED = "csp-billing-usage"
SPEECH = {"model": "azure/d", "input": "hello, world!", "voice": "alloy"}
SOUND = {"model": "azure/d", "file": ("a.wav", b"RIFF....WAVEfmt ")}
ROWS: list[tuple[str, dict[str, Any], str, float | None]] = [
    ("speech", {**SPEECH, "base_model": "azure/tts-1"}, "TextToSpeech=13", 13 * 15e-6),
    ("speech", SPEECH, "TextToSpeech=13", None),
    ("transcription", {**SOUND, "base_model": "azure/whisper-1"}, "Whisper=4", 4e-4),
    ("transcription", SOUND, "Whisper=4", None),
]


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize(("function", "given", "billed", "expected"), ROWS)
def test_the_cost_of_sound(
    way: str, function: str, given: dict[str, Any], billed: str, expected: float | None
) -> None:
    """None where the model is not known."""
    headers = {BILLED: f"CognitiveServices.OpenAI.{billed}"}
    is_speech = function == "speech"
    body: dict[str, Any] = {"content": b"ID3"} if is_speech else {"json": {"text": "Hi"}}
    headers |= {"content-type": "audio/mpeg"} if is_speech else {}
    answer = ask(way, function, Service(httpx.Response(200, headers=headers, **body)), **given)
    cost = answer._hidden_params["response_cost"]
    assert cost == completion_cost(answer)
    assert expected == (None if cost is None else pytest.approx(cost))
