"""The README is true: its snippets run, its error table is what users get, its files exist."""

from __future__ import annotations

import ast
import contextlib
import io
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ChatMessage, HumanMessage

from azure_agents.emulator import CreatedAgent, Emulator
from azure_agents.errors import AzureAgentsError
from langchain_azure_agents import ChatAzureAgent

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# ```python runs, in the order of the page and in one namespace; ```python azure is only compiled.
BLOCKS = re.findall(r"^```python( azure)?\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
EXPECTED_LINE = re.compile(r"^\s*#> (.*)$", flags=re.MULTILINE)


def test_snippets_print_what_they_say() -> None:
    """Each `#>` line is a line of output, in order, and there is no other output."""
    namespace: dict[str, Any] = {}
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        for tag, code in BLOCKS:
            if not tag:
                exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102 - our own page
    expected = [line for tag, code in BLOCKS if not tag for line in EXPECTED_LINE.findall(code)]
    assert expected == output.getvalue().splitlines()
    assert expected


def test_snippets_for_azure_compile_and_import_what_exists() -> None:
    """They cannot run here, but nothing in them is invented."""
    snippets = [ast.parse(code) for tag, code in BLOCKS if tag]
    assert snippets
    for tree in snippets:
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), "README.md", "exec"), {})  # noqa: S102 - as above


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_linked_files_exist(link: str) -> None:
    """Relative links lead somewhere."""
    assert (ROOT / link).is_file()


@pytest.mark.parametrize("anchor", re.findall(r"\]\(#([^)]+)\)", README))
def test_linked_sections_exist(anchor: str) -> None:
    """Links inside the page lead to a heading."""
    headings = re.findall(r"^#+ (.*)$", README, flags=re.MULTILINE)
    assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


Make = Callable[..., ChatAzureAgent]
MISTAKES: dict[str, Callable[[Make], Any]] = {
    "no endpoint": lambda make: make(endpoint=None),
    "an endpoint that is not a project": lambda make: make(
        endpoint="https://r.services.ai.azure.com"
    ),
    "an Azure OpenAI endpoint": lambda make: make(endpoint="https://r.openai.azure.com"),
    "plain http to another machine": lambda make: make(endpoint="http://10.1.2.3/api/projects/p"),
    "empty model": lambda make: make(model=""),
    "malformed model": lambda make: make(model="my agent"),
    "a classic agent with a version": lambda make: make(model="asst_abc123:1"),
    "no messages": lambda make: make().invoke([]),
    "unknown role": lambda make: make().invoke([ChatMessage(role="narrator", content="x")]),
    "unknown content block": lambda make: make().invoke([HumanMessage([{"type": "hologram"}])]),
    "unknown form of thread id": lambda make: make().invoke("hi", thread_id="t-1"),
    "thread id of the other generation": lambda make: make().invoke("hi", thread_id="thread_abc"),
    "`resp_…` pinned in the constructor": lambda make: make(thread_id="resp_abc"),
    "unknown policy": lambda make: make(threads="always"),
    "a parameter the agent refuses (at the call)": lambda make: make(temperature=0.5).invoke("hi"),
    "NaN or negative timeout": lambda make: make(timeout=math.nan),
    "no credential found": lambda make: make(credential=_no_token).invoke("hi"),
}


def _no_token() -> str:
    raise LookupError("as DefaultAzureCredential fails where nobody is signed in")


def _rows() -> dict[str, tuple[str, str]]:
    table = README.partition("| mistake | error | says |\n")[2].partition("\n\n")[0]
    rows = [re.split(r" \| ", line.strip("| ")) for line in table.splitlines()[1:]]
    return {mistake: (error.strip("`"), says) for mistake, error, says in rows}


def test_every_mistake_of_the_table_is_tried() -> None:
    """The table and the cases below are the same list."""
    assert list(MISTAKES) == list(_rows())


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_the_error_of_its_row_and_nothing_is_sent(mistake: str) -> None:
    """Class and beginning of the sentence are the table's; the service hears nothing."""
    with Emulator() as foundry:
        with pytest.raises(AzureAgentsError) as caught:
            MISTAKES[mistake](_maker(foundry, foundry.create_agent("my-agent")))
        error, says = _rows()[mistake]
        assert error in {cls.__name__ for cls in type(caught.value).__mro__}
        assert says == str(caught.value)[: len(says)]
        assert [] == foundry.requests


def _maker(foundry: Emulator, agent: CreatedAgent) -> Make:
    def make(**changes: Any) -> ChatAzureAgent:
        return ChatAzureAgent(**{"model": agent.model, **foundry.connection(), **changes})

    return make
