"""The columns under the names that tools for evaluation expect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from azure_agents.bulk import bulk
from azure_agents.bulk.columns import FORMATS
from azure_agents.emulator import Emulator

ROW = {"question": "Why?", "context": "Because.", "ground_truth": "So."}
# The names are those of each tool's own pages: azure-ai-evaluation's evaluators, ragas'
# `SingleTurnSample`. `question` is the column that is asked.
NAMES: dict[str, dict[str, Any]] = {
    "rows": {"question": "Why?", "answer": "So."},
    "azure-ai-evaluation": {"query": "Why?", "response": "So.", "context": "Because."},
    "ragas": {"user_input": "Why?", "response": "So."},
    "pandas": {"question": "Why?", "answer": "So.", "finish_reason": "stop"},
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_each_format_has_its_names(format: str, ending: str, tmp_path: Path) -> None:
    """The same in the file and in what is given; other columns travel along."""
    out = tmp_path / f"a.{ending}"
    with Emulator() as foundry:
        model = foundry.create_agent("a", "So.").model
        given = {"column": "question", "format": format, "out": out}
        (row,) = bulk(model, [ROW], **given, **foundry.connection())
    expected = {**NAMES[format], "ground_truth": "So."}
    assert expected == {name: row[name] for name in expected}
    first = out.read_text().splitlines()[0]
    names = list(json.loads(first)) if ending == "jsonl" else first.split(",")
    assert list(row) == names
    assert (format == "pandas") == ("total_tokens" in row)
