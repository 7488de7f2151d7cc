"""An error is one line that repeats no credential, whatever a service says, and however it says it.

Errors end in logs. A line break in what a service calls an id would forge a line there, an escape
would command the terminal that shows it, and a proxy that repeats a request repeats its headers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from azure_agents.errors import AzureAgentsError, one_line

from .peers import HI, WAYS, Recorder, Whole, connect

CANARY = "canary-91d6e0f2c3b84a57"
FORGED = "2026-01-01 00:00:00 ERROR root: forged"
STREAM = {"content-type": "text/event-stream"}

# --- one line ------------------------------------------------------------------------------------

BREAKS = {
    "LF": "\n",
    "CR": "\r",
    "CRLF": "\r\n",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "form feed": "\x0c",
    "escape": "\x1b[2J\x1b]0;x\x07",
    "one-byte escape": "\x9b2J",
    "NUL": "\x00",
    "backspace": "\x08\x08",
}


def _event(name: str, **data: Any) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()


def _response(id: str, end: bytes) -> bytes:
    response = {"id": id, "status": "in_progress", "output": []}
    return _event("response.created", response=response) + end


def _run(id: str, thread: str, status: str = "expired") -> bytes:
    run = {"id": id, "thread_id": thread, "status": "in_progress"}
    ended = {**run, "status": status, "last_error": {"code": id, "message": thread}}
    return _event("thread.run.created", **run) + _event(f"thread.run.{status}", **ended)


# Where a service may put a text that our error repeats: model, and the stream it stands in.
PLACES: dict[str, tuple[str, Callable[[str], bytes]]] = {
    "id of a response": (
        "my-agent",
        lambda t: _response(t, _event("error", error={"message": "no", "code": "server_error"})),
    ),
    "message of an error": (
        "my-agent",
        lambda t: _response("resp_1", _event("error", error={"message": t, "code": t})),
    ),
    "reason of a failed response": (
        "my-agent",
        lambda t: _response(
            "resp_1",
            _event(
                "response.failed",
                response={"id": "resp_1", "status": "failed", "error": {"code": t, "message": t}},
            ),
        ),
    ),
    "no JSON": ("my-agent", lambda t: b"data: " + repr(t).encode() + b"\n\n"),
    "unexpected shape": (
        "my-agent",
        lambda t: _event("response.output_text.delta", delta=[t], item_id=t, content_index=0),
    ),
    "id of a run": ("asst_1", lambda t: _run(t, "thread_1")),
    "id of a thread": ("asst_1", lambda t: _run("run_1", t)),
    "reason of a failed run": ("asst_1", lambda t: _run("run_1", t, "failed")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("model", "stream"), PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("mark", BREAKS.values(), ids=BREAKS)
def test_an_error_is_one_line(
    mark: str, model: str, stream: Callable[[str], bytes], way: str
) -> None:
    """Text and message, as a log or a terminal shows them."""
    data = stream(f"x{mark}{FORGED}")
    network = Recorder(lambda _: httpx.Response(200, headers=STREAM, stream=Whole(data)))
    with pytest.raises(AzureAgentsError) as caught:
        WAYS[way](connect(network, model=model, sign_in={"api_key": "x"}, timeout=5.0), HI)
    shown = (str(caught.value), caught.value.message)
    assert [] == [c for text in shown for c in text if not c.isprintable()]


# --- no credential -------------------------------------------------------------------------------

HEADERS = {
    "api-key": ({"api_key": CANARY}, "api-key"),
    "bearer": ({"credential": CANARY}, "authorization"),
}


def _as_json(name: str, value: str) -> bytes:
    return json.dumps({"headers": {name: value}}).encode()


def _as_list(name: str, value: str) -> bytes:
    return json.dumps([[name, value], f"{name}: {value}"]).encode()


ECHOES: dict[str, Callable[[str, str], bytes]] = {
    "text": lambda name, value: f"{name}: {value}".encode(),
    "page": lambda name, value: f"<html><pre>{name.title()}: {value}</pre></html>".encode(),
    "JSON": _as_json,
    "list": _as_list,
    "JSON in JSON": lambda name, value: json.dumps({"x": _as_json(name, value).decode()}).encode(),
    "printed": lambda name, value: f"{{'{name}': '{value}'}}".encode(),
    "event": lambda name, value: f"data: {name}: {value}\n\n".encode(),
    "event of JSON": lambda name, value: b"data: " + _as_json(name, value) + b"\n\n",
    "event of another shape": lambda name, value: (
        b'data: {"type": "response.output_text.delta", "delta": '
        + _as_json(name, value)
        + b', "item_id": "m", "content_index": 0}\n\n'
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("sign_in", "header"), HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("status", [200, 400, 502])
def test_an_answer_that_repeats_the_request_is_not_repeated(
    status: int,
    echo: Callable[[str, str], bytes],
    sign_in: dict[str, Any],
    header: str,
    way: str,
) -> None:
    """Also one that claims to be a success; the answer that is none of the service's is quoted."""

    def answer(request: httpx.Request) -> httpx.Response:
        body = Whole(echo(header, request.headers[header]))
        return httpx.Response(status, headers=STREAM, stream=body)

    with pytest.raises(AzureAgentsError) as caught:
        WAYS[way](connect(Recorder(answer), sign_in=sign_in, timeout=5.0), HI)
    assert CANARY not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


BLOTTED = (
    f"api-key: {CANARY}",
    f'"api-key":"{CANARY}"',
    f"'api-key': '{CANARY}'",
    f"(b'api-key', b'{CANARY}')",
    f"x-api-key={CANARY}&y",
    f"Authorization: Bearer {CANARY}",
    f"eyJhbGciOiJub25lIn0.eyJleHAiOjF9.{CANARY}",
    f"https://user:{CANARY}@host/x",
    f"https://host/x?sv=1&sig={CANARY}&se=2",
)


@pytest.mark.parametrize("text", BLOTTED)
def test_every_error_of_ours_is_blotted(text: str) -> None:
    """Whoever makes it, with whatever he quotes."""
    error = AzureAgentsError(f"the answer was {text!r}\nand that is all")
    assert (False, False) == (CANARY in error.message, CANARY in str(error))
    assert "[hidden]" in error.message


FINE = (
    "pass api_key= or credential=; or set AZURE_AI_API_KEY",
    "api_key= has the type list, which is unknown",
    "https://r.services.ai.azure.com/api/projects/p does not answer",
    "mail somebody@example.com",
)


@pytest.mark.parametrize("text", FINE)
def test_what_is_no_secret_stays(text: str) -> None:
    """Our own advice, and addresses without a user."""
    assert text == one_line(text)
