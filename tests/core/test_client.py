"""The core's clients: made in one line, of the same arguments as the adapters."""

from __future__ import annotations

import pytest

import azure_agents
from azure_agents.client.agent_client import AgentClient, AsyncAgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError, InvalidRequestError
from azure_agents.fold import fold
from azure_agents.messages import TurnRequest, user
from azure_agents.settings.config import resolve_settings
from azure_agents.settings.timeouts import Timeouts
from azure_agents.sign_in.auth import make_auth

ASKED = TurnRequest((user("My name is Ada."),))


@pytest.mark.parametrize("generation", ["v2", "classic"])
async def test_one_line_makes_a_client(generation: str) -> None:
    """What connects an adapter connects a client; sync and async take the same."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent", generation=generation)  # type: ignore[arg-type]
    sync = azure_agents.AgentClient(model=agent.model, **foundry.connection())
    aio = azure_agents.AsyncAgentClient(model=agent.model, **foundry.connection())
    told = "Nice to meet you, Ada. (turn 1)"
    assert [told, told] == [sync.complete(ASKED).text, (await aio.complete(ASKED)).text]


async def test_a_text_is_a_request() -> None:
    """The first thing that somebody tries works, streamed or whole; what is no request says so."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent", "Hello!")
    client = AgentClient(agent.model, **foundry.connection())
    aio = AsyncAgentClient(agent.model, **foundry.connection())
    streamed = [event async for event in aio.stream("Hi")]
    told = [
        client.complete("Hi"),
        fold(client.stream("Hi")),
        await aio.complete("Hi"),
        fold(streamed),
    ]
    assert ["Hello!"] * 4 == [completion.text for completion in told]
    assert ["Hi"] == [
        message.text for message in foundry.seen[-1].messages if message.role == "user"
    ]
    said = r"a client takes a text or a TurnRequest, got list: pass for instance TurnRequest\("
    for call in (client.complete, client.stream, aio.stream):
        with pytest.raises(InvalidRequestError, match=said):
            call([{"role": "user", "content": "Hi"}])  # type: ignore[arg-type]


def test_settings_are_those_of_every_door() -> None:
    """Arguments by name are checked settings; a missing one comes from the environment."""
    client = AgentClient("my-agent:1", endpoint="https://r.services.ai.azure.com/api/projects/p")
    assert ("my-agent:1", Timeouts().fitting("v2")) == (
        client.settings.agent.requested,
        client.settings.timeouts,
    )
    with pytest.raises(ConfigError, match="no endpoint: pass endpoint="):
        AsyncAgentClient(model="my-agent")


@pytest.mark.parametrize("kind", [AgentClient, AsyncAgentClient])
def test_an_unknown_argument_is_named_without_its_value(
    kind: type[AgentClient | AsyncAgentClient],
) -> None:
    """A misspelt name gets the known one; a value may be a secret and is not shown."""
    with pytest.raises(TypeError) as caught:
        kind(model="my-agent", credental="s3cret")  # type: ignore[call-arg]
    said = f"{kind.__name__} has no argument 'credental': did you mean 'credential'?"
    assert said == str(caught.value)


def test_checked_settings_make_the_same_client() -> None:
    """`of` serves those who keep settings and credential themselves."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent")
    settings = resolve_settings(model=agent.model, endpoint=foundry.endpoint)
    auth = make_auth(credential=foundry.credential, endpoint=settings.endpoint)
    client = make_client(AgentClient, settings, auth, transport=foundry.transport)
    assert "Nice to meet you, Ada. (turn 1)" == client.complete(ASKED).text
    shown = f"AgentClient('{agent.model}', endpoint='{foundry.endpoint}')"
    assert shown == repr(client)
