"""Record the cassettes (`make record`).

The demo's scenario (`azure_agents.cli.demo`), for each generation and framework, and every act of
`acts`, for each generation. By default from the emulator, served on loopback; each file says so.
With a project endpoint and agents in the environment, the scenario is recorded from Azure; the
acts stay, for their replies are scripted. Every turn has a fixed operation key, so that a replay
sends the same bodies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from typing import Any

import httpx
import vcr
from acts import ACTS, Act
from cassette_file import CassetteFile

from azure_agents.cli.demo import (
    EMULATED_AGENT,
    ENV_CLASSIC_AGENT,
    Chat,
    LangChainChat,
    LlamaIndexChat,
    play,
)
from azure_agents.emulator import CreatedAgent, Emulator
from azure_agents.naming import Generation, parse_agent
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.settings.environment import (
    ENV_AD_TOKEN,
    ENV_AGENT,
    ENV_AI_API_KEY,
    ENV_API_KEY,
    ENV_CLIENT_ID,
    ENV_CLIENT_SECRET,
    ENV_ENDPOINT,
    ENV_TENANT_ID,
    read_env,
)
from azure_agents.threads.memory import MemoryThreadStore

FOLDER = Path(__file__).parents[2] / "cassettes"
FROM_EMULATOR = "azure-agents emulator, not Azure"
FROM_AZURE = "Azure"
# Values that could identify somebody, wherever they turn up.
PRIVATE = (
    ENV_TENANT_ID,
    ENV_CLIENT_ID,
    ENV_CLIENT_SECRET,
    ENV_AD_TOKEN,
    ENV_AI_API_KEY,
    ENV_API_KEY,
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one cassette holds; `seed` makes the emulator's ids repeatable, and differ by file."""

    generation: Generation
    connect: type[LangChainChat | LlamaIndexChat]
    seed: int
    act: Act | None = None  # None for the demo's scenario

    @property
    def name(self) -> str:
        """For instance ``v2-langchain``; also the beginning of its operation keys."""
        return f"{self.generation}-{self.act.name if self.act else self.connect.framework.lower()}"

    @property
    def title(self) -> str:
        """What the cassette says of itself."""
        played = (
            f"The act {self.act.name!r}" if self.act else "The scenario of azure_agents.cli.demo"
        )
        return f"{played}: {self.connect.framework}, {self.generation} agent"

    @property
    def path(self) -> Path:
        """The cassette."""
        return FOLDER / f"{self.name}.yaml"

    def chat(self, model: str, **connection: Any) -> Chat:
        """The chat of this cassette, with its operation keys and no memory of earlier threads."""
        keys = (f"{self.name}-{number}" for number in count(1))
        repeatable = {"operation_keys": keys.__next__, "thread_store": MemoryThreadStore()}
        return self.connect(model, {**connection, **repeatable})

    def create_agent(self, foundry: Emulator) -> CreatedAgent:
        """The agent to record, where there is none."""
        if self.act:
            return self.act.create_agent(foundry, self.generation)
        return foundry.create_agent(EMULATED_AGENT, generation=self.generation)

    def play(self, chat: Chat) -> list[Any]:
        """Play it and give what was answered."""
        if self.act:
            return list(self.act.play(chat.llm))
        return play(chat, lambda step: chat.answer(list(chat.stream(step.history))))


DEMO_SCENES = (
    Scene("v2", LangChainChat, seed=1),
    Scene("v2", LlamaIndexChat, seed=2),
    Scene("classic", LangChainChat, seed=3),
    Scene("classic", LlamaIndexChat, seed=4),
)
GENERATIONS: tuple[Generation, ...] = ("v2", "classic")
ACT_SCENES = tuple(
    Scene(generation, LangChainChat, seed, act)
    for seed, (act, generation) in enumerate(product(ACTS, GENERATIONS), len(DEMO_SCENES) + 1)
)
SCENES = (*DEMO_SCENES, *ACT_SCENES)


@dataclass(frozen=True, slots=True)
class Source:
    """Where to record: endpoint, agent and credential, and what to call it."""

    name: str
    endpoint: str
    model: str
    credential: Any = None
    secrets: tuple[str, ...] = ()


class _PlainTransport(httpx.HTTPTransport):
    """Asks for answers that are not compressed: a cassette holds what came over the line."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        return super().handle_request(request)


def record(scene: Scene, source: Source, path: Path) -> list[Any]:
    """Play the scene and write it to `path`."""
    file = CassetteFile(scene.title, source.name, source.model, source.endpoint, source.secrets)
    recorder = vcr.VCR(serializer="readable")
    recorder.register_serializer("readable", file)
    path.unlink(missing_ok=True)
    with _PlainTransport() as transport, recorder.use_cassette(str(path), record_mode="all"):
        chat = scene.chat(
            source.model,
            endpoint=source.endpoint,
            credential=source.credential,
            transport=transport,
        )
        return scene.play(chat)


@contextmanager
def emulated(scene: Scene) -> Iterator[Source]:
    """The emulator on a loopback port, with one agent."""
    with Emulator(seed=scene.seed) as foundry:
        agent = scene.create_agent(foundry)
        with foundry.serve() as served:
            yield Source(FROM_EMULATOR, served.endpoint, agent.model, foundry.credential)


@contextmanager
def chosen(scene: Scene) -> Iterator[Source | None]:
    """Azure if the environment names a project, else the emulator; None without a fit agent."""
    endpoint = read_env(os.environ, ENV_ENDPOINT)
    if endpoint is None:
        with emulated(scene) as source:
            yield source
        return
    models = filter(None, (read_env(os.environ, name) for name in (ENV_AGENT, ENV_CLASSIC_AGENT)))
    fit = [model for model in models if parse_agent(model).generation == scene.generation]
    private = tuple(filter(None, (read_env(os.environ, name) for name in PRIVATE)))
    url = parse_endpoint(endpoint).url
    yield Source(FROM_AZURE, url, fit[0], secrets=private) if fit else None


def main() -> None:
    """Record all cassettes."""
    FOLDER.mkdir(exist_ok=True)
    is_azure = read_env(os.environ, ENV_ENDPOINT) is not None
    for scene in SCENES:
        if is_azure and scene.act:
            print(f"{scene.name}: skipped, its scripted replies need the emulator")
            continue
        with chosen(scene) as source:
            if source is None:
                print(f"{scene.name}: skipped, no {scene.generation} agent is set")
                continue
            answers = record(scene, source, scene.path)
        print(f"{scene.path.name}: {len(answers)} turns recorded from {source.name}")


if __name__ == "__main__":
    main()
