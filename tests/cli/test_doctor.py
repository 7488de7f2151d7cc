"""`azure-agents doctor` on every broken set-up: what it says, and what to do about it."""

from __future__ import annotations

import base64
import importlib.metadata
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Emulator, Fault

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
NOWHERE = "https://r.services.ai.azure.com/api/projects/p"


def token(**claims: Any) -> str:
    """A token that says this of itself."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.c2lnbmF0dXJl"


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An emulator on a port, named by the environment, with an agent."""
    foundry = Emulator()
    foundry.create_agent("my-agent")
    monkeypatch.setenv("AZURE_AI_API_KEY", "any")
    for name in ("HTTPS_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with foundry.serve() as server:
        monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", server.endpoint)
        yield foundry


def examine(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code, and what was printed."""
    code = main(["doctor", *arguments])
    said = capsys.readouterr()
    assert "" == said.err
    return code, said.out


def test_a_set_up_that_works(served: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is good; without an agent's name those of the project are listed."""
    code, told = examine(capsys, "my-agent")
    assert 0 == code
    assert ["ok  "] * 5 == [line[:4] for line in told.splitlines()]
    assert "ok    agent: my-agent:1 uses gpt-4o" == told.splitlines()[-1]
    code, told = examine(capsys)
    assert (0, "note  agents: my-agent:1") == (code, told.splitlines()[-1])


def test_no_endpoint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where to copy it from."""
    monkeypatch.delenv("AZURE_AI_PROJECT_ENDPOINT", raising=False)
    code, told = examine(capsys)
    assert 1 == code
    assert "FAIL  endpoint: no endpoint" in told
    assert "sign-in" not in told


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://r.openai.azure.com", "is an Azure OpenAI resource, where no agents live"),
        ("https://r.api.azureml.ms", "endpoint"),
    ],
)
def test_an_endpoint_of_another_kind(
    endpoint: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of the retired API."""
    code, told = examine(capsys, "--endpoint", endpoint)
    assert 1 == code
    assert expected in told.partition("FAIL  endpoint: ")[2]


CHAIN = "DefaultAzureCredential failed to retrieve a token.\nAttempted credentials:\n"
ABSENT = "\tEnvironmentCredential: authentication unavailable.\n\tAzureCli: not found on path"
# What the credential says, and the next step.
UNABLE = [
    ("nobody is signed in\nmore", "nobody is signed in"),
    (CHAIN + ABSENT, "run 'az login', or put a key of the resource into AZURE_AI_API_KEY"),
    (f"{CHAIN}{ABSENT}\n\tAzureCli: Please run 'az login'", "AzureCli: Please run 'az login'"),
]


@pytest.mark.parametrize(("said", "expected"), UNABLE)
def test_no_credential(
    served: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
    expected: str,
) -> None:
    """All ways to sign in."""
    import azure.identity

    def unavailable(*_: object, **__: object) -> None:
        raise azure.identity.CredentialUnavailableError(said)

    monkeypatch.delenv("AZURE_AI_API_KEY")
    monkeypatch.setattr(azure.identity.DefaultAzureCredential, "get_token", unavailable)
    monkeypatch.setattr(
        azure.identity.DefaultAzureCredential, "get_token_info", unavailable, raising=False
    )
    code, told = examine(capsys, "my-agent", "--scope", "https://ai.azure.com/.default")
    assert 1 == code
    assert "FAIL  sign-in: default-credential, for the scope https://ai.azure.com" in told
    assert "sign in with 'az login'" in told
    assert f"-> {expected}\n" in told


REFUSED = {
    "a wrong tenant": (401, {"tid": "tenant-b"}, "the token is of tenant tenant-b"),
    "a wrong scope": (
        401,
        {"aud": "https://management.azure.com", "tid": "t"},
        "audience https://management.azure.com",
    ),
    "a missing role": (
        403,
        {"oid": "person-1"},
        "Azure AI User on the project (object id person-1",
    ),
    "no such project": (404, {}, "check the project's name in the endpoint"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_service_refuses(
    served: Emulator,
    case: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who asked, for what, and what is missing; the token is nowhere."""
    status, claims, expected = REFUSED[case]
    secret = token(**claims, exp=int(time.time()) + 3600)
    monkeypatch.setenv("AZURE_AD_TOKEN", secret)
    monkeypatch.delenv("AZURE_AI_API_KEY")
    served.faults.add(Fault("status_before", path="/agents", status=status, times=None))
    code, told = examine(capsys, "my-agent", "--scope", "https://ai.azure.com/.default")
    assert 1 == code
    assert expected in told
    assert "FAIL  project: " in told
    assert "agent:" not in told
    assert secret not in told


def test_an_unknown_agent(served: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    """The one that was meant, or those that there are."""
    code, told = examine(capsys, "my-agnt")
    assert 1 == code
    assert "-> did you mean 'my-agent'?" in told
    assert "-> the project has my-agent:1" in examine(capsys, "quite-another")[1]


def test_no_network(
    served: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody listens there; with a proxy, the proxy is named first."""
    monkeypatch.setenv("AZURE_AI_API_KEY", "any")
    code, told = examine(capsys, "--endpoint", "http://127.0.0.1:9/api/projects/p")
    assert 1 == code
    assert "-> check the name of the resource in the endpoint, the firewall" in told
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    code, told = examine(capsys, "--endpoint", NOWHERE)
    assert 1 == code
    assert "note  proxy: HTTPS_PROXY set" in told
    assert "-> check the proxy, or put the host into NO_PROXY" in told


def test_a_wrong_clock(
    served: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the service's own date."""
    real = time.time
    monkeypatch.setattr("azure_agents.cli.doctor.time.time", lambda: real() + 1_800)
    code, told = examine(capsys, "my-agent")
    assert 1 == code
    assert "FAIL  clock: this machine is 30 minutes ahead of the service" in told


def test_an_old_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to install."""
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "0.1" if name == "httpx" else real(name)
    )
    code, told = examine(capsys)
    assert 1 == code
    assert "FAIL  packages: httpx 0.1 is installed; httpx<1,>=0.27 is needed" in told
    assert '-> pip install "httpx<1,>=0.27"' in told
