"""Deployments of the emulator answer in the shape of the recorded ones, as far as they are served.

Each recorded request is sent to a deployment whose script says what the recorded one said.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fidelity import RECORDINGS, Fact, compare, compare_events
from replay import read_events, series

from azure_agents.emulator import Emulator, Failed, Incomplete, Parts, Reasoning, Text, ToolCalls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FOLDER = RECORDINGS / "models"
SERVED = (
    "chat_completion_content_filtered",
    "chat_json_schema_gpt4o",
    "chat_o1_max_completion_tokens_length",
    "chat_parallel_tools_gpt5nano_dated",
    "chat_plain_gpt4o_dated",
    "chat_reasoning_gpt5nano_dated",
    "chat_stream_dated_gpt41mini",
    "chat_tool_stream_dated",
    "chat_vision_gpt4o_dated",
    "completions_legacy_gpt35",
    "embeddings_base64_ada",
    "error_400_prompt_content_filter",
    "error_401_bad_key_dated",
    "error_404_deployment_not_found",
)
_SINCE = "recorded before the service had it: the emulator answers as it does in 2026"
_BLOCKLIST = "of a blocklist of that resource; the emulator's filter finds violence"
# Recording, place of the difference, why it is meant.
KNOWN: tuple[tuple[str, str, str], ...] = (
    ("chat_completion_content_filtered", "*/custom_blocklists", _BLOCKLIST),
    ("chat_[cjop]*", "/choices/0/message/annotations", _SINCE),
    ("chat_json_schema_gpt4o", "/choices/0/message/refusal", _SINCE),
    ("chat_json_schema_gpt4o", "*/protected_material_*", _SINCE),
    ("chat_json_schema_gpt4o", "/usage/*_details", _SINCE),
    ("chat_tool_stream_dated", "*/obfuscation", _SINCE),
    ("chat_tool_stream_dated", "/usage/usage/*_details", _SINCE),
)
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recordings of deployments: {FOLDER} is not here"
)


def entries_of(name: str) -> list[dict[str, Any]]:
    """The exchanges of a recording."""
    found = json.loads((FOLDER / "openai" / f"{name}.json").read_text())
    return list(found["entries"])


def chunks_of(text: str) -> list[Any]:
    """The data of a stream without names of events."""
    data = [block.removeprefix("data: ") for block in text.strip().split("\n\n")]
    return [one if one == "[DONE]" else json.loads(one) for one in data]


def said_in(response: dict[str, Any]) -> Any:
    """The reply that a script gives to say what a recorded answer says."""
    if "sse" in response:
        return said_in_chunks(chunks_of(response["sse"]))
    body = response["body"]
    if "error" in body:
        return Failed(body["error"]["code"])
    choice = body["choices"][0]
    message = choice.get("message", {"content": choice.get("text")})
    details = body["usage"].get("completion_tokens_details") or {}
    reasoning = [Reasoning(tokens=details["reasoning_tokens"])] if details else []
    if choice["finish_reason"] == "content_filter":
        return Incomplete("content_filter")
    if choice["finish_reason"] == "length":
        return Parts(*reasoning, Incomplete("max_output_tokens", message["content"]))
    called = message.get("tool_calls") or ()
    calls = [(one["function"]["name"], one["function"]["arguments"]) for one in called]
    return Parts(*reasoning, ToolCalls(*calls) if calls else Text(message["content"]))


def said_in_chunks(chunks: list[Any]) -> Any:
    """The same for a stream."""
    choices = [chunk["choices"][0] for chunk in chunks[:-1] if chunk["choices"]]
    deltas = [choice["delta"] for choice in choices]
    calls = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
    if calls:
        return ToolCalls((calls[0]["name"], "".join(one["arguments"] for one in calls)))
    return Text(deltas=[delta["content"] for delta in deltas[1:] if delta.get("content")])


def emulated(entry: dict[str, Any], name: str) -> httpx.Response:
    """The emulator's answer to a recorded request."""
    request, response = entry["request"], entry["response"]
    path = request["path"].replace("//", "/")
    path = path if path.startswith("/openai") else f"/openai{path}"  # lost by the recorder
    with Emulator(seed=3) as foundry:
        body = response.get("body")
        model = body.get("model") if isinstance(body, dict) else None
        if "sse" in response:
            model = chunks_of(response["sse"])[1]["model"]
        if "embeddings" not in path:
            deployment = path.split("/")[3]
            foundry.deploy(deployment, said_in(response), model=model_of(name, model))
        else:
            foundry.deploy(path.split("/")[3], model=model or "text-embedding-ada-002")
        if "404" in name:
            path = path.replace(deployment, "another")
        key = "wrong" if "401" in name else foundry.api_key
        url = f"{foundry.resource}{path}"
        with httpx.Client(transport=foundry.transport) as client:
            return client.post(
                url, json=request["body"], params=request["query"], headers={"api-key": key}
            )


def model_of(name: str, told: str | None) -> str:
    """The model behind a recorded deployment."""
    return "gpt-35-turbo-instruct" if name.startswith("completions") else told or "gpt-4"


def media_type(headers: Mapping[str, str]) -> str:
    """The type of a body, without its character set; "" where none is named."""
    return headers.get("content-type", "").split(";")[0]


def differences(entry: dict[str, Any], answer: httpx.Response) -> Iterator[tuple[str, str]]:
    """Place and kind of every difference."""
    recorded = entry["response"]
    if recorded["status"] != answer.status_code:
        yield "status", f"is {answer.status_code}, recorded {recorded['status']}"
    kinds = [
        one.get("content-type", "").split(";")[0] for one in (recorded["headers"], answer.headers)
    ]
    if kinds[0] != kinds[1]:
        yield "content-type", f"is {kinds[1]}, recorded {kinds[0]}"
    for header in ("x-request-id", "apim-request-id", "x-ms-deployment-name", "x-ms-rai-invoked"):
        if header in recorded["headers"] and header not in answer.headers:
            yield header, "is missing"
    if "sse" in recorded:
        yield from stream_differences(chunks_of(recorded["sse"]), chunks_of(answer.text))
        return
    body = answer.json()
    for fact in compare("", recorded["body"], body):
        if fact.difference:
            yield fact.place, fact.difference
    if (
        "error" in recorded["body"]
        and recorded["body"]["error"]["message"] != body["error"]["message"]
    ):
        yield "/error/message", f"is {body['error']['message']!r}"


def kind_of(chunk: Any) -> str:
    """What a chunk brings, in a word."""
    if chunk == "[DONE]":
        return "done"
    if not chunk["choices"]:
        return "usage" if chunk.get("usage") else "prompt"
    choice = chunk["choices"][0]
    if choice["finish_reason"]:
        return "finish"
    return "role" if "role" in choice["delta"] else " ".join(choice["delta"])


def stream_differences(then: list[Any], now: list[Any]) -> Iterator[tuple[str, str]]:
    """Compare the order of chunks, and the first of each kind."""
    old, new = (series([(kind_of(one), one) for one in chunks]) for chunks in (then, now))
    if [kind for kind, _ in old] != [kind for kind, _ in new]:
        yield "order", f"is {[kind for kind, _ in new]}, recorded {[kind for kind, _ in old]}"
        return
    for (kind, before), (_, after) in zip(old, new, strict=True):
        for fact in compare(f"/{kind}", before[0], after[0]):
            if fact.difference:
                yield fact.place, fact.difference
        if kind != "done" and list(before[0]) != [key for key in after[0] if key in before[0]]:
            yield f"/{kind} keys", f"come as {list(after[0])}"


def reason_of(name: str, place: str) -> str:
    """Why a difference is meant; "" if it is not."""
    found = (
        why for one, where, why in KNOWN if fnmatchcase(name, one) and fnmatchcase(place, where)
    )
    return next(found, "")


@pytest.mark.parametrize("name", SERVED)
def test_answers_have_the_recorded_shape(name: str) -> None:
    """Status, headers, keys, types, words and order of chunks: all of them, or a named reason."""
    for entry in entries_of(name):
        found = differences(entry, emulated(entry, name))
        assert [] == [(at, what) for at, what in found if not reason_of(name, at)]


def test_every_known_difference_is_needed() -> None:
    """A row that excuses nothing has outlived its reason."""
    found = [
        (name, place)
        for name in SERVED
        for entry in entries_of(name)
        for place, _ in differences(entry, emulated(entry, name))
    ]
    needed = [
        row
        for row in KNOWN
        if any(fnmatchcase(name, row[0]) and fnmatchcase(place, row[1]) for name, place in found)
    ]
    assert list(KNOWN) == needed


CLAUDE = ("messages_parallel_tools", "messages_plain", "messages_thinking", "messages_tool_stream")


def claude_parts(response: dict[str, Any]) -> Any:
    """The reply that a script gives to say what Claude said."""
    blocks = response["body"]["content"] if "body" in response else built(response["sse"])
    parts: list[Any] = []
    for block in blocks:
        if block["type"] == "thinking":
            parts.append(Reasoning(block["thinking"], 20))
        elif block["type"] == "text":
            parts.append(Text(block["text"]))
        else:
            parts.append(ToolCalls((block["name"], block["input"], block["id"])))
    return Parts(*parts)


def built(sse: str) -> list[dict[str, Any]]:
    """The blocks of a stream."""
    blocks: list[dict[str, Any]] = []
    for name, data in read_events(sse):
        if name == "content_block_start":
            blocks.append({**data["content_block"], "said": ""})
        elif name == "content_block_delta":
            delta = data["delta"]
            blocks[-1]["said"] += delta.get("text") or delta.get("partial_json") or ""
    for block in blocks:
        said = block.pop("said")
        is_text = block["type"] == "text"
        block.update({"text": said} if is_text else {"input": json.loads(said or "{}")})
    return blocks


def claude_differences(entry: dict[str, Any], answer: httpx.Response) -> Iterator[Fact]:
    """Every fact of an answer, and what is different in it."""
    recorded = entry["response"]
    yield Fact(("status", "" if answer.status_code == recorded["status"] else answer.text))
    if "sse" in recorded:
        yield from compare_events(read_events(recorded["sse"]), read_events(answer.text))
    else:
        yield from compare("", recorded["body"], answer.json())
        yield Fact(("keys", "" if list(recorded["body"]) == list(answer.json()) else "order"))


@pytest.mark.parametrize("name", CLAUDE)
def test_claude_answers_in_the_recorded_shape(name: str) -> None:
    """Keys, types, words, names and order of events: all of them."""
    found = json.loads((FOLDER / "claude" / f"{name}.json").read_text())["entries"]
    signatures: dict[str, str] = {}
    with Emulator(seed=3) as foundry:
        deployed = foundry.deploy("claude", model="claude-haiku-4-5-20251001")
        for entry in found:
            deployed.script(claude_parts(entry["response"]))
            body = json.dumps({**entry["request"]["body"], "model": "claude"})
            for theirs, ours in signatures.items():
                body = body.replace(theirs, ours)
            answer = claude_answer(foundry, json.loads(body))
            signatures |= translated(entry["response"], answer)
            facts = claude_differences(entry, answer)
            assert [] == [(one.place, one.difference) for one in facts if one.difference]


def claude_answer(foundry: Emulator, body: dict[str, Any]) -> httpx.Response:
    """Send a request to Claude as Foundry serves it."""
    headers = {"x-api-key": foundry.api_key, "anthropic-version": "2023-06-01"}
    with httpx.Client(transport=foundry.transport) as client:
        url = f"{foundry.resource}/anthropic/v1/messages"
        return client.post(url, json=body, headers=headers)


def translated(response: dict[str, Any], answer: httpx.Response) -> dict[str, str]:
    """The emulator's signatures of thoughts, by the recorded ones."""
    if "body" not in response or answer.status_code != 200:
        return {}
    pairs = zip(response["body"]["content"], answer.json()["content"], strict=True)
    return {old["signature"]: new["signature"] for old, new in pairs if "signature" in old}


LINE = {
    "custom_id": "request-1",
    "method": "POST",
    "url": "/v1/chat/completions",
    "body": {"model": "gpt-4o-mini-batch", "messages": [{"role": "user", "content": "Hello"}]},
}


def test_a_batch_lives_as_recorded() -> None:
    """Each station is seen, in the recorded shape; so are the file before and the lines after."""
    entries = entries_of("batch_life_cycle_output_lines")
    with Emulator(seed=3) as foundry:
        foundry.deploy("gpt-4o-mini-batch", "Hello!")
        with httpx.Client(transport=foundry.transport) as client:
            for entry, answer in batch_answers(foundry, client, entries):
                recorded = entry["response"]
                assert recorded["status"] == answer.status_code
                assert ("location" in recorded["headers"]) == ("location" in answer.headers)
                then, now = recorded["body"], answer.text
                if isinstance(then, str):
                    pair = [json.loads(text.splitlines()[0]) for text in (then, now)]
                else:
                    pair = [then, answer.json()]
                facts = [one for one in compare("", *pair) if one.difference]
                places = [one.place for one in facts if not one.place.endswith("/annotations")]
                assert [] == places


def batch_answers(
    foundry: Emulator, client: httpx.Client, entries: list[dict[str, Any]]
) -> Iterator[tuple[dict[str, Any], httpx.Response]]:
    """Send the recorded requests; a look at a batch is repeated until it is where it was then."""
    ids: dict[str, str] = {}
    data = b"".join(json.dumps({**LINE, "custom_id": id}).encode() + b"\n" for id in ("a", "b"))
    for entry in entries:
        request, recorded = entry["request"], entry["response"]["body"]
        sent: dict[str, Any] = {"headers": {"api-key": foundry.api_key}, "params": request["query"]}
        if "multipart" in request["headers"].get("content-type", ""):
            sent |= {"data": {"purpose": "batch"}, "files": {"file": ("lines.jsonl", data)}}
        elif request.get("body"):
            sent["json"] = json.loads(ours_for(ids, json.dumps(request["body"])))
        path = ours_for(ids, request["path"])
        answer = client.request(request["method"], f"{foundry.resource}{path}", **sent)
        while isinstance(recorded, dict) and looks_earlier(answer.json(), recorded):
            answer = client.request(request["method"], f"{foundry.resource}{path}", **sent)
        yield entry, answer
        if isinstance(recorded, dict) and "deleted" not in recorded:
            keys = [key for key in ("id", "output_file_id") if recorded.get(key)]
            ids |= {recorded[key]: answer.json()[key] for key in keys}


def ours_for(ids: dict[str, str], text: str) -> str:
    """Put the emulator's ids in the place of the recorded ones."""
    for theirs, ours in ids.items():
        text = text.replace(theirs, ours)
    return text


def looks_earlier(now: dict[str, Any], recorded: dict[str, Any]) -> bool:
    """Whether a batch is still before the recorded station."""
    stations = ["validating", "in_progress", "finalizing", "completed"]
    status = recorded.get("status")
    return status in stations and stations.index(now["status"]) < stations.index(status)


MEDIA = [
    ("images_dalle3_filter_results", "dall-e-3"),
    ("audio_speech_tts", "tts"),
    ("audio_transcription_srt", "whisper"),
    ("audio_transcription_verbose_json", "whisper"),
]


@pytest.mark.parametrize(("name", "model"), MEDIA)
def test_images_and_audio_have_the_recorded_shape(name: str, model: str) -> None:
    """Keys, types and media types; the text of a transcript is the recorded one."""
    (entry,) = entries_of(name)
    request, recorded = entry["request"], entry["response"]
    sent: dict[str, Any] = {"json": request["body"]}
    if request["body"] is None:  # the recorder kept no form
        form = name.removeprefix("audio_transcription_")
        sent = {"data": {"response_format": form}, "files": {"file": ("a.wav", b"sound")}}
    with Emulator(seed=3) as foundry:
        foundry.deploy(request["path"].split("/")[3], "Hello world, this is a test.", model=model)
        url, key = f"{foundry.resource}{request['path']}", {"api-key": foundry.api_key}
        with httpx.Client(transport=foundry.transport) as client:
            answer = client.post(url, params=request["query"], headers=key, **sent)
    assert (recorded["status"], media_type(recorded["headers"])) == (
        answer.status_code,
        media_type(answer.headers),
    )
    assert ("csp-billing-usage" in recorded["headers"]) == ("csp-billing-usage" in answer.headers)
    if isinstance(recorded["body"], dict):
        found = [
            (one.place, one.difference)
            for one in compare("", recorded["body"], answer.json())
            if one.difference and "tokens" not in one.place
        ]
        assert [] == found
    elif name.endswith("srt"):
        assert recorded["body"].splitlines()[2:] == answer.text.splitlines()[2:]


RESPONSES = (
    "responses_v1_plain_gpt5nano",
    "responses_v1_stream_gpt5nano",
    "responses_v1_function_tool_gpt56",
    "error_400_missing_model_responses",
)
_PHASE = "a newer model than others tells the phase of a message, and no filters of its second turn"
KNOWN_OF_RESPONSES = (
    ("responses_v1_function_tool_gpt56", "/output/0/phase", _PHASE),
    ("responses_v1_function_tool_gpt56", "/content_filters type", _PHASE),
)


def said_in_response(response: dict[str, Any]) -> Any:
    """The reply that a script gives to say what a recorded response says."""
    if "sse" in response:
        body = read_events(response["sse"])[-1][1]["response"]
    else:
        body = response["body"]
    parts: list[Any] = []
    for item in body["output"]:
        if item["type"] == "reasoning":
            parts.append(Reasoning(tokens=64))
        elif item["type"] == "function_call":
            parts.append(ToolCalls((item["name"], item["arguments"], item["call_id"])))
        else:
            parts.append(Text(item["content"][0]["text"]))
    return Parts(*parts)


@pytest.mark.parametrize("name", RESPONSES)
def test_responses_have_the_recorded_shape(name: str) -> None:
    """Keys, types, words, names and order of events: all of them, or a named reason."""
    known = {place for one, place, _ in KNOWN_OF_RESPONSES if one == name}
    with Emulator(seed=3) as foundry, httpx.Client(transport=foundry.transport) as client:
        for entry in entries_of(name):
            request, recorded = entry["request"], entry["response"]
            if recorded["status"] == 200:
                model = request["body"]["model"]
                foundry.deploy(model, said_in_response(recorded), model=model)
            url, key = f"{foundry.resource}{request['path']}", {"api-key": foundry.api_key}
            answer = client.post(url, json=request["body"], params=request["query"], headers=key)
            assert recorded["status"] == answer.status_code
            assert media_type(recorded["headers"]) == media_type(answer.headers)
            if "sse" in recorded:
                facts = compare_events(read_events(recorded["sse"]), read_events(answer.text))
            elif isinstance(recorded["body"], str):
                facts = compare("", json.loads(recorded["body"]), answer.json())
            else:
                facts = compare("", recorded["body"], answer.json())
            found = [(one.place, one.difference) for one in facts if one.difference]
            assert [] == [one for one in found if one[0] not in known]


def test_a_response_is_read_and_deleted_as_recorded() -> None:
    """A second look is the recorded 404; keys that the dated surface lacked in 2025 are more."""
    foundry = Emulator(seed=3)
    foundry.deploy("gpt-4o-mini", "Hello!", model="gpt-4o-mini-2024-07-18")
    theirs = ours = ""
    with httpx.Client(transport=foundry.transport) as client:
        for entry in entries_of("responses_dated_create_get_delete_404"):
            request, recorded = entry["request"], entry["response"]
            path = request["path"].replace(theirs or "none", ours)
            sent = {"headers": {"api-key": foundry.api_key}, "params": request["query"]}
            body = request["body"] if request["method"] == "POST" else None
            url = f"{foundry.resource}{path}"
            answer = client.request(request["method"], url, json=body, **sent)
            assert recorded["status"] == answer.status_code
            facts = compare("", recorded["body"], answer.json())
            wrong = [one for one in facts if one.difference and "is there" not in one.difference]
            assert [] == [one.place for one in wrong if one.place != "/content_filters type"]
            theirs = theirs or recorded["body"]["id"]
            ours = ours or answer.json()["id"]


def test_a_fine_tuning_job_lives_as_recorded() -> None:
    """From the upload to the second deletion of its file."""
    ids: dict[str, str] = {}
    foundry = Emulator(seed=3)
    with httpx.Client(transport=foundry.transport) as client:
        for entry in entries_of("fine_tuning_create_cancel_delete"):
            request, recorded = entry["request"], entry["response"]
            sent: dict[str, Any] = {"params": request["query"]}
            if "multipart" in request["headers"].get("content-type", ""):
                sent |= {"data": {"purpose": "fine-tune"}, "files": {"file": ("a.jsonl", b"{}")}}
            elif request["method"] == "POST" and request["body"]:
                sent["json"] = json.loads(ours_for(ids, json.dumps(request["body"])))
            url = f"{foundry.resource}{ours_for(ids, request['path'])}"
            key = {"api-key": foundry.api_key}
            answer = client.request(request["method"], url, headers=key, **sent)
            assert recorded["status"] == answer.status_code
            assert ("location" in recorded["headers"]) == ("location" in answer.headers)
            if recorded["body"] is not None:
                facts = compare("", recorded["body"], answer.json())
                assert [] == [one.place for one in facts if one.difference]
                if "id" in recorded["body"]:
                    ids[recorded["body"]["id"]] = answer.json()["id"]
            if "files" in request["path"]:
                foundry.clock.advance(6)  # the recorded look came six seconds later
