"""A body whose model is replaced in its bytes is the body that would be written anew."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from azure_agents.gateway.requests import read_body_of
from azure_agents.gateway.routes import Route
from azure_agents.gateway.splice import spliced
from azure_agents.jsonio import BOM, loads
from tests.covering import scaled

FIELD = b'"model":"dep-1"'
ODD = [  # a body, and whether its bytes tell where the model stands
    (b'{"model":"gpt"}', True),
    (b' {\n"model" :\t"gpt" , "n": 1}', True),
    (b'{"messages":[],"model":"gpt"}', True),
    (b'{"model":""}', True),
    ('{"model":"größe","input":"\\u00fc"}'.encode(), True),
    (b'{"input":"he said \\"model\\": \\"x\\"","model":"gpt"}', True),
    (b'{"model":"gpt","model":"other"}', False),
    (b'{"model":"gpt","metadata":{"model":"x"}}', False),
    (b'{"mod\\u0065l":"gpt","metadata":{"model":"x"}}', False),
    (b'{"\\u006dodel":"gpt"}', False),
    (b'{"model":"g\\u0070t"}', False),
    (b'{"model":"g\\"pt"}', False),
    (b'{"model":"gpt","n\\"model":"x"}', False),
    (b'{"model":"gpt","type":"model"}', False),
]


def anew(raw: bytes, added: dict[str, Any]) -> dict[str, Any]:
    """What is asked for: another model, and what is missing or null."""
    body: dict[str, Any] = loads(raw)
    given = {name: value for name, value in body.items() if value is not None}
    return {**body, **{k: v for k, v in added.items() if k not in given}, "model": "dep-1"}


@pytest.mark.parametrize(("raw", "is_told"), ODD)
def test_a_model_is_replaced_where_it_stands(raw: bytes, is_told: bool) -> None:
    """Never a field of the same name inside, and never one of two."""
    found = spliced(raw, FIELD, {}, names_model=True)
    assert is_told == (found is not None)
    assert found is None or anew(raw, {}) == json.loads(found)


@pytest.mark.parametrize("raw", [b"{}", b" { } ", b'{"a":1}', b'{"metadata":{"model":"x"}}'])
@pytest.mark.parametrize("added", [{}, {"user": "ü"}])
def test_a_model_of_the_path_is_put_in(raw: bytes, added: dict[str, Any]) -> None:
    """A field of that name inside stays as it is."""
    found = spliced(raw, FIELD, added, names_model=False)
    assert found is not None
    assert anew(raw, added) == json.loads(found)


ADDED = [
    (b'{"model":"gpt","n":1}', True),
    (b'{"model":"gpt","user":null}', False),
    (b'{"model":"gpt","us\\u0065r":null}', False),
    (b'{"model":"gpt","input":"user"}', False),
]


@pytest.mark.parametrize(("raw", "is_told"), ADDED)
def test_fields_are_not_doubled(raw: bytes, is_told: bool) -> None:
    """A field that is there as null, in whatever spelling, is not there a second time."""
    found = spliced(raw, FIELD, {"user": "me"}, names_model=True)
    assert is_told == (found is not None)
    assert found is None or {**json.loads(raw), "user": "me", "model": "dep-1"} == json.loads(found)


PIECES = ("model", 'a "model": "b"', "ü", "\ud83d", "\\", "x~1f2e3d4c", "user", "", "n")


def value(source: random.Random, depth: int = 0) -> Any:
    """Any JSON."""
    kind = source.randrange(6 if depth < 3 else 4)
    if kind == 4:
        return [value(source, depth + 1) for _ in range(source.randrange(3))]
    if kind == 5:
        return {source.choice(PIECES): value(source, depth + 1) for _ in range(2)}
    return (source.choice(PIECES), 1.5, None, source.choice([True, 10**30]))[kind]


def written(source: random.Random, body: dict[str, Any]) -> bytes:
    """A body as any client may write it: spaces, order, escapes, a field that stands twice."""
    fields = list(body.items())
    source.shuffle(fields)
    fields += source.choices(fields, k=source.randrange(2)) if fields else []
    space = source.choice(("", " ", "\n\t"))
    parts = []
    for name, one in fields:
        key = json.dumps(name, ensure_ascii=source.random() < 0.5)
        if source.random() < 0.1:
            key = '"' + "".join(f"\\u{ord(letter):04x}" for letter in name) + '"'
        parts.append(f"{space}{key}{space}:{space}{json.dumps(one)}")
    return ("{" + ",".join(parts) + space + "}").encode("utf-8", "surrogatepass")


def test_bytes_say_what_the_parsed_form_says() -> None:
    """However a body is spelled, what is spliced reads as what is asked for."""
    source, told = random.Random(11), 0  # noqa: S311 - no secret
    rounds = scaled(all=50_000, pairs=4_000, few=1_000)
    for _ in range(rounds):
        names = source.sample(["model", "user", "n", "metadata", "größe"], k=source.randrange(5))
        body = {name: "gpt" if name == "model" else value(source) for name in names}
        added = source.choice(({}, {}, {"user": "me"}, {"n": 1, "metadata": {"model": "x"}}))
        raw = written(source, body)
        new = {k: v for k, v in added.items() if body.get(k) is None}
        found = spliced(raw, FIELD, new, names_model="model" in body)
        told += found is not None
        if found is not None:
            pairs = json.loads(found, object_pairs_hook=list)
            asked = {**body, **new, "model": "dep-1"}
            assert asked == json.loads(found), (raw, found)
            assert 1 == [name for name, _ in pairs].count("model"), found
    assert told > rounds / 4


def test_a_byte_order_mark_does_not_go_up() -> None:
    """No service takes it, and the bytes behind it are JSON."""
    body = read_body_of(BOM + b'{"model":"gpt"}', Route("chat"))
    assert ("gpt", b'{"model":"gpt"}', True) == (body.model, body.raw, body.names_model)
