"""Settings in the package, as LiteLLM has them, are refused: nobody would read them."""

from __future__ import annotations

import copy
import pickle

import pytest

import azure_agents
from azure_agents.errors import ConfigError

ASSIGNED = [
    ("api_key", "pass", r"settings are arguments of a call, .*\(api_key=\), or set AZURE_API_KEY"),
    ("api_base", "pass", "or set AZURE_API_BASE"),
    ("api_version", "pass", "or set AZURE_API_VERSION"),
    ("openai_key", "pass", r"\(api_key=\), or set OPENAI_API_KEY"),
    ("drop_params", "pass", r"\(drop_params=\)"),
    ("num_retries", "pass", r"\(num_retries=\)"),
]


@pytest.mark.parametrize(("name", "value", "words"), ASSIGNED)
def test_a_setting_of_the_package_is_an_error_that_names_the_argument(
    name: str, value: str, words: str
) -> None:
    """Its value is not repeated: it may be a key."""
    with pytest.raises(ConfigError, match=words) as caught:
        setattr(azure_agents, name, value)
    assert "pass" not in str(caught.value)
    assert not hasattr(azure_agents, name)


@pytest.mark.parametrize("name", ["enable_azure_ad_token_refresh", "enable_preview_features"])
def test_switches_that_turn_on_what_is_always_on_are_taken(name: str) -> None:
    """Streams are real and DefaultAzureCredential is the last way to sign in, without a switch."""
    setattr(azure_agents, name, True)
    assert not hasattr(azure_agents, name)


def test_the_package_is_a_module_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests replace its functions, and classes are pickled by its name."""
    monkeypatch.setattr(azure_agents, "completion", print)
    assert azure_agents.completion is print
    assert azure_agents.Timeouts() == copy.deepcopy(azure_agents.Timeouts())
    assert azure_agents.Timeouts() == pickle.loads(pickle.dumps(azure_agents.Timeouts()))  # noqa: S301
