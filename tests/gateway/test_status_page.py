"""The status page in headless Chromium, over a gateway that answers real calls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from azure_agents.emulator import Emulator, Fault

from .browser import Page, a_page
from .conftest import Gateway, Start
from .processes import wait_until

pytestmark = [pytest.mark.allow_hosts(["127.0.0.1"]), pytest.mark.slow]

MASTER, CLIENT, UPSTREAM = "sk-master-of-the-page", "sk-of-a-client", "upstream-secret"
MODELS = f"""
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: azure/dep, api_base: "{{resource}}", api_key: {UPSTREAM}, rpm: 10,
      base_model: azure/gpt-4o}}
"""
KEYS = f"general_settings: {{master_key: {MASTER}}}"


@pytest.fixture
def gateway(foundry: Emulator, start: Start) -> Gateway:
    """A gateway with a master key, and one deployment of ten requests a minute."""
    foundry.deploy("dep", "Hello!")
    return start(MODELS + KEYS, authorization=f"Bearer {MASTER}")


async def signed_in(page: Page, gateway: Gateway) -> None:
    """Open the page, and sign in."""
    await page.open(gateway.url)
    await page.sees("Sign in", "Key")
    await page.type("#key", MASTER)
    await page.sees("Live", "Deployments")


async def test_it_shows_real_numbers_and_follows_them(gateway: Gateway) -> None:
    """Calls, limits, tokens and dollars of two calls, and of the third as it comes."""
    answers = [gateway.chat().json() for _ in range(2)]
    tokens = [sum(one["usage"][name] for one in answers) for name in _USAGE]
    async with a_page() as page:
        await signed_in(page, gateway)
        seen = await page.sees("2 / 10 requests/min", "Healthy", selector="#places")
        assert "azure/dep at 127.0.0.1" in seen
        await page.sees("The deployment can be asked", selector="#notes")
        assert f"gpt-4o 2 {tokens[0]} {tokens[1]} < $0.0001" in await page.text("#models")
        assert "master 2" in await page.text("#keys")
        gateway.chat()
        await page.sees("3 / 10 requests/min", selector="#places")
        await page.sees("3 in the last minute", selector="#tiles")
        assert [] == page.problems


_USAGE = ("prompt_tokens", "completion_tokens")


async def test_it_says_what_is_wrong_and_what_to_do(gateway: Gateway, foundry: Emulator) -> None:
    """A deployment that cools down: why, until when; an error of a client's without its words."""
    waits = {"retry-after": "42", "retry-after-ms": "42000"}
    foundry.faults.add(Fault("status_before", path="chat", status=429, headers=waits))
    assert 429 == gateway.chat().status_code
    async with a_page() as page:
        await signed_in(page, gateway)
        await page.sees(
            "cooling down for 4", "until", "Raise the deployment's quota", selector="#notes"
        )
        await page.sees("Cooling down", selector="#places")
        await page.sees("RateLimit 429 gpt-4o", selector="#errors")
        gateway.application.note_reload("wrong")
        await page.sees("The config file is wrong since", "check-config", selector="#notes")
        gateway.application.note_reload("ok")
        await page.misses("config file", selector="#notes")
        assert [] == page.problems


async def test_a_wrong_key_sees_nothing_and_no_key_is_kept(gateway: Gateway) -> None:
    """Refused in words; the right one stands in no URL, no cookie and no element; signing out."""
    gateway.chat()
    async with a_page() as page:
        await page.open(gateway.url)
        await page.sees("Sign in")
        await page.type("#key", "sk-guessed")
        await page.sees("This gateway does not know the key.")
        assert "" == await page.text("#places")
        await page.type("#key", MASTER)
        await page.sees("Live", "Healthy")
        there = await page.run(
            "document.documentElement.outerHTML + document.cookie + location.href"
        )
        assert [] == [
            one for one in (MASTER, UPSTREAM, "sk-guessed") if one in there + str(page.urls)
        ]
        assert {f"{gateway.url}/", f"{gateway.url}/status/events"} == {
            url for url in page.urls if not url.startswith("data:")
        }
        await page.run("document.getElementById('out').click()")
        await page.sees("Signed out", "Sign in")
        assert "" == await page.text("#places")
        assert 0 == await page.run("sessionStorage.length")
        # The browser itself notes the refused request; nothing else went wrong.
        assert ["401"] == [one[one.index("401") :][:3] for one in page.problems]


async def test_without_keys_it_opens_at_once(foundry: Emulator, start: Start) -> None:
    """And fits a phone and dark colours; nothing that a name of the config says becomes markup."""
    foundry.deploy("dep", "Hello!")
    name = "<img src=x onerror=alert(1)>"
    gateway = start(MODELS.replace("gpt-4o\n", f'"{name}"\n', 1))
    gateway.chat(name)
    async with a_page() as page:
        await page.looks(width=390, height=844, dark=True)
        await page.open(gateway.url)
        await page.sees(name, "Live")
        assert 0 == await page.run("document.images.length")
        assert await page.run("document.documentElement.scrollWidth <= innerWidth")
        assert "rgb(15, 19, 24)" == await page.run(
            "getComputedStyle(document.body).backgroundColor"
        )
        assert await page.run("document.getElementById('out').hidden")
        assert [] == page.problems


async def test_a_page_that_nobody_sees_watches_nothing(gateway: Gateway) -> None:
    """Behind another tab it lets go of its connection, and it is back as soon as it is seen."""
    watchers = gateway.application._page._watchers
    async with a_page() as page:
        await signed_in(page, gateway)
        assert 1 == watchers.number
        for hidden, state, number in (("true", "Paused", 0), ("false", "Live", 1)):
            told = f"{{value: {hidden}, configurable: true}}"
            await page.run(f"Object.defineProperty(document, 'hidden', {told}) && 0")
            await page.run("document.dispatchEvent(new Event('visibilitychange'))")
            await page.sees(state)
            await asyncio.to_thread(wait_until, lambda n=number: watchers.number == n)
        assert [] == page.problems


async def test_no_other_page_reads_it(foundry: Emulator, start: Start) -> None:
    """Neither another site, nor one whose name was bound to this machine, nor as a frame."""
    gateway = start(MODELS)
    foundry.deploy("dep", "Hello!")
    port = gateway.url.rpartition(":")[2]
    async with a_page() as page, _elsewhere() as elsewhere:
        await page.open(f"http://evil.test:{port}/")
        await page.sees("only programs on its own machine may call it")
        await page.open(elsewhere)
        await page.sees("another site")
        for path in ("/status", "/status/events", "/"):
            asked = json.dumps(gateway.url + path)
            read = f"fetch({asked}).then(answer => answer.text(), () => 'not read')"
            assert "not read" == await page.run(read)
        frame = f"document.body.innerHTML = '<iframe src={gateway.url}/></iframe>'"
        await page.run(frame)
        await page.run("new Promise(done => setTimeout(done, 300))")
        assert await page.run("frames[0].length === 0 && !document.body.innerText.includes('Live')")
        assert any("frame-ancestors" in one or "X-Frame" in one for one in page.problems)


class _elsewhere:  # noqa: N801 - used like a function
    """A page of another site, on a port of its own."""

    async def __aenter__(self) -> str:
        async def answer(request: Any) -> web.Response:
            return web.Response(text="<p>another site", content_type="text/html")

        application = web.Application()
        application.router.add_get("/", answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return f"http://evil.test:{port}/"

    async def __aexit__(self, *failure: object) -> None:
        await self._runner.cleanup()
