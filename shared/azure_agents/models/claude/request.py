"""The arguments of a chat as the body of Claude's messages operation. Pure.

What Claude calls otherwise is mapped, what OpenAI alone has is refused (or left out aloud, with
``drop_params=True``), and everything else goes up as it is: Claude's own arguments, also those that
are new tomorrow.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON, known_fields
from ...naming import shown
from ..names import ModelName
from ..rules import Lacking, without_lacking
from .thinking import DEFAULT_MAX_TOKENS, Thinking, read_thinking
from .tools import to_choice, to_tools
from .turns import to_turns

_LIMITS = ("max_tokens", "max_completion_tokens")
_MAPPED = frozenset(
    {
        *_LIMITS,
        "metadata",
        "output_config",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "stop",
        "stop_sequences",
        "stream_options",  # the usage comes in any case
        "system",
        "thinking",
        "tool_choice",
        "tools",
        "user",
    }
)
# What only OpenAI's models have. Left out in silence it would be a promise that nobody keeps.
_LACKING = Lacking(
    "Claude's messages",
    {
        "audio": "",
        "frequency_penalty": "",
        "function_call": "pass tool_choice=",
        "functions": "pass tools=",
        "logit_bias": "",
        "logprobs": "",
        "modalities": "",
        "n": "make several calls",
        "prediction": "",
        "presence_penalty": "",
        "prompt_cache_key": "",
        "safety_identifier": "pass user=",
        "seed": "",
        "store": "",
        "top_logprobs": "",
        "verbosity": "",
        "web_search_options": "pass a tool of Claude's own",
    },
)


def to_body(
    messages: Sequence[Mapping[str, Any]],
    fields: Mapping[str, Any],
    model: ModelName,
    *,
    drops: bool,
) -> JSON:
    """Map a chat call.

    Args:
        messages: OpenAI chat messages.
        fields: The other arguments, by OpenAI's names or by Claude's own.
        model: What answers.
        drops: Leave out, aloud, what Claude does not have.

    Raises:
        InvalidRequestError: Something is malformed, or Claude does not have it.
    """
    fields = without_lacking(fields, _LACKING, model, drops=drops)
    blocks, turns = to_turns(messages)
    thinking = read_thinking(fields, model)
    tools = to_tools(fields["tools"]) if fields.get("tools") else None
    mapped = known_fields(
        max_tokens=_limit(fields, thinking),
        system=_system(blocks, fields.get("system")),
        messages=turns,
        thinking=thinking.thinking,
        output_config=_output(fields, thinking) or None,
        tools=tools,
        tool_choice=to_choice(
            fields.get("tool_choice"), fields.get("parallel_tool_calls"), has_tools=bool(tools)
        ),
        stop_sequences=_stops(fields),
        metadata=_metadata(fields, model, drops=drops) or None,
    )
    return {**mapped, **{name: value for name, value in fields.items() if name not in _MAPPED}}


def _refuse(what: str, model: ModelName, *, drops: bool) -> None:
    if not drops:
        raise InvalidRequestError(
            f"{what}: {model.requested} is a Claude model, which does not have it: leave it out, "
            "or pass drop_params=True"
        )
    warnings.warn(
        f"drop_params=True: {what} dropped, which the Claude model {model.requested} does not have",
        stacklevel=2,
    )


def _limit(fields: Mapping[str, Any], thinking: Thinking) -> int:
    passed = {name: fields[name] for name in _LIMITS if fields.get(name) is not None}
    if len(set(map(repr, passed.values()))) > 1:
        raise InvalidRequestError(f"{' and '.join(f'{n}=' for n in passed)} differ: pass one")
    if not passed:
        return DEFAULT_MAX_TOKENS + thinking.budget
    name, limit = next(iter(passed.items()))
    if type(limit) is not int or limit < 0:
        raise InvalidRequestError(f"{name} must be a whole number, 0 or more, got {shown(limit)}")
    if thinking.budget and limit <= thinking.budget:
        raise InvalidRequestError(
            f"{name}={limit} leaves nothing for the answer behind {thinking.budget} tokens of "
            f"thinking: pass more than {thinking.budget}, or less thinking"
        )
    return limit


def _system(blocks: list[JSON], given: object) -> object:
    if given is not None and blocks:
        raise InvalidRequestError("system= and a system message were both passed: pass one")
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        return blocks[0]["text"]
    return blocks or given


def _output(fields: Mapping[str, Any], thinking: Thinking) -> JSON:
    """``output_config``: effort and format, beside what the caller put into it."""
    given = fields.get("output_config") or {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"output_config must be a dictionary, got {shown(given)}")
    asked = known_fields(effort=thinking.effort, format=_format(fields.get("response_format")))
    for name in asked.keys() & given.keys():
        raise InvalidRequestError(f"output_config has {name}, and an argument says it too")
    return {**given, **asked}


def _format(asked: object) -> JSON | None:
    if asked is None or asked == {"type": "text"}:
        return None
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    outer = asked.get("json_schema") if isinstance(asked, Mapping) else None
    schema = outer.get("schema") if isinstance(outer, Mapping) else None
    if kind == "json_schema" and isinstance(schema, Mapping):
        return {"type": "json_schema", "schema": dict(schema)}
    if kind == "json_object":
        raise InvalidRequestError(
            "response_format 'json_object': Claude gives JSON by a schema only, use 'json_schema'"
        )
    raise InvalidRequestError(
        f"response_format={shown(asked)} is unknown: use "
        "{'type': 'json_schema', 'json_schema': {'name': …, 'schema': …}}"
    )


def _stops(fields: Mapping[str, Any]) -> list[str] | None:
    passed = [fields[name] for name in ("stop", "stop_sequences") if fields.get(name) is not None]
    if len(passed) > 1 and passed[0] != passed[1]:
        raise InvalidRequestError("stop= and stop_sequences= differ: pass one")
    if not passed:
        return None
    stops = [passed[0]] if isinstance(passed[0], str) else passed[0]
    if isinstance(stops, list | tuple) and all(isinstance(one, str) for one in stops):
        return list(stops) or None
    raise InvalidRequestError(f"stop must be a text or a list of texts, got {shown(passed[0])}")


def _metadata(fields: Mapping[str, Any], model: ModelName, *, drops: bool) -> JSON:
    """``metadata``: Claude keeps the id of a user and nothing else."""
    given = fields.get("metadata") or {}
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"metadata must be a dictionary, got {shown(given)}")
    for name in sorted(map(str, given.keys() - {"user_id"})):
        _refuse(f"metadata[{name!r}]", model, drops=drops)
    ids = [id for id in (given.get("user_id"), fields.get("user")) if id is not None]
    if len(ids) > 1 and ids[0] != ids[1]:
        raise InvalidRequestError("user= and metadata['user_id'] differ: pass one")
    return {"user_id": ids[0]} if ids else {}
