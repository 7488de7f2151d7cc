"""What an agent saw in a turn: the oracle of every test about histories.

A `SeenTurn` is built from the service's own state, never from what a client says it sent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ... import jsonio
from ...jsonio import JSON
from ..text.search import Library
from ..text.tokens import count
from .server_tools import FileSearch


class SeenCall(NamedTuple):
    """A function call in a transcript.

    Attributes:
        id: ``call_…``, which the result of the call names.
        name: The function.
        arguments: Its arguments as JSON text.
    """

    id: str
    name: str
    arguments: str


class SeenMedia(NamedTuple):
    """An image or file in a transcript: its kind, and its URL, data or file id.

    Attributes:
        kind: ``image`` or ``file``.
        reference: A URL, a ``data:`` URL, or the id of an uploaded file.
    """

    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """One message as the agent saw it.

    Attributes:
        role: ``system``, ``developer``, ``user``, ``assistant`` or ``tool``.
        text: Its texts, joined; "" if it has none.
        tool_calls: The functions that an assistant message calls.
        tool_call_id: The call or approval request that a tool message answers; None for other
            roles.
        media: Its images and files, in order.
    """

    role: str
    text: str = ""
    tool_calls: tuple[SeenCall, ...] = ()
    tool_call_id: str | None = None
    media: tuple[SeenMedia, ...] = ()


@dataclass(frozen=True, slots=True)
class SeenTool:
    """A function that the agent may call.

    Attributes:
        name: The function.
        description: Its description, as the agent reads it; "" is none.
        parameters: JSON schema of its arguments; an empty one takes none.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenReply:
    """An agent's answer: text, function calls, and how the turn ended.

    Attributes:
        text: Its text; "" if it said nothing.
        tool_calls: The functions that it called.
        error: Error code if the turn failed or stopped early; None if it ended well.
    """

    text: str = ""
    tool_calls: tuple[SeenCall, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class SeenTurn:
    """One turn of an agent: everything it was given, and its answer.

    Attributes:
        generation: ``"v2"`` or ``"classic"``; of a call of a deployment the operation: ``"chat"``,
            ``"text"``, ``"embeddings"`` or ``"messages"`` (Claude).
        agent: ``name:version``, assistant id, or the deployment.
        instructions: The agent's own instructions, in force for this turn.
        additional_instructions: What a classic run added to them.
        messages: The whole history, oldest first, this call's input last.
        response_id: The response (v2), or the completion of a deployment.
        run_id: The run (classic).
        thread_id: Conversation or thread, if there is one.
        previous_response_id: The response that was continued (v2).
        metadata: Metadata of the response or run.
        tools: The functions that the agent may call.
        tool_choice: ``"auto"``, ``"none"``, ``"required"``, or the name of a function.
        parallel_tool_calls: Whether it may call several at once.
        schema: JSON schema that the answer must fit; an empty one is any JSON, None is text.
        library: The attached files; None if the agent has none to search.
        reply: The agent's answer; None until it has answered.
        usage: Token counts on the wire; None until it has answered.
    """

    generation: str
    agent: str
    instructions: str | None
    messages: tuple[SeenMessage, ...]
    additional_instructions: str | None = None
    response_id: str | None = None
    run_id: str | None = None
    thread_id: str | None = None
    previous_response_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[SeenTool, ...] = ()
    tool_choice: str = "auto"
    parallel_tool_calls: bool = True
    schema: Mapping[str, Any] | None = None
    library: Library | None = field(default=None, compare=False, repr=False)
    reply: SeenReply | None = None
    usage: Mapping[str, Any] | None = None

    @property
    def last_user_text(self) -> str:
        """Text of the newest user message, or an empty string."""
        texts = (m.text for m in reversed(self.messages) if m.role == "user")
        return next(texts, "")

    def search(self, *queries: str) -> FileSearch:
        """Search the attached files, for a scripted answer; default is the last user message.

        Args:
            queries: What to look for; by default the last user message.
        """
        asked = queries or (self.last_user_text,)
        found = self.library.search(*asked) if self.library else []
        return FileSearch(asked, tuple(one.result for one in found))

    def answered(self, reply: SeenReply, usage: Mapping[str, Any]) -> SeenTurn:
        """Return the same turn with its answer.

        Args:
            reply: The answer.
            usage: Its token counts, as on the wire.
        """
        return dataclasses.replace(self, reply=reply, usage=usage)


def read_tools(given: Iterable[JSON]) -> tuple[SeenTool, ...]:
    """Read the functions among an agent's tools, in either generation's form."""
    functions = (tool.get("function", tool) for tool in given if tool.get("type") == "function")
    return tuple(
        SeenTool(one["name"], one.get("description") or "", one.get("parameters") or {})
        for one in functions
    )


def read_choice(given: Any) -> str:
    """Read a tool choice in either generation's form: a word, or the name of a function."""
    if isinstance(given, dict):
        inner = given.get("function", given)
        return str(inner.get("name", "auto"))
    return str(given or "auto")


def read_schema(format: Any) -> Mapping[str, Any] | None:
    """Read the schema in a response format of either generation; None if it asks for text."""
    if not isinstance(format, dict) or format.get("type") not in {"json_schema", "json_object"}:
        return None
    inner = format.get("json_schema", format)
    return inner.get("schema") or {}


def from_items(items: Iterable[JSON]) -> tuple[SeenMessage, ...]:
    """Read v2 items as messages; adjacent items of one response are one message."""
    seen: list[SeenMessage] = []
    author: object = None  # whose assistant message may still grow
    for item in items:
        message = _from_item(item)
        if message is None:
            continue
        response_id = item.get("response_id") if message.role == "assistant" else None
        calls_only = bool(message.tool_calls)
        if seen and seen[-1].role == "assistant" == message.role and author is not None:
            same = author == response_id if response_id else (author == "posted" and calls_only)
            if same:
                seen[-1] = join_messages(seen[-1], message)
                continue
        author = (response_id or "posted") if message.role == "assistant" else None
        seen.append(message)
    return tuple(seen)


def join_messages(first: SeenMessage, second: SeenMessage) -> SeenMessage:
    """Join two messages of an assistant that belong to one answer."""
    return SeenMessage(
        role=first.role,
        text=first.text + second.text,
        tool_calls=first.tool_calls + second.tool_calls,
        media=first.media + second.media,
    )


def _from_item(item: JSON) -> SeenMessage | None:
    match item.get("type", "message"):
        case "message":
            text, media = read_content(item.get("content"))
            return SeenMessage(item["role"], text, media=media)
        case "function_call":
            call = SeenCall(item["call_id"], item["name"], item["arguments"])
            return SeenMessage("assistant", tool_calls=(call,))
        case "function_call_output":
            text, media = read_content(item["output"])
            return SeenMessage("tool", text, tool_call_id=item["call_id"], media=media)
        case "computer_call":
            action = jsonio.dumps(item["action"]).decode()
            return SeenMessage(
                "assistant", tool_calls=(SeenCall(item["call_id"], "computer", action),)
            )
        case "computer_call_output":
            picture = _read_media("input_image", item["output"])
            return SeenMessage("tool", tool_call_id=item["call_id"], media=(picture,))
        case "mcp_approval_response":
            answer = "approved" if item["approve"] else "denied"
            return SeenMessage("tool", answer, tool_call_id=item["approval_request_id"])
        case _:  # server-side tools, reasoning: part of the context, not messages
            return None


def read_content(content: object) -> tuple[str, tuple[SeenMedia, ...]]:
    """Read the text and media of a message's content, in either generation's form."""
    if isinstance(content, str):
        return content, ()
    text, media = "", []
    for part in content if isinstance(content, list) else ():
        kind = part["type"]
        if kind in {"input_text", "output_text"}:
            text += part["text"]
        elif kind == "refusal":
            text += part["refusal"]
        elif kind == "text":
            value = part["text"]
            text += value if isinstance(value, str) else value["value"]
        else:
            media.append(_read_media(kind, part))
    return text, tuple(media)


def _read_media(kind: str, part: JSON) -> SeenMedia:
    name = kind.removeprefix("input_").removesuffix("_url").removesuffix("_file")
    inner = part.get(kind) if isinstance(part.get(kind), dict) else part
    keys = ("url", "image_url", "file_id", "file_url", "file_data", "data")
    found = (inner[key] for key in keys if inner and inner.get(key))
    return SeenMedia(name, str(next(found, "")))


_PER_MESSAGE = 4  # tokens of role and separators, as chat formats count them


def count_prompt(messages: Iterable[SeenMessage], *instructions: str | None) -> int:
    """Count the tokens of everything that an agent reads for one turn."""
    total = sum(count(text) + _PER_MESSAGE for text in instructions if text)
    for message in messages:
        total += _PER_MESSAGE + count(message.text)
        total += sum(count(call.name) + count(call.arguments) for call in message.tool_calls)
        total += 85 * len(message.media)  # the flat price of a low-detail image
    return total
