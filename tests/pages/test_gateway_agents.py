"""Every gateway example of the page about agents (000): its configs, curl, OpenAI's SDK.

Each runs with agents of both generations; page 001 wishes for the newer one in the same words.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents.emulator import Emulator

from ..gateway.conftest import Gateway
from .blocks import Place, blocks, code_of, needs_pages
from .playing import Player
from .serving import run_curl, run_python, served
from .test_gateway import PRINCIPAL, needs_curl

pytestmark = [
    needs_pages,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:.*is a token, which expires"),
]
EXAMPLES = {Place("000", line) for line in (121, 154, 169, 189, 212, 309)}
PROJECT = "https://your-resource.services.ai.azure.com/api/projects/your-project"
# Of the form of a token of Entra ID: only such a text is taken for one under `api_key`.
JWT = "eyJhbGciOiJub25lIn0.eyJleHAiOjk5OTk5OTk5OTl9.c2ln"


@pytest.fixture
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Player]:
    """A player whose emulator takes any token, with the variables of page 000."""
    with Emulator(seed=7, strict_auth=False) as foundry:
        made = Player(foundry, tmp_path, monkeypatch)
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_AD_TOKEN")
        for name, value in zip(names, (*PRINCIPAL, JWT), strict=True):
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture(params=["classic", "v2"])
def agents(
    request: pytest.FixtureRequest, trusting: Player, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gateway]:
    """The gateway of page 000: one agent by a principal, one by a token."""
    config = blocks()[Place("000", 121)][1]
    for printed, said in (("asst_abc123", "It saves money."), ("asst_def456", "25 * 4 is 100.")):
        agent = trusting.foundry.create_agent(f"says-{printed[5:]}", said, generation=request.param)
        config = config.replace(printed, agent.model)
    with served(config, trusting, monkeypatch) as gateway:
        yield gateway


@needs_curl
def test_page_000_curl(agents: Gateway, trusting: Player, tmp_path: Path) -> None:
    """The first agent whole, the second one streamed; each by its own credential."""
    whole = json.loads(run_curl(blocks()[Place("000", 154)][1], agents, tmp_path))
    assert "It saves money." == whole["choices"][0]["message"]["content"]
    assert whole["usage"]["prompt_tokens"] > 0
    stream = run_curl(blocks()[Place("000", 169)][1], agents, tmp_path)
    events = [line.removeprefix("data: ") for line in stream.splitlines() if line]
    chunks = [json.loads(one) for one in events[:-1]]
    told = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
    assert ("25 * 4 is 100.", "[DONE]") == (told, events[-1])
    assert [PRINCIPAL] == trusting.principals
    assert all(url.startswith(PROJECT) for url in trusting.urls)
    bearers = [request.headers["authorization"] for request in trusting.network.asked]
    assert bearers[0].startswith("Bearer emulator-token-")
    assert f"Bearer {JWT}" == bearers[-1]


@pytest.mark.parametrize(("line", "said"), [(189, "It saves money."), (212, "25 * 4 is 100.")])
async def test_page_000_openais_sdk(
    agents: Gateway, trusting: Player, line: int, said: str, capsys: Any
) -> None:
    """Whole and streamed, with the base as it is printed."""
    names = await run_python(code_of(Place("000", line)), agents, trusting)
    names["client"].close()
    assert said == capsys.readouterr().out.strip()


@pytest.mark.parametrize("generation", ["classic", "v2"])
def test_page_000_instructions(
    trusting: Player, generation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the config reach the agent: LiteLLM drops them."""
    foundry = trusting.foundry
    agent = foundry.create_agent("analyst", "Noted.", generation=generation)
    config = blocks()[Place("000", 309)][1].replace("asst_abc123", agent.model)
    with served(config, trusting, monkeypatch) as gateway:
        answer = gateway.chat("azure-agent-analyst")
    assert "Noted." == answer.json()["choices"][0]["message"]["content"]
    turn = foundry.seen[-1]
    told = [message.text for message in turn.messages] + [turn.additional_instructions]
    assert "Be concise and focus on key insights" in told
