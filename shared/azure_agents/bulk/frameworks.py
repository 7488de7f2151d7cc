"""Models of a framework that exist already: asked by the methods that all of them have.

No framework is imported before such a model is there, so it is installed. Their errors are read by
what they carry: a status, and the headers of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import (
    AuthenticationError,
    AzureAgentsError,
    BadRequestError,
    ConfigError,
    ConnectionLostError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from ..jsonio import JSON
from .asking import Answered, Asked, Asker, Wanted

_BY_STATUS: Mapping[int, type[AzureAgentsError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    429: RateLimitError,
}
_NETWORK = re.compile(r"connect|timeout|timed ?out|network|protocol", re.IGNORECASE)


def framework_asker(model: Any, wanted: Wanted) -> Asker:
    """Find out how a model is asked.

    Args:
        model: A chat model of LangChain, or an LLM of LlamaIndex.
        wanted: What holds for every turn.

    Raises:
        ConfigError: An argument belongs to the model.
    """
    extra = {name for name in wanted.arguments if name != "clock"}
    if extra:
        raise ConfigError(
            f"{min(extra)}= belongs to the model: set it where {type(model).__name__} is made"
        )
    return _LangChain(model, wanted) if hasattr(model, "ainvoke") else _LlamaIndex(model, wanted)


class _LangChain:
    def __init__(self, model: Any, wanted: Wanted) -> None:
        self._model = model.bind_tools(wanted.tools) if wanted.tools else model
        self._options = {k: v for k, v in wanted.options.items() if k == "response_format"}
        self._wanted = wanted

    async def ask(self, asked: Asked) -> Answered:
        messages = self._wanted.before(asked.messages)
        try:
            answer = await self._model.ainvoke(messages, **self._options)
        except Exception as error:
            raise _error_of(error) from error
        metadata = answer.response_metadata or {}
        usage = _usage(answer.usage_metadata or {})
        reason = metadata.get("finish_reason") or ("tool_calls" if answer.tool_calls else "stop")
        ids = {"thread_id": metadata.get("thread_id"), "response_id": answer.id}
        return Answered(_message(answer), ids, usage, None, reason, {})


def _message(answer: Any) -> JSON:
    from langchain_core.messages import convert_to_openai_messages

    message = dict(convert_to_openai_messages(answer))
    return {**message, "content": str(answer.text)}


def _usage(told: Mapping[str, Any]) -> JSON | None:
    names = {
        "prompt_tokens": "input_tokens",
        "completion_tokens": "output_tokens",
        "total_tokens": "total_tokens",
    }
    return {ours: told[theirs] for ours, theirs in names.items() if theirs in told} or None


class _LlamaIndex:
    def __init__(self, model: Any, wanted: Wanted) -> None:
        if wanted.tools or wanted.response_format:
            raise ConfigError(
                f"{type(model).__name__} is asked for texts: for tools and objects give the name "
                "of the model, or a chat model of LangChain"
            )
        self._model, self._wanted = model, wanted

    async def ask(self, asked: Asked) -> Answered:
        from llama_index.core.llms import ChatMessage

        messages = [
            ChatMessage(role=one["role"], content=one["content"])
            for one in self._wanted.before(asked.messages)
        ]
        try:
            answer = await self._model.achat(messages)
        except Exception as error:
            raise _error_of(error) from error
        message = {"role": "assistant", "content": answer.message.content}
        raw = answer.raw
        usage: Any = raw.get("usage") if isinstance(raw, Mapping) else getattr(raw, "usage", None)
        dumped = usage.model_dump() if hasattr(usage, "model_dump") else usage
        ids = {"thread_id": None, "response_id": getattr(raw, "id", None)}
        return Answered(message, ids, dumped, None, "stop", {})


def _error_of(error: Exception) -> Exception:
    """The error as one of ours, where it is one of a service or a network; else itself."""
    if isinstance(error, AzureAgentsError):
        return error
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    sentence = f"{type(error).__name__}: {error}"
    if isinstance(status, int):
        is_server = status >= 500
        kind = _BY_STATUS.get(status, ServerError if is_server else BadRequestError)
        return kind(sentence, status=status, retry_after=_retry_after(error))
    if _NETWORK.search(type(error).__name__):
        return ConnectionLostError(sentence)
    return error


def _retry_after(error: Exception) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
