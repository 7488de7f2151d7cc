"""What a turn derives from its settings: the routes of its requests, above all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from azure_agents.messages import TurnRequest, user
from azure_agents.protocols.commands import Route
from azure_agents.protocols.memo import Memo
from azure_agents.protocols.turn import Turn
from azure_agents.settings.config import resolve_settings

PROJECT = "https://x.services.ai.azure.com/api/projects/p"
OWN = f"{PROJECT}/agents/a/endpoint/protocols/openai"
SOURCE = Path(__file__).parents[2] / "shared" / "azure_agents"

ROUTES: list[Any] = [
    pytest.param(
        ("asst_1", PROJECT, "/threads", ("limit", "2")),
        Route("/threads", (("api-version", "2030-01-01"), ("limit", "2"))),
        id="classic",
    ),
    pytest.param(
        ("a", PROJECT, "/responses", ("limit", "2")),
        Route("/openai/v1/responses", (("limit", "2"),)),
        id="v2",
    ),
    pytest.param(
        ("a", PROJECT, "/agents/a"), Route("/agents/a", (("api-version", "v1"),)), id="v2 agents"
    ),
    pytest.param(
        ("a", OWN, "/responses"),
        Route("/agents/a/endpoint/protocols/openai/responses", (("api-version", "2030-01-01"),)),
        id="an agent's own endpoint",
    ),
]


def turn(model: str, endpoint: str) -> Turn:
    """A turn with an API version of its own."""
    settings = resolve_settings(model=model, endpoint=endpoint, api_version="2030-01-01", env={})
    return Turn(
        settings, TurnRequest((user("hi"),)), "op", wants_deltas=True, memo=Memo(lambda: 0.0)
    )


@pytest.mark.parametrize(("asked", "expected"), ROUTES)
def test_route_adds_the_root_and_version_of_the_api(asked: Any, expected: Route) -> None:
    """Each API has its root and its version; only the classic one and own endpoints take ours."""
    model, endpoint, path, *query = asked
    assert expected == turn(model, endpoint).route(path, *query)


def test_only_route_knows_roots_and_versions() -> None:
    """No flow of an agent writes the version or the root of its API by itself."""
    written = re.compile(r'"api-version"|f?"/openai/v1')
    sources = [path for room in ("protocols", "files") for path in (SOURCE / room).rglob("*.py")]
    found = [path.name for path in sources if written.search(path.read_text())]
    assert ["turn.py"] == found


def test_derived_values_are_computed_once() -> None:
    """Digests and joined messages of a turn are the same objects at every use."""
    one = turn("a", PROJECT)
    names = ("messages", "retry_policy", "project_key", "scope")
    assert [id(getattr(one, name)) for name in names] == [id(getattr(one, name)) for name in names]
