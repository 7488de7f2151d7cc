"""The command `azure-agents emulator`: serve agents on the real clock until interrupted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..agents import CreatedAgent
from ..project import Project
from ..world.clock import RealClock
from .address import Served
from .agents_file import AgentsFile
from .server import serve

DEMO_AGENTS: tuple[Mapping[str, Any], ...] = (
    {"name": "my-agent"},
    {"name": "my-classic-agent", "generation": "classic"},
)


def read_agents(path: Path) -> AgentsFile:
    """Read agents from a YAML file, see `agents_file`.

    Raises:
        ConfigError: PyYAML is not installed, or the file has another form.
        OSError: The file cannot be read.
    """
    return AgentsFile(path)


def run_server(
    host: str = "127.0.0.1",
    port: int = 8321,
    *,
    agents: Sequence[Mapping[str, Any]] = DEMO_AGENTS,
    strict_auth: bool = False,
    tls: Path | None = None,
    ready: Callable[[Served, Sequence[CreatedAgent]], None] | None = None,
) -> None:
    """Serve a new emulator on the real clock until it is interrupted.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        agents: Agents to create, as arguments of `Emulator.create_agent`; an `AgentsFile` is
            followed when it changes.
        strict_auth: Accept only tokens that the emulator handed out.
        tls: Folder for a certificate made for it; None serves plain http.
        ready: Called once it listens, with the server and its agents, for instance to print them.
    """
    project = Project(clock=RealClock())
    if isinstance(agents, AgentsFile):
        agents.follow(project)
    else:
        for agent in agents:
            project.create_agent(**agent)
    with serve(project, host, port, strict_auth=strict_auth, tls=tls) as served:
        if ready is not None:
            ready(served, project.agents)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
