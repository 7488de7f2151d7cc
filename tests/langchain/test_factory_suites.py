"""LangChain's own suites for the classes that the factories return: nothing expected to fail.

They run here with the locked SDKs, and with others by `make oracles`. Left out, by switches of the
suites: streaming time, which wants recorded traffic; PDF, audio, and media in tool messages, which
are the business of the classes; Anthropic's own messages, among which is a thought with a signature
that the service did not make, and which it refuses; another deployment for one call where the path
names the deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_tests.integration_tests import (
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
    chat_models,
)
from langchain_tests.unit_tests import ChatModelUnitTests, EmbeddingsUnitTests

from azure_agents.emulator import Emulator, SeenTurn, ToolCalls
from azure_agents.frameworks.deployments import PLACEHOLDER
from langchain_azure_agents import init_azure_chat_model, init_azure_embeddings

from .test_standard_suites import JOKE, reply

OTHER, OTHER_CLAUDE = "gpt-4o-mini-2024-07-18", "claude-opus-4-5-20251101"
DATED = "2025-04-01-preview"

pytestmark = [
    # What the classes themselves say of what the suites do with them.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
    pytest.mark.filterwarnings("ignore:Received a Pydantic BaseModel V1 schema"),
    pytest.mark.filterwarnings("ignore:Unrecognized structured output method 'json_mode'"),
    pytest.mark.filterwarnings("ignore:The model .* is deprecated"),
]


def answer(turn: SeenTurn) -> Any:
    """Do what the suites ask for; where they force a call, the joke is its arguments."""
    if turn.tool_choice not in {"auto", "none"} and "joke" in turn.last_user_text:
        return ToolCalls((turn.tools[0].name, json.loads(JOKE)))
    return reply(turn)


class Built:
    """What a factory builds, in the place where the suites expect a class."""

    def __init__(self, build: Callable[..., Any], model: str, given: dict[str, Any]) -> None:
        self._build, self._model, self._given = build, model, given
        self._class = type(build(model, **given))

    def __call__(self, **more: Any) -> Any:
        return self._build(self._model, **{**self._given, **more})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._class, name)


class AnySnapshot:
    """What a serialised model is compared with: it must hold nothing of a key."""

    def __call__(self, name: str) -> AnySnapshot:
        return self

    def __eq__(self, other: object) -> bool:
        return "emulator-key" not in str(other)

    def __hash__(self) -> int:
        return 0


class _Chat:
    string: str
    variable: str
    version: str | None = None
    foundry: Emulator
    built: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not hasattr(cls, "string"):
            return
        cls.foundry = Emulator(seed=1)
        cls.foundry.deploy("dep", answer)
        cls.foundry.deploy("claude-dep", answer, model="claude-haiku-4-5-20251001")
        # Answers name the model; so these deployments have the names of theirs.
        for model in (OTHER, OTHER_CLAUDE):
            cls.foundry.deploy(model, answer, model=model)
        given = {**cls.foundry.deployment_connection(), "api_version": cls.version}
        cls.built = Built(init_azure_chat_model, cls.string, given)

    @property
    def chat_model_class(self) -> Any:
        return self.built

    @pytest.fixture
    def snapshot(self) -> AnySnapshot:
        return AnySnapshot()

    @pytest.fixture(autouse=True)
    def _offline_samples(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite downloads a picture and a document; any bytes will do."""
        sample = httpx.Response(200, content=b"sample")
        monkeypatch.setattr(chat_models.httpx, "get", lambda *_, **__: sample)

    @property
    def init_from_env_params(self) -> Any:
        return {self.variable: PLACEHOLDER}, {}, {}

    @property
    def model_override_value(self) -> str:
        return OTHER_CLAUDE if "claude" in self.string else OTHER

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True


class _V1(_Chat):
    string = "azure/dep"
    variable = "OPENAI_API_KEY"


class _Dated(_Chat):
    string = "azure/dep"
    version = DATED
    variable = "AZURE_OPENAI_API_KEY"

    @property
    def supports_model_override(self) -> bool:
        return False  # the deployment stands in the path


class _Responses(_Chat):
    string = "azure/responses/dep"
    variable = "OPENAI_API_KEY"


class _Claude(_Chat):
    string = "azure_ai/claude-dep"
    variable = "ANTHROPIC_API_KEY"


class TestV1(_V1, ChatModelIntegrationTests):
    @property
    def supports_json_mode(self) -> bool:
        return True


class TestDated(_Dated, ChatModelIntegrationTests):
    @property
    def supports_json_mode(self) -> bool:
        return True


class TestResponses(_Responses, ChatModelIntegrationTests):
    pass


class TestClaude(_Claude, ChatModelIntegrationTests):
    pass


class TestV1Unit(_V1, ChatModelUnitTests):
    pass


class TestDatedUnit(_Dated, ChatModelUnitTests):
    pass


class TestResponsesUnit(_Responses, ChatModelUnitTests):
    pass


class TestClaudeUnit(_Claude, ChatModelUnitTests):
    pass


class _Embeddings:
    version: str | None = None

    @property
    def embeddings_class(self) -> Any:
        foundry = Emulator(seed=1)
        foundry.deploy("emb", model="text-embedding-3-small")
        # Else it counts tokens with tiktoken, which downloads its tables.
        given = {"check_embedding_ctx_length": False, "api_version": self.version}
        given |= foundry.deployment_connection()
        return Built(init_azure_embeddings, "azure/emb", given)


class TestEmbeddings(_Embeddings, EmbeddingsIntegrationTests):
    pass


class TestEmbeddingsUnit(_Embeddings, EmbeddingsUnitTests):
    pass


class TestDatedEmbeddings(_Embeddings, EmbeddingsIntegrationTests):
    version = DATED


class TestDatedEmbeddingsUnit(_Embeddings, EmbeddingsUnitTests):
    version = DATED
