"""The service's own tools, as one says them when an agent is made, and each generation's form.

v2 has everything in one flat object. Classic has the tool in one list and the files it works on
in ``tool_resources``. What neither class here fits, a dictionary in the service's form does: it is
passed on as it is. Forms: recorded definitions, and the model classes of azure-ai-projects 2.10
and azure-ai-agents 1.2.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError

from ..errors import InvalidRequestError
from ..files.disk import LocalFile
from ..files.vector_store_flows import Added
from ..files.vector_stores import StoreFile, VectorStore, checked_files
from ..jsonio import JSON
from ..naming import Generation, shown
from ..protocols.tools import flat, nested

Resources: TypeAlias = dict[str, JSON]


@dataclass(frozen=True, slots=True)
class FileSearchTool:
    """The agent searches in files.

    Attributes:
        files: Uploaded files, their ids, or paths: a vector store is made for them.
        vector_stores: Stores that exist, or their ids.
        max_results: How many passages a search gives at most; None: as the service does.
    """

    files: Sequence[StoreFile] = ()
    vector_stores: Sequence[VectorStore | str] = ()
    max_results: int | None = None


@dataclass(frozen=True, slots=True)
class CodeInterpreterTool:
    """The agent runs Python code.

    Attributes:
        files: Files that the code can read: uploaded ones, their ids, or paths.
    """

    files: Sequence[StoreFile] = ()


@dataclass(frozen=True, slots=True)
class WebSearchTool:
    """The agent searches in the web (v2)."""


@dataclass(frozen=True, slots=True)
class ImageGenerationTool:
    """The agent draws pictures (v2)."""


@dataclass(frozen=True, slots=True)
class McpTool:
    """The agent uses the tools of an MCP server.

    Attributes:
        label: A name for the server: letters, digits and underscores.
        url: Where it is.
        allowed_tools: The tools that may be used; empty: all.
        approval: Whether each call needs a person's approval (v2; a classic run says it itself).
        connection: Name of the project's connection that signs in to the server (v2).
    """

    label: str
    url: str
    allowed_tools: Sequence[str] = ()
    approval: Literal["always", "never"] = "always"
    connection: str | None = None


@dataclass(frozen=True, slots=True)
class OpenApiTool:
    """The agent calls the operations of an HTTP API that an OpenAPI document describes.

    Attributes:
        name: A name for the API.
        spec: The document, as a dictionary.
        description: What it is for.
        auth: How the agent signs in; by default not at all.
    """

    name: str
    spec: Mapping[str, Any]
    description: str = ""
    auth: Mapping[str, Any] | None = None


AgentTool: TypeAlias = (
    FileSearchTool
    | CodeInterpreterTool
    | WebSearchTool
    | ImageGenerationTool
    | McpTool
    | OpenApiTool
    | Mapping[str, Any]
    | Callable[..., Any]
)
"""A tool of the service, a dictionary in the service's or OpenAI's form, or a Python function,
which is declared by its name, docstring and parameters; it runs where the agent is called."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A tool whose files were found, and are not uploaded yet.

    Attributes:
        tool: The tool, without these files.
        files: On this disk (opened only when they are sent), or on the service already.
    """

    tool: Any
    files: tuple[Added | LocalFile, ...] = ()


def checked_tools(tools: object, generation: Generation) -> tuple[Checked, ...]:
    """Check the tools of an agent, and find their files; nothing is sent.

    Args:
        tools: The caller's list.
        generation: Of the agent.

    Raises:
        InvalidRequestError: Something in it is no tool, the generation does not have it, or a file
            is missing.
    """
    if isinstance(tools, str | Mapping) or not isinstance(tools, Sequence):
        raise InvalidRequestError(f"tools={shown(tools)} must be a list")
    checked = [_checked(tool) for tool in tools]
    for kind in (FileSearchTool, CodeInterpreterTool):
        if sum(isinstance(one.tool, kind) for one in checked) > 1:
            raise InvalidRequestError(
                f"tools= has several {kind.__name__}: give one with all files"
            )
    encode([one.tool for one in checked], generation)  # the generation has all of them
    return tuple(checked)


def _checked(tool: object) -> Checked:
    if isinstance(tool, FileSearchTool | CodeInterpreterTool):
        return Checked(replace(tool, files=()), tuple(checked_files(tool.files)))
    if isinstance(tool, (Mapping, *_OURS)):
        return Checked(tool)
    if callable(tool) and not isinstance(tool, type):
        return Checked(function_tool(tool))
    raise InvalidRequestError(
        f"tools= has {shown(tool)}, which is no tool: give FileSearchTool(…), McpTool(…) or "
        "such, a Python function, or a dictionary with a 'type'"
    )


_OURS = (
    FileSearchTool,
    CodeInterpreterTool,
    WebSearchTool,
    ImageGenerationTool,
    McpTool,
    OpenApiTool,
)


def function_tool(function: Callable[..., Any]) -> JSON:
    """Declare a Python function: its name, the first paragraph of its docstring, its parameters.

    Args:
        function: With type hints.

    Raises:
        InvalidRequestError: It has no name, or parameters that no JSON schema describes.
    """
    name = getattr(function, "__name__", "")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(function)  # type: ignore[arg-type]
        schema = adapter.json_schema()
    except (PydanticUserError, NameError, TypeError) as error:
        raise InvalidRequestError(
            f"the parameters of {shown(name)} have no JSON schema ({type(error).__name__}): give "
            "them type hints, or declare the tool as a dictionary"
        ) from error
    if not name.isidentifier() or schema.get("type") != "object":
        raise InvalidRequestError(
            f"{shown(name)} cannot be declared: a tool is a function with a name, whose parameters "
            "can be given by name"
        )
    about = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
    return {"type": "function", "name": name, "description": about, "parameters": schema}


def encode(tools: Sequence[Any], generation: Generation) -> tuple[list[JSON], Resources]:
    """Write tools in the form of a generation.

    Args:
        tools: Whose files are uploaded and in stores.
        generation: Of the agent.

    Returns:
        The list of tools, and classic's ``tool_resources``.

    Raises:
        InvalidRequestError: The generation does not have one of them.
    """
    resources: Resources = {}
    write = _flat if generation == "v2" else _classic
    return [write(tool, resources) for tool in tools], resources


def _flat(tool: Any, _: Resources) -> JSON:
    match tool:
        case FileSearchTool():
            limit = {} if tool.max_results is None else {"max_num_results": tool.max_results}
            return {"type": "file_search", "vector_store_ids": _stores(tool), **limit}
        case CodeInterpreterTool():
            files = {"file_ids": list(tool.files)} if tool.files else {}
            return {"type": "code_interpreter", "container": {"type": "auto", **files}}
        case WebSearchTool():
            return {"type": "web_search"}
        case ImageGenerationTool():
            return {"type": "image_generation"}
        case McpTool():
            connection = {"project_connection_id": tool.connection} if tool.connection else {}
            return {**_mcp(tool), "require_approval": tool.approval, **connection}
        case OpenApiTool():
            return _openapi(tool)
        case _:
            return flat([tool])[0] if _is_function(tool) else dict(tool)


def _classic(tool: Any, resources: Resources) -> JSON:
    match tool:
        case FileSearchTool():
            resources["file_search"] = {"vector_store_ids": _stores(tool)}
            limit = tool.max_results
            return {
                "type": "file_search",
                **({} if limit is None else {"file_search": {"max_num_results": limit}}),
            }
        case CodeInterpreterTool():
            resources["code_interpreter"] = {"file_ids": list(tool.files)}
            return {"type": "code_interpreter"}
        case WebSearchTool() | ImageGenerationTool():
            raise InvalidRequestError(
                f"{type(tool).__name__}() is a tool of v2 agents: classic agents search with a "
                "'bing_grounding' tool, given as a dictionary with its connection"
                if isinstance(tool, WebSearchTool)
                else "ImageGenerationTool() is a tool of v2 agents: make one with generation='v2'"
            )
        case McpTool():
            return _mcp(tool)
        case OpenApiTool():
            return _openapi(tool)
        case _:
            return nested([tool])[0] if _is_function(tool) else dict(tool)


def _is_function(tool: Mapping[str, Any]) -> bool:
    return bool(tool.get("type", "function") == "function")


def _mcp(tool: McpTool) -> JSON:
    allowed = {"allowed_tools": list(tool.allowed_tools)} if tool.allowed_tools else {}
    return {"type": "mcp", "server_label": tool.label, "server_url": tool.url, **allowed}


def _openapi(tool: OpenApiTool) -> JSON:
    return {
        "type": "openapi",
        "openapi": {
            "name": tool.name,
            "description": tool.description,
            "spec": dict(tool.spec),
            "auth": dict(tool.auth or {"type": "anonymous"}),
        },
    }


def _stores(tool: FileSearchTool) -> list[str]:
    return [store if isinstance(store, str) else store.id for store in tool.vector_stores]
