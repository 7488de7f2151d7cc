"""Citations of scripted answers, as both generations write them."""

from __future__ import annotations

from typing import Any

from azure_agents.emulator import Citation, Emulator, Text

V2 = "/openai/v1/responses"
TEXT = "Paris【1】 is big【2】."
CITATIONS = (
    Citation("url", 5, 8, url="https://x.test", title="X"),
    Citation("file", 15, 18, file_id="assistant-1", filename="a.md"),
)


def test_v2_streams_each_citation_behind_its_text(foundry: Emulator, wire: Any) -> None:
    """Each has an event once its text was sent; the answer holds all of them."""
    agent = foundry.create_agent("a", Text(TEXT, citations=CITATIONS))
    events = wire.stream(V2, wire.turn(agent, "hi"))
    said, places = "", []
    for name, data in events:
        said += data["delta"] if name.endswith("text.delta") else ""
        if name.endswith("annotation.added"):
            places.append((data["annotation"]["type"], len(said) >= 8))
    assert [("url_citation", True), ("file_citation", True)] == places
    annotations = events[-1][1]["response"]["output"][0]["content"][0]["annotations"]
    assert [
        {
            "type": "url_citation",
            "url": "https://x.test",
            "title": "X",
            "start_index": 5,
            "end_index": 8,
        },
        {"type": "file_citation", "file_id": "assistant-1", "filename": "a.md", "index": 18},
    ] == annotations


def test_a_classic_citation_comes_with_its_marker(foundry: Emulator, wire: Any) -> None:
    """A marker is one delta, and carries its citation."""
    agent = foundry.create_agent("a", Text(TEXT, citations=CITATIONS), generation="classic")
    thread = wire.start_thread("hi")
    events = wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    deltas = [data["delta"]["content"][0]["text"] for name, data in events if "delta" in name]
    cited = [delta for delta in deltas if delta.get("annotations")]
    assert ["【1】", "【2】"] == [delta["value"] for delta in cited]
    assert {"file_id": "assistant-1", "quote": ""} == cited[1]["annotations"][0]["file_citation"]
    message = wire.get(f"/threads/{thread}/messages")["data"][0]["content"][0]["text"]
    assert message["value"] == TEXT
    assert ["【1】", "【2】"] == [one["text"] for one in message["annotations"]]
