"""azure-ai-agents: the classic SDK's own loops, polled and streamed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from azure.ai.agents import AgentsClient
from azure.ai.agents import models as m
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)
from oracle import ENDPOINT, Credential, check, control, raises, run


def connect() -> AgentsClient:
    """A client that does not retry."""
    return AgentsClient(ENDPOINT, Credential(), retry_total=0)


client = connect()

FUNCTION = m.FunctionToolDefinition(
    function=m.FunctionDefinition(
        name="get_weather",
        description="The weather in a city.",
        parameters={
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    )
)


def scripted() -> str:
    """The id of the agent with a script."""
    agents = control("GET", "")["agents"]
    return str(next(one["model"] for one in agents if one["name"] == "classic"))


def ask(agent_id: str, text: str, client: AgentsClient = client) -> tuple[Any, str]:
    """A thread with a message, and its run to the end."""
    thread = client.threads.create()
    client.messages.create(thread_id=thread.id, role="user", content=text)
    run = client.runs.create_and_process(
        thread_id=thread.id, agent_id=agent_id, polling_interval=0.01
    )
    return run, thread.id


@check
def assistants() -> None:
    """Create, get, update, list and delete."""
    made = client.create_agent(model="gpt-4o", name="crud", instructions="Be brief.")
    assert "crud" == client.get_agent(made.id).name
    assert "Be long." == client.update_agent(made.id, instructions="Be long.").instructions
    assert made.id in [agent.id for agent in client.list_agents()]
    client.delete_agent(made.id)
    error = raises(ResourceNotFoundError, lambda: client.get_agent(made.id))
    assert json.loads(error.response.text())["error"]["message"].startswith("No assistant found")


@check
def threads_and_messages() -> None:
    """Create, list over pages, change; delete the thread."""
    thread = client.threads.create(metadata={"a": "b"})
    for number in range(3):
        client.messages.create(thread_id=thread.id, role="user", content=str(number))
    listed = list(
        client.messages.list(thread_id=thread.id, limit=2, order=m.ListSortOrder.ASCENDING)
    )
    assert ["0", "1", "2"] == [message.text_messages[0].text.value for message in listed]
    changed = client.messages.update(thread.id, listed[0].id, metadata={"c": "d"})
    assert {"c": "d"} == changed.metadata
    assert {"a": "b"} == client.threads.get(thread.id).metadata
    assert thread.id in [one.id for one in client.threads.list()]
    client.threads.delete(thread.id)
    raises(ResourceNotFoundError, lambda: client.threads.get(thread.id))


@check
def a_polled_run() -> None:
    """Create and process; steps and usage."""
    agent = client.create_agent(model="gpt-4o", name="polled")
    run, thread = ask(agent.id, "my name is Ada")
    assert run.status == m.RunStatus.COMPLETED
    last = client.messages.get_last_message_text_by_role(thread_id=thread, role="assistant")
    assert "Nice to meet you, Ada. (turn 1)" == last.text.value
    steps = list(client.run_steps.list(thread_id=thread, run_id=run.id))
    assert ["message_creation"] == [step.type for step in steps]
    assert run.usage.total_tokens == steps[0].usage.total_tokens


@check
def a_run_that_calls_functions_by_itself() -> None:
    """`enable_auto_function_calls`: the SDK runs the function and submits its output."""

    def get_weather(city: str) -> str:
        """Tell the weather.

        :param city: The city.
        """
        return f"sunny in {city}"

    tools = m.ToolSet()
    tools.add(m.FunctionTool({get_weather}))
    client = connect()  # what is enabled stays enabled
    client.enable_auto_function_calls(tools)
    agent = client.create_agent(model="gpt-4o", name="auto", toolset=tools)
    run, thread = ask(agent.id, "What's the weather in Paris?", client)
    assert run.status == m.RunStatus.COMPLETED, run.last_error
    last = client.messages.get_last_message_text_by_role(thread_id=thread, role="assistant")
    assert "The tool said: sunny in Paris" == last.text.value


@check
def a_streamed_tool_round() -> None:
    """The stream ends in a pause; the stream of the outputs finishes the run."""
    agent = client.create_agent(model="gpt-4o", name="streamed", tools=[FUNCTION])
    thread = client.threads.create()
    client.messages.create(thread_id=thread.id, role="user", content="What's the weather in Rome?")
    with client.runs.stream(thread_id=thread.id, agent_id=agent.id) as stream:
        runs = [data for _, data, _ in stream if isinstance(data, m.ThreadRun)]
    call = runs[-1].required_action.submit_tool_outputs.tool_calls[0]
    assert {"city": "Rome"} == json.loads(call.function.arguments)
    handler = m.AgentEventHandler()
    client.runs.submit_tool_outputs_stream(
        thread_id=thread.id,
        run_id=runs[-1].id,
        tool_outputs=[m.ToolOutput(tool_call_id=call.id, output="rain")],
        event_handler=handler,
    )
    handler.until_done()
    last = client.messages.get_last_message_text_by_role(thread_id=thread.id, role="assistant")
    assert "The tool said: rain" == last.text.value


@check
def files_and_search() -> None:
    """Upload, index, search; the agent answers from the file and cites it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "handbook.md")
        path.write_text("# Returns\nYou may return goods within 30 days.")
        file = client.files.upload_and_poll(file_path=str(path), purpose=m.FilePurpose.AGENTS)
    store = client.vector_stores.create_and_poll(file_ids=[file.id], name="handbook")
    assert ("completed", 1) == (store.status, store.file_counts.completed)
    search = m.FileSearchTool(vector_store_ids=[store.id])
    agent = client.create_agent(
        model="gpt-4o", name="reader", tools=search.definitions, tool_resources=search.resources
    )
    run, thread = ask(agent.id, "How long may I return goods?")
    assert run.status == m.RunStatus.COMPLETED
    message = client.messages.get_last_message_by_role(thread_id=thread, role="assistant")
    assert (
        "You may return goods within 30 days.【4:0†source】" == message.text_messages[0].text.value
    )
    assert message.file_citation_annotations[0].file_citation.file_id == file.id
    steps = list(client.run_steps.list(thread_id=thread, run_id=run.id))
    assert ["message_creation", "tool_calls"] == [step.type for step in steps]
    assert b"".join(client.files.get_content(file.id)).startswith(b"# Returns")
    client.vector_stores.delete(store.id)
    client.files.delete(file.id)
    raises(ResourceNotFoundError, lambda: client.files.get(file.id))


@check
def citations_of_the_web() -> None:
    """A URL citation has its place and its page."""
    _, thread = ask(scripted(), "cite")
    message = client.messages.get_last_message_by_role(thread_id=thread, role="assistant")
    annotation = message.url_citation_annotations[0]
    assert ("【1】", "https://example.com") == (annotation.text, annotation.url_citation.url)


@check
def structured_output() -> None:
    """The agent's response format holds."""
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
    }
    format = m.ResponseFormatJsonSchemaType(
        json_schema=m.ResponseFormatJsonSchema(name="Person", schema=schema)
    )
    agent = client.create_agent(model="gpt-4o", name="shaped", response_format=format)
    _, thread = ask(agent.id, "Say that Ada is 36")
    last = client.messages.get_last_message_text_by_role(thread_id=thread, role="assistant")
    assert {"name": "Ada", "age": 36} == json.loads(last.text.value)


@check
def a_failed_run() -> None:
    """Model quota is a failed run, not an HTTP error."""
    run, _ = ask(scripted(), "fail")
    assert ("failed", "rate_limit_exceeded") == (run.status, run.last_error.code)


@check
def a_cancelled_run() -> None:
    """A run that waits for outputs is cancelled."""
    agent = client.create_agent(model="gpt-4o", name="waiting", tools=[FUNCTION])
    thread = client.threads.create()
    client.messages.create(thread_id=thread.id, role="user", content="the weather in Oslo?")
    run = client.runs.create(thread_id=thread.id, agent_id=agent.id)
    while run.status != m.RunStatus.REQUIRES_ACTION:
        run = client.runs.get(thread_id=thread.id, run_id=run.id)
    error = raises(
        HttpResponseError,
        lambda: client.messages.create(thread_id=thread.id, role="user", content="more"),
    )
    assert 400 == error.status_code
    assert "cancelled" == client.runs.cancel(thread_id=thread.id, run_id=run.id).status


@check
def thread_and_run_in_one() -> None:
    """`create_thread_and_run` and its polling twin."""
    agent = client.create_agent(model="gpt-4o", name="one")
    options = m.AgentThreadCreationOptions(
        messages=[m.ThreadMessageOptions(role="user", content="hello")]
    )
    run = client.create_thread_and_process_run(
        agent_id=agent.id, thread=options, polling_interval=0.01
    )
    assert run.status == m.RunStatus.COMPLETED


@check
def errors() -> None:
    """Statuses are azure-core's classes."""
    raises(ResourceNotFoundError, lambda: client.threads.get("thread_x"))
    thread = client.threads.create()
    error = raises(
        HttpResponseError, lambda: client.runs.create(thread_id=thread.id, agent_id="my-agent")
    )
    assert 400 == error.status_code
    control("POST", "faults", {"name": "token expired"})
    raises(ClientAuthenticationError, client.threads.create)
    control("PATCH", "weather", {"throttled": 1, "retry_after": 0.01})
    error = raises(
        HttpResponseError,
        lambda: client.runs.create(thread_id=thread.id, agent_id=scripted()),
    )
    assert 429 == error.status_code
    control("DELETE", "weather")


if __name__ == "__main__":
    run()
