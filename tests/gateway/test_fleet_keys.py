"""Keys of clients in Redis: made, used, and refused again within seconds, by every gateway."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from azure_agents.cli.main import main
from azure_agents.emulator import Emulator
from azure_agents.errors import ConfigError
from azure_agents.gateway.config.reading import read_config

from ..stores.servers import RedisServer
from .conftest import Gateway, Start

CONFIG = """
model_list:
- model_name: gpt-4o
  litellm_params: {model: azure/dep, api_base: "{resource}", api_key: k}
- model_name: other
  litellm_params: {model: azure/dep, api_base: "{resource}", api_key: k}
general_settings: {master_key: sk-master, keys_in_redis: true}
router_settings: {redis_url: "{redis}"}
"""
ENTRY = "{model_name: a, litellm_params: {model: azure/a, api_base: 'https://r.openai.azure.com'}}"
served = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis that a test may break."""
    server = RedisServer()
    yield server
    server.thaw()
    server.remove()


@pytest.fixture
def gateway(foundry: Emulator, start: Start, redis: RedisServer) -> Gateway:
    """A gateway that looks for keys in Redis."""
    foundry.deploy("dep", "Hello.")
    return start(CONFIG.replace("{redis}", redis.url))


def run(capsys: pytest.CaptureFixture[str], redis: RedisServer, *words: str) -> tuple[int, str]:
    """`azure-agents keys …`: its exit code, and what it says."""
    code = main(["keys", *words, "--redis-url", redis.url])
    told = capsys.readouterr()
    return code, told.out + told.err


def made(capsys: pytest.CaptureFixture[str], redis: RedisServer, *words: str) -> str:
    """A new key."""
    code, told = run(capsys, redis, "new", *words)
    assert 0 == code, told
    found = re.search(r"sk-\S+", told)
    assert found is not None
    return found[0]


def chat(gateway: Gateway, key: str, model: str = "gpt-4o") -> Any:
    """One chat with a key."""
    gateway.http.headers["authorization"] = f"Bearer {key}"
    return gateway.chat(model)


@served
def test_a_new_key_is_good_at_once_and_a_deleted_one_within_seconds_no_longer(
    gateway: Gateway, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it may do; the gateway is told nothing."""
    assert 401 == chat(gateway, "sk-guess").status_code
    key = made(capsys, redis, "app", "--model", "gpt-*", "--rpm", "2")
    time.sleep(1)  # guesses make it look no oftener than once a second
    assert [200, 403] == [chat(gateway, key, name).status_code for name in ("gpt-4o", "other")]
    assert [200, 429] == [chat(gateway, key).status_code for _ in range(2)]
    assert (0, "deleted: app\n") == run(capsys, redis, "delete", "app")
    end = time.monotonic() + 7
    while chat(gateway, key).status_code != 401:
        assert time.monotonic() < end
        time.sleep(0.2)


@served
def test_keys_stay_good_while_redis_is_away(
    gateway: Gateway, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that were read; others are unknown, and nobody waits long."""
    key = made(capsys, redis, "app")
    time.sleep(1)
    assert 200 == chat(gateway, key).status_code
    redis.kill()
    assert [200] * 3 == [chat(gateway, key).status_code for _ in range(3)]
    assert 401 == chat(gateway, "sk-guess").status_code
    assert 200 == chat(gateway, "sk-master").status_code
    redis.start()


@served
def test_keys_that_could_never_be_read_are_not_called_unknown(
    foundry: Emulator, start: Start, redis: RedisServer
) -> None:
    """A client would throw a good key away; it hears to try again."""
    foundry.deploy("dep", "Hello.")
    redis.kill()
    gateway = start(CONFIG.replace("{redis}", redis.url))
    answer = chat(gateway, "sk-any")
    assert (503, "2") == (answer.status_code, answer.headers["retry-after"])
    assert 200 == chat(gateway, "sk-master").status_code
    redis.start()


@served
def test_a_wrong_key_in_redis_harms_no_other(
    gateway: Gateway, redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever wrote it there: it is not good, and the others are."""
    place = "azure-agents-router:{keys}:all"
    for name, text in (("a", "no JSON"), ("b", '{"hash": "short"}'), ("c", "[]"), ("d", "{}")):
        redis.command("HSET", place, name, text)
    key = made(capsys, redis, "app")
    time.sleep(1)
    assert 200 == chat(gateway, key).status_code
    assert redis.command("HEXISTS", place, "app")


NAMES = ["app", "a b", "no", "12", "{x: 1}", "ä: #"]


@pytest.mark.parametrize("name", NAMES)
def test_lines_for_the_config_file_are_read_as_they_are_meant(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Whatever the name is."""
    assert 0 == main(["keys", "new", name, "--rpm", "3", "--model", "gpt-*"])
    lines = capsys.readouterr().out.partition("for the config file:\n")[2]
    (key,) = read_config(f"model_list: [{ENTRY}]\n{lines}", env={}).keys
    assert (name, 3, ("gpt-*",)) == (key.name, key.rpm, key.models)


def test_keys_are_listed_without_their_hashes(
    redis: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what each may do; no name is taken twice."""
    made(capsys, redis, "b", "--budget", "5", "--budget-period", "week", "--expires", "2027-01-31")
    made(capsys, redis, "a", "--model", "gpt-4o", "--rpm", "3", "--admin")
    code, told = run(capsys, redis, "list")
    lines = [re.split(r" {2,}", line) for line in told.splitlines()]
    assert (0, ["name", "models", "limits", "budget", "expires", "admin"]) == (code, lines[0])
    assert [["a", "gpt-4o", "rpm=3", "yes"], ["b", "all"]] == [lines[1], lines[2][:2]]
    assert re.search(r"[0-9a-f]{64}", told) is None
    code, told = run(capsys, redis, "new", "a")
    assert (2, True) == (code, "there is a key 'a'" in told)


WRONG = [
    (("new", "app", "--budget-period", "year"), "budget_period must be one of"),
    (("new", "app", "--expires", "soon"), "expires must be a moment"),
    (("delete", "nobody"), "there is no key 'nobody'"),
]


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_what_is_wrong_is_told(
    redis: RedisServer, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """And nothing is written."""
    code, found = run(capsys, redis, *words)
    assert (2, True) == (code, told in found)
    assert [] == redis.command("KEYS", "*")


def test_a_redis_that_is_away_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """In one line, without its password."""
    url = f"unix://:secret-word@{tmp_path}/none"
    assert 2 == main(["keys", "new", "app", "--redis-url", url])
    told = capsys.readouterr()
    assert "Redis did not answer" in told.err
    assert (False, False) == ("secret-word" in told.out + told.err, "sk-" in told.out)


UNSAFE = [
    ("{master_key: sk-1, keys_in_redis: true}", "", "needs a Redis"),
    ("{keys_in_redis: true}", "router_settings: {redis_url: 'redis://r'}", "needs a master_key"),
]


@pytest.mark.parametrize(("general", "more", "told"), UNSAFE)
def test_a_config_without_what_that_needs_is_refused(general: str, more: str, told: str) -> None:
    """Threads would be sealed with nothing, or keys looked for nowhere."""
    with pytest.raises(ConfigError, match=told):
        read_config(f"model_list: [{ENTRY}]\ngeneral_settings: {general}\n{more}\n", env={})
