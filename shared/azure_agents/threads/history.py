"""The messages of a call, with every tool result paired to the call it answers.

`History` answers two questions: may a turn continue behind a certain answer (`is_ready`), and in
which form does each message go out (`whole`, `after` and their kin)? The form depends on what the
server holds. Behind the answer that asked, a decision is an item that the server takes; anywhere
else it can only be a record in words. The same is true of computer calls and screenshots, and of
results whose calls are not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..content.wording import result_text
from ..errors import InvalidRequestError
from ..messages import ComputerAnswer, Message, assistant
from .approvals import ApprovalRecords, each_once, last_answer
from .call_ids import with_distinct_ids
from .computer import with_computer_in_words

_ON_THE_THREAD = -1  # where a pinned thread holds the call and the caller does not
_SUPERSEDED = Message("user")  # the result of a call that has another one: nothing is sent


class History:
    """The messages of one call.

    Args:
        given: The messages, oldest first.
        allow_orphans: Whether a result may answer a call that is not among the messages: a pinned
            thread holds what came before.

    Raises:
        InvalidRequestError: A new result answers a call that no message makes, or a request is both
            approved and denied.
    """

    def __init__(self, given: Sequence[Message], *, allow_orphans: bool = False) -> None:
        self.messages = messages = with_distinct_ids(each_once(given))
        self.call_of: dict[int, int] = {}  # index of a tool message -> index of the call's message
        self._result_of: dict[tuple[int, str], int] = {}  # a call -> index of the result that holds
        self._computer: set[tuple[int, str]] = set()  # calls that a screenshot answers
        self._orphans: set[int] = set()  # results whose calls are not there
        said = (i for i, m in enumerate(messages) if m.role in ("assistant", "user"))
        self._newest = max(said, default=-1)  # results behind it are new
        self._allow_orphans = allow_orphans
        self._records = ApprovalRecords(messages)
        self._pair()
        self._oldest_after = self._oldest_answered()

    # --- pairing --------------------------------------------------------------------------------

    def _pair(self) -> None:
        made: dict[str, int] = {}
        answer = -1  # the last assistant message before
        for index, message in enumerate(self.messages):
            for call in message.tool_calls:
                made[call.id] = index
                if call.kind == "computer":
                    self._computer.add((index, call.id))
            if message.role == "assistant":
                answer = index
            if message.role == "tool":
                self._pair_result(index, message.tool_call_id or "", made, answer)

    def _pair_result(self, index: int, call_id: str, made: dict[str, int], answer: int) -> None:
        may_be_there = self._allow_orphans and call_id != ""
        caller = made.get(call_id, _ON_THE_THREAD if may_be_there else None)
        if caller is None:
            self._note_orphan(index, call_id)
            return
        before = self._result_of.setdefault((caller, call_id), index)
        # A program corrects a result: the later one holds, as long as no answer stands between.
        # Once an answer has followed, the agent has read the first one, for good.
        if before != index and answer < before:
            self._result_of[caller, call_id] = index
            self.call_of.pop(before)
        if self._result_of[caller, call_id] == index:
            self.call_of[index] = caller

    def _note_orphan(self, index: int, call_id: str) -> None:
        # An old one is the rest of a history that was cut, and goes out in words. A new one is what
        # this call is about, and most likely the caller lost the message with the call.
        if index > self._newest:
            raise InvalidRequestError(
                f"message {index} is the result of tool call {call_id!r}, which no message before "
                "it makes: keep the assistant message with the call in the history"
            )
        self._orphans.add(index)

    def _oldest_answered(self) -> list[int]:
        """Return, for each message, the oldest message whose calls are answered behind it."""
        # Computed once, from the end: asking anew for each candidate would be quadratic.
        oldest = [len(self.messages)]
        for index in range(len(self.messages) - 1, 0, -1):
            oldest.append(min(oldest[-1], self.call_of.get(index, oldest[-1])))
        oldest.reverse()
        return oldest

    # --- questions ------------------------------------------------------------------------------

    def is_ready(self, point: int) -> bool:
        """Whether what follows `point` answers all its calls and nothing older."""
        calls = self.messages[point].tool_calls
        if not all((point, call.id) in self._result_of for call in calls):
            return False
        return self._oldest_after[point] >= point

    def answers_exactly(self, point: int) -> bool:
        """Whether what follows `point`, system messages aside, is the results of all its calls."""
        rest = {
            index: message
            for index in range(point + 1, len(self.messages))
            if not (message := self._as_item(index)).is_empty and message.role != "system"
        }
        are_answers = (m.is_approval or self.call_of.get(i) == point for i, m in rest.items())
        return bool(rest) and all(are_answers) and self.is_ready(point)

    def last(self) -> int:
        """Return the index of the last message that has something to send, or -1."""
        indices = range(len(self.messages) - 1, -1, -1)
        return next((index for index in indices if not self._as_item(index).is_empty), -1)

    # --- what to send ---------------------------------------------------------------------------

    def whole(self) -> tuple[Message, ...]:
        """Return all messages in words; empty ones and calls never answered are left out."""
        return self._kept(0, lambda index: with_computer_in_words(self._in_words(index)))

    def whole_but(self, requests: Sequence[str]) -> tuple[Message, ...]:
        """Return the same, but these requests and this call's decisions on them as items."""
        point = last_answer(self.messages)

        def form(index: int) -> Message:
            keep = requests if index >= point else ()
            return with_computer_in_words(self._records.render(index, self._as_item(index), keep))

        return self._kept(0, form)

    def after(self, point: int) -> tuple[Message, ...]:
        """Return the messages behind `point`, for a server that takes decisions right there."""
        # If an answer follows, its decisions were taken by the server, or sent in words. As items
        # they would approve once more, and the tool would run again.
        is_answered = last_answer(self.messages) > point
        return self._behind(point, self._in_words if is_answered else self._as_item)

    def after_in_words(self, point: int) -> tuple[Message, ...]:
        """Return the messages behind `point`, for a server that waits for no decision."""
        return self._behind(point, self._in_words)

    def _behind(self, point: int, form: Callable[[int], Message]) -> tuple[Message, ...]:
        messages = self.messages
        later = range(point + 1, len(messages))
        # From the next answer on, nothing is on the server: its computer calls are words, too.
        unknown = next((i for i in later if messages[i].role == "assistant"), len(messages))
        return self._kept(
            point + 1, lambda i: with_computer_in_words(form(i)) if i >= unknown else form(i)
        )

    def _kept(self, start: int, form: Callable[[int], Message]) -> tuple[Message, ...]:
        messages = map(form, range(start, len(self.messages)))
        return tuple(m for m in messages if m.asks or not m.is_empty)

    def _in_words(self, index: int) -> Message:
        return self._records.render(index, self._as_item(index))

    def _as_item(self, index: int) -> Message:
        message = self.messages[index]
        if message.role == "tool":
            return self._result(index, message)
        if not message.tool_calls:
            return message
        # The service refuses a history in which a call has no result.
        answered = tuple(c for c in message.tool_calls if (index, c.id) in self._result_of)
        if len(answered) == len(message.tool_calls):
            return message
        return replace(message, tool_calls=answered)

    def _result(self, index: int, message: Message) -> Message:
        if index in self._orphans:
            # As words of the agent: as the user's they could give orders.
            return assistant(result_text(message))
        if index not in self.call_of:
            return _SUPERSEDED
        return self._screenshot(index, message) if message.computer is None else message

    def _screenshot(self, index: int, message: Message) -> Message:
        """Return the message; as an answer to a computer call, if it is the result of one."""
        if (self.call_of[index], message.tool_call_id) not in self._computer:
            return message
        return replace(message, computer=ComputerAnswer())
