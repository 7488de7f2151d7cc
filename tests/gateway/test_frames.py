"""Streams cut at every byte: whole events go on, and each ends exactly once."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import AzureAgentsError, ProtocolError, RateLimitError
from azure_agents.gateway.frames import Frames, choices_of
from azure_agents.gateway.marks import changed_events
from azure_agents.routing.sticky import marked

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
FILTER = b'data: {"choices":[],"prompt_filter_results":[]}\n\n'
WORD = 'data: {"choices":[{"index":0,"delta":{"content":"Grüße [DONE]"}}]}\n\n'.encode()
FINISH = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"too busy","code":"429"}}\n\n'
CHAT = FILTER + ROLE + WORD + FINISH + USAGE + DONE

MESSAGES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-x",'
    b'"usage":{"input_tokens":3,"output_tokens":1}}}\n\n'
    b'event: ping\ndata: {"type":"ping"}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"Hi"}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":9}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
RESPONSE = (
    b'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n'
    b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta",'
    b'"delta":"Hi"}\n\n'
    b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1",'
    b'"usage":{"input_tokens":3,"output_tokens":9}}}\n\n'
)
STREAMS = {"chat": CHAT, "messages": MESSAGES, "responses": RESPONSE}


def read(operation: str, pieces: list[bytes], **more: bool) -> tuple[list[bytes], Frames]:
    """What goes on for each piece, and the stream when it is over."""
    frames = Frames(operation, "testing", **more)
    return [*(frames.feed(piece) for piece in pieces), frames.end()], frames


@pytest.mark.parametrize("operation", STREAMS)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_stream_cut_anywhere_passes_byte_for_byte(operation: str, newline: bytes) -> None:
    """The same bytes, in whole events only, whatever the reads were; nothing before content."""
    whole = STREAMS[operation].replace(b"\n", newline)
    wrong = []
    for cut in range(1, len(whole)):
        passed, frames = read(operation, [whole[:cut], whole[cut:]])
        is_whole = all(piece.endswith(newline * 2) for piece in passed if piece)
        if b"".join(passed) != whole or not is_whole or not frames.is_done:
            wrong.append(cut)
    assert [] == wrong


@pytest.mark.parametrize("operation", STREAMS)
def test_what_a_stream_used_is_read(operation: str) -> None:
    """In each of the three forms, also where it comes in two parts."""
    _, frames = read(operation, [STREAMS[operation]])
    usage = frames.meter.usage
    told = {"chat": {"prompt_tokens": 3, "completion_tokens": 4}}
    assert told.get(operation, {"input_tokens": 3, "output_tokens": 9}) == usage


@pytest.mark.parametrize("operation", STREAMS)
def test_a_stream_that_is_cut_says_so(operation: str) -> None:
    """Wherever the bytes end, before the last event it is an error, and no part of one passes."""
    whole = STREAMS[operation]
    ends = DONE if operation == "chat" else b"\n"
    last = whole.removesuffix(b"\n\n").rindex(b"\n\n") + 2
    wrong = []
    for cut in range(last):
        frames = Frames(operation, "testing")
        passed = frames.feed(whole[:cut])
        try:
            passed += frames.end()
        except ProtocolError:
            continue
        if not (frames.is_done and passed.endswith(ends)):
            wrong.append(cut)
    assert [] == wrong


def test_nothing_goes_on_behind_the_end() -> None:
    """One terminal frame, whatever the upstream adds."""
    passed, _ = read("chat", [CHAT + DONE + WORD, DONE])
    assert CHAT == b"".join(passed)


def test_an_error_in_a_stream_is_its_end() -> None:
    """No [DONE] behind an error."""
    passed, frames = read("chat", [ROLE + WORD, ERROR + DONE])
    assert ROLE + WORD + ERROR == b"".join(passed)
    assert frames.failed


def test_an_error_before_the_first_content_is_an_error() -> None:
    """So another deployment can be asked, and a client hears a status."""
    frames = Frames("chat", "testing")
    assert b"" == frames.feed(FILTER + ROLE)
    with pytest.raises(RateLimitError):
        frames.feed(ERROR)


def test_the_usage_that_nobody_asked_for_is_hidden() -> None:
    """The rest passes."""
    passed, frames = read("chat", [CHAT], hides_usage=True)
    assert CHAT.replace(USAGE, b"") == b"".join(passed)
    assert 4 == frames.meter.usage["completion_tokens"]


def test_a_missing_last_line_break_is_no_cut() -> None:
    """Some servers leave it out."""
    passed, _ = read("chat", [CHAT[:-2]])
    assert CHAT == b"".join(passed)


def test_a_failed_response_before_content_is_an_error() -> None:
    """The words of the failed response are those of the error."""
    failed = (
        b'event: response.failed\ndata: {"type":"response.failed","response":{"error":'
        b'{"code":"server_error","message":"broke"}}}\n\n'
    )
    with pytest.raises(AzureAgentsError, match="broke"):
        Frames("responses", "testing").feed(failed)


def test_ids_of_a_stream_carry_their_mark() -> None:
    """Texts do not."""
    changed = changed_events(RESPONSE, lambda data: marked(data, "1f2e3d4c"))
    assert 2 == changed.count(b'"resp_1~1f2e3d4c"')
    assert b'"delta":"Hi"' in changed


@pytest.mark.parametrize(("finished", "is_whole"), [((0,), False), ((0, 1), True), ((1, 1), False)])
def test_every_choice_must_finish_where_done_is_missing(
    finished: tuple[int, ...], is_whole: bool
) -> None:
    """Of two that were asked for; then the end is added, else the stream was cut."""
    frames = Frames("chat", "testing", choices=2)
    for index in finished:
        frames.feed(FINISH.replace(b'"index":0', b'"index":%d' % index))
    if is_whole:
        assert frames.end().endswith(DONE)
        return
    with pytest.raises(ProtocolError, match="without its end"):
        frames.end()


@pytest.mark.parametrize(
    ("given", "choices"),
    [
        ({}, 1),
        ({"n": 3}, 3),
        ({"n": None, "prompt": "one"}, 1),
        ({"n": 2, "prompt": ["one", "two"]}, 4),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": [1, 2, 3]}, 1),  # the tokens of one
        ({"prompt": []}, 1),
    ],
)
def test_how_many_choices_a_call_asks_for(given: dict[str, Any], choices: int) -> None:
    """Each prompt has its own."""
    assert choices == choices_of(given)


MATTERS = [
    ("chat", FINISH),
    ("chat", FINISH.replace(b'":', b'" : ')),
    ("chat", USAGE),
    ("chat", DONE),
    ("chat", ERROR),
    ("chat", b"event: error\ndata: {}\n\n"),
    ("messages", b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
    ("messages", b'data: {"type":"error"}\n\n'),
    ("responses", b'data: {"type":"response.incomplete"}\n\n'),
    ("responses", b'event: error\ndata: {"type":"error"}\n\n'),
]


@pytest.mark.parametrize(("operation", "event"), MATTERS)
def test_what_matters_is_seen_between_what_does_not(operation: str, event: bytes) -> None:
    """In one read with deltas before it: its end is the end, its usage is read."""
    begun = STREAMS[operation].split(b"\n\n")[: 2 if operation == "responses" else 3]
    frames = Frames(operation, "testing")
    frames.feed(b"\n\n".join([*begun, b""]))
    assert not frames.is_done
    frames.feed(begun[-1] + b"\n\n" + event)
    assert frames.is_done or frames.meter.usage or frames.end()
