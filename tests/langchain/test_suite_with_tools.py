"""LangChain's own suites with function tools and objects, against the emulator."""

from __future__ import annotations

import inspect
import json
from typing import Any

import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls
from langchain_azure_agents import ChatAzureAgent

# The suites expect pytest-asyncio's automatic mode; ours is strict.
for member in vars(ChatModelIntegrationTests).values():
    if inspect.iscoroutinefunction(member):
        pytest.mark.asyncio(member)

JOKE = json.dumps({"setup": "Why do cats purr?", "punchline": "They are charging."})
CUSTOMER = {"customer_name": "你好啊集团", "description": "科技公司"}  # noqa: RUF001
CALLS = {
    "magic_function(3)": ("magic_function", {"input": 3}),
    "magic_function_no_args()": ("magic_function_no_args", {}),
    "Pirate": ("greeting_generator", {"answer_style": "pirate"}),
    "Hello!": ("magic_function", {"input": 1}),
    "weather": ("get_weather", {"location": "San Francisco"}),
    "你好": ("unicode_customer", CUSTOMER),
}


def reply(turn: SeenTurn) -> Any:
    """Do what the suites ask for."""
    if turn.messages[-1].role == "tool":
        return f"The tool said: {turn.messages[-1].text}"
    asked = turn.last_user_text
    for words, call in CALLS.items():
        if words in asked:
            return ToolCalls(call)
    return JOKE if "joke" in asked else "All right."


class _Agent:
    generation: Any = "v2"
    foundry: Emulator

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.foundry = Emulator()
        cls.agent = cls.foundry.create_agent("suite", reply, generation=cls.generation)

    @property
    def chat_model_class(self) -> Any:
        return ChatAzureAgent

    @property
    def chat_model_params(self) -> Any:
        return {"model": self.agent.model, **self.foundry.connection()}

    @property
    def supports_json_mode(self) -> bool:
        return True


class TestClassic(_Agent, ChatModelIntegrationTests):
    generation = "classic"


class TestV2(_Agent, ChatModelIntegrationTests):
    generation = "v2"


class TestUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> Any:
        return ChatAzureAgent

    @property
    def chat_model_params(self) -> Any:
        endpoint = "https://r.services.ai.azure.com/api/projects/p"
        return {"model": "my-agent:1", "endpoint": endpoint}
