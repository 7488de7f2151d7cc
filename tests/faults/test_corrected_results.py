"""Results given anew: an answer that is followed is the one to *these* results.

A caller goes back to a call for a tool and answers it otherwise - an edit, a regeneration, time
travel - while a request goes wrong once. Whoever looks afterwards sees a run that took results, and
must not think that it took ours.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from azure_agents.emulator import Fault, McpApproval, McpCall, Parts, Text, ToolCalls
from azure_agents.errors import AzureAgentsError, TurnUnknownError
from azure_agents.events import ApprovalRequest
from azure_agents.fold import Completion
from azure_agents.messages import ApprovalReply, Message, TurnRequest, assistant, tool, user
from azure_agents.threads.memory import MemoryThreadStore

from .conversation import Conversation, Shape

CALLS = (("weather", {"n": 1}, "call_1"), ("weather", {"n": 2}, "call_2"))
FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "503 before": {"kind": "status_before", "status": 503},
    "503 before, twice": {"kind": "status_before", "status": 503, "times": 2},
    "reset": {"kind": "reset_before"},
    "lost": {"kind": "lost"},
    "503 after": {"kind": "status_after", "status": 503},
    "refused": {"kind": "refuse"},
    "429": {"kind": "status_before", "status": 429},
}
WAYS = ((False, True), (False, False), (True, True), (True, False))
SUBMIT = r"/submit_tool_outputs$"


def forecast(turn: Any) -> Any:
    """Asks its tool, then says what the results were and how often it was asked."""
    results = [m.text for m in turn.messages if m.role == "tool" or "[tool result" in m.text]
    if turn.messages[-1].text == "so?":
        return "so it goes"
    if results:
        sky = "+".join(word for word in ("rain", "sun", "snow") if word in " ".join(results))
        return Text(f"it is {sky}")
    return ToolCalls(*CALLS)


class Play:
    """A client of an agent, and how it is asked."""

    def __init__(self, replies: Any, way: tuple[bool, bool] = WAYS[0]) -> None:
        self.is_async, is_streamed = way
        shape = Shape("classic", is_async=self.is_async, is_streamed=is_streamed)
        self._play = Conversation(shape)
        self.foundry = self._play.foundry
        self._play.agent.script(replies)
        self.connect(MemoryThreadStore())

    def connect(self, store: Any, **more: Any) -> None:
        """New clients on a store."""
        self._play.sync, self._play.aio = self._play.connect(store, **more)

    def ask(self, *messages: Message, thread_id: str | None = None) -> Completion:
        """One call."""
        request = TurnRequest(messages, thread_id=thread_id)
        return asyncio.run(self._play.send(request))

    def fail(self, *messages: Message, thread_id: str | None = None) -> AzureAgentsError:
        """One call that fails."""
        with pytest.raises(AzureAgentsError) as caught:
            self.ask(*messages, thread_id=thread_id)
        return caught.value

    def hit(self, name: str, path: str = SUBMIT, **more: Any) -> None:
        """Let the next submission meet a fault."""
        if name != "none":
            fault: dict[str, Any] = {"method": "POST", "path": path, **FAULTS[name], **more}
            self.foundry.faults.add(Fault(**fault))

    @property
    def submitted(self) -> list[Any]:
        """The bodies that submissions brought."""
        return [r.body for r in self.foundry.requests if r.path.endswith("/submit_tool_outputs")]


def answered(completion: Completion) -> Message:
    """The answer as a caller keeps it."""
    return assistant(completion.text, *completion.tool_calls, anchor=completion.finished.anchor)


def results(*texts: str) -> list[Message]:
    """The results of the calls."""
    return [tool(call[2], text) for call, text in zip(CALLS, texts, strict=False)]


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("store", ["same", "another"])
@pytest.mark.parametrize("lies_between", [False, True])
@pytest.mark.parametrize("given", [("sun", "sun"), ("rain", "snow"), ("snow",)])
def test_corrected_results_are_answered(
    way: tuple[bool, bool], store: str, lies_between: bool, given: tuple[str, ...]
) -> None:
    """Other results, or fewer, get an answer of their own under every fault of one request."""
    for fault in FAULTS:
        play = Play(forecast, way)
        asked = [user("how is it?"), answered(play.ask(user("how is it?")))]
        first = play.ask(*asked, *results("rain", "rain"))
        assert "it is rain" == first.text
        if lies_between:
            play.ask(*asked, *results("rain", "rain"), answered(first), user("so?"))
        if store == "another":
            play.connect(MemoryThreadStore())
        play.hit(fault)
        again = play.ask(*asked, *results(*given))
        assert f"it is {'+'.join(s for s in ('rain', 'sun', 'snow') if s in given)}" == again.text
        assert first.finished.run_id != again.finished.run_id
        seen = play.foundry.seen_by(again.finished.run_id or "")
        assert not any("rain" in m.text for m in seen.messages) or "rain" in given
        assert [] == play.foundry.active_runs


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("lies_between", [False, True])
def test_the_same_results_again_get_a_new_answer(
    way: tuple[bool, bool], lies_between: bool
) -> None:
    """An answer made anew is one, whatever one request meets."""
    for fault in FAULTS:
        play = Play(forecast, way)
        asked = [user("how is it?"), answered(play.ask(user("how is it?")))]
        asked += results("rain", "rain")
        first = play.ask(*asked)
        if lies_between:
            play.ask(*asked, answered(first), user("so?"))
        play.hit(fault)
        again = play.ask(*asked)
        assert first.text == again.text
        assert first.finished.run_id != again.finished.run_id
        assert 1 == len(play.submitted)
        assert [] == play.foundry.active_runs


def test_equal_results_count_as_ours_where_no_store_knows_better() -> None:
    """A process whose store knows nothing of the run sees its own results on it."""
    play = Play(forecast)
    asked = [user("how is it?"), answered(play.ask(user("how is it?"))), *results("rain", "rain")]
    first = play.ask(*asked)
    play.connect(MemoryThreadStore())
    play.hit("lost")
    assert first.finished.run_id == play.ask(*asked).finished.run_id


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_run_whose_taker_was_killed_is_stopped(way: tuple[bool, bool]) -> None:
    """The next turn forks at once, and lets no run wait that nobody answers."""
    play = Play(forecast, way)
    store = MemoryThreadStore()
    play.connect(store)
    paused = play.ask(user("how is it?"))
    store.put(next(key for key in store._entries if key.startswith("pause:")), "taken:by the dead")
    told = play.ask(user("how is it?"), answered(paused), *results("rain", "rain"))
    assert "it is rain" == told.text
    assert paused.finished.run_id != told.finished.run_id
    assert [] == play.foundry.active_runs


# --- decisions ---


def careful(turn: Any) -> Any:
    """Deletes after it was allowed to."""
    said = turn.messages[-1].text
    if said == "approved":
        return Parts(McpCall("files", "delete", "{}", "gone"), "deleted")
    return "left" if "denied" in said else McpApproval("files", "delete", "{}")


NOT_SENT = ("none", "refused", "429")
APPLIED = ("lost", "503 after")


def decision(completion: Completion, *, approve: bool) -> Message:
    """The decision on all requests of an answer."""
    asked = [block.id for block in completion.blocks if isinstance(block, ApprovalRequest)]
    return Message("user", tuple(ApprovalReply(id, approve) for id in asked))


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("is_pinned", [False, True])
@pytest.mark.parametrize("approve", [True, False])
@pytest.mark.parametrize("store", ["same", "another"])
def test_a_decision_is_followed_or_unknown_and_an_approval_is_sent_once(
    way: tuple[bool, bool], is_pinned: bool, approve: bool, store: str
) -> None:
    """It is sent again only where it provably was not applied, or changes nothing: a denial."""
    for fault in FAULTS:
        play = Play(careful, way)
        asked = play.ask(user("delete it"))
        history = [user("delete it"), answered(asked), decision(asked, approve=approve)]
        pin = asked.finished.thread_id if is_pinned else None
        if store == "another":
            play.connect(MemoryThreadStore())
        play.hit(fault)
        left = []
        is_known = fault in NOT_SENT or (fault in APPLIED and store == "same")
        if is_known or (not approve and fault not in APPLIED):
            told = play.ask(*history, thread_id=pin)
            assert ("deleted" if approve else "left") == told.text
            assert asked.finished.run_id == told.finished.run_id
        else:
            error = play.fail(*history, thread_id=pin)
            known = (asked.finished.thread_id, asked.finished.run_id)
            assert (TurnUnknownError, *known) == (type(error), error.thread_id, error.run_id)
            # Nobody can say whose it is: it is named, not stopped.
            left = [error.run_id] if fault in APPLIED else []
        assert set(left) >= set(play.foundry.active_runs)
        if approve and fault not in NOT_SENT:
            assert 1 == len(play.submitted)


@pytest.mark.parametrize(("looks", "path"), [(5, "/runs/[^/]+$"), (5, "/messages$")])
def test_an_approved_run_is_followed_although_looks_fail(looks: int, path: str) -> None:
    """Reading is harmless: it is tried until the time is over."""
    play = Play(careful)
    asked = play.ask(user("delete it"))
    play.hit("lost")
    play.foundry.faults.add(Fault("status_before", status=502, path=path, times=looks))
    told = play.ask(user("delete it"), answered(asked), decision(asked, approve=True))
    assert ("deleted", 1) == (told.text, len(play.submitted))


@pytest.mark.parametrize("again", [True, False])
def test_a_decision_that_is_given_anew_is_told_to_a_new_run(again: bool) -> None:
    """Going back to the request makes a branch, whatever one request meets: nothing is followed."""
    for fault in FAULTS:
        play = Play(careful)
        asked = play.ask(user("delete it"))
        history = [user("delete it"), answered(asked)]
        first = play.ask(*history, decision(asked, approve=True))
        play.hit(fault)
        second = play.ask(*history, decision(asked, approve=again))
        assert first.finished.run_id != second.finished.run_id
        assert 1 == len(play.submitted)


def test_a_decision_on_some_requests_only_leaves_no_run_behind() -> None:
    """The run wants all of them at once: it is stopped, and what was decided is told."""
    both = Parts(McpApproval("files", "delete", "{}"), McpApproval("files", "move", "{}"))
    play = Play([both, "as you say"])
    asked = play.ask(user("delete and move"))
    some = decision(asked, approve=True).parts[:1]
    play.ask(user("delete and move"), answered(asked), Message("user", some))
    assert [] == play.foundry.active_runs
