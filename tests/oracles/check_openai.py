"""azure-ai-projects and openai, as their quickstarts use them."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import openai
from azure.ai.projects import AIProjectClient
from azure.ai.projects import models as m
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from oracle import ENDPOINT, STRICT, Credential, check, control, raises, run

project = AIProjectClient(ENDPOINT, Credential(), allow_preview=True)
# Strict: an answer that is not of the SDK's own types raises.
OPTIONS = {"_strict_response_validation": True} if STRICT else {}
client = project.get_openai_client(max_retries=0, **OPTIONS)

WEATHER = m.FunctionTool(
    name="get_weather",
    description="The weather in a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    strict=True,
)


def make(name: str, **fields: Any) -> Any:
    """A new version of a prompt agent."""
    definition = m.PromptAgentDefinition(model="gpt-4o", instructions="Be brief.", **fields)
    return project.agents.create_version(agent_name=name, definition=definition)


def by(name: str, **more: Any) -> dict[str, Any]:
    """The extra body that names an agent."""
    return {"agent_reference": {"type": "agent_reference", "name": name, **more}}


@check
def agents_and_versions() -> None:
    """Create, get, list, page and delete."""
    first, second = make("crud"), make("crud")
    assert ("crud", "1", "2") == (first.name, first.version, second.version)
    assert "prompt" == second.definition["kind"]
    assert "2" == project.agents.get("crud").versions["latest"]["version"]
    assert "crud" in [agent.name for agent in project.agents.list()]
    assert ["2", "1"] == [one.version for one in project.agents.list_versions("crud", limit=1)]
    assert project.agents.delete_version("crud", "2").deleted
    assert "crud:1" == project.agents.get_version("crud", "1").id
    assert project.agents.delete("crud").deleted


@check
def an_unknown_agent() -> None:
    """The management SDK raises its 404 class, with the service's code."""
    error = raises(ResourceNotFoundError, lambda: project.agents.get("nobody"))
    assert 404 == error.status_code
    assert "not_found" == json.loads(error.response.text())["error"]["code"]


@check
def a_preview_kind_without_its_header() -> None:
    """403, as recorded; with `allow_preview` the SDK sends the header and it works."""
    plain = AIProjectClient(ENDPOINT, Credential())
    flow = m.WorkflowAgentDefinition(workflow="kind: workflow")
    error = raises(
        HttpResponseError,
        lambda: plain.agents.create_version(agent_name="flow", definition=flow),
    )
    assert 403 == error.status_code
    assert "1" == project.agents.create_version(agent_name="flow", definition=flow).version


@check
def states_of_an_agent() -> None:
    """Disable and enable: a disabled agent does not answer."""
    if not hasattr(project.agents, "disable"):
        return  # an SDK from before
    make("switched")
    project.agents.disable("switched")
    assert "disabled" == project.agents.get("switched").state
    ask = lambda: client.responses.create(input="hi", extra_body=by("switched"))  # noqa: E731
    raises(openai.PermissionDeniedError, ask)
    project.agents.enable("switched")
    assert "completed" == ask().status


@check
def a_plain_answer() -> None:
    """Text, usage and the agent's name; by version as well."""
    made = make("plain")
    answer = client.responses.create(input="my name is Ada", extra_body=by("plain"))
    assert "Nice to meet you, Ada. (turn 1)" == answer.output_text
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    again = client.responses.create(
        input="what is my name?",
        previous_response_id=answer.id,
        extra_body=by("plain", version=made.version),
    )
    assert "Your name is Ada." == again.output_text


@check
def a_streamed_answer() -> None:
    """Typed events in order, and the final response of the SDK's own accumulator."""
    make("streamed")
    stream = client.responses.create(input="hello", stream=True, extra_body=by("streamed"))
    events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "You said: hello (turn 1)" == events[-1].response.output_text
    with client.responses.stream(
        input="hello", model="gpt-4o", extra_body=by("streamed")
    ) as accumulated:
        assert "You said: hello (turn 1)" == accumulated.get_final_response().output_text


@check
def a_conversation() -> None:
    """Made with an item, continued twice, listed over pages, changed and deleted."""
    make("talker")
    items = [{"type": "message", "role": "user", "content": "hello"}]
    conversation = client.conversations.create(items=items, metadata={"a": "b"})
    client.responses.create(conversation=conversation.id, extra_body=by("talker"))
    client.responses.create(input="again", conversation=conversation.id, extra_body=by("talker"))
    listed = list(client.conversations.items.list(conversation.id, limit=2))
    texts = [item.content[0].text for item in listed]
    assert ["You said: again (turn 2)", "again", "You said: hello (turn 1)", "hello"] == texts
    one = client.conversations.items.retrieve(listed[0].id, conversation_id=conversation.id)
    assert one.id == listed[0].id
    more = [{"type": "message", "role": "user", "content": "more"}]
    assert 1 == len(client.conversations.items.create(conversation.id, items=more).data)
    changed = client.conversations.update(conversation.id, metadata={"c": "d"})
    assert {"c": "d"} == changed.metadata
    assert client.conversations.delete(conversation.id).deleted
    raises(openai.NotFoundError, lambda: client.conversations.retrieve(conversation.id))


@check
def a_function_tool() -> None:
    """The agent calls it because it is asked to, streamed and not, and reads its output."""
    make("caller", tools=[WEATHER])
    asked = client.responses.create(input="What's the weather in Paris?", extra_body=by("caller"))
    call = asked.output[0]
    assert ("get_weather", {"city": "Paris"}) == (call.name, json.loads(call.arguments))
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    answer = client.responses.create(
        input=[output], previous_response_id=asked.id, extra_body=by("caller")
    )
    assert "The tool said: sunny" == answer.output_text
    events = list(
        client.responses.create(
            input="What's the weather in Rome?", stream=True, extra_body=by("caller")
        )
    )
    done = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert {"city": "Rome"} == json.loads(done[0].arguments)


@check
def structured_output() -> None:
    """The agent's own schema holds, and is echoed."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    format = m.TextResponseFormatJsonSchema(name="Person", schema=schema)
    options = getattr(m, "PromptAgentDefinitionTextOptions", None) or m.PromptAgentDefinitionText
    make("shaped", text=options(format=format))
    answer = client.responses.create(input="Say that Ada is 36", extra_body=by("shaped"))
    assert {"name": "Ada", "age": 36} == json.loads(answer.output_text)
    assert "json_schema" == answer.text.format.type


@check
def files_and_search() -> None:
    """Upload, index, search; the agent answers from the file and cites it."""
    document = ("handbook.md", io.BytesIO(b"# Returns\nYou may return goods within 30 days."))
    file = client.files.create(file=document, purpose="assistants")
    store = client.vector_stores.create(name="handbook")
    indexed = client.vector_stores.files.create_and_poll(
        file.id, vector_store_id=store.id, poll_interval_ms=1
    )
    assert "completed" == indexed.status
    make("reader", tools=[m.FileSearchTool(vector_store_ids=[store.id])])
    answer = client.responses.create(
        input="How long may I return goods?",
        include=["file_search_call.results"],
        extra_body=by("reader"),
    )
    search, message = answer.output
    assert "handbook.md" == search.results[0].filename
    assert "You may return goods within 30 days." == answer.output_text
    assert message.content[0].annotations[0].file_id == file.id
    found = list(client.vector_stores.search(store.id, query="return"))
    assert found[0].content[0].text.endswith("30 days.")
    assert 1 == client.vector_stores.retrieve(store.id).file_counts.completed
    assert client.files.content(file.id).read().startswith(b"# Returns")
    assert [one.id for one in client.files.list()] == [file.id]
    assert client.vector_stores.delete(store.id).deleted
    assert client.files.delete(file.id).deleted


@check
def file_batches() -> None:
    """Several files at once, with chunks of another size."""
    ids = [
        client.files.create(file=(f"{n}.txt", b"text " * 50), purpose="assistants").id
        for n in range(3)
    ]
    store = client.vector_stores.create(name="many")
    chunking = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 20},
    }
    batch = client.vector_stores.file_batches.create_and_poll(
        store.id, file_ids=ids, chunking_strategy=chunking, poll_interval_ms=1
    )
    assert ("completed", 3) == (batch.status, batch.file_counts.completed)
    assert 3 == len(list(client.vector_stores.files.list(store.id)))


@check
def an_unsupported_file() -> None:
    """400 with the service's code."""
    file = client.files.create(file=("a.csv", b"1"), purpose="assistants")
    store = client.vector_stores.create(name="s")
    error = raises(
        openai.BadRequestError,
        lambda: client.vector_stores.files.create(store.id, file_id=file.id),
    )
    assert ("unsupported_file", "file_id") == (error.code, error.param)


@check
def every_kind_of_item() -> None:
    """Tools on the server: every item and every event has a type of the SDK."""
    types = openai.types.responses
    known = {getattr(types, name) for name in dir(types) if name.startswith("Response")}
    events = list(
        client.responses.create(
            input="go",
            stream=True,
            include=["file_search_call.results"],
            extra_body=by("every-tool"),
        )
    )
    assert {type(event) for event in events} <= known
    kinds = [item.type for item in events[-1].response.output]
    assert [
        "reasoning",
        "file_search_call",
        "web_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "message",
    ] == kinds


@check
def an_item_of_foundry_alone() -> None:
    """No SDK knows it: not strict, it passes through; strict, the SDK itself refuses it."""
    ask = lambda: client.responses.create(input="go", extra_body=by("delegator"))  # noqa: E731
    if STRICT:
        raises(openai.APIResponseValidationError, ask)
    else:
        assert [
            "a2a_preview_call",
            "a2a_preview_call_output",
            "message",
        ] == [item.type for item in ask().output]


@check
def an_approval() -> None:
    """Asked for, given in the next input, and the call that follows."""
    asked = client.responses.create(input="go", extra_body=by("approver"))
    request = asked.output[-1]
    approval = {
        "type": "mcp_approval_response",
        "approval_request_id": request.id,
        "approve": True,
    }
    answer = client.responses.create(
        input=[approval], previous_response_id=asked.id, extra_body=by("approver")
    )
    assert answer.output[0].approval_request_id == request.id
    assert "It is found." == answer.output_text


@check
def bad_ends() -> None:
    """Failed, incomplete and refused, streamed and not, are what they say."""
    for word, status in (("fail", "failed"), ("stop", "incomplete"), ("refuse", "completed")):
        plain = client.responses.create(input=word, extra_body=by("troubled"))
        assert plain.status == status
        events = list(client.responses.create(input=word, stream=True, extra_body=by("troubled")))
        assert events[-1].type == f"response.{status}"
    assert "I will not." == plain.output[0].content[0].refusal


@check
def the_background() -> None:
    """Queued, polled, streamed again from the middle, cancelled."""
    make("slow")
    response = client.responses.create(input="hi", background=True, extra_body=by("slow"))
    statuses = [response.status]
    while statuses[-1] not in {"completed", "failed"}:
        statuses.append(client.responses.retrieve(response.id).status)
    assert ["queued", "in_progress", "completed"] == statuses
    events = list(
        client.responses.create(input="hi", background=True, stream=True, extra_body=by("slow"))
    )
    id = events[0].response.id
    rest = list(client.responses.retrieve(id, stream=True, starting_after=3))
    assert 4 == rest[0].sequence_number
    waiting = client.responses.create(input="hi", background=True, extra_body=by("slow"))
    assert "cancelled" == client.responses.cancel(waiting.id).status


@check
def stored_responses() -> None:
    """Input items, list by agent, delete, and the recorded 404."""
    make("kept")
    response = client.responses.create(input="hello", extra_body=by("kept"))
    assert client.responses.retrieve(response.id).id == response.id
    items = list(client.responses.input_items.list(response.id))
    assert "hello" == items[0].content[0].text
    client.responses.delete(response.id)
    error = raises(openai.NotFoundError, lambda: client.responses.retrieve(response.id))
    assert error.body["message"] == f"Response with id '{response.id}' not found."


ERRORS = [
    ({"input": "hi"}, by("nobody"), openai.NotFoundError, "not_found"),
    ({"input": "hi", "temperature": 1}, by("plain"), openai.BadRequestError, "invalid_payload"),
    ({"input": "hi"}, {}, openai.BadRequestError, "missing_required_parameter"),
    ({"input": "hi", "model": "gpt-none"}, {}, openai.NotFoundError, "DeploymentNotFound"),
    (
        {"input": "hi", "previous_response_id": "resp_x"},
        by("plain"),
        openai.BadRequestError,
        "previous_response_not_found",
    ),
    (
        {"input": "hi", "conversation": "conv_x"},
        by("plain"),
        openai.BadRequestError,
        "invalid_payload",
    ),
]


@check
def errors_of_turns() -> None:
    """Each has the SDK's class for its status, and the service's code."""
    for fields, extra, kind, code in ERRORS:
        error = raises(
            kind,
            lambda fields=fields, extra=extra: client.responses.create(**fields, extra_body=extra),
        )
        assert error.code == code, (error.code, code)


@check
def weather_and_faults() -> None:
    """429, 503 and 401 are the SDK's classes, and its retries get through them."""
    control("PATCH", "weather", {"throttled": 1, "retry_after": 0.01})
    ask = lambda which=client: which.responses.create(input="hi", extra_body=by("plain"))  # noqa: E731
    raises(openai.RateLimitError, ask)
    control("DELETE", "weather")
    for name, kind in (
        ("unavailable", openai.InternalServerError),
        ("connection reset", openai.APIConnectionError),
        ("token expired", openai.AuthenticationError),
    ):
        control("POST", "faults", {"name": name})
        raises(kind, ask)
    control("POST", "faults", {"name": "throttled twice", "headers": {"retry-after-ms": "5"}})
    assert "completed" == ask(client.with_options(max_retries=2)).status
    control("POST", "faults", {"name": "token expired", "path": "/agents"})
    raises(ClientAuthenticationError, lambda: project.agents.get("plain"))


@check
def the_endpoint_of_an_agent() -> None:
    """A client made for one agent needs no reference; a patched endpoint chooses the version."""
    make("own")
    mine = project.get_openai_client(agent_name="own", **OPTIONS)
    assert "You said: hello (turn 1)" == mine.responses.create(input="hello").output_text
    if not hasattr(project.agents, "update_details"):
        return  # an SDK from before
    make("own")
    rule = {"agent_version": "1", "traffic_percentage": 100, "type": "FixedRatio"}
    endpoint = {
        "version_selector": {"version_selection_rules": [rule]},
        "protocol_configuration": {"responses": {}},
    }
    patched = project.agents.update_details("own", {"agent_endpoint": endpoint})
    assert "1" == patched.agent_endpoint.version_selector.version_selection_rules[0].agent_version
    answer = mine.responses.create(input="hello")
    assert "1" == answer.agent_reference["version"]


@check
def containers() -> None:
    """Made, filled, read, listed and deleted."""
    container = client.containers.create(name="box")
    file = client.containers.files.create(container.id, file=("a.txt", b"hi"))
    assert (
        b"hi" == client.containers.files.content.retrieve(file.id, container_id=container.id).read()
    )
    assert [one.id for one in client.containers.files.list(container.id)] == [file.id]
    client.containers.delete(container.id)


@check
def the_quickstart_of_the_page() -> None:
    """The snippet of docs/emulator.md, with DefaultAzureCredential, prints what it says."""
    page = (Path(__file__).parents[2] / "docs" / "emulator.md").read_text(encoding="utf-8")
    code = re.search(r"^```python quickstart\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "emulator.md", "exec"), {})  # noqa: S102 - our own page
    assert output.getvalue().splitlines() == re.findall(r"#> (.*)", code)


if __name__ == "__main__":
    run()
