"""What the recorded agents did with their tools, by recording and exchange."""

from __future__ import annotations

from typing import Any, NamedTuple

from .recorded import JSON


class Begins(str):
    """A long text, of which only the beginning is written down here."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Whether the other one begins so."""
        return isinstance(other, str) and other.startswith(str(self))

    __hash__ = str.__hash__


class Names(tuple[str, ...]):
    """A list of objects, of which only the names are written down here."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        """Whether the objects have these names."""
        return isinstance(other, list) and list(self) == [one["name"] for one in other]

    __hash__ = tuple.__hash__


class Used(NamedTuple):
    """A tool that ran on the server, written down by hand."""

    name: str
    id: str
    arguments: JSON
    details: JSON = {}  # noqa: RUF012
    output: Any = None


def _step(kind: str, action: str, before: str, id: str, parent: str = "my_workflow") -> Used:
    """An action of the recorded workflow."""
    place = {"action_id": action, "parent_action_id": parent, "previous_action_id": before}
    return Used("workflow", f"wfa_ee13ea1c437f2eaa00{id}", {"kind": kind, **place})


WORKFLOW = [
    _step(
        "SetVariable",
        "set_variable_input_task",
        "my_workflow",
        "J8NEfd9KhJTL63JNiTOWc8iOslXPbkjw",
    ),
    _step(
        "CreateConversation",
        "create_student_conversation",
        "set_variable_input_task",
        "0ieFFJqwnLAoC5ayWwLJRIfzCUWTIvxs",
    ),
    _step(
        "CreateConversation",
        "create_teacher_conversation",
        "create_student_conversation",
        "nODte5eYOXwDYeQOvEsnsii2aodAyEwR",
    ),
    _step(
        "InvokeAzureAgent",
        "student_agent",
        "create_teacher_conversation",
        "Uh1o4RrLFuevSlgfgXsgiuvwpbGBjLEb",
    ),
    _step(
        "InvokeAzureAgent",
        "teacher_agent",
        "student_agent_Post",
        "YAzY4COYY3O7sLt70yZ9FraW89CbMqra",
    ),
    _step(
        "SendActivity",
        "send_teacher_reply",
        "teacher_agent_Post",
        "WED3enXX6eRjuV7Ecp9DKMbAmOb0Mezt",
    ),
    _step(
        "SetVariable",
        "set_variable_turncount",
        "send_teacher_reply",
        "qKqCKttKtKpMDM5sWMEmvaIS7JgMi5q6",
    ),
    _step(
        "EndConversation",
        "end_workflow",
        "check_doneActions",
        "piRJ4ODEQg7VqKcntHTfLANSY4SLPEuV",
        "check_doneActions",
    ),
]
DOCS = ("fetch_azure_rest_api_docs", "search_azure_rest_api_docs", "search_azure_rest_api_code")
LISTED = Names((*DOCS, "fetch_generic_url_content"))
PAINTED = "iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAIAAADwf7zUAAA0qmNhQlgAADSqanVtYgAA"

USED: dict[tuple[str, int], list[Used]] = {
    ("classic/bing_grounding_tool_streaming", 3): [
        Used(
            "bing_grounding",
            "call_VnTnijP43J54nM8qj8s63Mjd",
            {
                "requesturl": "https://api.bing.microsoft.com/v7.0/search?q=Euler's Identity "
                "site=en.wikipedia.org"
            },
            output="{'market': 'en-US', 'num_docs_retrieved': 5, 'num_docs_actually_used': 5, "
            "'bing_trace_id': '6896cdc16b5548408c4cdc778cedb712', 'bing_apim_request_id': "
            "'8eb5fdc1-20d4-4775-bbe0-7d38ab72494a'}",
        )
    ],
    ("classic/code_interpreter_tool_streaming", 3): [
        Used(
            "code_interpreter",
            "call_pYXuIgTtWJTxXaGAKeQkSGa3",
            {"code": Begins("# Let's check the file type and content to better understand how")},
        )
    ],
    ("classic/file_search_tool_streaming", 7): [
        Used(
            "file_search",
            "call_8Epd2cmo7hF1GskX1a3jgZAo",
            {},
            {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}},
            [
                {
                    "file_id": "assistant-6xP3kL6Brf1dohgzr3ZZ4n",
                    "file_name": "azureai://accounts/westus-projxkmb/projects/projectxkmb/data/"
                    "00000/versions/1.0",
                    "score": 0.03333333507180214,
                    "attributes": {},
                }
            ],
        )
    ],
    ("classic/mcp_tool_streaming", 3): [
        Used(
            "mcp_list_tools",
            "activity_C0JbnZCpELA0KrVEn37wlf6V",
            {},
            {"server_label": "github"},
            LISTED,
        )
    ],
    ("classic/mcp_tool_streaming", 4): [
        Used(
            "mcp",
            "call_7xWS61tAxJO9euluKVIX5aJH",
            {},
            {"server_label": "github", "tool_name": "fetch_azure_rest_api_docs"},
            Begins("# Azure/azure-rest-api-specs/documentation Documentation\nBelow is a"),
        )
    ],
    ("classic/openapi_streaming", 1): [
        Used(
            "openapi",
            "call_EgqITmtCFebu7TEqjfHdrCwd",
            {"location": "Centralia, PA", "format": "j1"},
            {"tool_name": "get_weather_GetCurrentWeather"},
            "{'current_condition': [{'FeelsLikeC': '28', 'FeelsLikeF': '82', 'cloudcover': '100', "
            "'humidity': '42', 'localObsDateTime': '2025-08-08 07:20 PM'}]}",
        )
    ],
    ("classic/tool_streaming_connected_agent", 4): [
        Used(
            "connected_agent",
            "call_j0TzYMbTWD5bjOSsEutPBVjP",
            {"query": "current stock price of Microsoft"},
            {
                "assistant_id": "asst_4n9MQn7nPdzg9Nu7eYu6sslO",
                "thread_id": "thread_2NHQhKbVXFMUy0ZVN0P458MZ",
                "run_id": "run_BKDHUfLnDMPZxqQsQwKjaNuz",
                "tool_name": "stock_bot",
            },
            "The current stock price of Microsoft is $350.",
        )
    ],
    ("v2/a2a_stream", 1): [
        Used(
            "a2a",
            "call_d0b2454c7fd2431bae284b39250c282a",
            {"message": {"parts": [{"kind": "text", "text": "What can the secondary agent do?"}]}},
            {"tool_name": "a2a2"},
            "",
        )
    ],
    ("v2/browser_automation_keepalive_stream", 1): [
        Used(
            "browser_automation",
            "call_6f14fcace7044072955be76b318c0c92",
            {"query": Begins("Go to https://finance.yahoo.com. Use the search bar to search for")},
            output="",
        )
    ],
    ("v2/file_search_stream", 6): [
        Used(
            "file_search",
            "fs_08138e83895bc4b80069a7df55ef188195bb89b9c0524a31ea",
            {
                "queries": [
                    "What products are mentioned in the document? Provide a brief summary.",
                    "products mentioned in the document",
                    "product names mentioned",
                ]
            },
        )
    ],
    ("v2/workflow_stream", 4): WORKFLOW,
    ("v2/workflow_stream", 5): WORKFLOW,
    ("v2/code_interpreter", 2): [
        Used(
            "code_interpreter",
            "ci_1e04a65643974cd10069a28939cc9881908c90578b32283518",
            {
                "code": Begins(
                    "import pandas as pd\r\n\r\n# Create the multiplication chart (1-10 x 1-10)\r\n"
                )
            },
            {"container_id": "cntr_69a2893568e081909e4088be447c0d470cd1d5681f6836f5"},
        )
    ],
    ("v2/computer_use", 1): [
        Used(
            "computer_use",
            "call_UPp6yMHfqDbyhfvgIdp9WC99",
            {"action": {"type": "type", "text": "OpenAI news"}},
        )
    ],
    ("v2/image_generation_preview_api", 1): [
        Used(
            "image_generation",
            "ig_0cda52149085f4eb006932efcb972c819490d72da8e6add641",
            {"revised_prompt": "A simple blue circle centered on a clean white background."},
            {
                "background": "opaque",
                "output_format": "png",
                "quality": "low",
                "size": "1024x1024",
            },
        )
    ],
    ("v2/mcp_approval_request", 2): [
        Used(
            "mcp_list_tools",
            "mcpl_cd70fdbfaf95d6450069a7e170e1bc8190830f5263d0654d62",
            {},
            {"server_label": "api-specs"},
            LISTED,
        )
    ],
    ("v2/mcp_approved_call", 0): [
        Used(
            "mcp",
            "mcp_357f27d340544e9d0069a28cd75bd48190856fa20ed9abfb13",
            {},
            {
                "server_label": "api-specs",
                "approval_request_id": "mcpr_357f27d340544e9d0069a28cc77b0481909a918466109ad243",
                "tool_name": "get_me",
            },
            Begins('{"login":"howiefoundry","id":254576448,"profile_url":'),
        )
    ],
    ("v2/memory_search_preview_api", 3): [
        Used(
            "memory_search",
            "memupdateo_68e2b1106bfc0f9e006940e4c1d8688190b800f65055506f30",
            {},
            {
                "search_id": "fb9f7afd78ea4cca95537fca357ac1ae",
                "update_id": "62e11e14-6ca6-4e3b-a1c8-c0e22908d507",
            },
            [],
        )
    ],
    ("v2/memory_search_preview_api", 5): [
        Used(
            "memory_search",
            "memupdateo_97d20c019b1af03f006940e501f6648190ab447c32f8860b51",
            {},
            {
                "search_id": "6f1c7678f9044688be820efdef3f0213",
                "update_id": "2e9d0fa0-719b-4b5a-9509-c69abcfb5823",
            },
            [
                {
                    "content": Begins("On December 16, 2025, the user explicitly stated a"),
                    "kind": "chat_summary",
                    "memory_id": "3a7b46abde2248e285be385710c839f8",
                    "scope": "test_user_123",
                    "updated_at": 1765860545,
                },
                {
                    "content": "User prefers dark roast coffee.",
                    "kind": "user_profile",
                    "memory_id": "3d7265eb7d2b4f7bb3f72b8a05cff32c",
                    "scope": "test_user_123",
                    "updated_at": 1765860545,
                },
            ],
        )
    ],
    ("v2/openapi_preview_api", 1): [
        Used(
            "openapi",
            "call_6bd707ada7bd46c892bddf1d5c8a5f07",
            {"location": "Seattle, WA", "format": "j1"},
            {"tool_name": "get_weather_GetCurrentWeather"},
            "",
        )
    ],
    ("v2/web_search", 1): [
        Used(
            "web_search",
            "ws_03e6e543957b15a10069a7e3bc7ff48197a9acc39018574480",
            {
                "type": "search",
                "query": "weather: Seattle, WA, USA",
                "queries": ["weather: Seattle, WA, USA"],
            },
        )
    ],
}
