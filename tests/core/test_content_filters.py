"""A filtered prompt is told alike at every door, and the error says which filter struck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import ChatMessage

from azure_agents import acompletion, completion
from azure_agents.errors import (
    AzureAgentsError,
    BadRequestError,
    ContentFilteredError,
    RunFailedError,
    ServiceError,
)
from azure_agents.protocols.delivery import Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.service_errors.content_filters import struck_by
from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from ..security.peers import ENDPOINT, Answer, Recorder
from .classic_samples import frame as classic_frame
from .classic_samples import run
from .v2_samples import CREATED, response, stream

JSON = dict[str, Any]
RECORDED = (
    Path(__file__).parents[3]
    / "shared/recordings/models/openai/error_400_prompt_content_filter.json"
)
SAFE = {"filtered": False, "severity": "safe"}
VIOLENT = {"filtered": True, "severity": "medium"}
JAILBREAK = {"filtered": True, "detected": True}
SENTENCE = "The response was filtered due to the prompt triggering Azure OpenAI's policy."
HOLDS = {"code": "content_filter", "message": SENTENCE, "type": None, "param": "prompt"}
INNER = {"content_filter_result": {"violence": VIOLENT, "hate": SAFE}}
BLOCKED = [
    {"blocked": True, "source_type": "prompt", "content_filter_results": {"jailbreak": JAILBREAK}},
    {"blocked": False, "source_type": "completion", "content_filter_results": {"hate": SAFE}},
]

# What an error says, and the filters that struck.
SHAPES: dict[str, tuple[JSON, JSON | None]] = {
    "innererror": ({**HOLDS, "innererror": INNER}, {"violence": VIOLENT}),
    "inner_error, plural": (
        {**HOLDS, "inner_error": {"content_filter_results": {"jailbreak": JAILBREAK}}},
        {"jailbreak": JAILBREAK},
    ),
    "content_filters": ({"message": "no", "content_filters": BLOCKED}, {"jailbreak": JAILBREAK}),
    "in the details": (
        {"message": "no", "details": [{"innererror": INNER}]},
        {"violence": VIOLENT},
    ),
    "a block list": (
        {
            **HOLDS,
            "content_filter_results": {
                "custom_blocklists": {"filtered": True, "details": [{"filtered": True, "id": "b"}]}
            },
        },
        {"custom_blocklists": {"filtered": True, "details": [{"filtered": True, "id": "b"}]}},
    ),
    "an old block list": (
        {"content_filter_result": {"custom_blocklists": [{"filtered": True, "id": "b"}]}},
        {"custom_blocklists": [{"filtered": True, "id": "b"}]},
    ),
    "a code alone": (HOLDS, {}),
    "another code": ({"code": "content_policy_violation", "message": "no"}, {}),
    "a code within": ({"innererror": {"code": "ResponsibleAIPolicyViolation"}}, {}),
    "a sentence alone": ({"code": "server_error", "message": SENTENCE}, {}),
    "none is named": ({**HOLDS, "innererror": {"content_filter_result": {"hate": SAFE}}}, {}),
    "blocked by what is not said": ({"content_filters": [{"blocked": True}]}, {}),
    # A filter that was down: nothing was filtered.
    "a filter that failed": ({"code": "content_filter_error", "message": "timed out"}, None),
    "another error": ({"code": "server_error", "message": "no", "innererror": {}}, None),
    "only noticed": (
        {"content_filter_result": {"jailbreak": {"filtered": False, "detected": True}}},
        None,
    ),
    "quoted": ({"code": "x", "message": f"You said: {SENTENCE}"}, None),
}


@pytest.mark.parametrize(("error", "filters"), SHAPES.values(), ids=SHAPES)
def test_filters_are_read_from_every_shape_of_error(error: JSON, filters: JSON | None) -> None:
    """As a refused request, in a stream, and as the reason of a failed run: the same fact."""
    body = json.dumps({"error": error}).encode()
    told = [
        error_from_reply(400, {}, body, doing="x"),
        error_from_event(error, doing="x"),
        error_from_event({"type": "error", "error": error}, doing="x"),
        error_from_last_error(error, doing="x"),
        error_from_last_error({"status": "failed", "error": error}, doing="x"),
    ]
    assert [filters] * 5 == [each.content_filter for each in told]
    is_filtered = filters is not None
    assert [is_filtered] * 5 == [each.is_filtered for each in told]
    assert [is_filtered] * 3 == [isinstance(each, ContentFilteredError) for each in told[:3]]


def test_the_sentence_names_the_filters() -> None:
    """And what to do, without the whole answer of the filter behind it."""
    body = json.dumps({"error": {**HOLDS, "innererror": INNER}}).encode()
    error = error_from_reply(400, {}, body, doing="asking")
    hint = (
        "a content filter struck (violence (medium)): change the messages, or the content filter "
        "of the deployment that the agent uses"
    )
    facts = "status=400, code=content_filter, param=prompt"
    assert f"asking: {SENTENCE} - {hint} ({facts})" == str(error)


@pytest.mark.skipif(not RECORDED.exists(), reason="../shared/recordings is absent")
def test_the_recorded_filtered_prompt_names_its_filter() -> None:
    """The filtered prompt that was recorded, of a model deployment, is such an error."""
    (entry,) = json.loads(RECORDED.read_text("utf-8"))["entries"]
    body = json.dumps(entry["response"]["body"]).encode()
    error = error_from_reply(entry["response"]["status"], {}, body, doing="x")
    facts = (type(error), error.content_filter)
    assert (ContentFilteredError, {"violence": VIOLENT}) == facts


def test_filters_beside_the_error_of_a_failed_response_are_read() -> None:
    """A response has its filters beside its error, which may be empty."""
    failed = response(status="failed", error=None, content_filters=BLOCKED)
    reader = ResponseReader(Delivered())
    reader.feed(stream(CREATED, {"type": "response.failed", "response": failed}))
    failure = reader.failure
    assert failure is not None
    assert (RunFailedError, {"jailbreak": JAILBREAK}) == (type(failure), failure.content_filter)


def test_an_error_event_after_response_failed_gives_the_reason() -> None:
    """As reported of Azure: `response.failed` without a reason, then an error event that has it."""
    failed = {"type": "response.failed", "response": response(status="failed", error=None)}
    why = {"code": "content_policy_violation", "message": "It was filtered.", "innererror": INNER}
    reader = ResponseReader(Delivered())
    reader.feed(stream(CREATED, failed))
    before = reader.failure
    reader.feed(stream({"type": "error", "error": why}) + b"data: no JSON\n\n")
    after = reader.failure
    assert isinstance(before, RunFailedError)
    assert isinstance(after, ContentFilteredError)
    facts = {"code": "content_policy_violation", "content_filter": {"violence": VIOLENT}}
    assert {**facts, "response_id": "resp_1"} == after.facts


def test_a_later_error_event_does_not_replace_a_given_reason() -> None:
    """What follows an end that says why does not matter."""
    error = {"code": "server_error", "message": "It broke."}
    failed = {"type": "response.failed", "response": response(status="failed", error=error)}
    reader = ResponseReader(Delivered())
    reader.feed(stream(CREATED, failed, {"type": "error", "code": "x", "message": "Another."}))
    assert "the response: It broke." == (reader.failure.message if reader.failure else None)


def test_the_search_for_filters_is_bounded() -> None:
    """Lists in lists in lists end the search, not the program."""
    nested: Any = HOLDS
    for _ in range(60):
        nested = [nested] * 20
    assert None is struck_by({"details": nested})


# --- at the doors ---------------------------------------------------------------------------------


def _refuse(_: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"error": {**HOLDS, "innererror": INNER}})


def _events(data: bytes) -> httpx.Response:
    return httpx.Response(200, content=data, headers={"content-type": "text/event-stream"})


def _v2(*events: JSON) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/conversations"):
            return httpx.Response(200, json={"id": "conv_1"})
        return _events(stream(*events))

    return answer


def _classic(request: httpx.Request) -> httpx.Response:
    """A run that failed at a filter; the rest of the service is as small as can be."""
    if request.url.path.endswith("/runs"):
        reason = {"code": "content_filter", "message": SENTENCE, "innererror": INNER}
        return _events(classic_frame("thread.run.failed", run("failed", last_error=reason)))
    return httpx.Response(200, json={"id": "thread_1", "object": "thread", "data": []})


FAILED = {"type": "response.failed", "response": response(status="failed", error=None)}
ANSWERS: dict[str, tuple[str, Answer, type[AzureAgentsError]]] = {
    "v2, refused": ("my-agent:1", _refuse, ContentFilteredError),
    "classic, refused": ("asst_1", _refuse, ContentFilteredError),
    "v2, in the stream": (
        "my-agent:1",
        _v2(CREATED, FAILED, {"type": "error", "error": {**HOLDS, "innererror": INNER}}),
        ContentFilteredError,
    ),
    "v2, failed": (
        "my-agent:1",
        _v2(
            CREATED,
            {
                "type": "response.failed",
                "response": response(status="failed", error={**HOLDS, "innererror": INNER}),
            },
        ),
        RunFailedError,
    ),
    "classic, failed": ("asst_1", _classic, RunFailedError),
}


def _doors(place: JSON) -> dict[str, Callable[[], Any]]:
    chat, llm = ChatAzureAgent(**place), AzureAgentLLM(**place)
    other = {**place, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    other["api_base"] = other.pop("endpoint")

    async def asked() -> list[Any]:
        return [chunk async for chunk in await acompletion(**other)]

    async def streamed() -> list[Any]:
        return [chunk async for chunk in chat.astream([HumanMessage("Hi")])]

    return {
        "LangChain": lambda: list(chat.stream([HumanMessage("Hi")])),
        "LangChain, async": lambda: asyncio.run(streamed()),
        "LlamaIndex": lambda: list(llm.stream_chat([ChatMessage("Hi")])),
        "completion": lambda: list(completion(**other)),
        "acompletion": lambda: asyncio.run(asked()),
    }


@pytest.mark.parametrize(("model", "answer", "cls"), ANSWERS.values(), ids=ANSWERS)
def test_every_door_says_which_filter_struck(
    model: str,
    answer: Answer,
    cls: type[AzureAgentsError],
) -> None:
    """Both generations, all doors, sync and async: class, flag and filters."""
    place = {"model": model, "endpoint": ENDPOINT, "credential": "t", "max_retries": 0}
    peer = Recorder(answer)
    for door, ask in _doors({**place, "transport": peer, "async_transport": peer}).items():
        with pytest.raises(AzureAgentsError) as caught:
            ask()
        error = caught.value
        facts = (door, isinstance(error, cls), error.is_filtered, error.content_filter)
        assert (door, True, True, {"violence": VIOLENT}) == facts


def test_a_filtered_prompt_is_a_bad_request() -> None:
    """Code that caught the class above it goes on to work, here and under LangChain's name."""
    assert issubclass(ContentFilteredError, BadRequestError | ServiceError)
