from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import (
    AgentNotFoundError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RunFailedError,
    ServerError,
    ServiceError,
    ThreadNotFoundError,
)
from azure_agents.service_errors.envelopes import (
    error_from_event,
    error_from_last_error,
    error_from_reply,
)

RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


def e1(code: str, message: str, param: str | None = None, **more: Any) -> dict[str, Any]:
    """Build an error of the Foundry layer."""
    inner = {"code": code, "message": message, "param": param, "type": "invalid_request_error"}
    return {"error": {**inner, "details": [], "additionalInfo": {"request_id": "body-id"}, **more}}


def e3(message: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """Build an error of the OpenAI layer."""
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    }


# The bodies are those of the protocol notes: recorded, quoted in issues, or of OpenAI's lineage.
REPLIES = [
    (
        401,
        {
            "statusCode": 401,
            "message": "Unauthorized. Access token is missing, invalid, audience is incorrect "
            "(https://ai.azure.com/), or have expired.",
        },
        AuthenticationError,
        None,
        "for the scope 'https://ai.azure.com/.default'",
    ),
    (
        401,
        {"error": {"code": "PermissionDenied", "message": "The principal `1` lacks the required"}},
        PermissionDeniedError,
        "PermissionDenied",
        "az role assignment create --role 'Azure AI User'",
    ),
    (
        403,
        e1("preview_feature_required", "Include the 'Foundry-Features: X' header"),
        PermissionDeniedError,
        "preview_feature_required",
        "Include the 'Foundry-Features: X' header",
    ),
    (403, e3("Public access is disabled"), PermissionDeniedError, None, "a firewall or private"),
    (
        404,
        {"error": {"code": "404", "message": "Resource not found"}},
        NotFoundError,
        "404",
        "check that the endpoint names an existing project",
    ),
    (404, e1("not_found", "Agent x doesn't exist"), AgentNotFoundError, "not_found", "name and v"),
    (404, e1("not_found", "Agent x with version not found"), AgentNotFoundError, "not_found", ""),
    (404, e1("not_found", "Agent x with version 9 not found"), AgentNotFoundError, "not_found", ""),
    (404, e3("No assistant found with id 'asst_x'."), AgentNotFoundError, None, ""),
    (
        404,
        e3("The API deployment for this resource does not exist.", "DeploymentNotFound"),
        AgentNotFoundError,
        "DeploymentNotFound",
        "is not deployed in this resource",
    ),
    (404, e1("not_found", "Unknown", "agent_reference"), AgentNotFoundError, "not_found", ""),
    (404, e3("Response with id 'resp_0' not found."), ThreadNotFoundError, None, "30 days"),
    (
        400,
        {"error": {"code": "bad_request", "message": "resp_0 not found", "details": []}},
        ThreadNotFoundError,
        "bad_request",
        "",
    ),
    (
        400,
        e3("Previous response with id 'x' not found.", "previous_response_not_found", "p"),
        ThreadNotFoundError,
        "previous_response_not_found",
        "",
    ),
    (404, e1("not_found", "Conversation 'conv_x' not found"), ThreadNotFoundError, "not_found", ""),
    (404, e3("Conversation with id 'conv_x' not found."), ThreadNotFoundError, None, ""),
    (404, e3("No thread found with id 'thread_x'."), ThreadNotFoundError, None, ""),
    (404, e3("No run found with id 'run_x'."), ThreadNotFoundError, None, ""),
    (404, e3("No message found with id 'msg_x'."), NotFoundError, None, ""),
    (
        400,
        e1("bad_request", "Invalid conversation id 'conv_x', Malformed identifier."),
        ThreadNotFoundError,
        "bad_request",
        "",
    ),
    (
        400,
        e3("Another process is operating on this conversation.", "conversation_locked", "conv"),
        BadRequestError,
        "conversation_locked",
        "",
    ),
    (
        409,
        e1("conflict", "The resource already exists or was modified concurrently.", ""),
        ConflictError,
        "conflict",
        "",
    ),
    (
        400,
        e1("invalid_payload", "Not allowed when agent is specified.", "temperature"),
        BadRequestError,
        "invalid_payload",
        "set it in the agent's own definition",
    ),
    (
        400,
        {"error": {"code": "UnsupportedApiVersionValue", "message": "Unsupported api version"}},
        BadRequestError,
        "UnsupportedApiVersionValue",
        "Unsupported api version",
    ),
    (
        429,
        e3("Too Many Requests", "too_many_requests"),
        RateLimitError,
        "too_many_requests",
        "Too Many Requests",
    ),
    (413, {}, BadRequestError, None, "an answer that is not the service's: '{}'"),
    (500, e3("The server had an error"), ServerError, None, "The server had an error"),
    (503, {"error": {"code": "InternalServerError", "message": "x"}}, ServerError, None, "x"),
    (200, {"error": "odd"}, ServiceError, None, "odd"),
]


@pytest.mark.parametrize(("status", "body", "cls", "code", "sentence"), REPLIES)
def test_every_envelope_becomes_its_error(
    status: int, body: Any, cls: type[ServiceError], code: str | None, sentence: str
) -> None:
    """Class by status, code, param and message; the message says what to do."""
    error = error_from_reply(status, {}, json.dumps(body).encode(), doing="creating a response")
    assert cls is type(error)
    assert code is None or code == error.code
    assert status == error.status
    assert error.message.startswith("creating a response: ")
    assert sentence in error.message


RECORDED = [
    ("classic/error_thread_not_found.json", ThreadNotFoundError, None),
    ("v2/error_400_unsupported_file.json", BadRequestError, "unsupported_file"),
    ("v2/error_403_preview_feature_required.json", PermissionDeniedError, "preview_feature_requi"),
    ("v2/error_404_response_deleted.json", ThreadNotFoundError, None),
    ("v2/error_404_unknown_agent.json", AgentNotFoundError, "not_found"),
    ("v2/conversation_operations_404.json", ThreadNotFoundError, "not_found"),
]


@pytest.mark.skipif(not RECORDINGS.exists(), reason="../shared/recordings is absent")
@pytest.mark.parametrize(("name", "cls", "code"), RECORDED)
def test_recorded_errors(name: str, cls: type[ServiceError], code: str | None) -> None:
    """What the service really sent is understood, request id included."""
    entries = json.loads((RECORDINGS / name).read_text())["entries"]
    (answer,) = [e["response"] for e in entries if e["response"]["status"] >= 400]
    headers, body = answer["headers"], json.dumps(answer["body"]).encode()
    error = error_from_reply(answer["status"], headers, body, doing="recorded")
    assert cls is type(error)
    assert (error.code or "").startswith(code or "")
    assert answer["body"]["error"]["message"][:200] in error.message
    named = answer["body"]["error"].get("additionalInfo") or {}
    header = headers.get("x-request-id", headers["apim-request-id"])
    assert named.get("request_id", header) == error.request_id


DENIED = {"error": {"code": "PermissionDenied", "message": "The principal lacks"}}
MISSING = e3("The API deployment for this resource does not exist.", "DeploymentNotFound")
FILTERED = {"error": {"code": "content_filter", "message": "filtered", "innererror": {}}}
ADVICE = [
    ("azure", 401, e3("no"), "for the scope 'https://cognitiveservices.azure.com/.default'"),
    ("azure", 401, DENIED, "the role 'Cognitive Services OpenAI User' on the resource"),
    ("azure", 403, e3("no"), "closed to this machine, or give the caller the role 'Cognitive"),
    ("azure", 404, MISSING, "the name of your deployment, which need not be that of its model"),
    ("azure", 404, e3("No such File object: file-1"), "check the name or id"),
    ("azure", 404, e3("Response with id 'r' not found."), "of another resource"),
    ("azure", 400, FILTERED, "or the content filter of the deployment"),
    ("azure", 307, {}, "use the resource's own URL as api_base="),
    ("anthropic", 401, e3("no"), "a key must be of the resource"),
    ("anthropic", 401, DENIED, "the role 'Cognitive Services User' on the resource"),
    ("openai", 401, e3("no"), "check the key: api_key=, or OPENAI_API_KEY"),
    ("openai", 404, e3("no", "model_not_found"), "check the name of the model"),
]


@pytest.mark.parametrize(("of", "status", "body", "words"), ADVICE)
def test_advice_fits_who_answered(of: Any, status: int, body: dict[str, Any], words: str) -> None:
    """A deployment has no agent, no project and another scope."""
    error = error_from_reply(status, {}, json.dumps(body).encode(), doing="x", of=of)
    assert words in error.message
    assert not any(word in error.message for word in ("agent", "project's", "ai.azure.com/"))


@pytest.mark.parametrize("of", ["azure", "anthropic", "openai"])
def test_only_agents_are_told_of_agents(of: Any) -> None:
    """Whatever the words of an error are, in answers and in streams."""
    for status, body, *_ in REPLIES:
        answer = error_from_reply(status, {}, json.dumps(body).encode(), doing="x", of=of)
        event = error_from_event(body, doing="x", of=of)
        for error in (answer, event):
            assert "agent" not in error.message.partition(" - ")[2], body


def test_details_are_joined_and_bounded() -> None:
    """The first complaints of a schema error are told, with the places."""
    details = [
        {"code": "ValidationError", "message": f"Value {n} is 'null'", "param": f"/input/{n}"}
        for n in range(90)
    ]
    body = json.dumps(e1("invalid_payload", "Invalid payload", details=details)).encode()
    error = error_from_reply(400, {}, body, doing="x")
    start = "x: Invalid payload; Value 0 is 'null' (at /input/0); Value 1 is 'null' (at /input/1)"
    assert error.message.startswith(start)
    assert "/input/0" == error.param
    assert len(error.message) <= 510


IDS = [
    ({"X-Request-ID": "a", "apim-request-id": "b"}, e1("invalid_payload", "m"), "body-id"),
    ({"X-Request-ID": "a", "apim-request-id": "b"}, e3("m"), "a"),
    ({"x-request-id": "a,a"}, e3("m"), "a"),  # recorded: a hosted agent
    ({"x-request-id": "a, b"}, e3("m"), "a,b"),
    ({"x-request-id": " ", "apim-request-id": "b"}, e3("m"), "b"),
    ({"Request-Id": "req_1"}, e3("m"), "req_1"),  # Claude's
    ({"apim-request-id": "b", "request-id": "req_1"}, e3("m"), "b"),
    ({"request-id": "a"}, {"type": "error", **e3("m"), "request_id": "req_1"}, "req_1"),
    ({}, {**e1("invalid_payload", "m"), "request_id": "req_1"}, "body-id"),
    ({}, {**e3("m"), "request_id": ["req_1"]}, None),
    ({}, e3("m"), None),
]


@pytest.mark.parametrize(("headers", "body", "expected"), IDS)
def test_the_request_id_is_found(
    headers: dict[str, str], body: dict[str, Any], expected: str | None
) -> None:
    """The one that the answer itself names, else the header's, in any case of letters."""
    error = error_from_reply(400, headers, json.dumps(body).encode(), doing="x")
    assert expected == error.request_id


def test_an_event_of_claude_has_its_request_id_too() -> None:
    """It stands beside the error, as in an answer."""
    event = {"type": "error", "error": {"message": "m"}, "request_id": "req_1"}
    assert "req_1" == error_from_event(event, doing="x").request_id


def test_the_old_envelope_has_its_request_id_too() -> None:
    """Preview handlers write `additional_info`."""
    body = b'{"error":{"code":"c","message":"m","additional_info":{"request_id":"r"}}}'
    assert "r" == error_from_reply(400, {}, body, doing="x").request_id


WAITS = [
    ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
    ({"retry-after-ms": "0", "retry-after": "1"}, "", 1.0),
    ({"retry-after-ms": "0"}, "Try again in 50 seconds.", 0.0),
    ({"Retry-After": "9"}, "Try again in 50 seconds.", 9.0),
    ({"retry-after": "0.5"}, "", 0.5),
    ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}, "", 30.0),
    ({"retry-after": "Fri, 20 Nov 2026 10:00:30 -0000"}, "", 30.0),
    ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT"}, "", 0.0),
    ({"retry-after": "-1"}, "", 0.0),
    ({"retry-after": "nan"}, "", None),
    ({"retry-after": "soon", "retry-after-ms": "inf"}, "", None),
    ({}, "Rate limit is exceeded. Try again in 50 seconds.", 50.0),
    ({}, "Please retry after 6 seconds.", 6.0),
    ({}, "Please try again in 250ms.", 0.25),
    ({}, "Please try again in 1.5s.", 1.5),
    ({}, "try again in 2 minutes", 120.0),
    ({}, "Please retry in a few seconds.", None),
]


@pytest.mark.parametrize(("headers", "message", "expected"), WAITS)
def test_how_long_to_wait(headers: dict[str, str], message: str, expected: float | None) -> None:
    """The finest header wins, prose comes last, nonsense counts for nothing."""
    now = 1795168800.0  # Fri, 20 Nov 2026 10:00:00 GMT
    body = json.dumps(e3(message)).encode()
    assert expected == error_from_reply(429, headers, body, doing="x", now=now).retry_after


REDIRECTS = [
    ("https://evil.com:8443/path?sig=secret", "a redirect to 'https://evil.com:8443'; redirects"),
    ("https://u:secret@evil.com/", "a redirect to 'https://evil.com'"),
    ("/elsewhere?secret", "a redirect to a path of the same host"),
    ("https://[secret", "a redirect to an unreadable address"),
    ("https://evil.com:secret/", "a redirect to an unreadable address"),
    ("", "a redirect to a path of the same host"),
]


@pytest.mark.parametrize(("location", "sentence"), REDIRECTS)
def test_a_redirect_is_an_error_that_shows_an_origin_only(location: str, sentence: str) -> None:
    """Redirects are not followed, and their targets may hold secrets."""
    error = error_from_reply(307, {"Location": location}, b"<a>secret</a>", doing="x")
    assert ServiceError is type(error)
    assert sentence in error.message
    assert "secret" not in str(error)


BODIES = [
    (b"", "an empty answer"),
    (b"\xff\xfe\x00", "an answer that is not the service's"),
    (b"<html><h1>502\r\nBad   Gateway</h1>" + b"x" * 10_000, "'<html><h1>502 Bad Gateway</h1>xxx"),
    (b"[" * 100_000, "an answer that is not the service's"),
    (b'"text"', "text"),
    (b"[]", "'[]'"),
    (b"null", "'null'"),
    (b'[{"error":{"message":"in a list"}}]', "in a list"),
    (b'{"error":{"message":{"a":1}}}', "an answer that is not the service's"),
    (b'{"message":"\\ud800 lone"}', "? lone"),
    (b'{"message":"one\\nline\\u2028only"}', "one line only"),
]


@pytest.mark.parametrize(("body", "sentence"), BODIES)
def test_other_bodies_keep_the_class_and_show_a_little(body: bytes, sentence: str) -> None:
    """A proxy's page or plain rubbish is still a bounded, printable error."""
    error = error_from_reply(502, {}, body, doing="x")
    assert ServerError is type(error)
    assert sentence in error.message
    assert len(error.message) < 700
    assert error.message.isprintable()


SECRETS = [
    f"bad token {JWT}!",
    f"Bearer {JWT}",
    "got Authorization: Bearer canary0123456789abcdef",
    "https://s/?sv=1&sig=canary%2Fabc&x",
    'headers {"api-key": "canary"}',
]


@pytest.mark.parametrize("text", SECRETS)
def test_what_looks_like_a_credential_is_blotted_out(text: str) -> None:
    """Proxies echo requests; their secrets do not reach a log."""
    for body in (text.encode(), json.dumps(e3(text)).encode()):
        error = error_from_reply(400, {}, body, doing="x")
        assert "[hidden]" in error.message
        assert not any(word in str(error) for word in ("canary", "c2lnbm", "eyJzdWI"))


def test_facts_of_the_turn_are_kept_through_a_pickle() -> None:
    """Errors cross process borders whole."""
    error = error_from_reply(
        429, {"retry-after": "2", "x-request-id": "r"}, b"{}", doing="x", agent="a:1", run_id="r1"
    )
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    expected = {"status": 429, "request_id": "r", "retry_after": 2.0, "agent": "a:1"}
    assert {**expected, "run_id": "r1"} == copied.facts


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "code",
                    "message",
                    "param",
                    "type",
                    "details",
                    "additionalInfo",
                    "request_id",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "Retry-After-Ms", "location", "x-request-id"]),
    st.text(max_size=40) | st.sampled_from(["1e999", "Mon, 99 Jan 0000 99:99:99 GMT", "//[", "9"]),
)


@given(st.integers(100, 999), HEADERS, VALUES.map(json.dumps).map(str.encode) | st.binary())
def test_no_answer_breaks_the_reading_of_errors(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    """Whatever a service, a proxy or an enemy sends is an error of ours."""
    error = error_from_reply(status, headers, body, doing="x")
    assert isinstance(error, ServiceError)
    assert len(str(error)) < 2000
    str(error).encode()


@given(VALUES)
def test_no_event_breaks_the_reading_of_errors(value: Any) -> None:
    """The same for errors inside a stream."""
    assert isinstance(error_from_event(value, doing="x"), ServiceError)
    failed = error_from_last_error(value, doing="x")
    assert isinstance(failed, RunFailedError | RateLimitError)


def test_an_integer_that_python_does_not_print_is_no_code() -> None:
    """Python refuses to write an integer of 5,000 digits, and we never ask it to."""
    assert error_from_event({"code": 10**5000, "message": "m"}, doing="x").code is None
