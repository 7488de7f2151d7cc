"""Error answers, each in the envelope that the service uses for it.

The service has five envelopes, E1 to E5 below. A client must understand them all, so the emulator
never unifies them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...jsonio import JSON
    from .turns import Turn


class Problem(Exception):  # noqa: N818 - an answer, not a failure of ours
    """An error answer.

    Args:
        status: HTTP status.
        body: The JSON body; `Service.refusal` fills the request id into its place, if it has one.
        headers: Extra response headers.
        turn: The turn that made the service refuse; the refusal counts as a poll of it.
        has_request_id: Whether the answer carries ``x-request-id``.
    """

    def __init__(
        self,
        status: int,
        body: JSON,
        *,
        headers: dict[str, str] | None = None,
        turn: Turn | None = None,
        has_request_id: bool = True,
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}
        self.turn = turn
        self.has_request_id = has_request_id


def foundry(status: int, code: str, message: str) -> Problem:
    """Build E1: the Foundry layer of v2, as recorded for unknown agents and conversations."""
    error = {"code": code, "message": message, "type": "error"}
    return Problem(status, {"error": error | _footer()})


def invalid_payload(
    message: str, param: str | None = None, details: list[JSON] | None = None
) -> Problem:
    """Build E1, 400: schema validation; the request id is in the body only."""
    error = {
        "code": "invalid_payload",
        "message": message,
        "param": param,
        "type": "invalid_request_error",
    }
    body: JSON = {"error": error | _footer(details)}
    return Problem(400, body, has_request_id=False)


def invalid_values(faults: Iterable[tuple[str, str]]) -> Problem:
    """Build E1, 400: a validation error for each pair of JSON pointer and message."""
    details = [
        {"code": "ValidationError", "message": message, "param": pointer, "type": "error"}
        for pointer, message in faults
    ]
    return invalid_payload("Invalid payload", None, details)


def preview(status: int, code: str, message: str) -> Problem:
    """Build E2: some handlers of the v2 preview, with a key in snake case."""
    error = {"code": code, "message": message, "details": []}
    return Problem(status, {"error": error | {"additional_info": {"request_id": None}}})


def preview_required(what: str, feature: str) -> Problem:
    """Build E1, 403: a preview kind without its header; recorded without ``param``."""
    message = (
        f"{what} is in preview. This operation requires the following opt-in preview feature(s): "
        f"{feature}. Include the 'Foundry-Features: {feature}' header in your request."
    )
    error = {
        "code": "preview_feature_required",
        "message": message,
        "type": "invalid_request_error",
    }
    return Problem(403, {"error": error | _footer()})


def _footer(details: list[JSON] | None = None) -> JSON:
    return {"details": details or [], "additionalInfo": {"request_id": None}}


def openai(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    turn: Turn | None = None,
) -> Problem:
    """Build E3: the OpenAI layer, passed through in both generations."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return Problem(status, {"error": error}, turn=turn)


def server_error() -> Problem:
    """Build E3, 500: recorded once, for a tool that did not answer, without `retry-after`.

    `Service.refusal` fills the request id into the sentence.
    """
    message = (
        "An error occurred while processing your request. You can retry your request, or contact "
        "us through an Azure support request at: https://go.microsoft.com/fwlink/?linkid=2213926 "
        "if the error persists. Please include the request ID {request_id} in your message."
    )
    error = {"message": message, "type": "server_error", "param": None, "code": "server_error"}
    return Problem(500, {"error": error})


def conflict() -> Problem:
    """Build E1, 409: two clients change one object at once; quoted by users, not recorded."""
    error = {
        "code": "conflict",
        "message": "The resource already exists or was modified concurrently. Please retry.",
        "type": "error",
        "param": "",
    }
    return Problem(409, {"error": error | _footer()})


def gateway(status: int, code: str, message: str) -> Problem:
    """Build E4: routing, api-version, roles."""
    return Problem(status, {"error": {"code": code, "message": message}})


def unauthorized() -> Problem:
    """Build E5: API management refuses the token; there is no ``error`` key."""
    message = (
        "Unauthorized. Access token is missing, invalid, audience is incorrect "
        "(https://ai.azure.com/), or have expired."
    )
    return Problem(401, {"statusCode": 401, "message": message})


def bad_key() -> Problem:
    """Build E4, 401: a resource refuses a key; recorded, with the gateway's request id only."""
    message = (
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide "
        "a valid key for an active subscription and use a correct regional API endpoint for your "
        "resource."
    )
    problem = gateway(401, "401", message)
    problem.has_request_id = False
    return problem


def no_route() -> Problem:
    """Build E4, 404: the path is unknown."""
    return gateway(404, "404", "Resource not found")


def classic_not_found(kind: str, id: str) -> Problem:
    """Build E3, 404: a classic object is unknown; recorded without ``x-request-id``."""
    problem = openai(404, f"No {kind} found with id '{id}'.")
    problem.has_request_id = False
    return problem
