"""Images and files, in and out; and answers that live without their connection."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    DocumentBlock,
    ImageBlock,
    TextBlock,
)

from azure_agents.emulator import (
    Citation,
    CodeInterpreter,
    Emulator,
    FileSearch,
    GeneratedImage,
    Parts,
    Text,
)
from azure_agents.errors import InvalidRequestError
from llamaindex_azure_agents import AzureAgentLLM, record_turns

Make = Callable[..., AzureAgentLLM]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5ErkJggg=="
)
URL = "https://x.test/cat.png"


def message(*blocks: Any) -> ChatMessage:
    """A question with something to look at."""
    return ChatMessage(role="user", blocks=[TextBlock(text="What is it?"), *blocks])


def shown(foundry: Emulator) -> list[tuple[str, str]]:
    """Kind and source of all media that the agent saw."""
    return [tuple(media) for m in foundry.seen[-1].messages for media in m.media]


# -- in -----------------------------------------------------------------------------------------


@pytest.fixture(name="picture")
def _picture(tmp_path: Path) -> Path:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    return path


IMAGES: dict[str, Callable[[AzureAgentLLM, Path], ImageBlock]] = {
    "url": lambda _, __: ImageBlock(url=URL),
    "data": lambda _, __: ImageBlock(image=PNG),
    "path": lambda _, path: ImageBlock(path=path),
    "id": lambda llm, path: ImageBlock(url=f"foundry-file:{llm.client.files.upload(path).id}"),
}


@pytest.mark.parametrize("source", IMAGES)
def test_images_are_seen(
    foundry: Emulator, make_llm: Make, ask: Any, picture: Path, source: str
) -> None:
    """By address, as data, from disk, or uploaded before; also in the next turn."""
    llm = make_llm(["A cat.", "Still a cat."])
    question = message(IMAGES[source](llm, picture))
    answer = ask(llm, [question])
    assert (
        "Still a cat." == ask(llm, [question, answer.message, ChatMessage("Sure?")]).message.content
    )
    (media,) = shown(foundry)
    assert "image" == media[0]
    assert {"url": URL, "id": "assistant-"}.get(source, "") in media[1]


DOCUMENTS: dict[str, Callable[[AzureAgentLLM, Path], DocumentBlock]] = {
    "url": lambda _, __: DocumentBlock(url="https://x.test/a.pdf"),
    "data": lambda _, __: DocumentBlock(data=b"%PDF-1.7 x", title="a.pdf"),
    "path": lambda _, path: DocumentBlock(path=path),
    "id": lambda llm, path: DocumentBlock(url=f"foundry-file:{llm.client.files.upload(path).id}"),
}


@pytest.mark.parametrize("source", DOCUMENTS)
def test_documents_are_read(make_llm: Make, ask: Any, tmp_path: Path, source: str) -> None:
    """Classic messages take them by id only, and the error says so."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7 x")
    llm = make_llm(lambda turn: f"A {turn.messages[-1].media[0].kind}.")
    question = message(DOCUMENTS[source](llm, path))
    if llm.model.startswith("asst_") and source != "id":
        with pytest.raises(InvalidRequestError, match="takes files by id only"):
            ask(llm, [question])
    else:
        assert "A file." == ask(llm, [question]).message.content


def test_what_is_not_understood_is_refused(make_llm: Make, ask: Any, foundry: Emulator) -> None:
    """Nothing vanishes, and nothing is sent."""
    llm = make_llm("?")
    before = len(foundry.requests)
    with pytest.raises(InvalidRequestError, match="'audio'"):
        ask(llm, [message(AudioBlock(audio=b"RIFF"))])
    assert before == len(foundry.requests)


# -- out ----------------------------------------------------------------------------------------


def test_files_are_loaded_when_asked_for(
    foundry: Emulator, make_llm: Make, ask: Any, generation: str, tmp_path: Path
) -> None:
    """What code interpreter wrote, by the answer's own references; sources are none of them."""
    container = "cntr_1" if generation == "v2" else None
    file_id = foundry.add_file("table.csv", b"a,b\n1,2\n", container_id=container)
    source = foundry.add_file("handbook.md", b"# Handbook")
    said = "Here is table.csv, see handbook."
    place: Any = Citation(
        "container_file", 8, 17, file_id=file_id, filename="table.csv", container_id="cntr_1"
    )
    if generation == "classic":
        path = {"type": "file_path", "text": "table.csv", "start_index": 8, "end_index": 17}
        place = {**path, "file_path": {"file_id": file_id}}
    cited = Citation("file", 23, 31, file_id=source, filename="handbook.md")
    found = {"file_id": source, "filename": "handbook.md", "score": 1.0, "text": "# Handbook"}
    llm = make_llm(
        Parts(
            FileSearch(("handbook",), (found,)),
            CodeInterpreter("open('table.csv')", container_id=container or ""),
            Text(said, citations=[place, cited]),
        )
    )
    response = ask(llm, [ChatMessage("Write it")])
    before = len(foundry.requests)
    (handle,) = llm.files_of(response)
    assert before == len(foundry.requests)
    assert ("table.csv", b"a,b\n1,2\n") == (handle.name, handle.bytes())
    assert b"a,b\n1,2\n" == handle.save(tmp_path).read_bytes()
    (other,) = llm.async_files_of(response.raw)
    assert b"a,b\n1,2\n" == asyncio.run(other.bytes())


def test_a_painted_image_needs_no_request(foundry: Emulator, ask: Any) -> None:
    """v2: the answer brings it along, as a block of the message."""
    painted = GeneratedImage(base64.b64encode(PNG).decode(), "a cat")
    agent = foundry.create_agent("painter", [Parts(painted, "A cat."), "Thanks."])
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    response = ask(llm, [ChatMessage("Paint")])
    (block,) = [block for block in response.message.blocks if isinstance(block, ImageBlock)]
    assert PNG == block.resolve_image().read()
    before = len(foundry.requests)
    (handle,) = llm.files_of(response)
    assert (PNG, "image/png") == (handle.bytes(), handle.mime_type)
    assert before == len(foundry.requests)
    history = [ChatMessage("Paint"), response.message, ChatMessage("Nice")]
    assert "Thanks." == ask(llm, history).message.content


def test_an_agents_output_has_files(foundry: Emulator) -> None:
    """v2: `AgentOutput` keeps `raw` and the message, which is all that is needed."""
    painted = GeneratedImage(base64.b64encode(PNG).decode(), "a cat")
    agent = foundry.create_agent("painter", Parts(painted, "A cat."))
    llm = AzureAgentLLM(agent.model, **foundry.connection())

    async def run() -> list[Any]:
        return llm.files_of(await FunctionAgent(tools=[], llm=llm).run("Paint"))

    (handle,) = asyncio.run(run())
    assert PNG == handle.bytes()


def test_no_files_is_an_empty_list(make_llm: Make, ask: Any) -> None:
    """Also for chunks that say nothing yet."""
    llm = make_llm("ok")
    assert [] == llm.files_of(ask(llm, [ChatMessage("Hi")]))
    assert [] == llm.files_of(next(llm.stream_chat([ChatMessage("Hi")])))


# -- background ---------------------------------------------------------------------------------


def test_a_background_answer_is_taken_up(foundry: Emulator) -> None:
    """v2: the first chunk tells the id, by which anybody streams the answer from its beginning."""
    agent = foundry.create_agent("writer", Text(deltas=("Once ", "upon ", "a time.")))
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    chunks = llm.stream_chat([ChatMessage("A story")], background=True)
    response_id = next(chunks).additional_kwargs["response_id"]
    other = AzureAgentLLM(agent.model, **foundry.connection())
    with record_turns() as turns:
        resumed = list(other.resume(response_id))
    assert "Once upon a time." == resumed[-1].message.content == "".join(c.delta for c in resumed)
    assert [response_id] == [turn["response_id"] for turn in turns]

    async def again() -> str:
        return "".join([chunk.delta or "" async for chunk in await other.aresume(response_id)])

    assert "Once upon a time." == asyncio.run(again())
    chunks.close()


def test_a_background_answer_may_be_waited_for(foundry: Emulator, ask: Any) -> None:
    """v2: any endpoint takes the option."""
    agent = foundry.create_agent("writer", "Once.")
    llm = AzureAgentLLM(agent.model, **foundry.connection())
    assert "Once." == ask(llm, [ChatMessage("A story")], background=True).message.content
    assert foundry.requests[0].body["background"] is True
