"""The tools of an agent, in the form of each generation."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents import (
    CodeInterpreterTool,
    FileSearchTool,
    ImageGenerationTool,
    McpTool,
    OpenApiTool,
    WebSearchTool,
)
from azure_agents.agents.tools import checked_tools, encode, function_tool
from azure_agents.errors import InvalidRequestError

SPEC = {"openapi": "3.0.0", "info": {"title": "T", "version": "1"}, "paths": {}}
OPENAPI = {
    "type": "openapi",
    "openapi": {"name": "api", "description": "", "spec": SPEC, "auth": {"type": "anonymous"}},
}
SEARCH = {"type": "object", "properties": {"q": {"type": "string"}}}
MCP = {"type": "mcp", "server_label": "docs", "server_url": "https://h/mcp"}

# tool -> v2's form; classic's, and its resources (None: it does not have the tool)
FORMS: dict[str, tuple[Any, Any, Any]] = {
    "file search": (
        FileSearchTool(vector_stores=["vs_1"], max_results=4),
        {"type": "file_search", "vector_store_ids": ["vs_1"], "max_num_results": 4},
        (
            {"type": "file_search", "file_search": {"max_num_results": 4}},
            {"file_search": {"vector_store_ids": ["vs_1"]}},
        ),
    ),
    "code": (
        CodeInterpreterTool(["assistant-abcdefgh1"]),
        {
            "type": "code_interpreter",
            "container": {"type": "auto", "file_ids": ["assistant-abcdefgh1"]},
        },
        (
            {"type": "code_interpreter"},
            {"code_interpreter": {"file_ids": ["assistant-abcdefgh1"]}},
        ),
    ),
    "web search": (WebSearchTool(), {"type": "web_search"}, None),
    "pictures": (ImageGenerationTool(), {"type": "image_generation"}, None),
    "mcp": (
        McpTool("docs", "https://h/mcp", allowed_tools=["a"], approval="never", connection="c"),
        {
            **MCP,
            "allowed_tools": ["a"],
            "require_approval": "never",
            "project_connection_id": "c",
        },
        ({**MCP, "allowed_tools": ["a"]}, {}),
    ),
    "openapi": (OpenApiTool("api", SPEC), OPENAPI, (OPENAPI, {})),
    "nested function": (
        {"type": "function", "function": {"name": "search", "parameters": SEARCH}},
        {"type": "function", "name": "search", "parameters": SEARCH},
        ({"type": "function", "function": {"name": "search", "parameters": SEARCH}}, {}),
    ),
    "flat function": (
        {"type": "function", "name": "search", "parameters": SEARCH},
        {"type": "function", "name": "search", "parameters": SEARCH},
        ({"type": "function", "function": {"name": "search", "parameters": SEARCH}}, {}),
    ),
    "the service's own": (
        {"type": "azure_ai_search", "azure_ai_search": {"indexes": []}},
        {"type": "azure_ai_search", "azure_ai_search": {"indexes": []}},
        ({"type": "azure_ai_search", "azure_ai_search": {"indexes": []}}, {}),
    ),
}


@pytest.mark.parametrize("case", FORMS)
def test_a_tool_has_the_form_of_its_generation(case: str) -> None:
    """What a generation does not have is refused."""
    tool, flat, classic = FORMS[case]
    ready = [(one.tool if not one.files else tool) for one in checked_tools([tool], "v2")]
    assert ([flat], {}) == encode(ready, "v2")
    if classic is None:
        with pytest.raises(InvalidRequestError, match="is a tool of v2 agents"):
            checked_tools([tool], "classic")
    else:
        assert ([classic[0]], classic[1]) == encode(ready, "classic")


def weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city.

    More about it.
    """
    return f"{city} {days}"


def test_a_function_is_declared_by_its_signature() -> None:
    """Name, first paragraph, parameters."""
    declared = function_tool(weather)
    assert ("weather", "Tell the weather of a city.") == (
        declared["name"],
        declared["description"],
    )
    assert ["city"] == declared["parameters"]["required"]
    assert {"city": "string", "days": "integer"} == {
        name: schema["type"] for name, schema in declared["parameters"]["properties"].items()
    }


def positional(*texts: str) -> None:
    """Nothing."""


@pytest.mark.parametrize("function", [lambda x: x, positional])
def test_a_function_that_cannot_be_declared_is_refused(function: Any) -> None:
    """A tool is called by its name, and its parameters by theirs."""
    with pytest.raises(InvalidRequestError, match="declare"):
        function_tool(function)
