"""`image_generation` and `aimage_generation`: a prompt in, pictures out, also while they grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack, overload

from ..errors import InvalidRequestError
from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.arguments import ModelArguments
from ..models.call import AnswerCall, body_of, fields_of, json_request
from ..models.event_stream import EventDecoder, EventRules
from ..models.settings import read_settings
from ..naming import shown

# By OpenAI's description; no stream of images is recorded of Azure.
IMAGE_EVENTS = EventRules(frozenset({"image_generation.completed", "image_edit.completed"}))
# What an image costs depends on these: kept beside the answer, as they were asked for.
PRICED = ("size", "quality", "n")


class ImageArguments(ModelArguments, total=False):
    """What an image is asked for with, by OpenAI's names."""

    background: str | None
    moderation: str | None
    n: int | None
    output_compression: int | None
    output_format: str | None
    partial_images: int | None
    quality: str | None
    response_format: Literal["url", "b64_json"] | None
    size: str | None
    style: str | None
    user: str | None


@overload
def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer: ...


@overload
def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[ImageArguments],
) -> AnswerStream: ...


@overload
def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AnswerStream: ...


def image_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AnswerStream:
    """Draw images.

    Args:
        prompt: What the image shows.
        model: A deployment of an image model: ``azure/my-dall-e-3``, ``azure/my-gpt-image``,
            ``openai/gpt-image-1``.
        stream: Give the events of the service as they come, with images that grow
            (``partial_images=2``); for gpt-image models.
        arguments: `n`, `size`, `quality`, `response_format`, … by OpenAI's names; where, who and
            how as for `azure_agents.completion`.

    Returns:
        The service's answer (``answer.data[0].url``, ``answer.data[0].b64_json``), or with
        ``stream=True`` an iterator of events: close it, or leave its ``with`` block, to stop
        early. Size, quality and number that were asked for stand in its ``_hidden_params``.

    Raises:
        AzureAgentsError: See `azure_agents.errors`.
    """
    call = _ImageCall(prompt, model, arguments, streamed=bool(stream))
    return call.chunks() if stream else call.whole()


@overload
async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer: ...


@overload
async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[ImageArguments],
) -> AsyncAnswerStream: ...


@overload
async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AsyncAnswerStream: ...


async def aimage_generation(
    prompt: str,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AsyncAnswerStream:
    """Do as `image_generation` does, on an event loop; a stream is an async iterator of events.

    Args:
        prompt: As for `image_generation`.
        model: As for `image_generation`.
        stream: As for `image_generation`.
        arguments: As for `image_generation`; instead of its `transport`, `async_transport` is used.
    """
    call = _ImageCall(prompt, model, arguments, streamed=bool(stream))
    return await call.achunks() if stream else await call.awhole()


class _ImageCall(AnswerCall):
    """One checked call."""

    def __init__(
        self, prompt: object, model: str | None, given: Mapping[str, Any], *, streamed: bool
    ) -> None:
        if not isinstance(prompt, str) or not prompt.strip():
            raise InvalidRequestError(f"prompt must be a text, got {shown(prompt)}")
        settings = read_settings(model, given)
        fields = {"prompt": prompt, **fields_of(given)}
        body = body_of(fields, given)
        self._asked = {name: body.get(name) for name in PRICED}
        self._images = images_in(body)
        request = json_request(
            settings, "image_generation", body, droppable=fields, streamed=streamed
        )
        super().__init__(settings, request)

    def decoder(self) -> EventDecoder:
        """Make the decoder of one stream."""
        return EventDecoder(self.request.doing, IMAGE_EVENTS, finishes=self._images)

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps, and what the price depends on."""
        return {**super().hidden(headers), **self._asked}


def images_in(body: Mapping[str, Any]) -> int:
    """How many images a body asks for.

    Args:
        body: Of a request.

    Raises:
        InvalidRequestError: It asks for none, or for no number.
    """
    number = 1 if body.get("n") is None else body["n"]
    if isinstance(number, int) and not isinstance(number, bool) and number > 0:
        return number
    raise InvalidRequestError(f"n must be a whole number, 1 or more, got {shown(number)}")
