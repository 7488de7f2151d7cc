"""Tools that Foundry itself runs, and the form of their calls in each generation.

v2 shows a pair of items, recorded for three of them (v2/a2a_stream.json,
v2/browser_automation_keepalive_stream.json, v2/openapi_preview_api.json); the others follow the
types of `azure-ai-projects`. Outputs are mostly empty there; that of AI Search is a text of JSON.
Fabric IQ shows as `mcp_list_tools` and `mcp_call`, Work IQ as `a2a_preview_call`: script them so.

Classic shows one call in a step; recorded are OpenAPI (classic/openapi_streaming.json) and browser
automation (classic/browser_automation_polled.json), the others follow the types of
`azure-ai-agents`, whose fields are mostly "reserved for future use".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from ...jsonio import JSON

FoundryToolName: TypeAlias = Literal[
    "azure_ai_search",
    "azure_function",
    "bing_custom_search",
    "browser_automation",
    "fabric_dataagent",
    "openapi",
    "sharepoint_grounding",
]

# Types of v2 that keep the word of their preview.
_PREVIEWS = ("bing_custom_search", "browser_automation", "fabric_dataagent", "sharepoint_grounding")


@dataclass(frozen=True, slots=True)
class FoundryTool:
    """The agent uses a tool that Foundry runs.

    Args:
        tool: The tool's type, one of `FoundryToolName`.
        arguments: Its arguments as JSON text, or the question of a classic search.
        output: Its result; v2 was mostly recorded with an empty text.
        name: Name of the function, for a tool that has several.
        seconds: How long it runs on the emulator's clock; v2 streams keepalives meanwhile.
        details: More keys of a classic call, such as the `steps` of browser automation.
    """

    tool: FoundryToolName
    arguments: str = "{}"
    output: str = ""
    name: str = ""
    seconds: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = get_args(FoundryToolName)
        if self.tool not in known:
            raise ValueError(f"no tool of Foundry is called {self.tool!r}; use one of {known}")

    @property
    def item_type(self) -> str:
        """Type of its call item in v2."""
        return f"{self.tool}_preview_call" if self.tool in _PREVIEWS else f"{self.tool}_call"

    def classic_call(self) -> JSON:
        """Build the call as a classic step shows it, without an id."""
        named = self.tool in {"openapi", "azure_function"}
        asked = {"name": self.name, "arguments": self.arguments}
        said: JSON = asked if named else {"input": self.arguments}
        said |= {"output": self.output}
        said |= {"steps": []} if self.tool == "browser_automation" else {}
        place = "function" if self.tool == "openapi" else self.tool  # both recorded
        return {"type": self.tool, place: {**said, **self.details}}
