"""Copies of models: pydantic's older `copy(update=…)` takes any name and value without a word."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, PydanticDeprecatedSince20

from ..errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)


def checked_copy(  # noqa: D417 - a method of two classes, so `self` is no argument
    self: _Model,
    *,
    include: Any = None,
    exclude: Any = None,
    update: Mapping[str, Any] | None = None,
    deep: bool = False,
) -> _Model:
    """Copy as `model_copy` does, which replaces this method in pydantic 2.

    Args:
        include: Not taken: a model without some of its fields cannot be called.
        exclude: Not taken either.
        update: Fields by name, with their new values; they are checked.
        deep: Copy what the fields hold as well; credentials and transports are shared.

    Raises:
        ConfigError: A field that the model does not have, or a value that is wrong.
    """
    if include is not None or exclude is not None:
        raise ConfigError("a copy has all fields: leave out include= and exclude=")
    warnings.warn(PydanticDeprecatedSince20("`copy` is deprecated: use `model_copy`"), stacklevel=2)
    return self.model_copy(update=update, deep=deep)
