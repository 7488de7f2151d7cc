"""Options whose value asks for nothing: what frameworks and proxies send along without a wish.

They pass at every door and are not sent, since agents know no such options.
"""

from __future__ import annotations

_ASKS_NOTHING: dict[str, object] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "top_logprobs": 0,
}


def asks_nothing(name: str, value: object) -> bool:
    """Whether an answer without this option is the answer with it."""
    plain = isinstance(value, int | float | dict | list)
    return plain and name in _ASKS_NOTHING and value == _ASKS_NOTHING[name]
