"""The judge: what the caller was told against what the server knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from azure_agents.emulator import Fault, SeenCall, SeenMessage, SeenReply, SeenTurn

from .faults import Row
from .verdicts import Facts, Log, Told, judge

BEFORE = (("user", "one?"), ("assistant", "one."))
HISTORY = (*BEFORE, ("user", "two?"))
ANSWER = ("assistant", "two, whole.")


def turn(*said: tuple[str, str], answer: str = ANSWER[1], calls: Any = ()) -> SeenTurn:
    """A turn that the agent saw."""
    messages = tuple(SeenMessage(role, text) for role, text in said or HISTORY)
    return SeenTurn("classic", "a", None, messages, run_id="run_1", reply=SeenReply(answer, calls))


GOOD = Facts(
    question="two?",
    history=HISTORY,
    turns=((turn(), "completed"),),
    logs=(Log("thread_1", (*HISTORY, ANSWER)),),
    running=(),
    was_hit=True,
)
TOLD = Told(text="two, whole.", done="complete")
ROW = Row(title="a fault", fault=Fault("lost"))
CALLS = (SeenCall("call_1", "look_up", "{}"),)
WAITING = ((turn(answer="", calls=CALLS), "requires_action"),)


def changed(**facts: Any) -> Facts:
    """The same, but for what is named."""
    return replace(GOOD, **facts)


CASES: dict[str, tuple[Told, Facts, list[str]]] = {
    "all is well": (TOLD, GOOD, ["right"]),
    "an exception": (Told(error="ServerError: 500"), GOOD, ["told"]),
    "a status": (Told(done="run failed"), GOOD, ["told"]),
    "a stumble": (Told(error="X: 'NoneType' object has no attribute 'get'"), GOOD, ["UNCLEAR"]),
    "the fault met no request": (TOLD, changed(was_hit=False), ["-"]),
    "no such feature": (Told(missing="none"), GOOD, ["n/a"]),
    "nothing came back": (Told(hangs=True), GOOD, ["HANGS"]),
    "a cut answer as a whole one": (replace(TOLD, text="two,"), GOOD, ["SILENT"]),
    "a cut answer, no end": (Told(text="two,"), GOOD, ["UNSAID"]),
    "a failed run as a whole answer": (TOLD, changed(turns=((turn(), "failed"),)), ["SILENT"]),
    "no answer as a whole one": (Told(done="complete"), changed(turns=()), ["SILENT"]),
    "an older answer as the new one": (
        replace(TOLD, text="one."),
        changed(turns=((turn(("user", "one?"), answer="one."), "completed"), *GOOD.turns)),
        ["SILENT"],
    ),
    "the call is told": (
        Told(done="complete", calls=("look_up",)),
        changed(turns=WAITING, running=("run_1",)),
        ["right"],
    ),
    "the call is not told": (
        Told(done="complete"),
        changed(turns=WAITING, running=("run_1",)),
        ["SILENT", "LEFT RUNNING"],
    ),
    "an error, and the run goes on": (
        Told(error="Timeout: 60 s"),
        changed(running=("run_1",)),
        ["told", "LEFT RUNNING"],
    ),
    "the question stands twice": (
        TOLD,
        changed(logs=(Log("thread_1", (*HISTORY, ("user", "two?"), ANSWER)),)),
        ["DOUBLED"],
    ),
    "the answer stands twice": (
        TOLD,
        changed(logs=(Log("conv_1", (*HISTORY, ANSWER, ANSWER)),)),
        ["DOUBLED"],
    ),
    "once on each of two threads": (TOLD, changed(logs=(*GOOD.logs, *GOOD.logs)), ["right"]),
    "the agent read the question twice": (
        TOLD,
        changed(turns=((turn(*HISTORY, ("user", "two?")), "completed"),)),
        ["DOUBLED"],
    ),
    "the history is lost": (
        TOLD,
        changed(turns=((turn(("user", "two?")), "completed"),)),
        ["LOST"],
    ),
    "something else is in it": (
        TOLD,
        changed(turns=((turn(*BEFORE, ("user", "never said"), HISTORY[-1]), "completed"),)),
        ["MIXED"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_verdict(name: str) -> None:
    """Each word, and when it is not said."""
    told, facts, expected = CASES[name]
    verdict = judge(ROW, told, facts, keeps_history=True)
    assert expected == verdict.words
    assert verdict.is_harmless == (expected[-1] in {"right", "told", "-", "n/a"})


def test_a_history_that_a_client_never_keeps_is_not_held_against_it_everywhere() -> None:
    """Only the question must have reached the agent."""
    facts = changed(turns=((turn(("user", "two?")), "completed"),))
    assert ["right"] == judge(ROW, TOLD, facts, keeps_history=False).words


@pytest.mark.parametrize(("seconds", "expected"), [(1.4, ["right"]), (5.0, ["LATE"])])
def test_a_timeout_that_was_not_kept(seconds: float, expected: list[str]) -> None:
    """An answer long after the caller's timeout."""
    row = Row(title="slow", timeout=1.0)
    told = replace(TOLD, seconds=seconds)
    assert expected == judge(row, told, GOOD, keeps_history=True).words


@pytest.mark.parametrize(("running", "expected"), [((), "right"), (("run_1",), "LEFT RUNNING")])
def test_a_caller_who_leaves(running: tuple[str, ...], expected: str) -> None:
    """There is no answer to judge, only what goes on."""
    row = Row(title="leaves", act="leave")
    facts = changed(running=running, turns=())
    assert [expected] == judge(row, Told(), facts, keeps_history=True).words
