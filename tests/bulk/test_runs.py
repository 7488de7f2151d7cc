"""Runs from the first row to the last: what comes out, and what a second run does."""

from __future__ import annotations

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import pytest

from azure_agents.bulk import abulk, bulk, outputs
from azure_agents.bulk.api import Bulk, Settings
from azure_agents.bulk.columns import OURS
from azure_agents.emulator import Emulator, Failed, SeenTurn, Text, ToolCalls
from azure_agents.errors import AgentNotFoundError, ConfigError

WHO = ["v2", "classic", "deployment"]
ASKED: dict[str, Any] = {
    "input": "who?",
    "messages": [{"role": "user", "content": "I am Ada"}, {"role": "user", "content": "who?"}],
    "turns": ["I am Ada", "who?"],
}


def _model(foundry: Emulator, who: str, reply: Any) -> tuple[str, dict[str, Any]]:
    if who == "deployment":
        return foundry.deploy("d", reply).model, foundry.deployment_connection()
    return foundry.create_agent("a", reply, generation=who).model, foundry.connection()


def _echo(turn: SeenTurn) -> Any:
    if turn.last_user_text.startswith("bad"):
        return Failed("content_filter")
    return Text(" | ".join(message.text for message in turn.messages if message.role == "user"))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", ASKED)
def test_each_kind_of_row_is_asked(who: str, kind: str) -> None:
    """The answer stands beside the row's own columns."""
    with Emulator() as foundry:
        model, connection = _model(foundry, who, _echo)
        (row,) = bulk(model, [{"id": 7, kind: ASKED[kind]}], **connection)
    assert ("who?" if kind == "input" else "I am Ada | who?") == row["answer"]
    assert (7, "stop") == (row["id"], row["finish_reason"])
    assert ["id", kind, *OURS] == list(row)
    assert row["usage"]["total_tokens"] > 0


def test_sync_async_and_file_give_the_same(tmp_path: Path) -> None:
    """But for ids and order."""
    rows = [{"id": n, "input": f"q {n}"} for n in range(30)]
    found = []
    for way in ("sync", "async", "file"):
        with Emulator(seed=1) as foundry:
            model, connection = _model(foundry, "v2", _echo)
            if way == "sync":
                found.append(list(bulk(model, rows, **connection)))
            elif way == "async":
                found.append(asyncio.run(_collect(model, rows, connection)))
            else:
                out = tmp_path / "a.jsonl"
                list(bulk(model, rows, out=out, **connection))
                found.append([json.loads(line) for line in out.read_text().splitlines()])
    assert _facts(found[0]) == _facts(found[1]) == _facts(found[2])


async def _collect(model: str, rows: Any, connection: Any) -> list[Any]:
    return [row async for row in abulk(model, rows, **connection)]


def _facts(rows: list[Any]) -> list[Any]:
    return sorted((row["id"], row["answer"], row["finish_reason"]) for row in rows)


def test_csv_in_csv_out(tmp_path: Path) -> None:
    """Every reader of CSV gets the columns back."""
    questions, out = tmp_path / "q.csv", tmp_path / "a.csv"
    questions.write_text('id,ask\n1,"a, ""b""\nc"\n2,ü\n', newline="")
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", _echo)
        list(bulk(model, questions, out=out, column="ask", concurrency=1, **connection))
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert ['a, "b"\nc', "ü"] == [row["ask"] for row in rows] == [row["answer"] for row in rows]
    assert ["id", "ask", *OURS] == list(rows[0])
    assert 0 < json.loads(rows[0]["usage"])["total_tokens"]


def test_failed_rows_have_a_file_and_are_asked_again_on_request(tmp_path: Path) -> None:
    """A second run leaves them, and one with `retry_failed` has them answered."""
    rows = [{"id": n, "input": f"{'bad' if n % 3 == 0 else 'good'} {n}"} for n in range(9)]
    out = tmp_path / "a.jsonl"
    failed, mended = tmp_path / "a.jsonl.failed.jsonl", list[bool]()
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", lambda turn: "fine" if mended else _echo(turn))
        list(bulk(model, rows, out=out, **connection))
        lines = [json.loads(line) for line in failed.read_text().splitlines()]
        assert [0, 3, 6] == sorted(line["id"] for line in lines)
        assert {"RunFailedError"} == {line["error"]["type"] for line in lines}
        asked = len(foundry.seen)
        assert [] == list(bulk(model, rows, out=out, **connection))
        assert asked == len(foundry.seen)
        mended.append(True)
        again = list(bulk(model, rows, out=out, retry_failed=True, **connection))
        assert [0, 3, 6] == sorted(row["id"] for row in again)
        assert not failed.exists()
    assert 9 == len(out.read_text().splitlines())


def test_limit_sample_and_the_rest(tmp_path: Path) -> None:
    """Some rows first, then all: each is asked once, and a sample is the same each time."""
    rows, out = [{"id": n, "input": f"{n}"} for n in range(50)], tmp_path / "a.jsonl"
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", _echo)
        first = [row["id"] for row in bulk(model, rows, out=out, limit=5, **connection)]
        sample = {row["id"] for row in bulk(model, rows, out=out, sample=10, **connection)}
        fresh = {row["id"] for row in bulk(model, rows, sample=10, **connection)}
        assert list(range(5)) == sorted(first)
        assert sample == fresh - set(first)
        rest = list(bulk(model, rows, out=out, **connection))
        assert 50 == len(first) + len(sample) + len(rest)
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert list(range(50)) == sorted(ids)


CHANGES = [
    ({"instructions": "Be short."}, "instructions was None in the run before"),
    ({"schema": {"type": "object", "properties": {}}}, "schema was None in the run before"),
    ({"column": "other"}, "column was 'input' in the run before and is 'other'"),
    ({"format": "ragas"}, "format was 'rows' in the run before and is 'ragas'"),
    ({"rows": [{"input": "b", "other": "x"}]}, "the rows are not those of the run before"),
    ({"model": "b"}, "model was 'a:1' in the run before, and is 'b'"),
]


@pytest.mark.parametrize(("changed", "expected"), CHANGES)
def test_what_changed_since_the_run_before_is_said(
    changed: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    """And nothing is asked."""
    out, rows = tmp_path / "a.jsonl", [{"input": "a", "other": "x"}]
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        list(bulk(model, rows, out=out, **connection))
        given = {"model": model, "rows": rows, **changed}
        with pytest.raises(ConfigError) as refused:
            list(bulk(out=out, **given, **connection))
        assert 1 == len(foundry.seen)
    assert expected in refused.value.message


def test_changes_are_accepted_on_request_and_more_rows_are_asked(tmp_path: Path) -> None:
    """What was answered stays; rows that came behind are asked."""
    out, rows = tmp_path / "a.jsonl", [{"input": "a"}]
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        list(bulk(model, rows, out=out, **connection))
        more = [*rows, {"input": "b"}]
        with pytest.raises(ConfigError, match="total was 1"):
            list(bulk(model, more, out=out, **connection))
        given = {"accept_changes": True, "instructions": "Be short."}
        (row,) = bulk(model, more, out=out, **given, **connection)
    assert "b" == row["input"]
    assert 2 == len(out.read_text().splitlines())


async def test_the_second_of_two_runs_on_one_output_is_refused(tmp_path: Path) -> None:
    """The journal has one holder."""
    out = tmp_path / "a.jsonl"
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        first = Bulk(model, ["a"], Settings(out=out, arguments=connection))
        with pytest.raises(ConfigError, match="another run is writing here"):
            Bulk(model, ["a"], Settings(out=out, arguments=connection))
        assert 1 == len([row async for row in first.results()])


SPOILT = [
    ("shorter", lambda path: path.write_text("")),
    ("longer", lambda path: path.write_text(path.read_text() + "more\n")),
    ("gone", lambda path: path.unlink()),
]


@pytest.mark.parametrize("spoil", [spoil for _, spoil in SPOILT], ids=[name for name, _ in SPOILT])
def test_an_output_that_does_not_fit_its_journal_is_not_touched(spoil: Any, tmp_path: Path) -> None:
    """Nobody can tell what was lost."""
    out = tmp_path / "a.jsonl"
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        list(bulk(model, ["a", "b"], out=out, **connection))
        spoil(out)
        before = out.read_bytes() if out.exists() else b""
        with pytest.raises(ConfigError, match="put the file back as it was"):
            list(bulk(model, ["a", "b"], out=out, **connection))
    assert before == out.read_bytes()


def test_a_damaged_journal_is_said(tmp_path: Path) -> None:
    """At the start, before anything is sent."""
    out = tmp_path / "a.jsonl"
    (tmp_path / "a.jsonl.journal").write_bytes(b"nonsense " * 1000)
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        with pytest.raises(ConfigError, match="is damaged"):
            list(bulk(model, ["a"], out=out, **connection))


def test_a_run_goes_on_after_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that was torn by it is whole in the end, and nothing is asked twice."""
    out, rows = tmp_path / "a.jsonl", [{"id": n, "input": f"{n}"} for n in range(60)]
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", _echo)
        connection["background"] = True
        write, written = outputs._write, []

        def full(file: Any, data: bytes) -> None:
            if len(written) > 2:
                file.write(data[: len(data) // 2])
                raise OSError(28, "No space left on device")
            written.append(data)
            write(file, data)

        with monkeypatch.context() as patch:
            patch.setattr(outputs, "_write", full)
            with pytest.raises(OSError, match="No space left"):
                list(bulk(model, rows, out=out, **connection))
        list(bulk(model, rows, out=out, **connection))
        assert 60 == len(foundry.seen)
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert list(range(60)) == sorted(ids)


def test_a_model_that_nobody_may_ask_ends_the_run(tmp_path: Path) -> None:
    """Not ten thousand rows fail, but none; the name can be mended."""
    out = tmp_path / "a.jsonl"
    with Emulator() as foundry:
        model, connection = _model(foundry, "v2", "Hi")
        with pytest.raises(AgentNotFoundError):
            list(bulk("nobody", ["a"] * 100, out=out, **connection))
        assert len(foundry.requests) <= 16
        assert 100 == len(list(bulk(model, ["a"] * 100, out=out, **connection)))


def look_up(what: str, times: int = 1) -> dict[str, Any]:
    """Look something up."""
    return {"found": [what] * times}


@pytest.mark.parametrize("who", WHO)
def test_functions_run_here(who: str) -> None:
    """The agent reads what they return, also that a call was wrong."""
    with Emulator() as foundry:
        script = [ToolCalls(("look_up", {"what": "a", "times": 2}), ("look_up", {})), "done"]
        function = {"name": "look_up", "parameters": {"type": "object"}}
        tools = {"tools": [{"type": "function", **function}]} if who == "v2" else {}
        if who == "deployment":
            model, connection = _model(foundry, who, script)
        else:
            model = foundry.create_agent("a", script, generation=who, **tools).model
            connection = foundry.connection()
        (row,) = bulk(model, ["look up"], tools=[look_up], **connection)
        results = [message.text for message in foundry.seen[-1].messages[-2:]]
    assert "done" == row["answer"]
    assert '{"found":["a","a"]}' == results[0]
    assert "the arguments do not fit" in results[1]


@pytest.mark.parametrize("who", WHO)
def test_answers_are_objects(who: str, tmp_path: Path) -> None:
    """Of the schema, read from a file."""
    schema = {
        "type": "object",
        "properties": {"mood": {"type": "string"}},
        "required": ["mood"],
        "additionalProperties": False,
    }
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(schema))
    with Emulator() as foundry:
        model, connection = _model(foundry, who, '{"mood": "good"}')
        (row,) = bulk(model, ["how?"], schema=str(path), **connection)
    assert {"mood": "good"} == row["answer"]
