"""LiteLLM's pages on Azure, read in place: their code blocks, and the code as it is run here.

The pages lie beside the project, and nothing of them is copied. An example is named by its page and
the line of its fence.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(__file__).parents[3] / "shared" / "pages"
needs_pages = pytest.mark.skipif(
    not FOLDER.exists(), reason="LiteLLM's pages lie beside the project, in ../shared/pages"
)


class Place(NamedTuple):
    """Where an example stands: the page's number and the line of its fence."""

    page: str
    line: int


def page(number: str) -> str:
    """The text of a page."""
    (path,) = FOLDER.glob(f"{number}_*.txt")
    return path.read_text()


def blocks() -> dict[Place, tuple[str, str]]:
    """Language and text of every code block of every page that has fences."""
    found: dict[Place, tuple[str, str]] = {}
    for path in sorted(FOLDER.glob("*.txt")):
        lines = path.read_text().splitlines(keepends=True)
        fences = [n for n, line in enumerate(lines, 1) if line.strip().startswith("```")]
        for begin, end in zip(fences[::2], fences[1::2], strict=True):
            language = lines[begin - 1].strip().removeprefix("```").split(" ")[0]
            found[Place(path.name[:3], begin)] = (language, "".join(lines[begin : end - 1]))
    return found


# What is changed in every example: the import, and what stands for the reader's own values.
_CHANGES = [
    (r"from litellm import", "from azure_agents import"),
    (r"import litellm", "import azure_agents as litellm"),
    (r"<your[ _-]deployment[ _-]name>", "my-deployment"),
    (r"<resource-name>", "my-resource"),
    (r"(AZURE_API_KEY['\"]\] = )(\"\"|\"your-api-key\"|\"your-azure-api-key\")", r"\1'KEY'"),
    (r"(AZURE_API_BASE['\"]\] = )\"\"", r"\1'https://my-resource.openai.azure.com'"),
    (r"(AZURE_API_VERSION['\"]\] = )\"\"", r"\1'2023-05-15'"),  # as the page's comment says
    (r"(?<=api_base = )\"\"", "'https://my-resource.openai.azure.com'"),
    (r"(?<=api_version = )\"\"", "'2023-05-15'"),
    (r"(?<=api_key = )\"\"|(?<=api_key=)\"your-azure-api-key\"", "'KEY'"),
    (r"(?<=azure_ad_token=)\"(your-azure-ad-token)?\"", "TOKEN"),
]


def code_of(place: Place, *meant: tuple[str, str]) -> str:
    """The example as it is run.

    Args:
        place: Where it stands.
        meant: What is written there, and how it is read: mistakes that nobody can run.
    """
    _, code = blocks()[place]
    for written, read in meant:
        assert written in code, (place, written)
        code = code.replace(written, read)
    for pattern, value in _CHANGES:
        code = re.sub(pattern, value, code)
    return code
