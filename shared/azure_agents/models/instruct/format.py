"""How a chat call speaks to a model that completes texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from ...jsonio import JSON
from ...naming import shown
from ..chunks import ChatDecoder
from ..names import ModelName
from ..rules import Lacking, without_lacking
from .answer import ChunkReader, to_completion
from .prompt import to_prompt

_CHAT = "use a chat model"
# Of OpenAI's SDK: the arguments of chat that those of text completions lack.
_LACKING = Lacking(
    "text completions",
    {
        "audio": _CHAT,
        "function_call": _CHAT,
        "functions": _CHAT,
        "metadata": "",
        "modalities": _CHAT,
        "moderation": "",
        "parallel_tool_calls": "",
        "prediction": "",
        "prompt_cache_key": "",
        "prompt_cache_options": "",
        "prompt_cache_retention": "",
        "reasoning_effort": _CHAT,
        "response_format": "ask for JSON in the messages, or use a chat model",
        "safety_identifier": "pass user=",
        "service_tier": "",
        "store": "",
        "tool_choice": _CHAT,
        "tools": _CHAT,
        "verbosity": "",
        "web_search_options": _CHAT,
    },
)
_RENAMED = {"max_completion_tokens": "max_tokens"}
_LOGPROBS = ("logprobs", "top_logprobs")


class InstructFormat:
    """The operation of text completions.

    Args:
        model: What answers.
        drops: Leave out, aloud, what text completions do not have.
    """

    operation = "text_completion"
    headers: Mapping[str, str] = {}

    def __init__(self, model: ModelName, *, drops: bool) -> None:
        self._model, self._drops = model, drops

    def body(self, messages: Sequence[JSON], fields: Mapping[str, Any]) -> JSON:
        """Map a call; without ``model`` and ``stream``.

        Raises:
            InvalidRequestError: Something is malformed, or text completions do not have it.
        """
        if "prompt" in fields:
            raise InvalidRequestError("prompt= and messages= say the same: pass messages=")
        kept = without_lacking(fields, _LACKING, self._model, drops=self._drops)
        for given, name in _RENAMED.items():
            if given in kept and name in kept:
                raise InvalidRequestError(f"{given}= and {name}= say the same: pass one of them")
        mapped = {_RENAMED.get(name, name): v for name, v in kept.items() if name not in _LOGPROBS}
        return {"prompt": to_prompt(messages), **mapped, **_logprobs(fields)}

    def answer(self, data: JSON) -> JSON:
        """Map an answer."""
        return to_completion(data)

    def decoder(self, doing: str, *, include_usage: bool) -> ChatDecoder:
        """Make the decoder of one stream."""
        return ChatDecoder(doing, include_usage=include_usage, read=ChunkReader())


def _logprobs(fields: Mapping[str, Any]) -> JSON:
    """``logprobs``: here a number of tokens, in a chat a flag with a number beside it."""
    given, most = fields.get("logprobs"), fields.get("top_logprobs")
    if type(given) is int:
        return {"logprobs": given}
    if given is not None and not isinstance(given, bool):
        raise InvalidRequestError(
            f"logprobs must be a number of tokens or True, got {shown(given)}"
        )
    return {"logprobs": most or 0} if given or most else {}
