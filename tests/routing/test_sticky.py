"""Ids go back to where they were made: wherever one can stand, and nowhere that people write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_agents.emulator.line.transport import AsyncTransport, SyncTransport
from azure_agents.errors import InvalidRequestError
from azure_agents.routing import sticky
from azure_agents.routing.deployments import Deployment

from .fleet import HELLO, WAYS, Fleet, ask, text_of


def deployment(id: str, resource: str, mark: str) -> Deployment:
    """One that is known by its mark."""
    return Deployment(id, "gpt", "azure/dep", resource, mark=mark)


ONE = deployment("one", "https://a", "11111111")
TWIN = deployment("twin", "https://a", "22222222")  # of the same resource
TWO = deployment("two", "https://b", "33333333")
KNOWN = {each.mark: each for each in (ONE, TWIN, TWO)}
GONE = "99999999"

# Where an id may stand in a request; {} is the id.
PLACES: list[Any] = [
    {"previous_response_id": "{}"},
    {"conversation": "{}"},
    {"conversation": {"id": "{}"}},
    {"thread_id": "{}"},
    {"input": [{"type": "item_reference", "id": "{}"}]},
    {"input": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "{}"}]},
    {"input": [{"type": "message", "id": "{}", "role": "assistant", "content": []}]},
    {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "{}"}]}]},
    {"input": [{"type": "mcp_approval_response", "approval_request_id": "{}"}]},
    {"input": [{"type": "computer_call_output", "output": {"file_id": "{}"}}]},
    {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "{}"}}]}]},
    {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "{}"]}]},
    {"tools": [{"type": "code_interpreter", "container": "{}"}]},
    {"tools": [{"type": "code_interpreter", "container": {"file_ids": ["{}"]}}]},
    {"file_id": "{}"},
    {"input_file_id": "{}"},
    {"batch_id": "{}"},
    {"training_file": "{}", "validation_file": "file-plain"},
    {"after": "{}"},
]


def filled(place: Any, id: str) -> Any:
    """A request with an id in its place."""
    if isinstance(place, str):
        return place.format(id)
    if isinstance(place, dict):
        return {name: filled(value, id) for name, value in place.items()}
    return [filled(value, id) for value in place] if isinstance(place, list) else place


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_an_id_leads_home_from_wherever_it_stands(place: Any) -> None:
    """Its mark is taken off, and a bare one is left as it is."""
    bare = filled(place, "file-AbCdEf123")
    marked = filled(place, f"file-AbCdEf123~{TWO.mark}")
    assert sticky.Found(bare, TWO) == sticky.read(marked, KNOWN)
    assert sticky.Found(bare) == sticky.read(bare, KNOWN)


# What people write, although it looks like an id.
TEXTS: list[Any] = [
    {"input": "{}"},
    {"prompt": "{}"},
    {"instructions": "{}"},
    {"messages": [{"role": "user", "content": "{}"}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "{}"}]}]},
    {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}]},
    {"input": [{"type": "function_call_output", "output": "{}"}]},
    {"tools": [{"function": {"description": "{}", "parameters": {"x": "{}"}}}]},
    {"metadata": {"id": "{}"}},
    {"user": "{}"},
]


@pytest.mark.parametrize("place", TEXTS, ids=str)
def test_what_people_write_is_not_touched(place: Any) -> None:
    """Also where it is an id with a mark, of a deployment that is there or not."""
    for mark in (TWO.mark, GONE):
        body = filled(place, f"resp_AbCdEf123~{mark}")
        assert sticky.Found(body) == sticky.read(body, KNOWN)


def test_ids_of_two_resources_fit_no_request() -> None:
    """Those of two deployments of one resource do."""
    both = {"previous_response_id": "resp_1aaaaaa~11111111", "file_id": "file-2bbbbbb~22222222"}
    assert ONE == sticky.read(both, KNOWN).home
    two = {**both, "conversation": "conv_3cccccc~33333333"}
    with pytest.raises(
        InvalidRequestError,
        match=r"'resp_1aaaaaa' and 'conv_3cccccc' were made on two resources \(one and two\)",
    ):
        sticky.read(two, KNOWN)


def test_an_id_of_a_deployment_that_is_gone_is_refused() -> None:
    """It could only be found by chance; a text that looks like that is none."""
    with pytest.raises(InvalidRequestError, match="made on a deployment that is not in model_list"):
        sticky.read({"previous_response_id": f"resp_AbCdEf~{GONE}"}, KNOWN)
    stop = {"stop": f"!~{GONE}"}
    assert sticky.Found(stop) == sticky.read(stop, KNOWN)


def test_where_a_history_stands_is_a_wish() -> None:
    """It may go elsewhere and be told anew, so several are no mistake: the newest counts."""
    answers = [
        {"provider_specific_fields": {"foundry": f"fa1.x~{each.mark}"}} for each in (ONE, TWO)
    ]
    found = sticky.read({"messages": answers}, KNOWN)
    assert (None, TWO) == (found.home, found.wish)
    fields = [answer["provider_specific_fields"] for answer in found.body["messages"]]
    assert [{"foundry": "fa1.x"}] * 2 == fields


ANSWER = {
    "id": "resp_1",
    "object": "response",
    "previous_response_id": None,
    "conversation": {"id": "conv_1"},
    "model": "gpt-4o",
    "metadata": {"id": "mine", "thread_id": "mine"},
    "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}],
    "output": [
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAA="},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "arguments": '{"id": "x"}'},
        {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "an id"}]},
    ],
}


def test_an_answer_is_marked_where_it_names_what_stays() -> None:
    """Not what the caller sent, what is known everywhere, or what was said."""
    expected = {
        **ANSWER,
        "id": "resp_1~33333333",
        "conversation": {"id": "conv_1~33333333"},
        "output": [
            {
                "type": "reasoning",
                "id": "rs_1~33333333",
                "encrypted_content": "gAAAA=~33333333",
            },
            {**ANSWER["output"][1], "id": "fc_1~33333333"},  # type: ignore[index]
            {**ANSWER["output"][2], "id": "msg_1~33333333"},  # type: ignore[index]
        ],
    }
    marked = sticky.marked(ANSWER, TWO.mark)
    assert expected == marked
    assert marked == sticky.marked(marked, ONE.mark)  # an id has one home
    assert sticky.Found(ANSWER, TWO) == sticky.read(marked, KNOWN)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "file_id", "call_id", "output", "content", "metadata", "x"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON))
def test_marks_come_off_as_they_went_on(answer: dict[str, Any]) -> None:
    """Whatever an answer is like, sent back it is what the service said."""
    found = sticky.read(sticky.marked(answer, TWO.mark), KNOWN)
    assert sticky.read(answer, {}).body == found.body


# ------------------------------------------------------------------------------- through a router


def agents(fleet: Fleet, *names: str, agent: str = "helper") -> list[dict[str, Any]]:
    """Entries of an agent that lives in several projects."""
    entries = []
    for name in names:
        fleet[name].create_agent(agent, [f"{number} from {name}" for number in range(9)])
        given = {"model": f"azure_ai/agents/{agent}", **project_of(fleet, name)}
        entries.append({"model_name": "gpt", "litellm_params": given})
    return entries


def project_of(fleet: Fleet, name: str) -> dict[str, Any]:
    """How a project of the fleet is reached."""
    there = fleet[name].deployment_connection()
    return {**there, "api_base": f"https://{name}.services.ai.azure.com/api/projects/demo"}


@pytest.fixture
def projects(fleet: Fleet) -> Fleet:
    """A fleet whose resources are at the hosts of projects."""
    for name in ("one", "two"):
        host = f"{name}.services.ai.azure.com"
        fleet[name].transport = SyncTransport(fleet[name].wireline, fleet.clock, host)
        fleet[name].async_transport = AsyncTransport(fleet[name].wireline, fleet.clock, host)
    return fleet


@pytest.mark.parametrize("way", WAYS)
def test_a_thread_stays_with_its_agent(projects: Fleet, way: str) -> None:
    """Other calls are spread; those of a thread go where it was made, with or without content."""
    router = projects.router(*agents(projects, "one", "two"))
    first = ask(router, way)
    last = first[-1] if isinstance(first, list) else first
    home = last.thread_id.partition("~")[2]
    assert 8 == len(home)
    where = text_of(first)[-3:]
    for _ in range(3):
        again = ask(router, way, thread_id=last.thread_id)
        assert where == text_of(again)[-3:]
        assert last.thread_id == (again[-1] if isinstance(again, list) else again).thread_id
    assert where != text_of(ask(router, way))[-3:]


def test_a_history_goes_on_where_it_stands(projects: Fleet) -> None:
    """By the message of an earlier answer; where that is at its limit, the history is told anew."""
    entries = agents(projects, "one", "two")
    for entry in entries:
        entry["rpm"] = 2
    router = projects.router(*entries)
    first = ask(router)
    where = text_of(first)[-3:]
    history = [*HELLO, first.choices[0].message, *HELLO]
    assert where == text_of(ask(router, messages=history))[-3:]
    requests = projects[where].requests
    assert 1 == len(requests[-1].body["input"])  # only what is new
    assert where != text_of(ask(router, messages=history))[-3:]


def test_one_project_keeps_its_ids(projects: Fleet) -> None:
    """Two agents of it know the same threads."""
    entries = [*agents(projects, "one"), *agents(projects, "one", agent="other")]
    router = projects.router(*entries)
    thread = ask(router).thread_id
    assert "~" not in thread
    assert thread == ask(router, thread_id=thread).thread_id


def test_a_thread_of_a_model_that_is_elsewhere_is_refused(projects: Fleet) -> None:
    """Nothing is sent: no deployment of the other model knows it."""
    one, two = agents(projects, "one", "two")
    router = projects.router(one, two, {**two, "model_name": "other"})
    while not text_of(answer := ask(router)).endswith("one"):
        pass
    with pytest.raises(InvalidRequestError, match="'other' has no deployment on that resource"):
        ask(router, model="other", thread_id=answer.thread_id)
