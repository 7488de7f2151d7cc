"""Metrics for Prometheus. Labels are names of the config file, never what a client wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..errors import ConfigError
from ..routing.tokens import used
from .passage import Ended

_MISSING = (
    'the gateway needs prometheus-client, install it with: pip install "azure-agents[gateway]"'
)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_OTHER = "other"


class Metrics:
    """The metrics of one process.

    Args:
        label_of: Gives the label of a model that a client asked for; None: it is in no config.

    Raises:
        ConfigError: prometheus-client is missing.
    """

    def __init__(self, label_of: Callable[[str], str | None]) -> None:
        try:
            import prometheus_client as prometheus
        except ImportError as missing:
            raise ConfigError(_MISSING) from missing
        self._label_of = label_of
        self._registry = registry = prometheus.CollectorRegistry()
        name = "azure_agents_gateway"
        of_call = ("operation", "model")

        def counter(what: str, says: str, labels: tuple[str, ...]) -> Callable[..., Any]:
            return cache(
                prometheus.Counter(f"{name}_{what}", says, labels, registry=registry).labels
            )

        def histogram(what: str, says: str) -> Callable[..., Any]:
            made = prometheus.Histogram(
                f"{name}_{what}", says, of_call, buckets=_SECONDS, registry=registry
            )
            return cache(made.labels)

        self._calls = counter("requests", "Requests of models.", (*of_call, "status"))
        self._tokens = counter("tokens", "Tokens.", ("model", "direction"))
        self._cost = counter("cost_usd", "US dollars, where they are known.", ("model", "key"))
        self._unpriced = counter("unpriced", "Answers whose cost is not known.", ("model",))
        self._seconds = histogram("seconds", "Seconds of a request, from its body to its end.")
        self._first = histogram("first_seconds", "Seconds until the first content.")
        self.running = prometheus.Gauge(f"{name}_running", "Requests now.", registry=registry)
        self.refused = counter("refused", "Requests that were refused.", ("status",))
        self._render = prometheus.generate_latest

    def note(self, ended: Ended, cost: float | None) -> None:
        """Count a call.

        Args:
            ended: How it ended.
            cost: US dollars; None: not known.
        """
        asked = ended.asked
        model = self._label_of(asked.model) or _OTHER
        self._calls(asked.operation, model, str(ended.status)).inc()
        self._seconds(asked.operation, model).observe(ended.seconds)
        if ended.first is not None:
            self._first(asked.operation, model).observe(ended.first)
        amounts = None if ended.meter is None else used(ended.meter.usage)
        if amounts is not None:
            self._tokens(model, "input").inc(amounts.input)
            self._tokens(model, "output").inc(amounts.output)
        if cost is not None:
            self._cost(model, ended.caller).inc(cost)
        elif ended.meter is not None:
            self._unpriced(model).inc()

    def text(self) -> bytes:
        """All of them, in Prometheus' text format."""
        rendered: bytes = self._render(self._registry)
        return rendered
