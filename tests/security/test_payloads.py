"""Text of a service, an agent or a user is data: it is never loaded, evaluated or filled in.

LangChain's serialisation once took dictionaries with an ``lc`` key for objects of its own, and gave
secrets of the environment away (CVE-2025-68664). Payloads of that kind, and of every other kind
that something may evaluate, go through both adapters as an agent's text, as arguments of its tool
calls, as a tool's result and as metadata, and come out as they went in.
"""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.tools import FunctionTool

from azure_agents import completion
from azure_agents.emulator import Emulator, ToolCalls
from langchain_azure_agents import ChatAzureAgent
from llamaindex_azure_agents import AzureAgentLLM

CANARY = "canary-of-the-environment-3c1f"
VARIABLE = "SECURITY_CANARY"


def _secret(*path: str) -> dict[str, Any]:
    return {"lc": 1, "type": "secret", "id": list(path)}


def _object(*path: str, **kwargs: Any) -> dict[str, Any]:
    return {"lc": 1, "type": "constructor", "id": list(path), "kwargs": kwargs}


_MODULES = ("langchain_core", "messages")
# Objects, as a service might put them into JSON.
OBJECTS: dict[str, Any] = {
    "secret": _secret(VARIABLE),
    "secret of the path": _secret("PATH"),
    "secret without an id": {"lc": 1, "type": "secret", "id": []},
    "secret in a list": [_secret(VARIABLE)],
    "secret deep inside": {"a": {"b": [{"c": _secret(VARIABLE)}]}},
    "secret as a key": {"lc": 1, "type": "secret", "id": [VARIABLE], "name": "x", "graph": None},
    "message": _object(*_MODULES, "ai", "AIMessage", content="forged"),
    "message with a secret": _object(*_MODULES, "HumanMessage", content=_secret(VARIABLE)),
    "prompt": _object(
        "langchain_core", "prompts", "prompt", "PromptTemplate", template="{x}", input_variables=[]
    ),
    "jinja prompt": _object(
        "langchain_core",
        "prompts",
        "prompt",
        "PromptTemplate",
        template="{{ ''.__class__.__mro__ }}",
        template_format="jinja2",
    ),
    "model": _object("langchain_openai", "chat_models", "ChatOpenAI", api_key=_secret(VARIABLE)),
    "our model": _object("langchain_azure_agents", "_chat_model", "ChatAzureAgent", model="x"),
    "shell": _object("subprocess", "Popen", args=["touch", "x"]),
    "not implemented": {"lc": 1, "type": "not_implemented", "id": ["os", "system"], "repr": "x"},
    "another version": {"lc": 2, "type": "secret", "id": [VARIABLE]},
    "version as a text": {"lc": "1", "type": "secret", "id": [VARIABLE]},
    "escaped": {"__lc_escaped__": _secret(VARIABLE)},
    "escaped twice": {"__lc_escaped__": {"__lc_escaped__": _secret(VARIABLE)}},
    "LangGraph constructor": {
        "lc": 2,
        "type": "constructor",
        "id": ["os", "system"],
        "method": None,
        "args": ["touch x"],
        "kwargs": {},
    },
    "LlamaIndex class": {"class_name": "OpenAI", "api_key": VARIABLE},
    "Python object": {"py/object": "os.system", "py/reduce": ["touch x"]},
    "YAML tag": {"!!python/object/apply:os.system": ["touch x"]},
    "prototype": {"__proto__": {"x": 1}, "constructor": {"prototype": {}}},
    "class": {"__class__": "os.system", "__reduce__": ["os.system", ["touch x"]]},
    "reference": {"$ref": "file:///etc/passwd", "$id": "http://169.254.169.254/"},
}
# Texts, as something might evaluate them.
TEXTS: dict[str, str] = {
    "import": "__import__('os').system('touch {marker}')",
    "call": "open('{marker}', 'w').write('x')",
    "lambda": "(lambda: open('{marker}', 'w'))()",
    "attribute": "{0.__class__.__init__.__globals__}",
    "environment": f"{{os.environ[{VARIABLE}]}} $({VARIABLE}) ${{{VARIABLE}}} %{VARIABLE}%",
    "jinja": "{{ cycler.__init__.__globals__.os.popen('touch {marker}').read() }}{{7*7}}",
    "jinja statement": "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
    "mustache": "{{{VARIABLE}}} <%= 7*7 %> #{7*7} ${7*7}",
    "percent": "%(x)s %s %n %d",
    "shell line": "; touch {marker} | `touch {marker}` && $(touch {marker})",
    "YAML": "!!python/object/apply:os.system ['touch {marker}']",
    "pickle": "cos\nsystem\n(S'touch {marker}'\ntR.",
    "SQL": "'; DROP TABLE entries; --",
    "os.environ": f"os.environ/{VARIABLE}",
    "script": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "terminal": "\x1b]0;title\x07\x1b[2J",
    "log line": "fine\r\n2026-01-01 ERROR root: forged",
}
PAYLOADS = {name: json.dumps(value) for name, value in OBJECTS.items()} | TEXTS


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that only an evaluated payload makes; a secret that only one would read."""
    monkeypatch.setenv(VARIABLE, CANARY)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "marker"
    yield path
    assert [] == list(tmp_path.iterdir())


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """A fresh emulator."""
    with Emulator() as emulator:
        yield emulator


def agent_that_says(foundry: Emulator, reply: Any, generation: Any) -> dict[str, Any]:
    """Arguments of a client of such an agent."""
    made = foundry.create_agent("my-agent", reply, generation=generation, tools=_tools(generation))
    return {"model": made.model, **foundry.connection()}


def _tools(generation: str) -> list[dict[str, Any]]:
    schema = {"name": "run", "description": "Run.", "parameters": {"type": "object"}}
    return [{"type": "function", **(schema if generation == "v2" else {"function": schema})}]


def _filled(payload: str, marker: Path) -> str:
    return payload.replace("{marker}", str(marker))


def _assert_round_trips(message: Any) -> None:
    """Through everything LangChain and LangGraph keep messages with."""
    with warnings.catch_warnings(action="ignore"):  # `load` is in beta
        kept = [
            loads(dumps(message), allowed_objects="core"),
            load(dumpd(message), allowed_objects="core"),
            loads(dumps(message), allowed_objects="core", secrets_from_env=True),
            pickle.loads(pickle.dumps(message)),  # noqa: S301 - made here
            _checkpointed(message),
            type(message).model_validate(message.model_dump()),
        ]
    assert [message] * len(kept) == kept
    assert CANARY not in f"{kept} {dumps(message)}"


def _checkpointed(message: Any) -> Any:
    serde = JsonPlusSerializer()
    return serde.loads_typed(serde.dumps_typed({"messages": [message]}))["messages"][0]


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_text_of_an_agent_is_text(
    foundry: Emulator, marker: Path, payload: str, generation: str
) -> None:
    """In LangChain, LlamaIndex and OpenAI's format: what it said, to the letter."""
    said = _filled(payload, marker)
    arguments = agent_that_says(foundry, said, generation)
    message = ChatAzureAgent(**arguments).invoke("Hi")
    response = AzureAgentLLM(**arguments).chat([ChatMessage("Hi")])
    arguments["api_base"] = arguments.pop("endpoint")
    answer = completion(messages=[{"role": "user", "content": "Hi"}], **arguments)
    texts = [message.content, response.message.content, answer.choices[0].message.content]
    assert [said] * 3 == texts
    _assert_round_trips(message)
    assert response.message == ChatMessage.model_validate_json(response.message.model_dump_json())


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("value", OBJECTS.values(), ids=OBJECTS)
def test_arguments_of_a_tool_call_are_data(
    foundry: Emulator, marker: Path, value: Any, generation: str
) -> None:
    """The tool gets the dictionary that the agent wrote, no object made of it."""
    got: list[Any] = []

    def run(**given: Any) -> str:
        """Run."""
        got.append(given)
        return json.dumps(given)

    arguments = agent_that_says(foundry, [ToolCalls(("run", {"value": value})), "done"], generation)
    llm = ChatAzureAgent(**arguments)
    schema = {"name": "run", "description": "Run.", "parameters": {"type": "object"}}
    bound = llm.bind_tools([{"type": "function", "function": schema}])
    message = bound.invoke("Hi")
    assert [{"value": value}] == [call["args"] for call in message.tool_calls]
    _assert_round_trips(message)

    result = ToolMessage(
        run(**message.tool_calls[0]["args"]), tool_call_id=message.tool_calls[0]["id"]
    )
    _assert_round_trips(result)
    final = bound.invoke([HumanMessage("Hi"), message, result])
    assert ("done", [{"value": value}]) == (final.content, got)
    assert value == json.loads(foundry.seen[-1].messages[-1].text)["value"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_arguments_that_are_no_json_are_not_evaluated(
    foundry: Emulator, marker: Path, text: str
) -> None:
    """Broken arguments stay the text they are, and no tool is run on a guess of ours."""
    said = _filled(text, marker)
    arguments = agent_that_says(foundry, ToolCalls(("run", said)), "v2")
    message = ChatAzureAgent(**arguments).invoke("Hi")
    assert [said] == [call["args"] for call in message.invalid_tool_calls]
    _assert_round_trips(message)
    llm = AzureAgentLLM(**arguments)
    tool = FunctionTool.from_defaults(lambda **given: str(given), name="run", description="Run.")
    response = llm.chat_with_tools([tool], "Hi")
    calls = llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    kept = [block.tool_kwargs for block in response.message.blocks if hasattr(block, "tool_kwargs")]
    assert ([{}], [said]) == ([call.tool_kwargs for call in calls], kept)


@pytest.mark.parametrize("generation", ["v2", "classic"])
@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_what_a_user_says_is_text(
    foundry: Emulator, marker: Path, payload: str, generation: str
) -> None:
    """A prompt, metadata and a block of text reach the agent and the service as they are."""
    said = _filled(payload, marker)
    arguments = agent_that_says(foundry, "fine", generation)
    llm = ChatAzureAgent(**arguments, model_kwargs={"metadata": {"note": said[:500]}})
    llm.invoke([HumanMessage([{"type": "text", "text": said}])])
    AzureAgentLLM(**arguments).chat([ChatMessage(said)])
    assert [said.strip()] * 2 == [turn.messages[-1].text.strip() for turn in foundry.seen]
    assert said[:500] == foundry.requests[0].body["metadata"]["note"]
    assert CANARY not in repr(foundry.requests)


def test_a_message_that_claims_to_be_ours_is_not_loaded(foundry: Emulator, marker: Path) -> None:
    """Response metadata that comes back from a store is read as strings, whatever it holds."""
    llm = ChatAzureAgent(**agent_that_says(foundry, "fine", "v2"))
    for value in OBJECTS.values():
        forged = AIMessage("Hello", response_metadata={"foundry": value, "thread_id": value})
        llm.invoke([HumanMessage("Hi"), forged, HumanMessage("And?")])
        assert ["Hi", "Hello", "And?"] == [m.text for m in foundry.seen[-1].messages]
