"""Commands that change something in a project: `agents sync` and `cancel`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..jsonio import loads
from ..settings.timeouts import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from ..client.agent_client import AgentClient


def add_connection(parser: Any, endpoint: str = "the project") -> None:
    """Add the arguments that name the project, the same for all commands.

    Args:
        parser: The parser of the command.
        endpoint: What ``--endpoint`` may name, for the help text.
    """
    parser.add_argument("--endpoint", help=f"{endpoint} (default: AZURE_AI_PROJECT_ENDPOINT)")
    parser.add_argument(
        "--timeout", type=float, default=DEFAULT_TIMEOUT, help="seconds a turn may take"
    )
    parser.add_argument(
        "--scope", help="scope of tokens, where the endpoint's host does not imply it"
    )
    parser.add_argument("--api-version", help="version of the classic service's API")
    parser.add_argument(
        "--allow-http", action="store_true", help="accept plain http to another machine"
    )


def connect(arguments: argparse.Namespace, **more: Any) -> AgentClient:
    """Make the client of a command; the credential comes from the environment."""
    from ..client.agent_client import AgentClient

    names = ("model", "endpoint", "timeout", "allow_http", "api_version", "scope")
    return AgentClient(**{name: getattr(arguments, name) for name in names}, **more)


def add_agents(commands: Any) -> None:
    """Add the command `azure-agents agents sync`."""
    parser = commands.add_parser("agents", help="change agents")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    about = "declare function tools on a v2 agent (a new version, if that changes anything)"
    sync = actions.add_parser("sync", help=about, description=f"{about}.")
    sync.add_argument("model", metavar="MODEL", help="my-agent")
    sync.add_argument(
        "--tools",
        required=True,
        metavar="TOOLS",
        help="a JSON file with a list of tools, or module:name of a list of them",
    )
    add_connection(sync)
    sync.set_defaults(run=_sync)


def add_cancel(commands: Any) -> None:
    """Add the command `azure-agents cancel`."""
    about = "stop a background response (v2) or a run (classic)"
    parser = commands.add_parser("cancel", help=about, description=f"{about}.")
    parser.add_argument("model", metavar="MODEL", help="my-agent or asst_...")
    parser.add_argument("--response-id", help="resp_... (v2)")
    parser.add_argument("--thread-id", help="thread_... (classic)")
    parser.add_argument("--run-id", help="run_... (classic)")
    add_connection(parser)
    parser.set_defaults(run=_cancel)


def _sync(arguments: argparse.Namespace) -> None:
    tools = read_tools(arguments.tools)
    with closing(connect(arguments)) as agents:
        version = agents.declare_tools(tools)
    name = agents.settings.agent.name
    if not version:
        print(f"{name} is a classic agent, which takes tools with every call: nothing to declare")
        return
    print(f"{name}:{version} declares {len(tools)} of these tools")


def _cancel(arguments: argparse.Namespace) -> None:
    with closing(connect(arguments)) as agents:
        status = agents.cancel(
            response_id=arguments.response_id,
            thread_id=arguments.thread_id,
            run_id=arguments.run_id,
        )
    print(status)


def read_tools(source: str) -> list[object]:
    """Read function tools from a JSON file, or from a Python name as ``module:attribute``.

    Raises:
        ConfigError: The file or name does not exist, or holds no list of tools.
    """
    module, colon, name = source.partition(":")
    found = (
        _imported(module, name) if colon and not Path(source).exists() else _loaded(Path(source))
    )
    if not isinstance(found, Iterable) or isinstance(found, str | dict):
        raise ConfigError(f"--tools {source!r} is no list of tools")
    return [as_tool(tool) for tool in found]


def _loaded(path: Path) -> object:
    try:
        return loads(path.read_bytes())
    except OSError as exc:
        raise ConfigError(f"cannot read {str(path)!r} ({exc.strerror})") from exc


def _imported(module: str, name: str) -> object:
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
