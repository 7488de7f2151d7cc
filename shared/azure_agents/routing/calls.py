"""One call of a router's method: its arguments read, and what becomes of its answer. No I/O.

What a caller passes wins over the entry's parameters, but for where and with which credential a
deployment is asked: that is the list's alone. A ``timeout`` of the call limits the whole call,
those of the router and of entries limit each attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from random import getrandbits
from typing import Any, NamedTuple

from ..errors import InvalidRequestError
from ..models.call import plain
from ..models.operation_table import OPERATIONS
from ..models.settings import SIGN_IN
from ..settings.timeouts import Timeouts
from . import sticky
from .batch_files import BatchFile, no_home, read_batch
from .book import Book
from .deployments import Deployment
from .flow import Attempt, Group, Job
from .homes import by_resource, homes_of, provider_of
from .limits import Amounts
from .marked_answers import STICKY, marked_answer
from .settings import RouterSettings, read_fallbacks, whole
from .tokens import estimate, used

# Where a deployment is, and who asks it.
_OF_THE_LIST = SIGN_IN | {"api_base", "base_url", "endpoint", "api_version", "allow_http"}
_OF_THE_CALL = frozenset({"fallbacks", "max_retries", "num_retries", "stream_timeout", "timeout"})


class RoutedCall(NamedTuple):
    """A call that is ready to be routed.

    Attributes:
        job: What is to be done.
        given: Arguments of the operation's function, without marks.
        marks: Ids of the answer carry their deployment.
        group: The model's name in the list, whatever other name of it was used.
        lines: A file whose lines are written for the resource that is asked; None: there is none.
    """

    job: Job
    given: Mapping[str, Any]
    marks: bool = False
    group: str = ""
    lines: BatchFile | None = None

    def arguments(self, attempt: Attempt) -> dict[str, Any]:
        """The arguments of one attempt, with which nothing else tries again.

        Args:
            attempt: Which deployment, and how long.
        """
        one = attempt.deployment
        known = {**one.params, **self.given}
        if attempt.asks_usage:
            known["stream_options"] = {"include_usage": True}
        if self.lines is not None:
            known["file"] = self.lines.at(one)
        return {**known, "model": one.model, "timeout": attempt.timeouts, "max_retries": 0}

    def changed(self, answer: Any, made_by: Deployment) -> Any:
        """The answer, or a chunk of it, as the caller gets it.

        Args:
            answer: Of the deployment.
            made_by: The deployment.
        """
        if self.marks:
            answer = marked_answer(answer, self.job.operation, made_by.mark)
        hidden = getattr(answer, "_hidden_params", None)
        if isinstance(hidden, dict):
            hidden.update(model_id=made_by.id, model_group=self.job.asked)
        return answer


def amounts_of(answer: Any) -> Amounts | None:
    """What a whole answer used; None if it does not tell."""
    usage: Any = getattr(answer, "usage", None)
    return used(usage.model_dump() if hasattr(usage, "model_dump") else usage)


def headers_of(answer: Any) -> Mapping[str, str]:
    """The headers that tell limits, of an answer that has them."""
    hidden = getattr(answer, "_hidden_params", None)
    headers = hidden.get("headers") if isinstance(hidden, dict) else None
    return headers if isinstance(headers, Mapping) else {}


class Calls:
    """Reads calls. What follows from the operation and the model alone is worked out once.

    Args:
        book: The deployments.
        settings: Of the router.
    """

    def __init__(self, book: Book, settings: RouterSettings) -> None:
        self._book, self._settings = book, settings
        self._plans: dict[tuple[str, str], _Plan] = {}

    def read(
        self,
        operation: str,
        model: object,
        given: Mapping[str, Any],
        *,
        is_bare: bool = False,
        asks_usage: bool = True,
    ) -> RoutedCall:
        """Read the arguments of a call.

        Args:
            operation: Name of a row of the table.
            model: What the caller named; None: whatever has what the ids name.
            given: The other arguments; None counts as absent.
            is_bare: No id in them has a mark: that is known already.
            asks_usage: A stream is to tell what it used, where its caller did not say.

        Raises:
            InvalidRequestError: The model is unknown, an argument is the list's, or ids do not fit
                together.
        """
        if not _OF_THE_LIST.isdisjoint(given):
            _check_arguments(given)
        plan = self._planned(operation, model, given)
        return self._read(plan, model, given, is_bare=is_bare, asks_usage=asks_usage)

    def read_batch(self, model: object, given: Mapping[str, Any], kept_by: ExitStack) -> RoutedCall:
        """Read the upload of a batch's lines; reads its file.

        Args:
            model: What the caller named; None: what the lines name decides.
            given: The other arguments.
            kept_by: Closes files that are written on the way.

        Raises:
            InvalidRequestError: As for `read`; or a line is none of a batch, or no resource has all
                models.
        """
        _check_arguments(given)
        file, known = read_batch(self._book, model, given.get("file"))
        given = {**given, "file": file}
        if not known:
            return self.read("create_file", model, given)
        homes = homes_of(known)
        if not homes.group:
            raise no_home(known)
        call = self.read_for("create_file", given, (homes.group,))
        marks = call.marks or (model is None and self._book.is_spread)
        return call._replace(marks=marks, lines=BatchFile(file, homes.names, kept_by))

    def read_for(
        self, operation: str, given: Mapping[str, Any], groups: tuple[Group, ...]
    ) -> RoutedCall:
        """Read what is asked of a resource, and not of a model.

        Args:
            operation: Name of a row of the table.
            given: Its fields and ids.
            groups: Who may be asked.

        Raises:
            InvalidRequestError: Ids do not fit together.
        """
        plan = self._plan_of(operation, None, given, groups)
        return self._read(plan, None, given)

    def _read(
        self,
        plan: _Plan,
        model: object,
        given: Mapping[str, Any],
        *,
        is_bare: bool = False,
        asks_usage: bool = False,
    ) -> RoutedCall:
        operation = plan.job.operation
        body = {k: v for k, v in given.items() if v is not None and k not in _OF_THE_CALL}
        job, asks = plan.job, asks_usage and _asks_usage(operation, body)
        seeks = False
        if self._book.is_spread:
            found = sticky.Found(body) if is_bare else self._found(body)
            body = found.body
            job = job._replace(groups=_at_home(job.groups, found, model))
            seeks = plan.marks and found.home is None and _names_things(operation, body)
        amounts = estimate(operation, body) if plan.names_model else _NOTHING
        key = f"{getrandbits(64):x}"
        job = job._replace(amounts=amounts, asks_usage=asks, seeks=seeks, key=key)
        return RoutedCall(job, body, plan.marks, plan.group)

    def _found(self, body: dict[str, Any]) -> sticky.Found:
        return sticky.read(_readable(body), self._book.by_mark)

    def _planned(self, operation: str, model: object, given: Mapping[str, Any]) -> _Plan:
        if not isinstance(model, str) or not _OF_THE_CALL.isdisjoint(given):
            return self._plan(operation, model, given)
        try:
            return self._plans[operation, model]
        except KeyError:
            pass
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        plan = self._plans[operation, model] = self._plan(operation, model, {})
        return plan

    def _plan(self, operation: str, model: object, given: Mapping[str, Any]) -> _Plan:
        groups = _groups(operation, model, given, self._book)
        return self._plan_of(operation, model, given, groups)

    def _plan_of(
        self, operation: str, model: object, given: Mapping[str, Any], groups: tuple[Group, ...]
    ) -> _Plan:
        book, names_model = self._book, OPERATIONS[operation].names_model
        job = Job(
            asked=str(model or operation),
            operation=operation,
            groups=groups,
            timeouts=_timeouts(given, self._settings),
            most_seconds=_most_seconds(given),
            retries=_retries(given, groups, self._settings),
            too_long=() if model is None else book.detours(str(model), "too_long"),
            filtered=() if model is None else book.detours(str(model), "filtered"),
        )
        marks = book.is_spread and len({one.resource for group in groups for one in group}) > 1
        return _Plan(job, marks, groups[0][0].name, names_model)


class _Plan(NamedTuple):
    """What is the same in all calls of one operation with one model.

    Attributes:
        job: Without what a request adds.
        marks: As for `RoutedCall`.
        group: As for `RoutedCall`.
        names_model: The operation is one of a deployment, so tokens are counted.
    """

    job: Job
    marks: bool
    group: str
    names_model: bool


_MOST_PLANS = 2_000  # a wildcard has as many models as clients think of names
_NOTHING = Amounts()


def _check_arguments(given: Mapping[str, Any]) -> None:
    for name in sorted(name for name in _OF_THE_LIST & given.keys() if given[name] is not None):
        raise InvalidRequestError(
            f"{name}= says where or with which credential a deployment is asked: put it into its "
            "litellm_params"
        )


def _groups(
    operation: str, model: object, given: Mapping[str, Any], book: Book
) -> tuple[Group, ...]:
    asks_model = OPERATIONS[operation].names_model
    if model is None and not asks_model:
        return _resources(_of_provider(book.deployments, given.get("custom_llm_provider")))
    if not isinstance(model, str):
        raise InvalidRequestError(f"model must be a name, got {type(model).__name__}")
    groups = book.groups(model, _fallbacks(model, given.get("fallbacks")))
    return groups if asks_model else _resources(one for group in groups for one in group)


def _of_provider(deployments: Group, provider: object) -> Group:
    if provider not in ("azure", "openai"):
        return deployments
    return tuple(one for one in deployments if one.keeps_files and provider_of(one) == provider)


def _resources(deployments: Iterable[Deployment]) -> tuple[Group, ...]:
    """Each resource that keeps files, by one of its deployments; the first one is asked first."""
    found = by_resource(one for one in deployments if one.keeps_files)
    if not found:
        raise InvalidRequestError(
            "no entry of model_list is of Azure OpenAI or OpenAI, or of that which is asked for"
        )
    return tuple((one,) for one in found)


def _fallbacks(model: str, given: object) -> Sequence[str] | None:
    """Those of the call: names, or LiteLLM's dictionaries; None: the router's."""
    if given is None:
        return None
    if isinstance(given, Sequence) and all(isinstance(one, str) for one in given):
        return list(given)
    rows = read_fallbacks(given, "fallbacks")
    return rows.get(model, rows.get("*", ()))


def _readable(body: dict[str, Any]) -> dict[str, Any]:
    # Messages may be objects of earlier answers: their fields are read, too.
    return {k: plain(v) if k in ("messages", "input") else v for k, v in body.items()}


def _at_home(groups: tuple[Group, ...], found: sticky.Found, model: object) -> tuple[Group, ...]:
    """The deployments that can take the ids of a request; those of its history first."""
    if found.home is not None:
        return _only_at(found.home, groups, model)
    if found.wish is None:
        return groups
    wished = found.wish.resource
    at_home = tuple(one for one in groups[0] if one.resource == wished)
    return (at_home, *groups) if at_home else groups


def _only_at(home: Deployment, groups: tuple[Group, ...], model: object) -> tuple[Group, ...]:
    if model is None:
        return ((home.own_resource,),)
    kept = (tuple(one for one in group if one.resource == home.resource) for group in groups)
    left = tuple(group for group in kept if group)
    if left:
        return left
    raise InvalidRequestError(
        f"an id of this request was made on {home.id}, and {model!r} has no deployment on that "
        "resource: ask a model that has one, or begin anew without the id"
    )


def _timeouts(given: Mapping[str, Any], settings: RouterSettings) -> Timeouts:
    if given.get("stream_timeout") is None:
        return settings.timeouts
    return replace(settings.timeouts, first_event=given["stream_timeout"])


def _most_seconds(given: Mapping[str, Any]) -> float | None:
    timeout = given.get("timeout")
    return None if timeout is None else Timeouts.of(timeout).turn


def _retries(given: Mapping[str, Any], groups: tuple[Group, ...], settings: RouterSettings) -> int:
    passed = {given[name] for name in ("num_retries", "max_retries") if given.get(name) is not None}
    if len(passed) > 1:
        raise InvalidRequestError("num_retries= and max_retries= are the same and differ")
    own = [one.retries for one in groups[0] if one.retries is not None]
    return whole(
        {"num_retries": next(iter(passed), max(own, default=settings.retries))}, "num_retries", 0
    )


def _asks_usage(operation: str, body: Mapping[str, Any]) -> bool:
    is_stream = operation in ("chat", "text_completion") and body.get("stream") is True
    return is_stream and "stream_options" not in body


def _names_things(operation: str, body: Mapping[str, Any]) -> bool:
    if "{id}" in OPERATIONS[operation].path:
        return True
    return operation in STICKY and sticky.may_hold_ids(body)
