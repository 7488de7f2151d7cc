"""Microsoft's and OpenAI's own SDKs, unmodified, are served by the emulator.

They are not needed to work on this project: these tests are skipped where they are not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from azure_agents.emulator import (
    CodeInterpreter,
    Emulator,
    Failed,
    Fault,
    FileSearch,
    GeneratedImage,
    Incomplete,
    McpApproval,
    McpCall,
    McpTools,
    Reasoning,
    Refusal,
    Served,
    ToolCalls,
    WebSearch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.allow_hosts(["127.0.0.1"]),
    pytest.mark.filterwarnings("default"),  # their warnings are not ours
]

TOOL = {"name": "get_time", "description": "The time.", "parameters": {"type": "object"}}


@pytest.fixture
def served(foundry: Emulator) -> Iterator[Served]:
    """The emulator behind a socket."""
    with foundry.serve() as running:
        yield running


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    """OpenAI's client on it."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(
        base_url=f"{served.endpoint}/openai/v1", api_key="any", max_retries=2
    ) as made:
        yield made


def by(agent: Any) -> dict[str, Any]:
    """The extra body that names an agent."""
    name, _, version = str(agent).partition(":")
    return {"agent_reference": {"type": "agent_reference", "name": name, "version": version}}


def test_openai_chains_responses(foundry: Emulator, client: Any) -> None:
    """A plain turn and a streamed one that continues it."""
    agent = foundry.create_agent("my-agent")
    first = client.responses.create(input="my name is Ann", extra_body=by(agent))
    assert first.output_text == "Nice to meet you, Ann. (turn 1)"
    with client.responses.stream(
        input="what is my name?",
        previous_response_id=first.id,
        extra_body=by(agent),
        model="gpt-4o",
    ) as stream:
        final = stream.get_final_response()
    assert final.output_text == "Your name is Ann."
    assert final.usage.total_tokens == final.usage.input_tokens + final.usage.output_tokens


def test_openai_converses(foundry: Emulator, client: Any) -> None:
    """A conversation keeps both turns, and lists them newest first over several pages."""
    agent = foundry.create_agent("my-agent")
    conversation = client.conversations.create(items=[{"role": "user", "content": "hello"}])
    client.responses.create(conversation=conversation.id, extra_body=by(agent))
    client.responses.create(input="again", conversation=conversation.id, extra_body=by(agent))
    items = list(client.conversations.items.list(conversation.id, limit=2))
    texts = [item.content[0].text for item in items]
    assert texts == ["You said: again (turn 2)", "again", "You said: hello (turn 1)", "hello"]


def test_openai_calls_functions(foundry: Emulator, client: Any) -> None:
    """A call, its output by previous_response_id, and the answer."""
    tool = {"type": "function", "strict": True, **TOOL}
    agent = foundry.create_agent(
        "my-agent", [ToolCalls(("get_time", {"zone": "UTC"})), "Noon."], tools=[tool]
    )
    call = client.responses.create(input="what time is it?", extra_body=by(agent)).output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "get_time", '{"zone":"UTC"}')
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "12:00"}
    previous = foundry.seen[-1].response_id
    answer = client.responses.create(
        input=[output], previous_response_id=previous, extra_body=by(agent)
    )
    assert answer.output_text == "Noon."
    assert foundry.seen[-1].messages[-1].text == "12:00"


@pytest.mark.parametrize(
    ("reply", "status"),
    [(Failed("rate_limit_exceeded"), "failed"), (Incomplete(text="Once"), "incomplete")],
)
def test_openai_sees_bad_ends(foundry: Emulator, client: Any, reply: Any, status: Any) -> None:
    """Failed and incomplete responses are what they say, streamed and not."""
    agent = foundry.create_agent("my-agent", reply)
    assert client.responses.create(input="hi", extra_body=by(agent)).status == status
    events = list(client.responses.create(input="hi", stream=True, extra_body=by(agent)))
    assert events[-1].type == f"response.{status}"


def test_openai_retries(foundry: Emulator, client: Any) -> None:
    """429 with retry-after-ms is waited out, and the request is repeated."""
    agent = foundry.create_agent("my-agent")
    foundry.faults.add(Fault("status_before", status=429, headers={"retry-after-ms": "1"}))
    client.responses.create(input="hi", extra_body=by(agent))
    assert [request.status for request in foundry.requests] == [429, 200]


PARTS = [
    Reasoning("think", tokens=5),
    FileSearch(("what",), ({"file_id": "f", "filename": "a.md", "score": 0.5, "text": "x"},)),
    WebSearch("what"),
    CodeInterpreter("print(1)", logs="1"),
    GeneratedImage("aW1n", "a cat"),
    McpTools("docs", ({"name": "find"},)),
    McpCall("docs", "find", output="42"),
    McpApproval("docs", "find"),
    Refusal("no"),
]


@pytest.mark.parametrize("part", PARTS)
def test_openai_knows_every_item(foundry: Emulator, client: Any, part: Any) -> None:
    """Items and events of tools on the server have the types of the SDK."""
    responses = pytest.importorskip("openai.types.responses")
    known = {getattr(responses, name) for name in dir(responses) if name.startswith("Response")}
    agent = foundry.create_agent("my-agent", [[part, "done"]])
    events = list(client.responses.create(input="hi", stream=True, extra_body=by(agent)))
    assert {type(event) for event in events} <= known
    plain = client.responses.create(input="hi", extra_body=by(agent))
    assert [item.type for item in plain.output] == [
        item.type for item in events[-1].response.output
    ]


def test_openai_uploads_files(client: Any) -> None:
    """Upload, vector store, wait until indexed, download."""
    file = client.files.create(file=("a.md", b"# hi"), purpose="assistants")
    store = client.vector_stores.create(name="s")
    indexed = client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, poll_interval_ms=1
    )
    assert indexed.status == "completed"
    assert client.files.content(file.id).content == b"# hi"


def test_openai_polls_background(foundry: Emulator, client: Any) -> None:
    """A background response is queued, then in progress, then completed."""
    agent = foundry.create_agent("my-agent")
    response = client.responses.create(input="hi", background=True, extra_body=by(agent))
    statuses = [response.status]
    while statuses[-1] != "completed":
        statuses.append(client.responses.retrieve(response.id).status)
    assert statuses == ["queued", "in_progress", "completed"]


def test_projects_makes_versions(foundry: Emulator, served: Any) -> None:
    """The v2 management SDK creates, lists and deletes versions."""
    projects = pytest.importorskip("azure.ai.projects")
    models = pytest.importorskip("azure.ai.projects.models")
    client = projects.AIProjectClient(
        served.endpoint, foundry.credential, authentication_policy=plain_http_policy()
    )
    with client:
        definition = models.PromptAgentDefinition(model="gpt-4o", instructions="Be brief.")
        made = [client.agents.create_version("my-agent", definition=definition) for _ in range(2)]
        assert [one.version for one in made] == ["1", "2"]
        assert [one.version for one in client.agents.list_versions("my-agent")] == ["2", "1"]
        client.agents.delete_version("my-agent", "2")
        assert client.agents.get("my-agent").versions["latest"]["version"] == "1"


def plain_http_policy() -> Any:
    """Their bearer policy refuses plain http, also on loopback."""
    policies = pytest.importorskip("azure.core.pipeline.policies")

    class Policy(policies.SansIOHTTPPolicy):
        def on_request(self, request: Any) -> None:
            request.http_request.headers["Authorization"] = "Bearer any"

    return Policy()


@pytest.fixture
def agents(foundry: Emulator, served: Served) -> Iterator[Any]:
    """The classic SDK's client."""
    module = pytest.importorskip("azure.ai.agents")
    with module.AgentsClient(
        served.endpoint, foundry.credential, authentication_policy=plain_http_policy()
    ) as made:
        yield made


def test_classic_polls_a_run(agents: Any) -> None:
    """Assistant, thread, message, polled run, messages: the classic SDK's own loop."""
    agent = agents.create_agent(model="gpt-4o", name="my-agent", instructions="Be brief.")
    thread = agents.threads.create()
    agents.messages.create(thread_id=thread.id, role="user", content="hello")
    run = agents.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)
    assert run.status == "completed"
    texts = [message.content[0].text.value for message in agents.messages.list(thread.id)]
    assert texts == ["You said: hello (turn 1)", "hello"]


def test_classic_streams_a_tool_round(foundry: Emulator, agents: Any) -> None:
    """A streamed run pauses for outputs, and their stream finishes it."""
    models = pytest.importorskip("azure.ai.agents.models")
    tool = {"type": "function", "function": TOOL}
    agent = foundry.create_agent(
        "my-agent", [ToolCalls(("get_time", {})), "It is noon."], tools=[tool], generation="classic"
    )
    thread = agents.threads.create()
    agents.messages.create(thread_id=thread.id, role="user", content="what time is it?")
    with agents.runs.stream(thread_id=thread.id, agent_id=agent.id) as stream:
        run = [data for _, data, _ in stream if isinstance(data, models.ThreadRun)][-1]
    assert run.status == "requires_action"
    call = run.required_action.submit_tool_outputs.tool_calls[0]
    handler = models.AgentEventHandler()
    outputs = [models.ToolOutput(tool_call_id=call.id, output="12:00")]
    agents.runs.submit_tool_outputs_stream(
        thread_id=thread.id, run_id=run.id, tool_outputs=outputs, event_handler=handler
    )
    handler.until_done()
    last = agents.messages.get_last_message_text_by_role(thread_id=thread.id, role="assistant")
    assert last.text.value == "It is noon."


def test_classic_streams_tools_on_the_server(foundry: Emulator, agents: Any) -> None:
    """Steps of tools have the types of the SDK."""
    models = pytest.importorskip("azure.ai.agents.models")
    parts = [FileSearch(), CodeInterpreter("print(1)"), WebSearch("x"), "done"]
    agent = foundry.create_agent("a", [parts], generation="classic")
    thread = agents.threads.create()
    with agents.runs.stream(thread_id=thread.id, agent_id=agent.id) as stream:
        steps = [data for _, data, _ in stream if isinstance(data, models.RunStep)]
    details = [step.step_details for step in steps if step.status == "completed"]
    calls = [one.tool_calls[0] for one in details if one.type == "tool_calls"]
    assert [type(call).__name__ for call in calls] == [
        "RunStepFileSearchToolCall",
        "RunStepCodeInterpreterToolCall",
        "RunStepBingGroundingToolCall",
    ]


def test_classic_uploads_files(agents: Any, tmp_path: Path) -> None:
    """Upload, vector store, wait until indexed."""
    path = tmp_path / "a.md"
    path.write_text("# hi")
    file = agents.files.upload_and_poll(file_path=str(path), purpose="assistants")
    store = agents.vector_stores.create_and_poll(file_ids=[file.id], name="s")
    assert (store.status, store.file_counts.completed) == ("completed", 1)
    assert b"".join(agents.files.get_content(file.id)) == b"# hi"


def test_classic_sees_a_failed_run(foundry: Emulator, agents: Any) -> None:
    """Model quota is a failed run, not an HTTP error."""
    agent = foundry.create_agent(
        "a", Failed("rate_limit_exceeded", "Slow down."), generation="classic"
    )
    thread = agents.threads.create()
    run = agents.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)
    assert (run.status, run.last_error.code) == ("failed", "rate_limit_exceeded")
