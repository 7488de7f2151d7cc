"""Headless Chromium, driven over its DevTools protocol: what the tests of the status page need.

The protocol is JSON over a WebSocket, and aiohttp, which the gateway needs anyway, speaks that. A
browser reaches this machine only; whatever else it asks for is remembered, and fails.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_WAIT = 20.0  # seconds
_SWITCHES = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP evil.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str:
    """The browser's path; without one the test is skipped, but never in CI."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is not None:
        return found
    if os.environ.get("CI"):
        pytest.fail("CI needs chromium: .ci/run installs it")
    pytest.skip("no chromium on this machine: apt-get install chromium")


class Page:
    """One tab.

    Attributes:
        urls: All that it asked for.
        problems: Errors of its console, of its scripts and of its security policy.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._session: str | None = None
        self.urls: list[str] = []
        self.problems: list[str] = []

    async def listen(self) -> None:
        """Read what the browser says, until it ends."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, params: Any) -> None:
        if method == "Network.requestWillBeSent":
            self.urls.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in {"error", "warning"}:
            self.problems.append(json.dumps(params["args"]))

    async def tell(self, method: str, **params: Any) -> Any:
        """Carry out a command of the protocol."""
        id = next(self._ids)
        self._waiting[id] = asyncio.get_running_loop().create_future()
        session = {} if self._session is None else {"sessionId": self._session}
        await self._socket.send_json({"id": id, "method": method, "params": params, **session})
        told = await asyncio.wait_for(self._waiting[id], _WAIT)
        assert "error" not in told, told
        return told["result"]

    async def attach(self) -> None:
        """Open the tab."""
        target = await self.tell("Target.createTarget", url="about:blank")
        attached = await self.tell("Target.attachToTarget", flatten=True, **target)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.tell(f"{domain}.enable")

    async def open(self, url: str) -> None:
        """Go to an address."""
        await self.tell("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        told = await self.tell(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def text(self, selector: str = "body") -> str:
        """What a reader sees of an element; "" if it is not there."""
        found = await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return " ".join(found.split())

    async def sees(self, *texts: str, selector: str = "body", seconds: float = _WAIT) -> str:
        """Wait until a reader sees some texts; returns all that is there."""
        found = ""
        for _ in range(int(seconds * 20)):
            found = await self.text(selector)
            if all(text in found for text in texts):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{texts} did not come; there is: {found}; {self.problems}")

    async def misses(self, text: str, selector: str) -> None:
        """Wait until a reader sees a text no longer."""
        for _ in range(int(_WAIT * 20)):
            if text not in await self.text(selector):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{text!r} is still there")

    async def type(self, selector: str, text: str) -> None:
        """Type into a field, and press Enter."""
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.tell("Input.insertText", text=text)
        await self.press("Enter", 13, "\r")

    async def press(self, key: str, code: int, text: str = "") -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            told = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            more = {"text": text} if kind == "keyDown" and text else {}
            await self.tell("Input.dispatchKeyEvent", type=kind, **told, **more)

    async def looks(self, *, width: int = 1240, height: int = 900, dark: bool = False) -> None:
        """Set the size of the window, and its colours."""
        await self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.tell("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, **clip: int) -> bytes:
        """All of the page, or its part of a `width` and a `height`, as PNG."""
        part = {"clip": {"x": 0, "y": 0, "scale": 1, **clip}} if clip else {}
        told = await self.tell(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, **part
        )
        return b64decode(told["data"])


@asynccontextmanager
async def a_page() -> AsyncIterator[Page]:
    """A new browser with one tab."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        switches = (*_SWITCHES, f"--user-data-dir={home}")
        browser = await asyncio.create_subprocess_exec(
            find_chromium(), *switches, "about:blank", stderr=asyncio.subprocess.PIPE
        )
        try:
            address = await asyncio.wait_for(_address(browser), _WAIT)
            async with (
                aiohttp.ClientSession() as http,
                http.ws_connect(address, max_msg_size=0) as ws,
            ):
                page = Page(ws)
                listening = asyncio.create_task(page.listen())
                await page.attach()
                yield page
                await page.tell("Browser.close")
                listening.cancel()
        finally:
            if browser.returncode is None:
                browser.kill()
            await browser.wait()


async def _address(browser: asyncio.subprocess.Process) -> str:
    assert browser.stderr is not None
    while line := await browser.stderr.readline():
        words = line.decode("utf-8", "replace")
        if "DevTools listening on " in words:
            return words.partition("DevTools listening on ")[2].strip()
    raise AssertionError("the browser ended before it listened")
