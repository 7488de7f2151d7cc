"""Every field of OpenAI's messages, every parameter of a request, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .fates import B64_MARK, KIND, MARK, Table, label, left_out, refused, sent, told

HI = {"content": "hi"}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
HINT = label({"mode": "explicit"})  # to OpenAI's cache; an agent has none to tell


def only(role: str) -> Callable[..., list[Any]]:
    """Make a history of one message."""
    return lambda **fields: [{"role": role, **fields}]


def part(kind: str, role: str = "user") -> Callable[..., list[Any]]:
    """Make a history of one message with one part."""
    return lambda **fields: [{"role": role, "content": [{"type": kind, **fields}]}]


def inside(kind: str, name: str) -> Callable[..., list[Any]]:
    """Make a history of one message with one part that holds the fields under a name."""
    return lambda **fields: part(kind)(**{name: fields})


def called(**fields: Any) -> list[Any]:
    """Make a history of one call."""
    return [{"role": "assistant", "content": None, "tool_calls": [fields]}]


def called_before_tools(**fields: Any) -> list[Any]:
    """Make a history of one call in the form that tool calls replaced."""
    return [{"role": "assistant", "function_call": fields}]


PERSON = {"role": KIND, "content": sent(), "name": told()}
TABLES: dict[str, Table] = {
    "ChatCompletionUserMessageParam": Table(only("user"), HI, PERSON),
    "ChatCompletionSystemMessageParam": Table(only("system"), HI, PERSON),
    "ChatCompletionDeveloperMessageParam": Table(only("developer"), HI, PERSON),
    "ChatCompletionAssistantMessageParam": Table(
        only("assistant"),
        HI,
        {
            "role": KIND,
            "content": sent(),
            "name": label(),
            "refusal": sent(),
            "tool_calls": sent([{**CALL, "id": MARK}]),
            "function_call": sent({"name": MARK, "arguments": "{}"}),
            "audio": left_out({"id": MARK}),
        },
    ),
    "Audio": Table(
        lambda **fields: only("assistant")(content="hi", audio=fields), {}, {"id": left_out()}
    ),
    "ChatCompletionToolMessageParam": Table(
        only("tool"),
        {**HI, "tool_call_id": "c"},
        {"role": KIND, "content": sent(), "tool_call_id": sent()},
    ),
    "ChatCompletionFunctionMessageParam": Table(
        only("function"), {**HI, "name": "f"}, {"role": KIND, "content": sent(), "name": sent()}
    ),
    "ChatCompletionMessageFunctionToolCallParam": Table(
        called,
        CALL,
        {"type": KIND, "id": sent(), "function": sent({"name": MARK, "arguments": "{}"})},
    ),
    "Function": Table(
        lambda **fields: called(id="c", type="function", function=fields),
        {"name": "f", "arguments": "{}"},
        {"name": sent(), "arguments": sent('{"x":"MARK"}')},
    ),
    "FunctionCall": Table(
        called_before_tools,
        {"name": "f", "arguments": "{}"},
        {"name": sent(), "arguments": sent('{"x":"MARK"}')},
    ),
    "ChatCompletionMessageCustomToolCallParam": Table(
        called,
        {"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}},
        {"type": KIND, "id": sent(), "custom": sent({"name": "f", "input": MARK})},
    ),
    "Custom": Table(
        lambda **fields: called(id="c", type="custom", custom=fields),
        {"name": "f", "input": "x"},
        {"name": sent(), "input": sent()},
    ),
    "ChatCompletionContentPartTextParam": Table(
        part("text"),
        {"text": "hi"},
        {"type": KIND, "text": sent(), "prompt_cache_breakpoint": HINT},
    ),
    "ChatCompletionContentPartRefusalParam": Table(
        part("refusal", "assistant"), {"refusal": "no"}, {"type": KIND, "refusal": sent()}
    ),
    "ChatCompletionContentPartImageParam": Table(
        part("image_url"),
        {"image_url": {"url": "https://x.test/y"}},
        {
            "type": KIND,
            "image_url": sent({"url": "https://x.test/MARK"}),
            "prompt_cache_breakpoint": HINT,
        },
    ),
    "ImageURL": Table(
        inside("image_url", "image_url"),
        {"url": "https://x.test/y"},
        {"url": sent("https://x.test/MARK"), "detail": sent()},
    ),
    "ChatCompletionContentPartInputAudioParam": Table(
        part("input_audio"),
        {"input_audio": {"data": B64_MARK, "format": "wav"}},
        {"type": KIND, "input_audio": refused({}), "prompt_cache_breakpoint": refused()},
    ),
    "InputAudio": Table(
        inside("input_audio", "input_audio"), {}, {"data": refused(), "format": refused()}
    ),
    "File": Table(
        part("file"),
        {"file": {"file_id": "f"}},
        {"type": KIND, "file": sent({"file_id": MARK}), "prompt_cache_breakpoint": HINT},
    ),
    "FileFile": Table(
        inside("file", "file"),
        {"file_id": "f"},
        {
            "file_id": sent(beside={}),
            "file_data": sent(B64_MARK, B64_MARK, beside={}),
            "filename": sent(beside={"file_data": B64_MARK}),
        },
    ),
    "PromptCacheBreakpoint": Table(
        lambda **fields: part("text")(text="hi", prompt_cache_breakpoint=fields),
        {},
        {"mode": label(), "ttl": label()},
    ),
    "FilePromptCacheBreakpoint": Table(
        lambda **fields: part("file")(file={"file_id": "f"}, prompt_cache_breakpoint=fields),
        {},
        {"mode": label(), "ttl": label()},
    ),
}

_FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {}}}
# Parameter -> (an example that asks for something, what v2 does, what classic does).
PARAMETERS: dict[str, tuple[Any, str, str]] = {
    "audio": ({"voice": "alloy", "format": "wav"}, "refused", "refused"),
    "frequency_penalty": (0.5, "refused", "refused"),
    "function_call": ({"name": "f"}, "refused", "refused"),
    "functions": ([{"name": "f"}], "refused", "refused"),
    "logit_bias": ({"50256": -100}, "refused", "refused"),
    "logprobs": (True, "refused", "refused"),
    "max_completion_tokens": (100, "sent", "sent"),
    "max_tokens": (100, "sent", "sent"),
    "messages": ([{"role": "user", "content": "hi"}], "sent", "sent"),
    "metadata": ({"a": "b"}, "sent", "sent"),
    "modalities": (["audio"], "refused", "refused"),
    "model": (None, "sent", "sent"),
    "moderation": ({"model": "omni-moderation-latest"}, "refused", "refused"),
    "n": (2, "refused", "refused"),
    "parallel_tool_calls": (False, "sent", "sent"),
    "prediction": ({"type": "content", "content": "x"}, "refused", "refused"),
    "presence_penalty": (0.5, "refused", "refused"),
    "prompt_cache_key": ("k", "sent", "refused"),
    "prompt_cache_options": ({"mode": "explicit"}, "refused", "refused"),
    "prompt_cache_retention": ("24h", "refused", "refused"),
    "reasoning_effort": ("low", "refused", "refused"),
    "response_format": ({"type": "json_object"}, "sent", "sent"),
    "safety_identifier": ("s", "sent", "refused"),
    "seed": (7, "refused", "refused"),
    "service_tier": ("default", "sent", "refused"),
    "stop": (["end"], "sent", "sent"),  # cut on our side
    "store": (True, "refused", "refused"),
    "stream": (True, "sent", "sent"),
    "stream_options": ({"include_usage": True}, "sent", "sent"),
    "temperature": (0.5, "refused", "sent"),
    "tool_choice": ("auto", "sent", "sent"),
    "tools": ([_FUNCTION], "sent", "sent"),
    "top_logprobs": (5, "refused", "refused"),
    "top_p": (0.5, "refused", "sent"),
    "user": ("u", "sent", "refused"),
    "verbosity": ("low", "refused", "refused"),
    "web_search_options": ({"search_context_size": "low"}, "refused", "refused"),
}
