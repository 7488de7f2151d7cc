"""Which deployments a name stands for, and which models are asked instead of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError, InvalidRequestError
from ..naming import near, shown
from .deployments import Deployment
from .flow import Group
from .resources import url_of
from .settings import RouterSettings

_MOST_NAMES = 20  # in an error


class Book:
    """The deployments of a router by the names that callers use.

    Attributes:
        deployments: In the order of the list.
        by_mark: The same by their marks.
        is_spread: They are on several resources.

    Args:
        deployments: In the order of the list.
        settings: Of the router.

    Raises:
        InvalidRequestError: A fallback or an alias names no model of the list.
    """

    def __init__(self, deployments: Sequence[Deployment], settings: RouterSettings) -> None:
        self.deployments = tuple(deployments)
        self.by_mark = {one.mark: one for one in deployments}
        self.is_spread = len({one.resource for one in deployments}) > 1
        self._settings = settings
        self._by_id = {one.id: one for one in deployments}
        self._named: dict[str, list[Deployment]] = {}
        for one in deployments:
            self._named.setdefault(one.name, []).append(one)
        # The longest before its star fits best; ``*`` alone fits last.
        stars = (name for name in self._named if "*" in name)
        self._stars = sorted(stars, key=lambda name: -len(name.partition("*")[0]))
        self._check()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of models, without those that are wildcards."""
        return tuple(name for name in self._named if "*" not in name)

    def group(self, name: str) -> Group:
        """The deployments of a model.

        Args:
            name: A model of the list, another name of one, the id of a deployment, or a name that
                a wildcard fits.

        Raises:
            InvalidRequestError: There is none.
        """
        found = self.find(name)
        if not found:
            meant = self._settings.aliases.get(name, name)
            raise InvalidRequestError(self._unknown(meant), param="model", code="model_not_found")
        return found

    def find(self, name: str) -> Group:
        """Do as `group` does; without any if there is none.

        Args:
            name: As for `group`.
        """
        name = self._settings.aliases.get(name, name)
        if name in self._named:
            found: Group = tuple(self._named[name])
        elif name in self._by_id:
            found = (self._by_id[name],)
        else:
            found = self._behind_a_star(name)
        return tuple(one for one in found if not one.is_any or _is_possible(one))

    def _behind_a_star(self, name: str) -> Group:
        for star in self._stars:
            before, _, behind = star.partition("*")
            if name.startswith(before) and name.endswith(behind):
                return tuple(one.under(name) for one in self._named[star])
        return ()

    def groups(self, name: str, fallbacks: Sequence[str] | None = None) -> tuple[Group, ...]:
        """The deployments of a model, then those of each model that is asked instead.

        Args:
            name: Of the model.
            fallbacks: Instead of the router's, for this call.

        Raises:
            InvalidRequestError: A name is unknown.
        """
        own = self._settings.instead_of(name) if fallbacks is None else tuple(fallbacks)
        found = self._walk(own, {name})[: self._settings.most_fallbacks]
        return tuple(self.group(one) for one in (name, *found))

    def detours(self, name: str, kind: str) -> tuple[Group, ...]:
        """The groups to ask where a model refused a prompt for what it is.

        Args:
            name: Of the model.
            kind: ``too_long`` or ``filtered``.
        """
        return tuple(self.group(one) for one in self._settings.instead_of(name, kind))

    def _walk(self, names: Sequence[str], seen: set[str]) -> list[str]:
        """The models to ask instead, and behind each those to ask instead of it; each once."""
        found: list[str] = []
        for name in names:
            if name not in seen:
                seen.add(name)
                found += [name, *self._walk(self._settings.instead_of(name), seen)]
        return found

    def _check(self) -> None:
        settings = self._settings
        for kind in (settings.fallbacks, settings.too_long, settings.filtered):
            for others in kind.values():
                for other in others:
                    self.group(other)
        for alias in settings.aliases:
            self.group(alias)

    def _unknown(self, name: str) -> str:
        known = sorted({*self._named, *self._settings.aliases})
        listed = ", ".join(map(repr, known[:_MOST_NAMES])) or "none"
        return f"model={shown(name)} is not in model_list{near(name, known)}; its models: {listed}"


def _is_possible(one: Deployment) -> bool:
    """Whether anything can be called so: behind a wildcard callers may write any text."""
    if "*" in one.model:
        return False
    try:
        url_of(one.model, one.params, one.name)
    except ConfigError:
        return False
    return True
