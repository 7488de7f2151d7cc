"""The fields of `AzureAgentLLM`, which LlamaIndex shows, dumps and pickles.

Credentials, transports and the like are arguments of the constructor only, hence no fields.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, Field

from azure_agents import Timeouts
from azure_agents.errors import ConfigError
from azure_agents.naming import near
from azure_agents.settings.timeouts import DEFAULT_TIMEOUT

from ._function_calls import FunctionCalls


class AgentSettings(FunctionCalls):
    """The settings of `AzureAgentLLM`."""

    model_config = ConfigDict(
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,  # help(), schemas and editors show them
    )

    # Read once when the object is made, hence frozen: a later change would be silently ignored.
    model: str = Field(frozen=True)
    """The agent: `my-agent`, `my-agent:1` or `asst_…`."""
    endpoint: str = Field(frozen=True)
    """The endpoint of the project, or of one agent."""
    scope: str | None = Field(default=None, frozen=True)
    """The scope of tokens, such as `https://ai.azure.com/.default`; default: by host, or
    `AZURE_SCOPE`."""
    threads: str = Field(default="auto", frozen=True)
    """How histories meet server-side threads: `auto` (default: goes on where the history does),
    `conversation` (v2: a durable `conv_…`) or `ephemeral` (the server keeps nothing)."""
    thread_id: str | None = Field(default=None, frozen=True)
    """A thread that exists, `conv_…` or `thread_…`, for all calls: it holds what came before, so
    only what follows the last assistant message is sent. Default: each history has its own."""
    owner: str | None = Field(default=None, frozen=True)
    """Whose histories these are, such as a user's id: histories that kept only their text, not the
    anchors of answers, go on within it where they were. Default: they are sent whole."""
    instructions: str | None = Field(default=None, frozen=True)
    """Sent with every turn, besides the agent's own instructions; default: nothing."""
    instructions_mode: str = Field(default="append", frozen=True)
    """The fate of the agent's own instructions: `append` (default) keeps them and adds these,
    `replace` puts these in their place for the turn (classic only)."""
    timeout: float | Timeouts | None = Field(default=DEFAULT_TIMEOUT, frozen=True)
    """Seconds for a whole turn with all its requests and retries (default 600), or `Timeouts` for
    each wait; None: no limit."""
    max_retries: int = Field(default=2, frozen=True)
    """How often a request is tried again (default 2), each time after a longer wait; 0: never."""
    allow_http: bool = Field(default=False, frozen=True)
    """Accept a plain http endpoint on another machine; default: an error, as keys would be read."""
    api_version: str | None = Field(default=None, frozen=True)
    """API version of the classic service or of an agent's own endpoint; default: the recorded
    one."""

    image_generation_deployment: str | None = Field(default=None, frozen=True)
    """The deployment that an agent with the image generation tool draws with; the service refuses
    such an agent without it."""
    agent_session_id: str | None = Field(default=None, frozen=True)
    """The session of a hosted agent to stay in, at the agent's own endpoint: it is memory on the
    server, so only what follows the last answer is sent. Default: no session."""
    name_turns: bool = Field(default=True, frozen=True)
    """Name turns in the metadata of v2 responses, by which a lost answer is found again (default);
    False for a service that refuses it."""
    ephemeral_approvals: bool = Field(default=True, frozen=True)
    """With `threads="ephemeral"` (v2): send a decision with the request that it answers (default),
    or, if False, only describe it to the agent."""
    user_identity: Any = Field(default=None, frozen=True, exclude=True, repr=False)
    """Who uses the agent, as ASCII text: the service keeps the threads of users apart. Not pickled.
    Default: nobody in particular."""
    extra_headers: Any = Field(default=None, frozen=True, exclude=True, repr=False)
    """More headers for every request, as a dictionary of texts. Not pickled."""

    context_window: int = Field(default=128_000, gt=0)
    """Tokens that the agent's model can read (default 128,000): LlamaIndex cuts retrieved texts and
    histories to fit. It is not sent."""
    num_output: int = Field(default=4_096, gt=0)
    """Tokens of them that LlamaIndex leaves for the answer (default 4,096). It is not sent."""
    is_function_calling_model: bool = True
    """Whether LlamaIndex shall offer function tools to the agent (default); False: its ReAct agents
    describe them in a prompt."""
    temperature: float | None = None
    """Of every call to a classic agent; default: the agent's. A v2 agent has its own only."""
    max_tokens: int | None = None
    """Tokens that an answer may have at most; default: the agent's limit."""
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)
    """More options of every call by name, such as `metadata`. One that the agent refuses is an
    error at the call, not here."""


def refuse_unknown(cls: type[AgentSettings], given: Iterable[str]) -> None:
    """Refuse unknown arguments and name the known ones that may be meant; no value is shown.

    Args:
        cls: The class that is made, maybe with fields of its own.
        given: Names of arguments that are not in the constructor's signature.

    Raises:
        ConfigError: An argument is unknown.
    """
    known = {*cls.model_fields, *inspect.signature(cls.__init__).parameters} - {"self", "fields"}
    known |= {field.alias for field in cls.model_fields.values() if field.alias}
    for name in given:
        if name not in known:
            raise ConfigError(
                f"{cls.__name__} has no argument {name!r}{near(name, known) or '.'} Options of the "
                "calls go into additional_kwargs"
            )
