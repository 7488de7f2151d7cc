"""The lines of a batch: which models they name, and the same lines with other names.

A line is read at a time, so a file may have any size. A name is replaced in the bytes where that is
safe; a line that names its model twice, or writes it with escapes, is written anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import Any

from ..errors import InvalidRequestError, ProtocolError
from ..files.disk import LocalFile
from ..jsonio import dumps, loads

_MOST_LINE = 64 * 2**20  # bytes
_IN_MEMORY = 2**20  # bytes
_MOST_NAMES = 100
_BOM = b"\xef\xbb\xbf"
_MODEL = re.compile(rb'"model"\s*:\s*"((?:[^"\\]|\\.)*)"')


def models_in(file: LocalFile) -> list[str]:
    """The models that lines name, each once, in their order.

    Args:
        file: JSON lines, each a request of a batch.

    Raises:
        InvalidRequestError: A line is no JSON object, or too long, or there are too many models.
    """
    found: dict[str, None] = {}
    for number, line in enumerate(_lines(file), 1):
        name = _name(line, number)
        if name is not None:
            found[name] = None
        if len(found) > _MOST_NAMES:
            raise InvalidRequestError(
                f"the lines name more than {_MOST_NAMES} models: Azure takes one in each file"
            )
    return list(found)


def renamed(file: LocalFile, names: Mapping[str, str], kept_by: ExitStack) -> LocalFile:
    """The file with other names of models; the same one if none changes.

    Args:
        file: As for `models_in`, which has read it.
        names: The new names by the old ones.
        kept_by: Closes the new file.
    """
    if all(old == new for old, new in names.items()):
        return file
    kept: Any = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `kept_by` closes it
    kept_by.callback(kept.close)
    for line in _lines(file):
        kept.write(_renamed(line, names))
    size = kept.tell()

    def start() -> Any:
        kept.seek(0)
        return kept

    return LocalFile(file.name, size, start, owned=False, type=file.type)


def _name(line: bytes, number: int) -> str | None:
    if not line.strip():
        return None
    try:
        data = loads(line.removeprefix(_BOM) if number == 1 else line)
    except ProtocolError:
        raise InvalidRequestError(f"line {number} of the file is no JSON", param="file") from None
    if not isinstance(data, dict):
        raise InvalidRequestError(f"line {number} of the file is no JSON object", param="file")
    body = data.get("body")
    name = body.get("model") if isinstance(body, dict) else None
    return name if isinstance(name, str) else None


def _renamed(line: bytes, names: Mapping[str, str]) -> bytes:
    found = list(_MODEL.finditer(line))
    # In a text its quotes have backslashes before them, so what is found is a field.
    if len(found) == 1 and b"\\" not in found[0][1] and b"\\u00" not in line:
        old = found[0][1].decode("utf-8", "replace")
        start, end = found[0].span()
        new = b'"model":%s' % dumps(names.get(old, old))
        return line[:start] + new + line[end:]
    return _written_anew(line, names)


def _written_anew(line: bytes, names: Mapping[str, str]) -> bytes:
    if not line.strip():
        return line
    data = loads(line.removeprefix(_BOM))
    body = data.get("body")
    old = body.get("model") if isinstance(body, dict) else None
    if not isinstance(old, str) or names.get(old, old) == old:
        return line
    return dumps({**data, "body": {**body, "model": names[old]}}) + b"\n"


def _lines(file: LocalFile) -> Iterator[bytes]:
    """The lines with their ends, however the file was cut into pieces."""
    rest: list[bytes] = []
    size = 0
    for piece in file.pieces():
        *whole, last = piece.split(b"\n")
        for line in whole:
            yield b"".join((*rest, line, b"\n"))
            rest, size = [], 0
        rest.append(last)
        size += len(last)
        if size > _MOST_LINE:
            raise InvalidRequestError(f"a line is longer than {_MOST_LINE} bytes", param="file")
    if size:
        yield b"".join(rest)
