"""Advice for an error of the service: the second half of its message."""

from __future__ import annotations

from collections.abc import Collection

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


def hint_for(
    cls: type[ServiceError],
    status: int | None,
    *,
    words: Collection[str],
    message: str,
    filters: JSON | None,
) -> str:
    """Give advice for an error of the service; "" where there is none.

    Args:
        cls: Class of the error.
        status: HTTP status, if there was one.
        words: The service's code and type, in lower case.
        message: The service's sentence.
        filters: Results of its content filters; None: no filter refused anything.
    """
    if cls is AuthenticationError:
        return (
            "the token must be fresh, of the project's tenant and for the scope "
            "'https://ai.azure.com/.default' (scope= or AZURE_SCOPE changes it); an API key works "
            "with the default project of its own account only"
        )
    if cls is PermissionDeniedError:
        return _permission_hint(status, words)
    if cls is ContentFilteredError:
        return filter_hint(filters)
    if "deploymentnotfound" in words:
        return "the agent's model is not deployed in this resource: deploy it or change the agent"
    if cls is AgentNotFoundError:
        return "check the agent's name and version, and that it lives in this project"
    if cls is ThreadNotFoundError:
        return "it may be deleted, past its retention (30 days), or of another project"
    if cls is NotFoundError:
        return "check that the endpoint names an existing project"
    return next((hint for begin, hint in _HINTS if message.startswith(begin)), "")


def deployment_hint_for(
    cls: type[ServiceError], *, words: Collection[str], filters: JSON | None
) -> str:
    """Give advice for an error of a deployment; "" where there is none.

    Args:
        cls: Class of the error.
        words: The service's code and type, in lower case.
        filters: Results of its content filters; None: no filter refused anything.
    """
    if cls is AuthenticationError:
        return (
            "the key must be one of this resource; a token must be fresh, of its tenant and for "
            "the scope 'https://cognitiveservices.azure.com/.default' (azure_scope= changes it)"
        )
    if cls is PermissionDeniedError:
        return (
            "either a firewall or private endpoint is closed to this machine, or the caller lacks "
            "the role 'Cognitive Services OpenAI User' on the resource"
        )
    if cls is ContentFilteredError:
        return filter_hint(filters).replace("that the agent uses", "itself")
    if "deploymentnotfound" in words:
        return "check the name of the deployment (it is not its model's), and the resource"
    return ""


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


def filter_hint(filters: JSON | None) -> str:
    """Give advice for content filters that refused something; "" for None."""
    if filters is None:
        return ""
    which = f" ({named(filters)})" if filters else ""
    return (
        f"a content filter struck{which}: change the messages, or the content filter of the "
        "deployment that the agent uses"
    )


def _permission_hint(status: int | None, words: Collection[str]) -> str:
    if "preview_feature_required" in words:
        return ""  # the service's own sentence names the header
    role = (
        "give the caller the role 'Azure AI User' on the project: az role assignment create "
        "--role 'Azure AI User' --assignee <principal> --scope <resource id of the project>"
    )
    if status == 403 and "permissiondenied" not in words:
        return f"either a firewall or private endpoint is closed to this machine, or {role}"
    return role
