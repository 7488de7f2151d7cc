"""What a family of chat models asks of a request's body; everything else passes. Pure.

| family | rule |
|---|---|
| o-series, gpt-5 | ``max_tokens`` goes up as ``max_completion_tokens`` |
| o-series | ``temperature`` and ``top_p`` other than 1 are refused, or dropped if asked |

Which gpt-5 takes a temperature changes by the month, so it passes; the service's refusal is told,
or with ``drop_params=True`` the parameter is left out then.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import InvalidRequestError
from ..naming import shown
from ..protocols.neutral import is_neutral
from .names import ModelName

_SAMPLING = ("temperature", "top_p")
# What is asked for can never be left out.
KEPT = frozenset(
    {
        "conversation",
        "functions",
        "input",
        "instructions",
        "messages",
        "model",
        "previous_response_id",
        "prompt",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "text",
        "tools",
    }
)


class Lacking(NamedTuple):
    """What a chat has and another operation lacks.

    Attributes:
        operation: What lacks it, for sentences.
        advice: By argument what to do instead; "" where it can only be left out.
    """

    operation: str
    advice: Mapping[str, str]


def without_lacking(
    fields: Mapping[str, Any], lacking: Lacking, model: ModelName, *, drops: bool
) -> dict[str, Any]:
    """The arguments without those that an operation lacks, and those that change nothing.

    Args:
        fields: The arguments of a chat.
        lacking: What the operation lacks.
        model: What answers.
        drops: Leave out, aloud, what it lacks; but never what an answer is asked for with.

    Raises:
        InvalidRequestError: There is one, and it may not be left out.
    """
    kept = {name: value for name, value in fields.items() if not _changes_nothing(name, value)}
    where = f"{lacking.operation} ({model.requested})"
    for name in sorted(lacking.advice.keys() & kept.keys()):
        value = kept.pop(name)
        if not drops or name in KEPT:
            advice = lacking.advice[name] or "leave it out"
            also = "" if name in KEPT else ", or pass drop_params=True"
            raise InvalidRequestError(
                f"{name}={shown(value)} has no place in {where}: {advice}{also}"
            )
        warnings.warn(
            f"drop_params=True: {name} dropped, which has no place in {where}", stacklevel=2
        )
    return kept


def _changes_nothing(name: str, value: object) -> bool:
    is_text = name == "response_format" and value == {"type": "text"}
    return is_text or is_neutral(name, value)


def fit(body: Mapping[str, Any], model: ModelName, *, drops: bool) -> dict[str, Any]:
    """The body as the family takes it.

    Args:
        body: What the caller asked for, by OpenAI's names.
        model: What answers.
        drops: Leave out, aloud, what the family is known to refuse.

    Raises:
        InvalidRequestError: The family refuses a parameter, or two say the same.
    """
    if not model.is_reasoning:
        return dict(body)
    fitted = _renamed(body)
    if model.rules == "o_series":
        for name in _SAMPLING:
            if name in fitted and fitted[name] != 1:
                _refuse(name, fitted[name], model, drops=drops)
                del fitted[name]
    return fitted


def _renamed(body: Mapping[str, Any]) -> dict[str, Any]:
    if "max_tokens" not in body:
        return dict(body)
    if "max_completion_tokens" in body:
        raise InvalidRequestError(
            "max_tokens= and max_completion_tokens= were both passed: a reasoning model takes "
            "max_completion_tokens"
        )
    return {
        "max_completion_tokens" if name == "max_tokens" else name: value
        for name, value in body.items()
    }


def _refuse(name: str, value: object, model: ModelName, *, drops: bool) -> None:
    if not drops:
        raise InvalidRequestError(
            f"{name}={shown(value)}: {model.requested} is an o-series model, which takes 1 only: "
            f"leave it out, or pass drop_params=True"
        )
    warnings.warn(
        f"drop_params=True: {name} dropped, which the o-series model {model.requested} does not "
        "take",
        stacklevel=2,
    )
