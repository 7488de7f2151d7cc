"""The one promise, tried on random scripts: what the agent sees is what the call says.

Whatever the caller does - continue, edit, branch, go back, regenerate, batch, share, strip the
metadata, change the system message, restart, work from two processes, cancel, lose answers - the
transcript of every turn equals the messages of its call.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..covering import scaled
from .steps import STEPS, TOOL_STEPS, apply
from .world import Setting, Step, World

# 500 for each of the four points of the text grid make the 2,000 that CI must try.
EXAMPLES = int(os.environ.get("PROMISE_EXAMPLES", scaled(all=500, pairs=60, few=12)))
GRID = [
    Setting(generation, is_async) for generation in ("v2", "classic") for is_async in (False, True)
]


def scripts(names: list[str]) -> st.SearchStrategy[list[Step]]:
    """Scripts of a few steps."""
    number = st.integers(0, 200)
    return st.lists(st.builds(Step, st.sampled_from(names), number, number), max_size=9)


TEXT_SCRIPTS = scripts([name for name in STEPS if name not in TOOL_STEPS])
TOOL_SCRIPTS = scripts(["continue", *STEPS])


async def play(setting: Setting, script: list[Step], seed: int) -> World:
    """Play a script in a new world; every call in it is checked."""
    world = World(setting, seed)
    for step in script:
        await apply(world, step)
    return world


def trying(examples: int) -> settings:
    """So many examples, however long one takes."""
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )


def try_scripts(setting: Setting, scripts: st.SearchStrategy[list[Step]], examples: int) -> None:
    """Play random scripts."""

    @trying(examples)
    @given(script=scripts, seed=st.integers(0, 9))
    def try_script(script: list[Step], seed: int) -> None:
        asyncio.run(play(setting, script, seed))

    try_script()


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.parametrize("setting", GRID, ids=str)
def test_the_agent_sees_exactly_the_messages_of_the_call(setting: Setting) -> None:
    """No script makes the agent see anything but the messages of the call."""
    try_scripts(setting, TEXT_SCRIPTS, EXAMPLES)


TOOL_GRID = [replace(setting, has_tools=True) for setting in GRID]
POLICY_GRID = [
    *(replace(s, threads="conversation") for s in TOOL_GRID if s.generation == "v2"),
    *(replace(s, threads="ephemeral") for s in TOOL_GRID),
    *(replace(s, owner="ada") for s in TOOL_GRID),
]


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.parametrize("setting", TOOL_GRID, ids=str)
def test_tool_rounds_keep_the_promise(setting: Setting) -> None:
    """Calls answered at once, in parts, late, never or after other words change nothing."""
    try_scripts(setting, TOOL_SCRIPTS, EXAMPLES)


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.parametrize("setting", POLICY_GRID, ids=str)
def test_every_policy_keeps_the_promise(setting: Setting) -> None:
    """Durable conversations, threads that are deleted, and histories found by their owner."""
    try_scripts(setting, TOOL_SCRIPTS, EXAMPLES // 2)


ANSWER_TO_A_DECISION_EDITED = [
    Step("continue", 0, 0),
    Step("continue", 0, 34),
    Step("decide anew", 0, 0),
    Step("edit answer", 0, 200),
]


@pytest.mark.parametrize("setting", [*TOOL_GRID, *POLICY_GRID], ids=str)
def test_an_edited_answer_to_a_decision_keeps_the_request(setting: Setting) -> None:
    """The agent has the whole request, on its thread or in a record, when the decision is told."""
    world = asyncio.run(play(setting, ANSWER_TO_A_DECISION_EDITED, seed=0))
    assert 4 == world.calls
    assert "approval decided" in "".join(m.text for m in world.foundry.seen[-1].messages)


FORGOTTEN_AND_THE_REFUSAL_CUT = [
    Step("continue", 1, 0),
    Step("forget", 1, 1),
    Step("fault", 1, 8),  # the answer ends before its first byte
]


@pytest.mark.parametrize("setting", [*TOOL_GRID, *POLICY_GRID], ids=str)
def test_a_refusal_that_lost_its_reason_loses_no_turn(setting: Setting) -> None:
    """What the service forgot is told anew, though the answer that says so is empty."""
    for seed in range(3):
        world = asyncio.run(play(setting, FORGOTTEN_AND_THE_REFUSAL_CUT, seed))
        assert 2 <= world.calls
