"""Where a call goes on, what outlives it, and what a turn may pause for."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

import azure_agents
from azure_agents import AgentClient, acompletion, completion
from azure_agents.client import pair
from azure_agents.client.recent import Recent
from azure_agents.completions.arguments import Call, read_call
from azure_agents.emulator import Consent, Emulator, McpApproval, McpCall
from azure_agents.errors import ConfigError, InvalidRequestError
from azure_agents.settings.per_call import split_call

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"


def user(content: Any) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": content}


def read(model: str = "my-agent", messages: Any = None, **arguments: Any) -> Call:
    """The call that arguments make."""
    arguments = {"api_base": ENDPOINT, "api_key": "k"} | arguments
    messages = messages or [user("hi")]
    return read_call(model, messages, stream=False, arguments=arguments)


def sync_client(call: Call) -> AgentClient:
    """The client that serves a call."""
    return pair.recent_pair(call.settings, call.sign_in, **call.seams).sync()


def answer(thread: str) -> dict[str, Any]:
    """An assistant message that stands on a thread."""
    anchor = f"fa1.{'a' * 12}.{'b' * 22}.-.{thread}.resp_1"
    fields = {"foundry": anchor}
    return {"role": "assistant", "content": "a", "provider_specific_fields": fields}


POLICIES = [
    ("my-agent", [user("a")], {}, "conversation"),
    ("asst_1", [user("a")], {}, "auto"),
    ("my-agent", [user("a"), {"role": "assistant", "content": "a"}, user("b")], {}, "auto"),
    ("my-agent", [user("a"), answer("conv_1"), user("b")], {}, "conversation"),
    ("my-agent", [user("a"), answer("resp_1"), user("b")], {}, "auto"),
    ("my-agent", [user("a"), answer("conv_1"), user("b"), answer("resp_1")], {}, "auto"),
    ("my-agent", [user("a")], {"threads": "auto"}, "auto"),
    ("my-agent", [user("a")], {"threads": "ephemeral"}, "ephemeral"),
    ("asst_1", [user("a")], {"threads": "ephemeral"}, "ephemeral"),
]


@pytest.mark.parametrize(("model", "messages", "arguments", "policy"), POLICIES)
def test_policies(model: str, messages: Any, arguments: Any, policy: str) -> None:
    """A new conversation for who begins one, a chain for who brings a history."""
    assert policy == read(model, messages, **arguments).settings.threads


@pytest.mark.parametrize(
    ("arguments", "seconds"), [({}, 600.0), ({"timeout": 5}, 5), ({"timeout": None}, None)]
)
def test_timeouts(arguments: Any, seconds: Any) -> None:
    """Ten minutes unless told otherwise; None is no limit."""
    call = read(**arguments)
    assert seconds == split_call(call.settings, call.request.options)[0].timeouts.turn


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"max_tokens": 5, "seed": None}, {"max_tokens": 5}),
        ({"extra_body": {"structured_inputs": {"a": 1}}}, {"structured_inputs": {"a": 1}}),
        ({"response_format": {"type": "text"}}, {}),
        ({"n": 1, "custom_llm_provider": "azure_ai"}, {}),
    ],
)
def test_options(arguments: Any, options: Any) -> None:
    """None is absent, and so is what means nothing."""
    assert options == read(**arguments).request.options


def test_a_schema_may_be_a_class() -> None:
    """A pydantic class is its JSON schema."""
    made = read(response_format=azure_agents.completions.api.ModelResponse).request.options  # type: ignore[attr-defined]
    assert "json_schema" == made["response_format"]["type"]
    assert "ModelResponse" == made["response_format"]["json_schema"]["name"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_retries": 1, "num_retries": 2}, "max_retries= and num_retries="),
        ({"azure_ad_token": "a", "credential": "b"}, "credential= and azure_ad_token="),
        ({"custom_llm_provider": "openai"}, "custom_llm_provider='openai'"),
        ({"instructions_mode": "replace"}, "works with classic agents only"),
        ({"timeout": -1}, "timeout must be"),
        ({"api_base": "http://r.services.ai.azure.com/api/projects/p"}, "plain http"),
    ],
)
def test_wrong_settings(arguments: Any, words: str) -> None:
    """Said before anything is sent."""
    with pytest.raises(ConfigError) as failed:
        read(**arguments)
    assert words in str(failed.value)


def test_no_messages_are_refused(agent: Any) -> None:
    """Also where there are instructions."""
    with pytest.raises(InvalidRequestError, match="no messages"):
        completion(messages=[], instructions="Be brief.", **agent())


# --- what outlives a call -----------------------------------------------------------------------


def test_a_client_is_kept(agent: Any, foundry: Emulator) -> None:
    """Ten calls share one client and one token; another timeout is another client."""
    connection = agent("Hello")
    clients = {
        id(sync_client(read(credential=foundry.credential, api_key=None))) for _ in range(10)
    }
    for _ in range(10):
        completion(messages=[user("hi")], **connection)
    completion(messages=[user("hi")], timeout=5, **connection)
    assert (1, 1) == (len(clients), len(foundry.token_scopes))


def test_an_async_client_serves_many_loops(agent: Any) -> None:
    """Every call may have an event loop of its own."""
    connection = agent("Hello")
    for _ in range(3):
        response = asyncio.run(acompletion(messages=[user("hi")], **connection))
        assert "Hello" == response.choices[0].message.content


def test_clients_of_different_callers_are_different() -> None:
    """Keys, tokens, credentials and variables tell callers apart; methods are themselves."""

    class Tokens:
        def get(self) -> str:
            return "t"

    mine, yours = Tokens(), Tokens()
    calls: list[dict[str, Any]] = [
        {"api_key": "a"},
        {"api_key": "b"},
        {"api_key": None, "azure_ad_token": "a"},
        {"api_key": None, "azure_ad_token_provider": mine.get},
        {"api_key": None, "azure_ad_token_provider": yours.get},
        {"api_key": None, "credential": mine.get, "azure_scope": "https://x/.default"},
    ]
    twice = [sync_client(read(**arguments)) for arguments in calls * 2]
    assert twice[: len(calls)] == twice[len(calls) :]
    assert len(calls) == len(set(map(id, twice)))


def test_a_changed_variable_makes_a_new_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rotated token in the environment is used at once."""
    made = set()
    for token in ("one", "two", "one"):
        monkeypatch.setenv("AZURE_AD_TOKEN", token)
        made.add(id(sync_client(read(api_key=None))))
    assert 2 == len(made)


def test_no_secret_is_shown() -> None:
    """Neither by a call nor by a key of the cache."""
    call = read(api_key="hunter2")
    sync_client(call)
    assert "hunter2" not in repr(call)
    assert "hunter2" not in repr(list(pair._auths._values.items()))
    assert "hunter2" not in repr(list(pair._pairs._values.items()))


def test_the_least_recently_used_value_leaves() -> None:
    """The cache stays small, and each value is made once, whoever asks."""
    recent: Recent[object] = Recent(2)
    a, b = recent.get("a", object), recent.get("b", object)
    assert a is recent.get("a", object)
    recent.get("c", object)
    assert (a is recent.get("a", object), 2) == (True, len(recent))
    assert b is not recent.get("b", object)
    made: list[object] = []
    threads = [
        threading.Thread(target=lambda: made.append(recent.get("d", object))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(set(map(id, made)))


# --- the package --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    ["azure_agents.completions.api", "azure_agents.completions.output", "azure_agents.errors"],
)
def test_the_function_is_never_hidden_by_a_module(first: str) -> None:
    """Whatever was imported before, the package's `completion` is the function."""
    code = f"import {first}; from azure_agents import completion; print(type(completion).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "function" == done.stdout.strip()


def test_importing_the_package_is_light() -> None:
    """`completion` is loaded when it is first asked for, and listed before."""
    code = (
        "import sys, azure_agents; print(sorted({'httpx', 'pydantic'} & set(sys.modules)), "
        "'completion' in dir(azure_agents), hasattr(azure_agents, 'nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[] True False" == done.stdout.strip()


def test_a_user_of_agents_loads_nothing_that_asks_deployments() -> None:
    """Importing `completion` and reading its annotations takes no client of deployments."""
    code = (
        "import sys, typing; from azure_agents import completion, acompletion; "
        "hints = [typing.get_type_hints(one)['return'] for one in (completion, acompletion)]; "
        "print('AnswerStream' in str(hints), [m for m in ('chat', 'client', 'requests') "
        "if f'azure_agents.models.{m}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "True []" == done.stdout.strip()


# --- approvals, consent, owners -----------------------------------------------------------------


@pytest.mark.parametrize(("approve", "told"), [(True, "approved"), ("yes", "denied")])
def test_an_approval_is_asked_for_and_answered(
    agent: Any, foundry: Emulator, approve: Any, told: str
) -> None:
    """The request stands in the message; the reply is a content part; only `True` approves."""
    request = McpApproval("server", "delete", '{"id":1}')
    connection = agent([request, [McpCall("server", "delete", '{"id":1}'), "Done."]])
    messages: list[Any] = [user("Delete 1")]
    response = completion(messages=messages, **connection)
    choice = response.choices[0]
    (asked,) = choice.message.provider_specific_fields["approval_requests"]
    assert ("delete", "server", '{"id":1}') == (
        asked["name"],
        asked["server_label"],
        asked["arguments"],
    )
    assert "stop" == choice.finish_reason
    reply = {"type": "mcp_approval_response", "approval_request_id": asked["id"]}
    messages += [choice.message, user([reply | {"approve": approve}])]
    response = completion(messages=messages, **connection)
    assert "Done." == response.choices[0].message.content
    assert told in {message.text for message in foundry.seen[-1].messages}


def test_consent_is_asked_for(foundry: Emulator) -> None:
    """The link to sign in stands in the message."""
    made = foundry.create_agent("my-agent", Consent("https://login.example"))
    connection = foundry.connection()
    api_base = connection.pop("endpoint")
    response = completion(made.model, [user("hi")], api_base=api_base, **connection)
    fields = response.choices[0].message.provider_specific_fields
    assert "https://login.example" == fields["consent_requests"][0]["link"]


def test_an_owners_plain_texts_are_matched(agent: Any, foundry: Emulator) -> None:
    """With an owner a history of plain texts goes on where it stands on the server."""
    connection = agent() | {"owner": "alice"}
    messages = [user("one")]
    for text in ("two", "three"):
        response = completion(messages=messages, **connection)
        content = response.choices[0].message.content
        messages += [{"role": "assistant", "content": content}, user(text)]
    completion(messages=messages, **connection)
    assert "one" not in str(foundry.requests[-1].body)
    texts = ["one", "You said: one (turn 1)", "two", "You said: two (turn 2)", "three"]
    assert texts == [message.text for message in foundry.seen[-1].messages]
