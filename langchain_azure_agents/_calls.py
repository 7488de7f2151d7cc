"""Function calls of an answer: good ones, and ones whose arguments are no JSON object.

Arguments may be cut (a token limit) or wrong. LangChain's chunks close what is open in a call's
JSON, so that a half-streamed call can be shown; but they do it at the end of the stream too, and a
call cut in the middle of a path would run with half a path. `spoiler` is the piece that such a call
gets with the last chunk: a bracket that closes nothing, which makes it an invalid call in a stream
as it is one without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from langchain_core.messages import InvalidToolCall
from langchain_core.messages.tool import ToolCall as LangChainCall
from langchain_core.utils.json import parse_partial_json

from azure_agents import ToolCall
from azure_agents.errors import ProtocolError
from azure_agents.jsonio import loads

# Out of a string or of an escape in it, and a bracket that does not fit.
_SPOILERS = ("]", "}", '"]', '"}', '""]', '""}')


def sorted_out(calls: Iterable[ToolCall]) -> tuple[list[LangChainCall], list[InvalidToolCall]]:
    """Sort calls into those that can run and those whose arguments are no JSON object."""
    good: list[LangChainCall] = []
    bad: list[InvalidToolCall] = []
    for call in calls:
        arguments = _arguments_of(call.arguments)
        if arguments is None:
            bad.append(_invalid_call(call))
        else:
            good.append(
                LangChainCall(name=call.name, args=arguments, id=call.id, type="tool_call"),
            )
    return good, bad


def spoiler(arguments: str) -> str:
    """Make the piece after which LangChain refuses broken arguments as we do; mostly ""."""
    if _arguments_of(arguments) is not None or not _runs(arguments):
        return ""
    return next(piece for piece in _SPOILERS if not _runs(arguments + piece))


def _arguments_of(text: str) -> dict[str, Any] | None:
    try:
        value = loads(text or "{}")
    except ProtocolError:
        return None
    return value if isinstance(value, dict) else None


def _runs(text: str) -> bool:
    # LangChain closes what is open in the JSON of a call, and runs it if that makes an object.
    try:
        return isinstance(parse_partial_json(text), dict)
    except ValueError:
        return False


def _invalid_call(call: ToolCall) -> InvalidToolCall:
    return InvalidToolCall(
        name=call.name,
        args=call.arguments,
        id=call.id,
        error="the arguments are not a JSON object",
        type="invalid_tool_call",
    )
