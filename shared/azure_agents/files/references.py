"""Files that an answer brings: what is known of them before anything is loaded. Pure.

A file's name may have been made up by a model. It is therefore cleaned before anybody sees it, and
never decides in which folder a file is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from ..events import Citation, MediaOutput
from ..fold import Block, TextBlock

Kind: TypeAlias = Literal["image", "file"]

ANY_TYPE = "application/octet-stream"
IMAGE_TYPES = ("image/gif", "image/jpeg", "image/png", "image/webp")  # that models take as images

_TYPES = MimeTypes()  # the interpreter's own table: the machine's files have no say
_OFFICE = "application/vnd.openxmlformats-officedocument"
for _type, _suffix in (  # which not every Python knows
    ("image/webp", ".webp"),
    ("text/markdown", ".md"),
    (f"{_OFFICE}.wordprocessingml.document", ".docx"),
    (f"{_OFFICE}.presentationml.presentation", ".pptx"),
    (f"{_OFFICE}.spreadsheetml.sheet", ".xlsx"),
):
    _TYPES.add_type(_type, _suffix)
_SEPARATORS = re.compile(r"[/\\]")
_FORBIDDEN = re.compile(r'[<>:"|?*`$]')  # by Windows, or read by shells even between quotes
# Devices of Windows, whatever follows the first dot; a hyphen at the start is an option of a tool.
_RESERVED = re.compile(
    r"-|(?:con|prn|aux|nul|con(?:in|out)_|clock_|(?:com|lpt)[\d\u00b9\u00b2\u00b3]) *(?:\.|$)",
    re.IGNORECASE,
)
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_NAME_BYTES = 200  # file systems take 255, and a number may be added


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file of an answer.

    Attributes:
        kind: ``image`` or ``file``.
        name: File name, safe to write to disk.
        mime_type: Media type, from the service or guessed by the name.
        file_id: Where the content is, unless the answer brought it along.
        container_id: Container of the file (code interpreter on v2).
        url: Address of an image that lies elsewhere; it is never fetched.
        data: The content as base64 text, if the answer brought it along.
    """

    kind: Kind
    name: str
    mime_type: str
    file_id: str | None = None
    container_id: str | None = None
    url: str | None = None
    data: str | None = field(default=None, repr=False)


def references_in(blocks: Iterable[Block]) -> list[FileReference]:
    """List the files that the agent made, in order and each once; sources it cites are none.

    Args:
        blocks: The blocks of an answer.
    """
    found: dict[object, FileReference] = {}
    for block in blocks:
        made = block.citations if isinstance(block, TextBlock) else [block]
        for one in made:
            reference = refer(one) if isinstance(one, Citation | MediaOutput) else None
            if reference is not None:
                _keep(found, reference)
    return list(found.values())


def _keep(found: dict[object, FileReference], new: FileReference) -> None:
    # A citation and an output may name the same file, and only one of them says what it is called.
    key: object = (new.container_id, new.file_id) if new.file_id else (new.url, new.data)
    if key not in found or (_is_nameless(found[key]) and not _is_nameless(new)):
        found[key] = new


def _is_nameless(known: FileReference) -> bool:
    return known.file_id is not None and known.name.startswith(known.file_id)


def refer(made: Citation | MediaOutput) -> FileReference | None:
    """Make the reference of a file; None for a citation of a source, which the agent did not make.

    Args:
        made: A citation or a file event of an answer.
    """
    if isinstance(made, MediaOutput):
        url = None if made.file_id or made.data else made.url
        if not (made.file_id or made.data or url):
            return None
        return reference(
            made.file_id,
            container_id=made.container_id,
            name=made.filename,
            mime_type=made.mime_type,
            kind=made.kind,
            url=url,
            data=made.data,
        )
    if made.kind not in {"container_file", "file_path"} or not made.file_id:
        return None
    name = made.filename or made.marker  # classic marks the place: sandbox:/mnt/data/report.csv
    return reference(made.file_id, container_id=made.container_id, name=name)


def reference(
    file_id: str | None,
    *,
    container_id: str | None = None,
    name: str | None = None,
    mime_type: str | None = None,
    kind: Kind | None = None,
    url: str | None = None,
    data: str | None = None,
) -> FileReference:
    """Make a reference, with name, media type and kind derived where they are not given.

    Args:
        file_id: Id of the file on the server; None if it is elsewhere.
        container_id: Its container, for what code interpreter wrote (v2).
        name: What it is called; None: made from its id or kind.
        mime_type: Its media type; None: derived from its name.
        kind: ``image`` or ``file``; None: derived from its media type.
        url: Where it is, if not on the server.
        data: Its content as base64 text, if the answer brought it along.
    """
    safe = safe_name(name or file_id or kind or "file")
    image = "image/png" if kind == "image" else ANY_TYPE
    guessed = type_of(safe, image)
    mime = mime_type or guessed
    if not name and (suffix := _TYPES.guess_extension(mime)) and mime != ANY_TYPE:
        safe += suffix
    shown: Kind = kind or ("image" if mime.startswith("image/") else "file")
    return FileReference(shown, safe, mime, file_id, container_id, url, data)


def type_of(name: str, default: str = ANY_TYPE) -> str:
    """Derive the media type from the end of a file name, and from nothing else.

    Python would take ``data:text/html…,`` for a URL, and what follows the colon for a type.
    """
    end = "".join(PurePosixPath(_SEPARATORS.split(name)[-1]).suffixes[-2:])
    return _TYPES.guess_type(f"x{end}")[0] or default


def safe_name(name: str, default: str = "file") -> str:
    """Clean a name: its last part, without what a disk, a shell or a screen could misread."""
    last = _SEPARATORS.split(name)[-1]
    # Control characters, direction marks, ends of lines and paragraphs.
    kept = "".join(c for c in last if unicodedata.category(c) not in _UNPRINTABLE)
    clean = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", kept)).lstrip(". ").rstrip(". ")
    if not clean:
        return default
    return _shorten(f"_{clean}" if _RESERVED.match(clean) else clean)


def _shorten(name: str) -> str:
    if len(name.encode()) <= _NAME_BYTES:
        return name
    suffix = PurePosixPath(name).suffix[:20]
    stem = name[: -len(suffix) or None].encode()[: _NAME_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore") + suffix
