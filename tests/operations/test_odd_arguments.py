"""Whatever stands for an argument is sent, or is a typed error before anything is sent."""

from __future__ import annotations

import copy
import io
import pickle
import re
from typing import TYPE_CHECKING, Any

import pytest

import azure_agents
from azure_agents import completion, create_file, embedding, file_content, list_input_items, speech
from azure_agents.emulator import Emulator
from azure_agents.errors import AzureAgentsError, ConfigError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HELLO = [{"role": "user", "content": "Hello"}]
LINES = ("a.jsonl", b"{}\n")


def nested() -> dict[str, Any]:
    """Objects within each other, too many to walk or to print."""
    top: dict[str, Any] = {}
    inner = top
    for _ in range(5000):
        inner["a"] = inner = {}
    return top


def itself() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = []
    value.append(value)
    return value


class Mute:
    """A value that cannot show itself."""

    def __repr__(self) -> str:
        raise OSError("gone")


class Array:
    """Compared by elements and without a truth value, as numpy's arrays are."""

    def __eq__(self, other: object) -> Any:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


CALLS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "chat": lambda given: completion("azure/chat", HELLO, **given),
    "claude": lambda given: completion("azure_ai/claude-sonnet-4-5", HELLO, **given),
    "embedding": lambda given: embedding(**{"model": "azure/chat", "input": "x"} | given),
    "file": lambda given: create_file(**{"file": LINES, "purpose": "batch"} | given),
    "content": lambda given: file_content(**{"file_id": "file-1"} | given),
    "items": lambda given: list_input_items(**{"response_id": "resp_1"} | given),
}
VERSIONED = [call for call in CALLS if call != "claude"]  # which has no versions
ODD: list[tuple[str, str, object, type[AzureAgentsError], str]] = [
    *((call, "api_base", nested(), ConfigError, "api_base must be") for call in CALLS),
    *((call, "api_version", nested(), ConfigError, "malformed") for call in VERSIONED),
    *((call, "api_version", Mute(), ConfigError, "<Mute> is malformed") for call in VERSIONED),
    *((call, "custom_llm_provider", ["azure"], ConfigError, "not served here") for call in CALLS),
    *((call, "transport", 5, ConfigError, r"a method handle_request\(\)") for call in CALLS),
    *((call, "clock", object, ConfigError, r"a method time\(\)") for call in CALLS),
    *((call, "observer", print, ConfigError, r"a method record\(\)") for call in CALLS),
    ("chat", "custom_cost_per_token", {1: 2}, InvalidRequestError, "1 is no price"),
    ("chat", "input_cost_per_token", nested(), InvalidRequestError, "must be US dollars"),
    ("chat", "input_cost_per_token", 10**5000, InvalidRequestError, "must be US dollars"),
    ("chat", "tools", itself(), InvalidRequestError, "holds itself"),
    ("chat", "metadata", nested(), InvalidRequestError, "nested too deeply"),
    ("chat", "metadata", {"a": [1, Mute]}, InvalidRequestError, r"^metadata.a\[1\] cannot be sent"),
    ("chat", "temperature", float("nan"), InvalidRequestError, "^temperature cannot be sent"),
    ("claude", "tools", itself(), InvalidRequestError, "."),
    ("embedding", "input", Array(), InvalidRequestError, "must be a text or a list of texts"),
    ("embedding", "input", nested(), InvalidRequestError, "must be a text or a list of texts"),
    ("file", "progress", 5, InvalidRequestError, "progress must be a function"),
    ("file", "expires_after", itself(), InvalidRequestError, "."),
    ("file", "extra_body", {"a": itself()}, InvalidRequestError, "holds itself"),
    ("file", "extra_body", {"\ud800": 1}, InvalidRequestError, "cannot be sent as UTF-8"),
    ("content", "file_id", nested(), InvalidRequestError, "is no id"),
    ("content", "progress", "x", InvalidRequestError, "progress must be a function"),
    ("items", "include", itself(), AzureAgentsError, "."),
    ("items", "extra_query", {"a": itself()}, ConfigError, "holds itself"),
]


@pytest.fixture
def foundry() -> Iterator[Emulator]:
    """With deployments of what is asked here."""
    with Emulator() as emulator:
        emulator.deploy("chat")
        emulator.deploy("claude-sonnet-4-5", model="claude-sonnet-4-5")
        emulator.deploy("my-tts", model="tts-1")
        emulator.deploy("vectors", model="text-embedding-3-small")
        yield emulator


@pytest.mark.parametrize("row", range(len(ODD)))
def test_what_no_call_can_use_is_a_typed_error(foundry: Emulator, row: int) -> None:
    """Never a crash of ours; nothing is sent."""
    call, name, value, kind, words = ODD[row]
    with pytest.raises(kind) as caught:
        CALLS[call]({**foundry.deployment_connection(), name: value})
    assert re.search(words, caught.value.message), caught.value.message
    assert [] == foundry.requests


def test_a_key_that_is_a_number_stands_in_a_form_as_its_digits(foundry: Emulator) -> None:
    """As it does in JSON."""
    file = create_file(LINES, "batch", extra_body={1: 2}, **foundry.deployment_connection())
    assert "a.jsonl" == file.filename


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))],  # noqa: S301 - of our own
)
def test_bytes_that_are_here_can_be_copied(
    foundry: Emulator, copied: Callable[[Any], Any], tmp_path: Any
) -> None:
    """They are what the answer was, and are closed without a connection."""
    spoken = speech("azure/my-tts", "Hello", "alloy", **foundry.deployment_connection())
    with copied(copied(spoken)) as twin:
        assert spoken.content == twin.content == b"".join(twin.iter_bytes(100))
        assert spoken.content == twin.stream_to_file(tmp_path / "a.mp3").read_bytes()
        assert spoken.content_type == twin.content_type
        assert spoken._hidden_params == twin._hidden_params


def test_bytes_that_still_arrive_have_no_copies(foundry: Emulator) -> None:
    """A copy could not be read to its end."""
    where = foundry.deployment_connection()
    with (
        speech("azure/my-tts", "Hello", "alloy", stream=True, **where) as spoken,
        pytest.raises(TypeError, match="read content first"),
    ):
        copy.copy(spoken)


def test_an_answer_is_written_as_json(foundry: Emulator) -> None:
    """By the name that pydantic's objects have for it."""
    answer = completion("azure/chat", HELLO, **foundry.deployment_connection())
    assert answer.model_dump() == azure_agents.jsonio.loads(answer.model_dump_json(indent=2))


def test_half_a_character_has_a_vector(foundry: Emulator) -> None:
    """It goes up as its escape."""
    vectors = embedding("azure/vectors", ["\ud800"], **foundry.deployment_connection())
    assert 1536 == len(vectors.data[0].embedding)


def test_an_error_class_that_is_looked_for_here_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so is the model string of a deployment, where its resource is no project."""
    with pytest.raises(AttributeError, match=r"it is azure_agents\.errors\.RateLimitError"):
        azure_agents.RateLimitError  # noqa: B018 - what is asked for is the error
    monkeypatch.setenv("AZURE_API_BASE", "https://r.openai.azure.com")
    with pytest.raises(ConfigError, match="model='azure/<deployment>'"):
        completion("gpt-4o", HELLO)


def test_a_path_without_a_name_is_no_folder(foundry: Emulator) -> None:
    """An empty text is a mistake, not the working folder."""
    for empty in ("", ("a.jsonl", "")):
        with pytest.raises(InvalidRequestError, match="the path is empty"):
            create_file(empty, "batch", **foundry.deployment_connection())
    with pytest.raises(InvalidRequestError, match="is empty"):
        create_file(io.BytesIO(), "batch", **foundry.deployment_connection())
