"""Recorded traffic of deployments, asked for by our functions: what is read is what was recorded.

Each request is a cassette of its own (`recorded_models.Recording`), played without sockets, by the
sync and the async function. Expected values are read from the recording, apart from our code.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

import azure_agents
from azure_agents import errors

from .recorded_claude import blocks_of, said_in
from .recorded_models import (
    DIFFERENCES,
    FOLDER,
    FUNCTIONS,
    PLACES,
    Call,
    Recording,
    body_of,
    call_of,
    entries,
    files,
    goes_to_the_same_place,
)
from .test_chat import in_pieces

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings of deployments: {FOLDER} is not here"
)
# Recordings of operations for which there is no function yet.
TO_COME = {
    "openai/audio_speech_tts": "speech",
    "openai/audio_transcription_srt": "transcription",
    "openai/audio_transcription_verbose_json": "transcription",
    "openai/batch_life_cycle_output_lines": "create_batch",
    "openai/completions_legacy_gpt35": "text_completion",
    "openai/embeddings_base64_ada": "embedding",
    "openai/error_400_missing_model_responses": "responses",
    "openai/error_401_bad_key_dated": "embedding",
    "openai/fine_tuning_create_cancel_delete": "create_fine_tuning_job",
    "openai/images_dalle3_filter_results": "image_generation",
    "openai/responses_dated_create_get_delete_404": "responses",
    "openai/responses_dated_stream_gpt5nano": "responses",
    "openai/responses_v1_function_tool_gpt56": "responses",
    "openai/responses_v1_plain_gpt5nano": "responses",
    "openai/responses_v1_stream_gpt5nano": "responses",
}
PLAYED = [
    (file, number)
    for file in (files() if FOLDER.is_dir() else ())
    if file not in TO_COME
    for number in range(len(entries(file)))
]
every_exchange = pytest.mark.parametrize(("file", "number"), PLAYED)
both = pytest.mark.parametrize("is_async", [False, True])
_IDS = ("x-request-id", "apim-request-id", "request-id")
_CLASSES = {
    "openai/error_400_prompt_content_filter": errors.ContentFilteredError,
    "openai/error_404_deployment_not_found": errors.NotFoundError,
    "openai/error_429_rate_limit_models_api": errors.RateLimitError,
    "claude/error_400_prompt_too_long": errors.BadRequestError,
}


@contextmanager
def cassette(file: str, number: int) -> Iterator[Recording]:
    """The network is one recorded exchange."""
    recording = Recording(number)
    player = vcr.VCR(match_on=["method", "place", "meaning"])
    player.register_serializer("recording", recording)
    player.register_matcher("place", goes_to_the_same_place)
    player.register_matcher("meaning", recording.means_the_same)
    path = str(FOLDER / f"{file}.json")
    with player.use_cassette(path, serializer="recording", record_mode="none") as played:
        yield recording
        assert played.all_played


def asked(call: Call, *, is_async: bool, **more: Any) -> Any:
    """What a call gives, by either function; of a stream a list of its pieces."""
    given = {"max_retries": 0, **call.arguments, **more}
    if not is_async:
        answer = getattr(azure_agents, call.function)(**given)
        return list(answer) if call.is_streamed else answer

    async def run() -> Any:
        # httpx-aiohttp, which async calls would use, is another library to vcrpy.
        transport = {"async_transport": httpx.AsyncHTTPTransport(), **given}
        answer = await getattr(azure_agents, f"a{call.function}")(**transport)
        return [piece async for piece in answer] if call.is_streamed else answer

    return asyncio.run(run())


def recorded_chunks(sse: str) -> list[dict[str, Any]]:
    """The data of a stream, without its end mark."""
    data = re.findall(r"^data: ?(.*)$", sse, re.MULTILINE)
    return [json.loads(one) for one in data if one != "[DONE]"]


def check(file: str, call: Call, response: dict[str, Any], answer: Any) -> None:
    """An answer is the recorded one."""
    if file.startswith("claude/"):
        check_claude(response, answer)
    elif call.is_streamed:
        check_chunks(recorded_chunks(response["sse"]), [piece.model_dump() for piece in answer])
    else:
        assert response["body"] == answer.model_dump()
        told = answer._hidden_params["headers"]
        kept = {k: v for k, v in response["headers"].items() if "request-id" in k or "limit" in k}
        assert {k: v for k, v in kept.items() if "client" not in k}.items() <= told.items()


def check_chunks(recorded: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    """Every choice comes as recorded, with a delta; nothing of a chunk without choices is lost."""
    then = [
        {**one, "delta": one.get("delta", {})} for chunk in recorded for one in chunk["choices"]
    ]
    assert then == [one for chunk in ours for one in chunk["choices"]]
    alone = [chunk for chunk in ours if not chunk["choices"]]
    assert [chunk for chunk in recorded if chunk.get("usage")] == alone
    for name in ("prompt_filter_results", "id", "model", "created", "system_fingerprint"):
        values = [[chunk[name] for chunk in side if chunk.get(name)] for side in (recorded, ours)]
        assert values[0][:1] == values[1][:1], name


def check_claude(response: dict[str, Any], answer: Any) -> None:
    """Text, thinking, calls, end and tokens of Claude's blocks, whole or in pieces."""
    if "sse" in response:
        events = recorded_chunks(response["sse"])
        blocks, last = blocks_of(events), events[-2]
        choices = [piece.choices[0] for piece in answer if piece.choices]
        text = "".join(one.delta.content or "" for one in choices)
        called = [call for one in choices for call in one.delta.get("tool_calls") or ()]
        said = {"content": text or None}
        if called:
            written = "".join(call["function"]["arguments"] for call in called)
            made = {"name": called[0]["function"]["name"], "arguments": written}
            said["tool_calls"] = [{"id": called[0]["id"], "type": "function", "function": made}]
        end, reason = last["delta"]["stop_reason"], choices[-1].finish_reason
    else:
        blocks, end = response["body"]["content"], response["body"]["stop_reason"]
        message = answer.choices[0].message.model_dump()
        said = {name: message.get(name) for name in said_in(blocks)}
        reason = answer.choices[0].finish_reason
        counts = response["body"]["usage"]
        tokens = (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        assert (counts["input_tokens"], counts["output_tokens"]) == tokens
    assert without_spaces(said_in(blocks)) == without_spaces(said)
    assert {"end_turn": "stop", "tool_use": "tool_calls"}[end] == reason


def without_spaces(said: dict[str, Any]) -> dict[str, Any]:
    """What is said, with the arguments of calls read: JSON may be spaced in any way."""
    for call in said.get("tool_calls") or ():
        call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return said


def check_error(file: str, response: dict[str, Any], error: errors.AzureAgentsError) -> None:
    """The class that callers catch, with status, code, sentence and id of the answer."""
    told = json.loads(body_of(response))["error"]
    ids = [response["headers"][name] for name in _IDS if name in response["headers"]]
    assert _CLASSES[file] is type(error)
    assert response["status"] == error.status
    assert told.get("code") == error.code
    assert told["message"].rstrip(".") in error.message
    assert "agent" not in error.message
    assert error.request_id in [*ids, json.loads(body_of(response)).get("request_id")]
    if response["status"] == 429:
        assert 1 == error.retry_after  # of ``retry-after: 1`` and ``retry-after-ms: 0``
    if "innererror" in told:
        results = told["innererror"]["content_filter_result"]
        assert {k: v for k, v in results.items() if v["filtered"]} == error.content_filter


@every_exchange
@both
def test_recorded_answers_are_read_exactly(file: str, number: int, *, is_async: bool) -> None:
    """Every field of a chat, every choice of a stream; of an error its class, ids and sentence."""
    exchange = entries(file)[number]
    call, response = call_of(exchange["request"]), exchange["response"]
    with cassette(file, number):
        if response["status"] >= 400:
            with pytest.raises(errors.AzureAgentsError) as caught:
                asked(call, is_async=is_async)
            check_error(file, response, caught.value)
        else:
            check(file, call, response, asked(call, is_async=is_async))


@pytest.mark.parametrize("size", [1, 3, 64])
def test_streams_are_read_in_pieces_of_any_size(size: int) -> None:
    """A piece may end within a line, a character or a line's end."""
    for file, number in PLAYED:
        exchange = entries(file)[number]
        if "sse" in exchange["response"]:
            call, sse = call_of(exchange["request"]), exchange["response"]["sse"].encode()
            kind = {"content-type": "text/event-stream"}
            network = httpx.MockTransport(
                lambda _, sse=sse, kind=kind: httpx.Response(
                    200, content=in_pieces(sse, size), headers=kind
                )
            )
            answer = asked(call, is_async=False, transport=network)
            check(file, call, exchange["response"], answer)


@every_exchange
def test_another_request_is_not_answered(file: str, number: int) -> None:
    """By one word more it is not the recorded one."""
    call = call_of(entries(file)[number]["request"])
    more = [*call.arguments["messages"], {"role": "user", "content": "Please."}]
    with pytest.raises(CannotOverwriteExistingCassetteException), cassette(file, number):
        asked(call, is_async=False, messages=more)


def test_a_recording_that_comes_later_does_not_go_unplayed() -> None:
    """Every file is played, or waits for a function that is not there."""
    assert set(files()) == {file for file, _ in PLAYED} | set(TO_COME)
    assert [] == sorted(set(FUNCTIONS.values()) & set(TO_COME.values()))


def test_every_mapped_place_and_every_difference_is_in_use() -> None:
    """The tables say what is otherwise with us, and nothing else."""
    moved, differ = set(), set()
    for file, number in PLAYED:
        exchange = entries(file)[number]
        with cassette(file, number) as recording:
            try:
                asked(call_of(exchange["request"]), is_async=False)
            except errors.ServiceError:
                assert exchange["response"]["status"] >= 400
        moved.add(recording.moved_by)
        differ |= recording.differences
    assert set(DIFFERENCES) == differ
    assert {*PLACES, None} == moved
