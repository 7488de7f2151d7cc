"""What a model string without a prefix names: an agent, or a model of OpenAI. Pure.

It is an agent where the base, passed or from the environment, is a project or an agent's endpoint;
else, with a key of OpenAI, a model of OpenAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..settings import environment as names
from ..settings.endpoint import origin_of
from ..settings.environment import Secret, hidden, read_env, read_secret
from .hosts import is_microsoft
from .surfaces import OPENAI_BASE

BASES = ("api_base", "base_url", "endpoint")
OPENAI_WAY = (
    f"a bare name is a model of OpenAI where {names.ENV_OPENAI_KEY} is set, or its key is passed, "
    "and no base is a project's"
)
_PROJECT = "/api/projects/"
_OPENAI_KEY = "sk-"
_CLASSIC_AGENT = "asst_"  # no model of OpenAI is called so


def is_at_a_project(given: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Whether a call goes to a project, where a bare name is an agent.

    Args:
        given: The arguments of the call; what is passed beats the environment.
        env: The variables.
    """
    passed = _passed_base(given)
    if passed:
        return _PROJECT in passed
    if _is_of_openai(given.get("api_key")):
        return False
    bases = (read_env(env, name) for name in (names.ENV_ENDPOINT, names.ENV_API_BASE))
    return any(_PROJECT in (base or "") for base in bases)


def is_openai_model(model: str, given: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Whether a bare name is a model of OpenAI.

    Args:
        model: The model string, without a prefix.
        given: The arguments of the call.
        env: The variables.
    """
    if model.startswith(_CLASSIC_AGENT) or is_at_a_project(given, env):
        return False
    passed = _passed_base(given)
    if is_microsoft(_host_of(passed)):  # a deployment, whose prefix was forgotten
        return False
    key = given.get("api_key")
    return _is_of_openai(key) if key is not None else _has_key(passed, env)


def _has_key(passed: str, env: Mapping[str, str]) -> bool:
    """Whether the environment has a key; a mistyped base must not get it."""
    own = (OPENAI_BASE, read_env(env, names.ENV_OPENAI_BASE) or OPENAI_BASE)
    is_home = not passed or origin_of(passed) in map(origin_of, own)
    return is_home and bool(read_secret(env, names.ENV_OPENAI_KEY))


def _passed_base(given: Mapping[str, Any]) -> str:
    return next((str(given[name]) for name in BASES if given.get(name)), "")


def _host_of(base: str) -> str:
    return (origin_of(base) or "").rpartition("/")[2].partition(":")[0]


def _is_of_openai(key: object) -> bool:
    reveal = getattr(key, "get_secret_value", None)
    text = hidden(reveal() if callable(reveal) else key)
    return isinstance(text, Secret) and text.reveal().startswith(_OPENAI_KEY)
