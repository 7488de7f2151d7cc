"""Answers of Claude as chat completions: whole, and folded from their events."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import (
    AuthenticationError,
    BadRequestError,
    ConnectionLostError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    ServiceError,
)
from azure_agents.models.claude.answer import to_completion, to_usage
from azure_agents.models.claude.stream import ClaudeDecoder

from .claude import entries, events, message, recorded, sse, text, thought, use


def decoder(*, include_usage: bool = False) -> ClaudeDecoder:
    """A decoder of one stream."""
    return ClaudeDecoder("asking", include_usage=include_usage, created=7)


def chunks_of(data: bytes, size: int = 10**9, *, include_usage: bool = False) -> list[Any]:
    """The chunks of a stream that comes in pieces of this size."""
    reading = decoder(include_usage=include_usage)
    found = []
    for at in range(0, len(data), size):
        found += reading.feed(data[at : at + size])
    if not reading.is_done:
        found += reading.end()
    return found


def joined(chunks: list[Any]) -> dict[str, Any]:
    """The completion that chunks add up to, as any client of OpenAI's adds them."""
    whole: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: list[dict[str, Any]] = []
    choice: dict[str, Any] = {"index": 0, "message": whole}
    for chunk in chunks:
        for part in chunk["choices"]:
            _join(whole, calls, part["delta"])
            choice |= {k: v for k, v in part.items() if k not in ("delta", "index")}
    whole["content"] = whole["content"] or None
    if calls:
        whole["tool_calls"] = calls
    first = {k: v for k, v in chunks[0].items() if k not in ("choices", "object")}
    return {**first, "object": "chat.completion", "choices": [choice]}


def _join(whole: dict[str, Any], calls: list[dict[str, Any]], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name in ("content", "reasoning_content"):
            whole[name] = whole.get(name, "") + value
        elif name == "thinking_blocks":
            whole[name] = whole.get(name, []) + value
        elif name != "tool_calls":
            whole[name] = value
    for part in delta.get("tool_calls", ()):
        if part["index"] == len(calls):
            calls.append({k: v for k, v in part.items() if k != "index"})
        else:
            function = calls[part["index"]]["function"]
            arguments = function["arguments"] + part["function"]["arguments"]
            calls[part["index"]]["function"] = {**function, "arguments": arguments}


STOPS = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("tool_use", "tool_calls"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("refusal", "content_filter"),
    # What is not finished is never told as a plain stop.
    ("pause_turn", "pause_turn"),
    ("invented_tomorrow", "invented_tomorrow"),
]


@pytest.mark.parametrize(("stop", "expected"), STOPS)
def test_a_stop_reason_is_a_finish_reason(stop: str, expected: str) -> None:
    """Whole and streamed; the service's own word stands beside it."""
    answer = message(text("Hi"), stop=stop)
    choice = to_completion(answer, 7)["choices"][0]
    assert (expected, {"stop_reason": stop}) == (
        choice["finish_reason"],
        choice["provider_specific_fields"],
    )
    last = chunks_of(sse(events(answer)))[-1]["choices"][0]
    assert expected == last["finish_reason"]


USAGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"input_tokens": 3, "output_tokens": 2},
        {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 0},
        },
    ),
    (
        {
            "input_tokens": 3,
            "output_tokens": 2,
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 100,
            "output_tokens_details": {"thinking_tokens": 1},
            "server_tool_use": {"web_search_requests": 1},
        },
        {
            "prompt_tokens": 113,
            "completion_tokens": 2,
            "total_tokens": 115,
            "prompt_tokens_details": {"cached_tokens": 10, "cache_creation_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 1},
            "cache_read_input_tokens": 10,
            "cache_creation_input_tokens": 100,
            "server_tool_use": {"web_search_requests": 1},
        },
    ),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_prompt_tokens_hold_the_cache_once(usage: Any, expected: Any) -> None:
    """Claude counts them apart; a price is reckoned from the details."""
    assert expected == to_usage(usage)


ANSWERS = [
    message(text("Hi")),
    message(text("Hällo "), text("you")),
    message(thought("hm, so"), text("Hi"), use(x="é", y=[1])),
    message(use("f", "a"), use("g", "b", x=1), stop="tool_use"),
    message({"type": "redacted_thinking", "data": "xyz"}, text("Hi")),
    message(thought("a"), text("b"), thought("c"), text("d")),
    message({**text("b"), "citations": [{"type": "char_location", "cited_text": "x"}]}),
    message(
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        text("b"),
        stop="pause_turn",
    ),
    message(
        stop="refusal",
        stop_details={"type": "refusal", "category": "bio", "explanation": "I may not"},
    ),
    message(text(""), stop="end_turn"),
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_stream_adds_up_to_the_whole_answer(answer: dict[str, Any]) -> None:
    """Both doors give the same message, with thinking, calls, citations and what is kept."""
    chunks = chunks_of(sse(events(answer)), include_usage=True)
    whole = to_completion(answer, 7)
    usage = whole.pop("usage")
    assert whole == joined(chunks[:-1])
    assert ([], usage) == (chunks[-1]["choices"], chunks[-1]["usage"])


def test_chunks_do_not_depend_on_where_the_stream_is_cut() -> None:
    """Bytes are cut through lines, characters and events."""
    for answer in ANSWERS:
        data = sse(events(answer))
        expected = chunks_of(data)
        for size in (1, 2, 7, 64, 251):
            assert expected == chunks_of(data, size)


def test_fields_of_tomorrow_stay() -> None:
    """Also those of the container that code ran in; a stream tells them at its end."""
    answer = message(text("Hi"), container={"id": "c"}, novelty=1)
    assert ({"id": "c"}, 1) == tuple(to_completion(answer, 7)[n] for n in ("container", "novelty"))
    found = events(answer)
    found[-2]["delta"]["container"] = {"id": "d"}
    last = chunks_of(sse(found))[-1]
    assert ({"id": "d"}, 1) == (last["container"], last["novelty"])


def test_a_block_with_unknown_pieces_is_not_kept_in_parts() -> None:
    """Half a block in the next turn would be refused; the text is told all the same."""
    found = events(message({"type": "compaction", "content": None}, text("Hi")))
    delta = {"type": "compaction_delta", "content": "so far"}
    found.insert(3, {"type": "content_block_delta", "index": 0, "delta": delta})
    told = joined(chunks_of(sse(found)))["choices"][0]
    assert {"role": "assistant", "content": "Hi"} == told["message"]


def test_an_unknown_shape_is_an_error() -> None:
    """A page of a proxy is no answer."""
    with pytest.raises(ProtocolError):
        to_completion({"hello": "world"}, 7)
    with pytest.raises(ProtocolError):
        list(decoder().feed(b'data: {"type": "content_block_stop", "index": 3}\n\n'))


def test_nothing_is_delivered_before_the_first_content() -> None:
    """A failure until then is no failure of the caller's: the call is made again."""
    found = events(message(text("Hi")))
    reading = decoder()
    assert [] == list(reading.feed(sse(found[:3])))
    assert reading.has_content is False
    first = list(reading.feed(sse(found[3:4])))
    assert ["", "Hi"] == [chunk["choices"][0]["delta"]["content"] for chunk in first]
    assert (True, "Hi") == (reading.has_content, reading.text)


def test_events_of_tomorrow_are_passed_over() -> None:
    """Anthropic adds event types without a new version."""
    found = events(message(text("Hi")))
    odd: list[dict[str, Any]] = [{"type": "weather"}, *found[:3]]
    odd.append({"type": "content_block_delta", "index": 0, "delta": {"type": "new_delta"}})
    assert chunks_of(sse(found)) == chunks_of(sse([*odd, *found[3:]]))


def test_a_call_that_the_limit_cut_keeps_its_arguments_as_they_came() -> None:
    """They are no JSON; the finish says why."""
    found = events(message(use(x=1), stop="max_tokens"))
    cut = [one for one in found if one.get("delta", {}).get("partial_json") != "}"]
    last = joined(chunks_of(sse(cut)))["choices"][0]
    assert '{"x":1' == last["message"]["tool_calls"][0]["function"]["arguments"]
    assert "length" == last["finish_reason"]


def test_a_stream_without_a_stop_reason_is_an_error() -> None:
    """A clean end is not a finish."""
    found = events(message(text("Hi")))
    for data in (b"", sse(found[:4]), sse([*found[:4], found[-1]])):
        with pytest.raises(ConnectionLostError, match="without a stop reason"):
            chunks_of(data)


FAILURES: list[tuple[str, type[ServiceError]]] = [
    ("invalid_request_error", BadRequestError),
    ("authentication_error", AuthenticationError),
    ("permission_error", PermissionDeniedError),
    ("rate_limit_error", RateLimitError),
    ("api_error", ServerError),
    ("timeout_error", ServerError),
    ("overloaded_error", ServerError),
    ("invented_tomorrow", ServiceError),
]


@pytest.mark.parametrize(("kind", "expected"), FAILURES)
def test_an_error_event_is_the_error_that_an_answer_would_be(
    kind: str, expected: type[ServiceError]
) -> None:
    """Its type tells whether another attempt helps."""
    event = {"type": "error", "error": {"type": kind, "message": "no"}, "request_id": "req_1"}
    with pytest.raises(ServiceError, match="no") as caught:
        list(decoder().feed(sse([event])))
    assert expected is type(caught.value)
    if expected is not ServiceError:
        assert "req_1" == caught.value.request_id


@recorded
def test_recorded_streams_are_read_exactly() -> None:
    """Padding behind the JSON of an event, pings, and counts that are told twice."""
    call, answer = (entry["response"]["sse"].encode() for entry in entries("messages_tool_stream"))
    for size in (1, 13, 10**9):
        asked = joined(chunks_of(call, size))["choices"][0]
        assert [
            {
                "id": "toolu_01MKSN7NHsBVKr7Jvw5pqCQq",
                "type": "function",
                "function": {
                    "name": "weather",
                    "arguments": '{"latitude": "52.5200", "longitude": "13.4050"}',
                },
            }
        ] == asked["message"]["tool_calls"]
        assert "tool_calls" == asked["finish_reason"]
        chunks = chunks_of(answer, size, include_usage=True)
        told = joined(chunks[:-1])["choices"][0]
        assert told["message"]["content"].startswith("The weather in Berlin is currently:\n- **")
        assert "stop" == told["finish_reason"]
        assert (748, 49, 797) == tuple(
            chunks[-1]["usage"][f"{name}_tokens"] for name in ("prompt", "completion", "total")
        )
