"""An agent as a chat engine: one conversation, whose history the server keeps or the engine does.

Streams are LlamaIndex's own: a thread or a task reads the answer to its end, whoever listens. So a
stream that is left leaves a whole turn behind, and the next message waits until it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole
from llama_index.core.callbacks import CallbackManager, trace_method
from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine

from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError

from ._chat_answers import Reading, StreamedAgentAnswer, refuse_calls, whole_answer
from ._conversation import Conversation
from ._function_calls import run_that_waits_in_vain
from ._history import said
from ._llm import AzureAgentLLM


class AzureAgentChatEngine(BaseChatEngine):
    """One conversation with an agent.

    Example:
        >>> engine = AzureAgentChatEngine.from_llm(llm)
        >>> engine.chat("Hello").response
        >>> later = AzureAgentChatEngine.from_llm(llm, thread_id=engine.thread_id)

    Answers tell their ids and usage in ``metadata`` (the ``raw`` of the LLM's answer), and what
    they cite as ``source_nodes``. A turn that failed is not part of the conversation: say it again.
    A streamed answer is read to its end even if nobody listens; the next message waits for that.
    The agent's own tools run on the server; an engine runs no function tools.

    Args:
        llm: The agent. A `thread_id` of its own is taken as the engine's.
        thread_id: A conversation to go on with, ``conv_…``, ``resp_…`` or ``thread_…``: it holds
            what was said. Default: a new one, whose messages the engine keeps.
        system_prompt: Told to the agent besides its own instructions.
        chat_history: What was said before, oldest first; not together with a thread.
        callback_manager: As of every engine; default: the LLM's.

    Raises:
        ConfigError: `llm` is another kind of LLM, or there are a history and a thread.
    """

    def __init__(
        self,
        llm: AzureAgentLLM,
        *,
        thread_id: str | None = None,
        system_prompt: str | None = None,
        chat_history: Sequence[ChatMessage] | None = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        if not isinstance(llm, AzureAgentLLM):
            raise ConfigError(
                f"llm must be an AzureAgentLLM, got {type(llm).__name__}: SimpleChatEngine takes "
                "any LLM"
            )
        pin = thread_id or llm.thread_id
        if pin is not None and chat_history:
            raise ConfigError(
                f"the thread {pin!r} has its own history: give thread_id or chat_history"
            )
        # The engine says the thread with each call, and none after a reset.
        self._llm = llm.model_copy(update={"thread_id": None}) if llm.thread_id else llm
        self._prefix = (
            [ChatMessage(system_prompt, role=MessageRole.SYSTEM)] if system_prompt else []
        )
        self._now = Conversation(self._prefix, chat_history or (), pin)
        self.callback_manager = callback_manager or llm.callback_manager

    @classmethod
    def from_llm(
        cls,
        llm: AzureAgentLLM,
        thread_id: str | None = None,
        system_prompt: str | None = None,
        **arguments: Any,
    ) -> Self:
        """Make an engine.

        Args:
            llm: The agent.
            thread_id: A conversation to go on with; default: a new one.
            system_prompt: Told to the agent besides its own instructions.
            arguments: The other arguments of the class.
        """
        return cls(llm, thread_id=thread_id, system_prompt=system_prompt, **arguments)

    @property
    def thread_id(self) -> str | None:
        """Where the conversation stands on the server, as its last answer said.

        None before the first answer, and where the server keeps nothing (``threads="ephemeral"``).
        """
        return None if self._llm.threads == "ephemeral" else self._now.thread_id

    @property
    def chat_history(self) -> list[ChatMessage]:
        """What was said, oldest first, without system prompts.

        Of a given thread it is what stands on the server, which is asked each time.
        """
        self._now.wait()
        pin = self._now.pin
        return (
            list(self._now.history) if pin is None else said(self._llm.client.threads.messages(pin))
        )

    async def achat_history(self) -> list[ChatMessage]:
        """Read what was said; as `chat_history`, without blocking the event loop."""
        await self._now.await_()
        pin = self._now.pin
        if pin is None:
            return list(self._now.history)
        return said(await self._llm.async_client.threads.messages(pin))

    def reset(self) -> None:
        """Begin a new conversation on a new thread; the old one stays on the server.

        Raises:
            InvalidRequestError: The LLM stays in one session of a hosted agent, which remembers.
        """
        session = self._llm.agent_session_id
        if session is not None:
            raise InvalidRequestError(
                f"the session {session!r} remembers what was said: make an AzureAgentLLM with "
                "another agent_session_id"
            )
        self._now = Conversation(self._prefix, (), None)

    @trace_method("chat")
    def chat(
        self, message: str | ChatMessage, chat_history: list[ChatMessage] | None = None
    ) -> AgentChatResponse:
        """Say something and give the whole answer.

        Args:
            message: A text, or a message with images or with decisions (`decide`).
            chat_history: Takes the place of what was said before.

        Raises:
            InvalidRequestError: A history for a thread that has its own; or the agent called
                function tools, which an engine does not run.
            AzureAgentsError: See `azure_agents.errors`.
        """
        self._now.wait()
        turn = self._now.asked(message, chat_history)
        response = self._llm.chat(turn.messages, **turn.options)
        self._check(response)
        turn.keep(response)
        return whole_answer(response)

    @trace_method("chat")
    async def achat(
        self, message: str | ChatMessage, chat_history: list[ChatMessage] | None = None
    ) -> AgentChatResponse:
        """Say something and give the whole answer; as `chat`.

        Args:
            message: As for `chat`.
            chat_history: As for `chat`.
        """
        await self._now.await_()
        turn = self._now.asked(message, chat_history)
        response = await self._llm.achat(turn.messages, **turn.options)
        await self._acheck(response)
        turn.keep(response)
        return whole_answer(response)

    @trace_method("chat")
    def stream_chat(
        self, message: str | ChatMessage, chat_history: list[ChatMessage] | None = None
    ) -> StreamedAgentAnswer:
        """Say something and give the answer as it comes (``response_gen``).

        Args:
            message: As for `chat`.
            chat_history: As for `chat`.
        """
        self._now.wait()
        turn = self._now.asked(message, chat_history)
        chunks = self._llm.stream_chat(turn.messages, **turn.options)
        return Reading(turn, self._now.streams()).in_thread(chunks, self._check)

    @trace_method("chat")
    async def astream_chat(
        self, message: str | ChatMessage, chat_history: list[ChatMessage] | None = None
    ) -> StreamedAgentAnswer:
        """Say something and give the answer as it comes (``async_response_gen()``).

        Args:
            message: As for `chat`.
            chat_history: As for `chat`.
        """
        await self._now.await_()
        turn = self._now.asked(message, chat_history)
        chunks = await self._llm.astream_chat(turn.messages, **turn.options)
        return Reading(turn, self._now.streams()).in_task(chunks, self._acheck)

    def _check(self, response: ChatResponse) -> None:
        run = run_that_waits_in_vain(response, is_last=True)
        if run is not None:
            with suppress(AzureAgentsError):  # it waits until it expires
                self._llm.client.cancel(**run)
        refuse_calls(response)

    async def _acheck(self, response: ChatResponse) -> None:
        run = run_that_waits_in_vain(response, is_last=True)
        if run is not None:
            with suppress(AzureAgentsError):
                await self._llm.async_client.cancel(**run)
        refuse_calls(response)
