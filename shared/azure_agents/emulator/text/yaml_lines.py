"""YAML whose mappings know the line they begin on, so that errors can name it."""

from __future__ import annotations

from typing import Any

from ...errors import ConfigError


class Lined(dict[Any, Any]):
    """A mapping, and its line in the file, counted from 1."""

    line: int | None = None


class ScriptError(ConfigError):
    """Something in a script is wrong, at a line that is known if it comes from a file."""

    line: int | None = None


def read(text: str) -> Any:
    """Parse YAML; mappings are `Lined`.

    Raises:
        ImportError: PyYAML is not installed.
        yaml.YAMLError: It is no YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Safe, with lines."""

    def construct(loader: Any, node: Any) -> Lined:
        mapping = Lined(loader.construct_mapping(node, deep=True))
        mapping.line = node.start_mark.line + 1
        return mapping

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct)
    return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader


def line_of(value: object) -> int | None:
    """Return the line of a mapping; None if it does not come from a file."""
    return value.line if isinstance(value, Lined) else None


def at_line_of(value: object, error: ConfigError) -> ScriptError:
    """Add the line of a mapping to an error, unless the error has a line already."""
    known = error.line if isinstance(error, ScriptError) else None
    found = ScriptError(str(error))
    found.line = line_of(value) if known is None else known
    return found
