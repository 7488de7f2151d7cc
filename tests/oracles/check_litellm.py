"""litellm: its provider for classic agents, plain and streamed."""

from __future__ import annotations

import asyncio

import litellm
from oracle import ENDPOINT, check, control, raises, run

litellm.suppress_debug_info = True
AGENT = next(one["model"] for one in control("GET", "")["agents"] if one["name"] == "classic")
SETTINGS = {"model": f"azure_ai/agents/{AGENT}", "api_base": ENDPOINT, "api_key": "any"}


def user(text: str) -> list[dict[str, str]]:
    """One message."""
    return [{"role": "user", "content": text}]


@check
def a_plain_answer() -> None:
    """Thread, messages, run, polling, answer; its newest versions start a thread in every call."""
    answer = litellm.completion(messages=user("my name is Ada"), **SETTINGS)
    assert "Nice to meet you, Ada. (turn 1)" == answer.choices[0].message.content
    assert answer._hidden_params["thread_id"].startswith("thread_")
    assert answer.usage.total_tokens > 0


@check
def asynchronous_answers() -> None:
    """Plain, and streamed: thread and run in one request (there is no synchronous stream)."""

    async def talk() -> tuple[str, str]:
        plain = await litellm.acompletion(messages=user("hello"), **SETTINGS)
        stream = await litellm.acompletion(messages=user("hello"), stream=True, **SETTINGS)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        return plain.choices[0].message.content, text

    assert asyncio.run(talk()) == ("You said: hello (turn 1)",) * 2


@check
def citations() -> None:
    """A URL citation arrives in OpenAI's form."""
    message = litellm.completion(messages=user("cite"), **SETTINGS).choices[0].message
    assert "https://example.com" == message.annotations[0]["url_citation"]["url"]


@check
def a_failed_run() -> None:
    """It raises, with the service's sentence."""
    error = raises(
        litellm.InternalServerError,
        lambda: litellm.completion(messages=user("fail"), num_retries=0, **SETTINGS),
    )
    assert "Slow down." in str(error)


@check
def an_unknown_agent() -> None:
    """The service's sentence arrives; which class litellm gives to a 404 depends on its version."""
    settings = SETTINGS | {"model": "azure_ai/agents/asst_unknown"}
    error = raises(
        (litellm.BadRequestError, litellm.NotFoundError),
        lambda: litellm.completion(messages=user("hi"), num_retries=0, **settings),
    )
    assert "No assistant found with id 'asst_unknown'." in str(error)


if __name__ == "__main__":
    run()
