"""What holds for every test: no settings of the machine, no hurry, slow ones first."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .security.canary import _canaries, pytest_runtest_makereport  # noqa: F401 - hooks

if TYPE_CHECKING:
    from collections.abc import Iterator

# Pytest explains the assertions of the oracle; it must hear of that before anybody imports it.
pytest.register_assert_rewrite("tests.promise.world", "tests.promise.steps")

# A developer's own endpoint, key or tracing must never decide a test, nor be reached by one.
FOREIGN_SETTINGS = ("AZURE_", "FOUNDRY_", "OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_")

# Two cores shared by two workers say nothing about the speed of one example.
settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN_SETTINGS)]:
            patch.delenv(name)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start slow tests first, so that parallel workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
