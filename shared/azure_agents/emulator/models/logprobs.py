"""Log probabilities of chats: numbers of the emulator's own, the same for the same token.

The form is OpenAI's; no recording has any.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ..text import tokens

if TYPE_CHECKING:
    from ...jsonio import JSON
    from .answer import Call


def logprobs_of(call: Call, text: str | None) -> JSON | None:
    """Build the log probabilities of a text; None where the request wants none.

    Args:
        call: What was asked.
        text: The whole answer, or a delta of it.
    """
    if not call.body.get("logprobs") or not text:
        return None
    count = call.body.get("top_logprobs") or 0
    return {"content": [_token(one, count) for one in tokens.pieces(text)], "refusal": None}


def _token(text: str, count: int) -> JSON:
    made = _choice(text)
    others = (_choice(f"{text}{number}", made["logprob"] - number) for number in range(1, count))
    return {**made, "top_logprobs": [made, *others][:count]}


def _choice(text: str, value: float | None = None) -> dict[str, Any]:
    drawn = hashlib.blake2b(text.encode(), digest_size=2).digest()
    own = -int.from_bytes(drawn) / 65536
    return {
        "token": text,
        "bytes": list(text.encode()),
        "logprob": own if value is None else value,
    }
