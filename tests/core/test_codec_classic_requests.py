"""What the classic codec writes."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import (
    ApprovalReply,
    Media,
    Message,
    Part,
    Text,
    ToolCall,
    assistant,
    system,
    tool,
    user,
)
from azure_agents.protocols.classic.codec import (
    check_messages,
    encode_messages,
    encode_outputs,
    system_text,
)

from .classic_samples import JSON

CALL = ToolCall("call_1", "get_weather", '{"city":"Oslo"}')
TOLD = '[tool call call_1: get_weather({"city":"Oslo"})]'


MESSAGES: list[Any] = [
    pytest.param(user("Hi"), [{"role": "user", "content": "Hi"}], id="user"),
    pytest.param(assistant("Hello"), [{"role": "assistant", "content": "Hello"}], id="assistant"),
    pytest.param(user(" a\n"), [{"role": "user", "content": " a\n"}], id="text verbatim"),
    pytest.param(system("Be brief."), [], id="system messages travel with the run"),
    pytest.param(
        Message("user", (Text("a"), Text("b"))),
        [{"role": "user", "content": "ab"}],
        id="texts are one string",
    ),
    pytest.param(
        assistant("", CALL), [{"role": "assistant", "content": TOLD}], id="a call is told as text"
    ),
    pytest.param(
        assistant("Let me see.", CALL, ToolCall("call_2", "f", "{")),
        [{"role": "assistant", "content": f"Let me see.\n{TOLD}\n[tool call call_2: f({{)]"}],
        id="text and calls",
    ),
    pytest.param(
        tool("call_1", "cold"),
        [{"role": "assistant", "content": "[tool result call_1: cold]"}],
        id="a result is told as text",
    ),
    pytest.param(
        tool("call_1", "boom", is_error=True),
        [{"role": "assistant", "content": "[tool error call_1: boom]"}],
        id="a failed tool is told as one",
    ),
    pytest.param(
        tool("call_1", " ", is_error=True),
        [{"role": "assistant", "content": "[tool error call_1: [the tool failed]]"}],
        id="a tool that failed in silence is told as a failed one",
    ),
]


IMAGES = [
    pytest.param(
        Media("image", url="https://x/y.png", detail="high"),
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "high"}},
        id="URL",
    ),
    pytest.param(
        Media("image", file_id="assistant-1"),
        {"type": "image_file", "image_file": {"file_id": "assistant-1", "detail": "auto"}},
        id="file id",
    ),
    pytest.param(
        Media("image", data=b"\x00\xff", mime_type="image/jpeg"),
        {
            "type": "image_url",
            "image_url": {"url": "data:image/jpeg;base64,AP8=", "detail": "auto"},
        },
        id="data",
    ),
]


@pytest.mark.parametrize(("message", "wire"), MESSAGES)
def test_messages_become_thread_messages(message: Message, wire: list[JSON]) -> None:
    """Threads know two roles: everything else is told as text, or travels with the run."""
    assert wire == encode_messages([message])


@pytest.mark.parametrize(("image", "part"), IMAGES)
def test_images_become_content_parts(image: Media, part: JSON) -> None:
    """An image goes by URL, by data URL or by file id, beside the text."""
    (message,) = encode_messages([Message("user", (Text("see"), image))])
    assert [{"type": "text", "text": "see"}, part] == message["content"]


FILES = [
    (Media("file", data=b"x", name="a.txt"), "file a.txt"),
    (Media("file", url="https://x/a.txt"), "file https://x/a.txt"),
    (Media("file", data=b"x", mime_type="a/b"), "file a/b"),
    (Media("file", data=b"x"), "file"),
]


@pytest.mark.parametrize(("part", "words"), FILES)
def test_a_file_that_is_not_uploaded_is_refused(part: Part, words: str) -> None:
    """Where nobody answered it yet; a message of the past is told with what was lost."""
    file = Message("user", (part,))
    for messages in ([file], [assistant("b"), file]):
        with pytest.raises(InvalidRequestError, match=r"is not uploaded.*files\.attach"):
            check_messages(messages)
    check_messages([file, assistant("b")])
    assert f"[{words}: cannot be shown here]" == encode_messages([file])[0]["content"]


def test_an_approval_in_a_thread_is_refused() -> None:
    """It would vanish: the error says what to do."""
    with pytest.raises(InvalidRequestError, match="right after the answer that asked"):
        encode_messages([Message("user", (ApprovalReply("call_1", approve=True),))])


@pytest.mark.parametrize("text", [(), (Text(" \n"),)])
def test_a_message_that_is_only_files_names_them(text: tuple[Part, ...]) -> None:
    """The service takes no message without content."""
    files = (Media("file", file_id="a-1", name="a.pdf"), Media("file", file_id="a-2"))
    (message,) = encode_messages([Message("user", (*text, *files))])
    assert ("[file a.pdf], [file a-2]", 2) == (message["content"], len(message["attachments"]))


@pytest.mark.parametrize(
    ("name", "tool_type"),
    [("a.pdf", "file_search"), ("A.CSV", "code_interpreter"), (None, "file_search")],
)
def test_an_uploaded_file_goes_with_its_message(name: str | None, tool_type: str) -> None:
    """By its id, to the tool that reads such files."""
    part = Media("file", file_id="assistant-1", name=name)
    (message,) = encode_messages([Message("user", (Text("read"), part))])
    attached = {"file_id": "assistant-1", "tools": [{"type": tool_type}]}
    assert {"role": "user", "content": "read", "attachments": [attached]} == message


APPROVED = Message("user", (ApprovalReply("call_3", approve=True),))
OUTPUTS = [
    pytest.param(
        [tool("call_1", "cold"), tool("call_2", "boom", is_error=True)],
        {
            "tool_outputs": [
                {"tool_call_id": "call_1", "output": "cold"},
                {"tool_call_id": "call_2", "output": "boom"},
            ]
        },
        id="results",
    ),
    pytest.param(
        [tool("call_1", "", is_error=True)],
        {"tool_outputs": [{"tool_call_id": "call_1", "output": "[the tool failed]"}]},
        id="a tool that failed in silence",
    ),
    pytest.param(
        [APPROVED],
        {"tool_approvals": [{"tool_call_id": "call_3", "approve": True}]},
        id="approval",
    ),
    pytest.param(
        [Message("user", (ApprovalReply("call_3", approve=False),))],
        {"tool_approvals": [{"tool_call_id": "call_3", "approve": False}]},
        id="denial",
    ),
    pytest.param(
        [tool("call_1", "cold"), APPROVED],
        {
            "tool_outputs": [{"tool_call_id": "call_1", "output": "cold"}],
            "tool_approvals": [{"tool_call_id": "call_3", "approve": True}],
        },
        id="both",
    ),
]


@pytest.mark.parametrize(("messages", "wire"), OUTPUTS)
def test_outputs_name_their_calls(messages: list[Message], wire: JSON) -> None:
    """What a paused run waits for goes back by call id, errors as their text."""
    assert wire == encode_outputs(messages)


def test_a_result_is_text() -> None:
    """A picture that a run cannot be given is told in a sentence, in a pause and in a replay."""
    picture = Media("image", url="https://x/y.png")
    result = Message("tool", (Text("a map "), picture), tool_call_id="call_1")
    told = "a map [image https://x/y.png: cannot be shown here]"
    assert told == encode_outputs([result])["tool_outputs"][0]["output"]
    assert f"[tool result call_1: {told}]" == encode_messages([result])[0]["content"]


SYSTEMS = [
    ([user("Hi")], ""),
    ([system("a"), user("Hi")], "a"),
    ([system("a"), user("Hi"), system(""), system("b")], "a\n\nb"),
]


@pytest.mark.parametrize(("messages", "text"), SYSTEMS)
def test_system_messages_become_one_text(messages: list[Message], text: str) -> None:
    """Wherever they stand, system messages are the run's additional instructions."""
    assert text == system_text(messages)
