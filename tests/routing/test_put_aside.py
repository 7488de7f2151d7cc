"""No caller puts a deployment aside for the others: by names, by ids, by texts that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Fault
from azure_agents.errors import (
    AgentNotFoundError,
    AuthenticationError,
    AzureAgentsError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    ThreadNotFoundError,
)
from azure_agents.routing import health as healths
from azure_agents.routing.health import judge

from .fleet import WAYS, Fleet, ask, text_of

# (name and model of the entry, what is asked)
IMPOSSIBLE: dict[str, tuple[str, str, str]] = {
    "a path": ("azure/*", "azure/*", "azure/../x"),
    "nothing behind": ("azure/*", "azure/*", "azure/"),
    "the star itself": ("azure/*", "azure/*", "azure/*"),
    "a control character": ("azure/*", "azure/*", "azure/a\0"),
    "another provider": ("*", "azure/*", "openai/gpt-4o"),
    "too long": ("gpt-*", "azure/gpt-*", "gpt-" + "x" * 300),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_can_be_no_model_is_unknown(fleet: Fleet, case: str) -> None:
    """Nothing is asked; no entry is called wrong for it."""
    star, model, asked = IMPOSSIBLE[case]
    router = fleet.router(fleet["one"].entry(model, name=star))
    with pytest.raises(InvalidRequestError) as caught:
        ask(router, model=asked)
    assert ("model_not_found", []) == (caught.value.code, list(fleet["one"].requests))


def test_the_id_of_a_wildcard_is_no_model(fleet: Fleet) -> None:
    """It stands for any, so for none."""
    entry = {**fleet["one"].entry("azure/*", name="azure/*"), "model_info": {"id": "any"}}
    with pytest.raises(InvalidRequestError, match="'any'"):
        ask(fleet.router(entry), model="any")


TROUBLE = [429, 500, 401, 403, 404]


@pytest.mark.parametrize("status", TROUBLE)
def test_behind_a_wildcard_each_model_has_its_own_health(fleet: Fleet, status: int) -> None:
    """What one model answers keeps nobody from another; a new name is as fresh as any."""
    one, spare = fleet["one"], fleet["spare"]
    one.deploy("other", "from the other")
    wild = {"name": "azure/*"}
    router = fleet.router(
        one.entry("azure/*", order=1, **wild), spare.entry("azure/*", order=2, **wild)
    )
    one.faults.add(Fault("status_before", status=status, headers={"retry-after-ms": "30000"}))
    assert "from spare" == text_of(ask(router, model="azure/dep"))
    assert "from spare" == text_of(ask(router, model="azure/dep"))
    assert "from the other" == text_of(ask(router, model="azure/other"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_request_says_nothing_of_a_deployment_that_answers(
    fleet: Fleet, way: str, status: int
) -> None:
    """A firewall may dislike one text; after a minute without an answer it is put aside."""
    first, spare = fleet["first"], fleet["spare"]
    router = fleet.router(first.entry(order=1), spare.entry(order=2))

    def refused() -> str:
        first.faults.add(Fault("status_before", status=status))
        return text_of(ask(router, way))

    assert "from first" == text_of(ask(router, way))
    assert "from spare" == refused()
    assert "from first" == text_of(ask(router, way))
    fleet.clock.sleep(61)
    assert "from spare" == refused()
    assert "from spare" == text_of(ask(router, way))


def test_a_key_that_ended_puts_aside_at_once(fleet: Fleet) -> None:
    """No request of a caller's makes a 401."""
    first, spare = fleet["first"], fleet["spare"]
    router = fleet.router(first.entry(order=1), spare.entry(order=2))
    ask(router)
    first.faults.add(Fault("status_before", status=401))
    assert ["from spare"] * 2 == [text_of(ask(router)) for _ in range(2)]


ABOUT: dict[str, tuple[AzureAgentsError, str]] = {
    "files": (NotFoundError("chat: Files [file-x] were not found", status=404), "wrong"),
    "a file": (NotFoundError("chat: No file found with id 'file-x'", status=404), "wrong"),
    "a store": (NotFoundError("chat: Vector store vs_1 does not exist", status=404), "wrong"),
    "an item": (NotFoundError("chat: Item with id 'rs_1' not found.", status=404), "wrong"),
    "a thread": (ThreadNotFoundError("chat: no such thing", status=404), "wrong"),
    "a deployment": (AgentNotFoundError("chat: file x does not exist", status=404), "broken"),
    "a model": (
        NotFoundError("The model 'file-x' does not exist", code="model_not_found"),
        "broken",
    ),
    "a resource": (NotFoundError("chat: Resource not found", status=404), "broken"),
    "a role": (PermissionDeniedError("chat: file not found", status=403), "broken"),
    "a key": (AuthenticationError("chat: no", status=401), "broken"),
    "a fault": (ServerError("chat: no", status=500), "failed"),
}


@pytest.mark.parametrize("case", ABOUT)
def test_an_id_of_the_callers_is_the_callers_fault(case: str) -> None:
    """Whatever kind of thing it names."""
    error, kind = ABOUT[case]
    assert kind == judge(error)


def test_names_that_callers_think_of_are_not_kept(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of them pushes out what was of no use; who must still wait, waits."""
    monkeypatch.setattr(healths, "_MOST", 5)
    router = fleet.router(fleet["one"].entry("azure/*", name="azure/*"))
    fleet["one"].faults.add(
        Fault("status_before", status=429, headers={"retry-after-ms": "600000"})
    )
    with pytest.raises(RateLimitError):
        ask(router, model="azure/dep")
    for number in range(20):
        fleet.clock.sleep(25)
        with pytest.raises(NotFoundError):
            ask(router, model=f"azure/name-{number}")
    health: Any = router._engine.desk.health
    assert len(health._of) <= 5
    with pytest.raises(RateLimitError):
        ask(router, model="azure/dep")
