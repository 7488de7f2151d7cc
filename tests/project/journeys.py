"""Three turns, run on the emulator and traced: which functions they pass, in which order.

`docs/architecture.md` draws them; a test holds every station of a drawing against the trace.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from llama_index.core.llms import ChatMessage

from azure_agents.emulator import Emulator, Fault
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

from .house import ADAPTERS, CORE, ROOT


class Step(NamedTuple):
    """One call of a function of ours."""

    path: str  # below the core, or below the repository for an adapter
    function: str  # "AgentClient.complete"


@cache
def passed(journey: Callable[[], Callable[[], object]]) -> list[Step]:
    """Every step of a journey, in order; a generator that goes on counts again.

    Args:
        journey: Prepares a turn and returns it. The turn runs once before it is traced, so that
            imports and first connections are not part of it.
    """
    journey()()
    turn = journey()
    with _traced() as steps:
        turn()
    return steps


@contextmanager
def _traced() -> Iterator[list[Step]]:
    steps: list[Step] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        step = _step(frame) if event == "call" else None
        if step is not None:
            steps.append(step)

    gc.collect()
    gc.disable()  # what others left behind would be tidied up in the middle of the journey
    sys.setprofile(profile)
    try:
        yield steps
    finally:
        sys.setprofile(None)
        gc.enable()


def _step(frame: FrameType) -> Step | None:
    """The step of a frame; None for code of others, the emulator's, and parts of functions."""
    path, name = Path(frame.f_code.co_filename), frame.f_code.co_qualname
    ours = path.is_relative_to(CORE) and not path.is_relative_to(CORE / "emulator")
    if name.endswith(">") or not (ours or any(path.is_relative_to(ROOT / a) for a in ADAPTERS)):
        return None
    return Step(str(path.relative_to(CORE if ours else ROOT)), name.replace(".<locals>", ""))


# --- the journeys -------------------------------------------------------------------------------


def continued(generation: str = "v2") -> Callable[[], object]:
    """LangChain's `invoke` with a history that the service already holds, but for one message."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent", generation=generation)
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    history: list[BaseMessage] = [HumanMessage("My name is Ada.")]
    history += [llm.invoke(history), HumanMessage("What is my name?")]
    return lambda: _expect("Your name is Ada.", llm.invoke(history))


def continued_classic() -> Callable[[], object]:
    """The same with a classic agent."""
    return continued("classic")


def recovered() -> Callable[[], object]:
    """LangChain's `stream`, whose connection is lost in the middle of the answer."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent", reply="One, two, three, four, five, six.")
    llm = ChatAzureAgent(model=agent.model, **foundry.connection())
    llm.invoke("Hello")

    def turn() -> object:
        foundry.faults.add(Fault("cut", path="/responses$", after_events=7))
        chunks = list(llm.stream("Count."))
        return _expect("One, two, three, four, five, six.", "".join(c.text for c in chunks))

    return turn


def forked() -> Callable[[], object]:
    """LlamaIndex's `chat` with a classic history whose thread another branch went on with."""
    foundry = Emulator()
    agent = foundry.create_agent("my-agent", generation="classic")
    llm = AzureAgentLLM(model=agent.model, **foundry.connection())
    history = [ChatMessage("My name is Ada.")]
    history.append(llm.chat(history).message)
    llm.chat([*history, ChatMessage("This branch takes the head.")])
    asked = [*history, ChatMessage("What is my name?")]
    return lambda: _expect("Your name is Ada.", llm.chat(asked).message.content)


def _expect(text: str, answer: object) -> object:
    said = answer.text if isinstance(answer, AIMessage) else answer
    if said != text:
        raise AssertionError(f"expected {text!r}, got {said!r}")
    return answer


JOURNEYS: dict[str, Callable[[], Callable[[], object]]] = {
    "continued": continued,
    "continued_classic": continued_classic,
    "recovered": recovered,
    "forked": forked,
}


def files_of(journey: Callable[[], Callable[[], object]]) -> list[str]:
    """Every file that a journey passes, in the order of the names."""
    return sorted({step.path for step in passed(journey)})


if __name__ == "__main__":
    for name, journey in JOURNEYS.items():
        sys.stdout.write(f"files that `{name}` passes: {', '.join(files_of(journey))}\n")
