"""Check the request for a chat completion: fields, values, messages, and what a family refuses.

The sentences are OpenAI's, which Azure passes on; users quote them, no recording has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..world.exchange import check_metadata
from ..world.limits import (
    Kind,
    Limit,
    Number,
    Word,
    check_choice,
    check_chosen,
    check_values,
    wrong_type,
)
from .chat_audio import check_audio
from .families import is_o_series, reasons, refuses_tools
from .message_checks import check_messages
from .refusals import invalid, missing, unsupported, unsupported_value

if TYPE_CHECKING:
    from ...jsonio import JSON

_FLAG, _TEXT = Kind("boolean"), Kind("string")
_OPTIONS: Mapping[str, Limit] = {
    "frequency_penalty": Number(-2, 2, "number"),
    "logprobs": _FLAG,
    "max_completion_tokens": Number(1),
    "max_tokens": Number(1),
    "messages": Kind("array"),
    "metadata": Kind("object"),
    "modalities": Kind("array"),
    "n": Number(1, 128),
    "parallel_tool_calls": _FLAG,
    "presence_penalty": Number(-2, 2, "number"),
    "prompt_cache_key": _TEXT,
    "reasoning_effort": Word(("none", "minimal", "low", "medium", "high", "xhigh")),
    "response_format": Kind("object"),
    "safety_identifier": _TEXT,
    "seed": Number(),
    "service_tier": Word(("auto", "default", "flex", "scale", "priority")),
    "store": _FLAG,
    "stream": _FLAG,
    "stream_options": Kind("object"),
    "temperature": Number(0, 2, "number"),
    "tools": Kind("array"),
    "top_logprobs": Number(0, 20),
    "top_p": Number(0, 1, "number"),
    "user": _TEXT,
    "verbosity": Word(("low", "medium", "high")),
}
# Fields that are checked elsewhere, or not at all.
_FREE = ("audio", "data_sources", "logit_bias", "model", "prediction", "stop")
_KNOWN = frozenset((*_OPTIONS, *_FREE, "tool_choice", "prompt_cache_retention"))
# What reasoning models take one value of, and what they do not take at all.
_ONE_VALUE = {"temperature": 1, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 0}
_NOT_REASONING = ("logprobs", "top_logprobs", "logit_bias")


def check_chat(body: JSON, model: str) -> None:
    """Refuse what the model behind a deployment cannot take.

    Raises:
        Problem: A 400 in OpenAI's envelope that names the parameter.
    """
    _check_known(body)
    if body.get("messages") is None:
        raise missing("messages")
    check_values(body, _OPTIONS, wrong_type)
    check_metadata(body)
    check_messages(body["messages"])
    _check_family(body, model)
    check_audio(body, model)
    _check_limits(body)
    _check_logprobs(body)
    _check_tools(body)
    _check_stream(body)
    _check_format(body.get("response_format"), body["messages"])


def _check_known(body: JSON) -> None:
    for name in body:
        if name not in _KNOWN:
            raise invalid(f"Unrecognized request argument supplied: {name}")


def _check_family(body: JSON, model: str) -> None:
    if not reasons(model):
        if body.get("reasoning_effort") is not None:
            raise invalid("Unrecognized request argument supplied: reasoning_effort")
        return
    if body.get("max_tokens") is not None:
        raise unsupported("max_tokens", "max_completion_tokens")
    check_sampling(body, model)
    refused = (*_NOT_REASONING, "parallel_tool_calls") if is_o_series(model) else _NOT_REASONING
    for name in refused:
        if body.get(name) is not None:
            raise unsupported(name)
    if body.get("tools") and refuses_tools(model, body.get("reasoning_effort")):
        raise invalid(
            f"Function tools with reasoning_effort are not supported for {model} in "
            "/v1/chat/completions. Please use /v1/responses instead.",
            "reasoning_effort",
        )


def check_sampling(body: JSON, model: str) -> None:
    """Refuse another sampling than the one that a reasoning model has."""
    for name, default in _ONE_VALUE.items() if reasons(model) else ():
        value = body.get(name)
        if value is not None and value != default:
            raise unsupported_value(name, value, default)


def _check_limits(body: JSON) -> None:
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise invalid(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            code="invalid_parameter_combination",
        )


def _check_logprobs(body: JSON) -> None:
    if body.get("top_logprobs") and not body.get("logprobs"):
        message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        raise invalid(message, "top_logprobs")


def _check_tools(body: JSON) -> None:
    tools, choice = body.get("tools"), body.get("tool_choice")
    for index, tool in enumerate(tools or ()):
        _check_tool(tool, f"tools[{index}]")
    if tools is not None and not tools:
        message = (
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead."
        )
        raise invalid(message, "tools", "empty_array")
    if choice is not None and not tools:
        message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
        raise invalid(f"{message}specified.", "tool_choice")
    check_choice(choice)
    check_chosen(choice, tools or ())


def _check_tool(tool: Any, place: str) -> None:
    if not isinstance(tool, dict):
        raise wrong_type(place, "object", tool)
    if not isinstance(tool.get("type"), str):
        raise missing(f"{place}.type")
    if tool["type"] != "function":
        return
    function = tool.get("function")
    if not isinstance(function, dict):
        raise missing(f"{place}.function")
    if not isinstance(function.get("name"), str):
        raise missing(f"{place}.function.name")


def _check_stream(body: JSON) -> None:
    if body.get("stream_options") is not None and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise invalid(message, "stream_options")


def _check_format(format: Any, messages: Any) -> None:
    if format is None:
        return
    known = Word(("json_object", "json_schema", "text"))
    check_values(
        {"response_format.type": format.get("type")}, {"response_format.type": known}, wrong_type
    )
    kind = format.get("type")
    if kind is None:
        raise missing("response_format.type")
    if kind == "json_object" and "json" not in str(messages).lower():
        message = (
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'."
        )
        raise invalid(message, "messages")
    schema = format.get("json_schema")
    if kind == "json_schema" and not isinstance(schema, dict):
        raise missing("response_format.json_schema")
    if kind == "json_schema" and not isinstance(schema.get("name"), str):
        raise missing("response_format.json_schema.name")
