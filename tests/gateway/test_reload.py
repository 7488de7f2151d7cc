"""A config file that changes while it is served: a wrong one changes nothing, and opens nothing."""

from __future__ import annotations

import logging
import os
from hashlib import sha256
from pathlib import Path

import pytest

from azure_agents.emulator import Emulator
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.server import reload_config

from .conftest import Start

ENTRY = """
model_list:
- model_name: {name}
  litellm_params: {{model: azure/gpt, api_base: "https://r.openai.azure.com", api_key: k}}
"""
FIRST = ENTRY.format(name="first") + 'general_settings: {master_key: "sk-1"}'
SECOND = ENTRY.format(name="second")
KEYED = SECOND + 'general_settings: {master_key: "sk-1"}\n'

# (the new file, what the log says)
WRONG = {
    "no YAML": ("model_list: [", "no YAML"),
    "no keys, and others can call": (SECOND, "the config has no key"),
    "a wrong entry": (KEYED.replace("model: azure/gpt", "model: azure/"), "no deployment"),
    "a wrong price": (KEYED + "prices: {gpt: {input_cost_per_token: -1}}", "US dollars"),
    "a wrong setting": (KEYED + "router_settings: {num_retries: -1}", "num_retries"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_wrong_file_changes_nothing(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what is served nor the environment; the log says why."""
    text, expected = WRONG[case]
    path = tmp_path / "config.yaml"
    path.write_text(text + "\nenvironment_variables: {OF_THE_FILE: '1'}\n")
    application = Application(read_config(FIRST, env={}))
    before = dict(os.environ)
    with caplog.at_level(logging.ERROR):
        reload_config(path, application, "0.0.0.0")  # noqa: S104 - to be refused
    assert ["first"] == list(application._serving.board.names)
    assert before == dict(os.environ)
    assert expected in caplog.text
    await application.aclose()


async def test_a_right_file_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the next request on, with its variables."""
    monkeypatch.setenv("OF_THE_FILE", "0")
    path = tmp_path / "config.yaml"
    path.write_text(KEYED + "environment_variables: {OF_THE_FILE: '1'}\n")
    application = Application(read_config(FIRST, env={}))
    reload_config(path, application, "127.0.0.1")
    assert ["second"] == list(application._serving.board.names)
    assert "1" == os.environ["OF_THE_FILE"]
    await application.aclose()


LIMITED = """
model_list:
- model_name: gpt-4o
  litellm_params: {{model: azure/dep, api_base: "{{resource}}", api_key: k, rpm: {rpm}}}
keys:
- {{name: app, hash: "{hash}", rpm: {of_key}}}
"""
HASH = sha256(b"sk-app").hexdigest()

# (limits of the deployment and the key in the new file, what the next two calls hear)
AFTER = {
    "the same": ((2, 9), [429, 429]),
    "one more for the deployment, counted anew": ((3, 9), [200, 200]),
    "fewer for the key, counted anew": ((2, 1), [429, 429]),
}


@pytest.mark.allow_hosts(["127.0.0.1"])
@pytest.mark.parametrize("case", AFTER)
def test_a_reload_forgets_no_counts(
    foundry: Emulator, resource: str, start: Start, case: str
) -> None:
    """Limits that did not change go on with what was counted: none lets twice as much through."""
    (rpm, of_key), expected = AFTER[case]
    foundry.deploy("dep", "Hello.")
    first = LIMITED.format(rpm=2, of_key=9, hash=HASH)
    gateway = start(first, authorization="Bearer sk-app")
    assert [200, 200, 429] == [gateway.chat().status_code for _ in range(3)]
    text = LIMITED.format(rpm=rpm, of_key=of_key, hash=HASH).replace("{resource}", resource)
    gateway.application.change(read_config(text))
    assert expected == [gateway.chat().status_code for _ in range(2)]
