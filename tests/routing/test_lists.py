"""Lists over several resources: merged by a flow, and through a router, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.emulator import Fault
from azure_agents.errors import (
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    ServiceError,
)
from azure_agents.routing import lists
from azure_agents.routing.router import Router

from .fleet import Fleet
from .test_operations import WAYS, call, two_homes

LINE = b'{"custom_id": "1", "method": "POST", "url": "/chat/completions", "body": {}}\n'


def thing(id: str, made: int) -> dict[str, Any]:
    """Something of a list."""
    return {"id": id, "created_at": made}


class Service:
    """The list of one resource, the newest first, or as it was put in."""

    def __init__(self, things: list[dict[str, Any]], *, pages: bool, ascending: bool) -> None:
        self.pages, self.asks = pages, 0
        sign = 1 if ascending else -1
        self.things = sorted(things, key=lambda one: sign * one["created_at"]) if pages else things

    def answer(self, ask: lists.Ask) -> dict[str, Any]:
        """A page, or everything where the service knows no pages."""
        self.asks += 1
        if not self.pages:
            return {"data": list(self.things)}
        ids = [one["id"] for one in self.things]
        begin = 0 if ask.after is None else ids.index(ask.after) + 1
        return {
            "data": self.things[begin : begin + ask.size],
            "has_more": len(ids) > begin + ask.size,
        }


def page_of(
    services: Sequence[Service], limit: int, start: lists.Start | None, *, ascending: bool
) -> lists.Merged:
    """One page, with two things asked for at once."""
    keeps = [lambda _: True] * len(services)
    flow = lists.merged(keeps, limit, start, ascending=ascending, size=2)
    asks = next(flow)
    while True:
        try:
            asks = flow.send([services[ask.at].answer(ask) for ask in asks])
        except StopIteration as end:
            merged: lists.Merged = end.value
            return merged


TIMES = st.lists(st.lists(st.integers(1, 4), max_size=6), min_size=1, max_size=3)


@given(TIMES, st.integers(1, 4), st.booleans(), st.booleans())
def test_pages_together_are_all_lists(
    times: list[list[int]],
    limit: int,
    pages: bool,
    ascending: bool,
) -> None:
    """In order, nothing lost or doubled, also where several were made in the same second."""
    services = [
        Service(
            [thing(f"{at}-{number}", made) for number, made in enumerate(row)],
            pages=pages,
            ascending=ascending,
        )
        for at, row in enumerate(times)
    ]
    found, start, has_more = [], None, True
    while has_more:
        page = page_of(services, limit, start, ascending=ascending)
        found += page.found
        has_more = page.has_more
        if found:
            at, last = found[-1]
            start = lists.start_of(last["id"], last, at)
    made = [one["created_at"] for _, one in found]
    assert sorted(made, reverse=not ascending) == made
    everything = sorted(one["id"] for service in services for one in service.things)
    assert everything == sorted(one["id"] for _, one in found)


def test_a_short_page_asks_each_resource_once() -> None:
    """Together, so that the slowest of them is the whole wait."""
    flow = lists.merged([lambda _: True] * 3, 2, None, ascending=False)
    assert [lists.Ask(at, 100, None) for at in range(3)] == next(flow)
    with pytest.raises(StopIteration) as end:
        flow.send([{"data": [thing(f"{at}", at)]} for at in range(3)])
    assert ([(2, thing("2", 2)), (1, thing("1", 1))], True) == end.value.value


@pytest.mark.parametrize("page", [{}, {"data": None}, [], "none"])
def test_what_is_no_list_is_an_error(page: Any) -> None:
    """A part of a list would look like a whole one."""
    flow = lists.merged([lambda _: True], 2, None, ascending=False)
    next(flow)
    with pytest.raises(ProtocolError, match="has no data"):
        flow.send([page])


# ------------------------------------------------------------------------------- through a router


def uploads(fleet: Fleet, router: Router, number: int = 5) -> list[str]:
    """The names of files, one a second, on either resource in turn."""
    for at in range(number):
        name = f"{at}.jsonl"
        router.create_file((name, LINE), "batch", model=("first", "last")[at % 2])
        fleet.clock.advance(1)
    return [f"{at}.jsonl" for at in range(number)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("limit", [1, 2, 3, 100, None])
def test_files_of_two_resources_are_one_list(fleet: Fleet, way: str, limit: int | None) -> None:
    """Page by page, by ids that lead home; the oldest first where that is asked for."""
    router = two_homes(fleet)
    names = uploads(fleet, router)
    for order, expected in (("desc", names[::-1]), ("asc", names)):
        found, after, has_more = [], None, True
        while has_more:
            query = {"order": order}
            page = call(router, way, "file_list", limit=limit, after=after, extra_query=query)
            found += page.data
            after, has_more = page.last_id, page.has_more
        assert expected == [one.filename for one in found]
    for one in found:
        assert one.filename == call(router, way, "file_retrieve", one.id).filename


@pytest.mark.parametrize("way", WAYS)
def test_each_resource_is_asked_once(fleet: Fleet, way: str) -> None:
    """Also where several entries are on it; of a model, only its resources are."""
    router = two_homes(fleet)
    names = uploads(fleet, router)
    sent = [len(fleet[name].requests) for name in ("one", "two")]
    page = call(router, way, "file_list", "batch", limit=2)
    assert names[:-3:-1] == [one.filename for one in page.data]
    assert [one + 1 for one in sent] == [len(fleet[name].requests) for name in ("one", "two")]
    of_first = call(router, way, "file_list", model="first")
    assert names[::2] == [one.filename for one in of_first.data][::-1]
    assert sent[1] + 1 == len(fleet["two"].requests)


@pytest.mark.parametrize("way", WAYS)
def test_batches_and_jobs_are_listed_the_same_way(fleet: Fleet, way: str) -> None:
    """With the ids that lead home, also those of their files; a bare `after` is looked for."""
    router = two_homes(fleet)
    batches, jobs = [], []
    for model in ("first", "last"):
        file = call(router, way, "create_file", ("a.jsonl", LINE), "batch", model=model).id
        batches.append(call(router, way, "create_batch", input_file_id=file, model=model).id)
        train = call(router, way, "create_file", ("t.jsonl", LINE), "fine-tune", model=model).id
        jobs.append(call(router, way, "create_fine_tuning_job", model, train).id)
        fleet.clock.advance(1)
    for name, made in (("list_batches", batches), ("list_fine_tuning_jobs", jobs)):
        page = call(router, way, name)
        assert made[::-1] == [one.id.partition("~")[0] for one in page.data]
        assert made[:1] == [
            one.id.partition("~")[0] for one in call(router, way, name, after=made[1]).data
        ]
    files = [one.input_file_id for one in call(router, way, "list_batches").data]
    assert [True, True] == ["~" in id for id in files]


@pytest.mark.parametrize("way", WAYS)
def test_half_a_list_is_an_error(fleet: Fleet, way: str) -> None:
    """One resource that fails is told, with its error."""
    router = two_homes(fleet, num_retries=0)
    uploads(fleet, router, 2)
    fleet["two"].faults.add(Fault("status_before", status=503, method="GET", times=9))
    with pytest.raises(ServiceError):
        call(router, way, "file_list")


def test_wrong_arguments_are_refused_before_anything_is_sent(fleet: Fleet) -> None:
    """Of a list, as its function does."""
    router = two_homes(fleet)
    wrong: list[dict[str, Any]] = [
        {"limit": 0},
        {"limit": "2"},
        {"model": "none"},
        {"api_base": "x"},
    ]
    for given_ in wrong:
        with pytest.raises(InvalidRequestError):
            router.file_list(**given_)
    assert [] == fleet["one"].requests + fleet["two"].requests
    with pytest.raises(NotFoundError):
        router.file_list(after="file-nobody-knows")


def test_a_page_behind_a_thing_of_another_model_is_refused(fleet: Fleet) -> None:
    """By the resource that made it, which the list of this model does not hold."""
    router = two_homes(fleet)
    uploads(fleet, router, 2)
    last = router.file_list().data[0].id
    with pytest.raises(InvalidRequestError, match="'first' has no deployment on that resource"):
        router.file_list(after=last, model="first")


def test_one_time_limit_holds_for_all_pages(fleet: Fleet) -> None:
    """What the first page took is missing for the next one."""
    router = two_homes(fleet)
    uploads(fleet, router, 2)
    last = router.file_list().data[0].id
    fleet["two"].faults.add(Fault("delay", seconds=4, method="GET"))
    with pytest.raises(DeadlineError):
        router.file_list(after=last, timeout=4)


@pytest.mark.parametrize("provider", ["azure", "openai"])
def test_a_provider_names_its_resources(fleet: Fleet, provider: str) -> None:
    """As LiteLLM's examples say it; one that the list lacks is an error."""
    router = two_homes(fleet)
    names = uploads(fleet, router, 2)
    if provider == "openai":
        with pytest.raises(InvalidRequestError, match="or of that which is asked for"):
            router.file_list(custom_llm_provider=provider)
    else:
        found = router.file_list(custom_llm_provider=provider).data
        assert names[::-1] == [one.filename for one in found]


def test_two_hosts_of_one_resource_are_asked_once(fleet: Fleet) -> None:
    """Its files are not doubled in a list, and its ids carry no mark."""
    one = fleet["one"]
    other = {**one.entry(), "model_name": "other"}
    other["litellm_params"]["api_base"] = "https://one.cognitiveservices.azure.com"
    router = fleet.router(one.entry(), other)
    id = router.create_file(("a.jsonl", LINE), "batch").id
    sent = len(one.requests)
    assert [id] == [file.id for file in router.file_list().data]
    assert sent + 1 == len(one.requests)
    assert "~" not in id
