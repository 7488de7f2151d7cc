"""The fields of the v2 wire that are read or written: Responses API with an agent reference.

TypedDicts only: erased at run time. Source: recordings, then the openai SDK's types. All keys
are optional on reading, because the service leaves unset ones out (recorded).
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict


class AgentReference(TypedDict, total=False):
    """The agent that is to answer; without `version` the latest one."""

    type: Literal["agent_reference"]
    name: str
    version: str


class InputItem(TypedDict, total=False):
    """An input item: a message, a function call or its output, an approval request or response."""

    type: str
    id: str
    server_label: str
    role: str
    content: str | list[dict[str, Any]]
    call_id: str
    name: str
    arguments: str
    output: str | list[dict[str, Any]] | dict[str, Any]
    approval_request_id: str
    approve: bool
    acknowledged_safety_checks: list[dict[str, str]]
    reason: str


class UsageObject(TypedDict, total=False):
    """Token counts."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    input_tokens_details: dict[str, int] | None
    output_tokens_details: dict[str, int] | None


class ResponseObject(TypedDict, total=False):
    """A response, as returned, as stored and as repeated in events."""

    id: str
    status: str
    model: str
    output: list[dict[str, Any]]
    usage: UsageObject | None
    error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    conversation: dict[str, Any] | None
    metadata: dict[str, str] | None
    content_filters: list[dict[str, Any]] | None
