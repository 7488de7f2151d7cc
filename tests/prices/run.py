"""Make our price table anew, and compare it with what others publish: `make prices`.

LiteLLM's newest price file (MIT) is taken from its package, which is installed into an environment
of its own under `.prices/` that is made anew each time. Two packages that read Azure's prices by
other ways are installed there, too; where they differ from our table is written into
`tests/prices/differences.md`.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from azure_agents.prices.table import PriceTable
from tests.prices.facts import build

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".prices"
TABLE = ROOT / "shared" / "azure_agents" / "prices" / "azure_prices.json"
PAGE = HERE / "differences.md"
# LiteLLM brings far more than its price file: without what it requires.
ALONE = "litellm"
OTHERS = ("genai-prices", "azure-genai-prices")
FILE = "litellm/model_prices_and_context_window_backup.json"


def main() -> int:
    """Write the table and the list of differences."""
    python = _environment()
    (file,) = ENVIRONMENT.glob(f"**/site-packages/{FILE}")
    prices = json.loads(file.read_text(encoding="utf-8"))
    as_of = dt.datetime.now(tz=dt.UTC).date().isoformat()
    table = build(prices, version=_version(python, ALONE), licence=_licence(), as_of=as_of)
    TABLE.write_text(written(table), encoding="utf-8")
    found = list(differences(_others(python)))
    PAGE.write_text(page(found, as_of, [f"{n} {_version(python, n)}" for n in (ALONE, *OTHERS)]))
    print(f"{len(PriceTable.shipped())} models as of {as_of}, {len(found)} differences")
    return 0


def written(table: dict[str, Any]) -> str:
    """The file: a line for each model, so that a new price is one changed line.

    Args:
        table: Of `build`.
    """
    models = table["models"].items()
    rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in models)
    head = "".join(
        f"{json.dumps(k)}: {json.dumps(v, indent=0)},\n" for k, v in table.items() if k != "models"
    )
    return "{\n" + head + '"models": {\n' + rows + "\n}\n}\n"


def differences(others: dict[str, dict[str, dict[str, str]]]) -> Iterator[tuple[str, ...]]:
    """Where others have another price: who, model, component, ours, theirs.

    Args:
        others: Of `others.py`.
    """
    table = PriceTable.shipped()
    for who, models in others.items():
        for model, prices in sorted(models.items()):
            ours = table.find(model)
            for name, theirs in sorted(prices.items() if ours else ()):
                if name == "cached_input" and theirs == prices.get("input"):
                    continue  # a stand-in of theirs where no price is known
                tier, _, component = name.rpartition(" ")
                own = ours.of(tier or "standard").get(component) if ours else None
                if own is None or own * 1_000_000 != Decimal(theirs):
                    yield who, model, name, _dollars(own), f"{Decimal(theirs).normalize():f}"


def _dollars(price: Decimal | None) -> str:
    return "none" if price is None else f"{(price * 1_000_000).normalize():f}"


def page(found: list[tuple[str, ...]], as_of: str, versions: list[str]) -> str:
    """The list of differences, in Markdown.

    Args:
        found: The differences.
        as_of: The day.
        versions: Of the packages.
    """
    rows = "".join(f"| {' | '.join(row)} |\n" for row in found)
    return (
        "# Where others publish another price\n\n"
        "Written by `make prices`; US dollars for a million tokens, Global Standard. “none” means "
        f"that our table has no price, so such an answer has no cost. As of {as_of}: "
        f"{', '.join(versions)}.\n\n| who | model | component | ours | theirs |\n"
        f"|---|---|---|---|---|\n{rows}"
    )


def _environment() -> Path:
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    venv.create(ENVIRONMENT, with_pip=True)
    python = ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", ALONE], check=True)
    subprocess.run([*pip, *OTHERS], check=True)
    return python


def _version(python: Path, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return subprocess.run(
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def _licence() -> str:
    (file,) = ENVIRONMENT.glob("**/litellm-*.dist-info/licenses/LICENSE")
    text = file.read_text(encoding="utf-8")
    return text[text.index("MIT License") :].strip()


def _others(python: Path) -> dict[str, Any]:
    names = [name.removeprefix("azure/") for name in PriceTable.shipped() if name.count("/") == 1]
    done = subprocess.run(
        [python, HERE / "others.py"],
        input=json.dumps(names),
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
