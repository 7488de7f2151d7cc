"""YAML whose mappings and lists know the lines of what they hold, so that errors can name them.

Only what looks like a number (``20_000`` does), ``true``, ``false`` or ``null`` is one. Dates and
the words ``yes``, ``no``, ``on``, ``off`` stay text: ``api_version: 2024-10-21`` is written without
quotes everywhere, and a model may be called ``no``.

What a file may take is bounded before anything is made of it: aliases of aliases stand for billions
of values in ten lines, and one that is read again while it is served must not take the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError

_TAG = "tag:yaml.org,2002:"
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
# Of YAML's types those that JSON has: no dates, sets, bytes or objects, whatever tag is written.
_TYPES = ("str", "int", "float", "bool", "null", "map", "seq")
_MOST_VALUES = 200_000  # with each alias counted as what it stands for
_MOST_SHOWN = 20  # problems in one error; it ends in a log
_LARGEST = 10**18  # no limit, price or time is larger
_LONGEST = 60  # characters of a number
# A text that begins with * or ! and stands without quotes is an alias or a tag; it may be a secret.
_QUOTED = re.compile(r" '.{3,}'")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
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
    more = len(found) - _MOST_SHOWN
    shown = [*map(str, found[:_MOST_SHOWN]), *([f"and {more} more"] if more > 0 else [])]
    return ConfigFileError(f"{name}: {'; '.join(shown)}", problems=found)


def read_document(text: str, name: str = "config.yaml") -> LinedDict:
    """Read a file whose top is a mapping.

    Args:
        text: The file.
        name: What it is called, for errors.

    Raises:
        ConfigError: PyYAML is missing.
        ConfigFileError: The text is no YAML, or too much of it, its top is no mapping, or a key
            stands twice.
    """
    try:
        import yaml
    except ImportError as missing:
        raise ConfigError(_NO_YAML) from missing
    try:
        read = _read(text, _loader(yaml, name), name)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line = mark.line + 1 if mark else None
        said = _QUOTED.sub("", wrong.problem or wrong.context or "")
        problem = Problem(line, "the file", f"no YAML: {said}")
        raise file_error(name, [problem]) from None
    except yaml.YAMLError as wrong:  # characters that no YAML has
        raise file_error(name, [Problem(None, "the file", f"no YAML: {wrong}")]) from None
    except RecursionError:
        raise file_error(name, [Problem(None, "the file", "is nested too deeply")]) from None
    except (ValueError, LookupError):  # `!!int x`, an escape of no character; it may be a secret
        problem = Problem(None, "the file", "no YAML: a value is not of the type that it has")
        raise file_error(name, [problem]) from None
    if not isinstance(read, LinedDict):
        found = "nothing" if read is None else "a list" if isinstance(read, list) else "a value"
        problem = Problem(1, "the file", f"holds {found}, not keys such as `model_list:`")
        raise file_error(name, [problem])
    return read


def _read(text: str, made_by: Any, name: str) -> Any:
    loader = made_by(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > _MOST_VALUES:
            problem = Problem(None, "the file", f"holds more than {_MOST_VALUES} values")
            raise file_error(name, [problem])
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: Any, known: dict[int, int]) -> int:
    """How many values a node stands for; one that holds itself is none, as its reader will say."""
    if id(node) not in known:
        known[id(node)] = 1
        inner = node.value if isinstance(node.value, list) else ()
        each = (one for pair in inner for one in (pair if isinstance(pair, tuple) else (pair,)))
        known[id(node)] = 1 + sum(_size(one, known) for one in each)
    return known[id(node)]


def _check_kind(node: Any, kind: str, name: str) -> None:
    if node.id != kind:
        raise _wrong(node, "a tag says what it is not", name)


def _text(text: str, node: Any, name: str) -> str:
    if _SURROGATE.search(text):
        raise _wrong(node, "half a character, which no request can carry", name)
    return text


def _number(text: str, kind: type[int | float]) -> float | str:
    """A number; what is larger than any is a text, such as a hash in which no letter stands."""
    plain = text.replace("_", "")
    if len(plain) > _LONGEST:
        return text
    number = kind(plain)
    return number if -_LARGEST <= number <= _LARGEST else text


def _wrong(node: Any, text: str, name: str) -> ConfigFileError:
    return file_error(name, [Problem(node.start_mark.line + 1, "the file", text)])


def _loader(yaml: Any, name: str) -> Any:
    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # safe, with lines, and fewer types
        def construct_lined(self, node: Any) -> LinedDict:
            _check_kind(node, "mapping", name)
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
            _check_kind(node, "sequence", name)
            items = LinedList(self.construct_object(each, deep=True) for each in node.value)
            items.lines = [each.start_mark.line + 1 for each in node.value]
            return items

    usual = Loader.yaml_constructors
    Loader.yaml_constructors = {f"{_TAG}{kind}": usual[f"{_TAG}{kind}"] for kind in _TYPES}
    Loader.yaml_constructors[None] = usual[None]  # says that a tag is none
    Loader.yaml_implicit_resolvers = {}  # dates and `yes` are none of them
    for tag, (pattern, first) in _PLAIN.items():
        Loader.add_implicit_resolver(tag, re.compile(f"(?:{pattern})$"), list(first))
    for kind, construct in {
        "map": Loader.construct_lined,
        "seq": Loader.construct_listed,
        "str": lambda loader, node: _text(loader.construct_scalar(node), node, name),
        "int": lambda loader, node: _number(loader.construct_scalar(node), int),
        "float": lambda loader, node: _number(loader.construct_scalar(node), float),
    }.items():
        Loader.add_constructor(f"{_TAG}{kind}", construct)
    return Loader
