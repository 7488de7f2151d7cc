"""What stands on a server thread, as LangChain's message history.

The server writes its threads itself, when the agent is asked. So `add_messages` adds nothing: it
makes sure that the thread holds what it is given, at its end, and refuses anything else. That is
what `RunnableWithMessageHistory` needs, which hands over each turn after the agent was asked.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from azure_agents import ApprovalReply, Media, Message, Text
from azure_agents.content.approvals import asked_by
from azure_agents.content.media import base64_text
from azure_agents.errors import InvalidRequestError
from azure_agents.jsonio import known_fields
from azure_agents.messages import Part
from azure_agents.naming import shown

from ._approvals import block_of
from ._blocks import PROVIDER
from ._calls import sorted_out
from ._chat_model import ChatAzureAgent
from ._errors import translated
from ._messages import to_messages

_Said: TypeAlias = tuple[str, str, tuple[str, ...]]


class AzureAgentChatMessageHistory(BaseChatMessageHistory):
    """The messages of a server thread: for pages that show a chat, and for the older chains.

    Example:
        >>> history = AzureAgentChatMessageHistory(llm=llm, thread_id="conv_…")
        >>> for message in history.messages:
        ...     print(message.type, message.text)
        >>> llm.invoke("And then?", thread_id=history.thread_id)

    Messages are read from the server each time: texts, images and files, calls of functions with
    their results (a classic thread does not keep those), requests for approval and decisions.

    Attributes:
        llm: The agent's model: project and sign-in.
        thread_id: ``conv_…`` or ``resp_…`` (v2), ``thread_…`` (classic); None: the thread of the
            first answer that is added.
    """

    def __init__(self, *, llm: ChatAzureAgent, thread_id: str | None = None) -> None:
        super().__init__()
        self.llm = llm
        self.thread_id = thread_id

    @property
    def messages(self) -> builtins.list[BaseMessage]:  # type: ignore[override]
        """What was said, the oldest first; empty where there is no thread yet.

        Raises:
            ThreadNotFoundError: The server has no such thread.
        """
        if self.thread_id is None:
            return []
        with translated():
            return _read(self.llm.client.threads.messages(self.thread_id), self.thread_id)

    async def aget_messages(self) -> builtins.list[BaseMessage]:
        """Read what was said, the oldest first, on an event loop."""
        if self.thread_id is None:
            return []
        with translated():
            found = await self.llm.async_client.threads.messages(self.thread_id)
        return _read(found, self.thread_id)

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Make sure that the thread ends with these messages; nothing is sent.

        After an answer on a new thread, or the next response of a chain, `thread_id` is that of the
        answer.

        Args:
            messages: A turn that the agent has answered, or its end.

        Raises:
            InvalidRequestError: The thread does not end with them. Say new messages with
                ``llm.invoke(…, thread_id=history.thread_id)``.
        """
        thread = self._thread_of(messages)
        with translated():
            held = self.llm.client.threads.messages(thread) if thread else []
        self._settle(thread, held, messages)

    async def aadd_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Make sure that the thread ends with these messages, on an event loop.

        Args:
            messages: As for `add_messages`.
        """
        thread = self._thread_of(messages)
        with translated():
            held = await self.llm.async_client.threads.messages(thread) if thread else []
        self._settle(thread, held, messages)

    def clear(self) -> None:
        """Delete the thread; of a chain of responses, its last one.

        The next answer that is added names a new thread.

        Raises:
            ThreadNotFoundError: The server has no such thread.
        """
        if self.thread_id is not None:
            with translated():
                self.llm.client.threads.delete(self.thread_id)
            self.thread_id = None

    async def aclear(self) -> None:
        """Delete the thread, on an event loop; as `clear`."""
        if self.thread_id is not None:
            with translated():
                await self.llm.async_client.threads.delete(self.thread_id)
            self.thread_id = None

    def _thread_of(self, messages: Sequence[BaseMessage]) -> str | None:
        # A conversation and a classic thread keep their id; each response of a chain has its own.
        answers = (one for one in reversed(messages) if isinstance(one, AIMessage))
        named = (one.response_metadata.get("thread_id") for one in answers)
        thread = next((id for id in named if isinstance(id, str)), None)
        moves = self.thread_id is None or self.thread_id.startswith(("resp_", "wfresp_", "caresp_"))
        return thread if thread and moves else self.thread_id

    def _settle(
        self, thread: str | None, held: Sequence[Message], messages: Sequence[BaseMessage]
    ) -> None:
        given, there = list(_said(to_messages(messages))), list(_said(held))
        if given and there[-len(given) :] != given:
            place = f"{shown(thread)} does not end with" if thread else "there is no thread with"
            raise InvalidRequestError(
                f"on the server, {place} the messages to add ({len(given)}), and only turns of "
                "the agent write there: say new ones with "
                "llm.invoke(…, thread_id=history.thread_id), then add question and answer at once"
            )
        self.thread_id = thread


def _said(messages: Sequence[Message]) -> Iterator[_Said]:
    # What every thread keeps of a message: roles and texts, and decisions.
    for one in messages:
        replies = (part for part in one.parts if isinstance(part, ApprovalReply))
        decided = tuple(f"{reply.request_id}: {reply.approve}" for reply in replies)
        if one.role != "tool" and (one.text or decided):
            yield one.role, one.text, decided


# --- the server's messages in LangChain's words ---------------------------------------------------


def _read(messages: Sequence[Message], thread: str) -> builtins.list[BaseMessage]:
    return [_message(one, thread) for one in messages]


def _message(message: Message, thread: str) -> BaseMessage:
    content = _content(message.parts)
    match message.role:
        case "user":
            return HumanMessage(content)
        case "system":
            return SystemMessage(content)
        case "tool":
            return ToolMessage(content, tool_call_id=message.tool_call_id or "")
        case "assistant":
            return _answer(message, content, thread)


def _answer(message: Message, content: Any, thread: str) -> AIMessage:
    calls, invalid = sorted_out(message.tool_calls)
    metadata = {"model_provider": PROVIDER, "thread_id": thread, **asked_by(message.asks)}
    return AIMessage(
        content=content,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        response_metadata=metadata,
    )


def _content(parts: Sequence[Part]) -> Any:
    if all(isinstance(part, Text) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text))
    return [_block(part) for part in parts]


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Media():
            return _media_block(part)
        case ApprovalReply():
            return block_of(part)


def _media_block(part: Media) -> dict[str, Any]:
    return known_fields(
        type=part.kind,
        file_id=part.file_id,
        url=part.url,
        base64=base64_text(part.data) if part.data is not None else None,
        mime_type=part.mime_type,
        extras=known_fields(filename=part.name, detail=part.detail) or None,
    )
