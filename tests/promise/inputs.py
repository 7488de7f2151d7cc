"""More of what can happen in the small world: what other people and programs put into histories.

Users with names, answers of other models, answers rebuilt from their texts and calls, results that
come twice or are corrected, and a service that has forgotten what it knew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from azure_agents.completions.input import to_messages
from azure_agents.messages import ApprovalReply, Message, Text, assistant, tool, user
from azure_agents.threads.anchor import parse_anchor

from .world import TEXTS, Step, World

NAMES = ("Sam", "Ada", "Sam Ada")
# Contents of other models' answers: the text is history, the rest is theirs.
FOREIGN: tuple[Any, ...] = (
    "from another model",
    [{"type": "executable_code", "code": "1 + 1"}, {"type": "text", "text": "two"}],
    [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "ok"}],
    [{"text": "without a type"}],
    [{"type": "reasoning", "summary": []}],
)
RESULTS: tuple[Any, ...] = (
    "plain",
    [{"type": "json", "json": {"a": [1, None]}}],
    [{"type": "search_result", "source": "https://a.example", "title": "A", "content": []}],
    [{"type": "text", "text": "in a block"}],
    None,
)


def _read(**message: Any) -> Message:
    """A message as a door reads it."""
    return to_messages([message])[0]


async def _named(world: World, step: Step) -> None:
    """A user with a name."""
    name, text = NAMES[step.a % len(NAMES)], TEXTS[step.b % len(TEXTS)]
    chat = world.chat(step)
    chat.append(_read(role="user", name=name, content=text))
    await world.say(chat, step)


async def _rename(world: World, step: Step) -> None:
    """The same words were somebody else's: it is another history."""
    chat = world.chat(step)
    for index, message in enumerate(chat):
        name, colon, rest = message.text.partition(": ")
        if message.role == "user" and colon and name in NAMES:
            chat[index] = replace(message, parts=(Text(f"Eve: {rest}"),))
    await _named(world, step)


async def _fall_back(world: World, step: Step) -> None:
    """Another model takes a turn, and then the agent is asked again."""
    chat = world.chat(step)
    if chat and chat[-1].tool_calls:
        return
    chat += [user(TEXTS[step.a % len(TEXTS)]), _foreign(step)]
    await _named(world, step)


async def _fall_back_with_tools(world: World, step: Step) -> None:
    """The other model calls functions; what its last results say is the agent's to answer."""
    chat = world.chat(step)
    if chat and chat[-1].tool_calls:
        return
    ids = [f"call_{world.number()}" for _ in range(1 + step.a % 2)]
    calls = [{"id": id, "function": {"name": "look_up", "arguments": "{}"}} for id in ids]
    content = FOREIGN[step.b % len(FOREIGN)]
    chat += [user("look"), _read(role="assistant", content=content, tool_calls=calls)]
    result = RESULTS[step.b % len(RESULTS)]
    chat += [_read(role="tool", tool_call_id=id, content=result) for id in ids]
    await world.say(chat, step)


def _foreign(step: Step) -> Message:
    return _read(role="assistant", content=FOREIGN[step.b % len(FOREIGN)])


async def _rebuild(world: World, step: Step) -> None:
    """A program keeps the text and the calls of the last answer only, and answers those."""
    chat = world.chat(step)
    if not chat or chat[-1].role != "assistant":
        return
    chat[-1] = assistant(chat[-1].text, *chat[-1].tool_calls)
    results = [tool(call.id, f"result of {call.id}") for call in chat[-1].tool_calls]
    chat += results or [user(TEXTS[step.b % len(TEXTS)])]
    await world.say(chat, step)


async def _results_twice(world: World, step: Step) -> None:
    """Results that were replaced before anybody was told them."""
    chat = world.chat(step)
    if chat and (calls := chat[-1].tool_calls):
        chat += [tool(call.id, "too early") for call in calls]
        chat += [tool(call.id, f"better result of {call.id}") for call in calls[step.a % 2 :]]
        await world.say(chat, step)


async def _second_result(world: World, step: Step) -> None:
    """A result for a call whose result was told long ago."""
    chat = world.chat(step)
    results = [m for m in chat if m.role == "tool"]
    if results and chat[-1].role == "assistant" and not chat[-1].tool_calls:
        chosen = results[step.b % len(results)]
        chat += [tool(chosen.tool_call_id or "", "once more"), user("and now?")]
        await world.say(chat, step)


async def _correct(world: World, step: Step) -> None:
    """Back to the results of a round: others this time, or the same once more."""
    chat = world.chat(step)
    ends = [
        i + 1
        for i, message in enumerate(chat)
        if message.role == "tool" and (i + 1 == len(chat) or chat[i + 1].role == "assistant")
    ]
    if ends:
        del chat[ends[step.b % len(ends)] :]
        if step.a % 3:
            chat[-1] = replace(chat[-1], parts=(Text(f"corrected {step.a % 3}"),))
        await world.say(chat, step)


def decision(asked: Sequence[Any], step: Step) -> Message:
    """Yes or no to all that was asked."""
    return Message("user", tuple(ApprovalReply(ask.id, approve=step.b % 2 == 0) for ask in asked))


async def _decide_anew(world: World, step: Step) -> None:
    """Back to an answer that asked: another decision this time, or the same once more."""
    chat = world.chat(step)
    asking = [at for at, message in enumerate(chat) if message.asks]
    if asking:
        at = asking[step.a % len(asking)]
        chat[at + 1 :] = [decision(chat[at].asks, step)]
        await world.say(chat, Step("continue", step.a, 0))


async def _forget(world: World, step: Step) -> None:
    """The service has forgotten a response, conversation or thread of this history."""
    chat = world.chat(step)
    anchors = [parse_anchor(message.anchor) for message in chat if message.anchor]
    threads = [anchor.thread for anchor in anchors if anchor]
    if threads:
        with suppress(LookupError):  # it was deleted, or forgotten before
            world.foundry.forget(threads[step.b % len(threads)])
    if chat and chat[-1].tool_calls:
        chat += [tool(call.id, f"result of {call.id}") for call in chat[-1].tool_calls]
    else:
        chat.append(user(TEXTS[step.b % len(TEXTS)]))
    await world.say(chat, step)


INPUTS: dict[str, Callable[[World, Step], Any]] = {
    "named": _named,
    "rename": _rename,
    "fall back": _fall_back,
    "forget": _forget,
}
TOOL_INPUTS: dict[str, Callable[[World, Step], Any]] = {
    "fall back with tools": _fall_back_with_tools,
    "rebuild": _rebuild,
    "results twice": _results_twice,
    "second result": _second_result,
    "correct": _correct,
    "decide anew": _decide_anew,
}
