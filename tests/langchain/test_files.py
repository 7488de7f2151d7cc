"""Images and files of an answer are loaded when somebody asks for them."""

from __future__ import annotations

import asyncio
import base64
import functools
import operator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict

from azure_agents.emulator import Citation, Emulator, GeneratedImage, Parts, Text
from langchain_azure_agents import ChatAzureAgent

PNG = b"\x89PNG picture"


@pytest.fixture(params=[None, "v1"])
def plotter(foundry: Emulator, request: pytest.FixtureRequest) -> Any:
    """A model whose agent plots, paints and cites."""
    file = foundry.add_file("plot.csv", b"a,b\n", container_id="cntr_1")
    made = Citation(
        "container_file", 0, 4, file_id=file, filename="plot.csv", container_id="cntr_1"
    )
    cited = Citation("file", 5, 9, file_id="assistant-1", filename="source.md")
    painted = GeneratedImage(base64.b64encode(PNG).decode())
    reply = Parts(painted, Text("Here it is.", citations=[made, cited]))
    agent = foundry.create_agent("plotter", reply)
    version: Any = request.param
    return ChatAzureAgent(model=agent.model, output_version=version, **foundry.connection())


def asked(llm: Any, *, streams: bool) -> Any:
    """The answer, and its twin out of a database."""
    answer = functools.reduce(operator.add, llm.stream("hi")) if streams else llm.invoke("hi")
    [stored] = messages_from_dict([message_to_dict(answer)])
    return [answer, stored]


@pytest.mark.parametrize("streams", [False, True])
def test_what_an_agent_made_is_saved(plotter: Any, tmp_path: Path, streams: bool) -> None:
    """Each file once, and no source that the answer cites."""
    for number, answer in enumerate(asked(plotter, streams=streams)):
        files = plotter.files_of(answer)
        assert sorted(file.bytes() for file in files) == sorted([b"a,b\n", PNG])
        folder = tmp_path / str(number)
        folder.mkdir()
        assert {file.save(folder).read_bytes() for file in files} == {b"a,b\n", PNG}


def test_async_files(plotter: Any) -> None:
    """The same, awaited."""

    async def run() -> Any:
        answer = await plotter.ainvoke("hi")
        return {await file.bytes() for file in plotter.async_files_of(answer)}

    assert asyncio.run(run()) == {b"a,b\n", PNG}


def test_an_answer_without_files(plotter: Any) -> None:
    """There is nothing to load."""
    assert [] == plotter.files_of(AIMessage("hi"))
