"""Every SDK example of the two pages on Azure OpenAI (002, 003) runs, with the import changed.

Where a page's example cannot be run by anyone, what it means is said beside it.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack
from typing import Any

import pytest

from azure_agents.emulator import ToolCalls
from azure_agents.errors import ConfigError

from .blocks import FOLDER, Place, blocks, code_of, needs_pages, page
from .playing import VARIABLES, Player

pytestmark = needs_pages
RESOURCE = "https://my-resource.openai.azure.com"
IMPORTS_OS = "import os\n"
IMPORTS_LITELLM = "import azure_agents as litellm\n"
CALL = (
    "\nfrom azure_agents import completion\n"
    "response = completion('azure/my-deployment', [{'role': 'user', 'content': 'Hi'}])\n"
)
# What stands on the pages, and how it is read.
MISTAKES = {
    "a missing bracket": ('"azure_text/<your-deployment-name"', '"azure_text/my-deployment"'),
    "a missing comma": ("=token_provider\n", "=token_provider,\n"),
    "another import": ("from litellm import completion", "from litellm import speech"),
    "a bracket of speech": ('"azure/<your-deployment-name"', '"azure/my-deployment"'),
    "half an import": ("from litellm\n", "import litellm\n"),
}

# Line, what stands before it, and which mistakes it has.
Row = tuple[Place, str, tuple[tuple[str, str], ...]]
CHATS: list[Row] = [
    (Place("002", 27), IMPORTS_OS, ()),
    (Place("003", 43), IMPORTS_OS, ()),
    (Place("002", 44), "", ()),
    (Place("003", 60), "", ()),
    (Place("002", 59), "", ()),
    (Place("003", 75), "", ()),
    (Place("002", 458), IMPORTS_LITELLM, ()),
    (Place("003", 591), IMPORTS_LITELLM, ()),
    (Place("002", 528), "", (MISTAKES["a missing comma"],)),
    (Place("003", 697), "", ()),
    (Place("003", 718), "", ()),
]
VISION = [Place("002", 204), Place("003", 240)]
RETIRED = {Place("002", 239): Place("002", 245), Place("003", 275): Place("003", 281)}
VARIABLE_LISTS = [Place("002", 9), Place("003", 19)]
INSTRUCT = [Place("002", 366), Place("003", 531)]
TOOLS = [Place("002", 633), Place("003", 1211)]
# Line, deployment, its model.
FAMILIES = [
    (Place("003", 333), "my-o3-deployment", "o3"),
    (Place("003", 358), "my-random-deployment-name", "o3-mini"),
    (Place("003", 395), "my-gpt-5-deployment", "gpt-5"),
    (Place("003", 424), "my-gpt-5-deployment", "gpt-5-mini"),
    (Place("003", 459), "azure-openai-4o-audio", "gpt-4o-audio-preview"),
]
SPEECH, PREVIEW = Place("002", 397), Place("002", 296)
BATCHES = [Place("003", line) for line in (973, 993, 1007, 1024)]
EXAMPLES = {
    *(place for place, _, _ in CHATS),
    *(place for place, _, _ in FAMILIES),
    *VISION,
    *RETIRED,
    *RETIRED.values(),
    *VARIABLE_LISTS,
    *INSTRUCT,
    *TOOLS,
    *BATCHES,
    SPEECH,
    PREVIEW,
}


def in_environment(player: Player, **more: str) -> None:
    """What the page has set before: a base and a key."""
    known = {"AZURE_API_BASE": RESOURCE, "AZURE_API_KEY": player.foundry.api_key}
    os.environ.update({**known, **more})


@pytest.mark.parametrize(("place", "before", "meant"), CHATS, ids=lambda each: str(each)[:24])
async def test_calls(
    player: Player, place: Place, before: str, meant: tuple[tuple[str, str], ...]
) -> None:
    """With a key, a token, a provider, or whoever runs it: the model answers."""
    player.foundry.deploy("my-deployment", "Good morning!")
    code = before + code_of(place, *meant)
    names = await player.run(code)
    assert "Good morning!" == names["response"].choices[0].message.content
    path = "/openai/deployments/my-deployment/chat/completions?api-version=2023-05-15"
    assert [f"{RESOURCE}{path}"] == player.urls
    header = "api-key" if "api_key" in code or "AZURE_API_KEY" in code else "authorization"
    assert {header} == {"api-key", "authorization"} & set(player.network.asked[0].headers)


@pytest.mark.parametrize("place", VARIABLE_LISTS)
async def test_variables(player: Player, place: Place) -> None:
    """Each that the page names is read here, and what it sets is enough for a call."""
    player.foundry.deploy("my-deployment", "Hi")
    code = code_of(place)
    assert set() == set(re.findall(r"environ\[\"(\w+)\"\]", code)) - set(VARIABLES)
    assert "Hi" == (await player.run(code + CALL))["response"].choices[0].message.content


@pytest.mark.parametrize("place", VISION)
async def test_vision(player: Player, place: Place) -> None:
    """The picture goes up as it was given."""
    player.foundry.deploy("my-deployment", "A boardwalk.")
    in_environment(player)
    names = await player.run(code_of(place))
    assert "A boardwalk." == names["response"].choices[0].message.content
    sent = json.loads(player.network.asked[-1].read())["messages"][0]["content"][1]
    assert sent["image_url"]["url"] in blocks()[place][1]


@pytest.mark.parametrize("place", RETIRED.values())
async def test_retired_enhancements(player: Player, place: Place) -> None:
    """Azure has no such route any more: the error names what replaced it, and nothing is sent."""
    os.environ["AZURE_VISION_ENHANCE_KEY"] = "a-key"
    player.foundry.deploy("gpt-4-vision", "never")
    with pytest.raises(ConfigError, match=r"retired: leave it out\. Images go into messages as"):
        await player.run(code_of(place))
    assert [] == player.urls


@pytest.mark.parametrize("place", RETIRED)
def test_the_retired_base_is_the_one_of_the_call(place: Place) -> None:
    """It is no Python: a setting, shown by itself."""
    base = blocks()[place][1].splitlines()[0].removeprefix("base_url=")
    assert f'base_url="{base}"' in blocks()[RETIRED[place]][1]


async def test_line_296_of_002_streams_of_o1(player: Player, capsys: Any) -> None:
    """They are real, without a switch: LiteLLM asks for the whole answer and gives one piece."""
    player.foundry.deploy("my-deployment", "It is sunny in Boston today.", model="o1")
    in_environment(player)
    await player.run(code_of(PREVIEW))
    assert True is json.loads(player.network.asked[-1].read())["stream"]
    assert len(capsys.readouterr().out.splitlines()) > 3


@pytest.mark.parametrize(("place", "name", "model"), FAMILIES)
async def test_families(player: Player, place: Place, name: str, model: str) -> None:
    """The deployment is asked by its own name, whatever stands before it."""
    player.foundry.deploy(name, "Hello!", model=model)
    in_environment(player)
    names = await player.run(code_of(place))
    assert name == json.loads(player.network.asked[-1].read())["model"] or name in player.urls[-1]
    if "response" in names:  # two examples keep no answer
        message = names["response"].choices[0].message
        spoken = message.audio["transcript"] if message.audio else None
        assert "Hello!" == (message.content or spoken)
        assert (spoken is not None) == ("audio" in name)


@pytest.mark.parametrize("place", INSTRUCT)
async def test_instruct(player: Player, place: Place) -> None:
    """Messages become a prompt, and the text comes back as a chat."""
    player.foundry.deploy("my-deployment", "It is sunny.", model="gpt-35-turbo-instruct")
    names = await player.run(IMPORTS_OS + code_of(place, MISTAKES["a missing bracket"]))
    assert "It is sunny." == names["response"].choices[0].message.content
    assert "/openai/deployments/my-deployment/completions?" in player.urls[-1]


async def test_line_397_of_002_speech(player: Player) -> None:
    """The sound is written to the file."""
    player.foundry.deploy("my-deployment", model="tts")
    code = code_of(SPEECH, MISTAKES["another import"], MISTAKES["a bracket of speech"])
    await player.run(f"{IMPORTS_OS}from pathlib import Path\n{code}")
    assert 0 < (player.folder / "speech.mp3").stat().st_size
    assert "/openai/deployments/my-deployment/audio/speech?" in player.urls[-1]


@pytest.mark.parametrize("place", TOOLS)
async def test_tools(player: Player, place: Place, capsys: Any) -> None:
    """Calls in parallel come back; the page's old version takes ``tool_choice``."""
    cities = ("San Francisco", "Tokyo", "Paris")
    calls = [("get_current_weather", {"location": city}) for city in cities]
    player.foundry.deploy("chatgpt-functioncalling", ToolCalls(*calls))
    code = code_of(
        place, ("os.environ['AZURE_API_KEY'] = \"\"", "os.environ['AZURE_API_KEY']='KEY'")
    )
    names = await player.run(code)
    assert 3 == len(names["tool_calls"])
    assert "Tool Choice" in capsys.readouterr().out
    assert "auto" == json.loads(player.network.asked[-1].read())["tool_choice"]
    assert player.urls[-1].endswith("api-version=2023-07-01-preview")


async def test_batches(player: Player, capsys: Any) -> None:
    """The four examples, one after the other; the file is the page's own, with a deployment."""
    player.foundry.deploy("my-deployment", "In 1975.")
    lines = blocks()[Place("003", 863)][1]
    lines = lines.replace("REPLACE-WITH-MODEL-DEPLOYMENT-NAME", "my-deployment")
    (player.folder / "azure_batch_completions.jsonl").write_text(lines)
    upload = code_of(BATCHES[0], MISTAKES["half an import"])
    code = upload + "batch_input_file_id = file_obj.id\n"
    for place in BATCHES[1:]:
        code += code_of(place)
    with ExitStack() as files:  # the page opens one and does not close it
        opening = {"open": lambda *given: files.enter_context(open(*given))}  # noqa: PTH123
        names = await player.run(code, opening)
    assert "batch" == names["file_obj"].purpose
    assert names["create_batch_response"].id == names["retrieved_batch"].id
    assert lines.strip() == names["file_content"].content.decode().strip()
    assert [names["create_batch_response"].id] == [
        one.id for one in names["list_batches_response"].data
    ]
    assert player.urls[-1].endswith("limit=2")
    assert "list_batches_response=" in capsys.readouterr().out


CALLS_IN_TABLES = re.compile(
    r"^\| ([\w.-]+) +\| `(?:response = )?(completion\(.*\))`", re.MULTILINE
)
TABLES = [
    (number, *row)
    for number in ("002", "003")
    if FOLDER.exists()
    for row in CALLS_IN_TABLES.findall(page(number))
]


@pytest.mark.parametrize(("number", "model", "call"), TABLES)
async def test_models_of_the_tables(player: Player, number: str, model: str, call: str) -> None:
    """Each model by the call that stands beside it, by a deployment of any name."""
    player.foundry.deploy("my-deployment", "Hi", model=model)
    in_environment(player)
    call = call.replace("<your deployment name>", "my-deployment")
    names = await player.run(
        "from azure_agents import completion\n"
        f"messages = [{{'role': 'user', 'content': 'Hi'}}]\nresponse = {call}"
    )
    assert "Hi" == names["response"].choices[0].message.content
