"""What the v2 codec writes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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
from azure_agents.naming import parse_agent
from azure_agents.protocols.responses.codec import encode_agent, encode_input

from .v2_samples import JSON

PICTURE = Media("image", url="https://x/y.png")
CALL = ToolCall("call_1", "get_weather", '{"location":"Seattle"}')
WIRE_CALL = {
    "type": "function_call",
    "call_id": "call_1",
    "name": "get_weather",
    "arguments": '{"location":"Seattle"}',
}


ITEMS: list[Any] = [
    pytest.param(user("Hi"), [{"type": "message", "role": "user", "content": "Hi"}], id="user"),
    pytest.param(
        system("Be brief."),
        [{"type": "message", "role": "system", "content": "Be brief."}],
        id="system",
    ),
    pytest.param(
        assistant("Hello"),
        [{"type": "message", "role": "assistant", "content": "Hello"}],
        id="assistant",
    ),
    pytest.param(
        user(" a\n"), [{"type": "message", "role": "user", "content": " a\n"}], id="text verbatim"
    ),
    pytest.param(
        Message("user", (Text("a"), Text("b"))),
        [{"type": "message", "role": "user", "content": "ab"}],
        id="texts are one string",
    ),
    pytest.param(
        assistant("Let me see.", CALL),
        [{"type": "message", "role": "assistant", "content": "Let me see."}, WIRE_CALL],
        id="text and call",
    ),
    pytest.param(assistant("", CALL), [WIRE_CALL], id="call alone"),
    pytest.param(
        assistant("", CALL, ToolCall("call_2", "f", "not JSON")),
        [
            WIRE_CALL,
            {"type": "function_call", "call_id": "call_2", "name": "f", "arguments": "not JSON"},
        ],
        id="parallel calls, arguments verbatim",
    ),
    pytest.param(
        tool("call_1", "72°F"),
        [{"type": "function_call_output", "call_id": "call_1", "output": "72°F"}],
        id="result",
    ),
    pytest.param(
        tool("call_1", "boom", is_error=True),
        [{"type": "function_call_output", "call_id": "call_1", "output": "boom"}],
        id="failed tool",
    ),
    pytest.param(
        tool("call_1", "", is_error=True),
        [{"type": "function_call_output", "call_id": "call_1", "output": "[the tool failed]"}],
        id="tool that failed in silence",
    ),
    pytest.param(
        tool("call_1", " \n", is_error=True),
        [{"type": "function_call_output", "call_id": "call_1", "output": "[the tool failed]"}],
        id="tool that failed with white space",
    ),
    pytest.param(
        replace(tool("call_1", "", is_error=True), parts=(PICTURE,)),
        [
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [
                    {"type": "input_image", "detail": "auto", "image_url": "https://x/y.png"}
                ],
            }
        ],
        id="tool that failed with an image",
    ),
    pytest.param(
        tool("call_1", ""),
        [{"type": "function_call_output", "call_id": "call_1", "output": ""}],
        id="empty result",
    ),
    pytest.param(
        Message("tool", (Text("see"), PICTURE), tool_call_id="call_1"),
        [
            {
                "type": "function_call_output",
                "call_id": "call_1",
                "output": [
                    {"type": "input_text", "text": "see"},
                    {"type": "input_image", "detail": "auto", "image_url": "https://x/y.png"},
                ],
            }
        ],
        id="result with an image",
    ),
    pytest.param(
        Message("user", (ApprovalReply("mcpr_1", approve=True),)),
        [{"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}],
        id="approval",
    ),
    pytest.param(
        Message("user", (Text("no"), ApprovalReply("mcpr_1", approve=False, reason="unsafe"))),
        [
            {"type": "message", "role": "user", "content": "no"},
            {
                "type": "mcp_approval_response",
                "approval_request_id": "mcpr_1",
                "approve": False,
                "reason": "unsafe",
            },
        ],
        id="denial with a reason",
    ),
]


PARTS = [
    pytest.param(
        Media("image", url="https://x/y.png", detail="low"),
        {"type": "input_image", "detail": "low", "image_url": "https://x/y.png"},
        id="image URL",
    ),
    pytest.param(
        Media("image", data=b"\x00\xff", mime_type="image/png"),
        {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AP8="},
        id="image data",
    ),
    pytest.param(
        Media("image", file_id="assistant-1"),
        {"type": "input_image", "detail": "auto", "file_id": "assistant-1"},
        id="image file",
    ),
    pytest.param(
        Media("file", file_id="assistant-1"),
        {"type": "input_file", "file_id": "assistant-1"},
        id="file id",
    ),
    pytest.param(
        Media("file", url="https://x/y.pdf"),
        {"type": "input_file", "file_url": "https://x/y.pdf"},
        id="file URL",
    ),
    pytest.param(
        Media("file", data=b"%PDF", mime_type="application/pdf", name="a.pdf"),
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": "data:application/pdf;base64,JVBERg==",
        },
        id="file data",
    ),
    pytest.param(
        Media("file", data=b"x"),
        {
            "type": "input_file",
            "filename": "file",
            "file_data": "data:application/octet-stream;base64,eA==",
        },
        id="file data without name and type",
    ),
]


@pytest.mark.parametrize(("message", "items"), ITEMS)
def test_messages_become_input_items(message: Message, items: list[JSON]) -> None:
    """Every role and part has its one wire form; plain text stays a plain string."""
    assert items == encode_input([message])


@pytest.mark.parametrize(("media", "part"), PARTS)
def test_media_become_content_parts(media: Media, part: JSON) -> None:
    """Images and files go by URL, by data URL or by id, beside the text."""
    (item,) = encode_input([Message("user", (Text("see"), media))])
    assert [{"type": "input_text", "text": "see"}, part] == item["content"]


def test_order_is_kept() -> None:
    """Items come in the order of the messages."""
    items = encode_input([user("1"), assistant("2", CALL), tool("call_1", "3"), user("4")])
    assert ["message", "message", "function_call", "function_call_output", "message"] == [
        item["type"] for item in items
    ]


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        ("my-agent", {"type": "agent_reference", "name": "my-agent"}),
        ("my-agent:3", {"type": "agent_reference", "name": "my-agent", "version": "3"}),
    ],
)
def test_the_agent_is_referred_to_by_name(model: str, reference: JSON) -> None:
    """A version is sent only if one was asked for."""
    assert reference == encode_agent(parse_agent(model))


def test_calls_of_other_providers_get_ids_and_names_that_are_taken() -> None:
    """64 characters of an id, no dot in a name; the result still answers its call."""
    call = ToolCall("call_" + "x" * 90, "files.read me", "{}")
    called, answered = encode_input([assistant("", call), tool(call.id, "1")])
    assert ("files_read_me", True) == (called["name"], len(called["call_id"]) <= 64)
    assert called["call_id"] == answered["call_id"]
    assert call.id == encode_input([tool(call.id, "1")])[0]["call_id"]  # the service made it
    own = ToolCall("call_" + "x" * 59, "files-read_me", "{}")
    [item] = encode_input([assistant("", own)])
    assert (own.id, own.name) == (item["call_id"], item["name"])
