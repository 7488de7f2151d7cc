"""The constructor, and what a model tells about itself."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd, dumps
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import ConfigurableField

from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError, InvalidRequestError
from azure_agents.settings.timeouts import Timeouts
from langchain_azure_agents import ChatAzureAgent

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
BASE = {"model": "my-agent:1", "endpoint": ENDPOINT}
SECRETS = {
    "api_key": "s3cret-key",
    "credential": lambda: "s3cret-token",
    "client_secret": "s3cret-client",
}

ALIASES = [
    ({"model_name": "my-agent"}, "model", "my-agent"),
    ({"api_base": ENDPOINT + "/"}, "endpoint", ENDPOINT + "/"),
    ({"project_endpoint": ENDPOINT}, "endpoint", ENDPOINT),
    ({"request_timeout": 5}, "timeout", 5),
    ({"timeout": Timeouts(turn=None)}, "timeout", Timeouts(turn=None)),
    ({"max_completion_tokens": 7}, "max_tokens", 7),
    ({"stop_sequences": ["x"]}, "stop", ["x"]),
    ({"stop": "xy"}, "stop", ["xy"]),
    ({"top_p": 0.5}, "model_kwargs", {"top_p": 0.5}),
    ({"top_p": 0.5, "model_kwargs": {"seed": 1}}, "model_kwargs", {"top_p": 0.5, "seed": 1}),
]

MISTAKES = [
    ({"model": ""}, ConfigError, "model is empty"),
    ({"model": None}, ConfigError, "no agent"),
    ({"model": 5}, ConfigError, "model must be a string"),
    ({"model": "azure/gpt-4o"}, ConfigError, "not agents"),
    ({"model": "asst_1:2"}, ConfigError, "classic agents have none"),
    ({"endpoint": None}, ConfigError, "AZURE_AI_PROJECT_ENDPOINT"),
    ({"endpoint": "https://r.openai.azure.com"}, ConfigError, "endpoint"),
    ({"endpoint": "http://r.services.ai.azure.com/api/projects/p"}, ConfigError, "allow_http"),
    ({"threads": "automatic"}, ConfigError, "threads='automatic'"),
    ({"thread_id": "resp_1"}, ConfigError, "pass it per call"),
    ({"thread_id": "thread_1"}, InvalidRequestError, "classic"),
    ({"thread_id": "nonsense"}, InvalidRequestError, "unknown form"),
    ({"thread_id": "conv_1", "threads": "ephemeral"}, ConfigError, "ephemeral"),
    ({"timeout": float("nan")}, ConfigError, "timeout"),
    ({"timeout": -1}, ConfigError, "timeout"),
    ({"timeout": "soon"}, ConfigError, "timeout"),
    ({"max_retries": -1}, ConfigError, "max_retries"),
    ({"owner": ""}, ConfigError, "owner"),
    ({"instructions_mode": "replace"}, ConfigError, "classic agents only"),
]


def model(**settings: Any) -> Any:
    """A model with changes."""
    names = {"model_name": "model", "api_base": "endpoint", "project_endpoint": "endpoint"}
    given = {names.get(name, name) for name in settings}
    return ChatAzureAgent(**{k: v for k, v in BASE.items() if k not in given}, **settings)


@pytest.mark.parametrize(("settings", "name", "expected"), ALIASES)
def test_other_names_for_settings(settings: Any, name: Any, expected: Any) -> None:
    """Settings are understood under the names that other libraries use."""
    assert getattr(model(**settings), name) == expected


@pytest.mark.parametrize(("settings", "error", "words"), MISTAKES)
def test_mistakes_are_typed_errors_of_the_constructor(
    settings: Any, error: Any, words: Any
) -> None:
    """A wrong setting raises our error, not pydantic's, and says the way out."""
    with pytest.raises(error) as caught:
        model(**settings)
    assert words in str(caught.value)


def test_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint and agent come from the environment, and stay as they were."""
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", ENDPOINT)
    monkeypatch.setenv("AZURE_AI_AGENT", "other:2")
    llm = ChatAzureAgent()
    monkeypatch.undo()
    assert (llm.model, llm.endpoint) == ("other:2", ENDPOINT)
    assert "other:2" == llm._identifying_params["agent"]


def test_secrets_are_nowhere_to_be_seen() -> None:
    """No secret in repr, dumps, pickles, identity or tracing parameters."""
    for name, value in SECRETS.items():
        extra = {"tenant_id": "t", "client_id": "c"} if name == "client_secret" else {}
        llm = model(**{name: value}, **extra)
        shown = [
            repr(llm),
            str(llm),
            dumps(llm),
            str(dumpd(llm)),
            str(llm._identifying_params),
            str(llm.model_dump()),
            str(llm._get_invocation_params()),
            str(pickle.dumps(llm)),
        ]
        assert [] == [text for text in shown if "s3cret" in text]


def test_a_pickled_model_leaves_connections_and_secrets_behind(llm: Any) -> None:
    """It comes back as the same agent, signed in by its new environment."""
    llm.invoke("hi")
    back = pickle.loads(pickle.dumps(llm))  # noqa: S301 - our own
    left = (back.credential, back.transport, back.async_transport, back.api_key)
    assert (None, None, None, None) == left
    assert back._identifying_params == llm._identifying_params


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda llm: llm.model_copy()])
def test_a_copy_works(llm: Any, copied: Any) -> None:
    """Copies share credential and transports, and nothing else."""
    llm.invoke("hi")
    twin = copied(llm)
    assert twin.transport is llm.transport
    assert twin.credential is llm.credential
    assert twin._clients is not llm._clients
    assert "You said: hi (turn 1)" == twin.invoke("hi").content


def test_a_copy_with_changes_is_another_model(llm: Any, foundry: Emulator) -> None:
    """`model_copy(update=…)` and assignment take effect, although clients exist already."""
    llm.invoke("hi")
    changed = llm.model_copy(update={"instructions": "Be brief."})
    changed.invoke("hi")
    llm.instructions = "Be long."
    llm.invoke("hi")
    told = [
        "".join(m.text for m in turn.messages if m.role in {"system", "developer"})
        + (turn.additional_instructions or "")
        for turn in foundry.seen
    ]
    assert ["", "Be brief.", "Be long."] == told


IDENTITIES = [
    {},
    {"model": "my-agent:2"},
    {"endpoint": ENDPOINT + "2"},
    {"threads": "conversation"},
    {"thread_id": "conv_1"},
    {"owner": "ada"},
    {"instructions": "Be brief."},
    {"temperature": 0.5},
    {"max_tokens": 5},
    {"stop": ["x"]},
    {"top_p": 0.5},
    {"output_version": "v1"},
]


def test_identity_tells_models_apart() -> None:
    """Every setting that may change an answer is part of the key of LangChain's cache."""
    keys = {model(**settings)._get_llm_string() for settings in IDENTITIES}
    assert len(keys) == len(IDENTITIES)


def test_identity_does_not_depend_on_the_machine() -> None:
    """Two processes with the same settings share a cache, whatever they sign in with."""
    one, two = model(api_key="a"), model(api_key="b", timeout=5)
    assert one._get_llm_string() == two._get_llm_string()


def test_tracing_parameters() -> None:
    """Tracers see provider, agent and options, and a model of the call."""
    llm = model(temperature=0.5, max_tokens=9, stop=["x"])
    assert {
        "ls_provider": "azure_ai_agents",
        "ls_model_type": "chat",
        "ls_model_name": "my-agent:1",
        "ls_temperature": 0.5,
        "ls_max_tokens": 9,
        "ls_stop": ["x"],
    } == llm._get_ls_params()
    assert "m" == llm._get_ls_params(model="m", stop=["y"])["ls_model_name"]
    if hasattr(llm, "_add_version"):  # the oldest langchain-core that we support has none
        assert "azure-agents" in llm.metadata["lc_versions"]


COUNTS = [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("日本語です", 4)]


@pytest.mark.parametrize(("text", "expected"), COUNTS)
def test_tokens_are_estimated(text: Any, expected: Any) -> None:
    """Counting tokens loads no tokenizer and needs no network."""
    assert model().get_num_tokens(text) == expected


def test_tokens_of_messages_are_estimated() -> None:
    """Messages count their text, calls, media and tools; a given tokenizer is used for texts."""
    call = {"name": "f", "args": {}, "id": "c", "type": "tool_call"}
    image = {"type": "image", "url": "https://x"}
    messages = [HumanMessage(["abcd", image]), AIMessage("abcd", tool_calls=[call])]
    plain = model().get_num_tokens_from_messages(messages)
    assert plain == 4 + 1 + 85 + 4 + 1 + 15
    tool = {"title": "f", "description": "Do.", "type": "object", "properties": {}}
    assert model().get_num_tokens_from_messages(messages, tools=[tool]) > plain
    exact = model(custom_get_token_ids=lambda text: [1, 2, 3])
    assert 3 == exact.get_num_tokens("x")
    assert exact.get_num_tokens_from_messages(messages) == 4 + 3 + 85 + 4 + 3 + 3


CHANGES = {
    "model": "another",
    "threads": "ephemeral",
    "thread_id": "conv_a",
    "owner": "ada",
    "timeout": 5.0,
    "user_identity": "ada",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_has_settings_of_its_own(name: str) -> None:
    """Whichever way it is made; the original stays as it is."""
    llm = ChatAzureAgent(model="my-agent", endpoint=ENDPOINT, credential="t", threads="auto")
    configurable: Any = llm.configurable_fields(**{name: ConfigurableField(id=name)})
    configured, _ = configurable.prepare({"configurable": {name: CHANGES[name]}})
    assigned = copy.copy(llm)
    setattr(assigned, name, CHANGES[name])
    copies = [
        llm.model_copy(update={name: CHANGES[name]}),
        llm.model_copy(update={name: CHANGES[name]}, deep=True),
        assigned,
        configured,
    ]
    expected = ChatAzureAgent(
        **{"model": "my-agent", "endpoint": ENDPOINT, "credential": "t", name: CHANGES[name]}
    )
    made = [each.client.settings for each in copies]
    assert [expected.client.settings] * 4 == made
    assert "my-agent" == llm.client.settings.agent.requested


@pytest.mark.parametrize(
    ("update", "error"),
    [
        ({"threads": "always"}, "threads='always' is unknown"),
        ({"modell": "two"}, "has no field 'modell': did you mean 'model'?"),
    ],
)
def test_a_copy_with_a_wrong_setting_is_an_error(update: dict[str, Any], error: str) -> None:
    """As in the constructor."""
    llm = ChatAzureAgent(model="my-agent", endpoint=ENDPOINT, credential="t")
    with pytest.raises(ConfigError) as caught:
        llm.model_copy(update=update)
    assert error in str(caught.value)


MISSES = {
    "thread": "threads",
    "instruction": "instructions",
    "timeouts": "timeout",
    "onwer": "owner",
}


@pytest.mark.parametrize("name", MISSES)
def test_a_misspelt_argument_is_said_at_once(name: str) -> None:
    """The known name is told; the value is not."""
    with pytest.raises(ConfigError) as caught:
        ChatAzureAgent(**BASE, **{name: "s3cret"})
    assert f"has no argument {name!r}: did you mean {MISSES[name]!r}?" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["max_output_tokens", "top_p", "something_else"])
def test_other_unknown_arguments_are_options(name: str) -> None:
    """As LangChain has it; those that exist are never taken for a misspelt one."""
    assert ChatAzureAgent(**BASE, **{name: 1}).model_kwargs == {name: 1}


def test_every_field_is_described() -> None:
    """For `help()`, schemas and editors."""
    own = [name for name in ChatAzureAgent.model_fields if name not in BaseChatModel.model_fields]
    fields = ChatAzureAgent.model_fields
    assert [] == [name for name in own if not fields[name].description]
