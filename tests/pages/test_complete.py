"""No code block of the pages is left out: each is run, or listed with what it is."""

from __future__ import annotations

import re

from . import (
    test_agents,
    test_azure,
    test_claude,
    test_gateway,
    test_gateway_agents,
    test_router,
)
from .blocks import Place, blocks, needs_pages

pytestmark = needs_pages
RUN = (
    test_agents.EXAMPLES
    | test_azure.EXAMPLES
    | test_claude.EXAMPLES
    | test_gateway.EXAMPLES
    | test_gateway_agents.EXAMPLES
    | test_router.EXAMPLES
)

# What the other blocks are, and words by which such a block is known.
KINDS = {
    # Speech, files and batches at the gateway: `tests/gateway/cold` does what they do.
    "gateway": (r"^curl .*/v1/(?:files|batches)|azure/tts-1|purpose=\"batch\"|client\.batches\."),
    # `tests/routing` runs such routers, with a Redis.
    "router with Redis": r"\bRouter\(.*\n.*redis_host=",
    # Other programs: the Azure CLI, brew, pip; and variables for the gateway's shell.
    "shell": r"^(?:az |brew |pip |export |# Get token)",
    # What the service or the gateway answers, files, lists.
    "data": r'^(?:\{|"stream",|https://|azure_ai/agents/\{)',
}
OTHERS = {
    "000": {
        "shell": (22, 34, 44, 248),
        "data": (62,),
    },
    "002": {
        "gateway": (386,),
        "router with Redis": (621,),
        "shell": (79, 424, 428, 433, 573),
        "data": (438,),
    },
    "003": {
        "gateway": (832, 852, 874, 887, 905, 915, 929, 939, 954, 961, 1062, 1087, 1107, 1122),
        "router with Redis": (1193,),
        "shell": (95, 557, 561, 566, 739, 819, 1145),
        "data": (571, 863, 1073, 1081, 1101, 1116, 1130),
    },
    "004": {
        "shell": (173,),
        "data": (280, 316),
    },
}
LISTED = {
    Place(number, line): kind
    for number, kinds in OTHERS.items()
    for kind, lines in kinds.items()
    for line in lines
}


def test_every_block_is_run_or_listed() -> None:
    """And none is both; page 001 has no blocks, its example stands in its text."""
    assert sorted(blocks()) == sorted([*RUN, *LISTED])


def test_what_is_listed_is_what_it_is_listed_as() -> None:
    """So that no example of ours hides among those of the gateway."""
    for place, kind in LISTED.items():
        assert re.search(KINDS[kind], blocks()[place][1], re.MULTILINE), (place, kind)
        assert not re.search(r"litellm\.a?\w+\(", blocks()[place][1]), place


def test_the_variables_of_the_shells_are_ours() -> None:
    """What the pages export is read here, too."""
    exported = {
        name
        for place, kind in LISTED.items()
        if kind == "shell"
        for name in re.findall(r"^export (\w+)=", blocks()[place][1], re.MULTILINE)
    }
    assert {
        "AZURE_API_BASE",
        "AZURE_API_KEY",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_TENANT_ID",
    } == exported
    assert exported <= set(test_azure.VARIABLES)
