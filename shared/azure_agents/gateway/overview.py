"""What a config file amounts to, entry by entry: where it leads, who signs in, what is known.

Nothing is sent, and no secret is shown: of a credential only its kind.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import AzureAgentsError
from ..models.credentials import sign_in
from ..models.settings import ModelSettings, is_deployment, read_settings
from ..prices.table import default_table
from ..routing.deployments import Deployment
from ..routing.limits import LIMITS
from ..sign_in.auth import FoundryAuth
from .agent_entries import read_agent_entry
from .board import Board
from .config.objects import GatewayConfig
from .targets import entry_costs


@dataclass(frozen=True, slots=True)
class Row:
    """One entry.

    Attributes:
        model: The name that clients use.
        route: What answers: the model string.
        where: The URL below which it is asked.
        credential: Its kind; "" if there is none.
        limits: What it may be asked.
        price: ``known``, ``own``, or how it would become known.
        problem: Why it cannot be asked; "" if it can.
    """

    model: str
    route: str
    where: str = ""
    credential: str = ""
    limits: str = ""
    price: str = "unknown"
    problem: str = ""


COLUMNS = ("model", "route", "where", "credential", "limits", "price", "problem")


def overview(config: GatewayConfig) -> list[Row]:
    """Make the rows of a config.

    Args:
        config: From `read_config`.

    Raises:
        ConfigError: An entry cannot be read at all.
    """
    return [_row(one) for one in Board(config).deployments]


def _row(one: Deployment) -> Row:
    limits = [f"{name}={getattr(one.limits, name)}" for name in LIMITS]
    told = " ".join(limit for limit in limits if not limit.endswith("=None"))
    try:
        where, credential, price = _deployment(one) if _is_one(one) else _agent(one)
    except AzureAgentsError as error:
        return Row(one.name, one.model, limits=told, problem=error.message)
    return Row(one.name, one.model, where, credential, told, price)


def _is_one(one: Deployment) -> bool:
    return is_deployment(one.model, one.params)


def _deployment(one: Deployment) -> tuple[str, str, str]:
    settings = read_settings(one.model.replace("*", "any"), one.params)
    may_lack = settings.has_subscription_key
    auth = sign_in(settings.model, settings.surface, settings.sign_in, may_lack=may_lack)
    kind = auth.kind if isinstance(auth, FoundryAuth) else "subscription key"
    where = settings.surface.url.url + settings.surface.root
    version = settings.surface.version
    return where + (f" ({version})" if version else ""), kind, _price(one, settings)


def _price(one: Deployment, settings: ModelSettings) -> str:
    costs, model = entry_costs(one), settings.model
    if "custom_cost_per_token" in costs:
        return "own"
    name = costs.get("base_model") or model.name
    if default_table().find(str(name), model.provider) is not None:
        return "known"
    # A deployment may have any name, and Azure's answers tell the model's.
    return "unknown: give base_model" if model.provider == "openai" else "by the answer"


def _agent(one: Deployment) -> tuple[str, str, str]:
    entry = read_agent_entry(one)
    price = "by base_model" if one.params.get("base_model") else "unknown: give base_model"
    return entry.settings.endpoint.root, entry.auth.kind, price
