"""Cassettes as files that people can read and publish: what goes in, and how it is written.

`scrub` is the one place where a recording loses what nobody else may see. It works on the whole
cassette just before it is written, so nothing reaches a file around it. Headers are kept by an
allow-list. What a dropped header held (a token, a key, a request id) is also removed wherever else
it stands, and so is everything that has the form of a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

JSON = dict[str, Any]
Rule = tuple[re.Pattern[str], str]  # what to look for, and what to write instead

ENDPOINT = "https://example.services.ai.azure.com/api/projects/example"
REMOVED = "(removed)"
KEPT_HEADERS = {"accept", "content-type", "retry-after", "retry-after-ms"}

_SHORTEST_SECRET = 16  # words of dropped headers below that stand in bodies too: "chunked"
_FIELDS = r"[\w-]*(?:api[-_]?key|secret|password)|(?:access|id|refresh)_token|authorization"
_FORMS: tuple[Rule, ...] = (
    (re.compile(rf'("(?:{_FIELDS})"\s*:\s*)"[^"]*"', re.IGNORECASE), rf'\1"{REMOVED}"'),
    (
        re.compile(rf"([?&](?:{_FIELDS}|code|sig|token)=)[^&#\s\"]+", re.IGNORECASE),
        rf"\1{REMOVED}",
    ),
    (re.compile(r"\b((?:Bearer|Basic) )[\w.~+/=-]+", re.IGNORECASE), rf"\1{REMOVED}"),
    (re.compile(r"\bey[\w-]+\.[\w-]+\.[\w-]*"), REMOVED),  # a JWT
    (  # a tenant, a subscription, a client
        re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE),
        "00000000-0000-0000-0000-000000000000",
    ),
    (re.compile(r"\b[\w-]+(\.onmicrosoft\.com)", re.IGNORECASE), r"example\1"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), REMOVED),  # a mail address
)


def scrub(cassette: JSON, *, endpoint: str, secrets: Sequence[str] = ()) -> JSON:
    """Give a copy without credentials, request ids, host names and ids of tenants.

    Args:
        cassette: As vcrpy serializes it.
        endpoint: The project endpoint that was recorded; it becomes `ENDPOINT`.
        secrets: Texts to remove besides those that are found.
    """
    sides = [one[side] for one in cassette["interactions"] for side in ("request", "response")]
    found = {word for side in sides for word in _dropped_words(side.get("headers") or {})}
    # The longest first: one may be a part of another.
    known = sorted({*found, *secrets} - {""}, key=len, reverse=True)
    rules = [(re.compile(re.escape(secret)), REMOVED) for secret in known]
    rules += [*_places(endpoint), *_FORMS]
    cleaned: JSON = _each_text(_with_kept_headers(cassette), lambda text: _clean(text, rules))
    return cleaned


def _with_kept_headers(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_kept_headers(one) for one in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _with_kept_headers(one) for key, one in value.items()}
    if isinstance(copied.get("headers"), dict):
        headers = {name.lower(): held for name, held in copied["headers"].items()}
        copied["headers"] = {name: headers[name] for name in headers if name in KEPT_HEADERS}
    return copied


def _dropped_words(headers: Mapping[str, Any]) -> Iterator[str]:
    for name, held in headers.items():
        if name.lower() in KEPT_HEADERS:
            continue
        for value in [held] if isinstance(held, str) else held:
            words = re.split(r"[\s;,=\"]+", value)
            yield from (word for word in words if len(word) >= _SHORTEST_SECRET)


def _places(endpoint: str) -> Iterator[Rule]:
    """What names the recorded project, and what is written instead."""
    here, there = urlsplit(endpoint), urlsplit(ENDPOINT)
    yield re.compile(re.escape(endpoint), re.IGNORECASE), ENDPOINT
    yield re.compile(re.escape(here.netloc), re.IGNORECASE), there.netloc
    if here.port is None:  # otherwise it is this machine, which has no name to hide
        resource = re.escape((here.hostname or "").partition(".")[0])
        other = rf"(?<![\w-]){resource}(?=\.[a-z])|(?<=/accounts/){resource}\b"
        yield re.compile(other, re.IGNORECASE), "example"
        project = re.escape(here.path.rpartition("/")[2])
        yield re.compile(rf"(?<=/projects/){project}\b", re.IGNORECASE), "example"


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _each_text(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _clean(text: str, rules: Sequence[Rule]) -> str:
    for pattern, instead in rules:
        text = pattern.sub(instead, text)
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
        about = {"recorded_from": self.recorded_from, "model": self.model}
        whole = {"version": cassette["version"], **about, "interactions": cassette["interactions"]}
        clean = scrub(whole, endpoint=self.endpoint, secrets=self.secrets)
        _each_body(clean, _readable)
        text = yaml.dump(clean, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
        made = "Made by `make record` and scrubbed; not to be edited."
        return f"# {self.title}\n# Recorded from: {self.recorded_from}.\n# {made}\n{text}"

    def deserialize(self, text: str) -> JSON:
        """Read a cassette."""
        cassette: JSON = yaml.safe_load(text)
        _each_body(cassette, _wire)
        return cassette


def _each_body(cassette: JSON, change: Callable[[Any], Any]) -> None:
    for one in cassette["interactions"]:
        one["request"]["body"] = change(one["request"].get("body"))
        one["response"]["body"]["string"] = change(one["response"]["body"]["string"])


def _readable(body: str | None) -> Any:
    try:
        return json.loads(body or "")
    except ValueError:
        return body


def _wire(body: Any) -> str:
    if body is None:
        return ""
    return body if isinstance(body, str) else json.dumps(body)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as it is."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent)
