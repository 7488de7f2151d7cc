"""Images and files out of what callers write: data URLs, base64, ids, addresses. Pure.

One function for every door, so that the same picture is the same picture wherever it comes in. No
URL is fetched: the service does that.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Literal, TypeAlias

from ..errors import InvalidRequestError
from ..messages import Media

Kind: TypeAlias = Literal["image", "file"]

_DATA_URL = re.compile(r"data:(?P<mime>[^;,]*)(?:;[^,]*)?;base64,(?P<data>.*)", re.DOTALL)


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
        kind: What the service shall take it for.
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
        if isinstance(text, str) and (match := _DATA_URL.fullmatch(text)):
            data, url, mime_type = match["data"], None, mime_type or match["mime"]
            break
    given = {"url": url, "data": data, "file_id": file_id}
    values = {key: value for key, value in given.items() if value}
    if len(values) != 1 or not isinstance(next(iter(values.values())), str | bytes):
        raise InvalidRequestError(
            f"{where} needs exactly one text of {', '.join(given)}, got "
            f"{', '.join(values) or 'none of them'}"
        )
    return Media(
        kind,
        url=_text(values.get("url")),
        data=_decoded(values["data"], where) if "data" in values else None,
        file_id=_text(values.get("file_id")),
        mime_type=_text(mime_type),
        name=_text(name),
        detail=_text(detail),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _decoded(data: object, where: str) -> bytes:
    if isinstance(data, bytes):
        return data
    try:
        return base64.b64decode("".join(str(data).split()), validate=True)
    except (binascii.Error, ValueError):
        # `from None`: a file may be secret, and the cause would repeat it.
        raise InvalidRequestError(
            f"the data of {where} is not base64: encode the bytes with base64.b64encode"
        ) from None
