"""Every key that a config file may have, LiteLLM's and ours, and what becomes of it.

A key of LiteLLM that does nothing here is either *set aside*, because the gateway does what it asks
for anyway or because it changes nothing that a client sees; or *refused*, because somebody who
wrote it relies on something that would not happen. The texts say which, and what to use instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ...completions.arguments import Arguments
from ...models.settings import SETTINGS
from ...naming import near
from ...prices.fields import is_price
from ...routing.settings import NOT_OFFERED, RouterArguments

Fate: TypeAlias = Literal["used", "set aside", "refused"]


@dataclass(frozen=True, slots=True)
class Key:
    """What becomes of one key.

    Attributes:
        fate: ``used``, ``set aside`` or ``refused``.
        why: For the last two: the reason, and what to use instead.
    """

    fate: Fate
    why: str = ""


_USED = Key("used")
# LiteLLM takes any key in `model_info`: what a model can do, and what operators note about it.
_NOTED = Key("set aside", "is a note about the model, and has no effect")
# Names there that have an effect: what looks like one of them was meant as it.
_TELLING = ("base_model", "input_cost_per_token", "output_cost_per_token")
_ALWAYS = "is always so here"
_DATABASE = "needs LiteLLM's database; this gateway has none: keys stand in `keys:` or in Redis"
_TUNING = "tunes LiteLLM's database; this gateway has none"
_LOGS = (
    "the gateway logs no prompts; metrics are at /metrics, spend at /spend; for OpenTelemetry set "
    "`tracing: true` in general_settings"
)
_CREDENTIAL = "name the credential in each entry, or in a YAML anchor that they share"
_CACHE = "answers are not cached here"
_GUARDRAILS = "guardrails are Azure's own content filters here, set on the deployment"
_IGNORED = "has no effect on what clients see"


def _used(*names: str) -> dict[str, Key]:
    return dict.fromkeys(names, _USED)


def _aside(why: str, *names: str) -> dict[str, Key]:
    return dict.fromkeys(names, Key("set aside", why))


def _refused(why: str, *names: str) -> dict[str, Key]:
    return dict.fromkeys(names, Key("refused", why))


TOP = {
    **_used(
        "model_list",
        "litellm_settings",
        "router_settings",
        "general_settings",
        "environment_variables",
        "keys",
        "prices",
    ),
    **_refused("put everything into one file", "include"),
    **_refused(_GUARDRAILS, "guardrails", "policies"),
    **_refused("tools run at the agent or at the client", "mcp_servers", "mcp_tools", "agents"),
    **_refused(
        "files and batches go to the entry that their model names: leave it out",
        "files_settings",
        "finetune_settings",
    ),
    **_refused(_CREDENTIAL, "credential_list"),
    **_refused("is not offered", "vector_store_registry", "search_tools", "prompts", "callbacks"),
    **_refused("write one entry for each deployment", "model_group_alias"),
}

ENTRY = {
    **_used("model_name", "litellm_params", "model_info", "rpm", "tpm", "order", "weight"),
    **_aside("is LiteLLM's own id", "id", "model_id"),
}

# What a deployment or an agent is called with, and what the router knows of it.
LIMITS = ("rpm", "tpm", "itpm", "otpm", "tpd", "rpd")
_ROUTED = (*LIMITS, "order", "weight", "max_parallel_requests", "cooldown_time")
_PYTHON_ONLY = (
    "transport",
    "async_transport",
    "clock",
    "observer",
    "credential",
    "azure_ad_token_provider",
    "thread_store",
)
PARAMS = {
    **_used("model", *SETTINGS, *Arguments.__annotations__, *_ROUTED),
    **_refused("is an object of Python, which no file can hold", *_PYTHON_ONLY),
    **_refused(
        "no upstream is taken from a client's request", "configurable_clientside_auth_params"
    ),
    **_refused("answers are the service's: leave it out", "mock_response", "mock_tool_calls"),
    **_refused(_GUARDRAILS, "guardrails"),
    **_refused(_CACHE, "caching", "cache", "cache_control_injection_points"),
    **_refused(_DATABASE, "max_budget", "budget_duration"),
    **_refused(_CREDENTIAL, "litellm_credential_name"),
    **_refused("no deployment is chosen by tags: give it a name of its own", "tags"),
    **_refused(
        "only Azure, Foundry and OpenAI are served",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_region_name",
        "vertex_project",
        "vertex_location",
        "vertex_credentials",
    ),
    **_aside(_IGNORED, "use_in_pass_through", "use_litellm_proxy", "litellm_trace_id", "rust"),
    **_aside("is read from the base", "region_name"),
    **_aside(
        "every parameter goes up; `drop_params` leaves out what the model refuses",
        "allowed_openai_params",
        "additional_drop_params",
    ),
    **_aside(_ALWAYS, "enable_azure_ad_token_refresh"),
}
INFO = {
    **_used("base_model", "id"),
    **_aside("limits stand in litellm_params", *LIMITS),
    **_aside("the request tells what is wanted", "mode"),
    **_refused("name the models in `models` of the key", "access_groups"),
    **_refused("keep a file for each environment", "supported_environments"),
    **_aside(
        _IGNORED,
        "description",
        "version",
        "supports_vision",
        "supports_function_calling",
        "supports_response_schema",
        "max_tokens",
        "max_input_tokens",
        "max_output_tokens",
        "health_check_model",
        "health_check_timeout",
        "health_check_voice",
        "disable_background_health_check",
        "db_model",
    ),
}

LITELLM = {
    **_used(
        "drop_params",
        "num_retries",
        "request_timeout",
        "fallbacks",
        "context_window_fallbacks",
        "content_policy_fallbacks",
        "default_fallbacks",
        "allowed_fails",
        "cooldown_time",
        "forward_traceparent_to_llm_provider",
    ),
    **_aside("certificates are always checked; your own CA goes into SSL_CERT_FILE", "ssl_verify"),
    **_aside(
        _ALWAYS,
        "enable_azure_ad_token_refresh",
        "enable_loadbalancing_on_batch_endpoints",
        "enable_preview_features",
        "modify_params",
    ),
    **_aside(_LOGS, "callbacks", "success_callback", "failure_callback", "service_callback"),
    **_aside(
        "prompts are never logged here",
        "turn_off_message_logging",
        "redact_user_api_key_info",
        "redact_messages_in_exceptions",
    ),
    **_aside(
        _IGNORED,
        "set_verbose",
        "json_logs",
        "telemetry",
        "suppress_debug_info",
        "log_raw_request_response",
        "store_audit_logs",
        "return_response_headers",
        "disable_end_user_cost_tracking",
        "disable_end_user_cost_tracking_prometheus_only",
        "require_auth_for_metrics_endpoint",
        "force_ipv4",
        "disable_hf_tokenizer_download",
        "disable_copilot_system_to_assistant",
        "background_health_checks",
    ),
    **_refused(
        _CACHE, "cache", "cache_params", "enable_caching_on_provider_specific_optional_params"
    ),
    **_refused(
        _DATABASE,
        "max_budget",
        "budget_duration",
        "default_internal_user_params",
        "default_team_settings",
        "default_team_params",
        "upperbound_key_generate_params",
        "default_key_generate_params",
        "max_internal_user_budget",
        "internal_user_budget_duration",
        "max_ui_session_budget",
    ),
    **_refused(_GUARDRAILS, "guardrails", "content_policy_violation"),
    **_refused(
        "tools run at the agent or at the client", "mcp_aliases", "mcp_semantic_tool_filter"
    ),
    **_refused("the routes are fixed", "public_routes", "custom_provider_map"),
}

# Of what LiteLLM's router has and ours does not: what nobody misses.
_NOT_MISSED = (
    "client_ttl",
    "debug_level",
    "default_priority",
    "polling_interval",
    "retry_after",
    "routing_strategy_args",
    "set_verbose",
)
ROUTER = {
    **_used(*(RouterArguments.__annotations__.keys() - {"clock"})),
    **{name: Key("refused", why) for name, why in NOT_OFFERED.items()},
    **{name: Key("set aside", NOT_OFFERED[name]) for name in _NOT_MISSED},
    **_aside(
        "a deployment below its limits is chosen, the least used one first: limits are enforced",
        "routing_strategy",
        "optional_pre_call_checks",
        "enable_pre_call_checks",
        "enable_loadbalancing_on_batch_endpoints",
    ),
    **_refused("write the number of the database behind the host in `redis_url`", "redis_db"),
    **_refused("names are matched as they are", "tag_filtering_match_any"),
}

GENERAL = {
    **_used(
        "master_key",
        "max_request_size_mb",
        "max_file_size_mb",
        "global_max_parallel_requests",
        "first_content_timeout",
        "user_identity_header",
        "thread_secret",
        "keys_in_redis",
        "redis_url",
        "cors_allow_origins",
        "tracing",
        "tracing_content",
        "tracing_pass_up",
    ),
    **_refused(
        _DATABASE,
        "database_url",
        "store_model_in_db",
        "store_prompts_in_spend_logs",
        "enable_jwt_auth",
        "litellm_jwtauth",
        "custom_auth",
        "custom_key_generate",
        "key_management_system",
        "key_management_settings",
        "use_google_kms",
        "use_azure_key_vault",
        "user_header_mappings",
    ),
    **_refused(
        "no upstream is taken from a request, and the routes are fixed",
        "pass_through_endpoints",
        "allow_client_side_credentials",
        "forward_client_headers_to_llm_api",
        "enable_oauth2_auth",
    ),
    **_refused(
        "alerts come from the metrics: docs/operations.md has rules",
        "alerting",
        "alerting_threshold",
        "alert_types",
        "alert_to_webhook_url",
        "alerting_args",
    ),
    **_refused(
        "give a key its `rpm`, or set `global_max_parallel_requests`", "max_parallel_requests"
    ),
    **_refused("set the header that names the user: `user_identity_header`", "user_header_name"),
    **_refused(
        "a key names its models: `models` of an entry in `keys`",
        "allowed_routes",
        "admin_only_routes",
        "enforce_user_param",
        "infer_model_from_keys",
        "key_management",
    ),
    **_aside(
        "readiness spends no tokens; cool-downs show which deployment fails",
        "background_health_checks",
        "health_check_interval",
        "health_check_details",
        "use_shared_health_check",
    ),
    **_aside(
        _TUNING,
        "allow_requests_on_db_unavailable",
        "database_connection_pool_limit",
        "database_connection_timeout",
        "proxy_batch_write_at",
        "proxy_budget_rescheduler_max_time",
        "proxy_budget_rescheduler_min_time",
        "use_redis_transaction_buffer",
    ),
    **_aside(
        _IGNORED,
        "disable_spend_logs",
        "disable_error_logs",
        "disable_master_key_return",
        "disable_reset_budget",
        "disable_adding_master_key_hash_to_db",
        "disable_prisma_schema_update",
        "maximum_spend_logs_retention_period",
        "max_response_size_mb",
        "completion_model",
        "ui_access_mode",
        "disable_retry_on_max_parallel_request_limit_error",
        "always_include_stream_usage",
    ),
}

GATEWAY_KEY = _used(
    "name", "hash", "models", "rpm", "tpm", "budget", "budget_period", "expires", "admin"
)
SECTIONS = {
    "litellm_settings": LITELLM,
    "router_settings": ROUTER,
    "general_settings": GENERAL,
}


def key_of(name: str, table: Mapping[str, Key]) -> Key | None:
    """What becomes of a key; None: it is unknown. Prices may stand in an entry under many names.

    Args:
        name: The key.
        table: Of its section.
    """
    if name in table:
        return table[name]
    if (table is PARAMS or table is INFO) and is_price(name):
        return _USED
    return _NOTED if table is INFO and _is_a_note(name) else None


def _is_a_note(name: str) -> bool:
    """Whether it is the operator's own in ``model_info``, and no slip of the pen."""
    return name.startswith("support") or not near(name, _TELLING)


_SECTIONS = {
    "router_settings": ROUTER,
    "litellm_settings": LITELLM,
    "general_settings": GENERAL,
    "litellm_params": PARAMS,
}


def hint_for(name: str, table: Mapping[str, Key]) -> str:
    """The end of a sentence about an unknown key: where it belongs, or which one may be meant.

    Args:
        name: The key.
        table: Of the section in which it stands.
    """
    place = next((each for each, keys in _SECTIONS.items() if name in keys), None)
    if place is not None:
        return f": it belongs into {place}"
    return near(name, table) or ", and LiteLLM does not have it either as far as known"
