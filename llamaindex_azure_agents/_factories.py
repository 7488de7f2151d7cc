"""The classes that LlamaIndex's users know, built for any model string.

Agents get `AzureAgentLLM`, Claude gets `ClaudeInFoundry`, other deployments the classes of the
OpenAI packages. Of these only the SDK's clients are ours: they sign in below the class
(`azure_agents.drivers.sdk_clients`), and they alone try again, since the classes would do so on
top of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from azure_agents.errors import ConfigError
from azure_agents.frameworks.deployments import (
    PLACEHOLDER,
    Deployment,
    check_own,
    imported,
    is_agent,
    is_claude,
    of_agent,
    read_deployment,
    read_embedding,
)
from azure_agents.models.names import Family

from ._llm import AzureAgentLLM

_OPENAI = "llamaindex-openai"
_ANTHROPIC = "llamaindex-anthropic"
_WINDOW = 128_000  # tokens that a chat model of today reads at least; guess for an unknown one
_TEXT_WINDOW = 4_096
# Models that stand for a family: what LlamaIndex looks up is the same for all of them.
_LIKE: dict[Family, str] = {"o_series": "o3-mini", "text": "gpt-3.5-turbo-instruct"}


def init_azure_llm(model: str, **arguments: Any) -> LLM:
    """Build the LLM of any model string: an agent or a deployment. Nothing is sent.

    | model string | class |
    |---|---|
    | an agent | `AzureAgentLLM` |
    | ``azure/…``, ``azure_ai/…``, ``azure_text/…``, ``openai/…`` | ``OpenAILike`` |
    | o-series models | LlamaIndex's ``OpenAI`` |
    | ``azure/…``, ``azure_text/…`` with a dated `api_version` | ``AzureOpenAI`` |
    | ``azure/responses/…`` | ``OpenAIResponses`` |
    | ``azure_ai/claude-…`` | `ClaudeInFoundry` |

    Args:
        model: As for `azure_agents.completion`.
        arguments: Where, who and how, by the names of `completion`: `api_base`, `api_version`,
            `api_key`, `credential`, `azure_ad_token_provider`, `azure_scope`, `timeout` (seconds
            for each wait, since an SDK has no limit for a whole call; default 600), `max_retries`
            (default 2), `extra_headers`, `base_model` (what LlamaIndex has to know, where it reads
            a model's properties from its name) …; in tests `transport` and `async_transport`, of
            httpx. All others are the class's own, such as `temperature` or `context_window`.

    Returns:
        The LLM. Of a deployment it signs in for every request, also when the token of an earlier
        one has ended, and sends its credential to its own origin only.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        ImportError: The package of the class is not installed.
    """
    door = "init_azure_llm()"
    if is_agent(model, arguments):
        return AzureAgentLLM(**of_agent(door, model, arguments))
    if is_claude(model, arguments):
        imported("llama_index.llms.anthropic", _ANTHROPIC, door)
        from ._claude import ClaudeInFoundry

        return ClaudeInFoundry(model, **arguments)
    deployment = read_deployment(door, model, arguments, {})
    if deployment.family == "responses":
        return _responses(door, deployment)
    if deployment.version is not None:
        return _dated(door, deployment)
    return _v1(door, deployment)


def init_azure_embedding(model: str, **arguments: Any) -> BaseEmbedding:
    """Build the embedding model of a deployment. Nothing is sent.

    On the v1 surface and for OpenAI itself this is ``OpenAIEmbedding``, with a dated `api_version`
    ``AzureOpenAIEmbedding``.

    Args:
        model: ``azure/<deployment>``, ``azure_ai/<deployment>`` or ``openai/<model>``.
        arguments: As for `init_azure_llm`.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        ImportError: The packages of ``llamaindex-openai`` are not installed.
    """
    door = "init_azure_embedding()"
    deployment = read_embedding(door, model, arguments)
    own = deployment.own_with_body("additional_kwargs")
    if deployment.version is None:
        cls = imported("llama_index.embeddings.openai", _OPENAI, door).OpenAIEmbedding
        place = {"api_base": deployment.base_url}
    else:
        cls = imported("llama_index.embeddings.azure_openai", _OPENAI, door).AzureOpenAIEmbedding
        place = _place(deployment)
    check_own(door, deployment.own, _names(cls))
    # The class counts attempts: at one it leaves trying again to the SDK.
    fixed = {"api_key": PLACEHOLDER, "max_retries": 1, "timeout": deployment.seconds}
    built = cls(model_name=deployment.name, **place, **fixed, **own)
    clients = _sdk_clients(door, deployment)
    built._client, built._aclient = clients
    embedding: BaseEmbedding = built
    return embedding


class _Clients(NamedTuple):
    """Clients of openai's SDK."""

    sync: Any
    aio: Any


def _sdk_clients(door: str, deployment: Deployment) -> _Clients:
    sdk = imported("openai", _OPENAI, door)
    http = deployment.clients(sdk)
    settings: dict[str, Any] = {
        "api_key": PLACEHOLDER,
        "timeout": deployment.seconds,
        "max_retries": deployment.max_retries,
    }
    if deployment.version is None:
        settings["base_url"] = deployment.base_url
        kinds = (sdk.OpenAI, sdk.AsyncOpenAI)
    else:
        settings |= {
            "azure_endpoint": deployment.endpoint,
            "azure_deployment": deployment.name,
            "api_version": deployment.version,
        }
        kinds = (sdk.AzureOpenAI, sdk.AsyncAzureOpenAI)
    made = (kind(**settings, http_client=one) for kind, one in zip(kinds, http, strict=True))
    return _Clients(*made)


def _place(deployment: Deployment) -> dict[str, Any]:
    return {
        "azure_endpoint": deployment.endpoint,
        "azure_deployment": deployment.name,
        "api_version": deployment.version,
    }


def _v1(door: str, deployment: Deployment) -> LLM:
    if deployment.family == "o_series":
        return _o_series(door, deployment)
    cls = imported("llama_index.llms.openai_like", _OPENAI, door).OpenAILike
    is_text = deployment.family == "text"
    own = {
        "context_window": _window(deployment, door),
        "is_chat_model": not is_text,
        "is_function_calling_model": not is_text,
        "should_use_structured_outputs": not is_text and deployment.family != "foundry",
        **_reasoning(deployment),
    }
    return _built(door, cls, deployment, {"model": deployment.name, **own})


def _o_series(door: str, deployment: Deployment) -> LLM:
    # Only by the name of its table does the class leave out what these models refuse.
    cls = imported("llama_index.llms.openai", _OPENAI, door).OpenAI
    own = _reasoning(deployment)
    own["additional_kwargs"] = {**own["additional_kwargs"], "model": deployment.name}
    return _built(door, cls, deployment, {**own, "model": _known(door, deployment)})


def _dated(door: str, deployment: Deployment) -> LLM:
    cls = imported("llama_index.llms.azure_openai", _OPENAI, door).AzureOpenAI
    model = _known(door, deployment)
    own = {"model": model, **_place(deployment), **_reasoning(deployment)}
    return _built(door, cls, deployment, own)


def _responses(door: str, deployment: Deployment) -> LLM:
    cls = imported("llama_index.llms.openai", _OPENAI, door).OpenAIResponses
    own = deployment.own_with_body("additional_kwargs")
    options = dict(own.get("additional_kwargs") or {})
    if own.get("reasoning_options") is not None:  # sent for models of a table only
        options["reasoning"] = own["reasoning_options"]
    # Its `model` is where properties are looked up; on the wire this one stands over it.
    own["additional_kwargs"] = {**options, "model": deployment.name}
    return _built(door, cls, deployment, {**own, "model": _known(door, deployment)})


def _built(door: str, cls: Any, deployment: Deployment, own: Mapping[str, Any]) -> LLM:
    check_own(door, deployment.own, _names(cls))
    clients = _sdk_clients(door, deployment)
    place = {} if "azure_endpoint" in own else {"api_base": deployment.base_url}
    built: LLM = cls(
        api_key=PLACEHOLDER,
        timeout=deployment.seconds,
        max_retries=0,  # the SDK's clients have theirs
        openai_client=clients.sync,
        async_openai_client=clients.aio,
        **place,
        **own,
    )
    return built


def _reasoning(deployment: Deployment) -> dict[str, Any]:
    """The class's own arguments; of a reasoning model by the names that the service takes.

    The class sends a temperature always, and knows reasoning models by their names only.
    """
    own = deployment.own_with_body("additional_kwargs")
    if not deployment.is_reasoning:
        return own
    options = dict(own.get("additional_kwargs") or {})
    if own.get("max_tokens") is not None:
        options["max_completion_tokens"] = own.pop("max_tokens")
    if own.get("reasoning_effort") is not None:
        options["reasoning_effort"] = own.pop("reasoning_effort")
    return {"temperature": 1.0, **own, "additional_kwargs": options}


def _models(door: str) -> Mapping[str, int]:
    table: Mapping[str, int] = imported(
        "llama_index.llms.openai.utils", _OPENAI, door
    ).ALL_AVAILABLE_MODELS
    return table


def _window(deployment: Deployment, door: str) -> int:
    fallback = _TEXT_WINDOW if deployment.family == "text" else _WINDOW
    return _models(door).get(deployment.base_model, fallback)


def _known(door: str, deployment: Deployment) -> str:
    """The model by which the class looks up what it has to know."""
    if deployment.base_model in _models(door):
        return deployment.base_model
    if deployment.family in _LIKE:
        return _LIKE[deployment.family]
    raise ConfigError(
        f"{door}: LlamaIndex has to know the model behind {deployment.name!r}, and "
        f"{deployment.base_model!r} is none of its table: pass base_model='azure/gpt-4o' or what "
        "it is; without api_version= (chat) none is needed"
    )


def _names(cls: Any) -> frozenset[str]:
    taken = inspect.signature(cls.__init__).parameters
    known = {name for name, one in taken.items() if one.kind is not one.VAR_KEYWORD}
    return frozenset(known | set(cls.model_fields)) - {"self", "model"}
