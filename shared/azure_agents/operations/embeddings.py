"""`embedding` and `aembedding`: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from ..errors import InvalidRequestError
from ..models.answers import Answer
from ..models.arguments import ModelArguments
from ..models.call import AnswerCall, body_of, fields_of, json_request
from ..models.settings import read_settings
from .inputs import Texts, texts


def embedding(
    model: str,
    input: Texts,
    *,
    dimensions: int | None = None,
    encoding_format: Literal["float", "base64"] | None = None,
    user: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Turn texts into vectors.

    Args:
        model: A deployment: ``azure/my-embeddings``, ``azure_ai/cohere-embed``,
            ``openai/text-embedding-3-small`` (docs/models.md has all forms).
        input: A text, several, or their tokens.
        dimensions: Length of the vectors, for models that can shorten them.
        encoding_format: ``base64`` gives each vector as base64 of little-endian 32-bit floats.
        user: Who asks, for the service's abuse monitoring.
        arguments: Where, who and how, as for `azure_agents.completion`; fields that the service
            knows and this function does not name go up as they are.

    Returns:
        The service's answer: ``answer.data[0].embedding``, ``answer.usage.prompt_tokens``.

    Raises:
        AzureAgentsError: See `azure_agents.errors`.
    """
    named = {"dimensions": dimensions, "encoding_format": encoding_format, "user": user}
    return _call(model, input, {**named, **arguments}).whole()


async def aembedding(
    model: str,
    input: Texts,
    *,
    dimensions: int | None = None,
    encoding_format: Literal["float", "base64"] | None = None,
    user: str | None = None,
    **arguments: Unpack[ModelArguments],
) -> Answer:
    """Do as `embedding` does, on an event loop.

    Args:
        model: As for `embedding`.
        input: As for `embedding`.
        dimensions: As for `embedding`.
        encoding_format: As for `embedding`.
        user: As for `embedding`.
        arguments: As for `embedding`; instead of its `transport`, `async_transport` is used.
    """
    named = {"dimensions": dimensions, "encoding_format": encoding_format, "user": user}
    return await _call(model, input, {**named, **arguments}).awhole()


def _call(model: str, input: object, given: Mapping[str, Any]) -> AnswerCall:
    if isinstance(input, str) and not input:
        raise InvalidRequestError("input is empty: pass a text, or a list of texts")
    settings = read_settings(model, given)
    fields = {"input": texts("input", input), **fields_of(given)}
    body = body_of(fields, given)
    return AnswerCall(settings, json_request(settings, "embedding", body, droppable=fields))
