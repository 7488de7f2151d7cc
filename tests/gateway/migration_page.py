"""Writes the parts of `docs/migrating_from_litellm.md` that follow from the code (`make docs`)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from azure_agents.gateway.config import keys
from azure_agents.gateway.config.keys import Key
from azure_agents.gateway.elsewhere import REPLACED

PAGE = Path(__file__).parents[2] / "docs" / "migrating_from_litellm.md"
_BLOCK = re.compile(r"(<!-- (\w+): written by make docs -->\n).*?(<!-- end -->)", re.DOTALL)
SECTIONS: dict[str, Mapping[str, Key]] = {
    "top of the file": keys.TOP,
    "an entry": keys.ENTRY,
    "`litellm_params`": keys.PARAMS,
    "`model_info`": keys.INFO,
    "`litellm_settings`": keys.LITELLM,
    "`router_settings`": keys.ROUTER,
    "`general_settings`": keys.GENERAL,
}


def page() -> str:
    """The page with its written parts made anew."""
    made: dict[str, Callable[[], Iterator[str]]] = {"keys": _keys, "routes": _routes}

    def block(found: re.Match[str]) -> str:
        return found[1] + "".join(f"{line}\n" for line in made[found[2]]()) + found[3]

    return _BLOCK.sub(block, PAGE.read_text("utf-8"))


def _keys() -> Iterator[str]:
    yield "| section | what becomes of it | keys |"
    yield "|---|---|---|"
    for section, table in SECTIONS.items():
        for fate, names in _by_fate(table).items():
            yield f"| {section} | {fate} | {_listed(names)} |"


def _by_fate(table: Mapping[str, Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, key in table.items():
        found[_fate(key)].append(name)
    return dict(sorted(found.items(), key=lambda one: _ORDER.index(one[0].partition(":")[0])))


_ORDER = ("honoured", "set aside", "refused")


def _fate(key: Key) -> str:
    if key.fate == "used":
        return "honoured"
    return f"{key.fate}: {key.why}"


def _routes() -> Iterator[str]:
    yield "| route | here |"
    yield "|---|---|"
    found: dict[str, list[str]] = defaultdict(list)
    for path, instead in REPLACED.items():
        found[instead].append(path)
    for instead, paths in found.items():
        yield f"| {_listed(paths)} | {instead} |"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
