"""Settings: read once, checked whole, then frozen.

Every mistake is found before a request leaves, and its error says how to mend it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import ConfigError
from ..naming import AgentName, check_handle, parse_agent, parse_handle, shown
from .anchor_key import AnchorKey, make_anchor_key
from .endpoint import (
    FIND_ENDPOINT,
    Endpoint,
    agent_at,
    check_own_endpoint,
    check_session,
    parse_endpoint,
)
from .environment import (
    ENV_AGENT,
    ENV_ANCHOR_KEY,
    ENV_API_BASE,
    ENV_ENDPOINT,
    ENV_OPENAI_KEY,
    Environment,
    read_env,
    read_secret,
)
from .headers import (
    IMAGE_DEPLOYMENT,
    USER_IDENTITY,
    ExtraHeaders,
    LeftBehind,
    UserIdentity,
    extra_headers_of,
    image_deployment_of,
    user_identity_of,
)
from .timeouts import DEFAULT_TIMEOUT, Timeouts

# All recorded classic traffic speaks this version, and Microsoft's own client defaults to it; how
# the stable "v1" and "2025-05-01" differ on the wire is not recorded anywhere.
CLASSIC_API_VERSION = "2025-05-15-preview"

ThreadPolicy: TypeAlias = Literal["auto", "conversation", "ephemeral"]
InstructionsMode: TypeAlias = Literal["append", "replace"]
Door: TypeAlias = Literal["client", "completion", "llm"]
_POLICIES = ("auto", "conversation", "ephemeral")
_MODES = ("append", "replace")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a client needs but its credential; made by `resolve_settings`.

    Attributes:
        agent: The agent, its name read into parts.
        endpoint: The project, or the endpoint of one agent.
        threads: How histories meet server-side threads: ``auto``, ``conversation`` or
            ``ephemeral``.
        thread_id: The pinned ``conv_…`` or ``thread_…`` of every turn; None: each history has its
            own.
        owner: Whose histories these are; None: text-only histories are not matched.
        instructions: Sent with every turn, besides the agent's own; None: nothing.
        instructions_mode: ``append`` to the agent's own instructions, or ``replace`` them
            (classic).
        timeouts: The time limits of a turn and of each wait in it, in seconds.
        max_retries: How often a request is tried again after its first attempt.
        api_version: Of the classic service, or of an agent's own endpoint.
        anchor_key: Seals the anchors of answers; None: they are not sealed.
        user_identity: Who uses the agent; None: nobody in particular.
        extra_headers: More headers for every request; None: none.
        image_generation_deployment: The model deployment with which an agent's image generation
            tool draws; None: no such header is sent.
        agent_session_id: The session of a hosted agent to stay in; None: no session.
        name_turns: Whether v2 responses get a name in their metadata, by which a lost one is found.
        door: The interface that the user called, for errors in its words.
        ephemeral_approvals: Whether a decision is sent as a decision, not as text, with
            ``threads="ephemeral"`` (v2).
    """

    agent: AgentName
    endpoint: Endpoint
    threads: ThreadPolicy
    thread_id: str | None
    owner: str | None
    instructions: str | None
    instructions_mode: InstructionsMode
    timeouts: Timeouts
    max_retries: int
    api_version: str
    anchor_key: AnchorKey | None = None
    user_identity: UserIdentity | LeftBehind | None = None
    extra_headers: ExtraHeaders | LeftBehind | None = None
    image_generation_deployment: str | None = None
    agent_session_id: str | None = None
    name_turns: bool = True
    door: Door = "client"
    ephemeral_approvals: bool = True

    @property
    def headers(self) -> ExtraHeaders:
        """The headers that go with every request.

        Raises:
            ConfigError: The settings were pickled, which leaves headers out: pass them again.
        """
        headers = {} if self.extra_headers is None else self.extra_headers.reveal()
        if self.user_identity is not None:
            headers[USER_IDENTITY] = self.user_identity.reveal()
        if self.image_generation_deployment is not None:
            headers[IMAGE_DEPLOYMENT] = self.image_generation_deployment
        return ExtraHeaders(headers)


def resolve_settings(
    *,
    model: str | None = None,
    endpoint: str | Endpoint | None = None,
    threads: ThreadPolicy = "auto",
    thread_id: str | None = None,
    owner: str | None = None,
    instructions: str | None = None,
    instructions_mode: InstructionsMode = "append",
    timeout: float | Timeouts | None = DEFAULT_TIMEOUT,
    max_retries: int = 2,
    allow_http: bool = False,
    api_version: str | None = None,
    anchor_key: object = None,
    user_identity: object = None,
    extra_headers: object = None,
    image_generation_deployment: str | None = None,
    agent_session_id: str | None = None,
    name_turns: bool = True,
    door: Door = "client",
    ephemeral_approvals: bool = True,
    env: Mapping[str, str] | None = None,
) -> Settings:
    """Check all settings of a client at once.

    Args:
        model: The agent; else the environment variable ``AZURE_AI_AGENT``. An endpoint that names
            its agent needs none.
        endpoint: The project, or one agent (see `parse_endpoint`); else
            ``AZURE_AI_PROJECT_ENDPOINT``, else ``AZURE_API_BASE`` if that is a project endpoint.
        threads: How histories meet server-side threads.
        thread_id: A pinned ``conv_…`` or ``thread_…``.
        owner: Whose histories these are; allows matching of text-only histories.
        instructions: Sent with every turn.
        instructions_mode: ``"append"`` to the agent's own, or ``"replace"`` them (classic only).
        timeout: Seconds for a whole turn, or `Timeouts`.
        max_retries: How often a request is tried again.
        allow_http: Accept a plain http endpoint on another machine.
        api_version: Of the classic service, or of an agent's own endpoint; default: the recorded.
        anchor_key: Seals the anchors of answers (which say where a history stands on the server),
            for applications whose messages pass through a browser: a text of at least 16 bytes or
            a ``SecretStr``; else ``AZURE_AGENTS_ANCHOR_KEY``, else nothing is sealed.
        user_identity: Who uses the agent (header ``x-ms-user-identity``): a service that keeps
            users apart does not know the threads of another. Part of the owner's scope.
        extra_headers: More headers for every request, for instance a gateway's.
        image_generation_deployment: The model deployment with which an agent's image generation
            tool draws (header ``x-ms-oai-image-generation-deployment``); without it the service
            refuses.
        ephemeral_approvals: With ``threads="ephemeral"`` and a v2 agent: send a decision as a
            decision, together with the request that it answers; False: send it as text.
        agent_session_id: The session of a hosted agent to stay in, at the agent's own endpoint. The
            session is memory on the server: only what follows the last answer is sent.
        name_turns: Name each turn in the metadata of its v2 response, so that a lost answer can be
            found. No recording has metadata beside an agent reference: pass False for a service
            that refuses it.
        door: The interface that the user called, for errors in its words.
        env: Instead of ``os.environ``.

    Raises:
        ConfigError: A setting is missing or wrong.
        InvalidRequestError: `thread_id` is no handle, or one of the other generation.
    """
    env = Environment(os.environ if env is None else env)
    anchor_key = make_anchor_key(
        read_secret(env, ENV_ANCHOR_KEY) if anchor_key is None else anchor_key
    )
    where = _resolve_endpoint(endpoint, env, allow_http=allow_http, door=door)
    agent = _resolve_agent(model, env, where)
    _check_choice("threads", threads, _POLICIES)
    _check_choice("instructions_mode", instructions_mode, _MODES)
    if instructions_mode == "replace" and agent.generation == "v2":
        raise ConfigError(
            f"instructions_mode='replace' works with classic agents only and {agent.requested!r} "
            "is v2: use 'append', or change the agent's instructions in a new version"
        )
    if thread_id is not None:
        _check_pin(thread_id, threads, agent)
    check_owner(owner)
    _check_instructions(instructions)
    if where.own is not None:
        check_own_endpoint(where.own, threads, thread_id)
    check_session(agent_session_id, where, thread_id)
    return Settings(
        agent=agent,
        endpoint=where,
        threads=threads,
        thread_id=thread_id,
        owner=owner,
        instructions=instructions,
        instructions_mode=instructions_mode,
        timeouts=Timeouts.of(timeout).fitting(agent.generation, where.own),
        max_retries=_checked_retries(max_retries),
        api_version=_checked_version(api_version, where),
        anchor_key=anchor_key,
        user_identity=user_identity_of(user_identity),
        extra_headers=extra_headers_of(extra_headers),
        image_generation_deployment=image_deployment_of(image_generation_deployment),
        agent_session_id=agent_session_id,
        name_turns=_checked_flag("name_turns", name_turns),
        door=door,
        ephemeral_approvals=_checked_flag("ephemeral_approvals", ephemeral_approvals),
    )


def _resolve_agent(model: str | None, env: Mapping[str, str], endpoint: Endpoint) -> AgentName:
    if endpoint.own is not None:
        return agent_at(endpoint.own, model)
    model = read_env(env, ENV_AGENT) if model is None else model
    if model is None:
        raise ConfigError(f"no agent: pass model='my-agent', or set {ENV_AGENT}")
    return parse_agent(model)


_NO_PROJECT = (
    "is not a project endpoint; completion() calls deployments of a resource by "
    "model='azure/<deployment>'"
)


_OTHER_MODELS = (
    f". If no agent is meant: name a deployment as 'azure/<deployment>', or set {ENV_OPENAI_KEY} "
    "for a model of OpenAI"
)


def _resolve_endpoint(
    endpoint: str | Endpoint | None, env: Mapping[str, str], *, allow_http: bool, door: Door
) -> Endpoint:
    if isinstance(endpoint, Endpoint):
        return endpoint
    text = read_env(env, ENV_ENDPOINT) if endpoint is None else endpoint
    api_base = read_env(env, ENV_API_BASE)
    # LiteLLM reads this variable too, and then it often names an Azure OpenAI resource.
    if text is None and api_base and "/api/projects/" in api_base:
        text = api_base
    if text is None:
        ignored = f" ({ENV_API_BASE} is set, but {_NO_PROJECT})" if api_base else ""
        raise ConfigError(
            f"no endpoint: pass endpoint=, or set {ENV_ENDPOINT}{ignored}; {FIND_ENDPOINT}"
            f"{_OTHER_MODELS if door == 'completion' else ''}"
        )
    return parse_endpoint(text, allow_http=allow_http)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name}={shown(value)} is unknown: use {', '.join(map(repr, choices))}")


def _check_pin(thread_id: str, threads: ThreadPolicy, agent: AgentName) -> None:
    handle = parse_handle(thread_id)
    if threads == "ephemeral":
        raise ConfigError(
            f"thread_id={shown(thread_id)} cannot be kept with threads='ephemeral', which keeps "
            "nothing: leave one of the two out"
        )
    check_handle(handle, agent.generation)
    if handle.kind == "response":
        raise ConfigError(
            f"thread_id={shown(thread_id)} names one moment of a conversation and changes with "
            "every answer: pass it per call, or use threads='conversation' and pin a 'conv_…'"
        )


def check_owner(value: object) -> None:
    """Refuse an owner that names nobody, such as "": several users would share their histories.

    Args:
        value: What a caller passed as ``owner=``; None is accepted.

    Raises:
        ConfigError: It is empty, no text, or text that has no UTF-8 form.
    """
    if value is None or (isinstance(value, str) and value.strip() and _is_unicode(value)):
        return
    raise ConfigError(f"owner must be a non-empty string or None, got {shown(value)}")


def _check_instructions(value: object) -> None:
    if value is None or (isinstance(value, str) and _is_unicode(value)):
        return
    raise ConfigError(f"instructions must be a string or None, got {shown(value)}")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _checked_retries(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ConfigError(f"max_retries must be a whole number, 0 or more, got {shown(value)}")


def _checked_flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ConfigError(f"{name} must be True or False, got {shown(value)}")


def _checked_version(value: object, endpoint: Endpoint) -> str:
    if value is None:
        return CLASSIC_API_VERSION if endpoint.own is None else endpoint.own.api_version
    if isinstance(value, str) and _VERSION.fullmatch(value):
        return value
    raise ConfigError(
        f"api_version={shown(value)} is malformed: use for instance {CLASSIC_API_VERSION!r} or 'v1'"
    )
