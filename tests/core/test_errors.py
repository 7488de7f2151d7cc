"""The error tree: every class carries facts, prints them, and survives copies and pickles."""

from __future__ import annotations

import copy
import pickle
from itertools import chain
from typing import Any

import pytest

from azure_agents import errors
from azure_agents.errors import FACTS, AzureAgentsError, RateLimitError, TurnError

FULL: dict[str, Any] = {
    "status": 429,
    "code": "rate_limit_exceeded",
    "param": "input",
    "request_id": "ab12",
    "retry_after": 1.5,
    "content_filter": {"violence": {"filtered": True, "severity": "medium"}},
    "agent": "my-agent:1",
    "model": "azure/my-deployment",
    "thread_id": "thread_1",
    "run_id": "run_1",
    "response_id": "resp_1",
    "partial_text": "Hel",
}


def tree(cls: type[AzureAgentsError]) -> list[type[AzureAgentsError]]:
    """A class of `errors` and all its subclasses there."""
    below = (tree(sub) for sub in cls.__subclasses__() if sub.__module__ == errors.__name__)
    return [cls, *chain.from_iterable(below)]


CLASSES = tree(AzureAgentsError)


def test_the_tree_is_the_documented_one() -> None:
    """The drawing at the top of the module names every class, below the right one."""
    drawn: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip("│├└─ ").partition(" ")[0]
        if name.endswith("Error"):
            drawn.append((line.index(name) // 4, name))
    parents = {}
    path: dict[int, str] = {}
    for depth, name in drawn:
        path[depth] = name
        parents[name] = path.get(depth - 1)
    assert parents == {
        cls.__name__: cls.__base__.__name__ if cls is not AzureAgentsError else None
        for cls in CLASSES
        if cls.__base__ is not None
    }


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
@pytest.mark.parametrize("facts", [{}, FULL], ids=["bare", "with all facts"])
def test_errors_survive_pickles_and_copies(
    cls: type[AzureAgentsError], facts: dict[str, Any]
) -> None:
    """Workers and frameworks copy errors: class, message and facts stay."""
    error = cls("went wrong", **facts)
    copies = [
        pickle.loads(pickle.dumps(error)),  # noqa: S301 - our own bytes
        copy.copy(error),
        copy.deepcopy(error),
        type(error)(error.message, **error.facts),
    ]
    assert [(cls, "went wrong", facts, str(error))] * 4 == [
        (type(c), c.message, c.facts, str(c)) for c in copies
    ]


def test_facts_are_all_there_is() -> None:
    """Every documented fact is an attribute, and nothing else is a fact."""
    assert (tuple(FULL), FULL) == (FACTS, RateLimitError("x", **FULL).facts)


SENTENCES = [
    pytest.param({}, "went wrong", id="no facts"),
    pytest.param({"status": 429}, "went wrong (status=429)", id="one"),
    pytest.param(
        {"request_id": "ab12", "status": 500}, "went wrong (status=500, request_id=ab12)", id="two"
    ),
    pytest.param({"partial_text": "secret"}, "went wrong", id="never what was said"),
    pytest.param({"content_filter": {}}, "went wrong", id="its message names the filters"),
    pytest.param({"retry_after": 0.0}, "went wrong (retry_after=0.0)", id="zero is a fact"),
]


@pytest.mark.parametrize(("facts", "text"), SENTENCES)
def test_an_error_prints_its_facts(facts: dict[str, Any], text: str) -> None:
    """The message comes first, then the known facts; never the answer's text."""
    assert text == str(TurnError("went wrong", **facts))


def test_later_facts_only_fill_gaps() -> None:
    """What the service said is not overwritten by what the client knows."""
    error = RateLimitError("x", thread_id="thread_1")
    error.add_facts(thread_id="thread_2", run_id="run_2", agent=None)
    assert {"thread_id": "thread_1", "run_id": "run_2"} == error.facts


def test_abandoned_is_no_error() -> None:
    """The signal of a caller who left is not caught by those who handle errors."""
    assert (False, True) == (
        issubclass(errors.Abandoned, Exception),
        issubclass(errors.Abandoned, BaseException),
    )


def test_an_id_that_looks_a_little_like_a_token_is_shown() -> None:
    """A JWT begins with ``eyJ`` exactly; made ids hold those letters in other cases by chance."""
    id = "vs_oU6S72geYjsbNzkRHbmcgJCl"
    assert id in str(errors.NotFoundError(f"vector store {id!r} is unknown"))
    assert "[hidden]" in str(errors.NotFoundError(f"token {'eyJ'}hbGciOiJ.x.y"))
