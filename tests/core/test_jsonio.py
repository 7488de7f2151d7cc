"""JSON in and out: what is no JSON is a typed error on either way."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.errors import InvalidRequestError, ProtocolError
from azure_agents.jsonio import canonical, dumps, load_object, loads, malformed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(VALUES)
def test_what_is_sent_can_be_read(value: Any) -> None:
    """Any JSON value survives the way out and in again, as bytes and as text."""
    assert (value, value, value) == (
        loads(dumps(value)),
        loads(dumps(value).decode()),
        json.loads(dumps(value)),
    )


SENT = [
    ({"b": 1, "a": [True, None]}, b'{"b":1,"a":[true,null]}'),
    ("é😀\u2028", '"é😀\u2028"'.encode()),
    ("\ud800", b'"\\ud800"'),
]


@pytest.mark.parametrize(("value", "data"), SENT)
def test_json_is_compact(value: Any, data: bytes) -> None:
    """No spaces, UTF-8 as it is, and an escape only for what has no UTF-8 form."""
    assert data == dumps(value)


CIRCULAR: list[Any] = []
CIRCULAR.append(CIRCULAR)
DEEP: Any = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, [-math.inf], object(), {"x": {1}}, b"x", {(1, 2): 3}, CIRCULAR, DEEP],
    ids=["NaN", "infinity", "-infinity", "object", "set", "bytes", "key", "circle", "depth"],
)
def test_what_is_no_json_is_not_sent(value: Any) -> None:
    """A value without a JSON form is the caller's mistake."""
    with pytest.raises(InvalidRequestError, match="cannot be sent as JSON"):
        dumps(value)


NO_JSON = [
    b"",
    b"{",
    b"{'a': 1}",
    b"\xff",
    b"NaN",
    b"[Infinity]",
    b"-Infinity",
    b"1e999",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"1" * 5_000,
    "\ufeff{}",
    b"<html>",
]


@pytest.mark.parametrize("data", NO_JSON, ids=lambda data: repr(data[:12]))
def test_what_is_no_json_cannot_be_read(data: bytes | str) -> None:
    """Bytes that are no JSON, or hold a number that no float can, are the service's mistake."""
    with pytest.raises(ProtocolError, match="not JSON"):
        loads(data)


READ = [
    (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    (b' {"a" : 1.5}\r\n', {"a": 1.5}),
    (b'"\\ud83d\\ude00"', "😀"),
    (b"12345678901234567890", 12345678901234567890),
    (b"1E2", 100.0),
]


@pytest.mark.parametrize(("data", "value"), READ)
def test_json_is_read(data: bytes, value: Any) -> None:
    """White space, a BOM, escapes and large integers are no trouble."""
    assert value == loads(data)


@pytest.mark.parametrize("data", [b"[]", b"1", b'"x"', b"null"])
def test_an_object_is_expected(data: bytes) -> None:
    """Where an object is needed nothing else will do."""
    with pytest.raises(ProtocolError, match="expected a JSON object"):
        load_object(data)


def test_equal_values_have_one_canonical_text() -> None:
    """The order of keys does not count, everything else does."""
    assert '{"a":1,"b":{"c":"é"}}' == canonical({"b": {"c": "é"}, "a": 1})


@pytest.mark.parametrize(
    "stumble",
    [
        lambda: {}["id"],
        lambda: [1].pop(7),
        lambda: None.get("x"),  # type: ignore[attr-defined]
        lambda: 5 + "x",  # type: ignore[operator]
        lambda: int("x"),
        lambda: int(math.inf),
        lambda: hash({}),
    ],
)
def test_an_unexpected_shape_is_a_protocol_error(stumble: Any) -> None:
    """Look-ups that fail on an answer are told as what they are."""
    with pytest.raises(ProtocolError, match="unexpected shape") as caught, malformed({"a": 1}):
        stumble()
    assert "{'a': 1}" in caught.value.message
