"""Arguments that are no field of the model: options of the calls, unless something else was meant.

LangChain's models take any argument by name, so a misspelt one, or a secret under a name of another
model, would only be refused by the first call; options are also printed and traced.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import AliasChoices, BaseModel

from azure_agents.errors import ConfigError
from azure_agents.protocols.classic import options as classic_options
from azure_agents.protocols.responses import options as v2_options

_SECRETIVE = re.compile(
    r"api_?key|subscription_key|secret|password|credential|(?:^|_)token$|token_provider|headers"
    r"|authorization",
    re.IGNORECASE,
)
_NEAR = 0.8  # of 1: one letter too many, too few or wrong in a name of seven


def refuse_near_misses(door: str, unknown: Iterable[str], names: frozenset[str]) -> None:
    """Refuse an argument that is one letter off a known one, unless an agent takes such an option.

    Args:
        door: Name of the class, for the error.
        unknown: Names of arguments that are no fields.
        names: Names of the fields (`argument_names`).

    Raises:
        ConfigError: A name is most likely misspelt.
    """
    for name in map(str, unknown):
        is_option = v2_options.is_taken(name) or classic_options.is_taken(name)
        meant = [] if is_option else get_close_matches(name[:64], sorted(names), 1, _NEAR)
        if meant:
            raise ConfigError(
                f"{door} has no argument {name!r}: did you mean {meant[0]!r}? An option of the "
                "calls that is called so goes into model_kwargs"
            )


def refuse_secrets(options: Iterable[str]) -> None:
    """Refuse options that look like keys: options are printed, traced and part of the identity.

    Args:
        options: Names of options.

    Raises:
        ConfigError: A name is one for a secret.
    """
    for name in options:
        if _SECRETIVE.search(str(name)):
            raise ConfigError(
                f"{name!r} is no argument of an agent, and may be meant to hold a secret: "
                "pass api_key=, credential=, or tenant_id=, client_id= and client_secret="
            )


@functools.cache
def argument_names(cls: type[BaseModel]) -> frozenset[str]:
    """List the names that the constructor of a model takes: of its fields, and their aliases."""
    names = set(cls.model_fields)
    for field in cls.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            names.update(map(str, field.validation_alias.choices))
        elif field.alias:
            names.add(field.alias)
    return frozenset(names)
