"""`completion` and `acompletion`: agents and deployments behind OpenAI's chat completion format.

For code that speaks LiteLLM's dialect. A model string that names a deployment goes to `models`. All
others name an agent: here the arguments are read and the answer is written, and the client does the
rest (threads, retries, timeouts, cancellation).

Where a call of an agent goes on:

- with `thread_id`: on that thread, which holds everything up to the last assistant message;
- with no assistant message: on a new conversation (v2) or thread (classic);
- with the message object of an earlier answer: where that answer stands on the server;
- with the bare text of earlier answers: anew, the whole history in one request.

The module is not called `completion`: importing it would hide the function of that name in the
package.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack, cast, overload
from uuid import uuid4

from pydantic import BaseModel

from ..client.chunk_stream import AsyncChunkStream, ChunkStream
from ..client.pair import ClientPair, recent_pair
from ..events import Event, Finished
from ..fold import Completion, Fold
from ..models.answers import Answer, AnswerStream, AsyncAnswerStream
from ..models.settings import is_deployment
from ..prices.cost import response_cost
from .arguments import Call, DeploymentArguments, read_call
from .objects import ModelResponse, ModelResponseStream
from .output import Chunker, to_response

if TYPE_CHECKING:
    from ..models.chat import ChatCall

Messages: TypeAlias = Sequence[Mapping[str, Any] | BaseModel]


@overload
def completion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | Answer: ...


@overload
def completion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: Literal[True],
    **arguments: Unpack[DeploymentArguments],
) -> CompletionStream | AnswerStream: ...


@overload
def completion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: bool | None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | CompletionStream | Answer | AnswerStream: ...


def completion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: bool | None = None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | CompletionStream | Answer | AnswerStream:
    """Ask an agent or a deployment, in OpenAI's format.

    Args:
        model: An agent: ``azure_ai/agents/my-agent``, ``azure_ai/agents/my-agent:1`` or
            ``azure_ai/agents/asst_abc123``; the prefix may be left out, and all of it where the
            endpoint names its agent. Or a deployment: ``azure/my-deployment``,
            ``azure_ai/claude-sonnet-4-5``, ``openai/gpt-4o`` (docs/models.md has all forms, and the
            arguments that deployments take; those below are for agents).
        messages: OpenAI chat messages: dictionaries, or message objects of earlier answers.
        stream: Answer piece by piece.
        arguments: More, by LiteLLM's names:

            - where: `api_base` or `endpoint` (default ``AZURE_AI_PROJECT_ENDPOINT``),
              `api_version` (of classic agents, and of an agent's own endpoint), `allow_http`;
            - who: `api_key` (a key or a token), `credential` (of azure-identity), `azure_ad_token`,
              `azure_ad_token_provider`, `tenant_id`, `client_id`, `client_secret`, `azure_scope`;
              default: the environment, then ``DefaultAzureCredential``;
            - which thread: `thread_id`, `threads`, `owner`, `thread_store`, `anchor_key` (where
              messages come back from a browser), `ephemeral_approvals`;
            - what is asked: `instructions` (added to the agent's own;
              ``instructions_mode="replace"`` on classic), `tools`, `tool_choice`,
              `parallel_tool_calls`, `response_format`, `max_tokens`, `temperature`, `stop`,
              `metadata`, … (also in `extra_body`). An option that the agent refuses is an error;
            - for whom: `user_identity` (the service keeps the threads of users apart),
              `extra_headers` (for instance a gateway's), `image_generation_deployment` (what an
              agent with the image generation tool draws with), `agent_session_id` (of a hosted
              agent, at its own endpoint);
            - how: `timeout` (seconds for the whole turn, default 600, or `Timeouts`; None: no
              limit), `max_retries` or `num_retries`, ``stream_options={"include_usage": True}``;
            - in tests: `transport`, `async_transport` (of httpx), `clock` (time for deadlines and
              waits).

    Returns:
        A `ModelResponse` (of a deployment an `Answer`), or with ``stream=True`` an iterator of
        chunks: close it, or leave its ``with`` block, to stop the turn early.

    Raises:
        AzureAgentsError: See `azure_agents.errors`. A stream raises here too what goes wrong
            before the agent begins to answer.
    """
    streamed = bool(stream)
    if is_deployment(model, arguments):
        asked = _chat_call(cast(str, model), messages, arguments, streamed=streamed)
        return asked.chunks() if streamed else asked.whole()
    call = read_call(model, messages, stream=streamed, arguments=arguments)
    client = _pair(call).sync()
    if streamed:
        return CompletionStream(client.stream(call.request), _Chunks(call))
    return _response(call, client.complete(call.request))


@overload
async def acompletion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | Answer: ...


@overload
async def acompletion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: Literal[True],
    **arguments: Unpack[DeploymentArguments],
) -> AsyncCompletionStream | AsyncAnswerStream: ...


@overload
async def acompletion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: bool | None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | AsyncCompletionStream | Answer | AsyncAnswerStream: ...


async def acompletion(
    model: str | None = None,
    messages: Messages = (),
    *,
    stream: bool | None = None,
    **arguments: Unpack[DeploymentArguments],
) -> ModelResponse | AsyncCompletionStream | Answer | AsyncAnswerStream:
    """Do as `completion` does, on an event loop; a stream is an async iterator of chunks.

    Args:
        model: As for `completion`.
        messages: As for `completion`.
        stream: True gives an `AsyncCompletionStream` of chunks, else the whole `ModelResponse` is
            awaited.
        arguments: As for `completion`; instead of its `transport`, `async_transport` is used.
    """
    streamed = bool(stream)
    if is_deployment(model, arguments):
        asked = _chat_call(cast(str, model), messages, arguments, streamed=streamed)
        return await asked.achunks() if streamed else await asked.awhole()
    call = read_call(model, messages, stream=streamed, arguments=arguments)
    client = _pair(call).aio()
    if not streamed:
        return _response(call, await client.complete(call.request))
    return await AsyncCompletionStream(client.stream(call.request), _Chunks(call)).begin()


def _chat_call(
    model: str, messages: Messages, arguments: Mapping[str, Any], *, streamed: bool
) -> ChatCall:
    # Imported here: who asks agents only should not wait until all that deployments need is loaded.
    from ..models.chat import ChatCall

    return ChatCall(model, messages, arguments, streamed=streamed)


def _pair(call: Call) -> ClientPair:
    return recent_pair(call.settings, call.sign_in, **call.seams)


def _response(call: Call, completed: Completion) -> ModelResponse:
    response = to_response(
        completed, model=call.model, created=int(time.time()), fallback_id=_fallback_id()
    )
    _price(call, response)
    return response


def _price(call: Call, answer: ModelResponse | ModelResponseStream) -> None:
    """Write down what an answer cost: None unless the caller said which model the agent has."""
    hidden = answer._hidden_params  # noqa: SLF001 - LiteLLM's name
    hidden.update(call.costs)
    hidden["response_cost"] = response_cost(answer, hidden) if call.costs else None


def _fallback_id() -> str:
    return f"chatcmpl-{uuid4().hex}"


class _Chunks:
    """Makes the chunks of a stream, and the whole answer that they amount to."""

    def __init__(self, call: Call) -> None:
        self.response: ModelResponse | None = None
        self._call = call
        self._folding = Fold()
        self._chunker = Chunker(
            model=call.model,
            created=int(time.time()),
            fallback_id=_fallback_id(),
            include_usage=call.include_usage,
        )

    def feed(self, event: Event) -> list[ModelResponseStream]:
        """Take the next event; returns the chunks to deliver now."""
        self._folding.add(event)
        chunks = self._chunker.feed(event)
        for chunk in chunks:
            if chunk.usage is not None:
                _price(self._call, chunk)
        if isinstance(event, Finished):
            self.response = _response(self._call, self._folding.result())
        return chunks


class CompletionStream(ChunkStream[Event, ModelResponseStream]):
    """The chunks of an answer; made by `completion`."""

    def __init__(self, events: Generator[Event, None, None], chunks: _Chunks) -> None:
        self._chunks = chunks
        super().__init__(events, chunks.feed)

    @property
    def response(self) -> ModelResponse | None:
        """The whole answer once the last chunk was read, else None; append its message to go on."""
        return self._chunks.response


class AsyncCompletionStream(AsyncChunkStream[Event, ModelResponseStream]):
    """The chunks of an answer; made by `acompletion`."""

    def __init__(self, events: AsyncGenerator[Event, None], chunks: _Chunks) -> None:
        self._chunks = chunks
        super().__init__(events, chunks.feed)

    @property
    def response(self) -> ModelResponse | None:
        """The whole answer once the last chunk was read, else None; append its message to go on."""
        return self._chunks.response
