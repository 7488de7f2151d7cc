"""Where a call continues, as a table: the planner is pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pytest

from azure_agents.errors import InvalidRequestError
from azure_agents.messages import Media, Message, Text, ToolCall, assistant, system, tool, user
from azure_agents.threads.anchor import Anchor, parse_anchor, scope_of
from azure_agents.threads.digest import digest_of, system_digest
from azure_agents.threads.plan import NO_SYSTEM, Plan, messages_for_pin, plan_chain, plan_thread

SCOPE = scope_of("https://r.services.ai.azure.com/api/projects/p", "my-agent:1")
CALL_1 = ToolCall("call_1", "f", '{"a": 1}')
CALL_2 = ToolCall("call_2", "f", "{}")


def anchored(
    messages: list[Message], thread: str, *, head: str = "", paused_under: str = "", v2: bool = True
) -> list[Message]:
    """The messages with an anchor of ours on the last one."""
    digest = digest_of(messages, with_system=v2)
    anchor = Anchor(SCOPE, digest, thread, head, paused_under).encode()
    return [*messages[:-1], replace(messages[-1], anchor=anchor)]


def chain(*texts: str) -> list[Message]:
    """Questions and answers in turn, each answer with its own anchor ``resp_1``, ``resp_2`` …."""
    messages: list[Message] = []
    for index, text in enumerate(texts):
        messages.append(user(text) if index % 2 == 0 else assistant(text))
        if index % 2:
            messages = anchored(messages, f"resp_{index // 2 + 1}")
    return messages


class Case(NamedTuple):
    """A history, where it continues, and what is sent there."""

    name: str
    messages: list[Message]
    thread: str | None
    suffix: list[str]


TWO = chain("a", "b", "c", "d")
PAUSED = anchored([user("a"), assistant("", CALL_1, CALL_2)], "resp_1")
AFTER_PAUSE = [*PAUSED, tool("call_1", "1"), tool("call_2", "2")]

CHAIN = [
    Case("first turn", [user("a")], None, []),
    Case("next turn", [*TWO, user("e")], "resp_2", ["e"]),
    Case("time travel", [*TWO[:2], user("e")], "resp_1", ["e"]),
    Case("edited question", [user("x"), *TWO[1:], user("e")], None, []),
    Case("edited first answer", [TWO[0], assistant("x"), *TWO[2:], user("e")], None, []),
    Case("last answer without anchor", [*TWO[:3], assistant("d"), user("e")],
         "resp_1", list("cde")),
    Case("history ends with our answer", TWO, "resp_1", ["c", "d"]),
    Case("stored text was stripped", [*chain("a", "b \n")[:1], *chain("a", "b")[1:], user("c")],
         "resp_1", ["c"]),
    Case("empty messages count for nothing", [*TWO, user(" "), user("e")], "resp_2", ["e"]),
    Case("a system message came in", [system("s"), *TWO, user("e")], None, []),
    Case("all calls answered", AFTER_PAUSE, "resp_1", ["1", "2"]),
    Case("partly answered", [*PAUSED, tool("call_1", "1"), user("e")], None, []),
    Case("never answered", [*PAUSED, user("e")], None, []),
    Case("answered late", [*PAUSED, user("e"), tool("call_2", "2"), tool("call_1", "1")],
         "resp_1", ["e", "2", "1"]),
    Case("late result for a call that was passed over",
         [*anchored([*PAUSED, user("e"), assistant("f")], "resp_2"), tool("call_1", "1")],
         None, []),
    Case("calls made and answered behind the anchor",
         [*chain("a", "b"), user("c"), assistant("", CALL_1), tool("call_1", "1")],
         "resp_1", ["c", "", "1"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CHAIN, ids=lambda case: case.name)
def test_a_chain_continues_at_the_newest_ready_anchor(case: Case) -> None:
    """The newest anchor that fits is used, and only what follows it is sent."""
    plan = plan_chain(case.messages, SCOPE)
    assert case.thread == (plan.anchor.thread if plan.anchor else None)
    assert case.suffix == [message.text for message in plan.suffix]


def thread(*texts: str, **kwargs: str) -> list[Message]:
    """A conversation on a classic thread whose last answer is anchored."""
    messages = [user(t) if i % 2 == 0 else assistant(t) for i, t in enumerate(texts)]
    return anchored(messages, "thread_1", head="run_1", v2=False, **kwargs)  # type: ignore[arg-type]


def paused(*systems: str) -> list[Message]:
    """A question whose run waits for two results."""
    front = [system(text) for text in systems]
    paused_under = system_digest(front) or NO_SYSTEM
    messages = [*front, user("a"), assistant("", CALL_1, CALL_2)]
    return anchored(messages, "thread_1", head="run_1", paused_under=paused_under, v2=False)


RESULTS = [tool("call_2", "2"), tool("call_1", "1")]


class Verdict(NamedTuple):
    """What the planner says of an append-only thread."""

    continues: bool
    is_submission: bool
    superseded: bool


THREAD = [
    ("first turn", [user("a")], Verdict(False, False, False)),
    ("next turn", [*thread("a", "b"), user("c")], Verdict(True, False, False)),
    ("system messages are not digested", [system("new"), *thread("a", "b"), user("c")],
     Verdict(True, False, False)),
    ("an answer of another model behind the head",
     [*thread("a", "b"), user("c"), assistant("d"), user("e")], Verdict(True, False, False)),
    ("edited", [user("x"), *thread("a", "b")[1:], user("c")], Verdict(False, False, False)),
    ("results for the paused run", [*paused(), *RESULTS], Verdict(True, True, False)),
    ("results under the same system message", [*paused("s"), *RESULTS], Verdict(True, True, False)),
    ("results under another one", [system("t"), *paused("s")[1:], *RESULTS],
     Verdict(False, False, True)),
    ("results and a question", [*paused(), *RESULTS, user("c")], Verdict(False, False, True)),
    ("a question instead", [*paused(), user("c")], Verdict(False, False, True)),
    ("one result missing", [*paused(), RESULTS[0]], Verdict(False, False, True)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "verdict"), [row[1:] for row in THREAD], ids=[row[0] for row in THREAD]
)
def test_an_append_only_thread_continues_at_its_head_or_not_at_all(
    messages: list[Message], verdict: Verdict
) -> None:
    """A thread is continued, its paused run is answered or superseded, or the history forks."""
    plan = plan_thread(messages, SCOPE, prefix="thread_", with_system=False)
    assert verdict == Verdict(
        plan.anchor is not None, plan.is_submission, plan.superseded is not None
    )


def test_what_is_never_answered_is_not_sent() -> None:
    """A call without a result, and an empty message, are left out of a replay."""
    plan = plan_chain([user("a"), assistant("t", CALL_1, CALL_2), tool("call_2", "2")], SCOPE)
    assert [(), (CALL_2,), ()] == [message.tool_calls for message in plan.whole]


def test_ids_that_repeat_belong_to_the_newest_call() -> None:
    """Two rounds with the same call id are two calls."""
    round_ = [assistant("", CALL_1), tool("call_1", "1")]
    plan = plan_chain([user("a"), *round_, *round_], SCOPE)
    assert [user("a"), *round_, *round_] == list(plan.whole)


def test_calls_of_one_message_that_share_an_id_are_told_apart() -> None:
    """Some models do that: results answer them in order, and the next message begins anew."""
    twice = [assistant("", CALL_1, replace(CALL_1, arguments="{}"))]
    results = [tool("call_1", "1"), tool("call_1", "2")]
    once = [assistant("", CALL_1), tool("call_1", "3")]
    whole = plan_chain([user("a"), *twice, *results, *once], SCOPE).whole
    assert ["call_1", "call_1_2", "call_1"] == [c.id for m in whole for c in m.tool_calls]
    answered = [(m.tool_call_id, m.text) for m in whole if m.role == "tool"]
    assert [("call_1", "1"), ("call_1_2", "2"), ("call_1", "3")] == answered


def test_calls_and_results_without_ids_meet_in_order() -> None:
    """Gemini gives empty ids behind OpenAI's format; each call gets an id of its own."""
    nameless = replace(CALL_1, id="")
    rounds = [assistant("", nameless, nameless), tool("", "1"), tool("", "2")]
    named = [assistant("", CALL_1, CALL_2), tool("call_2", "4"), tool("", "3")]
    whole = plan_chain([user("a"), *rounds, user("b"), *rounds, *named], SCOPE).whole
    ids = ["call_1", "call_1_2", "call_5", "call_5_2", "call_1", "call_2"]
    assert ids == [call.id for message in whole for call in message.tool_calls]
    results = [(m.tool_call_id, m.text) for m in whole if m.role == "tool"]
    assert list(zip(ids, "1212", strict=False)) == results[:4]
    assert [("call_2", "4"), ("call_1", "3")] == results[4:]


RESULTS_OF_ONE_CALL = [
    ("not sent yet: the last", [tool("call_1", "1"), tool("call_1", "2")], ["2"]),
    ("a question between", [tool("call_1", "1"), user("b"), tool("call_1", "2")], ["b", "2"]),
    ("sent already", [tool("call_1", "1"), assistant("b"), tool("call_1", "2")], ["1", "b"]),
    ("sent, the last",
     [tool("call_1", "1"), tool("call_1", "2"), assistant("b"), tool("call_1", "3"), user("c")],
     ["2", "b", "c"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("results", "told"), [row[1:] for row in RESULTS_OF_ONE_CALL],
    ids=[row[0] for row in RESULTS_OF_ONE_CALL],
)  # fmt: skip
def test_of_several_results_the_one_that_was_sent_holds(
    results: list[Message], told: list[str]
) -> None:
    """Before sending it is the last; and no history is refused for it, in any way to plan it."""
    called = [user("a"), assistant("", CALL_1)]
    anchored_call = anchored(called, "resp_1")
    assert told == [m.text for m in plan_chain([*called, *results], SCOPE).whole[2:]]
    assert told == [m.text for m in plan_chain([*anchored_call, *results], SCOPE).suffix]
    pending = anchored(called, "thread_1", head="run_1", paused_under=NO_SYSTEM, v2=False)
    plan = plan_thread([*pending, *results], SCOPE, prefix="thread_", with_system=False)
    assert told == [m.text for m in (plan.suffix or plan.whole[2:])]
    assert (plan.is_submission, plan.superseded is not None) == (told == ["2"], told != ["2"])


def test_a_second_result_does_not_end_a_chain() -> None:
    """It came after the answer to the first: the chain goes on behind that answer."""
    first = anchored([user("a"), assistant("", CALL_1)], "resp_1")
    answered = anchored([*first, tool("call_1", "1"), assistant("b")], "resp_2")
    plan = plan_chain([*answered, tool("call_1", "2"), user("c")], SCOPE)
    assert ("resp_2", ["c"]) == (plan.anchor and plan.anchor.thread, [m.text for m in plan.suffix])


def test_a_result_whose_call_was_cut_off_is_told() -> None:
    """A shortened history may begin with it; the talk went on, so nobody can give the call anew."""
    for rest in ([assistant("b"), user("c")], [user("c")]):
        plan = plan_chain([tool("call_9", "1"), *rest], SCOPE)
        assert [assistant("[tool result call_9: 1]"), *rest] == list(plan.whole)


def test_a_pinned_thread_takes_one_result_of_a_call() -> None:
    """The last, whether the caller has the call or not."""
    results = [tool("call_1", "1"), tool("call_1", "2")]
    assert [results[1]] == list(messages_for_pin(results))
    assert [results[1]] == list(messages_for_pin([user("a"), assistant("", CALL_1), *results]))


BAD = [
    ([tool("call_9", "1")], "'call_9', which no message before it makes"),
    ([assistant("b"), tool("call_9", "1")], "'call_9', which no message before it makes"),
    ([user(" "), assistant("")], "every message is empty"),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "sentence"), BAD)
def test_what_no_service_could_place_is_refused(messages: list[Message], sentence: str) -> None:
    """New results without their call, and nothing at all, are errors before anything is sent."""
    with pytest.raises(InvalidRequestError, match=sentence):
        plan_chain(messages, SCOPE)


FOREIGN = [
    ("another agent", replace(Anchor(SCOPE, "d" * 22, "resp_1"), scope=scope_of("e", "other"))),
    ("another digest", Anchor(SCOPE, "d" * 22, "resp_1")),
    ("a thread of the other generation", Anchor(SCOPE, digest_of(chain("a", "b")), "thread_1")),
    ("a pin, which knows no digest", Anchor(SCOPE, "", "resp_1")),
]


@pytest.mark.parametrize("anchor", [row[1] for row in FOREIGN], ids=[row[0] for row in FOREIGN])
def test_an_anchor_that_does_not_fit_is_not_believed(anchor: Anchor) -> None:
    """Only an anchor of this endpoint and agent with this history counts."""
    plan = plan_chain([user("a"), assistant("b", anchor=anchor.encode()), user("c")], SCOPE)
    assert plan.anchor is None


@pytest.mark.parametrize(
    "text", ["", "fa1", "fa1.x.y.z.t.h", "fa2." + "a" * 60, "x" * 500, "fa1.\n", None]
)
def test_what_is_no_anchor_is_ignored(text: str | None) -> None:
    """Foreign metadata is never an error."""
    assert parse_anchor(text) is None


def test_an_anchor_is_short_and_comes_back() -> None:
    """The longest ids of the service fit into 200 characters."""
    anchor = Anchor(SCOPE, "d" * 22, "conv_" + "0" * 50, "resp_" + "1" * 50, NO_SYSTEM)
    text = anchor.encode()
    assert text is not None
    assert len(text) <= 200
    assert anchor == parse_anchor(text)


def test_a_pinned_thread_holds_everything_up_to_the_last_answer() -> None:
    """Only what follows the last assistant message is sent; everything if there is none."""
    assert [user("c")] == list(messages_for_pin([user("a"), assistant("b"), user("c")]))
    assert [user("a"), user("b")] == list(messages_for_pin([user("a"), user("b")]))
    assert [tool("call_1", "1")] == list(messages_for_pin([tool("call_1", "1")]))
    with pytest.raises(InvalidRequestError, match="the result of tool call ''"):
        messages_for_pin([tool("", "1")])


DIGESTS = [
    ("outer white space", [user(" a\n")], [user("a")], True),
    ("block layout", [Message("user", (Text("a"), Text("b")))], [user("ab")], True),
    ("key order of arguments",
     [assistant("", ToolCall("c", "f", '{"a":1,"b":2}'))],
     [assistant("", ToolCall("c", "f", '{"b": 2, "a": 1}'))], True),
    ("empty messages", [user("a"), assistant("")], [user("a")], True),
    ("inner white space", [user("a b")], [user("a  b")], False),
    ("role", [user("a")], [assistant("a")], False),
    ("two messages and one", [user("a"), user("b")], [user("ab")], False),
    ("call id", [tool("1", "a")], [tool("2", "a")], False),
    ("raw arguments", [assistant("", ToolCall("c", "f", "{bad"))],
     [assistant("", ToolCall("c", "f", '"{bad"'))], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "same"), [row[1:] for row in DIGESTS], ids=[row[0] for row in DIGESTS]
)
def test_the_digest_sees_what_was_said_and_nothing_else(
    one: list[Message], other: list[Message], same: bool
) -> None:
    """Layout does not matter, words, roles, calls and their order do."""
    assert same == (digest_of(one) == digest_of(other))


IMAGE = Media("image", url="https://x/a.png")
# an image or a file, and what a caller could put in its place
SWAPS = [
    pytest.param(IMAGE, replace(IMAGE, url="https://x/b.png"), id="url"),
    pytest.param(Media("image", data=b"a"), Media("image", data=b"b"), id="bytes"),
    pytest.param(Media("image", file_id="a"), Media("image", file_id="b"), id="file id"),
    pytest.param(Media("file", file_id="a"), Media("image", file_id="a"), id="kind"),
    pytest.param(Media("image", file_id="a"), Media("image", url="a"), id="form"),
]
PLANNERS = [
    pytest.param(plan_chain, "resp_1", True, id="chain"),
    pytest.param(partial(plan_thread, prefix="conv_", with_system=True), "conv_1", True,
                 id="conversation"),
    pytest.param(partial(plan_thread, prefix="thread_", with_system=False), "thread_1", False,
                 id="classic"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "swapped"), SWAPS)
@pytest.mark.parametrize(("plan", "place", "v2"), PLANNERS)
def test_a_history_whose_image_was_swapped_does_not_continue(
    plan: Callable[..., Plan], place: str, v2: bool, seen: Media, swapped: Media
) -> None:
    """The agent saw the first image and would go on talking about it; the same one continues."""
    question = Message("user", (Text("see"), seen))
    answered = anchored([question, assistant("a cat")], place, head="run_1", v2=v2)
    edited = [replace(question, parts=(Text("see"), swapped)), *answered[1:]]
    plans = [plan([*history, user("e")], SCOPE) for history in (answered, edited)]
    assert [place, None] == [plan.anchor and plan.anchor.thread for plan in plans]


def test_the_plan_digest_goes_on_with_the_answer() -> None:
    """A plan's running digest, extended by the answer, is the digest of the next history."""
    plan: Plan = plan_chain([user("a")], SCOPE)
    plan.transcript.add(assistant("b"))
    assert digest_of([user("a"), assistant("b")]) == plan.transcript.digest()
