"""What entries of a YAML file have in common: a name, known fields, a script, a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from ..agent.reply_kinds import near
from ..agent.scripts import read_rules, read_script
from ..text.yaml_lines import at_line_of

SCRIPTS = ("reply", "replies")
_NAMES = {str: "text", list: "list", Mapping: "mapping", int: "number", bool: "true or false"}


def check_entry(
    path: Path, entry: Mapping[str, Any], kind: str, check: Callable[[Mapping[str, Any]], None]
) -> None:
    """Check one entry; an error names the file, the line, and the entry.

    Args:
        path: The file.
        entry: The entry.
        kind: What it describes, such as ``an agent``.
        check: Raises what is wrong with its fields.

    Raises:
        ConfigError: The entry has another form, or its script has.
    """
    name = entry.get("name")
    try:
        check(entry)
        script_of(entry)
    except ConfigError as exc:
        line = at_line_of(entry, exc).line
        place = str(path) if line is None else f"{path}:{line}"
        who = f"{kind.partition(' ')[2]} {name!r}" if isinstance(name, str) else kind
        raise ConfigError(f"{place}: {who}: {exc}") from exc


def check_fields(entry: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Refuse unknown fields, and values of another kind than theirs."""
    if not isinstance(entry.get("name"), str):
        raise ConfigError(f"needs a name, got {dict(entry)!r}")
    known = ("name", *kinds, *SCRIPTS)
    for key in entry:
        if key not in known:
            allowed = ", ".join(known)
            raise ConfigError(f"has no field {key!r}{near(key, known)}; use one of {allowed}")
    for key, kind in kinds.items():
        value = entry.get(key)
        wrong = not isinstance(value, kind) or (kind is int and isinstance(value, bool))
        if value is not None and wrong:
            raise ConfigError(f"{key!r} is a {_NAMES[kind]}, got {value!r}")


def script_of(entry: Mapping[str, Any]) -> Any:
    """Read the script of an entry; None if it has none."""
    if "replies" not in entry:
        return read_script(entry.get("reply"))
    if "reply" in entry:
        raise ConfigError("has both `reply` and `replies`; keep `replies` for rules, else `reply`")
    return read_rules(entry["replies"])


def without_scripts(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of an entry without its script."""
    return {key: value for key, value in entry.items() if key not in SCRIPTS}
