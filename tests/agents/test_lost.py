"""Whatever is lost on the way: one agent, one vector store, and nothing left of what failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from azure_agents import AgentClient, CodeInterpreterTool, FileSearchTool
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import AzureAgentsError

MAKES = r"/(?:versions|assistants)$"
FAULTS = {
    "lost": Fault("lost", method="POST", path=MAKES),
    "an error although it was made": Fault("status_after", method="POST", path=MAKES, status=503),
    "not sent": Fault("reset_before", method="POST", path=MAKES),
    "busy": Fault("status_before", method="POST", path=MAKES, status=429),
    "a store is lost": Fault("lost", method="POST", path="/vector_stores$"),
    "a delete is lost": Fault("lost", method="DELETE", path="/(?:agents|assistants)/"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_agent_is_made_and_deleted_once(
    agents: Any, generation: str, foundry: Emulator, handbook: Path, fault: str
) -> None:
    """A lost answer is looked for before anything is asked again."""
    foundry.faults.add(FAULTS[fault])
    tools = [FileSearchTool([handbook])]
    made = agents.create("helper", model="gpt-4o", tools=tools, generation=generation)
    assert [made] == agents.list()
    if generation == "v2":
        assert [made] == agents.versions("helper")
    assert 1 == len(AgentClient(made.id, **foundry.connection()).vector_stores.list())
    agents.delete(made, and_files=True)
    assert [] == agents.list()


@pytest.mark.parametrize("fault", ["lost", "an error although it was made"])
def test_a_change_is_made_once(agents: Any, generation: str, foundry: Emulator, fault: str) -> None:
    """No third version stands beside the second."""
    made = agents.create("helper", model="gpt-4o", generation=generation)
    path = r"/(?:versions|assistants/asst_\w+)$"
    foundry.faults.add(Fault(FAULTS[fault].kind, method="POST", path=path))
    changed = agents.update(made, instructions="New.")
    assert "New." == agents.get("helper" if generation == "v2" else made).instructions
    assert [changed] == agents.list()
    if generation == "v2":
        assert ["helper:2", "helper:1"] == [one.id for one in agents.versions("helper")]


@pytest.mark.parametrize("path", [MAKES, "/vector_stores$", r"/vs_\w+/files$"])
def test_what_was_uploaded_for_nothing_is_deleted(
    agents: Any, generation: str, foundry: Emulator, handbook: Path, path: str
) -> None:
    """The error is that of the step that failed."""
    foundry.faults.add(Fault("status_before", method="POST", path=path, status=400, times=None))
    tools = [CodeInterpreterTool([handbook]), FileSearchTool([handbook])]
    with pytest.raises(AzureAgentsError) as caught:
        agents.create("helper", model="gpt-4o", tools=tools, generation=generation)
    assert 400 == caught.value.status
    client = AgentClient("helper" if generation == "v2" else "asst_1", **foundry.connection())
    assert ([], [], []) == (agents.list(), client.vector_stores.list(), client.files.list())


def test_taking_down_can_be_done_again(
    agents: Any, generation: str, foundry: Emulator, handbook: Path
) -> None:
    """The agent goes last, so that a second call finds what the first one left."""
    tools = [FileSearchTool([handbook])]
    made = agents.create("helper", model="gpt-4o", tools=tools, generation=generation)
    foundry.faults.add(Fault("status_before", method="DELETE", path="/files/", status=403, times=1))
    with pytest.raises(AzureAgentsError):
        agents.delete(made, and_files=True)
    assert [made] == agents.list()
    agents.delete(made, and_files=True)
    assert [] == agents.list()
