"""The decorators of the eight endpoints: LlamaIndex's own, told nothing that must not be shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from azure_agents.request_headers import with_hidden

_Method = TypeVar("_Method", bound=Callable[..., Any])


def chat_endpoint(method: _Method) -> _Method:
    """A method that takes messages, as LlamaIndex counts and traces it."""
    return _discreet(cast("_Method", llm_chat_callback()(method)))


def completion_endpoint(method: _Method) -> _Method:
    """A method that takes a prompt, as LlamaIndex counts and traces it."""
    return _discreet(cast("_Method", llm_completion_callback()(method)))


def _discreet(traced: _Method) -> _Method:
    """The same, with headers and identity hidden before LlamaIndex tells its events of them."""
    if iscoroutinefunction(traced):

        @wraps(traced)
        async def acall(*args: Any, **kwargs: Any) -> Any:
            return await traced(*args, **with_hidden(kwargs))

        return cast("_Method", acall)

    @wraps(traced)
    def call(*args: Any, **kwargs: Any) -> Any:
        return traced(*args, **with_hidden(kwargs))

    return cast("_Method", call)
