"""The snippets of docs/models.md run, in order, as one program."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

import azure_agents

from .claude import message, text, thought
from .responses import response, spoken
from .test_chat import ANSWER, Service

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
VECTORS = {"data": [{"embedding": [0.5, 1]}], "usage": {"prompt_tokens": 4}}
BATCH = {"id": "batch_1", "status": "completed", "output_file_id": "file-2"}
FILES: tuple[dict[str, Any], ...] = ({"id": "file-1", "bytes": 1}, BATCH, BATCH, {"custom_id": "1"})


NAMES = (
    "completion",
    "embedding",
    "speech",
    "transcription",
    "create_file",
    "create_batch",
    "retrieve_batch",
    "file_content",
)


def test_the_snippets_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the page shows happens."""
    claude = message(thought("s-t-r…"), text("Three"))
    sound = httpx.Response(200, content=b"ID3", headers={"content-type": "audio/mpeg"})
    bodies = ({"text": "the quick brown fox"}, *FILES, response(spoken("4")), claude)
    answers = [httpx.Response(200, json=answer) for answer in (ANSWER, VECTORS, *bodies)]
    transport = httpx.MockTransport(Service(*answers[:2], sound, *answers[2:]))
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        function = partial(getattr(azure_agents, name), transport=transport)
        monkeypatch.setattr(azure_agents, name, function)
    names: dict[str, Any] = {}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(snippet, PAGE.name, "exec"), names)  # noqa: S102 - our own page
    said = 'the quick brown fox\n{"custom_id":"1"}\n'
    assert f"Hi\n2 4\n{said}4\ns-t-r… Three\n" == capsys.readouterr().out
    assert b"ID3" == (tmp_path / "speech.mp3").read_bytes()
