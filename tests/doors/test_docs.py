"""The page about messages is true: its snippets run, in order, and print what they say."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^\s*#> (.*)$", flags=re.MULTILINE)


def test_snippets_print_what_they_say() -> None:
    """Each `#>` line is a line of output, and there is no other output."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "page"}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for code in blocks:
            exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102 - our own page
    said = [line for code in blocks for line in LINE.findall(code)]
    assert said
    assert said == output.getvalue().splitlines()
