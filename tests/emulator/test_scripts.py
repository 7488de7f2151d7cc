"""The answers of agents: by the built-in responder, and by scripts of every form."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator, FakeClock, Parts, Pause, Text, ToolCalls

TALK = [
    ("hello", "You said: hello (turn 1)"),
    ("What's my name?", "You have not told me your name yet."),
    ("My name is Ann", "Nice to meet you, Ann. (turn 3)"),
    ("what is my name?", "Your name is Ann."),
]


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_the_built_in_responder_remembers(foundry: Emulator, wire: Any, generation: Any) -> None:
    """It echoes, counts turns and knows names, the same in both generations."""
    agent = foundry.create_agent("a", generation=generation)
    previous: dict[str, str] = {}
    thread = wire.start_thread()
    for text, expected in TALK:
        if generation == "v2":
            previous = {"previous_response_id": wire.respond(agent, text, **previous)["id"]}
        else:
            message = [{"role": "user", "content": text}]
            body = {"assistant_id": agent.id, "additional_messages": message}
            wire.stream(f"/threads/{thread}/runs", body)
        reply = foundry.seen[-1].reply
        assert reply is not None
        assert reply.text == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("yes", ["yes", "yes", "yes"]),
        (["one", "two"], ["one", "two", "two"]),
        (iter(["one", "two"]), ["one", "two", "two"]),
        (lambda turn: turn.last_user_text.upper(), ["HI", "HI", "HI"]),
        ([["a", "b"], Parts("c", Text("d")), Text(deltas=("e", "f"))], ["ab", "cd", "ef"]),
        ([[Pause(1), "late"]], ["late"] * 3),
    ],
)
def test_a_script_may_be_a_text_part_list_or_function(
    foundry: Emulator, wire: Any, script: Any, expected: list[str]
) -> None:
    """The last reply of a list repeats."""
    agent = foundry.create_agent("a", script)
    for _ in range(3):
        wire.respond(agent, "hi")
    assert [turn.reply.text for turn in foundry.seen if turn.reply] == expected


def test_a_new_script_counts_from_the_next_turn(foundry: Emulator, wire: Any) -> None:
    """`CreatedAgent.script` replaces the old one."""
    agent = foundry.create_agent("a", "old")
    agent.script("new")
    wire.respond(agent, "hi")
    assert "new" == foundry.seen[-1].reply.text  # type: ignore[union-attr]


def test_wrong_scripts_are_errors() -> None:
    """The messages say what would be right."""
    with pytest.raises(ValueError, match="the list of replies is empty"):
        Emulator().create_agent("a", [])
    with pytest.raises(ValueError, match="deltas join to 'ab', which is not the text 'x'"):
        Text("x", deltas=("a", "b"))
    with pytest.raises(ValueError, match="time moves forward only"):
        FakeClock().advance(-1)


def test_arguments_that_are_strings_are_sent_as_they_are(foundry: Emulator, wire: Any) -> None:
    """Also if they are no JSON; mappings are encoded."""
    agent = foundry.create_agent("a", ToolCalls(("f", "{broken"), ("g", {"a": 1}, "call_x")))
    calls = wire.respond(agent, "hi")["output"]
    assert ["{broken", '{"a":1}'] == [call["arguments"] for call in calls]
    assert "call_x" == calls[1]["call_id"]


def test_created_agents_know_id_and_version(foundry: Emulator) -> None:
    """Versions count up; the model string is what clients pass."""
    first, second = (foundry.create_agent("my-agent") for _ in range(2))
    classic = foundry.create_agent("old-agent", generation="classic")
    assert ["my-agent:1", "my-agent:2", "2"] == [str(first), second.model, second.version]
    assert classic.model == classic.id
    assert classic.id.startswith("asst_")
    assert [agent.id for agent in foundry.agents] == ["my-agent:2", classic.id]
    assert {
        "endpoint",
        "credential",
        "transport",
        "async_transport",
        "clock",
    } == set(foundry.connection())
