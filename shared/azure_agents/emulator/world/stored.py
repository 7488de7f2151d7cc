"""Files and vector stores that the service keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ..text.search import Chunk

if TYPE_CHECKING:
    from ...jsonio import JSON


@dataclass(slots=True)
class StoredFile:
    """A file and its bytes."""

    wire: JSON
    data: bytes

    @property
    def suffix(self) -> str:
        """The extension of its name, with the dot."""
        return PurePosixPath(str(self.wire["filename"])).suffix


@dataclass(slots=True)
class VectorStore:
    """A vector store; for each file how often it was polled, and its chunks once indexed."""

    wire: JSON
    files: dict[str, JSON] = field(default_factory=dict)
    batches: dict[str, JSON] = field(default_factory=dict)
    polls: dict[str, int] = field(default_factory=dict)
    chunks: dict[str, list[Chunk]] = field(default_factory=dict)
