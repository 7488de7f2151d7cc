from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError
from azure_agents.naming import parse_agent
from azure_agents.settings.config import CLASSIC_API_VERSION, Settings, resolve_settings
from azure_agents.settings.endpoint import PUBLIC_SCOPE, Endpoint, parse_endpoint
from azure_agents.settings.timeouts import Timeouts

URL = "https://r.services.ai.azure.com/api/projects/p"
CANARY = "canary-5d1c"

ENDPOINTS = [
    (
        URL,
        Endpoint(
            URL,
            "https://r.services.ai.azure.com",
            "r.services.ai.azure.com",
            "/api/projects/p",
            PUBLIC_SCOPE,
        ),
    ),
    (f"{URL}/", parse_endpoint(URL)),
    ("HTTPS://R.Services.AI.azure.com:443/api/projects/p", parse_endpoint(URL)),
    (
        "http://127.0.0.1:8080/api/projects/p",
        Endpoint(
            "http://127.0.0.1:8080/api/projects/p",
            "http://127.0.0.1:8080",
            "127.0.0.1",
            "/api/projects/p",
            PUBLIC_SCOPE,
        ),
    ),
    (
        "http://[::1]/api/projects/p",
        Endpoint(
            "http://[::1]/api/projects/p", "http://[::1]", "::1", "/api/projects/p", PUBLIC_SCOPE
        ),
    ),
    (
        "https://apim.contoso.com/foundry/api/projects/p",
        Endpoint(
            "https://apim.contoso.com/foundry/api/projects/p",
            "https://apim.contoso.com",
            "apim.contoso.com",
            "/foundry/api/projects/p",
            None,
        ),
    ),
]

SCOPES = [
    ("https://emulator.services.ai.azure.com", PUBLIC_SCOPE),
    ("http://localhost:9", PUBLIC_SCOPE),
    ("http://127.8.8.8", PUBLIC_SCOPE),
    ("https://r.services.ai.azure.us", "https://ai.azure.us/.default"),
    ("https://r.services.ai.azure.cn", "https://ai.azure.cn/.default"),
    ("https://services.ai.azure.com.evil.com", None),
    ("https://evilservices.ai.azure.com", None),
    ("https://services.ai.azure.com", None),
    ("https://r.xn--services-ai.azure.com", None),
    ("https://localhost.evil.com", None),
]

BAD_ENDPOINTS = [
    ("", "endpoint is empty: copy the project endpoint"),
    (None, "endpoint must be a string, got NoneType"),
    ("https://r.services.ai.azure.com", "is a resource, not a project: copy the project endpoint"),
    ("https://r.services.ai.azure.com/", "is a resource, not a project"),
    ("https://r.cognitiveservices.azure.com/", "is a resource, not a project"),
    ("https://r.openai.azure.com/", "is an Azure OpenAI resource, where no agents live"),
    ("https://r.openai.azure.com/api/projects/p", "is an Azure OpenAI resource"),
    ("https://eastus.api.azureml.ms/agents/v1.0/x", "belongs to a hub-based project"),
    ("https://r.services.ai.azure.com/agents/v1.0/subscriptions/s/x", "a hub-based project"),
    ("eastus.api.azureml.ms;sub;rg;ws", "is a connection string"),
    (f"{URL}/openai/v1", "goes on after the project: cut it off after '/api/projects/p'"),
    (f"{URL}/agents/a/endpoint", "goes on after the project"),
    ("https://r.services.ai.azure.com/api/projects/", "is not a project endpoint"),
    ("https://r.services.ai.azure.com/api/projects/..", "is not a project endpoint"),
    ("https://r.services.ai.azure.com/../api/projects/p", "is not a project endpoint"),
    ("https://r.services.ai.azure.com/api/projects/%2e%2e", "is not a project endpoint"),
    ("https://r.services.ai.azure.com/api/projects//p", "is not a project endpoint"),
    ("r.services.ai.azure.com/api/projects/p", "does not begin with 'https://'"),
    ("ftp://r.services.ai.azure.com/api/projects/p", "does not begin with 'https://'"),
    ("https:///api/projects/p", "has no valid host and port"),
    ("https://h:0/api/projects/p", "has no valid host and port"),
    ("https://h:99999/api/projects/p", "has no valid host and port"),
    ("https://h:x/api/projects/p", "has no valid host and port"),
    ("https://r.services.ai.azure.com./api/projects/p", "has no valid host and port"),
    ("https://h%2eevil.com/api/projects/p", "has no valid host and port"),
    ("https://hé.com/api/projects/p", "in its 'xn--' form"),
    ("https://[::1/api/projects/p", "is not a URL"),
    ("https://[fe80::1%25eth0]/api/projects/p", "has no valid host and port"),
    ("http://r.services.ai.azure.com/api/projects/p", "is plain http, which would show"),
    ("http://2130706433/api/projects/p", "is plain http"),
    ("http://127.1/api/projects/p", "is plain http"),
    ("http://localhost.evil.com/api/projects/p", "is plain http"),
    (f"{URL}\n", "contains white space, a backslash or a control character"),
    (f" {URL}", "contains white space"),
    ("https://r.services.ai.azure.com\\@evil.com/api/projects/p", "a backslash"),
    ("https://r\u2028.services.ai.azure.com/api/projects/p", "contains white space"),
    (f"https://u:{CANARY}@h/api/projects/p", "'https://h/api/projects/p' holds a user or password"),
    (f"{URL}?sig={CANARY}", "has a query or fragment: cut it off"),
    (f"{URL}#{CANARY}", "has a query or fragment: cut it off"),
    (f"{URL}?", "has a query or fragment: cut it off"),
    (CANARY, "endpoint (11 characters) does not begin with 'https://'"),
]


@pytest.mark.parametrize(("text", "expected"), ENDPOINTS)
def test_an_endpoint_is_read_into_one_canonical_form(text: str, expected: Endpoint) -> None:
    """Case of the host, a default port and a trailing slash make no difference."""
    assert expected == parse_endpoint(text)


@pytest.mark.parametrize(("origin", "scope"), SCOPES)
def test_the_scope_follows_from_hosts_that_are_known(origin: str, scope: str | None) -> None:
    """No token is asked for on behalf of a look-alike."""
    assert scope == parse_endpoint(f"{origin}/api/projects/p").scope


@pytest.mark.parametrize(("text", "sentence"), BAD_ENDPOINTS)
def test_a_bad_endpoint_is_refused_and_nothing_secret_shown(text: str, sentence: str) -> None:
    """Every refusal says what to do; user part, query and misplaced keys are never repeated."""
    with pytest.raises(ConfigError) as caught:
        parse_endpoint(text)
    assert sentence in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text() | st.from_regex(r"https?://[\w.:@\[\]-]{0,20}/api/projects/[\w%./?#-]{0,9}"))
def test_any_text_is_an_endpoint_or_a_config_error(text: str) -> None:
    """Reading an endpoint has two outcomes, and the first is stable."""
    try:
        endpoint = parse_endpoint(text)
    except ConfigError:
        return
    assert endpoint == parse_endpoint(endpoint.url)


def test_plain_http_on_another_machine_must_be_allowed() -> None:
    """`allow_http` is remembered for whoever sends the credential."""
    endpoint = parse_endpoint("http://foundry_emulator:8080/api/projects/p", allow_http=True)
    assert (True, False, "p") == (endpoint.allow_http, endpoint.is_loopback, endpoint.project)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (600.0, Timeouts()),
        (5, Timeouts(connect=5, read=5, turn=5)),
        (1800, Timeouts(read=1800, turn=1800)),
        (None, Timeouts(turn=None)),
        (Timeouts(read=1), Timeouts(read=1)),
    ],
)
def test_a_number_limits_the_whole_turn(value: Any, expected: Timeouts) -> None:
    """A plain answer may take all of it."""
    assert expected == Timeouts.of(value)


@pytest.mark.parametrize(
    ("model", "timeout", "waits"),
    [
        ("my-agent", 600.0, (120, 120)),
        ("my-agent", None, (120, 120)),
        ("asst_1", 600.0, (120, 600)),
        ("asst_1", 3600, (120, 3600)),
        ("asst_1", Timeouts(between_events=7), (120, 7)),
        ("my-agent", Timeouts(first_event=7), (7, 120)),
    ],
)
def test_limits_between_events_fit_recorded_streams(
    model: str, timeout: Any, waits: tuple[float, float]
) -> None:
    """A v2 stream gives a sign of life every 30 seconds; on classic none was ever recorded."""
    timeouts = resolve(model=model, timeout=timeout).timeouts
    assert waits == (timeouts.first_event, timeouts.between_events)


@pytest.mark.parametrize("model", ["my-agent", "asst_1"])
def test_ordinary_turns_fit_into_the_defaults(model: str) -> None:
    """Recorded ones took up to 266 seconds; a busy thread is reported after one minute."""
    timeouts = resolve(model=model).timeouts
    assert (600, 600, 60) == (timeouts.turn, timeouts.read, timeouts.busy)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 0, -0.0, True, "5", 10**400 * -1, [5]])
def test_a_timeout_is_a_positive_finite_number(value: Any) -> None:
    """NaN would never be reached, zero always."""
    with pytest.raises(ConfigError, match="timeout must be a positive, finite number of seconds"):
        Timeouts.of(value)
    with pytest.raises(ConfigError, match="between_events must be a positive, finite number"):
        Timeouts(between_events=value)


def test_only_the_turn_may_be_without_a_limit() -> None:
    """A single wait without a limit would hang on a dead connection."""
    with pytest.raises(ConfigError, match="read must be a positive"):
        Timeouts(read=None)  # type: ignore[arg-type]


def resolve(env: dict[str, str] | None = None, **changed: Any) -> Settings:
    """Resolve settings of a v2 agent with some of them changed."""
    return resolve_settings(**{"model": "my-agent", "endpoint": URL, "env": env or {}, **changed})


def test_a_model_and_an_endpoint_are_enough() -> None:
    """The defaults of everything else are the documented ones."""
    expected = Settings(
        agent=parse_agent("my-agent"),
        endpoint=parse_endpoint(URL),
        threads="auto",
        thread_id=None,
        owner=None,
        instructions=None,
        instructions_mode="append",
        timeouts=Timeouts(first_event=120, between_events=120),
        max_retries=2,
        api_version=CLASSIC_API_VERSION,
    )
    assert expected == resolve()


ENVIRONMENTS = [
    ({"AZURE_AI_PROJECT_ENDPOINT": URL}, URL),
    ({"AZURE_AI_PROJECT_ENDPOINT": f"{URL}\n"}, URL),
    ({"AZURE_API_BASE": URL}, URL),
    ({"AZURE_AI_PROJECT_ENDPOINT": URL, "AZURE_API_BASE": "https://h/api/projects/q"}, URL),
    ({"AZURE_AI_PROJECT_ENDPOINT": "", "AZURE_API_BASE": URL}, URL),
]


@pytest.mark.parametrize(("env", "expected"), ENVIRONMENTS)
def test_the_endpoint_comes_from_the_environment(env: dict[str, str], expected: str) -> None:
    """The project's own variable first, the shared one if it names a project."""
    assert expected == resolve(env, endpoint=None).endpoint.url


def test_arguments_win_over_the_environment() -> None:
    """A variable is a default and no more."""
    env = {"AZURE_AI_PROJECT_ENDPOINT": "https://h/api/projects/q", "AZURE_AI_AGENT": "other"}
    settings = resolve(env)
    assert (URL, "my-agent") == (settings.endpoint.url, settings.agent.requested)


def test_everything_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`os.environ` is read at the call, not at import."""
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", URL)
    monkeypatch.setenv("AZURE_AI_AGENT", "asst_abc")
    settings = resolve_settings()
    assert (URL, "classic") == (settings.endpoint.url, settings.agent.generation)


@pytest.mark.parametrize("thread_id", ["conv_a", "thread_a"])
def test_conversations_and_threads_may_be_pinned(thread_id: str) -> None:
    """Each for its own generation."""
    model = "asst_a" if thread_id == "thread_a" else "my-agent"
    assert thread_id == resolve(model=model, thread_id=thread_id).thread_id


BAD_SETTINGS = [
    ({"endpoint": None}, ConfigError, "no endpoint: pass endpoint=, or set AZURE_AI_PROJECT_END"),
    ({"endpoint": "https://r.services.ai.azure.com"}, ConfigError, "is a resource, not a project"),
    ({"endpoint": "http://h/api/projects/p"}, ConfigError, "is plain http"),
    ({"model": None}, ConfigError, "no agent: pass model='my-agent', or set AZURE_AI_AGENT"),
    ({"model": ""}, ConfigError, "model is empty"),
    ({"model": "a b"}, ConfigError, "names no agent"),
    ({"model": "asst_a:1"}, ConfigError, "gives a version to a classic agent"),
    ({"threads": "sticky"}, ConfigError, "threads='sticky' is unknown: use 'auto', 'conversation'"),
    ({"threads": None}, ConfigError, "threads=None is unknown"),
    ({"instructions_mode": "x"}, ConfigError, "instructions_mode='x' is unknown: use 'append', 'r"),
    ({"instructions_mode": "replace"}, ConfigError, "works with classic agents only"),
    ({"instructions": 7}, ConfigError, "instructions must be a string or None, got 7"),
    ({"owner": " "}, ConfigError, "owner must be a non-empty string or None, got ' '"),
    ({"timeout": math.nan}, ConfigError, "timeout must be a positive, finite number"),
    ({"timeout": -1}, ConfigError, "got -1"),
    ({"max_retries": -1}, ConfigError, "max_retries must be a whole number, 0 or more, got -1"),
    ({"max_retries": True}, ConfigError, "got True"),
    ({"max_retries": 1.5}, ConfigError, "got 1.5"),
    ({"api_version": "v1&x=y"}, ConfigError, "api_version='v1&x=y' is malformed"),
    ({"thread_id": "resp_a"}, ConfigError, "pass it per call, or use threads='conversation' and"),
    ({"thread_id": "abc"}, InvalidRequestError, "has an unknown form"),
    ({"thread_id": "thread_a"}, InvalidRequestError, "is a thread of a classic agent"),
    ({"thread_id": "resp_a", "model": "asst_a"}, InvalidRequestError, "of a v2 agent"),
    ({"thread_id": "conv_a", "threads": "ephemeral"}, ConfigError, "leave one of the two out"),
]


@pytest.mark.parametrize(("changed", "cls", "sentence"), BAD_SETTINGS)
def test_every_bad_setting_has_its_error(
    changed: dict[str, Any], cls: type[AzureAgentsError], sentence: str
) -> None:
    """Found before a request leaves, with the value and the way out."""
    with pytest.raises(cls) as caught:
        resolve(**changed)
    assert sentence in str(caught.value)


def test_an_unsuitable_api_base_is_named_as_the_reason() -> None:
    """Whoever set the variable of another tool learns why it was not enough."""
    with pytest.raises(ConfigError, match=r"AZURE_API_BASE is set, but is not a project endpoint"):
        resolve({"AZURE_API_BASE": "https://r.openai.azure.com"}, endpoint=None)


def test_instructions_are_replaced_for_classic_agents_only() -> None:
    """Classic runs take instructions instead of the agent's own."""
    settings = resolve(model="asst_a", instructions="x", instructions_mode="replace")
    assert "replace" == settings.instructions_mode
