"""Parts of an answer beyond text and functions: what an agent does with tools on the server.

One vocabulary for both generations where both have the tool. `v2_items` and `classic_steps` say
how each part looks on the wire; a part that a generation does not have is a TypeError there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from .foundry_tools import FoundryTool


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a piece of the text comes from.

    Args:
        kind: A web page, a file in a vector store, or a file in a container.
        start: Where the cited piece of text begins.
        end: Where it ends.
        url: The page.
        title: What the source is called.
        file_id: What is cited, by its id on the server.
        filename: Its name.
        container_id: Where the file is, if it is in a container (v2).
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
    """Think before answering (v2): a summary, and the tokens it cost.

    Attributes:
        summary: What is told of the thoughts; "" tells nothing.
        tokens: Reasoning tokens that the usage counts for it.
    """

    summary: str = ""
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Decline to answer (v2).

    Attributes:
        text: Why, in the agent's words.
    """

    text: str


@dataclass(frozen=True, slots=True)
class FileSearch:
    """Search files.

    Args:
        queries: What is searched for; by default what the user said last.
        results: Mappings with file_id, filename, score and text; by default what is found in
            the files attached to the agent.
    """

    queries: tuple[str, ...] = ()
    results: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class CodeInterpreter:
    """Run code; `logs` is what it printed, `images` are file ids (classic) or URLs (v2).

    Attributes:
        code: The Python source that was run.
        logs: What it printed; "" is nothing.
        images: Ids of files (classic) or URLs (v2) of what it drew.
        container_id: ``cntr_…`` it ran in (v2); "" makes one up.
    """

    code: str
    logs: str = ""
    images: tuple[str, ...] = ()
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class WebSearch:
    """Search the web: a web search call (v2), Bing grounding (classic).

    Attributes:
        query: What is searched for.
    """

    query: str


@dataclass(frozen=True, slots=True)
class McpTools:
    """List the tools of an MCP server; tools have name, description and schema.

    Attributes:
        server_label: What the agent calls the server.
        tools: Dictionaries with ``name``, ``description`` and ``schema`` (of its arguments).
    """

    server_label: str
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class McpApproval:
    """Ask whether an MCP tool may be called; a classic run pauses for the answer.

    Attributes:
        server_label: What the agent calls the server.
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
    """Call an MCP tool; right after an approval it is the approved call.

    Attributes:
        server_label: What the agent calls the server.
        name: The tool that is called.
        arguments: Its arguments as JSON text.
        output: What the tool gave; None if it gave nothing.
        error: What went wrong in the tool; None if nothing did.
    """

    server_label: str
    name: str
    arguments: str = "{}"
    output: str | None = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """Ask the user to sign in somewhere (v2).

    Attributes:
        link: The URL where the user signs in.
        server_label: The server that needs it; None if the service does not say.
    """

    link: str
    server_label: str | None = None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """Paint (v2): base64 data, and the prompt that was really used.

    Attributes:
        result: The finished image as base64 text.
        revised_prompt: The prompt that was really used; None if it is not told.
        partial: Unfinished images before it as base64 text, sent while streaming.
    """

    result: str
    revised_prompt: str | None = None
    partial: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectedAgent:
    """Ask another agent: a connected agent (classic), agent to agent (v2).

    Attributes:
        name: The agent that is asked.
        arguments: What it is asked, as JSON text.
        output: What it answers.
    """

    name: str
    arguments: str = "{}"
    output: str = ""


@dataclass(frozen=True, slots=True)
class ComputerCall:
    """Act on a computer (v2), and wait for the next picture of it.

    Args:
        action: What to do, for instance ``{"type": "type", "text": "OpenAI news"}``.
        pending_safety_checks: Checks that the caller has to acknowledge, as they are on the wire.
        id: The call's id, which the picture is sent back with.
    """

    action: Mapping[str, Any]
    pending_safety_checks: Sequence[Mapping[str, Any]] = ()
    id: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowAction:
    """One step of a workflow agent (v2); `says` is a message that it sends.

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
    """Raw output items (v2) or step details (classic); ids are filled in where they are missing.

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
