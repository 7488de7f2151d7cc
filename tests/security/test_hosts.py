"""A credential goes to one origin, and a token is asked for on behalf of Microsoft's hosts only."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from azure.core.credentials import AccessToken

from azure_agents.errors import AzureAgentsError, ConfigError
from azure_agents.jsonio import dumps
from azure_agents.settings.endpoint import PUBLIC_SCOPE, parse_endpoint
from azure_agents.sign_in.auth import make_auth

from .peers import HI, ORIGIN, WAYS, Recorder, Whole, connect

PROJECT = "/api/projects/p"
PRINCIPAL = ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID")
FAR = 4_000_000_000


class Credential:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("canary-token-77aa", FAR)


# What is written as the endpoint's origin, and what becomes of it: the error, or the origin.
REFUSED = {
    "user": "https://user@r.services.ai.azure.com",
    "user and password": "https://user:pass@r.services.ai.azure.com",
    "Azure as the user": "https://r.services.ai.azure.com@evil.example",
    "Azure as user and password": "https://r.services.ai.azure.com:443@evil.example",
    "encoded at": "https://r.services.ai.azure.com%40evil.example",
    "backslash": "https://evil.example\\@r.services.ai.azure.com",
    "backslash path": "https://r.services.ai.azure.com\\.evil.example",
    "query": "https://evil.example?.services.ai.azure.com",
    "fragment": "https://evil.example#.services.ai.azure.com",
    "query behind a project": f"{ORIGIN}/api/projects/p?x=",
    "fragment behind a project": f"{ORIGIN}/api/projects/p#",
    "white space": "https://r.services.ai.azure.com .evil.example",
    "tab": "https://r.services.ai.azure.com\t.evil.example",
    "line break": "https://r.services.ai.azure.com\n.evil.example",
    "NUL": "https://r.services.ai.azure.com\x00.evil.example",
    "no scheme": "r.services.ai.azure.com",
    "only slashes": "//r.services.ai.azure.com",
    "ftp": "ftp://r.services.ai.azure.com",
    "javascript": "javascript://r.services.ai.azure.com",
    "plain http": "http://r.services.ai.azure.com",
    "http, an address": "http://169.254.169.254",
    "http, decimal": "http://2130706433",
    "http, octal": "http://0177.0.0.1",
    "http, hexadecimal": "http://0x7f000001",
    "http, any address": "http://0.0.0.0",
    "http, mapped metadata": "http://[::ffff:169.254.169.254]",
    "zone": "https://[fe80::1%25eth0]",
    "open bracket": "https://[::1",
    "text behind a bracket": "https://[::1].services.ai.azure.com",
    "http, text behind a bracket": "http://[::1].evil.example",
    "address of the future": "https://[v1.services.ai.azure.com]",
    "no host": "https://",
    "empty label": "https://r..services.ai.azure.com",
    "label too long": f"https://{'r' * 64}.services.ai.azure.com",
    "name too long": f"https://{'r.' * 120}services.ai.azure.com",
    "trailing dot": "https://r.services.ai.azure.com.",
    "letter of another script": "https://r.services.\u0430i.azure.com",
    "full-width dot": "https://r.services.ai.azure\uff0ecom",
    "ideographic dot": "https://r.services.ai.azure\u3002com",
    "soft hyphen": "https://r.services.ai.az\u00adure.com",
    "port that is none": "https://r.services.ai.azure.com:https",
    "port too large": "https://r.services.ai.azure.com:65536",
    "port zero": "https://r.services.ai.azure.com:0",
    "Azure OpenAI": "https://r.openai.azure.com",
}
NOT_MICROSOFTS = {
    "suffix": "https://r.services.ai.azure.com.evil.example",
    "prefix without a dot": "https://evilservices.ai.azure.com",
    "hyphen for a dot": "https://r-services.ai.azure.com.evil.example",
    "the suffix itself": "https://services.ai.azure.com",
    "another service": "https://r.cognitiveservices.azure.com",
    "one letter more": "https://r.services.ai.azure.comm",
    "one letter less": "https://r.services.ai.azure.co",
    "punycode": "https://r.services.xn--i-7sb.azure.com",
    "punycode top level": "https://r.services.ai.azure.xn--com-yna",
    "underscore": "https://r_services.ai.azure.com",
    "an address": "https://203.0.113.7",
    "IPv6": "https://[2001:db8::1]",
    "mapped metadata": "https://[::ffff:169.254.169.254]",
    "decimal": "https://2130706433",
    "octal": "https://0177.0.0.1",
    "other cloud's": "https://r.services.ai.azure.evil",
}


@pytest.mark.parametrize("origin", REFUSED.values(), ids=REFUSED)
def test_what_is_no_plain_https_origin_is_refused(origin: str) -> None:
    """Nothing is guessed about a host that is written in a strange way."""
    with pytest.raises(ConfigError):
        parse_endpoint(origin + PROJECT)


@pytest.mark.parametrize("origin", NOT_MICROSOFTS.values(), ids=NOT_MICROSOFTS)
def test_no_token_is_asked_for_on_behalf_of_a_stranger(origin: str) -> None:
    """Without `scope=` the credential is not even asked; what the environment has stays there."""
    credential, endpoint = Credential(), parse_endpoint(origin + PROJECT)
    principal = {f"AZURE_{name}": "canary-secret-77aa" for name in PRINCIPAL}
    ways: list[dict[str, Any]] = [{"credential": credential}]
    ways += [{"env": {f"AZURE_{name}": "canary-token-77aa"}} for name in ("AD_TOKEN", "AI_API_KEY")]
    for given in [*ways, {"env": {"AZURE_API_KEY": "canary-key-77aa"}}, {"env": principal}]:
        with pytest.raises(ConfigError, match="no scope is known for the host"):
            make_auth(endpoint=endpoint, **given)
    assert [] == credential.scopes


GATEWAY = "https://gateway.example:8443"
AI_KEY, KEY = "AZURE_AI_API_KEY", "AZURE_API_KEY"
# Which key of the environment goes where: its name, its base, the endpoint's origin, and whether.
KEYS: dict[str, tuple[str, str | None, str, bool]] = {
    "a host of Microsoft's": (AI_KEY, None, ORIGIN, True),
    "this machine": (AI_KEY, None, "http://127.0.0.1:8080", True),
    "a gateway that is not named": (AI_KEY, None, GATEWAY, False),
    "a look-alike": (AI_KEY, None, "https://r.services.ai.azure.com.evil.example", False),
    "the gateway that is named": (AI_KEY, f"{GATEWAY}/x", GATEWAY, True),
    "the gateway, its port left out": (AI_KEY, "https://gateway.example", GATEWAY, False),
    "the gateway, another port": (AI_KEY, "https://gateway.example:443", GATEWAY, False),
    "the gateway, by http": (AI_KEY, "http://gateway.example:8443", GATEWAY, False),
    "http, named with https": (AI_KEY, "https://h.example", "http://h.example", False),
    "a resource that is not the one named": (AI_KEY, "https://x.openai.azure.com", ORIGIN, False),
    "a base that is no URL": (AI_KEY, "https://[", ORIGIN, False),
    "a base without a scheme": (AI_KEY, "r.services.ai.azure.com", ORIGIN, False),
    "a user before the gateway": (
        AI_KEY,
        "https://gateway.example:8443@evil.example",
        GATEWAY,
        False,
    ),
    "a key without a base": (KEY, None, ORIGIN, False),
    "a key with its base": (KEY, f"{ORIGIN}/openai", ORIGIN, True),
    "a key with its base in capitals": (KEY, "HTTPS://R.SERVICES.AI.AZURE.COM:443", ORIGIN, True),
    "a key with another base": (KEY, "https://x.services.ai.azure.com", ORIGIN, False),
    "a key with another port": (KEY, f"{ORIGIN}:8443", ORIGIN, False),
    "a key with http": (KEY, "http://r.services.ai.azure.com", ORIGIN, False),
}


@pytest.mark.parametrize(("name", "base", "origin", "goes"), KEYS.values(), ids=KEYS)
def test_a_key_of_the_environment_goes_to_its_own_origin(
    name: str, base: str | None, origin: str, goes: bool
) -> None:
    """It often belongs to another resource: to host and port that nobody named it does not go."""
    endpoint = parse_endpoint(origin + PROJECT, allow_http=True)
    env = {name: "canary-key-77aa"} | ({} if base is None else {f"{name[:-3]}BASE": base})
    try:
        kind = make_auth(endpoint=endpoint, env=env).kind
    except ConfigError:
        kind = "default-credential"
    assert ("api-key" if goes else "default-credential") == kind


SAME = {
    "as it is": f"{ORIGIN}{PROJECT}/x",
    "another path": f"{ORIGIN}/x",
    "its own port": f"{ORIGIN}:443/x",
    "upper case": "HTTPS://R.SERVICES.AI.AZURE.COM/x",
}
OTHERS = {
    "another resource": "https://other.services.ai.azure.com/x",
    "the parent": "https://services.ai.azure.com/x",
    "a child": "https://x.r.services.ai.azure.com/x",
    "http": "http://r.services.ai.azure.com/x",
    "http on the same port": "http://r.services.ai.azure.com:443/x",
    "another port": f"{ORIGIN}:8443/x",
    "a look-alike": "https://r.services.ai.azure.com.evil.example/x",
    "a user": "https://r.services.ai.azure.com@evil.example/x",
    "a trailing dot": "https://r.services.ai.azure.com./x",
    "this machine": "https://localhost/x",
    "an address": "https://127.0.0.1/x",
    "metadata": "http://169.254.169.254/metadata/identity/oauth2/token",
    "IPv6": "https://[::1]/x",
    "punycode": "https://r.services.xn--i-7sb.azure.com/x",
}


@pytest.mark.parametrize("url", OTHERS.values(), ids=OTHERS)
def test_the_credential_stays_at_its_origin(url: str) -> None:
    """Whoever makes the request: it leaves without the secret, that is, not at all."""
    credential, network = Credential(), Recorder(lambda _: httpx.Response(200))
    auth = make_auth(endpoint=parse_endpoint(ORIGIN + PROJECT), credential=credential)
    with (
        httpx.Client(transport=network, auth=auth) as client,
        pytest.raises(ConfigError, match="the credential belongs to"),
    ):
        client.get(url)
    assert ([], []) == (network.requests, credential.scopes)


@pytest.mark.parametrize("url", SAME.values(), ids=SAME)
def test_another_spelling_of_the_origin_is_the_origin(url: str) -> None:
    """As URLs are compared everywhere."""
    credential, network = Credential(), Recorder(lambda _: httpx.Response(200))
    auth = make_auth(endpoint=parse_endpoint(ORIGIN + PROJECT), credential=credential)
    with httpx.Client(transport=network, auth=auth) as client:
        client.get(url)
    assert [PUBLIC_SCOPE] == credential.scopes
    assert ["Bearer canary-token-77aa"] == [
        request.headers["authorization"] for request in network.requests
    ]


@pytest.mark.parametrize("way", WAYS)
def test_the_scope_is_the_hosts_or_the_callers(way: str) -> None:
    """A scope is never taken from an answer, such as a 401 that names another."""
    challenge = {"www-authenticate": 'Bearer authorization_uri="https://evil.example", scope="x"'}
    credential, network = (
        Credential(),
        Recorder(lambda _: httpx.Response(401, headers=challenge, json={})),
    )
    with pytest.raises(Exception, match="401"):
        WAYS[way](connect(network, sign_in={"credential": credential}), HI)
    assert {PUBLIC_SCOPE} == set(credential.scopes)
    assert {"r.services.ai.azure.com"} == {request.url.host for request in network.requests}


IDS = (
    "../../../evil",
    "conv_1/../../..",
    "..",
    ".",
    "conv_1?x=1",
    "conv_1#x",
    "conv_1%2f..%2f..",
    "%2e%2e",
    "//evil.example/x",
    "https://evil.example/x",
    "@evil.example",
    "conv_1\\..",
    "conv 1",
    "conv_1\r\nx: y",
    "conv_\x00",
    "conv_\ud800",
    "conv_é",
    "conv_" + "1" * 100_000,
    "",
)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("id", IDS, ids=ascii)
def test_an_id_of_the_service_leads_nowhere_else(id: str, way: str) -> None:
    """What an answer calls an id comes into a path only if it is one: no request goes astray."""
    created = {"id": id, "thread_id": id, "status": "queued", "object": "thread.run"}
    event = b"event: thread.run.created\ndata: " + dumps(created) + b"\n\n"

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/conversations"):
            return httpx.Response(200, content=dumps(created))
        kind = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=kind, stream=Whole(event))

    sign_in = {"credential": Credential()}
    for model, threads in (("my-agent", "conversation"), ("asst_1", "auto")):
        network = Recorder(answer)
        clients = connect(network, model=model, threads=threads, sign_in=sign_in, timeout=2.0)
        with pytest.raises(AzureAgentsError):
            WAYS[way](clients, HI)
        paths = {request.url.raw_path.decode().partition("?")[0] for request in network.requests}
        assert paths <= {
            f"{PROJECT}/openai/v1/conversations",
            f"{PROJECT}/openai/v1/responses",
            f"{PROJECT}/threads/runs",
            f"{PROJECT}/threads",
        }
