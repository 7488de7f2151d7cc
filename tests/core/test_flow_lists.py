"""Lists are read page by page: whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.errors import AzureAgentsError, ProtocolError
from azure_agents.protocols.commands import Route
from azure_agents.protocols.copying import fork_thread
from azure_agents.protocols.sending import read_list

from .flow_plays import JSON, LOST, Hands, ok, play, turn


def page(*ids: str, more: bool = False) -> Any:
    """A page of a list."""
    return ok({"data": [{"id": id} for id in ids], "has_more": more})


def read(*pages: Any) -> tuple[list[str] | AzureAgentsError, list[dict[str, str]]]:
    """What reading these pages gives, and the query of each request."""
    hands, queries = Hands(pages, {}), []
    flow = read_list(Route("/things", (("limit", "2"),)), turn(), "list the things")
    try:
        value = flow.send(None)
        while True:
            queries.append(dict(getattr(value, "query", ())))
            found = hands.perform(value)
            value = flow.throw(found) if isinstance(found, BaseException) else flow.send(found)
    except StopIteration as end:
        return [item["id"] for item in end.value], queries
    except AzureAgentsError as error:
        return error, queries


LIMIT = {"limit": "2"}
LISTS: list[Any] = [
    pytest.param([page()], [], id="empty"),
    pytest.param([page("a")], ["a"], id="one page"),
    pytest.param([page("a", "b", more=True), page("c")], ["a", "b", "c"], id="two pages"),
    pytest.param([page("a", "b", more=True), page(more=True)], ["a", "b"], id="an empty last page"),
    pytest.param(
        [page("a", "b", more=True), page("a", "b")], ["a", "b"], id="the same, but the last"
    ),
    pytest.param(
        [page("a", "b", more=True), page("b", "c", more=True), page("d")],
        ["a", "b", "c", "d"],
        id="pages that overlap",
    ),
]


@pytest.mark.parametrize(("pages", "ids"), LISTS)
def test_a_list_is_read_to_its_end(pages: list[Any], ids: list[str]) -> None:
    """In the order of the pages, everything once."""
    found, queries = read(*pages)
    assert (ids, len(pages)) == (found, len(queries))


def test_each_page_begins_behind_the_last_item() -> None:
    """What was asked for is asked for with every page."""
    _, queries = read(page("a", "b", more=True), page("c", "d", more=True), page("e"))
    assert [LIMIT, LIMIT | {"after": "b"}, LIMIT | {"after": "d"}] == queries


def test_a_cursor_that_leads_nowhere_is_an_error() -> None:
    """A list without its end is not taken for a list, and nobody asks for ever."""
    error, queries = read(*[page("a", "b", more=True)] * 9)
    assert isinstance(error, ProtocolError)
    assert "could not list the things" in str(error)
    assert ("after 'b'" in str(error), 2) == (True, len(queries))


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": ["x"]}, {"data": [{}]}, {"data": 1}])
def test_a_list_that_is_none_is_an_error(body: JSON) -> None:
    """Not an empty list."""
    assert isinstance(read(ok(body))[0], ProtocolError)


def test_a_page_that_was_lost_is_asked_for_again() -> None:
    """Reading does no harm."""
    found, queries = read(page("a", more=True), LOST, page("b"))
    assert ["a", "b"] == found
    assert [LIMIT, LIMIT | {"after": "a"}] == [queries[0], queries[-1]]


@pytest.mark.parametrize(("model", "thread"), [("my-agent", "conv_1"), ("asst_1", "thread_1")])
def test_no_copy_is_made_of_half_a_thread(model: str, thread: str) -> None:
    """A thread that cannot be read to its end is not copied."""
    item = {"id": "msg_1", "type": "message", "role": "user", "content": []}
    half = ok({"data": [item], "has_more": True})
    played = play(fork_thread(turn(model=model), thread, ()), [half] * 9)
    assert isinstance(played.error, ProtocolError)
    assert {"GET"} == {method for method, _, _ in played.requests}
