"""Images and files of an answer, read back from its blocks: also from a history or a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage

from azure_agents import Citation, FileReference, MediaOutput, TextBlock
from azure_agents.files.references import references_in
from azure_agents.fold import Block
from azure_agents.frameworks.answer_files import citation_of


def references_of(message: AIMessage) -> list[FileReference]:
    """Find the files that the agent made, each once; sources that it cites are none of them."""
    return references_in(_file_blocks(message.content_blocks))


def _file_blocks(blocks: Iterable[Any]) -> Iterator[Block]:
    for block in blocks:
        if block["type"] == "text":
            notes = [note for note in block.get("annotations", ()) if note["type"] == "citation"]
            yield TextBlock("", 0, citations=list(map(_citation, notes)))
        elif block["type"] in {"image", "file"}:
            extras = block.get("extras", {})
            yield MediaOutput(
                block.get("id", ""),
                block["type"],
                file_id=block.get("file_id"),
                url=block.get("url"),
                data=block.get("base64"),
                mime_type=block.get("mime_type"),
                filename=extras.get("filename"),
                container_id=extras.get("container_id"),
            )


def _citation(note: Mapping[str, Any]) -> Citation:
    extras = note.get("extras", {})
    return citation_of(extras.get("kind", "url"), extras)
