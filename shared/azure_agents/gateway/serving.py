"""All that depends on one reading of the config file: who may ask, what there is, who asks it."""

from __future__ import annotations

from collections.abc import Callable

from .allowance import Allowance
from .attempts import Passing
from .board import Board
from .cold.asked import Limits
from .cold.calls import Reader
from .cold.carrying import Tools
from .cold.room import Room
from .cold.spending import Booked
from .config.objects import GatewayConfig
from .keyring import Caller, KeyRing
from .passage import Ended, Passage, Tried
from .seals import Seals
from .spend.budgets import Budgets
from .spend.keys import SharedKeys
from .targets import Targets
from .upstream import Upstream


class Serving:
    """All that depends on one config file.

    Args:
        config: The file.
        upstream: The pool of connections.
        budgets: Of all keys.
        keys: Of Redis.
        note: Is told how each call ended.
        tried: Is told how each attempt ended.
        booked: Which outputs of batches were paid for.

    Raises:
        ConfigError: An entry is wrong.
    """

    def __init__(
        self,
        config: GatewayConfig,
        upstream: Upstream,
        budgets: Budgets,
        keys: SharedKeys,
        *,
        note: Callable[[Ended], object],
        tried: Callable[[Tried], object],
        booked: Booked,
    ) -> None:
        self.config = config
        self.keys = KeyRing(config, keys if config.keys_in_redis else None)
        self.seals = Seals(config)
        self.board = Board(config)
        targets, allowance = Targets(), Allowance(self.board, budgets)
        reader = Reader(self.board, self.seals)
        tools = Tools(reader, targets, upstream, allowance, note, tried, booked)
        self.room = Room(tools, Limits(config.limits.body_bytes, config.limits.file_bytes))
        self.passage = Passage(
            self.board,
            Passing(upstream),
            targets,
            allowance,
            first_content=config.limits.first_content,
            note=note,
            tried=tried,
        )

    def names(self, caller: Caller) -> list[str]:
        """The models that a key may use.

        Args:
            caller: The key's.
        """
        return [name for name in self.board.names if caller.may_use(name)]
