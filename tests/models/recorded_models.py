"""Recorded traffic of deployments as vcrpy cassettes, made when a test runs: nothing is copied.

A call of ours is read from each recorded request: the function, the model string, the arguments.
What the call sends is matched against the recorded request by method, by place (where others went
elsewhere, `PLACES` says where we go) and by the *meaning* of its body. Where ours differs in more
than form, `DIFFERENCES` says why and checks how.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from .recorded_claude import to_chat, without_form

JSON = dict[str, Any]
FOLDER = Path(__file__).parents[3] / "shared" / "recordings" / "models"
HOST = "https://example.services.ai.azure.com"


class Place(NamedTuple):
    """Where a recorded request went, where ours goes, and why that is the same place."""

    recorded: str
    ours: str
    keeps_query: bool
    why: str


PLACES = (
    Place(
        r"/models/(.+)",
        r"/openai/v1/\1",
        False,
        "other models of Foundry are asked on the surface without versions; `/models` is retired",
    ),
    Place(r"/v1/(messages.*)", r"/anthropic/v1/\1", False, "recorded at Anthropic, not in Foundry"),
    Place(r"//openai/(.+)", r"/openai/\1", True, "a doubled slash means nothing to the service"),
    Place(r"/(fine_tuning/.+)", r"/openai/v1/\1", False, "it was asked at a wrong place: a 404"),
    Place(r"/(deployments/.+)", r"/openai/\1", True, "the recorder lost the beginning of the path"),
)


class Difference(NamedTuple):
    """A field that we send otherwise, why, and whether it is otherwise in the way it should be."""

    why: str
    holds: Callable[[Any, Any, str], bool]  # ours, the recorded one, and where ours goes


DIFFERENCES = {
    "model": Difference(
        "where a deployment is in the path, the body's counts for nothing: ours names it all the "
        "same, but for images, whose dated routes users report to refuse it",
        lambda ours, theirs, uri: (
            ours is None if "/images/" in uri else not theirs or "/deployments/" in uri
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call of ours that asks what a recorded request asks.

    Attributes:
        function: The name of the sync function; the async one has an ``a`` before it.
        arguments: Of the call.
    """

    function: str
    arguments: JSON

    @property
    def is_streamed(self) -> bool:
        """Whether the answer comes in pieces."""
        return bool(self.arguments.get("stream"))


def files() -> list[str]:
    """All recordings, such as ``openai/chat_plain_gpt4o_dated``."""
    return sorted(f"{path.parent.name}/{path.stem}" for path in FOLDER.glob("*/*.json"))


def entries(file: str) -> list[JSON]:
    """The exchanges of a recording."""
    found: list[JSON] = json.loads((FOLDER / f"{file}.json").read_text("utf-8"))["entries"]
    return found


def function_of(request: JSON) -> tuple[str, str]:
    """The function that asks what a recorded request asks, and the id that its path names.

    Raises:
        LookupError: We have no function for its operation.
    """
    below = re.sub(_SURFACES, "/", request["path"])
    for method, pattern, function in FUNCTIONS:
        found = re.fullmatch(pattern, below)
        if method == request["method"] and found:
            return function, found[1] if found.groups() else ""
    raise LookupError(f"no function for {request['method']} {below}")


_SURFACES = r"^/+(?:openai/(?:v1/)?|models/|v1/)?(?:deployments/[^/]+/)?"
_ID = r"/([^/]+)"
# The function for each operation.
FUNCTIONS = (
    ("POST", "/chat/completions", "completion"),
    ("POST", "/messages", "completion"),
    ("POST", "/completions", "text_completion"),
    ("POST", "/embeddings", "embedding"),
    ("POST", "/images/generations", "image_generation"),
    ("POST", "/audio/speech", "speech"),
    ("POST", "/audio/transcriptions", "transcription"),
    ("POST", "/responses", "responses"),
    ("GET", f"/responses{_ID}", "get_response"),
    ("DELETE", f"/responses{_ID}", "delete_response"),
    ("POST", "/files", "create_file"),
    ("GET", f"/files{_ID}", "file_retrieve"),
    ("DELETE", f"/files{_ID}", "file_delete"),
    ("GET", f"/files{_ID}/content", "file_content"),
    ("POST", "/batches", "create_batch"),
    ("GET", f"/batches{_ID}", "retrieve_batch"),
    ("POST", "/fine_tuning/jobs", "create_fine_tuning_job"),
    ("GET", f"/fine_tuning/jobs{_ID}", "retrieve_fine_tuning_job"),
    ("POST", f"/fine_tuning/jobs{_ID}/cancel", "cancel_fine_tuning_job"),
)
_IDS = {
    "response": "response_id",
    "file": "file_id",
    "batch": "batch_id",
    "fine_tuning_job": "fine_tuning_job_id",
}


def call_of(exchange: JSON) -> Call:
    """The call that asks what a recorded request asks."""
    request = exchange["request"]
    function, id = function_of(request)
    body = dict(request["body"] or {})
    given = _place_of(request, body.pop("model", None))
    if id:
        (name,) = (named for kind, named in _IDS.items() if kind in function)
        return Call(function, {**given, name: id})
    if "multipart" in request["headers"].get("content-type", ""):
        body = _form_of(function, exchange["response"]["body"])
    if "messages" in request["path"]:
        body = to_chat(body)
    return Call(function, {**given, **body})


def _place_of(request: JSON, named: str | None) -> JSON:
    """Where, who and which model: a deployment in the path counts more than one in the body."""
    path, query = request["path"], request.get("query") or {}
    given: JSON = {"api_base": HOST, "api_key": "a-key"}
    if path.startswith("/v1/messages"):
        return {**given, "model": f"azure_ai/{named}", "api_base": f"{HOST}/anthropic"}
    if path.startswith("/models"):
        return {**given, "model": f"azure_ai/{named}", "api_base": f"{HOST}/models"}
    if "api-version" in query:
        given["api_version"] = query["api-version"]
    dated = re.search(r"/deployments/([^/]+)", path)
    model = dated[1] if dated else named
    # Functions for files, batches and jobs name none.
    of_model = request["body"] is not None and "batches" not in path
    return {**given, "model": f"azure/{model or 'gpt-4o'}"} if model or of_model else given


def _form_of(function: str, told: Any) -> JSON:
    """The fields of a form, which no recorder kept: those that lead to this answer."""
    if function == "create_file":
        return {"file": (told["filename"], b"{}\n"), "purpose": told["purpose"]}
    kind = "verbose_json" if isinstance(told, dict) else "srt"
    return {"file": ("a.wav", b"sound"), "response_format": kind}


class Recording:
    """A vcrpy serializer that reads one exchange of a recording.

    Args:
        number: Of the exchange.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self.differences: set[str] = set()
        self.moved_by: Place | None = None

    def deserialize(self, text: str) -> JSON:
        """Read the exchange."""
        entry = json.loads(text)["entries"][self._number]
        request, response = entry["request"], entry["response"]
        made = {
            "method": request["method"],
            "uri": self._uri(request),
            "body": json.dumps(request["body"]),
            "headers": {},
        }
        return {"version": 1, "interactions": [{"request": made, "response": as_vcr(response)}]}

    def serialize(self, cassette: JSON) -> str:
        """Never: recordings are read only."""
        raise TypeError("a recording of Azure is not written")

    def _uri(self, request: JSON) -> str:
        path, query = request["path"], urlencode(request.get("query") or {})
        for place in PLACES:
            if re.fullmatch(place.recorded, path):
                self.moved_by = place
                path = re.sub(place.recorded, place.ours, path, count=1)
                query = query if place.keeps_query else ""
        return f"{HOST}{path}" + (f"?{query}" if query else "")

    def means_the_same(self, made: Any, recorded: Any) -> None:
        """A matcher of vcrpy, for the bodies; of a form nothing was kept but that it was one."""
        if b"multipart" in str(made.headers.get("content-type")).encode():
            assert "null" == recorded.body.decode()
            return
        ours, theirs = meaning(made.body), meaning(recorded.body)
        other = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
        for name in other:
            assert name in DIFFERENCES, f"{name}: {ours.get(name)!r} is not {theirs.get(name)!r}"
            assert DIFFERENCES[name].holds(ours.get(name), theirs.get(name), made.uri), name
        self.differences |= other


def as_vcr(response: JSON) -> JSON:
    """An answer as vcrpy keeps it."""
    return {
        "status": {"code": response["status"], "message": ""},
        "headers": {name: [value] for name, value in response["headers"].items()},
        "body": {"string": body_of(response)},
    }


def body_of(response: JSON) -> str:
    """The body of an answer as it goes over the wire; what was no JSON is a text already."""
    body = response.get("sse", response.get("body"))
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body)


def goes_to_the_same_place(made: Any, recorded: Any) -> None:
    """A matcher of vcrpy, for origins, paths and queries."""
    ours, theirs = urlsplit(made.uri), urlsplit(recorded.uri)
    assert (ours.netloc, ours.path) == (theirs.netloc, theirs.path)
    assert sorted(parse_qsl(ours.query)) == sorted(parse_qsl(theirs.query))


def meaning(body: bytes | str | None) -> Mapping[str, Any]:
    """What a body asks for, in one of the forms that mean the same."""
    asked: JSON = dict(json.loads(body or "{}") or {})
    if asked.get("stream") is False:  # that is the default
        del asked["stream"]
    return without_form(asked)
