"""From a model string to what answers it: an agent, or a deployment of which family. Pure.

| string | what answers |
|---|---|
| ``azure_ai/agents/…`` | an agent of a project |
| ``azure/<deployment>`` | Azure OpenAI, chat |
| ``azure/o_series/<deployment>``, ``azure/gpt5_series/<deployment>`` | the same, reasoning models |
| ``azure/responses/<deployment>`` | a chat call carried over the responses operation |
| ``azure_text/<deployment>`` | Azure OpenAI, text completions |
| ``azure/claude-…``, ``azure_ai/claude-…`` | Claude in Foundry |
| ``azure_ai/<deployment>`` | any other Foundry model; Claude if the base ends in ``/anthropic`` |
| ``openai/<model>`` | OpenAI itself |
| a bare name | an agent; where it is OpenAI's says `azure_agents.models.bare_names` |

A deployment may have any name, so its family is read from the prefix, else from `base_model`, else
from the name itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import ConfigError
from ..naming import near, shown

Provider: TypeAlias = Literal["agents", "azure", "anthropic", "openai"]
Family: TypeAlias = Literal[
    "agent", "chat", "o_series", "gpt5", "responses", "text", "claude", "foundry"
]

FORMS = (
    "'azure/<deployment>', 'azure_text/<deployment>', 'azure_ai/<deployment>' (Claude and other "
    "models of Foundry), 'azure_ai/agents/<agent>', 'openai/<model>'"
)
_PREFIXES = ("azure", "azure_ai", "azure_text", "openai", "agents")
_FAMILIES: dict[str, Family] = {
    "o_series": "o_series",
    "gpt5_series": "gpt5",
    "responses": "responses",
}
# Deployment names of Azure are 2 to 64 of these; a name may stand in a path, so nothing else may.
_DEPLOYMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Models of OpenAI stand in bodies only: "ft:gpt-4o-mini:my-org::abc".
_OPENAI = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,255}")
_O_SERIES = re.compile(r"(?<![a-z0-9])o[134](?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class ModelName:
    """What a model string names.

    Attributes:
        requested: The string as the caller wrote it.
        provider: Whose API answers: ``agents``, ``azure`` (Azure OpenAI and Foundry models),
            ``anthropic`` (Claude in Foundry) or ``openai``.
        family: Which rules hold for its calls.
        name: The deployment, the model of OpenAI, or the agent.
        base_model: The model behind the deployment, where the caller said it.
    """

    requested: str
    provider: Provider
    family: Family
    name: str
    base_model: str | None = None

    @property
    def rules(self) -> Family:
        """Whose rules hold for its chats: where the prefix leaves that open, its name tells."""
        if self.family in {"chat", "foundry", "responses"}:
            return family_of(self.base_model or self.name)
        return self.family

    @property
    def is_reasoning(self) -> bool:
        """Whether it takes ``max_completion_tokens``, and hardly a temperature of the caller."""
        return self.rules in {"o_series", "gpt5"}


def read_model(
    model: object, *, base: str | None = None, base_model: str | None = None
) -> ModelName:
    """Read a model string.

    Args:
        model: Any form of the table above.
        base: The base URL of the call, which tells what ``azure_ai/<deployment>`` and a bare name
            are.
        base_model: The model behind the deployment, such as ``azure/gpt-5-mini``.

    Raises:
        ConfigError: The string has none of the forms.
    """
    if not isinstance(model, str) or not model.strip():
        raise ConfigError(f"model={shown(model)} names no model: use {FORMS}")
    prefix, slash, rest = model.strip().partition("/")
    if not slash:
        return ModelName(model, "agents", "agent", prefix, base_model)
    if prefix == "openai":
        return ModelName(model, "openai", "chat", _checked(rest, model, _OPENAI), base_model)
    if prefix == "agents" or (prefix == "azure_ai" and rest.startswith("agents/")):
        return ModelName(model, "agents", "agent", rest.removeprefix("agents/"), base_model)
    if prefix == "azure_text":
        return ModelName(model, "azure", "text", _checked(rest, model), base_model)
    if prefix == "azure_ai":
        return _foundry(rest, model, base, base_model)
    if prefix == "azure":
        return _azure(rest, model, base_model)
    raise ConfigError(
        f"model={shown(model)} begins with {shown(prefix)}, which is no prefix here"
        f"{near(prefix, _PREFIXES)}: use {FORMS}"
    )


def resource(prefix: str) -> ModelName:
    """What stands for a resource where no deployment is named: its files, batches, responses.

    Args:
        prefix: ``azure``, ``azure_ai``, ``azure_text``, ``anthropic`` or ``openai``.
    """
    if prefix == "openai":
        return ModelName(prefix, "openai", "chat", "")
    if prefix == "anthropic":
        return ModelName(prefix, "anthropic", "claude", "")
    return ModelName(prefix, "azure", "foundry" if prefix == "azure_ai" else "chat", "")


def _foundry(rest: str, model: str, base: str | None, base_model: str | None) -> ModelName:
    name = _checked(rest, model)
    if _is_claude(name, base_model) or _ends_in(base, "anthropic"):
        return ModelName(model, "anthropic", "claude", name, base_model)
    return ModelName(model, "azure", "foundry", name, base_model)


def _azure(rest: str, model: str, base_model: str | None) -> ModelName:
    word, slash, behind = rest.partition("/")
    if slash and word in _FAMILIES:
        return ModelName(model, "azure", _FAMILIES[word], _checked(behind, model), base_model)
    name = _checked(rest, model)
    if _is_claude(name, base_model):
        return ModelName(model, "anthropic", "claude", name, base_model)
    return ModelName(model, "azure", family_of(base_model or name), name, base_model)


def family_of(name: str) -> Family:
    """The rules that hold for a chat model, as far as its name tells.

    Args:
        name: A deployment or a model, with or without ``azure/`` before it.
    """
    word = name.lower().rpartition("/")[2]
    if _O_SERIES.search(word):
        return "o_series"
    if "gpt-5" in word and "gpt-5-chat" not in word:  # which does not reason
        return "gpt5"
    return "chat"


def _is_claude(name: str, base_model: str | None) -> bool:
    return (base_model or name).lower().rpartition("/")[2].startswith("claude-")


def _ends_in(base: str | None, word: str) -> bool:
    path = (base or "").partition("?")[0].rstrip("/")
    return path.removesuffix("/v1/messages").removesuffix("/v1").rstrip("/").endswith(f"/{word}")


def _checked(name: str, model: str, form: re.Pattern[str] = _DEPLOYMENT) -> str:
    if form.fullmatch(name) and ".." not in name:
        return name
    if "<" in name:
        raise ConfigError(
            f"model={shown(model)} still holds a placeholder: put the name of your deployment there"
        )
    what = "no deployment" if not name else "a deployment name that Azure does not allow"
    raise ConfigError(
        f"model={shown(model)} has {what} behind its prefix (letters, digits, '.', '_', '-'): use "
        f"{FORMS}"
    )
