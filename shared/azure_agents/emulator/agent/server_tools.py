"""Parts of a reply beyond text and functions: what an agent does with tools on the server.

Both generations share a part where both have the tool. `v2/items.py` and `classic/steps.py` write
the parts as the wire shows them. A part that a generation does not have is a TypeError there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from .foundry_tools import FoundryTool


@dataclass(frozen=True, slots=True)
class Citation:
    """The source of a piece of text.

    Args:
        kind: A web page, a file in a vector store, or a file in a container.
        start: Index of the cited piece's first character in the text.
        end: Index behind its last character.
        url: The page.
        title: The page's title.
        file_id: The file's id.
        filename: The file's name.
        container_id: The container that the file is in (v2).
    """

    kind: Literal["url", "file", "container_file"]
    start: int
    end: int
    url: str = ""
    title: str = ""
    file_id: str = ""
    filename: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The agent reasons before it answers (v2).

    Attributes:
        summary: The summary of its reasoning that clients get; "" is none.
        tokens: Reasoning tokens in the usage.
    """

    summary: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """The agent declines to answer (v2).

    Attributes:
        text: The reason, in the agent's words.
    """

    text: str


@dataclass(frozen=True, slots=True)
class FileSearch:
    """The agent searches files.

    Args:
        queries: The words to search for; by default the user's last message.
        results: Mappings with file_id, filename, score and text; by default the results of a
            real search in the files attached to the agent.
    """

    queries: tuple[str, ...] = ()
    results: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class CodeInterpreter:
    """The agent runs code.

    Attributes:
        code: The Python source.
        logs: The printed output; "" is none.
        images: The drawn images, as ids of files (classic) or URLs (v2).
        container_id: The container that it runs in, ``cntr_…`` (v2); "" makes one up.
    """

    code: str
    logs: str = ""
    images: tuple[str, ...] = ()
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class WebSearch:
    """The agent searches the web: a web search call (v2), Bing grounding (classic).

    Attributes:
        query: The words to search for.
    """

    query: str


@dataclass(frozen=True, slots=True)
class McpTools:
    """The agent lists the tools of an MCP server.

    Attributes:
        server_label: The server's label in the agent's definition.
        tools: Dictionaries with ``name``, ``description`` and ``schema`` (of its arguments).
    """

    server_label: str
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class McpApproval:
    """The agent asks whether it may call an MCP tool; a classic run pauses for the decision.

    Attributes:
        server_label: The server's label in the agent's definition.
        name: The tool to be called.
        arguments: Its arguments as JSON text.
        id: ``mcpr_…`` of the request; None makes one up.
    """

    server_label: str
    name: str
    arguments: str = "{}"
    id: str | None = None


@dataclass(frozen=True, slots=True)
class McpCall:
    """The agent calls an MCP tool; right after an approval it is the approved call.

    Attributes:
        server_label: The server's label in the agent's definition.
        name: The tool that is called.
        arguments: Its arguments as JSON text.
        output: The tool's result; None if it has none.
        error: The tool's error; None if it succeeded.
    """

    server_label: str
    name: str
    arguments: str = "{}"
    output: str | None = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The agent asks the user to sign in somewhere (v2).

    Attributes:
        link: The URL where the user signs in.
        server_label: The server that needs it; None if the service does not say.
    """

    link: str
    server_label: str | None = None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """The agent generates an image (v2).

    Attributes:
        result: The finished image as base64 text.
        revised_prompt: The prompt that was really used; None if clients do not get it.
        partial: Unfinished images as base64 text, which a stream sends before the result.
    """

    result: str
    revised_prompt: str | None = None
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectedAgent:
    """The agent asks another agent: a connected agent (classic), agent to agent (v2).

    Attributes:
        name: The other agent.
        arguments: The question, as JSON text.
        output: The answer.
    """

    name: str
    arguments: str = "{}"
    output: str = ""


@dataclass(frozen=True, slots=True)
class ComputerCall:
    """The agent acts on a computer (v2), and waits for the next picture of its screen.

    Args:
        action: The action, for instance ``{"type": "type", "text": "OpenAI news"}``.
        pending_safety_checks: Checks that the caller has to acknowledge, as they are on the wire.
        id: The call's id, which the picture is sent back with.
    """

    action: Mapping[str, Any]
    pending_safety_checks: Sequence[Mapping[str, Any]] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowAction:
    """One step of a workflow agent (v2).

    Attributes:
        kind: The action's kind, such as ``SendActivity``.
        action_id: Its id in the workflow.
        says: The text of a message that it sends; None sends none.
        parent_action_id: The action or workflow that it is part of.
        previous_action_id: The action that ran before it.
    """

    kind: str
    action_id: str
    says: str | None = None
    parent_action_id: str = "my_workflow"
    previous_action_id: str = "my_workflow"


@dataclass(frozen=True, slots=True)
class Items:
    """Raw output items (v2) or step details (classic); missing ids are filled in.

    Attributes:
        items: The items or details as JSON objects, in the service's own form.
    """

    items: Sequence[Mapping[str, Any]]


ServerPart: TypeAlias = (
    Reasoning
    | Refusal
    | FileSearch
    | CodeInterpreter
    | WebSearch
    | McpTools
    | McpApproval
    | McpCall
    | Consent
    | GeneratedImage
    | ConnectedAgent
    | FoundryTool
    | ComputerCall
    | WorkflowAction
    | Items
)
SERVER_PARTS = get_args(ServerPart)
