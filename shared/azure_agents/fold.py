"""Folds the events of a turn into one completion: `invoke` returns a fold over `stream`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from .errors import ProtocolError
from .events import (
    Citation,
    Event,
    Finished,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from .messages import ToolCall


@dataclass(slots=True)
class TextBlock:
    """Contiguous answer text of one content part, with its citations.

    Attributes:
        item: Id of the output item or message; "" if the service gave none.
        part: Index of the content part within the item, from 0.
        text: What the agent said in it.
        citations: Its sources, in the order in which they came.
    """

    item: str
    part: int
    text: str = ""
    citations: list[Citation] = field(default_factory=list)


@dataclass(slots=True)
class RefusalBlock:
    """Contiguous refusal text of one content part.

    Attributes:
        item: Id of the output item or message; "" if the service gave none.
        part: Index of the content part within the item, from 0.
        text: Why the agent declines.
    """

    item: str
    part: int
    text: str = ""


@dataclass(slots=True)
class ReasoningBlock:
    """Contiguous reasoning summary of one part.

    Attributes:
        item: Id of the reasoning item; "" if the service gave none.
        part: Index of the summary part within the item, from 0.
        text: The summary.
    """

    item: str
    part: int
    text: str = ""


Block: TypeAlias = TextBlock | RefusalBlock | ReasoningBlock | Event

_BLOCK_OF: dict[type, type[TextBlock | RefusalBlock | ReasoningBlock]] = {
    TextDelta: TextBlock,
    RefusalDelta: RefusalBlock,
    ReasoningDelta: ReasoningBlock,
}


@dataclass(slots=True)
class Completion:
    """One finished answer.

    Attributes:
        blocks: Content in order: `TextBlock`, `RefusalBlock`, `ReasoningBlock`, and the events
            that stand for themselves (server tools, media, approvals, `Other`).
        tool_calls: Function calls in order.
        usage: Tokens, or None if the service did not say.
        finished: How the turn ended, with all ids.
    """

    blocks: list[Block]
    tool_calls: list[ToolCall]
    usage: Usage | None
    finished: Finished

    @property
    def text(self) -> str:
        """Answer and refusal text, concatenated."""
        return "".join(b.text for b in self.blocks if isinstance(b, TextBlock | RefusalBlock))

    @property
    def citations(self) -> list[Citation]:
        """All citations in order."""
        return [c for b in self.blocks if isinstance(b, TextBlock) for c in b.citations]


@dataclass(slots=True)
class _OpenText:
    """A block and its pieces so far; joined once, or long answers would take quadratic time."""

    block: TextBlock | RefusalBlock | ReasoningBlock
    pieces: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _OpenCall:
    """A function call as far as it has come."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Fold:
    """Takes events one by one; `result()` is the completion so far."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._texts: dict[tuple[type, str, int], _OpenText] = {}
        self._calls: dict[int, _OpenCall] = {}
        self._usage: Usage | None = None
        self._finished: Finished | None = None

    def add(self, event: Event) -> None:
        """Take the next event.

        Args:
            event: The next event of the turn, in the order of the stream.
        """
        match event:
            case TextDelta() | RefusalDelta() | ReasoningDelta():
                self._open_text(event).pieces.append(event.text)
            case ToolCallDelta():
                self._add_call(event)
            case Citation():
                self._cite(event)
            case Usage():
                self._usage = event
            case Finished():
                self._finished = event
            case Started() | Progress():  # `Progress` is for display while the turn runs
                pass
            case _:
                self._blocks.append(event)

    def _open_text(self, event: TextDelta | RefusalDelta | ReasoningDelta) -> _OpenText:
        cls = _BLOCK_OF[type(event)]
        key = (cls, event.item, event.part)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = _OpenText(cls(event.item, event.part))
            self._blocks.append(text.block)
        return text

    def _add_call(self, event: ToolCallDelta) -> None:
        call = self._calls.setdefault(event.index, _OpenCall())
        call.id = call.id or event.id
        call.name = call.name or event.name
        call.arguments.append(event.arguments)

    def _cite(self, event: Citation) -> None:
        block = self._open_text(TextDelta("", event.item, event.part)).block
        assert isinstance(block, TextBlock)  # noqa: S101 - `_BLOCK_OF` says so
        block.citations.append(event)

    def result(self) -> Completion:
        """Return the completion so far.

        Raises:
            ProtocolError: The turn has no `Finished` yet.
        """
        if self._finished is None:
            raise ProtocolError("the turn ended without a final event")
        for text in self._texts.values():
            text.block.text = "".join(text.pieces)
        made = [call for _, call in sorted(self._calls.items())]
        calls = [ToolCall(call.id, call.name, "".join(call.arguments)) for call in made]
        return Completion(self._blocks, calls, self._usage, self._finished)


def fold(events: Iterable[Event]) -> Completion:
    """Fold the events of one whole turn.

    Args:
        events: All events of the turn, in order.
    """
    folding = Fold()
    for event in events:
        folding.add(event)
    return folding.result()
