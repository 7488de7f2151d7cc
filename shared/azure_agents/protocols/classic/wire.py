"""The fields of the classic wire that are read or written: messages and runs.

TypedDicts only: erased at run time. Source: recordings, then azure-ai-agents' models.
"""

from __future__ import annotations

from typing import Any, TypedDict


class ThreadMessage(TypedDict, total=False):
    """A message to be created, or as the service returns it."""

    id: str
    role: str
    content: str | list[dict[str, Any]]
    attachments: list[dict[str, Any]]
    run_id: str | None
    status: str
    metadata: dict[str, str]


class RunObject(TypedDict, total=False):
    """A run, as returned and as repeated in events."""

    id: str
    thread_id: str
    status: str
    model: str
    usage: dict[str, Any] | None
    required_action: dict[str, Any] | None
    last_error: dict[str, Any] | None
    incomplete_details: dict[str, Any] | None
    metadata: dict[str, str] | None
