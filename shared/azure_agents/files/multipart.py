"""The multipart form of an upload; the bytes of the file are read only while they are sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ..errors import InvalidRequestError
from ..protocols.commands import Upload
from .references import type_of

_PURPOSE = re.compile(r"[a-z][a-z0-9_-]{0,63}")
# As browsers and the SDKs do it: UTF-8 as it is, but no way out of the quotes.
_ESCAPES = {ord('"'): "%22", ord("\\"): "\\\\"} | {
    code: f"%{code:02X}" for code in (*range(32), 127)
}


def form(
    boundary: str,
    *,
    purpose: str,
    name: str,
    size: int,
    pieces: Callable[[], Iterator[bytes]],
    sent: Callable[[int], None],
) -> Upload:
    """Make the body of an upload; its fields stand in the recorded order.

    Args:
        boundary: Must not occur in the file: a text that nobody can guess.
        purpose: What the service shall do with the file.
        name: The file's name.
        size: How many bytes it has.
        pieces: Reads the file from its start.
        sent: Called with the bytes of the file that have been sent so far.
    """
    if not _PURPOSE.fullmatch(purpose):
        raise InvalidRequestError(
            f"purpose={purpose!r} is malformed: use 'assistants', or another word of the service"
        )
    head = _head(boundary, purpose, name)
    tail = f"\r\n--{boundary}--\r\n".encode()

    def read() -> Iterator[bytes]:
        yield head
        yield from pieces()
        yield tail

    def report(done: int) -> None:
        # `done` counts the form's head and tail too; callers count bytes of their file.
        sent(min(max(done - len(head), 0), size))

    return Upload(len(head) + size + len(tail), read, report)


def content_type(boundary: str) -> str:
    """Give the media type of the form, with its boundary."""
    return f"multipart/form-data; boundary={boundary}"


def _head(boundary: str, purpose: str, name: str) -> bytes:
    lines = (
        f"--{boundary}",
        'Content-Disposition: form-data; name="purpose"',
        "",
        purpose,
        f"--{boundary}",
        f'Content-Disposition: form-data; name="file"; filename="{name.translate(_ESCAPES)}"',
        f"Content-Type: {type_of(name)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
