"""The notebooks run offline, and what they show is what they showed when they were committed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from execute import NOTEBOOKS, execute, read

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOWHERE = "http://127.0.0.1:9"  # the port that throws everything away

# What must be seen whatever else a notebook shows.
LINES = {
    "quickstart_langchain": [
        "Your name is Ada.",
        "sent in the last turn: ['What is my name?']",
        "Your name is Grace.",
    ],
    "quickstart_llamaindex": [
        "Your name is Ada.",
        "Your name is Grace.",
        "Your name is Edsger.",
        "The map room opens at nine and closes at five.",
        "Maps may be borrowed for two weeks.",
    ],
}


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel is another process: sockets are not off there, so every way out leads nowhere."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
        monkeypatch.setenv(name.lower(), NOWHERE)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # what the tests import
    # Nothing of the machine's own Jupyter and IPython settings, and nothing left behind there.
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])  # to talk to the kernel
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_what_it_showed(path: Path) -> None:
    """Same outputs, and among them what it is there to show."""
    committed, executed = read(path), execute(path)
    assert _shown(committed) == _shown(executed)
    lines = "".join(_shown(executed)).splitlines()
    assert [] == [line for line in LINES[path.stem] if line not in lines]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_offline_by_default_and_has_one_switch(path: Path) -> None:
    """One cell switches to Azure, and it is off."""
    switches = [cell.source for cell in read(path).cells if "USE_AZURE = " in cell.source]
    assert [True] == ["USE_AZURE = False\n" in source for source in switches]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean(path: Path) -> None:
    """Printed text only, no counts: a change of the file is a change of the notebook."""
    for cell in read(path).cells:
        assert {} == cell.metadata
        if cell.cell_type == "code":
            assert cell.execution_count is None
            assert {"stdout"} >= {output.get("name") for output in cell.outputs}
            # One output, and no representations of objects, which go on for ever.
            assert 1 >= len(cell.outputs)
            lines = "".join(output.text for output in cell.outputs).splitlines()
            assert [] == [line for line in lines if len(line) > 100]
            # Each flush is an output of its own: executed anew, a notebook shows a token a line.
            assert "flush" not in cell.source


def _shown(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text", str(output)) for output in outputs]
