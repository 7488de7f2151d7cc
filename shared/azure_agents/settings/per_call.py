"""The settings that a single call may replace.

They come among the options of a call, so that every interface takes them by the same names without
knowing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .config import Settings
from .endpoint import check_session
from .headers import ExtraHeaders, extra_headers_of, image_deployment_of, user_identity_of
from .timeouts import Timeouts


def split_call(settings: Settings, options: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """Split the options of a call: into the settings that hold for it, and options of the model.

    Args:
        settings: The client's.
        options: The call's: `timeout`, `extra_headers` (besides the client's, and instead of those
            of the same name), `user_identity`, `image_generation_deployment`, `agent_session_id`;
            everything else is left. None counts as absent.

    Raises:
        ConfigError: One of these settings is wrong.
    """
    given = {name: options[name] for name in _READERS if options.get(name) is not None}
    rest = {name: value for name, value in options.items() if name not in _READERS}
    if not given:
        return settings, rest
    changes = dict(_READERS[name](settings, value) for name, value in given.items())
    return replace(settings, **changes), rest


def _timeout(settings: Settings, value: Any) -> tuple[str, Timeouts]:
    return "timeouts", Timeouts.of(value).fitting(settings.agent.generation, settings.endpoint.own)


def _identity(_: Settings, value: Any) -> tuple[str, Any]:
    return "user_identity", user_identity_of(value)


def _headers(settings: Settings, value: Any) -> tuple[str, Any]:
    added = extra_headers_of(value)
    own = settings.extra_headers
    if not (isinstance(added, ExtraHeaders) and isinstance(own, ExtraHeaders)):
        return "extra_headers", added or own
    return "extra_headers", ExtraHeaders({**own.reveal(), **added.reveal()})


def _image_deployment(_: Settings, value: Any) -> tuple[str, Any]:
    return "image_generation_deployment", image_deployment_of(value)


def _session(settings: Settings, value: Any) -> tuple[str, Any]:
    check_session(value, settings.endpoint, settings.thread_id)
    return "agent_session_id", value


_READERS = {
    "agent_session_id": _session,
    "extra_headers": _headers,
    "image_generation_deployment": _image_deployment,
    "timeout": _timeout,
    "user_identity": _identity,
}
CALL_SETTINGS = frozenset(_READERS)  # names of the settings that a call may replace
