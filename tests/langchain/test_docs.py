"""The pages about LangChain are true: their snippets run, in order, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("docs/approvals.md", "docs/langchain.md")
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^\s*#> (.*)$", flags=re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_snippets_print_what_they_say(page: str) -> None:
    """Each `#>` line is a line of output, and there is no other output."""
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "page"}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for code in blocks:
            exec(compile(code, page, "exec"), namespace)  # noqa: S102 - our own page
    said = [line for code in blocks for line in LINE.findall(code)]
    assert said
    assert said == output.getvalue().splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page: str) -> None:
    """Relative links lead somewhere."""
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert [] == [link for link in links if not (ROOT / page).parent.joinpath(link).is_file()]
