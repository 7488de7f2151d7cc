"""The decorators of the eight endpoints: LlamaIndex's own, told nothing that must not be shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar, cast

from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from azure_agents.request_headers import extra_headers_of, user_identity_of

_Method = TypeVar("_Method", bound=Callable[..., Any])
_HIDDEN = {"extra_headers": extra_headers_of, "user_identity": user_identity_of}


def chat_endpoint(method: _Method) -> _Method:
    """A method that takes messages, as LlamaIndex counts and traces it."""
    return _discreet(cast("_Method", llm_chat_callback()(method)))


def completion_endpoint(method: _Method) -> _Method:
    """A method that takes a prompt, as LlamaIndex counts and traces it."""
    return _discreet(cast("_Method", llm_completion_callback()(method)))


def _discreet(traced: _Method) -> _Method:
    """The same, with headers and identity hidden before LlamaIndex tells its events of them."""

    def hidden_in(kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {n: _HIDDEN[n](value) if n in _HIDDEN else value for n, value in kwargs.items()}

    if iscoroutinefunction(traced):

        @wraps(traced)
        async def acall(*args: Any, **kwargs: Any) -> Any:
            return await traced(*args, **hidden_in(kwargs))

        return cast("_Method", acall)

    @wraps(traced)
    def call(*args: Any, **kwargs: Any) -> Any:
        return traced(*args, **hidden_in(kwargs))

    return cast("_Method", call)
