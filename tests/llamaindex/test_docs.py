"""The page about LlamaIndex is true: its snippets run, in order, and print what they say."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "llamaindex.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^#> (.*)$", flags=re.MULTILINE)


def test_snippets_print_what_they_say() -> None:
    """Each `#>` line is a line of output, and there is no other output."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    namespace: dict[str, Any] = {"__name__": "page"}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for code in blocks:
            exec(compile(code, PAGE, "exec"), namespace)  # noqa: S102 - our own page
    said = [line for code in blocks for line in LINE.findall(code)]
    assert said == output.getvalue().splitlines()


def test_linked_files_exist() -> None:
    """Relative links lead somewhere."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE.read_text(encoding="utf-8"))
    assert [] == [link for link in links if not (PAGE.parent / link).is_file()]
