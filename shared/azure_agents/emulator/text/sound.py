"""Silence in the formats of speech, and how long a sound is."""

from __future__ import annotations

import io
import wave

from .sound_formats import RATE, aac, flac, opus

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_BUILT = {"aac": aac, "flac": flac, "opus": opus}
# A frame of MPEG-1 layer III, 128 kbit/s, 44.1 kHz, mono, that holds nothing: 417 bytes.
_FRAME = b"\xff\xfb\x90\xc0" + bytes(413)
_FRAME_SECONDS = 1152 / 44_100


def silence(seconds: float, format: str) -> bytes:
    """Build a silent sound.

    Args:
        seconds: How long it is.
        format: One of `FORMATS`.
    """
    if format in _BUILT:
        return _BUILT[format](seconds)
    if format == "mp3":
        return _FRAME * max(1, round(seconds / _FRAME_SECONDS))
    samples = bytes(2 * round(seconds * RATE))
    return samples if format == "pcm" else _wav(samples)


def _wav(samples: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(samples)
    return file.getvalue()


def seconds_of(data: bytes) -> float:
    """Return how long a sound is; of what is no WAV file a guess from its size."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError):
        return len(data) / len(_FRAME) * _FRAME_SECONDS
