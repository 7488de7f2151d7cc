"""Every example of LiteLLM's page on Claude in Foundry runs, with the import changed.

The page is read in place and lies beside the project. Its examples are named by their line. Some
cannot be run by anyone as they stand; `MEANT` lists how they are read.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

import azure_agents
from azure_agents.settings import environment

from .claude import events, message, sse, text, use
from .test_chat import Service, streaming

PAGE = Path(__file__).parents[3] / "shared" / "pages" / "004_c7d9a87e532c4b5d.txt"
pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="the pages lie beside the project")

VARIABLES = [value for name, value in vars(environment).items() if name.startswith("ENV_")]
IMPORTS = [
    ("from litellm import", "from azure_agents import"),
    ("import litellm", "import azure_agents as litellm"),
]
MEANT = [
    # A placeholder of the page stands for a name.
    ("<resource-name>", "my-resource"),
    ("your-azure-ad-token", "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln"),
    # An ellipsis stands for the rest of the call.
    ("    # ...\n", '    api_key="a", messages=[{"role": "user", "content": "Hello!"}],\n'),
]
PATH = "/anthropic/v1/messages"


def snippet(line: int, *, imports_os: bool = False) -> str:
    """The Python example whose fence stands in this line."""
    lines = PAGE.read_text().splitlines(keepends=True)
    assert "```python" == lines[line - 1].strip()
    code = "".join(lines[line:]).partition("```")[0]
    for old, new in [*IMPORTS, *MEANT]:
        code = code.replace(old, new)
    return f"import os\n{code}" if imports_os else code


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs an example against a made-up service; gives the service and the names it left."""
    for name in VARIABLES:  # so that what an example sets is taken back
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def running(code: str, *answers: Any) -> tuple[Service, dict[str, Any]]:
        service = Service(*(answers or (httpx.Response(200, json=message(text("Hi"))),)))
        given = partial(azure_agents.completion, transport=httpx.MockTransport(service))
        monkeypatch.setattr(azure_agents, "completion", given)
        names: dict[str, Any] = {"completion": given}
        exec(compile(code, PAGE.name, "exec"), names)  # noqa: S102 - an example of the page
        return service, names

    return running


def test_line_40_three_ways_to_sign_in(run: Any) -> None:
    """Each of the three is enough by itself for a call that names nothing."""
    service, _ = run(snippet(40))
    options = re.split(r"\n# O", snippet(40))
    assert 4 == len(options)
    assert [] == service.requests
    call = (
        "\ncompletion('azure_ai/claude-sonnet-4-5', messages=[{'role': 'user', 'content': 'Hi'}])"
    )
    for option, header in ((options[1], "x-api-key"), (options[2], "authorization")):
        for name in VARIABLES:
            os.environ.pop(name, None)
        service, _ = run(f"import os\n# O{option}{call}")
        assert header in service.requests[0].headers


@pytest.mark.parametrize(
    ("line", "imports_os", "expected"),
    [
        (62, True, {"max_tokens": 1000, "temperature": 0.7}),
        (84, False, {"max_tokens": 1000}),
        (100, False, {"max_tokens": 1000}),
        (324, False, {"max_tokens": 1000, "temperature": 0.7}),
    ],
)
def test_calls(run: Any, line: int, expected: dict[str, Any], *, imports_os: bool) -> None:
    """Basic completion, key and token as parameters, full configuration."""
    service, names = run(snippet(line, imports_os=imports_os))
    assert "Hi" == names["response"].choices[0].message.content
    assert PATH == service.requests[0].url.path
    assert expected == {name: service.bodies[0][name] for name in expected}


def test_line_116_streaming(run: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """The story is printed piece by piece."""
    monkeypatch.setenv("AZURE_API_KEY", "a")
    monkeypatch.setenv("AZURE_API_BASE", "https://my-resource.services.ai.azure.com/anthropic")
    run(snippet(116), streaming(sse(events(message(text("Once upon a time"))))))
    assert "Once upon a time" == capsys.readouterr().out


def test_line_135_tools(run: Any, monkeypatch: Any) -> None:
    """A call of the tool comes back in OpenAI's format."""
    monkeypatch.setenv("AZURE_API_KEY", "a")
    monkeypatch.setenv("AZURE_API_BASE", "https://my-resource.services.ai.azure.com")
    called = message(use("get_weather", location="Seattle"), stop="tool_use")
    service, names = run(snippet(135), httpx.Response(200, json=called))
    assert ({"type": "auto"}, "get_weather") == (
        service.bodies[0]["tool_choice"],
        service.bodies[0]["tools"][0]["name"],
    )
    call = names["response"].choices[0].message.tool_calls[0]
    assert ("get_weather", '{"location":"Seattle"}') == (
        call.function.name,
        call.function.arguments,
    )


def test_lines_353_and_359_a_base_in_the_environment_or_in_the_call(run: Any) -> None:
    """Both cures of the page for a missing base."""
    run(snippet(353, imports_os=True))
    assert "https://my-resource.services.ai.azure.com/anthropic" == os.environ["AZURE_API_BASE"]
    del os.environ["AZURE_API_BASE"]
    service, _ = run(snippet(359))
    assert PATH == service.requests[0].url.path


def test_every_example_of_the_page_is_here() -> None:
    """The two that are left out ask a proxy and Anthropic's own SDK, and nothing of ours."""
    lines = PAGE.read_text().splitlines()
    fences = [at for at, line in enumerate(lines, 1) if "```python" == line.strip()]
    here = Path(__file__).read_text()
    others = {212: "openai", 240: "anthropic"}
    for at in fences:
        if at in others:
            assert f"from {others[at]} import" in lines[at]
        else:
            assert f"snippet({at}" in here or f"        ({at}, " in here, at


def test_line_299_a_default_of_4096_tokens(run: Any, monkeypatch: Any) -> None:
    """As the page says of calls without ``max_tokens``."""
    monkeypatch.setenv("AZURE_API_KEY", "a")
    code = (
        "completion('azure_ai/claude-opus-4-1', [{'role': 'user', 'content': 'Hi'}], "
        "api_base='https://my-resource.services.ai.azure.com/anthropic')"
    )
    service, _ = run(code)
    assert 4096 == service.bodies[0]["max_tokens"]


PARAMETERS: dict[str, Any] = {
    "stream": False,
    "stop": "END",
    "temperature": 0.1,
    "top_p": 0.9,
    "max_tokens": 2000,
    "max_completion_tokens": 2000,
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "auto",
    "extra_headers": {"x-mine": "1"},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}},
    "user": "u",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "reasoning_effort": "low",
}


def test_every_supported_parameter_of_the_page_is_taken() -> None:
    """Each by itself; the list is read from the page."""
    after = PAGE.read_text().partition("## Supported OpenAI Parameters")[2]
    named = re.findall(r'"(\w+)"', after.partition("```\n")[2].partition("```")[0])
    assert sorted(PARAMETERS) == sorted(named)
    for name in named:
        service = Service(httpx.Response(200, json=message(text("Hi"))))
        azure_agents.completion(
            "azure_ai/claude-sonnet-4-5",
            [{"role": "user", "content": "Hi"}],
            api_base="https://my-resource.services.ai.azure.com/anthropic",
            api_key="a",
            transport=httpx.MockTransport(service),
            **{name: PARAMETERS[name]},
        )
        assert 1 == len(service.requests), name
