"""Agents from a YAML file, which is read again when it changes.

Under ``agents:`` each entry has the arguments of `Emulator.create_agent`, `replies` (rules, see
`scripts`) and `files` (paths or patterns beside the YAML file, put into a vector store that the
agent searches). A change of replies counts from the next turn on; a change of anything else makes
a new version (v2) or updates the assistant (classic). An agent that is removed from the file
stays.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from ...errors import ConfigError
from ..agent.reply_kinds import near
from ..agent.scripts import read_rules, read_script
from ..agents import CreatedAgent
from ..project import Project
from ..text.yaml_lines import at_line_of, read

_LOGGER = logging.getLogger(__name__)
_FIELDS = ("name", "generation", "instructions", "model", "tools", "definition")
_SCRIPTS = ("reply", "replies")
MISSING = (
    'serving needs uvicorn and PyYAML; install them with: pip install "azure-agents[emulator]"'
)


class AgentsFile(Sequence[Mapping[str, Any]]):
    """The agents of a YAML file, as arguments of `Emulator.create_agent`.

    Args:
        path: The file.

    Raises:
        ConfigError: PyYAML is not installed, or the file has another form.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp = _stamp(path)
        self._entries = _entries_of(path)
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
        project.before_requests(lambda: self._refresh(project))
        return made

    def _create(self, project: Project, entry: Mapping[str, Any]) -> CreatedAgent:
        """Create a new agent, or change one whose entry differs."""
        key = (str(entry.get("generation", "v2")), str(entry["name"]))
        known = self._made.get(key)
        if known is not None and known[0] == entry:
            return known[1]
        if known is not None and _without_scripts(known[0]) == _without_scripts(entry):
            agent = known[1]
            agent.script(_script(entry))
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
            self._entries = _entries_of(self.path)
            for entry in self._entries:
                self._create(project, entry)
        except (ConfigError, OSError, ValueError) as error:
            _LOGGER.warning(
                "%s has changed and is wrong; its agents stay as they are: %s", self.path, error
            )


def _without_scripts(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in _SCRIPTS}


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:  # editors replace files: it may be gone for a moment
        return None
    return status.st_mtime_ns, status.st_size


def _entries_of(path: Path) -> list[Mapping[str, Any]]:
    try:
        import yaml
    except ImportError as exc:
        raise ConfigError(MISSING) from exc
    try:
        content = read(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{str(path)!r} is not YAML: {exc}") from exc
    agents = content.get("agents") if isinstance(content, dict) else None
    if not isinstance(agents, list) or not all(isinstance(agent, dict) for agent in agents):
        raise ConfigError(f"{str(path)!r} has no list of agents; write them under `agents:`")
    for agent in agents:
        _check(path, agent)
    return agents


def _check(path: Path, entry: Mapping[str, Any]) -> None:
    name = entry.get("name")
    try:
        _check_entry(entry)
        _script(entry)
    except ConfigError as exc:
        line = at_line_of(entry, exc).line
        place = str(path) if line is None else f"{path}:{line}"
        who = f"agent {name!r}" if isinstance(name, str) else "an agent"
        raise ConfigError(f"{place}: {who}: {exc}") from exc


def _check_entry(entry: Mapping[str, Any]) -> None:
    if not isinstance(entry.get("name"), str):
        raise ConfigError(f"needs a name, got {dict(entry)!r}")
    known = (*_FIELDS, *_SCRIPTS, "files")
    for key in entry:
        if key not in known:
            allowed = ", ".join(known)
            raise ConfigError(f"has no field {key!r}{near(key, known)}; use one of {allowed}")
    if entry.get("generation", "v2") not in {"v2", "classic"}:
        raise ConfigError(f"generation is 'v2' or 'classic', got {entry['generation']!r}")
    kinds = {"instructions": str, "model": str, "tools": list, "definition": Mapping, "files": list}
    for key, kind in kinds.items():
        if entry.get(key) is not None and not isinstance(entry[key], kind):
            raise ConfigError(f"{key!r} is a {_NAMES[kind]}, got {entry[key]!r}")


_NAMES = {str: "text", list: "list", Mapping: "mapping"}


def _script(entry: Mapping[str, Any]) -> Any:
    if "replies" not in entry:
        return read_script(entry.get("reply"))
    if "reply" in entry:
        raise ConfigError("has both `reply` and `replies`; keep `replies` for rules, else `reply`")
    return read_rules(entry["replies"])


def _arguments(entry: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: entry[key] for key in _FIELDS if key in entry}
    script = _script(entry)
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
