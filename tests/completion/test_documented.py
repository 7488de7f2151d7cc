"""What LiteLLM's page about Foundry agents shows must work here, with the import changed.

https://docs.litellm.ai/docs/providers/azure_ai_agents
"""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents import acompletion, completion
from azure_agents.emulator import Emulator, ToolCalls
from azure_agents.errors import CredentialError, InvalidRequestError

from .conftest import TOOL


def user(text: str) -> dict[str, Any]:
    """A user message."""
    return {"role": "user", "content": text}


def seen(foundry: Emulator) -> list[tuple[str, str]]:
    """What the agent saw in its last turn."""
    return [(message.role, message.text) for message in foundry.seen[-1].messages]


def test_basic_completion(agent: Any) -> None:
    """One question: the answer and its real usage."""
    response = completion(messages=[user("Explain machine learning")], **agent("It learns."))
    assert "It learns." == response.choices[0].message.content
    assert "stop" == response.choices[0].finish_reason
    assert response.usage is not None
    assert response.usage.prompt_tokens + response.usage.completion_tokens == (
        response.usage.total_tokens
    )


async def test_streaming(agent: Any) -> None:
    """An awaited call gives an async iterator of chunks."""
    response = await acompletion(messages=[user("Which?")], stream=True, **agent("Keep it small."))
    text = ""
    async for chunk in response:
        if chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
    assert "Keep it small." == text


async def test_conversation_continuity(agent: Any, foundry: Emulator) -> None:
    """Keeping the thread's id is enough: only the new message is given, and the agent knows all."""
    connection = agent()
    response1 = await acompletion(messages=[user("My name is Alice")], **connection)
    thread_id = response1._hidden_params.get("thread_id")
    response2 = await acompletion(
        messages=[user("What's my name?")], thread_id=thread_id, **connection
    )
    assert "Your name is Alice." == response2.choices[0].message.content
    assert thread_id == response1.thread_id == response2._hidden_params["thread_id"]
    assert 3 == len(seen(foundry))


@pytest.mark.parametrize("thread", ["new", "pinned"])
def test_agent_specific_parameters(
    agent: Any, foundry: Emulator, generation: str, thread: str
) -> None:
    """`thread_id` and `instructions` arrive, and the agent's own instructions stay in force."""
    connection = agent(instructions="Be an analyst.")
    arguments: dict[str, Any] = {"instructions": "Be concise."}
    response = completion(messages=[user("Analyze")], **arguments, **connection)
    if thread == "pinned":
        arguments["thread_id"] = response.thread_id
        completion(messages=[user("Analyze more")], **arguments, **connection)
    turn = foundry.seen[-1]
    assert "Be an analyst." == turn.instructions
    if generation == "classic":
        assert "Be concise." == turn.additional_instructions
    else:  # sent once, however often they are given
        assert [("system", "Be concise.")] == [m for m in seen(foundry) if m[0] == "system"]


def test_instructions_may_replace_on_classic(foundry: Emulator) -> None:
    """LiteLLM's meaning of `instructions` is one argument away."""
    made = foundry.create_agent("my-agent", instructions="Be an analyst.", generation="classic")
    connection = foundry.connection()
    completion(
        made.model,
        [user("Analyze")],
        api_base=connection["endpoint"],
        credential=connection["credential"],
        transport=connection["transport"],
        instructions="Be concise.",
        instructions_mode="replace",
    )
    assert "Be concise." == foundry.seen[-1].instructions


def test_a_token_may_stand_in_api_key(generation: str) -> None:
    """LiteLLM's second way to sign in; it warns, since such a token cannot be refreshed."""
    with Emulator(strict_auth=False) as foundry:
        made = foundry.create_agent("my-agent", "Hello", generation=generation)  # type: ignore[arg-type]
        arguments = {"api_base": foundry.endpoint, "transport": foundry.transport}
        token = f"eyJhbGciOiJub25lIn0.e30.{generation}"  # a known token does not warn again
        with pytest.warns(UserWarning, match="api_key is a token"):
            completion(made.model, [user("hi")], api_key=token, **arguments)
    names = set(foundry.requests[-1].headers)
    assert (True, False) == ("authorization" in names, "api-key" in names)


@pytest.mark.parametrize(
    "sign_in", [{"azure_ad_token": "TOKEN"}, {"azure_ad_token_provider": lambda: "TOKEN"}]
)
def test_litellms_names_for_tokens(agent: Any, sign_in: Any) -> None:
    """Both carry the token; a refused one is an error that shows nothing of it."""
    connection = agent("Hello")
    del connection["credential"]
    with pytest.raises(Exception, match="401") as failed:
        completion(messages=[user("hi")], **sign_in, **connection)
    assert "TOKEN" not in str(failed.value)


async def test_tools_loop(agent: Any, declared: Any, foundry: Emulator) -> None:
    """Calls come back as OpenAI's, and the message that made them is appended as it is."""
    call = ToolCalls(("get_weather", {"city": "Rome"}, "call_1"))
    connection = agent([call, "It is sunny in Rome."], tools=[declared])
    messages: list[Any] = [user("Weather in Rome?")]
    response = completion(messages=messages, tools=[TOOL], tool_choice="auto", **connection)
    message = response.choices[0].message
    assert "tool_calls" == response.choices[0].finish_reason
    assert None is message.content
    assert [
        {
            "id": "call_1",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
        }
    ] == message.model_dump()["tool_calls"]
    messages += [message, {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}]
    response = await acompletion(messages=messages, tools=[TOOL], **connection)
    assert "It is sunny in Rome." == response.choices[0].message.content
    assert [("user", "Weather in Rome?"), ("assistant", ""), ("tool", "sunny")] == seen(foundry)


def test_the_environment_is_enough(
    agent: Any, foundry: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LiteLLM's variables name the service principal; here nobody answers for it."""
    connection = agent("Hello")
    del connection["credential"]
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", connection.pop("api_base"))
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "not a tenant")
    with pytest.raises(CredentialError) as failed:
        completion(messages=[user("hi")], **connection)
    assert "not a tenant" not in str(failed.value)
    assert [] == foundry.requests


def test_litellms_own_arguments_are_refused_by_name(agent: Any) -> None:
    """What LiteLLM swallows silently is an error that does not repeat the value."""
    with pytest.raises(InvalidRequestError) as failed:
        completion(messages=[user("hi")], azure_password="SECRET", **agent("Hello"))
    assert "completion() has no argument 'azure_password'" in str(failed.value)
    assert "SECRET" not in str(failed.value)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("temprature", ": did you mean 'temperature'?"),
        ("thred_id", ": did you mean 'thread_id'?"),
        ("extra_header", ": did you mean 'extra_headers'?"),
        ("something_else", ": leave it out"),
    ],
)
def test_a_misspelt_argument_names_the_known_one(name: str, advice: str) -> None:
    """One advice: another name, or none."""
    with pytest.raises(InvalidRequestError) as failed:
        completion("my-agent", [{"role": "user", "content": "Hi"}], **{name: "s3cret"})  # type: ignore[call-overload]
    assert f"completion() has no argument {name!r} for an agent{advice}" == str(failed.value)
