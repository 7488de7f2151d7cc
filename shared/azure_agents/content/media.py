"""Images and files out of what callers write: data URLs, base64, ids, addresses. Pure.

One function for every door, so that the same picture is the same picture wherever it comes in. No
URL is fetched: the service does that.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from typing import Literal, NamedTuple, TypeAlias

from ..errors import InvalidRequestError
from ..messages import Media

Kind: TypeAlias = Literal["image", "file"]

_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^,]*)?;base64,(?P<data>.*)", re.DOTALL)


class Inline(NamedTuple):
    """The two halves of a data URL.

    Attributes:
        mime_type: Media type; "" if the URL has none.
        data: The content as base64 text, which nobody has decoded yet.
    """

    mime_type: str
    data: str


def data_url(data: bytes, mime_type: str) -> str:
    """Write bytes as a data URL."""
    return f"data:{mime_type};base64,{base64_text(data)}"


def base64_text(data: bytes) -> str:
    """Write bytes as base64 text."""
    return b64encode(data).decode()


def split_data_url(url: object) -> Inline | None:
    """Split a data URL in base64; None for everything else."""
    match = _DATA_URL.fullmatch(url) if isinstance(url, str) else None
    return Inline(match["mime"], match["data"]) if match else None


def media(
    kind: Kind,
    where: str,
    *,
    url: object = None,
    data: object = None,
    file_id: object = None,
    mime_type: object = None,
    name: object = None,
    detail: object = None,
) -> Media:
    """Make an image or a file of exactly one of `url`, `data` and `file_id`.

    Args:
        kind: Whether the service shall take it for an image or a file.
        where: How an error names it.
        url: Where the service finds it; a data URL is as good as `data`.
        data: Base64 text, a data URL, or bytes.
        file_id: Id of a file uploaded before.
        mime_type: Media type; wins over that of a data URL.
        name: File name.
        detail: Image detail.

    Raises:
        InvalidRequestError: None or several of the three, or data that are no base64.
    """
    for text in (data, url):  # a data URL may stand in either place
        if inline := split_data_url(text):
            data, url, mime_type = inline.data, None, mime_type or inline.mime_type
            break
    if data == b"":
        raise InvalidRequestError(f"{where} is an empty {kind}: give the bytes of one")
    given = {"url": url, "data": data, "file_id": file_id}
    values = {key: value for key, value in given.items() if value}
    if len(values) != 1 or not isinstance(next(iter(values.values())), str | bytes):
        raise InvalidRequestError(
            f"{where} needs exactly one text of {', '.join(given)}, got "
            f"{', '.join(values) or 'none of them'}"
        )
    return Media(
        kind,
        url=_nonempty_text(values.get("url")),
        data=_decoded_bytes(values["data"], where) if "data" in values else None,
        file_id=_nonempty_text(values.get("file_id")),
        mime_type=_nonempty_text(mime_type),
        name=_nonempty_text(name),
        detail=_nonempty_text(detail),
    )


def _nonempty_text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _decoded_bytes(data: object, where: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return b64decode("".join(str(data).split()), validate=True)
    except (binascii.Error, ValueError):
        # `from None`: a file may be secret, and the cause would repeat it.
        raise InvalidRequestError(
            f"the data of {where} is not base64: encode the bytes with base64.b64encode"
        ) from None
