"""The numbers of `docs/security.md` are those of the tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from . import (
    test_anchor_key,
    test_arguments,
    test_bodies,
    test_canary,
    test_clients,
    test_deployment_canary,
    test_error_lines,
    test_fuzz,
    test_gateway_canary,
    test_gateway_requests,
    test_held,
    test_hosts,
    test_limits,
    test_linear_streams,
    test_linear_texts,
    test_locals,
    test_names_on_disk,
    test_objects,
    test_payloads,
    test_redirects,
    test_ssrf,
    test_terminal,
)
from .peers import WAYS

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text("utf-8")

_FOUR = len(WAYS)
_HEADERS = len(test_redirects.KINDS)
_ENDS = len(test_canary.PLACES) * len(test_canary.OUTCOMES)
_VIEWS = len(test_objects.LANGCHAIN) + len(test_objects.LLAMAINDEX)
_LINEAR = len(test_linear_streams.CASES) + len(test_linear_texts.CASES)
ROWS = {
    "redirects": len(test_redirects.CODES) * len(test_redirects.TARGETS) * _HEADERS * _FOUR,
    "redirects, real sockets": len(test_redirects.CODES) * 3 * _HEADERS * _FOUR,
    "endpoints refused": len(test_hosts.REFUSED),
    "hosts without a scope": len(test_hosts.NOT_MICROSOFTS),
    "origins of a credential": len(test_hosts.OTHERS) + len(test_hosts.SAME),
    "keys of the environment": len(test_hosts.KEYS) + len(test_hosts.NOT_MICROSOFTS) * 3,
    "ids of the service": len(test_hosts.IDS) * 2 * _FOUR,
    "secrets in errors and objects": _ENDS * _FOUR,
    "secrets of deployments": len(test_deployment_canary.ROWS)
    * len(test_deployment_canary.PLACES)
    * len(test_canary.OUTCOMES)
    * 2,
    "secrets in logs": _ENDS * len(test_canary.LEVELS) * 2,
    "proxies": 3 * _FOUR,
    "secrets in frames of libraries": 4 * len(test_clients.KINDS) * _FOUR,
    "secrets under wrong names": len(test_arguments.PER_CALL) * len(test_arguments.DOORS) * 2,
    "owners that are nobody": len(test_arguments.OWNERS) * len(test_arguments.ASKING),
    "commands to a terminal": len(test_terminal.COMMANDS),
    "secrets in local variables": len(test_locals.MISTAKES) + len(test_locals.UNREADABLE),
    "secrets in reach": len(test_canary.PLACES) - 1 + len(test_held.HOLDERS),
    "answers that repeat the request": (
        len(test_error_lines.ECHOES) * len(test_error_lines.HEADERS) * 3 * _FOUR
    ),
    "lines in errors": len(test_error_lines.PLACES) * len(test_error_lines.BREAKS) * _FOUR,
    "secrets in framework objects": len(test_objects.GIVEN) * 2 * _VIEWS,
    "serialised payloads": len(test_payloads.PAYLOADS),
    "URLs": len(test_ssrf.URLS) * len(test_ssrf.DOORS) * 2,
    "limits": (
        len(test_limits.ENDLESS) * len(test_limits.READERS)
        + len(test_limits.NESTED) * len(test_limits.DEPTHS)
        + len(test_bodies.PACKED) * 3 * _FOUR
        + len(test_bodies.HEADS) * _FOUR
        + len(test_bodies.LOADS) * len(test_bodies.LOADING)
    ),
    "time grows with the input": _LINEAR,
    "fuzzing": sum(test_fuzz.INPUTS.values()),
    "names of files": len(test_names_on_disk.NAMES) * 3 + len(test_names_on_disk.FORM_NAMES),
    "forged anchors": (
        (len(test_anchor_key.FORGERIES) + len(test_anchor_key.SEALS)) * len(test_anchor_key.FORMS)
    ),
    "the gateway: settings in requests": (
        (len(test_gateway_requests.NAMED) * 3 + len(test_gateway_requests.ELSEWHERE))
        * len(test_gateway_requests.PATHS)
    ),
    "the gateway: headers, models and paths": (
        len(test_gateway_requests.HEADERS)
        + len(test_gateway_requests.ODD_MODELS) * len(test_gateway_requests.PREFIXES)
        + len(test_gateway_requests.TARGETS) * 2
    ),
    "the gateway: secrets of a config": (
        len(test_gateway_canary.OUTCOMES)
        * len(test_gateway_canary.ENTRIES)
        * len(test_gateway_canary.ROUTES)
    ),
    "the gateway: forged threads": len(test_gateway_requests.FORGED) * 2 - 1,
}


def _rows() -> dict[str, str]:
    table = PAGE.partition("## What is tested")[2].partition("\n\nWhat the tests found")[0]
    cells = (line.split("|") for line in table.splitlines() if line.startswith("| "))
    return {row[1].strip(): row[2].strip() for row in cells}


@pytest.mark.parametrize("name", ROWS)
def test_the_page_gives_the_number(name: str) -> None:
    """As it is counted from the tables of the tests."""
    assert f"{ROWS[name]:,}" == _rows()[name]


def test_every_test_file_has_its_row() -> None:
    """Nothing is tested that the page does not tell of, as far as that can be counted."""
    counted = {*ROWS, "row", "secrets in the whole suite", "supply chain"}
    assert counted == set(_rows())


def test_the_file_is_a_page() -> None:
    """The code on it is Python."""
    for block in PAGE.split("```python\n")[1:]:
        ast.parse(block.partition("```")[0])
