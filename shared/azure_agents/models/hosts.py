"""The hosts at which Microsoft serves models: keys of the environment may go there. Pure."""

from __future__ import annotations

_CLOUDS = ("azure.com", "azure.us", "azure.cn", "microsoft.com")
# Each resource has a host under each of these, with its own name before it.
_NAMED = ("openai", "cognitiveservices", "services.ai")
# Of resources, in every cloud.
_MICROSOFT = tuple(
    f"{service}.{cloud}"
    for service in (*_NAMED, "api.cognitive", "models.ai", "inference.ml")
    for cloud in _CLOUDS
)


def is_microsoft(host: str) -> bool:
    """Whether a host is one of Azure's resources.

    Args:
        host: In lower case.
    """
    return any(host.endswith(f".{suffix}") for suffix in _MICROSOFT)


def one_host(host: str) -> str:
    """The host by which a resource is known, of whichever of its hosts; another host as it is.

    Microsoft's documentation gives ``NAME.openai.azure.com`` and ``NAME.services.ai.azure.com`` as
    two forms of one endpoint, and a resource's name is unique in its cloud. That an id made at one
    of them is known at the others was not recorded: it is a guess.

    Args:
        host: In lower case.
    """
    name, _, suffix = host.partition(".")
    for cloud in _CLOUDS:
        if suffix in {f"{service}.{cloud}" for service in _NAMED}:
            return f"{name}.{_NAMED[0]}.{cloud}"
    return host
