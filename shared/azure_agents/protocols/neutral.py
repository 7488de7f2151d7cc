"""Options with a value that changes nothing, which frameworks and proxies send by default.

Agents know no such options. So every door accepts these values, and they are not sent.
"""

from __future__ import annotations

_NEUTRAL: dict[str, object] = {
    "frequency_penalty": 0,
    "logit_bias": {},
    "logprobs": False,
    "modalities": ["text"],
    "n": 1,
    "presence_penalty": 0,
    "top_logprobs": 0,
}


def is_neutral(name: str, value: object) -> bool:
    """Whether the answer is the same with and without this option."""
    plain = isinstance(value, int | float | dict | list)
    return plain and name in _NEUTRAL and value == _NEUTRAL[name]
