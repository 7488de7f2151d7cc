"""Every gateway example of the pages: configs as printed, curl as a process, SDKs unchanged.

Each config is read, each of its models asked, and what reached the service is compared: the URL
and the credential. The examples for files and batches are in `tests/gateway`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from azure_agents.cli.main import main
from azure_agents.gateway.config.reading import read_config

from .blocks import Place, blocks, code_of, needs_pages
from .playing import Player
from .serving import run_curl, run_python, served

if TYPE_CHECKING:
    import httpx

pytestmark = [
    needs_pages,
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:Microsoft retires"),
]
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and not os.environ.get("CI"), reason="curl is not installed"
)

SCOPE = "https://cognitiveservices.azure.com/.default"
OLD = "https://openai-gpt-4-test-v-1.openai.azure.com"
OF_VARIABLE = "https://my-resource.openai.azure.com"
CLAUDE = "https://my-resource.services.ai.azure.com/anthropic/v1/messages"
PRINCIPAL = ("my-tenant", "my-client", "my-secret")


def dated(deployment: str, version: str = "2023-05-15", base: str = OLD) -> str:
    """Where a dated chat goes."""
    return f"{base}/openai/deployments/{deployment}/chat/completions?api-version={version}"


V1 = "/openai/v1/chat/completions"


class Config(NamedTuple):
    """One config of a page.

    Attributes:
        place: Of the YAML.
        model: That is asked.
        deployment: Behind it, as the emulator knows it.
        made_of: What it is deployed from.
        url: Where a chat goes.
        signs: ``key`` or ``token``.
        principal: What azure-identity is given; (): nothing.
    """

    place: Place
    model: str
    deployment: str
    made_of: str
    url: str
    signs: str = "key"
    principal: tuple[str, ...] = ()


GPT, TURBO = "gpt-4o-2024-08-06", "gpt-3.5-turbo"
CONFIGS = [
    Config(Place("002", 85), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2")),
    Config(
        Place("002", 314),
        "o1-mini",
        "o1-mini",
        "o1-mini-2024-09-12",
        dated("o1-mini", "2024-10-21", OF_VARIABLE),
    ),
    Config(Place("002", 472), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2"), "token"),
    Config(Place("002", 488), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2"), "token", PRINCIPAL),
    Config(Place("002", 547), TURBO, "your-deployment-name", GPT, OLD + V1, "token"),
    Config(Place("003", 101), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2")),
    Config(
        Place("003", 190),
        "gpt-4",
        "my-gpt4-deployment",
        GPT,
        dated("my-gpt4-deployment", "2024-08-01-preview", "https://your-resource.openai.azure.com"),
    ),
    Config(Place("003", 341), "o3-mini", "o3-model", "o3-mini-2025-01-31", OF_VARIABLE + V1),
    Config(
        Place("003", 366),
        "o3-mini",
        "my-random-deployment-name",
        "o3-mini-2025-01-31",
        OF_VARIABLE + V1,
    ),
    Config(Place("003", 406), "gpt-5", "my-gpt-5-deployment", "gpt-5-2025-08-07", OF_VARIABLE + V1),
    Config(
        Place("003", 437),
        "gpt-5-mini",
        "my-gpt-5-deployment",
        "gpt-5-mini-2025-08-07",
        OF_VARIABLE + V1,
    ),
    Config(
        Place("003", 486),
        "azure-openai-4o-audio",
        "azure-openai-4o-audio",
        "gpt-4o-audio-preview",
        dated("azure-openai-4o-audio", "2024-10-21", OF_VARIABLE),
    ),
    Config(Place("003", 605), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2"), "token"),
    Config(Place("003", 621), TURBO, "chatgpt-v-2", GPT, dated("chatgpt-v-2"), "token", PRINCIPAL),
    Config(
        Place("003", 658),
        TURBO,
        "chatgpt-v-2",
        GPT,
        dated("chatgpt-v-2"),
        "token",
        ("my-client", "ada@example.com", "my-password"),
    ),
    Config(Place("003", 747), TURBO, "your-deployment-name", GPT, OLD + V1, "token", PRINCIPAL),
    Config(Place("003", 762), TURBO, "your-deployment-name", GPT, OLD + V1, "token"),
    Config(Place("003", 777), TURBO, "your-deployment-name", GPT, OLD + V1, "token"),
    Config(Place("003", 1041), "batch-gpt-4o-mini", "gpt-4o-mini", GPT, OF_VARIABLE + V1),
    Config(
        Place("003", 1258),
        "azure-gpt-3.5",
        "chatgpt-functioncalling",
        GPT,
        dated("chatgpt-functioncalling", "2023-07-01-preview", OF_VARIABLE),
    ),
    Config(
        Place("003", 1324),
        "azure-gpt-3.5",
        "chatgpt-v-2",
        GPT,
        dated("chatgpt-v-2", "2023-07-01-preview", OF_VARIABLE),
    ),
    Config(
        Place("004", 180),
        "claude-sonnet-4-5",
        "claude-sonnet-4-5",
        "claude-sonnet-4-5-20250929",
        CLAUDE,
    ),
]
BY_PLACE = {one.place: one for one in CONFIGS}


@pytest.fixture
def surrounded(player: Player, monkeypatch: pytest.MonkeyPatch) -> Player:
    """A player with the variables that the configs name."""
    variables = {
        "AZURE_API_KEY": player.foundry.api_key,
        "AZURE_API_BASE": OF_VARIABLE,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return player


def export(one: Config, player: Player, patch: pytest.MonkeyPatch) -> None:
    """Set what this config's section of its page exports, and nothing that would win over it."""
    text = blocks()[one.place][1]
    if "AZURE_API_VERSION" in text:
        patch.setenv("AZURE_API_VERSION", "2024-10-21")
    if one.signs == "key":
        return
    patch.delenv("AZURE_API_KEY")
    if one.principal == PRINCIPAL or "client_id" in text:
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        for name, value in zip(names, PRINCIPAL, strict=True):
            patch.setenv(name, value)
    if "azure_username" in text:
        patch.setenv("AZURE_USERNAME", "ada@example.com")
        patch.setenv("AZURE_PASSWORD", "my-password")
    if "AZURE_SCOPE" in text:
        patch.setenv("AZURE_SCOPE", SCOPE)
    if "AZURE_AD_TOKEN" in text:
        patch.setenv("AZURE_AD_TOKEN", player.foundry.credential.get_token(SCOPE).token)


def config_of(place: Place) -> str:
    """A config as it is run: the reader's own resource is put in, and nothing else."""
    return blocks()[place][1].replace("<resource-name>", "my-resource")


@pytest.mark.parametrize("one", CONFIGS, ids=lambda one: f"{one.place.page}:{one.place.line}")
def test_a_config_is_served_as_it_is_printed(
    surrounded: Player, one: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its model answers; the service saw the right URL and the right credential."""
    player = surrounded
    export(one, player, monkeypatch)
    player.foundry.deploy(one.deployment, "It goes well.", model=one.made_of)
    with served(config_of(one.place), player, monkeypatch) as gateway:
        answer = gateway.chat(one.model)
    assert "It goes well." == answer.json()["choices"][0]["message"]["content"]
    assert [one.url] == player.urls
    assert one.signs == credential(player.network.asked[0], player)
    assert [one.principal] * bool(one.principal) == player.principals


def credential(request: httpx.Request, player: Player) -> str:
    """Which credential a request carries; of any other than the expected ones its headers."""
    names = ("authorization", "api-key", "x-api-key")
    sent = {name: request.headers[name] for name in names if name in request.headers}
    key = player.foundry.api_key
    if sent in ({"api-key": key}, {"api-key": key, "x-api-key": key}):
        return "key"
    bearer = sent.get("authorization", "").removeprefix("Bearer ")
    fixed = os.environ.get("AZURE_AD_TOKEN")
    is_right = bearer == fixed if fixed else bearer.startswith("emulator-token-")
    return "token" if is_right and len(sent) == 1 else str(sent)


ONLY_READ = {Place("003", 1302): "dall-e-3"}


@pytest.mark.parametrize("place", ONLY_READ)
def test_a_config_of_another_operation_is_read(surrounded: Player, place: Place) -> None:
    """Without a problem; its routes are asked in the tests of those routes."""
    config = read_config(config_of(place), env=os.environ)
    assert [ONLY_READ[place]] == [entry.name for entry in config.entries]
    assert [] == surrounded.urls


# --- calls ----------------------------------------------------------------------------------------

# Calls, and the config that stands above each on its page.
CURLS = {
    Place("002", 100): Place("002", 85),
    Place("002", 502): Place("002", 488),
    Place("003", 116): Place("003", 101),
    Place("003", 505): Place("003", 486),
    Place("003", 636): Place("003", 621),
    Place("003", 673): Place("003", 658),
    Place("003", 1276): Place("003", 1258),
    Place("004", 194): Place("004", 180),
    Place("004", 261): Place("004", 180),
}


@needs_curl
@pytest.mark.parametrize("place", sorted(CURLS))
def test_a_curl_command_is_answered(
    surrounded: Player, place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Run by a shell as it is printed; the service saw the body that stands on the page."""
    player, one = surrounded, BY_PLACE[CURLS[place]]
    export(one, player, monkeypatch)
    player.foundry.deploy(one.deployment, "It goes well.", model=one.made_of)
    command = blocks()[place][1]
    with served(config_of(one.place), player, monkeypatch) as gateway:
        said = json.loads(run_curl(command, gateway, tmp_path))
    message = said if "content" in said else said["choices"][0]["message"]
    assert "It goes well." in str(message)
    printed = json.loads(body_of(command))
    sent = json.loads(player.network.asked[0].read())
    assert [printed.pop("messages")[-1]["content"]] == texts(sent)
    del printed["model"]
    assert printed == {name: sent[name] for name in printed}


def body_of(command: str) -> str:
    """What a command of curl sends, without the shell's quotes."""
    words = shlex.split(command.replace("\\\n", " "))
    return next(b for a, b in pairwise(words) if a in ("-d", "--data"))


def texts(body: dict[str, Any]) -> list[str]:
    """What a user says in a body, in OpenAI's words or Anthropic's."""
    content = body["messages"][-1]["content"]
    return [content] if isinstance(content, str) else [block["text"] for block in content]


# Names that LangChain 1 has no more, and where they are now.
LANGCHAIN_1 = (
    ("langchain.chat_models", "langchain_openai"),
    ("langchain.prompts.chat", "langchain_core.prompts"),
    ("langchain.schema", "langchain_core.messages"),
    ("chat(messages)", "chat.invoke(messages)"),
    # The page trusts the variable OPENAI_API_KEY for the gateway's key.
    ("temperature=0.1\n", "temperature=0.1, api_key='anything'\n"),
)
PYTHON: dict[Place, tuple[Place, tuple[tuple[str, str], ...]]] = {
    Place("002", 117): (Place("002", 85), ()),
    Place("002", 137): (Place("002", 85), LANGCHAIN_1),
    Place("002", 335): (Place("002", 314), ()),
    Place("003", 133): (Place("003", 101), ()),
    Place("003", 153): (Place("003", 101), LANGCHAIN_1),
    Place("004", 212): (Place("004", 180), ()),
    # Anthropic's SDK at the resource itself; here the gateway stands for that.
    Place("004", 240): (
        Place("004", 180),
        (("https://<resource-name>.services.ai.azure.com", "http://localhost:4000"),),
    ),
}


@pytest.mark.parametrize("path", ["", "/v1"])
@pytest.mark.parametrize("place", sorted(PYTHON))
async def test_an_example_in_python_runs(
    surrounded: Player, place: Place, path: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """With the base as it is printed, and with ``/v1`` behind it."""
    player, (above, meant) = surrounded, PYTHON[place]
    one = BY_PLACE[above]
    export(one, player, monkeypatch)
    player.foundry.deploy(one.deployment, "It goes well.", model=one.made_of)
    code = code_of(place, *meant)
    code = re.sub(r"(base(?:_url)?=\"http://[^\"]+:4000)\"", rf'\1{path}"', code)
    with served(config_of(one.place), player, monkeypatch) as gateway:
        names = await run_python(code, gateway, player)
        for client in filter(None, (names.get("client"), names.get("chat"))):
            getattr(client, "close", lambda: None)()
    said = capsys.readouterr().out
    pieces = re.findall(r"(?:content|text)='(.*?)'", said)
    assert "It goes well." in ("".join(pieces), pieces[0])
    assert [one.url] == player.urls


STARTS = {
    Place("000", 145),
    Place("002", 329),
    Place("003", 498),
    Place("003", 790),
    Place("003", 1270),
}
EXAMPLES = {*BY_PLACE, *ONLY_READ, *CURLS, *PYTHON, *STARTS}


def test_the_command_of_the_pages_starts_the_gateway() -> None:
    """With another program's name; `tests/gateway/test_command_line.py` runs it."""
    for place in STARTS:
        program, command, option, _ = ["azure-agents", "serve", *blocks()[place][1].split()[1:]]
        assert ("azure-agents", "serve", "--config") == (program, command, option)
        assert 2 == main([command, option, "no-such-file.yaml"])
