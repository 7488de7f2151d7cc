"""Advice for an error of the service: the second half of its message.

It depends on who answered: a project with agents, a resource with deployments, or OpenAI.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias

from ..errors import (
    AgentNotFoundError,
    AuthenticationError,
    ContentFilteredError,
    NotFoundError,
    PermissionDeniedError,
    ServiceError,
    ThreadNotFoundError,
)
from ..jsonio import JSON
from ..settings.headers import IMAGE_DEPLOYMENT
from .content_filters import named

Service: TypeAlias = Literal["agents", "azure", "anthropic", "openai"]


def hint_for(
    cls: type[ServiceError],
    status: int | None,
    *,
    words: Collection[str],
    message: str,
    filters: JSON | None,
    of: Service = "agents",
) -> str:
    """Give advice for an error of the service; "" where there is none.

    Args:
        cls: Class of the error.
        status: HTTP status, if there was one.
        words: The service's code and type, in lower case.
        message: The service's sentence.
        filters: Results of its content filters; None: no filter refused anything.
        of: Who answered.
    """
    if cls is PermissionDeniedError:
        return _permission_hint(status, words, of)
    if cls is ContentFilteredError:
        return filter_hint(filters, of)
    if cls is AgentNotFoundError and "deploymentnotfound" in words and of == "agents":
        return "the agent's model is not deployed in this resource: deploy it or change the agent"
    told = next((hint for part, hint in _IN_DEPLOYMENTS.items() if part in message), "")
    if told and of == "azure":
        return told
    if cls in _BY_CLASS[of]:
        return _BY_CLASS[of][cls]
    if of != "agents":
        return ""
    return next((hint for begin, hint in _HINTS if message.startswith(begin)), "")


_OVER_RESPONSES = "'azure/responses/<deployment>' carries a chat over the responses operation"
# What deployments say, as quoted in public issues, of calls that another prefix serves.
_IN_DEPLOYMENTS: Mapping[str, str] = {
    "The chatCompletion operation does not work with the specified model": (
        f"{_OVER_RESPONSES}; a model that completes texts is 'azure_text/<deployment>'"
    ),
    "The completion operation does not work with the specified model": (
        "'azure_text/<deployment>' is for models that complete texts: a chat model is "
        "'azure/<deployment>'"
    ),
    "in /v1/chat/completions": _OVER_RESPONSES,  # of function tools with reasoning_effort
    "only supported in v1/responses": _OVER_RESPONSES,
    "Encrypted content is not supported with this model": (
        "the deployment's model does not reason: pass base_model= with its name"
    ),
    "could not be decrypted": (
        "encrypted reasoning goes back to the resource and model that made it: leave "
        "provider_specific_fields out of messages that come from elsewhere"
    ),
}


_OF_RESOURCES: Mapping[type[ServiceError], str] = {
    AuthenticationError: (
        "a key must be of the resource that the base URL names; a token must be fresh, of its "
        "tenant and for the scope 'https://cognitiveservices.azure.com/.default' (azure_scope= or "
        "AZURE_SCOPE changes it)"
    ),
    AgentNotFoundError: (
        "the model string ends in the name of your deployment, which need not be that of its "
        "model: check the name, and that it is deployed in the resource of the base URL (a new "
        "deployment takes minutes)"
    ),
    ThreadNotFoundError: (
        "it may be deleted, past its retention (30 days), or of another resource"
    ),
    NotFoundError: (
        "check the name or id, and that the base URL and api_version= are those of its resource"
    ),
}
_BY_CLASS: Mapping[Service, Mapping[type[ServiceError], str]] = {
    "agents": {
        AuthenticationError: (
            "the token must be fresh, of the project's tenant and for the scope "
            "'https://ai.azure.com/.default' (scope= or AZURE_SCOPE changes it); an API key works "
            "with the default project of its own account only"
        ),
        AgentNotFoundError: "check the agent's name and version, and that it lives in this project",
        ThreadNotFoundError: (
            "it may be deleted, past its retention (30 days), or of another project"
        ),
        NotFoundError: "check that the endpoint names an existing project",
    },
    "azure": _OF_RESOURCES,
    "anthropic": _OF_RESOURCES,
    "openai": {
        AuthenticationError: "check the key: api_key=, or OPENAI_API_KEY",
        AgentNotFoundError: "check the name of the model, and that the key's project may use it",
        NotFoundError: "check the name or id, and the base URL",
    },
}


# By how the service's sentence begins; the first and the last are quoted in public issues.
_HINTS = (
    (
        "ID cannot be null or empty",
        (
            "a hosted agent answers only at its own endpoint: pass endpoint= with "
            "'/agents/<agent>/endpoint/protocols/openai' behind the project"
        ),
    ),
    (
        f"Missing required header: '{IMAGE_DEPLOYMENT}'",
        "pass image_generation_deployment=, for instance 'gpt-image-1-mini'",
    ),
    (
        "Not allowed when agent is specified",
        "set it in the agent's own definition instead (a new version of the agent)",
    ),
)


def filter_hint(filters: JSON | None, of: Service = "agents") -> str:
    """Give advice for content filters that refused something; "" for None."""
    if filters is None:
        return ""
    which = f" ({named(filters)})" if filters else ""
    whose = "the deployment that the agent uses" if of == "agents" else "the deployment"
    return f"a content filter struck{which}: change the messages, or the content filter of {whose}"


# The role that lets a caller ask, and on what it is given.
_ROLES: Mapping[Service, tuple[str, str]] = {
    "agents": ("Azure AI User", "project"),
    "azure": ("Cognitive Services OpenAI User", "resource"),
    "anthropic": ("Cognitive Services User", "resource"),
}


def _permission_hint(status: int | None, words: Collection[str], of: Service) -> str:
    if "preview_feature_required" in words or of not in _ROLES:
        return ""  # the service's own sentence names what is missing
    name, place = _ROLES[of]
    role = (
        f"give the caller the role '{name}' on the {place}: az role assignment create "
        f"--role '{name}' --assignee <principal> --scope <resource id of the {place}>"
    )
    if status == 403 and "permissiondenied" not in words:
        return f"either a firewall or private endpoint is closed to this machine, or {role}"
    return role
