"""Events as OpenAI's chat completions: whole and in chunks, and both the same."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from azure_agents.completions.output import Chunker, to_response
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    ConsentRequest,
    Event,
    Finished,
    MediaOutput,
    Other,
    Progress,
    ReasoningDelta,
    RefusalDelta,
    ServerToolCall,
    ServerToolResult,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from azure_agents.fold import fold

STARTED = Started(response_id="resp_1")
DONE = Finished("stop", "completed", "conv_1", response_id="resp_1", model="gpt-4o", anchor="fa1.x")
CALLS = Finished("tool_calls", "requires_action", "thread_1", run_id="run_1")


def whole(*events: Event) -> Any:
    """The response of a turn."""
    return to_response(fold([STARTED, *events]), model="m", created=1, fallback_id="chatcmpl-1")


def chunks(*events: Event, include_usage: bool = False) -> Any:
    """The chunks of a turn."""
    chunker = Chunker(model="m", created=1, fallback_id="chatcmpl-1", include_usage=include_usage)
    return [chunk for event in (STARTED, *events) for chunk in chunker.feed(event)]


def added(given: Any) -> dict[str, Any]:
    """The message that chunks amount to."""
    message: dict[str, Any] = {"content": "", "calls": {}, "annotations": [], "fields": {}}
    for chunk in given:
        for choice in chunk.choices:
            delta = choice.delta
            message["content"] += delta.content or ""
            message["annotations"] += delta.annotations or []
            message["fields"] |= delta.provider_specific_fields or {}
            for name in ("refusal", "reasoning_content"):
                message[name] = message.get(name, "") + (delta[name] or "")
            for call in delta.tool_calls or ():
                made = message["calls"].setdefault(call.index, ["", "", ""])
                made[0] += call.id or ""
                made[1] += call.function.name or ""
                made[2] += call.function.arguments
    return message


URL = Citation("url", "i", 1, 0, 4, url="https://x", title="X")
TURNS: dict[str, list[Event]] = {
    "text": [TextDelta("Hel", "i"), TextDelta("lo", "i"), DONE],
    "empty": [DONE],
    "citation": [TextDelta("Hear: ", "i"), TextDelta("this", "i", 1), URL, DONE],
    "calls": [
        TextDelta("Let me", "i"),
        ToolCallDelta(0, "c0", "f", ""),
        ToolCallDelta(0, "", "", '{"a":'),
        ToolCallDelta(0, "", "", "1}"),
        ToolCallDelta(1, "c1", "g", "{}"),
        CALLS,
    ],
    "refusal": [RefusalDelta("No", "i"), DONE],
    "reasoning": [
        ReasoningDelta("One ", "r"),
        ReasoningDelta("thing", "r"),
        ReasoningDelta("Other", "r", 1),
        TextDelta("Hi", "i"),
        DONE,
    ],
    "server tools": [
        ServerToolCall("s", "file_search", {"q": "x"}),
        Progress("s", "file_search", "searching"),
        ServerToolResult("s", "file_search", "success", [1]),
        MediaOutput("m", "image", file_id="file-1"),
        Other("odd", {"a": 1}),
        DONE,
    ],
    "approval": [
        ApprovalRequest("a", "delete", "{}", "server"),
        ConsentRequest("c", "https://l"),
        DONE,
    ],
}


@pytest.mark.parametrize("name", TURNS)
def test_chunks_add_up_to_the_answer(name: str) -> None:
    """Streaming loses nothing and adds nothing."""
    message = whole(*TURNS[name]).choices[0].message
    streamed = added(chunks(*TURNS[name]))
    calls = [[c.id, c.function.name, c.function.arguments] for c in message.tool_calls or ()]
    assert message.content or "" == streamed["content"]
    assert (message.annotations or []) == streamed["annotations"]
    assert (message.refusal or "") == streamed["refusal"]
    assert (message.reasoning_content or "") == streamed["reasoning_content"]
    assert message.provider_specific_fields == streamed["fields"]
    assert calls == [streamed["calls"][index] for index in sorted(streamed["calls"])]


@pytest.mark.parametrize("name", TURNS)
def test_the_openai_sdk_understands_both(name: str) -> None:
    """What is dumped is what OpenAI's own types demand."""
    ChatCompletion.model_validate(whole(*TURNS[name]).model_dump())
    for chunk in chunks(*TURNS[name], Usage(1, 2, 3), include_usage=True):
        ChatCompletionChunk.model_validate(chunk.model_dump())


MESSAGES = [
    ("text", {"content": "Hello", "provider_specific_fields": {"foundry": "fa1.x"}}),
    ("empty", {"content": "", "provider_specific_fields": {"foundry": "fa1.x"}}),
    (
        "refusal",
        {"content": None, "refusal": "No", "provider_specific_fields": {"foundry": "fa1.x"}},
    ),
    (
        "citation",
        {
            "content": "Hear: this",
            "provider_specific_fields": {"foundry": "fa1.x"},
            "annotations": [
                {
                    "type": "url_citation",
                    "url_citation": {
                        "url": "https://x",
                        "title": "X",
                        "start_index": 6,
                        "end_index": 10,
                    },
                }
            ],
        },
    ),
    (
        "server tools",
        {
            "content": "",
            "provider_specific_fields": {
                "foundry": "fa1.x",
                "blocks": [
                    {
                        "type": "server_tool_call",
                        "id": "s",
                        "name": "file_search",
                        "arguments": {"q": "x"},
                    },
                    {
                        "type": "server_tool_result",
                        "id": "s",
                        "name": "file_search",
                        "status": "success",
                        "output": [1],
                    },
                    {"type": "image", "id": "m", "file_id": "file-1"},
                    {"type": "odd", "a": 1},
                ],
            },
        },
    ),
    (
        "approval",
        {
            "content": "",
            "provider_specific_fields": {
                "foundry": "fa1.x",
                "approval_requests": [
                    {"id": "a", "name": "delete", "arguments": "{}", "server_label": "server"}
                ],
                "consent_requests": [{"id": "c", "link": "https://l"}],
            },
        },
    ),
]


@pytest.mark.parametrize(("name", "expected"), MESSAGES)
def test_messages_as_they_are_dumped(name: str, expected: Any) -> None:
    """Absent fields are absent; what OpenAI has no field for stands in one place."""
    dumped = whole(*TURNS[name]).choices[0].message.model_dump()
    assert {"role": "assistant", **expected} == dumped


ANNOTATIONS = [
    (
        Citation("file", file_id="f", filename="a.pdf", quote="q", marker="【1】", start=1, end=4),
        {
            "type": "file_citation",
            "file_citation": {
                "file_id": "f",
                "filename": "a.pdf",
                "quote": "q",
                "text": "【1】",
                "start_index": 1,
                "end_index": 4,
            },
        },
    ),
    (
        Citation("container_file", file_id="f", container_id="c"),
        {
            "type": "container_file_citation",
            "container_file_citation": {"file_id": "f", "container_id": "c"},
        },
    ),
    (Citation("file_path", file_id="f"), {"type": "file_path", "file_path": {"file_id": "f"}}),
]


@pytest.mark.parametrize(("citation", "expected"), ANNOTATIONS)
def test_annotations(citation: Citation, expected: Any) -> None:
    """Every kind of source, its facts under the name of its type."""
    message = whole(citation, DONE).choices[0].message
    assert [expected] == message.model_dump()["annotations"]


REASONS = [
    ([TextDelta("a"), DONE], "stop"),
    ([ToolCallDelta(0, "c", "f", "{}"), CALLS], "tool_calls"),
    ([Finished("length", "incomplete", incomplete_reason="max_output_tokens")], "length"),
    ([Finished("content_filter", "incomplete")], "content_filter"),
    # A classic run pauses for an approval as it does for tool outputs, but has no calls.
    ([ApprovalRequest("a", "f", "{}"), CALLS], "stop"),
]


@pytest.mark.parametrize(("events", "reason"), REASONS)
def test_finish_reasons(events: Any, reason: str) -> None:
    """OpenAI's words; `tool_calls` only where there are calls to answer."""
    assert reason == whole(*events).choices[0].finish_reason
    assert reason == chunks(*events)[-1].choices[0].finish_reason


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(1, 2, 3), {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        (
            Usage(1, 2, 3, cached_tokens=0, reasoning_tokens=4),
            {
                "prompt_tokens": 1,
                "completion_tokens": 2,
                "total_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 4},
            },
        ),
    ],
)
def test_usage(usage: Usage, expected: Any) -> None:
    """With the details that the service told, and no others."""
    assert expected == whole(usage, DONE).model_dump()["usage"]
    assert expected == chunks(usage, DONE, include_usage=True)[-1].model_dump()["usage"]


def test_unknown_usage_is_none() -> None:
    """It is never estimated, and no chunk pretends otherwise."""
    assert None is whole(DONE).usage
    assert [] != chunks(DONE, include_usage=True)[-1].choices


def test_both_styles_of_access() -> None:
    """As attributes and as items, like LiteLLM's objects."""
    response = whole(TextDelta("Hi"), DONE)
    assert "Hi" == response["choices"][0]["message"]["content"]
    assert "Hi" == response.choices[0].message.content
    assert "Hi" == response.choices[0].get("message").get("content")
    assert "none" == response.get("nothing", "none")
    assert (True, False) == ("model" in response, "nothing" in response)
    assert response.model_dump() == response.json()
    with pytest.raises(KeyError):
        response["nothing"]


def test_where_the_turn_is_said_to_be() -> None:
    """Ids are on the response, and on the last chunk of a stream."""
    response = whole(TextDelta("Hi"), DONE)
    hidden = {
        "custom_llm_provider": "azure_ai",
        "deployment": "gpt-4o",
        "response_id": "resp_1",
        "thread_id": "conv_1",
    }
    assert ("resp_1", "conv_1", hidden) == (
        response.id,
        response.thread_id,
        response._hidden_params,
    )
    first, *_, last = chunks(TextDelta("Hi"), DONE)
    assert ("resp_1", "assistant", "") == (
        first.id,
        first.choices[0].delta.role,
        first.choices[0].delta.content,
    )
    assert ("resp_1", "conv_1", hidden) == (last.id, last.thread_id, last._hidden_params)
    assert "chatcmpl-1" == whole(Finished("stop", "completed")).id


def test_how_the_answer_ended_is_told_on_the_choice() -> None:
    """Content filter details and the reason of an incomplete answer."""
    finished = Finished(
        "content_filter", "incomplete", incomplete_reason="content_filter", details={"x": [1]}
    )
    expected = {"incomplete_reason": "content_filter", "x": [1]}
    assert expected == whole(finished).choices[0].provider_specific_fields
    assert expected == chunks(finished)[-1].choices[0].provider_specific_fields
