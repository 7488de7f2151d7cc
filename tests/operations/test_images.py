"""`image_generation`: on the emulator, and streams of images that grow."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from azure_agents.emulator import Emulator, Failed, Fault
from azure_agents.errors import (
    AzureAgentsError,
    ConfigError,
    ContentFilteredError,
    InvalidRequestError,
    RateLimitError,
)

from .cuts import check_every_cut
from .wire import WAYS, Service, ask, call, sse, streaming

SURFACES = [None, "2024-10-21"]
MODELS = {"pic": "dall-e-3", "gpt": "gpt-image-1"}
PARTIAL = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aGk="}
COMPLETED = {"type": "image_generation.completed", "b64_json": "aG8=", "usage": {"total_tokens": 9}}


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator with a deployment of each kind of image model."""
    with Emulator(seed=7) as emulator:
        for name, model in MODELS.items():
            emulator.deploy(name, model=model)
        yield emulator


def draw(foundry: Emulator, way: str, model: str = "azure/pic", **more: Any) -> Any:
    """One call."""
    given = {"model": model, "prompt": "a tabby cat", **foundry.deployment_connection(), **more}
    return call(way, "image_generation", **given)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
@pytest.mark.parametrize("name", MODELS)
def test_images_are_drawn(foundry: Emulator, way: str, version: str | None, name: str) -> None:
    """The dated routes get no model in the body; what the price depends on is kept."""
    more = {} if name == "gpt" else {"response_format": "b64_json"}
    answer = draw(foundry, way, f"azure/{name}", api_version=version, n=1, size="1024x1024", **more)
    assert base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")
    hidden = answer._hidden_params
    assert (1, "1024x1024", None) == (hidden["n"], hidden["size"], hidden["quality"])
    sent = foundry.requests[-1]
    place = "v1" if version is None else f"deployments/{name}"
    assert f"/openai/{place}/images/generations" == sent.path
    assert (None if version else name) == sent.body.get("model")


@pytest.mark.parametrize("way", WAYS)
def test_an_image_has_filters_and_a_revised_prompt(foundry: Emulator, way: str) -> None:
    """As recorded of dall-e-3."""
    image = draw(foundry, way).data[0]
    assert image.url.startswith("https://")
    assert image.revised_prompt
    assert "safe" == image.content_filter_results.hate.severity


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_a_deployment_shows_an_image_before_it_is_done(
    foundry: Emulator, way: str, version: str | None
) -> None:
    """As many partial images as were asked for, then the last one."""
    more = {"api_version": version, "stream": True, "partial_images": 2}
    events = draw(foundry, way, "azure/gpt", **more)
    kinds = ["partial_image", "partial_image", "completed"]
    assert [f"image_generation.{kind}" for kind in kinds] == [one.type for one in events]
    assert base64.b64decode(events[-1].b64_json).startswith(b"\x89PNG")
    assert events[-1].usage.total_tokens > 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("images", [1, 2])
def test_images_come_while_they_grow(way: str, images: int) -> None:
    """Every event as it was sent; usage and counts stand at each."""
    data = sse([PARTIAL, *[COMPLETED] * images])
    service = Service(streaming(data))
    given = {"model": "azure/gpt", "prompt": "p", "n": images, "partial_images": 1}
    events = ask(way, "image_generation", service, stream=True, **given)
    assert [PARTIAL, *[COMPLETED] * images] == [event.model_dump() for event in events]
    assert images == events[-1]._hidden_params["n"]
    assert "r-1" == events[0]._hidden_params["headers"]["x-request-id"]
    assert (True, 1) == (service.bodies[0]["stream"], service.bodies[0]["partial_images"])


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_is_cut_anywhere_ends_in_one_way(way: str) -> None:
    """With its last image, or with an error."""
    events = [PARTIAL, COMPLETED, COMPLETED]
    given = {"model": "azure/gpt", "prompt": "p", "n": 2}
    data = sse(events)
    check_every_cut(way, "image_generation", data, len(data), lambda _: "", **given)


FAILURES: list[tuple[dict[str, Any], type[AzureAgentsError]]] = [
    ({"type": "error", "error": {"code": "content_filter", "message": "no"}}, ContentFilteredError),
    ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, RateLimitError),
    ({"error": {"code": "rate_limit_exceeded", "message": "slow"}}, RateLimitError),
]


@pytest.mark.parametrize("way", WAYS)
def test_an_error_as_the_first_event_is_that_error(way: str) -> None:
    """In each of the forms that OpenAI's services give it."""
    for event, kind in FAILURES:
        service = Service(streaming(sse([event])))
        with pytest.raises(kind):
            ask(way, "image_generation", service, model="azure/g", prompt="p", stream=True)


@pytest.mark.parametrize("way", WAYS)
def test_failures_are_typed_and_faults_survived(foundry: Emulator, way: str) -> None:
    """As in `completion`."""
    foundry.faults.add(Fault("reset_before"), Fault("status_before", status=500, nth=2))
    assert 1 == len(draw(foundry, way, max_retries=3).data)
    foundry.deploy("bad", Failed("content_filter"), model="dall-e-3")
    with pytest.raises(ContentFilteredError) as caught:
        draw(foundry, way, "azure/bad")
    assert caught.value.request_id


BAD: list[tuple[dict[str, Any], type[AzureAgentsError], str]] = [
    ({"prompt": ""}, InvalidRequestError, "prompt must be a text"),
    ({"prompt": ["a"]}, InvalidRequestError, "prompt must be a text"),
    ({"n": 0}, InvalidRequestError, "n must be a whole number, 1 or more, got 0"),
    ({"n": "2"}, InvalidRequestError, "n must be a whole number, 1 or more, got '2'"),
    ({"extra_body": {"n": -1}}, InvalidRequestError, "n must be a whole number"),
    ({"model": None}, ConfigError, "image_generation is asked of a deployment"),
    ({"model": "azure_ai/claude-x"}, ConfigError, "is a Claude model"),
    ({"api_base": "nowhere"}, ConfigError, "api_base"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for bad, kind, said in BAD:
        with pytest.raises(kind, match=said):
            draw(foundry, way, **{"model": "azure/pic", **bad})
    assert [] == foundry.requests


def test_a_deployment_in_the_base_has_no_model_in_the_body() -> None:
    """Dated image routes refuse one."""
    service = Service(httpx.Response(200, json={"created": 1, "data": []}))
    base = "https://r.openai.azure.com/openai/deployments/other"
    given = {"model": "azure/pic", "prompt": "p", "api_base": base, "api_version": "2024-10-21"}
    ask("sync", "image_generation", service, **given)
    assert [{"prompt": "p"}] == service.bodies
    assert "/openai/deployments/other/images/generations" == service.requests[0].url.path
