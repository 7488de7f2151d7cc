"""Canonical messages: what a caller says, whatever framework it came from.

Frozen values: two equal histories are equal objects. What a message carries that is not content
came with an earlier answer of ours: `anchor`, an opaque string, and what is known of approvals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from .errors import InvalidRequestError
from .events import ApprovalRequest, ConsentRequest
from .settings.headers import with_hidden

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Text:
    """A run of text.

    Attributes:
        text: The text, as it is said.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Media:
    """An image or a file, given by exactly one of `url`, `data` and `file_id`.

    Attributes:
        kind: What the service shall take it for.
        url: Where the *service* finds it (https or data URL); never fetched by the client.
        data: Its bytes.
        file_id: Id of a file uploaded before.
        mime_type: Media type of `data`, for instance ``image/png``.
        name: File name, if known.
        detail: Image detail (``low``, ``high``, ``auto``).
    """

    kind: Literal["image", "file"]
    url: str | None = None
    data: bytes | None = None
    file_id: str | None = None
    mime_type: str | None = None
    name: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalReply:
    """The answer to an approval request of a server-side tool; only `approve=True` approves.

    Attributes:
        request_id: Id of the approval request that it answers.
        approve: Whether the tool may be called.
        reason: Why, for the agent to read; None: no reason.
    """

    request_id: str
    approve: bool
    reason: str | None = None


Part: TypeAlias = Text | Media | ApprovalReply


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a function tool, as the model made it.

    Attributes:
        id: The service's ``call_…`` id (or any id a foreign history brings).
        name: Function name.
        arguments: The raw argument text; JSON, unless the model failed to write JSON.
        kind: ``"computer"``: no function is called but an action on a computer asked for, which a
            screenshot answers.
    """

    id: str
    name: str
    arguments: str
    kind: Literal["function", "computer"] = "function"


@dataclass(frozen=True, slots=True)
class SafetyCheck:
    """A check of the service that somebody has to let pass before a computer is used.

    Attributes:
        id: Of the check.
        code: Its kind.
        message: What it is about.
    """

    id: str
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ComputerAnswer:
    """That a tool message answers a computer call; its image is the screenshot.

    Attributes:
        acknowledged: The safety checks of the call that were let pass.
    """

    acknowledged: tuple[SafetyCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: ``developer`` messages are ``system`` here.
        parts: Content in order.
        tool_calls: Calls an assistant message makes.
        tool_call_id: The call a tool message answers.
        is_error: The tool failed; its text says how.
        computer: Set if it answers a computer call instead of a function call.
        anchor: Opaque string of `azure_agents.threads.anchor`, brought by answers of ours.
        asks: What an assistant message asks permission or a sign-in for, from the typed fields of
            an answer and never from its text. Where the server has it no more, the agent reads a
            record of it.
        outcomes: Request id to ``ran`` or ``told``: what an answer shows of decisions before it.
    """

    role: Role
    parts: tuple[Part, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    is_error: bool = False
    anchor: str | None = None
    computer: ComputerAnswer | None = None
    asks: tuple[ApprovalRequest | ConsentRequest, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """The text parts, concatenated verbatim."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def is_empty(self) -> bool:
        """Whether it has no call, media, approval, or text but white space: then it is not sent."""
        if self.tool_calls or self.role == "tool":
            return False
        return all(isinstance(part, Text) and not part.text.strip() for part in self.parts)

    @property
    def is_approval(self) -> bool:
        """Whether it holds answers to approval requests and nothing else."""
        return bool(self.parts) and all(isinstance(p, ApprovalReply) for p in self.parts)


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """One call: the whole history as the caller has it, and what holds for this call only.

    Attributes:
        messages: The conversation, oldest first.
        thread_id: Pin for this call: ``thread_…``, ``conv_…`` or ``resp_…``.
        owner: Scope under which text-only histories may be matched; None: never.
        stop: Texts that end the answer; cut on our side, since agents know no such parameter.
        options: Model options in OpenAI's names (``max_tokens``, ``temperature``, ``tools``,
            ``tool_choice``, ``response_format``, ``metadata`` …); None values count as absent.
            What the agent's generation refuses is an `InvalidRequestError` at the call. Besides,
            what holds for this call in place of the client's setting: ``timeout`` (seconds or
            `Timeouts`), ``extra_headers`` (added to the client's), ``user_identity``,
            ``image_generation_deployment``. Headers and identity are never shown or pickled.
        operation: Unique name of the turn, written into the metadata of what it creates; None: a
            new one is made.
        is_repeated: An earlier process may have sent this very turn, with this `operation`, and
            ended before it had the answer: it is looked for, and sent only if it is not found.

    Raises:
        ConfigError: A header that the caller cannot set.
    """

    messages: tuple[Message, ...]
    thread_id: str | None = None
    owner: str | None = None
    stop: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    operation: str | None = None
    is_repeated: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", with_hidden(self.options))


def request_of(asked: TurnRequest | str) -> TurnRequest:
    """Return the request itself, or one of a single user message.

    Args:
        asked: A `TurnRequest`, which is given back, or a text: the only message of one.

    Raises:
        InvalidRequestError: It is neither.
    """
    if isinstance(asked, TurnRequest):
        return asked
    if isinstance(asked, str):
        return TurnRequest((user(asked),))
    raise InvalidRequestError(
        f"a client takes a text or a TurnRequest, got {type(asked).__name__}: pass for instance "
        "TurnRequest((user('Hello'),)), both from azure_agents"
    )


def with_speaker(name: object, parts: tuple[Part, ...], where: str) -> tuple[Part, ...]:
    """Put the name of a speaker before what is said, since no wire has a field for it.

    It does not depend on the other messages, so one message reads the same in every history. Parts
    that say nothing get no name, and neither does the answer to an approval request.

    Args:
        name: Who says it; None: nobody in particular.
        parts: What is said.
        where: Which message it is, for errors, such as ``messages[2]``.

    Raises:
        InvalidRequestError: The name is no text.
    """
    if name is None:
        return parts
    if not isinstance(name, str):
        raise InvalidRequestError(f"the name of {where} is a {type(name).__name__}, not a string")
    said = Message("user", parts)
    if not name.strip() or said.is_empty or said.is_approval:
        return parts
    # On one line: a name is no place for what looks like somebody else's message.
    return (Text(f"{' '.join(name.split())}: "), *parts)


def system(text: str) -> Message:
    """Make a system message of one text.

    Args:
        text: What it says.
    """
    return Message("system", (Text(text),))


def user(text: str) -> Message:
    """Make a user message of one text.

    Args:
        text: What it says.
    """
    return Message("user", (Text(text),))


def assistant(
    text: str,
    *tool_calls: ToolCall,
    anchor: str | None = None,
    asks: tuple[ApprovalRequest | ConsentRequest, ...] = (),
) -> Message:
    """Make an assistant message of one text, with the calls it makes and what it asks for.

    Args:
        text: What the agent said; "" is no text.
        tool_calls: The function calls that it made.
        anchor: What its answer carried to find its place on the server again; None: not known.
        asks: The approvals and sign-ins that it asked for.
    """
    parts = (Text(text),) if text else ()
    return Message("assistant", parts, tool_calls, anchor=anchor, asks=asks)


def tool(call_id: str, text: str, *, is_error: bool = False) -> Message:
    """Make the result of one tool call.

    Args:
        call_id: ``call_…`` of the call that it answers.
        text: The result.
        is_error: Whether the tool failed; the agent learns of it.
    """
    return Message("tool", (Text(text),), tool_call_id=call_id, is_error=is_error)
