"""Every SDK example of the page about agents (000) runs, and the call that page 001 asks for.

Page 001 wishes for agents of the second generation in the same words, so each example is run with
an agent of each generation.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from azure_agents.emulator import CreatedAgent, Emulator

from .blocks import Place, code_of, needs_pages, page
from .playing import Player

pytestmark = needs_pages
EXAMPLES = {Place("000", line) for line in (73, 93, 258, 289)}
# `litellm.completion` is called, and only the function was imported.
NOT_IMPORTED = ("from litellm import completion", "import litellm")


@pytest.fixture(params=["classic", "v2"])
def agent(request: pytest.FixtureRequest, foundry: Emulator) -> CreatedAgent:
    """The agent that the page calls ``asst_abc123``."""
    return foundry.create_agent("my-agent-name", generation=request.param)


def code(line: int, agent: CreatedAgent, *meant: tuple[str, str]) -> str:
    """An example of page 000, with this agent."""
    return code_of(Place("000", line), ("asst_abc123", agent.model), *meant)


async def test_line_73_basic_completion(player: Player, agent: CreatedAgent, capsys: Any) -> None:
    """The answer, and its real usage: LiteLLM estimates it for classic agents."""
    agent.script("It learns from data.")
    names = await player.run(code(73, agent), {"credential": None})
    said = capsys.readouterr().out
    assert said.startswith("It learns from data.\nUsage: ")
    assert "It learns from data." == names["response"].choices[0].message.content
    assert names["response"].usage.prompt_tokens > 0
    assert all(url.startswith(f"{HOST}/api/projects/your-project/") for url in player.urls)


HOST = "https://your-resource.services.ai.azure.com"


async def test_line_93_streaming(player: Player, agent: CreatedAgent, capsys: Any) -> None:
    """Printed piece by piece."""
    agent.script("Keep it small.")
    await player.run(code(93, agent))
    assert "Keep it small." == capsys.readouterr().out


async def test_line_258_continuing(player: Player, agent: CreatedAgent, capsys: Any) -> None:
    """LiteLLM ignores the thread: there the agent knows no name."""
    names = await player.run(code(258, agent))
    assert "Alice" in capsys.readouterr().out
    assert names["thread_id"] == names["response2"]._hidden_params["thread_id"]


async def test_line_289_parameters(player: Player, agent: CreatedAgent, foundry: Emulator) -> None:
    """The thread and the instructions reach the service: LiteLLM drops both."""
    agent.script(["Begun.", "Noted."])
    first = await player.run(code(258, agent).partition("# Continue")[0])
    thread = ("thread_abc123", first["thread_id"])
    names = await player.run(code(289, agent, NOT_IMPORTED, thread))
    assert "Noted." == names["response"].choices[0].message.content
    turn = foundry.seen[-1]
    told = [message.text for message in turn.messages] + [turn.additional_instructions]
    assert "Be concise and focus on key insights" in told
    assert 3 <= len(turn.messages)


def test_the_table_of_parameters_is_the_one_that_completion_takes() -> None:
    """`thread_id` and `instructions`, and no third."""
    after = page("000").partition("### Available Parameters")[2].partition("## Further")[0]
    named = [line.split("`")[1] for line in after.splitlines() if line.startswith("| `")]
    assert ["thread_id", "instructions"] == named


async def test_page_001_an_agent_by_name_and_version(player: Player, foundry: Emulator) -> None:
    """The proposed model format, and the request that the page shows."""
    assert "azure_ai/agents/my-agent-name:1" in page("001")
    foundry.create_agent("my-agent-name", "I can help.")
    names = await player.run(
        "from azure_agents import completion\n"
        "response = completion(model='azure_ai/agents/my-agent-name:1',"
        " messages=[{'role': 'user', 'content': 'Tell me what you can help with.'}],"
        f" api_base='{HOST}/api/projects/your-project')"
    )
    assert "I can help." == names["response"].choices[0].message.content
    body = json.loads(player.network.asked[-1].read())
    reference = {"name": "my-agent-name", "version": "1", "type": "agent_reference"}
    assert reference == body["agent_reference"]
    assert f"{HOST}/api/projects/your-project/openai/v1/responses" == player.urls[-1]
