"""Recorded traffic of sound, files, batches and jobs, answered to our calls as it came."""

from __future__ import annotations

import base64
import inspect
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import azure_agents

from .calling import WAYS, call

FOLDER = Path(__file__).parents[3] / "shared" / "recordings" / "models" / "openai"
HOST = "https://example.openai.azure.com"


class Recorded:
    """Answers as recorded, one entry after the other; each request must be the recorded one."""

    def __init__(self, name: str, *, starts: int = 0) -> None:
        path = FOLDER / f"{name}.json"
        if not path.exists():
            pytest.skip(f"no recordings at {FOLDER}")
        self.entries = json.loads(path.read_text())["entries"][starts:]
        self.bodies: list[Any] = []
        self._next = iter(self.entries)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        entry = next(self._next)
        recorded, answer = entry["request"], entry["response"]
        place = (request.method, request.url.path, dict(request.url.params))
        assert (recorded["method"], recorded["path"], recorded["query"]) == place
        self._compare(recorded, request)
        dropped = {"transfer-encoding", "content-encoding", "content-length"}
        headers = {k: v for k, v in answer["headers"].items() if k not in dropped}
        body = answer["body"]
        if headers.get("content-type", "").startswith("audio/"):
            return httpx.Response(200, content=base64.b64decode(body), headers=headers)
        if isinstance(body, str):
            return httpx.Response(answer["status"], text=body, headers=headers)
        return httpx.Response(answer["status"], json=body, headers=headers)

    @staticmethod
    def _compare(recorded: dict[str, Any], request: httpx.Request) -> None:
        theirs = recorded["headers"].get("content-type", "").partition(";")[0]
        ours = request.headers.get("content-type", "").partition(";")[0]
        assert theirs == ours
        if theirs == "application/json":
            assert recorded["body"] == json.loads(request.content)

    def ask(self, way: str, function: str, *args: Any, **more: Any) -> Any:
        """One call, in the version of the recording."""
        version = self.entries[0]["request"]["query"]["api-version"]
        transport = httpx.MockTransport(self)
        seams = {"transport": transport, "async_transport": transport}
        where = {"api_base": HOST, "api_key": "k", "api_version": version, **seams}

        class Nowhere:
            """Where an emulator would stand."""

            @staticmethod
            def deployment_connection() -> dict[str, Any]:
                return where

        return call(Nowhere(), way, function, *args, **more)  # type: ignore[arg-type]

    def answer(self, index: int) -> Any:
        """The body of a recorded answer."""
        return self.entries[index]["response"]["body"]


@pytest.mark.parametrize("way", WAYS)
def test_speech_is_the_recorded_sound(way: str) -> None:
    """Also its usage is there, in a header that is passed on."""
    recorded = Recorded("audio_speech_tts")
    answer = recorded.ask(way, "speech", "azure/tts", "hello, world!", "alloy")
    assert base64.b64decode(recorded.answer(0)) == answer.content
    assert "audio/mpeg" == answer.content_type


@pytest.mark.parametrize("way", WAYS)
def test_transcripts_are_the_recorded_ones(way: str) -> None:
    """Subtitles as text, and JSON with all of its fields."""
    sound = ("hello.m4a", b"\x00\x00\x00\x20ftypM4A ")
    for form in ("srt", "verbose_json"):
        recorded = Recorded(f"audio_transcription_{form}")
        answer = recorded.ask(way, "transcription", "azure/whisper", sound, response_format=form)
        said = recorded.answer(0)
        assert (said if form == "verbose_json" else {"text": said}) == answer.model_dump()


@pytest.mark.parametrize("way", WAYS)
def test_a_batch_lives_as_recorded(way: str) -> None:
    """Every request is the recorded one, and every answer is passed on as it came."""
    recorded = Recorded("batch_life_cycle_output_lines")
    calls = {
        ("POST", "/openai/files"): lambda _: ("create_file", ("temp.jsonl", b"{}"), "batch"),
        ("POST", "/openai/batches"): lambda sent: (
            "create_batch",
            sent["completion_window"],
            sent["endpoint"],
            sent["input_file_id"],
        ),
    }
    for index, entry in enumerate(recorded.entries):
        method, path = entry["request"]["method"], entry["request"]["path"]
        id = path.split("/")[3] if path.count("/") > 2 else ""
        if (method, path) in calls:
            function, *args = calls[method, path](entry["request"]["body"])
        elif path.endswith("/content"):
            function, args = "file_content", [id]
        else:
            function = {"DELETE": "file_delete", "GET": "retrieve_batch"}[method]
            args = [id]
        answer = recorded.ask(way, function, *args)
        said = recorded.answer(index)
        ours = answer.text if function == "file_content" else answer.model_dump()
        assert said == ours, (index, function)


@pytest.mark.parametrize("way", WAYS)
def test_a_job_lives_as_recorded(way: str) -> None:
    """Up to its end; how a job is deleted, and a wrong path, are not ours to ask."""
    recorded = Recorded("fine_tuning_create_cancel_delete")
    created = recorded.entries[2]["request"]["body"]
    file, job = recorded.answer(0)["id"], recorded.answer(2)["id"]
    calls: list[tuple[Any, ...]] = [
        ("create_file", ("a.jsonl", b"{}"), "fine-tune"),
        ("file_retrieve", file),
        ("create_fine_tuning_job", created["model"], created["training_file"]),
        ("cancel_fine_tuning_job", job),
    ]
    for index, asked in enumerate(calls):
        more = {"method": created["method"]} if index == 2 else {}
        answer = recorded.ask(way, *asked, **more)
        assert recorded.answer(index) == answer.model_dump()
    rest = Recorded("fine_tuning_create_cancel_delete", starts=len(recorded.entries) - 2)
    assert [True, False] == [rest.ask(way, "file_delete", file).deleted for _ in range(2)]


def test_every_function_has_a_twin_with_the_same_arguments() -> None:
    """`speech` and `aspeech` differ by their `await` only."""
    names = set(azure_agents.__all__)
    pairs = sorted(name for name in names if f"a{name}" in names)
    assert len(pairs) >= 20
    for name in pairs:
        ours, twin = getattr(azure_agents, name), getattr(azure_agents, f"a{name}")
        parameters = [inspect.signature(one).parameters for one in (ours, twin)]
        assert list(parameters[0].items()) == list(parameters[1].items()), name
