"""Ids in the service's own forms, so that clients that parse or length-check them are exercised.

Classic: a prefix and 24 letters or digits. v2: a prefix, an 18-character partition key shared by
everything in one conversation or chain, then either the time and 24 hex digits (made by the model
layer) or 32 letters and digits (made by the conversation layer).
"""

from __future__ import annotations

import random
import re
import string
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ALNUM = string.ascii_letters + string.digits
_CONVERSATION = re.compile(r"conv_[0-9a-f]{16}00[0-9A-Za-z]{32}")


class Ids:
    """Makes ids: repeatable with a seed, unguessable without.

    Args:
        seed: Makes every id of a session repeatable.
        now: The clock; v2 ids carry the time.
    """

    def __init__(self, seed: int | None, now: Callable[[], float]) -> None:
        self._random = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self._now = now
        # Padding is noise, not a secret: it must not disturb the sequence of ids.
        self._noise = random.Random(None if seed is None else seed + 1)  # noqa: S311

    def classic(self, prefix: str, length: int = 24) -> str:
        """Make an id such as ``thread_`` and 24 letters or digits."""
        return f"{prefix}_{self._alnum(length)}"

    def chat(self, prefix: str = "chatcmpl") -> str:
        """Make the id of a completion: ``chatcmpl-`` and 29 letters or digits."""
        return f"{prefix}-{self._alnum(29)}"

    def claude(self, prefix: str) -> str:
        """Make an id of Claude's: a prefix, and 24 letters or digits that begin with ``01``."""
        return f"{prefix}_01{self._alnum(22)}"

    def file(self) -> str:
        """Make the id of a file, in both generations: ``assistant-`` and 22 letters or digits."""
        return f"assistant-{self._alnum(22)}"

    def partition(self) -> str:
        """Make the key that a conversation or chain shares with everything in it."""
        return f"{self._hex(16)}00"

    def made(self, prefix: str, partition: str) -> str:
        """Make the id of a response, or of an item that a model made."""
        return f"{prefix}_{partition}{int(self._now()):08x}{self._hex(24)}"

    def stored(self, prefix: str, partition: str) -> str:
        """Make the id of a conversation, or of an item that a client posted."""
        return f"{prefix}_{partition}{self._alnum(32)}"

    def session(self) -> str:
        """Make the id of a session, recorded as a partition key and 32 letters or digits."""
        return f"{self.partition()}{self._alnum(32)}"

    def request(self) -> str:
        """Make a request id as the Foundry layer writes it: 32 hex digits."""
        return self._hex(32)

    def uuid(self) -> str:
        """Make a request id as the gateway writes it: dashed."""
        raw = self._hex(32)
        return "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))

    def padding(self, delta: str) -> str:
        """Make the `obfuscation` of a delta: both together fill a multiple of 16 characters."""
        return "".join(self._noise.choices(_ALNUM, k=16 - len(delta) % 16))

    def cut(self, length: int) -> int:
        """Draw the place where a chunk of this length is cut."""
        return self._noise.randint(1, length)

    def _alnum(self, length: int) -> str:
        return "".join(self._random.choices(_ALNUM, k=length))

    def _hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"


def partition_of(id: str) -> str:
    """Return the partition key inside a v2 id."""
    return id.partition("_")[2][:18]


def is_conversation_id(id: str) -> bool:
    """Whether the service could have made this conversation id."""
    return _CONVERSATION.fullmatch(id) is not None
