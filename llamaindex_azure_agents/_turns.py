"""The eight endpoints of a LlamaIndex LLM: chat and complete, streamed or not, sync and async.

Thin by intent: `_messages` maps what comes in, the core runs the turn, `_responses` maps what
comes out. The completion endpoints call the private chat path, or every call would be counted and
traced twice. Everything a call needs is read before a generator is returned: LlamaIndex runs its
body later, in threads that know no context variables.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    MessageRole,
)

from azure_agents import TurnRequest

from ._chunks import acompletions, astream, completions, stream
from ._endpoints import chat_endpoint, completion_endpoint
from ._recording import current_turns, noted
from ._responses import to_completion, to_response
from ._settings import AgentSettings


class Turns(AgentSettings):
    """An LLM that asks the agent at all eight endpoints."""

    def __init__(self, **fields: Any) -> None:
        # For type checkers, as in the base class: they would make one up from the fields here.
        super().__init__(**fields)

    @abstractmethod
    def _request(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> TurnRequest:
        """Make the request of a call."""

    @chat_endpoint
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation.

        Args:
            messages: The whole history, oldest first; the agent sees these and no others.
            kwargs: Settings and options of this call (see the class): ``thread_id=``, ``stop=`` and
                so on.
        """
        return self._chat(messages, kwargs)

    @chat_endpoint
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation, chunk by chunk; closing the generator cancels the turn.

        Args:
            messages: As for `chat`.
            kwargs: As for `chat`.
        """
        return self._stream(messages, kwargs)

    @completion_endpoint
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: FBT001, FBT002 - LlamaIndex's signature
        """Answer one prompt.

        Args:
            prompt: The message of the user.
            formatted: Whether it is whole already; False lets `completion_to_prompt` change it
                first.
            kwargs: As for `chat`.
        """
        return to_completion(self._chat(self._prompted(prompt, formatted=formatted), kwargs))

    @completion_endpoint
    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: FBT001, FBT002 - LlamaIndex's signature
        **kwargs: Any,
    ) -> CompletionResponseGen:
        """Answer one prompt, chunk by chunk; closing the generator cancels the turn.

        Args:
            prompt: As for `complete`.
            formatted: As for `complete`.
            kwargs: As for `chat`.
        """
        return completions(self._stream(self._prompted(prompt, formatted=formatted), kwargs))

    @chat_endpoint
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation.

        Args:
            messages: As for `chat`.
            kwargs: As for `chat`.
        """
        return await self._achat(messages, kwargs)

    @chat_endpoint
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Answer a conversation, chunk by chunk; closing the generator cancels the turn.

        Args:
            messages: As for `chat`.
            kwargs: As for `chat`.
        """
        return self._astream(messages, kwargs)

    @completion_endpoint
    async def acomplete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: FBT001, FBT002 - LlamaIndex's signature
        **kwargs: Any,
    ) -> CompletionResponse:
        """Answer one prompt.

        Args:
            prompt: As for `complete`.
            formatted: As for `complete`.
            kwargs: As for `chat`.
        """
        response = await self._achat(self._prompted(prompt, formatted=formatted), kwargs)
        return to_completion(response)

    @completion_endpoint
    async def astream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: FBT001, FBT002 - LlamaIndex's signature
        **kwargs: Any,
    ) -> CompletionResponseAsyncGen:
        """Answer one prompt, chunk by chunk; closing the generator cancels the turn.

        Args:
            prompt: As for `complete`.
            formatted: As for `complete`.
            kwargs: As for `chat`.
        """
        return acompletions(self._astream(self._prompted(prompt, formatted=formatted), kwargs))

    # -- one turn ------------------------------------------------------------------------------

    def _chat(self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]) -> ChatResponse:
        request, turns = self._request(messages, kwargs), current_turns()
        return noted(to_response(self.client.complete(request)), turns)

    def _stream(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
    ) -> ChatResponseGen:
        request, turns = self._request(messages, kwargs), current_turns()
        return stream(self.client.stream(request), turns, announces=_is_background(request))

    async def _achat(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
    ) -> ChatResponse:
        request, turns = self._request(messages, kwargs), current_turns()
        return noted(to_response(await self.async_client.complete(request)), turns)

    def _astream(
        self, messages: Sequence[ChatMessage], kwargs: Mapping[str, Any]
    ) -> ChatResponseAsyncGen:
        request, turns = self._request(messages, kwargs), current_turns()
        return astream(self.async_client.stream(request), turns, announces=_is_background(request))

    def _prompted(self, prompt: str, *, formatted: bool) -> list[ChatMessage]:
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return [ChatMessage(prompt, role=MessageRole.USER)]


def _is_background(request: TurnRequest) -> bool:
    return bool(request.options.get("background"))
