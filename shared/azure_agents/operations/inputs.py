"""Texts and tokens, as embeddings and text completions take them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ..errors import InvalidRequestError
from ..naming import shown

Texts: TypeAlias = str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]


def texts(name: str, given: object) -> object:
    """Read one text or several, or their tokens, as JSON has them.

    Args:
        name: Of the argument, for errors.
        given: What the caller passed.

    Raises:
        InvalidRequestError: It is an empty list, or no text and no tokens.
    """
    if isinstance(given, str):
        return given
    if not isinstance(given, Sequence) or isinstance(given, bytes):
        raise InvalidRequestError(f"{name} must be a text or a list of texts, got {shown(given)}")
    if not given:
        raise InvalidRequestError(f"{name} is empty: pass a text, or a list of texts")
    return [_text(f"{name}[{index}]", one) for index, one in enumerate(given)]


def _text(place: str, given: object) -> object:
    if isinstance(given, str | int):
        return given
    if isinstance(given, Sequence) and all(isinstance(token, int) for token in given):
        return list(given)
    raise InvalidRequestError(f"{place} must be a text or tokens, got {shown(given)}")
