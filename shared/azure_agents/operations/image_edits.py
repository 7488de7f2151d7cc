"""`image_edit` and `aimage_edit`: pictures and a text in, pictures out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from ..errors import InvalidRequestError
from ..files.disk import LocalFile
from ..files.progress import OnProgress
from ..models.answers import Answer
from ..models.arguments import ModelArguments
from ..models.call import AnswerCall, extra_of, fields_of
from ..models.forms import form_request, not_streamed
from ..models.settings import read_settings
from ..models.uploads import FileInput, read_upload
from ..naming import shown


def image_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    n: int | None = None,
    size: str | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Change pictures by a text.

    Args:
        image: One picture or several: each a path, bytes, an open binary file, or
            ``(name, content)``.
        prompt: What is to be seen.
        model: A deployment: ``azure/my-gpt-image``, ``openai/gpt-image-1``.
        mask: A picture that is transparent where the first one is to be changed.
        n: How many pictures are made.
        size: Such as ``1024x1024``.
        quality: Such as ``high``.
        response_format: ``url`` or ``b64_json``, for models that let you choose.
        progress: Called with the bytes that are sent, and the bytes in all.
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name (``background``, ``output_format``) go up as they
            are.

    Returns:
        ``answer.data[0].b64_json`` or ``answer.data[0].url``.

    Raises:
        InvalidRequestError: A picture is not there, or nothing tells its format; nothing was sent.
        AzureAgentsError: See `azure_agents.errors`.
    """
    fields = {"n": n, "size": size, "quality": quality, "response_format": response_format}
    return _call((image, mask), prompt, model, {**fields, **arguments}, progress).whole()


async def aimage_edit(
    image: FileInput | Sequence[FileInput],
    prompt: str,
    model: str | None = None,
    *,
    mask: FileInput | None = None,
    n: int | None = None,
    size: str | None = None,
    quality: str | None = None,
    response_format: str | None = None,
    progress: OnProgress | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `image_edit` does, on an event loop; the pictures are read in threads.

    Args:
        image: As for `image_edit`.
        prompt: As for `image_edit`.
        model: As for `image_edit`.
        mask: As for `image_edit`.
        n: As for `image_edit`.
        size: As for `image_edit`.
        quality: As for `image_edit`.
        response_format: As for `image_edit`.
        progress: As for `image_edit`; called on the event loop.
        arguments: As for `image_edit`; instead of its `transport`, `async_transport` is used.
    """
    fields = {"n": n, "size": size, "quality": quality, "response_format": response_format}
    asked = ((image, mask), prompt, model, {**fields, **arguments}, progress)
    call = await asyncio.to_thread(_call, *asked)
    return await call.awhole()


def _call(
    pictures: tuple[object, object],
    prompt: object,
    model: object,
    given: Mapping[str, Any],
    progress: OnProgress | None,
) -> AnswerCall:
    if not isinstance(prompt, str) or not prompt:
        raise InvalidRequestError(f"prompt must be a text, got {shown(prompt)}")
    given = not_streamed("image_edit", given)
    settings = read_settings(model, given)
    image, mask = pictures
    files = _images(image)
    if mask is not None:
        files.append(("mask", read_upload(mask, "image", "mask")))
    fields = {"prompt": prompt, **fields_of(given), **extra_of(given)}
    return AnswerCall(settings, form_request(settings, "image_edit", fields, files, progress))


def _images(image: object) -> list[tuple[str, LocalFile]]:
    if not isinstance(image, list):  # a tuple is a name and its content
        return [("image", read_upload(image, "image", "image"))]
    if not image:
        raise InvalidRequestError("image is empty: pass a picture, or a list of pictures")
    return [
        ("image[]", read_upload(one, "image", f"image[{index}]")) for index, one in enumerate(image)
    ]
