"""The routes behind the status page, without a browser: who may see them, and what they cost."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import (
    AuthenticationError,
    AzureAgentsError,
    BadRequestError,
    ConnectionLostError,
    InvalidRequestError,
    RateLimitError,
    ServerError,
    TimedOutError,
)
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.page import watchers
from azure_agents.gateway.page.advice import shown_failure
from azure_agents.gateway.page.document import document

from .conftest import Gateway, Start
from .test_streams_end import Client

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

KEYS = {"master": "sk-master", "admin": "sk-admin", "plain": "sk-plain"}
CONFIG = f"""
model_list:
  - model_name: gpt-4o
    litellm_params:
      {{model: azure/dep, api_base: "{{resource}}", api_key: upstream-secret, rpm: 10}}
    model_info: {{id: first}}
general_settings: {{master_key: sk-master}}
keys:
  - {{name: admin, admin: true, hash: {sha256(b"sk-admin").hexdigest()}}}
  - {{name: plain, budget: 5, hash: {sha256(b"sk-plain").hexdigest()}}}
"""
OPEN = (
    "model_list: [{model_name: gpt, litellm_params: {model: azure/dep, api_base: %s, api_key: k}}]"
)
OPEN %= "http://127.0.0.1:9"


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Gateway:
    """A gateway with three keys."""
    foundry.deploy("dep", "Hello!")
    return start(CONFIG)


def headers(key: str | None, **more: str) -> dict[str, str]:
    """Of a request with a key."""
    own = {} if key is None else {"authorization": f"Bearer {KEYS.get(key, key)}"}
    return {**own, **{name.replace("_", "-"): value for name, value in more.items()}}


ASKED = [
    ("/", headers(None), 200),
    ("/status", headers(None), 401),
    ("/status", headers("sk-guessed"), 401),
    ("/status", headers("plain"), 403),
    ("/status", headers("admin"), 200),
    ("/status", headers("master"), 200),
    ("/status", headers("master", sec_fetch_site="same-origin"), 200),
    ("/status", headers("master", sec_fetch_site="cross-site"), 403),
    ("/status", headers("master", sec_fetch_site="same-site"), 403),
    ("/status/events", headers(None), 401),
    ("/status/events", headers("plain"), 403),
    ("/status/events", headers("master", sec_fetch_site="cross-site"), 403),
    ("/status/other", headers("master"), 404),
]


def test_only_admins_see_it(gateway: Gateway) -> None:
    """The document is for everyone and holds nothing; its numbers are for admins."""
    for path, sent, status in ASKED:
        assert status == gateway.http.get(path, headers=sent).status_code, (path, sent)


def test_a_key_in_a_url_is_no_key(gateway: Gateway) -> None:
    """URLs end in logs and histories."""
    assert 401 == gateway.http.get("/status?key=sk-master&api-key=sk-master").status_code
    assert 405 == gateway.http.post("/", headers=headers("master")).status_code


def test_the_numbers_are_there_once_and_nothing_secret(gateway: Gateway, foundry: Emulator) -> None:
    """One call by a key with a budget, and one that failed."""
    gateway.http.headers.update(headers("plain"))
    gateway.chat()
    foundry.faults.add(Fault("status_before", path="chat", status=500, times=None))
    gateway.chat()
    answer = gateway.http.get("/status", headers=headers("admin"))
    told = answer.json()
    (one,), (key,), (error,) = told["deployments"], told["keys"], told["errors"]
    assert ("gpt-4o", "azure/dep", "127.0.0.1") == (one["name"], one["model"], one["host"])
    assert ("ok", None) != (one["health"], one["failure"])
    assert [("rpm", 10, 60.0)] == [(w["limit"], w["most"], w["seconds"]) for w in one["windows"]]
    assert ("plain", 1, 5, "month") == (key["name"], key["calls"], key["budget"], key["period"])
    assert ("Server", 500, "first") == (error["kind"], error["status"], error["deployment"])
    assert [2, 1] == [told["traffic"]["calls"], told["traffic"]["failed"]]
    secrets = [*KEYS.values(), "upstream-secret", "http://", "https://"]
    assert [] == [one for one in secrets if one in answer.text]
    assert "no-store" == answer.headers["cache-control"]


def test_the_document_may_load_nothing() -> None:
    """Its policy allows its own script and style by their digests, and the gateway it came from."""
    for has_keys in (False, True):
        text, sent = document(has_keys=has_keys)
        policy = dict(sent)[b"content-security-policy"].decode()
        assert (f'data-keys="{"yes" if has_keys else "no"}"') in text.decode()
        for kind, content in re.findall(r"<(script|style)>(.*?)</\1>", text.decode(), re.DOTALL):
            digest = b64encode(sha256(content.encode()).digest()).decode()
            assert f"{kind}-src 'sha256-{digest}'" in policy
        assert "unsafe" not in policy


def test_the_document_names_no_other_host() -> None:
    """The name of SVG is no address that anything is loaded from."""
    text, _ = document(has_keys=False)
    assert {b"http://www.w3.org/2000/svg"} == {*re.findall(rb"(?:https?:)?//[a-z][^\"'\s]+", text)}
    assert [] == re.findall(rb"\son\w+=|\sstyle=|javascript:|\.innerHTML|eval\(", text)


# --- who watches ----------------------------------------------------------------------------------


class Watcher(Client):
    """One that watches, in process."""

    def __init__(self, key: str | None = None) -> None:
        super().__init__({}, "/status/events")
        self._key = key

    async def ask(self, application: Any) -> Watcher:
        """Watch, until it leaves."""
        own = [] if self._key is None else [(b"api-key", self._key.encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": self.path,
            "headers": [(b"host", b"localhost"), *own],
            "client": ("127.0.0.1", 1),
        }
        await application(scope, self.receive, self.send)
        return self

    async def receive(self) -> dict[str, Any]:
        """Nothing, until it leaves."""
        await self._leaves.wait()
        return {"type": "http.disconnect"}


async def watching(application: Any, watcher: Watcher) -> asyncio.Task[Watcher]:
    """A watcher that has seen something, or was refused."""
    task = asyncio.create_task(watcher.ask(application))
    await asyncio.wait_for(watcher.has_more.wait(), 5)
    return task


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each snapshot that is made; snapshots are made quickly."""
    made: list[None] = []
    look = Application._look
    monkeypatch.setattr(
        Application, "_look", lambda self, **given: made.append(None) or look(self, **given)
    )
    monkeypatch.setattr(watchers, "EVERY", 0.05)
    return made


async def test_nobody_watches_and_nothing_is_made(looks: list[None]) -> None:
    """Twenty watchers share each snapshot; when the last one leaves, there are no more."""
    application = Application(read_config(OPEN))
    all_of_them = [Watcher() for _ in range(watchers.MOST)]
    tasks = [await watching(application, watcher) for watcher in all_of_them]
    looks.clear()
    await asyncio.sleep(0.5)
    assert len(looks) <= 20
    one_more = await (await watching(application, Watcher()))
    assert 503 == one_more.status
    for watcher in all_of_them:
        watcher.leave()
    await asyncio.gather(*tasks)
    looks.clear()
    await asyncio.sleep(0.2)
    assert [] == looks
    assert 0 == application._page._watchers.number == application._counters.running
    assert {"503": 1} == application._counters.refused
    await application.aclose()


@pytest.mark.parametrize("what", ["the key is gone", "the gateway stops"])
async def test_a_watcher_that_may_see_no_more_is_told(looks: list[None], what: str) -> None:
    """A reload takes the key away; SIGTERM waits for no page."""
    master = "\ngeneral_settings: {master_key: %s}"
    application = Application(read_config(OPEN + master % "sk-master"))
    watcher = Watcher("sk-master")
    task = await watching(application, watcher)
    if what == "the key is gone":
        application.change(read_config(OPEN + master % "sk-another"))
    else:
        application.is_stopping = True
    await asyncio.wait_for(task, 5)
    assert b'data: {"error":' == watcher.text[watcher.text.rindex(b"data: ") :][:15]
    assert 1 == watcher.ends
    await application.aclose()


async def test_a_watcher_that_does_not_read_is_let_go(
    looks: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds its place for a bounded time."""
    monkeypatch.setattr(watchers, "_PATIENCE", 0.1)
    application = Application(read_config(OPEN))

    class Stuck(Watcher):
        async def send(self, message: Any) -> None:
            if message["type"] == "http.response.body" and message.get("more_body"):
                await asyncio.sleep(60)

    await asyncio.wait_for(Stuck().ask(application), 5)
    assert 0 == application._page._watchers.number
    await application.aclose()


# --- what is shown of failures --------------------------------------------------------------------

FAILURES = [
    (RateLimitError("slow down", status=429), "RateLimit", "slow down", "quota"),
    (AuthenticationError("no", status=401), "Authentication", "no", "check-config"),
    (ServerError("see https://host/x", status=500), "Server", "see [hidden]", "Azure's service"),
    (TimedOutError("late"), "TimedOut", "late", "timeout"),
    (ConnectionLostError("cut"), "ConnectionLost", "cut", "proxy"),
    (
        BadRequestError("you wrote: my diary", status=400, code="bad", param="messages"),
        "BadRequest",
        "code bad, param messages",
        "its client was told",
    ),
    (InvalidRequestError("you wrote: my diary"), "InvalidRequest", "", "its client was told"),
]


@pytest.mark.parametrize(("error", "kind", "sentence", "advice"), FAILURES)
def test_a_failure_says_what_to_do_and_quotes_no_client(
    error: AzureAgentsError, kind: str, sentence: str, advice: str
) -> None:
    """What a client did wrong may quote what it sent."""
    shown = shown_failure(error)
    assert (kind, sentence) == (shown["kind"], shown["sentence"])
    assert advice in shown["advice"]
