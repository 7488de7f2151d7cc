"""Read the text of uploaded files, and split texts into chunks, words and sentences.

Plain text in any of the supported extensions, HTML without its tags, and the text inside of
Office files. A PDF is accepted, as by the service, but its text is not read.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from pathlib import PurePosixPath

from . import tokens

_TAG = re.compile(r"<[^>]*>")
_SILENT = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL | re.IGNORECASE)
_OFFICE = {".docx": r"word/document\.xml", ".pptx": r"ppt/slides/slide\d+\.xml"}
_PARAGRAPH = re.compile(r"</[wa]:p>")
_BINARY = (".doc", ".pdf")
_WORD = re.compile(r"\w+")

# Words that say nothing about what a text is about.
_SMALL = (
    "a about all an and any are as at be by can could do does for from give has have how i if in "
    "into is it its me my of on or our please show so some tell that the their them there these "
    "they this to up us use using want was we what when where which who why will with would you "
    "your"
)
_EMPTY = frozenset(_SMALL.split())


def text_of(filename: str, data: bytes) -> str:
    """Return the text of a file; "" if it cannot be read."""
    suffix = PurePosixPath(filename).suffix.lower()
    if suffix in _BINARY:
        return ""
    if suffix in _OFFICE:
        return _office_text(data, re.compile(_OFFICE[suffix]))
    text = data.decode("utf-8", errors="replace")
    return _without_tags(text) if suffix == ".html" else text


def _office_text(data: bytes, wanted: re.Pattern[str]) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = sorted(name for name in archive.namelist() if wanted.fullmatch(name))
            parts = [archive.read(name).decode("utf-8", errors="replace") for name in names]
    except zipfile.BadZipFile:
        return ""
    return "\n".join(_without_tags(_PARAGRAPH.sub("\n", part)) for part in parts)


def _without_tags(text: str) -> str:
    return html.unescape(_TAG.sub("", _SILENT.sub("", text))).strip()


def chunks_of(text: str, size: int, overlap: int) -> list[str]:
    """Cut a text into pieces of `size` tokens that share `overlap` tokens with the one before."""
    pieces = tokens.pieces(text)
    if not pieces:
        return []
    step = max(1, size - overlap)
    starts = range(0, max(1, len(pieces) - overlap), step)
    return ["".join(pieces[start : start + size]) for start in starts]


def words_of(text: str) -> list[str]:
    """Return the words that say what a text is about, in lower case and singular."""
    found = (word.lower() for word in _WORD.findall(text.replace("_", " ")))
    return [_plain(word) for word in found if word not in _EMPTY]


def _plain(word: str) -> str:
    """Turn a plural into its singular, by its ending."""
    if word.endswith("ies") and len(word) > 4:
        return word.removesuffix("ies") + "y"
    if word.endswith(("sses", "xes", "zes", "ches", "shes")):
        return word.removesuffix("es")
    is_plural = word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3
    return word.removesuffix("s") if is_plural else word


def sentences_of(text: str) -> list[str]:
    """Split a text into its sentences and lines."""
    found = re.split(r"(?<=[.!?])\s+|\n+", text)
    return [one.strip(" \t-*#>") for one in found if one.strip(" \t-*#>")]
