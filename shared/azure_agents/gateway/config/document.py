"""YAML whose mappings and lists know the lines of what they hold, so that errors can name them.

Only what looks like a number (``20_000`` does), ``true``, ``false`` or ``null`` is one. Dates and
the words ``yes``, ``no``, ``on``, ``off`` stay text: ``api_version: 2024-10-21`` is written without
quotes everywhere, and a model may be called ``no``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError

_PLAIN = {
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9_]*)", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:merge": (r"<<", "<"),
}
_NO_YAML = 'a config file needs PyYAML, install it with: pip install "azure-agents[gateway]"'


class LinedDict(dict[str, Any]):
    """A mapping; `lines` has the line of each key, counted from 1."""

    lines: dict[str, int]


class LinedList(list[Any]):
    """A list; `lines` has the line of each item, counted from 1."""

    lines: list[int]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that is wrong, or worth a word.

    Attributes:
        line: Where, counted from 1; None if it is about the whole file.
        path: Which key: ``model_list[0].litellm_params.api_base``.
        text: What it is, and what to do.
    """

    line: int | None
    path: str
    text: str

    def __str__(self) -> str:
        place = f"line {self.line}, " if self.line is not None else ""
        return f"{place}{self.path}: {self.text}"


class ConfigFileError(ConfigError):
    """A config file is wrong; `problems` are all that were found, in the order of lines.

    Args:
        message: All of them in words.
        problems: What is wrong.
        facts: As of every error.
    """

    def __init__(self, message: str, *, problems: Sequence[Problem] = (), **facts: Any) -> None:
        self.problems = tuple(problems)
        super().__init__(message, **facts)

    def __reduce__(self) -> tuple[Any, ...]:
        *made, state = super().__reduce__()
        return (*made, {**state, "problems": self.problems})


def file_error(name: str, problems: Iterable[Problem]) -> ConfigFileError:
    """Make the error of a config file.

    Args:
        name: The file.
        problems: What is wrong with it.
    """
    found = sorted(problems, key=lambda each: each.line or 0)
    return ConfigFileError(f"{name}: {'; '.join(map(str, found))}", problems=found)


def read_document(text: str, name: str = "config.yaml") -> LinedDict:
    """Read a file whose top is a mapping.

    Args:
        text: The file.
        name: What it is called, for errors.

    Raises:
        ConfigError: PyYAML is missing.
        ConfigFileError: The text is no YAML, its top is no mapping, or a key stands twice.
    """
    try:
        import yaml
    except ImportError as missing:
        raise ConfigError(_NO_YAML) from missing
    try:
        read = yaml.load(text, _loader(yaml, name))  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line = mark.line + 1 if mark else None
        problem = Problem(line, "the file", f"no YAML: {wrong.problem or wrong.context}")
        raise file_error(name, [problem]) from None
    except yaml.YAMLError as wrong:  # characters that no YAML has
        raise file_error(name, [Problem(None, "the file", f"no YAML: {wrong}")]) from None
    if not isinstance(read, LinedDict):
        found = "nothing" if read is None else "a list" if isinstance(read, list) else "a value"
        problem = Problem(1, "the file", f"holds {found}, not keys such as `model_list:`")
        raise file_error(name, [problem])
    return read


def _loader(yaml: Any, name: str) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # safe, with lines, and fewer types
        def construct_lined(self, node: Any) -> LinedDict:
            own = {id(key_node) for key_node, _ in node.value}
            self.flatten_mapping(node)  # what `<<` merges comes first, and own keys replace it
            mapping, written = LinedDict(), dict[str, int]()
            mapping.lines = {}
            for key_node, value_node in node.value:
                key, line = str(self.construct_object(key_node)), key_node.start_mark.line + 1
                if id(key_node) in own:
                    if key in written:
                        problem = Problem(line, key, f"stands in line {written[key]} already")
                        raise file_error(name, [problem])
                    written[key] = line
                mapping[key] = self.construct_object(value_node, deep=True)
                mapping.lines[key] = line
            return mapping

        def construct_listed(self, node: Any) -> LinedList:
            items = LinedList(self.construct_object(each, deep=True) for each in node.value)
            items.lines = [each.start_mark.line + 1 for each in node.value]
            return items

    Loader.yaml_implicit_resolvers = {}  # dates and `yes` are none of them
    for tag, (pattern, first) in _PLAIN.items():
        Loader.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), list(first))
    Loader.add_constructor("tag:yaml.org,2002:map", Loader.construct_lined)
    Loader.add_constructor("tag:yaml.org,2002:seq", Loader.construct_listed)
    return Loader
