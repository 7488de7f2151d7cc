"""Every answer says what it cost, at every door and in every way to ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

import azure_agents
from azure_agents import completion, completion_cost
from azure_agents.emulator import Emulator
from azure_agents.errors import InvalidRequestError
from tests.models.recorded_models import FOLDER

HELLO = [{"role": "user", "content": "Hello"}]
WAYS = ["sync", "async", "sync stream", "async stream"]
# Prices that let a sum be told from a count: 1 for a token in, 1,000 for one out.
OWN = {"input_cost_per_token": 1, "output_cost_per_token": 1000, "cache_read_input_token_cost": 1}


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with repeatable ids."""
    with Emulator(seed=7) as emulator:
        yield emulator


def ask(foundry: Emulator, way: str, model: str, **more: Any) -> Any:
    """The whole answer, or the chunk with the usage."""
    streams = way.endswith("stream")
    is_agent = "agents/" in model or "/" not in model
    given = foundry.connection() if is_agent else foundry.deployment_connection()
    if streams:
        more["stream_options"] = {"include_usage": True}
    answer = asyncio.run(_ask(way, model, streams, {**given, **more}))
    return answer[-1] if streams else answer


async def _ask(way: str, model: str, streams: bool, given: dict[str, Any]) -> Any:
    if way.startswith("sync"):
        answer: Any = completion(model, HELLO, stream=streams, **given)
        return list(answer) if streams else answer
    answer = await azure_agents.acompletion(model, HELLO, stream=streams, **given)
    return [chunk async for chunk in answer] if streams else answer


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", ["azure/dep", "azure_ai/claude-haiku-4-5", "azure_ai/agents/a"])
def test_answers_say_what_they_cost(foundry: Emulator, model: str, way: str) -> None:
    """By prices of the call, in whole answers and in the chunk with the usage."""
    foundry.deploy("dep", "Hi", model="gpt-4.1-mini")
    foundry.deploy("claude-haiku-4-5", "Hi", model="claude-haiku-4-5")
    foundry.create_agent("a", "Hi")
    answer = ask(foundry, way, model, custom_cost_per_token=OWN)
    usage = answer.usage
    expected = usage.prompt_tokens + 1000 * usage.completion_tokens
    assert expected == answer._hidden_params["response_cost"]
    assert expected == completion_cost(answer)
    assert expected > 1000


@pytest.mark.parametrize("way", WAYS)
def test_the_model_that_answered_decides_and_an_agent_names_none(
    foundry: Emulator, way: str
) -> None:
    """A deployment's answer names its model; an agent's only with the base model of the caller."""
    foundry.deploy("dep", "Hi", model="gpt-4.1-mini")
    foundry.create_agent("gpt-4o", "Hi")
    answers = [
        ask(foundry, way, name) for name in ("azure/dep", "azure_ai/agents/gpt-4o", "gpt-4o")
    ]
    answers.append(ask(foundry, way, "gpt-4o", base_model="gpt-4.1-mini"))
    costs = [one._hidden_params["response_cost"] for one in answers]
    assert [False, True, True, False] == [cost is None for cost in costs]
    assert costs == [completion_cost(one) for one in answers]


def test_prices_do_not_go_up(foundry: Emulator) -> None:
    """They are ours: the service would refuse them."""
    foundry.deploy("dep", "Hi", model="gpt-4.1-mini")
    prices = {"input_cost_per_token": 1, "output_cost_per_token": 2, "input_cost_per_second": 3}
    ask(foundry, "sync", "azure/dep", **prices)
    sent = foundry.requests[-1].body
    assert {"messages", "model"} == set(sent if isinstance(sent, dict) else json.loads(sent))


@pytest.mark.parametrize("model", ["azure/dep", "azure_ai/agents/a"])
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"input_cost_per_token": -1}, "must be US dollars for one unit"),
        ({"custom_cost_per_token": {"input": 1}}, "'input' is no price"),
        ({"custom_cost_per_token": OWN, "input_cost_per_token": 1}, "pass one"),
        ({"custom_cost_per_token": 7}, "must be a dictionary"),
    ],
)
def test_bad_prices_are_refused_before_anything_is_sent(
    foundry: Emulator, model: str, given: dict[str, Any], problem: str
) -> None:
    """An answer without a cost would come too late to say so."""
    with pytest.raises(InvalidRequestError) as caught:
        ask(foundry, "sync", model, **given)
    assert problem in str(caught.value)
    assert [] == list(foundry.requests)


# recording, US dollars: worked out by hand from the recorded usage and public prices.
RECORDED = [
    ("claude/messages_plain", "0.000081"),  # 16 at 1, 13 at 5
    ("claude/messages_parallel_tools", "0.001191"),  # 701 at 1, 98 at 5
    ("openai/chat_plain_gpt4o_dated", "0.000125"),  # 14 at 2.5, 9 at 10
    ("openai/chat_json_schema_gpt4o", "0.0015575"),  # 75 at 2.5, 137 at 10
    ("openai/chat_o1_max_completion_tokens_length", "0.00126"),  # 20 at 15, 16 at 60
    ("openai/chat_reasoning_gpt5nano_dated", "0.00008175"),  # 11 at 0.05, 203 at 0.4
    ("openai/chat_parallel_tools_gpt5nano_dated", "0.00028355"),  # 343 at 0.05, 666 at 0.4
    ("openai/chat_vision_gpt4o_dated", "0.001375"),  # 442 at 2.5, 27 at 10
    ("openai/completions_legacy_gpt35", "0.000038"),  # 16 at 0.5, 20 at 1.5
    ("openai/embeddings_base64_ada", "0.00000022"),  # 2 at 0.11
    ("openai/responses_v1_plain_gpt5nano", "0.0000525"),  # 18 at 0.05, 129 at 0.4
    ("openai/models_api_parallel_tools_grok", None),  # 387 tokens cached of 293
]


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recordings: {FOLDER} is not here")
@pytest.mark.parametrize(("name", "usd"), RECORDED)
def test_recorded_answers_are_priced(name: str, usd: str | None) -> None:
    """The first answer of each recording, as it came."""
    recording = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    body = recording["entries"][0]["response"]["body"]
    assert (None if usd is None else float(usd)) == completion_cost(body)
