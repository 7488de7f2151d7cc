"""Replies as plain data: in YAML files that are read again when they change, and over HTTP."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from azure_agents.emulator import (
    AgentsFile,
    Emulator,
    Failed,
    FileSearch,
    Incomplete,
    McpCall,
    Pause,
    Text,
    ToolCalls,
    read_rules,
    read_script,
)
from azure_agents.emulator.agent.replies import parts_of
from azure_agents.errors import ConfigError

FORMS: list[tuple[Any, list[Any]]] = [
    ("hello", [Text("hello")]),
    ({"say": "hello"}, [Text("hello")]),
    ({"call": "f"}, [ToolCalls(("f", {}))]),
    ({"call": {"f": {"a": 1}, "g": None}}, [ToolCalls(("f", {"a": 1}), ("g", {}))]),
    (
        {"call": [{"name": "f", "arguments": {"a": 1}, "id": "call_1"}]},
        [ToolCalls(("f", {"a": 1}, "call_1"))],
    ),
    ({"fail": "server_error"}, [Failed("server_error")]),
    ({"fail": {"code": "x", "message": "y"}}, [Failed("x", "y")]),
    ({"incomplete": "content_filter", "text": "Once"}, [Incomplete("content_filter", "Once")]),
    ({"wait": 2}, [Pause(2.0)]),
    ({"search_files": "x"}, [FileSearch(("x",))]),
    ({"mcp_call": {"server_label": "s", "name": "n"}}, [McpCall("s", "n")]),
    ([[{"wait": 1}, "late"]], [Pause(1.0), Text("late")]),
]


@pytest.mark.parametrize(("given", "expected"), FORMS)
def test_plain_data_become_parts(given: Any, expected: list[Any]) -> None:
    """A text, one thing to do, or in a list several of them in one answer."""
    script: Any = read_script(given)
    assert expected == list(parts_of(script))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sing": "la"}, "use a text or a mapping with one of ask_agent, call, computer"),
        ({"sya": "la"}, "not a reply: {'sya': 'la'} .did you mean 'say'?"),
        ({"say": "a", "call": "b"}, "`say` and `call` in one reply; write a list of replies"),
        ({"mcp_call": {"nam": "x"}}, "`mcp_call` has no argument 'nam' .did you mean 'name'?"),
        (
            {"mcp_approval": {"server": "x"}},
            "no argument 'server' .did you mean 'server_label'[?].; it takes server_label, name",
        ),
        ({"mcp_approval": {"server_label": "x"}}, "`mcp_approval` needs 'name'; it takes"),
        ({"consent": {"lnk": "x"}}, "`consent` has no argument 'lnk' .did you mean 'link'?"),
        ({"consent": 7}, "`consent`: 'link' should be a valid string, got 7"),
        ({"say": 42}, "`say`: 'text' should be a valid string, got 42"),
        ({"say": "x", "citation": []}, "'citation' .did you mean 'citations'?"),
        (
            {"say": "x", "citations": [{"kind": "url"}]},
            "`citations` needs 'start'",
        ),
        ({"wait": "long"}, "`wait`: 'seconds' should be a valid number, .*, got 'long'"),
        ({"incomplete": "tired"}, "`incomplete`: 'reason' should be 'max_output_tokens' or"),
        ({"use_tool": "oracle"}, "`use_tool`: 'tool' should be 'azure_ai_search'"),
        ({"call": [{"nam": "f"}]}, "`call` has no argument 'nam'"),
        ({"run_code": {"code": "1"}, "logs": "1"}, "`run_code` has a mapping of arguments"),
        ({"items": {"type": "x"}}, "`items` has no argument 'type'"),
        ([], "the list of replies is empty"),
        (7, "not a reply: 7"),
    ],
)
def test_wrong_replies_are_errors(given: Any, sentence: str) -> None:
    """The sentence shows what was given, and what would be right."""
    with pytest.raises(ConfigError, match=sentence):
        read_script(given)


RULES = [
    {"when": r"weather in (?P<city>\w+)", "call": {"get_weather": {"city": "{city}"}}},
    {"after": "get_weather", "say": "Outside: {tool}"},
    {"when": r"repeat (\w+) (\w+)", "say": "{2} {1}, you said: {user}"},
    {"turn": 3, "say": "That is the third time."},
    {"when": "both", "reply": [{"say": "one "}, {"say": "two"}]},
]


def test_the_first_rule_that_fits_answers(foundry: Emulator, wire: Any) -> None:
    """By the user's words, the tool that answered, or the turn; else the built-in responder."""
    agent = foundry.create_agent("a", read_rules(RULES))
    asked = wire.respond(agent, "what's the weather in Paris?")
    call = asked["output"][0]
    assert '{"city":"Paris"}' == call["arguments"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
    answer = wire.respond(agent, [output], previous_response_id=asked["id"])
    again = wire.respond(agent, "repeat a b", previous_response_id=answer["id"])
    wire.respond(agent, "anything", previous_response_id=again["id"])
    wire.respond(agent, "both")
    wire.respond(agent, "hello")
    assert [
        "Outside: rain",
        "b a, you said: repeat a b",
        "That is the third time.",
        "one two",
        "You said: hello (turn 1)",
    ] == [turn.reply.text for turn in foundry.seen[1:] if turn.reply]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("x", "replies are a list of rules, got 'x'"),
        ([{"when": "(", "say": "x"}], "`when` is no pattern"),
        ([{"when": "x"}], "not a reply"),
        ([{"turn": "x", "say": "y"}], "`turn` is a number, got 'x'"),
    ],
)
def test_wrong_rules_are_errors_when_they_are_read(given: Any, sentence: str) -> None:
    """At once, and not in the middle of a turn."""
    with pytest.raises(ConfigError, match=sentence):
        read_rules(given)


class Editor:
    """A YAML file that somebody edits."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._time = 1_000_000_000

    def write(self, text: str) -> None:
        """Save; time stamps differ even where the clock is coarse."""
        self.path.write_text(f"agents:\n{text}")
        self._time += 1_000_000_000
        os.utime(self.path, ns=(self._time, self._time))


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """A file that is not there yet."""
    return Editor(tmp_path / "agents.yaml")


def test_a_changed_file_changes_its_agents(foundry: Emulator, wire: Any, editor: Editor) -> None:
    """The script from the next turn on; anything else makes a version, or updates in place."""
    editor.write("- {name: a, reply: old}\n- {name: c, generation: classic, reply: old}\n")
    _, classic = foundry.load(editor.path)

    def texts() -> list[str]:
        wire.respond("a", "hi")
        wire.stream(f"/threads/{wire.start_thread('hi')}/runs", {"assistant_id": classic.id})
        return [turn.reply.text for turn in foundry.seen[-2:] if turn.reply]

    assert ["old", "old"] == texts()
    editor.write("- {name: a, reply: new}\n- {name: c, generation: classic, reply: new}\n")
    assert ["new", "new"] == texts()
    assert [agent.id for agent in foundry.agents] == ["a:1", classic.id]
    editor.write(
        "- {name: a, reply: new, instructions: Be kind.}\n"
        "- {name: c, generation: classic, instructions: Be kind., reply: newer}\n"
        "- {name: b}\n"
    )
    assert ["new", "newer"] == texts()
    assert [agent.id for agent in foundry.agents] == ["a:2", "b:1", classic.id]
    assert ["Be kind.", "Be kind."] == [turn.instructions for turn in foundry.seen[-2:]]


def test_a_broken_file_changes_nothing(
    foundry: Emulator, wire: Any, editor: Editor, caplog: pytest.LogCaptureFixture
) -> None:
    """It is reported once, and read again when it is right."""
    editor.write("- {name: a, reply: old}\n")
    foundry.load(editor.path)
    editor.write("- {name: a, reply: [}\n")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            wire.respond("a", "hi")
    assert ["WARNING"] == [record.levelname for record in caplog.records]
    editor.path.unlink()
    wire.respond("a", "hi")
    editor.write("- {name: a, reply: new}\n")
    wire.respond("a", "hi")
    assert [turn.reply.text for turn in foundry.seen if turn.reply] == ["old"] * 3 + ["new"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- {reply: x}\n", r"agents.yaml:2: an agent: needs a name, got .'reply': 'x'."),
        (
            "- {name: a, replay: x}\n",
            "has no field 'replay' .did you mean 'reply'[?].; use one of name",
        ),
        ("- {name: a, tools: f}\n", "'tools' is a list, got 'f'"),
        (
            "- name: a\n  replies:\n    - say: x\n    - wehn: x\n      say: y\n",
            r"agents.yaml:5: agent 'a': `say` has no argument 'wehn' .did you mean 'when'?",
        ),
        (
            "- name: a\n  reply:\n    - one\n    - reply\n    - {consent: {lnk: x}}\n",
            r"agents.yaml:6: agent 'a': `consent` has no argument 'lnk'",
        ),
        ("- {name: a, generation: v3}\n", "generation is 'v2' or 'classic'"),
        ("- {name: a, reply: {sing: la}}\n", "agents.yaml:2: agent 'a': not a reply"),
        ("- {name: a, reply: x, replies: []}\n", "has both `reply` and `replies`"),
        ("- {name: a, files: [none.md]}\n", "no file fits 'none.md'"),
        ("- [\n", "is not YAML"),
    ],
)
def test_wrong_files_are_errors(
    foundry: Emulator, editor: Editor, text: str, sentence: str
) -> None:
    """With the file, the agent, and what would be right."""
    editor.write(text)
    with pytest.raises(ConfigError, match=sentence):
        foundry.load(editor.path)


@pytest.mark.parametrize("generation", ["v2", "classic"])
def test_files_of_an_agent_are_searched(
    foundry: Emulator, wire: Any, editor: Editor, generation: str
) -> None:
    """Paths beside the YAML file become a vector store of the agent."""
    (editor.path.parent / "handbook.md").write_text("# Leave\nYou have 30 days of leave a year.")
    editor.write(f"- {{name: a, generation: {generation}, files: ['*.md']}}\n")
    (agent,) = foundry.load(editor.path)
    if generation == "v2":
        wire.respond(agent, "How many days of leave do I have?")
    else:
        thread = wire.start_thread("How many days of leave do I have?")
        wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    reply = foundry.seen[-1].reply
    assert reply is not None
    assert reply.text.startswith("You have 30 days of leave a year.")


def test_a_file_is_a_list_of_arguments(editor: Editor) -> None:
    """Of `create_agent`, for programs that create the agents themselves."""
    editor.write("- {name: a}\n- {name: b, reply: x}\n")
    agents = AgentsFile(editor.path)
    assert (len(agents), agents[1]) == (2, {"name": "b", "reply": Text("x")})
