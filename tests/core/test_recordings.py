"""What the codecs make of the recordings, exactly."""

from __future__ import annotations

import pytest

from azure_agents.events import MediaOutput, ServerToolCall, ServerToolResult
from azure_agents.messages import ToolCall
from azure_agents.protocols.responses.reader import ResponseReader

from .recorded import TextAnswer, entry_of, folded, label, reader_for

JOKE = (
    "Of course! Here's a joke for you:\n\nWhy don\u2019t skeletons fight each other?\n\n"
    "Because they don\u2019t have the guts! 😄"
)


TEXT_ANSWERS = [
    TextAnswer(
        "v2/prompt_text_stream",
        2,
        "The capital of France is **Paris**.",
        (27, 13),
        "conv_aa55cfcaf41110c6002mLtHhVGAkDxi67qaB7ywdWgZqlB7FbA",
        "resp_aa55cfcaf41110c60069a7db5173b48190b8ba360f10bcc9da",
        ["message"],
    ),
    TextAnswer(
        "v2/prompt_text_conversation",
        4,
        "The capital city of France is **Paris**.",
        (94, 14),
        "conv_66d7656c903cefdc00C4nCwFdSOggrRJPJp06CAIlEoBOEhND5",
        "resp_66d7656c903cefdc0069a291676c5c8190ba145c80f0170ca3",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool",
        2,
        "Seattle weather: **72°F**, **Sunny**, **45% humidity**.",
        (147, 20),
        None,
        "resp_0c5a11fbc24099c80069a7dfa9b2fc8196932f46ea0cdc5c20",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool_stream",
        2,
        "Boston weather: **65°F** and **cloudy**.",
        (111, 17),
        "conv_01dd9fc7fc1b7cac00qOiD9k7iEqmbh0xn6qBmiKmoQFyFI15z",
        "resp_01dd9fc7fc1b7cac0069a7d7dd93e08190a3402238831d2b04",
        ["message"],
    ),
    TextAnswer(
        "v2/function_tool_stream_preview_api",
        3,
        "The weather in Seattle is currently 72°F and sunny.",
        (112, 14),
        "conv_0c4507a97a7aca9f00nTckYvVoz9GzquRTOWCdWveKKN2u7DIo",
        "resp_0c4507a97a7aca9f0069337329e9148190832a4da24a65c991",
        ["message"],
    ),
    TextAnswer(
        "v2/structured_output",
        2,
        '{"name":"Science fair","date":"2025-11-07","participants":["Alice","Bob"]}',
        (129, 30),
        "conv_975a6f4c22e396f0008rUdauOmm71KIcRBZuJsRNqU9OKFqmOM",
        "resp_975a6f4c22e396f00069a2922b80e081908840b9e2d6b16ef6",
        ["message"],
    ),
    TextAnswer(
        "v2/error_404_response_deleted",
        0,
        "Hello! How can I help you today?",
        (10, 53),
        None,
        "resp_0275e5eea6b6e1dd00698e4c87fd888194a1b8d4381af45781",
        ["message"],
    ),
    TextAnswer(
        "v2/mcp_approved_call",
        0,
        "Your GitHub username is **howiefoundry**.",
        (4803, 33),
        None,
        "resp_357f27d340544e9d0069a28cceadfc8190b7622c5db229b088",
        ["mcp", "message"],
    ),
    TextAnswer(
        "v2/a2a_stream",
        1,
        "What can the secondary agent do?! How can I help you today?",
        (372, 55),
        None,
        "resp_017a91e4d141f7aa00699fc8cf06a081969c8dc66f27e5769d",
        ["a2a", "message"],
    ),
    TextAnswer(
        "v2/browser_automation_keepalive_stream",
        1,
        "Microsoft (MSFT) year-to-date (YTD) percent change on Yahoo Finance: **-15.34%**",
        (696, 112),
        None,
        "resp_0dc50a62a5f1f54f0069a9dd3df45c8196abc63138890324ff",
        ["browser_automation", "message"],
    ),
    TextAnswer(
        "v2/computer_use",
        1,
        "",
        (944, 219),
        None,
        "resp_07d1d6ae2bf6763f00699f99b617a08194a0037abd61c70d30",
        ["computer_use"],
    ),
    TextAnswer(
        "v2/hosted_agent_endpoint",
        0,
        "Echo: What is the size of France in square miles?",
        None,
        None,
        "caresp_333c463f6f59e02500qVIInncXVPCBDY9ZHUkSAtiLx5fQKxjc",
        ["message"],
    ),
    TextAnswer(
        "v2/image_generation_preview_api",
        1,
        "Here is the image of a blue circle on a white background.",
        (400, 38),
        None,
        "resp_0cda52149085f4eb006932efc8e02481949519b3b7fd0083f9",
        ["image_generation", "message"],
    ),
    TextAnswer(
        "v2/memory_search_preview_api",
        3,
        "Got it! You prefer dark roast coffee. If you have any questions or need recommendations "
        "related to coffee or anything else, feel free to ask!",
        (47, 30),
        "conv_68e2b1106bfc0f9e00DLWq1FCRsfNzzZuGRGv9SSA9nw3lXGwf",
        "resp_68e2b1106bfc0f9e006940e4bfbf548190bf88cd9241e85d4d",
        ["message", "memory_search"],
    ),
    TextAnswer(
        "v2/memory_search_preview_api",
        5,
        "Sure, I'll order a dark roast coffee for you. If you have any special requests or need "
        "anything else, just let me know!",
        (103, 28),
        "conv_97d20c019b1af03f00N5iKCsVmVFSw6EiXuWNTewFf7enRiOym",
        "resp_97d20c019b1af03f006940e4ff26148190aa94fcba0efd8e19",
        ["message", "memory_search"],
    ),
    TextAnswer(
        "v2/openapi_preview_api",
        1,
        "The weather in Seattle, WA today is overcast. The current temperature is 9°C (49°F), and "
        "it feels like 9°C (48°F). The humidity is 74% with a cloud cover of 100%. There is a "
        "northeast wind blowing at 5 km/h (3 mph). There is also a chance of light drizzle "
        "throughout the day.",
        (10825, 103),
        None,
        "resp_0d82784147d488dd00693b3d2c77c08197bb85cf0ef2b7e723",
        ["openapi", "message"],
    ),
    TextAnswer(
        "v2/published_application",
        0,
        "France covers an approximate area of **248,573 square miles** (643,801 square "
        "kilometers), including both mainland France (referred to as Metropolitan France) and its "
        "overseas territories. If considering only Metropolitan France, the size is slightly "
        "smaller at **213,011 square miles** (551,695 square kilometers).",
        (17, 64),
        None,
        "resp_05d1c96a53d28ddb00693b9b2c1ae08193972f34183aea7c4a",
        ["message"],
    ),
    TextAnswer(
        "v2/workflow_stream",
        4,
        "Correct! 1 + 1 = 2. **[COMPLETE]**",
        (0, 0),
        "conv_ee13ea1c437f2eaa00oqxRbay3YHl27e32nxE6ifqqVOIp2m22",
        "wfresp_ee13ea1c437f2eaa00sDiWuMhO4JxZwx536s1JhZHHUr7FGwmC",
        [*["workflow"] * 6, "message", *["workflow"] * 2],
    ),
    TextAnswer(
        "classic/create_stream",
        3,
        JOKE,
        (66, 30),
        "thread_7ISSfUbj0zxL9ZaHrp4zC8ma",
        "run_YzrfmWISvOtaM0dCxyDqZzRj",
        ["message"],
    ),
    TextAnswer(
        "classic/submit_tool_outputs_to_stream",
        4,
        "It's currently 12:30 PM on October 10th, 2024. How can I assist you further?",
        (629, 40),
        "thread_2jnWQKk1saIC1btsQqMgjTvG",
        "run_7wOy3dKJ4VhKMlNrVWcls19N",
        ["message"],
    ),
    TextAnswer(
        "classic/openapi_streaming",
        1,
        "The current weather in Centralia, PA is overcast with a temperature of 80°F (27°C). It "
        "feels like 82°F (28°C). The humidity is 42%, and the wind is blowing from the SSE at 2 "
        "mph (4 km/h). The atmospheric pressure is 1023 mb. Visibility is 9 miles (16 km). \n\n"
        "The forecast for the rest of the day indicates it will stay mostly sunny and clear, with "
        "temperatures reaching a high of 83°F (28°C) and a low of 56°F (14°C).",
        (9373, 143),
        "thread_xRssssiBOfTrnzghClIPEeQZ",
        "run_m7LkCID6uyIRZrWp54geAXc5",
        ["openapi", "message"],
    ),
    TextAnswer(
        "classic/tool_streaming_connected_agent",
        4,
        "The current stock price of Microsoft is $350 .",
        (419, 39),
        "thread_bhT5wLxsDJKa4DVlproxa9Ii",
        "run_W2leXEp540D9EN3AVFNwrvRI",
        ["connected_agent", "message"],
    ),
]


@pytest.mark.parametrize("row", TEXT_ANSWERS, ids=label)
def test_text_answers_are_read_exactly(row: TextAnswer) -> None:
    """Final text, usage, ids and the order of the items are those of the recording."""
    entry = entry_of(row.file, row.number)
    reader = reader_for(entry)
    if isinstance(reader, ResponseReader):
        events = reader.feed(entry.sse.encode()) if entry.sse else reader.read(entry.body)
        ids = (reader.conversation_id, reader.response_id)
    else:
        events = reader.feed(entry.sse.encode())
        ids = (reader.thread_id, reader.run_id)
    answer = folded(events)
    blocks = [b for b in answer.blocks if not isinstance(b, ServerToolResult | MediaOutput)]
    kinds = [block.name if isinstance(block, ServerToolCall) else "message" for block in blocks]
    usage = answer.usage
    assert row == TextAnswer(
        row.file,
        row.number,
        answer.text,
        (usage.input_tokens, usage.output_tokens) if usage else None,
        ids[0],
        ids[1] or "",
        kinds,
    )
    assert (None, True) == (reader.failure, reader.is_done)


CALLS = [
    (
        "v2/function_tool",
        1,
        ToolCall("call_dRy9LxpKojP7z5IKIO59bfOn", "get_weather", '{"location":"Seattle"}'),
    ),
    (
        "v2/function_tool_stream",
        1,
        ToolCall("call_QR2Yntl8BPHUa0hlSBmPQ0iS", "get_weather", '{"location":"Boston"}'),
    ),
    (
        "v2/function_tool_stream_preview_api",
        2,
        ToolCall("call_02x2oqHWBA1RsRZzmMEjTPLK", "get_weather", '{"location":"Seattle"}'),
    ),
    (
        "classic/submit_tool_outputs_to_stream",
        3,
        ToolCall("call_Rksj1imNgadFAccoRamVgTZ5", "fetch_current_datetime_recordings", "{}"),
    ),
    (
        "classic/cancel_run",
        3,
        ToolCall(
            "call_JpLA9QuJgjWFR6Wdg2qwzUJJ",
            "GetHumidityByAddress",
            '{"addresses":[{"street":"456 2nd Ave","city":"Seattle"}]}',
        ),
    ),
]


@pytest.mark.parametrize(("file", "number", "call"), CALLS, ids=[row[0] for row in CALLS])
@pytest.mark.parametrize("deltas", [True, False], ids=["deltas", "no deltas"])
def test_function_calls_are_read_exactly(
    file: str, number: int, call: ToolCall, deltas: bool
) -> None:
    """Call id, name and the raw argument text are those of the recording."""
    entry = entry_of(file, number)
    reader = reader_for(entry, deltas=deltas)
    if entry.sse:
        events = reader.feed(entry.sse.encode())
    else:
        assert isinstance(reader, ResponseReader)
        events = reader.read(entry.body)
    answer = folded(events)
    assert ([call], "", []) == (answer.tool_calls, answer.text, answer.blocks)
