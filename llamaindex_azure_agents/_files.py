"""Images and files of an answer: references now, content when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from llama_index.core.agent.workflow import AgentOutput
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    DocumentBlock,
    ImageBlock,
)

from azure_agents import FileReference, MediaOutput, TextBlock
from azure_agents.files.references import references_in
from azure_agents.fold import Block
from azure_agents.frameworks.answer_files import citation_of

Answer: TypeAlias = ChatResponse | CompletionResponse | AgentOutput | Mapping[str, Any]


def references_of(answer: Answer) -> list[FileReference]:
    """Find the files that the agent made, each once; sources that it cites are none of them."""
    raw = answer if isinstance(answer, Mapping) else answer.raw
    return references_in(_file_blocks(raw or {}, _contents(answer)))


def _file_blocks(raw: Mapping[str, Any], contents: Iterator[str]) -> Iterator[Block]:
    for entry in raw.get("files", ()):
        fields = {name: value for name, value in entry.items() if name != "inline"}
        data = next(contents, None) if entry.get("inline") else None
        yield MediaOutput(**fields, data=data)
    notes = [citation_of(note["kind"], note) for note in raw.get("annotations", ())]
    yield TextBlock("", 0, citations=notes)


def _contents(answer: Answer) -> Iterator[str]:
    # Base64 text of the files that came with the answer: it stands in the blocks of its message.
    message = getattr(answer, "message", None) or getattr(answer, "response", None)
    for block in message.blocks if isinstance(message, ChatMessage) else ():
        content = getattr(block, "image" if isinstance(block, ImageBlock) else "data", None)
        if isinstance(block, ImageBlock | DocumentBlock) and isinstance(content, bytes):
            yield content.decode()
