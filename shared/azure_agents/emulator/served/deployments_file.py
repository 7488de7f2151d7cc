"""Deployments from the YAML file of the agents.

Under ``deployments:`` each entry has the arguments of `Emulator.deploy`, and `replies` (rules, see
`scripts`). A change of replies counts from the next call on, a change of anything else makes
another deployment of this name. A deployment that is removed from the file stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ..deployed import DeployedModel
from ..project import Project
from .entries import check_entry, check_fields, script_of, without_scripts

_KINDS = {"model": str, "rpm": int, "tpm": int, "async_filter": bool, "blocklists": Mapping}


def read_deployments(path: Path, content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Read the deployments of a file; none where it names none.

    Args:
        path: The file, for errors.
        content: What is in it.

    Raises:
        ConfigError: An entry has another form.
    """
    entries = content.get("deployments") or []
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ConfigError(f"{str(path)!r}: `deployments` is a list of mappings")
    for entry in entries:
        check_entry(path, entry, "a deployment", _check)
    return entries


def _check(entry: Mapping[str, Any]) -> None:
    check_fields(entry, _KINDS)
    for name in ("rpm", "tpm"):
        if entry.get(name) is not None and entry[name] < 1:
            raise ConfigError(f"{name!r} is 1 or more, got {entry[name]!r}")
    for id, words in (entry.get("blocklists") or {}).items():
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise ConfigError(f"blocklist {id!r} is a list of words, got {words!r}")


class FollowedDeployments:
    """The deployments of a file in one emulator, as the file changes."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Mapping[str, Any], DeployedModel]] = {}

    def update(self, project: Project, entries: Sequence[Mapping[str, Any]]) -> None:
        """Make the deployments that are new or different.

        Args:
            project: The emulator.
            entries: The entries of the file, checked.
        """
        for entry in entries:
            name = entry["name"]
            before, made = self._made.get(name, (None, None))
            if before == entry:
                continue
            if before is not None and made and without_scripts(before) == without_scripts(entry):
                made.script(script_of(entry))
            else:
                made = project.deploy(reply=script_of(entry), **without_scripts(entry))
            self._made[name] = (entry, made)
