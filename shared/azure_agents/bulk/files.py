"""What a run is given: its rows, its output, and how both are told in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ..errors import ConfigError, InvalidRequestError
from ..jsonio import JSON, canonical
from .outputs import ENDINGS

_LONGEST = 60  # characters of a value in a sentence


def source_of(rows: Any) -> Path | Sequence[Any]:
    """Read the rows argument of a run.

    Args:
        rows: A file, or rows.

    Raises:
        InvalidRequestError: They are neither.
    """
    if isinstance(rows, str | Path):
        return Path(rows)
    if isinstance(rows, Mapping) or not isinstance(rows, Iterable):
        raise InvalidRequestError(
            f"rows is a {type(rows).__name__}: give a file, or a list of dictionaries or texts"
        )
    return rows if isinstance(rows, Sequence) else list(rows)  # all are checked before one is sent


def check_files(out: Path | None, concurrency: int) -> None:
    """Refuse an output that cannot be, before its journal is made.

    Args:
        out: The output; None: there is none.
        concurrency: The most rows under way.

    Raises:
        ConfigError: Its name or its folder is wrong, or `concurrency`.
    """
    if out is not None and out.suffix.lower() not in ENDINGS:
        raise ConfigError(
            f"the output {out.name!r} ends with {out.suffix!r}: use one of {', '.join(ENDINGS)}"
        )
    if concurrency < 1:
        raise ConfigError(f"concurrency={concurrency!r}: give a whole number, 1 or more")
    if out is not None and not out.parent.is_dir():
        raise ConfigError(f"cannot write {str(out)!r}: there is no folder {str(out.parent)!r}")


def beside(out: Path, ending: str) -> Path:
    """The path of a file that belongs to an output.

    Args:
        out: The output.
        ending: Of its name.
    """
    return out.with_name(out.name + ending)


def short(schema: JSON | None) -> str | None:
    """A digest of a schema, for the journal.

    Args:
        schema: Of the answers; None: there is none.
    """
    return (
        None if schema is None else blake2b(canonical(schema).encode(), digest_size=8).hexdigest()
    )


def shown(value: Any) -> str:
    """A value in a sentence, cut where it is long.

    Args:
        value: Of any kind.
    """
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
