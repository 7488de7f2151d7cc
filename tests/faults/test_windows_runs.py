"""Windows 7, 12 and 13: runs that the service ends badly, or early."""

from __future__ import annotations

from typing import Any

from azure_agents.emulator import Failed, Incomplete, Pause
from azure_agents.errors import RateLimitError, RunExpiredError, RunFailedError
from azure_agents.protocols.options import OPERATION

from .window_talk import TURN, Talk, answer
from .windows import CLASSIC, KINDS, PINNED, Way, window

LIMITED = Failed("rate_limit_exceeded", "Rate limit is exceeded. Try again in 7 seconds.")
FORKS = tuple(kind for kind in KINDS if kind not in PINNED)


def first(reply: Any, times: int = 1) -> Any:
    """An agent that answers so at first, and then as it should."""
    left = iter(range(times))

    def replies(turn: Any) -> Any:
        return answer(turn) if next(left, None) is None else reply

    return replies


# --- 7: the model's rate limit ---


@window(7, *FORKS, limited=(1, 2))
def test_a_run_at_the_rate_limit_is_run_again_after_the_wait(way: Way, limited: int) -> None:
    """The message is not posted again: only the run, or the whole history elsewhere."""
    talk = Talk(way)
    talk.agent.script(first(LIMITED, limited))
    began = talk.foundry.clock.time()
    talk.say_next()
    assert talk.foundry.clock.time() - began >= 7.0
    talk.go_on()


@window(7, "classic", "classic pinned", turns=("text",), limited=(1, 2))
def test_a_thread_gets_a_new_run_and_no_new_message(way: Way, limited: int) -> None:
    """The messages are there: the second request starts a run and brings nothing."""
    talk = Talk(way)
    talk.agent.script(first(LIMITED, limited))
    talk.say_next()
    sent = [body.get("additional_messages") for body in talk.posts]
    assert ([1] + [0] * limited) == [len(messages or ()) for messages in sent]
    assert 1 == len({body["metadata"][OPERATION] for body in talk.posts})
    talk.go_on()


@window(7)
def test_a_limit_that_lasts_is_an_error_with_its_wait(way: Way) -> None:
    """After the retries the caller learns how long to wait, and which turn it was."""
    talk = Talk(way)
    talk.agent.script(lambda _: LIMITED)
    error = talk.fail_next(RateLimitError)
    assert 7.0 == error.retry_after
    assert error.run_id or error.response_id
    talk.agent.script(answer)
    if not way.is_pinned:
        talk.say_next()


@window(7, "conversation pinned", "classic pinned:tools")
def test_a_rate_limited_run_raises_where_nothing_may_be_sent_again(way: Way) -> None:
    """A pinned conversation may hold the message; a run that took results cannot get them twice."""
    talk = Talk(way)
    talk.agent.script(first(LIMITED))
    error = talk.fail_next(RateLimitError)
    assert (7.0, 1) == (error.retry_after, len(talk.posts))
    assert talk.pin == error.thread_id


@window(7)
def test_a_wait_for_the_model_beyond_the_deadline_is_not_begun(way: Way) -> None:
    """The error comes at once, with the wait."""
    talk = Talk(way)
    talk.agent.script(first(Failed("rate_limit_exceeded", "Try again in 90 seconds.")))
    began = talk.foundry.clock.time()
    error = talk.fail_next(RateLimitError)
    assert (90.0, True) == (error.retry_after, talk.foundry.clock.time() - began < 3.0)


# --- 12: expired, failed ---


@window(12, *CLASSIC, turns=("text",))
def test_a_run_that_expires_while_it_works_is_an_error_with_its_ids(way: Way) -> None:
    """It is never polled to the timeout, and never told as an answer."""
    talk = Talk(way)
    talk.foundry.rules.run_lifetime = 10
    talk.agent.script(first([Pause(40.0), "too late"]))
    talk.hit("cut", method="POST", path=TURN, after_events=2)
    began = talk.foundry.clock.time()
    error = talk.fail_next(RunExpiredError)
    assert talk.foundry.clock.time() - began < 30.0
    assert error.thread_id
    assert error.run_id
    talk.foundry.rules.run_lifetime = 1800
    talk.agent.script(answer)
    if not way.is_pinned:
        talk.say_next()


@window(12, "classic", turns=("tools",))
def test_results_for_a_run_that_expired_go_to_a_new_thread(way: Way) -> None:
    """The tools are not run again: calls and results are told to another run."""
    talk = Talk(way)
    results = talk.next
    talk.foundry.clock.advance(40_000)
    assert results == talk.next
    talk.say_next()
    assert {1} == set(talk.effects.values())
    talk.go_on()


@window(12, "classic pinned", turns=("tools",))
def test_results_for_a_run_that_expired_on_a_pinned_thread(way: Way) -> None:
    """The caller learns that it expired, and which run it was."""
    talk = Talk(way)
    talk.foundry.clock.advance(40_000)
    error = talk.fail_next(RunExpiredError)
    assert talk.pin == error.thread_id
    assert (error.run_id or "nothing") in (talk.history[-1].anchor or "")


@window(12)
def test_a_failed_turn_is_an_error_with_ids_and_reason(way: Way) -> None:
    """Also where it had said something before; asked again it is answered."""
    talk = Talk(way)
    talk.agent.script(first(Failed("server_error", "The model is away.", text="once ")))
    error = talk.fail_next(RunFailedError)
    assert ("server_error", True) == (error.code, "The model is away." in error.message)
    assert error.run_id if way.generation == "classic" else error.response_id
    assert ("once " if way.is_streamed else None) in (error.partial_text, None)
    if not way.is_pinned:
        talk.say_next()


@window(12, *FORKS, turns=("tools",))
def test_a_turn_that_failed_does_not_run_its_tools_again(way: Way) -> None:
    """The results are kept: the turn is asked again with the same ones."""
    talk = Talk(way)
    talk.agent.script(first(Failed()))
    talk.fail_next(RunFailedError)
    talk.say_next()
    assert {1} == set(talk.effects.values())


# --- 13: incomplete ---

REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


@window(13, reason=tuple(REASONS), said=("once upon", ""))
def test_an_incomplete_answer_returns_text_and_finish_reason(
    way: Way, reason: str, said: str
) -> None:
    """At once, without a poll too many; it is never continued on the server."""
    talk = Talk(way)
    talk.agent.script(first(Incomplete(reason, said)))
    before = talk.foundry.clock.time()
    completion = talk.say_next()
    assert (said, REASONS[reason]) == (completion.text, completion.finished.reason)
    assert talk.foundry.clock.time() - before < 2.0
    polls = [path for path in talk.made if path.startswith("GET")]
    assert len(polls) <= (4 if way.kind == "background" else 0)
    if not way.is_pinned:
        assert completion.finished.anchor is None
    talk.go_on()
