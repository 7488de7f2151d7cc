"""LangChain's own suites against the emulator: nothing overridden, nothing expected to fail."""

from __future__ import annotations

import functools
import inspect
import operator
from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from azure_agents.emulator import Emulator
from langchain_azure_agents import ChatAzureAgent

# The suites expect pytest-asyncio's automatic mode; ours is strict.
for member in vars(ChatModelIntegrationTests).values():
    if inspect.iscoroutinefunction(member):
        pytest.mark.asyncio(member)

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"


class _Agent:
    """What the suites ask about the model."""

    generation = "v2"
    foundry: Emulator

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.foundry = Emulator()
        cls.agent = cls.foundry.create_agent("suite", generation=cls.generation)

    @property
    def chat_model_class(self) -> Any:
        return ChatAzureAgent

    @property
    def chat_model_params(self) -> Any:
        return {"model": self.agent.model, **self.foundry.connection()}

    @property
    def has_tool_calling(self) -> Any:
        return False

    @property
    def has_structured_output(self) -> Any:
        return False

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": self.details, "stream": self.details}

    def _call(self, *, stream: Any) -> Any:
        model = ChatAzureAgent(**self.chat_model_params)
        return functools.reduce(operator.add, model.stream("hi")) if stream else model.invoke("hi")

    def invoke_with_cache_read_input(self, *, stream: Any = False) -> Any:
        return self._call(stream=stream)

    def invoke_with_reasoning_output(self, *, stream: Any = False) -> Any:
        return self._call(stream=stream)


class TestV2(_Agent, ChatModelIntegrationTests):
    generation = "v2"
    details = ("cache_read_input", "reasoning_output")

    @property
    def supports_model_override(self) -> Any:
        return False  # the service refuses a model next to an agent


class TestClassic(_Agent, ChatModelIntegrationTests):
    generation = "classic"
    details = ("cache_read_input",)

    @property
    def model_override_value(self) -> Any:
        return "gpt-4.1-mini"


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> Any:
        return ChatAzureAgent

    @property
    def chat_model_params(self) -> Any:
        return {"model": "my-agent:1", "endpoint": ENDPOINT}

    @property
    def has_tool_calling(self) -> Any:
        return False

    @property
    def has_structured_output(self) -> Any:
        return False

    @property
    def init_from_env_params(self) -> Any:
        variables = {
            "AZURE_AI_PROJECT_ENDPOINT": ENDPOINT,
            "AZURE_AI_AGENT": "my-agent:1",
            "AZURE_AI_API_KEY": "key",
        }
        return variables, {}, {"endpoint": ENDPOINT, "model": "my-agent:1"}


class TestUnitClassic(TestUnit):
    @property
    def chat_model_params(self) -> Any:
        return {"model": "asst_abc123", "endpoint": ENDPOINT}
