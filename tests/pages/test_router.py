"""The Router's example of the pages on Azure OpenAI (002, 003) runs, with the import changed."""

from __future__ import annotations

import os
from typing import Any

import pytest

import azure_agents

from .blocks import Place, code_of, needs_pages
from .playing import Player

pytestmark = needs_pages
EXAMPLES = {Place("002", 577), Place("003", 1149)}
IMPORTS_OS = "import os\n"
# The call of `completion` is not closed.
UNCLOSED = ("how's it going?\"}]\n", "how's it going?\"}])\n")


@pytest.fixture
def routed(player: Player, monkeypatch: pytest.MonkeyPatch) -> Player:
    """A player whose routers ask the emulator, for Azure and for OpenAI."""
    made = azure_agents.Router
    network: dict[str, Any] = {"transport": player.network, "async_transport": player.network}

    def router(model_list: list[dict[str, Any]], **more: Any) -> azure_agents.Router:
        for entry in model_list:
            entry["litellm_params"] |= network
        return made(model_list, clock=player.foundry.clock, **more)

    monkeypatch.setattr(azure_agents, "Router", router)
    return player


@pytest.mark.parametrize("place", sorted(EXAMPLES))
async def test_the_router_asks_every_deployment(routed: Player, place: Place) -> None:
    """Azure's two and OpenAI's, one after the other: the least used one is next."""
    key = routed.foundry.api_key
    for name in ("chatgpt-v-2", "chatgpt-functioncalling", "gpt-3.5-turbo"):
        routed.foundry.deploy(name, "It goes well.", model="gpt-35-turbo")
    os.environ.update({"AZURE_API_KEY": key, "OPENAI_API_KEY": key})
    os.environ["AZURE_API_BASE"] = "https://my-resource.openai.azure.com"
    os.environ["AZURE_API_VERSION"] = "2024-10-21"
    names = await routed.run(IMPORTS_OS + code_of(place, UNCLOSED))
    assert "It goes well." == names["response"].choices[0].message.content
    for _ in range(2):
        names["router"].completion("gpt-3.5-turbo", [{"role": "user", "content": "Hi"}])
    deployments = "https://my-resource.openai.azure.com/openai/deployments"
    end = "chat/completions?api-version=2024-10-21"
    assert [
        "https://api.openai.com/v1/chat/completions",
        f"{deployments}/chatgpt-functioncalling/{end}",
        f"{deployments}/chatgpt-v-2/{end}",
    ] == sorted(routed.urls)
