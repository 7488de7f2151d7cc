"""`image_edit` on the emulator: both surfaces, sync and async."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import azure_agents
from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError

from .calling import SURFACES, WAYS, call

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """An emulator that draws."""
    with Emulator(seed=7) as emulator:
        emulator.deploy("draw", model="gpt-image-1")
        yield emulator


def parts_of(body: bytes) -> list[bytes]:
    """The heads of the parts of a form, without what all of them have."""
    heads = [one for one in body.split(b"\r\n") if one.startswith(b"Content-Disposition")]
    return [head.removeprefix(b"Content-Disposition: form-data; ") for head in heads]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", SURFACES)
def test_pictures_are_changed(foundry: Emulator, way: str, version: str | None) -> None:
    """One or several, with a mask; the dated surface has no `model` in its form."""
    more = {"api_version": version, "n": 2, "size": "1024x1024"}
    answer = call(foundry, way, "image_edit", PNG, "A fox", "azure/draw", **more)
    assert 2 == len(answer.data)
    assert base64.b64decode(answer.data[0].b64_json).startswith(PNG)
    place = "v1" if version is None else "deployments/draw"
    sent = foundry.requests[-1]
    assert f"/openai/{place}/images/edits" == sent.path
    named = [b'name="model"'] if version is None else []
    fields = [b'name="prompt"', b'name="n"', b'name="size"']
    file = b'name="image"; filename="image.png"'
    assert [*named, *fields, file] == parts_of(sent.body)
    several = [PNG, ("b.jpg", JPEG)]
    more = {"mask": io.BytesIO(PNG), "api_version": version}
    call(foundry, way, "image_edit", several, "A fox", "azure/draw", **more)
    files = [
        b'name="image[]"; filename="image[0].png"',
        b'name="image[]"; filename="b.jpg"',
        b'name="mask"; filename="mask.png"',
    ]
    assert files == parts_of(foundry.requests[-1].body)[-3:]
    assert b"Content-Type: image/jpeg\r\n\r\n" + JPEG in foundry.requests[-1].body


@pytest.mark.parametrize("way", WAYS)
def test_all_pictures_are_sent_again(foundry: Emulator, way: str, tmp_path: Path) -> None:
    """And progress counts the bytes of all of them."""
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    foundry.faults.add(Fault("status_before", status=500))
    seen: list[tuple[int, int | None]] = []
    more: dict[str, Any] = {"mask": PNG, "progress": lambda *now: seen.append(now)}
    call(foundry, way, "image_edit", [path, JPEG], "A fox", "azure/draw", **more)
    size = len(PNG) * 2 + len(JPEG)
    assert (size, size) == seen[-1]
    assert [2, 2] == [logged.body.count(PNG) for logged in foundry.requests]


def test_pictures_are_seen_while_they_grow(foundry: Emulator) -> None:
    """The events of the service, up to the last; also on an event loop."""
    more = {"partial_images": 2, **foundry.deployment_connection()}
    stream = azure_agents.image_edit(PNG, "A fox", "azure/draw", stream=True, **more)
    kinds = [event.type for event in stream]
    assert "image_edit.completed" == kinds[-1]
    assert len(kinds) > 1
    assert b'name="stream"\r\n\r\ntrue\r\n' in foundry.requests[-1].body

    async def run() -> list[str]:
        given = {"stream": True, **more}
        events = await azure_agents.aimage_edit(PNG, "A fox", "azure/draw", **given)
        return [event.type async for event in events]

    assert kinds == asyncio.run(run())


def test_what_a_picture_costs_depends_on_is_kept(foundry: Emulator) -> None:
    """As it was asked for."""
    more = {"size": "1024x1024", "quality": "high"}
    hidden = call(foundry, "sync", "image_edit", PNG, "A fox", "azure/draw", **more)._hidden_params
    assert ("1024x1024", "high", None) == (hidden["size"], hidden["quality"], hidden["n"])


BAD: list[tuple[tuple[Any, ...], dict[str, Any], type[AzureAgentsError], str]] = [
    (([], "A fox", "azure/draw"), {}, InvalidRequestError, "image is empty"),
    ((PNG, "", "azure/draw"), {}, InvalidRequestError, "prompt must be a text"),
    ((PNG, "A fox"), {}, ConfigError, "image_edit is asked of a deployment"),
    ((b"", "A fox", "azure/draw"), {}, InvalidRequestError, "image '' is empty"),
    (([PNG, b"?"], "A fox", "azure/draw"), {}, InvalidRequestError, r"image\[1\] '' has no name"),
    ((PNG, "A fox", "azure/draw"), {"mask": 5}, InvalidRequestError, "cannot upload a int"),
    (("/none.png", "A fox", "azure/draw"), {}, InvalidRequestError, "there is no file"),
    ((PNG, "A fox", "azure/draw"), {"n": 0}, InvalidRequestError, "n must be a whole number"),
]


@pytest.mark.parametrize("way", WAYS)
def test_bad_input_is_refused_before_anything_is_sent(foundry: Emulator, way: str) -> None:
    """Each with the value and the next step."""
    for args, more, kind, said in BAD:
        with pytest.raises(kind, match=said):
            call(foundry, way, "image_edit", *args, **more)
    assert [] == foundry.requests
