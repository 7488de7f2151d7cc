"""Every operation of the table under every fault: the right answer, or a typed error with its ids.

Each fault hits the answers of one operation, once or for good; what else a call asks for (the list
in which a lost create is looked up) is answered well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import httpx
import pytest

from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    BadRequestError,
    ConflictError,
    ConnectionLostError,
    DeadlineError,
    NotFoundError,
    NotSentError,
    ProtocolError,
    RateLimitError,
    ServerError,
    ServiceError,
    StreamInterruptedError,
    TimedOutError,
)
from azure_agents.models.operation_table import OPERATIONS

from ..covering import case
from .faulty_line import ID, Good, Line, Pieces, answer, body_of
from .operation_calls import DATED, ROWS, STREAMS, UNASKED, Row, Stage, call, essence

WAYS = ["sync", "async"]
VERSIONS = [None, DATED]
ERROR = b'{"error": {"code": "Oops", "message": "It went wrong."}}'
EVIL = "https://evil.example/openai?sig=canary"


# --- the faults --------------------------------------------------------------------------------


def lost(_: httpx.Request, good: Good) -> httpx.Response:
    """The request is applied, and no byte comes back."""
    good()
    raise httpx.ReadError("the connection was reset")


def refused(_: httpx.Request, __: Good) -> httpx.Response:
    """There is no connection."""
    raise httpx.ConnectError("refused")


def status(code: int, body: bytes = ERROR, **headers: str) -> Any:
    """Another status; a 5xx or 408 after the request was applied."""

    def spoil(_: httpx.Request, good: Good) -> httpx.Response:
        if code >= 500 or code == 408:
            good()
        return answer(code, body, **headers)

    return spoil


def instead(body: bytes, kind: str = "application/json") -> Any:
    """The request is applied, and another body comes, under a success."""

    def spoil(_: httpx.Request, good: Good) -> httpx.Response:
        good()
        return answer(200, body, kind)

    return spoil


def cut(share: float) -> Any:
    """The connection is lost in the body."""

    def spoil(_: httpx.Request, good: Good) -> httpx.Response:
        whole = good()
        body = body_of(whole)
        headers = {**whole.headers, "x-request-id": ID}
        pieces = Pieces(body[: int(len(body) * share)], is_lost=True)
        return httpx.Response(200, headers=headers, stream=pieces)

    return spoil


@dataclass(frozen=True)
class Fault:
    """One fault, and what is known of it.

    Attributes:
        spoil: See `Line`.
        error: Of a call that meets it until the end.
        status: Of that error.
        fate: Of the request: it was not applied, that is not known, or another would not help.
        wait: Seconds that the service asks for.
        code: Of that error.
    """

    spoil: Callable[[httpx.Request, Good], httpx.Response]
    error: type[AzureAgentsError]
    status: int | None
    fate: str
    wait: float = 0.0
    code: str | None = None


def _storm(code: int, error: type[AzureAgentsError], fate: str) -> Fault:
    return Fault(status(code), error, code, fate, code="Oops")


PASSING = {
    "lost": Fault(lost, ConnectionLostError, None, "unknown"),
    "refused": Fault(refused, NotSentError, None, "not applied"),
    "500": _storm(500, ServerError, "unknown"),
    "503, a page": Fault(status(503, b"<html>"), ServerError, 503, "unknown"),
    "408": _storm(408, BadRequestError, "unknown"),
    "409": _storm(409, ConflictError, "conflict"),
    "429 in ms": Fault(
        status(429, ERROR, retry_after_ms="1500"), RateLimitError, 429, "not applied", 1.5, "Oops"
    ),
    "429": Fault(
        status(429, ERROR, retry_after="1"), RateLimitError, 429, "not applied", 1.0, "Oops"
    ),
    "cut before the body": Fault(cut(0), ConnectionLostError, 200, "unknown"),
    "cut in the body": Fault(cut(0.7), ConnectionLostError, 200, "unknown"),
}
_NONE = Fault(instead(b""), ProtocolError, 200, "bad answer")
STAYING = {
    "401": _storm(401, AuthenticationError, "refused"),
    "404": _storm(404, NotFoundError, "refused"),
    "301": Fault(status(301, b"", location=EVIL), ServiceError, 301, "refused"),
    "302": Fault(status(302, b"", location=EVIL), ServiceError, 302, "refused"),
    "307": Fault(status(307, b"", location=EVIL), ServiceError, 307, "refused"),
    "308": Fault(status(308, b"", location=EVIL), ServiceError, 308, "refused"),
    "half of a document": Fault(instead(b'{"id": "x", "ch'), ProtocolError, 200, "bad answer"),
    "nothing": _NONE,
    "a page": Fault(instead(b"<html>", "text/html"), ProtocolError, 200, "bad answer"),
    "an empty page": Fault(instead(b"", "text/html"), ProtocolError, 200, "bad answer"),
    "a list": Fault(instead(b"[]"), ProtocolError, 200, "bad answer"),
    "null": Fault(instead(b"null"), ProtocolError, 200, "bad answer"),
    "an empty object": Fault(instead(b"{}"), ProtocolError, 200, "bad answer"),
    "an error": Fault(instead(ERROR), ServiceError, None, "bad answer", code="Oops"),
}
FAULTS = PASSING | STAYING


def is_right(row: Row, fault: str) -> bool:
    """Whether what comes is a right answer after all."""
    of = row.operation.name
    is_empty = fault in ("nothing", "an empty page")
    if is_empty and of != "file_content":  # a success without a body says enough
        return of.startswith(("cancel_batch", "cancel_fine", "file_delete", "delete_"))
    is_file = fault in STAYING and FAULTS[fault].fate == "bad answer" and "page" not in fault
    return of == "file_content" and is_file  # a file may hold anything


# --- one call ------------------------------------------------------------------------------------


@dataclass
class Met:
    """How one call went."""

    line: Line
    waited: float
    answer: Any = None
    came: Any = ()
    error: AzureAgentsError | None = None

    def check_facts(self, fault: Fault) -> None:
        """Check that the error says what it was: its class, status, code, request and model."""
        error = self.error
        assert error is not None
        facts = (type(error), error.status, error.code, error.request_id)
        id = (
            ID if fault.error not in (NotSentError, TimedOutError) and fault.spoil != lost else None
        )
        assert (fault.error, fault.status, fault.code, id) == facts
        assert error.model
        assert error.model in str(error)
        assert "canary" not in str(error)


def meet(
    row: Row, way: str, spoil: Any, *, times: int | None = None, stage: Stage, **more: Any
) -> Met:
    """Make a call on a spoilt line."""
    line = Line(stage.foundry, row.operation, spoil, times)
    given = {**stage.foundry.deployment_connection(), **row.given(stage), **line.seams, **more}
    if row.operation.name == "messages":
        given.pop("api_version", None)
    began = stage.foundry.clock.time()
    met = Met(line, 0.0, came=[])
    try:
        met.answer = call(row, way, given, met.came)
    except AzureAgentsError as error:
        met.error = error
    met.waited = stage.foundry.clock.time() - began
    assert {httpx.URL(stage.foundry.resource).host} == line.hosts
    return met


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A new emulator."""
    made = Stage()
    yield made
    made.foundry.close()


def unspoilt(row: Row, stage: Stage, **more: Any) -> Any:
    """The essence of the right answer."""
    return essence(meet(row, "sync", lambda _, good: good(), stage=stage, **more).answer)


def test_every_operation_is_called() -> None:
    """The table of calls is the table of operations, but for what nothing asks."""
    assert OPERATIONS.keys() - UNASKED == {row.operation.name for row in ROWS.values()}
    streams = {row.operation.name for row in ROWS.values() if row.stream and not row.is_bytes}
    # Of edits only whole pictures are asked for.
    assert {name for name, one in OPERATIONS.items() if one.streams} - {"image_edit"} == streams


# --- once, and for good --------------------------------------------------------------------------


def _is_interrupted(row: Row, fault: str) -> bool:
    """Whether a caller has the beginning, so that nothing can be made again unseen."""
    had = row.stream and row.operation.name not in ("image_generation", "file_content")
    return fault == "cut in the body" and had


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("name", ROWS)
def test_what_passes_is_not_seen(
    name: str, fault: str, way: str, version: str | None, stage: Stage
) -> None:
    """One fault costs one more request; of what must not be made twice none, but a look."""
    row, known = ROWS[name], FAULTS[fault]
    met = meet(row, way, known.spoil, times=1, stage=stage, api_version=version)
    if row.is_create and known.fate == "conflict":
        return met.check_facts(known)
    if _is_interrupted(row, fault):
        assert (StreamInterruptedError, 1) == (type(met.error), met.line.hits)
        return None
    if met.error is not None:
        raise met.error
    assert unspoilt(row, stage, api_version=version) == essence(met.answer)
    is_found = row.is_create and known.fate == "unknown"
    assert (1 if is_found else 2) == met.line.hits
    assert known.wait <= met.waited <= max(known.wait, 1.5)
    if is_found:
        assert "was found in the list" in met.answer._hidden_params["notes"][-1]
    return None


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ROWS)
def test_what_stays_is_a_typed_error(
    name: str, fault: str, way: str, version: str | None, *, retries: int, stage: Stage
) -> None:
    """After as many requests as `max_retries` says, and no more than one where none would help."""
    row, known = ROWS[name], FAULTS[fault]
    more = {"api_version": version, "max_retries": retries}
    met = meet(row, way, known.spoil, stage=stage, **more)
    if is_right(row, fault) or (row.is_create and known.fate in ("unknown", "bad answer")):
        assert (None, 1) == (met.error, met.line.hits)
    elif _is_interrupted(row, fault):
        assert (StreamInterruptedError, 1) == (type(met.error), met.line.hits)
    else:
        met.check_facts(known)
        assert _tries(row, known, retries) == met.line.hits
        assert known.wait * retries <= met.waited


def _tries(row: Row, fault: Fault, retries: int) -> int:
    """How many requests a call makes that meets a fault each time."""
    if fault.fate in ("refused", "bad answer") or (row.is_create and fault.fate != "not applied"):
        return 1
    # A connection that says nothing may have died while it idled: once more, if that is allowed.
    return 1 + retries + (fault.spoil == lost and retries > 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", [name for name, one in FAULTS.items() if one.fate != "refused"])
@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.is_create])
def test_nothing_is_made_twice(name: str, fault: str, way: str, stage: Stage) -> None:
    """The resource has as many new objects as the call gave."""
    row, listing = ROWS[name], f"{LISTS[name]}"
    given = row.given(stage)  # a file to begin with
    before = len(stage.ask(listing).data)
    fixed = Row(row.operation, row.function, lambda _: given)
    met = meet(fixed, way, FAULTS[fault].spoil, times=1, stage=stage)
    assert (met.error is None) + before == len(stage.ask(listing).data)


LISTS = {
    "create_file": "file_list",
    "create_batch": "list_batches",
    "create_fine_tuning_job": "list_fine_tuning_jobs",
}


# --- slow ----------------------------------------------------------------------------------------


def slow(stage: Stage) -> Any:
    """No head comes in the time that the client allows; every request allows some time."""

    def spoil(request: httpx.Request, good: Good) -> httpx.Response:
        good()
        stage.foundry.clock.sleep(request.extensions["timeout"].get("read"))
        raise httpx.ReadTimeout("timed out")

    return spoil


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ROWS)
def test_a_slow_head_ends_with_the_call_s_deadline(
    name: str, way: str, version: str | None, stage: Stage
) -> None:
    """On a clock that stands still: no longer than the caller said, and no second request."""
    row = ROWS[name]
    met = meet(row, way, slow(stage), stage=stage, api_version=version, timeout=5)
    assert (DeadlineError, 1) == (type(met.error), met.line.hits)
    assert met.error is not None
    assert met.error.model
    assert 0 < met.waited <= 5.001


# --- streams -------------------------------------------------------------------------------------


def _pieces_of(data: bytes) -> list[int]:
    """Places to cut: behind every event, in its middle, and a byte before its end."""
    ends, at = [0], 0
    while (at := data.find(b"\n\n", at)) >= 0:
        at += 2
        ends.append(at)
    middles = [(a + b) // 2 for a, b in pairwise(ends)]
    return sorted({*ends, *middles, *(end - 1 for end in ends[1:]), len(data)})


def _replay(data: bytes, *, is_lost: bool) -> Any:
    def spoil(_: httpx.Request, __: Good) -> httpx.Response:
        headers = {"content-type": "text/event-stream", "x-request-id": ID}
        return httpx.Response(200, headers=headers, stream=Pieces(data, is_lost=is_lost))

    return spoil


def _recorded(row: Row, stage: Stage) -> bytes:
    """The bytes of the stream that the emulator gives."""
    kept: list[bytes] = []

    def keep(_: httpx.Request, good: Good) -> httpx.Response:
        whole = good()
        kept.append(body_of(whole))
        return whole

    meet(row, "sync", keep, stage=stage)
    return kept[0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_cut_anywhere(name: str, way: str, stage: Stage) -> None:
    """What came is the beginning of the whole, and the end is one error, unless nothing lacks."""
    row = ROWS[name]
    data = _recorded(row, stage)
    given = row.given(stage)
    row = Row(row.operation, row.function, lambda _: given, stream=True)
    whole = meet(row, way, _replay(data, is_lost=False), stage=stage).came
    ends: dict[bool, list[bool]] = {False: [], True: []}
    for place in _pieces_of(data):
        for is_lost in (False, True):
            with case(f"cut behind byte {place} of {len(data)}, lost: {is_lost}"):
                replay = _replay(data[:place], is_lost=is_lost)
                met = meet(row, way, replay, stage=stage, max_retries=0)
                _check_cut(met, whole)
                ends[is_lost].append(met.error is None)
    for one in ends.values():
        assert sorted(one) == one  # once nothing lacks, nothing lacks any more
        assert (False, True) == (one[len(one) // 2], one[-1])


def _said(chunk: Any) -> dict[str, Any]:
    """A chunk without the time of this machine, which Claude's have."""
    return {name: value for name, value in chunk.model_dump().items() if name != "created"}


def _check_cut(met: Met, whole: list[Any]) -> None:
    assert list(map(_said, whole[: len(met.came)])) == list(map(_said, met.came))
    assert 1 == met.line.hits
    if met.error is None:
        assert len(whole) == len(met.came)
        return
    expected = StreamInterruptedError if met.came else ConnectionLostError
    facts = (type(met.error), met.error.status, met.error.request_id)
    assert (expected, 200, ID) == facts
    assert met.error.model
    if met.came:
        assert essence(met.came) == met.error.partial_text
