"""`Router` against resources of the emulator: who is asked, and what becomes of failures."""

from __future__ import annotations

import asyncio
import logging
import pickle
from typing import Any

import pytest

from azure_agents.emulator import Delayed, Failed, Fault
from azure_agents.errors import (
    AuthenticationError,
    BadRequestError,
    ConfigError,
    ContentFilteredError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    ServerError,
    StreamInterruptedError,
    TransportError,
)
from azure_agents.routing.router import Router

from .fleet import HELLO, WAYS, Fleet, ask, text_of

# ------------------------------------------------------------------------------------ who is asked


@pytest.mark.parametrize("way", WAYS)
def test_the_least_used_deployment_answers(fleet: Fleet, way: str) -> None:
    """Equal ones take turns; the answer says which one it was."""
    one, two = fleet["one"], fleet["two"]
    router = fleet.router(one.entry(rpm=10), two.entry(rpm=10))
    said = [text_of(ask(router, way)) for _ in range(4)]
    assert sorted(["from one", "from two"] * 2) == sorted(said)
    assert 2 == len(one.requests) == len(two.requests)


def test_an_answer_names_its_deployment(fleet: Fleet) -> None:
    """As in LiteLLM, beside what else is known of it."""
    router = fleet.router({**fleet["one"].entry(), "model_info": {"id": "first"}})
    hidden = ask(router)._hidden_params
    assert ("first", "gpt", "azure") == (
        hidden["model_id"],
        hidden["model_group"],
        hidden["custom_llm_provider"],
    )


@pytest.mark.parametrize("way", WAYS)
def test_provisioned_throughput_comes_first_and_spills_over(fleet: Fleet, way: str) -> None:
    """By `order`: the second is asked only when the first is at its limit."""
    router = fleet.router(fleet["payg"].entry(order=2), fleet["ptu"].entry(order=1, rpm=2))
    said = [text_of(ask(router, way)) for _ in range(4)]
    assert ["from ptu", "from ptu", "from payg", "from payg"] == said


def test_parameters_of_an_entry_go_up_and_the_callers_win(fleet: Fleet) -> None:
    """Settings of the router do not; a parameter that nobody gave is not sent."""
    router = fleet.router(
        fleet["one"].entry(temperature=0.1, top_p=0.5, rpm=9, tpm=99_999, order=1),
        default_litellm_params={"seed": 3, "top_p": 0.9},
    )
    ask(router, temperature=0.7, seed=None)
    body = fleet["one"].requests[-1].body
    expected = {"model": "dep", "temperature": 0.7, "top_p": 0.5, "seed": 3, "messages": HELLO}
    assert expected == body


@pytest.mark.parametrize("asked", ["gpt", "other", "mine", "azure/dep", "team/dep"])
def test_a_model_has_several_names(fleet: Fleet, asked: str) -> None:
    """Its own, another one, the id of a deployment, one that a wildcard fits."""
    one = fleet["one"]
    router = fleet.router(
        {**one.entry(), "model_info": {"id": "mine"}},
        one.entry("azure/*", name="azure/*"),
        one.entry("azure/*", name="team/*"),
        model_group_alias={"other": "gpt"},
    )
    assert "from one" == text_of(ask(router, model=asked))
    assert ("gpt",) == router.model_names


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "gtp",
            r"model='gtp' is not in model_list: did you mean 'gpt'\?; its models: 'gpt', 'mini'",
        ),
        (None, "model must be a name, got NoneType"),
    ],
)
def test_an_unknown_model_is_refused(fleet: Fleet, asked: Any, message: str) -> None:
    """With the nearest name and those there are; nothing is sent."""
    router = fleet.router(fleet["one"].entry(), fleet["one"].entry(name="mini"))
    with pytest.raises(InvalidRequestError, match=message):
        ask(router, model=asked)
    assert [] == fleet["one"].requests


@pytest.mark.parametrize("name", ["api_key", "api_base", "azure_ad_token", "api_version"])
def test_a_caller_does_not_say_where_a_deployment_is(fleet: Fleet, name: str) -> None:
    """Nor with which credential it is asked: that is the list's."""
    router = fleet.router(fleet["one"].entry())
    with pytest.raises(InvalidRequestError, match=f"{name}= says where or with which credential"):
        ask(router, **{name: "x"})


# ---------------------------------------------------------------------------------------- failures


FAULTS = {
    "500": Fault("status_before", status=500),
    "503": Fault("status_before", status=503),
    "429": Fault("status_before", status=429),
    "408": Fault("status_before", status=408),
    "lost before": Fault("reset_before"),
    "lost after": Fault("lost"),
    "401": Fault("status_before", status=401),
    "403": Fault("status_before", status=403),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_one_deployment_fails_at_another_does(fleet: Fleet, way: str, fault: str) -> None:
    """Once each: the router alone decides how often anything is asked."""
    one, two = fleet["one"], fleet["two"]
    one.faults.add(FAULTS[fault])
    router = fleet.router(one.entry(order=1), two.entry(order=2))
    assert "from two" == text_of(ask(router, way))
    assert "from two" == text_of(ask(router, way))  # the first one is put aside
    assert (1, 2) == (len(one.requests), len(two.requests))
    fleet.clock.sleep(61)
    assert "from one" == text_of(ask(router, way))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("reply", [Failed("rate_limit_exceeded"), Failed("server_error")])
def test_a_first_event_that_is_an_error_is_one(fleet: Fleet, way: str, reply: Failed) -> None:
    """A stream that begins with 200 and an error has not begun."""
    one = fleet["one"]
    one.deploy("dep", [reply, "again"])
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2))
    assert "from two" == text_of(ask(router, way))


@pytest.mark.parametrize("way", WAYS)
def test_a_deployment_that_does_not_exist_is_put_aside(
    fleet: Fleet, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so; the caller gets an answer."""
    router = fleet.router(fleet["one"].entry("none", order=1), fleet["two"].entry(order=2))
    with caplog.at_level(logging.WARNING, "azure_agents"):
        assert "from two" == text_of(ask(router, way))
        assert "from two" == text_of(ask(router, way))
    assert 1 == len(fleet["one"].requests)
    said = [record.getMessage() for record in caplog.records]
    assert 1 == len(said)
    assert "'azure/none' of 'gpt'" in said[0]
    assert fleet["one"].api_key not in said[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_request_is_no_fault_of_the_deployment(fleet: Fleet, way: str) -> None:
    """No other one is asked, and none is put aside."""
    one, two = fleet["one"], fleet["two"]
    router = fleet.router(one.entry(order=1), two.entry(order=2))
    with pytest.raises(BadRequestError):
        ask(router, way, temperature=99)
    one.deploy("dep", [Failed("content_filter"), "fine"])
    with pytest.raises(ContentFilteredError):
        ask(router, way)
    assert "fine" == text_of(ask(router, way))
    assert [] == two.requests


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_asked_again_after_the_first_content(fleet: Fleet, way: str) -> None:
    """The caller has it already; a whole answer that was cut is another's turn."""
    one = fleet["one"]
    one.deploy("dep", "one two three four")
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2))
    if way.endswith("stream"):
        one.faults.add(Fault("cut", after_events=4))
        with pytest.raises(StreamInterruptedError) as caught:
            ask(router, way)
        assert "one two" == caught.value.partial_text
        assert [] == fleet["two"].requests
    else:
        one.faults.add(Fault("cut", after_bytes=10))
        assert "from two" == text_of(ask(router, way))


@pytest.mark.parametrize("way", WAYS)
def test_the_only_deployment_is_not_put_aside_for_a_failure(fleet: Fleet, way: str) -> None:
    """It is asked again after a wait, as often as `num_retries`, and at once by the next call."""
    one = fleet["one"]
    one.faults.add(Fault("status_before", status=500, times=3))
    router = fleet.router(one.entry(), num_retries=1)
    with pytest.raises(ServerError):
        ask(router, way)
    assert "from one" == text_of(ask(router, way))
    assert [500, 500, 500, 200] == one.statuses


@pytest.mark.parametrize("way", WAYS)
def test_deployments_that_all_failed_are_asked_all_the_same(fleet: Fleet, way: str) -> None:
    """Those that were not asked in this call before any is asked twice."""
    one, two = fleet["one"], fleet["two"]
    router = fleet.router(one.entry(order=1), two.entry(order=2), num_retries=2)
    for each in (one, two):
        each.faults.add(Fault("status_before", status=503, times=1))
    assert "from one" == text_of(ask(router, way))
    assert ([503, 200], [503]) == (one.statuses, two.statuses)
    one.faults.add(Fault("status_before", status=500, times=None))
    assert "from two" == text_of(ask(router, way))


@pytest.mark.parametrize("way", WAYS)
def test_a_429_is_waited_for_as_long_as_it_asks(fleet: Fleet, way: str) -> None:
    """Of two the later counts; the only deployment is not asked before."""
    one = fleet["one"]
    router = fleet.router(one.entry())
    one.faults.add(Fault("status_before", status=429, headers={"retry-after-ms": "7500"}))
    for wait in (7.5, 5.5):
        with pytest.raises(RateLimitError) as caught:
            ask(router, way)
        assert (wait, 429) == (pytest.approx(caught.value.retry_after), caught.value.status)
        fleet.clock.sleep(2)
    assert 1 == len(one.requests)
    fleet.clock.sleep(3.6)
    assert "from one" == text_of(ask(router, way))


def test_a_shorter_wait_does_not_end_a_longer_one(fleet: Fleet) -> None:
    """Two calls that run at once may both be told to wait."""
    one = fleet["one"]
    router = fleet.router(one.entry())
    error = RateLimitError("busy", retry_after=60.0)
    health, deployment = router._engine.desk.health, router._engine.book.deployments[0]
    for retry_after in (60.0, 1.0, None):
        error.retry_after = retry_after
        health.note(deployment, "busy", error)
    assert 60_000_000 == health.busy_for(deployment)


def test_a_success_from_before_a_failure_proves_nothing(fleet: Fleet) -> None:
    """A slow call may have begun while all was well; one that began later shows the way back."""
    router = fleet.router(fleet["one"].entry())
    health, deployment = router._engine.desk.health, router._engine.book.deployments[0]
    health.note(deployment, "failed", ServerError("down", status=500))
    now = int(fleet.clock.time() * 1_000_000)
    health.succeeded(deployment, now - 1)
    assert 5_000_000 == health.failed_for(deployment)
    health.succeeded(deployment, now + 1)
    assert 0 == health.failed_for(deployment)


@pytest.mark.parametrize("way", WAYS)
def test_all_at_their_limits_is_one_error_with_the_soonest_time(fleet: Fleet, way: str) -> None:
    """Whether a limit of ours or the service's own is in the way."""
    router = fleet.router(fleet["one"].entry(rpm=1), fleet["two"].entry())
    fleet["two"].faults.add(Fault("status_before", status=429, headers={"retry-after-ms": "20000"}))
    assert "from one" == text_of(ask(router, way))
    fleet.clock.sleep(1)
    with pytest.raises(RateLimitError, match="all deployments are at their limits") as caught:
        ask(router, way)
    assert pytest.approx(20) == caught.value.retry_after
    fleet.clock.sleep(3)
    with pytest.raises(RateLimitError) as caught:
        ask(router, way)
    assert pytest.approx(17) == caught.value.retry_after


def test_one_failure_among_limits_is_the_error(fleet: Fleet) -> None:
    """Waiting would not help there."""
    router = fleet.router(fleet["one"].entry(rpm=1), fleet["two"].entry(api_key="wrong"))
    assert "from one" == text_of(ask(router))
    with pytest.raises(AuthenticationError):
        ask(router)


@pytest.mark.parametrize("way", WAYS)
def test_failures_may_be_overlooked(fleet: Fleet, way: str) -> None:
    """`allowed_fails` of them in a minute."""
    one = fleet["one"]
    one.faults.add(Fault("status_before", status=500, times=2))
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2), allowed_fails=1)
    assert ["from two"] * 3 == [text_of(ask(router, way)) for _ in range(3)]
    assert [500, 500] == one.statuses
    fleet.clock.sleep(5)
    assert "from one" == text_of(ask(router, way))


def test_nothing_is_put_aside_where_that_is_off(fleet: Fleet) -> None:
    """With `disable_cooldowns` also one that said 429 is asked by the next call."""
    one = fleet["one"]
    one.faults.add(Fault("status_before", status=429, headers={"retry-after": "60"}))
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2), disable_cooldowns=True)
    assert ["from two", "from one"] == [text_of(ask(router)) for _ in range(2)]


@pytest.mark.parametrize("way", WAYS)
def test_a_slow_deployment_is_left_for_another_one(fleet: Fleet, way: str) -> None:
    """The router's timeout is that of an attempt."""
    one = fleet["one"]
    one.deploy("dep", Delayed(30, "late"))
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2), timeout=5)
    assert "from two" == text_of(ask(router, way))
    assert "from two" == text_of(ask(router, way))
    assert 1 == len(one.requests)


@pytest.mark.parametrize("way", WAYS)
def test_an_impatient_caller_says_nothing_about_a_deployment(fleet: Fleet, way: str) -> None:
    """The call's own timeout is that of the whole call; who runs into it is not put aside."""
    one = fleet["one"]
    one.deploy("dep", [Delayed(30, "late"), "soon"])
    router = fleet.router(one.entry(order=1), fleet["two"].entry(order=2))
    begun = fleet.clock.time()
    with pytest.raises((DeadlineError, TransportError)):
        ask(router, way, timeout=2)
    assert 2 == pytest.approx(fleet.clock.time() - begun, abs=0.1)
    assert "soon" == text_of(ask(router, way))
    assert [] == fleet["two"].requests


# --------------------------------------------------------------------------------------- fallbacks


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "settings",
    [
        {"fallbacks": [{"gpt": ["mini"]}]},
        {"fallbacks": [{"*": ["mini"]}]},
        {"default_fallbacks": ["mini"]},
        {"fallbacks": [{"gpt": ["middle"]}, {"middle": ["mini"]}]},
    ],
)
def test_another_model_is_asked_instead(fleet: Fleet, way: str, settings: dict[str, Any]) -> None:
    """When no deployment of the model is left, also through several."""
    entries = (
        fleet["one"].entry(rpm=1),
        fleet["one"].entry("none", name="middle"),
        fleet["two"].entry(name="mini"),
    )
    router = fleet.router(*entries, **settings)
    assert ["from one", "from two"] == [text_of(ask(router, way)) for _ in range(2)]


@pytest.mark.parametrize("fallbacks", [["mini"], [{"gpt": ["mini"]}], [{"*": ["mini"]}]])
def test_a_call_brings_its_own_fallbacks(fleet: Fleet, fallbacks: list[Any]) -> None:
    """Names, or LiteLLM's dictionaries; and an empty list is none."""
    router = fleet.router(
        fleet["one"].entry("none"), fleet["two"].entry(name="mini"), default_fallbacks=["mini"]
    )
    assert "from two" == text_of(ask(router, fallbacks=fallbacks))
    with pytest.raises(NotFoundError):
        ask(router, fallbacks=[])


def test_models_that_stand_for_each_other_are_asked_once(fleet: Fleet) -> None:
    """A circle of fallbacks ends."""
    router = fleet.router(
        fleet["one"].entry("none"),
        fleet["two"].entry("none", name="mini"),
        fallbacks=[{"gpt": ["mini"]}, {"mini": ["gpt"]}],
    )
    with pytest.raises(NotFoundError):
        ask(router)
    assert (1, 1) == (len(fleet["one"].requests), len(fleet["two"].requests))


@pytest.mark.parametrize("way", WAYS)
def test_a_filtered_prompt_goes_to_a_model_with_another_filter(fleet: Fleet, way: str) -> None:
    """Only where the router was told of one."""
    fleet["one"].deploy("dep", Failed("content_filter"))
    entries = fleet["one"].entry(), fleet["two"].entry(name="mild")
    router = fleet.router(*entries, content_policy_fallbacks=[{"gpt": ["mild"]}])
    assert "from two" == text_of(ask(router, way))
    with pytest.raises(ContentFilteredError):
        ask(fleet.router(*entries, default_fallbacks=["mild"]), way)


@pytest.mark.parametrize("way", WAYS)
def test_a_prompt_that_is_too_long_goes_to_a_larger_model(fleet: Fleet, way: str) -> None:
    """By the code of the service's error."""
    body = {"error": {"code": "context_length_exceeded", "message": "maximum context length"}}
    fleet["one"].faults.add(Fault("status_before", status=400, body=body, times=None))
    router = fleet.router(
        fleet["one"].entry(),
        fleet["two"].entry(name="large"),
        context_window_fallbacks=[{"gpt": ["large"]}],
    )
    assert "from two" == text_of(ask(router, way))


# ------------------------------------------------------------------------------------------ tokens


@pytest.mark.parametrize("way", WAYS)
def test_tokens_of_answers_count(fleet: Fleet, way: str) -> None:
    """The service's number takes the place of the estimate, and a stream tells it, too."""
    one = fleet["one"]
    router = fleet.router(one.entry(tpm=1000))
    answer = ask(router, way, max_tokens=500)
    assert "from one" == text_of(answer)
    counted = router.status()["deployments"][0]["counted"]["tpm"]
    plain = ask(fleet.router(one.entry()), "sync").usage.total_tokens
    assert plain == counted
    if isinstance(answer, list):
        assert [] == [chunk for chunk in answer if not chunk.choices]
        assert {"include_usage": True} == one.requests[0].body["stream_options"]
        assert "stream_options" not in ask_stream_body(fleet)


def ask_stream_body(fleet: Fleet) -> Any:
    """What goes up of a stream where no tokens are counted."""
    ask(fleet.router(fleet["one"].entry(rpm=5)), "sync stream")
    return fleet["one"].requests[-1].body


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_usage_that_the_caller_asked_for_is_delivered(fleet: Fleet, way: str) -> None:
    """In its own chunk, as from the deployment itself."""
    router = fleet.router(fleet["one"].entry(tpm=1000))
    chunks = ask(router, way, stream_options={"include_usage": True})
    assert 1 == len([chunk for chunk in chunks if chunk.usage])


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_deployment_that_refuses_to_tell_usage_is_asked_without(fleet: Fleet, way: str) -> None:
    """Once, and remembered; its tokens are counted by the length of what came."""
    one = fleet["one"]
    message = "Unrecognized request argument supplied: stream_options"
    one.faults.add(
        Fault(
            "status_before",
            status=400,
            body={"error": {"message": message}},
            when=lambda body: "stream_options" in body,
            times=None,
        )
    )
    router = fleet.router(one.entry(tpm=10_000))
    assert ["from one"] * 2 == [text_of(ask(router, way)) for _ in range(2)]
    assert [400, 200, 200] == one.statuses
    assert 0 < router.status()["deployments"][0]["counted"]["tpm"] < 100


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_of_tokens_holds(fleet: Fleet, way: str) -> None:
    """What would be too much waits, and a smaller request does not."""
    router = fleet.router(fleet["one"].entry(tpm=200))
    ask(router, way, max_tokens=20)
    with pytest.raises(RateLimitError):
        ask(router, way, max_tokens=199)
    assert "from one" == text_of(ask(router, way, max_tokens=20))


def test_what_the_service_says_is_left_counts(fleet: Fleet) -> None:
    """Others use the deployment, too: its headers tell."""
    one = fleet["one"]
    one.deploy("dep", "hi", rpm=5)
    other = fleet.router(one.entry())
    for _ in range(3):
        ask(other)
    router = fleet.router(one.entry(rpm=5))
    said = [text_of(ask(router)) for _ in range(2)]
    with pytest.raises(RateLimitError):
        ask(router)
    assert (["hi", "hi"], [200] * 5) == (said, one.statuses)


@pytest.mark.parametrize("way", ["sync stream", "async stream"])
def test_a_stream_holds_its_place_until_it_ends(fleet: Fleet, way: str) -> None:
    """Read to its end, closed, or forgotten by its reader."""
    router = fleet.router(fleet["one"].entry(max_parallel_requests=1))
    stream = router.completion("gpt", HELLO, stream=True)
    with pytest.raises(RateLimitError):
        ask(router, way)
    stream.close()
    assert "from one" == text_of(ask(router, way))
    stream = router.completion("gpt", HELLO, stream=True)
    assert 1 == router.status()["deployments"][0]["running"]
    del stream
    assert 0 == router.status()["deployments"][0]["running"]


# -------------------------------------------------------------------------------- other operations


@pytest.mark.parametrize("way", ["sync", "async"])
def test_embeddings_are_routed(fleet: Fleet, way: str) -> None:
    """By the same rules; their tokens count, too."""
    one, two = fleet["one"], fleet["two"]
    for each in (one, two):
        each.deploy("vectors", model="text-embedding-3-small")
    one.faults.add(Fault("status_before", status=503))
    router = fleet.router(one.entry("vectors", order=1, tpm=50), two.entry("vectors", order=2))
    if way == "sync":
        answer = router.embedding("gpt", ["Hello", "World"])
    else:
        answer = asyncio.run(router.aembedding("gpt", ["Hello", "World"]))
    assert 2 == len(answer.data)
    assert ([503], [200]) == (one.statuses, two.statuses)


# ---------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fallback": []}, "Router has no argument 'fallback': did you mean 'fallbacks'"),
        ({"retry_policy": {}}, "retry_policy= is not offered: use num_retries="),
        ({"set_verbose": True}, r"set_verbose= is not offered: use logging\.getLogger"),
        (
            {"routing_strategy": "latency-based-routing"},
            "routing_strategy='latency-based-routing' is",
        ),
        ({"optional_pre_call_checks": ["prompt_caching"]}, "'prompt_caching' is not offered"),
        ({"num_retries": -1}, "num_retries must be a whole number, 0 or more, got -1"),
        ({"cooldown_time": "5"}, "cooldown_time must be seconds, 0 or more, got '5'"),
        ({"timeout": 0}, "timeout"),
        ({"fallbacks": {"gpt": ["gpt"]}}, "fallbacks must be a list"),
        ({"fallbacks": ["gpt"]}, "fallbacks must be like"),
        ({"fallbacks": [{"gpt": [{"model": "x"}]}]}, "a fallback is a model of model_list"),
        ({"default_fallbacks": ["gtp"]}, "model='gtp' is not in model_list: did you mean 'gpt'"),
        ({"model_group_alias": {"a": "gtp"}}, "model='gtp' is not in model_list"),
        ({"model_group_alias": {"a": 1}}, "'a' must name a model"),
        ({"disable_cooldowns": "yes"}, "disable_cooldowns must be True or False"),
        ({"redis_password": "s3cret"}, "redis_password= needs redis_host="),
        ({"redis_url": "http://:s3cret@host"}, "is no Redis URL"),
        ({"redis_host": "host", "redis_port": "x"}, "redis_port must be a port, got 'x'"),
        ({"redis_host": "a", "redis_url": "redis://a"}, "say the same: pass one"),
    ],
)
def test_a_wrong_argument_is_refused(fleet: Fleet, arguments: Any, message: str) -> None:
    """With what was meant, or why it is not offered; no secret is in it."""
    with pytest.raises((ConfigError, InvalidRequestError), match=message) as caught:
        fleet.router(fleet["one"].entry(), **arguments)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"routing_strategy": "simple-shuffle"},
        {"routing_strategy": "usage-based-routing-v2", "enable_pre_call_checks": True},
        {"optional_pre_call_checks": ["enforce_model_rate_limits"]},
        {"redis_host": None, "redis_port": None, "redis_password": None},
        {"timeout": None, "stream_timeout": 3, "default_max_parallel_requests": 4},
    ],
)
def test_what_litellm_is_given_is_taken(fleet: Fleet, arguments: dict[str, Any]) -> None:
    """Where this router does the same, always or on request; None is absent."""
    assert "from one" == text_of(ask(fleet.router(fleet["one"].entry(), **arguments)))


def test_a_router_shows_and_pickles_no_secret(fleet: Fleet) -> None:
    """Neither keys nor the password of Redis."""
    one = fleet["one"]
    router = fleet.router(one.entry(), redis_url="redis://:s3cret@localhost:1")
    shown = (
        f"{router!r} {router.status()} {router._engine.book.deployments} {router._engine.settings} "
    )
    shown += repr(router._engine.link)
    assert one.api_key not in shown
    assert "s3cret" not in shown
    with pytest.raises(TypeError, match="is not pickled"):
        pickle.dumps(router)
    router.close()


def test_the_status_tells_how_deployments_are(fleet: Fleet) -> None:
    """For a page or a metric; Redis is not among it where there is none."""
    one = fleet["one"]
    one.faults.add(Fault("status_before", status=503))
    router = fleet.router({**one.entry(rpm=5), "model_info": {"id": "a"}})
    ask(router)
    status = router.status()
    (told,) = status["deployments"]
    assert None is status["redis"]
    assert ("a", "gpt", "azure/dep", 0) == tuple(
        told[name] for name in ("id", "model_name", "model", "running")
    )
    assert 2 == told["counted"]["rpm"]
    assert 0.0 == told["busy_for"] == told["failed_for"]
    assert "503" in told["last_error"]


def test_a_router_is_what_it_says() -> None:
    """An empty one answers nothing, and says which models there are."""
    router = Router([])
    assert "<Router of nothing>" == repr(router)
    with pytest.raises(InvalidRequestError, match="its models: none"):
        router.completion("gpt", HELLO)
