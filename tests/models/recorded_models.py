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
    Place(r"/(deployments/.+)", r"/openai/\1", True, "the recorder lost the beginning of the path"),
)


class Difference(NamedTuple):
    """A field that we send otherwise, why, and whether it is otherwise in the way it should be."""

    why: str
    holds: Callable[[Any, Any], bool]  # ours, the recorded one


DIFFERENCES = {
    "model": Difference(
        "ours is in the body on both surfaces; the dated one does not look at it",
        lambda ours, theirs: theirs is None and isinstance(ours, str),
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


def call_of(request: JSON) -> Call:
    """The call that asks what a recorded request asks.

    Raises:
        KeyError: We have no function for its operation.
    """
    path, query = request["path"], request.get("query") or {}
    body = {k: v for k, v in (request["body"] or {}).items() if k != "model"}
    named = (request["body"] or {}).get("model")
    dated = re.search(r"/deployments/([^/]+)", path)
    base: JSON = {"api_base": HOST, "api_key": "a-key"}
    if "api-version" in query and not path.startswith("/models"):
        base["api_version"] = query["api-version"]
    model = f"azure/{dated[1] if dated else named}"
    if path.startswith("/v1/messages"):
        model, base["api_base"] = f"azure_ai/{named}", f"{HOST}/anthropic"
        body = to_chat(body)
    if path.startswith("/models"):
        model, base["api_base"] = f"azure_ai/{named}", f"{HOST}/models"
    operation = re.sub(r".*/deployments/[^/]+|^/+(openai(/v1)?|models|v1)(?=/)", "", path)
    return Call(FUNCTIONS[operation], {"model": model, **base, **body})


# The function for each operation; `test_recordings.py` names those to come.
FUNCTIONS = {"/chat/completions": "completion", "/messages": "completion"}


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
        """A matcher of vcrpy, for the bodies."""
        ours, theirs = meaning(made.body), meaning(recorded.body)
        other = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
        for name in other:
            assert name in DIFFERENCES, f"{name}: {ours.get(name)!r} is not {theirs.get(name)!r}"
            assert DIFFERENCES[name].holds(ours.get(name), theirs.get(name)), name
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
