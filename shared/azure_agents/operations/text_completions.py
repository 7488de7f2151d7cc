"""`text_completion` and `atext_completion`: a prompt is continued by an instruct model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Unpack, overload

from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.arguments import ModelArguments
from ..models.call import AnswerCall, body_of, fields_of, json_request, wants_usage
from ..models.chunks import TextDecoder
from ..models.settings import read_settings
from .inputs import Texts, texts


class TextArguments(ModelArguments, total=False):
    """What a text completion takes, by OpenAI's names."""

    best_of: int | None
    echo: bool | None
    frequency_penalty: float | None
    logit_bias: Mapping[str, float] | None
    logprobs: int | None
    max_tokens: int | None
    n: int | None
    presence_penalty: float | None
    seed: int | None
    stop: str | Sequence[str] | None
    stream_options: Mapping[str, Any] | None
    suffix: str | None
    temperature: float | None
    top_p: float | None
    user: str | None


@overload
def text_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[TextArguments],
) -> Answer: ...


@overload
def text_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[TextArguments],
) -> AnswerStream: ...


@overload
def text_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[TextArguments],
) -> Answer | AnswerStream: ...


def text_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[TextArguments],
) -> Answer | AnswerStream:
    """Continue a prompt.

    Args:
        prompt: A text, several, or their tokens.
        model: A deployment of an instruct model: ``azure_text/my-deployment``,
            ``azure/my-deployment``, ``openai/gpt-3.5-turbo-instruct``.
        stream: Answer piece by piece: ``chunk.choices[0].text``.
        arguments: `max_tokens`, `temperature`, `stop`, … by OpenAI's names; where, who and how as
            for `azure_agents.completion`.

    Returns:
        The service's answer (``answer.choices[0].text``), or with ``stream=True`` an iterator of
        chunks: close it, or leave its ``with`` block, to stop early.

    Raises:
        AzureAgentsError: See `azure_agents.errors`.
    """
    call = _TextCall(prompt, model, arguments, streamed=bool(stream))
    return call.chunks() if stream else call.whole()


@overload
async def atext_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[TextArguments],
) -> Answer: ...


@overload
async def atext_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: Literal[True],
    **arguments: Unpack[TextArguments],
) -> AsyncAnswerStream: ...


@overload
async def atext_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: bool | None,
    **arguments: Unpack[TextArguments],
) -> Answer | AsyncAnswerStream: ...


async def atext_completion(
    prompt: Texts,
    model: str | None = None,
    *,
    stream: bool | None = None,
    **arguments: Unpack[TextArguments],
) -> Answer | AsyncAnswerStream:
    """Do as `text_completion` does, on an event loop; a stream is an async iterator of chunks.

    Args:
        prompt: As for `text_completion`.
        model: As for `text_completion`.
        stream: As for `text_completion`.
        arguments: As for `text_completion`; instead of its `transport`, `async_transport` is used.
    """
    call = _TextCall(prompt, model, arguments, streamed=bool(stream))
    return await call.achunks() if stream else await call.awhole()


class _TextCall(AnswerCall):
    """One checked call."""

    def __init__(
        self, prompt: object, model: str | None, given: Mapping[str, Any], *, streamed: bool
    ) -> None:
        settings = read_settings(model, given)
        fields = {"prompt": texts("prompt", prompt), **fields_of(given)}
        body = body_of(fields, given)
        request = json_request(
            settings, "text_completion", body, droppable=fields, streamed=streamed
        )
        super().__init__(settings, request)
        self._include_usage = wants_usage(given)

    def decoder(self) -> TextDecoder:
        """Make the decoder of one stream."""
        return TextDecoder(self.request.doing, include_usage=self._include_usage)
