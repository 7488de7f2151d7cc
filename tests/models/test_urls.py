"""Whatever is pasted as a base, with whatever version: one URL for each operation, or an error.

What is expected is worked out here from the parts of the base, by the rules of the specification.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from azure_agents.errors import ConfigError
from azure_agents.models.operation_table import OPERATIONS, Operation

from .test_surfaces import url_of

MICROSOFT = ("https://r.openai.azure.com", "https://r.services.ai.azure.com")
GATEWAYS = ("https://apim.example.net", "http://localhost:4000")
DATED, OTHER = "2024-10-21", "2025-04-01-preview"
UNDATED = ("v1", "preview", "latest")
CLAUDES = ("messages", "count_tokens")
OF_AZURE = [row for row in OPERATIONS.values() if row.name not in CLAUDES]


class Pasted(NamedTuple):
    """A base in its parts."""

    origin: str
    prefix: str
    surface: str
    operation: str
    query: str
    slashes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The base as somebody pastes it."""
        path = "".join(
            f"{slash}{part}"
            for slash, part in zip(
                self.slashes,
                filter(None, f"{self.prefix}{self.surface}{self.operation}".split("/")),
                strict=False,
            )
        )
        end = self.slashes[-1] if not self.query else ""
        return f"{self.origin}{path}{end if end != '/' or path else ''}{self.query}"


SLASHES = st.lists(st.sampled_from(["/", "/", "//"]), min_size=16, max_size=16).map(tuple)
PREFIXES = st.sampled_from(["", "/team", "/a/b.c", "/api/projects/p"])
TAILS = st.sampled_from(
    [
        ("", ""),
        ("/models", ""),
        *(
            (surface, operation)
            for surface in ("/openai", "/openai/v1", "/openai/deployments/other", "/OpenAI/V1")
            for operation in ("", *(row.path.format(id="id-1") for row in OF_AZURE))
        ),
    ]
)
QUERIES = st.sampled_from(
    ["", "?", f"?api-version={DATED}", f"?api-version={DATED}&x=1", "?x=1", "?Api-Version=v1"]
)
VERSIONS = st.sampled_from(
    [None, "", "v1", "V1 ", "latest", "preview", OTHER, f"api-version={OTHER}", f" {OTHER}"]
)
BASES = st.builds(
    lambda origin, prefix, tail, query, slashes: Pasted(origin, prefix, *tail, query, slashes),
    st.sampled_from(MICROSOFT + GATEWAYS),
    PREFIXES,
    TAILS,
    QUERIES,
    SLASHES,
)


def effective(version: str | None, query: str) -> str | None:
    """The version that counts: the one that was passed, else the pasted one."""
    given = (version or "").strip().lower().removeprefix("api-version=")
    pasted = DATED if DATED in query else "v1" if "v1" in query else ""
    return given or pasted or None


def expected_of(pasted: Pasted, version: str | None, row: Operation, family: str) -> str | None:
    """The URL by the rules; None: an error."""
    if pasted.origin in MICROSOFT and pasted.prefix in ("/team", "/a/b.c"):
        return None
    counts, surface = effective(version, pasted.query), pasted.surface.lower()
    name = "other" if "deployments" in surface else "dep"
    is_v1 = surface in ("/openai/v1", "/models") or "projects" in pasted.prefix
    is_v1 = is_v1 or family == "azure_ai" or counts is None or counts in UNDATED
    path = row.path.format(id="id-9")
    home = pasted.origin + pasted.prefix
    if is_v1:
        return f"{home}/openai/v1{path}{'?api-version=preview' if counts == 'preview' else ''}"
    below = f"/deployments/{name}" if row.of_deployment else ""
    return f"{home}/openai{below}{path}?api-version={counts}"


@pytest.mark.parametrize("family", ["azure", "azure_ai"])
@pytest.mark.parametrize("row", OF_AZURE, ids=lambda row: row.name)
@given(pasted=BASES, version=VERSIONS)
@example(Pasted(MICROSOFT[0], "", "/openai", "/files/id-1/content", "", ("/",) * 16), None)
def test_any_mix_is_one_url_of_azure(
    row: Operation, family: str, pasted: Pasted, version: str | None
) -> None:
    """Slashes, prefixes, surfaces, pasted operations, queries and versions, for each operation."""
    expected = expected_of(pasted, version, row, family)
    if expected is None:
        with pytest.raises(ConfigError, match="https://<resource>"):
            url_of(f"{family}/dep", pasted.text, version, row.name, "id-9")
    else:
        assert expected == url_of(f"{family}/dep", pasted.text, version, row.name, "id-9")


CLAUDE_TAILS = st.sampled_from(
    [
        *("", "/anthropic", "/anthropic/v1", "/Anthropic/v1/messages", "/v1/messages"),
        *("/anthropic/v1/messages/count_tokens", "/anthropic/messages"),
    ]
)
CLAUDE_BASES = st.builds(
    lambda origin, prefix, tail, query, slashes: Pasted(origin, prefix, tail, "", query, slashes),
    st.sampled_from(MICROSOFT + GATEWAYS),
    st.sampled_from(["", "/team"]),
    CLAUDE_TAILS,
    QUERIES,
    SLASHES,
)


@pytest.mark.parametrize("name", CLAUDES)
@given(pasted=CLAUDE_BASES, version=VERSIONS)
def test_any_mix_is_one_url_of_claude(name: str, pasted: Pasted, version: str | None) -> None:
    """No version counts, and none is sent."""
    if pasted.prefix and pasted.origin in MICROSOFT:
        with pytest.raises(ConfigError, match="https://<resource>"):
            url_of("azure_ai/claude-x", pasted.text, version, name)
    else:
        expected = f"{pasted.origin}{pasted.prefix}/anthropic/v1{OPERATIONS[name].path}"
        assert expected == url_of("azure_ai/claude-x", pasted.text, version, name)


@pytest.mark.parametrize("row", OF_AZURE, ids=lambda row: row.name)
@given(
    operation=st.sampled_from(["", *(row.path.format(id="id-1") for row in OF_AZURE)]),
    query=QUERIES,
    slashes=SLASHES,
)
def test_any_mix_is_one_url_of_openai(
    row: Operation, operation: str, query: str, slashes: tuple[str, ...]
) -> None:
    """Its base ends in ``/v1``."""
    base = Pasted("https://api.openai.com", "", "/v1", operation, query, slashes).text
    expected = f"https://api.openai.com/v1{row.path.format(id='id-9')}"
    assert expected == url_of("openai/gpt-4o", base, None, row.name, "id-9")


@given(st.text(max_size=60), VERSIONS | st.text(max_size=20))
def test_any_text_is_a_url_or_an_error(base: str, version: str | None) -> None:
    """No other exception, and no other origin than the one that was written."""
    for text in (base, f"https://r.openai.azure.com/{base}"):
        for model in ("azure/dep", "azure_ai/claude-x", "openai/gpt-4o"):
            url = None
            with suppress(ConfigError):
                url = url_of(model, text, version)
            assert url is None or url.startswith(("https://", "http://localhost", "http://127."))
