"""Agents and deployments from a YAML file, which is read again when it changes.

Under ``agents:`` each entry has the arguments of `Emulator.create_agent`, `replies` (rules, see
`scripts`) and `files` (paths or patterns beside the YAML file, put into a vector store that the
agent searches). A change of replies counts from the next turn on; a change of anything else makes
a new version (v2) or updates the assistant (classic). An agent that is removed from the file
stays. Deployments are read by `deployments_file`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from ...errors import ConfigError
from ..agents import CreatedAgent
from ..project import Project
from ..text.yaml_lines import read
from .deployments_file import FollowedDeployments, read_deployments
from .entries import check_entry, check_fields, script_of, without_scripts

_LOGGER = logging.getLogger(__name__)
_FIELDS = ("name", "generation", "instructions", "model", "tools", "definition")
_KINDS = {
    "generation": str,
    "instructions": str,
    "model": str,
    "tools": list,
    "definition": Mapping,
    "files": list,
}
MISSING = (
    'serving needs uvicorn and PyYAML; install them with: pip install "azure-agents[emulator]"'
)


class AgentsFile(Sequence[Mapping[str, Any]]):
    """The agents of a YAML file, as arguments of `Emulator.create_agent`; its deployments follow.

    Args:
        path: The file.

    Raises:
        ConfigError: PyYAML is not installed, or the file has another form.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = _stamp(path)
        self._entries, self._deployments = _entries_of(path)
        self._deployed = FollowedDeployments()
        self._made: dict[tuple[str, str], tuple[Mapping[str, Any], CreatedAgent]] = {}
        self._lock = threading.Lock()

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: Any) -> Any:
        return [_arguments(entry) for entry in self._entries][index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return (_arguments(entry) for entry in self._entries)

    def follow(self, project: Project) -> list[CreatedAgent]:
        """Create the agents in an emulator, and update them whenever the file changes.

        Args:
            project: The emulator.
        """
        made = [self._create(project, entry) for entry in self._entries]
        self._deployed.update(project, self._deployments)
        project.before_requests(lambda: self._refresh(project))
        return made

    def _create(self, project: Project, entry: Mapping[str, Any]) -> CreatedAgent:
        """Create a new agent, or change one whose entry differs."""
        key = (str(entry.get("generation", "v2")), str(entry["name"]))
        known = self._made.get(key)
        if known is not None and known[0] == entry:
            return known[1]
        if known is not None and without_scripts(known[0]) == without_scripts(entry):
            agent = known[1]
            agent.script(script_of(entry))
        else:
            agent = self._define(project, entry, known[1] if known else None)
        self._made[key] = (entry, agent)
        return agent

    def _define(
        self, project: Project, entry: Mapping[str, Any], old: CreatedAgent | None
    ) -> CreatedAgent:
        arguments = _with_files(project, self.path.parent, entry)
        return project.change_agent(old, **arguments) if old else project.create_agent(**arguments)

    def _refresh(self, project: Project) -> None:
        """Read the file again if it has changed; a file that is wrong changes nothing."""
        # Every request comes here, many at once: only the first that sees a new stamp reads the
        # file. A wrong file, too, is read and reported once, until it changes again.
        stamp = _stamp(self.path)
        with self._lock:
            if stamp is None or stamp == self._stamp:
                return
            self._stamp = stamp
        try:
            self._entries, self._deployments = _entries_of(self.path)
            for entry in self._entries:
                self._create(project, entry)
            self._deployed.update(project, self._deployments)
        except (ConfigError, OSError, ValueError) as error:
            _LOGGER.warning(
                "%s has changed and is wrong; its agents stay as they are: %s", self.path, error
            )


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # editors replace files: it may be gone for a moment
        return None
    return status.st_mtime_ns, status.st_size


def _entries_of(path: Path) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Read the agents and the deployments of a file."""
    try:
        import yaml
    except ImportError as exc:
        raise ConfigError(MISSING) from exc
    try:
        content = read(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{str(path)!r} is not YAML: {exc}") from exc
    known = content if isinstance(content, dict) else {}
    agents = known.get("agents", [] if "deployments" in known else None)
    if not isinstance(agents, list) or not all(isinstance(agent, dict) for agent in agents):
        raise ConfigError(
            f"{str(path)!r} has no list of agents; write them under `agents:`, and deployments of "
            "models under `deployments:`"
        )
    for agent in agents:
        check_entry(path, agent, "an agent", _check)
    return agents, read_deployments(path, known)


def _check(entry: Mapping[str, Any]) -> None:
    check_fields(entry, _KINDS)
    if entry.get("generation", "v2") not in {"v2", "classic"}:
        raise ConfigError(f"generation is 'v2' or 'classic', got {entry['generation']!r}")


def _arguments(entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: entry[key] for key in _FIELDS if key in entry}
    script = script_of(entry)
    return fields if script is None else {**fields, "reply": script}


def _with_files(project: Project, folder: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Put the entry's files into a vector store, and give the agent a search in it."""
    arguments = _arguments(entry)
    paths = [path for pattern in entry.get("files") or () for path in _find(folder, pattern)]
    if not paths:
        return arguments
    ids = [project.add_file(path.name, path.read_bytes()) for path in paths]
    store = project.add_vector_store(str(entry["name"]), ids)
    tool: dict[str, Any] = {"type": "file_search"}
    if entry.get("generation", "v2") == "v2":
        tool["vector_store_ids"] = [store]
    else:
        resources = {"tool_resources": {"file_search": {"vector_store_ids": [store]}}}
        arguments["definition"] = {**arguments.get("definition", {}), **resources}
    return {**arguments, "tools": [*arguments.get("tools", ()), tool]}


def _find(folder: Path, pattern: str) -> list[Path]:
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise ConfigError(f"no file fits {pattern!r} in {str(folder)!r}")
    return found
