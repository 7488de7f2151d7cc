"""OpenAI's chat completion objects, which `completion` returns, read as attributes or as items.

A field is dumped when it has a value or was set to None on purpose, so ``model_dump()`` is the JSON
that an OpenAI endpoint would send.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SerializerFunctionWrapHandler
from pydantic.functional_serializers import model_serializer

PROVIDER = "azure_ai"  # LiteLLM's name for where these models live


class OpenAIObject(BaseModel):
    """An object whose fields are attributes and items: ``r.choices`` and ``r["choices"]``."""

    model_config = ConfigDict(protected_namespaces=())

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in type(self).model_fields

    def get(self, name: str, default: Any = None) -> Any:
        """Give a field, or `default` if there is no such field.

        Args:
            name: Name of the field.
            default: Returned where the object has no such field.
        """
        return getattr(self, name) if name in self else default

    def json(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        """Dump the object to a dictionary, as ``json()`` does in LiteLLM.

        Args:
            options: Those of ``model_dump()``.
        """
        return self.model_dump(**options)

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        is_set = self.model_fields_set
        return {k: v for k, v in dumped.items() if v is not None or k in is_set}


class TurnObject(OpenAIObject):
    """A whole answer, or a chunk of one, with LiteLLM's fields besides OpenAI's."""

    _hidden_params: dict[str, Any] = PrivateAttr(
        default_factory=lambda: {"custom_llm_provider": PROVIDER}
    )


class CalledFunction(OpenAIObject):
    """A function and the raw text of its arguments."""

    name: str | None = None
    arguments: str = ""


class MessageToolCall(OpenAIObject):
    """A call of a function tool."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class DeltaToolCall(OpenAIObject):
    """The next piece of a call; the first of a call brings `id`, `type` and the name."""

    index: int
    id: str | None = None
    type: Literal["function"] | None = None
    function: CalledFunction


class Source(OpenAIObject):
    """The source of an annotation, and its place in `content`; what is unknown is absent."""

    url: str | None = None
    title: str | None = None
    file_id: str | None = None
    filename: str | None = None
    container_id: str | None = None
    quote: str | None = None
    text: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Annotation(OpenAIObject):
    """A citation, its facts under the name of its type as in OpenAI's ``url_citation``."""

    type: Literal["url_citation", "file_citation", "container_file_citation", "file_path"]
    url_citation: Source | None = None
    file_citation: Source | None = None
    container_file_citation: Source | None = None
    file_path: Source | None = None


class ChoiceMessage(OpenAIObject):
    """The answer. Append it to `messages` as it is: it knows its place on the server.

    Attributes:
        content: The text; None beside tool calls or a refusal without text.
        reasoning_content: Reasoning summaries.
        provider_specific_fields: Facts that OpenAI has no field for: ``foundry`` (the opaque anchor
            by which the next call continues on the server), ``approval_requests``,
            ``consent_requests``, ``blocks`` (server tools, images, files, anything else, in
            order); each only if there is any.
    """

    role: Literal["assistant"] = "assistant"
    content: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None
    reasoning_content: str | None = None
    provider_specific_fields: dict[str, Any] = Field(default_factory=dict)


class Choice(OpenAIObject):
    """The one choice of an answer.

    Attributes:
        provider_specific_fields: The service's words for the end: ``incomplete_reason``,
            ``content_filters``; None if nothing.
    """

    index: int = 0
    message: ChoiceMessage
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"]
    provider_specific_fields: dict[str, Any] | None = None


class PromptDetails(OpenAIObject):
    """Details of the tokens that the agent read."""

    cached_tokens: int


class CompletionDetails(OpenAIObject):
    """Details of the tokens that the agent wrote."""

    reasoning_tokens: int


class TokenUsage(OpenAIObject):
    """Tokens as the service counted them, never estimated."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class ModelResponse(TurnObject):
    """A whole answer.

    Attributes:
        model: The model as requested; ``_hidden_params["deployment"]`` names the one that answered.
        usage: None if the service did not say.
        thread_id: Pass it to the next call to go on there; also ``_hidden_params["thread_id"]``.
    """

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: TokenUsage | None = None
    thread_id: str | None = None


class Delta(OpenAIObject):
    """The next piece of an answer; only what it brings is set."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[DeltaToolCall] | None = None
    refusal: str | None = None
    annotations: list[Annotation] | None = None
    reasoning_content: str | None = None
    provider_specific_fields: dict[str, Any] | None = None


class StreamChoice(OpenAIObject):
    """The one choice of a chunk; that of the last chunk describes the end, as `Choice` does."""

    index: int = 0
    delta: Delta
    finish_reason: Literal["stop", "length", "content_filter", "tool_calls"] | None = None
    provider_specific_fields: dict[str, Any] | None = None


class ModelResponseStream(TurnObject):
    """A chunk of a streamed answer.

    Attributes:
        choices: Empty in the chunk that brings the usage.
        thread_id: In the chunk that brings the finish reason; as in `ModelResponse`.
    """

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[StreamChoice]
    usage: TokenUsage | None = None
    thread_id: str | None = None
