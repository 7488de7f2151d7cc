"""`ClaudeInFoundry`: the Anthropic LLM of LlamaIndex, at a Foundry resource.

LlamaIndex knows Anthropic itself, Vertex and Bedrock. This class gives its own clients to the class
of ``llama-index-llms-anthropic``, and corrects what that class reads from a model's name, since a
deployment may have any. It is loaded when it is first asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import copy
from typing import Any, Self

import anthropic
from llama_index.core.base.llms.types import LLMMetadata
from llama_index.llms.anthropic import Anthropic
from llama_index.llms.anthropic import utils as upstream
from pydantic import Field, PrivateAttr

from azure_agents.errors import ConfigError
from azure_agents.frameworks.deployments import (
    PLACEHOLDER,
    Deployment,
    Given,
    check_own,
    read_deployment,
)
from azure_agents.jsonio import known_fields
from azure_agents.models.names import Family
from azure_agents.models.settings import SETTINGS

# llama-index-llms-anthropic 0.12 makes messages by calling these classes, of which anthropic 2 has
# made unions: then each of its calls would end in a TypeError.
for _name in ("MessageParam", "BetaMessageParam"):
    if not isinstance(vars(upstream).get(_name, dict), type):
        vars(upstream)[_name] = dict

_DOOR = "ClaudeInFoundry()"
_NO_CLAUDE = "for a deployment with another name say what it is, base_model='claude-sonnet-4-5'"
_OTHERS: tuple[Family, ...] = ("chat", "o_series", "gpt5", "responses", "text", "foundry")
# Restored from a pickle by name, and none of them is a secret.
_KEPT = ("base_model", "base_url", "max_retries", "model", "timeout")
_NO_SECRETS = ("allow_http", "azure_scope", "client_id", "extra_body", "extra_query", "tenant_id")
_SAMPLING = ("temperature", "top_p", "top_k")

# Arguments of LlamaIndex's class that are no business of this one: other clouds, and what stands
# in those of `completion`.
_AWAY = {"self", "model", "api_key", "base_url", "default_headers", "region", "project_id"}
_AWAY |= {"aws_region", "aws_access_key_id", "aws_secret_access_key"} | SETTINGS
_NAMES = {*inspect.signature(Anthropic.__init__).parameters, "context_window"} - _AWAY


class ClaudeInFoundry(Anthropic):
    """Claude in Foundry as a LlamaIndex LLM: chat and complete, streamed and not, with tools.

    Example:
        ```python
        from azure.identity import DefaultAzureCredential
        from llamaindex_azure_agents import ClaudeInFoundry

        llm = ClaudeInFoundry(
            "claude-sonnet-4-5",
            api_base="https://<resource>.services.ai.azure.com/anthropic",
            credential=DefaultAzureCredential(),
        )
        print(llm.complete("Hello").text)
        ```

    Copies share connections and credential with the original. A pickled LLM leaves its credential
    behind and signs in by the environment where it is read; what cannot be found there, such as
    `extra_headers`, must be given again: until then every call is an error.

    Args:
        model: The deployment, also with ``azure_ai/`` before it.
        arguments: Where, who and how, by the names of `azure_agents.completion`: `api_base`,
            `api_key`, `credential`, `azure_ad_token_provider`, `timeout` (seconds for each wait;
            default 600), `max_retries` (default 2), `extra_headers`, `extra_body`; and those of the
            Anthropic LLM of LlamaIndex, such as `max_tokens` (default 4,096), `thinking_dict` or
            `system_prompt`.
    """

    base_model: str | None = Field(default=None)
    """The model behind a deployment whose name does not tell, such as `claude-sonnet-4-5`."""
    context_window: int | None = Field(default=None, gt=0)
    """Tokens that the model can read: LlamaIndex cuts retrieved texts and histories to fit. It is
    not sent. Default: by the model's name, else 200,000."""
    temperature: float | None = Field(default=None, ge=0.0, le=1.0)  # type: ignore[assignment]
    """Of every call; default: the service's, since newer models refuse one."""

    _given: Given = PrivateAttr(default_factory=lambda: Given({}))
    _has_headers: bool = PrivateAttr(default=False)
    _left: bool = PrivateAttr(default=False)

    def __init__(self, model: str, **arguments: Any) -> None:
        """Make an LLM; the class describes the arguments."""
        string = model if "/" in model else f"azure_ai/{model}"
        deployment = read_deployment(_DOOR, string, arguments, dict.fromkeys(_OTHERS, _NO_CLAUDE))
        check_own(_DOOR, deployment.own, frozenset(_NAMES))
        fields = {"max_tokens": 4096, "temperature": None, **deployment.own}
        window = fields.pop("context_window", None)
        super().__init__(
            model=deployment.name,
            base_url=deployment.base_url,
            api_key=PLACEHOLDER,
            timeout=deployment.seconds,
            max_retries=deployment.max_retries,
            **fields,
        )
        self.base_model, self.context_window = deployment.settings.model.base_model, window
        self._given = Given({name: one for name, one in arguments.items() if name in SETTINGS})
        self._has_headers = bool(arguments.get("extra_headers"))
        self._connect(deployment)

    def _connect(self, deployment: Deployment) -> None:
        self._client.close()  # the base class has made clients that sign in nowhere
        clients = deployment.clients(anthropic)
        settings: dict[str, Any] = {
            "api_key": PLACEHOLDER,
            "base_url": deployment.base_url,
            "timeout": deployment.seconds,
            "max_retries": deployment.max_retries,
        }
        # Not `AnthropicFoundry`, which refuses a base URL where ANTHROPIC_FOUNDRY_RESOURCE is set.
        self._client = anthropic.Anthropic(**settings, http_client=clients.sync)
        self._aclient = anthropic.AsyncAnthropic(**settings, http_client=clients.aio)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex saves it."""
        return "claude_in_foundry"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex has to know of the model; nothing is sent."""
        return LLMMetadata(
            context_window=self.context_window or _window(self.base_model or self.model),
            num_output=self.max_tokens,
            is_chat_model=True,
            is_function_calling_model=True,
            model_name=self.model,
        )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy the LLM, maybe with other settings; they are checked as in the constructor.

        Args:
            update: Arguments of the constructor by name, with their new values.
            deep: Copy what the fields hold as well; connections are shared.

        Raises:
            ConfigError: A value is wrong, or the constructor does not have such an argument.
        """
        if not update:
            return super().model_copy(deep=deep)
        mine = {name: value for name, value in self.__dict__.items() if name in _NAMES}
        return type(self)(**{**mine, **self._given.reveal(), "model": self.model, **update})

    @property
    def _model_kwargs(self) -> dict[str, Any]:
        kwargs = {"model": self.model, "max_tokens": self.max_tokens}
        sampled = {} if self.temperature is None else {"temperature": self.temperature}
        return {**kwargs, **sampled, **self.additional_kwargs}

    def _get_all_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        if self._left:
            raise ConfigError(
                "extra_headers= is not pickled and was left behind: make the LLM again with it"
            )
        asked: dict[str, Any] = super()._get_all_kwargs(**kwargs)
        extra = {**(self._given.get("extra_body") or {}), **(asked.pop("extra_body", None) or {})}
        # anthropic 1 has no arguments for them any more; older models still take them.
        moved = {name: asked.pop(name) for name in _SAMPLING if name in asked and _lacks(name)}
        return {**asked, "extra_body": {**moved, **extra}} if moved or extra else asked

    def __getstate__(self) -> dict[str, Any]:
        bare: Any = copy(self)
        bare._client = bare._aclient = None  # noqa: SLF001 - of the same class
        fields = super(ClaudeInFoundry, bare).__getstate__()["__dict__"]  # less what cannot go
        kept = {n: v for n, v in fields.items() if n in _KEPT or n in _NAMES}
        more = known_fields(**{n: self._given.get(n) for n in _NO_SECRETS})
        return {"arguments": {**kept, **more}, "left": self._left or self._has_headers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Not the base class's, which hides a failure here and leaves an object without a client.
        type(self).__init__(self, **state["arguments"])
        self._left = state["left"]


def _window(model: str) -> int:
    try:
        return int(upstream.anthropic_modelname_to_contextsize(model.rpartition("/")[2]))
    except ValueError:  # a name that it does not know
        return 200_000


def _lacks(name: str) -> bool:
    return name not in inspect.signature(anthropic.resources.messages.Messages.create).parameters
