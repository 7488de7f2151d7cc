"""The arguments of a chat as the body of the responses operation. Pure.

What is called otherwise there is mapped, what chat alone has is refused (or left out aloud, with
``drop_params=True``), and everything else goes up as it is, also what is new tomorrow.

A chat call leaves nothing behind on the server: ``store`` is False unless the caller says
otherwise, or goes on from what is stored. Reasoning is then kept by the caller, encrypted, so it is
asked for where the model is known to reason; other models refuse the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON, known_fields
from ...naming import shown
from ..names import ModelName, family_of
from ..rules import Lacking, fit, without_lacking
from .tools import to_choice, to_text, to_tools
from .turns import to_input

_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_MAPPED = frozenset(
    {
        *_LIMITS,
        "include",
        "logprobs",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "store",
        "stream_options",
        "text",
        "tool_choice",
        "tools",
        "verbosity",
    }
)
# Of OpenAI's SDK: the arguments of chat that those of responses lack.
_LACKING = Lacking(
    "the responses operation",
    {
        "audio": "call an audio model as 'azure/<deployment>'",
        "frequency_penalty": "",
        "function_call": "pass tool_choice=",
        "functions": "pass tools=",
        "logit_bias": "",
        "modalities": "call an audio model as 'azure/<deployment>'",
        "n": "make several calls",
        "prediction": "",
        "presence_penalty": "",
        "seed": "",
        "stop": "cut the text yourself",
        "web_search_options": "pass tools=[{'type': 'web_search'}]",
    },
)
# What goes on from something that is stored.
_STORED = ("previous_response_id", "conversation", "prompt")
_ENCRYPTED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"
# Models that reason, beside those of the o-series and gpt-5.
_REASONING = re.compile(r"codex|computer-use")


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
        fields: The other arguments, by chat's names or by those of responses.
        model: What answers.
        drops: Leave out, aloud, what the operation does not have.

    Raises:
        InvalidRequestError: Something is malformed, or the operation does not have it.
    """
    if fields.get("background"):
        raise InvalidRequestError(
            "background=True: a chat call waits for its answer; leave it out, or use responses()"
        )
    fields = without_lacking(fields, _LACKING, model, drops=drops)
    fields = fit(fields, model, drops=drops)
    mapped = known_fields(
        input=to_input(messages, is_stored=_is_stored(fields)),
        tools=to_tools(fields["tools"]) if fields.get("tools") else None,
        tool_choice=to_choice(fields.get("tool_choice")),
        text=to_text(fields) or None,
        reasoning=_reasoning(fields) or None,
        max_output_tokens=_limit(fields),
        store=_store(fields),
        include=_include(fields, model) or None,
        stream_options=_stream_options(fields) or None,
    )
    return {**mapped, **{name: value for name, value in fields.items() if name not in _MAPPED}}


def _limit(fields: Mapping[str, Any]) -> object:
    passed = {name: fields[name] for name in _LIMITS if fields.get(name) is not None}
    if len(set(map(repr, passed.values()))) > 1:
        raise InvalidRequestError(f"{' and '.join(f'{n}=' for n in passed)} differ: pass one")
    return next(iter(passed.values()), None)


def _reasoning(fields: Mapping[str, Any]) -> JSON:
    """``reasoning``: effort, beside what the caller put into it."""
    given, effort = fields.get("reasoning") or {}, fields.get("reasoning_effort")
    if not isinstance(given, Mapping):
        raise InvalidRequestError(f"reasoning must be a dictionary, got {shown(given)}")
    # LiteLLM's users write {"effort": "high", "summary": "auto"} here.
    asked = dict(effort) if isinstance(effort, Mapping) else known_fields(effort=effort)
    for name in asked.keys() & given.keys():
        raise InvalidRequestError(f"reasoning has {name}, and reasoning_effort= says it: pass one")
    return {**given, **asked}


def _is_stored(fields: Mapping[str, Any]) -> bool:
    return fields.get("store") is True or any(fields.get(name) for name in _STORED)


def _store(fields: Mapping[str, Any]) -> object:
    return False if "store" not in fields and not _is_stored(fields) else fields.get("store")


def _include(fields: Mapping[str, Any], model: ModelName) -> list[object]:
    given = fields.get("include") or ()
    if not isinstance(given, list | tuple):
        raise InvalidRequestError(f"include must be a list, got {shown(given)}")
    wanted = [_ENCRYPTED] if _reasons(fields, model) else []
    if fields.get("logprobs") or fields.get("top_logprobs"):
        wanted.append(_LOGPROBS)
    return list(dict.fromkeys([*given, *wanted]))


def _reasons(fields: Mapping[str, Any], model: ModelName) -> bool:
    named = (model.base_model or model.name).lower()
    is_known = family_of(named) != "chat" or _REASONING.search(named) is not None
    return is_known or _reasoning(fields).get("effort") not in (None, "none")


def _stream_options(fields: Mapping[str, Any]) -> JSON:
    # The usage comes in any case; ``include_usage`` is chat's alone.
    given = fields.get("stream_options") or {}
    return {name: value for name, value in given.items() if name != "include_usage"}
