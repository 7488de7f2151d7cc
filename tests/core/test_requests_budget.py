"""One turn in requests: the table of the design, counted on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from azure_agents.client.agent_client import AgentClient
from azure_agents.client.base import make_client
from azure_agents.emulator import Emulator, Fault, ToolCalls
from azure_agents.fold import fold
from azure_agents.messages import Message, TurnRequest, assistant, system, tool, user
from azure_agents.settings.config import resolve_settings
from azure_agents.sign_in.auth import make_auth
from azure_agents.threads.memory import MemoryThreadStore

MODES = ["v2", "v2 conversation", "classic"]
STREAMS = [True, False]


class Talk:
    """A client of an emulated agent, and what each of its turns sent."""

    def __init__(self, mode: str, reply: Any = None, *, streams: bool = True) -> None:
        self.foundry = Emulator(seed=3)
        generation, _, policy = mode.partition(" ")
        function: dict[str, Any] = {"name": "f", "parameters": {"type": "object"}}
        declared = {**function, "type": "function"}
        if generation == "classic":
            declared = {"type": "function", "function": function}
        agent = self.foundry.create_agent("a", reply, tools=[declared], generation=generation)  # type: ignore[arg-type]
        settings = resolve_settings(
            model=agent.model,
            endpoint=self.foundry.endpoint,
            threads=policy or "auto",  # type: ignore[arg-type]
            env={},
        )
        auth = make_auth(credential=self.foundry.credential, endpoint=settings.endpoint)
        self._agents = make_client(
            AgentClient,
            settings,
            auth,
            transport=self.foundry.transport,
            clock=self.foundry.clock,
            store=MemoryThreadStore(),
        )
        self._streams = streams
        self.sizes: list[int] = []

    def ask(self, *messages: Message) -> tuple[Message, list[str]]:
        """The answer to these messages, and the requests it took."""
        before = len(self.foundry.requests)
        request = TurnRequest(messages)
        streamed = self._streams
        done = fold(self._agents.stream(request)) if streamed else self._agents.complete(request)
        made = self.foundry.requests[before:]
        self.sizes.append(sum(one.size for one in made))
        answer = assistant(done.text, *done.tool_calls, anchor=done.finished.anchor)
        return answer, [f"{one.method} {shape(one.path)}" for one in made]


def shape(path: str) -> str:
    """A path with its ids left out."""
    prefixes = ("thread_", "run_", "resp_", "conv_")
    parts = ("{id}" if part.startswith(prefixes) else part for part in path.split("/"))
    return "/".join(parts)


HI, AND = user("Hi, I am Ann."), user("And now?")
RESPOND, CREATE = "POST /openai/v1/responses", "POST /openai/v1/conversations"
START, RUN, THREAD = "POST /threads/runs", "POST /threads/{id}/runs", "POST /threads"

FIRST = {"v2": [RESPOND], "v2 conversation": [CREATE, RESPOND], "classic": [START]}
FIRST_WITH_SYSTEM = {**FIRST, "classic": [THREAD, RUN]}
NEXT = {"v2": [RESPOND], "v2 conversation": [RESPOND], "classic": [RUN]}


@pytest.mark.parametrize("streams", STREAMS, ids=["stream", "complete"])
@pytest.mark.parametrize("mode", MODES)
def test_turns_that_go_on(mode: str, streams: bool) -> None:
    """The first turn creates what there is to create, every other is one request."""
    talk = Talk(mode, streams=streams)
    first, paths = talk.ask(HI)
    second, more = talk.ask(HI, first, AND)
    _, most = talk.ask(HI, first, AND, second, user("Thanks."))
    assert (FIRST[mode], NEXT[mode], NEXT[mode]) == (paths, more, most)


@pytest.mark.parametrize("mode", MODES)
def test_turns_under_a_system_message(mode: str) -> None:
    """Only the first classic turn pays for a system message."""
    talk = Talk(mode)
    brief = system("Be brief.")
    first, paths = talk.ask(brief, HI)
    _, more = talk.ask(brief, HI, first, AND)
    assert (FIRST_WITH_SYSTEM[mode], NEXT[mode]) == (paths, more)


EDITS: dict[str, Callable[[Message], list[Message]]] = {
    "edited question": lambda answer: [user("Hi, I am Bob."), answer, AND],
    "edited answer": lambda answer: [HI, assistant("No.", anchor=answer.anchor), AND],
    "no metadata": lambda answer: [HI, assistant(answer.text), AND],
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_a_fork_costs_what_a_first_turn_costs(
    edit: Callable[[Message], list[Message]], mode: str
) -> None:
    """A history that was changed is told whole, at once."""
    talk = Talk(mode)
    first, _ = talk.ask(HI)
    assert FIRST[mode] == talk.ask(*edit(first))[1]


SUBMIT = "POST /threads/{id}/runs/{id}/submit_tool_outputs"
RESULTS = {"v2": [RESPOND], "v2 conversation": [RESPOND], "classic": [SUBMIT]}


@pytest.mark.parametrize("mode", MODES)
def test_all_results_are_one_request(mode: str) -> None:
    """The outputs of a pause go together, however many calls there were."""
    talk = Talk(mode, [ToolCalls(("f", "{}"), ("f", "{}"), ("f", "{}")), "Done."])
    first, _ = talk.ask(HI)
    results = [tool(call.id, "42") for call in first.tool_calls]
    answer, paths = talk.ask(HI, first, *results)
    assert (RESULTS[mode], 3, "Done.") == (paths, len(results), answer.text)


LOOK = "GET /openai/v1/responses/{id}"
ITEMS = "GET /openai/v1/conversations/{id}/items"
RUNS, STATE, SAID = (
    "GET /threads/{id}/runs",
    "GET /threads/{id}/runs/{id}",
    "GET /threads/{id}/messages",
)
LOST = {
    # applied, and the answer lost: a conversation does not show a turn that is not over
    "lost": {
        "v2": [RESPOND, RESPOND],
        "v2 conversation": [RESPOND, ITEMS, LOOK, CREATE, RESPOND],
        "classic": [RUN, RUNS, STATE, SAID],
    },
    # never applied: asked again on a chain, else looked for once, and told whole elsewhere
    "reset_before": {
        "v2": [RESPOND, RESPOND],
        "v2 conversation": [RESPOND, ITEMS, LOOK, CREATE, RESPOND],
        "classic": [RUN, RUNS, START, RUNS],
    },
    # cut once its id was known: followed
    "cut": {
        "v2": [RESPOND, LOOK],
        "v2 conversation": [RESPOND, LOOK],
        "classic": [RUN, STATE, SAID],
    },
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_costs_a_look(kind: Any, mode: str) -> None:
    """What was lost is looked for once; waiting for it to end is all that may be repeated."""
    talk = Talk(mode)
    first, _ = talk.ask(HI)
    after = 4 if kind == "cut" else None
    talk.foundry.faults.add(Fault(kind, method="POST", after_events=after))
    _, paths = talk.ask(HI, first, AND)
    polled = [
        path for i, path in enumerate(paths) if i == 0 or path != paths[i - 1] or "POST" in path
    ]
    assert LOST[kind][mode] == polled


@pytest.mark.parametrize("mode", MODES)
def test_a_turn_that_goes_on_sends_only_what_is_new(mode: str) -> None:
    """However long the history is, a turn costs the bytes of its new message."""
    talk = Talk(mode)
    history: list[Message] = []
    for number in range(12):
        history.append(user(f"Question number {number:02}."))
        history.append(talk.ask(*history)[0])
    rest = talk.sizes[1:]
    assert max(rest) - min(rest) <= 4
    assert max(rest) < 500
