"""The decorators of the eight endpoints: LlamaIndex's own, which see no headers and no identity."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from azure_agents.settings.headers import with_hidden

_Method = TypeVar("_Method", bound=Callable[..., Any])


def chat_endpoint(method: _Method) -> _Method:
    """Let LlamaIndex count and trace a method that takes messages."""
    return _hiding(llm_chat_callback()(method), method)


def completion_endpoint(method: _Method) -> _Method:
    """Let LlamaIndex count and trace a method that takes a prompt."""
    return _hiding(llm_completion_callback()(method), method)


def _hiding(traced: Callable[..., Any], method: _Method) -> _Method:
    # LlamaIndex's events hold all arguments, so headers and identity are hidden before. Its
    # decorators replace the signature by ``*args``; `help()` shall show the method's own.
    vars(method).pop("__wrapped__", None)  # their mark is True there, which `inspect` stumbles over
    call = _hiding_acall(traced) if iscoroutinefunction(traced) else _hiding_call(traced)
    call.__wrapped__ = method  # type: ignore[attr-defined]
    return cast("_Method", call)


def _hiding_call(traced: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(traced)
    def call(*args: Any, **kwargs: Any) -> Any:
        return traced(*args, **with_hidden(kwargs))

    return call


def _hiding_acall(traced: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(traced)
    async def acall(*args: Any, **kwargs: Any) -> Any:
        return await traced(*args, **with_hidden(kwargs))

    return acall
