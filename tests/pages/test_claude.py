"""Every SDK example of the page on Claude in Foundry (004) runs, with the import changed."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest

from azure_agents.emulator import ToolCalls

from .blocks import Place, code_of, needs_pages, page
from .playing import VARIABLES, Player

pytestmark = needs_pages
URL = "https://my-resource.services.ai.azure.com/anthropic/v1/messages"
IMPORTS_OS = "import os\n"
IMPORTS_COMPLETION = "from azure_agents import completion\n"
# An ellipsis stands for the rest of the call.
REST = ("    # ...\n", "    api_key='KEY', messages=[{'role': 'user', 'content': 'Hello!'}],\n")
HELLO = "[{'role': 'user', 'content': 'Hi'}]"
LINES = (40, 62, 84, 100, 116, 135, 324, 353, 359)
EXAMPLES = {Place("004", line) for line in LINES}


def code(line: int, *meant: tuple[str, str]) -> str:
    """An example of the page."""
    return code_of(Place("004", line), *meant)


def deploy(player: Player, name: str = "claude-sonnet-4-5", reply: Any = "Hi") -> None:
    """Deploy a Claude under the name of its model, as Foundry proposes it."""
    player.foundry.deploy(name, reply, model=name)


def sent(player: Player) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = json.loads(player.network.asked[-1].read())
    return body


async def test_line_40_three_ways_to_sign_in(player: Player) -> None:
    """Each of the three is enough; the third needs a base, as the others have it."""
    deploy(player)
    _, *options = re.split(r"\n# O", code(40, ('"your-azure-ad-token"', "TOKEN")))
    assert 3 == len(options)
    for option, header in zip(options, ("x-api-key", *["authorization"] * 2), strict=True):
        os.environ["AZURE_API_BASE"] = "https://my-resource.services.ai.azure.com/anthropic"
        await player.run(f"import os\n# O{option}")
        call = f"response = completion('azure_ai/claude-sonnet-4-5', {HELLO})"
        names = await player.run(IMPORTS_COMPLETION + call)
        assert "Hi" == names["response"].choices[0].message.content
        assert header in player.network.asked[-1].headers
        for name in VARIABLES:
            os.environ.pop(name, None)
    assert [("your-tenant-id", "your-client-id", "your-client-secret")] == player.principals
    assert ("https://cognitiveservices.azure.com/.default",) == player.foundry.token_scopes[-1]


@pytest.mark.parametrize(
    ("line", "before", "expected"),
    [
        (62, IMPORTS_OS, {"max_tokens": 1000, "temperature": 0.7}),
        (84, "", {"max_tokens": 1000}),
        (100, "", {"max_tokens": 1000}),
        (324, "", {"max_tokens": 1000, "temperature": 0.7}),
    ],
)
async def test_calls(player: Player, line: int, before: str, expected: dict[str, Any]) -> None:
    """Basic completion, key and token as parameters, full configuration."""
    deploy(player)
    names = await player.run(before + code(line))
    assert "Hi" == names["response"].choices[0].message.content
    assert [URL] == player.urls
    assert expected == {name: sent(player)[name] for name in expected}
    token = "azure_ad_token" in code(line)
    assert token == ("authorization" in player.network.asked[0].headers)


def in_environment(player: Player) -> None:
    """What the page has set before."""
    os.environ["AZURE_API_KEY"] = player.foundry.api_key
    os.environ["AZURE_API_BASE"] = "https://my-resource.services.ai.azure.com/anthropic"


async def test_line_116_streaming(player: Player, capsys: pytest.CaptureFixture[str]) -> None:
    """The story is printed piece by piece."""
    deploy(player, reply="Once upon a time there was a router.")
    in_environment(player)
    await player.run(code(116))
    assert "Once upon a time there was a router." == capsys.readouterr().out
    assert True is sent(player)["stream"]


async def test_line_135_tools(player: Player) -> None:
    """A call of the tool comes back in OpenAI's format."""
    deploy(player, reply=ToolCalls(("get_weather", {"location": "Seattle"})))
    in_environment(player)
    names = await player.run(code(135))
    assert {"type": "auto"} == sent(player)["tool_choice"]
    function = names["response"].choices[0].message.tool_calls[0].function
    assert ("get_weather", '{"location":"Seattle"}') == (function.name, function.arguments)


async def test_lines_353_and_359_the_cures_of_a_missing_base(player: Player) -> None:
    """A base in the environment, or in the call."""
    deploy(player)
    os.environ["AZURE_API_KEY"] = player.foundry.api_key
    call = f"response = completion('azure_ai/claude-sonnet-4-5', {HELLO})"
    await player.run(IMPORTS_OS + code(353) + IMPORTS_COMPLETION + call)
    for name in VARIABLES:
        os.environ.pop(name, None)
    names = await player.run(IMPORTS_COMPLETION + code(359, REST))
    assert "Hi" == names["response"].choices[0].message.content
    assert [URL, URL] == player.urls


@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-1"])
@pytest.mark.parametrize("prefix", ["azure_ai", "azure"])
async def test_every_model_of_the_page_by_both_prefixes(
    player: Player, name: str, prefix: str
) -> None:
    """Page 003 says ``azure/claude-…``; 4,096 tokens where none are asked for, as 004 says."""
    assert f"`{name}`" in page("004")
    assert "`azure/claude-*`" in page("003")
    deploy(player, name)
    in_environment(player)
    await player.run(f"{IMPORTS_COMPLETION}completion('{prefix}/{name}', {HELLO})")
    assert ([URL], 4096) == (player.urls, sent(player)["max_tokens"])


PARAMETERS: dict[str, Any] = {
    "stream": False,
    "stop": "END",
    "temperature": 0.1,
    "top_p": 0.9,
    "max_tokens": 2000,
    "max_completion_tokens": 2000,
    "tools": [{"type": "function", "function": {"name": "f"}}],
    "tool_choice": "none",
    "extra_headers": {"x-mine": "1"},
    "parallel_tool_calls": False,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"schema": {"type": "object", "properties": {}, "required": []}},
    },
    "user": "u",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "reasoning_effort": "low",
}


async def test_every_supported_parameter_of_the_page_is_taken(player: Player) -> None:
    """Each by itself; the list is read from the page."""
    after = page("004").partition("## Supported OpenAI Parameters")[2]
    named = re.findall(r'"(\w+)"', after.partition("```\n")[2].partition("```")[0])
    assert sorted(PARAMETERS) == sorted(named)
    deploy(player)
    in_environment(player)
    for name in named:
        given = {name: PARAMETERS[name]}
        if name in ("tool_choice", "parallel_tool_calls"):
            given["tools"] = PARAMETERS["tools"]
        await player.run(
            f"{IMPORTS_COMPLETION}completion('azure_ai/claude-sonnet-4-5', {HELLO}, **given)",
            {"given": given},
        )
    assert len(named) == len(player.urls)
