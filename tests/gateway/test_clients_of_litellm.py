"""Who comes from LiteLLM's proxy: docs/migrating_from_litellm.md is what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError
from azure_agents.gateway.config.keys import SECTIONS as CODE
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.elsewhere import REPLACED
from azure_agents.gateway.model_lists import is_models
from azure_agents.gateway.routes import find_route

from .conftest import HELLO, Gateway, running
from .migration_page import PAGE, SECTIONS, page

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
VIRTUAL = "sk-made-by-litellm"
CONFIG = f"""
model_list:
  - model_name: gpt
    litellm_params: {{{{model: azure/dep, api_base: "{{base}}", api_key: upstream}}}}
keys:
  - {{{{name: team-a, hash: {sha256(VIRTUAL.encode()).hexdigest()}}}}}
"""


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A gateway with a key that LiteLLM had made."""
    with Emulator(seed=7) as foundry, foundry.serve() as served:
        foundry.deploy("dep", "Hello, Ada.")
        config = CONFIG.format(base=served.resource)
        with running(config, authorization=f"Bearer {VIRTUAL}") as front:
            yield front


def test_the_written_parts_are_those_of_the_code() -> None:
    """`make docs` was run after the last change of a key or a route."""
    assert page() == PAGE.read_text("utf-8")


def test_every_section_of_the_file_is_in_the_table() -> None:
    """None that the code has is forgotten."""
    assert {f"`{name}`" for name in CODE} <= SECTIONS.keys()


def test_what_the_table_says_of_a_key_happens() -> None:
    """Of each fate each key of `general_settings`: read, noted, or refused by its reason."""
    for name, key in SECTIONS["`general_settings`"].items():
        told = _told_of(f"general_settings: {{{name}: 1}}")
        expected = {"used": False, "set aside": True, "refused": True}[key.fate]
        assert expected == (bool(key.why) and key.why in told), name


def _told_of(line: str) -> str:
    """What is said of a config with this line: its notes, or its problems."""
    model = "  - {model_name: m, litellm_params: {model: azure/d, api_base: https://x.openai.azure.com}}"
    try:
        config = read_config(f"model_list:\n{model}\n{line}\n", env={})
    except ConfigError as error:
        return str(error)
    return " ".join(note.text for note in config.notes)


@pytest.mark.parametrize("root", ["", "/v1"])
def test_a_route_of_litellm_says_what_is_here(gateway: Gateway, root: str) -> None:
    """Each beginning of a path, as it is and with more behind it; and none hides a route."""
    for beginning, instead in REPLACED.items():
        for path in (beginning, f"{beginning}/more"):
            if is_models(root + path) or find_route(root + path) or path in HERE:
                continue
            answer = gateway.http.get(root + path)
            message = answer.json()["error"]["message"]
            assert (404, True) == (answer.status_code, message.endswith(instead)), path


HERE = {"/spend"}


def test_a_key_that_litellm_made_keeps_working(gateway: Gateway) -> None:
    """By its hash; its spend is told under its name."""
    body = {"model": "gpt", "messages": HELLO}
    assert 200 == gateway.http.post("/chat/completions", json=body).status_code
    assert {"team-a"} == {row["key"] for row in gateway.http.get("/spend").json()["data"]}


def test_the_headers_of_the_table(gateway: Gateway) -> None:
    """Those that an answer has, and those of LiteLLM's that change nothing."""
    headers = {"x-litellm-tags": "a", "x-litellm-num-retries": "9", "x-request-id": "mine-1"}
    body = {"model": "gpt", "messages": HELLO}
    answer = gateway.http.post("/v1/chat/completions", json=body, headers=headers)
    assert (200, "mine-1") == (answer.status_code, answer.headers["x-request-id"])
    assert {"x-model-id", "x-response-cost"} <= answer.headers.keys()
    table = PAGE.read_text("utf-8").partition("### Headers and fields")[2]
    here = {*re.findall(r"^\|.*\| `(x-[a-z-]+)`", table, re.MULTILINE)}
    assert {"x-model-id", "x-request-id", "x-response-cost"} == here
    assert [] == [name for name in answer.headers if name.startswith("x-litellm")]


REFUSED: list[dict[str, Any]] = [
    {"fallbacks": ["other"]},
    {"api_base": "https://elsewhere.example"},
    {"api_key": "sk-other"},
]


@pytest.mark.parametrize("field", REFUSED)
def test_a_request_names_no_upstream(gateway: Gateway, field: dict[str, Any]) -> None:
    """And no other model."""
    body = {"model": "gpt", "messages": HELLO, **field}
    answer = gateway.http.post("/v1/chat/completions", json=body)
    assert (400, next(iter(field))) == (answer.status_code, answer.json()["error"]["param"])


ODD = ("1", "[1]", "{a: 1}", "x", "true", "''", "[{a: 1}]")


@pytest.mark.parametrize("section", CODE)
def test_an_odd_value_is_a_problem_with_its_line(section: str) -> None:
    """Of every key of every section: nothing else than a problem of the file is raised."""
    for name in CODE[section]:
        for value in ODD:
            told = _told_of(f"{section}: {{{name}: {value}}}")
            assert "line 3" in told or not told.startswith("config.yaml:"), (name, value)


def test_one_origin_may_stand_alone() -> None:
    """As LiteLLM's variable has it; letter by letter it would never fit."""
    model = (
        "{model_name: m, litellm_params: {model: azure/d, api_base: https://x.openai.azure.com}}"
    )
    text = f"model_list: [{model}]\ngeneral_settings: {{cors_allow_origins: https://mine.example}}"
    assert ("https://mine.example",) == read_config(text, env={}).cors_allow_origins
