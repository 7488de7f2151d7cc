"""Odd answers of Azure that users of other clients reported: what `completion` makes of each.

Every row names its report. The bodies are written anew, in the shape that is told there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ContentFilteredError,
    NotFoundError,
    RateLimitError,
)

from .test_chat import NoWaits, Service, read, sse, streaming

SAFE = {"hate": {"filtered": False, "severity": "safe"}}
UNCHECKED = {"error": {"code": "content_filter_error", "message": "The contents are not filtered"}}
Chunks = list[dict[str, Any]]


def piece(delta: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A chunk with one choice; without a delta where that is None."""
    told = {} if delta is None else {"delta": delta}
    return {"id": "c", "choices": [{"index": 0, "finish_reason": None, **told, **more}]}


ROLE, TEXT = piece({"role": "assistant"}), piece({"content": "Hi"})
END = piece({}, finish_reason="stop")
OFFSETS = {"check_offset": 44, "start_offset": 44, "end_offset": 46}
LATE = piece(content_filter_results=SAFE, content_filter_offsets=OFFSETS)
NULL = {"id": "", "choices": [{**LATE["choices"][0], "delta": None}]}
NOTHING: dict[str, Any] = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
STREAMS: dict[str, Chunks] = {
    # The first chunk has no choices; in 2023 its filter results had another name.
    "langfuse/langfuse#2833": [{**NOTHING, "prompt_filter_results": [SAFE]}, ROLE, TEXT, END],
    "seratch/ChatGPT-in-Slack#49": [
        {**NOTHING, "prompt_annotations": [SAFE], "usage": None},
        ROLE,
        TEXT,
        END,
    ],
    # The asynchronous filter: choices without a delta, or with one that is null, behind the end.
    "langchain-ai/langchain#18977": [ROLE, TEXT, END, LATE],
    "openai/openai-python#2313": [ROLE, TEXT, END, NULL],
    "BerriAI/litellm#3811": [ROLE, LATE, TEXT, LATE, END],
    # A filter that did not work says so inside a choice, which is no error of the call.
    "BerriAI/litellm#1564": [ROLE, piece({"content": "Hi"}, content_filter_result=UNCHECKED), END],
    # Usage in a chunk of its own, and null before it.
    "st3w4r/openai-partial-stream#22": [
        {**ROLE, "usage": None},
        {**TEXT, "usage": None},
        END,
        {**NOTHING, "usage": {"total_tokens": 3}},
    ],
}


@pytest.mark.parametrize("report", STREAMS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_stream_that_broke_other_clients(report: str, *, is_async: bool) -> None:
    """People write ``chunk.choices[0].delta.content``, and it holds; the end is there once."""
    chunks = read(Service(lambda _: streaming(sse(STREAMS[report]))), is_async=is_async)
    assert "Hi" == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert ["stop"] == [
        chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason
    ]


def test_a_filtered_answer_has_no_content_and_is_none() -> None:
    """langchain-ai/langchain#5861: the key is missing, and reading it is no error."""
    choice = {"index": 0, "finish_reason": "content_filter", "message": {"role": "assistant"}}
    answer = Service(httpx.Response(200, json={"id": "c", "choices": [choice]})).ask()
    assert ("content_filter", None) == (
        answer.choices[0].finish_reason,
        answer.choices[0].message.content,
    )


FILTERED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management "
    "policy."
)
RETRY = "exceeded the token rate limit of your current tier. Please retry after 45 seconds."
Check = Callable[[Any], bool]
ERRORS: list[tuple[str, httpx.Response, type[AzureAgentsError], Check]] = [
    (
        "stanford-crfm/helm#3327: no results of filters beside the code",
        httpx.Response(
            400,
            json={
                "error": {
                    "message": FILTERED,
                    "type": None,
                    "param": "prompt",
                    "code": "content_filter",
                    "status": 400,
                }
            },
        ),
        ContentFilteredError,
        lambda error: error.param == "prompt",
    ),
    (
        "icereed/paperless-gpt#814: the wait stands in the sentence",
        httpx.Response(429, json={"error": {"code": "429", "message": RETRY}}),
        RateLimitError,
        lambda error: error.retry_after == 45,
    ),
    (
        "Azure/azure-openai-benchmark#31: seconds, and no milliseconds",
        httpx.Response(429, json={"error": {"code": "429"}}, headers={"retry-after": "7"}),
        RateLimitError,
        lambda error: error.retry_after == 7,
    ),
    (
        "BerriAI/litellm#11910: an unknown place",
        httpx.Response(
            404,
            json={"error": {"code": "404", "message": "Resource not found"}},
            headers={"apim-request-id": "a-1"},
        ),
        NotFoundError,
        lambda error: error.request_id == "a-1" and "Resource not found" in error.message,
    ),
    (
        "the same as plain text, and without any type",
        httpx.Response(
            404,
            content=json.dumps({"error": {"code": "404", "message": "Resource not found"}}),
        ),
        NotFoundError,
        lambda error: error.code == "404",
    ),
    (
        "a gateway's own words",
        httpx.Response(400, json={"statusCode": 400, "message": "Unable to parse the request"}),
        BadRequestError,
        lambda error: "Unable to parse" in error.message,
    ),
]


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row[0])
@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_that_lost_its_meaning_elsewhere(row: Any, *, streamed: bool) -> None:
    """Its class, its wait and its id are found whatever it is wrapped in."""
    _, answer, kind, is_right = row
    with pytest.raises(kind) as caught:
        list(Service(answer).ask(stream=streamed, max_retries=0, clock=NoWaits()))
    assert kind is type(caught.value)
    assert is_right(caught.value), repr(caught.value)
