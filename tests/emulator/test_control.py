"""Control of a served emulator over HTTP, TLS, and who is let in."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from azure_agents.emulator.served.control import is_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from azure_agents.emulator import Emulator

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
V2 = "/openai/v1/responses"
BODY = {"agent_reference": {"name": "my-agent"}, "input": "hi"}


@pytest.fixture
def control(foundry: Emulator) -> Iterator[httpx.Client]:
    """A client of the control routes."""
    foundry.create_agent("my-agent", "Hello!")
    with foundry.serve() as served, httpx.Client(base_url=served.control) as client:
        client.headers["x-endpoint"] = served.endpoint
        yield client


def ask(control: httpx.Client) -> httpx.Response:
    """A turn of the served agent."""
    url = control.headers["x-endpoint"] + V2
    return httpx.post(url, json=BODY, headers={"authorization": "Bearer any"})


def test_control_lists_agents_weather_and_counts(control: httpx.Client) -> None:
    """The overview is enough to see what a served emulator holds."""
    ask(control)
    seen = control.get("").json()
    assert [
        {"name": "my-agent", "model": "my-agent:1", "generation": "v2"},
    ] == seen["agents"]
    assert (1, 1, 0.0) == (seen["requests"], seen["seen"], seen["weather"]["latency"])


def test_control_changes_and_resets_the_weather(control: httpx.Client) -> None:
    """Several conditions at once, and back to none."""
    assert 1 == control.patch("weather", json={"throttled": 1}).json()["throttled"]
    assert 429 == ask(control).status_code
    assert control.delete("weather").json() == control.get("weather").json()
    assert 200 == ask(control).status_code


def test_control_plans_and_clears_faults(control: httpx.Client) -> None:
    """By name or by their fields."""
    control.post("faults", json={"name": "unavailable"})
    control.post("faults", json={"kind": "status_before", "status": 500, "nth": 2})
    control.post("faults", json={"kind": "status_before", "status": 418, "times": None, "nth": 4})
    assert [503, 500, 200, 418] == [ask(control).status_code for _ in range(4)]
    control.delete("faults")
    assert 200 == ask(control).status_code


def test_control_gives_an_agent_a_script(control: httpx.Client) -> None:
    """A reply, or rules, for an agent by name."""
    texts = []
    for script in (
        {"reply": "Bye!"},
        {"replies": [{"when": "hi", "say": "You said {user}."}]},
    ):
        control.put("reply", json={"agent": "my-agent", **script})
        texts.append(ask(control).json()["output"][0]["content"][0]["text"])
    assert ["Bye!", "You said hi."] == texts


def test_default_credentials_get_a_token(foundry: Emulator, control: httpx.Client) -> None:
    """In the form of App Service; a strict server accepts it."""
    given = control.get("token", params={"resource": "https://ai.azure.com"}).json()
    assert "Bearer" == given["token_type"]
    assert [("https://ai.azure.com/.default",)] == foundry.token_scopes
    with foundry.serve(strict_auth=True) as served:
        headers = {"authorization": f"Bearer {given['access_token']}"}
        assert 200 == httpx.post(served.endpoint + V2, json=BODY, headers=headers).status_code
        assert served.environment == {
            "AZURE_AI_PROJECT_ENDPOINT": served.endpoint,
            "IDENTITY_ENDPOINT": f"{served.control}/token",
            "IDENTITY_HEADER": "emulator",
        }


def test_control_shows_and_clears_the_traffic(control: httpx.Client) -> None:
    """Requests without secrets, and what agents saw."""
    ask(control)
    (request,) = control.get("requests").json()
    assert (request["path"], request["body"], request["status"]) == (V2, BODY, 200)
    assert "***" == request["headers"]["authorization"]
    (turn,) = control.get("seen").json()
    assert ("my-agent:1", "hi") == (turn["agent"], turn["messages"][0]["text"])
    assert "Hello!" == turn["reply"]["text"]
    control.delete("seen")
    assert ([], []) == (control.get("requests").json(), control.get("seen").json())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("GET", "nothing", None, 404, "no GET /_emulator/nothing; there are: GET /_emulator,"),
        ("PATCH", "weather", {"rain": 1}, 400, "no condition 'rain'"),
        ("PATCH", "weather", [], 400, "expected a JSON object"),
        ("POST", "faults", {"name": "rain"}, 400, "no fault is called 'rain'"),
        ("POST", "faults", {"kind": "rain"}, 400, "unknown fault 'rain'"),
        ("PUT", "reply", {"agent": "x", "reply": "y"}, 400, "no agent is called 'x'"),
        ("PUT", "reply", {"agent": "my-agent", "reply": {"sing": 1}}, 400, "not a reply"),
    ],
)
def test_wrong_control_requests_name_what_is_right(  # noqa: PLR0917 - one row of the table
    control: httpx.Client, method: str, path: str, body: Any, status: int, sentence: str
) -> None:
    """In one sentence."""
    answer = control.request(method, path, json=body)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]


LOCAL = {"host": "127.0.0.1:8321"}


@pytest.mark.parametrize(
    ("client", "headers", "expected"),
    [
        ("127.0.0.1", LOCAL, True),
        ("127.0.0.1", {"host": "localhost:8321"}, True),
        ("::1", {"host": "[::1]:8321"}, True),
        ("192.0.2.1", LOCAL, False),
        ("127.0.0.1", {"host": "evil.example:8321"}, False),
        ("127.0.0.1", {**LOCAL, "origin": "https://evil.example"}, False),
        ("127.0.0.1", {}, False),
        ("", LOCAL, False),
    ],
)
def test_control_admits_programs_on_this_machine_only(
    client: str, headers: dict[str, str], expected: bool
) -> None:
    """No other machine, no web page, no name that was made to point here."""
    assert expected is is_allowed(client, headers)


def test_refused_control_requests_look_like_unknown_paths(control: httpx.Client) -> None:
    """A web page cannot tell that there is a control."""
    answer = control.get("", headers={"origin": "https://evil.example"})
    assert (401, False) == (answer.status_code, "agents" in answer.text)


def test_control_and_service_work_over_tls(foundry: Emulator, tmp_path: Path) -> None:
    """Clients that trust the authority are served; others refuse."""
    foundry.create_agent("my-agent", "Hello!")
    with foundry.serve(tls=tmp_path) as served:
        trusting = ssl.create_default_context(cafile=str(served.authority))
        assert served.endpoint.startswith("https://127.0.0.1:")
        headers = {"authorization": "Bearer any"}
        answer = httpx.post(served.endpoint + V2, json=BODY, headers=headers, verify=trusting)
        assert 200 == answer.status_code
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.post(served.endpoint + V2, json=BODY, headers=headers)
    assert 0 == (tmp_path / "server.key").stat().st_mode & 0o077


def test_control_deletes_objects_by_id(control: httpx.Client) -> None:
    """An unknown id is an error."""
    made = ask(control).json()["id"]
    assert {} == control.post("forget", json={"ids": [made]}).json()
    assert (
        "no response, conversation, thread or session has the id"
        in control.post("forget", json={"ids": [made]}).text
    )
    url = f"{control.headers['x-endpoint']}{V2}/{made}"
    assert 404 == httpx.get(url, headers={"authorization": "Bearer any"}).status_code
