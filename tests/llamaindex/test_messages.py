"""LlamaIndex messages into the core's."""

import base64
import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CacheControl,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.llms.llm import ToolSelection

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import (
    ApprovalReply,
    Media,
    Message,
    Text,
    ToolCall,
    assistant,
    system,
    tool,
    user,
)
from llamaindex_azure_agents import approve, reject
from llamaindex_azure_agents._messages import to_messages
from llamaindex_azure_agents._tools import FunctionCall, WrittenToolCall

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="
)
CALL = ToolCall("call_1", "add", '{"a": 1}')
CALL_BLOCK = ToolCallBlock(tool_call_id="call_1", tool_name="add", tool_kwargs='{"a": 1}')
WRITTEN = WrittenToolCall(id="call_1", function=FunctionCall(name="add", arguments='{"a": 1}'))
CITED = CitationBlock(cited_content="q", source="s", title="t", additional_location_info={})


def of(role: str, *blocks: Any, **kwargs: Any) -> ChatMessage:
    """A message of blocks."""
    return ChatMessage(role=role, blocks=list(blocks), additional_kwargs=kwargs)


def media(kind: Literal["image", "file"], **fields: Any) -> Message:
    """A user message of one medium."""
    return Message("user", (Media(kind, **fields),))


ROLES = [
    ("system", system("x")),
    ("developer", system("x")),
    ("user", user("x")),
    ("assistant", assistant("x")),
    ("chatbot", assistant("x")),
    ("model", assistant("x")),
]


@pytest.mark.parametrize(("role", "expected"), ROLES)
def test_every_role_has_its_place(role: str, expected: Message) -> None:
    """LlamaIndex's many names are four roles."""
    assert (expected,) == to_messages([ChatMessage("x", role=role)])


@pytest.mark.parametrize("role", ["tool", "function"])
def test_a_tool_result_answers_its_call(role: str) -> None:
    """The id stands where agents write it."""
    message = ChatMessage("3", role=role, additional_kwargs={"tool_call_id": "call_1"})
    assert (tool("call_1", "3"),) == to_messages([message])


def test_a_failed_tool_is_said_to_have_failed() -> None:
    """An error result stays an error."""
    message = of("tool", TextBlock(text="no"), tool_call_id="c", is_error=True)
    assert (tool("c", "no", is_error=True),) == to_messages([message])


WRITTEN_FORMS = [
    {"type": "function_call", "call_id": "call_1", "id": "fc_1", "name": "add",
     "arguments": '{"a": 1}', "status": "completed"},  # OpenAI's Responses API
    {"id": "call_1", "name": "add", "input": {"a": 1}, "type": "tool_use"},  # Anthropic
    {"toolUse": {"toolUseId": "call_1", "name": "add", "input": {"a": 1}}},  # Bedrock
    {"function_call": {"id": "call_1", "name": "add", "args": {"a": 1}}},  # Google
    {"tool_id": "call_1", "tool_name": "add", "tool_kwargs": {"a": 1}},  # ToolSelection
    {"id": "call_1", "function": {"name": "add", "arguments": {"a": 1}}},  # Ollama
    ToolSelection(tool_id="call_1", tool_name="add", tool_kwargs={"a": 1}),
]  # fmt: skip


@pytest.mark.parametrize("entry", WRITTEN_FORMS)
@pytest.mark.parametrize("key", ["tool_call_id", "call_id"])
def test_a_call_is_read_in_every_form_in_which_it_is_kept(entry: Any, key: str) -> None:
    """Histories come from databases that other clients filled; the result names the call."""
    asked, result = of("assistant", tool_calls=[entry]), of("tool", TextBlock(text="2"))
    result.additional_kwargs[key] = "call_1"
    called, answered = to_messages([asked, result])
    [call] = called.tool_calls
    assert ("call_1", "add", {"a": 1}) == (call.id, call.name, json.loads(call.arguments))
    assert tool("call_1", "2") == answered


BLOCKS = [
    (of("assistant", tool_calls=["?"]), assistant("")),
    (
        of("assistant", function_call={"name": "add", "arguments": '{"a": 1}'}),
        assistant("", ToolCall("add", "add", '{"a": 1}')),
    ),
    (of("assistant", TextBlock(text="x"), ImageBlock(image=PNG)), assistant("x")),
    (of("assistant", AudioBlock(audio=b"RIFF"), TextBlock(text="x")), assistant("x")),
    (
        of("tool", AudioBlock(audio=b"RIFF"), tool_call_id="c"),
        tool("c", "[audio: cannot be shown here]"),
    ),
    (of("tool", ImageBlock(), tool_call_id="c"), tool("c", "[image: cannot be shown here]")),
    (
        of("tool", ImageBlock(url="https://x.test/i.png"), tool_call_id="c"),
        replace(
            media("image", url="https://x.test/i.png", mime_type="image/png"),
            role="tool",
            tool_call_id="c",
        ),
    ),
    (of("user", TextBlock(text="hi"), name="Sam"), Message("user", (Text("Sam: "), Text("hi")))),
    (of("assistant", TextBlock(text="hi"), name="Ada"), assistant("hi")),
    (of("tool", TextBlock(text="4"), name="add", tool_call_id="c"), tool("c", "4")),
    (
        of("user", TextBlock(text="a"), TextBlock(text="b")),
        Message("user", (Text("a"), Text("b"))),
    ),
    (
        of("user", ImageBlock(url="https://x.test/i.png", detail="low")),
        media("image", url="https://x.test/i.png", mime_type="image/png", detail="low"),
    ),
    (of("user", ImageBlock(image=PNG)), media("image", data=PNG, mime_type="image/png")),
    (
        of("user", ImageBlock(image=BytesIO(PNG), image_mimetype="image/png")),
        media("image", data=PNG, mime_type="image/png"),
    ),
    (
        of("user", ImageBlock(url="foundry-file:assistant-AbC")),
        media("image", file_id="assistant-AbC"),
    ),
    (
        of("user", DocumentBlock(data=b"%PDF-1.7 x", title="a.pdf")),
        media("file", data=b"%PDF-1.7 x", mime_type="application/pdf", name="a.pdf"),
    ),
    (
        of("user", DocumentBlock(url="data:text/plain;base64,aGk=", title="a.txt")),
        media("file", data=b"hi", mime_type="text/plain", name="a.txt"),
    ),
    (
        of("user", DocumentBlock(url="https://x.test/a.pdf")),
        media(
            "file",
            url="https://x.test/a.pdf",
            mime_type="application/pdf",
            name="input_document",
        ),
    ),
    (
        of(
            "user",
            CitableBlock(title="T", source="S", content="said"),
            CachePoint(cache_control=CacheControl(type="ephemeral")),
        ),
        Message("user", (Text("T (S)\n"), Text("said"))),
    ),
    (
        of("assistant", ThinkingBlock(content="hm"), TextBlock(text="x"), CITED, CALL_BLOCK),
        assistant("x", CALL),
    ),
    (of("assistant", TextBlock(text="x"), tool_calls=[WRITTEN]), assistant("x", CALL)),
    (of("assistant", TextBlock(text="x"), tool_calls=[WRITTEN.model_dump()]), assistant("x", CALL)),
    (of("assistant", CALL_BLOCK, tool_calls=[WRITTEN]), assistant("", CALL)),
    (
        of("assistant", ToolCallBlock(tool_name="add", tool_kwargs={"a": 1})),
        assistant("", ToolCall("add", "add", '{"a":1}')),
    ),
    (of("assistant", TextBlock(text="x"), foundry="fa1.x"), assistant("x", anchor="fa1.x")),
    (of("assistant", TextBlock(text="x"), foundry={"no": "anchor"}), assistant("x")),
    (of("user", TextBlock(text="x"), foundry="fa1.x"), user("x")),
    (
        of("assistant", TextBlock(text="x"), ImageBlock(image=PNG), foundry="fa1.x"),
        assistant("x", anchor="fa1.x"),
    ),
    (approve("mcpr_1"), Message("user", (ApprovalReply("mcpr_1", approve=True),))),
    (
        reject("mcpr_1", "mcpr_2", reason="no"),
        Message(
            "user",
            tuple(ApprovalReply(id, approve=False, reason="no") for id in ("mcpr_1", "mcpr_2")),
        ),
    ),
    (
        of("user", foundry_approvals=[{"id": "mcpr_1", "approve": "yes"}]),
        Message("user", (ApprovalReply("mcpr_1", approve=False),)),
    ),
]


@pytest.mark.parametrize(("message", "expected"), BLOCKS)
def test_every_block_is_taken_over(message: ChatMessage, expected: Message) -> None:
    """What the caller says arrives, and an answer of ours is what it was."""
    assert (expected,) == to_messages([message])


def test_a_local_file_is_read(tmp_path: Path) -> None:
    """A path is content, with its own name."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"hello")
    (message,) = to_messages([of("user", DocumentBlock(path=str(path)))])
    expected = Media("file", data=b"hello", mime_type="text/plain", name="notes.txt")
    assert (expected,) == message.parts


def test_a_stored_history_is_the_same_history() -> None:
    """JSON and back changes nothing that is sent."""
    message = of(
        "assistant", TextBlock(text="x"), CALL_BLOCK, foundry="fa1.x", tool_calls=[WRITTEN]
    )
    stored = ChatMessage.model_validate_json(message.model_dump_json())
    assert to_messages([message]) == to_messages([stored])


MISTAKES = [
    (["hello"], "message 0 is a str: use ChatMessage"),
    ([ChatMessage("x", role="tool")], "message 0 is a tool result for no call"),
    ([of("user", AudioBlock(audio=b"RIFF"))], "message 0 has a block of type 'audio'"),
    ([of("user", VideoBlock(url="https://x.test/v.mp4"))], "block of type 'video'"),
    ([of("user", CALL_BLOCK)], "block of type 'tool_call'"),
    ([of("user", ThinkingBlock(content="x"))], "block of type 'thinking'"),
    ([of("user", ImageBlock())], "message 0 has an empty image block"),
    ([of("user", DocumentBlock(path="/no/such/file"))], "cannot read '/no/such/file'"),
    ([of("user", foundry_approvals="mcpr_1")], "message 0 has approvals in an unknown form"),
]


@pytest.mark.parametrize(("messages", "words"), MISTAKES)
def test_what_no_agent_can_be_given_is_refused(messages: Any, words: str) -> None:
    """Nothing vanishes: the error names the message and what to do."""
    with pytest.raises(InvalidRequestError) as caught:
        to_messages(messages)
    assert words in str(caught.value)
