"""How close the emulator is to the recorded service: `make fidelity`.

Every recorded request is sent to the emulator and the answers are compared fact by fact: status,
headers, every key and type, the values that are the protocol's own words (`object`, `status`,
error codes, …), the names and order of events, and the order of keys in events. Texts, ids, times
and token counts are the emulator's own business. The score is facts met / facts recorded.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fidelity_exceptions import EXCEPTIONS, Known
from replay import Replay, series
from replay_deployments import DeploymentReplay, events_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx

FOLDERS = ("classic", "models/claude", "models/openai", "v2")
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"

# Keys whose values are words of the protocol.
WORDS = frozenset(
    (
        "background",
        "code",
        "deleted",
        "finish_reason",
        "has_more",
        "object",
        "param",
        "parallel_tool_calls",
        "role",
        "service_tier",
        "source_type",
        "status",
        "tool_choice",
        "truncation",
        "type",
    )
)
HEADERS = (
    "apim-request-id",
    "azureai-fe-is-streaming",
    "azureai-fe-offer-type",
    "azureai-processed-tier",
    "azureai-requested-tier",
    "azureml-model-session",
    "content-disposition",
    "csp-billing-usage",
    "location",
    "ms-azureml-model-error-reason",
    "ms-azureml-model-error-statuscode",
    "request-id",
    "x-ms-deployment-name",
    "x-ms-is-spilled-over",
    "x-ms-rai-invoked",
    "x-ms-region",
    "x-ms-served-model",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-request-id",
)
# Headers whose values are the protocol's own, where the deployment has the recorded limits.
WORDS_OF_HEADERS = (
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-abusepenalty-active",
    "x-ratelimit-key",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-renewalperiod-requests",
    "x-ratelimit-renewalperiod-tokens",
    "x-ratelimit-reset-requests",
    "x-should-retry",
)


class Fact(tuple[str, str]):
    """A recorded fact, and whether the emulator's answer has it, too."""

    __slots__ = ()

    @property
    def place(self) -> str:
        """The place in the answer."""
        return self[0]

    @property
    def difference(self) -> str:
        """What the emulator does instead; "" if it does the same."""
        return self[1]


@dataclass(slots=True)
class Score:
    """The result of one recording.

    Attributes:
        facts: How many were compared.
        differences: The facts that are not the same.
        excused: The known differences, by row of the exceptions.
    """

    name: str
    requests: int = 0
    facts: int = 0
    differences: list[str] = field(default_factory=list)
    excused: list[Known] = field(default_factory=list)

    @property
    def percent(self) -> float:
        """Facts met, of all facts without the excused ones."""
        counted = self.facts - len(self.excused)
        return 100 * (counted - len(self.differences)) / counted


def names(folder: Path = RECORDINGS) -> list[str]:
    """List the recordings, such as ``classic/create_stream`` or ``models/openai/…``."""
    return sorted(
        f"{kind}/{path.stem}" for kind in FOLDERS for path in (folder / kind).glob("*.json")
    )


def score(name: str, folder: Path = RECORDINGS) -> Score:
    """Replay one recording and compare all answers."""
    recording = json.loads((folder / f"{name}.json").read_text())
    result = Score(name)
    replay = (DeploymentReplay if name.startswith("models/") else Replay)(name, recording)
    for number, (entry, answer) in enumerate(replay.exchanges()):
        result.requests += 1
        root = f"{number} {entry['request']['method']} {entry['request']['path']}"
        for fact in compare_answers(entry["response"], answer, replay.translate):
            result.facts += 1
            if fact.difference:
                _note(result, f"{root}: {fact.place}", fact.difference)
    return result


def _note(result: Score, place: str, difference: str) -> None:
    for known in EXCEPTIONS:
        if fnmatchcase(result.name, known.recording) and fnmatchcase(place, known.place):
            result.excused.append(known)
            return
    result.differences.append(f"{place} {difference}")


def compare_answers(
    recorded: dict[str, Any], answer: httpx.Response, translate: Callable[[str], str]
) -> Iterator[Fact]:
    """Compare one answer with the recorded one."""
    yield _fact("status", recorded["status"], answer.status_code)
    kinds = (side.get("content-type", "") for side in (recorded["headers"], answer.headers))
    yield _fact("content-type", *(kind.split(";")[0] for kind in kinds))
    for name, value in recorded["headers"].items():
        if name in HEADERS:
            yield _fact(f"header {name}", "there", "there" if name in answer.headers else "missing")
        if name in WORDS_OF_HEADERS:
            yield _fact(f"header {name}", value, answer.headers.get(name))
    if "sse" in recorded:
        yield from compare_events(events_of(recorded["sse"]), events_of(answer.text))
    else:
        yield from compare_bodies(recorded, answer, translate)


def compare_bodies(
    recorded: dict[str, Any], answer: httpx.Response, translate: Callable[[str], str]
) -> Iterator[Fact]:
    """Compare what is no stream: an object, the objects of lines, or bytes of any kind."""
    body, told = readable(recorded["body"]), readable(answer.text or None)
    yield from compare("", body, told)
    if isinstance(body, dict) and "error" in body and recorded["status"] >= 400:
        sentence = translate(body["error"]["message"])
        yield _fact("/error/message", sentence, told["error"]["message"])


def readable(body: Any) -> Any:
    """The objects in a body; of what holds none whether it is there at all."""
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in body.splitlines()]
    except ValueError:
        return bool(body)


def _fact(place: str, recorded: object, emulated: object) -> Fact:
    difference = "" if recorded == emulated else f"is {emulated!r}, recorded {recorded!r}"
    return Fact((place, difference))


def compare_events(
    recorded: list[tuple[str, Any]], emulated: list[tuple[str, Any]]
) -> Iterator[Fact]:
    """Compare names and order of events, and the data of each kind of event in a series."""
    old, new = series(recorded), series(emulated)
    order = [name for name, _ in old]
    yield _fact("order of events", order, [name for name, _ in new])
    for place, ((name, then), (other, now)) in enumerate(zip(old, new, strict=False)):
        if name == other:
            root = f"event {place} {name}"
            yield from compare(root, then[0], now[0])
            if len(then) > 1 < len(now):
                yield _fact(f"{root} shapes", _shapes(then), _shapes(now))
            yield Fact((f"{root} order of keys", _order(then[0], now[0])))


def compare(at: str, recorded: Any, emulated: Any) -> Iterator[Fact]:
    """Compare keys, types and words of one JSON value."""
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        for key in recorded:
            yield _fact(f"{at}/{key}", "there", "there" if key in emulated else "missing")
        for key in emulated.keys() - recorded.keys():
            yield Fact((f"{at}/{key}", "is there, and was not"))
        for key in recorded.keys() & emulated.keys():
            yield from _compare_value(f"{at}/{key}", key, recorded[key], emulated[key])
    elif isinstance(recorded, list) and isinstance(emulated, list):
        yield _fact(f"{at} length", len(recorded), len(emulated))
        for index, (one, other) in enumerate(zip(recorded, emulated, strict=False)):
            yield from compare(f"{at}/{index}", one, other)
    else:
        yield _fact(f"{at} type", _kind(recorded), _kind(emulated))


def _compare_value(at: str, key: str, recorded: Any, emulated: Any) -> Iterator[Fact]:
    plain = not isinstance(recorded, dict | list) and not isinstance(emulated, dict | list)
    if key in WORDS and plain:
        yield _fact(f"{at} value", recorded, emulated)
    else:
        yield from compare(at, recorded, emulated)


def _kind(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


def _shapes(series: Sequence[Any]) -> list[str]:
    """Collect the different shapes in a series of equal events."""
    return sorted({json.dumps(_shape(data), sort_keys=True) for data in series})


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return _kind(value)


def _order(recorded: Any, emulated: Any, at: str = "") -> str:
    """Find the first place where the same keys come in another order; "" if there is none."""
    if isinstance(recorded, dict) and isinstance(emulated, dict):
        both = recorded.keys() & emulated.keys()
        old, new = ([key for key in value if key in both] for value in (recorded, emulated))
        if old != new:
            return f"at {at or '/'} is {' '.join(new)}, recorded {' '.join(old)}"
        found = (_order(recorded[key], emulated[key], f"{at}/{key}") for key in old)
    elif isinstance(recorded, list) and isinstance(emulated, list):
        pairs = enumerate(zip(recorded, emulated, strict=False))
        found = (_order(one, other, f"{at}/{index}") for index, (one, other) in pairs)
    else:
        return ""
    return next(filter(None, found), "")


def main() -> int:
    """Print the score by file, the differences and the exceptions."""
    scores, broken = [], []
    for name in names():
        try:
            scores.append(score(name))
        except Exception as error:  # noqa: BLE001 - one broken file must not hide the others
            broken.append(f"        not scored: {name}: {type(error).__name__}: {error}")
    if not scores:
        print("\n".join(broken) or f"no recordings: {RECORDINGS} is not here")
        return 1 if broken else 0
    for one in scores:
        known = f"  ({len(one.excused)} known differences)" if one.excused else ""
        print(
            f"{one.percent:6.2f} %  {one.facts:6} facts  {one.requests:3} requests  {one.name}",
            known,
        )
        for difference in one.differences:
            print(f"           {difference}")
    print(*broken, sep="\n", end="\n" if broken else "")
    for known in EXCEPTIONS:
        print(f"known: {known.recording}: {known.place}: {known.reason}")
    facts = sum(one.facts - len(one.excused) for one in scores)
    wrong = sum(len(one.differences) for one in scores)
    print(f"{100 * (facts - wrong) / facts:6.2f} %  {facts} facts in {len(scores)} recordings")
    return 1 if wrong or broken else 0


if __name__ == "__main__":
    sys.exit(main())
