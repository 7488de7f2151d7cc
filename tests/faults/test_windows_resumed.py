"""Windows 4 and 8 in the background: responses that are taken up again, by whomever."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import ConnectionLostError
from azure_agents.events import Started, TextDelta
from azure_agents.fold import fold
from azure_agents.messages import TurnRequest, user

from .test_recovery import TALE, talk

ABOUT = r"/responses/[^/]+$"


def begun(foundry: Emulator, client: AgentClient) -> str:
    """The id of a background response whose client died."""
    events = client.stream(TurnRequest((user("a"),), options={"background": True}))
    flow = events.gi_frame.f_locals["flow"]
    first = next(events)
    assert isinstance(first, Started)
    flow.close()  # nobody tidies up
    events.close()
    return first.response_id or ""


@pytest.mark.parametrize("cut", range(1, 14))
def test_a_response_that_is_taken_up_again_says_nothing_twice(cut: int) -> None:
    """Its stream may be cut, once or for good: the rest comes from where it stopped."""
    for times in (1, 3):  # as often as the stream is asked for
        foundry, client = talk("v2", TALE)
        id = begun(foundry, client)
        foundry.faults.add(Fault("cut", path=ABOUT, after_events=cut, times=times, when=is_empty))
        foundry.clock.advance(30.0)
        assert TALE.text == fold(client.resume(id)).text


def is_empty(body: Any) -> bool:
    """A request that only asks."""
    return not body


@pytest.mark.parametrize("times", [0, 1, 9])
@pytest.mark.parametrize("cut", [0, 1, 3, 9])
def test_the_rest_of_a_response_is_what_comes_behind_the_event_named(times: int, cut: int) -> None:
    """Whatever repeats the whole answer (its last event, the stored one) is told by its rest."""
    foundry, client = talk("v2", TALE)
    id = begun(foundry, client)
    foundry.clock.advance(30.0)
    told = [event.text for event in client.resume(id) if isinstance(event, TextDelta)]
    rests = []
    for seen in range(16):
        if times:
            fault = Fault("cut", path=ABOUT, after_events=cut, times=times, when=is_empty)
            foundry.faults.add(fault)
        try:
            rests.append(fold(client.resume(id, starting_after=seen)).text)
        except ConnectionLostError as error:
            rests.append(error.response_id or "")
        foundry.faults.clear()
    allowed = {"".join(told[index:]) for index in range(len(told) + 1)}
    if times == 9:  # nobody knows how far the caller was: better an error than a text told twice
        allowed |= {id}
    assert set(rests) <= allowed
    if times != 9:
        assert sorted(rests, key=len, reverse=True) == rests
        assert (TALE.text, "") == (rests[0], rests[-1])


def test_a_background_answer_that_was_lost_is_found_and_followed() -> None:
    """It is listed by its agent and carries the operation's key: nothing is generated twice."""
    foundry, client = talk("v2", [TALE, "another"])
    foundry.faults.add(Fault("lost", method="POST"))
    request = TurnRequest((user("a"),), options={"background": True})
    assert TALE.text == fold(client.stream(request)).text
    assert 1 == len(foundry._world.responses)


def test_a_background_response_that_cannot_be_read_for_a_moment_is_followed() -> None:
    """It goes on by itself, so it is read as soon as it can be, and not asked for again."""
    foundry, client = talk("v2", "two")
    foundry.rules.polls_until_noticed = 9
    foundry.faults.add(Fault("cut", method="POST", after_events=2))
    foundry.faults.add(Fault("status_before", status=503, method="GET", times=4))
    request = TurnRequest((user("a"),), options={"background": True})
    assert "two" == fold(client.stream(request)).text
    statuses = [response.status for response in foundry._world.responses.values()]
    assert ["completed"] == statuses
