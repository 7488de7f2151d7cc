"""Function tools that a command line names: a JSON file, or a list in a Python module."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..jsonio import loads


def read_tools(source: str) -> list[object]:
    """Read function tools from a JSON file, or from a Python name as ``module:attribute``.

    Raises:
        ConfigError: The file or name does not exist, or holds no list of tools.
    """
    module, colon, name = source.partition(":")
    found = imported(module, name) if colon and not Path(source).exists() else _loaded(Path(source))
    if not isinstance(found, Iterable) or isinstance(found, str | dict):
        raise ConfigError(f"--tools {source!r} is no list of tools")
    return [as_tool(tool) for tool in found]


def _loaded(path: Path) -> object:
    try:
        return loads(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"cannot read {str(path)!r} ({exc.strerror})") from exc


def imported(module: str, name: str) -> object:
    """Get what a Python name stands for, also one of the directory that a command runs in.

    Args:
        module: The module.
        name: The name in it.

    Raises:
        ConfigError: It cannot be imported, or has no such name.
    """
    sys.path.insert(0, "")  # the directory of the command, as for `python -m`
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as exc:
        raise ConfigError(f"--tools {f'{module}:{name}'!r} cannot be imported ({exc})") from exc
    finally:
        sys.path.remove("")


def as_tool(tool: Any) -> Any:
    """Convert a tool to OpenAI's form; functions and LangChain tools need langchain-core for it."""
    if isinstance(tool, dict):
        return tool
    metadata: Any = getattr(tool, "metadata", None)
    if metadata is not None and hasattr(metadata, "to_openai_tool"):  # a LlamaIndex tool
        return metadata.to_openai_tool()
    try:
        from langchain_core.utils.function_calling import convert_to_openai_tool
    except ImportError as exc:
        raise ConfigError(
            f"{tool!r} is no tool in JSON form, and reading it needs langchain-core, "
            'install it with: pip install "azure-agents[langchain]"'
        ) from exc
    return convert_to_openai_tool(tool)
