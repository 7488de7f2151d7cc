"""Every scene from its cassette: no sockets, every request, nothing but those."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any

import httpx
import pytest
import vcr
from acts import Person
from cassette_file import ENDPOINT, CassetteFile
from record import (
    ACT_SCENES,
    DEMO_SCENES,
    FOLDER,
    FROM_EMULATOR,
    SCENES,
    Scene,
    emulated,
    main,
    record,
)
from vcr.errors import CannotOverwriteExistingCassetteException

from azure_agents.cli.demo import TURNS, Answer, Chat, Step, scenario

FILE = CassetteFile()
SERVER_ID = re.compile(r"\b(resp|thread|run|asst|msg|conv|call|mcpr)_\w+")


class CassetteError(AssertionError):
    """A cassette was not played to its end."""


@contextmanager
def replayed(scene: Scene) -> Iterator[Chat]:
    """A chat that talks to a cassette; leaving it before all is played is an error."""
    player = vcr.VCR(serializer="readable", match_on=["method", "uri", "body"])
    player.register_serializer("readable", FILE)
    chat = scene.chat(
        _read(scene.path)["model"],
        endpoint=ENDPOINT,
        credential="a-token-for-replays",
        # httpx-aiohttp, which async calls would use, is another library to vcrpy.
        async_transport=httpx.AsyncHTTPTransport(),
    )
    with player.use_cassette(str(scene.path), record_mode="none") as cassette:
        yield chat
        if not cassette.all_played:
            raise CassetteError(f"{cassette.play_count} of {len(cassette)} requests were made")


def _read(path: Path) -> dict[str, Any]:
    return FILE.deserialize(path.read_text(encoding="utf-8"))


def _aplay(_: Scene, chat: Chat) -> list[Answer]:
    return asyncio.run(_played(chat))


async def _played(chat: Chat) -> list[Answer]:
    turns, answers = scenario(chat.user), list[Answer]()
    step = next(turns)
    while True:
        answers.append(await _respond(chat, step))
        try:
            step = turns.send(answers[-1].message)
        except StopIteration:
            return answers


async def _respond(chat: Chat, step: Step) -> Answer:
    astream = getattr(chat.llm, "astream_chat", None) or chat.llm.astream
    stream = astream(step.history)
    async with aclosing(await stream if isawaitable(stream) else stream) as chunks:
        return chat.answer([chunk async for chunk in chunks])


PLAYERS = {"sync": Scene.play, "async": _aplay}
ACTED: dict[str, list[Any]] = {
    "tools": [[("add", {"a": 2, "b": 3}), ("multiply", {"a": 2, "b": 3})], "They are 5 and 6."],
    "approval": [("files", "delete", '{"path": "/tmp/x"}'), "Deleted."],
    "structured": [Person(name="Ada", age=36)],
    "files": [("You have 30 days.", ["assistant-handbook"])],
    "branch": ["Your name is Ada.", "Your name is Grace.", "Your name is Ada."],
}


@pytest.fixture(params=SCENES, ids=lambda scene: scene.name)
def scene(request: pytest.FixtureRequest) -> Scene:
    """One of the cassettes."""
    return request.param


of_the_demo = pytest.mark.parametrize("scene", DEMO_SCENES, ids=lambda scene: scene.name)


@of_the_demo
@pytest.mark.parametrize("player", PLAYERS.values(), ids=PLAYERS)
def test_the_demo_replays(scene: Scene, player: Callable[[Scene, Chat], list[Answer]]) -> None:
    """It remembers, the edited history is another conversation, and the first one goes on."""
    with replayed(scene) as chat:
        answers = player(scene, chat)
    third, edited, again = answers[2:]
    assert [True, True, True] == ["Ada" in third.text, "Grace" in edited.text, "Ada" in again.text]
    assert all(answer.tokens_in > 0 and answer.tokens_out > 0 for answer in answers)
    first = answers[0].thread_id
    if scene.generation == "classic":
        expected = [True, True, True, False, True]
        assert expected == [first == answer.thread_id for answer in answers]
    else:
        assert len(answers) == len({answer.thread_id for answer in answers})


@pytest.mark.parametrize("scene", ACT_SCENES, ids=lambda scene: scene.name)
def test_an_act_replays(scene: Scene) -> None:
    """Both generations give the caller the same."""
    assert scene.act is not None
    with replayed(scene) as chat:
        assert ACTED[scene.act.name] == scene.play(chat)


@of_the_demo
def test_one_request_a_turn(scene: Scene) -> None:
    """As many requests as turns, and all of them streams."""
    interactions = _read(scene.path)["interactions"]
    assert len(TURNS) + 2 == len(interactions)
    kinds = {one["response"]["headers"]["content-type"][0] for one in interactions}
    assert ["text/event-stream"] == sorted({kind.partition(";")[0] for kind in kinds})


def test_a_request_that_differs_fails(scene: Scene) -> None:
    """By one character of one message."""
    with pytest.raises(CannotOverwriteExistingCassetteException), replayed(scene) as chat:
        list(chat.stream([chat.user(TURNS[0].lower())]))


def test_a_cassette_that_is_not_played_fails(scene: Scene) -> None:
    """Whatever it holds."""
    whole = len(_read(scene.path)["interactions"])
    expected = f"0 of {whole} requests were made"
    with pytest.raises(CassetteError, match=expected), replayed(scene):
        pass


@of_the_demo
def test_a_cassette_that_is_not_played_to_its_end_fails(scene: Scene) -> None:
    """A turn that is no longer sent is a change too."""
    expected = f"1 of {len(TURNS) + 2} requests were made"
    with pytest.raises(CassetteError, match=expected), replayed(scene) as chat:
        list(chat.stream([chat.user(TURNS[0])]))


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_cassettes_are_up_to_date(scene: Scene, tmp_path: Path) -> None:
    """Recorded anew from the emulator, the requests are those of the file but for server ids."""
    committed = _read(scene.path)
    if committed["recorded_from"] != FROM_EMULATOR:
        return  # what Azure was asked cannot be asked here
    path = tmp_path / scene.path.name
    with emulated(scene) as source:
        record(scene, source, path)
    assert _requests(committed) == _requests(_read(path)), "run `make record`"


def _requests(cassette: dict[str, Any]) -> list[tuple[str, str, str]]:
    made = [one["request"] for one in cassette["interactions"]]
    return [
        (one["method"], SERVER_ID.sub(r"\1_", one["uri"]), SERVER_ID.sub(r"\1_", one["body"]))
        for one in made
    ]


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_with_settings_the_project_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An endpoint and an agent in the environment replace the emulator; the token stays out."""
    monkeypatch.setattr("record.FOLDER", tmp_path)
    scene = SCENES[0]
    with emulated(scene) as stand_in:
        monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", stand_in.endpoint)
        monkeypatch.setenv("AZURE_AI_AGENT", stand_in.model)
        monkeypatch.setenv("AZURE_AD_TOKEN", "a-canary-token")
        main()
    expected = [
        "v2-langchain.yaml: 5 turns recorded from Azure",
        "v2-llamaindex.yaml: 5 turns recorded from Azure",
        "classic-langchain: skipped, no classic agent is set",
        "classic-llamaindex: skipped, no classic agent is set",
        *(f"{one.name}: skipped, its scripted replies need the emulator" for one in ACT_SCENES),
    ]
    assert expected == capsys.readouterr().out.splitlines()
    text = scene.path.read_text(encoding="utf-8")
    assert ("Azure", False) == (_read(scene.path)["recorded_from"], "a-canary-token" in text)


def test_every_cassette_belongs_to_a_scene() -> None:
    """No file is left behind unread."""
    assert sorted(scene.path for scene in SCENES) == sorted(FOLDER.glob("*"))
