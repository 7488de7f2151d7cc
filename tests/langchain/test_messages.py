from __future__ import annotations

import base64
import warnings
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from azure_agents.content.notices import LeftOutWarning
from azure_agents.content.parts import AGENT_OUTPUT
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
from langchain_azure_agents import approve, reject
from langchain_azure_agents._messages import to_messages

PNG = b"\x89PNG"
B64 = base64.b64encode(PNG).decode()
CALL = {"name": "f", "args": {"x": 1}, "id": "call_1", "type": "tool_call"}

MESSAGES = [
    (HumanMessage("hi"), user("hi")),
    (HumanMessage("hi", id="m1"), user("hi")),
    (HumanMessage("hi", name="Sam"), Message("user", (Text("Sam: "), Text("hi")))),
    (HumanMessage("hi", name=" "), user("hi")),
    (HumanMessage("hi", name="Sam\nAda"), Message("user", (Text("Sam Ada: "), Text("hi")))),
    (HumanMessage(" ", name="Sam"), user(" ")),
    (
        HumanMessage([{"type": "image", "file_id": "file-1"}], name="Sam"),
        Message("user", (Text("Sam: "), Media("image", file_id="file-1"))),
    ),
    (ChatMessage("hi", role="user", name="Sam"), Message("user", (Text("Sam: "), Text("hi")))),
    (SystemMessage("hi", name="Sam"), Message("system", (Text("Sam: "), Text("hi")))),
    (AIMessage("hi", name="Ada"), assistant("hi")),
    (ToolMessage("4", name="add", tool_call_id="call_1"), tool("call_1", "4")),
    (SystemMessage("be brief"), system("be brief")),
    (SystemMessage("dev", additional_kwargs={"__openai_role__": "developer"}), system("dev")),
    (
        SystemMessage(["a", {"type": "text", "text": "b"}]),
        Message("system", (Text("a"), Text("b"))),
    ),
    (AIMessage("hello"), assistant("hello")),
    (AIMessageChunk("hello"), assistant("hello")),
    (AIMessage(""), assistant("")),
    (AIMessage("a", response_metadata={"foundry": "fa1.x"}), assistant("a", anchor="fa1.x")),
    (AIMessage("a", response_metadata={"foundry": 5}), assistant("a")),
    (AIMessage("", tool_calls=[CALL]), assistant("", ToolCall("call_1", "f", '{"x":1}'))),
    (
        AIMessage("", invalid_tool_calls=[{"name": "f", "args": "{", "id": "c", "error": "e"}]),
        assistant("", ToolCall("c", "f", "{")),
    ),
    (
        AIMessage([{"type": "text", "text": "so"}, CALL], tool_calls=[CALL]),
        assistant("so", ToolCall("call_1", "f", '{"x":1}')),
    ),
    (AIMessage([CALL]), assistant("", ToolCall("call_1", "f", '{"x":1}'))),
    (
        AIMessage([{"type": "tool_use", "id": "c", "name": "f", "input": {}}]),
        assistant("", ToolCall("c", "f", "{}")),
    ),
    (
        AIMessage("", additional_kwargs={"function_call": {"name": "f", "arguments": "{}"}}),
        assistant("", ToolCall("call_f", "f", "{}")),
    ),
    (AIMessage("", additional_kwargs={"refusal": "I won't."}), assistant("I won't.")),
    (AIMessage([{"type": "refusal", "refusal": "I won't."}]), assistant("I won't.")),
    (AIMessage([{"type": "hologram"}]), assistant("")),
    (HumanMessage(["hi", {"cachePoint": {"type": "default"}}]), user("hi")),
    (ToolMessage("4", tool_call_id="call_1"), tool("call_1", "4")),
    (
        ToolMessage("boom", tool_call_id="call_1", status="error"),
        tool("call_1", "boom", is_error=True),
    ),
    (ToolMessage([{"type": "text", "text": "4"}], tool_call_id="call_1"), tool("call_1", "4")),
    (ToolMessage("", tool_call_id="call_1"), Message("tool", (), tool_call_id="call_1")),
    (FunctionMessage("4", name="f"), tool("call_f", "4")),
    (ChatMessage("hi", role="user"), user("hi")),
    (ChatMessage("hi", role="developer"), system("hi")),
    (ChatMessage("hi", role="assistant"), assistant("hi")),
]

RESULTS = [
    ([{"type": "json", "json": {"a": 1}}], '{"a":1}'),
    (["a", {"type": "text", "text": "b"}, {"text": "c"}], "abc"),
    (
        [
            {
                "type": "search_result",
                "source": "https://x",
                "title": "T",
                "content": [{"type": "text", "text": "found"}],
            }
        ],
        "T (https://x)\nfound",
    ),
    ([{"type": "resource", "uri": "x://y"}], '{"type":"resource","uri":"x://y"}'),
    ([{"type": "resource", "resource": {"uri": "x://y", "text": "hi"}}], "x://y\nhi"),
    ([{"type": "resource_link", "uri": "x://y"}], '{"type":"resource_link","uri":"x://y"}'),
    ([{"type": "audio", "base64": B64}], "[audio: cannot be shown here]"),
    ([{"type": "image"}], "[image: cannot be shown here]"),
    ([{"type": "approval_reply", "request_id": "r", "approve": True}], None),
    ([{"type": "text", "text": 5}], '{"type":"text","text":5}'),
]


@pytest.mark.parametrize(("content", "told"), RESULTS)
def test_a_tool_returns_anything(content: Any, told: Any) -> None:
    """Nothing is refused, and no result approves anything: what is no text is told as JSON."""
    (mapped,) = to_messages([ToolMessage(content, tool_call_id="call_1")])
    assert all(isinstance(part, Text) for part in mapped.parts)
    assert told is None or told == mapped.text


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"type": "image", "data": B64, "mimeType": "image/png"},
            Media("image", data=PNG, mime_type="image/png"),
        ),
        (
            {
                "type": "resource",
                "resource": {"uri": "x://y/a.pdf", "blob": B64, "mimeType": "application/pdf"},
            },
            Media("file", data=PNG, mime_type="application/pdf", name="a.pdf"),
        ),
    ],
)
def test_what_an_mcp_tool_returns_as_it_is(block: Any, expected: Media) -> None:
    """Some adapters pass MCP's own blocks on."""
    (mapped,) = to_messages([ToolMessage([block], tool_call_id="call_1")])
    assert mapped.parts == (expected,)


# Another model answered: what it holds, its text, its calls.
FOREIGN = [
    ([{"type": "executable_code", "executable_code": "1"}, {"type": "text", "text": "hi"}], "hi"),
    ([{"type": "code_execution_result", "outcome": 1}, "hi"], "hi"),
    ([{"text": "hi"}], "hi"),  # Bedrock
    ([{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "hi"}], "hi"),
    ([{"text": "hm", "thought": True}, {"text": "hi"}], "hi"),  # Google
    ([{"type": "thinking", "thinking": "hm", "signature": "s"}, "hi"], "hi"),  # Anthropic
    ([{"type": "server_tool_use", "id": "s", "name": "search", "input": {}}, "hi"], "hi"),
    ([{"type": "reasoning", "summary": [], "id": "rs_1"}, {"type": "output_text", "text": "hi"}],
     "hi"),
    ([{"type": "text-plain", "text": "hi", "mime_type": "text/plain"}], "hi"),
    ([{"type": "non_standard", "value": {"text": "hi"}}], "hi"),
    ([{"type": "non_standard", "value": {"type": "odd"}}, "hi"], "hi"),
    ([{"type": "text", "text": {"value": "hi", "annotations": []}}], "hi"),  # Assistants
    ([{"type": "text", "text": None}, {"type": "hologram"}, "hi"], "hi"),
    ([{"type": "output_audio", "transcript": "hi"}], "hi"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "text"), FOREIGN)
def test_the_text_of_another_model_is_kept(content: Any, text: str) -> None:
    """What cannot be told is skipped, and no block of an answer ends a conversation."""
    (mapped,) = to_messages([AIMessage(content)])
    assert (text, ()) == (mapped.text, mapped.tool_calls)


def test_what_is_left_out_of_another_models_answer_is_said_once() -> None:
    """Not for each call; and never of our own answers, which the server has whole."""
    block = {"type": f"odd_{uuid4().hex[:8]}"}
    ours = AIMessage([block], response_metadata={"model_provider": "azure_ai_agents"})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for message in (ours, AIMessage([block]), AIMessage([block])):
            to_messages([message])
    assert [LeftOutWarning] == [each.category for each in said]
    assert block["type"] in str(said[0].message)


CALLS_ELSEWHERE = [
    AIMessage([{"type": "function_call", "call_id": "c", "id": "fc_1", "name": "f",
                "arguments": "{}"}]),
    AIMessage([{"type": "function_call", "call_id": "other", "name": "f", "arguments": "{}"}],
              tool_calls=[{"name": "f", "args": {}, "id": "c"}]),
    AIMessage("", additional_kwargs={"tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
]  # fmt: skip


@pytest.mark.parametrize("message", CALLS_ELSEWHERE)
def test_a_call_is_read_once_wherever_it_stands(message: AIMessage) -> None:
    """Providers repeat calls in `content`, some under another id."""
    assert to_messages([message]) == (assistant("", ToolCall("c", "f", "{}")),)


def test_a_call_without_a_name_does_not_end_a_conversation() -> None:
    """A model failed to name it; the result of the framework says that it failed."""
    call = {"name": None, "args": "{", "id": "c", "error": "e"}
    (mapped,) = to_messages([AIMessage("", invalid_tool_calls=[call])])
    assert mapped.tool_calls == (ToolCall("c", "unknown", "{"),)


PARTS = [
    (
        {"type": "text-plain", "text": "hi", "title": "T", "context": "C"},
        Text("T\nC\nhi"),
    ),
    (
        {"type": "search_result", "source": "S", "title": "T", "content": ["a", {"text": "b"}]},
        Text("T (S)\na\nb"),
    ),
    ("hi", Text("hi")),
    ({"type": "text", "text": "hi", "id": "lc_1", "annotations": []}, Text("hi")),
    ({"type": "input_text", "text": "hi"}, Text("hi")),
    ({"type": "text-plain", "text": "hi", "mime_type": "text/plain"}, Text("hi")),
    (
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        Media("image", url="https://x/y.png", detail="low"),
    ),
    ({"type": "image_url", "image_url": "https://x/y.png"}, Media("image", url="https://x/y.png")),
    (
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{B64}"}},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    ({"type": "image", "url": "https://x/y.png"}, Media("image", url="https://x/y.png")),
    (
        {"type": "image", "base64": B64, "mime_type": "image/png"},
        Media("image", data=PNG, mime_type="image/png"),
    ),
    ({"type": "image", "file_id": "file-1"}, Media("image", file_id="file-1")),
    ({"type": "input_image", "file_id": "file-1"}, Media("image", file_id="file-1")),
    (
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "high"},
        Media("image", url="https://x/y.png", detail="high"),
    ),
    (
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": B64},
        },
        Media("image", data=PNG, mime_type="image/png"),
    ),
    (
        {
            "type": "file",
            "base64": B64,
            "mime_type": "application/pdf",
            "extras": {"filename": "a.pdf"},
        },
        Media("file", data=PNG, mime_type="application/pdf", name="a.pdf"),
    ),
    ({"type": "file", "file_id": "file-1"}, Media("file", file_id="file-1")),
    ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", file_id="file-1")),
    (
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:a/pdf;base64,{B64}"},
        Media("file", data=PNG, mime_type="a/pdf", name="a.pdf"),
    ),
    (
        {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}, "title": "A"},
        Media("file", url="https://x/a.pdf", name="A"),
    ),
    ({"type": "document", "source": {"type": "text", "data": "hi"}}, Text("hi")),
    (
        {"type": "approval_reply", "request_id": "mcpr_1", "approve": True},
        ApprovalReply("mcpr_1", approve=True),
    ),
    (
        {
            "type": "non_standard",
            "value": {
                "type": "mcp_approval_response",
                "approval_request_id": "mcpr_1",
                "approve": False,
                "reason": "no",
            },
        },
        ApprovalReply("mcpr_1", approve=False, reason="no"),
    ),
]

REFUSED = [
    (RemoveMessage("m1"), "type 'remove'"),
    (ChatMessage("x", role="critic"), "role 'critic'"),
    (ChatMessage("x", role="tool"), "role 'tool'"),
    (HumanMessage([{"type": "hologram"}]), "type 'hologram'"),
    (HumanMessage([{"text": "no type"}]), "type None"),
    (HumanMessage([{"type": "audio", "base64": B64}]), "type 'audio'"),
    (HumanMessage([{"type": "video", "url": "https://x"}]), "type 'video'"),
    (HumanMessage([{"type": "reasoning", "reasoning": "hm"}]), "type 'reasoning'"),
    (HumanMessage([{"type": "non_standard", "value": {"type": "odd"}}]), "non_standard (odd)"),
    (HumanMessage([{"type": "image"}]), "none of them"),
    (HumanMessage([{"type": "image", "url": 5}]), "exactly one"),
    (HumanMessage([{"type": "image", "base64": "***"}]), "not base64"),
    (HumanMessage([{"type": "text", "text": 5}]), "not a string"),
    (HumanMessage([{"type": "approval_reply", "approve": True}]), "request_id"),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_messages_are_mapped(message: Any, expected: Any) -> None:
    """Every kind of message says to the agent what it says to LangChain."""
    assert to_messages([message]) == (expected,)


@pytest.mark.parametrize(("block", "expected"), PARTS)
def test_content_blocks_are_mapped(block: Any, expected: Any) -> None:
    """Text, images and files arrive in whichever dialect they come."""
    assert to_messages([HumanMessage([block])]) == (Message("user", (expected,)),)


@pytest.mark.parametrize(("message", "named"), REFUSED)
def test_what_cannot_be_sent_is_named(message: Any, named: Any) -> None:
    """Unknown roles and blocks raise; nothing vanishes."""
    with pytest.raises(InvalidRequestError) as caught:
        to_messages([message])
    assert named in str(caught.value)


@pytest.mark.parametrize("kind", sorted(AGENT_OUTPUT))
def test_the_work_of_an_agent_is_not_sent_back(kind: Any) -> None:
    """Reasoning, server tools, generated images and requests stay out of later turns."""
    message = AIMessage([{"type": kind}, {"type": "text", "text": "so"}])
    (mapped,) = to_messages([message])
    assert mapped.parts == (Text("so"),)


@pytest.mark.parametrize("approve", [1, "true", "yes", "True", [True], {"a": 1}, None])
def test_only_true_approves(approve: Any) -> None:
    """Whatever merely looks like a yes is a no."""
    block = {"type": "approval_reply", "request_id": "mcpr_1", "approve": approve}
    (mapped,) = to_messages([HumanMessage([block])])
    assert mapped.parts == (ApprovalReply("mcpr_1", approve=False),)


def test_helpers_reply_to_requests() -> None:
    """`approve` and `reject` build the message, for one request or several."""
    messages = to_messages([approve("mcpr_1", "mcpr_2"), reject("mcpr_3", reason="no")])
    assert [message.parts for message in messages] == [
        (ApprovalReply("mcpr_1", approve=True), ApprovalReply("mcpr_2", approve=True)),
        (ApprovalReply("mcpr_3", approve=False, reason="no"),),
    ]


def test_broken_data_is_not_repeated() -> None:
    """An image may be private: the error does not show it, and neither does its cause."""
    with pytest.raises(InvalidRequestError) as caught:
        to_messages([HumanMessage([{"type": "image", "base64": "private picture!"}])])
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None
