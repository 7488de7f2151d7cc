"""Commands for the agents of a project: listed, shown, made, changed, deleted, kept in files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import ConfigError
from ..jsonio import dumps, loads
from .connection import connection_options
from .terminal import printable, show_table
from .tool_files import read_tools

if TYPE_CHECKING:
    from ..agents.agent import Agent
    from ..agents.agents import Agents

F = TypeVar("F", bound=Callable[..., Any])
_COLUMNS = ("agent", "name", "model", "tools", "description")
_NO_YAML = 'YAML needs PyYAML, install it with: pip install "azure-agents[emulator]"'


def project(connection: dict[str, Any]) -> Agents:
    """Make the object of a command; the credential comes from the environment.

    Args:
        connection: The values of `connection_options`.
    """
    from ..agents.agents import Agents

    return Agents(**connection)


@click.command("list")
@click.option("--generation", type=click.Choice(["v2", "classic"]), help="Only those of one.")
@connection_options()
def list_agents(*, generation: Any, **connection: Any) -> None:
    """List the agents of the project."""
    with closing(project(connection)) as agents:
        rows = [_row(agent) for agent in agents.list(generation)]
    if not rows:
        click.echo("The project has no agents.", err=True)
        return
    show_table(_COLUMNS, rows)


def _row(agent: Agent) -> tuple[str, ...]:
    tools = ", ".join(str(tool.get("type")) for tool in agent.tools)
    return agent.id, agent.name, agent.model or "", tools, agent.description


@click.command()
@click.argument("agent")
@click.option("--versions", is_flag=True, help="List its versions instead (v2).")
@connection_options()
def show(*, agent: str, versions: bool, **connection: Any) -> None:
    """Show what AGENT is: a name, name:version, or asst_..."""
    with closing(project(connection)) as agents:
        if versions:
            show_table(_COLUMNS, [_row(one) for one in agents.versions(agent)])
        else:
            click.echo(_yaml(agents.get(agent)), nl=False)


def tool_options(command: F) -> F:
    """Add the options that name an agent's tools; the command gets them as keyword arguments."""
    several: dict[str, Any] = {"multiple": True}
    options = (
        click.option("--file", "files", help="A file to search in (again for more).", **several),
        click.option("--code-interpreter", is_flag=True, help="It may run Python code."),
        click.option("--code-file", "code_files", help="A file for that code.", **several),
        click.option("--web-search", is_flag=True, help="It may search in the web (v2)."),
        click.option("--image-generation", is_flag=True, help="It may draw pictures (v2)."),
        click.option("--mcp", help="An MCP server, as label=https://...", **several),
        click.option("--openapi", help="An API, as name=openapi.json.", **several),
        click.option(
            "--tools", "functions", help="Function tools: a JSON file, or module:name of a list."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


_TOLD = (
    click.option("--instructions", help="What it is told to be; @FILE reads a file."),
    click.option("--description", help="What others are told of it."),
)


@click.command()
@click.argument("name")
@click.option("--model", required=True, help="The deployment that it uses.")
@_TOLD[0]
@_TOLD[1]
@click.option("--generation", type=click.Choice(["v2", "classic"]), default="v2", show_default=True)
@tool_options
@connection_options()
def create(
    *,
    name: str,
    model: str,
    instructions: str | None,
    description: str | None,
    generation: Any,
    **more: Any,
) -> None:
    """Make an agent called NAME; prints what --model of other commands takes."""
    tools, connection = _tools(more)
    with closing(project(connection)) as agents:
        agent = agents.create(
            name,
            model=model,
            instructions=_text(instructions),
            description=description,
            tools=tools,
            generation=generation,
        )
    click.echo(agent.id)


@click.command()
@click.argument("agent")
@click.option("--model", help="The deployment that it uses.")
@_TOLD[0]
@_TOLD[1]
@tool_options
@connection_options()
def update(
    *,
    agent: str,
    model: str | None,
    instructions: str | None,
    description: str | None,
    **more: Any,
) -> None:
    """Change AGENT: a v2 agent gets a new version. With any tool option these are all its tools."""
    tools, connection = _tools(more)
    with closing(project(connection)) as agents:
        changed = agents.update(
            agent,
            model=model,
            instructions=_text(instructions),
            description=description,
            tools=tools or None,
        )
    click.echo(changed.id)


@click.command()
@click.argument("agent")
@click.option("--and-files", is_flag=True, help="Also its vector stores, and their files.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connection_options()
def delete(*, agent: str, and_files: bool, yes: bool, **connection: Any) -> int:
    """Delete AGENT: a name (with all versions), name:version, or asst_..."""
    if not yes and not click.confirm(f"Delete {agent}{' and its files' if and_files else ''}?"):
        return 1
    with closing(project(connection)) as agents:
        agents.delete(agent, and_files=and_files)
    return 0


@click.command("export")
@click.argument("names", nargs=-1)
@connection_options()
def export_agents(*, names: Sequence[str], **connection: Any) -> None:
    """Print agents as YAML: those named, or all of the project, for `agents import`."""
    with closing(project(connection)) as agents:
        found = [agents.get(name) for name in names] if names else agents.list()
    click.echo("---\n".join(_yaml(agent) for agent in found), nl=False)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, allow_dash=True))
@connection_options()
def import_agents(*, file: Path, **connection: Any) -> None:
    """Make the agents of FILE (YAML, or - for standard input) what it says."""
    kept = list(_kept(file))
    with closing(project(connection)) as agents:
        for one in kept:
            click.echo(agents.apply(one).id)


def _yaml(agent: Agent) -> str:
    text: str = _yaml_package().safe_dump(
        loads(dumps(agent.as_dict())), sort_keys=False, allow_unicode=True
    )
    return printable(text)


def _kept(file: Path) -> Iterator[Any]:
    yaml = _yaml_package()
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        yield from (one for one in yaml.safe_load_all(text) if one is not None)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigError(f"{str(file)!r} is no YAML: {problem}") from error


def _yaml_package() -> Any:
    try:
        import yaml
    except ImportError as missing:
        raise ConfigError(_NO_YAML) from missing
    return yaml


def _text(given: str | None) -> str | None:
    if given is None or not given.startswith("@"):
        return given
    return Path(given[1:]).read_text(encoding="utf-8")


def _tools(more: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The tools that the options name, and the options that are left."""
    from ..agents.tools import (
        CodeInterpreterTool,
        FileSearchTool,
        ImageGenerationTool,
        McpTool,
        OpenApiTool,
        WebSearchTool,
    )

    files, code_files = more.pop("files"), more.pop("code_files")
    runs_code = more.pop("code_interpreter") or bool(code_files)
    searches, draws = more.pop("web_search"), more.pop("image_generation")
    servers = [McpTool(*_pair("--mcp", one)) for one in more.pop("mcp")]
    apis = [_pair("--openapi", one) for one in more.pop("openapi")]
    functions = more.pop("functions")
    tools: list[Any] = [
        *([FileSearchTool(files)] if files else []),
        *([CodeInterpreterTool(code_files)] if runs_code else []),
        *([WebSearchTool()] if searches else []),
        *([ImageGenerationTool()] if draws else []),
        *servers,
        *(OpenApiTool(name, loads(Path(path).read_bytes())) for name, path in apis),
        *(read_tools(functions) if functions else []),
    ]
    return tools, more


def _pair(option: str, given: str) -> tuple[str, str]:
    label, equals, value = given.partition("=")
    if not (label and equals and value):
        raise ConfigError(f"{option} {given!r} must be label=value")
    return label, value
