"""The worked table in the theory of operation of `plan` is planned, row by row."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from azure_agents.messages import Message, ToolCall, assistant, tool, user
from azure_agents.threads import plan
from azure_agents.threads.anchor import Anchor, scope_of
from azure_agents.threads.digest import digest_of

COLUMNS = ["messages", "candidates", "on a chain", "on a thread"]
SCOPE = scope_of("https://r.services.ai.azure.com/api/projects/p", "my-agent:1")
WAYS = {"chain": "resp_", "thread": "conv_"}


def table() -> list[list[str]]:
    """Read the rows of the table: its lines are indented, its columns two spaces apart."""
    lines = inspect.getsource(plan).splitlines()
    rows = [re.split(r"\s{2,}", line[2:].strip()) for line in lines if line.startswith("#     ")]
    assert COLUMNS == rows[0]
    return rows[2:]


ROWS = table()


def history(words: str, prefix: str) -> list[Message]:
    """Read messages; an anchor holds the digest of the history before it was edited."""
    messages: list[Message] = []
    original: list[Message] = []
    for word in re.sub(r" \(.*", "", words).split():
        name = word.partition("*")[0]
        if name == "r":
            message = tool("c", "r")
        elif name.startswith("a"):
            calls = (ToolCall("c", "f", "{}"),) if "(c)" in word else ()
            message = assistant(name, *calls)
        else:
            message = user(name)
        original.append(user(name.lower()) if name.startswith("U") else message)
        if "*" in word:
            anchor = Anchor(SCOPE, digest_of(original), f"{prefix}{name}", f"head_{name}")
            message = replace(message, anchor=anchor.encode())
        messages.append(message)
    return messages


def described(made: plan.Plan, messages: list[Message], way: str) -> str:
    """Put a plan into the words of the table."""
    sent = made.whole if made.anchor is None else made.suffix
    names = " ".join(message.text for message in sent)
    if made.anchor is not None:
        return f"{made.anchor.thread.partition('_')[2]}, sends {names}"
    if way == "thread":
        return "fork"
    everything = " ".join(message.text for message in messages)
    return "sends all" if everything == names else f"sends {names}"


def planned(messages: list[Message], way: str) -> plan.Plan:
    """Plan a turn of a chain or a thread."""
    if way == "chain":
        return plan.plan_chain(messages, SCOPE)
    return plan.plan_thread(messages, SCOPE, prefix="conv_", with_system=True)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_table_of_the_planner_is_true(row: list[str]) -> None:
    """Each history gives the plans that its row says."""
    words, _, *expected = row
    for way, wanted in zip(WAYS, expected, strict=True):
        messages = history(words, WAYS[way])
        made = planned(messages, way)
        if wanted.endswith(" (1)"):  # the head that it claims is another one by now
            assert made.anchor is not None
            assert "head_a1" == made.anchor.head
            assert wanted.removesuffix(" (1)") == described(made, messages, way)
        elif wanted == "sends all but c":
            assert (None, ["u1", "a1", "u2"]) == (made.anchor, [m.text for m in made.whole])
            assert [] == [call for message in made.whole for call in message.tool_calls]
        else:
            assert wanted == described(made, messages, way)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_candidates_of_the_table_are_true(row: list[str]) -> None:
    """Each history has the candidates that its row says, newest first."""
    words, named, *_ = row
    messages = history(words, "resp_")
    found, _ = plan._candidates(messages, SCOPE, None, plan.RESPONSE_PREFIXES, with_system=True)
    names = [one.anchor.thread.partition("_")[2] for one in found]
    assert named.partition(", not ready")[0] == (", ".join(names) or "none")
