"""Tools that ran on the server, as tracers and event streams see them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import (
    AsyncCallbackManager,
    BaseCallbackHandler,
    CallbackManager,
)
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.run_collector import RunCollectorCallbackHandler

from azure_agents.emulator import CodeInterpreter, McpCall, Parts
from langchain_azure_agents import ChatAzureAgent
from langchain_azure_agents._tool_events import TellsTools, _AsyncTeller, _SyncTeller

READ = McpCall("files", "read", '{"p": 1}', "text")
BUSY = Parts(CodeInterpreter("print(1)", "1"), READ, "Done.")
WANTED = [("code_interpreter", {"code": "print(1)"}, "1"), ("read", {"p": 1}, "text")]


async def _all(stream: Any) -> None:
    async for _ in stream:
        pass


async def _all_v3(llm: Any, config: Any) -> None:
    await _all(await llm.astream_events("Go", config, version="v3"))


WAYS: Any = {
    "invoke": lambda llm, c: llm.invoke("Go", c),
    "ainvoke": lambda llm, c: asyncio.run(llm.ainvoke("Go", c)),
    "stream": lambda llm, c: list(llm.stream("Go", c)),
    "astream": lambda llm, c: asyncio.run(_all(llm.astream("Go", c))),
    "batch": lambda llm, c: llm.batch(["Go"], c),
    "generate": lambda llm, c: llm.generate([[HumanMessage("Go")]], callbacks=c["callbacks"]),
    "stream_events": lambda llm, c: list(llm.stream_events("Go", c, version="v3")),
    "astream_events": lambda llm, c: asyncio.run(_all_v3(llm, c)),
}


def runs_of(tracer: RunCollectorCallbackHandler) -> list[Any]:
    """Name, input and output of the tool runs below the model's run."""
    [root] = tracer.traced_runs
    outputs = [(run.outputs or {}).get("output") for run in root.child_runs]
    said = [getattr(output, "content", output) for output in outputs]
    return [(run.name, run.inputs, text) for run, text in zip(root.child_runs, said, strict=True)]


def close_to(wanted: Any, found: Any) -> bool:
    """Whether runs are those: each generation has its own form for the output of code."""
    same = [(name, inputs) for name, inputs, _ in found] == [(n, i) for n, i, _ in wanted]
    return same and found[-1][-1] == wanted[-1][-1]


@pytest.mark.filterwarnings("ignore:.*is in beta")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("version", [None, "v1"])
def test_a_tracer_sees_each_tool_once(
    connect: Any, way: str, streaming: bool, version: Any
) -> None:
    """As a child of the model's run, with what went in and what came out."""
    llm = connect(BUSY, server_tool_events=True, streaming=streaming, output_version=version)
    tracer = RunCollectorCallbackHandler()
    WAYS[way](llm, {"callbacks": [tracer]})
    found = runs_of(tracer)
    assert close_to(WANTED, found), found
    [root] = tracer.traced_runs
    assert {"tool"} == {run.run_type for run in root.child_runs}
    assert all(run.end_time <= root.end_time for run in root.child_runs)


def test_nothing_is_told_unless_it_is_asked_for(connect: Any) -> None:
    """The blocks of the answer tell of server-side tools in any case."""
    tracer = RunCollectorCallbackHandler()
    connect(BUSY).invoke("Go", {"callbacks": [tracer]})
    assert [] == runs_of(tracer)


def test_an_event_stream_has_them_in_order(connect: Any) -> None:
    """Also inside a graph, where the handler of the stream is one of many."""
    app = create_agent(connect(BUSY, server_tool_events=True), [])

    async def names() -> list[tuple[str, str]]:
        given: Any = {"messages": [("user", "Go")]}
        return [
            (event["event"], event["name"])
            async for event in app.astream_events(given, version="v2")
            if "tool" in event["event"]
        ]

    assert [
        ("on_tool_start", "code_interpreter"),
        ("on_tool_end", "code_interpreter"),
        ("on_tool_start", "read"),
        ("on_tool_end", "read"),
    ] == asyncio.run(names())


def test_a_graph_streams_them_as_tools(connect: Any) -> None:
    """LangGraph's own stream of tools does not know that these ran on the server."""
    app = create_agent(connect(BUSY, server_tool_events=True), [])
    given: Any = {"messages": [("user", "Go")]}
    steps: Any = app.stream(given, stream_mode="tools")
    wanted = ["code_interpreter", None, "read", None]
    assert wanted == [step.get("tool_name") for step in steps]


def test_the_models_own_callbacks_hear_it(connect: Any) -> None:
    """Those of the constructor, too, and none hears it twice."""
    tracer = RunCollectorCallbackHandler()
    llm = connect(BUSY, server_tool_events=True, callbacks=[tracer])
    llm.invoke("Go", {"callbacks": [tracer]})
    assert close_to(WANTED, runs_of(tracer))


def test_an_answer_from_the_cache_ran_no_tool(connect: Any) -> None:
    """It is told once, when it ran."""
    llm = connect(BUSY, server_tool_events=True, cache=InMemoryCache())
    seen = []
    for _ in range(2):
        tracer = RunCollectorCallbackHandler()
        llm.invoke("Go", {"callbacks": [tracer]})
        seen.append(len(runs_of(tracer)))
    assert [2, 0] == seen


class _Log(BaseCallbackHandler):
    def __init__(self) -> None:
        self.log: list[str] = []

    def on_tool_start(self, serialized: Any, *_args: Any, **_kwargs: Any) -> None:
        self.log.append(f"start {serialized['name']}")

    def on_tool_end(self, output: Any, **_kwargs: Any) -> None:
        self.log.append(f"end {output and output.content}")

    def on_tool_error(self, error: BaseException, **_kwargs: Any) -> None:
        self.log.append(f"error {error}")


def _call(id: str, name: str = "t") -> Any:
    return {"type": "server_tool_call", "id": id, "name": name, "args": "no object"}


def _result(id: str, status: str = "success") -> Any:
    return {
        "type": "server_tool_result",
        "tool_call_id": id,
        "status": status,
        "output": [1],
        "extras": {"name": "t"},
    }


BLOCKS: Any = [
    ("a call without result ends with the answer", [_call("1")], ["start t", "end None"]),
    ("a failure", [_call("1"), _result("1", "error")], ["start t", "error the tool 't' failed on"]),
    ("a result alone", [_result("1")], ["start t", "end [1]"]),
    (
        "calls without ids",
        [_call(""), _call(""), _result("")],
        ["start t", "end None", "start t", "end [1]"],
    ),
]


@pytest.mark.parametrize(("blocks", "log"), [row[1:] for row in BLOCKS], ids=[r[0] for r in BLOCKS])
@pytest.mark.parametrize("is_async", [False, True])
def test_odd_blocks(connect: Any, blocks: Any, log: list[str], is_async: bool) -> None:
    """Whatever an answer shows, each start has one end."""
    seen = _Log()
    kind: Any = AsyncCallbackManager if is_async else CallbackManager
    teller: Any = (_AsyncTeller if is_async else _SyncTeller)(kind([seen]))
    message = AIMessage([*blocks, {"type": "text", "text": "x"}])
    result = LLMResult(generations=[[ChatGeneration(message=message)]])
    told = teller.on_llm_end(result, run_id=uuid4())
    if is_async:
        asyncio.run(told)
    assert len(log) == len(seen.log)
    assert [True] * len(log) == [a.startswith(b) for a, b in zip(seen.log, log, strict=True)]


def test_the_setting_is_a_field() -> None:
    """With a description, as all are."""
    assert TellsTools.model_fields["server_tool_events"].default is False
    assert ChatAzureAgent.model_fields["server_tool_events"].description
