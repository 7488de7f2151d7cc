from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import InvalidRequestError
from azure_agents.files.references import safe_name, type_of
from azure_agents.naming import check_id

NAMES = [
    ("report.pdf", "report.pdf"),
    ("sandbox:/mnt/data/chart.png", "chart.png"),
    ("../../etc/passwd", "passwd"),
    ("..\\..\\boot.ini", "boot.ini"),
    ("C:evil.txt", "C_evil.txt"),
    (".bashrc", "bashrc"),
    ("..", "file"),
    ("", "file"),
    ("/", "file"),
    ("a\x00b\r\nc.txt", "abc.txt"),
    ("harmless\u202egpj.exe", "harmlessgpj.exe"),
    ("con.txt", "_con.txt"),
    ("COM1", "_COM1"),
    ("what? a <file>.md", "what_ a _file_.md"),
    ("trailing. ", "trailing"),
    ("e\u0301.txt", "é.txt"),
    ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ("é" * 300 + ".pdf", "é" * 98 + ".pdf"),
]


@pytest.mark.parametrize(("given_name", "expected"), NAMES)
def test_names_of_the_service_are_cleaned(given_name: str, expected: str) -> None:
    """A name says what a file is called, never where it lies."""
    assert expected == safe_name(given_name)


@given(st.text())
def test_a_clean_name_is_one_harmless_path_segment(name: str) -> None:
    """Whatever a model makes up, the result names a file in the folder it is put into."""
    clean = safe_name(name)
    assert 0 < len(clean.encode()) <= 200
    assert set() == set(clean) & set('/\\<>:"|?*\0')
    assert (clean, False) == (safe_name(clean), clean.startswith("."))


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a?b", "a#b", "a%2Fb", "é", "a" * 300, None])
def test_an_id_cannot_lead_elsewhere(id: object) -> None:
    """Ids stand in paths: what could change the path is refused."""
    with pytest.raises(InvalidRequestError, match="is no id of a file"):
        check_id(id)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.md", "text/markdown"),
        ("a.csv", "text/csv"),
        ("a.PNG", "image/png"),
        ("a", "application/octet-stream"),
    ],
)
def test_types_follow_from_names(name: str, expected: str) -> None:
    """The interpreter's own table decides, the same on every machine."""
    assert expected == type_of(name)
