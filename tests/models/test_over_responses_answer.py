"""Responses as chat completions: whole, folded from their events, and sent again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion

from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    ContentFilteredError,
    ProtocolError,
    RateLimitError,
    RunCancelledError,
    RunFailedError,
    ServerError,
)
from azure_agents.models.over_responses.answer import to_completion
from azure_agents.models.over_responses.stream import ResponsesDecoder
from azure_agents.models.over_responses.turns import to_input

from .responses import (
    JSON,
    called,
    custom,
    entries,
    events,
    joined,
    reasoned,
    recorded,
    refused,
    response,
    said,
    spoken,
    sse,
)


def decoder(*, include_usage: bool = False) -> ResponsesDecoder:
    """A decoder of one stream."""
    return ResponsesDecoder("asking", include_usage=include_usage)


def chunks_of(data: bytes, size: int = 10**9, *, include_usage: bool = False) -> list[Any]:
    """The chunks of a stream that comes in pieces of this size."""
    reading = decoder(include_usage=include_usage)
    found: list[Any] = []
    for at in range(0, len(data), size):
        found += reading.feed(data[at : at + size])
    return found if reading.is_done else [*found, *reading.end()]


URL = {"type": "url_citation", "start_index": 1, "end_index": 2, "url": "https://a", "title": "A"}
FILE = {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 3}
PATH = {"type": "file_path", "file_id": "file_2", "index": 0}
LOGPROB = {"token": "H", "logprob": -0.1, "bytes": [72], "top_logprobs": []}
ANSWERS = [
    response(spoken("Grüße aus Köln!")),
    response(called(), called("g", "call_9", "")),
    response(reasoned("First.", "Then."), spoken("Yes", refused("No")), called(), custom()),
    response(reasoned(), spoken("In passing.", phase="commentary"), reasoned("So."), spoken("4")),
    response(spoken("1", said("ab", annotations=[URL])), spoken(said("cd", annotations=[URL]))),
    response(reasoned(content=("raw", "words"), sealed=None), spoken("Hi")),
    response({"type": "web_search_call", "status": "completed", "action": {}}, spoken("Hi")),
    response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    response(spoken("Hal"), status="incomplete", incomplete_details={"reason": "content_filter"}),
]
CITED = response(
    spoken("1", said("ab", annotations=[URL, FILE])),
    spoken(said("cd", annotations=[URL, PATH])),
)  # chat has no citations of files


@pytest.mark.parametrize("answer", [*ANSWERS, CITED])
def test_a_stream_adds_up_to_the_whole_answer(answer: JSON) -> None:
    """Both doors give the same message, with reasoning, calls, citations and what is kept."""
    chunks = chunks_of(sse(events(answer)), include_usage=True)
    whole = to_completion(answer)
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


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_one_of_openais(answer: JSON) -> None:
    """Its own types take it, but for the reasons that are new."""
    ChatCompletion.model_validate(to_completion(answer), strict=True)


def test_texts_are_one_choice_and_what_is_said_in_passing_is_reasoning() -> None:
    """Who reads the first choice reads the answer, and with a schema nothing but JSON."""
    answer = response(
        reasoned("First."), spoken("I look.", phase="commentary"), spoken("a"), spoken("b")
    )
    choices = to_completion(answer)["choices"]
    assert 1 == len(choices)
    message = choices[0]["message"]
    assert ("ab", "First.\n\nI look.") == (message["content"], message["reasoning_content"])


def test_citations_count_from_the_start_of_the_whole_text() -> None:
    """Texts are joined; the index of a file path counts files."""
    message = to_completion(CITED)["choices"][0]["message"]
    assert "1abcd" == message["content"]
    found = [one[one["type"]] for one in message["annotations"]]
    expected = [(2, None), (None, 4), (4, None), (None, 0)]
    assert expected == [(one.get("start_index"), one.get("index")) for one in found]


FINISHES: list[tuple[JSON, str]] = [
    (response(spoken("Hi")), "stop"),
    (response(called()), "tool_calls"),
    (response(custom()), "tool_calls"),
    # A call that chat has no form for is kept, and never told as a plain stop.
    (response({"type": "computer_call", "call_id": "c", "action": {}}), "tool_calls"),
    (response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
    (
        response(status="incomplete", incomplete_details={"reason": "content_filter"}),
        "content_filter",
    ),
    (response(status="incomplete", incomplete_details={"reason": "steered"}), "steered"),
    (response(status="incomplete"), "incomplete"),
]


@pytest.mark.parametrize(("answer", "expected"), FINISHES)
def test_a_finish_tells_how_the_response_ended(answer: JSON, expected: str) -> None:
    """Whole and streamed; the service's own words stand beside it."""
    choice = to_completion(answer)["choices"][0]
    last = chunks_of(sse(events(answer)))[-1]["choices"][0]
    assert expected == choice["finish_reason"] == last["finish_reason"]
    assert answer["status"] == choice["provider_specific_fields"]["status"]


def test_counts_filters_logprobs_and_new_fields_are_told() -> None:
    """In chat's words; what the response says again of its request is left out."""
    results = {"hate": {"filtered": False}}
    filters = [
        {"source_type": name, "content_filter_results": results}
        for name in ("prompt", "completion")
    ]
    answer = response(
        spoken(said("Hi", logprobs=[LOGPROB])),
        content_filters=filters,
        novelty=1,
        usage={
            "input_tokens": 3,
            "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 1},
            "total_tokens": 5,
        },
    )  # fmt: skip
    whole = to_completion(answer)
    assert {
        "prompt_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "completion_tokens": 2,
        "completion_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 5,
    } == whole["usage"]
    told = [{"prompt_index": 0, "content_filter_results": results}]
    assert (1, told, False) == (whole["novelty"], whole["prompt_filter_results"], "store" in whole)
    choice = whole["choices"][0]
    assert (results, [LOGPROB]) == (
        choice["content_filter_results"],
        choice["logprobs"]["content"],
    )


def test_logprobs_come_with_their_tokens() -> None:
    """In a stream each chunk has its own."""
    found = events(response(spoken(said("Hi", logprobs=[LOGPROB, LOGPROB]))), size=1)
    for event in found:
        if event["type"] == "response.output_text.delta":
            event["logprobs"] = [LOGPROB]
    assert {"content": [LOGPROB, LOGPROB]} == joined(chunks_of(sse(found)))["choices"][0][
        "logprobs"
    ]


def failed(code: str | None, **more: Any) -> JSON:
    """A response that failed."""
    error = None if code is None else {"code": code, "message": "no"}
    return response(status="failed", error=error, **more)


STRUCK = [{"blocked": True, "content_filter_results": {"hate": {"filtered": True}}}]
FAILURES: list[tuple[JSON, type[AzureAgentsError]]] = [
    (failed("server_error"), ServerError),
    (failed("rate_limit_exceeded"), RateLimitError),
    (failed("invalid_prompt"), RunFailedError),
    (failed(None), RunFailedError),
    (failed("invalid_prompt", content_filters=STRUCK), RunFailedError),
    (response(status="cancelled"), RunCancelledError),
]


@pytest.mark.parametrize(("answer", "expected"), FAILURES)
def test_a_failed_response_is_an_error(answer: JSON, expected: type[AzureAgentsError]) -> None:
    """Also with status 200, whole and streamed; those that pass are told apart."""
    for read in (to_completion, lambda one: chunks_of(sse(events(one)))):
        with pytest.raises(AzureAgentsError) as caught:
            read(answer)
        assert (expected, "resp_1") == (type(caught.value), caught.value.response_id)


def test_the_reason_of_a_failure_may_come_behind_it() -> None:
    """Of a filtered prompt it does."""
    reason = {"type": "error", "code": "content_filter", "message": "The prompt was filtered."}
    with pytest.raises(ContentFilteredError, match="was filtered"):
        chunks_of(sse([*events(failed(None)), reason]))


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "error", "code": "server_error", "message": "no"}, ServerError),
        ({"type": "error", "error": {"code": "429", "message": "no"}}, RateLimitError),
        ({"type": "error", "error": {"code": "400", "message": "no"}}, BadRequestError),
    ],
)
def test_an_error_event_is_an_error(event: JSON, expected: type[AzureAgentsError]) -> None:
    """In either form, first or last."""
    for before in ([], events(response(spoken("Hi")))[:4]):
        with pytest.raises(expected):
            chunks_of(sse([*before, event]))


def test_a_stream_that_ends_before_its_response_is_an_error() -> None:
    """A clean end is not a finish, and neither is OpenAI's mark of one."""
    found = events(response(spoken("Hi")))
    for data in (b"", sse(found[:-1]), sse(found[:-1]) + b"data: [DONE]\n\n"):
        with pytest.raises(ConnectionLostError, match="before the response did"):
            chunks_of(data)


def test_an_answer_that_is_not_over_or_has_another_shape_is_an_error() -> None:
    """A page of a proxy is no answer, and a background response is none yet."""
    for answer in ({"hello": "world"}, response(status="in_progress"), {"status": "completed"}):
        with pytest.raises(ProtocolError):
            to_completion(answer)
    with pytest.raises(ProtocolError):
        chunks_of(sse([{"type": "response.output_text.delta", "delta": "?"}]))


def test_nothing_is_delivered_before_the_first_content() -> None:
    """A failure until then is no failure of the caller's: the call is made again."""
    found = events(response(spoken("Hi")))
    reading = decoder()
    assert [] == list(reading.feed(sse(found[:3])))
    assert reading.has_content is False
    first = list(reading.feed(sse(found[3:4])))
    assert ["", "Hi"] == [chunk["choices"][0]["delta"]["content"] for chunk in first]
    assert (True, "Hi") == (reading.has_content, reading.text)


def test_what_did_not_come_in_pieces_comes_with_its_item_or_with_the_end() -> None:
    """Some gateways send no deltas, others no items at the end."""
    for answer in ANSWERS:
        found = events(answer)
        whole = chunks_of(sse([found[0], found[-1]]))
        bare = {**found[-1], "response": {**answer, "output": []}}
        items = chunks_of(sse([*(one for one in found[:-1] if ".delta" not in one["type"]), bare]))
        assert joined(whole) == joined(items) == joined(chunks_of(sse(found)))


def test_an_item_that_contradicts_its_pieces_is_an_error() -> None:
    """Text that was delivered binds."""
    found = events(response(spoken("Hi")))
    found[-2]["item"] = spoken("Ho")
    with pytest.raises(ProtocolError, match="ends as 'Ho' and was streamed as 'Hi'"):
        chunks_of(sse(found))


def test_events_of_tomorrow_and_keepalives_are_passed_over() -> None:
    """OpenAI adds event types without a new version."""
    found = events(response(spoken("Hi")))
    odd = [{"type": "weather"}, *found[:3], {"type": "response.new.delta", "delta": "?"}]
    data = b"event: keepalive\ndata:\n\n: comment\n\n" + sse([*odd, *found[3:]])
    assert chunks_of(sse(found)) == chunks_of(data)


# --- sent again ---------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
parts = st.one_of(st.builds(said, texts), st.builds(refused, texts))
ids = st.uuids().map(lambda one: f"call_{one.hex[:8]}")
items = st.one_of(
    st.builds(spoken, parts, parts, phase=st.sampled_from(["commentary", "final_answer"])),
    st.builds(spoken, parts),
    st.builds(called, st.sampled_from("fg"), ids, st.sampled_from(["{}", '{"x":1}', '{"x'])),
    st.builds(custom, st.sampled_from("fg"), ids, texts),
    st.builds(reasoned, texts, sealed=texts),
    st.builds(reasoned, sealed=texts, content=st.tuples(texts)),
)
answers = st.lists(items, min_size=1, max_size=5).map(lambda found: response(*found))


def sent(item: JSON) -> JSON:
    """An item as it goes up again: without what names it on the server."""
    if item["type"] == "message":
        content = [
            {k: v for k, v in part.items() if v != []} for part in item["content"]
        ]  # no citations
        phase = {"phase": item["phase"]} if "phase" in item else {}
        return {"role": "assistant", "content": content, **phase}
    is_empty = item.get("content") == []
    left_out = {"id", "status", "content"} if is_empty else {"id", "status"}
    return {name: value for name, value in item.items() if name not in left_out}


@given(answers)
def test_an_answer_goes_up_again_with_all_that_it_held(answer: JSON) -> None:
    """Also through JSON, whole or streamed: encrypted reasoning, phases, order, custom calls."""
    expected = [sent(item) for item in answer["output"]]
    whole = to_completion(answer)["choices"][0]["message"]
    streamed = joined(chunks_of(sse(events(answer)), 17))["choices"][0]["message"]
    for message in (whole, json.loads(json.dumps(whole)), streamed):
        assert expected == to_input([message], is_stored=False)


def test_reasoning_without_its_seal_goes_up_only_where_it_is_stored() -> None:
    """Nothing of it is left elsewhere: the service would not find it."""
    answer = response(reasoned("So.", sealed=None), spoken("Hi"))
    message = to_completion(answer)["choices"][0]["message"]
    assert ["assistant"] == [one.get("role") for one in to_input([message], is_stored=False)]
    stored = to_input([message], is_stored=True)
    assert ("reasoning", "reasoning_0") == (stored[0]["type"], stored[0]["id"])


@pytest.mark.parametrize(
    "change",
    [
        {"content": "changed"},
        {"tool_calls": []},
        {"refusal": "no"},
        {"provider_specific_fields": {"output": [{"type": "message"}]}},
        {"provider_specific_fields": {"output": "?"}},
        {"provider_specific_fields": None},
    ],
)
def test_a_message_that_was_changed_counts_as_it_is(change: JSON) -> None:
    """What was kept of it is old."""
    answer = response(reasoned("So."), spoken("Hi"), called())
    message = {**to_completion(answer)["choices"][0]["message"], **change}
    again = to_input([message], is_stored=False)
    assert "reasoning" not in {one.get("type") for one in again}
    if change.get("content"):
        assert [{"type": "output_text", "text": "changed"}] == again[0]["content"]


# --- recordings ---------------------------------------------------------------------------------


@recorded
def test_a_recorded_history_goes_up_as_its_client_sent_it() -> None:
    """The encrypted reasoning of the first answer stands in the second request, without its id."""
    for name in ("responses_v1_plain_gpt5nano", "responses_v1_function_tool_gpt56"):
        first, second = entries(name)
        answer = to_completion(first["response"]["body"])["choices"][0]["message"]
        request = second["request"]["body"]["input"]
        last = request[-1]
        if "output" in last:
            last = {"role": "tool", "tool_call_id": last["call_id"], "content": last["output"]}
        assert request == to_input([request[0], answer, last], is_stored=False)


@recorded
def test_recorded_answers_are_read_exactly() -> None:
    """Text, calls, counts, and filters in two shapes."""
    plain = to_completion(entries("responses_v1_plain_gpt5nano")[0]["response"]["body"])
    choice = plain["choices"][0]
    assert ("4", "stop", 147, 64) == (
        choice["message"]["content"],
        choice["finish_reason"],
        plain["usage"]["total_tokens"],
        plain["usage"]["completion_tokens_details"]["reasoning_tokens"],
    )
    assert {"hate", "sexual"} < choice["content_filter_results"].keys()
    assert "jailbreak" in plain["prompt_filter_results"][0]["content_filter_results"]
    first, second = (
        to_completion(entry["response"]["body"])
        for entry in entries("responses_v1_function_tool_gpt56")
    )
    asked = first["choices"][0]
    assert {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_TRB1jnZxAdUJcnUg2vJEBejG",
                "type": "function",
                "function": {"name": "azure_weather", "arguments": '{"city":"Berlin"}'},
            }
        ],
    } == asked["message"]
    assert "tool_calls" == asked["finish_reason"]
    assert second["choices"][0]["message"]["content"].startswith("Berlin is currently **15°C**")


@recorded
@pytest.mark.parametrize(
    ("name", "text", "total"),
    [("responses_v1_stream_gpt5nano", "4", 138), ("responses_dated_stream_gpt5nano", "2", 161)],
)
def test_recorded_streams_are_read_exactly(name: str, text: str, total: int) -> None:
    """Wherever they are cut, as the response at their end is read."""
    data = entries(name)[0]["response"]["sse"].encode()
    last = json.loads(data.rsplit(b"data: ", 1)[1])["response"]
    whole = to_completion(last)
    for size in (1, 13, 4096, 10**9):
        chunks = chunks_of(data, size, include_usage=True)
        told = joined(chunks[:-1])
        assert (text, "stop") == (
            told["choices"][0]["message"]["content"],
            told["choices"][0]["finish_reason"],
        )
        assert total == chunks[-1]["usage"]["total_tokens"] == whole["usage"]["total_tokens"]
        kept = told["choices"][0]["message"]["provider_specific_fields"]["output"]
        assert ["reasoning", "message"] == [item["type"] for item in kept]
        assert kept[0]["encrypted_content"].startswith("gAAAAAB")
