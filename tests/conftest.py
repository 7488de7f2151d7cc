"""What holds for every test: no settings of the machine, no hurry, not more rows than needed."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .covering import chosen, scaled
from .security.canary import _canaries, pytest_runtest_makereport  # noqa: F401 - hooks

if TYPE_CHECKING:
    from collections.abc import Iterator

# Pytest explains the assertions of the oracle; it must hear of that before anybody imports it.
pytest.register_assert_rewrite("tests.promise.world", "tests.promise.steps")

# Importing the frameworks and collecting makes much and no garbage.
gc.disable()

# A developer's own endpoint, key or tracing must never decide a test, nor be reached by one.
FOREIGN_SETTINGS = ("AZURE_", "FOUNDRY_", "OPENAI_", "ANTHROPIC_", "LANGCHAIN_", "LANGSMITH_")

# Two cores shared by two workers say nothing about the speed of one example.
settings.register_profile(
    "project", deadline=None, print_blob=True, max_examples=scaled(all=100, pairs=40, few=15)
)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FOREIGN_SETTINGS)]:
            patch.delenv(name)
        yield


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core: about half of what the tests take is waiting for real time."""
    return 2 * len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4


@pytest.hookimpl(trylast=True)  # behind `-k` and `-m`: what they leave is what is covered
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run a covering array of each test's parameters; start slow tests first.

    Parallel workers end together if what takes long is not left to the end.
    """
    kept = _kept(items)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = sorted(
        (item for item in items if item in kept),
        key=lambda item: item.get_closest_marker("slow") is None,
    )


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of every later search for garbage."""
    gc.freeze()
    gc.enable()


def _kept(items: list[pytest.Item]) -> set[pytest.Item]:
    tests: dict[str, list[pytest.Item]] = {}
    for item in items:
        tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return {rows[place] for rows in tests.values() for place in chosen(map(_row, rows))}


def _row(item: pytest.Item) -> tuple[str, ...]:
    """The ids of its parameters, one of each `parametrize` and each parametrized fixture."""
    spec = getattr(item, "callspec", None)
    return tuple(map(str, spec._idlist)) if spec else ()
