"""The service's refusals, each in its envelope."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator, Rules, ToolCalls

from .rule_cases import CASES, TOOL, V2


@pytest.fixture(scope="module")
def project(make_wire: Any) -> Any:
    """A project with something in every state that a case needs, and the ids of it."""
    foundry = Emulator(seed=5, rules=Rules(polls_until_noticed=100, most_messages=3))
    calls = ToolCalls(("f", {}, "call_1"), ("f", {}, "call_2"))
    foundry.create_agent("my-agent")
    foundry.create_agent("caller", calls, tools=[TOOL])
    foundry.create_agent("hosted", definition={"kind": "hosted"})
    foundry.create_agent("painter", tools=[{"type": "image_generation"}])
    asst = foundry.create_agent("classic", generation="classic")
    caller = foundry.create_agent("classic-caller", calls, generation="classic")
    wire = make_wire(foundry)
    ids = {"asst": asst.id}
    for thread, started, agent in (("thread", "done", asst), ("paused", "pause", caller)):
        ids[thread] = wire.start_thread("hi")
        ids[started] = wire.post(f"/threads/{ids[thread]}/runs", {"assistant_id": agent.id})["id"]
        wire.finish(ids[thread], ids[started])
    ids["busy"] = wire.start_thread("hi")
    working = wire.open(f"/threads/{ids['busy']}/runs", {"assistant_id": asst.id})
    ids["run"] = wire.get(f"/threads/{ids['busy']}/runs")["data"][0]["id"]
    ids["resp"] = wire.respond("my-agent", "hi")["id"]
    ids["call"] = wire.respond("caller", "hi")["id"]
    for name in ("conv", "locked"):
        ids[name] = wire.post("/openai/v1/conversations")["id"]
    answering = wire.open(V2, wire.turn("my-agent", "hi", conversation=ids["locked"]))
    yield wire, ids
    working.close()
    answering.close()


def fill(value: Any, ids: dict[str, str]) -> Any:
    """Put ids where a case names them."""
    if isinstance(value, str):
        for name, id in ids.items():
            value = value.replace("{" + name + "}", id)
        return value
    if isinstance(value, list):
        return [fill(one, ids) for one in value]
    if isinstance(value, dict):
        return {key: fill(one, ids) for key, one in value.items()}
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}-{case.method}-{case.path}")
def test_wrong_requests_are_refused_as_by_the_service(project: Any, case: Any) -> None:
    """Status, message, code and param are the service's."""
    wire, ids = project
    request = wire.build(case.method, fill(case.path, ids), fill(case.body, ids), **case.query)
    answer = wire.http.send(request)
    assert answer.status_code == case.status, answer.text
    error = answer.json()["error"]
    assert {key: error[key] for key in case.error} == fill(case.error, ids)


def test_bodies_that_are_not_json_are_refused(wire: Any) -> None:
    """The envelope is the Foundry layer's."""
    request = wire.build("POST", V2)
    headers = {**request.headers, "content-type": "application/json", "content-length": "9"}
    answer = wire.http.post(V2, content=b"{not json", headers=headers)
    assert 400 == answer.status_code
    assert "invalid_payload" == answer.json()["error"]["code"]
