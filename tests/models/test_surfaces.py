"""Base URLs and versions: whatever is pasted gives one canonical URL, or says what is wrong."""

from __future__ import annotations

import pytest

from azure_agents.errors import ConfigError
from azure_agents.models.names import read_model
from azure_agents.models.operation_table import OPERATIONS
from azure_agents.models.surfaces import locate, read_surface

BASE = "https://r.openai.azure.com"
FOUNDRY = "https://r.services.ai.azure.com"
DATED = "2024-10-21"
ON_V1 = f"{BASE}/openai/v1/chat/completions"
ON_DATED = f"{BASE}/openai/deployments/dep/chat/completions?api-version={DATED}"


def url_of(
    model: str, base: str | None, version: object = None, operation: str = "chat", id: str = ""
) -> str:
    """The whole URL of an operation."""
    model = read_model(model, base=base)
    surface = read_surface(base, version, model)
    place = locate(surface, OPERATIONS[operation], model.name, id)
    query = "&".join(f"{name}={value}" for name, value in place.query)
    return surface.url.url + place.path + (f"?{query}" if query else "")


URLS = [
    (("azure/dep", BASE), ON_V1),
    (("azure/dep", f"{BASE}/"), ON_V1),
    (("azure/dep", BASE, "v1"), ON_V1),
    (("azure/dep", BASE, "latest"), ON_V1),
    (("azure/dep", BASE, "preview"), f"{ON_V1}?api-version=preview"),
    (("azure/dep", f"{BASE}/openai/v1/"), ON_V1),
    (("azure/dep", f"{BASE}/openai/v1", DATED), ON_V1),
    (("azure/dep", f"{BASE}/openai/v1/chat/completions"), ON_V1),
    (("azure/dep", BASE, DATED), ON_DATED),
    (("azure/dep", f"{BASE}//openai//", f"api-version={DATED}"), ON_DATED),
    (("azure/dep", ON_DATED), ON_DATED),
    (
        ("azure/dep", f"{BASE}/openai/deployments/other", DATED),
        f"{BASE}/openai/deployments/other/chat/completions?api-version={DATED}",
    ),
    (
        ("azure/dep", f"{BASE}/openai/deployments/other", DATED, "list_batches"),
        f"{BASE}/openai/batches?api-version={DATED}",
    ),
    (
        ("azure/dep", BASE, DATED, "file_content", "file-1"),
        f"{BASE}/openai/files/file-1/content?api-version={DATED}",
    ),
    (("azure/dep", BASE, DATED, "responses"), f"{BASE}/openai/responses?api-version={DATED}"),
    (
        ("azure/dep", "https://apim.example.net/team/openai", DATED),
        ON_DATED.replace(BASE, "https://apim.example.net/team"),
    ),
    (("azure/dep", f"{FOUNDRY}/api/projects/p"), f"{FOUNDRY}/api/projects/p{ON_V1[len(BASE) :]}"),
    (("azure_ai/grok-3", f"{FOUNDRY}/models", DATED), f"{FOUNDRY}{ON_V1[len(BASE) :]}"),
    (
        ("azure_ai/claude-x", f"{FOUNDRY}/anthropic", None, "messages"),
        f"{FOUNDRY}/anthropic/v1/messages",
    ),
    (
        ("azure_ai/claude-x", f"{FOUNDRY}/anthropic/v1/messages/", None, "messages"),
        f"{FOUNDRY}/anthropic/v1/messages",
    ),
    (("azure/claude-x", FOUNDRY, DATED, "messages"), f"{FOUNDRY}/anthropic/v1/messages"),
    (("openai/gpt-4o", None), "https://api.openai.com/v1/chat/completions"),
    (("openai/gpt-4o", "https://proxy.example/v1/"), "https://proxy.example/v1/chat/completions"),
]


def test_every_pasted_base_gives_its_url() -> None:
    """Each row of the specification, and what people paste."""
    for arguments, expected in URLS:
        assert expected == url_of(*arguments), arguments


def test_a_dated_image_route_has_no_model_in_its_body() -> None:
    """The service refuses one there; on the surface without versions it needs it."""
    model, images = read_model("azure/draw"), OPERATIONS["image_generation"]
    dated, undated = (read_surface(BASE, version, model) for version in (DATED, None))
    assert (None, "draw") == (
        locate(dated, images, "draw").model,
        locate(undated, images, "draw").model,
    )


def test_what_is_set_aside_is_said() -> None:
    """A version that cannot count, and a path that serves nothing more, are noted."""
    model = read_model("azure_ai/grok-3")
    notes = read_surface(f"{FOUNDRY}/models", DATED, model).notes
    assert ["'/models'", f"api-version {DATED}"] == [
        note.split(" of ")[0].split(" was ")[0] for note in notes
    ]


REFUSED = [
    (("azure/dep", None), "pass api_base="),
    (("azure/dep", f"{BASE}/openai/deployments/dep/extensions"), "retired"),
    (("azure/dep", BASE, "yesterday"), "malformed"),
    (("azure/dep", f"{FOUNDRY}/anthropic"), "is Claude's"),
    (("azure_ai/claude-x", f"{BASE}/openai/v1"), "is Azure OpenAI's"),
    (("azure_ai/claude-x", f"{FOUNDRY}/api/projects/p"), "is a project"),
    (
        ("azure/dep", f"{FOUNDRY}/api/projects/p/agents/a/endpoint/protocols/openai"),
        "an agent's own endpoint",
    ),
    (("azure/dep", "r.openai.azure.com"), "does not begin with 'https://'"),
    (("azure/dep", "http://r.openai.azure.com"), "plain http"),
    (("azure/dep", "https://user:secret@r.openai.azure.com"), "holds a user"),
    (("azure/dep", "https://r.openai.azure.com/../x"), "cannot be sent"),
    (("azure/dep", ""), "is empty"),
    (("azure/dep", "https://r.openai.azure.com/v1"), "a path that Azure does not have"),
    (("azure_ai/claude-x", f"{FOUNDRY}/claude"), "a path that Azure does not have"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_a_base_of_the_wrong_kind_is_refused(arguments: tuple[str, str], words: str) -> None:
    """The error says what the base is, and where the right one is found; never a secret."""
    with pytest.raises(ConfigError) as caught:
        url_of(*arguments)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
