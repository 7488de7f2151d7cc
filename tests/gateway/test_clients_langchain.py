"""LangChain's own suites through `ChatOpenAI` and `ChatAnthropic`, unchanged, at the gateway.

Behind it are agents of both generations, a deployment by chats and by responses, and Claude. What a
suite is told not to try, and why, stands in `UNABLE`; streaming time wants recorded traffic.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
    chat_models,
)

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls

from ..langchain import test_standard_suites as suites
from .conftest import running

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    # What the classes themselves say of what the suites do with them.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema"),
    pytest.mark.filterwarnings("ignore:Unrecognized structured output method 'json_mode'"),
    pytest.mark.filterwarnings("ignore:The model .* is deprecated"),
    pytest.mark.filterwarnings("ignore:OpenAI may require a filename"),
    pytest.mark.filterwarnings("ignore:LANGCHAIN_TESTS_USER_AGENT"),
]
# What each cannot do, by the switches of the suites.
UNABLE = {
    "v2": {"supports_audio_inputs", "supports_model_override"},  # another model is another agent
    # A classic agent's files are uploaded before.
    "classic": {"supports_audio_inputs", "supports_model_override", "supports_pdf_inputs"},
    "gpt-4o-mini": set(),
    # Claude takes no audio, and gives JSON by a schema only.
    "claude-haiku-4-5": {"supports_audio_inputs", "supports_json_mode"},
    # Among these messages is a thought that Claude did not sign.
    "claude-haiku-4-5 itself": {"supports_audio_inputs", "supports_anthropic_inputs"},
}
# A v2 agent declares its functions; an object of a schema of pydantic 1 is asked for as one.
TOOLS = (*suites.TestV2.tools, "Joke")
# LangChain keeps its clients for good, and an event loop of a test ends with the test.
CLOSES = {"connection": "close"}
SWITCHES = (
    "supports_anthropic_inputs",
    "supports_audio_inputs",
    "supports_image_inputs",
    "supports_image_tool_message",
    "supports_image_urls",
    "supports_json_mode",
    "supports_model_override",
    "supports_pdf_inputs",
    "supports_pdf_tool_message",
)
CONFIG = """
model_list:
  - model_name: v2
    litellm_params: {{model: {v2}, api_base: "{project}", api_key: any}}
  - model_name: classic
    litellm_params: {{model: {classic}, api_base: "{project}", azure_ad_token: any}}
  - model_name: gpt-4o-mini
    litellm_params: {{model: azure/gpt-4o-mini, api_base: "{resource}", api_key: any}}
  - model_name: claude-haiku-4-5
    litellm_params: {{model: azure_ai/claude-haiku-4-5, api_base: "{resource}", api_key: any}}
  - model_name: vectors
    litellm_params: {{model: azure/vectors, api_base: "{resource}", api_key: any}}
general_settings: {{master_key: sk-master}}
"""


def answer(turn: SeenTurn) -> Any:
    """Do what the suites ask for; where they force a call, the joke is its arguments."""
    if turn.tool_choice not in {"auto", "none"} and "joke" in turn.last_user_text:
        names = [tool.name for tool in turn.tools]
        name = turn.tool_choice if turn.tool_choice in names else names[0]
        return ToolCalls((name, json.loads(suites.JOKE)))
    return suites.reply(turn)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A gateway for all suites."""
    with Emulator(seed=1) as foundry, foundry.serve() as served:
        tools = [{"type": "function", "name": name, "parameters": {}} for name in TOOLS]
        agent = foundry.create_agent("suite", answer, tools=tools)
        classic = foundry.create_agent("old", answer, generation="classic")
        foundry.deploy("gpt-4o-mini", answer, model="gpt-4o-mini-2024-07-18")
        foundry.deploy("claude-haiku-4-5", answer, model="claude-haiku-4-5-20251001")
        foundry.deploy("vectors", model="text-embedding-3-small")
        config = CONFIG.format(
            v2=agent.model,
            classic=classic.model,
            project=served.endpoint,
            resource=served.resource,
        )
        with running(config) as gateway:
            yield gateway.url


class _Through:
    """What all suites ask about the class and the model."""

    model_name: ClassVar[str]
    place: ClassVar[str]
    url: str

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for switch in SWITCHES:
            setattr(cls, switch, switch not in UNABLE[cls.place])

    @pytest.fixture(autouse=True)
    def _served(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the gateway is; the suite downloads samples, for which any bytes will do."""
        self.url = url
        sample = httpx.Response(200, content=b"sample")
        monkeypatch.setattr(chat_models.httpx, "get", lambda *_, **__: sample)

    @property
    def chat_model_class(self) -> Any:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        # With a base of one's own LangChain does not ask for the usage of itself.
        where = {"base_url": f"{self.url}/v1", "stream_usage": True}
        return {
            "model": self.model_name,
            "default_headers": CLOSES,
            "api_key": "sk-master",
            **where,
        }

    @property
    def model_override_value(self) -> str:
        return self.model_name


class TestAgent(_Through, ChatModelIntegrationTests):
    model_name = place = "v2"


class TestClassicAgent(_Through, ChatModelIntegrationTests):
    model_name = place = "classic"


class TestDeployment(_Through, ChatModelIntegrationTests):
    model_name = place = "gpt-4o-mini"


class TestDeploymentByResponses(_Through, ChatModelIntegrationTests):
    model_name = place = "gpt-4o-mini"

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "use_responses_api": True}


class TestClaudeAsChat(_Through, ChatModelIntegrationTests):
    model_name = place = "claude-haiku-4-5"


class TestClaude(_Through, ChatModelIntegrationTests):
    model_name = "claude-haiku-4-5"
    place = "claude-haiku-4-5 itself"

    @property
    def chat_model_class(self) -> Any:
        return ChatAnthropic

    @property
    def chat_model_params(self) -> dict[str, Any]:
        where = {"base_url": self.url, "default_headers": CLOSES}
        return {"model": self.model_name, "api_key": "sk-master", **where}


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> Any:
        return OpenAIEmbeddings

    @pytest.fixture(autouse=True)
    def _served(self, url: str) -> None:
        self.url = url

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        # Else it counts tokens with tiktoken, which downloads its tables.
        where = {"base_url": f"{self.url}/v1", "api_key": "sk-master", "default_headers": CLOSES}
        return {"model": "vectors", "check_embedding_ctx_length": False, **where}
