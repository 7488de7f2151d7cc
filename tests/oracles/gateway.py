"""The gateway that oracles ask: deployments and an agent of each generation behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.gateway.conftest import running
from tests.oracles.deployments import say

if TYPE_CHECKING:
    from azure_agents.emulator import Emulator

_TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
_ENTRY = (
    '  - {{model_name: {name}, litellm_params: {{model: "{model}", api_base: "{base}", {key}}}}}'
)
_DEPLOYMENTS = {"chat": "azure/chat", "vectors": "azure/vectors"}
_CLAUDE = {"claude": "azure_ai/claude"}  # not by its name alone, but by its base


@contextmanager
def gateway_to(foundry: Emulator) -> Iterator[str]:
    """Serve a gateway; give its URL. Its key is ``sk-oracle``.

    Args:
        foundry: What it asks.
    """
    new = foundry.create_agent("behind-a-gateway", say, tools=[_TOOL])
    old = foundry.create_agent("behind-a-gateway", say, generation="classic")
    agents = {"v2": new.model, "classic": old.model}
    with foundry.serve() as served:
        lines = [
            _ENTRY.format(name=name, model=model, base=base, key=key)
            for models, base, key in (
                (_DEPLOYMENTS, served.resource, "api_key: any"),
                (_CLAUDE, f"{served.resource}/anthropic", "api_key: any"),
                (agents, served.endpoint, "azure_ad_token: any"),
            )
            for name, model in models.items()
        ]
        # LlamaIndex always sends a temperature, which v2 agents refuse.
        settings = (
            "general_settings: {master_key: sk-oracle}",
            "litellm_settings: {drop_params: true}",
        )
        config = ["model_list:", *lines, *settings]
        with running("\n".join(config)) as gateway:
            yield gateway.url
