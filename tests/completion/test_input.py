"""OpenAI's chat messages, all forms of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel

from azure_agents.completions.input import to_messages
from azure_agents.completions.objects import ChoiceMessage
from azure_agents.content.blocks import READERS, REPLIES
from azure_agents.content.parts import AGENT_OUTPUT
from azure_agents.errors import InvalidRequestError
from azure_agents.messages import ApprovalReply, Media, Message, Text, ToolCall
from azure_agents.protocols.classic.codec import encode_messages
from azure_agents.protocols.responses.codec import encode_input

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
F = ToolCall("c1", "f", '{"a":1}')
PNG = "data:image/png;base64,aGk="


def parts(*given: Any, role: str = "user") -> dict[str, Any]:
    """A message of content parts."""
    return {"role": role, "content": list(given)}


SAM = Message("user", (Text("Sam: "), Text("hi")))
FOREIGN = [{"type": "thinking", "thinking": "hm"}, {"text": "hi"}, {"type": "executable_code"}]
RESPONSES_CALL = {"type": "function_call", "call_id": "c1", "id": "fc_1", "name": "f"}
MESSAGES = [
    (parts(*FOREIGN, role="assistant"), Message("assistant", (Text("hi"),))),
    (parts(role="assistant") | {"content": {"text": "hi"}}, Message("assistant", (Text("hi"),))),
    (
        {"role": "assistant", "content": None, "audio": {"id": "a", "transcript": "hi"}},
        Message("assistant", (Text("hi"),)),
    ),
    (
        {"role": "assistant", "tool_calls": [{**RESPONSES_CALL, "arguments": '{"a":1}'}]},
        Message("assistant", (), (F,)),
    ),
    (
        {
            "role": "assistant",
            "tool_calls": [{"type": "custom", "id": "c", "custom": {"name": "f", "input": "x"}}],
        },
        Message("assistant", (), (ToolCall("c", "f", '{"input":"x"}'),)),
    ),
    (
        {"role": "assistant", "content": "hi", "thinking_blocks": [{"a": 1}]},
        Message("assistant", (Text("hi"),)),
    ),
    ({"role": "user", "content": "hi", "id": "m1", "x": None}, Message("user", (Text("hi"),))),
    (
        {"role": "tool", "content": {"a": 1}, "tool_call_id": "c1"},
        Message("tool", (Text('{"a":1}'),), tool_call_id="c1"),
    ),
    (
        {"role": "tool", "content": None, "tool_call_id": "c1"},
        Message("tool", (), tool_call_id="c1"),
    ),
    (
        parts({"type": "image_url", "image_url": {"url": PNG}}, role="tool")
        | {"tool_call_id": "c1"},
        Message("tool", (Media("image", data=b"hi", mime_type="image/png"),), tool_call_id="c1"),
    ),
    ({"role": "user", "content": "hi"}, Message("user", (Text("hi"),))),
    ({"role": "user", "content": ""}, Message("user")),
    ({"role": "system", "content": "be"}, Message("system", (Text("be"),))),
    ({"role": "developer", "content": "be"}, Message("system", (Text("be"),))),
    ({"role": "user", "content": "hi", "name": "Sam"}, SAM),
    (parts({"type": "text", "text": "hi"}) | {"name": "Sam"}, SAM),
    ({"role": "developer", "content": "hi", "name": "Sam"}, replace(SAM, role="system")),
    ({"role": "user", "content": "hi", "name": None}, Message("user", (Text("hi"),))),
    ({"role": "assistant", "content": "hi", "name": "Ada"}, Message("assistant", (Text("hi"),))),
    (
        {"role": "tool", "content": "hi", "name": "f", "tool_call_id": "c1"},
        Message("tool", (Text("hi"),), tool_call_id="c1"),
    ),
    (parts({"type": "text", "text": "a"}), Message("user", (Text("a"),))),
    (
        parts({"type": "text", "text": "a"}, role="tool") | {"tool_call_id": "c1"},
        Message("tool", (Text("a"),), tool_call_id="c1"),
    ),
    ({"role": "assistant", "content": "yes"}, Message("assistant", (Text("yes"),))),
    ({"role": "assistant", "content": None}, Message("assistant")),
    ({"role": "assistant"}, Message("assistant")),
    ({"role": "assistant", "content": None, "refusal": "no"}, Message("assistant", (Text("no"),))),
    (
        parts({"type": "refusal", "refusal": "no"}, role="assistant"),
        Message("assistant", (Text("no"),)),
    ),
    ({"role": "assistant", "content": None, "tool_calls": [CALL]}, Message("assistant", (), (F,))),
    (
        {
            "role": "assistant",
            "tool_calls": [{**CALL, "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        Message("assistant", (), (F,)),
    ),
    (
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        Message("assistant", (), (ToolCall("call_f", "f", "{}"),)),
    ),
    (
        {"role": "function", "name": "f", "content": "1"},
        Message("tool", (Text("1"),), tool_call_id="call_f"),
    ),
    (
        {"role": "assistant", "content": "a", "provider_specific_fields": {"foundry": "fa1.x"}},
        Message("assistant", (Text("a"),), anchor="fa1.x"),
    ),
    (
        {"role": "assistant", "content": "a", "provider_specific_fields": None},
        Message("assistant", (Text("a"),)),
    ),
    (
        ChoiceMessage(content="a", provider_specific_fields={"foundry": "fa1.x"}),
        Message("assistant", (Text("a"),), anchor="fa1.x"),
    ),
    (
        ChatCompletionMessage.model_validate(
            {"role": "assistant", "content": "a", "tool_calls": [CALL]}
        ),
        Message("assistant", (Text("a"),), (F,)),
    ),
]


@pytest.mark.parametrize(("given", "expected"), MESSAGES)
def test_messages(given: Any, expected: Message) -> None:
    """Dictionaries and message objects of every role."""
    assert (expected,) == to_messages([given])


PARTS = [
    (
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        Media("image", url="https://x/y.png", detail="low"),
    ),
    ({"type": "image_url", "image_url": "https://x/y.png"}, Media("image", url="https://x/y.png")),
    (
        {"type": "image_url", "image_url": {"url": PNG}},
        Media("image", data=b"hi", mime_type="image/png"),
    ),
    ({"type": "image_url", "image_url": {"file_id": "file-1"}}, Media("image", file_id="file-1")),
    ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", file_id="file-1")),
    (
        {
            "type": "file",
            "file": {"file_data": "aGk=", "filename": "a.txt", "format": "text/plain"},
        },
        Media("file", data=b"hi", mime_type="text/plain", name="a.txt"),
    ),
    (
        {
            "type": "file",
            "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
        },
        Media("file", data=b"hi", mime_type="application/pdf", name="a.pdf"),
    ),
    (
        {"type": "mcp_approval_response", "approval_request_id": "r", "approve": True},
        ApprovalReply("r", approve=True),
    ),
    (
        {
            "type": "mcp_approval_response",
            "approval_request_id": "r",
            "approve": "true",
            "reason": "x",
        },
        ApprovalReply("r", approve=False, reason="x"),
    ),
]


@pytest.mark.parametrize(("given", "expected"), PARTS)
def test_parts_of_user_messages(given: Any, expected: Any) -> None:
    """Images, files and approvals; only `True` approves."""
    assert (Message("user", (Text("see"), expected)),) == to_messages(
        [parts({"type": "text", "text": "see"}, given)]
    )


class Unrelated(BaseModel):
    """A model that is no message."""

    text: str = "x"


REFUSED = [
    ([{"role": "user", "contents": "hi"}], "messages[0] has a field 'contents'"),
    ([{"role": "user", "content": "hi", "name": 5}], "the name of messages[0] is a int"),
    ("hi", "messages must be a list of messages, got str"),
    ({"role": "user"}, "messages must be a list of messages, got dict"),
    (["hi"], "messages[0] is a str"),
    ([Unrelated()], "messages[0] has the role None"),
    ([{"role": "robot", "content": "x"}], "messages[0] has the role 'robot'"),
    ([{"role": "user", "content": 7}], "the content of messages[0] is a int"),
    ([parts(7)], "messages[0].content[0] is a int"),
    ([parts({"type": "text", "text": None})], "the text of messages[0].content[0] is a NoneType"),
    ([parts({"type": "input_audio", "input_audio": {}})], "transcribe it first"),
    ([parts({"type": "video_url"})], "is of type 'video_url': agents take text, images and files"),
    (
        [parts({"type": "hologram"})],
        "is of type 'hologram', which a message with the role 'user' cannot hold: use blocks of",
    ),
    ([parts({"type": "refusal", "refusal": "x"})], "is of type 'refusal'"),
    (
        [parts({"type": "image_url", "image_url": {}})],
        "exactly one text of url, data, file_id, got none",
    ),
    ([parts({"type": "file", "file": {"file_id": "f", "file_data": "aGk="}})], "got data, file_id"),
    ([parts({"type": "file", "file": {"file_data": "secret!"}})], "is not base64"),
    (
        [parts({"type": "mcp_approval_response", "approve": True})],
        "lacks its 'approval_request_id'",
    ),
    ([{"role": "tool", "content": "x"}], "messages[0] lacks its 'tool_call_id'"),
    (
        [{"role": "assistant", "tool_calls": [{"type": "function", "id": "c", "function": {}}]}],
        "messages[0].tool_calls[0] names no function: send the calls back",
    ),
    ([{"role": "assistant", "tool_calls": [{**CALL, "id": None}]}], "needs an 'id'"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_cannot_be_told_is_refused(given: Any, words: str) -> None:
    """Nothing vanishes: the place, the value and a way out are named; data are not repeated."""
    with pytest.raises(InvalidRequestError) as failed:
        to_messages(given)
    assert words in str(failed.value)
    assert "secret" not in str(failed.value)


KINDS = st.sampled_from(sorted({*AGENT_OUTPUT, *READERS, *REPLIES, "text", "json", "resource"}))
NAMES = st.sampled_from(
    [
        "type",
        "text",
        "value",
        "json",
        "source",
        "image_url",
        "file",
        "extras",
        "blob",
        "resource",
        "url",
        "base64",
        "content",
        "transcript",
        "thought",
        "refusal",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner | KINDS, max_size=4),
    max_leaves=8,
)


@given(JSON)
def test_no_history_is_refused_for_what_others_said(content: Any) -> None:
    """Whatever a tool returned, another model answered, or a user sent it before."""
    history = [
        {"role": "user", "content": content if isinstance(content, list) else [content]},
        {"role": "assistant", "content": content, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": content},
        {"role": "assistant", "content": "so"},
    ]
    encode_input(to_messages(history))
    encode_messages(to_messages(history))


@pytest.mark.parametrize("role", ["assistant", "tool"])
def test_nesting_without_end_is_no_answer(role: str) -> None:
    """It is neither walked to its end nor refused."""
    block: Any = {"type": "non_standard", "value": {}}
    for _ in range(5000):
        block = {"type": "non_standard", "value": block}
    (mapped,) = to_messages([{"role": role, "tool_call_id": "c", "content": [block]}])
    assert role == mapped.role
