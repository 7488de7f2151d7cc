"""Where a secret may go."""

from __future__ import annotations

import asyncio
import copy
import pickle
import subprocess
import sys
import traceback
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from pydantic import SecretStr

from azure_agents.errors import AzureAgentsError, ConfigError
from azure_agents.settings.endpoint import parse_endpoint
from azure_agents.settings.environment import Secret
from azure_agents.sign_in.auth import FoundryAuth

from .sign_in import CANARY, ENV_SECRET, URL, Call, Credential, Service, build, in_async, in_sync

ELSEWHERE = [
    "https://evil.com/api/projects/p",
    "http://r.services.ai.azure.com/api/projects/p",
    "https://r.services.ai.azure.com:8443/api/projects/p",
    "https://r.services.ai.azure.com.evil.com/api/projects/p",
    "https://r.services.ai.azure.com./api/projects/p",
    "https://evil.com#@r.services.ai.azure.com/",
    "https://xn--r-fka.services.ai.azure.com/",
    "https://169.254.169.254/",
    "https://[::1]/",
]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("given", [{"api_key": CANARY}, {"credential": Credential()}])
def test_a_request_to_another_origin_is_refused_unsent(url: str, given: dict[str, Any]) -> None:
    """The credential never leaves the origin it belongs to; no token is even fetched."""
    service, auth = Service(), build(**given)
    for call in (service.call, lambda a, u: asyncio.run(service.acall(a, u))):
        with pytest.raises(ConfigError, match=r"belongs to 'https://r.services.ai.azure.com' and"):
            call(auth, url)
    assert [] == service.seen


SAME = ["https://R.services.AI.azure.com:443/x?y=z", f"{URL}/openai/v1/responses"]


@pytest.mark.parametrize("url", SAME)
def test_the_origin_is_compared_in_its_canonical_form(url: str) -> None:
    """Case and a default port make no other origin."""
    assert 200 == Service().call(build(api_key="k"), url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/api/projects/p", "http://[::1]:9/api/projects/p"]
)
def test_plain_http_to_this_machine_is_allowed(url: str) -> None:
    """The emulator is served there."""
    assert 200 == Service().call(build(endpoint=parse_endpoint(url), api_key="k"), url)


def test_plain_http_to_another_machine_works_when_allowed() -> None:
    """`allow_http` of the endpoint counts."""
    endpoint = parse_endpoint("http://emulator:9/api/projects/p", allow_http=True)
    auth = build(endpoint=endpoint, api_key="k")
    assert 200 == Service().call(auth, endpoint.url)


def secret_holders() -> list[FoundryAuth]:
    """One of each kind, used once where that is possible."""
    auths = [
        build(api_key=CANARY),
        build(credential=CANARY),
        build(credential=SecretStr(CANARY)),
        build(credential=lambda: CANARY),
        build(env=ENV_SECRET),
        build(client_secret=CANARY, client_id="c", tenant_id="t"),
    ]
    for auth in auths[:4]:
        Service().call(auth)
    return auths


@pytest.mark.parametrize("auth", secret_holders(), ids=lambda auth: auth.kind)
def test_no_secret_is_ever_shown_or_dumped(auth: FoundryAuth) -> None:
    """Neither by repr, nor by what a debugger prints of the parts, nor in a pickle."""
    shown = [repr(auth), str(auth), repr(vars(auth)), repr(auth.describe())]
    shown += [repr(vars(auth._tokens)), repr(auth._tokens.source)]
    assert [] == [text for text in shown if CANARY in text]
    with pytest.raises(TypeError, match=r"call make_auth\(\) where the client is rebuilt"):
        pickle.dumps(auth)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(auth._tokens.source)
    assert auth is copy.copy(auth) is copy.deepcopy(auth)


def test_the_repr_names_the_kind_and_origin() -> None:
    """Logs can tell two clients apart, without a secret."""
    expected = "FoundryAuth(kind='api-key', origin='https://r.services.ai.azure.com')"
    assert expected == repr(build(api_key=CANARY))


def test_a_secret_is_never_shown_or_pickled() -> None:
    """Shown as dots, and not pickled."""
    assert "Secret(…)" == f"{Secret(CANARY)}"
    with pytest.raises(TypeError, match="a secret is not pickled"):
        pickle.dumps(Secret(CANARY))


@pytest.mark.parametrize("call", [in_sync, in_async])
def test_no_secret_in_a_traceback(call: Call) -> None:
    """Errors of ours on the way carry none."""
    service = Service((401, {}))
    auth = build(credential=Credential(3600, ClientAuthenticationError("AADSTS1 gone")))
    with pytest.raises(AzureAgentsError) as caught:
        call(service, auth)
    assert "t1" not in "".join(traceback.format_exception(caught.value)).split()
    assert isinstance(caught.value.__cause__, ClientAuthenticationError)


def test_building_imports_and_fetches_nothing() -> None:
    """A constructor stays quick: azure-identity is loaded with the first token."""
    code = (
        "import sys; from azure_agents.sign_in.auth import make_auth; "
        "from azure_agents.settings.config import parse_endpoint; "
        f"make_auth(endpoint=parse_endpoint({URL!r}), env={ENV_SECRET!r}); "
        f"make_auth(endpoint=parse_endpoint({URL!r}), env={{}}); "
        "print([name for name in sys.modules if name.split('.')[0] in ('azure', 'msal')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
