"""The arguments of `completion`, by LiteLLM's names, as what the core's clients take.

A name that is not in `Arguments` is refused, and by its name alone: what an unknown argument holds
may be a secret. A name that is there and that the agent's generation does not take is refused by
the core. None counts as absent, since wrappers pass None for everything they were not given.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict, cast

from ..content.stop import stop_texts
from ..drivers.clock import Clock
from ..drivers.observe import Observer
from ..errors import ConfigError, InvalidRequestError
from ..jsonio import known_fields
from ..messages import Message, TurnRequest, system
from ..naming import near, shown
from ..prices.arguments import costs_of
from ..protocols.classic import options as classic_options
from ..protocols.neutral import is_neutral
from ..protocols.responses import options as v2_options
from ..seams import AsyncTransport, SecretText, Transport
from ..settings.config import InstructionsMode, Settings, ThreadPolicy, resolve_settings
from ..settings.environment import hidden
from ..settings.timeouts import Timeouts
from ..threads.anchor import parse_anchor
from ..threads.store import ThreadStore
from .input import to_messages
from .objects import PROVIDER


class SignIn(TypedDict, total=False):
    """Arguments that say who calls; by default the environment does."""

    api_key: str | SecretText | None
    credential: Any
    azure_ad_token: str | SecretText | None
    azure_ad_token_provider: Callable[[], Any] | None
    tenant_id: str | None
    client_id: str | None
    client_secret: str | SecretText | None
    azure_scope: str | None


class Options(TypedDict, total=False):
    """Model options of a call; an agent takes few, and an error names those it does not."""

    background: bool | None
    frequency_penalty: float | None
    include: list[str] | None
    logit_bias: Mapping[str, float] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_output_tokens: int | None
    max_prompt_tokens: int | None
    max_tokens: int | None
    max_tool_calls: int | None
    metadata: Mapping[str, str] | None
    modalities: list[str] | None
    parallel_tool_calls: bool | None
    presence_penalty: float | None
    prompt_cache_key: str | None
    reasoning_effort: str | None
    response_format: Mapping[str, Any] | type | None
    safety_identifier: str | None
    service_tier: str | None
    structured_inputs: Mapping[str, Any] | None
    temperature: float | None
    tool_choice: str | Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    top_logprobs: int | None
    top_p: float | None
    truncation: str | None
    truncation_strategy: Mapping[str, Any] | None
    user: str | None


class Arguments(SignIn, Options, total=False):
    """All keyword arguments of `completion` but ``stream``; its docstring explains them."""

    api_base: str | None
    base_url: str | None
    endpoint: str | None
    api_version: str | None
    thread_id: str | None
    threads: ThreadPolicy | None
    owner: str | None
    anchor_key: str | bytes | SecretText | None
    ephemeral_approvals: bool | None
    instructions: str | None
    instructions_mode: InstructionsMode | None
    stop: str | Sequence[str] | None
    stream_options: Mapping[str, Any] | None
    n: int | None
    timeout: float | Timeouts | None
    user_identity: str | SecretText | None
    extra_headers: Mapping[str, str] | None
    image_generation_deployment: str | None
    agent_session_id: str | None
    name_turns: bool | None
    max_retries: int | None
    num_retries: int | None
    extra_body: Mapping[str, Any] | None
    drop_params: bool | None
    base_model: str | None
    input_cost_per_token: float | None
    output_cost_per_token: float | None
    custom_cost_per_token: Mapping[str, Any] | None
    custom_llm_provider: str | None
    allow_http: bool | None
    thread_store: ThreadStore | None
    transport: Transport | None
    async_transport: AsyncTransport | None
    clock: Clock | None


class DeploymentArguments(Arguments, total=False):
    """More keyword arguments of `completion`, for deployments; docs/models.md explains them.

    A deployment takes any name; one that is new tomorrow passes type checkers in ``extra_body``.
    """

    audio: Mapping[str, Any] | None
    azure_password: str | SecretText | None
    azure_username: str | None
    base_model: str | None
    best_of: int | None
    echo: bool | None
    extra_query: Mapping[str, object] | None
    function_call: str | Mapping[str, Any] | None
    functions: Sequence[Mapping[str, Any]] | None
    observer: Observer | None
    prediction: Mapping[str, Any] | None
    previous_response_id: str | None
    reasoning: Mapping[str, Any] | None
    seed: int | None
    store: bool | None
    stream_timeout: float | None
    suffix: str | None
    text: Mapping[str, Any] | None
    thinking: Mapping[str, Any] | None
    verbosity: str | None
    web_search_options: Mapping[str, Any] | None


_NAMES = frozenset(Arguments.__annotations__)
_OPTIONS = frozenset(Options.__annotations__)
_SETTINGS = ("api_version", "allow_http", "name_turns", "ephemeral_approvals")
# Options of other models, by OpenAI's and LiteLLM's names: dropped where `drop_params` says so.
_OTHERS = frozenset(
    {
        "audio",
        "n",
        "prediction",
        "reasoning",
        "seed",
        "store",
        "text",
        "thinking",
        "verbosity",
        "web_search_options",
    }
)
_KEPT = frozenset({"response_format"})  # never dropped: the answer would not be what was asked for
_LEGACY = {"functions": "tools", "function_call": "tool_choice"}
_SEAMS = {
    "transport": "transport",
    "async_transport": "async_transport",
    "thread_store": "store",
    "clock": "clock",
}
_TOKENS = ("credential", "azure_ad_token", "azure_ad_token_provider")
# Settings of the call alone: clients are kept by their settings, and serve all users.
_OF_THE_CALL = (
    "agent_session_id",
    "extra_headers",
    "image_generation_deployment",
    "user_identity",
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `completion`, checked as far as that goes without sending anything.

    Attributes:
        model: The model as the caller wrote it.
        settings: The settings of the client.
        sign_in: Arguments of `make_auth`; the only ones that may be secret.
        request: The request of the turn.
        include_usage: Whether a stream ends with the usage.
        seams: Stand-ins for the network (`transport`, `async_transport`), for the store of the
            process (`store`) and for the machine's `clock`; None where there is none.
        costs: What the caller said of the cost: the model behind the agent, prices.
    """

    model: str
    settings: Settings
    sign_in: Mapping[str, Any] = field(repr=False)
    request: TurnRequest
    include_usage: bool
    seams: Mapping[str, Any]
    costs: Mapping[str, Any]


def read_call(
    model: str | None,
    messages: Sequence[object],
    *,
    stream: bool,
    arguments: Mapping[str, Any],
) -> Call:
    """Check the arguments of a call.

    Args:
        model: The agent, as `completion` takes it.
        messages: The history in OpenAI's format.
        stream: Whether the answer is streamed.
        arguments: Everything else, see `Arguments`.

    Raises:
        ConfigError: A setting is missing or wrong, or the model is no agent.
        InvalidRequestError: The messages or an argument are wrong.
    """
    given = _checked(arguments, drops=arguments.get("drop_params") is True)
    if "timeout" in arguments:  # None is a value here: no limit
        given["timeout"] = Timeouts.of(arguments["timeout"])
    history = _with_instructions(to_messages(messages), given.get("instructions"))
    settings = _settings(model, history, given)
    return Call(
        model=model or settings.agent.requested,
        settings=settings,
        sign_in=_sign_in(given),
        request=_request(history, _without_dropped(given, settings)),
        include_usage=_includes_usage(given.get("stream_options"), stream=stream),
        seams={name: given.get(argument) for argument, name in _SEAMS.items()},
        costs=costs_of(given),
    )


def _checked(arguments: Mapping[str, Any], *, drops: bool) -> dict[str, Any]:
    given = known_fields(**arguments)
    for name in given:
        if not (drops and name in _OTHERS):
            _check_name(name, _NAMES)
    if given.get("n", 1) != 1 and not drops:
        raise InvalidRequestError(f"n={shown(given['n'])}: an agent gives one answer, leave n out")
    if given.get("custom_llm_provider", PROVIDER) != PROVIDER:
        raise ConfigError(
            f"custom_llm_provider={shown(given['custom_llm_provider'])} is not served here: leave "
            f"it out, or pass {PROVIDER!r}"
        )
    return given


def _check_name(name: str, known: frozenset[str]) -> None:
    if name in known:
        return
    if name in _LEGACY:
        raise InvalidRequestError(f"{name}= was replaced by {_LEGACY[name]}=: pass that")
    advice = near(name, known) or ": leave it out"
    raise InvalidRequestError(f"completion() has no argument {name!r} for an agent{advice}")


# --- settings -----------------------------------------------------------------------------------


def _settings(model: str | None, history: Sequence[Message], given: Mapping[str, Any]) -> Settings:
    # Owner, timeout, instructions and pins are left to the request: clients are kept by their
    # settings, and one for every user would keep no connection.
    settings = resolve_settings(
        model=model,
        endpoint=_one_endpoint(given),
        threads=given.get("threads", "auto"),
        anchor_key=given.get("anchor_key"),
        instructions_mode=given.get("instructions_mode", "append"),
        max_retries=_retries(given),
        door="completion",
        **{name: given[name] for name in _SETTINGS if name in given},
    )
    return settings if "threads" in given else replace(settings, threads=_policy(settings, history))


def _one_endpoint(given: Mapping[str, Any]) -> Any:
    passed = {name: given[name] for name in ("endpoint", "api_base", "base_url") if name in given}
    if len(set(passed.values())) > 1:
        raise ConfigError(f"{'= and '.join(passed)}= are the same and differ: pass one")
    return next(iter(passed.values()), None)


def _policy(settings: Settings, history: Sequence[Message]) -> ThreadPolicy:
    # A conversation for a caller who begins one, or goes on with its last answer; else a chain. The
    # id of a conversation keeps working for callers who keep nothing but the id.
    if settings.agent.generation == "classic" or settings.endpoint.own is not None:
        return "auto"
    answers = [message for message in history if message.role == "assistant"]
    if not answers:
        return "conversation"
    anchor = parse_anchor(answers[-1].anchor)
    return "conversation" if anchor and anchor.thread.startswith("conv_") else "auto"


def _retries(given: Mapping[str, Any]) -> int:
    both = {given[name] for name in ("max_retries", "num_retries") if name in given}
    if len(both) > 1:
        raise ConfigError("max_retries= and num_retries= are the same and differ: pass one")
    return cast(int, next(iter(both), 2))


def _sign_in(given: Mapping[str, Any]) -> dict[str, Any]:
    tokens = [name for name in _TOKENS if name in given]
    if len(tokens) > 1:
        raise ConfigError(f"{' and '.join(f'{n}=' for n in tokens)} were both passed: pass one")
    return {
        "credential": hidden(given[tokens[0]]) if tokens else None,
        "api_key": hidden(given.get("api_key")),
        "tenant_id": given.get("tenant_id"),
        "client_id": given.get("client_id"),
        "client_secret": hidden(given.get("client_secret")),
        "scope": given.get("azure_scope"),
    }


# --- request ------------------------------------------------------------------------------------


def _with_instructions(history: tuple[Message, ...], instructions: object) -> tuple[Message, ...]:
    if instructions is None:
        return history
    if not isinstance(instructions, str):
        raise InvalidRequestError(f"instructions must be a string, got {shown(instructions)}")
    return (system(instructions), *history) if history else ()


def _without_dropped(given: Mapping[str, Any], settings: Settings) -> Mapping[str, Any]:
    # With ``drop_params=True``, options that the agent does not take are dropped with a warning.
    # One that asks for nothing is no loss, and the warning leaves it out.
    if given.get("drop_params") is not True:
        return given
    takes = {"v2": v2_options, "classic": classic_options}[settings.agent.generation].is_taken
    options = {n: v for n, v in given.items() if n in _OPTIONS - _KEPT or n in _OTHERS}
    dropped = {n for n, v in options.items() if not takes(n)}
    named = sorted(n for n in dropped if not is_neutral(n, given[n]))
    if named:
        warnings.warn(
            f"drop_params=True: {', '.join(named)} dropped, which a {settings.agent.generation} "
            "agent does not take",
            stacklevel=4,
        )
    return {name: value for name, value in given.items() if name not in dropped}


def _request(history: tuple[Message, ...], given: Mapping[str, Any]) -> TurnRequest:
    return TurnRequest(
        messages=history,
        thread_id=given.get("thread_id"),
        owner=given.get("owner"),
        stop=stop_texts(given.get("stop")),
        options=_options(given),
    )


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    extra = given.get("extra_body", {})
    if not isinstance(extra, Mapping):
        raise InvalidRequestError(f"extra_body must be a dictionary, got {type(extra).__name__}")
    for name in extra:
        _check_name(str(name), _OPTIONS)
    named = (*_OPTIONS, *_OF_THE_CALL, "timeout")
    options = {name: given[name] for name in named if name in given} | dict(extra)
    wanted = _response_format(options.pop("response_format", None))
    return options if wanted is None else {**options, "response_format": wanted}


def _response_format(wanted: Any) -> Any:
    if isinstance(wanted, Mapping) and dict(wanted) == {"type": "text"}:
        return None  # what every agent does anyway
    if isinstance(wanted, type) and hasattr(wanted, "model_json_schema"):
        schema = {"name": wanted.__name__, "schema": wanted.model_json_schema(), "strict": True}
        return {"type": "json_schema", "json_schema": schema}
    return wanted


def _includes_usage(options: object, *, stream: bool) -> bool:
    if options is None:
        return False
    if not isinstance(options, Mapping) or set(options) - {"include_usage"} or not stream:
        raise InvalidRequestError(
            f"stream_options={shown(options)}: pass {{'include_usage': True}}, with stream=True"
        )
    return options.get("include_usage") is True
