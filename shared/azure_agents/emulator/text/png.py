"""Pictures of one colour, as PNG."""

from __future__ import annotations

import struct
import zlib


def png(width: int, height: int, colour: bytes) -> bytes:
    """Build a picture.

    Args:
        width: Its width in pixels.
        height: Its height in pixels.
        colour: Red, green and blue, a byte each.
    """
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = b"\x00" + colour * width
    packed = zlib.compress(row * height)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check
