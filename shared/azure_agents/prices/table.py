"""Prices by model: Azure's from the file beside this module, and those of users.

The file is read when the first price is asked for, and a row when it is. A name is looked up
exactly: what is not in the table has no price here, however alike another name may be.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ..errors import InvalidRequestError
from ..jsonio import JSON, load_object
from ..naming import shown
from .model_prices import Prices, own_prices, read_facts

_PREFIXES = ("azure", "azure_ai")
_SAME = {"azure_text/": "azure/"}  # LiteLLM's prefix for text completions of the same models


class PriceTable:
    """Prices by model; it never changes.

    Args:
        rows: Prices by name, in small letters.
        own: Prices of users, by name or by model string in small letters; they come first.
    """

    def __init__(self, rows: Mapping[str, Prices], own: Mapping[str, Prices] | None = None) -> None:
        self._rows, self._own = rows, dict(own or {})

    @classmethod
    def shipped(cls) -> PriceTable:
        """Give the table of Azure's prices that comes with this package."""
        return cls(_shipped())

    @property
    def as_of(self) -> str:
        """The day on which the shipped prices were collected, as in ``2026-12-01``."""
        return _shipped().as_of

    def with_prices(self, own: Mapping[str, Mapping[str, Any]]) -> PriceTable:
        """Make a table with prices of one's own before those that are there.

        Args:
            own: LiteLLM's fields (US dollars for one unit) by model: a name that is used as
                ``base_model``, or the model string of a deployment. A name without a prefix is
                Azure's.

        Raises:
            InvalidRequestError: A field is unknown, or a price no number.
        """
        added = {_key(name): _own(name, given) for name, given in own.items()}
        return PriceTable(self._rows, {**self._own, **added})

    def find(self, name: str, provider: str = "azure") -> Prices | None:
        """Look a model up; None if the table does not have it.

        Args:
            name: ``azure/gpt-4o``, ``azure/eu/gpt-4o`` (of a data zone), ``azure_ai/grok-3``. A
                name without prefix is looked for among Azure's.
            provider: Whose names come first, ``azure`` or ``azure_ai``, where there is no prefix.
        """
        for key in _keys(name, provider):
            found = self._own.get(key) or self._rows.get(key)
            if found is not None:
                return found
        return None

    def own(self, model: str) -> Prices | None:
        """Give the user's own prices for a model string; None if there are none.

        Args:
            model: As it is called, such as ``azure/my-deployment``.
        """
        return self._own.get(_key(model))

    def __iter__(self) -> Iterator[str]:
        return iter({**dict.fromkeys(self._own), **dict.fromkeys(self._rows)})

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Shipped(Mapping[str, Prices]):
    """The rows of the file, read one by one."""

    def __init__(self, file: JSON) -> None:
        self.as_of: str = file["as_of"]
        self._sources: list[str] = file["sources"]
        self._facts: dict[str, JSON | str] = {k.lower(): v for k, v in file["models"].items()}
        self._read: dict[str, Prices] = {}

    def __getitem__(self, key: str) -> Prices:
        if key not in self._read:
            self._read[key] = self._row(key)
        return self._read[key]

    def _row(self, key: str) -> Prices:
        facts = self._facts[key]
        if isinstance(facts, str):  # another name of a model
            return replace(self[facts.lower()], name=key)
        return read_facts(key, facts, self._sources)

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)


@cache
def _shipped() -> _Shipped:
    from importlib.resources import files  # takes longer to load than the table to read

    return _Shipped(load_object(files(__package__).joinpath("azure_prices.json").read_bytes()))


def _own(name: str, given: object) -> Prices:
    if isinstance(given, Mapping):
        return own_prices(name, given)
    raise InvalidRequestError(f"the prices of {name!r} must be a dictionary, got {shown(given)}")


def _key(name: str) -> str:
    return next(iter(_keys(name, "azure")))


def _keys(name: str, provider: str) -> list[str]:
    """The names under which a model may stand in the table, the likeliest first."""
    key = name.strip().lower()
    for prefix, same in _SAME.items():
        key = same + key.removeprefix(prefix) if key.startswith(prefix) else key
    if key.partition("/")[0] in _PREFIXES and "/" in key:
        return [key]
    first = provider if provider in _PREFIXES else "azure"
    return [f"{prefix}/{key}" for prefix in sorted(_PREFIXES, key=lambda one: one != first)]


class _Default:
    """The table that is used where none is given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: PriceTable | None = None

    def get(self) -> PriceTable:
        # Without the lock: two threads that come first make equal tables.
        if self._table is None:
            self._table = PriceTable.shipped()
        return self._table

    def add(self, own: Mapping[str, Mapping[str, Any]]) -> None:
        with self._lock:
            self._table = self.get().with_prices(own)


_DEFAULT = _Default()


def default_table() -> PriceTable:
    """Give the table that is used where none is given: Azure's prices and registered ones."""
    return _DEFAULT.get()


def register_prices(own: Mapping[str, Mapping[str, Any]]) -> None:
    """Add prices of your own, for this process; they are used before Azure's.

    Args:
        own: LiteLLM's fields (US dollars for one unit) by model: a name that is used as
            ``base_model``, or the model string of a deployment. They are all that is known of this
            model then: what they leave out has no price.

    Raises:
        InvalidRequestError: A field is unknown, or a price no number.
    """
    _DEFAULT.add(own)
