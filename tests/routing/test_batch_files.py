"""Lines of batches through a router: they name models of the list, and go up with deployments."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from azure_agents.emulator import Fault
from azure_agents.errors import InvalidRequestError
from azure_agents.routing.router import Router

from .fleet import Fleet
from .test_operations import WAYS, call


def lines(*models: str | None) -> bytes:
    """A question to each model."""
    asked = [{"role": "user", "content": 'The "model": "gpt"'}]
    bodies = [{"messages": asked, **({"model": one} if one else {})} for one in models]
    rows = (
        {"custom_id": str(number), "method": "POST", "url": "/chat/completions", "body": body}
        for number, body in enumerate(bodies)
    )
    return b"\n".join(json.dumps(row).encode() for row in rows)


def named(content: bytes) -> list[str | None]:
    """The models of lines."""
    return [json.loads(line)["body"].get("model") for line in content.splitlines()]


@pytest.fixture
def spread(fleet: Fleet) -> Router:
    """A model on two resources, where its deployments have other names; and one of each alone."""
    for name in ("one", "two"):
        for deployment in (f"chat-{name}", f"mini-{name}"):
            fleet[name].deploy(deployment, f"from {name}")
    return fleet.router(
        fleet["one"].entry("chat-one"),
        fleet["two"].entry("chat-two"),
        fleet["one"].entry("mini-one", name="mini"),
        fleet["two"].entry("mini-two", name="other"),
    )


@pytest.mark.parametrize("way", WAYS)
def test_lines_name_the_deployments_of_their_resource(spread: Router, way: str) -> None:
    """Whichever takes the file; what is made of it finds its way back, and is answered."""
    homes = set()
    for _ in range(4):
        file = call(spread, way, "create_file", ("a.jsonl", lines("gpt", "gpt", None)), "batch")
        content = call(spread, way, "file_content", file.id).content
        models = named(content)
        home = str(models[0]).removeprefix("chat-")
        assert [f"chat-{home}", f"chat-{home}", None] == models
        assert 3 == content.count(b'The \\"model\\": \\"gpt\\"')
        batch = call(spread, way, "create_batch", input_file_id=file.id)
        assert batch.id.partition("~")[2] == file.id.partition("~")[2]
        homes.add(home)
    assert {"one", "two"} == homes


@pytest.mark.parametrize("way", WAYS)
def test_models_together_decide_where_a_file_goes(spread: Router, way: str) -> None:
    """To the resource that has all; a deployment's own name is known, too."""
    for models, expected in (
        (("gpt", "mini"), ["chat-one", "mini-one"]),
        (("other", "gpt"), ["mini-two", "chat-two"]),
        (("mini-two", "gpt", "elsewhere"), ["mini-two", "chat-two", "elsewhere"]),
    ):
        file = call(spread, way, "create_file", ("a.jsonl", lines(*models)), "batch")
        assert expected == named(call(spread, way, "file_content", file.id).content)


@pytest.mark.parametrize("way", WAYS)
def test_the_next_resource_gets_lines_of_its_own(fleet: Fleet, spread: Router, way: str) -> None:
    """A resource that said 429 kept nothing; a stream is read once, and sent twice."""
    fleet["one"].faults.add(Fault("status_before", status=429, method="POST"))
    source = io.BytesIO(lines("gpt"))
    source.name = "a.jsonl"
    call(spread, way, "create_file", ("b.jsonl", lines("gpt")), "batch", model="gpt")
    file = call(spread, way, "create_file", source, "batch", model="gpt")
    assert ["chat-two"] == named(call(spread, way, "file_content", file.id).content)
    assert 429 in fleet["one"].statuses


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"file": ("a.jsonl", lines("mini", "other"))}, "no resource takes a file for 'mini' and"),
    ({"file": ("a.jsonl", lines("mini")), "model": "other"}, "no resource takes a file for"),
    ({"file": ("a.jsonl", b"{}\n{")}, "line 2 of the file is no JSON"),
    ({"file": ("a.jsonl", b"[]")}, "line 1 of the file is no JSON object"),
    ({"file": ("a.jsonl", lines("gpt")), "model": "none"}, "'none' is not in model_list"),
    ({"file": ("a.jsonl", lines("gpt")), "api_key": "x"}, "put it into its litellm_params"),
    ({"file": "there-is-no-such.jsonl"}, "there is no file"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("given", "said"), WRONG, ids=[said for _, said in WRONG])
def test_lines_that_cannot_run_are_refused(
    fleet: Fleet, spread: Router, way: str, given: dict[str, Any], said: str
) -> None:
    """Before anything is sent, with the line and the reason."""
    with pytest.raises(InvalidRequestError, match=said):
        call(spread, way, "create_file", purpose="batch", **given)
    assert [] == fleet["one"].requests + fleet["two"].requests


def test_one_resource_has_names_too(fleet: Fleet, tmp_path: Path) -> None:
    """Its ids stay as they are, and so does the caller's file."""
    fleet["one"].deploy("chat-one", "Hello")
    router = fleet.router(fleet["one"].entry("chat-one"))
    path = tmp_path / "in.jsonl"
    path.write_bytes(lines("gpt", "gpt"))
    file = router.create_file(path, "batch")
    assert ("in.jsonl", False) == (file.filename, "~" in file.id)
    assert ["chat-one"] * 2 == named(router.file_content(file.id).content)
    assert lines("gpt", "gpt") == path.read_bytes()


def test_a_file_larger_than_memory_for_it_is_written_anew(fleet: Fleet, spread: Router) -> None:
    """On disk, line by line, and closed at the end."""
    many = b"\n".join([lines("gpt")] * 8_000)
    file = spread.create_file(("a.jsonl", many), "batch")
    models = named(spread.file_content(file.id).content)
    assert (8_000, 1) == (len(models), len(set(models)))
