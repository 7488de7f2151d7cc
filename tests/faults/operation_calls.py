"""One call of every operation of the table, on the emulator, by every function that makes it.

The ids that a call needs are made anew for each: a file can be deleted once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import azure_agents
from azure_agents.emulator import Delayed, Emulator
from azure_agents.models.operation_table import OPERATIONS, Operation

DATED = "2025-04-01-preview"
SAID = "one two three"
CHAT = [{"role": "user", "content": "Hello"}]
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
PNG = b"\x89PNG\r\n\x1a\n"
LINE = {"method": "POST", "url": "/chat/completions", "body": {"model": "dep", "messages": CHAT}}
LINES = json.dumps({"custom_id": "1", **LINE}).encode() + b"\n"
EXAMPLES = 10 * (json.dumps({"messages": CHAT}) + "\n").encode()


class Stage:
    """An emulator with a deployment for every operation, and what its calls are about.

    Args:
        strict_auth: False accepts any token and any key.
    """

    def __init__(self, *, strict_auth: bool = True) -> None:
        self.foundry = Emulator(seed=7, strict_auth=strict_auth)
        for name, model in MODELS.items():
            self.foundry.deploy(name, SAID, model=model)
        self.foundry.deploy("slow", Delayed(60, "late"))

    def ask(self, function: str, **given: Any) -> Any:
        """Ask the emulator without a fault."""
        return getattr(azure_agents, function)(**self.foundry.deployment_connection(), **given)

    def file(self, purpose: str = "batch") -> str:
        """The id of a new file."""
        content = LINES if purpose == "batch" else EXAMPLES
        return str(self.ask("create_file", file=("in.jsonl", content), purpose=purpose).id)

    def batch(self) -> str:
        """The id of a new batch."""
        return str(self.ask("create_batch", input_file_id=self.file()).id)

    def job(self) -> str:
        """The id of a new job."""
        file = self.file("fine-tune")
        made = self.ask("create_fine_tuning_job", model="gpt-4o-mini", training_file=file)
        return str(made.id)

    def response(self, deployment: str = "dep", **more: Any) -> str:
        """The id of a new response."""
        made = self.ask("responses", model=f"azure/{deployment}", input="Hello", **more)
        if more.get("stream"):
            first, *_ = made
            made = first.response
        return str(made.id)


MODELS = {
    "dep": "gpt-4o-2024-08-06",
    "inst": "gpt-35-turbo-instruct",
    "emb": "text-embedding-3-small",
    "voice": "tts-1",
    "ear": "whisper",
    "draw": "gpt-image-1",
    "claude-haiku-4-5": "claude-haiku-4-5-20251001",
}
Given = Callable[[Stage], dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """A call.

    Attributes:
        operation: Of the table.
        function: That makes it; the async twin has an ``a`` in front.
        given: Its arguments.
        stream: Whether its answer comes in pieces.
    """

    operation: Operation
    function: str
    given: Given = field(compare=False)
    stream: bool = False

    @property
    def is_bytes(self) -> bool:
        """The answer is bytes, which are read in pieces."""
        return self.operation.answer == "bytes"

    @property
    def is_create(self) -> bool:
        """It must not be made twice."""
        return not self.operation.may_repeat


def _of(operation: str, given: Given | None = None, *, by: str = "", stream: bool = False) -> Row:
    return Row(OPERATIONS[operation], by or operation, given or (lambda _: {}), stream)


def _model(name: str, **more: Any) -> Given:
    return lambda _: {"model": name, **more}


def _id(name: str, make: Callable[[Stage], str]) -> Given:
    return lambda stage: {name: make(stage)}


def _in_background(stage: Stage) -> str:
    return stage.response("slow", background=True)


_CHAT = _model("azure/dep", messages=CHAT)
_OVER = _model("azure/responses/dep", messages=CHAT)
_TEXT = _model("azure_text/inst", messages=CHAT)
_CLAUDE = _model("azure_ai/claude-haiku-4-5", messages=CHAT)
_INSTRUCT = _model("azure/inst", prompt="Hello")
_SPEECH = _model("azure/voice", input="say", voice="alloy")
_DRAW = _model("azure/draw", prompt="A fox")
_EDIT = _model("azure/draw", prompt="A fox", image=PNG)
_ASK = _model("azure/dep", input="Hello")
_RESPONSE = _id("response_id", Stage.response)
_FILE, _BATCH = _id("file_id", Stage.file), _id("batch_id", Stage.batch)
_JOB = _id("fine_tuning_job_id", Stage.job)

ROWS: dict[str, Row] = {
    "chat": _of("chat", _CHAT, by="completion"),
    "chat streamed": _of("chat", _CHAT, by="completion", stream=True),
    "chat over responses": _of("responses", _OVER, by="completion"),
    "chat over responses streamed": _of("responses", _OVER, by="completion", stream=True),
    "chat of a text model": _of("text_completion", _TEXT, by="completion"),
    "chat of a text model streamed": _of("text_completion", _TEXT, by="completion", stream=True),
    "Claude": _of("messages", _CLAUDE, by="completion"),
    "Claude streamed": _of("messages", _CLAUDE, by="completion", stream=True),
    "text_completion": _of("text_completion", _INSTRUCT),
    "text_completion streamed": _of("text_completion", _INSTRUCT, stream=True),
    "embedding": _of("embedding", _model("azure/emb", input=["Hello"])),
    "speech": _of("speech", _SPEECH),
    "speech streamed": _of("speech", _SPEECH, stream=True),
    "transcription": _of("transcription", _model("azure/ear", file=("a.wav", WAV))),
    "transcription as text": _of(
        "transcription", _model("azure/ear", file=("a.wav", WAV), response_format="text")
    ),
    "translation": _of("translation", _model("azure/ear", file=("a.wav", WAV))),
    "image_generation": _of("image_generation", _DRAW),
    "image_generation streamed": _of("image_generation", _DRAW, stream=True),
    "image_edit": _of("image_edit", _EDIT),
    "responses": _of("responses", _ASK),
    "responses streamed": _of("responses", _ASK, stream=True),
    "get_response": _of("get_response", _RESPONSE),
    "get_response streamed": _of(
        "get_response",
        lambda stage: {"response_id": stage.response(background=True, stream=True)},
        stream=True,
    ),
    "delete_response": _of("delete_response", _RESPONSE),
    "cancel_response": _of("cancel_response", _id("response_id", _in_background)),
    "list_input_items": _of("list_input_items", _RESPONSE),
    "create_file": _of("create_file", lambda _: {"file": ("a.jsonl", LINES), "purpose": "batch"}),
    "file_list": _of("file_list"),
    "file_retrieve": _of("file_retrieve", _FILE),
    "file_delete": _of("file_delete", _FILE),
    "file_content": _of("file_content", _FILE),
    "file_content streamed": _of("file_content", _FILE, stream=True),
    "create_batch": _of("create_batch", _id("input_file_id", Stage.file)),
    "retrieve_batch": _of("retrieve_batch", _BATCH),
    "cancel_batch": _of("cancel_batch", _BATCH),
    "list_batches": _of("list_batches"),
    "create_fine_tuning_job": _of(
        "create_fine_tuning_job",
        lambda stage: {"model": "gpt-4o-mini", "training_file": stage.file("fine-tune")},
    ),
    "retrieve_fine_tuning_job": _of("retrieve_fine_tuning_job", _JOB),
    "cancel_fine_tuning_job": _of("cancel_fine_tuning_job", _JOB),
    "list_fine_tuning_jobs": _of("list_fine_tuning_jobs"),
    "list_fine_tuning_events": _of("list_fine_tuning_events", _JOB),
}
STREAMS = [name for name, row in ROWS.items() if row.stream and not row.is_bytes]
# No function of ours asks it yet.
UNASKED = {"count_tokens"}


def call(row: Row, way: str, given: dict[str, Any], came: list[Any]) -> Any:
    """Make a call and read its answer; what came of a stream is also in `came`.

    Args:
        row: The call.
        way: ``sync`` or ``async``.
        given: All arguments.
        came: Takes the pieces of a stream, also of one that ends in an error.
    """
    given = {**given, "stream": True} if row.stream else given
    if way == "sync":
        answer = getattr(azure_agents, row.function)(**given)
        if row.is_bytes:
            answer = answer.iter_bytes()
        return _drained(answer, came) if row.is_bytes or row.stream else answer
    return asyncio.run(_acall(row, given, came))


def _drained(pieces: Any, came: list[Any]) -> list[Any]:
    for one in pieces:
        came.append(one)  # noqa: PERF402 - what came before an error is looked at
    return came


async def _acall(row: Row, given: dict[str, Any], came: list[Any]) -> Any:
    answer = await getattr(azure_agents, f"a{row.function}")(**given)
    if not row.is_bytes and not row.stream:
        return answer
    async for one in answer.aiter_bytes() if row.is_bytes else answer:
        came.append(one)  # noqa: PERF401 - as above
    return came


_CORE = {"choices", "data", "id", "object", "text"}


def essence(answer: Any) -> Any:
    """What two good answers of one call have in common: ids and times differ."""
    if isinstance(answer, list):
        if answer and isinstance(answer[0], bytes):
            return b"".join(answer)
        return "".join(map(_text, answer))
    said = [choice.message.content for choice in answer.get("choices") or () if "message" in choice]
    return sorted(_CORE & answer.model_dump().keys()), said


def _text(chunk: Any) -> str:
    """What a piece of a stream says."""
    said = chunk.get("delta")
    for choice in chunk.get("choices") or ():
        said = choice.get("text") or choice.get("delta", {}).get("content")
    return said if isinstance(said, str) else ""
