"""`completion` and `acompletion`: an agent behind OpenAI's chat completion format.

For code that speaks LiteLLM's dialect. The functions map, the clients act: histories onto threads,
retries, timeouts, cancellation are theirs.

Where a call goes on:

- with `thread_id`: on that thread, which holds everything up to the last assistant message;
- with no assistant message: on a new conversation (v2) or thread (classic);
- with the message object of an earlier answer: where that answer stands on the server;
- with the bare text of earlier answers: anew, the whole history in one request.

The module is not called `completion`: importing it would hide the function of that name in the
package.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, Unpack, overload
from uuid import uuid4

from pydantic import BaseModel

from .connections import async_client, sync_client
from .events import Event
from .fold import Fold
from .openai_arguments import Arguments, Call, read_call
from .openai_format import Chunker, to_response
from .openai_models import ModelResponse, ModelResponseStream

Messages: TypeAlias = Sequence[Mapping[str, Any] | BaseModel]


@overload
def completion(
    model: str,
    messages: Messages,
    *,
    stream: Literal[False] | None = None,
    **arguments: Unpack[Arguments],
) -> ModelResponse: ...


@overload
def completion(
    model: str, messages: Messages, *, stream: Literal[True], **arguments: Unpack[Arguments]
) -> CompletionStream: ...


@overload
def completion(
    model: str, messages: Messages, *, stream: bool | None, **arguments: Unpack[Arguments]
) -> ModelResponse | CompletionStream: ...


def completion(
    model: str,
    messages: Messages,
    *,
    stream: bool | None = None,
    **arguments: Unpack[Arguments],
) -> ModelResponse | CompletionStream:
    """Ask an agent, in OpenAI's format.

    Args:
        model: ``azure_ai/agents/my-agent``, ``azure_ai/agents/my-agent:1`` or
            ``azure_ai/agents/asst_abc123``; the prefix may be left out.
        messages: OpenAI chat messages: dictionaries, or message objects of earlier answers.
        stream: Answer piece by piece.
        arguments: More, by LiteLLM's names:

            - where: `api_base` (default ``AZURE_AI_PROJECT_ENDPOINT``), `api_version` (classic),
              `allow_http`;
            - who: `api_key` (a key or a token), `credential` (of azure-identity), `azure_ad_token`,
              `azure_ad_token_provider`, `tenant_id`, `client_id`, `client_secret`, `azure_scope`;
              default: the environment, then ``DefaultAzureCredential``;
            - which thread: `thread_id`, `threads`, `owner`, `thread_store`;
            - what is asked: `instructions` (added to the agent's own;
              ``instructions_mode="replace"`` on classic), `tools`, `tool_choice`,
              `parallel_tool_calls`, `response_format`, `max_tokens`, `temperature`, `stop`,
              `metadata`, … (also in `extra_body`). What the agent refuses is an error;
            - how: `timeout` (seconds for the whole turn, default 60, or `Timeouts`; None: no
              limit), `max_retries` or `num_retries`, ``stream_options={"include_usage": True}``;
            - in tests: `transport`, `async_transport` (of httpx).

    Returns:
        A `ModelResponse`, or with ``stream=True`` an iterator of chunks: close it, or leave its
        ``with`` block, to stop the turn early.

    Raises:
        AzureAgentsError: See `azure_agents.errors`. A stream raises here too what goes wrong
            before the agent begins to answer.
    """
    call = _read(model, messages, stream, arguments, "transport")
    client = sync_client(call)
    if stream:
        return CompletionStream(client.stream(call.request), _Telling(call))
    return _response(call, Fold.of(client.complete(call.request)))
