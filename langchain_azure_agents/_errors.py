"""Errors at the border: what leaves this package is our error and LangChain's at once.

LangChain names the conditions that all providers share (`ModelRateLimitError` …) and says which of
them are worth another try. Our errors carry the facts. Each class here inherits from both, keeps
our name and our facts, so code that catches either one works. The `Model…Error` classes are
younger than the oldest langchain-core that we support: where one is missing, its parent stands in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from langchain_core import exceptions

from azure_agents import errors

_FALLBACK: type[Exception] = getattr(exceptions, "ModelError", exceptions.LangChainException)

# By the nearest class above; a failure that may have stored the turn on a pinned thread (unknown,
# busy) is a plain `ModelError`: not to be tried again blindly.
_PARSING = ("OutputParserException", "ModelError")
_REFUSAL = ("ModelRefusalError",) if hasattr(exceptions, "ModelRefusalError") else _PARSING
_STANDARD: dict[type[errors.AzureAgentsError], tuple[str, ...]] = {
    errors.AzureAgentsError: ("ModelError",),
    errors.InvalidRequestError: ("ModelInvalidRequestError",),
    errors.CredentialError: ("ModelAuthenticationError",),
    errors.TransportError: ("ModelConnectionError",),
    errors.TimedOutError: ("ModelTimeoutError",),
    errors.BadRequestError: ("ModelInvalidRequestError",),
    errors.AuthenticationError: ("ModelAuthenticationError",),
    errors.PermissionDeniedError: ("ModelPermissionDeniedError",),
    errors.NotFoundError: ("ModelNotFoundError",),
    errors.RateLimitError: ("ModelRateLimitError",),
    errors.ServerError: ("ModelAPIError",),
    errors.RunFailedError: ("ModelAPIError",),
    errors.RunExpiredError: ("ModelAPIError",),
    errors.StructuredOutputError: _PARSING,
    errors.RefusedError: _REFUSAL,
    errors.StreamInterruptedError: ("ModelConnectionError",),
}

# The service's words for an input that does not fit; the first one is recorded nowhere, it is
# what OpenAI's own API says.
_OVERFLOW_CODES = frozenset({"context_length_exceeded", "string_above_max_length"})


def _both(
    ours: type[errors.AzureAgentsError], names: tuple[str, ...], name: str
) -> type[errors.AzureAgentsError]:
    bases = (getattr(exceptions, each, _FALLBACK) for each in names)
    return type(name, (ours, *bases), {"__module__": __name__, "__doc__": ours.__doc__})


def _standard(ours: type[errors.AzureAgentsError]) -> tuple[str, ...]:
    return next(names for base in ours.__mro__ if (names := _STANDARD.get(base)))


def _classes() -> Iterator[type[errors.AzureAgentsError]]:
    for found in vars(errors).values():
        # `ConfigError` is about no call and stays as it is.
        is_ours = isinstance(found, type) and issubclass(found, errors.AzureAgentsError)
        if is_ours and found is not errors.ConfigError:
            yield found


_DUAL = {ours: _both(ours, _standard(ours), ours.__name__) for ours in _classes()}
_OVERFLOW = _both(errors.BadRequestError, ("ContextOverflowError",), "ContextOverflowError")

# Found by name when an error is unpickled, for instance when it crosses a process pool. So this
# module must not import our errors by the names that these classes take.
globals().update({dual.__name__: dual for dual in (*_DUAL.values(), _OVERFLOW)})


def as_model_error(error: errors.AzureAgentsError) -> errors.AzureAgentsError:
    """Give the same error as one that LangChain knows too; others are returned as they are."""
    if type(error) is errors.BadRequestError and error.code in _OVERFLOW_CODES:
        return _OVERFLOW(error.message, **error.facts)
    dual = _DUAL.get(type(error))
    if dual is None:
        return error
    both = dual(error.message, **error.facts)
    if isinstance(both, exceptions.OutputParserException):
        both.llm_output = error.partial_text
    return both


@contextmanager
def translated() -> Iterator[None]:
    """Let errors of the core leave as errors of both."""
    try:
        yield
    except errors.AzureAgentsError as error:
        both = as_model_error(error)
        if both is error:
            raise
        raise both from error
