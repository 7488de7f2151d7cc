"""What can happen in the small world: the steps that scripts are made of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from dataclasses import replace
from typing import Any

from azure_agents.emulator import Fault
from azure_agents.errors import AzureAgentsError
from azure_agents.messages import Message, Text, tool, user

from .inputs import INPUTS, TOOL_INPUTS, decision
from .world import TEXTS, Step, World, answer


async def apply(world: World, step: Step) -> None:
    """Play one step."""
    await STEPS[step.name](world, step)


def _text(step: Step) -> Message:
    return user(TEXTS[step.b % len(TEXTS)])


async def _continue(world: World, step: Step) -> None:
    chat = world.chat(step)
    chat.append(_text(step))
    await world.say(chat, step)


async def _edit(world: World, step: Step) -> None:
    chat = world.chat(step)
    questions = [i for i, m in enumerate(chat) if m.role == "user"]
    if questions:
        index = questions[step.b % len(questions)]
        chat[index:] = [user("edited " + TEXTS[step.b % len(TEXTS)])]
        await world.say(chat, step)


async def _edit_answer(world: World, step: Step) -> None:
    chat = world.chat(step)
    answers = [i for i, m in enumerate(chat) if m.role == "assistant" and not m.tool_calls]
    if answers:
        index = answers[step.b % len(answers)]
        chat[index] = replace(chat[index], parts=(Text("the caller's own words"),))
        await _continue(world, step)


async def _branch(world: World, step: Step) -> None:
    chat = world.chat(step)
    world.chats.append(list(chat[: _cut(chat, step)]))
    await _continue(world, Step("continue", len(world.chats) - 1, step.b))


async def _travel(world: World, step: Step) -> None:
    chat = world.chat(step)
    del chat[_cut(chat, step) :]
    await _continue(world, step)


def _cut(chat: list[Message], step: Step) -> int:
    """A place right after an answer, and never between a call and its results."""
    places = [i + 1 for i, m in enumerate(chat) if m.role == "assistant" and not m.tool_calls]
    return places[step.b % len(places)] if places else 0


async def _regenerate(world: World, step: Step) -> None:
    chat = world.chat(step)
    if chat and chat[-1].role == "assistant":
        chat.pop()
        await world.say(chat, step)


async def _batch(world: World, step: Step) -> None:
    chat = world.chat(step)
    world._prepare(step)
    asked = [[*chat, user(TEXTS[(step.b + n) % len(TEXTS)])] for n in range(3)]
    if world.setting.is_async:
        done = await asyncio.gather(*(world.ask(messages, stream=True) for messages in asked))
    else:
        with ThreadPoolExecutor(3) as pool:
            done = list(pool.map(lambda m: asyncio.run(world.ask(m, stream=True)), asked))
    chat[:] = [*asked[step.b % 3], answer(done[step.b % 3])]


async def _twin(world: World, step: Step) -> None:
    """A second user types what the first one did."""
    copy: list[Message] = []
    for message in world.chat(step):
        if message.role == "user" and not message.is_approval:
            copy.append(message)
            await world.say(copy, step)
            if copy[-1].tool_calls:
                break
    world.chats.append(copy)


async def _strip(world: World, step: Step) -> None:
    chat = world.chat(step)
    keep = step.b % 3 == 0  # only some of them
    for index, message in enumerate(chat):
        if not (keep and index % 2):
            chat[index] = replace(message, anchor=None)
    await _continue(world, step)


async def _swap_anchors(world: World, step: Step) -> None:
    """Anchors of one conversation on the answers of another: a digest must catch it."""
    anchors = [m.anchor for m in world.chats[step.b % len(world.chats)] if m.anchor]
    chat = world.chat(step)
    for index, message in enumerate(chat):
        if message.role == "assistant" and anchors:
            chat[index] = replace(message, anchor=anchors[index % len(anchors)])
    await _continue(world, step)


async def _change_system(world: World, step: Step) -> None:
    world.system = (None, "be brief", "be kind")[step.b % 3]
    await _continue(world, step)


async def _restart(world: World, step: Step) -> None:
    world.restart()
    await _continue(world, step)


async def _other_process(world: World, step: Step) -> None:
    chat = world.chat(step)
    chat.append(_text(step))
    await world.say(chat, step, store=1)


async def _cancel(world: World, step: Step) -> None:
    """Read a few events and leave; the history stays as it was."""
    world._prepare(step)
    request = world._request([*world.chat(step), _text(step)])
    sync, aio = world._clients(world.stores[0])
    if world.setting.is_async:
        async with aclosing(aio.stream(request)) as events:
            for _ in range(step.b % 6):
                await anext(events, None)
    else:
        with closing(sync.stream(request)) as events:
            for _ in range(step.b % 6):
                next(events, None)


FAULTS: tuple[Callable[[int], Fault], ...] = (
    lambda _: Fault("lost", method="POST"),
    lambda _: Fault("timeout_after", method="POST"),
    lambda _: Fault("reset_before", method="POST"),
    lambda _: Fault("refuse", method="POST"),
    lambda _: Fault("status_before", method="POST", status=503),
    lambda _: Fault("status_after", method="POST", status=500),
    lambda _: Fault("status_before", method="POST", status=429),
    lambda b: Fault("cut", method="POST", after_events=b % 9),
    lambda b: Fault("cut", method="POST", after_events=b % 9, mode="eof"),
    lambda b: Fault("cut", method="POST", after_events=b % 9, finishes=False),
    lambda _: Fault("lost", method="POST", finishes=False),
)


async def _fault(world: World, step: Step) -> None:
    """A request goes wrong once. The call succeeds, or fails with a typed error; never half."""
    fault = FAULTS[step.b % len(FAULTS)](step.a)
    world.foundry.faults.add(fault)
    chat = world.chat(step)
    chat.append(_text(step))
    try:
        await world.say(chat, step)
    except AzureAgentsError:
        assert not fault.finishes, "only a turn that the service lost may fail"
        chat.pop()
    finally:
        world.foundry.faults.clear()


async def _answer_tools(world: World, step: Step) -> None:
    """Results for the open calls: all, some, in any order, or after another question."""
    chat = world.chat(step)
    if not chat or not chat[-1].tool_calls:
        return
    ids = [call.id for call in chat[-1].tool_calls]
    ids = ids[:: -1 if step.b % 2 else 1]
    if step.b % 7 == 1:
        ids = ids[1:]  # the rest is never answered, or late
    results = [tool(i, f"result of {i}", is_error=step.b % 5 == 2) for i in ids]
    if step.b % 7 == 2:
        chat.append(user("before the results"))
    chat.extend(results)
    if not results:
        chat.append(user("instead of results"))
    await world.say(chat, step)


async def _approve(world: World, step: Step) -> None:
    """Yes or no to the last answer's request, at once or after other words."""
    chat = world.chat(step)
    asked = chat[-1].asks if chat else ()
    if not asked:
        return
    if step.b % 5 == 1:
        chat.append(user("one moment"))
        await world.say(chat, Step("continue", step.a, 0))
    chat.append(decision(asked, step))
    await world.say(chat, Step("continue", step.a, 0))


async def _late_result(world: World, step: Step) -> None:
    """A result for an older call that was passed over."""
    chat = world.chat(step)
    answered = {m.tool_call_id for m in chat}
    open_calls = [c.id for m in chat[:-1] for c in m.tool_calls if c.id not in answered]
    if open_calls:
        call_id = open_calls[step.b % len(open_calls)]
        chat.append(tool(call_id, f"late result of {call_id}"))
        await world.say(chat, step)


STEPS: dict[str, Callable[[World, Step], Any]] = {
    "continue": _continue,
    "edit": _edit,
    "edit answer": _edit_answer,
    "branch": _branch,
    "travel": _travel,
    "regenerate": _regenerate,
    "batch": _batch,
    "twin": _twin,
    "strip": _strip,
    "swap anchors": _swap_anchors,
    "change system": _change_system,
    "restart": _restart,
    "other process": _other_process,
    "cancel": _cancel,
    "fault": _fault,
    **INPUTS,
}
TOOL_STEPS: dict[str, Callable[[World, Step], Any]] = {
    "answer tools": _answer_tools,
    "answer tools again": _answer_tools,
    "late result": _late_result,
    "approve": _approve,
    "approve again": _approve,
    **TOOL_INPUTS,
}
STEPS.update(TOOL_STEPS)
