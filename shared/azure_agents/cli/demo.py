"""The demonstration: `make demo`, `azure-agents demo`, `python -m azure_agents.cli.demo`.

One scenario, played through each framework with an agent of each generation: three streamed turns
that remember, then the same question over an edited history, then the first conversation again.
Without settings it runs on the built-in emulator; with a project endpoint and an agent in the
environment the same code talks to Azure. The cassettes record the same scenario.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from .._version import __version__
from ..drivers.observe import Observation, RequestStarted
from ..errors import AzureAgentsError, ConfigError
from ..naming import parse_agent
from ..settings.environment import ENV_AGENT, ENV_ENDPOINT, read_env

# Only the demo needs two agents at once, so this name is not one of the settings.
ENV_CLASSIC_AGENT = "AZURE_AI_CLASSIC_AGENT"
EMULATED_AGENT = "demo-agent"
TURNS = ("My name is Ada.", "I collect old maps.", "What is my name?")
EDITED = "My name is Grace."
AGAIN = "And what is my name now?"

_SECONDS_PER_WORD = 0.015  # the emulator would otherwise be too quick to be seen
_INDENT = " " * 10


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the scenario: its title, the question, and the history to be answered."""

    title: str
    asked: str
    history: list[Any]
    is_edited: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer; `message` is the framework's own object, to go into the history."""

    message: Any
    text: str
    thread_id: str
    tokens_in: int
    tokens_out: int


class Chat(Protocol):
    """A chat model of one framework, connected to one agent."""

    framework: str
    llm: Any

    def user(self, text: str) -> Any:
        """Make a user message of the framework."""

    def stream(self, history: list[Any]) -> Iterable[Any]:
        """Ask, and give the answer in chunks."""

    def text(self, chunk: Any) -> str:
        """Give the piece of text that a chunk adds."""

    def answer(self, chunks: list[Any]) -> Answer:
        """Make the whole answer of its chunks."""


class LangChainChat:
    """`ChatAzureAgent` as a `Chat`; `connection` holds its arguments besides the model."""

    framework = "LangChain"

    def __init__(self, model: str, connection: Mapping[str, Any]) -> None:
        from langchain_azure_agents import ChatAzureAgent

        self.llm: Any = ChatAzureAgent(model=model, **connection)

    def user(self, text: str) -> Any:
        """Make a `HumanMessage`."""
        from langchain_core.messages import HumanMessage

        return HumanMessage(text)

    def stream(self, history: list[Any]) -> Iterable[Any]:
        """Ask, and give chunks that can be added up."""
        chunks: Iterator[Any] = self.llm.stream(history)
        return chunks

    def text(self, chunk: Any) -> str:
        """Give the chunk's text."""
        return str(chunk.text)

    def answer(self, chunks: list[Any]) -> Answer:
        """Add up the chunks."""
        message = chunks[0]
        for chunk in chunks[1:]:
            message += chunk
        usage = message.usage_metadata
        return Answer(
            message,
            str(message.text),
            message.response_metadata["thread_id"],
            usage["input_tokens"],
            usage["output_tokens"],
        )


class LlamaIndexChat:
    """`AzureAgentLLM` as a `Chat`; `connection` holds its arguments besides the model."""

    framework = "LlamaIndex"

    def __init__(self, model: str, connection: Mapping[str, Any]) -> None:
        from llamaindex_azure_agents import AzureAgentLLM

        self.llm: Any = AzureAgentLLM(model=model, **connection)

    def user(self, text: str) -> Any:
        """Make a `ChatMessage`."""
        from llama_index.core.llms import ChatMessage

        return ChatMessage(text)

    def stream(self, history: list[Any]) -> Iterable[Any]:
        """Ask, and give chunks that each hold the whole answer so far."""
        chunks: Iterator[Any] = self.llm.stream_chat(history)
        return chunks

    def text(self, chunk: Any) -> str:
        """Give the text that the chunk adds."""
        return chunk.delta or ""

    def answer(self, chunks: list[Any]) -> Answer:
        """Read the last chunk, which holds the whole answer."""
        last = chunks[-1]
        usage = last.raw["usage"]
        return Answer(
            last.message,
            last.message.content or "",
            last.additional_kwargs["thread_id"],
            usage["input_tokens"],
            usage["output_tokens"],
        )


FRAMEWORKS: tuple[Callable[[str, Mapping[str, Any]], Chat], ...] = (LangChainChat, LlamaIndexChat)


def scenario(user: Callable[[str], Any]) -> Generator[Step, Any, None]:
    """Give the turns one by one; receives the message that answered each.

    A generator, so that the demonstration and the cassettes, sync and async, play the same turns.
    """
    history: list[Any] = []
    for number, text in enumerate(TURNS, 1):
        history.append(user(text))
        answer = yield Step(f"turn {number}", text, [*history])
        history.append(answer)
    edited = [user(EDITED), *history[1:-1]]
    title = f"the same question, but message 1 was edited to {EDITED!r}"
    yield Step(title, TURNS[-1], edited, is_edited=True)
    first = [*history, user(AGAIN)]
    yield Step("the first conversation goes on, untouched by the edit", AGAIN, first)


def play(chat: Chat, respond: Callable[[Step], Answer]) -> list[Answer]:
    """Play the scenario and give its answers."""
    turns, answers = scenario(chat.user), list[Answer]()
    step = next(turns)
    while True:
        answers.append(respond(step))
        try:
            step = turns.send(answers[-1].message)
        except StopIteration:
            return answers


# --- showing it -----------------------------------------------------------------------------------


class RequestLog:
    """An observer that keeps the requests of one turn; it works on Azure as on the emulator."""

    def __init__(self) -> None:
        self._requests: list[str] = []

    def record(self, event: Observation) -> None:
        """Keep the event if it is the start of a request."""
        if isinstance(event, RequestStarted):
            self._requests.append(f"{event.method} {event.path}")

    def take(self) -> list[str]:
        """Give the requests since the last call, and forget them."""
        taken, self._requests = self._requests, []
        return taken


class Stage:
    """Plays and prints the scenario: on the emulator, or in Azure if `foundry` is None."""

    def __init__(self, foundry: Any, models: list[str], connection: Mapping[str, Any]) -> None:
        self.models = models
        self._foundry = foundry
        self._connection = connection
        self._log = RequestLog()
        self._threads: list[str] = []

    def show(self, connect: Callable[[str, Mapping[str, Any]], Chat], model: str) -> None:
        """Play the scenario with one agent and print it."""
        chat = connect(model, {**self._connection, "observer": self._log})
        agent = parse_agent(model)
        print(f"\n===== {chat.framework} · {agent.generation} agent {model} =====")
        self._threads = []
        play(chat, lambda step: self._turn(chat, step))

    def _turn(self, chat: Chat, step: Step) -> Answer:
        print(f"\n  {step.title}")
        print(f"  you     {step.asked}\n  agent   ", end="", flush=True)
        chunks = []
        for chunk in chat.stream(step.history):
            chunks.append(chunk)
            print(chat.text(chunk), end="", flush=True)
        answer = chat.answer(chunks)
        requests = self._log.take()
        pieces = sum(bool(chat.text(chunk)) for chunk in chunks)
        print(f"\n{_INDENT}in {pieces} pieces; {answer.tokens_in} tokens in, ", end="")
        print(
            f"{answer.tokens_out} out; {_counted(len(requests), 'request')}: {', '.join(requests)}"
        )
        self._print_thread(answer.thread_id)
        self._print_transcript(step)
        return answer

    def _print_thread(self, thread: str) -> None:
        is_known = thread in self._threads
        self._threads.append(thread)
        # On a v2 chain every answer is a new handle, whatever it continues.
        is_chain = not thread.startswith(("thread_", "conv_"))
        note = "" if is_chain else " (the same)" if is_known else " (new)"
        print(f"{_INDENT}thread {thread}{note}")

    def _print_transcript(self, step: Step) -> None:
        if self._foundry is None:
            return
        seen = self._foundry.seen[-1]
        before = seen.previous_response_id
        if seen.generation == "v2":
            print(f"{_INDENT}{f'continues {before}' if before else 'starts a new chain'}")
        if not step.is_edited:
            print(f"{_INDENT}the agent saw {_counted(len(seen.messages), 'message')}")
            return
        print(f"{_INDENT}the agent saw")
        for message in seen.messages:
            print(f"{_INDENT}  {message.role:<10}{message.text}")


def _counted(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number} {noun}s"


def run() -> None:
    """Show every agent through every framework that is installed.

    Raises:
        AzureAgentsError: A setting is missing, no framework is installed, or Azure refused.
    """
    with _azure() if read_env(os.environ, ENV_ENDPOINT) else _emulator() as stage:
        missing = []
        for connect in FRAMEWORKS:
            try:
                for model in stage.models:
                    stage.show(connect, model)
            except ImportError as exc:
                missing.append(str(exc))
    if len(missing) == len(FRAMEWORKS):
        raise ConfigError("; ".join(missing))
    print("\n".join(["", *missing]))


@contextmanager
def _azure() -> Iterator[Stage]:
    found = [read_env(os.environ, name) for name in (ENV_AGENT, ENV_CLASSIC_AGENT)]
    models = [model for model in found if model]
    if not models:
        raise ConfigError(
            f"{ENV_ENDPOINT} is set, so the demo would talk to Azure, but no agent is: set "
            f"{ENV_AGENT} (v2), {ENV_CLASSIC_AGENT} (classic) or both, or unset {ENV_ENDPOINT} "
            "to use the emulator"
        )
    print(f"azure-agents {__version__} on Azure")
    yield Stage(None, models, {})


@contextmanager
def _emulator() -> Iterator[Stage]:
    from ..emulator import Emulator, RealClock

    print(f"azure-agents {__version__} on the built-in emulator: nothing leaves this machine.")
    print(f"For Azure, set {ENV_ENDPOINT} and {ENV_AGENT} (v2), {ENV_CLASSIC_AGENT} (classic).")
    with Emulator(clock=RealClock()) as foundry:
        agents = [
            foundry.create_agent(EMULATED_AGENT, _slowly, generation="v2"),
            foundry.create_agent(EMULATED_AGENT, _slowly, generation="classic"),
        ]
        yield Stage(foundry, [agent.model for agent in agents], foundry.connection())


def _slowly(turn: Any) -> Any:
    """Answer as an agent without a script does, word by word."""
    from ..emulator import Pause, Text
    from ..emulator.agent.responder import converse

    words = re.findall(r"\S+\s*", converse(turn))
    return [part for word in words for part in (Text(word), Pause(_SECONDS_PER_WORD))]


def main() -> int:
    """Run the demonstration; returns 0, or 2 after an error, which is printed as one line."""
    try:
        run()
    except AzureAgentsError as error:
        print(f"azure-agents: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
