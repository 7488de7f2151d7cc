"""`foundry.seen` shows what an agent saw, whichever way the history came to the service."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import (
    Emulator,
    Incomplete,
    Parts,
    Rules,
    SeenCall,
    SeenMedia,
    SeenMessage,
    Text,
    ToolCalls,
)

CALL = SeenCall("call_1", "f", "{}")


def user(text: str) -> SeenMessage:
    """Build a user's message."""
    return SeenMessage("user", text)


def said(text: str, *calls: SeenCall) -> SeenMessage:
    """Build an agent's message."""
    return SeenMessage("assistant", text, tool_calls=calls)


def tool(text: str) -> SeenMessage:
    """Build a tool's message."""
    return SeenMessage("tool", text, tool_call_id="call_1")


def test_a_chain_is_everything_before_and_the_input(foundry: Emulator, wire: Any) -> None:
    """v2: previous inputs and outputs, then the new input; branches do not see each other."""
    agent = foundry.create_agent("my-agent", lambda turn: f"answer {len(turn.messages)}")
    root = wire.respond(agent, "one")["id"]
    left = wire.respond(agent, "two", previous_response_id=root)["id"]
    right = wire.respond(agent, "three", previous_response_id=root)["id"]
    beginning = (user("one"), said("answer 1"))
    assert foundry.seen_by(left).messages == (*beginning, user("two"))
    assert foundry.seen_by(right).messages == (*beginning, user("three"))
    assert foundry.seen_by(right).previous_response_id == root
    assert "answer 3" == foundry.seen_by(right).reply.text


def test_a_conversation_is_its_items_and_the_input(foundry: Emulator, wire: Any) -> None:
    """v2: items that somebody posted and what earlier responses left."""
    agent = foundry.create_agent("my-agent", "yes")
    conversation = wire.post(
        "/openai/v1/conversations", {"items": [{"role": "user", "content": "one"}]}
    )["id"]
    wire.respond(agent, "two", conversation=conversation)
    wire.respond(agent, "three", conversation={"id": conversation})
    seen = foundry.seen[-1]
    assert seen.messages == (user("one"), user("two"), said("yes"), user("three"))
    assert (seen.thread_id, seen.agent) == (conversation, "my-agent:1")


def test_text_and_calls_of_one_response_are_one_message(foundry: Emulator, wire: Any) -> None:
    """v2: output items are put together again, and so are replayed ones."""
    reply = Parts(Text("let me see"), ToolCalls(("f", {}, "call_1")))
    agent = foundry.create_agent("my-agent", [reply, "done"])
    first = wire.respond(agent, "go")
    output = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
    wire.respond(agent, [output], previous_response_id=first["id"])
    transcript = (user("go"), said("let me see", CALL), tool("42"))
    assert foundry.seen[-1].messages == transcript
    replayed = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": "let me see"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        output,
    ]
    wire.respond(agent, replayed)
    assert foundry.seen[-1].messages == transcript


def test_adjacent_messages_stay_apart(foundry: Emulator, wire: Any) -> None:
    """v2: two posted assistant messages, or two answers, are never one."""
    agent = foundry.create_agent("my-agent", "b")
    items = [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]
    first = wire.respond(agent, items)
    wire.respond(agent, [{"role": "assistant", "content": "c"}], previous_response_id=first["id"])
    assert ["a", "b", "b", "c"] == [m.text for m in foundry.seen[-1].messages]


def test_images_and_files_are_seen(foundry: Emulator, wire: Any) -> None:
    """With their kind and reference, in both generations."""
    image = {"type": "input_image", "image_url": "https://x.test/a.png"}
    file = {"type": "input_file", "file_id": "assistant-1"}
    text = {"type": "input_text", "text": "look"}
    wire.respond(foundry.create_agent("a"), [{"role": "user", "content": [text, image, file]}])
    picture = SeenMedia("image", "https://x.test/a.png")
    expected = SeenMessage("user", "look", media=(picture, SeenMedia("file", "assistant-1")))
    assert foundry.seen[-1].messages == (expected,)
    content = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}},
        {"type": "image_file", "image_file": {"file_id": "assistant-1"}},
    ]
    thread = wire.start_thread()
    wire.post(f"/threads/{thread}/messages", {"role": "user", "content": content})
    agent = foundry.create_agent("c", generation="classic")
    wire.stream(f"/threads/{thread}/runs", {"assistant_id": agent.id})
    assert foundry.seen[-1].messages == (
        SeenMessage("user", "look", media=(picture, SeenMedia("image", "assistant-1"))),
    )


def test_a_run_reads_the_thread(foundry: Emulator, wire: Any) -> None:
    """Classic: all messages in order, with the instructions of the run beside them."""
    agent = foundry.create_agent("c", "yes", instructions="Be kind.", generation="classic")
    thread = wire.start_thread("one")
    path = f"/threads/{thread}/runs"
    wire.stream(path, {"assistant_id": agent.id})
    body = {
        "assistant_id": agent.id,
        "additional_instructions": "Be brief.",
        "additional_messages": [
            {"role": "assistant", "content": "no"},
            {"role": "user", "content": "two"},
        ],
        "metadata": {"op": "1"},
    }
    wire.stream(path, body)
    seen = foundry.seen[-1]
    assert seen.messages == (user("one"), said("yes"), said("no"), user("two"))
    assert ("Be kind.", "Be brief.") == (seen.instructions, seen.additional_instructions)
    assert (seen.thread_id, seen.metadata) == (thread, {"op": "1"})
    wire.stream(path, {"assistant_id": agent.id, "instructions": "Be quick."})
    assert "Be quick." == foundry.seen[-1].instructions


@pytest.mark.parametrize("remember", [True, False])
def test_a_run_reads_its_own_tool_rounds(make_wire: Any, remember: Any) -> None:
    """Classic: outputs are seen by the run, and by later runs unless `Rules` say otherwise."""
    foundry = Emulator(rules=Rules(remember_tool_rounds=remember))
    reply = Parts(Text("let me see"), ToolCalls(("f", {}, "call_1")))
    agent = foundry.create_agent("c", [reply, "42!", "bye"], generation="classic")
    wire = make_wire(foundry)
    thread = wire.start_thread("go")
    path = f"/threads/{thread}/runs"
    run = wire.post(path, {"assistant_id": agent.id})["id"]
    wire.finish(thread, run)
    outputs = {"tool_outputs": [{"tool_call_id": "call_1", "output": "42"}]}
    wire.post(f"{path}/{run}/submit_tool_outputs", outputs)
    wire.finish(thread, run)
    assert foundry.seen_by(run).messages == (user("go"), said("let me see", CALL), tool("42"))
    more = [{"role": "user", "content": "thanks"}]
    wire.stream(path, {"assistant_id": agent.id, "additional_messages": more})
    middle = (said("let me see", CALL), tool("42")) if remember else (said("let me see"),)
    assert foundry.seen[-1].messages == (user("go"), *middle, said("42!"), user("thanks"))


def test_a_cancelled_run_leaves_what_it_wrote(foundry: Emulator, wire: Any) -> None:
    """Classic: the partial message is part of the thread; this is why clients must fork."""
    agent = foundry.create_agent(
        "c", [Text(deltas=("one ", "two ", "three")), "ok"], generation="classic"
    )
    thread = wire.start_thread("count")
    path = f"/threads/{thread}/runs"
    answer = wire.open(path, {"assistant_id": agent.id})
    got = b""
    for chunk in answer.iter_raw():
        got += chunk
        if b'"two ' in got and got.endswith(b"\n\n"):
            break
    run = wire.get(path)["data"][0]["id"]
    answer.close()
    wire.post(f"{path}/{run}/cancel")
    assert wire.finish(thread, run)["status"] in {"cancelling", "cancelled"}
    assert "cancelled" == wire.get(f"{path}/{run}")["status"]
    message = wire.get(f"/threads/{thread}/messages")["data"][0]
    assert "incomplete" == message["status"]
    assert {"reason": "run_cancelled"} == message["incomplete_details"]
    wire.stream(path, {"assistant_id": agent.id})
    assert foundry.seen[-1].messages == (user("count"), said("one two "))


def test_stopped_answers_are_continued_as_they_are(foundry: Emulator, wire: Any) -> None:
    """v2: an incomplete answer is part of the chain."""
    agent = foundry.create_agent("my-agent", [Incomplete(text="half"), "ok"])
    first = wire.respond(agent, "hi")
    assert "incomplete" == first["status"]
    wire.respond(agent, "go on", previous_response_id=first["id"])
    assert foundry.seen[-1].messages == (user("hi"), said("half"), user("go on"))


def test_token_counts_do_not_depend_on_streaming(foundry: Emulator, wire: Any) -> None:
    """Usage grows with the history."""
    agent = foundry.create_agent("my-agent", "one two three")
    plain = wire.respond(agent, "hello there")
    events = wire.stream("/openai/v1/responses", wire.turn(agent, "hello there"))
    assert events[-1][1]["response"]["usage"] == plain["usage"]
    assert 3 == plain["usage"]["output_tokens"]
    longer = wire.respond(agent, "hello there", previous_response_id=plain["id"])
    assert longer["usage"]["input_tokens"] > plain["usage"]["input_tokens"]


def test_structured_inputs_fill_the_instructions(foundry: Emulator, wire: Any) -> None:
    """v2: templates are replaced in what the agent reads and in the echo."""
    inputs = {"who": {"default_value": "Ann"}}
    agent = foundry.create_agent(
        "my-agent", instructions="Greet {{who}}.", definition={"structured_inputs": inputs}
    )
    assert "Greet Ann." == wire.respond(agent, "hi")["instructions"]
    wire.respond(agent, "hi", structured_inputs={"who": "Bob"})
    assert "Greet Bob." == foundry.seen[-1].instructions


def test_seen_by_refuses_an_unknown_id(foundry: Emulator) -> None:
    """The error says how many turns were seen."""
    with pytest.raises(LookupError, match="none of 0 seen turns has response or run id 'resp_x'"):
        foundry.seen_by("resp_x")
