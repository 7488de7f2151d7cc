"""Serves a config of the pages: the gateway on a loopback port, the emulator for every host.

A config runs as it is printed, and so does a curl command: curl's own config file tells it where
``localhost:4000`` is. Python code is told the gateway's URL.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from yarl import URL

from azure_agents.gateway import mapped
from azure_agents.gateway.exchange import Call, Incoming
from azure_agents.gateway.upstream import Upstream

from ..gateway.conftest import Gateway, running
from .playing import Player

if TYPE_CHECKING:
    import pytest

PRINTED = ("http://localhost:4000", "http://0.0.0.0:4000")


def send_home(player: Player, resource: str, patch: pytest.MonkeyPatch) -> None:
    """Let gateways find the emulator at every host; what they ask is kept by the player.

    Args:
        player: Keeps the requests.
        resource: The emulator's, on a loopback port.
        patch: Takes it back.
    """
    ask = Upstream.ask

    async def at_home(self: Upstream, call: Call, doing: str) -> Incoming:
        asked = httpx.Request(call.method, str(call.url), headers=call.headers, content=call.body)
        player.network.asked.append(asked)
        here = resource + player.network.path_at_home(call.url.raw_path_qs)
        return await ask(self, call._replace(url=URL(here, encoded=True)), doing)

    patch.setattr(Upstream, "ask", at_home)
    patch.setattr(mapped, "acompletion", player.connected(mapped.acompletion))


@contextmanager
def curl_finds(gateway: Gateway, folder: Path) -> Iterator[dict[str, str]]:
    """Give the environment in which curl finds the gateway at the pages' addresses.

    Args:
        gateway: To be found.
        folder: For curl's config file.
    """
    port = URL(gateway.url).port
    lines = [f'connect-to = "{URL(one).host}:4000:127.0.0.1:{port}"' for one in PRINTED]
    (folder / ".curlrc").write_text("\n".join(["silent", *lines]))
    clean = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    yield {**clean, "CURL_HOME": str(folder), "LITELLM_API_KEY": "sk-anything"}


def run_curl(command: str, gateway: Gateway, folder: Path) -> str:
    """Run a command of the pages in a shell; give what it prints.

    Args:
        command: As printed.
        gateway: That answers.
        folder: Where it runs.
    """
    with curl_finds(gateway, folder) as environment:
        done = subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - a shell is what the pages are read with
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert 0 == done.returncode, done.stderr
    return done.stdout


async def run_python(code: str, gateway: Gateway, player: Player) -> dict[str, Any]:
    """Run an example in Python against the gateway; give its names.

    Args:
        code: As printed, or as it is read.
        gateway: That answers.
        player: Runs it.
    """
    for printed in PRINTED:
        code = code.replace(printed, gateway.url)
    return await player.run(code)


@contextmanager
def served(config: str, player: Player, patch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway on a config of the pages.

    Args:
        config: As printed.
        player: Keeps what is asked.
        patch: Takes back what is changed.
    """
    with player.foundry.serve() as emulator:
        send_home(player, emulator.resource, patch)
        with running(config) as gateway:
            yield gateway
