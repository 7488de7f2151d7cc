"""Compare the parameters of a function in the application with those in the agent's definition.

The model goes by the definition. So the application may be called with arguments it does not know,
or without some it needs. Either side may be the wrong one, so this is no error: a warning says once
which parameters differ.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from ...jsonio import JSON
from ..tools import function_of


def warn_of_other_parameters(agent: str, tool: object, declared: JSON) -> None:
    """Warn if the parameters of a function differ from those that the agent declares."""
    ours = _properties(function_of(tool))
    theirs = _properties(declared)
    if ours is None or theirs is None:  # a schema without properties allows everything
        return
    differences = "; ".join(_differences(ours, theirs))
    if differences:
        warnings.warn(
            f"function {declared['name']!r}: the agent {agent!r} declares other parameters than "
            f"the application: {differences}. Declare it again, or bind what is declared",
            stacklevel=2,
        )


def _properties(function: Mapping[str, Any]) -> Mapping[str, Any] | None:
    parameters = function.get("parameters")
    found = parameters.get("properties") if isinstance(parameters, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    if only_ours := sorted(ours.keys() - theirs.keys()):
        yield f"{only_ours} only in the application"
    if only_theirs := sorted(theirs.keys() - ours.keys()):
        yield f"{only_theirs} only in the agent"
    for name in sorted(ours.keys() & theirs.keys()):
        mine, its = _type(ours[name]), _type(theirs[name])
        if mine and its and mine != its:
            yield f"{name!r} is {mine} in the application and {its} in the agent"


def _type(schema: object) -> str | None:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    return kind if isinstance(kind, str) else None
