"""Files that are no config: bombs, pipes, halves; what is served goes on, and nothing opens."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError
from azure_agents.gateway import server
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.document import ConfigFileError
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.server import load_config, reload_config

from ..covering import case
from ..eventually import eventually
from .conftest import Start

ENTRY = """
model_list:
- model_name: gpt
  litellm_params: {model: azure/gpt, api_base: "https://r.openai.azure.com", api_key: k}
"""
KEYED = ENTRY + 'general_settings: {master_key: "sk-1"}\n'


def _bomb(deep: int = 9) -> str:
    lines = "".join(f"a{at}: &a{at} [{f'*a{at - 1}, ' * 9}]\n" for at in range(1, deep))
    return "a0: &a0 [x]\n" + lines


def _merges(deep: int = 24) -> str:
    lines = (f"a{at}: &a{at}\n  <<: [*a{at - 1}, *a{at - 1}]\n" for at in range(1, deep))
    return "a0: &a0 {k: v}\n" + "".join(lines)


# (the file, what the error says)
TEXTS: dict[str, tuple[str, str]] = {
    "aliases of aliases": (_bomb() + ENTRY, "more than 200000 values"),
    "aliases where anything may stand": (ENTRY + _bomb() + "prices: {x: *a8}", "200000 values"),
    "merges of merges": (_merges() + ENTRY, "more than 200000 values"),
    "a list in itself": ("model_list: &a [*a]", "recursive"),
    "keys in themselves": ("model_list: &a {x: *a}", "recursive"),
    "deep lists": ("model_list: " + "[" * 2_000, "nested too deeply"),
    "deep keys": ("x: " + "{a: " * 1_000 + "}" * 1_000, "nested too deeply"),
    "an object": ("model_list: !!python/object/apply:os.system [id]", "the tag"),
    "a date": (ENTRY + "general_settings: {master_key: !!timestamp 2001-01-01}", "the tag"),
    "bytes": (ENTRY + "general_settings: {master_key: !!binary aGVsbG8=}", "the tag"),
    "a set": ("model_list: !!set {a, b}", "the tag"),
    "no number": (ENTRY + "general_settings: {master_key: !!int sk-secret}", "not of the type"),
    "no truth": ("model_list: !!bool sk-secret", "not of the type"),
    "a list that is none": ("model_list: !!seq {a: b}", "a tag says what it is not"),
    "keys that are none": ("model_list: !!map [a]", "a tag says what it is not"),
    "half a character": (ENTRY.replace("api_key: k", 'api_key: "\\uD800"'), "half a character"),
    "no character": ('model_list: "\\U00110000"', "not of the type"),
    "an endless number": (
        ENTRY + f"general_settings: {{max_request_size_mb: {'9' * 5000}}}",
        "a number",
    ),
    "a large number": (
        ENTRY + f"general_settings: {{max_request_size_mb: {'9' * 50}}}",
        "a number",
    ),
    "infinity": (ENTRY + "general_settings: {max_request_size_mb: 1e999}", "a number"),
    "two documents": (ENTRY + "---" + ENTRY, "another document"),
    "a null": (ENTRY + "\0", "special characters"),
    "nothing": ("", "holds nothing"),
    "half": (ENTRY[:70], "no YAML"),
    "an alias of nothing": ("model_list: *x", "undefined alias"),
}


def test_no_text_is_more_than_an_error() -> None:
    """In a moment, in one short line that shows no value."""
    for name, (text, expected) in TEXTS.items():
        with case(name), pytest.raises(ConfigFileError, match=expected) as caught:
            read_config(text)
        assert len(str(caught.value)) < 300
        assert "secret" not in str(caught.value)


def test_a_thousand_problems_are_told_shortly() -> None:
    """All of them are in the error, and twenty in its sentence."""
    with pytest.raises(ConfigFileError, match="and 301 more") as caught:
        read_config(ENTRY + "".join(f"k{number}: 1\n" for number in range(321)))
    assert 321 == len(caught.value.problems)
    assert len(str(caught.value)) < 3_000


def test_a_wildcard_is_read() -> None:
    """Its model is none yet."""
    text = ENTRY.replace("name: gpt", 'name: "azure/*"').replace("azure/gpt", '"azure/*"')
    assert ["azure/*"] == [one.name for one in read_config(text).entries]


def _loop(path: Path) -> None:
    path.symlink_to(path)


FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a folder": (Path.mkdir, "is no file"),
    "a pipe": (os.mkfifo, "is no file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is no file"),
    "nothing": (lambda _: None, "FileNotFoundError"),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), "FileNotFoundError"),
    "a link to itself": (_loop, "OSError"),
    "another encoding": (lambda path: path.write_bytes(KEYED.encode("utf-16")), "Unicode"),
    "half a letter": (lambda path: path.write_bytes(KEYED.encode() + b"# \xc3"), "Unicode"),
    "a huge file": (lambda path: path.write_bytes(b"#" * (4 * 2**20 + 1)), "longer than"),
}


@pytest.mark.parametrize("name", FILES)
async def test_what_is_no_file_changes_nothing(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither at the start nor later; no reader waits for it."""
    make, expected = FILES[name]
    path = tmp_path / "config.yaml"
    make(path)
    with pytest.raises(ConfigError, match=expected):
        load_config(path)
    application = Application(read_config(KEYED, env={}))
    reload_config(path, application, "127.0.0.1")
    assert expected in caplog.text
    assert ["gpt"] == list(application._serving.board.names)
    await application.aclose()


async def test_a_link_is_followed(tmp_path: Path) -> None:
    """As Kubernetes mounts a config: a link to a link in a folder that is exchanged."""
    for number in (1, 2):
        (tmp_path / f"..{number}").mkdir()
        text = KEYED.replace("gpt\n", f"gpt-{number}\n")
        (tmp_path / f"..{number}" / "config.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    path = tmp_path / "config.yaml"
    path.symlink_to("..data/config.yaml")
    application = Application(load_config(path))
    before = server.stamp(path)
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert before != server.stamp(path)
    reload_config(path, application, "127.0.0.1")
    assert ["gpt-2"] == list(application._serving.board.names)
    await application.aclose()


async def test_a_file_without_keys_opens_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """On this machine, too: half of a file may be right, and have none."""
    path = tmp_path / "config.yaml"
    path.write_text(ENTRY)
    application = Application(read_config(KEYED, env={}))
    reload_config(path, application, "127.0.0.1")
    assert application.has_keys
    assert "it has no key" in caplog.text
    await application.aclose()


async def test_an_error_that_nobody_expected_ends_no_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The next change is read all the same."""
    path = tmp_path / "config.yaml"
    path.write_text(KEYED.replace("gpt\n", "second\n"))
    application = Application(read_config(KEYED, env={}))
    with monkeypatch.context() as patch:
        patch.setattr(server, "read_config", lambda *_: 1 / 0)
        reload_config(path, application, "127.0.0.1")
    assert ("ZeroDivisionError" in caplog.text, True) == (True, application.has_keys)
    reload_config(path, application, "127.0.0.1")
    assert ["second"] == list(application._serving.board.names)
    await application.aclose()


async def test_a_file_that_is_being_written_is_read_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first lines would be a right config, too."""
    monkeypatch.setattr(server, "_LOOK", 0.02)
    monkeypatch.setattr(server, "_AT_REST", 0.4)
    path = tmp_path / "config.yaml"
    path.write_text(KEYED)
    application = Application(load_config(path))
    watching = asyncio.create_task(server._watch(path, application, asyncio.Event(), "127.0.0.1"))
    await asyncio.sleep(0.05)
    with path.open("w") as file:
        for number in range(5):
            more = KEYED.replace("gpt\n", "half\n") if not number else f"# {number}\n"
            print(more, file=file, flush=True)
            await asyncio.sleep(0.02)
            assert ["gpt"] == list(application._serving.board.names)
    await eventually(lambda: list(application._serving.board.names) == ["half"])
    watching.cancel()
    assert 1 == caplog.text.count("read again")
    await application.aclose()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_under_load_no_request_fails_and_old_keys_stop_at_once(
    foundry: Emulator, resource: str, start: Start
) -> None:
    """A reload is between two requests: what began before has the old config."""
    foundry.deploy("gpt", "Hello.")

    def text(key: str) -> str:
        keys = f"keys:\n- {{name: app, hash: {sha256(key.encode()).hexdigest()}}}\n"
        base = ENTRY.replace("https://r.openai.azure.com", "{resource}")
        return (KEYED.replace(ENTRY, base) + keys).replace("{resource}", resource)

    gateway = start(text("sk-0"), authorization="Bearer sk-1")
    is_over, heard = threading.Event(), set[int]()

    def load() -> None:
        while not is_over.is_set():
            heard.add(gateway.chat("gpt").status_code)

    loading = threading.Thread(target=load)
    loading.start()
    for number in range(1, 8):
        gateway.application.change(read_config(text(f"sk-{number + 1}")))
        found = [
            gateway.http.get("/v1/models", headers={"authorization": f"Bearer sk-{at}"}).status_code
            for at in (number + 1, number if number > 1 else 0)
        ]
        assert [200, 401] == found
    is_over.set()
    loading.join()
    assert {200} == heard
