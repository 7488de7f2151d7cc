"""Agents together with the files of their tools, as one flow: made, changed, taken down.

Files are uploaded, and a vector store is made and filled, before the agent is. If it then cannot
be made, what was made for it is deleted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ..errors import AzureAgentsError, NotFoundError
from ..files.disk import LocalFile
from ..files.file_flows import delete_file, upload
from ..files.files import PURPOSE
from ..files.vector_store_flows import (
    Added,
    add_files,
    create_store,
    delete_store,
    list_file_ids,
)
from ..protocols.commands import Flow
from ..protocols.turn import Turn
from .agent import Agent
from .flows import delete_agent, get_agent, list_versions
from .tools import AgentTool, Checked, CodeInterpreterTool, FileSearchTool


@dataclass(slots=True)
class _Made:
    """What was made for an agent so far: ids."""

    files: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)


def make(
    turn: Turn,
    name: str,
    tools: Iterable[Checked],
    finish: Callable[[list[AgentTool]], Flow[Agent]],
) -> Flow[Agent]:
    """Upload the files of tools, then make or change the agent.

    Args:
        turn: Of the agent.
        name: What vector stores are called.
        tools: The tools, checked.
        finish: Makes or changes the agent, given its tools with their files.
    """
    made = _Made()
    try:
        ready = []
        for tool in tools:
            ready.append((yield from _ready(turn, name, tool, made)))  # noqa: PERF401 - a flow
        return (yield from finish(ready))
    except AzureAgentsError:
        yield from _delete(turn, made.stores, made.files)
        raise


def _ready(turn: Turn, name: str, checked: Checked, made: _Made) -> Flow[AgentTool]:
    tool: AgentTool = checked.tool
    added = yield from _on_service(turn, checked.files, made)
    if isinstance(tool, CodeInterpreterTool):
        return replace(tool, files=tuple(id for id, _ in added))
    if not isinstance(tool, FileSearchTool) or not added:
        return tool
    store = yield from create_store(turn, name, (), None, wait=False)
    made.stores.append(store.id)
    yield from add_files(turn, store.id, added, wait=True)
    return replace(tool, vector_stores=(*tool.vector_stores, store.id))


def _on_service(turn: Turn, files: Iterable[Added | LocalFile], made: _Made) -> Flow[list[Added]]:
    added: list[Added] = []
    for file in files:
        if not isinstance(file, LocalFile):
            added.append(file)
            continue
        stored = yield from upload(turn, file, PURPOSE, lambda _: None)
        made.files.append(stored.id)
        added.append((stored.id, stored.name))
    return added


def take_down(turn: Turn) -> Flow[None]:
    """Delete the agent of the turn, its vector stores, their files, and its interpreter's files.

    The agent goes last: whatever fails before, a second call finds all that is left.
    """
    agent = turn.settings.agent
    if agent.generation == "v2" and agent.version is None:
        found = yield from list_versions(turn)
    else:
        found = [(yield from get_agent(turn))]
    stores = dict.fromkeys(id for one in found for id in one.vector_store_ids)
    files = dict.fromkeys(id for one in found for id in one.file_ids)
    for store in stores:
        with suppress(NotFoundError):  # it may be gone, or be of another project
            files |= dict.fromkeys((yield from list_file_ids(turn, store)))
    yield from _delete(turn, stores, files, is_wanted=True)
    yield from delete_agent(turn)


def _delete(
    turn: Turn, stores: Iterable[str], files: Iterable[str], *, is_wanted: bool = False
) -> Flow[None]:
    """Delete stores, then files. What is gone is no error; what was not wanted is only tried."""
    harmless = NotFoundError if is_wanted else AzureAgentsError
    for store in stores:
        with suppress(harmless):
            yield from delete_store(turn, store)
    for file in files:
        with suppress(harmless):
            yield from delete_file(turn, file)
