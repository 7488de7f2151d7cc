"""A file as a form: everything around its bytes, which are read only while they are sent."""

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
    """The body of an upload; the fields stand in the order recorded.

    Args:
        boundary: Must not occur in the file: a text that nobody can guess.
        purpose: What the service shall do with the file.
        name: The file's name.
        size: Its bytes.
        pieces: Reads it from its start.
        sent: Told how many bytes of the file are on their way.
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

    def told(done: int) -> None:
        sent(min(max(done - len(head), 0), size))

    return Upload(len(head) + size + len(tail), read, told)


def content_type(boundary: str) -> str:
    """The media type of the form."""
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
