"""What was recorded of an answer, read apart from our code, and compared with what we give."""

from __future__ import annotations

import json
import re
from typing import Any

from azure_agents import errors

from .recorded_claude import blocks_of, said_in
from .recorded_models import Call, body_of

IDS = ("x-request-id", "apim-request-id", "request-id")
CLASSES = {
    "openai/error_400_prompt_content_filter": errors.ContentFilteredError,
    "openai/error_404_deployment_not_found": errors.NotFoundError,
    "openai/error_429_rate_limit_models_api": errors.RateLimitError,
    "claude/error_400_prompt_too_long": errors.BadRequestError,
    "openai/error_400_missing_model_responses": errors.BadRequestError,
    "openai/error_401_bad_key_dated": errors.AuthenticationError,
    "openai/fine_tuning_create_cancel_delete": errors.NotFoundError,
    "openai/responses_dated_create_get_delete_404": errors.ThreadNotFoundError,
}


def recorded_chunks(sse: str) -> list[dict[str, Any]]:
    """The data of a stream, without its end mark."""
    data = re.findall(r"^data: ?(.*)$", sse, re.MULTILINE)
    return [json.loads(one) for one in data if one != "[DONE]"]


def check(call: Call, response: dict[str, Any], answer: Any) -> None:
    """An answer is the recorded one."""
    if call.arguments.get("model", "").startswith("azure_ai/claude"):
        check_claude(response, answer)
    elif call.function == "responses" and call.is_streamed:
        events = recorded_chunks(response["sse"])
        assert events == [piece.model_dump() for piece in answer]
    elif call.function in {"speech", "file_content"}:
        assert response["body"].encode() == answer.content
    elif isinstance(response.get("body"), str):
        assert response["body"] == answer.text
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
    ids = [response["headers"][name] for name in IDS if name in response["headers"]]
    assert CLASSES[file] is type(error)
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
