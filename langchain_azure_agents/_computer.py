"""Answers to computer calls: a screenshot after each action."""

from __future__ import annotations

from langchain_core.messages import ToolMessage

from azure_agents.content.computer import Screenshot, Screenshots


def _message_of(shot: Screenshot) -> ToolMessage:
    content: list[str | dict[str, object]] = [{"type": "image_url", "image_url": {"url": shot.url}}]
    return ToolMessage(content, tool_call_id=shot.call_id, additional_kwargs=shot.fields)


screenshot = Screenshots(_message_of).screenshot
