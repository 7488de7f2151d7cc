"""Endpoints and states of agents, hosted agents, conflicts, and an agent's own root."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator

OWN = "/agents/my-agent/endpoint/protocols/openai"
DEFINITION = {"definition": {"kind": "prompt", "model": "m"}}


def rule(version: str, share: int = 100) -> dict[str, Any]:
    """A rule of a version selector."""
    return {"agent_version": version, "traffic_percentage": share, "type": "FixedRatio"}


def endpoint(*rules: Any) -> dict[str, Any]:
    """A patch of an endpoint."""
    return {"agent_endpoint": {"version_selector": {"version_selection_rules": list(rules)}}}


def test_a_patched_endpoint_selects_the_version(foundry: Emulator, wire: Any) -> None:
    """For the agent's own root and for references without a version; null takes it back."""
    for text in ("one", "two"):
        foundry.create_agent("my-agent", text)

    def answers() -> list[str]:
        own = wire.post(f"{OWN}/responses", {"input": "hi"})
        named = wire.respond("my-agent", "hi")
        return [answer["output"][0]["content"][0]["text"] for answer in (own, named)]

    assert ["two", "two"] == answers()
    patched = wire.request("PATCH", "/agents/my-agent", endpoint(rule("1"))).json()
    assert ["responses"] == patched["agent_endpoint"]["protocols"]
    assert "Entra" == patched["agent_endpoint"]["authorization_schemes"][0]["type"]
    assert ["one", "one"] == answers()
    wire.request("PATCH", "/agents/my-agent", {"agent_endpoint": None})
    assert ["two", "two"] == answers()


def test_traffic_is_split_between_versions(foundry: Emulator, wire: Any) -> None:
    """Both versions answer, the one with the larger share more often."""
    for text in ("one", "two"):
        foundry.create_agent("my-agent", text)
    wire.request("PATCH", "/agents/my-agent", endpoint(rule("1", 20), rule("2", 80)))
    for _ in range(40):
        wire.respond("my-agent", "hi")
    texts = [turn.reply.text for turn in foundry.seen if turn.reply]
    assert 0 < texts.count("one") < texts.count("two")


@pytest.mark.parametrize(
    ("body", "status"), [({"agent_endpoint": None, "x": 1}, 400), (endpoint(rule("9")), 404)]
)
def test_patches_with_unknown_keys_or_versions_are_refused(
    foundry: Emulator, wire: Any, body: Any, status: int
) -> None:
    """The agent stays as it was."""
    foundry.create_agent("my-agent")
    before = wire.get("/agents/my-agent")
    assert status == wire.request("PATCH", "/agents/my-agent", body).status_code
    assert before == wire.get("/agents/my-agent")


def test_a_disabled_agent_does_not_answer(foundry: Emulator, wire: Any) -> None:
    """Until it is enabled again."""
    foundry.create_agent("my-agent")
    assert 204 == wire.request("POST", "/agents/my-agent:disable").status_code
    assert "disabled" == wire.get("/agents/my-agent")["state"]
    body = wire.turn("my-agent", "hi")
    assert 403 == wire.request("POST", "/openai/v1/responses", body).status_code
    assert 204 == wire.request("POST", "/agents/my-agent:enable").status_code
    assert "completed" == wire.respond("my-agent", "hi")["status"]


def test_an_agents_endpoint_has_the_openai_routes(foundry: Emulator, wire: Any) -> None:
    """Not recorded beyond `POST responses`: the OpenAI-compatible routes, with api-version."""
    foundry.create_agent("my-agent")
    conversation = wire.post(f"{OWN}/conversations")["id"]
    made = wire.post(f"{OWN}/responses", {"input": "hi", "conversation": conversation})
    assert wire.get(f"{OWN}/responses/{made['id']}")["id"] == made["id"]
    assert 2 == len(wire.get(f"{OWN}/conversations/{conversation}/items")["data"])
    missing = wire.request("GET", f"{OWN}/conversations", api_version="")
    assert "Missing required query parameter: api-version" == missing.json()["error"]["message"]


def test_structured_inputs_fill_instructions_and_tools(foundry: Emulator, wire: Any) -> None:
    """Everywhere in the definition; defaults where nothing is given."""
    definition = {
        "structured_inputs": {"who": {"default_value": "you"}, "box": {}},
        "tools": [{"type": "code_interpreter", "container": "{{box}}"}],
    }
    foundry.create_agent("my-agent", instructions="Greet {{who}}.", definition=definition)
    answer = wire.respond("my-agent", "hi", structured_inputs={"box": "cntr_1"})
    assert ("Greet you.", "cntr_1") == (answer["instructions"], answer["tools"][0]["container"])


def test_a_version_during_another_is_a_conflict(wire: Any) -> None:
    """The second comes while the answer to the first is on its way."""
    path = "/agents/my-agent/versions"
    first = wire.http.send(wire.build("POST", path, DEFINITION), stream=True)
    second = wire.request("POST", path, DEFINITION)
    assert (409, "conflict") == (second.status_code, second.json()["error"]["code"])
    first.close()
    assert "2" == wire.post(path, DEFINITION)["version"]


def test_agents_are_created_and_updated_by_whole_definitions(foundry: Emulator, wire: Any) -> None:
    """From the TypeSpec: a second one is a conflict, an update without a change has no version."""
    made = wire.post("/agents", {"name": "my-agent", **DEFINITION})
    assert "1" == made["versions"]["latest"]["version"]
    assert 409 == wire.request("POST", "/agents", {"name": "my-agent", **DEFINITION}).status_code
    assert "1" == wire.post("/agents/my-agent", DEFINITION)["versions"]["latest"]["version"]
    changed = {"definition": {"kind": "prompt", "model": "n"}}
    assert "2" == wire.post("/agents/my-agent", changed)["versions"]["latest"]["version"]
    assert ["my-agent:2"] == [agent.id for agent in foundry.agents]
    assert [] == wire.get("/agents", kind="hosted")["data"]


def test_a_version_created_over_http_keeps_the_script(foundry: Emulator, wire: Any) -> None:
    """A client that creates it knows nothing of scripts."""
    foundry.create_agent("my-agent", "scripted")
    wire.post("/agents/my-agent/versions", DEFINITION)
    assert "scripted" == wire.respond("my-agent:2", "hi")["output"][0]["content"][0]["text"]


def test_a_hosted_agent_answers_on_its_endpoint(foundry: Emulator, wire: Any) -> None:
    """It remembers by session, and its objects have another form."""
    foundry.create_agent("my-agent", definition={"kind": "hosted"})
    answer = wire.request("POST", f"{OWN}/responses", {"input": "my name is Ann"})
    made = answer.json()
    assert made["id"].startswith("caresp_")
    assert ("", False) == (made["model"], "usage" in made)
    session = made["agent_session_id"]
    assert answer.headers["x-agent-session-id"] == session
    body = {"input": "what is my name?", "agent_session_id": session}
    again = wire.post(f"{OWN}/responses", body)
    assert "Your name is Ann." == again["output"][0]["content"][0]["text"]
    events = wire.stream(f"{OWN}/responses", body)
    assert events[-1][1]["response"]["agent_session_id"] == session


def test_sessions_of_hosted_agents_can_be_managed(foundry: Emulator, wire: Any) -> None:
    """Created, listed, stopped, deleted; live ones keep their agent; they end after thirty days."""
    foundry.create_agent("my-agent", definition={"kind": "hosted"})
    path = "/agents/my-agent/endpoint/sessions"
    made = wire.request("POST", path, {})
    assert 201 == made.status_code
    id = made.json()["agent_session_id"]
    assert [one["agent_session_id"] for one in wire.get(path)["data"]] == [id]
    assert 409 == wire.request("DELETE", "/agents/my-agent").status_code
    assert 204 == wire.request("POST", f"{path}/{id}:stop").status_code
    assert "idle" == wire.get(f"{path}/{id}")["status"]
    assert 204 == wire.request("DELETE", f"{path}/{id}").status_code
    later = wire.request("POST", path, {}).json()["agent_session_id"]
    foundry.clock.advance(30 * 86_400)
    wire.sign_in()
    assert 404 == wire.request("GET", f"{path}/{later}").status_code
    assert 200 == wire.request("DELETE", "/agents/my-agent", force="true").status_code


def test_a_hosted_answer_is_as_recorded(foundry: Emulator, wire: Any) -> None:
    """The request's id comes twice; a chain stays in its session; the project route refuses."""
    agent = foundry.create_agent("my-agent", definition={"kind": "hosted"})
    assert foundry.endpoint_of(agent) == f"{foundry.endpoint}{OWN}"
    answer = wire.request("POST", f"{OWN}/responses", {"input": "my name is Ann"})
    first, second = answer.headers["x-request-id"].split(",")
    assert first == second
    body = {"input": "what is my name?", "previous_response_id": answer.json()["id"]}
    again = wire.post(f"{OWN}/responses", body)
    assert again["agent_session_id"] == answer.json()["agent_session_id"]
    assert "Your name is Ann." == again["output"][0]["content"][0]["text"]
    refused = wire.request("POST", "/openai/v1/responses", wire.turn(agent, "hi"))
    assert "ID cannot be null or empty (Parameter 'id')" == refused.json()["error"]["message"]


APPLICATION = "/applications/my-app/protocols/openai/responses"
PREVIEW = "2025-11-15-preview"


def test_a_published_agent_answers_as_in_the_preview(foundry: Emulator, wire: Any) -> None:
    """Under its own api-version, and it keeps nothing."""
    agent = foundry.create_agent("my-agent", "Hello!")
    assert foundry.publish(agent, "my-app") == f"{foundry.endpoint}{APPLICATION[:-10]}"
    answer = wire.post(APPLICATION, {"input": "hi"}, api_version=PREVIEW)
    assert {"type": "agent_id", "name": "my-agent", "version": "1"} == answer["agent"]
    assert (False, None) == ("agent_reference" in answer, answer["conversation"])
    assert 404 == wire.request("GET", f"/openai/v1/responses/{answer['id']}").status_code


REFUSED = [
    (APPLICATION, PREVIEW, {"previous_response_id": "resp_1"}, 400),
    (APPLICATION, PREVIEW, {"conversation": "conv_1"}, 400),
    (APPLICATION, "v1", {}, 404),
    (APPLICATION, "", {}, 400),
    (APPLICATION.replace("my-app", "other"), PREVIEW, {}, 404),
    (APPLICATION.replace("responses", "conversations"), PREVIEW, {}, 404),
]


def test_applications_refuse_chains_and_other_routes(foundry: Emulator, wire: Any) -> None:
    """Going on, other versions, unknown applications, other routes."""
    foundry.publish(foundry.create_agent("my-agent"), "my-app")
    for path, version, body, status in REFUSED:
        answer = wire.request("POST", path, {"input": "hi", **body}, api_version=version)
        assert (path, body, answer.status_code) == (path, body, status)


def test_only_v2_agents_are_published(foundry: Emulator) -> None:
    """An error, and not an endpoint that leads nowhere."""
    foundry.create_agent("old", generation="classic")
    with pytest.raises(LookupError, match="no v2 agent is called 'old'"):
        foundry.publish("old")


def test_one_users_objects_are_a_404_for_others(foundry: Emulator, wire: Any) -> None:
    """For another user, and for a request without a user."""
    foundry.create_agent("my-agent", definition={"kind": "hosted"})

    def ask(method: str, path: str, user: str, body: Any = None) -> Any:
        request = wire.build(method, path, body)
        request.headers["x-ms-user-identity"] = user
        return wire.http.send(request)

    made = ask("POST", f"{OWN}/responses", "ann", {"input": "1 + 1"}).json()
    talk = ask("POST", f"{OWN}/conversations", "ann", {}).json()["id"]
    item = made["output"][0]["id"]
    chain = {"input": "+ 10", "previous_response_id": made["id"]}
    session = {"input": "+ 10", "agent_session_id": made["agent_session_id"]}
    requests = [
        ("POST", f"{OWN}/responses", chain),
        ("POST", f"{OWN}/responses", session),
        ("POST", f"{OWN}/responses", {"input": [{"type": "item_reference", "id": item}]}),
        ("GET", f"{OWN}/responses/{made['id']}", None),
        ("GET", f"{OWN}/conversations/{talk}", None),
    ]
    for method, path, body in requests:
        answers = [ask(method, path, user, body).status_code for user in ("ann", "bob")]
        assert [200, 404] == answers, path
        assert 404 == wire.request(method, path, body).status_code
    assert [] == ask("GET", f"{OWN}/conversations", "bob").json()["data"]


def test_deleted_objects_are_the_recorded_404(foundry: Emulator, wire: Any) -> None:
    """Of each kind; an unknown id is an error, and then nothing is deleted."""
    agent = foundry.create_agent("my-agent")
    talk, thread = wire.post("/openai/v1/conversations")["id"], wire.start_thread("hi")
    made = wire.respond(agent, "hi")["id"]
    with pytest.raises(
        LookupError, match="no response, conversation, thread or session has the id 'x'"
    ):
        foundry.forget(talk, "x")
    assert wire.get(f"/openai/v1/conversations/{talk}")["id"] == talk
    foundry.forget(talk, made, thread)
    paths = (f"/openai/v1/conversations/{talk}", f"/openai/v1/responses/{made}")
    answers = [wire.request("GET", path) for path in (*paths, f"/threads/{thread}")]
    assert [(answer.status_code, answer.json()["error"]["message"]) for answer in answers] == [
        (404, f"Conversation '{talk}' not found"),
        (404, f"Response with id '{made}' not found."),
        (404, f"No thread found with id '{thread}'."),
    ]
    body = wire.turn(agent, "hi", previous_response_id=made)
    gone = wire.request("POST", "/openai/v1/responses", body).json()["error"]["code"]
    assert "previous_response_not_found" == gone
