"""Cassettes as files that people can read and publish: what goes in, and how it is written.

`scrub` is the one place where a recording loses what nobody else may see. It works on the whole
cassette just before it is written, so nothing reaches a file around it. Headers are kept by an
allow-list. What a dropped header held (a token, a key, a request id) is also removed wherever else
it stands, and so is everything that has the form of a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

JSON = dict[str, Any]

ENDPOINT = "https://example.services.ai.azure.com/api/projects/example"
REMOVED = "(removed)"
KEPT_HEADERS = {"accept", "content-type", "retry-after", "retry-after-ms"}

_NOTHING = "00000000-0000-0000-0000-000000000000"
_SHORTEST_SECRET = 8  # anything shorter is a word that stands in bodies too: "gzip", "chunked"
# In this order: what stands in a secret's place (a header, a field, a query) goes whole.
_FORMS = (
    (re.compile(r'(?i)("(?:[\w-]*(?:api[-_]?key|secret|password|[a-z]_token)|authorization)"\s*:\s*)"[^"]*"'),
     rf'\1"{REMOVED}"'),
    (re.compile(r"(?i)([?&](?:[\w-]*key|code|sig|[\w-]*token|[\w-]*secret)=)[^&#\s\"]+"), rf"\1{REMOVED}"),
    (re.compile(r"(?i)(\b(?:Bearer|Basic) )[\w.~+/=-]+"), rf"\1{REMOVED}"),
    (re.compile(r"\bey[\w-]+\.[\w-]+\.[\w-]*"), REMOVED),  # a JWT
    (re.compile(r"(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), _NOTHING),  # a tenant …
    (re.compile(r"(?i)\b[\w-]+(\.onmicrosoft\.com)"), r"example\1"),
    (re.compile(r"(?i)\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), REMOVED),
)


def scrub(cassette: JSON, *, endpoint: str, secrets: Sequence[str] = ()) -> JSON:
    """Give a copy without credentials, request ids, host names and ids of tenants.

    Args:
        cassette: As vcrpy serializes it.
        endpoint: The project endpoint that was recorded; it becomes `ENDPOINT`.
        secrets: Texts to remove besides those that are found.
    """
    sides = [one[side] for one in cassette["interactions"] for side in ("request", "response")]
    found = {value for side in sides for value in _dropped_values(side.get("headers") or {})}
    known = sorted({*found, *secrets} - {""}, key=len, reverse=True)
    return {**_cleaned(_with_kept_headers(cassette), _places(endpoint), known)}


def _with_kept_headers(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_kept_headers(one) for one in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _with_kept_headers(one) for key, one in value.items() if key != "headers"}
    if "headers" in value:
        headers = value["headers"] or {}
        copied["headers"] = {k.lower(): v for k, v in headers.items() if k.lower() in KEPT_HEADERS}
    return copied


def _dropped_values(headers: Mapping[str, Any]) -> Iterator[str]:
    for name, values in headers.items():
        for value in [values] if isinstance(values, str) else values:
            words = re.split(r"[\s;,=]+", value)
            if name.lower() not in KEPT_HEADERS and name.lower() not in _HARMLESS:
                yield from (word for word in words if len(word) >= _SHORTEST_SECRET)


# Dropped as well, but what they say is no secret and stands in bodies.
_HARMLESS = {
    "accept-encoding", "cache-control", "connection", "content-encoding", "content-length",
    "date", "host", "server", "transfer-encoding", "vary",
}  # fmt: skip


def _places(endpoint: str) -> list[tuple[str, str]]:
    """What names the recorded project, and what is written instead; longest first."""
    here, there = urlsplit(endpoint), urlsplit(ENDPOINT)
    pairs = [(endpoint, ENDPOINT), (here.netloc, there.netloc), (here.hostname or "", there.netloc)]
    resource = (here.hostname or "").partition(".")[0]
    # The first part of an address of this machine ("127", "localhost") names nothing.
    return pairs if here.port else [*pairs, (resource, "example")]


def _cleaned(value: Any, places: Sequence[tuple[str, str]], secrets: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {
            _cleaned(key, places, secrets): _cleaned(one, places, secrets)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(one, places, secrets) for one in value]
    return _clean(value, places, secrets) if isinstance(value, str) else value


def _clean(text: str, places: Sequence[tuple[str, str]], secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REMOVED)
    for here, there in places:
        text = text.replace(here, there)
    for form, instead in _FORMS:
        text = form.sub(instead, text)
    return text


@dataclass(frozen=True, slots=True)
class CassetteFile:
    """A vcrpy serializer: scrubs, puts a header on top, and shows JSON bodies as YAML.

    Args:
        title: What the cassette holds.
        recorded_from: Where, in words.
        model: The agent that was asked.
        endpoint: The project endpoint that was recorded.
        secrets: Texts to remove besides those that `scrub` finds.
    """

    title: str = ""
    recorded_from: str = ""
    model: str = ""
    endpoint: str = ENDPOINT
    secrets: tuple[str, ...] = ()

    def serialize(self, cassette: JSON) -> str:
        """Write a cassette."""
        clean = scrub(cassette, endpoint=self.endpoint, secrets=self.secrets)
        about = {"recorded_from": self.recorded_from, "model": self.model}
        for one in clean["interactions"]:
            one["request"]["body"] = _readable(one["request"].get("body"))
            one["response"]["body"]["string"] = _readable(one["response"]["body"]["string"])
        body = yaml.dump(
            {"version": clean["version"], **about, "interactions": clean["interactions"]},
            Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000,
        )  # fmt: skip
        made = "Made by `make record` and scrubbed; not to be edited."
        return f"# {self.title}\n# Recorded from: {self.recorded_from}.\n# {made}\n{body}"

    def deserialize(self, text: str) -> JSON:
        """Read a cassette."""
        cassette: JSON = yaml.safe_load(text)
        for one in cassette["interactions"]:
            one["request"]["body"] = _wire(one["request"].get("body"))
            one["response"]["body"]["string"] = _wire(one["response"]["body"]["string"])
        return cassette


def _readable(body: str | None) -> Any:
    try:
        return json.loads(body or "")
    except ValueError:
        return body


def _wire(body: Any) -> str:
    return body if isinstance(body, str) else "" if body is None else json.dumps(body)


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as it is."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
