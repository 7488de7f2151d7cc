"""The table of everything that a deployment, or its resource, is asked to do. Pure.

Functions, router and gateway read it, so that method, path and retries of each have one place.
Paths stand below the surface (`azure_agents.models.surfaces`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Body: TypeAlias = Literal["json", "multipart", "none"]
Answer: TypeAlias = Literal["json", "bytes", "text or json"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row.

    Attributes:
        name: The function of the library that does it.
        method: HTTP method.
        path: Below the surface; ``{id}`` stands for the id of a file, batch, job or response.
        body: What goes up.
        answer: What comes back from a call that is not streamed.
        names_model: The call names a deployment: in its body, on the dated surface in its path.
        of_deployment: On the dated surface it stands below a deployment; else below the resource.
        streams: It can answer with events.
        makes: The kind of id that an answer brings into being; None: none.
        holds: The field that every answer in JSON has.
        may_repeat: A second application harms nobody. What makes a file, batch or job is repeated
            only where it was provably not applied.
    """

    name: str
    method: str
    path: str
    body: Body = "none"
    answer: Answer = "json"
    names_model: bool = False
    of_deployment: bool = False
    streams: bool = False
    makes: str | None = None
    holds: str = "id"
    may_repeat: bool = True


def _model(name: str, path: str, body: Body = "json", **more: object) -> Operation:
    made = {"names_model": True, "of_deployment": True, **more}
    return Operation(name, "POST", path, body, **made)  # type: ignore[arg-type]


_ROWS = (
    _model("chat", "/chat/completions", streams=True, holds="choices"),
    _model("text_completion", "/completions", streams=True, holds="choices"),
    _model("embedding", "/embeddings", holds="data"),
    _model("speech", "/audio/speech", answer="bytes"),
    _model(
        "transcription",
        "/audio/transcriptions",
        "multipart",
        answer="text or json",
        holds="text",
    ),
    _model("translation", "/audio/translations", "multipart", answer="text or json", holds="text"),
    _model("image_generation", "/images/generations", streams=True, holds="data"),
    _model("image_edit", "/images/edits", "multipart", streams=True, holds="data"),
    _model("responses", "/responses", of_deployment=False, streams=True, makes="response"),
    Operation("get_response", "GET", "/responses/{id}", streams=True),
    Operation("delete_response", "DELETE", "/responses/{id}"),
    Operation("cancel_response", "POST", "/responses/{id}/cancel"),
    Operation("list_input_items", "GET", "/responses/{id}/input_items", holds="data"),
    Operation("create_file", "POST", "/files", "multipart", makes="file", may_repeat=False),
    Operation("file_list", "GET", "/files", holds="data"),
    Operation("file_retrieve", "GET", "/files/{id}"),
    Operation("file_delete", "DELETE", "/files/{id}"),
    Operation("file_content", "GET", "/files/{id}/content", answer="bytes"),
    Operation("create_batch", "POST", "/batches", "json", makes="batch", may_repeat=False),
    Operation("retrieve_batch", "GET", "/batches/{id}"),
    Operation("cancel_batch", "POST", "/batches/{id}/cancel"),
    Operation("list_batches", "GET", "/batches", holds="data"),
    Operation(
        "create_fine_tuning_job",
        "POST",
        "/fine_tuning/jobs",
        "json",
        names_model=True,
        makes="job",
        may_repeat=False,
    ),
    Operation("retrieve_fine_tuning_job", "GET", "/fine_tuning/jobs/{id}"),
    Operation("cancel_fine_tuning_job", "POST", "/fine_tuning/jobs/{id}/cancel"),
    Operation("list_fine_tuning_jobs", "GET", "/fine_tuning/jobs", holds="data"),
    Operation("list_fine_tuning_events", "GET", "/fine_tuning/jobs/{id}/events", holds="data"),
    _model("messages", "/messages", streams=True, holds="content"),
    _model("count_tokens", "/messages/count_tokens", holds="input_tokens"),
)
OPERATIONS = {row.name: row for row in _ROWS}
