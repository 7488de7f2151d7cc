"""Parts of a chat that more than one family maps, read in one way. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..content.media import media
from ..errors import InvalidRequestError
from ..messages import Media
from ..naming import shown


def file_in(file: object, where: str) -> Media:
    """Read the file of a ``file`` part: its data, its id or its address.

    Args:
        file: What stands under ``file``.
        where: Which part it is, for errors.

    Raises:
        InvalidRequestError: It is no file.
    """
    given = file if isinstance(file, Mapping) else {}
    file_id = given.get("file_id")
    # LiteLLM's users put the address of a document into file_id.
    is_url = isinstance(file_id, str) and file_id.startswith("https://")
    return media(
        "file",
        where,
        data=given.get("file_data"),
        url=file_id if is_url else None,
        file_id=None if is_url else file_id,
        mime_type=given.get("format"),
        name=given.get("filename"),
    )


def tools_in(tools: object) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Read the tools of a call, each with its place, for errors.

    Args:
        tools: What the caller passed.

    Raises:
        InvalidRequestError: They are no list of dictionaries.
    """
    if not isinstance(tools, list | tuple):
        raise InvalidRequestError(f"tools must be a list, got {shown(tools)}")
    for at, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise InvalidRequestError(f"tools[{at}] must be a dictionary, got {shown(tool)}")
        yield tool, f"tools[{at}]"
