"""The classes that LangChain's users know, built for any model string.

Agents get `ChatAzureAgent`. Deployments get the class of ``langchain-openai`` or
``langchain-anthropic``, and nothing of it is changed: only its HTTP client is ours, which signs in
(`azure_agents.drivers.sdk_clients`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLLM
from pydantic import SecretStr

from azure_agents.frameworks.deployments import (
    PLACEHOLDER,
    Deployment,
    check_own,
    imported,
    is_agent,
    of_agent,
    read_deployment,
    read_embedding,
    refuse,
)
from azure_agents.models.names import Family

from ._arguments import argument_names
from ._chat_model import ChatAzureAgent

_OPENAI = "langchain-openai"
_ANTHROPIC = "langchain-anthropic"


def init_azure_chat_model(model: str, **arguments: Any) -> BaseChatModel:
    """Build the chat model of any model string: an agent or a deployment. Nothing is sent.

    | model string | class |
    |---|---|
    | an agent | `ChatAzureAgent` |
    | ``azure/…``, ``azure_ai/…`` on the v1 surface, ``openai/…`` | ``ChatOpenAI`` |
    | ``azure/…`` with a dated `api_version` | ``AzureChatOpenAI`` |
    | ``azure_ai/claude-…`` | ``ChatAnthropic`` |

    Args:
        model: As for `azure_agents.completion`.
        arguments: Where, who and how, by the names of `completion`: `api_base`, `api_version`,
            `api_key`, `credential`, `azure_ad_token_provider`, `azure_scope`, `timeout` (seconds
            for each wait, since an SDK has no limit for a whole call; default 600), `max_retries`
            (default 2), `extra_headers`, `base_model` …; in tests `transport` and
            `async_transport`, of httpx. All others are the class's own, such as `temperature`.

    Returns:
        The model. Of a deployment it signs in for every request, also when the token of an earlier
        one has ended, and sends its credential to its own origin only.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        ImportError: The package of the class is not installed.
    """
    door = "init_azure_chat_model()"
    if is_agent(model, arguments):
        return ChatAzureAgent(**of_agent(door, model, arguments))
    instead = "use init_azure_llm() for a text model"
    deployment = read_deployment(door, model, arguments, {"text": instead})
    build = _claude if deployment.provider == "anthropic" else _chat
    return build(door, deployment)


def init_azure_embeddings(model: str, **arguments: Any) -> Embeddings:
    """Build the embeddings of a deployment. Nothing is sent.

    On the v1 surface and for OpenAI itself this is ``OpenAIEmbeddings``, with a dated `api_version`
    ``AzureOpenAIEmbeddings``.

    Args:
        model: ``azure/<deployment>``, ``azure_ai/<deployment>`` or ``openai/<model>``.
        arguments: As for `init_azure_chat_model`.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        ImportError: ``langchain-openai`` is not installed.
    """
    door = "init_azure_embeddings()"
    deployment = read_embedding(door, model, arguments)
    package = imported("langchain_openai", _OPENAI, door)
    own = deployment.own_with_body("model_kwargs")
    if deployment.version is None:
        own.setdefault("openai_api_type", None)  # refused if the environment says "azure"
    if deployment.family == "foundry":  # else it sends tokens of OpenAI's models, not texts
        own.setdefault("check_embedding_ctx_length", False)
    names = ("OpenAIEmbeddings", "AzureOpenAIEmbeddings")
    built: Embeddings = _built(door, package, names, deployment, own)
    return built


def init_azure_llm(model: str, **arguments: Any) -> BaseLLM:
    """Build the text completion model of a deployment ("instruct"). Nothing is sent.

    On the v1 surface and for OpenAI itself this is LangChain's ``OpenAI``, with a dated
    `api_version` ``AzureOpenAI``.

    Args:
        model: ``azure_text/<deployment>`` or ``openai/<model>``.
        arguments: As for `init_azure_chat_model`.

    Raises:
        ConfigError: An argument is wrong, or the class has no place for it.
        ImportError: ``langchain-openai`` is not installed.
    """
    door = "init_azure_llm()"
    instead = "use init_azure_chat_model(), or 'azure_text/<deployment>' for a text model"
    refused: tuple[Family, ...] = ("claude", "o_series", "gpt5", "responses", "foundry")
    deployment = read_deployment(door, model, arguments, dict.fromkeys(refused, instead))
    if deployment.provider == "azure" and deployment.family != "text":
        refuse(door, model, instead)
    package = imported("langchain_openai", _OPENAI, door)
    names = ("OpenAI", "AzureOpenAI")
    built: BaseLLM = _built(
        door, package, names, deployment, deployment.own_with_body("model_kwargs")
    )
    return built


def _chat(door: str, deployment: Deployment) -> BaseChatModel:
    package = imported("langchain_openai", _OPENAI, door)
    # Where it did not make the HTTP client, it leaves out usage in streams, and yet tries sockets.
    own: dict[str, Any] = {"stream_usage": True, "http_socket_options": (), **deployment.own}
    if deployment.extra_body:
        own["extra_body"] = dict(deployment.extra_body)
    if deployment.family == "responses":
        own["use_responses_api"] = True
    names = ("ChatOpenAI", "AzureChatOpenAI")
    built: BaseChatModel = _built(door, package, names, deployment, own)
    return built


def _built(
    door: str, package: Any, names: tuple[str, str], deployment: Deployment, own: Mapping[str, Any]
) -> Any:
    """A class of ``langchain-openai``: the first name for v1, the second for a dated surface."""
    cls = getattr(package, names[0] if deployment.version is None else names[1])
    check_own(door, deployment.own, argument_names(cls))
    clients = deployment.clients(imported("openai", _OPENAI, door))
    place: dict[str, Any] = {"base_url": deployment.base_url, "openai_proxy": None}
    if deployment.version is not None:
        place = {
            "azure_endpoint": deployment.endpoint,
            "azure_deployment": deployment.name,
            "api_version": deployment.version,
            "openai_api_base": None,
            "openai_proxy": None,
        }
    return cls(
        model=deployment.name,
        api_key=SecretStr(PLACEHOLDER),
        timeout=deployment.seconds,
        max_retries=deployment.max_retries,
        http_client=clients.sync,
        http_async_client=clients.aio,
        **place,
        **own,
    )


def _claude(door: str, deployment: Deployment) -> BaseChatModel:
    package = imported("langchain_anthropic", _ANTHROPIC, door)
    sdk = imported("anthropic", _ANTHROPIC, door)
    check_own(door, deployment.own, argument_names(package.ChatAnthropic))
    model: Any = package.ChatAnthropic(
        model=deployment.name,
        base_url=deployment.base_url,
        api_key=SecretStr(PLACEHOLDER),
        timeout=deployment.seconds,
        max_retries=deployment.max_retries,
        **deployment.own_with_body("model_kwargs"),
    )
    # It takes no HTTP client, but keeps its SDK clients in these two places. `AnthropicFoundry` is
    # not used: it refuses a base URL where ANTHROPIC_FOUNDRY_RESOURCE is set.
    clients = deployment.clients(sdk)
    settings = model._client_params  # noqa: SLF001 - as above
    vars(model)["_client"] = sdk.Anthropic(**settings, http_client=clients.sync)
    vars(model)["_async_client"] = sdk.AsyncAnthropic(**settings, http_client=clients.aio)
    built: BaseChatModel = model
    return built
