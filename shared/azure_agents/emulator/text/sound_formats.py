"""Silence as Ogg Opus, AAC and FLAC: small, and valid for players and decoders."""

from __future__ import annotations

import struct

RATE = 24_000  # samples in a second
# A packet of 20 milliseconds of nothing, in mono.
_OPUS = b"\xf8\xff\xfe"
_PER_PAGE = 50  # packets; a page holds at most 255 small ones
# A frame of 1,024 samples of nothing, low complexity, in mono.
_AAC = bytes((0x00, 0xC8, 0x00, 0x80, 0x23, 0x80))
_AAC_SAMPLES = 1024
_FLAC_SAMPLES = 4096


def opus(seconds: float) -> bytes:
    """Build silence as Opus in an Ogg file."""
    packets = max(1, round(seconds * 50))
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, RATE, 0, 0)
    tags = b"OpusTags" + struct.pack("<I8sI", 8, b"emulator", 0)
    pages = [_page([head], 0, 0, 2), _page([tags], 1, 0, 0)]
    for begin in range(0, packets, _PER_PAGE):
        end = min(begin + _PER_PAGE, packets)
        pages.append(_page([_OPUS] * (end - begin), len(pages), end * 960, 4 * (end == packets)))
    return b"".join(pages)


def _page(packets: list[bytes], number: int, position: int, kind: int) -> bytes:
    """Build a page; `kind` is 2 for the first, 4 for the last one."""
    sizes = bytes(map(len, packets))
    begin = struct.pack("<4sBBqII", b"OggS", 0, kind, position, 1, number)
    end = bytes((len(sizes),)) + sizes + b"".join(packets)
    checksum = _remainder(begin + bytes(4) + end, 0x04C11DB7, 32)
    return begin + struct.pack("<I", checksum) + end


def aac(seconds: float) -> bytes:
    """Build silence as AAC frames, each with a header (ADTS)."""
    frames = max(1, round(seconds * RATE / _AAC_SAMPLES))
    length = 7 + len(_AAC)
    # Low complexity is profile 1, 24 kHz is rate 6, one channel; the buffer is said to be full.
    bits = 0xFFF1 << 40 | 1 << 38 | 6 << 34 | 1 << 30 | length << 13 | 0x7FF << 2
    return (bits.to_bytes(7) + _AAC) * frames


def flac(seconds: float) -> bytes:
    """Build silence as FLAC: every frame is one constant."""
    total = max(1, round(seconds * RATE))
    sizes = struct.pack(">HH", _FLAC_SAMPLES, _FLAC_SAMPLES) + bytes(6)
    # 20 bits of rate, 3 of channels less one, 5 of bits of a sample less one, 36 of samples.
    described = (RATE << 44 | 15 << 36 | total).to_bytes(8)
    info = sizes + described + bytes(16)
    blocks = range(0, total, _FLAC_SAMPLES)
    frames = (_flac_frame(i, min(_FLAC_SAMPLES, total - begin)) for i, begin in enumerate(blocks))
    return b"fLaC" + bytes((0x80,)) + len(info).to_bytes(3) + info + b"".join(frames)


def _flac_frame(number: int, samples: int) -> bytes:
    # Block size in 16 bits, 24 kHz, one channel of 16 bits; numbers are written as UTF-8 is.
    head = b"\xff\xf8\x77\x08" + chr(number).encode() + (samples - 1).to_bytes(2)
    head += bytes((_remainder(head, 0x07, 8),))
    body = head + bytes(3)  # a constant subframe, whose constant is 0
    return body + _remainder(body, 0x8005, 16).to_bytes(2)


def _remainder(data: bytes, polynomial: int, width: int) -> int:
    """Return the checksum of data: the remainder after division by a polynomial."""
    value, top, most = 0, 1 << (width - 1), (1 << width) - 1
    for byte in data:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1 ^ polynomial if value & top else value << 1) & most
    return value
