"""From the text of a config file to what it says: every problem is found, with its line. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ...errors import ConfigError
from ...models.names import read_model
from ...naming import shown
from ...routing.deployments import setting_meant
from ...settings.environment import Environment, Secret
from . import keys as known
from .client_keys import read_key
from .document import LinedDict, LinedList, Problem, file_error, read_document
from .keys import Key
from .objects import Entry, GatewayConfig, GatewayKey, Limits, TracingConfig

_FROM_ENVIRONMENT = "os.environ/"
_MEBIBYTE = 2**20
_FORWARD = "forward_traceparent_to_llm_provider"
_NO_TRACING = "does nothing without tracing: true in general_settings"
_EVERY_ENTRY = ("rpm", "tpm", "order", "weight")  # LiteLLM's older place for them


def read_config(
    text: str, name: str = "config.yaml", env: Mapping[str, str] | None = None
) -> GatewayConfig:
    """Read a config file.

    Args:
        text: The file.
        name: What it is called, for errors.
        env: Instead of ``os.environ``.

    Raises:
        ConfigError: PyYAML is missing.
        ConfigFileError: The file is wrong; the error has every problem.
    """
    document = read_document(text, name)
    reading = _Reading(document, Environment(os.environ if env is None else env))
    config = reading.whole()
    if reading.problems:
        raise file_error(name, reading.problems)
    return config


class _Reading:
    """One reading of a document; problems are collected."""

    def __init__(self, document: LinedDict, env: Mapping[str, str]) -> None:
        self.problems: list[Problem] = []
        self._notes: list[Problem] = []
        self._document = document
        self._own = self._variables(document, env)
        self._env = {**env, **self._own}

    def whole(self) -> GatewayConfig:
        top = self._section(self._document, known.TOP, "")
        general = self._section(top.get("general_settings"), known.GENERAL, "general_settings")
        litellm = self._section(top.get("litellm_settings"), known.LITELLM, "litellm_settings")
        router = self._section(top.get("router_settings"), known.ROUTER, "router_settings")
        entries = tuple(self._entries(top.get("model_list"), litellm))
        if not entries and not self.problems:
            self._wrong(None, "model_list", "names no model: nothing could be asked for")
        self._check_shared_keys(general, router)
        return GatewayConfig(
            entries=entries,
            keys=tuple(self._keys(top.get("keys"))),
            keys_in_redis=general.get("keys_in_redis") is True,
            master_key=self._secret(general, "master_key", "general_settings"),
            router=_router(router, litellm, general),
            limits=self._limits(general),
            drops=bool(litellm.get("drop_params")),
            user_identity_header=_text(general.get("user_identity_header")),
            thread_secret=self._secret(general, "thread_secret", "general_settings"),
            cors_allow_origins=self._origins(general),
            tracing=self._tracing(general, litellm),
            prices=top.get("prices") or {},
            environment=self._own,
            notes=tuple(self._notes),
        )

    # --- sections ---------------------------------------------------------------------------------

    def _section(self, found: object, table: Mapping[str, Key], path: str) -> LinedDict:
        """The keys of a section that are used, with the values of variables."""
        used = LinedDict()
        used.lines = {}
        if found is None:
            return used
        if not isinstance(found, LinedDict):
            self._wrong(None, path, f"must hold keys, not {_kind(found)}")
            return used
        for name, value in found.items():
            line, place = found.lines[name], f"{path}.{name}" if path else name
            if self._is_used(name, value, table, line, place):
                used[name] = self._resolved(value, line, place)
                used.lines[name] = line
        return used

    def _is_used(
        self, name: str, value: object, table: Mapping[str, Key], line: int, place: str
    ) -> bool:
        key = known.key_of(name, table)
        if key is None:
            hint = known.hint_for(name, table)
            self._wrong(line, place, f"is no key of this gateway{hint}")
            return False
        if key.fate == "refused" and value not in (None, False, [], {}):
            self._wrong(line, place, f"is not offered here: {key.why}")
        if key.fate == "set aside":
            self._notes.append(Problem(line, place, f"set aside: {key.why}"))
        return key.fate == "used"

    def _resolved(self, value: object, line: int | None, place: str) -> Any:
        """The value, with those of variables in place of ``os.environ/NAME``."""
        if isinstance(value, LinedDict):
            made = LinedDict()
            made.lines = value.lines
            for name, each in value.items():
                made[name] = self._resolved(each, value.lines[name], f"{place}.{name}")
            return made
        if isinstance(value, LinedList):
            items = LinedList()
            items.lines = value.lines
            for number, (each, at) in enumerate(zip(value, value.lines, strict=True)):
                items.append(self._resolved(each, at, f"{place}[{number}]"))
            return items
        if isinstance(value, str) and value.startswith(_FROM_ENVIRONMENT):
            return self._variable(value.removeprefix(_FROM_ENVIRONMENT), line, place)
        return value

    def _variable(self, name: str, line: int | None, place: str) -> str | None:
        value = self._env.get(name, "").strip()
        if not value:
            self._wrong(line, place, f"the environment variable {name} is not set")
        return value or None

    def _variables(self, document: LinedDict, env: Mapping[str, str]) -> dict[str, str]:
        """What ``environment_variables`` sets; a value may name another variable."""
        found = document.get("environment_variables")
        self._env = dict(env)
        if found is None:
            return {}
        if not isinstance(found, LinedDict):
            self._wrong(None, "environment_variables", "must hold names and values")
            return {}
        own = {}
        for name, value in found.items():
            place = f"environment_variables.{name}"
            resolved = self._resolved(value, found.lines[name], place)
            if isinstance(resolved, str | int | float):
                own[name] = str(resolved)
            elif resolved is not None:
                self._wrong(found.lines[name], place, "must be a text")
        return own

    # --- entries ----------------------------------------------------------------------------------

    def _entries(self, found: object, litellm: Mapping[str, Any]) -> Iterator[Entry]:
        if not isinstance(found, LinedList):
            self._wrong(None, "model_list", f"must be a list of entries, not {_kind(found)}")
            return
        for number, (each, line) in enumerate(zip(found, found.lines, strict=True)):
            path = f"model_list[{number}]"
            if not isinstance(each, LinedDict):
                self._wrong(
                    line, path, f"must hold model_name and litellm_params, not {_kind(each)}"
                )
                continue
            entry = self._entry(each, line, path, litellm)
            if entry is not None:
                self._check_prefix(entry, path)
                yield entry

    def _entry(
        self, found: LinedDict, line: int, path: str, litellm: Mapping[str, Any]
    ) -> Entry | None:
        checked = self._section(found, known.ENTRY, path)
        name, params = checked.get("model_name"), checked.get("litellm_params")
        if not isinstance(name, str) or not isinstance(params, LinedDict):
            self._wrong(line, path, "needs model_name and litellm_params")
            return None
        kept, upstream = self._params(params, f"{path}.litellm_params")
        info = self._section(checked.get("model_info"), known.INFO, f"{path}.model_info")
        if not isinstance(params.get("model"), str):
            self._wrong(line, f"{path}.litellm_params", "needs model, such as azure/my-deployment")
            return None
        above = {key: checked[key] for key in _EVERY_ENTRY if key in checked}
        timeout = litellm.get("request_timeout")
        general = {} if timeout is None else {"timeout": timeout}
        return Entry(name, {**general, **above, **kept}, info, upstream, line)

    def _check_prefix(self, entry: Entry, path: str) -> None:
        """Tell all entries of other providers at once; the router would stop at the first.

        A bare name is the router's to read: the environment says whether it is an agent's.
        """
        model = entry.params["model"]
        if "/" not in model or "custom_llm_provider" in entry.params:
            return
        try:
            read_model(model.replace("*", "any"))
        except ConfigError as wrong:
            self._wrong(entry.line, path, wrong.message)

    def _params(self, params: LinedDict, path: str) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What is kept of an entry's parameters, and which of them are no settings and go up.

        A near miss of a setting is a problem.
        """
        kept, upstream = {}, []
        for name, value in params.items():
            line, place = params.lines[name], f"{path}.{name}"
            if known.key_of(name, known.PARAMS) is not None:
                if self._is_used(name, value, known.PARAMS, line, place):
                    kept[name] = value
                continue
            meant = setting_meant(name)
            if meant is not None:
                self._wrong(line, place, f"is no setting: did you mean {meant!r}?")
                continue
            self._notes.append(Problem(line, place, "goes up with every call, as it is"))
            kept[name] = value
            upstream.append(name)
        return kept, tuple(upstream)

    # --- keys and limits --------------------------------------------------------------------------

    def _keys(self, found: object) -> Iterator[GatewayKey]:
        if found is None:
            return
        if not isinstance(found, LinedList):
            self._wrong(None, "keys", f"must be a list, not {_kind(found)}")
            return
        names: set[str] = set()
        for number, (each, line) in enumerate(zip(found, found.lines, strict=True)):
            path = f"keys[{number}]"
            if not isinstance(each, LinedDict):
                self._wrong(line, path, "must hold name and hash: 'azure-agents keys new' makes it")
                continue
            try:
                key = read_key(self._section(each, known.GATEWAY_KEY, path))
            except ConfigError as wrong:
                self._wrong(line, path, wrong.message)
                continue
            if key.name in names:
                self._wrong(line, path, f"the name {key.name!r} is another key's, too")
            names.add(key.name)
            yield key

    def _check_shared_keys(self, general: LinedDict, router: LinedDict) -> None:
        if general.get("keys_in_redis") is not True:
            return
        line, path = general.lines["keys_in_redis"], "general_settings.keys_in_redis"
        if not {"redis_url", "redis_host"} & {*general, *router}:
            self._wrong(line, path, "needs a Redis: set router_settings.redis_url")
        if not {"master_key", "thread_secret"} & {*general}:
            self._wrong(line, path, "needs a master_key, or a thread_secret, which seals threads")

    def _limits(self, general: LinedDict) -> Limits:
        usual = Limits()
        megabytes = self._number(general, "max_request_size_mb")
        file = self._number(general, "max_file_size_mb")
        concurrency = self._number(general, "global_max_parallel_requests")
        first = self._number(general, "first_content_timeout")
        return Limits(
            usual.body_bytes if megabytes is None else int(megabytes * _MEBIBYTE),
            usual.concurrency if concurrency is None else int(concurrency),
            usual.first_content if first is None else float(first),
            usual.file_bytes if file is None else int(file * _MEBIBYTE),
        )

    def _tracing(self, general: LinedDict, litellm: LinedDict) -> TracingConfig | None:
        names = ("tracing", "tracing_content", "tracing_pass_up")
        for name in names:
            if not isinstance(general.get(name, False), bool):
                path = f"general_settings.{name}"
                self._wrong(general.lines[name], path, "must be true or false")
        is_on, content, passes_up = (general.get(name) is True for name in names)
        if is_on:
            return TracingConfig(content, passes_up or litellm.get(_FORWARD) is True)
        for name in names[1:]:
            if general.get(name) is True:
                path = f"general_settings.{name}"
                self._wrong(general.lines[name], path, _NO_TRACING)
        if litellm.get(_FORWARD) is True:
            path = f"litellm_settings.{_FORWARD}"
            self._notes.append(Problem(litellm.lines[_FORWARD], path, _NO_TRACING))
        return None

    def _origins(self, general: LinedDict) -> tuple[str, ...]:
        name = "cors_allow_origins"
        value = general.get(name)
        listed = [value] if isinstance(value, str) else value or []
        if isinstance(listed, list) and all(isinstance(each, str) for each in listed):
            return tuple(listed)
        path = f"general_settings.{name}"
        self._wrong(general.lines[name], path, f"must be a list of origins, not {shown(value)}")
        return ()

    def _number(self, section: LinedDict, name: str) -> float | None:
        value = section.get(name)
        if value is None or (_is_number(value) and value > 0):
            return cast("float | None", value)
        self._wrong(section.lines[name], name, f"must be a number above 0, not {shown(value)}")
        return None

    def _secret(self, section: LinedDict, name: str, path: str) -> Secret | None:
        value = section.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value.strip():
            return Secret(value.strip())
        self._wrong(section.lines[name], f"{path}.{name}", "must be a text in quotes")
        return None

    def _wrong(self, line: int | None, path: str, text: str) -> None:
        self.problems.append(Problem(line, path, text))


def _router(
    router: Mapping[str, Any], litellm: Mapping[str, Any], general: Mapping[str, Any]
) -> dict[str, Any]:
    shared = {
        name: litellm[name]
        for name in litellm
        if name in known.ROUTER and known.ROUTER[name].fate == "used"
    }
    redis = {"redis_url": general["redis_url"]} if general.get("redis_url") else {}
    return {**shared, **redis, **router}


def _kind(value: object) -> str:
    """What a value is, without showing it: it may be a secret in the wrong place."""
    if value is None:
        return "nothing"
    return "keys" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a value"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str | None:
    return str(value) if value else None
