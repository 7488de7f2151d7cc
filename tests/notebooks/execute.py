"""Run the notebooks and keep their outputs: `.venv/bin/python tests/notebooks/execute.py`.

What is committed is short text only: no counts, no timings, nothing that differs between runs.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
_SECONDS_PER_CELL = 120


def read(path: Path) -> NotebookNode:
    """A notebook as it is on disk."""
    return nbformat.read(path, as_version=4)


def execute(path: Path) -> NotebookNode:
    """Run all cells in a new kernel and give the notebook as it is then; errors are raised."""
    notebook = read(path)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    client = NotebookClient(
        notebook,
        timeout=_SECONDS_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = _joined(cell.outputs)
    return notebook


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What was printed in pieces, as one output; anything else stays, to be seen."""
    printed = "".join(o.text for o in outputs if o.get("name") == "stdout")
    others = [one for one in outputs if one.get("name") != "stdout"]
    stream = [nbformat.v4.new_output("stream", name="stdout", text=printed)] if printed else []
    return [*stream, *others]


def main() -> None:
    """Refresh the outputs of all notebooks."""
    for path in NOTEBOOKS:
        nbformat.write(execute(path), path)


if __name__ == "__main__":
    main()
