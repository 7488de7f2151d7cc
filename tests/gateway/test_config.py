"""Config files: LiteLLM's as they are, ours, and every mistake with its line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from azure_agents.errors import ConfigError
from azure_agents.gateway.board import Board
from azure_agents.gateway.config.document import ConfigFileError, read_document
from azure_agents.gateway.config.reading import read_config
from azure_agents.routing.deployments import read_deployments

from ..core.recorded import FOLDER

PAGES = FOLDER.parent / "pages"
ENV = {
    name: f"value of {name}"
    for name in (
        "AZURE_AD_TOKEN",
        "AZURE_API_BASE",
        "AZURE_API_KEY",
        "AZURE_API_VERSION",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_PASSWORD",
        "AZURE_SCOPE",
        "AZURE_TENANT_ID",
        "AZURE_USERNAME",
    )
}
ENTRY = """
model_list:
- model_name: gpt
  litellm_params: {model: azure/gpt, api_base: "https://r.openai.azure.com", api_key: k}
"""
# Wrong on the page: its first entry is indented like a key.
MIS_INDENTED = {("002", 386)}


def examples() -> list[Any]:
    """The config files of the pages, by page and line."""
    found = []
    for path in sorted(PAGES.glob("*.txt")):
        text = path.read_text("utf-8")
        for block in re.finditer(r"```yaml[^\n]*\n(.*?)```", text, re.DOTALL):
            line = text[: block.start()].count("\n") + 1
            if (path.name[:3], line) not in MIS_INDENTED:
                found.append(pytest.param(block[1], id=f"{path.name[:3]}:{line}"))
    return found


@pytest.mark.skipif(not PAGES.exists(), reason="the pages are not on this machine")
@pytest.mark.parametrize("text", examples())
def test_every_config_file_of_the_pages_is_read(text: str) -> None:
    """As it is: each entry has its name, and what stands in variables."""
    config = read_config(text, env=ENV)
    names = re.findall(r"- model_name: *\"?([^\s\"]+)", text)
    assert names == [entry.name for entry in config.entries]
    for entry, used in zip(config.entries, _variables_by_entry(text), strict=True):
        values = [value for value in entry.params.values() if value in ENV.values()]
        assert used == sorted(map(str, values))


def _variables_by_entry(text: str) -> list[list[str]]:
    entries = re.split(r"- model_name:", text)[1:]
    return [
        sorted(
            f"value of {name}"
            for name in re.findall(r"^[^#\n]*os\.environ/(\w+)", each, re.MULTILINE)
        )
        for each in entries
    ]


OTHERS = ("bedrock/x", "ollama/y")
# (what is added to a good file, how every problem begins)
MISTAKES = {
    "a section by a wrong name": (
        "litellm_setings: {}",
        ["line 5, litellm_setings: is no key of this gateway: did you mean 'litellm_settings'?"],
    ),
    "a key by a wrong name": (
        "general_settings:\n  mater_key: sk-1",
        ["line 6, general_settings.mater_key: is no key of this gateway: did you mean 'master_"],
    ),
    "a key that nobody knows": (
        "general_settings:\n  zzz: 1",
        ["line 6, general_settings.zzz: is no key of this gateway, and LiteLLM does not have it"],
    ),
    "a key of another section": (
        "general_settings:\n  redis_host: r",
        ["line 6, general_settings.redis_host: is no key of this gateway: it belongs into router_"],
    ),
    "entries of other providers": (
        "\n".join(f"- {{model_name: a, litellm_params: {{model: {m}}}}}" for m in OTHERS),
        [
            "line 5, model_list[1]: model='bedrock/x' begins with 'bedrock', which is no prefix",
            "line 6, model_list[2]: model='ollama/y' begins with 'ollama', which is no prefix",
        ],
    ),
    "what needs a database": (
        "general_settings:\n  database_url: postgres://u:p@h/db",
        ["line 6, general_settings.database_url: is not offered here: needs LiteLLM's database"],
    ),
    "a variable that is not set": (
        "general_settings:\n  master_key: os.environ/NO_SUCH_KEY",
        ["line 6, general_settings.master_key: the environment variable NO_SUCH_KEY is not set"],
    ),
    "a section that is a value": (
        "general_settings: sk-secret",
        ["general_settings: must hold keys, not a value"],
    ),
    "a master key that is a number": (
        "general_settings: {master_key: 1234}",
        ["line 5, general_settings.master_key: must be a text in quotes"],
    ),
    "a limit below nothing": (
        "general_settings: {max_request_size_mb: -1}",
        ["line 5, max_request_size_mb: must be a number above 0, not -1"],
    ),
    "keys that are wrong": (
        "keys:\n- name: a\n  hash: sk-secret\n- hash: x\n- name: b\n  hash: "
        + "0" * 64
        + "\n  rpm: -1\n- name: c\n  hash: "
        + "0" * 64
        + "\n  expires: soon",
        [
            "line 6, keys[0]: hash must be the SHA-256 of a key",
            "line 8, keys[1]: needs a name",
            "line 9, keys[2]: rpm must be a whole number, 0 or more: -1",
            "line 12, keys[3]: expires must be a moment such as 2027-01-31",
        ],
    ),
    "two keys of one name": (
        "keys:\n" + "- name: a\n  hash: " + "0" * 64 + "\n- name: a\n  hash: " + "1" * 64,
        ["line 8, keys[1]: the name 'a' is another key's, too"],
    ),
    "no list of keys": ("keys: {a: b}", ["keys: must be a list, not keys"]),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_named_with_its_line(case: str) -> None:
    """All of them at once, and no value that may be a secret."""
    added, expected = MISTAKES[case]
    with pytest.raises(ConfigFileError) as caught:
        read_config(ENTRY + added, env={})
    problems = [str(problem) for problem in caught.value.problems]
    assert [True] * len(expected) == [
        problem.startswith(begin) for problem, begin in zip(problems, expected, strict=True)
    ], problems
    assert "sk-secret" not in str(caught.value)


ENTRIES = {
    "no list": ("model_list: {}", "model_list: must be a list of entries, not keys"),
    "empty": ("model_list: []", "model_list: names no model"),
    "a text": ("model_list: [gpt]", "line 1, model_list[0]: must hold model_name and litellm_par"),
    "half": ("model_list: [{model_name: a}]", "line 1, model_list[0]: needs model_name and litell"),
    "no model": (
        "model_list:\n- model_name: a\n  litellm_params: {api_key: k}",
        "line 2, model_list[0].litellm_params: needs model, such as azure/my-deployment",
    ),
    "a near miss of a setting": (
        "model_list:\n- model_name: a\n  litellm_params:\n    model: azure/x\n    api_bas: y",
        "line 5, model_list[0].litellm_params.api_bas: is no setting: did you mean 'api_base'?",
    ),
    "letters that were swapped": (
        "model_list:\n- model_name: a\n  litellm_params:\n    model: azure/x\n    tmp: 6",
        "line 5, model_list[0].litellm_params.tmp: is no setting: did you mean 'tpm'?",
    ),
    "a slip in what tells the price": (
        ENTRY + "  model_info: {base_modle: azure/gpt-4o}",
        "line 5, model_list[0].model_info.base_modle: is no key of this gateway: did you mean 'ba",
    ),
    "entries for one environment": (
        ENTRY + "  model_info: {supported_environments: [production]}",
        "line 5, model_list[0].model_info.supported_environments: is not offered here: keep a fi",
    ),
    "an answer that nobody gave": (
        "model_list: [{model_name: a, litellm_params: {model: azure/x, mock_response: hi}}]",
        "line 1, model_list[0].litellm_params.mock_response: is not offered",
    ),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_a_wrong_entry_is_named(case: str) -> None:
    """With its place in the list."""
    text, expected = ENTRIES[case]
    with pytest.raises(ConfigFileError) as caught:
        read_config(text, env={})
    assert str(caught.value.problems[0]).startswith(expected), caught.value


@pytest.mark.parametrize(
    "params", ["model: azure/x, tpm: many, api_base: https://r.openai.azure.com", "model: azure/"]
)
def test_an_entry_that_cannot_be_asked_has_its_line(params: str) -> None:
    """Also where only the router finds out."""
    text = ENTRY + "\n" + f"- {{model_name: b, litellm_params: {{{params}, api_key: k}}}}"
    with pytest.raises(ConfigError, match=r"line \d+, model_list\[1\]"):
        Board(read_config(text, env={}))


def test_notes_about_a_model_are_set_aside() -> None:
    """LiteLLM takes any key in ``model_info``: what a model can do, and what operators note."""
    text = f"{ENTRY}  model_info: {{supports_reasoning: true, team: search, tier: paid}}"
    notes = [str(note) for note in read_config(text, env={}).notes]
    expected = ["supports_reasoning", "team", "tier"]
    assert expected == [re.findall(r"model_info\.(\w+): set aside", note)[0] for note in notes]


def test_what_is_no_setting_goes_up() -> None:
    """It is told, and the entry knows which parameters these are."""
    text = ENTRY.replace("api_key: k", "api_key: k, temperature: 0.2, zap_factor: 3")
    (entry,) = (config := read_config(text, env={})).entries
    assert ("zap_factor",) == entry.upstream
    assert ["goes up with every call, as it is"] == [note.text for note in config.notes]


def test_a_parameter_of_a_model_is_no_slip() -> None:
    """``top_k`` looks like ``top_p``, and Claude has it."""
    text = ENTRY.replace("api_key: k", "api_key: k, top_k: 5")
    assert ("top_k",) == read_config(text, env={}).entries[0].upstream


def test_what_is_set_aside_of_an_entry_does_not_go_up() -> None:
    """It is LiteLLM's own: a service would refuse it."""
    text = ENTRY.replace("api_key: k", "api_key: k, use_in_pass_through: true")
    (entry,) = (config := read_config(text, env={})).entries
    assert ((), False) == (entry.upstream, "use_in_pass_through" in entry.params)
    assert 1 == len(config.notes)


@pytest.mark.parametrize("place", ["litellm_params", "model_info"])
def test_every_price_may_stand_in_an_entry(place: str) -> None:
    """By each of LiteLLM's names; none of them goes up."""
    price = "cache_read_input_token_cost_above_200k_tokens"
    added = f", {price}: 1e-6" if place == "litellm_params" else ""
    text = ENTRY.replace("api_key: k", f"api_key: k{added}")
    text += "" if added else f"  model_info: {{{price}: 1e-6}}\n"
    config = read_config(text, env={})
    assert ((), ()) == (config.notes, config.entries[0].upstream)
    (deployment,) = read_deployments([config.entries[0].as_router_entry()])
    assert (1e-6, False) == (deployment.info[price], price in deployment.params)


def test_defaults_of_the_file_reach_every_entry() -> None:
    """Those of `router_settings`, beside `drop_params`."""
    added = """
litellm_settings: {drop_params: true}
router_settings: {default_litellm_params: {temperature: 0.5}, default_max_parallel_requests: 3}
"""
    (deployment,) = Board(read_config(ENTRY + added, env={})).deployments
    assert (0.5, True) == (deployment.params["temperature"], deployment.params["drop_params"])
    assert 3 == deployment.most_running


def test_what_changes_nothing_is_said() -> None:
    """A note with its line for each key that is set aside; the file works."""
    added = "litellm_settings:\n  callbacks: [prometheus]\n  enable_azure_ad_token_refresh: true"
    config = read_config(ENTRY + added, env={})
    assert [6, 7] == [note.line for note in config.notes]
    assert "/metrics" in config.notes[0].text


def test_what_is_switched_off_is_no_mistake() -> None:
    """``store_model_in_db: false`` asks for nothing."""
    assert () == read_config(ENTRY + "general_settings: {store_model_in_db: false}", env={}).notes


def test_settings_go_where_they_belong() -> None:
    """To the router, to the limits, to every entry."""
    added = """
litellm_settings: {drop_params: true, num_retries: 3, request_timeout: 20, cooldown_time: 5}
router_settings: {redis_host: h, redis_port: 6379, num_retries: 1}
general_settings: {master_key: "sk-1", max_request_size_mb: 2, global_max_parallel_requests: 9}
"""
    config = read_config(ENTRY + added, env={})
    expected = {"num_retries": 1, "cooldown_time": 5, "redis_host": "h", "redis_port": 6379}
    assert expected == config.router
    assert (2 * 2**20, 9, 15.0) == (
        config.limits.body_bytes,
        config.limits.concurrency,
        config.limits.first_content,
    )
    assert (True, 20, True) == (config.drops, config.entries[0].params["timeout"], config.has_keys)
    assert "sk-1" not in repr(config)


def test_variables_of_the_file_are_used_in_it() -> None:
    """They may name others, and come before those of the process."""
    text = ENTRY.replace("api_key: k", "api_key: os.environ/MY_KEY")
    text += "environment_variables: {MY_KEY: os.environ/OTHER}"
    config = read_config(text, env={"OTHER": "canary", "MY_KEY": "another"})
    assert "canary" == config.entries[0].params["api_key"]
    assert {"MY_KEY": "canary"} == config.environment
    assert "canary" not in repr(config)


def test_keys_are_read() -> None:
    """All that a key may have; a date without a time begins at midnight, UTC."""
    added = f"""
keys:
- {{name: team, hash: "sha256:{"AB" * 32}", models: [gpt, "o*"], rpm: 5, tpm: 6, budget: 1.5,
   budget_period: day, expires: 2027-01-31}}
- {{name: open, hash: {"c" * 64}, admin: true}}
"""
    team, everybody = read_config(ENTRY + added, env={}).keys
    assert ("team", "ab" * 32, ("gpt", "o*")) == (team.name, team.hash, team.models)
    assert (5, 6, 1.5, "day") == (team.rpm, team.tpm, team.budget, team.budget_period)
    assert datetime(2027, 1, 31, tzinfo=UTC) == team.expires
    assert ((), None, "month", None, True) == (
        everybody.models,
        everybody.rpm,
        everybody.budget_period,
        everybody.expires,
        everybody.is_admin,
    )


TYPES = {
    "2024-10-21": "2024-10-21",
    "no": "no",
    "yes": "yes",
    "on": "on",
    "true": True,
    "3": 3,
    "-0.5": -0.5,
    "1e-6": 1e-6,
    "012": "012",
    "20_000": 20_000,  # as in LiteLLM's own examples
    "_1": "_1",
    "1:30": "1:30",
    "~": None,
    "": None,
    "0x10": "0x10",
    '"5"': "5",
}


@pytest.mark.parametrize("written", TYPES)
def test_only_what_looks_like_a_number_is_one(written: str) -> None:
    """Dates and words stay text."""
    assert TYPES[written] == read_document(f"a: {written}")["a"]


BROKEN = {
    "twice": ("a: 1\nb: 2\na: 3", "line 3, a: stands in line 1 already"),
    "a list": ("- a", "line 1, the file: holds a list, not keys"),
    "nothing": ("# nothing", "line 1, the file: holds nothing, not keys"),
    "open": ("a: [", "the file: no YAML"),
    "an object": ("a: !!python/object:os.system x", "no YAML: could not determine a constructor"),
    "itself": ("a: &x [*x]", "no YAML: found unconstructable recursive node"),
    "a control character": ("a: \x00", "the file: no YAML"),
    "a tab": ("a:\n\tb: 1", "line 2, the file: no YAML"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_no_yaml_is_one_error(case: str) -> None:
    """With the line, where there is one."""
    text, expected = BROKEN[case]
    with pytest.raises(ConfigFileError, match=re.escape(expected)):
        read_document(text)


def test_anchors_are_merged() -> None:
    """An own key replaces a merged one, and nothing stands twice."""
    read = read_document("base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  x: 3")
    assert {"x": 3, "y": 2} == read["mine"]
    assert 4 == read["mine"].lines["x"]


def test_without_yaml_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be pasted into a shell."""
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ConfigError, match=re.escape('pip install "azure-agents[gateway]"')):
        read_document("a: 1")
