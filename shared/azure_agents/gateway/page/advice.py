"""What an operator should do about a failure, and what may be shown of it. Pure."""

from __future__ import annotations

from typing import Any

from ...errors import (
    AuthenticationError,
    AzureAgentsError,
    ConfigError,
    ConnectionLostError,
    CredentialError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TimedOutError,
)
from ...routing.health import judge
from ..refusals import without_urls

_LONGEST = 400  # characters of a sentence
# The first row that fits.
_ADVICE: dict[type[AzureAgentsError], str] = {
    RateLimitError: "The quota is used up. Raise the deployment's quota in Azure, add a deployment "
    "of the same model_name, or set its rpm and tpm to what Azure allows.",
    AuthenticationError: "The credential is refused. See what the entry signs in with: "
    "azure-agents check-config.",
    PermissionDeniedError: "The identity lacks a role. It needs 'Cognitive Services OpenAI User' "
    "for models, 'Azure AI User' for agents.",
    CredentialError: "No token could be had. See the entry's tenant, client and secret.",
    NotFoundError: "Azure does not know it. Compare the entry's deployment or agent, and its "
    "api_base, with the portal.",
    ConfigError: "The entry is wrong: azure-agents check-config says how.",
    NotSentError: "No connection. See the host name, DNS, proxies and private endpoints.",
    TimedOutError: "No answer in time. See Azure's status, or raise the entry's timeout.",
    StreamInterruptedError: "A stream was cut after its first content. A proxy between here and "
    "Azure may end long connections.",
    ConnectionLostError: "The connection broke. A proxy between here and Azure may end long "
    "connections.",
    ServerError: "Azure's service failed. Other deployments are asked meanwhile; see its status.",
    ProtocolError: "What came back is no answer of Azure's. See api_base, and proxies in between.",
}
_CLIENTS = "The request was wrong, and its client was told why. Nothing is wrong here."


def shown_failure(error: AzureAgentsError) -> dict[str, Any]:
    """What an operator sees of a failure.

    What a client did wrong is shown without its sentence, which may quote what the client sent.

    Args:
        error: Any.
    """
    is_clients = judge(error) == "wrong" and not isinstance(error, ConfigError)
    facts = ", ".join(
        f"{name} {value}" for name in ("code", "param") if (value := _fact(error, name))
    )
    return {
        "kind": type(error).__name__.removesuffix("Error"),
        "status": error.status,
        "sentence": facts if is_clients else _cut(without_urls(error.message)),
        "advice": _CLIENTS if is_clients else _advice(error),
    }


def _fact(error: AzureAgentsError, name: str) -> str:
    return _cut(str(getattr(error, name) or ""))


def _advice(error: AzureAgentsError) -> str:
    return next((told for kind, told in _ADVICE.items() if isinstance(error, kind)), "")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
