"""OpenTelemetry's SDK behind the few things that this package needs of it.

Nothing of it is imported before somebody turns tracing on. Where the program has set a provider up,
spans and metrics go there; else to one of our own, which sends them by OTLP as the standard
variables say (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_SERVICE_NAME``, ``OTEL_TRACES_SAMPLER`` …).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .._version import __version__
from ..errors import ConfigError
from . import conventions as names
from .attributes import Attributes

_MISSING = 'tracing needs OpenTelemetry\'s SDK, install it with: pip install "azure-agents[otel]"'
_NAME = "azure-agents"
_SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
_PATIENCE = 5_000  # milliseconds that the end of a program waits for the last spans


class Span:
    """One span.

    Args:
        span: OpenTelemetry's.
    """

    def __init__(self, span: Any) -> None:
        self.inner = span

    @property
    def is_kept(self) -> bool:
        """Whether anybody will see it; else its attributes need not be made."""
        kept: bool = self.inner.is_recording()
        return kept

    def set(self, attributes: Attributes) -> None:
        """Add attributes."""
        self.inner.set_attributes(attributes)

    def fail(self, kind: str, sentence: str = "") -> None:
        """Mark it as failed.

        Args:
            kind: The class of the error.
            sentence: What went wrong, without anything secret.
        """
        from opentelemetry.trace import Status, StatusCode

        self.inner.set_attribute(names.ERROR_TYPE, kind)
        self.inner.set_status(Status(StatusCode.ERROR, sentence or None))

    def headers(self) -> dict[str, str]:
        """The W3C headers that make what happens elsewhere a part of it."""
        from opentelemetry.trace import set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, set_span_in_context(self.inner))
        return carrier

    def end(self) -> None:
        """End it now."""
        self.inner.end()


class Telemetry:
    """Where spans and metrics go.

    Args:
        service: Name of this program, unless the environment has one.
        tracer_provider: Instead of the program's, or our own.
        meter_provider: Instead of the program's, or our own.

    Raises:
        ConfigError: OpenTelemetry's SDK is missing.
    """

    def __init__(
        self, service: str, *, tracer_provider: Any = None, meter_provider: Any = None
    ) -> None:
        try:
            from opentelemetry import metrics, trace
            from opentelemetry.sdk.metrics import MeterProvider
            from opentelemetry.sdk.trace import TracerProvider
        except ImportError as missing:
            raise ConfigError(_MISSING) from missing
        self._own: list[Any] = []
        spans = tracer_provider or _set_up(trace.get_tracer_provider(), TracerProvider)
        meters = meter_provider or _set_up(metrics.get_meter_provider(), MeterProvider)
        self._tracer = (spans or self._spans(service)).get_tracer(
            _NAME, __version__, schema_url=_SCHEMA
        )
        meter = (meters or self._meters(service)).get_meter(_NAME, __version__, schema_url=_SCHEMA)
        self._duration = meter.create_histogram(
            names.OPERATION_DURATION,
            "s",
            "GenAI operation duration.",
            explicit_bucket_boundaries_advisory=names.SECONDS,
        )
        self._first = meter.create_histogram(
            names.TIME_TO_FIRST_CHUNK,
            "s",
            "Time to receive the first chunk.",
            explicit_bucket_boundaries_advisory=names.FIRST_SECONDS,
        )
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE,
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=names.TOKENS,
        )

    def begin(
        self,
        name: str,
        attributes: Attributes,
        *,
        parent: Span | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Span:
        """Begin a span of a request to somewhere else.

        Args:
            name: Of few names.
            attributes: That a sampler may look at.
            parent: What it is a part of; None: of what `headers` name.
            headers: Of the caller, with its ``traceparent``.
        """
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        if parent is not None:
            context = set_span_in_context(parent.inner)
        else:
            context = TraceContextTextMapPropagator().extract(dict(headers or {}))
        made = self._tracer.start_span(name, context, SpanKind.CLIENT, attributes)
        return Span(made)

    def measure(self, seconds: float, first: float | None, attributes: Attributes) -> None:
        """Count how long an operation took.

        Args:
            seconds: All of it.
            first: Until the first piece of a stream; None: it was none.
            attributes: Of few values.
        """
        self._duration.record(seconds, attributes)
        if first is not None:
            self._first.record(first, attributes)

    def count(self, input: int, output: int, attributes: Attributes) -> None:
        """Count tokens.

        Args:
            input: That went up.
            output: That came back.
            attributes: Of few values.
        """
        self._tokens.record(input, {**attributes, names.TOKEN_TYPE: "input"})
        self._tokens.record(output, {**attributes, names.TOKEN_TYPE: "output"})

    def close(self) -> None:
        """Send what was not sent yet, and end our own providers; waits some seconds at most."""
        for provider in self._own:
            provider.force_flush(_PATIENCE)
            provider.shutdown()

    def _spans(self, service: str) -> Any:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider(resource=_resource(service))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._own.append(provider)
        return provider

    def _meters(self, service: str) -> Any:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        provider = MeterProvider([reader], resource=_resource(service))
        self._own.append(provider)
        return provider


def _set_up(provider: Any, kind: type) -> Any:
    """The program's own provider, if there is one."""
    return provider if isinstance(provider, kind) else None


def _resource(service: str) -> Any:
    from opentelemetry.sdk.resources import Resource

    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    return Resource.create({**named, "service.version": __version__})
