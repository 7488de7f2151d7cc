"""Model strings: each form of the pages names one model, and everything else is an error."""

from __future__ import annotations

import pytest

from azure_agents.errors import ConfigError
from azure_agents.models.names import read_model

FORMS = [
    # string, base, base_model -> provider, family, name
    ("azure/my-deployment", None, None, ("azure", "chat", "my-deployment")),
    ("azure/chatgpt-v-2", None, None, ("azure", "chat", "chatgpt-v-2")),
    ("azure/gpt-4o-mini", None, None, ("azure", "chat", "gpt-4o-mini")),
    ("azure/azure-openai-4o-audio", None, None, ("azure", "chat", "azure-openai-4o-audio")),
    ("azure/gpt-4-vision", None, None, ("azure", "chat", "gpt-4-vision")),
    ("azure/tts-1", None, None, ("azure", "chat", "tts-1")),
    ("azure/o1-mini", None, None, ("azure", "o_series", "o1-mini")),
    ("azure/my-o3-deployment", None, None, ("azure", "o_series", "my-o3-deployment")),
    ("azure/o3-model", None, None, ("azure", "o_series", "o3-model")),
    ("azure/team.o4-mini", None, None, ("azure", "o_series", "team.o4-mini")),
    ("azure/o365-bot", None, None, ("azure", "chat", "o365-bot")),
    ("azure/o_series/my-random-name", None, None, ("azure", "o_series", "my-random-name")),
    ("azure/gpt5_series/my-own", None, None, ("azure", "gpt5", "my-own")),
    ("azure/my-gpt-5-deployment", None, None, ("azure", "gpt5", "my-gpt-5-deployment")),
    ("azure/gpt-5-chat", None, None, ("azure", "chat", "gpt-5-chat")),
    ("azure/prod", None, "azure/gpt-5-mini", ("azure", "gpt5", "prod")),
    ("azure/prod", None, "o3", ("azure", "o_series", "prod")),
    ("azure/gpt-5-like", None, "gpt-4o", ("azure", "chat", "gpt-5-like")),
    ("azure/responses/gpt-5-codex", None, None, ("azure", "responses", "gpt-5-codex")),
    ("azure_text/instruct", None, None, ("azure", "text", "instruct")),
    ("azure_ai/claude-sonnet-4-5", None, None, ("anthropic", "claude", "claude-sonnet-4-5")),
    ("azure/claude-opus-4-1", None, None, ("anthropic", "claude", "claude-opus-4-1")),
    ("azure/prod", None, "claude-haiku-4-5", ("anthropic", "claude", "prod")),
    (
        "azure_ai/my-own",
        "https://r.services.ai.azure.com/anthropic/",
        None,
        ("anthropic", "claude", "my-own"),
    ),
    ("azure_ai/grok-3", None, None, ("azure", "foundry", "grok-3")),
    ("azure_ai/Mistral-Large-2411", None, None, ("azure", "foundry", "Mistral-Large-2411")),
    ("openai/gpt-4o", None, None, ("openai", "chat", "gpt-4o")),
    ("openai/ft:gpt-4o-mini:org::a1", None, None, ("openai", "chat", "ft:gpt-4o-mini:org::a1")),
    ("azure_ai/agents/asst_abc123", None, None, ("agents", "agent", "asst_abc123")),
    ("azure_ai/agents/my-agent:1", None, None, ("agents", "agent", "my-agent:1")),
    ("my-agent", None, None, ("agents", "agent", "my-agent")),
]


def test_every_form_names_its_route() -> None:
    """Provider, family and name follow from the string, the base and the base model."""
    for text, base, base_model, expected in FORMS:
        model = read_model(text, base=base, base_model=base_model)
        assert expected == (model.provider, model.family, model.name), text


REFUSED = [
    ("azure/<your deployment name>", "placeholder"),
    ("azure_text/<your-deployment-name", "placeholder"),
    ("azure/", "no deployment"),
    ("azure/a/b", "does not allow"),
    ("azure/../x", "does not allow"),
    ("azure/a b", "does not allow"),
    ("azur/gpt-4o", "did you mean 'azure'"),
    ("anthropic/claude", "no prefix"),
    ("", "names no model"),
    (7, "names no model"),
]


@pytest.mark.parametrize(("model", "words"), REFUSED)
def test_what_names_no_route_is_refused(model: object, words: str) -> None:
    """The error quotes the string and lists the forms."""
    with pytest.raises(ConfigError) as caught:
        read_model(model)
    assert words in str(caught.value)
