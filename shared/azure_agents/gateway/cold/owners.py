"""Whose a file or a batch is, told by itself, so that a list shows a key its own. Pure.

Nothing is stored here, and the services know one owner: of the resource. So a file's name carries
a word that only this gateway can make for a key, and a batch carries it in its metadata; clients
never see it. A job belongs to whom its training file does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from ..refusals import Refusal

_FIELD = "azure_agents_key"
_MOST = 16  # entries that the service takes
_IN_NAME = re.compile(r"\.key-([0-9a-f]{24})(?=\.[^.]*$|$)")
_IN_HEADER = re.compile(r"\.key-[0-9a-f]{24}(?=[.;\"\s]|$)")


def named_file(name: str, owner: str) -> str:
    """The name of a file with its owner, before its ending.

    Args:
        name: As the client wrote it.
        owner: From `Seals.owner`.
    """
    path = PurePath(name)
    return f"{name.removesuffix(path.suffix)}.key-{owner}{path.suffix}"


def owned_batch(fields: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The body of a batch with its owner.

    Args:
        fields: As the client wrote them.
        owner: From `Seals.owner`.

    Raises:
        Refusal: Its metadata is full, or none.
    """
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        raise Refusal(400, "metadata must be an object", param="metadata")
    if len(metadata) >= _MOST:
        raise Refusal(
            400,
            f"metadata may have {_MOST - 1} entries here: one is the gateway's",
            param="metadata",
        )
    return {**fields, "metadata": {**metadata, _FIELD: owner}}


def is_owned(item: Mapping[str, Any], owner: str) -> bool:
    """Whether a file or a batch says that it is an owner's.

    Args:
        item: As the service tells of it.
        owner: From `Seals.owner`.
    """
    found = _IN_NAME.search(str(item.get("filename", "")))
    metadata = item.get("metadata")
    told = metadata.get(_FIELD) if isinstance(metadata, Mapping) else None
    return owner in (told, found[1] if found else None)


def told(data: Any) -> Any:
    """An answer, or a list of them, without the words.

    Args:
        data: JSON.
    """
    if not isinstance(data, dict):
        return data
    if isinstance(data.get("data"), list):
        data = {**data, "data": [told(one) for one in data["data"]]}
    if isinstance(data.get("filename"), str):
        data = {**data, "filename": _IN_NAME.sub("", data["filename"])}
    metadata = data.get("metadata")
    if isinstance(metadata, Mapping) and _FIELD in metadata:
        left = {name: value for name, value in metadata.items() if name != _FIELD}
        data = {**data, "metadata": left or None}
    return data


def told_header(value: str) -> str:
    """A ``content-disposition`` without the words.

    Args:
        value: Of the header.
    """
    return _IN_HEADER.sub("", value)
