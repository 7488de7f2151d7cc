from __future__ import annotations

import inspect
import pickle
from typing import Any

import pytest
from langchain_core import exceptions

from azure_agents import errors
from langchain_azure_agents._errors import as_model_error, translated

TREE = [
    cls
    for cls in vars(errors).values()
    if inspect.isclass(cls) and issubclass(cls, errors.AzureAgentsError)
]
STANDARD = [
    (errors.AuthenticationError, exceptions.ModelAuthenticationError, False),
    (errors.CredentialError, exceptions.ModelAuthenticationError, False),
    (errors.PermissionDeniedError, exceptions.ModelPermissionDeniedError, False),
    (errors.InvalidRequestError, exceptions.ModelInvalidRequestError, False),
    (errors.BadRequestError, exceptions.ModelInvalidRequestError, False),
    (errors.AgentNotFoundError, exceptions.ModelNotFoundError, False),
    (errors.RateLimitError, exceptions.ModelRateLimitError, True),
    (errors.ServerError, exceptions.ModelAPIError, True),
    (errors.ConnectionLostError, exceptions.ModelConnectionError, True),
    (errors.DeadlineError, exceptions.ModelTimeoutError, True),
    (errors.TurnUnknownError, exceptions.ModelError, False),
    (errors.ThreadBusyError, exceptions.ModelError, False),
]


@pytest.mark.parametrize("cls", TREE)
def test_every_error_keeps_class_name_and_facts(cls: Any) -> None:
    """Whoever catches our errors does not notice the border."""
    error = cls("broken", status=500, request_id="r1", thread_id="thread_1")
    both = as_model_error(error)
    assert isinstance(both, cls)
    assert (type(both).__name__, both.facts, str(both)) == (cls.__name__, error.facts, str(error))


@pytest.mark.parametrize("cls", [cls for cls in TREE if cls is not errors.ConfigError])
def test_every_error_of_a_call_is_a_model_error(cls: Any) -> None:
    """Whoever catches LangChain's errors catches all of ours."""
    assert isinstance(as_model_error(cls("broken")), exceptions.ModelError)


@pytest.mark.parametrize(("ours", "standard", "is_retryable"), STANDARD)
def test_conditions_have_langchains_name(ours: Any, standard: Any, is_retryable: Any) -> None:
    """LangChain's own classes say what happened and whether to try again."""
    both = as_model_error(ours("broken"))
    assert isinstance(both, standard)
    assert both.is_retryable is is_retryable


def test_an_input_that_is_too_long() -> None:
    """It has a class of its own in LangChain, which summarising middleware waits for."""
    error = errors.BadRequestError("too long", code="context_length_exceeded", status=400)
    both = as_model_error(error)
    assert isinstance(both, errors.BadRequestError)
    assert isinstance(both, exceptions.ContextOverflowError)


@pytest.mark.parametrize("cls", TREE)
def test_errors_cross_processes(cls: Any) -> None:
    """They survive pickling, facts included."""
    both = as_model_error(cls("broken", code="x"))
    back = pickle.loads(pickle.dumps(both))  # noqa: S301 - our own
    assert (type(back), back.facts) == (type(both), both.facts)


def test_the_first_error_is_the_cause() -> None:
    """The traceback shows where it happened."""
    first = errors.RateLimitError("slow down", retry_after=2.0)
    with pytest.raises(exceptions.ModelRateLimitError) as caught, translated():
        raise first
    assert caught.value.__cause__ is first
    assert 2.0 == caught.value.retry_after


def test_other_errors_pass() -> None:
    """A configuration error and errors of others stay what they are."""
    for error in (errors.ConfigError("wrong"), ValueError("not ours")):
        with pytest.raises(type(error)) as caught, translated():
            raise error
        assert caught.value is error
