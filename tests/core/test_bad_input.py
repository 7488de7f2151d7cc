"""What cannot be right is a typed error before any request leaves, and says what to do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError
from azure_agents.messages import (
    ApprovalReply,
    Media,
    Message,
    Text,
    ToolCall,
    TurnRequest,
    assistant,
    system,
    tool,
    user,
)
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth

from ..covering import case

Error = type[AzureAgentsError]
HI = user("Hi")
ANY: Any = lambda value: value  # noqa: E731 - hides a wrong type from type checkers
NAN = math.nan

# --- settings ------------------------------------------------------------------------------------

SETTINGS: list[Any] = [
    pytest.param({"endpoint": None}, ConfigError, "AZURE_AI_PROJECT_ENDPOINT", id="no endpoint"),
    pytest.param(
        {"endpoint": "https://r.services.ai.azure.com"}, ConfigError, "not a project", id="resource"
    ),
    pytest.param(
        {"endpoint": "https://r.openai.azure.com/openai"},
        ConfigError,
        "no agents",
        id="Azure OpenAI",
    ),
    pytest.param({"endpoint": "nonsense"}, ConfigError, "https://", id="endpoint is no URL"),
    pytest.param(
        {"endpoint": "http://r.services.ai.azure.com/api/projects/p"},
        ConfigError,
        "allow_http=True",
        id="plain http",
    ),
    pytest.param({"model": None}, ConfigError, "AZURE_AI_AGENT", id="no agent"),
    pytest.param({"model": ""}, ConfigError, "model is empty", id="empty model"),
    pytest.param({"model": " my-agent"}, ConfigError, "names no agent", id="malformed model"),
    pytest.param({"model": "my_agent"}, ConfigError, "names no agent", id="underscore"),
    pytest.param({"model": "a/../b"}, ConfigError, "names no agent", id="path in the model"),
    pytest.param({"model": "my-agent:"}, ConfigError, "malformed version", id="empty version"),
    pytest.param({"model": "asst_1:2"}, ConfigError, "classic agents have none", id="version"),
    pytest.param({"model": "azure/gpt-4o"}, ConfigError, "are not agents", id="a deployment"),
    pytest.param({"model": 7}, ConfigError, "must be a string", id="model is no string"),
    pytest.param({"threads": "always"}, ConfigError, "threads='always' is unknown", id="policy"),
    pytest.param({"instructions_mode": "drop"}, ConfigError, "instructions_mode='drop'", id="mode"),
    pytest.param(
        {"instructions_mode": "replace"}, ConfigError, "classic agents only", id="replace on v2"
    ),
    pytest.param({"thread_id": "resp_1"}, ConfigError, "pass it per call", id="pinned response"),
    pytest.param({"thread_id": "abc"}, InvalidRequestError, "unknown form", id="handle form"),
    pytest.param({"thread_id": ""}, InvalidRequestError, "unknown form", id="empty handle"),
    pytest.param({"thread_id": "thread_1"}, InvalidRequestError, "classic", id="other generation"),
    pytest.param(
        {"model": "asst_1", "thread_id": "conv_1"},
        InvalidRequestError,
        "v2",
        id="and the other way",
    ),
    pytest.param(
        {"thread_id": "conv_1", "threads": "ephemeral"},
        ConfigError,
        "ephemeral",
        id="pin, not kept",
    ),
    pytest.param({"owner": ""}, ConfigError, "owner must be", id="empty owner"),
    pytest.param({"max_retries": -1}, ConfigError, "max_retries must be", id="retries"),
    pytest.param({"api_version": "v 1"}, ConfigError, "api_version=", id="API version"),
    *(
        pytest.param({"timeout": value}, ConfigError, "timeout must be", id=f"timeout={value!r}")
        for value in (NAN, math.inf, -1, 0, "60", True)
    ),
]


@pytest.mark.parametrize(("given", "cls", "says"), SETTINGS)
def test_settings_are_refused_as_a_whole(given: dict[str, Any], cls: Error, says: str) -> None:
    """No client comes of wrong settings, and the sentence names the way out."""
    good = {"model": "my-agent", "endpoint": "https://r.services.ai.azure.com/api/projects/p"}
    with pytest.raises(cls) as caught:
        resolve_settings(**{**good, **given}, env={})
    assert (cls, True) == (type(caught.value), says in caught.value.message)


@pytest.mark.parametrize("name", ["connect", "read", "first_event", "between_events", "turn"])
@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf, -0.5, 0, "1", 1e10, 10**400])
def test_every_timeout_is_checked(name: str, value: Any) -> None:
    """A limit that could never end, or ends at once, is a mistake."""
    with pytest.raises(ConfigError, match=f"{name} must be a positive, finite number"):
        Timeouts(**{name: value})


# --- calls ---------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "f", "{}")
FILE = Media("file", data=b"x", name="a.txt")


def ask(*messages: Message, **more: Any) -> TurnRequest:
    """A request."""
    return TurnRequest(messages, **more)


def option(**options: Any) -> TurnRequest:
    """A request with these options."""
    return ask(HI, options=options)


BOTH: dict[str, tuple[TurnRequest, str]] = {
    "no messages": (ask(), "no messages"),
    "a text as messages": (TurnRequest("x"), "takes messages as azure_agents.Message, got 'x'"),  # type: ignore[arg-type]
    "unknown role": (ask(Message(ANY("narrator"), (Text("x"),))), "has the role 'narrator'"),
    "a text as parts": (ask(Message("user", ANY("hi"))), "holds 'h': give parts"),
    "a text of a number": (ask(Message("user", (Text(ANY(5)),))), "holds Text(text=5)"),
    "a decision in words": (
        ask(Message("user", (ApprovalReply("mcpr_1", approve=ANY("no")),))),
        "approve='no'",
    ),
    "arguments that are no text": (
        ask(HI, assistant("", ToolCall("call_1", "f", ANY({}))), tool("call_1", "x")),
        "calls whose arguments are JSON text",
    ),
    "empty messages": (ask(user(""), user("  \n")), "every message is empty"),
    "unknown handle": (ask(HI, thread_id="session-1"), "unknown form"),
    "handle with a path": (ask(HI, thread_id="conv_1/../x"), "unknown form"),
    "handle is no string": (ask(HI, thread_id=7), "must be a string"),  # type: ignore[arg-type]
    "result without its call": (ask(HI, tool("call_9", "x")), "'call_9'"),
    "empty stop": (ask(HI, stop=("END", "")), "none of them empty"),
    "unknown option": (option(logprobs=True), "'logprobs' is no option of"),
    "misspelt user": (option(user_identiy="x"), "did you mean 'user_identity'?"),
    "misspelt headers": (option(extra_header={}), "did you mean 'extra_headers'?"),
    "headers, as others call them": (option(headers={}), "did you mean 'extra_headers'?"),
    "half a name": (option(identity="x"), "did you mean 'user_identity'?"),
    "misspelt thread": (option(threadid="x"), "did you mean 'thread_id'?"),
    "misspelt temperature": (option(temprature=1), "did you mean 'temperature'?"),
    "metadata is no map": (option(metadata=["x"]), "metadata must map strings to strings"),
    "metadata of numbers": (option(metadata={"a": 1}), "metadata must map strings to strings"),
    "too much metadata": (option(metadata={str(n): "x" for n in range(16)}), "at most 15"),
    "tools that are no functions": (option(tools=[{"type": "web_search"}]), "function tools"),
    "tools that are no objects": (option(tools=[7]), "function tools"),
    "choice of no tool": (option(tool_choice={"type": "auto"}), "is no tool choice"),
    "choice of several tools": (option(tool_choice=["f"]), "tool_choice=['f'] is no tool choice"),
}
V2: dict[str, tuple[TurnRequest, str]] = {
    "handle of the other generation": (ask(HI, thread_id="thread_1"), "classic"),
    "temperature": (option(temperature=0.5), "temperature=0.5 is refused by a v2 agent"),
    "top_p": (option(top_p=0.5), "set `top_p` in the agent's definition"),
    "model": (option(model="gpt-4o"), "or make a client of its own for another agent"),
    "instructions": (option(instructions="x"), "instructions='x' is refused"),
    "NaN": (option(max_tokens=NAN), "cannot be sent as JSON"),
    "nothing new for a pin": (
        ask(HI, assistant("Hello"), thread_id="conv_1"),
        "nothing to send to the pinned thread 'conv_1'",
    ),
}
CLASSIC: dict[str, tuple[TurnRequest, str]] = {
    "handle of the other generation": (ask(HI, thread_id="conv_1"), "v2"),
    "response as a pin": (ask(HI, thread_id="resp_1"), "v2"),
    "instructions": (option(instructions="x"), "pass `instructions=` to the client"),
    "reasoning effort": (option(reasoning_effort="low"), "use a v2 agent"),
    "NaN": (option(temperature=NAN), "cannot be sent as JSON"),
    "infinity": (option(top_p=math.inf), "cannot be sent as JSON"),
    "no JSON": (option(response_format={"x": object()}), "cannot be sent as JSON"),
    "file": (
        ask(Message("user", (FILE,))),
        "takes files by id only, so upload it with the client's `files.attach(path)`",
    ),
    "nothing new for a pin": (
        ask(HI, assistant("Hello"), thread_id="thread_1"),
        "nothing to send to the pinned thread 'thread_1'",
    ),
    "results and messages for a pin": (
        ask(HI, assistant("", CALL), tool("call_1", "x"), user("And?"), thread_id="thread_1"),
        "send the results first",
    ),
}
CASES: list[Any] = [
    pytest.param(generation, request, says, id=f"{generation}: {name}")
    for generation, table in (("v2", BOTH | V2), ("classic", BOTH | CLASSIC))
    for name, (request, says) in table.items()
]


async def drained(agents: AsyncAgentClient, request: TurnRequest) -> None:
    """Read an async stream to its end."""
    async with aclosing(agents.stream(request)) as events:
        async for _ in events:
            pass


WAYS: dict[str, Callable[[AgentClient, AsyncAgentClient, TurnRequest], object]] = {
    "stream": lambda agents, _, request: list(agents.stream(request)),
    "complete": lambda agents, _, request: agents.complete(request),
    "async stream": lambda _, agents, request: asyncio.run(drained(agents, request)),
    "async complete": lambda _, agents, request: asyncio.run(agents.complete(request)),
}


def clients(
    foundry: Emulator, generation: Any, **given: Any
) -> tuple[AgentClient, AsyncAgentClient]:
    """Both clients of an agent of the emulator."""
    agent = foundry.create_agent("my-agent", generation=generation)
    settings = resolve_settings(model=agent.model, endpoint=foundry.endpoint, env={}, **given)
    auth = make_auth(credential=foundry.credential, endpoint=settings.endpoint)
    return (
        make_client(AgentClient, settings, auth, transport=foundry.transport, clock=foundry.clock),
        make_client(
            AsyncAgentClient, settings, auth, transport=foundry.async_transport, clock=foundry.clock
        ),
    )


@pytest.mark.parametrize(("generation", "request_", "says"), CASES)
def test_a_wrong_call_sends_nothing(generation: str, request_: TurnRequest, says: str) -> None:
    """Neither a request nor a token was asked for, and the sentence names the mistake."""
    foundry = Emulator(seed=1)
    asked = clients(foundry, generation)
    for name, way in WAYS.items():
        with case(name):
            with pytest.raises(InvalidRequestError) as caught:
                way(*asked, request_)
            assert ([], [], True) == (
                foundry.requests,
                foundry.token_scopes,
                says in caught.value.message,
            )


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    ("generation", "thread"), [("v2", "conv_1"), ("v2", "resp_1"), ("classic", "thread_1")]
)
def test_a_pin_needs_threads_that_are_kept(
    generation: str, thread: str, way: Callable[..., object]
) -> None:
    """A pin per call contradicts `ephemeral` as one in the constructor does."""
    foundry = Emulator(seed=1)
    request = ask(HI, thread_id=thread)
    with pytest.raises(InvalidRequestError, match="use threads='auto'"):
        way(*clients(foundry, generation, threads="ephemeral"), request)
    assert [] == foundry.requests


@pytest.mark.parametrize("credential", [7, object(), b"", ["x"]], ids=lambda c: type(c).__name__)
def test_a_credential_that_is_none_is_refused(credential: object) -> None:
    """What can give no token is refused before it is asked."""
    endpoint = resolve_settings(
        model="a", endpoint="https://r.services.ai.azure.com/api/projects/p", env={}
    ).endpoint
    with pytest.raises(ConfigError, match="credential"):
        make_auth(credential=credential, endpoint=endpoint)


def test_system_messages_alone_are_a_conversation() -> None:
    """A call of system messages only is odd, but nothing that cannot be asked on v2."""
    foundry = Emulator(seed=1)
    agents, _ = clients(foundry, "v2")
    agents.complete(ask(system("Say hello.")))
    assert 1 == len(foundry.requests)
