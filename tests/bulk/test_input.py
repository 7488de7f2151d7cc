"""Bad input is a clear error, with file and line, before anything is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from azure_agents.bulk import bulk
from azure_agents.bulk.rows import read_rows
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError

GOOD = '{"input": "a"}\n'

# (name of the file, what is in it, settings, the sentence)
BAD: list[tuple[str, str | bytes, dict[str, Any], str]] = [
    ("q.jsonl", GOOD * 4710 + '{"input": \n' + GOOD, {}, "q.jsonl, line 4711: not JSON"),
    ("q.jsonl", GOOD + "[1]\n", {}, "q.jsonl, line 2: a list, where an object must be"),
    ("q.jsonl", GOOD + '{"input": NaN}\n', {}, "q.jsonl, line 2: not JSON"),
    ("q.jsonl", '{"question": "a"}\n', {}, "no column 'input' or 'messages' or 'turns'"),
    ("q.jsonl", GOOD, {"column": "ask"}, "line 1: the row has no column 'ask'"),
    ("q.jsonl", GOOD + '{"messages": []}\n', {}, "line 2: the row has no column 'input'"),
    ("q.jsonl", GOOD + '{"input": "a", "turns": ["b"]}\n', {}, "line 2: the row has 'turns'"),
    ("q.jsonl", '{"input": "a", "turns": ["b"]}\n', {}, "has 'input' and 'turns'"),
    ("q.jsonl", GOOD + '\n\n{"input": ""}\n', {}, "line 4: 'input' is empty"),
    ("q.jsonl", GOOD + '{"input": 5}\n', {}, "line 2: 'input' must be a text, got int"),
    ("q.jsonl", '{"turns": []}\n', {}, "'turns' must be a list that is not empty"),
    ("q.jsonl", '{"turns": ["a", 1]}\n', {}, "'turns'[1] must be a text"),
    ("q.jsonl", '{"messages": ["a"]}\n', {}, "'messages'[0] must be a message"),
    ("q.jsonl", '{"input": "a", "answer": "b"}\n', {}, "a column 'answer'"),
    ("q.jsonl", '{"input": "a", "response": "b"}\n', {"format": "ragas"}, "'response'"),
    ("q.jsonl", "", {}, "no rows"),
    ("q.jsonl", b'{"input": "\xff"}\n', {}, "not JSON"),
    ("q.csv", "id,input\n1,a\n2,b,c\n", {}, "q.csv, line 3: 3 fields"),
    ("q.csv", 'id,input\n1,"a\nb"\n2\n', {}, "q.csv, line 4: 1 fields"),
    ("q.csv", "id,id\n1,a\n", {}, "q.csv, line 1: the column 'id' is there twice"),
    ("q.csv", 'id,input\n1,"a\n', {}, "q.csv, line 2: unexpected end of data"),
    ("q.csv", "", {}, "q.csv, line 1: no names of columns"),
    ("q.csv", b"id,input\n1,\xe9\n", {}, "q.csv is not UTF-8"),
    ("q.csv", "turns\nhello\n", {}, "line 2: 'turns' must be a JSON list"),
    ("q.parquet", "no", {}, "q.parquet is no Parquet file"),
    ("q.xlsx", "no", {}, "'q.xlsx' ends with '.xlsx'"),
    ("q.jsonl", GOOD, {"format": "table"}, "format='table'"),
    ("q.jsonl", GOOD, {"limit": 0}, "limit=0"),
    ("q.jsonl", GOOD, {"limit": 1, "sample": 1}, "limit and sample both choose rows"),
    ("q.jsonl", GOOD, {"concurrency": 0}, "concurrency=0"),
    ("q.jsonl", GOOD, {"rpm": 0}, "rpm must be a whole number"),
    ("q.jsonl", GOOD, {"out": "answers.txt"}, "'answers.txt' ends with '.txt'"),
    ("q.jsonl", GOOD, {"out": "nowhere/a.jsonl"}, "there is no folder"),
    ("q.jsonl", GOOD, {"out": "q.jsonl"}, "is an output of another run, or of none"),
    ("q.jsonl", GOOD, {"schema": ["a"]}, "schema is no JSON schema of objects"),
    ("q.jsonl", GOOD, {"schema": {"type": "array"}}, "schema is no JSON schema of objects"),
    ("q.jsonl", GOOD, {"schema": {"properties": {"a": 1}}}, "must map names to schemas"),
    ("q.jsonl", GOOD, {"schema": "none.json"}, "cannot read 'none.json'"),
    ("q.jsonl", GOOD, {"tools": [5]}, "5 is no function"),
    ("q.jsonl", GOOD, {"tempreature": 1}, "'tempreature'"),
]


@pytest.mark.parametrize("bad", BAD, ids=[row[3] for row in BAD])
def test_bad_input_is_refused_before_anything_is_sent(
    bad: tuple[str, str | bytes, dict[str, Any], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One sentence says what and where."""
    name, text, settings, expected = bad
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(text.encode() if isinstance(text, str) else text)
    with Emulator() as foundry:
        model = foundry.create_agent("a", "Hi").model
        with pytest.raises(AzureAgentsError) as refused:
            list(bulk(model, Path(name), **foundry.connection(), **settings))
        assert [] == foundry.requests
    assert isinstance(refused.value, ConfigError | InvalidRequestError)
    assert expected in refused.value.message


CSV = [
    ("comma", "id,input\n1,a\n2,b\n"),
    ("byte order mark", "\ufeffid,input\n1,a\n2,b\n"),
    ("carriage returns", "id,input\r\n1,a\r\n2,b\r\n"),
    ("no last line end", "id,input\n1,a\n2,b"),
    ("empty lines", "id,input\n\n1,a\n\n2,b\n"),
    ("semicolons", "id;input\n1;a\n2;b\n"),
    ("tabs", "id\tinput\n1\ta\n2\tb\n"),
    ("byte order mark and quotes", '\ufeff"id","input"\n"1","a"\n"2","b"\n'),
    ("quotes", '"id","input"\n"1","a"\n"2","b"\n'),
]


@pytest.mark.parametrize("text", [text for _, text in CSV], ids=[name for name, _ in CSV])
def test_csv_of_every_spreadsheet_is_read(text: str, tmp_path: Path) -> None:
    """The columns are the same."""
    path = tmp_path / "q.csv"
    path.write_text(text, encoding="utf-8", newline="")
    expected = [{"id": "1", "input": "a"}, {"id": "2", "input": "b"}]
    assert expected == [row.data for row in read_rows(path)]


def test_quoted_line_ends_and_long_fields_are_one_field(tmp_path: Path) -> None:
    """Longer than Python's own limit for a field."""
    path, long = tmp_path / "q.csv", "x" * 200_000
    path.write_text(f'input\n"a\nb, ""c"""\n{long}\n', newline="")
    rows = list(read_rows(path))
    assert [{"input": 'a\nb, "c"'}, {"input": long}] == [row.data for row in rows]
    assert ["q.csv, line 2", "q.csv, line 4"] == [row.place for row in rows]


def test_parquet_rows_are_json(tmp_path: Path) -> None:
    """Lists and structures as they are, dates as text, NaN as nothing."""
    path = tmp_path / "q.parquet"
    table = {
        "turns": [["a", "b"]],
        "x": [float("nan")],
        "day": pa.array([18_000], pa.date32()),
        "messages": [[{"role": "user", "content": "a"}]],
    }
    pq.write_table(pa.table(table), path)
    (row,) = read_rows(path)
    assert {**json.loads(json.dumps(row.data)), "day": "2019-04-14"} == row.data
    assert (["a", "b"], None) == (row.data["turns"], row.data["x"])
