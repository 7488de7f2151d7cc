"""The files of `deploy/` name what the gateway really has: ports, paths, flags, names, times."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement

from azure_agents.cli.main import azure_agents
from azure_agents.gateway.config.reading import read_config
from azure_agents.gateway.server import GRACE

from .conftest import Start
from .deployed import (
    DEPLOY,
    ROOT,
    compose,
    dockerfile,
    resources,
    seconds,
    variables,
    words_of,
)

GATEWAYS = ("gateway-1", "gateway-2")
VALUES = {
    "AZURE_API_BASE": "https://r.openai.azure.com",
    "AZURE_API_KEY": "k",
    "GATEWAY_MASTER_KEY": "sk-1",
    "REDIS_URL": "redis://redis:6379/0",
}
SERVED = """
model_list: [{model_name: a, litellm_params: {model: azure/a, api_base: "{resource}", api_key: k}}]
general_settings: {master_key: sk-1}
"""


def pod() -> dict[str, Any]:
    """The pod of the deployment."""
    found: dict[str, Any] = resources()["Deployment"]["spec"]["template"]["spec"]
    return found


def container() -> dict[str, Any]:
    """Its only container."""
    (found,) = pod()["containers"]
    return dict(found)


COMMANDS = {
    "the image": lambda: words_of("CMD"),
    "compose": lambda: compose()["services"]["gateway-1"]["command"],
    "kubernetes": lambda: container()["args"],
}


@pytest.mark.parametrize("where", COMMANDS)
def test_commands_are_taken(where: str) -> None:
    """Each is a command of ours with options that it has, on every address, at port 4000."""
    name, *arguments = COMMANDS[where]()
    command = azure_agents.commands[name]
    with command.make_context(name, arguments) as context:
        told = context.params
    assert ("0.0.0.0", 4000) == (told["host"], told["port"])  # noqa: S104 - in a container
    assert Path("/etc/azure-agents/config.yaml") == told["config"]


def test_a_wrong_option_would_be_noticed() -> None:
    """Else the test above said nothing."""
    with pytest.raises(click.NoSuchOption):
        azure_agents.commands["serve"].make_context("serve", ["--wokers", "2"])


PATHS = {
    "compose": lambda: [re.findall(r"httpchk GET (\S+)", haproxy())[0]],
    "the image": lambda: re.findall(r"'(/health[^']*)'", " ".join(words_of("HEALTHCHECK"))),
    "kubernetes": lambda: [
        container()[f"{probe}Probe"]["httpGet"]["path"]
        for probe in ("startup", "liveness", "readiness")
    ],
}


def haproxy() -> str:
    """The balancer's file."""
    return (DEPLOY / "haproxy.cfg").read_text("utf-8")


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_probes_are_answered_without_a_key(start: Start) -> None:
    """Every path that the files ask."""
    gateway = start(SERVED)
    paths = [path for found in PATHS.values() for path in found()]
    assert {200} == {gateway.http.get(path).status_code for path in paths}
    assert 5 == len(paths)


@pytest.mark.slow
@pytest.mark.allow_hosts(["127.0.0.1"])
def test_the_health_check_of_the_image_sees_what_is_there(start: Start) -> None:
    """It ends with 0 only where a gateway is ready; no shell and no proxy takes part."""
    gateway = start(SERVED)
    _, *arguments = words_of("HEALTHCHECK")
    environment = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://x:9"}

    def code(port: str) -> int:
        command = [sys.executable, *(one.replace("4000", port) for one in arguments)]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    port = gateway.url.rpartition(":")[2]
    assert 0 == code(port)
    gateway.application.is_stopping = True
    assert 1 == code(port)
    assert 1 == code("9")


CONFIGS = {
    "compose": lambda: (DEPLOY / "config.yaml").read_text("utf-8"),
    "kubernetes": lambda: resources()["ConfigMap"]["data"]["config.yaml"],
}


@pytest.mark.parametrize("where", CONFIGS)
def test_config_files_are_right(where: str) -> None:
    """They have keys and Redis, so that others may call and limits hold for all."""
    text = CONFIGS[where]().replace("<resource>", "my-resource")
    config = read_config(text, env=VALUES)
    assert config.has_keys
    assert VALUES["REDIS_URL"] == config.router["redis_url"]
    assert "k" not in text.split()


def test_compose_gives_every_variable() -> None:
    """And none that nothing reads."""
    services = compose()["services"]
    for name in GATEWAYS:
        assert variables(CONFIGS["compose"]()) == set(services[name]["environment"])
    assert VALUES.keys() == variables(CONFIGS["compose"]())


def test_kubernetes_gives_every_variable() -> None:
    """From the secret that the file's head makes."""
    text = (DEPLOY / "kubernetes.yaml").read_text("utf-8")
    made = set(re.findall(r"--from-literal=(\w+)", text))
    assert variables(CONFIGS["kubernetes"]()) == made
    assert [{"secretRef": {"name": "azure-agents"}}] == container()["envFrom"]


def test_streams_have_time_to_finish() -> None:
    """After SIGTERM, and after the time in which balancers learn of the end."""
    for name in GATEWAYS:
        service = compose()["services"][name]
        (drain,) = [int(one[8:]) for one in service["command"] if one.startswith("--drain=")]
        assert 2 < drain  # of the balancer's two looks, a second apart
        assert drain + GRACE < seconds(service["stop_grace_period"])
    wait = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    probe = container()["readinessProbe"]
    assert wait > probe["periodSeconds"] * probe["failureThreshold"]
    assert wait + GRACE < pod()["terminationGracePeriodSeconds"]
    timeouts = re.findall(r"timeout (?:client|server)\s+(\d+)m", haproxy())
    assert [True, True] == [int(minutes) * 60 > GRACE for minutes in timeouts]


def test_the_balancer_knows_the_gateways() -> None:
    """By the names and the port of the services."""
    servers = re.findall(r"^\s+server (\S+) (\S+):(\d+)$", haproxy(), re.MULTILINE)
    assert [(name, name, "4000") for name in GATEWAYS] == servers
    services = compose()["services"]
    assert set(GATEWAYS) == set(services["balancer"]["depends_on"])
    assert ["4000:4000"] == services["balancer"]["ports"]
    assert {True} == {services[name]["read_only"] for name in GATEWAYS}


def test_kubernetes_resources_fit_together() -> None:
    """Selectors, names, ports and volumes are those of the deployment."""
    found = resources()
    deployment, labels = (
        found["Deployment"],
        found["Deployment"]["spec"]["template"]["metadata"]["labels"],
    )
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    target = found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert ("Deployment", deployment["metadata"]["name"]) == (target["kind"], target["name"])
    (port,) = container()["ports"]
    assert (4000, "http") == (port["containerPort"], port["name"])
    assert "http" == found["Service"]["spec"]["ports"][0]["targetPort"]
    assert found["ServiceAccount"]["metadata"]["name"] == pod()["serviceAccountName"]
    mounted = {one["name"] for one in container()["volumeMounts"]}
    assert mounted == {one["name"] for one in pod()["volumes"]}
    assert "cpu" in container()["resources"]["requests"]  # else the autoscaler knows no percentage


def test_kubernetes_gives_away_no_rights() -> None:
    """No root, nothing to write to but /tmp, no secret in the file."""
    allowed = container()["securityContext"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == allowed
    assert True is pod()["securityContext"]["runAsNonRoot"]
    assert "Secret" not in resources()
    user = next(words for name, words in dockerfile() if name == "USER")
    assert (
        user == f"{pod()['securityContext']['runAsUser']}:{pod()['securityContext']['runAsGroup']}"
    )


def test_what_the_image_copies_is_there_and_let_in() -> None:
    """Every source of a COPY exists, and the ignore file does not keep it out."""
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    copied = [words.split() for name, words in dockerfile() if name == "COPY"]
    sources = [source for words in copied if words[0] != "--from=build" for source in words[:-1]]
    assert [] == [source for source in sources if not (ROOT / source).exists()]
    assert [] == [source for source in sources if f"!{source}" not in ignore]


def test_the_image_installs_what_the_extras_ask() -> None:
    """The lock has what the base and the extras `gateway`, `otel` ask, in range, with hashes."""
    text = (DEPLOY / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["gateway"], *extras["otel"]]
    for need in map(Requirement, wanted):
        assert need.specifier.contains(locked[need.name]), need
    assert len(locked) == len(re.findall(r"==\S+(?: ; .*)? \\\n    --hash=sha256:", text))


@pytest.mark.slow
def test_prometheus_takes_the_alerts() -> None:
    """By its own checker, where that is installed."""
    checker = shutil.which("promtool")
    if checker is None:
        if os.environ.get("CI") == "true":
            pytest.fail("promtool is missing, and CI must not skip its test")
        pytest.skip("promtool is not installed")
    command = [checker, "check", "rules", str(DEPLOY / "alerts.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
