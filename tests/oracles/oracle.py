"""What every check script has in common: the emulator's address, and a report line for each check.

Runs in an oracle's own environment: nothing of this project can be imported here.
"""

from __future__ import annotations

import json
import os
import time
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple

ENDPOINT = os.environ["ORACLE_ENDPOINT"]
CONTROL = os.environ["ORACLE_CONTROL"]
STRICT = bool(os.environ["ORACLE_STRICT"])
CHECKS: list[Callable[[], None]] = []


class Token(NamedTuple):
    """An access token, as azure-core wants it."""

    token: str
    expires_on: int


class Credential:
    """A token credential; the emulator takes any token."""

    def get_token(self, *scopes: str, **_: Any) -> Token:
        """A token for an hour."""
        assert ("https://ai.azure.com/.default",) == scopes, scopes
        return Token("any", int(time.time()) + 3600)

    def close(self) -> None:
        """Nothing to close."""


def check(function: Callable[[], None]) -> Callable[[], None]:
    """Mark a check; its docstring says what it shows."""
    CHECKS.append(function)
    return function


def control(method: str, path: str, body: Any = None) -> Any:
    """Ask something of the emulator itself."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{CONTROL}/{path}", data, method=method)  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def raises(kinds: type[Exception] | tuple[type[Exception], ...], call: Callable[[], Any]) -> Any:
    """The error that a call raises: of exactly one of these classes."""
    exactly = kinds if isinstance(kinds, tuple) else (kinds,)
    try:
        call()
    except exactly as error:
        if type(error) in exactly:
            return error
        raise
    raise AssertionError(f"nothing was raised, {kinds} expected")


def run() -> None:
    """Run every check and report."""
    for one in CHECKS:
        try:
            one()
            error = ""
        except Exception:  # noqa: BLE001 - all of them are reported
            error = traceback.format_exc()
        print(json.dumps({"check": f"{one.__name__}: {one.__doc__}", "error": error}), flush=True)  # noqa: T201
