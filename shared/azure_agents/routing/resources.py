"""Where a deployment is: the resource that its calls go to.

What is made on a resource (a response, a file, a thread) is known nowhere else, and encrypted
reasoning can be read nowhere else. Two deployments of one resource share all of it, whichever of
the resource's hosts their bases name. A project is a place of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigError
from ..models.bare_names import BASES, is_at_a_project
from ..models.hosts import one_host
from ..models.names import read_model
from ..models.settings import is_deployment, read_settings
from ..settings.config import resolve_settings


def full_name(model: str, params: Mapping[str, Any]) -> str:
    """Give the model string with the prefix that an entry may leave out.

    A bare name is an agent where the base is a project's, else a model of OpenAI, as in LiteLLM.

    Args:
        model: As the entry has it.
        params: The entry's other parameters.
    """
    if "/" in model or model.startswith("*"):
        return model
    provider = params.get("custom_llm_provider")
    if provider is not None and provider != "openai":
        return f"{provider}/{model}"
    is_agent = provider is None and is_at_a_project(params, os.environ)
    return model if is_agent else f"openai/{model}"


def url_of(model: str, params: Mapping[str, Any], where: str) -> str:
    """Find where a deployment is asked.

    Args:
        model: The model string; a wildcard stands for any name.
        params: The other arguments of its calls.
        where: The entry, for errors.

    Raises:
        ConfigError: Nothing can be called so.
    """
    try:
        return _url_of(model.replace("*", "any"), params)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}") from None


def _url_of(model: str, params: Mapping[str, Any]) -> str:
    if is_deployment(model, params):
        return read_settings(model, params).surface.url.url
    endpoint = next((params[name] for name in BASES if params.get(name)), None)
    allow_http = params.get("allow_http") is True
    settings = resolve_settings(
        model=model, endpoint=endpoint, allow_http=allow_http, door="completion"
    )
    return settings.endpoint.root


def resource_of(url: str) -> str:
    """The resource of a URL: what is known there is known at every URL of it.

    Args:
        url: From `url_of`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.path or parts.port:
        return url
    return parts._replace(netloc=one_host(host)).geturl()


def keeps_files(model: str, params: Mapping[str, Any]) -> bool:
    """Whether its resource knows files, batches and jobs: those of agents and Claude do not.

    Args:
        model: The model string; a wildcard stands for any name.
        params: The other arguments of its calls.
    """
    base = next((str(params[name]) for name in BASES if params.get(name)), None)
    base_model = params.get("base_model")
    named = read_model(model.replace("*", "any"), base=base, base_model=base_model)
    return named.provider in ("azure", "openai")
