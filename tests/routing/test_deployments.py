"""`model_list`, as LiteLLM's pages write it: what becomes of each key, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import ConfigError
from azure_agents.routing.deployments import Deployment, read_deployments
from azure_agents.routing.limits import Limits

BASE = "https://one.openai.azure.com"
PROJECT = "https://one.services.ai.azure.com/api/projects/p"


def entry(params: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An entry with what each needs."""
    given = {"model": "azure/dep", "api_base": BASE, "api_key": "secret", **(params or {})}
    return {"model_name": "gpt", "litellm_params": given, **more}


def read(params: dict[str, Any] | None = None, **more: Any) -> Deployment:
    """The deployment of one entry."""
    return read_deployments([entry(params, **more)])[0]


def test_limits_stand_in_either_place() -> None:
    """Beside `litellm_params` on the pages, inside in LiteLLM's configs; the inner one counts."""
    assert Limits(rpm=6, tpm=100) == read({"rpm": 6}, rpm=9, tpm=100).limits


def test_settings_stay_here_and_parameters_go_up() -> None:
    """What the router reads is not sent; what a price or a place is, is kept beside."""
    one = read(
        {
            "order": 2,
            "weight": 3,
            "max_parallel_requests": 4,
            "num_retries": 1,
            "timeout": 5,
            "stream_timeout": 2,
            "cooldown_time": 7,
            "temperature": 0.1,
            "reasoning_effort": "low",
            "input_cost_per_token": 0.1,
            "region_name": "sweden",
            "seed": None,
        },
        model_info={"id": "mine", "base_model": "azure/gpt-5"},
    )
    expected = {
        "api_base": BASE,
        "api_key": "secret",
        "temperature": 0.1,
        "reasoning_effort": "low",
        "base_model": "azure/gpt-5",
    }
    assert expected == one.params
    assert ("mine", 2, 3, 4, 1) == (one.id, one.order, one.weight, one.most_running, one.retries)
    assert (5, 2, 7) == (one.timeout, one.stream_timeout, one.cooldown)
    assert {"input_cost_per_token", "region_name", "id", "base_model"} == set(one.info)


def test_ids_are_the_same_in_every_process() -> None:
    """They follow from what an entry is, not from its secrets; equal entries are counted apart."""
    first, second = read_deployments([entry(), entry()])
    other = read({"api_key": "another"})
    assert first.id == other.id
    assert f"{first.id}-2" == second.id
    assert "secret" not in repr(first)
    assert 8 == len(first.mark)


@pytest.mark.parametrize(
    ("params", "env", "model"),
    [
        ({"model": "gpt-4o", "api_base": None, "api_key": "sk-1"}, {}, "openai/gpt-4o"),
        ({"model": "gpt-4o", "api_base": None}, {}, "openai/gpt-4o"),
        ({"model": "my-agent:1", "api_base": PROJECT}, {}, "my-agent:1"),
        (
            {"model": "my-agent", "api_base": None},
            {"AZURE_AI_PROJECT_ENDPOINT": PROJECT},
            "my-agent",
        ),
        (
            {"model": "gpt-4o", "api_base": None, "api_key": "sk-1"},
            {"AZURE_AI_PROJECT_ENDPOINT": PROJECT},
            "openai/gpt-4o",
        ),
        ({"model": "dep", "custom_llm_provider": "azure"}, {}, "azure/dep"),
    ],
)
def test_bare_names(
    params: dict[str, Any], env: dict[str, str], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent where the base is a project's, else a model of OpenAI, as in LiteLLM."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert model == read(params).model


@pytest.mark.parametrize(
    ("params", "resource"),
    [
        ({}, BASE),
        ({"api_base": f"{BASE}/openai/v1/"}, BASE),
        (
            {"api_base": f"{BASE}/openai/deployments/dep/chat/completions?api-version=2024-10-21"},
            BASE,
        ),
        ({"model": "azure_ai/agents/my-agent", "api_base": PROJECT}, PROJECT),
        ({"model": "openai/gpt-4o", "api_base": None}, "https://api.openai.com/v1"),
        ({"model": "azure/*"}, BASE),
    ],
)
def test_deployments_of_one_resource_are_known_as_such(
    params: dict[str, Any], resource: str
) -> None:
    """In whichever form the base was pasted."""
    assert resource == read(params).resource


def test_a_wildcard_stands_for_the_name_that_was_asked_for() -> None:
    """The entry's limits hold for all of them together, so the id stays."""
    one = read_deployments([{**entry({"model": "azure/*"}), "model_name": "azure/*"}])[0]
    assert ("azure/gpt-4o", one.id) == (one.under("azure/gpt-4o").model, one.under("azure/x").id)
    named = read_deployments([{**entry({"model": "azure/dep-*"}), "model_name": "team/*"}])[0]
    assert "azure/dep-mini" == named.under("team/mini").model


def test_variables_of_the_environment_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As LiteLLM's configs write them."""
    monkeypatch.setenv("MY_KEY", "from-env")
    assert "from-env" == read({"api_key": "os.environ/MY_KEY"}).params["api_key"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([7], r"model_list\[0\] must be a dictionary, got int"),
        ({"model_name": "a"}, "model_list must be a list of dictionaries, got dict"),
        ([{**entry(), "litelm_params": {}}], "'litelm_params' is unknown: did you mean 'litellm"),
        ([{"model_name": "a"}], "litellm_params must be a dictionary, got NoneType"),
        ([{**entry(), "model_name": ""}], "model_name must be a name, got ''"),
        ([entry({"model": None})], "litellm_params: model must be a name, got None"),
        ([entry({"model": "azre/dep"})], r"model_list\[0\]: model='azre/dep' begins with 'azre'"),
        ([entry({"model": "azure/<dep>"})], "still holds a placeholder"),
        ([entry({"api_base": None})], "no base URL for 'azure/dep': pass api_base="),
        ([entry({"api_bse": "x"})], "'api_bse' is no setting: did you mean 'api_base'"),
        ([entry({"max_parallel_request": 1})], "did you mean 'max_parallel_requests'"),
        ([entry({"tags": ["a"]})], "tags is not offered: give the deployments names of their own"),
        ([entry({"weight": 0})], "weight must be a number above 0, got 0"),
        ([entry({"order": "first"})], "order must be a number"),
        ([entry({"max_parallel_requests": 1.5})], "must be a whole number, got 1.5"),
        ([entry({"num_retries": 1, "max_retries": 2})], "are the same and differ"),
        ([entry({"api_key": "os.environ/NOT_SET"})], "variable NOT_SET is not set"),
        (
            [entry(model_info={"id": 1}), entry(model_info={"id": 1})],
            "the id '1' is that of model_",
        ),
    ],
)
def test_a_wrong_list_is_refused(given: Any, message: str) -> None:
    """With its place, the value and what was meant; nothing has been sent."""
    with pytest.raises(ConfigError, match=message):
        read_deployments(given)


HOSTS = [
    ("https://one.openai.azure.com", "https://one.openai.azure.com"),
    ("https://one.cognitiveservices.azure.com", "https://one.openai.azure.com"),
    ("https://ONE.services.ai.azure.com/", "https://one.openai.azure.com"),
    ("https://one.services.ai.azure.com/openai/v1/", "https://one.openai.azure.com"),
    ("https://one.cognitiveservices.azure.us", "https://one.openai.azure.us"),
    (PROJECT, PROJECT),
    ("https://two.one.openai.azure.com", "https://two.one.openai.azure.com"),
    ("https://sweden.api.cognitive.microsoft.com", "https://sweden.api.cognitive.microsoft.com"),
    ("https://one.openai.azure.com.example", "https://one.openai.azure.com.example"),
    ("https://one.openai.azure.com:8443", "https://one.openai.azure.com:8443"),
    ("https://gateway.example/openai/v1", "https://gateway.example"),
]


@pytest.mark.parametrize(("base", "expected"), HOSTS, ids=[base for base, _ in HOSTS])
def test_all_hosts_of_a_resource_are_one(base: str, expected: str) -> None:
    """What is made at one of them is looked for at any; each deployment is asked where it says."""
    one = read({"api_base": base})
    assert expected == one.resource
    assert one.url == base.lower().removesuffix("/").removesuffix("/openai/v1")
