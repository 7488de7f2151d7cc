"""The events of a running turn: one vocabulary for both generations.

Small frozen values, equality is the contract. `item` names the service object an event belongs
to (a message, a tool call); `part` counts content parts inside it. Both are opaque: they only
say which deltas belong together. Every turn that succeeds ends with exactly one `Finished`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "content_filter", "tool_calls"]


@dataclass(frozen=True, slots=True)
class Started:
    """The service accepted the turn; ids are known from here on.

    Attributes:
        thread_id: ``thread_…`` or ``conv_…``; None on a v2 chain.
        run_id: ``run_…`` (classic).
        response_id: ``resp_…`` (v2).
    """

    thread_id: str | None = None
    run_id: str | None = None
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of answer text.

    Attributes:
        text: The piece; all pieces of one (`item`, `part`) joined are its text.
        item: Id of the output item or message that it belongs to; "" if the service gave none.
        part: Index of the content part within the item, from 0.
    """

    text: str
    item: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    """The next piece of a refusal.

    Attributes:
        text: The piece; all pieces of one (`item`, `part`) joined are its text.
        item: Id of the output item or message that it belongs to; "" if the service gave none.
        part: Index of the content part within the item, from 0.
    """

    text: str
    item: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of a reasoning summary.

    Attributes:
        text: The piece; all pieces of one (`item`, `part`) joined are its text.
        item: Id of the output item or message that it belongs to; "" if the service gave none.
        part: Index of the content part within the item, from 0.
    """

    text: str
    item: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """The next piece of a function call.

    The first delta of a call brings `id` and `name`; every delta brings the next `arguments`
    fragment (it may be empty). `index` counts the calls of the turn from 0.

    Attributes:
        index: Which call of the turn, from 0.
        id: ``call_…``, in the first delta of a call; "" in the others.
        name: The function, in the first delta of a call; "" in the others.
        arguments: The next piece of the arguments' JSON text; may be empty.
    """

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ServerToolCall:
    """A tool that runs on the server was called (file search, code interpreter, MCP …).

    Attributes:
        id: The call's id, or its item's.
        name: Kind of tool, for instance ``file_search``, ``code_interpreter``, ``mcp``.
        arguments: What it was called with, as far as the service says.
        details: What else sets it apart from others: `server_label` and `tool_name` of an MCP
            call, the container of code, the thread of a connected agent.
    """

    id: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServerToolResult:
    """A server-side tool ended.

    Attributes:
        id: The `ServerToolCall` it belongs to.
        name: Kind of tool.
        status: ``success`` or ``error``.
        output: The result as far as the service gives it (JSON), or None.
    """

    id: str
    name: str
    status: Literal["success", "error"]
    output: Any = None


@dataclass(frozen=True, slots=True)
class Progress:
    """A server-side tool is at work; for display only.

    Attributes:
        id: The tool call's id, "" if the service does not say.
        name: Kind of tool.
        status: The service's word, for instance ``searching``, ``interpreting``; ours where it
            has none: ``coding`` and ``calling`` while code and arguments are typed.
        delta: Next piece of what it works on (code being typed), "" if there is none.
        image: Base64 text of an image as far as it is painted; each one replaces the one before.
    """

    id: str
    name: str
    status: str
    delta: str = ""
    image: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A source of the answer text.

    Attributes:
        kind: ``url``, ``file``, ``container_file`` or ``file_path``.
        item: Id of the output item or message that it stands in; "" if the service gave none.
        part: Index of the content part within the item, from 0.
        start: Start index into the text of (`item`, `part`), characters; None if not given.
        end: End index, exclusive.
        marker: The marker the text shows, for instance ``【4:0†source】`` (classic).
        url: The address of a ``url``.
        title: Its title, if known.
        file_id: The cited file, or the one that the agent wrote.
        filename: Its name, if known.
        container_id: The container that the file is in (v2), if it is in one.
        quote: The cited words (classic), if the service gives them.
    """

    kind: Literal["url", "file", "container_file", "file_path"]
    item: str = ""
    part: int = 0
    start: int | None = None
    end: int | None = None
    marker: str | None = None
    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None
    container_id: str | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class MediaOutput:
    """An image or file the agent made.

    Attributes:
        id: The id of the item or call it belongs to.
        kind: ``image`` or ``file``.
        file_id: Where to load it from (with `container_id` for container files).
        container_id: The container that `file_id` is in (v2), if it is in one.
        data: Base64 text, if the service sent the content along.
        mime_type: Media type, if known.
        filename: Its name, if known.
        url: Where it is, if the service says so instead.
    """

    id: str
    kind: Literal["image", "file"]
    file_id: str | None = None
    container_id: str | None = None
    data: str | None = None
    mime_type: str | None = None
    filename: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A server-side tool waits for the user's permission. Denied unless explicitly approved.

    Attributes:
        id: What a decision names.
        name: The tool.
        arguments: What it would be called with, a text; mostly JSON.
        server_label: The tool's server.
        seal: Over all of this, where nothing is stored of the answer (``threads="ephemeral"``):
            keep it with the request.
    """

    id: str
    name: str
    arguments: str
    server_label: str | None = None
    seal: str | None = None


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """The user must sign in at `link` before a server-side tool can work.

    Attributes:
        id: Id of the request.
        link: The URL where the user signs in.
        server_label: The server that needs it; None if the service does not say.
    """

    id: str
    link: str
    server_label: str | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """Any item or event that this version has no class for, kept whole.

    Attributes:
        kind: The service's type name (an item type, a step type or an event name).
        data: The object as the service sent it.
    """

    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the whole turn, as the service counted them.

    Attributes:
        input_tokens: Tokens that the agent read, history and instructions included.
        output_tokens: Tokens that it wrote, reasoning included.
        total_tokens: Both together.
        cached_tokens: How many of the input tokens came from a cache; None if it is not known.
        reasoning_tokens: How many of the output tokens were reasoning; None if it is not known.
    """

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The turn is over and stored; the last event.

    Attributes:
        reason: ``stop``, ``length``, ``content_filter`` or ``tool_calls``.
        status: The service's word (``completed``, ``incomplete``, ``requires_action``).
        thread_id: Handle to go on with: ``thread_…``, ``conv_…`` or, on a v2 chain, ``resp_…``.
        run_id: Run of the turn (classic).
        response_id: Response of the turn (v2).
        message_id: The service's id of the (last) answer message.
        model: Deployment that answered, as the service names it.
        anchor: Opaque string to keep with the answer; None if the answer cannot be continued.
        incomplete_reason: The service's word for why the answer is incomplete.
        details: More of what the service said (content filters), JSON.
        approval_outcomes: Request id to ``told``: decisions of this call that the server could not
            take, so that the agent could only read of them. No tool ran by them.
    """

    reason: FinishReason
    status: str
    thread_id: str | None = None
    run_id: str | None = None
    response_id: str | None = None
    message_id: str | None = None
    model: str | None = None
    anchor: str | None = None
    incomplete_reason: str | None = None
    details: dict[str, Any] = field(default_factory=dict)
    approval_outcomes: dict[str, str] = field(default_factory=dict)


Event: TypeAlias = (
    Started
    | TextDelta
    | RefusalDelta
    | ReasoningDelta
    | ToolCallDelta
    | ServerToolCall
    | ServerToolResult
    | Progress
    | Citation
    | MediaOutput
    | ApprovalRequest
    | ConsentRequest
    | Other
    | Usage
    | Finished
)
