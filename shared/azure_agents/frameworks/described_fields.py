"""The fields of a model in its docstring: of a pydantic field `help()` shows the type alone."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)
_WIDTH = 96


def with_fields(*, beyond: type[BaseModel]) -> Callable[[type[Model]], type[Model]]:
    """Make a class decorator that writes the descriptions of fields into the docstring.

    Args:
        beyond: The framework's class: its fields are described by the framework.
    """

    def describe(model: type[Model]) -> type[Model]:
        text = inspect.cleandoc(model.__doc__ or "")
        lines = "\n".join(_lines(model, beyond, text))
        model.__doc__ = f"{text}\n\nFields:\n{lines}"
        return model

    return describe


def _lines(model: type[BaseModel], beyond: type[BaseModel], docstring: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        if name in beyond.model_fields or f"\n    {name}: " in docstring:
            continue
        entry = " ".join(f"{name}: {field.description or ''}".split())
        yield textwrap.fill(
            entry,
            _WIDTH,
            initial_indent=" " * 4,
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
            break_long_words=False,
        )
