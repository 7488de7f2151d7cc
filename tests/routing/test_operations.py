"""The operations besides chat, through a router: each that this version has, and ids that stick."""

from __future__ import annotations

import asyncio
import inspect
import io
from typing import Any

import pytest

import azure_agents
from azure_agents.emulator import Fault
from azure_agents.errors import InvalidRequestError, NotFoundError, TurnUnknownError
from azure_agents.models.answers import Answer
from azure_agents.models.operation_table import OPERATIONS
from azure_agents.routing import sticky
from azure_agents.routing.calls import RoutedCall
from azure_agents.routing.flow import Job
from azure_agents.routing.functions import NAMES, Rewinding, function_of, named_arguments
from azure_agents.routing.router import Router

from .fleet import Fleet

WAYS = ["sync", "async"]


def call(router: Router, way: str, name: str, *args: Any, **given: Any) -> Any:
    """One call of a method or of its twin."""
    if way == "sync":
        return getattr(router, name)(*args, **given)

    async def run() -> Any:
        answer = await getattr(router, f"a{name}")(*args, **given)
        return [event async for event in answer] if given.get("stream") else answer

    return asyncio.run(run())


def test_every_operation_is_a_method() -> None:
    """Each function of the library over the table, and its twin, with its documentation."""
    chats = {"chat", "messages", "count_tokens"}
    assert set(OPERATIONS) - chats == set(NAMES)
    router = Router([])
    for name in set(NAMES) & set(azure_agents.__all__):
        method, twin = getattr(router, name), getattr(router, f"a{name}")
        function = getattr(azure_agents, name)
        assert (function.__doc__, name) == (method.__doc__, method.__name__)
        assert inspect.iscoroutinefunction(function_of(name, is_async=True))
        assert f"a{name}" == twin.__name__
        assert {name, f"a{name}"} <= set(dir(router))
    with pytest.raises(AttributeError, match="'Router' object has no attribute 'embeddings'"):
        _ = router.embeddings


def test_arguments_may_stand_in_their_places() -> None:
    """As the functions have them."""
    function = function_of("embedding", is_async=False)
    expected = {"model": "gpt", "input": ["a"], "dimensions": 3, "timeout": 5}
    assert expected == named_arguments(function, ("gpt", ["a"]), {"dimensions": 3, "timeout": 5})


def test_a_file_is_sent_whole_by_each_attempt() -> None:
    """From where it stood, also in a tuple with its name."""
    file, other = io.BytesIO(b"0123456789"), io.BytesIO(b"abc")
    file.seek(3)
    rewind = Rewinding({"file": file, "image": [("name", other)], "n": 1})
    assert (b"3456789", b"abc") == (file.read(), other.read())
    rewind()
    assert (b"3456789", b"abc") == (file.read(), other.read())


@pytest.mark.parametrize("way", WAYS)
def test_embeddings_are_routed(fleet: Fleet, way: str) -> None:
    """By the same rules as chats."""
    one, two = fleet["one"], fleet["two"]
    for each in (one, two):
        each.deploy("vectors", model="text-embedding-3-small")
    one.faults.add(Fault("status_before", status=503))
    router = fleet.router(one.entry("vectors", order=1, tpm=50), two.entry("vectors", order=2))
    answer = call(router, way, "embedding", "gpt", ["Hello", "World"])
    assert 2 == len(answer.data)
    assert ([503], [200]) == (one.statuses, two.statuses)


def test_a_model_must_be_named_where_one_is_asked(fleet: Fleet) -> None:
    """Before anything is sent."""
    router = fleet.router(fleet["one"].entry())
    with pytest.raises(InvalidRequestError, match="model must be a name, got NoneType"):
        router.embedding(None, "Hello")


# --------------------------------------------------------------------------------------- responses


def two_homes(fleet: Fleet, **more: Any) -> Router:
    """A router of one model on two resources, with the model of one of them by itself, too."""
    entries = [fleet[name].entry(**more) for name in ("one", "two")]
    return fleet.router(*entries, fleet["one"].entry(name="first"), fleet["two"].entry(name="last"))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("streams", [False, True])
def test_responses_go_on_where_they_were_made(fleet: Fleet, way: str, *, streams: bool) -> None:
    """Whichever deployment is used less; the service sees its own ids only."""
    router = two_homes(fleet)
    for model in ("gpt", "gpt", "gpt"):
        made = call(router, way, "responses", "Hello", model, stream=streams or None)
        last = list(made)[-1]["response"] if streams else made
        home = router._engine.book.by_mark[last["id"].partition("~")[2]]
        call(router, way, "responses", "And?", model, previous_response_id=last["id"])
        name = home.resource.removeprefix("https://").partition(".")[0]
        body = fleet[name].requests[-1].body
        assert last["id"].partition("~")[0] == body["previous_response_id"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bare", [False, True])
def test_a_response_is_found_with_and_without_its_mark(
    fleet: Fleet, way: str, *, bare: bool
) -> None:
    """Without it each resource is asked; one that does not know it is not put aside."""
    router = two_homes(fleet)
    for model in ("first", "last"):
        id = call(router, way, "responses", "Hello", model).id
        assert "~" not in id  # this model has one resource only
        if not bare:
            id = f"{id}~{router._engine.book.group(model)[0].mark}"
        found = call(router, way, "get_response", id)
        assert id.partition("~")[0] == found.id.partition("~")[0]
        assert router._engine.book.group(model)[0].resource == (
            router._engine.book.by_mark[found.id.partition("~")[2]].resource
        )
    with pytest.raises(NotFoundError):
        call(router, way, "get_response", "resp_of_nobody")
    assert [0.0] * 4 == [one["failed_for"] for one in router.status()["deployments"]]


@pytest.mark.parametrize("way", WAYS)
def test_ids_of_two_resources_are_refused(fleet: Fleet, way: str) -> None:
    """Before anything is sent."""
    router = two_homes(fleet)
    items = [
        {"type": "item_reference", "id": f"msg_abcdef~{router._engine.book.group(model)[0].mark}"}
        for model in ("first", "last")
    ]
    with pytest.raises(InvalidRequestError, match="were made on two resources"):
        call(router, way, "responses", items, "gpt")
    assert [] == fleet["one"].requests + fleet["two"].requests


def test_encrypted_reasoning_of_a_chat_goes_home(fleet: Fleet) -> None:
    """Also over the responses operation; nothing else of a chat is marked."""
    item = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAA"}
    fields = {"output": [item], "other": {"id": "x"}}
    call = RoutedCall(Job("gpt", "chat", ()), {}, marks=True)
    (one,) = fleet.router(fleet["one"].entry())._engine.book.deployments
    for said in ("message", "delta"):
        chat = {"id": "chatcmpl-1", "choices": [{said: {"provider_specific_fields": fields}}]}
        told = call.changed(Answer(chat), one)
        kept = told.choices[0][said].provider_specific_fields
        assert {**item, "id": f"rs_1~{one.mark}", "encrypted_content": f"gAAAA~{one.mark}"} == (
            kept.output[0]
        )
        assert ("chatcmpl-1", {"id": "x"}) == (told.id, kept.other)
        sent = {"messages": [{"role": "assistant", **told.choices[0][said].model_dump()}]}
        found = sticky.read(sent, {one.mark: one})
        assert (one, item) == (
            found.home,
            found.body["messages"][0]["provider_specific_fields"]["output"][0],
        )


# ------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("way", WAYS)
def test_files_and_batches_stay_together(fleet: Fleet, way: str) -> None:
    """Uploaded, asked for, used by a batch and deleted on one resource."""
    router = two_homes(fleet)
    line = b'{"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}\n'
    for name in ("first", "last"):
        made = call(router, way, "create_file", ("in.jsonl", line), "batch", model=name)
        resource = fleet["one" if name == "first" else "two"]
        assert 200 == resource.statuses[-1]
        id = f"{made.id}~{router._engine.book.group(name)[0].mark}"
        found = call(router, way, "file_retrieve", id)
        assert made.id == found.id.partition("~")[0]
        assert line == call(router, way, "file_content", id).content
        assert call(router, way, "file_delete", id).deleted


@pytest.mark.parametrize("way", WAYS)
def test_what_is_made_is_not_made_twice(fleet: Fleet, way: str) -> None:
    """An upload whose answer was lost is no other resource's turn; one that was refused is."""
    router = two_homes(fleet)
    fleet["one"].faults.add(Fault("status_before", status=500, method="POST"))
    with pytest.raises(TurnUnknownError):
        call(router, way, "create_file", ("in.jsonl", b"{}\n"), "batch")
    assert [] == fleet["two"].requests
    fleet["one"].faults.add(Fault("status_before", status=429, method="POST"))
    made = call(router, way, "create_file", ("in.jsonl", io.BytesIO(b"{}\n")), "batch")
    assert router._engine.book.by_mark[made.id.partition("~")[2]].resource == fleet["two"].resource


# ----------------------------------------------------------------------------- of every other kind


def sound(fleet: Fleet) -> bytes:
    """Some speech."""
    fleet["voice"].deploy("voice", model="tts-1")
    router = fleet.router(fleet["voice"].entry("voice"))
    content: bytes = router.speech("gpt", "Hello", "alloy").content
    return content


@pytest.mark.parametrize("way", WAYS)
def test_another_deployment_gets_the_whole_recording(fleet: Fleet, way: str) -> None:
    """What the first one read of a stream is sent to the second one, too."""
    data = sound(fleet)
    for name in ("one", "two"):
        fleet[name].deploy("ear", f"heard by {name}", model="whisper")
    fleet["one"].faults.add(Fault("status_before", status=500))
    entries = fleet["one"].entry("ear", order=1), fleet["two"].entry("ear", order=2)
    file = io.BytesIO(data)
    file.name = "speech.mp3"
    answer = call(fleet.router(*entries), way, "transcription", "gpt", file)
    assert ("heard by two", [500], [200]) == (
        answer.text,
        fleet["one"].statuses,
        fleet["two"].statuses,
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("streams", [False, True])
def test_text_completions_are_routed(fleet: Fleet, way: str, *, streams: bool) -> None:
    """Streamed too; their tokens count."""
    for name in ("one", "two"):
        fleet[name].deploy("text", f"from {name}", model="gpt-35-turbo-instruct")
    fleet["one"].faults.add(Fault("status_before", status=429))
    router = fleet.router(
        fleet["one"].entry("azure_text/text", order=1),
        fleet["two"].entry("azure_text/text", order=2, tpm=1000),
    )
    answer = call(router, way, "text_completion", "gpt", "Hello", stream=streams or None)
    chunks = list(answer) if streams else [answer]
    assert "from two" == "".join(one.choices[0].text for one in chunks if one.choices)
    assert 0 < router.status()["deployments"][1]["counted"]["tpm"] < 50


@pytest.mark.parametrize("way", WAYS)
def test_images_are_routed(fleet: Fleet, way: str) -> None:
    """The prompt stands first there, and the model second, as in LiteLLM."""
    for name in ("one", "two"):
        fleet[name].deploy("painter", model="dall-e-3")
    fleet["one"].faults.add(Fault("status_before", status=503))
    entries = [fleet[name].entry("painter", order=at) for at, name in enumerate(("one", "two"))]
    answer = call(fleet.router(*entries), way, "image_generation", "A cat", "gpt")
    assert 1 == len(answer.data)
    assert ([503], [200]) == (fleet["one"].statuses, fleet["two"].statuses)
