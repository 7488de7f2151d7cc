"""A hostile stream takes time by its length: events, what was delivered, whole answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from azure_agents.content.stop import StopCut
from azure_agents.events import (
    ApprovalRequest,
    Citation,
    MediaOutput,
    Other,
    ReasoningDelta,
    ServerToolCall,
    ServerToolResult,
    TextDelta,
    ToolCallDelta,
)
from azure_agents.fold import Fold
from azure_agents.protocols.classic.codec import message_events
from azure_agents.protocols.classic.reader import RunReader
from azure_agents.protocols.classic.remainder import messages_after
from azure_agents.protocols.delivery import Attempt, Delivered
from azure_agents.protocols.responses.reader import ResponseReader
from azure_agents.protocols.sse import SSEDecoder

from .growth import LINE, Case, assert_linear, ratio

# --- events of a stream --------------------------------------------------------------------------


def _fed(pieces: Callable[[int], list[bytes]]) -> Case:
    def case(size: int) -> Callable[[], object]:
        made = pieces(size)

        def work() -> None:
            decoder = SSEDecoder()
            for piece in made:
                decoder.feed(piece)

        return work

    return case


STREAMS: dict[str, tuple[Case, int]] = {
    "a line byte by byte": (_fed(lambda n: [b"x"] * n), 10_000),
    "a line in pieces": (_fed(lambda n: [b"x" * 1000] * n), 2_000),
    "an event byte by byte": (_fed(lambda n: [b"data: x"[i % 7 :][:1] for i in range(n)]), 10_000),
    "empty data lines": (_fed(lambda n: [b"data:\n" * n]), 10_000),
    "empty data lines, one by one": (_fed(lambda n: [b"data:\n"] * n), 5_000),
    "blank lines": (_fed(lambda n: [b"\n" * n]), 20_000),
    "carriage returns": (_fed(lambda n: [b"\r"] * n), 10_000),
    "line ends in two": (_fed(lambda n: [b"\r", b"\n"] * n), 5_000),
    "comments": (_fed(lambda n: [b":\n" * n]), 20_000),
    "names": (_fed(lambda n: [b"event: x\n" * n]), 10_000),
    "colons": (_fed(lambda n: [b"data" + b":" * n + b"\n\n"]), 200_000),
    "byte order marks": (_fed(lambda n: [b"\xef\xbb\xbf" * n + b"\n\n"]), 100_000),
    "nothing": (_fed(lambda n: [b""] * n), 20_000),
}


# --- what was delivered --------------------------------------------------------------------------


def _delivered(*makers: Callable[[int], Any]) -> Case:
    """Each maker's events come from a source of its own."""

    def case(size: int) -> Callable[[], object]:
        told = [[make(number) for number in range(size)] for make in makers]

        def work() -> None:
            delivered = Delivered()
            for number, events in enumerate(told):
                attempt = Attempt(delivered)
                attempt.belongs_to(f"resp_{number}")
                for event in events:
                    attempt.take_all([event])

        return work

    return case


def _text(number: int) -> Any:
    return TextDelta("x", "item", 0)


def _block(number: int) -> Any:
    return TextDelta("x", f"item{number}", 0)


def _thing(number: int) -> Any:
    return ServerToolCall(f"call{number}", "mcp", {})


def _media(prefix: str) -> Callable[[int], Any]:
    return lambda number: MediaOutput("item", "image", file_id=f"{prefix}{number}")


DELIVERIES: dict[str, tuple[Case, int]] = {
    "pieces of one text": (_delivered(_text), 5_000),
    "blocks": (_delivered(_block), 2_000),
    "blocks of reasoning": (_delivered(lambda n: ReasoningDelta("x", "item", n)), 2_000),
    "calls": (_delivered(lambda n: ToolCallDelta(n, f"call{n}", "f", "{}")), 2_000),
    "pieces of one call": (_delivered(lambda n: ToolCallDelta(0, "", "", "x")), 5_000),
    "server tools": (_delivered(_thing), 1_000),
    "results": (_delivered(lambda n: ServerToolResult(f"call{n}", "mcp", "x")), 1_000),
    "citations": (_delivered(lambda n: Citation("url", "item", 0, url=f"https://x/{n}")), 1_000),
    "the same citation": (_delivered(lambda n: Citation("url", "item", 0, url="https://x")), 1_000),
    "images": (_delivered(_media("a")), 1_000),
    "approvals": (
        _delivered(lambda n: ApprovalRequest(f"mcpr_{n}", "server", "tool", "{}")),
        1_000,
    ),
    "unknown items": (_delivered(lambda n: Other("x", {"id": f"x{n}"})), 1_000),
    "unknown events": (_delivered(lambda n: Other(f"x{n}", {})), 1_000),
    "a text told twice": (_delivered(_text, _text), 3_000),
    "blocks told twice": (_delivered(_block, lambda n: TextDelta("x", f"other{n}", 0)), 1_000),
    "server tools told twice": (_delivered(_thing, _thing), 1_000),
    "images made again": (_delivered(_media("a"), _media("b")), 1_000),
    "images made again and again": (_delivered(*map(_media, "abc")), 500),
}


# --- answers -------------------------------------------------------------------------------------


def _folded(make: Callable[[int], Any]) -> Case:
    def case(size: int) -> Callable[[], object]:
        events = [make(number) for number in range(size)]

        def work() -> None:
            folding = Fold()
            for event in events:
                folding.add(event)

        return work

    return case


def _stopped(size: int) -> Callable[[], object]:
    def work() -> None:
        stop = StopCut(("abcabd", "zzzz"))
        for _ in range(size):
            stop.feed(TextDelta("abc", "item", 0))

    return work


def _response(size: int) -> Callable[[], object]:
    def event(kind: str, **fields: Any) -> bytes:
        return b"data: " + json.dumps({"type": f"response.{kind}", **fields}).encode() + b"\n\n"

    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    content = [{"type": "output_text", "text": "x" * size, "annotations": []}]
    output = [{**message, "content": content}] + [
        {"type": "mcp_call", "id": f"mcp_{n}", "name": "f", "arguments": "{}", "server_label": "s"}
        for n in range(size)
    ]
    done = {"id": "resp_1", "status": "completed", "output": output}
    delta = {"delta": "x", "item_id": "msg_1", "content_index": 0}
    pieces = [event("created", response={"id": "resp_1", "status": "in_progress", "output": []})]
    pieces += [event("output_text.delta", **delta)] * size
    pieces.append(event("completed", response=done))

    def work() -> None:
        reader = ResponseReader(Delivered())
        for piece in pieces:
            reader.feed(piece)

    return work


def _run(size: int) -> Callable[[], object]:
    def event(kind: str, **fields: Any) -> bytes:
        return f"event: thread.{kind}\ndata: {json.dumps(fields)}\n\n".encode()

    run = {"id": "run_1", "thread_id": "thread_1", "object": "thread.run"}
    text = {"type": "text", "text": {"value": "x" * size, "annotations": []}}
    part = {"index": 0, "type": "text", "text": {"value": "x"}}
    pieces = [event("run.created", **run, status="queued")]
    pieces += [event("message.delta", id="msg_1", delta={"content": [part]})] * size
    pieces += [
        event(
            "message.completed", id=f"msg_{n}", run_id="run_1", content=[text if n == 1 else part]
        )
        for n in range(1, size)
    ]
    pieces.append(event("run.completed", **run, status="completed"))

    def work() -> None:
        reader = RunReader(Delivered())
        for piece in pieces:
            reader.feed(piece)

    return work


def _misplaced(marker: Callable[[int], str]) -> Case:
    """A message whose citations say that their markers stand where they do not."""

    def case(size: int) -> Callable[[], object]:
        notes = [
            {"type": "file_citation", "text": marker(n), "start_index": 1, "end_index": 10**9}
            for n in range(size)
        ]
        text = {"value": "【1】" * size, "annotations": notes}
        message = {"id": "msg_1", "content": [{"type": "text", "text": text}]}
        return lambda: list(message_events(message))

    return case


def _paused(size: int) -> Callable[[], object]:
    told: Any = [{"content": [{"text": {"value": "y" * 50}}]}] * size
    return lambda: messages_after("y" * 50 * size + "z", told)


ANSWERS: dict[str, tuple[Case, int]] = {
    "text": (_folded(lambda n: TextDelta("hello ", "item", 0)), 10_000),
    "arguments": (_folded(lambda n: ToolCallDelta(0, "call", "f", "hello ")), 10_000),
    "calls": (_folded(lambda n: ToolCallDelta(n, "call", "f", "{}")), 5_000),
    "blocks": (_folded(_block), 5_000),
    "citations": (_folded(lambda n: Citation("url", "item", 0, url="https://x")), 5_000),
    "stop": (_stopped, 2_000),
    "a whole response": (_response, 500),
    "a whole run": (_run, 300),
    "one marker that is elsewhere": (_misplaced(lambda _: "【1】"), 2_000),
    "markers that are nowhere": (_misplaced(lambda n: f"【{n}†x】"), 2_000),
    "a run that paused": (_paused, 500),
}


CASES = {
    f"{family}: {name}": case
    for family, cases in (
        ("stream", STREAMS),
        ("delivery", DELIVERIES),
        ("answer", ANSWERS),
    )
    for name, case in cases.items()
}


@pytest.mark.parametrize(("case", "size"), CASES.values(), ids=CASES)
def test_time_grows_with_the_input(case: Case, size: int) -> None:
    """Never with its square."""
    assert_linear(case, size)


def _quadratic(size: int) -> Callable[[], object]:
    return lambda: sum(number in seen for seen in [list(range(size))] for number in range(size))


def test_quadratic_work_is_found() -> None:
    """A measure that finds nothing proves nothing."""
    assert ratio(_quadratic, 500) > LINE
