"""docs/operations.md and the alerts name the metrics that there are, and no others."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from azure_agents import errors
from azure_agents.emulator import Emulator
from azure_agents.gateway.app import Application
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.counters import ANSWERED, LEFT
from azure_agents.gateway.workers.sums import GAUGES

from .conftest import Start
from .deployed import DEPLOY, ROOT

BEGIN = "azure_agents_gateway_"
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
CONFIG = """
model_list:
- model_name: gpt-4o
  litellm_params: {model: azure/dep, api_base: "{resource}", api_key: k, rpm: 10}
- model_name: none
  litellm_params: {model: azure/none, api_base: "{resource}", api_key: k}
- model_name: unknown
  litellm_params: {model: azure/unknown, api_base: "{resource}", api_key: k}
general_settings: {master_key: sk-1}
router_settings: {redis_url: "unix:///none"}
"""


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture
def told(foundry: Emulator, start: Start) -> dict[str, set[str]]:
    """The labels of each metric of a gateway that was called, by the metric's name."""
    foundry.deploy("dep", "Hello.")
    foundry.deploy("unknown", "Hello.", model="a-model-without-a-price")
    gateway = start(CONFIG, authorization="Bearer sk-1")
    names = "gpt-4o", "unknown", "none"
    assert [200, 200, 502] == [gateway.chat(name).status_code for name in names]
    assert 404 == gateway.http.get("/nowhere").status_code
    gateway.application.note_reload("ok")
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(gateway.http.get("/metrics").text):
        name = family.name + ("_total" if family.type == "counter" else "")
        if name.startswith(BEGIN):
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            found[name.removeprefix(BEGIN)] = labels
    return found


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_page_lists_every_metric_with_its_labels(told: dict[str, set[str]]) -> None:
    """And none that there is not."""
    found = rows("Metrics")
    page = {name.strip("`"): set(re.findall(r"`(\w+)`", labels)) for name, labels, _ in found}
    assert page == told


def alerts() -> list[dict[str, Any]]:
    """The rules."""
    (group,) = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_the_page_says_what_to_do_at_every_alert() -> None:
    """In their order."""
    assert [rule["alert"] for rule in alerts()] == [name.strip("`") for name, _ in rows("Alerts")]


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_alerts_look_at_metrics_and_labels_that_there_are(told: dict[str, set[str]]) -> None:
    """A rule with a name that nothing has never fires."""
    text = "\n".join(rule["expr"] for rule in alerts())
    used = re.findall(rf"{BEGIN}(\w+?)(?:_bucket)?(?:\{{([^}}]*)\}})?[\[)\s]", f"{text}\n")
    assert [] == [name for name, _ in used if name not in told]
    for name, matchers in used:
        assert set(re.findall(r"(\w+)[=!]~?\"", matchers)) <= told[name], name
    kinds = [one for list_ in re.findall(r'outcome!?~"([^"]*)"', text) for one in list_.split("|")]
    unknown = [one for one in kinds if one not in {ANSWERED, LEFT} and not hasattr(errors, one)]
    assert [] == unknown


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_every_gauge_of_the_sums_is_there(told: dict[str, set[str]]) -> None:
    """A gauge that was renamed would be joined in another way."""
    known = {f"{BEGIN}{name}" for name in told}
    assert [] == [name for name in GAUGES if name not in known and not name.startswith("process_")]


async def test_readings_of_the_config_are_counted() -> None:
    """Right ones and wrong ones."""
    application = Application(
        read_config(CONFIG.replace("{resource}", "https://r.openai.azure.com"))
    )
    for outcome in ("ok", "wrong", "wrong"):
        application.note_reload(outcome)
    text = application._metrics.text().decode()
    assert f'{BEGIN}config_reads_total{{outcome="wrong"}} 2.0' in text
    await application.aclose()
