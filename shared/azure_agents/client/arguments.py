"""The keyword arguments of every client, and how they become settings and a credential."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ..naming import near
from ..settings.config import InstructionsMode, Settings, ThreadPolicy, resolve_settings
from ..settings.timeouts import Timeouts
from ..sign_in.auth import FoundryAuth, make_auth


class SettingArguments(TypedDict, total=False):
    """Arguments of `azure_agents.settings.config.resolve_settings`, which describes them."""

    endpoint: str | None
    threads: ThreadPolicy
    thread_id: str | None
    owner: str | None
    instructions: str | None
    instructions_mode: InstructionsMode
    timeout: float | Timeouts | None
    max_retries: int
    allow_http: bool
    api_version: str | None
    anchor_key: object
    user_identity: object
    extra_headers: object
    image_generation_deployment: str | None
    agent_session_id: str | None
    name_turns: bool
    ephemeral_approvals: bool


class SignInArguments(TypedDict, total=False):
    """Arguments of `azure_agents.sign_in.auth.make_auth`, which describes them."""

    credential: object
    api_key: object
    scope: str | None
    tenant_id: str | None
    client_id: str | None
    client_secret: object


class ClientArguments(SettingArguments, SignInArguments, total=False):
    """The settings and ways to sign in that `AgentClient` and `AsyncAgentClient` take by name."""


_NAMES = frozenset(ClientArguments.__annotations__)
_SIGN_IN = frozenset(SignInArguments.__annotations__)


def read_arguments(
    door: str, model: str | None, arguments: Mapping[str, Any]
) -> tuple[Settings, FoundryAuth]:
    """Check the arguments of a client and make settings and a credential; nothing is sent.

    Args:
        door: Name of the class, for errors.
        model: The agent, or None for the environment's.
        arguments: See `ClientArguments`.

    Raises:
        TypeError: No client has an argument of this name.
        ConfigError: A setting is missing or wrong.
    """
    for name in arguments.keys() - _NAMES:
        raise TypeError(f"{door} has no argument {name!r}{near(name, _NAMES)}")
    settings = resolve_settings(
        model=model, **{name: value for name, value in arguments.items() if name not in _SIGN_IN}
    )
    sign_in = {name: value for name, value in arguments.items() if name in _SIGN_IN}
    return settings, make_auth(endpoint=settings.endpoint, **sign_in)
