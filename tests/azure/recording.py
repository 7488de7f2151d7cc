"""Recorded Azure traffic as vcrpy cassettes, made when a test runs: nothing of it is copied here.

A cassette holds the requests of one play and what the service answered to them, read from
``../shared/recordings`` by `Recording`, a serializer of ours. A request matches by its method, its
path (an id that the recorder replaced stands for any of its kind), its query, and the *meaning* of
its body: one text is a list of one message, and so on. Where what we send differs in more than
form, `DIFFERENCES` says why and checks how, and every play names the differences that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from azure_agents.protocols.options import OPERATION

JSON = dict[str, Any]
FOLDER = Path(__file__).parents[3] / "shared" / "recordings"
ENDPOINT = "https://example.services.ai.azure.com/api/projects/example"
REPLACED = "Sanitized"  # what the recorder wrote instead of some ids in paths


class Difference(NamedTuple):
    """A field that we send otherwise, why, and whether it is otherwise in the way it should be."""

    why: str
    holds: Callable[[Any, Any, JSON], bool]  # ours, the recorded one, the message posted before


def _is_operation(ours: Any, recorded: Any, _: JSON) -> bool:
    return recorded is None and list(ours) == [OPERATION]


def _is_streamed(ours: Any, recorded: Any, _: JSON) -> bool:
    return ours is True and not recorded


def _is_message_before(ours: Any, recorded: Any, before: JSON) -> bool:
    return recorded is None and ours == [before]


def _is_left_out(ours: Any, recorded: Any, _: JSON) -> bool:
    return ours is None and recorded is not None


def _is_without_headers(ours: Any, recorded: Any, _: JSON) -> bool:
    kept = [{n: v for n, v in one.items() if n != "headers"} for one in recorded]
    return ours == kept != recorded


DIFFERENCES: dict[str, Difference] = {
    "metadata": Difference(
        "ours names the operation, so that a turn can be found whose answer was lost",
        _is_operation,
    ),
    "stream": Difference(
        "we stream every turn on a conversation, since nothing is posted there twice; the recorded "
        "object stands as the last event of a stream, as in recorded streams",
        _is_streamed,
    ),
    "additional_messages": Difference(
        "our run brings the message along that the SDK had posted before", _is_message_before
    ),
    "tool_resources": Difference(
        "a run of ours leaves the headers and approvals of MCP servers to its agent", _is_left_out
    ),
    "tool_approvals": Difference(
        "an approval of ours has no headers for the MCP server", _is_without_headers
    ),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request with its answer, and the message posted to its thread before."""

    number: int
    request: JSON
    response: JSON
    before: JSON
    differences: frozenset[str]

    @property
    def uri(self) -> str:
        """The address, below a project of ours."""
        query = urlencode(self.request.get("query") or {})
        return f"{ENDPOINT}{self.request['path']}" + (f"?{query}" if query else "")

    @property
    def answer(self) -> str:
        """The body of the answer as it goes over the wire."""
        if "sse" in self.response:
            return str(self.response["sse"])
        body = json.dumps(self.response["body"])
        if "stream" in self.differences:
            event = {"type": "response.completed", "response": self.response["body"]}
            return f"event: response.completed\ndata: {json.dumps(event)}\n\n"
        return body

    @property
    def interaction(self) -> JSON:
        """As vcrpy keeps it."""
        headers = dict(self.response["headers"])
        if "stream" in self.differences:
            headers["content-type"] = "text/event-stream; charset=utf-8"
        return {
            "request": {
                "method": self.request["method"],
                "uri": self.uri,
                "body": json.dumps(self.request["body"]),
                "headers": {"entry": [str(self.number)]},
            },
            "response": {
                "status": {"code": self.response["status"], "message": ""},
                "headers": {name: [value] for name, value in headers.items()},
                "body": {"string": self.answer},
            },
        }


class Recording:
    """A vcrpy serializer that reads some exchanges of a recording.

    Args:
        differences: The numbers of the exchanges, each with the differences of our request.
    """

    def __init__(self, differences: Mapping[int, Iterable[str]]) -> None:
        self._differences = {n: frozenset(names) for n, names in differences.items()}
        self.exchanges: dict[int, Exchange] = {}

    def deserialize(self, text: str) -> JSON:
        """Read the exchanges."""
        entries = json.loads(text)["entries"]
        for number, differences in self._differences.items():
            entry = entries[number]
            before = entries[number - 1]["request"] if number else {}
            posted = before.get("body") if before.get("path", "").endswith("/messages") else None
            self.exchanges[number] = Exchange(
                number, entry["request"], entry["response"], posted or {}, differences
            )
        return {
            "version": 1,
            "interactions": [exchange.interaction for exchange in self.exchanges.values()],
        }

    def serialize(self, cassette: JSON) -> str:
        """Never: recordings are read only."""
        raise TypeError("a recording of Azure is not written")

    def means_the_same(self, made: Any, recorded: Any) -> None:
        """A matcher of vcrpy, for the bodies."""
        exchange = self.exchanges[int(recorded.headers["entry"])]
        ours, theirs = meaning(made.body), meaning(json.dumps(exchange.request["body"]))
        other = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
        assert exchange.differences == other, f"not {set(exchange.differences)} differ, but {other}"
        for name in other:
            holds = DIFFERENCES[name].holds
            assert holds(ours.get(name), theirs.get(name), exchange.before), name


def goes_to_the_same_place(made: Any, recorded: Any) -> None:
    """A matcher of vcrpy, for paths and queries."""
    ours, theirs = urlsplit(made.uri), urlsplit(recorded.uri)
    assert (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
    replaced = re.escape(theirs.path).replace(REPLACED, r"run_\w+")
    assert re.fullmatch(replaced, ours.path), f"{ours.path} is not {theirs.path}"
    assert sorted(parse_qsl(ours.query)) == sorted(parse_qsl(theirs.query))


def meaning(body: bytes | str | None) -> JSON:
    """What a body asks for, in one of the forms that mean the same."""
    asked: JSON = dict(json.loads(body or "{}") or {})
    if "input" in asked:
        given = asked["input"]
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        asked["input"] = [_item(item) for item in items]
    agent = asked.get("agent_reference")
    if agent and "id" in agent:  # ``name:version``
        asked["agent_reference"] = {**agent, "version": agent["id"].rpartition(":")[2]}
        del asked["agent_reference"]["id"]
    return asked


def _item(item: JSON) -> JSON:
    if "role" not in item:
        return item
    content = item["content"]
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return {"type": "message", **item, "content": parts}
