"""The hosts at which Microsoft serves models: keys of the environment may go there. Pure."""

from __future__ import annotations

# Of resources, in every cloud.
_MICROSOFT = tuple(
    f"{service}.{cloud}"
    for service in (
        "openai",
        "cognitiveservices",
        "services.ai",
        "api.cognitive",
        "models.ai",
        "inference.ml",
    )
    for cloud in ("azure.com", "azure.us", "azure.cn", "microsoft.com")
)


def is_microsoft(host: str) -> bool:
    """Whether a host is one of Azure's resources.

    Args:
        host: In lower case.
    """
    return any(host.endswith(f".{suffix}") for suffix in _MICROSOFT)
