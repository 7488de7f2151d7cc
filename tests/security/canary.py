"""Canaries in the whole suite: no secret that any test uses may turn up where it must not.

Every secret the client ever holds is learnt when it is made (`Secret`, `AnchorKey`, a subscription
key among the headers), and the
emulator's tokens and keys are known by their form. While the suite runs, what leaves is searched
for them: the URL, the body and all headers but the one that carries the credential; every log
record at every level, also those that nobody asked for; the text of every error of ours; every
pickle; and what a test prints. A test in which one is found fails.

`tests/conftest.py` imports the two hooks at the end. What tests do to secrets on purpose happens
under `unwatched`.
"""

from __future__ import annotations

import logging
import pickle
import re
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import httpx
import pytest

from azure_agents import errors
from azure_agents.settings import anchor_key, headers
from azure_agents.sign_in import credentials

# Issued by the emulator, one for each client: thousands, so they are known by their form.
_ISSUED = re.compile(r"emulator-(?:token|key)-[0-9a-f]{8}")
# Scopes of tokens are no secrets, also where a test passes them as if they were.
_PUBLIC = frozenset(
    {"https://ai.azure.com/.default", "https://cognitiveservices.azure.com/.default"}
)
_SHORTEST = 10  # characters; shorter ones stand in ordinary words too
_REMEMBERED = 48  # of the secrets that were learnt: those of the last few tests
_CARRIERS = frozenset({b"authorization", b"api-key", b"x-api-key"})
_FAMILIES = (
    "aiohttp",
    "azure",
    "azure_agents",
    "httpcore",
    "httpx",
    "langchain_azure_agents",
    "llamaindex_azure_agents",
)
_ALL = logging.DEBUG - 1  # a level that nobody else sets: it marks the loggers we opened


class Watch:
    """Knows secrets, searches texts for them, and keeps where one was found."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()  # never changed in place: other threads read it
        self._learning = threading.RLock()
        self._found: list[str] = []
        self._pauses = threading.local()

    def learn(self, secret: str | bytes) -> None:
        """Search for this one from now on."""
        text = secret.decode("utf-8", "replace") if isinstance(secret, bytes) else secret
        with self._learning:
            if len(text) >= _SHORTEST and text not in {*self._secrets, *_PUBLIC}:
                self._secrets = (*self._secrets, text)[-_REMEMBERED:]

    def look(self, place: str, text: str | bytes) -> None:
        """Search a text."""
        if getattr(self._pauses, "depth", 0):
            return
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        if _ISSUED.search(shown) or any(secret in shown for secret in self._secrets):
            self._found.append(f"{place}: {shown[:2000]}")

    def take(self) -> list[str]:
        """Where secrets were found since the last time."""
        found, self._found = self._found, []
        return found

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Look away, in this thread."""
        self._pauses.depth = getattr(self._pauses, "depth", 0) + 1
        try:
            yield
        finally:
            self._pauses.depth -= 1

    # What is searched

    def request(self, request: httpx.Request) -> None:
        """Search what is about to leave."""
        self.look("URL", str(request.url))
        for name, value in request.headers.raw:
            text = name.decode("latin-1")
            if name.lower() not in _CARRIERS and not _is_subscription_key(text):
                self.look(f"header {text}", value)
        if hasattr(request, "_content"):  # an upload is read while it is sent
            self.look("body", request.content)

    def record(self, record: logging.LogRecord) -> None:
        """Search what would be written of a log record, and the objects it was made of."""
        text = f"{record.getMessage()} {record.args!r}"
        if record.exc_info:
            text += logging.Formatter().formatException(record.exc_info)
        self.look(f"log of {record.name} at {record.levelname}", text)


WATCH = Watch()


@contextmanager
def unwatched() -> Iterator[None]:
    """For a test that shows what a leak would look like."""
    with WATCH.paused():
        yield


# --- the places ----------------------------------------------------------------------------------


def _hooked(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    _hook_secrets(watch, patch)
    _hook_requests(watch, patch)
    _hook_errors(watch, patch)
    _hook_logs(watch, patch)
    _hook_pickles(watch, patch)


def _hook_secrets(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    for cls in (credentials.Secret, anchor_key.AnchorKey):
        patch.setattr(cls, "__init__", _learning(watch, cls.__init__))  # type: ignore[misc]
    original = headers.ExtraHeaders.__init__

    def init(self: headers.ExtraHeaders, given: Any) -> None:
        for name in filter(_is_subscription_key, given):
            watch.learn(given[name])
        original(self, given)

    patch.setattr(headers.ExtraHeaders, "__init__", init)


def _is_subscription_key(name: str) -> bool:
    """API Management's key stands in a header of its own."""
    return name.lower().endswith("-subscription-key")


def _learning(watch: Watch, original: Any) -> Any:
    def init(self: Any, value: Any) -> None:
        watch.learn(value)
        original(self, value)

    return init


def _hook_requests(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    send, asend = httpx.Client._send_single_request, httpx.AsyncClient._send_single_request

    def watched(self: httpx.Client, request: httpx.Request) -> httpx.Response:
        watch.request(request)
        return send(self, request)

    async def awatched(self: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        watch.request(request)
        return await asend(self, request)

    patch.setattr(httpx.Client, "_send_single_request", watched)
    patch.setattr(httpx.AsyncClient, "_send_single_request", awatched)


def _hook_errors(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    original = errors.AzureAgentsError.__init__

    @wraps(original)
    def init(self: errors.AzureAgentsError, message: str, **facts: Any) -> None:
        original(self, message, **facts)
        watch.look(f"text of {type(self).__name__}", f"{self} {self.args} {vars(self)}")

    patch.setattr(errors.AzureAgentsError, "__init__", init)


def _hook_logs(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    original = logging.Logger.handle

    def handle(self: logging.Logger, record: logging.LogRecord) -> None:
        watch.record(record)
        if record.levelno >= _wanted(self):
            original(self, record)

    patch.setattr(logging.Logger, "handle", handle)
    for name in _FAMILIES:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(_ALL)


def _wanted(logger: logging.Logger) -> int:
    """The level that was set by somebody else: what lies below is only searched, not written."""
    at: logging.Logger | None = logger
    while at is not None:
        if at.level not in (logging.NOTSET, _ALL):
            return at.level
        at = at.parent
    return logging.NOTSET


def _hook_pickles(watch: Watch, patch: pytest.MonkeyPatch) -> None:
    original = pickle.dumps

    def dumps(*args: Any, **kwargs: Any) -> bytes:
        data = original(*args, **kwargs)
        watch.look("pickle", data)
        return data

    patch.setattr(pickle, "dumps", dumps)


# --- hooks of pytest -----------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def _canaries() -> Iterator[None]:
    """Search everything as long as the suite runs."""
    with pytest.MonkeyPatch.context() as patch:
        _hooked(WATCH, patch)
        yield
    for name in _FAMILIES:
        logger = logging.getLogger(name)
        if logger.level == _ALL:
            logger.setLevel(logging.NOTSET)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the test in which a secret was found."""
    report = yield
    for title, text in report.sections:
        WATCH.look(f"output of the test ({title})", text)
    found = WATCH.take()
    if found and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = "a secret was found where it must not be:\n" + "\n".join(found)
    return report
