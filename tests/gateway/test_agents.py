"""Agents of both generations behind the gateway, through OpenAI's SDK and without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
from openai import APIStatusError, OpenAI

from azure_agents.emulator import Emulator

from .conftest import HELLO, Gateway, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

KEYS = {"ann": "sk-ann", "bob": "sk-bob"}
GENERATIONS = ["v2", "classic"]


@pytest.fixture(params=GENERATIONS)
def gateway(foundry: Emulator, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    """A gateway with an agent that counts what it has seen."""
    agent = foundry.create_agent(
        "helper",
        lambda seen: f"I have seen {len(seen.messages)} messages.",
        generation=request.param,
    )
    keys = "".join(
        f"\n  - {{name: {name}, hash: {sha256(key.encode()).hexdigest()}}}"
        for name, key in KEYS.items()
    )
    with foundry.serve() as served:
        config = f"""
model_list:
  - model_name: helper
    litellm_params:
      model: azure_ai/agents/{agent.model.removeprefix("azure_ai/agents/")}
      api_base: {served.endpoint}
      api_key: any
keys:{keys}
"""
        with running(config, authorization=f"Bearer {KEYS['ann']}") as gateway:
            yield gateway


def sdk(gateway: Gateway, key: str = "ann") -> OpenAI:
    """OpenAI's client, unchanged."""
    http = httpx.Client()
    return OpenAI(base_url=f"{gateway.url}/v1", api_key=KEYS[key], http_client=http, max_retries=0)


def test_a_thread_goes_on_in_body_and_header(gateway: Gateway) -> None:
    """Both are in the answer, and both are taken."""
    first = gateway.chat("helper")
    thread = first.json()["thread_id"]
    assert (200, thread) == (first.status_code, first.headers["x-thread-id"])
    by_body = gateway.chat("helper", thread_id=thread)
    assert "I have seen 3 messages." == said(by_body)
    body = {"model": "helper", "messages": HELLO}
    headers = {"x-thread-id": by_body.json()["thread_id"]}
    by_header = gateway.http.post("/v1/chat/completions", json=body, headers=headers)
    assert "I have seen 5 messages." == said(by_header)


def said(answer: httpx.Response) -> str:
    """The text of a chat."""
    assert 200 == answer.status_code, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def test_a_thread_of_another_key_is_a_404(gateway: Gateway) -> None:
    """Handles are sealed to their key; a bare handle of the service is none, too."""
    thread = gateway.chat("helper").json()["thread_id"]
    for handle in (thread, thread.rpartition(".")[0]):
        body = {"model": "helper", "messages": HELLO, "thread_id": handle}
        key = {"authorization": f"Bearer {KEYS['bob']}"}
        answer = gateway.http.post("/v1/chat/completions", json=body, headers=key)
        assert (404, "thread_not_found") == (answer.status_code, answer.json()["error"]["code"])


def test_a_streamed_turn_ends_once_and_names_its_thread(gateway: Gateway) -> None:
    """The thread is in the last chunk, and goes on."""
    answer = gateway.chat("helper", stream=True)
    events = [one.removeprefix("data: ") for one in answer.text.split("\n\n") if one]
    chunks = [json.loads(one) for one in events[:-1]]
    assert "[DONE]" == events[-1]
    thread = next(chunk["thread_id"] for chunk in chunks if chunk.get("thread_id"))
    assert "I have seen 3 messages." == said(gateway.chat("helper", thread_id=thread))


def test_openais_sdk_talks_to_an_agent(gateway: Gateway) -> None:
    """Plain and streamed; the whole history makes a conversation without a handle."""
    with sdk(gateway) as client:
        answer = client.chat.completions.create(model="helper", messages=HELLO)  # type: ignore[call-overload]
        assert "I have seen 1 messages." == answer.choices[0].message.content
        history = [
            *HELLO,
            answer.choices[0].message.model_dump(exclude_none=True),
            {"role": "user", "content": "And now?"},
        ]
        chunks = list(
            client.chat.completions.create(
                model="helper",
                messages=history,
                stream=True,  # type: ignore[call-overload]
            )
        )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "I have seen 3 messages." == text


def test_a_parameter_that_no_agent_has_is_the_clients_error(gateway: Gateway) -> None:
    """The SDK sees a 400 with the reason."""
    with sdk(gateway) as client, pytest.raises(APIStatusError) as caught:
        client.chat.completions.create(model="helper", messages=HELLO, n=3)  # type: ignore[call-overload]
    assert 400 == caught.value.status_code
    assert "one answer" in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
def test_responses_are_of_the_newer_generation(
    gateway: Gateway, foundry: Emulator, stream: bool
) -> None:
    """They pass with the agent's reference in the model's place; classic agents have none."""
    body = {"model": "helper", "input": "Hello", "stream": stream}
    answer = gateway.http.post("/v1/responses", json=body)
    if "asst" in str(gateway.application._serving.board.deployments[0].model):
        assert (400, "model") == (answer.status_code, answer.json()["error"]["param"])
        return
    assert "I have seen 1 messages." in answer.text
    assert 1 == len(foundry.seen)
    assert stream == answer.text.startswith("event: response.created")


def test_no_answer_of_an_agent_has_the_price_of_a_name(gateway: Gateway) -> None:
    """Its response names a deployment, which may have any name: gpt-4o is no price."""
    gateway.chat("helper")
    answer = gateway.http.post("/v1/responses", json={"model": "helper", "input": "Hello"})
    calls = 2 if 200 == answer.status_code else 1
    (row,) = gateway.http.get("/spend").json()["data"]
    assert (calls, calls, 0) == (row["calls"], row["unpriced"], row["cost"])


def test_a_client_cannot_name_another_agent(gateway: Gateway) -> None:
    """The model is what the key may use."""
    for name in ("agent", "agent_reference"):
        other = {"type": "agent_reference", "name": "other"}
        body = {"model": "helper", "input": "Hello", name: other}
        answer = gateway.http.post("/v1/responses", json=body)
        assert 400 == answer.status_code


def test_a_client_cannot_name_an_owner(gateway: Gateway) -> None:
    """Nor whom the agent believes to serve."""
    for name in ("owner", "user_identity", "anchor_key", "endpoint", "credential"):
        answer: Any = gateway.chat("helper", **{name: "x"})
        assert (400, name) == (answer.status_code, answer.json()["error"]["param"])


ALWAYS_SENT = {"temperature": 0.1, "top_p": 1, "seed": 7, "store": False, "verbosity": "low"}


@pytest.mark.filterwarnings("ignore:drop_params=True")
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize(("drops", "statuses"), [("true", {200}), ("false", {200, 400})])
def test_what_programs_always_send_may_be_left_out(
    foundry: Emulator, generation: Any, drops: str, statuses: set[int]
) -> None:
    """With ``drop_params``; whom they ask for is taken of every program."""
    agent = foundry.create_agent("helper", "Hello.", generation=generation)
    with foundry.serve() as served:
        entry = f"model: {agent.model}, api_base: {served.endpoint}, azure_ad_token: any"
        config = (
            f"model_list: [{{model_name: helper, litellm_params: {{{entry}}}}}]\n"
            f"litellm_settings: {{drop_params: {drops}}}"
        )
        with running(config) as gateway:
            assert 200 == gateway.chat("helper", user="ada").status_code
            found = {gateway.chat("helper", **{k: v}).status_code for k, v in ALWAYS_SENT.items()}
    assert statuses == found
