"""The names of OpenTelemetry's conventions for generative AI. Pure.

They are those of `opentelemetry-semantic-conventions` 0.66 (1.44), where they are marked as in
development; a test compares them. `azure.ai.foundry` stands in a draft of them only. What the
conventions have no name for begins with ``azure_agents.``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from ..errors import AzureAgentsError, TimedOutError

Operation: TypeAlias = Literal[
    "chat", "embeddings", "execute_tool", "generate_content", "invoke_agent", "text_completion"
]

AGENT_NAME = "gen_ai.agent.name"
AGENT_VERSION = "gen_ai.agent.version"
CONVERSATION_ID = "gen_ai.conversation.id"
ERROR_TYPE = "error.type"
INPUT_MESSAGES = "gen_ai.input.messages"
OPERATION_NAME = "gen_ai.operation.name"
OUTPUT_MESSAGES = "gen_ai.output.messages"
OUTPUT_TYPE = "gen_ai.output.type"
PROVIDER_NAME = "gen_ai.provider.name"
REQUEST_CHOICE_COUNT = "gen_ai.request.choice.count"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_STOP_SEQUENCES = "gen_ai.request.stop_sequences"
REQUEST_STREAM = "gen_ai.request.stream"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - the kind of token that a model reads
USAGE_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"
USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
USAGE_INPUT = "gen_ai.usage.input_tokens"
USAGE_OUTPUT = "gen_ai.usage.output_tokens"
USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens"

# Of attempts: those of HTTP.
STATUS_CODE = "http.response.status_code"
RESEND_COUNT = "http.request.resend_count"

# Metrics, with their buckets.
OPERATION_DURATION = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK = "gen_ai.client.operation.time_to_first_chunk"
TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105 - as above
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_SECONDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5),
    *(0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
)
TOKENS = tuple(4**power for power in range(14))

# Ours.
COST = "azure_agents.cost_usd"
DEPLOYMENT = "azure_agents.deployment"
KEY = "azure_agents.key"
REQUEST_ID = "azure_agents.request_id"

# By the provider and the family of `azure_agents.models.names`.
FOUNDRY_AGENTS = "azure.ai.foundry"
_PROVIDERS = {"agents": FOUNDRY_AGENTS, "anthropic": "anthropic", "openai": "openai"}


def provider_name(provider: str, family: str) -> str:
    """The name of who answers.

    Args:
        provider: Whose API it is, as `ModelName` has it.
        family: Whose rules hold, as `ModelName` has it.
    """
    azure = "azure.ai.inference" if family == "foundry" else "azure.ai.openai"
    return _PROVIDERS.get(provider, azure)


def error_type(error: BaseException) -> str:
    """The class of an error, of which there are few.

    Args:
        error: Any.
    """
    if isinstance(error, AzureAgentsError) and error.status is not None and error.status >= 400:
        return str(error.status)
    return "timeout" if isinstance(error, TimedOutError) else type(error).__name__
