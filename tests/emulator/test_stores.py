"""Vector stores that really search, and containers."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.emulator.text.reading import chunks_of, text_of, words_of

V1 = "/openai/v1"


def office(inside: str, body: str) -> bytes:
    """A file as Office writes it, but for everything that is not text."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(inside, body)
    return data.getvalue()


FILES = [
    ("a.md", "naïve".encode(), "naïve"),
    ("a.txt", b"\xff", "�"),
    ("a.html", b"<style>p {}</style><p>a &amp; b</p>", "a & b"),
    ("a.docx", office("word/document.xml", "<w:p><w:t>one</w:t></w:p><w:p>two</w:p>"), "one\ntwo"),
    ("a.pptx", office("ppt/slides/slide1.xml", "<a:p><a:t>one</a:t></a:p>"), "one"),
    ("a.docx", b"no archive", ""),
    ("a.pdf", b"%PDF", ""),
]


@pytest.mark.parametrize(("name", "data", "expected"), FILES)
def test_text_of_files_is_read(name: str, data: bytes, expected: str) -> None:
    """Text, HTML and Office; what cannot be read is empty."""
    assert expected == text_of(name, data).strip()


@pytest.mark.parametrize(
    ("words", "size", "overlap", "expected"),
    [(10, 100, 50, 1), (250, 100, 0, 3), (250, 100, 50, 4), (0, 100, 50, 0)],
)
def test_texts_are_cut_into_chunks(words: int, size: int, overlap: int, expected: int) -> None:
    """Chunks share what they should, and nothing is lost."""
    text = " ".join(f"w{number}" for number in range(words))
    chunks = chunks_of(text, size, overlap)
    assert expected == len(chunks)
    assert all(f"w{number}" in " ".join(chunks).split() for number in range(words))


def test_words_are_reduced_for_search() -> None:
    """Small words are left out; a plural is its singular."""
    assert [
        "policy",
        "class",
        "get",
        "city",
    ] == words_of("What are the POLICIES of classes and get_cities?")


@pytest.fixture
def store(foundry: Emulator) -> str:
    """A store of three files."""
    texts = ("Cats sleep. Cats eat.", "A cat and a dog.", "Fish swim.")
    ids = [foundry.add_file(f"{number}.txt", text.encode()) for number, text in enumerate(texts)]
    return foundry.add_vector_store("animals", ids)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"query": "cats"}, ["0.txt", "1.txt"]),
        ({"query": ["dog", "fish"]}, ["1.txt", "2.txt"]),
        ({"query": "cats", "max_num_results": 1}, ["0.txt"]),
        ({"query": "birds"}, []),
    ],
)
def test_search_ranks_the_best_first(
    wire: Any, store: str, fields: Any, expected: list[str]
) -> None:
    """By words, for one query or several."""
    page = wire.post(f"{V1}/vector_stores/{store}/search", fields)
    assert expected == [found["filename"] for found in page["data"]]
    scores = [found["score"] for found in page["data"]]
    assert scores == sorted(scores, reverse=True)


def test_stores_return_contents_and_attributes(wire: Any, store: str) -> None:
    """The text of a file can be read; attributes come with results."""
    file = wire.get(f"{V1}/vector_stores/{store}/files")["data"][0]["id"]
    path = f"{V1}/vector_stores/{store}/files/{file}"
    assert [{"type": "text", "text": "Fish swim."}] == wire.get(f"{path}/content")["data"]
    assert {"a": 1} == wire.post(path, {"attributes": {"a": 1}})["attributes"]
    found = wire.post(f"{V1}/vector_stores/{store}/search", {"query": "fish"})["data"]
    assert {"a": 1} == found[0]["attributes"]
    wire.request("DELETE", path)
    assert [] == wire.post(f"{V1}/vector_stores/{store}/search", {"query": "fish"})["data"]


def test_a_chunking_strategy_is_echoed_and_used(foundry: Emulator, wire: Any) -> None:
    """Wrong ones are refused."""
    text = " ".join(f"word{number}" for number in range(300)).encode()
    file = foundry.add_file("a.txt", text)
    store = wire.post(f"{V1}/vector_stores", {})["id"]
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    body = {"file_id": file, "chunking_strategy": {"type": "static", "static": static}}
    made = wire.post(f"{V1}/vector_stores/{store}/files", body)
    assert made["chunking_strategy"]["static"] == static
    found = wire.post(f"{V1}/vector_stores/{store}/search", {"query": "word5 word150"})["data"]
    assert 2 == len(found)
    static["chunk_overlap_tokens"] = 90
    wrong = wire.request("POST", f"{V1}/vector_stores/{store}/files", body)
    assert "chunking_strategy" == wrong.json()["error"]["param"]


def test_stores_expire_after_their_days(foundry: Emulator, wire: Any) -> None:
    """After the days in `expires_after`."""
    after = {"anchor": "last_active_at", "days": 2}
    store = wire.post(f"{V1}/vector_stores", {"expires_after": after})
    assert store["expires_at"] == store["created_at"] + 2 * 86_400
    foundry.clock.advance(2 * 86_400)
    wire.sign_in()
    assert "expired" == wire.get(f"{V1}/vector_stores/{store['id']}")["status"]


def test_files_attached_to_messages_are_searched(foundry: Emulator, wire: Any) -> None:
    """Classic: without a store."""
    file = foundry.add_file("a.txt", b"The code is 42.")
    tool = {"type": "file_search"}
    agent = foundry.create_agent("a", tools=[tool], generation="classic")
    message = {
        "role": "user",
        "content": "What is the code?",
        "attachments": [{"file_id": file, "tools": [tool]}],
    }
    thread = wire.post("/threads", {"messages": [message]})["id"]
    wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    assert "The code is 42.【4:0†source】" == foundry.seen[-1].reply.text  # type: ignore[union-attr]


def test_containers_can_be_managed(foundry: Emulator, wire: Any) -> None:
    """Created with a file, given another one, listed, read and deleted."""
    file = foundry.add_file("a.txt", b"one")
    container = wire.post(f"{V1}/containers", {"name": "box", "file_ids": [file]})["id"]
    path = f"{V1}/containers/{container}/files"
    made = wire.http.post(
        path,
        files={"file": ("b.txt", b"two")},
        headers={"authorization": f"Bearer {wire.token}"},
    ).json()
    assert "/mnt/data/b.txt" == made["path"]
    wire.post(path, {"file_id": file})
    assert [3, 3, 3] == [one["bytes"] for one in wire.get(path)["data"]]
    assert b"two" == wire.request("GET", f"{path}/{made['id']}/content").content
    assert wire.request("DELETE", f"{path}/{made['id']}").json()["deleted"] is True
    assert 404 == wire.request("GET", f"{path}/{made['id']}").status_code
    assert [one["id"] for one in wire.get(f"{V1}/containers")["data"]] == [container]
    assert wire.request("DELETE", f"{V1}/containers/{container}").json()["deleted"] is True
    assert 404 == wire.request("GET", f"{V1}/containers/{container}").status_code
