"""Which resources may be asked. Pure.

A model that is named decides. Where none is, ids say where they were made; what is new is made on
the first resource of Azure that the key may use. A key that names models uses the resources of
these models and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ...errors import InvalidRequestError
from ...models.operation_table import Operation
from ...models.settings import is_deployment
from ...routing.deployments import Deployment
from ...routing.flow import Group
from ...routing.homes import bare_name, by_resource, homes_of, provider_of
from ..board import Board
from ..keyring import Caller
from ..refusals import Refusal

_CLASSIC = "asst_"


def check_use(caller: Caller, model: str) -> None:
    """Refuse a model that a key may not use.

    Args:
        caller: Whose key.
        model: By the name that the client used.

    Raises:
        Refusal: It may not.
    """
    if not caller.may_use(model):
        raise _not_allowed(caller, model)


def _not_allowed(caller: Caller, model: str) -> Refusal:
    said = (
        f"the key {caller.name!r} may not use the model {model[:200]!r}: GET /v1/models names "
        "those that it may use"
    )
    return Refusal(403, said, code="model_not_allowed", param="model")


def resources_of(board: Board, caller: Caller, row: Operation, provider: str | None) -> Group:
    """One deployment of each resource that a key may use, those of Azure first.

    Args:
        board: With all deployments.
        caller: Whose key.
        row: What is asked.
        provider: Only this one's; None: any.

    Raises:
        Refusal: There is none.
    """
    kept = kept_in(board, row, caller)
    usable = [one for one in kept if provider in (None, provider_of(one))]
    found = by_resource(sorted(usable, key=lambda one: provider_of(one) != "azure"))
    if found:
        return found
    of = f" of {provider}" if provider else ""
    if kept_in(board, row) and not kept:
        raise Refusal(
            403, f"the key {caller.name!r} may use no resource for this", code="model_not_allowed"
        )
    raise Refusal(400, f"no entry of the config{of} has {row.name.replace('_', ' ')}")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who may be asked.

    Attributes:
        groups: Of the router: those of one group are equal, the next groups are asked after it.
        names: What the models of the request are called, by resource and by the client's name.
    """

    groups: tuple[Group, ...]
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def kept_in(board: Board, row: Operation, caller: Caller | None = None) -> Group:
    """The deployments whose resources know what is asked.

    Args:
        board: With all deployments.
        row: What is asked.
        caller: Only those that this key may use; None: all.
    """
    return tuple(
        one
        for one in board.deployments
        if _keeps(one, row) and (caller is None or _may_use(caller, one))
    )


def choose(
    board: Board, caller: Caller, row: Operation, provider: str | None, models: Sequence[str]
) -> Chosen:
    """Find out who may be asked.

    Args:
        board: With all deployments.
        caller: Whose key.
        row: What is asked.
        provider: Only this one's; None: any.
        models: That the request names, wherever it does.

    Raises:
        Refusal: The key may not use one, or no resource at all.
        InvalidRequestError: No resource has all of the models.
    """
    found_of = {model: _deployments(board, caller, row, model) for model in models}
    known = {model: group for model, group in found_of.items() if group is not None}
    if not known:
        alone = resources_of(board, caller, row, provider)
        return Chosen(tuple((one,) for one in alone))
    homes = homes_of(known)
    if not homes.group:
        named = " and ".join(repr(model[:200]) for model in known)
        noun = row.makes or "file"
        raise InvalidRequestError(f"no resource takes a {noun} for {named}", param="model")
    return Chosen((homes.group,), homes.names)


def _deployments(board: Board, caller: Caller, row: Operation, model: str) -> Group | None:
    """Those that a name stands for: in the config, or on a resource; None: nobody knows it.

    Such a name goes up as it is, but not for a key that names its models.
    """
    group = board.group(model)
    if not group:
        group = tuple(
            one
            for one in board.deployments
            if bare_name(one.model) == model and _may_use(caller, one)
        )
        if not group:
            check_use(caller, model)
            if caller.key is None or not caller.key.models:
                return None
            raise _not_allowed(caller, model)
    else:
        check_use(caller, model)
    return tuple(one for one in group if _keeps(one, row))


def _may_use(caller: Caller, one: Deployment) -> bool:
    if caller.may_use(one.name):
        return True
    patterns = caller.key.models if caller.key is not None else ()
    return "*" in one.name and any(fnmatchcase(pattern, one.name) for pattern in patterns)


def _keeps(one: Deployment, row: Operation) -> bool:
    """Whether a resource knows what is asked; of agents those of v2 keep responses, too."""
    if one.keeps_files or not row.path.startswith("/responses/"):
        return one.keeps_files
    is_agent = not is_deployment(one.model, one.params)
    return is_agent and not bare_name(one.model).startswith(_CLASSIC)
