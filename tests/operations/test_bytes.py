"""Answers that are bytes: cut anywhere, closed early, larger than what is read ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import azure_agents
from azure_agents.errors import (
    AzureAgentsError,
    ConnectionLostError,
    DeadlineError,
    InvalidRequestError,
    ProtocolError,
    ServerError,
    StreamInterruptedError,
)
from azure_agents.models import byte_body, byte_call

from .calling import WAYS

WHERE = {"api_base": "https://r.openai.azure.com", "api_key": "a-key"}
DATA = bytes(range(256)) * 40
SPEECH = ("azure/voice", "say", "alloy")


class Clock:
    """Time that passes while somebody sleeps, or when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.now += seconds


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, which may break; tells whether it was closed, and how far it was read."""

    def __init__(self, data: bytes, size: int, *, broken: bool = False) -> None:
        self.is_closed = False
        self.read = 0
        self._pieces = [data[at : at + size] for at in range(0, len(data), size)]
        self._is_broken = broken

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.read += len(piece)
            yield piece
        if self._is_broken:
            raise httpx.ReadError("broken")

    async def __aiter__(self) -> Any:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


class Service:
    """Answers in turn; the last answer for good.

    Each is how many bytes come before the body breaks; None: all of them.
    """

    def __init__(self, *cuts: int | None, data: bytes = DATA, piece: int = 1000) -> None:
        self.bodies: list[Body] = []
        self.clock = Clock()
        self._cuts, self._data, self._piece = list(cuts), data, piece
        self.headers = {"content-type": "application/octet-stream"}
        self.is_sized = True

    def __call__(self, _: httpx.Request) -> httpx.Response:
        cut = self._cuts.pop(0) if len(self._cuts) > 1 else self._cuts[0]
        data = self._data if cut is None else self._data[:cut]
        body = Body(data, self._piece, broken=cut is not None)
        self.bodies.append(body)
        size = {"content-length": str(len(self._data))} if self.is_sized else {}
        return httpx.Response(200, stream=body, headers=self.headers | size)

    def ask(self, way: str, use: Callable[[Any], Any], *, of: str = "file", **more: Any) -> Any:
        """Ask for a file or for speech, and use the answer, in one event loop."""
        transport = httpx.MockTransport(self)
        seams = {"transport": transport, "async_transport": transport, "clock": self.clock}
        given: dict[str, Any] = {**WHERE, **seams, **more}
        name, args = ("file_content", ("file-1",)) if of == "file" else ("speech", SPEECH)
        if way == "sync":
            return use(getattr(azure_agents, name)(*args, **given))

        async def run() -> Any:
            used = use(await getattr(azure_agents, f"a{name}")(*args, **given))
            return await used if asyncio.iscoroutine(used) else used

        return asyncio.run(run())


def all_pieces(answer: Any) -> Any:
    """The pieces of an answer, in the way of its kind."""
    if not hasattr(answer, "aiter_bytes"):
        return list(answer.iter_bytes())

    async def run() -> list[bytes]:
        return [piece async for piece in answer.aiter_bytes()]

    return run()


def in_memory(answer: Any) -> Any:
    """All bytes of an answer, in the way of its kind."""
    return answer.aread() if hasattr(answer, "aread") else answer.content


def to_file(path: Path) -> Callable[[Any], Any]:
    """Write an answer to a file, in the way of its kind."""

    def write(answer: Any) -> Any:
        if hasattr(answer, "astream_to_file"):
            return answer.astream_to_file(path)
        return answer.stream_to_file(path)

    return write


@pytest.fixture
def little_ahead(monkeypatch: pytest.MonkeyPatch) -> int:
    """Only 2,000 bytes are read ahead, so that larger answers are small."""
    monkeypatch.setattr(byte_call, "AHEAD", 2000)
    return 2000


CUTS = [0, 1, 999, 1000, 1001, 1999, 2000, 2001, 5000, len(DATA) - 1]


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_is_cut_comes_whole(way: str, little_ahead: int, tmp_path: Path) -> None:
    """Wherever it is cut, and however it is read; no byte comes twice."""
    path = tmp_path / "file"
    uses = {"pieces": all_pieces, "memory": in_memory, "file": to_file(path)}
    for streamed in (False, True):
        for cut in CUTS:
            for name, use in uses.items():
                service = Service(cut, None)
                got = service.ask(way, use, stream=streamed)
                row = (streamed, cut, name, little_ahead)
                whole = {"pieces": b"".join, "file": lambda _: path.read_bytes()}
                assert DATA == whole.get(name, bytes)(got), row
                assert 2 == len(service.bodies), row
                assert all(body.is_closed for body in service.bodies), row
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("way", WAYS)
def test_speech_is_made_again_only_while_nobody_heard_it(
    way: str, little_ahead: int, tmp_path: Path
) -> None:
    """Into memory or a file nothing was handed out; of pieces everything was that came."""
    path = tmp_path / "speech.mp3"
    for cut in CUTS:
        for use in (in_memory, to_file(path)):
            service = Service(cut, None)
            service.ask(way, use, of="speech")
            assert 2 == len(service.bodies), (cut, use)
        heard = cut >= little_ahead
        service = Service(cut, None)
        service.headers = {"content-type": "audio/mpeg", "x-request-id": "r-1"}
        if not heard:
            assert DATA == b"".join(service.ask(way, all_pieces, of="speech")), cut
            continue
        with pytest.raises(StreamInterruptedError) as caught:
            service.ask(way, all_pieces, of="speech")
        facts = ("r-1", "azure/voice", 1)
        assert facts == (caught.value.request_id, caught.value.model, len(service.bodies)), cut


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("of", ["file", "speech"])
def test_what_stays_cut_is_an_error_and_no_file(
    way: str, of: str, little_ahead: int, tmp_path: Path
) -> None:
    """A file of that name keeps what it held."""
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    for cut in CUTS:
        service = Service(cut)
        with pytest.raises(ConnectionLostError):
            service.ask(way, to_file(path), of=of)
        assert (3, b"old") == (len(service.bodies), path.read_bytes()), (cut, little_ahead)
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("way", WAYS)
def test_a_body_that_ends_too_soon_is_cut(way: str) -> None:
    """Though the connection says nothing of it."""
    service = Service(None)
    service.headers["content-length"] = str(len(DATA) + 1)
    service.is_sized = False
    with pytest.raises(ConnectionLostError, match=rf"{len(DATA)} of {len(DATA) + 1} bytes"):
        service.ask(way, in_memory)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_changed_between_two_attempts_is_an_error(way: str, little_ahead: int) -> None:
    """Its halves belong to different files."""
    service = Service(5000, None)
    first = service.__call__

    def changing(request: httpx.Request) -> httpx.Response:
        answer = first(request)
        if len(service.bodies) > 1:
            answer.headers["content-length"] = "7"
        return answer

    transport = httpx.MockTransport(changing)
    more = {"transport": transport, "async_transport": transport}
    with pytest.raises(ProtocolError, match="came with another size"):
        service.ask(way, all_pieces, **more)
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_a_large_answer_is_read_once(way: str, little_ahead: int, tmp_path: Path) -> None:
    """Its size is known before; held by `content`, it can be had again."""

    def twice(answer: Any) -> Any:
        assert (False, len(DATA)) == (answer.is_whole, answer.size)
        if not hasattr(answer, "aread"):
            assert DATA == answer.content == answer.content == b"".join(answer.iter_bytes(7))
            return answer

        async def run() -> Any:
            assert DATA == await answer.aread() == answer.content == b"".join(answer.iter_bytes(7))
            return answer

        return run()

    assert Service(None).ask(way, twice).is_whole

    def again(answer: Any) -> Any:
        first = to_file(tmp_path / "a")(answer)

        async def run() -> Any:
            await first
            return await in_memory(answer)

        return run() if asyncio.iscoroutine(first) else in_memory(answer)

    with pytest.raises(InvalidRequestError, match="was read or closed already"):
        Service(None).ask(way, again)
    assert DATA == (tmp_path / "a").read_bytes()
    assert 2000 == little_ahead


def test_nothing_more_is_read_without_await(little_ahead: int, tmp_path: Path) -> None:
    """The methods without `await` say which one waits."""
    methods: list[tuple[Callable[[Any], Any], str]] = [
        (lambda answer: answer.content, r"await answer.aread\(\)"),
        (lambda answer: answer.text, r"await answer.aread\(\)"),
        (lambda answer: answer.read(), r"await answer.aread\(\)"),
        (lambda answer: list(answer.iter_bytes()), r"answer.aiter_bytes\(\)"),
        (lambda answer: list(answer.iter_lines()), r"answer.aiter_lines\(\)"),
        (lambda answer: answer.stream_to_file(tmp_path), r"await answer.astream_to_file\(path\)"),
    ]
    for method, said in methods:
        with pytest.raises(InvalidRequestError, match=said):
            Service(None).ask("async", method)
    assert [] == list(tmp_path.iterdir())
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_closing_early_closes_the_connection(way: str, little_ahead: int) -> None:
    """By `close`, by leaving the block, by leaving the loop, by forgetting it."""

    def closed(answer: Any) -> Any:
        return answer.aclose() if hasattr(answer, "aclose") else answer.close()

    def left(answer: Any) -> Any:
        async def run() -> None:
            async with answer:
                pass

        if hasattr(answer, "aclose"):
            return run()
        with answer:
            return None

    def broken(answer: Any) -> Any:
        async def run() -> None:
            pieces = answer.aiter_bytes(10)
            await anext(pieces)
            await pieces.aclose()
            assert service.bodies[0].is_closed

        if hasattr(answer, "aclose"):
            return run()
        pieces = answer.iter_bytes(10)
        next(pieces)
        pieces.close()
        assert service.bodies[0].is_closed
        return None

    for use in (closed, left, broken):
        service = Service(None)
        service.ask(way, use)
        assert (True, True) == (service.bodies[0].is_closed, service.bodies[0].read < 4000), use
    service = Service(None)
    service.ask(way, lambda _: None)
    assert service.bodies[0].is_closed, "forgotten"
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_progress_tells_how_far_it_is(way: str, little_ahead: int, tmp_path: Path) -> None:
    """Up to all of it, also if nobody said how much that is."""
    for is_sized in (True, False):
        for use in (all_pieces, in_memory, to_file(tmp_path / "a")):
            service, seen = Service(None), []
            service.is_sized = is_sized
            service.ask(way, use, progress=lambda *now, seen=seen: seen.append(now))
            done = [one for one, _ in seen]
            assert sorted(done) == done
            assert (len(DATA), len(DATA)) == seen[-1]
            assert (len(DATA) if is_sized else None) == seen[1][1]
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_for_the_whole_holds_while_it_is_read(way: str, little_ahead: int) -> None:
    """Without one that was passed a file may take as long as it goes on."""

    def slowly(service: Service) -> Callable[[Any], Any]:
        def use(answer: Any) -> Any:
            service.clock.now += 3600
            return all_pieces(answer)

        return use

    service = Service(None)
    assert DATA == b"".join(service.ask(way, slowly(service)))
    service = Service(None)
    with pytest.raises(DeadlineError, match="timeout=60"):
        service.ask(way, slowly(service), timeout=60)
    service = Service(None)
    with pytest.raises((DeadlineError, StreamInterruptedError), match="timeout=600"):
        service.ask(way, slowly(service), of="speech")
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_no_more_is_held_than_may_be(
    way: str, little_ahead: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is larger goes to a file, or comes in pieces."""
    monkeypatch.setattr(byte_body, "MAX_SIZE", 4000)
    for is_sized in (True, False):
        service = Service(None)
        service.is_sized = is_sized
        with pytest.raises(InvalidRequestError, match=r"at most 4000 are held: use stream_to_file"):
            service.ask(way, in_memory)
        assert service.bodies[0].is_closed
    Service(None).ask(way, to_file(tmp_path / "a"))
    assert DATA == (tmp_path / "a").read_bytes()
    assert 2000 == little_ahead


BAD: list[tuple[Callable[[Path], Any], str]] = [
    (lambda path: path / "none" / "file", "there is no folder"),
    (lambda path: f"{path}/none/", "there is no folder"),
    (lambda _: 5, "cannot write to a int"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_place_that_is_not_there_costs_nothing(way: str, tmp_path: Path) -> None:
    """The answer can be written elsewhere."""
    for place, said in BAD:

        def use(answer: Any, place: Any = place, said: str = said) -> Any:
            with pytest.raises(InvalidRequestError, match=said):
                answer.stream_to_file(place(tmp_path))
            with pytest.raises(InvalidRequestError, match="chunk_size must be"):
                answer.stream_to_file(tmp_path / "a", chunk_size=0)
            return answer.stream_to_file(tmp_path / "a")

        assert tmp_path / "a" == Service(None).ask(way, use)


@pytest.mark.parametrize("way", WAYS)
def test_a_disk_that_fails_leaves_nothing_behind(
    way: str, little_ahead: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half file, and no open connection."""
    write = azure_agents.models.byte_answers.FileSink.write

    def full(self: Any, offset: int, data: bytes) -> None:
        if offset > 3000:
            raise OSError(28, "No space left on device")
        write(self, offset, data)

    monkeypatch.setattr(azure_agents.models.byte_answers.FileSink, "write", full)
    service = Service(None)
    with pytest.raises(OSError, match="No space left"):
        service.ask(way, to_file(tmp_path / "a"))
    assert [] == list(tmp_path.iterdir())
    assert service.bodies[0].is_closed
    assert 2000 == little_ahead


@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_is_not_followed(way: str) -> None:
    """No address that an answer names is asked."""
    asked: list[str] = []

    def redirecting(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(302, headers={"location": "https://evil.example/file"})

    transport = httpx.MockTransport(redirecting)
    more = {"transport": transport, "async_transport": transport}
    with pytest.raises(AzureAgentsError) as caught:
        Service(None).ask(way, in_memory, **more)
    assert ({"r.openai.azure.com"}, 302) == (
        {httpx.URL(one).host for one in asked},
        caught.value.status,
    )


@pytest.mark.parametrize("way", WAYS)
def test_an_error_status_is_its_error(way: str) -> None:
    """With its id, after the retries."""

    def failing(_: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={}, headers={"apim-request-id": "r-7"})

    transport = httpx.MockTransport(failing)
    more = {"transport": transport, "async_transport": transport}
    with pytest.raises(ServerError) as caught:
        Service(None).ask(way, in_memory, **more)
    assert "r-7" == caught.value.request_id
