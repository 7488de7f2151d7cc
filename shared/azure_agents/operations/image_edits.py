"""`image_edit` and `aimage_edit`: pictures and a text in, pictures out, also while they grow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, Unpack, overload

from ..errors import InvalidRequestError
from ..files.disk import LocalFile
from ..files.progress import OnProgress
from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.call import AnswerCall, extra_of, fields_of
from ..models.event_stream import EventDecoder
from ..models.forms import form_request
from ..models.settings import read_settings
from ..models.uploads import FileInput, read_upload
from ..naming import shown
from .images import IMAGE_EVENTS, PRICED, ImageArguments, images_in


@overload
def image_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: Literal[False] | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer: ...


@overload
def image_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: Literal[True],
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> AnswerStream: ...


@overload
def image_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: bool | None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AnswerStream: ...


def image_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: bool | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AnswerStream:
    """Change pictures by a text.

    Args:
        image: One picture or several: each a path, bytes, an open binary file, or
            ``(name, content)``.
        prompt: What is to be seen.
        model: A deployment: ``azure/my-gpt-image``, ``openai/gpt-image-1``.
        mask: A picture that is transparent where the first one is to be changed.
        stream: Give the events of the service as they come, with images that grow
            (``partial_images=2``).
        progress: Called with the bytes that are sent, and the bytes in all.
        arguments: `n`, `size`, `quality`, `response_format`, … by OpenAI's names; where, who and
            how as for `azure_agents.completion`.

    Returns:
        ``answer.data[0].b64_json`` or ``answer.data[0].url``; with ``stream=True`` an iterator of
        events, as of `image_generation`.

    Raises:
        InvalidRequestError: A picture is not there, or nothing tells its format; nothing was sent.
        AzureAgentsError: See `azure_agents.errors`.
    """
    call = _EditCall((image, mask), prompt, model, arguments, progress, streamed=bool(stream))
    return call.chunks() if stream else call.whole()


@overload
async def aimage_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: Literal[False] | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer: ...


@overload
async def aimage_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: Literal[True],
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> AsyncAnswerStream: ...


@overload
async def aimage_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: bool | None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AsyncAnswerStream: ...


async def aimage_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    stream: bool | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ImageArguments],
) -> Answer | AsyncAnswerStream:
    """Do as `image_edit` does, on an event loop; the pictures are read in threads.

    Args:
        image: As for `image_edit`.
        prompt: As for `image_edit`.
        model: As for `image_edit`.
        mask: As for `image_edit`.
        stream: As for `image_edit`.
        progress: As for `image_edit`; called on the event loop.
        arguments: As for `image_edit`; instead of its `transport`, `async_transport` is used.
    """
    asked = ((image, mask), prompt, model, arguments, progress)
    call = await asyncio.to_thread(partial(_EditCall, *asked, streamed=bool(stream)))
    return await call.achunks() if stream else await call.awhole()


class _EditCall(AnswerCall):
    """One checked call."""

    def __init__(
        self,
        pictures: tuple[object, object],
        prompt: object,
        model: str | None,
        given: Mapping[str, Any],
        progress: OnProgress | None,
        *,
        streamed: bool,
    ) -> None:
        if not isinstance(prompt, str) or not prompt.strip():
            raise InvalidRequestError(f"prompt must be a text, got {shown(prompt)}")
        settings = read_settings(model, given)
        fields = {"prompt": prompt, **fields_of(given), **extra_of(given)}
        self._asked = {name: fields.get(name) for name in PRICED}
        self._images = images_in(fields)
        files = _files(*pictures)
        asked = {**fields, "stream": True} if streamed else fields
        super().__init__(settings, form_request(settings, "image_edit", asked, files, progress))

    def decoder(self) -> EventDecoder:
        """Make the decoder of one stream."""
        return EventDecoder(self.request.doing, IMAGE_EVENTS, finishes=self._images)

    def hidden(self, headers: Mapping[str, str]) -> dict[str, Any]:
        """What LiteLLM keeps, and what the price depends on."""
        return {**super().hidden(headers), **self._asked}


def _files(image: object, mask: object) -> list[tuple[str, LocalFile]]:
    files = _images(image)
    return files if mask is None else [*files, ("mask", read_upload(mask, "image", "mask"))]


def _images(image: object) -> list[tuple[str, LocalFile]]:
    if not isinstance(image, list):  # a tuple is a name and its content
        return [("image", read_upload(image, "image", "image"))]
    if not image:
        raise InvalidRequestError("image is empty: pass a picture, or a list of pictures")
    return [
        ("image[]", read_upload(one, "image", f"image[{index}]")) for index, one in enumerate(image)
    ]
