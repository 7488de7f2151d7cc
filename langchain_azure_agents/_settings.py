"""The settings of a model, with the clients, the identity and the copies that follow from them.

The core checks the settings, with its own errors; an unknown argument counts as an option of the
calls, where the core refuses it by name if the agent does not take it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any, Self

from langchain_core.language_models import BaseChatModel, LangSmithParams, ModelProfile
from pydantic import (
    AliasChoices,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    SkipValidation,
    model_validator,
)

from azure_agents import Timeouts, __version__
from azure_agents.content.stop import stop_texts
from azure_agents.errors import ConfigError
from azure_agents.frameworks.clients import HoldsClients
from azure_agents.frameworks.copies import checked_copy
from azure_agents.jsonio import known_fields
from azure_agents.naming import near
from azure_agents.settings.config import InstructionsMode, ThreadPolicy
from azure_agents.settings.headers import extra_headers_of, user_identity_of
from azure_agents.settings.timeouts import DEFAULT_TIMEOUT

from ._arguments import argument_names, refuse_near_misses, refuse_secrets
from ._blocks import PROVIDER

_NOT_OPTIONS = frozenset({"owner", "stream", "thread_id"})
# Never pickled: what is secret, and what belongs to this process.
_LEFT_BEHIND = (
    "anchor_key",
    "api_key",
    "async_transport",
    "client_secret",
    "clock",
    "credential",
    "observer",
    "operation_keys",
    "thread_store",
    "transport",
)


def _hidden(description: str) -> Any:
    return Field(default=None, exclude=True, repr=False, description=description)


def _stop_list(stop: object) -> list[str] | None:
    return list(stop_texts(stop)) or None


class AgentSettings(HoldsClients, BaseChatModel):
    """The settings of `ChatAzureAgent`."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True,
        hide_input_in_errors=True,  # what does not fit may be a secret
        populate_by_name=True,
        protected_namespaces=(),
        use_attribute_docstrings=True,  # schemas and editors show them
    )

    # The core checks settings, with its own errors: pydantic must not be first.
    model: Annotated[str | None, SkipValidation] = Field(
        default=None, validation_alias=AliasChoices("model", "model_name")
    )
    """`my-agent`, `my-agent:1` or `asst_…`; default: `AZURE_AI_AGENT`."""
    endpoint: Annotated[str | None, SkipValidation] = Field(
        default=None, validation_alias=AliasChoices("endpoint", "api_base", "project_endpoint")
    )
    """The project, `https://….services.ai.azure.com/api/projects/…`, or a hosted agent's or an
    application's own endpoint; default: `AZURE_AI_PROJECT_ENDPOINT`."""
    threads: Annotated[ThreadPolicy, SkipValidation] = "auto"
    """How histories meet server-side threads: `auto` (default: goes on where the history
    does), `conversation` (v2: a durable `conv_…`) or `ephemeral` (the server keeps nothing)."""
    thread_id: Annotated[str | None, SkipValidation] = None
    """A thread that exists, `conv_…` or `thread_…`, for all calls: it holds what came before, so
    only what follows the last assistant message is sent. Default: each history has its own."""
    owner: Annotated[str | None, SkipValidation] = None
    """Whose histories these are, such as a user's id: histories that kept only their text, not the
    anchors of answers, are matched within it. Default: LangGraph's thread, else none is matched."""
    instructions: Annotated[str | None, SkipValidation] = None
    """Sent with every turn, besides the agent's own instructions; default: nothing."""
    instructions_mode: Annotated[InstructionsMode, SkipValidation] = "append"
    """The fate of the agent's own instructions: `append` (default) keeps them and adds these,
    `replace` puts these in their place for the turn (classic only)."""
    timeout: Annotated[float | Timeouts | None, SkipValidation] = Field(
        default=DEFAULT_TIMEOUT, validation_alias=AliasChoices("timeout", "request_timeout")
    )
    """Seconds for a whole turn with all its requests and retries (default 600), or `Timeouts` for
    each wait; None: no limit."""
    max_retries: Annotated[int, SkipValidation] = 2
    """How often a request is tried again (default 2), each time after a longer wait; 0: never."""
    allow_http: Annotated[bool, SkipValidation] = False
    """Accept a plain http endpoint on another machine; default: an error, as keys would be read."""
    api_version: Annotated[str | None, SkipValidation] = None
    """API version of the classic service or of an agent's own endpoint; default: the recorded
    one."""

    image_generation_deployment: Annotated[str | None, SkipValidation] = Field(default=None)
    """The deployment that an agent with the image generation tool draws with; the service refuses
    such an agent without it."""
    agent_session_id: Annotated[str | None, SkipValidation] = Field(default=None)
    """The session of a hosted agent to stay in, at the agent's own endpoint: it is memory on the
    server, so only what follows the last answer is sent. Default: no session."""
    name_turns: Annotated[bool, SkipValidation] = Field(default=True)
    """Name turns in the metadata of v2 responses, by which a lost answer is found again (default);
    False for a service that refuses it."""
    user_identity: Annotated[Any, SkipValidation] = _hidden(
        "Who uses the agent, as ASCII text: the service keeps the threads of users apart. "
        "Not pickled. Default: nobody in particular."
    )
    extra_headers: Annotated[Any, SkipValidation] = _hidden(
        "More headers for every request, as a dictionary of texts. Not pickled."
    )
    credential: Annotated[Any, SkipValidation] = _hidden(
        "A credential of azure-identity (sync or async), a callable that gives a token, or a "
        "token; default: the environment, and last `DefaultAzureCredential`."
    )
    api_key: SecretStr | None = _hidden(
        "A key of the resource (v2 only), or a token, instead of a credential."
    )
    scope: str | None = None
    """The scope of tokens, such as `https://ai.azure.com/.default`; default: by host, or
    `AZURE_SCOPE`."""
    tenant_id: str | None = None
    """The directory of a client secret, or of the user who is signed in; default:
    `AZURE_TENANT_ID`."""
    client_id: str | None = None
    """The name of a service principal, or of a managed identity; default: `AZURE_CLIENT_ID`."""
    client_secret: SecretStr | None = _hidden(
        "The secret of the service principal `client_id`; default: `AZURE_CLIENT_SECRET`."
    )
    anchor_key: SecretStr | None = _hidden(
        "Seals the anchors of answers, for messages that a browser keeps; default: "
        "`AZURE_AGENTS_ANCHOR_KEY`, else they are not sealed."
    )
    ephemeral_approvals: Annotated[bool, SkipValidation] = True
    """With `threads="ephemeral"` (v2): send a decision with the request that it answers (default),
    or, if False, only describe it to the agent."""

    streaming: bool = False
    """Stream underneath `invoke` too, so that callbacks see tokens; default: only where they ask
    for it."""
    temperature: float | None = None
    """Of every call to a classic agent; default: the agent's. A v2 agent has its own only."""
    max_tokens: int | None = Field(
        default=None, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    """Tokens that an answer may have at most; default: the agent's limit."""
    stop: Annotated[list[str] | None, BeforeValidator(_stop_list)] = Field(
        default=None, validation_alias=AliasChoices("stop", "stop_sequences")
    )
    """A text or several that end an answer: it is cut before the first of them, on our side.
    Default: none."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """More options of every call by name, such as `metadata`. One that the agent refuses is an
    error at the call, not here."""

    transport: Annotated[Any, SkipValidation] = _hidden(
        "httpx transport of sync calls, for tests and proxies; default: the network."
    )
    async_transport: Annotated[Any, SkipValidation] = _hidden(
        "httpx transport of async calls, for tests and proxies; default: the network."
    )
    clock: Annotated[Any, SkipValidation] = _hidden(
        "Time for deadlines and waits, such as the emulator's; default: the machine's."
    )
    thread_store: Annotated[Any, SkipValidation] = _hidden(
        "Where threads are remembered; default: in memory, one for the process."
    )
    observer: Annotated[Any, SkipValidation] = _hidden(
        "An object with `record(event)`, which is called for every request and retry."
    )
    operation_keys: Annotated[Any, SkipValidation] = _hidden(
        "Makes the unique key of each turn, for recordings; default: a random one."
    )

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        names = argument_names(cls)
        unknown = {name: value for name, value in values.items() if name not in names}
        if not unknown:
            return values
        refuse_near_misses(cls.__name__, unknown, names)
        options = {**(values.get("model_kwargs") or {}), **unknown}
        refuse_secrets(options)
        rest = {name: value for name, value in values.items() if name in names}
        return {**rest, "model_kwargs": options}

    @model_validator(mode="after")
    def _check_azure_agent(self) -> Self:
        if isinstance(self.credential, str):  # a token, for ``vars()`` and ``dict()`` to see
            self.credential = SecretStr(self.credential)
        self.user_identity = user_identity_of(self.user_identity)
        self.extra_headers = extra_headers_of(self.extra_headers)
        settings = self._settings
        # Values from the environment are settled now, for this model and its copies.
        self.model = self.model or settings.agent.requested
        self.endpoint = self.endpoint or settings.endpoint.url
        if hasattr(self, "_add_version"):  # younger than the oldest langchain-core we support
            self._add_version("azure-agents", __version__)
        return self

    async def aclose(self) -> None:
        """Close idle connections of sync and async calls; the next call opens new ones."""
        self.close()
        await super().aclose()

    # Identity

    @property
    def _llm_type(self) -> str:
        return "azure-ai-agent"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        # By these LangChain's cache tells two models apart. It prints and stores them: no secrets.
        settings = self._settings
        instructions = settings.instructions
        return {
            "agent": settings.agent.requested,
            "endpoint": settings.endpoint.url,
            "threads": settings.threads,
            "thread_id": settings.thread_id,
            "owner": settings.owner,
            "user_identity": settings.user_identity and settings.user_identity.fingerprint,
            "extra_headers": settings.extra_headers and settings.extra_headers.fingerprint,
            "image_generation_deployment": settings.image_generation_deployment,
            "agent_session_id": settings.agent_session_id,
            "ephemeral_approvals": settings.ephemeral_approvals,
            "instructions": instructions and hashlib.sha256(instructions.encode()).hexdigest(),
            "instructions_mode": settings.instructions_mode,
            "options": self._options({}),
            "stop_default": self.stop,
            "output_version": self.output_version,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _resolve_model_profile(self) -> ModelProfile:
        # `create_agent` asks what the model can do: here, what agents of the generation can.
        is_classic = self._takes_schema
        return ModelProfile(
            tool_calling=True,
            structured_output=True,  # a call may have a `response_format`
            image_inputs=True,
            image_url_inputs=True,
            pdf_inputs=not is_classic,
            audio_inputs=False,
        )

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        hidden = {
            "user_identity": user_identity_of(self.user_identity),
            "extra_headers": extra_headers_of(self.extra_headers),
        }
        state["__dict__"] = {**state["__dict__"], **dict.fromkeys(_LEFT_BEHIND), **hidden}
        return state

    def __copy__(self) -> Self:
        # Also behind `model_copy(update=…)`: the copy may differ in any setting.
        copied = super().__copy__()
        copied._clients = copy(self._clients)  # noqa: SLF001 - of the same class
        return copied

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the model, maybe with other settings; they are checked as in the constructor.

        Args:
            update: Fields by name, with their new values.
            deep: Copy what the fields hold as well; credentials and transports are shared.

        Raises:
            ConfigError: A field that the model does not have, or a value that is wrong.
        """
        for name in (update or {}).keys() - type(self).model_fields.keys():
            known = frozenset(type(self).model_fields)
            raise ConfigError(f"{type(self).__name__} has no field {name!r}{near(name, known)}")
        copied = super().model_copy(update=update, deep=deep)
        copied._settings  # noqa: B018, SLF001 - looked at to be checked
        return copied

    copy = checked_copy

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        memo = {} if memo is None else memo
        for name in _LEFT_BEHIND:
            shared = getattr(self, name)
            memo[id(shared)] = shared
        return super().__deepcopy__(memo)

    def _options(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens}
        call = {name: value for name, value in kwargs.items() if name not in _NOT_OPTIONS}
        return known_fields(**{**self.model_kwargs, **known_fields(**own), **call})

    @property
    def _agent(self) -> str:
        return self._settings.agent.requested
