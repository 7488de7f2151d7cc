from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import ConfigError, InvalidRequestError
from azure_agents.naming import (
    AgentName,
    Generation,
    Handle,
    check_handle,
    parse_agent,
    parse_handle,
)

AGENTS = [
    ("my-agent", AgentName("my-agent", "v2", "my-agent")),
    ("my-agent:1", AgentName("my-agent:1", "v2", "my-agent", "1")),
    ("azure_ai/agents/my-agent:12", AgentName("my-agent:12", "v2", "my-agent", "12")),
    ("agents/my-agent", AgentName("my-agent", "v2", "my-agent")),
    ("azure_ai/agents/asst_abc123", AgentName("asst_abc123", "classic", "asst_abc123")),
    ("asst_abc123", AgentName("asst_abc123", "classic", "asst_abc123")),
    ("A", AgentName("A", "v2", "A")),
    ("a" * 63, AgentName("a" * 63, "v2", "a" * 63)),
]

BAD_AGENTS = [
    ("", "model is empty: use 'my-agent', 'my-agent:1', 'asst_abc123'"),
    (None, "model must be a string, got NoneType"),
    ("azure_ai/agents/", "names no agent"),
    ("azure_ai/agents/agents/x", "names no agent"),
    ("azure/gpt-4o", "(model deployments such as 'azure/gpt-4o' are not agents)"),
    ("azure_ai/my-agents/x", "names no agent"),
    ("../x", "model '../x' names no agent"),
    ("a/b", "names no agent"),
    ("my agent", "model 'my agent' names no agent: a name has 1 to 63 letters"),
    (" my-agent", "names no agent"),
    ("my-agent\n", "names no agent"),
    ("my\x00agent", "names no agent"),
    ("my_agent", "names no agent"),
    ("-agent", "names no agent"),
    ("agent-", "names no agent"),
    ("a" * 64, "names no agent"),
    ("agént", "names no agent"),
    ("my-agent:", "has a malformed version ''"),
    (":1", "names no agent"),
    ("my-agent:1:2", "has a malformed version '1:2'"),
    ("my-agent:1/..", "has a malformed version '1/..'"),
    ("my-agent:1\n", "has a malformed version"),
    ("asst_abc:1", "classic agents have none, write 'asst_abc'"),
    ("asst_", "is not a classic agent id"),
    ("asst_../x", "is not a classic agent id"),
    ("asst_" + "x" * 500, "is not a classic agent id"),
]

HANDLES = [
    ("conv_abc", Handle("conversation", "conv_abc"), "v2"),
    ("thread_abc", Handle("thread", "thread_abc"), "classic"),
    ("resp_abc", Handle("response", "resp_abc"), "v2"),
    ("wfresp_abc", Handle("response", "wfresp_abc"), "v2"),
    ("caresp_a-b_c", Handle("response", "caresp_a-b_c"), "v2"),
]

BAD_HANDLES = [
    "",
    "abc",
    "run_abc",
    "conv_",
    "CONV_a",
    "conv_a/b",
    "conv_a b",
    "conv_a\n",
    "conv_é",
]


@pytest.mark.parametrize(("model", "expected"), AGENTS)
def test_every_accepted_form_of_an_agent(model: str, expected: AgentName) -> None:
    """The prefix goes, the generation follows from the id."""
    assert expected == parse_agent(model)


@pytest.mark.parametrize(("model", "sentence"), BAD_AGENTS)
def test_a_malformed_agent_is_refused_with_the_accepted_forms(model: str, sentence: str) -> None:
    """What cannot be an agent never reaches a URL, and the error says what can."""
    with pytest.raises(ConfigError) as caught:
        parse_agent(model)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 400


def test_only_classic_agents_have_an_assistant_id() -> None:
    """The name of a v2 agent is not usable as an assistant id."""
    ids = [parse_agent(model).assistant_id for model in ("asst_abc", "my-agent")]
    assert ["asst_abc", None] == ids


@given(st.text())
def test_whatever_is_accepted_is_safe_in_a_path(text: str) -> None:
    """A canonical name holds nothing that a URL would treat as its own."""
    try:
        agent = parse_agent(text)
    except ConfigError:
        return
    assert set() == set(agent.requested) & set("/\\?#%. \n@")
    assert agent == parse_agent(agent.requested)


@pytest.mark.parametrize(("text", "expected", "generation"), HANDLES)
def test_the_prefix_tells_the_kind_of_a_handle(
    text: str, expected: Handle, generation: Generation
) -> None:
    """Threads are classic, conversations and responses are v2."""
    handle = parse_handle(text)
    assert (expected, generation) == (handle, handle.generation)
    check_handle(handle, generation)


@pytest.mark.parametrize("text", [*BAD_HANDLES, "conv_" + "a" * 252])
def test_an_unknown_handle_form_is_refused(text: str) -> None:
    """Handles are never invented or guessed."""
    with pytest.raises(InvalidRequestError, match="has an unknown form: use a handle that"):
        parse_handle(text)


def test_a_handle_is_a_string() -> None:
    """A number or an object in its place is named by type."""
    with pytest.raises(InvalidRequestError, match="thread_id must be a string, got int"):
        parse_handle(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "generation", "sentence"),
    [
        ("conv_a", "classic", "'conv_a' is a conversation of a v2 agent, and this agent is class"),
        ("resp_a", "classic", "pass 'thread_…', or leave thread_id out"),
        ("thread_a", "v2", "pass 'conv_…' or 'resp_…', or leave thread_id out"),
    ],
)
def test_a_handle_of_the_other_generation_is_refused(
    text: str, generation: Generation, sentence: str
) -> None:
    """The two generations share no objects."""
    with pytest.raises(InvalidRequestError) as caught:
        check_handle(parse_handle(text), generation)
    assert sentence in str(caught.value)
