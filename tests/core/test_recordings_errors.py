"""Recorded errors keep their facts, and no recording goes unread."""

from __future__ import annotations

import json

import pytest

from azure_agents.errors import (
    AgentNotFoundError,
    BadRequestError,
    PermissionDeniedError,
    ServerError,
    ThreadNotFoundError,
)
from azure_agents.service_errors.envelopes import error_from_reply

from .recorded import ENTRIES, RESPONSES, RUNS, STREAMS, ErrorFacts, entry_of, label

ERRORS = [e for e in ENTRIES if e.status >= 400]
ERROR_FACTS = [
    ErrorFacts(
        "classic/error_thread_not_found",
        3,
        ThreadNotFoundError,
        None,
        None,
        "fbf2a8ae-8b15-4402-99f0-502caacebb3f",
        "No thread found with id 'thread_2RisdHuAm98lz0arpEfhrnMu'.",
    ),
    ErrorFacts(
        "v2/conversation_operations_404",
        8,
        ThreadNotFoundError,
        "not_found",
        None,
        "54faf1835f0037670f3faeac6770f314",
        "Conversation 'conv_31f06dd2a2f9ac5000xyf69JQ5yAVo4ZfMtz0y3FCYDQd2Ajz2' not found",
    ),
    ErrorFacts(
        "v2/error_400_too_many_items",
        1,
        BadRequestError,
        "invalid_payload",
        "/items",
        "fa4c05a0bc64256e6cb76bb790abcd2c",  # the header's is another one
        "maxItems: Value should have at most 20 items",
    ),
    ErrorFacts(
        "v2/error_400_unsupported_file",
        2,
        BadRequestError,
        "unsupported_file",
        "file_id",
        "8b38bfc190d8a6a7fbe3e15bcf2f0757",
        "Files with extensions [.csv] are not supported for retrieval.",
    ),
    ErrorFacts(
        "v2/error_403_preview_feature_required",
        0,
        PermissionDeniedError,
        "preview_feature_required",
        None,
        "29e158bef0361c73beae395a5cf92e18",
        "Include the 'Foundry-Features: WorkflowAgents=V1Preview' header",
    ),
    ErrorFacts(
        "v2/error_404_response_deleted",
        3,
        ThreadNotFoundError,
        None,
        None,
        "1b1d6144-936f-442f-a193-4b93540dc29b",
        "Response with id 'resp_0275e5eea6b6e1dd00698e4c87fd888194a1b8d4381af45781' not found.",
    ),
    ErrorFacts(
        "v2/error_404_unknown_agent",
        0,
        AgentNotFoundError,
        "not_found",
        None,
        "3ad40610a5fc06174b10354d589a0f40",
        "Agent SomeAgentNameThatReallyDoesNotExistAndNeverShould3490 doesn't exist",
    ),
    *(
        ErrorFacts(
            "v2/error_500_azure_function",
            number,
            ServerError,
            "server_error",
            None,
            request_id,
            f"Please include the request ID {request_id} in your message.",
        )
        for number, request_id in enumerate(
            (
                "a805b5dd-df94-4362-8269-4ceeb8db3a93",
                "20f441b0-e2d4-4432-ba20-1a86b476a17a",
                "eef6d13f-8faa-4e66-8889-cbf8511542e9",
            ),
            1,
        )
    ),
]


@pytest.mark.parametrize("row", ERROR_FACTS, ids=label)
def test_recorded_errors_keep_their_facts(row: ErrorFacts) -> None:
    """Class, status, code, param and request id are those of the recording."""
    entry = entry_of(row.file, row.number)
    body = json.dumps(entry.body).encode()
    error = error_from_reply(entry.status, entry.headers, body, doing="testing")
    said = row.sentence if row.sentence in error.message else error.message
    facts = ErrorFacts(
        row.file, row.number, type(error), error.code, error.param, error.request_id, said
    )
    assert (row, entry.status) == (facts, error.status)


def test_every_recorded_error_is_in_the_table() -> None:
    """A recording that is added later does not go untested."""
    assert [(e.file, e.number) for e in ERRORS] == [row[:2] for row in ERROR_FACTS]


def test_every_recording_is_used() -> None:
    """Each file holds at least one answer that a test here reads."""
    read = {e.file for e in (*STREAMS, *RESPONSES, *RUNS, *ERRORS)}
    kept = {  # what only keeps objects has no answers
        "classic/list_messages",
        "classic/vector_store_batch_cancel",
        "v2/agents_crud",
        "v2/conversation_items_crud",
    }
    elsewhere = {"v2/compaction", "v2/responses_list"}  # in `test_recordings_whole`
    assert {e.file for e in ENTRIES} == read | kept | elsewhere
