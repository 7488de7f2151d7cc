"""Files that the fields of an answer name, read back from a history or a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..events import Citation

_NAMES = ("file_id", "filename", "container_id", "marker")


def citation_of(kind: Any, facts: Mapping[str, Any]) -> Citation:
    """Read a citation, as far as it names a file.

    Args:
        kind: Its kind, as `azure_agents.Citation` has it.
        facts: The fields of its file, by the names of a `Citation`; the others are passed over.
    """
    known: dict[str, Any] = {name: facts.get(name) for name in _NAMES}
    return Citation(kind, **known)
