"""openai alone, as Azure's client and as OpenAI's: every operation of a resource, twice.

Each check is made with three clients, sync and async: `AzureOpenAI`, `OpenAI` at the surface
without versions, and `OpenAI` at OpenAI itself.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import io
import json
import time
from collections.abc import Callable
from typing import Any

import openai
from oracle import ENDPOINT, STRICT, check, raises, run

RESOURCE = ENDPOINT.partition("/api/projects/")[0]
KINDS = ("AzureOpenAI", "OpenAI", "OpenAI itself")
HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
]
USAGE = {"stream": True, "stream_options": {"include_usage": True}}


def client_of(kind: str, *, is_async: bool, strict: bool = STRICT) -> Any:
    """A client; a strict one raises where an answer is not of the SDK's own types."""
    given: dict[str, Any] = {"api_key": "any", "max_retries": 0}
    given["_strict_response_validation"] = strict
    if kind == "AzureOpenAI":
        given |= {"azure_endpoint": RESOURCE, "api_version": "2024-10-21"}
    else:
        given["base_url"] = RESOURCE + ("/v1" if kind == "OpenAI itself" else "/openai/v1")
    name = kind.partition(" ")[0]
    return getattr(openai, f"Async{name}" if is_async else name)(**given)


class Asker:
    """Calls methods of one client, and waits for what an async one gives."""

    def __init__(self, kind: str, *, is_async: bool) -> None:
        self.kind, self.is_async, self.is_strict = kind, is_async, STRICT

    def __call__(self, path: str, *args: Any, lenient: str = "", **fields: Any) -> Any:
        """What a method gives; of a stream or a page all that is in it.

        Args:
            path: The method, from the client on.
            args: Of the method.
            lenient: Where the SDK's own types are too narrow: ``"Azure"``, or ``"all"``.
            fields: Of the method.
        """
        at_openai = self.kind == "OpenAI itself"
        strict = self.is_strict and lenient != "all" and not (lenient and not at_openai)
        if self.is_async:
            return asyncio.run(self._awaited(path, args, fields, strict=strict))
        with client_of(self.kind, is_async=False, strict=strict) as client:
            answer = method_of(client, path)(*args, **fields)
            return list(answer) if fields.get("stream") or path.endswith("list") else answer

    async def _awaited(self, path: str, args: Any, fields: Any, *, strict: bool) -> Any:
        async with client_of(self.kind, is_async=True, strict=strict) as client:
            answer = method_of(client, path)(*args, **fields)
            if inspect.isawaitable(answer) and not hasattr(answer, "__aiter__"):
                answer = await answer
            if fields.get("stream") or path.endswith("list"):
                return [one async for one in answer]
            return answer


def method_of(client: Any, path: str) -> Any:
    """A method by its path."""
    found = client
    for name in path.split("."):
        found = getattr(found, name)
    return found


def each(function: Callable[[Asker], None]) -> Callable[[], None]:
    """A check that is made with every client."""

    def made() -> None:
        for kind in KINDS:
            for is_async in (False, True):
                try:
                    function(Asker(kind, is_async=is_async))
                except Exception as error:
                    error.add_note(f"with {'Async' if is_async else ''}{kind}")
                    raise

    made.__name__, made.__doc__ = function.__name__, function.__doc__
    return check(made)


@each
def a_chat(ask: Asker) -> None:
    """Whole, with a call and its result; streamed with its usage."""
    asked = {"model": "chat", "tools": TOOLS}
    said = [{"role": "user", "content": "call"}]
    answer = ask("chat.completions.create", messages=said, **asked)
    message = answer.choices[0].message
    assert ("tool_calls", "get_weather") == (
        answer.choices[0].finish_reason,
        message.tool_calls[0].function.name,
    )
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "18 C"}
    again = ask("chat.completions.create", messages=[*said, message, result], **asked)
    assert "It is mild." == again.choices[0].message.content
    chunks = ask("chat.completions.create", lenient="Azure", model="chat", messages=HELLO, **USAGE)
    told = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert ("Hello there!", True) == ("".join(told), chunks[-1].usage.total_tokens > 0)
    assert (ask.kind == "OpenAI itself") == bool(chunks[0].choices)


@each
def other_models_chat(ask: Asker) -> None:
    """One that reasons, one that is not OpenAI's, one that speaks."""
    fields: dict[str, Any] = {"messages": HELLO, "max_completion_tokens": 500}
    answer = ask("chat.completions.create", model="reasoner", reasoning_effort="low", **fields)
    assert "Hello there!" == answer.choices[0].message.content
    answer = ask("chat.completions.create", lenient="Azure", model="grok", **fields)
    assert "Hello there!" == answer.choices[0].message.content
    sound = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "flac"}}
    answer = ask("chat.completions.create", model="voice", messages=HELLO, **sound)
    assert base64.b64decode(answer.choices[0].message.audio.data).startswith(b"fLaC")
    asked = {"logprobs": True, "top_logprobs": 2, "model": "chat", "messages": HELLO}
    told = ask("chat.completions.create", **asked).choices[0].logprobs.content
    assert "Hello there!" == "".join(one.token for one in told)


@each
def errors(ask: Asker) -> None:
    """The class for each, whole and streamed."""
    kinds = {
        "filter": openai.BadRequestError,
        "throttle": openai.RateLimitError,
        "break": openai.InternalServerError,
    }
    for word, kind in kinds.items():
        said = [{"role": "user", "content": word}]
        for stream in (False, True):
            fields = {"model": "chat", "messages": said, "stream": stream}
            raises(kind, lambda fields=fields: ask("chat.completions.create", **fields))
    nobody = {"model": "nobody", "messages": HELLO}
    error = raises(openai.NotFoundError, lambda: ask("chat.completions.create", **nobody))
    known = "model_not_found" if ask.kind == "OpenAI itself" else "DeploymentNotFound"
    assert known == error.code


@each
def texts_and_vectors(ask: Asker) -> None:
    """Text completions whole and streamed; vectors, which the SDK asks for in base64."""
    asked = {"model": "instruct", "prompt": "Tell"}
    assert "Hello there!" == ask("completions.create", **asked).choices[0].text
    # The types have no place for a choice that goes on, nor for vectors in base64.
    chunks = ask("completions.create", lenient="all", stream=True, **asked)
    assert "Hello there!" == "".join(one.choices[0].text for one in chunks if one.choices)
    given = {"model": "vectors", "input": ["a", "b"]}
    plain = ask("embeddings.create", encoding_format="float", **given)
    assert [1536, 1536] == [len(one.embedding) for one in plain.data]
    packed = ask("embeddings.create", lenient="all", **given)
    assert abs(plain.data[0].embedding[0] - packed.data[0].embedding[0]) < 1e-6


@each
def responses(ask: Asker) -> None:
    """Made, continued, read, listed, streamed and deleted."""
    first = ask("responses.create", model="chat", input="Hello")
    assert "Hello there!" == first.output_text
    second = ask("responses.create", model="chat", input="Hello", previous_response_id=first.id)
    assert second.id == ask("responses.retrieve", second.id).id
    assert ask("responses.input_items.list", second.id)
    events = ask("responses.create", model="reasoner", input="think", stream=True)
    assert "It is mild." == events[-1].response.output_text
    late = ask("responses.create", model="chat", input="Hello", background=True)
    assert ask("responses.cancel", late.id).status in {"cancelled", "completed"}
    ask("responses.delete", second.id)
    raises(openai.NotFoundError, lambda: ask("responses.retrieve", second.id))


@each
def sound(ask: Asker) -> None:
    """Speech in a format, transcripts whole and streamed, a translation."""
    speech = ask(
        "audio.speech.create", model="speaker", voice="alloy", input="Hi", response_format="opus"
    )
    assert speech.content.startswith(b"OggS")
    file = ("a.ogg", speech.content)
    told = ask("audio.transcriptions.create", model="listener", file=file)
    assert ("Hello there!", "tokens") == (told.text, told.usage.type)
    events = ask("audio.transcriptions.create", model="listener", file=file, stream=True)
    assert "Hello there!" == events[-1].text
    verbose = ask(
        "audio.transcriptions.create", model="whisper", file=file, response_format="verbose_json"
    )
    assert "Hello there!" == verbose.segments[0].text.strip()
    assert "Hello there!" == ask("audio.translations.create", model="whisper", file=file).text


@each
def images(ask: Asker) -> None:
    """By a link, in bytes, streamed, and edited."""
    assert ask("images.generate", model="dall-e", prompt="A cat").data[0].url
    asked = {"model": "painter", "prompt": "A cat"}
    whole = ask("images.generate", **asked)
    assert base64.b64decode(whole.data[0].b64_json).startswith(b"\x89PNG")
    events = ask("images.generate", stream=True, partial_images=2, **asked)
    assert ["partial_image", "partial_image", "completed"] == [
        event.type.rpartition(".")[2] for event in events
    ]
    picture = ("a.png", io.BytesIO(b"\x89PNG"), "image/png")
    assert ask("images.edit", image=picture, **asked).usage.total_tokens > 0


@each
def files_and_batches(ask: Asker) -> None:
    """A file goes up, its lines are run, and their answers come down."""
    body = {"model": "chat", "messages": HELLO}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    data = json.dumps(line).encode()
    file = ask("files.create", file=("a.jsonl", data), purpose="batch")
    assert data == ask("files.content", file.id).content
    assert file.id in [one.id for one in ask("files.list")]
    made = {
        "input_file_id": file.id,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    }
    batch = ask("batches.create", **made)
    until = time.monotonic() + 30
    while batch.status != "completed" and time.monotonic() < until:
        batch = ask("batches.retrieve", batch.id)
    answered = json.loads(ask("files.content", batch.output_file_id).content)
    assert ("a", 200) == (answered["custom_id"], answered["response"]["status_code"])
    assert batch.id in [one.id for one in ask("batches.list")]
    other = ask("batches.create", **made)
    assert ask("batches.cancel", other.id).status in {"cancelling", "cancelled"}
    assert ask("files.delete", file.id).deleted


@each
def fine_tuning(ask: Asker) -> None:
    """A job is made, seen with its events, listed and cancelled."""
    ask.is_strict = False  # files and jobs that are pending were recorded, and are in no type
    file = ask("files.create", file=("a.jsonl", b"{}"), purpose="fine-tune")
    made = {"model": "gpt-4o-mini-2024-07-18", "training_file": file.id}
    job = ask("fine_tuning.jobs.create", **made)
    assert job.id == ask("fine_tuning.jobs.retrieve", job.id).id
    assert job.id in [one.id for one in ask("fine_tuning.jobs.list")]
    ask("fine_tuning.jobs.list_events", job.id)
    other = ask("fine_tuning.jobs.create", **made)
    assert "cancelled" == ask("fine_tuning.jobs.cancel", other.id).status


if __name__ == "__main__":
    run()
