"""The running digest of a transcript: the same for every form a framework may store it in.

Over role, text, calls, tool call id and media digests - never ids, names, metadata or block
layout. Text is stripped at its outer ends (LlamaIndex stores ``strip()``ped finals), nothing
else is normalised. Empty messages count for nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

from ..errors import ProtocolError
from ..jsonio import canonical, loads
from ..messages import ApprovalReply, Media, Message, Text, ToolCall


class TranscriptDigest:
    """Takes messages one by one.

    Args:
        with_system: Whether system messages belong to the transcript. They do on v2; on classic
            they travel with every run and are never stored.
    """

    def __init__(self, *, with_system: bool) -> None:
        self._with_system = with_system
        self._hash = sha256()

    def add(self, message: Message) -> None:
        """Take the next message."""
        if message.is_empty or (message.role == "system" and not self._with_system):
            return
        self._hash.update(_frame(message))

    def digest(self) -> str:
        """Return the digest so far: 128 bits as 22 base64url characters."""
        return urlsafe_b64encode(self._hash.digest()[:16]).decode()[:22]


def _frame(message: Message) -> bytes:
    text = message.text.strip()
    extras = [_call(call) for call in message.tool_calls]
    extras += [_part(part) for part in message.parts if not isinstance(part, Text)]
    # Each frame says how long it is, so no text can be written that looks like two messages.
    if not extras and message.tool_call_id is None:  # nearly every message: no JSON needed
        body = text.encode("utf-8", "surrogatepass")
        return b"%s %d\n%s\n" % (message.role.encode(), len(body), body)
    fields = [message.role, text, extras, message.tool_call_id]
    body = canonical(fields).encode("utf-8", "surrogatepass")
    return b"json %d\n%s\n" % (len(body), body)


def _call(call: ToolCall) -> list[object]:
    return ["call", call.id, call.name, canonical_arguments(call.arguments)]


def canonical_arguments(arguments: str) -> object:
    """Return the JSON value of a call's arguments, or the raw text where it is no JSON."""
    try:
        return {"json": loads(arguments or "{}")}
    except ProtocolError:
        return arguments


def _part(part: Media | ApprovalReply) -> list[object]:
    if isinstance(part, ApprovalReply):
        return ["approval", part.request_id, part.approve]
    content = sha256(part.data).hexdigest() if part.data is not None else None
    return [part.kind, part.url, content, part.file_id]


def digest_of(messages: Iterable[Message], *, with_system: bool = True) -> str:
    """Return the digest of a whole transcript."""
    running = TranscriptDigest(with_system=with_system)
    for message in messages:
        running.add(message)
    return running.digest()


def system_digest(messages: Iterable[Message]) -> str:
    """Return the digest of the system messages alone, 11 characters; "" if there are none."""
    systems = [m for m in messages if m.role == "system" and not m.is_empty]
    return digest_of(systems)[:11] if systems else ""
