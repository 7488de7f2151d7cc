"""The cost of answers, against sums that were worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import InvalidRequestError
from azure_agents.models.answers import Answer
from azure_agents.prices.cost import completion_cost, cost_of
from azure_agents.prices.table import PriceTable


def chat(prompt: int, completion: int, model: str = "gpt-4.1-mini", **more: Any) -> dict[str, Any]:
    """A chat answer with its usage; `cached`, `written`, … are details."""
    inside = {
        "cached_tokens": more.pop("cached", 0),
        "audio_tokens": more.pop("audio", 0),
        **{name: more.pop(name) for name in ("cache_write_tokens",) if name in more},
    }
    outside = {
        "reasoning_tokens": more.pop("reasoning", 0),
        "audio_tokens": more.pop("spoken", 0),
    }
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": more.pop("total", prompt + completion),
        "prompt_tokens_details": inside,
        "completion_tokens_details": outside,
    }
    return {"model": model, "usage": usage, **more}


def claude(model: str = "claude-sonnet-4-5", **usage: Any) -> dict[str, Any]:
    """A message of Claude, in its own form."""
    return {"model": model, "usage": usage}


def images(usage: Mapping[str, Any] | None, model: str = "gpt-image-1", **more: Any) -> Any:
    """Images, which name no model: `model` is what the caller says."""
    return {"data": [{"b64_json": ""}], "usage": usage, "model": model, **more}


# what, answer, US dollars. Prices per million are in the comments: input / cached / output.
SUMS: list[tuple[str, dict[str, Any], str | None]] = [
    ("0.4 / 0.1 / 1.6", chat(1000, 500), "0.0012"),
    ("cached tokens are paid once", chat(2006, 300, cached=1920), "0.0007064"),
    ("reasoning is output, once", chat(343, 666, "gpt-5-nano-2025-08-07", reasoning=576),
     "0.00028355"),
    ("xAI counts reasoning beside the answer", chat(100, 50, "grok-4-fast-reasoning", reasoning=200,
     total=350), "0.000145"),
    ("nothing was used", chat(0, 0), "0"),
    ("embeddings", {"model": "text-embedding-ada-002", "usage": {"prompt_tokens": 1000,
     "total_tokens": 1000}}, "0.00011"),
    ("responses", {"model": "gpt-5-nano", "usage": {"input_tokens": 18, "output_tokens": 129,
     "input_tokens_details": {"cached_tokens": 0}, "total_tokens": 147}}, "0.0000525"),
    ("the last event of a stream", {"type": "response.completed", "response": {
     "model": "gpt-5-nano", "usage": {"input_tokens": 20, "output_tokens": 10}}}, "0.000005"),
    ("priority: 0.7 / 0.175 / 2.8", chat(1000, 500, cached=200, service_tier="priority"),
     "0.001995"),
    ("batch: 0.2 / 0.8", chat(1000, 500, service_tier="batch"), "0.0006"),
    ("no cached price in batches", chat(1000, 500, cached=10, service_tier="batch"), None),
    ("no flex price", chat(1000, 500, service_tier="flex"), None),
    ("a tier that is not known", chat(1000, 500, service_tier="scale"), None),
    ("short: 2.5 / 0.25 / 15", chat(272_000, 1000, "gpt-5.4"), "0.695"),
    ("long, all of it: 5 / 0.5 / 22.5", chat(272_001, 1000, "gpt-5.4"), "1.382505"),
    ("what was cached makes a prompt long, too", chat(278_476, 630, "gpt-5.4", cached=7936),
     "1.370843"),
    ("cache writes: 4 / 0.4 / 5 / 20", chat(1000, 10, "gpt-5.6-sol", cached=100,
     cache_write_tokens=700), "0.00454"),
    ("cache writes without a price", chat(1000, 10, cache_write_tokens=700), None),
    ("audio: 2.5, 40 / 10, 80", chat(100, 60, "gpt-4o-audio-preview-2024-12-17", audio=90,
     spoken=50), "0.007725"),
    ("audio without a price", chat(100, 10, audio=90), None),
    ("which cached tokens were audio?", chat(100, 10, "gpt-audio-2025-08-28", audio=90, cached=5),
     None),
    ("cached more than there was", chat(293, 58, "grok-4-1-fast-non-reasoning", cached=387), None),
    ("Claude: 3 / 0.3 / 3.75, 6 / 15", claude(input_tokens=10, cache_read_input_tokens=1000,
     cache_creation_input_tokens=300, cache_creation={"ephemeral_5m_input_tokens": 100,
     "ephemeral_1h_input_tokens": 200}, output_tokens=20), "0.002205"),
    ("Claude searches: 0.01 each", claude("claude-opus-4-6", input_tokens=100, output_tokens=100,
     server_tool_use={"web_search_requests": 2}), "0.023"),
    ("no price of searches", claude(input_tokens=100, output_tokens=100,
     server_tool_use={"web_search_requests": 2}), None),
    ("inference elsewhere", claude(input_tokens=1, output_tokens=1, inference_geo="us"), None),
    ("searches of a response: 0.014 each", {"model": "gpt-4.1-mini", "usage": {"input_tokens": 0,
     "output_tokens": 0}, "output": [{"type": "web_search_call"}, {"type": "message"}]}, "0.014"),
    ("sessions of a tool", {"model": "gpt-4.1-mini", "usage": {"input_tokens": 1,
     "output_tokens": 1}, "output": [{"type": "code_interpreter_call"}]}, None),
    ("images by tokens: 5, 10 / 40", images({"input_tokens": 373, "output_tokens": 1056,
     "input_tokens_details": {"text_tokens": 50, "image_tokens": 323}}), "0.04572"),
    ("text beside images: 5, 8 / 10, 32", images({"input_tokens": 357, "output_tokens": 6543,
     "input_tokens_details": {"text_tokens": 34, "image_tokens": 323},
     "output_tokens_details": {"text_tokens": 335, "image_tokens": 6208}}, "gpt-image-1.5"),
     "0.20476"),
    ("images without usage", images(None), None),
    ("a transcription by tokens: 2.5, 6 / 10", {"model": "gpt-4o-transcribe", "usage": {
     "type": "tokens", "input_tokens": 30, "output_tokens": 12, "input_token_details": {
     "text_tokens": 2, "audio_tokens": 28}}}, "0.000293"),
    ("by begun seconds: 0.0001", {"model": "whisper", "duration": 3.069999933242798}, "0.0004"),
    ("seconds in the usage", {"model": "whisper", "usage": {"type": "duration", "seconds": 9}},
     "0.0009"),
    ("no usage", {"model": "gpt-4.1-mini"}, None),
    ("a model that nobody knows", chat(1, 1, "my-deployment"), None),
    ("no model", {"usage": {"prompt_tokens": 1}}, None),
    ("nothing", {}, None),
    ("a broken count", {"model": "gpt-4.1-mini", "usage": {"prompt_tokens": "9"}}, None),
    ("a negative count", {"model": "gpt-4.1-mini", "usage": {"prompt_tokens": -9}}, None),
    ("broken details", {"model": "gpt-4.1-mini", "usage": {"prompt_tokens": 9,
     "prompt_tokens_details": 7}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "usd"), [row[1:] for row in SUMS], ids=[r[0] for r in SUMS])
def test_the_sum_is_exact_or_there_is_none(answer: dict[str, Any], usd: str | None) -> None:
    """To the last digit; and where there is none, it is said why."""
    cost = cost_of(answer)
    assert (None if usd is None else Decimal(usd)) == cost.amount
    assert (usd is None) == bool(cost.unknown)
    assert (None if usd is None else float(usd)) == completion_cost(answer)


def test_it_is_said_what_has_no_price() -> None:
    """The parts that are known stand beside it."""
    cost = cost_of(chat(1000, 500, cached=10, service_tier="batch"))
    assert ("azure/gpt-4.1-mini has no batch price for cached_input",) == cost.unknown
    assert ["input", "output"] == [part.component for part in cost.parts]


def test_a_line_of_a_batch_is_priced_as_one() -> None:
    """The answers in a batch's output say tier ``default`` or none: the caller knows better."""
    assert 0.0006 == completion_cost(chat(1000, 500), service_tier="batch")
    with pytest.raises(InvalidRequestError, match="service_tier must be one of"):
        completion_cost(chat(1, 1), service_tier="cheap")


@pytest.mark.parametrize(
    ("base_model", "usd"),
    [
        ("azure/gpt-4.1", 0.006),
        ("gpt-4.1", 0.006),
        ("azure/eu/gpt-4.1", 0.0066),
        ("openai/gpt-4.1", None),
        ("gpt-4.1-2031-01-01", None),
    ],
)
def test_the_base_model_decides(base_model: str, usd: float | None) -> None:
    """Also where the answer names another model, and where the base model has no price."""
    assert usd == completion_cost(chat(1000, 500, "gpt-4.1-mini"), base_model)


def answered(model: str, name: str, **hidden: Any) -> Any:
    """An answer object of a call."""
    known = {"model": model, "custom_llm_provider": model.partition("/")[0], **hidden}
    return SimpleNamespace(_hidden_params=known, **chat(1000, 500, name))


def test_what_the_call_knew_is_remembered() -> None:
    """The base model of the call, its own prices, and whose model it was."""
    own = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    rows = [
        (0.006, answered("azure/dep", "gpt-4", base_model="gpt-4.1")),
        (0.0012, answered("azure/dep", "gpt-4.1-mini")),
        (0.002, answered("azure/dep", "gpt-4", custom_cost_per_token=own)),
        (None, answered("azure/gpt-4.1-mini", "gpt-4")),  # a deployment may have any name
        (None, answered("openai/gpt-4.1-mini", "gpt-4.1-mini")),  # no vendor but Azure
        (None, answered("azure_ai/agents/gpt-4.1-mini", "azure_ai/agents/gpt-4.1-mini")),
    ]
    assert [usd for usd, _ in rows] == [completion_cost(answer) for _, answer in rows]


def test_prices_of_a_deployment_are_found_by_its_model_string() -> None:
    """Registered prices are no guess: whoever registered them knows the deployment."""
    own = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    table = PriceTable.shipped().with_prices({"azure/dep": own})
    assert 0.002 == completion_cost(answered("azure/dep", "gpt-4.1-mini"), table=table)
    assert 0.0012 == completion_cost(answered("azure/other", "gpt-4.1-mini"), table=table)


def test_own_prices_of_batches_may_be_a_factor() -> None:
    """A price of its own comes before the factor; searches and images have none."""
    own = {
        "input_cost_per_token": 4e-6,
        "output_cost_per_token": 8e-6,
        "output_cost_per_token_batches": 6e-6,
        "batch_factor": 0.5,
    }
    answer = chat(1000, 1000, "m")
    assert 0.008 == completion_cost(answer, custom_cost_per_token=own, service_tier="batch")


def test_the_model_router_costs_a_fee_beside_the_model() -> None:
    """The answer names the model that was chosen; without a known one there is no sum."""
    rows = [(0.0006, "gpt-5-nano-2025-08-07"), (None, "gpt-4"), (None, None)]
    found = [
        completion_cost({**chat(1000, 1025), "model": name}, "azure/model-router")
        for _, name in rows
    ]
    # 1,000 at 0.14 and 0.05, 1,025 at 0.4 for a million
    assert [usd for usd, _ in rows] == found


def test_a_router_that_answers_with_its_own_name_has_no_known_cost() -> None:
    """Nobody knows the model behind it then."""
    cost = cost_of({**chat(1000, 1025), "model": "model-router"}, "azure/model-router")
    assert (None, True) == (cost.usd, "does not name the model behind" in cost.unknown[0])


IMAGES = [
    ({}, {}, "0.044"),
    ({"size": "1024x1792", "quality": "hd"}, {}, "0.132"),
    ({"size": "1792x1024"}, {}, "0.088"),
    ({"quality": "hd", "n": 2}, {}, "0.176"),
    ({}, {"data": [{}, {}, {}]}, "0.132"),
    ({"size": "512x512"}, {}, None),
]


@pytest.mark.parametrize(("asked", "more", "usd"), IMAGES)
def test_images_are_priced_by_what_was_asked_for(
    asked: dict[str, Any], more: dict[str, Any], usd: str | None
) -> None:
    """Size, quality and number of the request, else the defaults of the service."""
    known = {"model": "azure/my-images", "image": asked, "base_model": "dall-e-3"}
    answer = SimpleNamespace(_hidden_params=known, **{"data": [{"url": ""}], **more})
    assert (None if usd is None else float(usd)) == completion_cost(answer)


def test_images_by_number_and_by_pixel() -> None:
    """FLUX costs by the image; its flexible sibling by the pixel, if the size is known."""
    answer = {"data": [{}, {}]}
    sized = SimpleNamespace(_hidden_params={"image": {"size": "1000x1000", "n": 1}}, data=[{}])
    vague = SimpleNamespace(_hidden_params={"image": {"size": "auto"}}, data=[{}])
    assert 0.08 == completion_cost(answer, "azure_ai/FLUX-1.1-pro")
    assert 0.05 == completion_cost(sized, "azure_ai/FLUX.2-flex")
    assert None is completion_cost(vague, "azure_ai/FLUX.2-flex")


def test_sound_is_priced_by_what_the_service_bills() -> None:
    """The header of recorded answers: 13 characters of speech, 4 seconds of a transcription."""
    speech = {"csp-billing-usage": "CognitiveServices.OpenAI.TextToSpeech=13"}
    seconds = {"csp-billing-usage": "CognitiveServices.OpenAI.Whisper=4"}
    rows = [
        (0.000195, "tts-1", {"headers": speech}),
        (0.000195, "tts-1", {"audio": {"characters": 13}}),
        (0.0004, "whisper", {"headers": seconds}),
        (None, "whisper", {"headers": speech}),
        (None, "whisper", {}),
    ]
    found = [completion_cost(SimpleNamespace(_hidden_params=h), name) for _, name, h in rows]
    assert [usd for usd, _, _ in rows] == found


COUNTS = st.integers(0, 300_000)


@given(
    name=st.sampled_from(["gpt-4.1-mini", "gpt-5.4", "claude-haiku-5-5"]),
    fresh=COUNTS,
    cached=COUNTS,
    output=COUNTS,
    more=st.integers(1, 300_000),
)
def test_more_never_costs_less(name: str, fresh: int, cached: int, output: int, more: int) -> None:
    """More tokens of any kind, also where they make the prompt a long one."""
    cost = _exactly(name, fresh, cached, output)
    assert cost < _exactly(name, fresh + more, cached, output)
    assert cost < _exactly(name, fresh, cached + more, output)
    assert cost < _exactly(name, fresh, cached, output + more)


def _exactly(name: str, fresh: int, cached: int, output: int) -> Decimal:
    amount = cost_of(chat(fresh + cached, output, name, cached=cached)).amount
    assert amount is not None
    return amount


@given(one=st.tuples(COUNTS, COUNTS), other=st.tuples(COUNTS, COUNTS))
def test_costs_of_calls_add_up(one: tuple[int, int], other: tuple[int, int]) -> None:
    """Exactly: two calls cost what one with their tokens would, where there is no step."""
    name = "gpt-4.1-mini"
    apart = [_exactly(name, prompt, 0, output) for prompt, output in (one, other)]
    assert sum(apart) == _exactly(name, one[0] + other[0], 0, one[1] + other[1])


def test_the_model_behind_a_deployment_may_stand_in_a_header() -> None:
    """A response repeats the deployment's name; what served it is told beside."""
    usage = {"input_tokens": 1_000, "output_tokens": 100, "total_tokens": 1_100}
    hidden = {"headers": {"x-ms-served-model": "gpt-4o-2024-08-06"}}
    named = Answer({"model": "my-deployment", "usage": usage}, hidden)
    plain = Answer({"model": "gpt-4o-2024-08-06", "usage": usage}, {})
    assert cost_of(plain).usd == cost_of(named).usd is not None
    assert cost_of(Answer({"model": "my-deployment", "usage": usage}, {})).usd is None
