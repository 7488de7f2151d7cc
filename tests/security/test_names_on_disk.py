"""Names of files come from models, services and browsers: none leads out of its folder or its line.

A download that goes into a folder gets a name that is free there, whatever it is called; an upload
says its name in one header of one part of a form; a thread store is readable for its owner only.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from azure_agents.files.references import reference, safe_name, type_of
from azure_agents.threads.sqlite import SQLiteThreadStore

from .peers import Recorder, connect

NAMES = {
    "up": "../../evil",
    "up, backslashes": "..\\..\\evil",
    "up, mixed": "..\\../evil",
    "only up": "..",
    "here": ".",
    "absolute": "/etc/passwd",
    "home": "~/.bashrc",
    "drive": "C:\\Windows\\System32\\x.dll",
    "drive without a root": "C:evil",
    "share": "\\\\evil.example\\share\\x",
    "stream": "report.txt:hidden",
    "encoded": "%2e%2e%2fevil",
    "hidden file": ".ssh",
    "path file": "evil.pth",
    "an existing file": "taken.txt",
    "a link to a file": "link.txt",
    "a link to nothing": "dangling.txt",
    "a folder": "folder",
    "NUL": "a\x00b",
    "line break": "a\r\nb",
    "line separator": "a\u2028b",
    "right to left": "a\u202egnp.exe",
    "surrogate": "a\ud800b",
    "option": "-rf",
    "long option": "--help",
    "shell": "$(touch evil)`x`",
    "nothing": "",
    "spaces": "   ",
    "dots": "...",
    "too long": "a" * 5000 + ".txt",
    "too long, without an end": "é" * 300,
    "a device": "CON",
    "a device with an end": "nul.txt",
    "a device with spaces": "con .txt",
    "a device by number": "COM1",
    "a device by superscript": "LPT\u00b9.x",
    "console": "CONIN$",
}
WORD = b"what was there before"
DEVICES = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"),
    *(f"{kind}{number}" for kind in ("COM", "LPT") for number in "0123456789\u00b9\u00b2\u00b3"),
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with files, links and folders in it, and much to be harmed around it."""
    folder = tmp_path / "a" / "b" / "downloads"
    (folder / "folder").mkdir(parents=True)
    outside = [tmp_path / "secret.txt", tmp_path / "a" / "evil"]
    inside = [folder / "taken.txt", folder / "evil"]
    for file in (*outside, *inside):
        file.write_bytes(WORD)
    (folder / "link.txt").symlink_to(outside[0])
    (folder / "dangling.txt").symlink_to(tmp_path / "new.txt")
    before = {path for path in tmp_path.rglob("*") if folder not in path.parents}
    yield folder
    assert before == {path for path in tmp_path.rglob("*") if folder not in path.parents}
    assert [WORD] * 4 == [file.read_bytes() for file in (*outside, *inside)]


def _serving(name: str) -> Recorder:
    said = "attachment; filename*=utf-8''" + quote(name, safe="", errors="surrogatepass")
    headers = {"content-disposition": said, "content-length": "3"}
    return Recorder(lambda _: httpx.Response(200, headers=headers, stream=httpx.ByteStream(b"new")))


def _saved(name: str, folder: Path, way: str) -> Path:
    clients = connect(_serving(name), sign_in={"api_key": "x"})
    if way == "sync":
        return clients.sync().files.save("file-abc12345", folder)
    if way == "async":
        return asyncio.run(clients.aio().files.save("file-abc12345", folder))
    files = clients.sync().files
    return files.handle(reference("file-abc12345", name=name)).save(folder)


@pytest.mark.parametrize("way", ["sync", "async", "handle"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_download_stays_in_its_folder(name: str, way: str, place: Path) -> None:
    """Under a new name, as a plain file; nothing is replaced and no link followed."""
    before = set(place.iterdir())
    path = _saved(name, place, way)
    assert (place, b"new", False) == (path.parent, path.read_bytes(), path.is_symlink())
    assert {path} == set(place.iterdir()) - before
    assert path.name == path.name.strip(" .-")
    assert path.name.isprintable()
    assert path.name.partition(".")[0].rstrip(" ").upper() not in DEVICES
    assert not set(path.name) & set('<>:"/\\|?*$`')


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_clean_name_stays_as_it_is(name: str) -> None:
    """Cleaning again changes nothing: a name that was kept can be used later."""
    assert safe_name(name) == safe_name(safe_name(name))


def test_a_link_that_is_the_target_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """The caller names the file: it is put there, and what the link pointed to stays."""
    (tmp_path / "old").write_bytes(WORD)
    (tmp_path / "new").symlink_to(tmp_path / "old")
    clients = connect(_serving("x"), sign_in={"api_key": "x"})
    path = clients.sync().files.save("file-abc12345", tmp_path / "new")
    assert (WORD, b"new", False) == (
        (tmp_path / "old").read_bytes(),
        path.read_bytes(),
        path.is_symlink(),
    )


# --- uploads -------------------------------------------------------------------------------------

FORM_NAMES = {
    **{name: text for name, text in NAMES.items() if text.strip() and name != "surrogate"},
    "quote": 'a"; name="purpose',
    "header": 'a"\r\nX-Evil: 1\r\n\r\nbody',
    "data URL": "data:text/html\r\nX-Evil: 1\r\n\r\nforged,x",
    "data URL, plain": "data:text/html,x",
    "URL": "http://evil.example/x.html",
    "boundary": "--azure-agents-x--\r\n",
    "letters": "r\u00e9sum\u00e9.pdf",
}


@pytest.mark.parametrize("name", FORM_NAMES.values(), ids=FORM_NAMES)
def test_an_upload_has_the_parts_it_has(name: str) -> None:
    """Two parts, three headers, the bytes that were given: a name adds none, and breaks none."""
    stored = {"id": "file-abc12345", "status": "processed", "bytes": 3}
    network = Recorder(lambda _: httpx.Response(200, json=stored))
    agents = connect(network, sign_in={"api_key": "x"}).sync()
    agents.files.upload(b"abc", name=name)
    (request,) = network.requests
    kind = request.headers["content-type"].encode()
    form: Any = message_from_bytes(b"Content-Type: " + kind + b"\r\n\r\n" + request.content)
    purpose, file = form.get_payload()
    assert [["Content-Disposition"], ["Content-Disposition", "Content-Type"]] == [
        purpose.keys(),
        file.keys(),
    ]
    assert (b"assistants", b"abc") == (
        purpose.get_payload(decode=True),
        file.get_payload(decode=True),
    )
    assert type_of(name) == file["Content-Type"]
    assert type_of(name).isascii()
    assert b"\r\nX-Evil" not in request.content


# --- thread stores -------------------------------------------------------------------------------


def _modes(folder: Path) -> set[str]:
    files = (path for path in folder.iterdir() if not path.is_symlink())
    return {oct(stat.S_IMODE(path.stat().st_mode)) for path in files}


@pytest.fixture
def _generous() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
@pytest.mark.usefixtures("_generous")
@pytest.mark.parametrize("is_link", [False, True], ids=["a name", "a link to nothing"])
def test_a_thread_store_is_readable_for_its_owner_only(is_link: bool, tmp_path: Path) -> None:
    """Its journals too, whatever the process allows by default."""
    path = tmp_path / "threads.db"
    if is_link:
        path.symlink_to(tmp_path / "elsewhere.db")
    store = SQLiteThreadStore(path)
    store.put("key", "value")
    assert {"0o600"} == _modes(tmp_path)
    store.close()


@pytest.mark.parametrize("text", ["'; DROP TABLE entries; --", "a\x00b", "head:x:y", "%", "*"])
def test_a_key_is_a_key(text: str, tmp_path: Path) -> None:
    """Whatever stands in it: it is never part of a statement or a pattern."""
    store = SQLiteThreadStore(tmp_path / "threads.db")
    store.put("other", "kept")
    store.put(text, text)
    assert (text, "kept") == (store.get(text), store.get("other"))
    assert (True, None) == (store.take(text, text), store.get(text))
    store.close()
