"""Every route of the cold room, by OpenAI's SDK and by bare HTTP, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from openai import AzureOpenAI, NotFoundError

from azure_agents.emulator import Emulator

from ..conftest import Gateway
from .conftest import KEYS, MASTER, Client, completed, lines

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SOUND = ("speech.mp3", b"ID3 sound")
EXAMPLE = b'{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]}'
TRAINING = b"\n".join([EXAMPLE] * 10)
PICTURE = ("cat.png", b"\x89PNG\r\n\x1a\n picture")


# openai 3 calls some of its methods deprecated; programs use them.
@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
@pytest.mark.parametrize("key", [KEYS["ada"], MASTER])
@pytest.mark.parametrize("root", ["", "/v1", "/openai/v1"])
def test_sound_and_images_pass(gateway: Gateway, client: Client, key: str, root: str) -> None:
    """Bytes down, forms up, and streams of images; with a key and with the master key."""
    openai = client(gateway, key, root)
    assert openai.audio.speech.create(model="tts", input="Hello", voice="alloy").content
    heard = openai.audio.transcriptions.create(model="whisper", file=SOUND)
    told = openai.audio.translations.create(model="whisper", file=SOUND)
    assert ["Hello there."] * 2 == [heard.text, told.text]
    text = openai.audio.transcriptions.create(model="whisper", file=SOUND, response_format="text")
    assert "Hello there." == str(text).strip()
    assert openai.images.generate(model="dall-e", prompt="A cat").data
    assert openai.images.edit(model="gpt-image", image=PICTURE, prompt="A dog").data


def test_images_are_streamed(gateway: Gateway, client: Client) -> None:
    """With pictures that grow, and one end."""
    stream = client(gateway).images.generate(
        model="gpt-image", prompt="A cat", stream=True, partial_images=2
    )
    kinds = [event.type for event in stream]
    assert "image_generation.completed" == kinds[-1]
    assert 2 == kinds.count("image_generation.partial_image")


def test_azures_own_client_finds_its_routes(gateway: Gateway) -> None:
    """With the deployment in the path and a dated version."""
    made = AzureOpenAI(azure_endpoint=gateway.url, api_key=MASTER, api_version="2024-10-21")
    with made as azure:
        assert azure.audio.speech.create(model="tts", input="Hello", voice="alloy").content
        heard = azure.audio.transcriptions.create(model="whisper", file=SOUND)
        file = azure.files.create(file=("a.jsonl", lines("gpt-4o")), purpose="batch")
        assert ("Hello there.", file.id) == (heard.text, azure.files.retrieve(file.id).id)


def test_files_batches_and_jobs_live_their_lives(gateway: Gateway, client: Client) -> None:
    """Made, looked at, listed, cancelled, deleted."""
    openai = client(gateway)
    file = openai.files.create(file=("my.jsonl", lines("gpt-4o")), purpose="batch")
    assert "my.jsonl" == openai.files.retrieve(file.id).filename
    assert b"my-gpt" in openai.files.content(file.id).content
    window: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = openai.batches.create(input_file_id=file.id, metadata={"mine": "1"}, **window)
    assert {"mine": "1"} == batch.metadata
    done = completed(openai, batch)
    assert b"Hello there." in openai.files.content(done.output_file_id).content
    other = openai.batches.create(input_file_id=file.id, **window)
    assert openai.batches.cancel(other.id).status in ("cancelling", "cancelled")
    assert {batch.id, other.id} == {one.id for one in openai.batches.list(limit=1)}
    training = openai.files.create(file=("t.jsonl", TRAINING), purpose="fine-tune")
    job = openai.fine_tuning.jobs.create(model="gpt-4o-2024-08-06", training_file=training.id)
    assert job.id == openai.fine_tuning.jobs.retrieve(job.id).id
    assert list(openai.fine_tuning.jobs.list_events(job.id, limit=1))
    assert [job.id] == [one.id for one in openai.fine_tuning.jobs.list()]
    last = openai.fine_tuning.jobs.create(model="gpt-4o-2024-08-06", training_file=training.id)
    assert "cancelled" == openai.fine_tuning.jobs.cancel(last.id).status
    assert openai.files.delete(file.id).deleted


def test_stored_responses_are_found_again(gateway: Gateway, client: Client) -> None:
    """Read, streamed again from a place, cancelled, deleted; and gone on with."""
    openai = client(gateway)
    first = openai.responses.create(model="gpt-4o", input="Hello")
    assert first.id == openai.responses.retrieve(first.id).id
    assert [1] == [len(list(openai.responses.input_items.list(first.id)))]
    more = openai.responses.create(model="gpt-4o", input="Go on", previous_response_id=first.id)
    assert first.id == more.previous_response_id
    kept = openai.responses.create(model="gpt-4o", input="Hello", background=True)
    assert kept.id == openai.responses.cancel(kept.id).id
    openai.responses.delete(first.id)
    again = gateway.http.get(f"/v1/responses/{first.id}", headers={"api-key": KEYS["ada"]})
    assert 404 == again.status_code


@pytest.mark.parametrize("after", [None, 0, 3])
def test_a_response_of_the_background_is_streamed_again(
    gateway: Gateway, client: Client, after: int | None
) -> None:
    """Behind the last event that the client has; with ids that are its own, and one end."""
    openai = client(gateway)
    more: Any = {"model": "gpt-4o", "input": "Hello", "background": True}
    stream = openai.responses.create(**more, stream=True)
    first = next(iter(stream))
    stream.close()  # its client has gone, and the answer is made all the same
    id = first.response.id  # type: ignore[union-attr]
    given: Any = {} if after is None else {"starting_after": after}
    rest = list(openai.responses.retrieve(id, stream=True, **given))
    begin = 0 if after is None else after + 1
    assert list(range(begin, begin + len(rest))) == [one.sequence_number for one in rest]
    last: Any = rest[-1]
    assert ("response.completed", id, "Hello there.") == (
        last.type,
        last.response.id,
        last.response.output_text,
    )
    other = client(gateway, KEYS["bob"])
    with pytest.raises(NotFoundError):
        other.responses.retrieve(id, stream=True, **given)


METHODS = [
    ("GET", "/v1/audio/speech", {"POST"}),
    ("PUT", "/v1/files", {"GET", "HEAD", "POST"}),
    ("POST", "/v1/files/file-1", {"DELETE", "GET", "HEAD"}),
    ("POST", "/openai/files/file-1/content", {"GET", "HEAD"}),
    ("PATCH", "/batches/batch_1", {"GET", "HEAD"}),
    ("GET", "/v1/batches/batch_1/cancel", {"POST"}),
    ("POST", "/v1/responses/resp_1", {"DELETE", "GET", "HEAD"}),
]


@pytest.mark.parametrize(("method", "path", "allowed"), METHODS)
def test_a_wrong_method_hears_which_are_right(
    gateway: Gateway, method: str, path: str, allowed: set[str]
) -> None:
    """405 with allow, in OpenAI's form."""
    answer = gateway.http.request(method, path, headers={"api-key": MASTER})
    assert 405 == answer.status_code
    assert allowed == set(answer.headers["allow"].split(", "))
    assert answer.json()["error"]["message"]


def test_without_a_key_nothing_is_told(gateway: Gateway) -> None:
    """Neither routes nor methods."""
    for method, path in (("GET", "/v1/files"), ("PUT", "/v1/files"), ("GET", "/v1/nothing")):
        assert 401 == gateway.http.request(method, path).status_code


UNKNOWN = [
    ("GET", "/v1/files/file-none"),
    ("GET", "/v1/files/file-none/content"),
    ("GET", "/v1/batches/batch_none"),
    ("POST", "/v1/batches/batch_none/cancel"),
    ("GET", "/v1/fine_tuning/jobs/ftjob-none"),
    ("GET", "/v1/responses/resp_none"),
    ("GET", "/v1/files/%2e%2e/content"),
    ("GET", "/v1/files/a%20b"),
]


@pytest.mark.parametrize(("method", "path"), UNKNOWN)
@pytest.mark.parametrize("key", [KEYS["ada"], MASTER])
def test_an_unknown_id_is_a_404(gateway: Gateway, method: str, path: str, key: str) -> None:
    """In OpenAI's form, without the upstream's place."""
    answer = gateway.http.request(method, path, headers={"api-key": key})
    assert 404 == answer.status_code
    assert answer.json()["error"]["message"]
    assert "up-secret" not in answer.text
    assert "127.0.0.1" not in answer.text


FORM = {"content-type": "multipart/form-data; boundary=b"}
WHOLE = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'
EMPTY = WHOLE[:-7] + (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\r\n--b--\r\n'
)
BROKEN = [
    ("/v1/files", b"nothing of a form", FORM, 400),
    ("/v1/files", WHOLE[:-10], FORM, 400),
    ("/v1/files", WHOLE, {"content-type": "multipart/form-data"}, 400),
    ("/v1/files", b"{}", {"content-type": "application/json"}, 400),
    ("/v1/files", EMPTY, FORM, 400),
    ("/v1/files", WHOLE.replace(b"purpose", b"api_base"), FORM, 400),
    ("/v1/files?api_key=mine", WHOLE, FORM, 400),
    ("/v1/audio/transcriptions", WHOLE, FORM, 400),
    ("/v1/batches", b"[]", {}, 400),
    ("/v1/batches", b'{"api_base": "https://evil.example"}', {}, 400),
    ("/v1/images/generations", b'{"prompt": "x"}', {}, 400),
    ("/v1/images/generations", b'{"model": "none", "prompt": "x"}', {}, 404),
    ("/v1/audio/speech", b'{"model": "gpt-mini", "endpoint": "https://evil.example"}', {}, 400),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_body_is_refused_before_anything_is_sent(
    foundry: Emulator, gateway: Gateway, broken: tuple[str, bytes, dict[str, str], int]
) -> None:
    """Forms without an end, without a boundary, with settings; JSON that is none."""
    path, body, headers, status = broken
    answer = gateway.http.post(path, content=body, headers={"api-key": MASTER, **headers})
    assert (status, True) == (answer.status_code, "message" in answer.json()["error"])
    assert [] == list(foundry.requests)
