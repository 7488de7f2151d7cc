"""LangChain's own suites against the emulator: nothing overridden, nothing expected to fail.

One test, of streaming time, wants a cassette of HTTP traffic. It is recorded from the emulator by
`pytest tests/langchain/test_standard_suites.py -k stream_time --record-mode=rewrite
--force-enable-socket -W ignore`.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langchain_tests.integration_tests import ChatModelIntegrationTests, chat_models
from langchain_tests.unit_tests import ChatModelUnitTests

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls
from langchain_azure_agents import ChatAzureAgent

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+/api/projects/[^/]+")
JOKE = json.dumps({"setup": "Why do cats purr?", "punchline": "They are charging."})
CALLS = {
    "magic_function(3)": ("magic_function", {"input": 3}),
    "magic_function_no_args()": ("magic_function_no_args", {}),
    "Pirate": ("greeting_generator", {"answer_style": "pirate"}),
    "Hello!": ("magic_function", {"input": 1}),
    "weather": ("get_weather", {"location": "San Francisco"}),
}


def _renamed(request: Any) -> Any:
    request.uri = LOOPBACK.sub(ENDPOINT, request.uri)
    return request


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    """What a cassette holds: no credential, no port."""
    return {
        "match_on": ("method", "uri"),
        "filter_headers": ("authorization", "host", "user-agent"),
        "before_record_request": _renamed,
    }


def reply(turn: SeenTurn) -> Any:
    """Do what the suites ask for."""
    if turn.messages[-1].role == "tool":
        return f"The tool said: {turn.messages[-1].text}"
    asked = turn.last_user_text
    for words, call in CALLS.items():
        if words in asked:
            return ToolCalls(call)
    if customer := re.search(r"customer named '(.+?)'", asked):
        return ToolCalls(("unicode_customer", {"customer_name": customer[1], "description": "-"}))
    return JOKE if "joke" in asked else "All right."


class _Model:
    """What all suites ask about the model."""

    @property
    def chat_model_class(self) -> Any:
        return ChatAzureAgent

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True


class _Agent(_Model):
    generation: Any
    details: tuple[str, ...]
    foundry: Emulator
    tools: tuple[str, ...] = ()
    tape: str | None = None  # the endpoint of recorded traffic

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.foundry = Emulator(seed=1)
        tools = [{"type": "function", "name": name, "parameters": {}} for name in cls.tools]
        cls.agent = cls.foundry.create_agent("suite", reply, generation=cls.generation, tools=tools)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        if self.tape is None:
            return {"model": self.agent.model, **self.foundry.connection()}
        told: dict[str, Any] = {"endpoint": self.tape, "credential": "token"}
        return {"model": self.agent.model, "operation_keys": lambda: "stream-time", **told}

    @property
    def enable_vcr_tests(self) -> bool:
        return True

    @pytest.fixture(autouse=True)
    def _tape(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Tests with a cassette talk to it, or while they are recorded to a served emulator."""
        if request.node.get_closest_marker("vcr") is None:
            yield
        elif request.config.getoption("--record-mode") is None:
            self.tape = ENDPOINT
            yield
        else:
            with self.foundry.serve() as served:
                self.tape = served.endpoint
                yield

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @pytest.fixture(autouse=True)
    def _offline_samples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite downloads a picture and a document; any bytes will do."""
        sample = httpx.Response(200, content=b"sample")
        monkeypatch.setattr(chat_models.httpx, "get", lambda *_, **__: sample)

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": self.details, "stream": self.details}

    def _call(self, *, stream: bool) -> Any:
        model = ChatAzureAgent(**self.chat_model_params)
        return functools.reduce(operator.add, model.stream("hi")) if stream else model.invoke("hi")

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> Any:
        return self._call(stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> Any:
        return self._call(stream=stream)


class TestV2(_Agent, ChatModelIntegrationTests):
    generation = "v2"
    details = ("cache_read_input", "reasoning_output")

    # A v2 agent declares its functions; these are the ones the suites call.
    tools = ("magic_function", "magic_function_no_args", "greeting_generator", "get_weather",
             "unicode_customer", "my_adder_tool", "random_image", "random_pdf",
             "color_picker")  # fmt: skip

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_model_override(self) -> bool:
        return False  # the service refuses a model next to an agent


class TestClassic(_Agent, ChatModelIntegrationTests):
    generation = "classic"
    details = ("cache_read_input",)

    @property
    def model_override_value(self) -> str:
        return "gpt-4.1-mini"


class TestUnit(_Model, ChatModelUnitTests):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "my-agent:1", "endpoint": ENDPOINT}

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
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "asst_abc123", "endpoint": ENDPOINT}
