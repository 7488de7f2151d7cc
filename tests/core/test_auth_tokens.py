"""A token is kept, renewed once, and shared by threads and event loops."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .sign_in import URL, AsyncCredential, Call, Credential, Service, build, in_async, in_sync, jwt

DENIED = {"error": {"code": "PermissionDenied", "message": "lacks the data action"}}
WORLDS = [(in_sync, Credential), (in_async, Credential), (in_async, AsyncCredential)]


World = pytest.mark.parametrize(("call", "make"), WORLDS)


@World
def test_a_token_is_fetched_once(call: Call, make: type[Credential]) -> None:
    """And kept while it has more than five minutes to live."""
    service, auth = Service(), build(credential=make(330))
    assert [200] * 3 == [call(service, auth) for _ in range(3)]
    assert ["Bearer t1"] * 3 == service.seen


@World
def test_a_token_is_renewed_early(call: Call, make: type[Credential]) -> None:
    """With less than five minutes to live, and at once when it is dead."""
    service, auth = Service(), build(credential=make(299, -1, 3600))
    for _ in range(4):
        call(service, auth)
    assert ["Bearer t1", "Bearer t2", "Bearer t3", "Bearer t3"] == service.seen


@World
def test_a_failed_early_renewal_keeps_the_old_token(call: Call, make: type[Credential]) -> None:
    """And leaves the failing provider alone for a while."""
    credential = make(200, OSError("down"), 3600)
    service, auth = Service(), build(credential=credential)
    for _ in range(4):
        call(service, auth)
    assert ["Bearer t1"] * 4 == service.seen
    assert 2 == len(credential.scopes)


@World
def test_an_early_renewal_that_brings_nothing_is_not_repeated(
    call: Call, make: type[Credential]
) -> None:
    """azure-identity may give its own cached token again."""
    credential = make(200)
    auth = build(credential=credential)
    for _ in range(5):
        call(Service(), auth)
    assert 2 == len(credential.scopes)


@World
def test_a_401_renews_exactly_once(call: Call, make: type[Credential]) -> None:
    """The second answer is final, whatever it is."""
    unauthorized = (401, {"statusCode": 401, "message": "expired"})
    cured, hopeless = Service(unauthorized, (200, {})), Service(unauthorized)
    assert 200 == call(cured, build(credential=make()))
    assert 401 == call(hopeless, build(credential=make()))
    assert ["Bearer t1", "Bearer t2"] == cured.seen == hopeless.seen


@World
def test_a_missing_role_does_not_fetch_a_new_token(call: Call, make: type[Credential]) -> None:
    """The service answers 401 for it as well."""
    service = Service((401, DENIED))
    assert 401 == call(service, build(credential=make()))
    assert ["Bearer t1"] == service.seen


@pytest.mark.parametrize("given", [{"api_key": "k"}, {"credential": "t"}])
@pytest.mark.parametrize("call", [in_sync, in_async])
def test_what_cannot_be_renewed_is_sent_once(call: Call, given: dict[str, Any]) -> None:
    """A 401 is then the answer."""
    service = Service((401, {}))
    assert 401 == call(service, build(**given))
    assert 1 == len(service.seen)


def test_a_refused_body_is_still_readable_by_the_caller() -> None:
    """The auth reads a streamed 401 to judge it; the driver reads it again for the error."""
    transport = httpx.MockTransport(Service((401, DENIED)))
    with (
        httpx.Client(transport=transport, auth=build(credential=Credential())) as client,
        client.stream("POST", URL) as response,
    ):
        assert DENIED == json.loads(b"".join(response.iter_bytes()))


CALLABLES = [
    (lambda: jwt(exp=time.time() + 3600), 1),
    (lambda: jwt(exp=time.time() - 5), 3),
    (lambda: jwt(exp="soon"), 1),
    (lambda: "opaque", 1),
    (lambda: "eyJ!.x.y", 1),
    (lambda: "eyJh.!!.y", 1),
    (lambda: "eyJh.W10.y", 1),
]


@pytest.mark.parametrize(("give", "expected"), CALLABLES)
def test_the_token_of_a_callable_is_kept_as_long_as_it_says(
    give: Callable[[], str], expected: int
) -> None:
    """A JWT says when it expires; anything else is asked for again after five minutes."""
    calls: list[str] = []

    def provider() -> str:
        calls.append(give())
        return calls[-1]

    auth = build(credential=provider)
    for _ in range(3):
        Service().call(auth)
    assert expected == len(calls)


def test_an_opaque_token_is_kept_for_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A callable that does not say how long its token lives is called again then."""
    tokens: Iterator[str] = iter(["a", "b", "c"])
    service, auth = Service(), build(credential=lambda: next(tokens))
    now = time.time()
    for seconds in (0, 299, 301, 302):
        monkeypatch.setattr(time, "time", lambda at=now + seconds: at)
        service.call(auth)
    assert ["Bearer a", "Bearer a", "Bearer b", "Bearer b"] == service.seen


def test_threads_share_one_fetch() -> None:
    """Twenty threads that start together wait for one token."""
    credential = Credential(delay=0.05)
    service, auth = Service(), build(credential=credential)
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: service.call(auth), range(20)))
    assert (1, {"Bearer t1"}) == (len(credential.scopes), set(service.seen))


@pytest.mark.slow
@pytest.mark.parametrize("make", [Credential, AsyncCredential])
def test_tasks_share_one_fetch_and_the_loop_goes_on(make: type[Credential]) -> None:
    """A slow provider holds up the calls that need it and nothing else."""
    credential = make(delay=0.5)
    service, auth = Service(), build(credential=credential)

    async def run() -> int:
        calls = asyncio.gather(*(service.acall(auth) for _ in range(20)))
        ticks = 0
        while not calls.done():
            await asyncio.sleep(0.005)
            ticks += 1
        await calls
        return ticks

    assert asyncio.run(run()) > 5
    assert (1, {"Bearer t1"}) == (len(credential.scopes), set(service.seen))
    assert threading.get_ident() not in credential.threads


@pytest.mark.parametrize(("make", "most"), [(Credential, 1), (AsyncCredential, 4)])
def test_loops_in_several_threads_share_a_token(make: type[Credential], most: int) -> None:
    """A sync credential is asked once, an async one at most once per loop."""
    credential = make(delay=0.05)
    service, auth = Service(), build(credential=credential)

    async def several() -> None:
        await asyncio.gather(*(service.acall(auth) for _ in range(5)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: asyncio.run(several()), range(4)))
    assert 1 <= len(credential.scopes) <= most
    assert 20 == len(service.seen)


def test_parallel_401s_share_one_renewal() -> None:
    """Who was refused with an old token takes the new one that somebody else fetched."""
    credential = Credential(delay=0.02)
    auth = build(credential=credential)

    def answer(request: httpx.Request) -> httpx.Response:
        time.sleep(0.05)
        return httpx.Response(401 if request.headers["authorization"] == "Bearer t1" else 200)

    def call(_: int) -> int:
        with httpx.Client(transport=httpx.MockTransport(answer)) as client:
            return client.post(URL, auth=auth).status_code

    with ThreadPoolExecutor(10) as pool:
        assert [200] * 10 == list(pool.map(call, range(10)))
    assert 2 == len(credential.scopes)


@pytest.mark.slow
def test_an_early_renewal_does_not_block_other_requests() -> None:
    """One request renews, the others go on with the old token meanwhile."""
    credential = Credential(200, 3600)
    service, auth = Service(), build(credential=credential)
    service.call(auth)
    credential.delay = 1.5
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: service.call(auth), range(8)))
    assert 2 == len(credential.scopes)
    assert "Bearer t2" == service.seen[-1]
    assert 8 == service.seen.count("Bearer t1")


def test_a_cancelled_fetch_does_not_stop_the_next() -> None:
    """The caller who waited gives up; the one after it gets a token."""
    service, auth = Service(), build(credential=AsyncCredential(delay=0.5))

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(service.acall(auth), 0.01)
        assert 200 == await service.acall(auth)

    asyncio.run(run())
    assert ["Bearer t2"] == service.seen
