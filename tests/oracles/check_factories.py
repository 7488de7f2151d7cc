"""The factories' own tests, and LangChain's standard suites for what they build.

Unlike the other checks this one runs in an environment that holds this project, too: the SDKs are
what differs. Each test is a line of the report; one that is left out says why.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/langchain/test_factories.py",
    "tests/langchain/test_factory_reports.py",
    "tests/langchain/test_factory_suites.py",
    "tests/llamaindex/test_claude_in_foundry.py",
    "tests/llamaindex/test_factories.py",
)


class Report:
    """Keeps what becomes of each test."""

    def __init__(self) -> None:
        self.lines: list[dict[str, str]] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep its call, or the phase that kept it from being called."""
        if report.when != "call" and report.passed:
            return
        error = report.longreprtext if report.failed else ""
        reason = str(report.longrepr[2]) if report.skipped else ""
        self.lines.append({"check": report.nodeid, "error": error, "skipped": reason})


if __name__ == "__main__":
    os.chdir(ROOT)
    os.environ["PRODUCTS"] = "all"
    seen = Report()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *TESTS], plugins=[seen])
    for line in seen.lines:
        print(json.dumps(line))  # noqa: T201
    sys.exit(code)
