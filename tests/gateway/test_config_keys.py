"""The tables of keys: what becomes of each, and that those of LiteLLM's examples are known."""

from __future__ import annotations

import pytest

from azure_agents.gateway.config.keys import PARAMS, SECTIONS, TOP
from azure_agents.routing.settings import NOT_OFFERED, RouterArguments

# What LiteLLM's own example configs with Azure entries have beside them (its repository:
# proxy_server_config.yaml, litellm/proxy/example_config_yaml/).
OF_EXAMPLES = {
    "used": [
        "litellm_settings.drop_params",
        "litellm_settings.num_retries",
        "litellm_settings.request_timeout",
        "litellm_settings.context_window_fallbacks",
        "router_settings.redis_host",
        "router_settings.model_group_alias",
        "general_settings.master_key",
    ],
    "set aside": [
        "litellm_settings.set_verbose",
        "litellm_settings.telemetry",
        "router_settings.routing_strategy",
        "router_settings.enable_pre_call_checks",
        "general_settings.background_health_checks",
        "general_settings.health_check_interval",
        "general_settings.proxy_batch_write_at",
        "general_settings.proxy_budget_rescheduler_min_time",
        "general_settings.database_connection_pool_limit",
        "general_settings.use_redis_transaction_buffer",
    ],
    "refused": [
        "litellm_settings.cache",
        "litellm_settings.default_team_settings",
        "general_settings.store_model_in_db",
        "general_settings.pass_through_endpoints",
    ],
}


@pytest.mark.parametrize(("fate", "place"), [(f, p) for f, ps in OF_EXAMPLES.items() for p in ps])
def test_the_keys_of_the_examples_are_known(fate: str, place: str) -> None:
    """None of them is called unknown."""
    section, _, name = place.partition(".")
    assert fate == SECTIONS[section][name].fate


def test_every_key_that_is_not_used_says_why() -> None:
    """Nobody is left with a bare no."""
    tables = [TOP, PARAMS, *SECTIONS.values()]
    assert set() == {
        name
        for table in tables
        for name, key in table.items()
        if (key.fate == "used") is bool(key.why)
    }


def test_the_router_takes_what_the_file_may_say() -> None:
    """Each of its arguments is a key, and each name that it refuses is told of with its reason."""
    used = {name for name, key in SECTIONS["router_settings"].items() if key.fate == "used"}
    aside = {"enable_pre_call_checks", "optional_pre_call_checks", "routing_strategy"}
    assert RouterArguments.__annotations__.keys() - {"clock"} == used | aside
    assert set() == NOT_OFFERED.keys() - SECTIONS["router_settings"].keys()
