"""Multipart forms: taken in piece by piece, kept on disk, and sent up with other fields.

A form must be here before it goes on: the model may stand behind the file, and another deployment
may have to be asked. A file above a megabyte is kept on disk meanwhile, so memory stays flat.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, cast
from uuid import uuid4

from ...errors import InvalidRequestError
from ...files.disk import LocalFile
from ...files.multipart import FilePart, Part, TextPart, content_type, form
from ...naming import shown

if TYPE_CHECKING:
    from starlette.datastructures import FormData, UploadFile

_MOST_FILES, _MOST_FIELDS = 32, 200  # of one form


@dataclass(frozen=True, slots=True)
class Body:
    """A body that can be sent any number of times.

    Attributes:
        type: Its media type.
        size: Its bytes.
        pieces: Gives them, from the start.
        data: All of them, if they are in memory.
    """

    type: str
    size: int
    pieces: Callable[[], AsyncIterator[bytes]]
    data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """A form that has come.

    Attributes:
        texts: Its fields, in the client's order; a name may come twice.
        files: Its files, each with its field.
    """

    texts: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, LocalFile], ...]

    def text(self, name: str) -> str | None:
        """The last value of a field; None without one.

        Args:
            name: Of the field.
        """
        return next((text for known, text in reversed(self.texts) if known == name), None)

    def without(self, *names: str) -> Form:
        """The form without some fields.

        Args:
            names: Of the fields.
        """
        return replace(self, texts=tuple(one for one in self.texts if one[0] not in names))

    def body(self, first: Sequence[tuple[str, str]] = ()) -> Body:
        """Write the form.

        Args:
            first: Fields that stand before the client's.
        """
        parts: list[Part] = [TextPart(*one) for one in (*first, *self.texts)]
        parts += [FilePart(*one) for one in self.files]
        boundary = f"azure-agents-{uuid4().hex}"  # nobody can guess it, so no file holds it
        made = form(boundary, parts, lambda _: None)
        return Body(content_type(boundary), made.size, partial(_in_threads, made.pieces))


async def _in_threads(read: Callable[[], object]) -> AsyncIterator[bytes]:
    from starlette.concurrency import iterate_in_threadpool

    async for piece in iterate_in_threadpool(cast("list[bytes]", read())):
        yield piece


def read_form(data: FormData) -> Form:
    """Read a form that Starlette has taken in.

    Args:
        data: Starlette's.

    Raises:
        InvalidRequestError: A file of it is empty.
    """
    texts, files = [], []
    for name, value in data.multi_items():
        if isinstance(value, str):
            texts.append((name, value))
        else:
            files.append((name, _file(name, value)))
    return Form(tuple(texts), tuple(files))


def _file(field: str, upload: UploadFile) -> LocalFile:
    size = upload.size or 0
    if not size:
        raise InvalidRequestError(f"the file in {shown(field)} is empty", param=field)
    start = partial(_rewound, upload.file)
    return LocalFile(upload.filename or field, size, start, owned=False, type=upload.content_type)


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0, os.SEEK_SET)
    return file


LIMITS = {"max_files": _MOST_FILES, "max_fields": _MOST_FIELDS}
