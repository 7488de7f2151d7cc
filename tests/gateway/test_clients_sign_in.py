"""Ways to sign in that a config file names, by azure-identity itself; only its network is ours.

What Entra ID, a managed identity and a projected token file are asked, and that the upstream gets
the token that they gave.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
from azure.core.pipeline.transport import RequestsTransport, RequestsTransportResponse

from azure_agents.emulator import Emulator
from azure_agents.gateway.upstream import Call, Incoming, Upstream
from azure_agents.settings import environment

from .conftest import running

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("ignore:Microsoft retires"),
    pytest.mark.filterwarnings("ignore:UsernamePasswordCredential"),
    pytest.mark.filterwarnings("ignore:This API has been deprecated for public client flows"),
]
SCOPE = "https://cognitiveservices.azure.com/.default"
LOGIN = "https://login.microsoftonline.com/my-tenant"
OF_IDENTITY = {"IDENTITY_ENDPOINT": "http://identity.local/token", "IDENTITY_HEADER": "header"}
# Names of users and applications are no secrets, and azure-identity logs them; the suite's watch
# for secrets passes over words this short.
PRINCIPAL = "tenant_id: my-tenant, client_id: my-client, client_secret: my-secret"
USER = "tenant_id: my-tenant, client_id: my-client, azure_username: ada@x.io, azure_password: pw"
# What the entry says, the variables, and what must be in the request for the token.
WAYS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "client secret": (
        PRINCIPAL,
        {},
        {"grant_type": "client_credentials", "client_id": "my-client", "scope": SCOPE},
    ),
    "another scope": (
        f"{PRINCIPAL}, azure_scope: https://mine.example/.default",
        {},
        {"client_id": "my-client", "scope": "https://mine.example/.default"},
    ),
    "user and password": (
        USER,
        {},
        {"grant_type": "password", "username": "ada@x.io", "password": "pw"},
    ),
    "workload identity": (
        "",
        {"AZURE_TENANT_ID": "my-tenant", "AZURE_CLIENT_ID": "my-client"},
        {"client_id": "my-client", "client_assertion": "of-the-cluster", "scope": SCOPE},
    ),
    "managed identity": ("", OF_IDENTITY, {"resource": "https://cognitiveservices.azure.com"}),
    "managed identity of a user": (
        "client_id: my-id",
        OF_IDENTITY,
        {"resource": "https://cognitiveservices.azure.com", "client_id": "my-id"},
    ),
}


def entra(request: Any) -> dict[str, Any]:
    """What Entra ID or a managed identity answers."""
    if "openid-configuration" in request.url:
        ends = {one: f"{LOGIN}/oauth2/v2.0/{one}" for one in ("authorize", "token")}
        return {
            "authorization_endpoint": ends["authorize"],
            "token_endpoint": ends["token"],
            "issuer": f"{LOGIN}/v2.0",
        }
    if "userrealm" in request.url:
        return {"account_type": "Managed"}
    token = {"access_token": "from-entra", "token_type": "Bearer", "expires_in": 3600}
    about = {"id_token": f"e30.{_packed(CLAIMS)}.c2ln", "client_info": _packed(CLIENT)}
    return {**token, "expires_on": "4102444800", "resource": "r", **about}


CLIENT = {"uid": "ada", "utid": "my-tenant"}
CLAIMS = {
    "aud": "my-client",
    "iss": f"{LOGIN}/v2.0",
    "exp": 4102444800,
    "iat": 1,
    "tid": "my-tenant",
    "sub": "ada",
    "preferred_username": "ada@x.io",
}


def _packed(data: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The requests of azure-identity, which get no further; and no variable of this machine."""
    for name in [v for k, v in vars(environment).items() if k.startswith("ENV_")]:
        monkeypatch.delenv(name, raising=False)
    found: list[Any] = []

    def send(self: Any, request: Any, **_: Any) -> RequestsTransportResponse:
        found.append(request)
        answer = requests.Response()
        answer.status_code, answer._content = 200, json.dumps(entra(request)).encode()
        answer.headers["content-type"] = "application/json"
        return RequestsTransportResponse(request, answer)

    monkeypatch.setattr(RequestsTransport, "send", send)
    (tmp_path / "token").write_text("of-the-cluster")
    return found


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_sign_in(
    asked: list[Any], way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One request for a token, with the right parts; the token goes up, and nothing else."""
    entry, variables, parts = WAYS[way]
    if way == "workload identity":
        variables = {**variables, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    sent: list[Call] = []
    ask = Upstream.ask

    async def noted(self: Upstream, call: Call, doing: str) -> Incoming:
        sent.append(call)
        return await ask(self, call, doing)

    monkeypatch.setattr(Upstream, "ask", noted)
    with Emulator(seed=7, strict_auth=False) as foundry, foundry.serve() as served:
        foundry.deploy("dep", "Hello.")
        params = ", ".join(filter(None, (f"model: azure/dep, api_base: {served.resource}", entry)))
        with running(f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]") as gateway:
            answers = [gateway.chat("m") for _ in range(2)]
    assert [200, 200] == [answer.status_code for answer in answers], answers[0].text
    tokens = [request for request in asked if "token" in request.url.partition("?")[0]]
    assert 1 == len(tokens)
    assert parts == {name: _told(tokens[0]).get(name) for name in parts}
    bearers = {
        call.headers.get("Authorization", call.headers.get("authorization")) for call in sent
    }
    assert {"Bearer from-entra"} == bearers


def _told(request: Any) -> dict[str, str]:
    """The fields of a request for a token, of its query and its body."""
    body = request.body if isinstance(request.body, dict) else {}
    query = parse_qs(request.url.partition("?")[2])
    return {**{name: values[0] for name, values in query.items()}, **body}
