"""What a chat engine knows of its conversation, and the turns of it.

A conversation on a pinned thread is the server's: only the new message is sent, behind the thread
as the last answer left it (the end of a chain of responses moves with each answer). Any other
conversation is a list of messages, as every call of the LLM is. A turn enters the list when its
answer is whole: one that failed or was cancelled leaves nothing, so it can be asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse

from azure_agents.errors import InvalidRequestError

from ._messages import as_messages


class Conversation:
    """The messages or the thread of a conversation, and the stream that is under way in it.

    Args:
        prefix: Messages before all others, such as a system prompt.
        history: What was said before.
        pin: The thread that holds what was said before, if it is not `history`.
    """

    def __init__(
        self, prefix: Sequence[ChatMessage], history: Sequence[ChatMessage], pin: str | None
    ) -> None:
        self.prefix = tuple(prefix)
        self.history = list(history)
        self.pin = pin
        self.thread_id = pin
        self._stream = Stream()

    def asked(self, message: str | ChatMessage, chat_history: Sequence[ChatMessage] | None) -> Turn:
        """Begin a turn; every stream must be over.

        Args:
            message: What the user says.
            chat_history: Takes the place of what was said before.

        Raises:
            InvalidRequestError: There is a history, and a thread that has its own.
        """
        if chat_history is not None:
            if self.pin is not None:
                raise InvalidRequestError(
                    f"the thread {self.pin!r} has its own history: leave out chat_history, or "
                    "make an engine without thread_id for it"
                )
            self.history = list(chat_history)
        return Turn(self, *as_messages(message))

    def keep(self, asked: ChatMessage, response: ChatResponse) -> None:
        """Take in a turn whose answer is whole."""
        self.thread_id = (response.raw or {}).get("thread_id")
        if self.pin is not None:
            self.pin = self.thread_id or self.pin
        else:
            self.history += [asked, response.message.model_copy()]

    def streams(self) -> Stream:
        """Begin a stream, which `wait` waits for."""
        self._stream = Stream()
        return self._stream

    def wait(self) -> None:
        """Wait for the stream that is under way.

        Raises:
            InvalidRequestError: It is read on an event loop that would wait, too.
        """
        if self._stream.is_open:
            self._stream.check_goes_on(beside=_running_loop())
            self._stream.over.result()

    async def await_(self) -> None:
        """Wait for the stream that is under way; as `wait`."""
        if self._stream.is_open:
            self._stream.check_goes_on()
            # Shielded: whoever stops waiting does not end the stream.
            await asyncio.shield(asyncio.wrap_future(self._stream.over))


class Stream:
    """Whether a streamed answer is still read, by a thread or by a task of an event loop.

    `over` has its result when nothing is read any more; until a reader begins, nothing is open.
    """

    def __init__(self) -> None:
        self.over: Future[None] = Future()
        self._has_begun = False
        self._task: asyncio.Task[None] | None = None  # a loop alone would not keep it alive
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Note that a thread reads; it says when it is over."""
        self._has_begun = True

    def begin_task(self, task: asyncio.Task[None]) -> None:
        """Note the task that reads; one that is cancelled before it ran is over, too."""
        self._has_begun, self._task, self._loop = True, task, task.get_loop()
        task.add_done_callback(lambda _: self.over.set_result(None))

    @property
    def is_open(self) -> bool:
        # A loop that was closed over a task never ends it.
        is_gone = self._loop is not None and self._loop.is_closed()
        return self._has_begun and not is_gone and not self.over.done()

    def check_goes_on(self, *, beside: asyncio.AbstractEventLoop | None = None) -> None:
        """Check that its loop runs while somebody waits for it.

        Args:
            beside: The loop that stands still meanwhile.

        Raises:
            InvalidRequestError: To wait would never end.
        """
        if self._loop is not None and (self._loop is beside or not self._loop.is_running()):
            raise InvalidRequestError(
                "an answer of astream_chat() is still on its way: read it to its end, or go on "
                "with achat() or astream_chat() on its event loop"
            )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Turn:
    """A message, and where its answer goes.

    Args:
        conversation: Where it is said.
        message: What is said.
    """

    def __init__(self, conversation: Conversation, message: ChatMessage) -> None:
        self._conversation = conversation
        self._message = message

    @property
    def messages(self) -> list[ChatMessage]:
        """What the LLM is asked with."""
        said = self._conversation
        return [*said.prefix, *said.history, self._message]

    @property
    def options(self) -> dict[str, Any]:
        """The options of the call."""
        pin = self._conversation.pin
        return {} if pin is None else {"thread_id": pin}

    def keep(self, response: ChatResponse) -> None:
        """Note the whole answer."""
        self._conversation.keep(self._message, response)
