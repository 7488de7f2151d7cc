"""Files that the emulated service keeps: uploads, vector stores, containers."""

from __future__ import annotations

from typing import Any

import pytest

from azure_agents.emulator import Emulator


@pytest.mark.parametrize("root", ["", "/openai/v1"])
def test_files_and_stores_can_be_managed(foundry: Emulator, wire: Any, root: str) -> None:
    """Upload, index, list, read and delete, in both generations."""
    version = {} if root else {"api-version": "v1"}
    headers = {"authorization": f"Bearer {wire.token}"}
    made = wire.http.post(
        f"{root}/files",
        params=version,
        headers=headers,
        data={"purpose": "assistants"},
        files={"file": ("a.md", b"# hi")},
    ).json()
    assert ("a.md", 4, "processed") == (made["filename"], made["bytes"], made["status"])
    content = wire.request("GET", f"{root}/files/{made['id']}/content")
    assert b"# hi" == content.content
    store = wire.post(f"{root}/vector_stores", {"name": "s"})["id"]
    wire.post(f"{root}/vector_stores/{store}/files", {"file_id": made["id"]})
    path = f"{root}/vector_stores/{store}/files/{made['id']}"
    assert ["in_progress", "completed", "completed"] == [wire.get(path)["status"] for _ in range(3)]
    batch = wire.post(f"{root}/vector_stores/{store}/file_batches", {"file_ids": [made["id"]]})
    assert ("completed") == wire.get(f"{root}/vector_stores/{store}/file_batches/{batch['id']}")[
        "status"
    ]
    csv = foundry.add_file("a.csv", b"1")
    wrong = wire.request("POST", f"{root}/vector_stores/{store}/files", {"file_id": csv})
    assert "unsupported_file" == wrong.json()["error"]["code"]
    assert wire.request("DELETE", f"{root}/vector_stores/{store}").json()["deleted"] is True
    assert wire.request("DELETE", f"{root}/files/{made['id']}").json()["deleted"] is True
    assert 404 == wire.request("GET", f"{root}/files/{made['id']}").status_code


def test_container_files_can_be_read(foundry: Emulator, wire: Any) -> None:
    """v2: a file that code interpreter wrote is read by container and file."""
    id = foundry.add_file("plot.png", b"png", container_id="cntr_1")
    path = f"/openai/v1/containers/cntr_1/files/{id}/content"
    assert b"png" == wire.request("GET", path).content
    assert 404 == wire.request("GET", path.replace("cntr_1", "cntr_2")).status_code
