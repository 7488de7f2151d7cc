"""Content blocks that are dictionaries, in every dialect, as parts of a message. Pure.

LangChain's standard blocks, OpenAI's content parts (both of its APIs), Anthropic's, and what other
providers leave in a history. Three kinds of message hold them, and each has its own rule:

- A message that a *user* sends now must reach the agent: a block that cannot be sent is an error.
  In a message that was answered before (maybe by another model) a sentence describes it, or the
  conversation would refuse every turn from then on.
- An *answer* is history. Its text is kept; the agent's own work (reasoning, server tools, images
  it made) is known to the server or cannot be sent, and is left out.
- A *tool* returns anything at all. Text and media are sent, the rest is sent as JSON text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from ..errors import InvalidRequestError
from ..messages import Message, Part, Role, Text
from .approvals import others_request
from .blocks import READERS, REPLIES, Block, plain, read_resource, type_of, unknown_block
from .joins import with_refusals
from .notices import left_out
from .wording import as_json, placeholder

# Blocks that repeat the tool calls of an answer, which have a place of their own.
CALL_BLOCKS = frozenset(
    {
        "custom_tool_call",
        "function_call",
        "invalid_tool_call",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
    }
)
# Blocks of an answer besides text and refusals, in the words of LangChain, OpenAI, Anthropic,
# Google, Amazon and Mistral: not sent again.
AGENT_OUTPUT = frozenset(
    {
        "audio",
        "bash_code_execution_tool_result",
        "code_execution_result",
        "code_execution_tool_result",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "container_upload",
        "executable_code",
        "file",
        "file_search_call",
        "image",
        "image_generation_call",
        "image_url",
        "local_shell_call",
        "mcp_approval_request",
        "mcp_call",
        "mcp_list_tools",
        "mcp_tool_result",
        "mcp_tool_use",
        "non_standard",
        "reasoning",
        "reasoning_content",
        "reasoning_text",
        "redacted_thinking",
        "reference",
        "server_tool_call",
        "server_tool_call_chunk",
        "server_tool_result",
        "server_tool_use",
        "shell_call",
        "summary_text",
        "text_editor_code_execution_tool_result",
        "thinking",
        "tool_search_tool_result",
        "video",
        "web_fetch_tool_result",
        "web_search_call",
        "web_search_tool_result",
    }
)

_TEXTS = ("text", "input_text", "output_text")
_EMPTY = Text("")
_UNKNOWN = "something of an unknown type"
_LONGEST_KIND = 40  # characters; a longer type is no type
_SOUND_AND_FILM = ("audio", "input_audio", "video", "input_video", "video_url")


# --- what users send ----------------------------------------------------------------------------


def newest_of(are_answers: Iterable[bool]) -> int:
    """Give the place of the newest answer in a history; messages before it are not refused."""
    return max((at for at, is_answer in enumerate(are_answers) if is_answer), default=0)


def said_parts(
    content: object, role: Role, where: str, *, is_old: bool = False
) -> tuple[Part, ...]:
    """Map the content of a user or system message.

    Args:
        content: A text, a list of blocks and texts, or None.
        role: Whose message it is; only a user answers requests for approval.
        where: How an error names the message.
        is_old: It was answered before: what cannot be sent is described instead of refused.

    Raises:
        InvalidRequestError: A block that no agent can be sent.
    """
    parts = [
        _sent_part(block, role, place, is_old=is_old)
        for place, block in _placed_blocks(content, where)
    ]
    return _without_empty(parts)


def _without_empty(parts: Iterable[Part | None]) -> tuple[Part, ...]:
    return tuple(part for part in parts if part is not None and part != _EMPTY)


def _placed_blocks(content: object, where: str) -> Iterable[tuple[str, object]]:
    if content is None:
        return ()
    if isinstance(content, str):
        return ((where, content),)
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        return ((f"{where}.content[{at}]", block) for at, block in enumerate(content))
    raise InvalidRequestError(
        f"the content of {where} is a {type(content).__name__}: pass a string or a list of "
        "content parts"
    )


def _sent_part(block: object, role: Role, where: str, *, is_old: bool) -> Part:
    if isinstance(block, str):
        return Text(block)
    try:
        return _part_of_block(as_block(block, where), role, where)
    except InvalidRequestError:
        if not is_old:
            raise
        return Text(placeholder(_kind_of(block)))


def as_block(block: object, where: str) -> Block:
    """Turn a block into a dictionary, also one of an SDK's classes.

    Raises:
        InvalidRequestError: It is none.
    """
    value = plain(block)
    if isinstance(value, Mapping):
        return value
    raise InvalidRequestError(f"{where} is a {type(block).__name__}: pass a dictionary")


def _part_of_block(block: Block, role: Role, where: str) -> Part:
    kind = type_of(block)
    if kind in _TEXTS:
        return _text_part(block, where)
    if set(block) == {"cachePoint"}:  # Amazon's hint to its cache, no content
        return _EMPTY
    if kind in _SOUND_AND_FILM:
        raise InvalidRequestError(
            f"{where} is of type {kind!r}: agents take text, images and files; transcribe it first"
        )
    read = READERS.get(kind) or (REPLIES.get(kind) if role == "user" else None)
    if read is None:
        raise unknown_block(block.get("type"), role, where)
    return read(block, where)


def _text_part(block: Block, where: str) -> Text:
    text = block.get("text")
    if not isinstance(text, str):
        raise InvalidRequestError(f"the text of {where} is a {type(text).__name__}, not a string")
    return Text(text)


def _kind_of(block: object) -> str:
    kind = type_of(block) if isinstance(block, Mapping) else ""
    return kind if 0 < len(kind) <= _LONGEST_KIND else _UNKNOWN


# --- what models answered -----------------------------------------------------------------------


def answer_parts(content: object, *, is_ours: bool) -> tuple[Part, ...]:
    """Map the content of an assistant message: its text, whoever wrote it.

    Args:
        content: A text, a block, a list of them, or anything else.
        is_ours: An agent of ours gave it; then no warning is needed, since the server has the rest.
    """
    is_list = isinstance(content, Sequence) and not isinstance(content, str | bytes)
    blocks = cast("Sequence[object]", content) if is_list else (content,)
    return _without_empty(
        _answer_part(block, is_ours=is_ours) for block in blocks if block is not None
    )


def with_fields(
    parts: tuple[Part, ...], *, refusal: object, places: object, audio: object
) -> tuple[Part, ...]:
    """Add to the parts of an answer what OpenAI's format keeps in fields of their own.

    Args:
        parts: Its content.
        refusal: The text of a refusal.
        places: Where refusals stand in the text (`azure_agents.content.joins.refusal_places`).
        audio: A spoken answer; its transcript is its text.
    """
    text_parts = parts
    if isinstance(refusal, str) and refusal:
        text = Message("assistant", parts).text
        text_parts = (Text(with_refusals(text, refusal, places)),)
    transcript = audio.get("transcript") if isinstance(audio, Mapping) else None
    if isinstance(transcript, str) and transcript:
        return (*text_parts, Text(transcript))
    if audio:
        left_out("a spoken answer without its transcript")
    return text_parts


def _answer_part(block: object, *, is_ours: bool) -> Part | None:
    if isinstance(block, str):
        return Text(block)
    given = plain(block)
    text = _text_within(given) if isinstance(given, Mapping) else None
    if text is not None:
        return Text(text)
    if not is_ours and _kind_of(given) not in CALL_BLOCKS and others_request(given) is None:
        kind = _kind_of(given)
        left_out(kind if kind == _UNKNOWN else f"a block of type {kind!r}")
    return None


def _text_within(block: Block) -> str | None:
    # The text of a block of any model's answer; None where there is none to send.
    kind = type_of(block)
    if kind == "non_standard":
        value = block.get("value")
        if isinstance(value, Mapping) and type_of(value) != kind:
            return _text_within(value)
        return None
    if kind in ("audio", "output_audio"):
        return _plain_text(block.get("transcript"))
    if kind in AGENT_OUTPUT | CALL_BLOCKS or block.get("thought") is True:
        return None
    return _plain_text(block.get("refusal" if kind == "refusal" else "text"))


def _plain_text(text: object) -> str | None:
    if isinstance(text, Mapping):  # a message of a thread: {"text": {"value": "…"}}
        text = text.get("value")
    return text if isinstance(text, str) else None


# --- what tools returned ------------------------------------------------------------------------


def result_parts(content: object) -> tuple[Part, ...]:
    """Map what a tool returned, whatever it is; nothing is refused."""
    if content is None:
        return ()
    if isinstance(content, str):
        return _without_empty([Text(content)])
    if isinstance(content, Sequence) and not isinstance(content, bytes):
        return _without_empty(map(_result_part, content))
    return (Text(as_json(content)),)


def _result_part(block: object) -> Part:
    if isinstance(block, str):
        return Text(block)
    given = plain(block)
    if not isinstance(given, Mapping):
        return Text(as_json(given))
    kind = type_of(given)
    if isinstance(text := given.get("text"), str) and kind in ("", *_TEXTS):
        return Text(text)
    if kind in _SOUND_AND_FILM:
        return Text(placeholder(kind))
    if kind == "json" and "json" in given:
        return Text(as_json(given["json"]))
    read = read_resource if kind == "resource" else READERS.get(kind)
    try:
        return read(given, "the result") if read is not None else Text(as_json(given))
    except InvalidRequestError:
        return Text(placeholder(kind))
