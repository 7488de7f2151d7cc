"""Environment variables: their names, how they are read, and texts that nothing shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

ENV_ENDPOINT = "AZURE_AI_PROJECT_ENDPOINT"
ENV_AGENT = "AZURE_AI_AGENT"
ENV_ANCHOR_KEY = "AZURE_AGENTS_ANCHOR_KEY"

# Bases, versions and keys of resources: LiteLLM's names, then those of the SDKs.
ENV_API_BASE = "AZURE_API_BASE"
ENV_API_KEY = "AZURE_API_KEY"
ENV_API_TYPE = "AZURE_API_TYPE"
ENV_API_VERSION = "AZURE_API_VERSION"
ENV_AI_API_BASE = "AZURE_AI_API_BASE"
ENV_AI_API_KEY = "AZURE_AI_API_KEY"
ENV_OPENAI_ENDPOINT = "AZURE_OPENAI_ENDPOINT"
ENV_OPENAI_API_KEY = "AZURE_OPENAI_API_KEY"
ENV_OPENAI_API_VERSION = "OPENAI_API_VERSION"
ENV_FOUNDRY_BASE = "ANTHROPIC_FOUNDRY_BASE_URL"
ENV_FOUNDRY_KEY = "ANTHROPIC_FOUNDRY_API_KEY"
ENV_FOUNDRY_RESOURCE = "ANTHROPIC_FOUNDRY_RESOURCE"
ENV_OPENAI_BASE = "OPENAI_BASE_URL"
ENV_OPENAI_KEY = "OPENAI_API_KEY"

ENV_SCOPE = "AZURE_SCOPE"
ENV_TENANT_ID = "AZURE_TENANT_ID"
ENV_CLIENT_ID = "AZURE_CLIENT_ID"
ENV_CLIENT_SECRET = "AZURE_CLIENT_SECRET"  # noqa: S105 - the name of a variable
ENV_AD_TOKEN = "AZURE_AD_TOKEN"  # noqa: S105 - as above
ENV_USERNAME = "AZURE_USERNAME"
ENV_PASSWORD = "AZURE_PASSWORD"  # noqa: S105 - as above


class Environment(Mapping[str, str]):
    """Environment variables, shown by no tool that prints the local variables of a traceback.

    Args:
        variables: For instance ``os.environ``.
    """

    __slots__ = ("_variables",)

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __repr__(self) -> str:
        return "Environment(…)"


def read_env(env: Mapping[str, str], name: str) -> str | None:
    """Give a variable's value without outer white space; empty counts as not set.

    Args:
        env: The variables, such as ``os.environ``.
        name: The variable to look up.
    """
    return env.get(name, "").strip() or None


class Secret:
    """A text that is never shown and never pickled.

    Args:
        value: The text to keep from being shown.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Give the text, to be sent."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(…)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: build the client again where it is needed")


def hidden(value: Any) -> Any:
    """Wrap a text in a `Secret`, so that tools that print local variables do not show it.

    Args:
        value: A text; anything else is given back as it is.
    """
    return Secret(value) if isinstance(value, str) else value


def read_secret(env: Mapping[str, str], name: str) -> Secret | None:
    """Do as `read_env` does, for a variable that holds a secret.

    Args:
        env: The variables, such as ``os.environ``.
        name: The variable to look up.
    """
    secret = Secret(env.get(name, "").strip())
    return secret or None


def base_in(name: str, value: str) -> str:
    """Give the base URL that a variable holds; of Anthropic's SDK one holds only a resource's name.

    Args:
        name: The variable.
        value: What it holds.
    """
    is_resource = name == ENV_FOUNDRY_RESOURCE
    return f"https://{value}.services.ai.azure.com/anthropic" if is_resource else value
