"""The keyword arguments that every call of a deployment takes, for annotations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from ..drivers.clock import Clock
from ..drivers.observe import Observer
from ..seams import AsyncTransport, SecretText, Transport
from ..settings.timeouts import Timeouts


class NoEndpointArguments(TypedDict, total=False):
    """Where, who and how, for a function whose `endpoint` is something else (a batch's)."""

    api_base: str | None
    base_url: str | None
    api_version: str | None
    api_key: str | SecretText | None
    credential: Any
    azure_ad_token: str | SecretText | None
    azure_ad_token_provider: Callable[[], Any] | None
    tenant_id: str | None
    client_id: str | None
    client_secret: str | SecretText | None
    azure_username: str | None
    azure_password: str | SecretText | None
    azure_scope: str | None
    allow_http: bool | None
    timeout: float | Timeouts | None
    stream_timeout: float | None
    max_retries: int | None
    num_retries: int | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, object] | None
    extra_body: Mapping[str, Any] | None
    drop_params: bool | None
    base_model: str | None
    input_cost_per_token: float | None
    output_cost_per_token: float | None
    custom_cost_per_token: Mapping[str, Any] | None
    custom_llm_provider: str | None
    transport: Transport | None
    async_transport: AsyncTransport | None
    clock: Clock | None
    observer: Observer | None


class ModelArguments(NoEndpointArguments, total=False):
    """Where, who and how; docs/models.md explains them."""

    endpoint: str | None
