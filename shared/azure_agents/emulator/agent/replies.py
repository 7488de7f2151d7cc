"""The parts of scripted replies.

A *reply* is what a test or notebook writes: a text, a part, or several parts. A *part* is one
thing that an agent does: say something, call functions, wait, fail. `parts_of` turns replies into
parts, and the streams of both generations play them. To add a feature of the service, add a part
here and its branch in `v2/items.py` and `classic/steps.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ... import jsonio
from ..text import tokens
from .seen import SeenTurn
from .server_tools import SERVER_PARTS, Citation, FileSearch, Refusal, ServerPart


@dataclass(frozen=True, slots=True)
class Text:
    """The agent says something.

    Args:
        text: The text; may be left out when `deltas` are given.
        deltas: How it is cut into stream events; default by words.
        citations: Where pieces of it come from; mappings are sent as they are.
    """

    text: str = ""
    deltas: Sequence[str] | None = None
    citations: Sequence[Citation | Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.deltas is None:
            return
        joined = "".join(self.deltas)
        if self.text and joined != self.text:
            raise ValueError(f"deltas join to {joined!r}, which is not the text {self.text!r}")
        object.__setattr__(self, "deltas", tuple(self.deltas))
        object.__setattr__(self, "text", joined)


@dataclass(frozen=True, slots=True, init=False)
class ToolCalls:
    """The agent calls functions, all in parallel.

    Args:
        calls: ``(name, arguments)`` or ``(name, arguments, id)``; arguments are a mapping, or a
            string that is sent as it is (also when it is no JSON).
    """

    calls: tuple[tuple[str, str, str | None], ...]

    def __init__(self, *calls: Sequence[Any]) -> None:
        object.__setattr__(self, "calls", tuple(_call(*call) for call in calls))


def _call(
    name: str, arguments: object = "{}", id: str | None = None
) -> tuple[str, str, str | None]:
    text = arguments if isinstance(arguments, str) else jsonio.dumps(arguments).decode()
    return name, text, id


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn fails on the server.

    Attributes:
        code: Error code of the failed response or run.
        message: The reason, as the service words it.
        text: Answer text before the failure; "" is none.
    """

    code: str = "server_error"
    message: str = "Sorry, something went wrong."
    text: str = ""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The answer stops early.

    Attributes:
        reason: ``max_output_tokens`` or ``content_filter``.
        text: The answer as far as it got; "" is nothing.
    """

    reason: str = "max_output_tokens"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Empty:
    """The agent says nothing: there is no message, and no error."""


@dataclass(frozen=True, slots=True)
class Pause:
    """The agent waits on the emulator's clock before it goes on.

    Attributes:
        seconds: How long; a fake clock jumps over it.
    """

    seconds: float


@dataclass(frozen=True, slots=True, init=False)
class Parts:
    """Several parts in one answer, for instance text and then function calls.

    Args:
        parts: The replies, in the order in which they are said; texts may be plain strings.
    """

    parts: tuple[Reply, ...]

    def __init__(self, *parts: Reply) -> None:
        object.__setattr__(self, "parts", parts)


def Delayed(seconds: float, reply: Reply) -> Parts:  # noqa: N802 - reads as a reply among replies
    """Build a reply that comes late.

    Args:
        seconds: How long the agent waits before it replies, on the emulator's clock.
        reply: What it answers then.
    """
    return Parts(Pause(seconds), reply)


Part: TypeAlias = Text | ToolCalls | Failed | Incomplete | Empty | Pause | ServerPart
_One: TypeAlias = str | Part | Parts
Reply: TypeAlias = _One | Sequence[_One]
Script: TypeAlias = Reply | Callable[[SeenTurn], Reply] | Sequence[Reply] | Iterator[Reply] | None


def parts_of(reply: Reply) -> tuple[Part, ...]:
    """Flatten a reply into its parts."""
    match reply:
        case str():
            return (Text(reply),)
        case Parts(parts):
            return tuple(part for inner in parts for part in parts_of(inner))
        case Text() | ToolCalls() | Failed() | Incomplete() | Empty() | Pause():
            return (reply,)
        case list() | tuple():
            return tuple(part for inner in reply for part in parts_of(inner))
        case _ if isinstance(reply, SERVER_PARTS):
            return (reply,)
        case _:
            raise TypeError(
                f"not a reply: {reply!r}; use a string, a part such as ToolCalls(...), or a list"
            )


def searched(parts: Sequence[Part], turn: SeenTurn) -> tuple[Part, ...]:
    """Run each file search that has no scripted results; the other parts stay as they are."""
    return tuple(
        turn.search(*part.queries)
        if isinstance(part, FileSearch) and part.results is None
        else part
        for part in parts
    )


def said(parts: Sequence[Part]) -> str:
    """Join the texts of an answer."""
    spoken = (part for part in parts if isinstance(part, Text | Failed | Incomplete | Refusal))
    return "".join(part.text for part in spoken)


def limited(parts: Sequence[Part], budget: int | None) -> tuple[Part, ...]:
    """Cut an answer where its token budget ends."""
    kept: list[Part] = []
    for part in parts:
        if isinstance(part, Text) and budget is not None:
            cut = tokens.pieces(part.text)
            if len(cut) > budget:
                return (*kept, Incomplete("max_output_tokens", "".join(cut[:budget])))
            budget -= len(cut)
        kept.append(part)
    return tuple(kept)
