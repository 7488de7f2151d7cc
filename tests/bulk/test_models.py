"""Models of a framework that exist already, and what stands in the way of one."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from llama_index.core.llms import MockLLM

from azure_agents.bulk import bulk
from azure_agents.emulator import Emulator
from azure_agents.errors import AuthenticationError, ConfigError, InvalidRequestError
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

OURS = [ChatAzureAgent, AzureAgentLLM]


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_our_models_are_asked_by_their_client(cls: Any, generation: str) -> None:
    """With the names of turns, so that a later run finds what was in flight."""
    with Emulator() as foundry:
        agent = foundry.create_agent("a", "Hi", generation=generation)
        llm = cls(model=agent.model, **foundry.connection())
        (row,) = bulk(llm, [{"turns": ["a", "b"]}])
        bodies = [request.body for request in foundry.requests if request.method == "POST"]
    assert ("Hi", "stop") == (row["answer"], row["finish_reason"])
    keys = [body["metadata"]["azure_agents_operation"] for body in bodies]
    assert ["-0-0-0", "-0-1-0"] == [key[-6:] for key in keys]


def test_a_chat_model_of_langchain_is_asked() -> None:
    """Any that has `ainvoke`."""
    usage = {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4}
    messages = iter([AIMessage("Hi", usage_metadata=usage, id="chat_1")])  # type: ignore[arg-type]
    (row,) = bulk(GenericFakeChatModel(messages=messages), ["a"], instructions="Be short.")
    usage_told = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    assert ("Hi", usage_told) == (row["answer"], row["usage"])


def test_an_llm_of_llamaindex_is_asked() -> None:
    """Any that has `achat`."""
    (row,) = bulk(MockLLM(), ["a"])
    assert "a" in row["answer"]


class _Refusing:
    """A model whose requests are refused as by OpenAI's client."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)

    async def ainvoke(self, messages: Any) -> Any:
        if self._statuses:
            raise _StatusError(self._statuses.pop(0))
        return AIMessage("Hi")


class _StatusError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status_code = status
        self.response = type("Response", (), {"headers": {"retry-after": "0.01"}})()


def test_errors_of_other_clients_are_read_by_their_status() -> None:
    """A 429 and a 503 are waited for; a 400 fails the row; a 401 ends the run."""
    (row,) = bulk(_Refusing(429, 429, 503), ["a"])
    assert "Hi" == row["answer"]
    (row,) = bulk(_Refusing(400), ["a"])
    assert ("BadRequestError", 400) == (row["error"]["type"], row["error"]["status"])
    with pytest.raises(AuthenticationError):
        list(bulk(_Refusing(401), ["a"]))


def test_an_error_in_a_program_is_raised() -> None:
    """It is no failure of a row."""

    class Broken:
        async def ainvoke(self, messages: Any) -> Any:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(bulk(Broken(), ["a"] * 50))


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (5, {}, InvalidRequestError, "model is a int"),
    (MockLLM(), {"tools": [len]}, ConfigError, "is asked for texts"),
    (MockLLM(), {"temperature": 1}, ConfigError, "temperature= belongs to the model"),
]


@pytest.mark.parametrize(("model", "settings", "kind", "expected"), WRONG)
def test_what_a_model_cannot_do_is_said(
    model: Any, settings: dict[str, Any], kind: type[Exception], expected: str
) -> None:
    """Before anything is asked."""
    with pytest.raises(kind, match=expected):
        list(bulk(model, ["a"], **settings))
