"""What happens around calls: secrets, pickles, threads, event loops, and leaving early."""

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage

from azure_agents.emulator import Emulator, Text
from azure_agents.errors import ConfigError
from azure_agents.settings.timeouts import Timeouts
from llamaindex_azure_agents import AzureAgentLLM

from ..eventually import eventually

ENDPOINT = "https://r.services.ai.azure.com/api/projects/p"
SECRETS = {
    "credential": {"credential": "s3cret"},
    "api_key": {"api_key": "s3cret"},
    "anchor_key": {"credential": "t", "anchor_key": "s3cret" * 8},
    "client_secret": {"client_id": "c", "tenant_id": "t", "client_secret": "s3cret"},
}
Make = Callable[..., AzureAgentLLM]


@pytest.mark.parametrize("secrets", SECRETS.values(), ids=SECRETS)
def test_nothing_shows_a_secret(secrets: dict[str, str]) -> None:
    """Neither dumps nor traces nor pickles nor what is printed."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, **secrets)
    shown = [
        repr(llm),
        str(llm),
        json.dumps(llm.to_dict()),
        llm.to_json(),
        json.dumps(llm.to_payload()),
        repr(llm.model_dump()),
        repr(vars(llm._clients)),
        repr(pickle.dumps(llm)),
    ]
    assert [] == [text for text in shown if "s3cret" in text]


def test_a_pickle_brings_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of the environment it was made in; clients are made anew."""
    monkeypatch.setenv("AZURE_AI_PROJECT_ENDPOINT", ENDPOINT)
    llm = AzureAgentLLM(
        "my-agent:1",
        credential="s3cret",
        timeout=Timeouts(read=5.0),
        thread_id="conv_a",
        owner="me",
    )
    monkeypatch.delenv("AZURE_AI_PROJECT_ENDPOINT")
    again = pickle.loads(pickle.dumps(llm))  # noqa: S301 - made here
    assert llm.to_dict() == again.to_dict()
    assert llm._settings == again._settings


def test_a_dump_makes_an_equal_llm() -> None:
    """`from_dict` is how LlamaIndex restores components."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, timeout=Timeouts(read=5.0), temperature=0.1)
    again = AzureAgentLLM.from_dict(json.loads(llm.to_json()))
    assert llm.to_dict() == again.to_dict()
    assert llm._settings == again._settings


def test_copies_share_the_connection() -> None:
    """A copy signs in no second time."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="s3cret")
    copies = [copy.copy(llm), copy.deepcopy(llm), llm.model_copy(update={"temperature": 0.1})]
    assert [llm.client] * 3 == [each.client for each in copies]


CHANGES = {
    "model": "another",
    "endpoint": "https://other.services.ai.azure.com/api/projects/p",
    "threads": "ephemeral",
    "thread_id": "conv_a",
    "owner": "ada",
    "instructions": "Be brief.",
    "timeout": 5.0,
    "max_retries": 0,
    "user_identity": "ada",
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_copy_has_settings_of_its_own(name: str) -> None:
    """What it shows is what it does; the original stays as it is, and a new copy can be copied."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="s3cret")
    copied = llm.model_copy(update={name: CHANGES[name]})
    expected = AzureAgentLLM(
        **{"model": "my-agent", "endpoint": ENDPOINT, "credential": "t", name: CHANGES[name]}
    )
    shown = [getattr(each, name) for each in (copied, expected)]
    assert (shown[0], expected._settings) == (shown[1], copied.client.settings)
    assert copied.client.settings == copied.async_client.settings
    again = copied.model_copy(update={name: getattr(llm, name)}, deep=True)
    assert llm.client.settings == again.client.settings != copied.client.settings


@pytest.mark.parametrize(
    ("update", "error"),
    [
        ({"threads": "always"}, "threads='always' is unknown"),
        ({"timeout": -1}, "timeout must be a positive"),
        ({"modell": "two"}, "modell"),
    ],
)
def test_a_copy_with_a_wrong_setting_is_an_error(update: dict[str, Any], error: str) -> None:
    """As in the constructor."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="s3cret")
    with pytest.raises(ConfigError, match=error):
        llm.model_copy(update=update)


def test_a_copy_may_sign_in_as_another(make_llm: Make) -> None:
    """Arguments that are no fields can be given anew, too."""
    llm = AzureAgentLLM("my-agent", endpoint=ENDPOINT, credential="s3cret")
    copied = llm.model_copy(update={"credential": None, "api_key": "key"})
    kinds = [each.client._auth.kind for each in (llm, copied)]
    assert ["token", "api-key"] == kinds


def test_a_copy_answers(make_llm: Make) -> None:
    """With the same transport and credential."""
    assert "ok" == copy.deepcopy(make_llm("ok")).chat([ChatMessage("Hi")]).message.content


def test_it_can_be_the_global_llm(make_llm: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings replace the callback manager of what they hold."""
    monkeypatch.setattr(Settings, "_llm", None)
    llm = make_llm("ok")
    Settings.llm = llm
    assert llm is Settings.llm
    assert "ok" == Settings.llm.complete("Hi").text


def test_a_closed_llm_opens_again(make_llm: Make) -> None:
    """Closing gives connections back, it does not end the object."""
    llm = make_llm("ok")

    async def twice() -> list[Any]:
        first = await llm.acomplete("Hi")
        await llm.aclose()
        second = await llm.acomplete("Hi")
        await llm.aclose()
        return [first.text, second.text]

    llm.complete("Hi")
    llm.close()
    assert ["ok", "ok", "ok"] == [llm.complete("Hi").text, *asyncio.run(twice())]


# -- threads and event loops --------------------------------------------------------------------


def test_threads_share_one_llm(foundry: Emulator, make_llm: Make) -> None:
    """Twenty at once, each with its own conversation."""
    llm = make_llm(lambda turn: f"re {turn.last_user_text}")

    def converse(number: int) -> list[str | None]:
        history: list[ChatMessage] = []
        for turn in range(3):
            history.append(ChatMessage(f"{number}.{turn}"))
            history.append(llm.chat(history).message)
        return [message.content for message in history[1::2]]

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(converse, range(20)))
    assert [[f"re {n}.{t}" for t in range(3)] for n in range(20)] == answers
    for seen in foundry.seen:
        assert 1 == len({m.text.removeprefix("re ").split(".")[0] for m in seen.messages})


def test_event_loops_come_and_go(make_llm: Make) -> None:
    """One LLM, a new loop per call: nothing is kept that belongs to a closed loop."""
    llm = make_llm("ok")
    answers = [asyncio.run(llm.acomplete("Hi")).text for _ in range(3)]
    assert ["ok"] * 3 == answers


def test_a_sync_call_works_where_a_loop_runs(make_llm: Make) -> None:
    """Notebooks have a running loop."""
    llm = make_llm("ok")

    async def cell() -> list[str]:
        return [llm.complete("Hi").text, *(chunk.text for chunk in llm.stream_complete("Hi"))][:1]

    assert ["ok"] == asyncio.run(cell())


def test_calls_run_at_the_same_time(make_llm: Make) -> None:
    """Four async calls meet inside the agent: none waits for another one."""
    meeting = threading.Barrier(4, timeout=10)

    def reply(turn: Any) -> str:
        meeting.wait()
        return f"re {turn.last_user_text}"

    llm = make_llm(reply)

    async def four() -> list[str]:
        answers = await asyncio.gather(*(llm.acomplete(str(n)) for n in range(4)))
        return [answer.text for answer in answers]

    assert [f"re {n}" for n in range(4)] == asyncio.run(four())


# -- leaving early ------------------------------------------------------------------------------

LONG = Text(deltas=tuple(f"word {n} " for n in range(50)))


def is_left(foundry: Emulator, generation: str) -> bool:
    """Nobody reads the turn any more; classic runs are cancelled (v2 has no such request)."""
    is_read = any(turn.readers for turn in foundry._world.unfinished())
    is_cancelled = any(request.path.endswith("/cancel") for request in foundry.requests)
    return not is_read and is_cancelled == (generation == "classic")


@pytest.mark.parametrize("endpoint", ["stream_chat", "stream_complete"])
def test_closing_a_stream_cancels_the_turn(
    foundry: Emulator, make_llm: Make, generation: str, endpoint: str
) -> None:
    """At once, and the next call is not disturbed."""
    llm = make_llm([LONG, "ok"])
    prompt = "Hi" if endpoint == "stream_complete" else [ChatMessage("Hi")]
    chunks = getattr(llm, endpoint)(prompt)
    next(chunks)
    assert not is_left(foundry, generation)
    chunks.close()
    assert is_left(foundry, generation)
    assert "ok" == llm.complete("again").text


@pytest.mark.parametrize("endpoint", ["astream_chat", "astream_complete"])
def test_closing_an_async_stream_cancels_the_turn(
    foundry: Emulator, make_llm: Make, generation: str, endpoint: str
) -> None:
    """LlamaIndex leaves that to the garbage collector: a tick later, on the same loop."""
    llm = make_llm([LONG, "ok"])
    prompt: Any = "Hi" if endpoint == "astream_complete" else [ChatMessage("Hi")]

    async def leave() -> str:
        chunks = await getattr(llm, endpoint)(prompt)
        await anext(chunks)
        await chunks.aclose()
        del chunks
        await eventually(lambda: is_left(foundry, generation))
        return (await llm.acomplete("again")).text

    assert "ok" == asyncio.run(leave())


def test_a_cancelled_task_cancels_the_turn(
    foundry: Emulator, make_llm: Make, generation: str
) -> None:
    """A web server drops the task of a client that went away."""
    llm = make_llm([LONG, "ok"])

    async def leave() -> str:
        started = asyncio.Event()

        async def read() -> None:
            async for _ in await llm.astream_chat([ChatMessage("Hi")]):
                started.set()
                await asyncio.sleep(0)

        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await eventually(lambda: is_left(foundry, generation))
        return (await llm.acomplete("again")).text

    assert "ok" == asyncio.run(leave())


# httpx signs requests in an async generator; one that begins while the loop ends is warned of.
@pytest.mark.filterwarnings("ignore:asynchronous generator .* was scheduled after:ResourceWarning")
def test_a_loop_may_end_around_an_open_stream(
    foundry: Emulator, make_llm: Make, generation: str
) -> None:
    """`asyncio.run` returns while a stream is open: the turn is left, and nothing is raised."""
    llm = make_llm([LONG, "ok"])
    kept = []

    async def leave() -> str:
        kept.append(await llm.astream_chat([ChatMessage("Hi")]))
        return (await anext(kept[0])).delta

    assert "word " == asyncio.run(leave())[:5]
    assert is_left(foundry, generation)
    assert "ok" == asyncio.run(llm.acomplete("again")).text


def test_a_stream_that_is_never_read_sends_nothing(foundry: Emulator, make_llm: Make) -> None:
    """But it is bound: wrong messages are found when it is asked for."""
    before = len(foundry.requests)
    make_llm("ok").stream_chat([ChatMessage("Hi")])
    assert before == len(foundry.requests)


def test_a_stream_is_bound_when_it_is_asked_for(foundry: Emulator, make_llm: Make) -> None:
    """LlamaIndex reads it later in another thread, when the caller's list has changed."""
    llm = make_llm("ok")
    messages = [ChatMessage("Hi")]
    chunks = llm.stream_chat(messages)
    messages.append(ChatMessage("later"))
    reader = threading.Thread(target=lambda: list(chunks))
    reader.start()
    reader.join()
    assert ["Hi"] == [message.text for message in foundry.seen[-1].messages]
