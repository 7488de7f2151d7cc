"""A setting means the same in both adapters, and is described alike."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

# LlamaIndex describes the first two as arguments of the constructor; only LangChain has a thread
# of its own that names an owner.
OTHERWISE = {"model", "endpoint", "owner"}


def test_settings_of_both_adapters_are_described_alike() -> None:
    """Defaults and descriptions: who changes the adapter finds nothing new to learn."""
    names = ChatAzureAgent.model_fields.keys() & AzureAgentLLM.model_fields.keys()
    ours = names - BaseChatModel.model_fields.keys() - OTHERWISE
    assert 15 <= len(ours)
    described = [
        {name: _words(model, name) for name in ours} for model in (ChatAzureAgent, AzureAgentLLM)
    ]
    assert described[0] == described[1]


def _words(model: type[ChatAzureAgent | AzureAgentLLM], name: str) -> tuple[str, object]:
    field = model.model_fields[name]
    return " ".join((field.description or "").split()), field.default
