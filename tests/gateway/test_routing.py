"""Several entries of one name: limits, cool-downs, fallbacks, ids that stick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.emulator import Emulator, Fault

from .conftest import HELLO, running

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def entry(name: str, model: str, base: str, **more: Any) -> str:
    """One entry of a list."""
    params = {"model": model, "api_base": base, "api_key": "any", **more}
    inner = ", ".join(f"{key}: {value!r}" for key, value in params.items())
    return f"\n  - model_name: {name}\n    litellm_params: {{{inner}}}"


@pytest.fixture
def bases() -> Any:
    """Two resources, each with a deployment that says where it is."""
    with Emulator(seed=1) as one, Emulator(seed=2) as two:
        one.deploy("dep", "from one")
        two.deploy("dep", "from two")
        with one.serve() as first, two.serve() as second:
            yield (one, first.resource), (two, second.resource)


def text(answer: httpx.Response) -> str:
    """What a chat says."""
    return str(answer.json()["choices"][0]["message"]["content"])


def test_a_limit_is_kept_and_the_client_hears_when_to_come_back(bases: Any) -> None:
    """2 + 2 a minute let exactly 4 of 12 through."""
    models = "".join(entry("gpt", "azure/dep", base, rpm=2) for _, base in bases)
    with running(f"model_list:{models}") as gateway:
        answers = [gateway.chat("gpt") for _ in range(12)]
    statuses = [answer.status_code for answer in answers]
    assert [200] * 4 + [429] * 8 == statuses
    assert ["from one", "from one", "from two", "from two"] == sorted(map(text, answers[:4]))
    refused = answers[-1]
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert int(refused.headers["retry-after-ms"]) <= 1000 * int(refused.headers["retry-after"])
    assert "rate_limit_error" == refused.json()["error"]["type"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_fails_is_answered_by_the_next(bases: Any, stream: bool) -> None:
    """A 500, and a stream that is cut before its first content, are not the client's to see."""
    (one, _), _ = bases
    models = "".join(
        entry("gpt", "azure/dep", base, order=at) for at, (_, base) in enumerate(bases)
    )
    fault = Fault("cut", after_events=1) if stream else Fault("status_before", status=500)
    one.faults.add(fault)
    with running(f"model_list:{models}") as gateway:
        answer = gateway.chat("gpt", stream=stream)
        assert 200 == answer.status_code
        said = answer.text if stream else text(answer)
        assert (True, False) == ("two" in said, "one" in said)


def test_a_fallback_answers_for_a_model_at_its_limit(bases: Any) -> None:
    """Also of another form: Claude answers chats."""
    (_, base), (two, other) = bases
    two.deploy("claude-sonnet-4-5", "from Claude", model="claude-sonnet-4-5-20250929")
    models = entry("gpt", "azure/dep", base, rpm=1) + entry(
        "claude", "azure_ai/claude-sonnet-4-5", other
    )
    config = f"model_list:{models}\nrouter_settings:\n  fallbacks: [{{gpt: [claude]}}]\n"
    with running(config) as gateway:
        assert ["from one", "from Claude"] == [text(gateway.chat("gpt")) for _ in range(2)]


def test_responses_go_back_to_where_they_were_made(bases: Any) -> None:
    """Ids carry their deployment, in streams, too, and the mark is taken off."""
    models = "".join(entry("gpt", "azure/dep", base) for _, base in bases)
    with running(f"model_list:{models}") as gateway:

        def ask(**more: Any) -> Any:
            body = {"model": "gpt", "input": "Hello", **more}
            return gateway.http.post("/v1/responses", json=body).json()

        first = ask()
        assert "~" in first["id"]
        home = first["output"][0]["content"][0]["text"]
        for _ in range(3):
            follow = ask(previous_response_id=first["id"])
            assert home == follow["output"][0]["content"][0]["text"]


def test_an_unmapped_fault_of_the_entry_is_the_gateways(bases: Any) -> None:
    """A deployment that is not there is a 502, and its name is not told."""
    (_, base), _ = bases
    with running(f"model_list:{entry('gpt', 'azure/secret-name', base)}") as gateway:
        answer = gateway.http.post("/v1/chat/completions", json={"model": "gpt", "messages": HELLO})
    assert 502 == answer.status_code
    assert "secret-name" not in answer.text
