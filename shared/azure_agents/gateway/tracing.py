"""Spans of the calls of a gateway, for OpenTelemetry: one for each call, a child for each attempt.

A call's span is what the conventions for generative AI call an operation: it has all retries in it,
and the tokens. Its children say who was asked and what became of it; they have no tokens, or a sum
over spans would count them twice. What the answer says of itself is read out of the bytes that the
client gets, at the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from ..errors import AzureAgentsError, ConfigError
from ..models.names import read_model
from ..models.settings import is_deployment
from ..naming import parse_agent
from ..routing.calls import RoutedCall
from ..routing.deployments import Deployment
from ..routing.flow import Attempt
from ..tracing import conventions as names
from ..tracing.attributes import Attributes, of_answer, of_request, of_usage
from ..tracing.messages import of_input
from ..tracing.telemetry import Span, Telemetry
from .asked import Asked
from .config.objects import TracingConfig
from .out import Out
from .page.advice import shown_failure
from .passage import Ask, Ended
from .replies import Reply
from .requests import Request
from .traced_answers import output_of

SERVICE = "azure-agents-gateway"
_OPERATIONS = {"responses": "chat", "messages": "chat", "embedding": "embeddings"}
_EDGE = 16 * 1024  # bytes of an answer that are kept, of its begin and of its end
_MOST_PLACES = 2_000  # a wildcard has as many as clients think of names
_MOST = 1024 * 1024  # bytes, where its content is asked for
_LEFT = 499
_PARENTS = (b"traceparent", b"tracestate")


class CallTracing:
    """Makes the spans of calls.

    Args:
        config: What the config file says of it.
        telemetry: Where they go.
    """

    def __init__(self, config: TracingConfig, telemetry: Telemetry) -> None:
        self.config, self._telemetry, self._places = config, telemetry, _Places()

    def begin(self, asked: Asked, call: RoutedCall, request: Request, out: Out) -> CallSpan:
        """Begin the span of a call.

        Args:
            asked: By the client.
            call: The same, read by the router.
            request: Whose ``traceparent`` it is a part of.
            out: On which the answer goes.
        """
        place = self._places.get(call.job.groups[0][0], asked.operation)
        name = f"{place[names.OPERATION_NAME]} {place.get(names.AGENT_NAME, call.group)}"
        named = {names.REQUEST_MODEL: asked.model, names.REQUEST_ID: request.id.decode()}
        sent = {key.decode(): request.header(key) for key in _PARENTS}
        headers = {key: value.decode("latin-1") for key, value in sent.items() if value}
        span = self._telemetry.begin(name, {**place, **named}, headers=headers)
        made = CallSpan(self.config, self._telemetry, span, asked, self._places)
        if span.is_kept:
            made.look(out)
        return made

    def close(self) -> None:
        """Send what was not sent yet; waits some seconds at most."""
        self._telemetry.close()


class CallSpan:
    """The span of one call.

    Args:
        config: What the config file says of tracing.
        telemetry: Where it goes.
        span: Itself.
        asked: By the client.
        places: Say who is asked.

    Attributes:
        ended: How the call ended, as soon as there is one.
    """

    def __init__(
        self,
        config: TracingConfig,
        telemetry: Telemetry,
        span: Span,
        asked: Asked,
        places: _Places,
    ) -> None:
        self._config, self._telemetry, self._span = config, telemetry, span
        self._asked, self._places = asked, places
        self._place: Attributes = {}
        self.ended: Ended | None = None
        self._tries = 0
        self._begin, self._end = b"", b""

    def look(self, out: Out) -> None:
        """Say what is asked, and keep some of what is answered.

        Args:
            out: On which the answer goes.
        """
        self._span.set(of_request(self._asked.given))
        if self._config.content:
            self._span.set(of_input(self._asked.given))
        out.tap(self._keep)

    def _keep(self, piece: bytes) -> None:
        most = _MOST if self._config.content else _EDGE
        if len(self._begin) < most:
            self._begin += piece[: most - len(self._begin)]
        self._end = (self._end + piece)[-_EDGE:]

    def around(self, make: Callable[[Mapping[str, str]], Ask]) -> Ask:
        """Watch each attempt.

        Args:
            make: Makes what asks, with headers that go up as well.
        """

        async def ask(attempt: Attempt) -> Reply:
            span = self._attempt(attempt.deployment)
            try:
                reply = await make(span.headers() if self._config.passes_up else {})(attempt)
            except BaseException as error:
                _mark(span, error)
                raise
            finally:
                span.end()
            return reply

        return ask

    def _attempt(self, deployment: Deployment) -> Span:
        self._place = self._places.get(deployment, self._asked.operation)
        server = {key: self._place[key] for key in _SERVER if key in self._place}
        again = {names.RESEND_COUNT: self._tries} if self._tries else {}
        self._tries += 1
        told = {names.DEPLOYMENT: deployment.id, **server, **again}
        return self._telemetry.begin("attempt", told, parent=self._span)

    def end(self) -> None:
        """End it, and count it."""
        ended, span = self.ended, self._span
        if ended is not None:
            if span.is_kept:
                span.set({**self._place, **self._of_answer(ended)})
            self._measure(ended)
        self._mark_failure(ended)
        span.end()

    def _of_answer(self, ended: Ended) -> Attributes:
        meter = ended.meter
        found = of_answer(self._begin, self._end)
        found[names.KEY] = ended.caller
        if ended.first is not None and self._asked.streams:
            found[names.RESPONSE_TIME_TO_FIRST_CHUNK] = ended.first
        if meter is None:
            return found
        used, cost = meter.used(), meter.cost()
        if meter.model:
            found[names.RESPONSE_MODEL] = meter.model
        if used is not None:
            found |= {names.USAGE_INPUT: used.input, names.USAGE_OUTPUT: used.output}
        if cost is not None:
            found[names.COST] = cost
        if self._config.content:
            found |= output_of(self._begin, streams=self._asked.streams)
        return found | of_usage(meter.usage)

    def _measure(self, ended: Ended) -> None:
        common = {key: value for key, value in self._place.items() if key in _OF_METRICS}
        common[names.REQUEST_MODEL] = ended.group  # never what a client thinks of
        failed = _error_type(ended)
        more = {} if failed is None else {names.ERROR_TYPE: failed}
        first = ended.first if self._asked.streams else None
        self._telemetry.measure(ended.seconds, first, {**common, **more})
        used = None if ended.meter is None else ended.meter.used()
        if used is not None:
            self._telemetry.count(used.input, used.output, common)

    def _mark_failure(self, ended: Ended | None) -> None:
        kind = "refused" if ended is None else _error_type(ended)
        if kind is None:
            return
        error = None if ended is None else ended.error
        self._span.fail(kind, "" if error is None else shown_failure(error)["sentence"])


def _mark(span: Span, error: BaseException) -> None:
    """Say why an attempt failed."""
    if not isinstance(error, AzureAgentsError):
        is_left = isinstance(error, asyncio.CancelledError)
        span.fail(_CLIENT_LEFT if is_left else type(error).__name__)
        return
    if error.status is not None:
        span.set({names.STATUS_CODE: error.status})
    span.fail(names.error_type(error), shown_failure(error)["sentence"])


_CLIENT_LEFT = "client_left"
_SERVER = (names.SERVER_ADDRESS, names.SERVER_PORT)
_OF_METRICS = (names.OPERATION_NAME, names.PROVIDER_NAME, *_SERVER)


def _error_type(ended: Ended) -> str | None:
    if ended.error is not None:
        return names.error_type(ended.error)
    if ended.status == _LEFT:
        return _CLIENT_LEFT
    return str(ended.status) if ended.status >= 400 else None


class _Places:
    """Who is asked, and what of it, as attributes; worked out once for each deployment."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Attributes] = {}

    def get(self, deployment: Deployment, operation: str) -> Attributes:
        key = (deployment.id, deployment.model, operation)
        if key not in self._kept:
            if len(self._kept) >= _MOST_PLACES:
                self._kept.clear()
            self._kept[key] = _place(deployment, operation)
        return self._kept[key]


def _place(deployment: Deployment, operation: str) -> Attributes:
    parts = urlsplit(deployment.url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    server = {names.SERVER_ADDRESS: parts.hostname or "", names.SERVER_PORT: port}
    return {**server, **_named(deployment, _OPERATIONS.get(operation, operation))}


def _named(deployment: Deployment, operation: str) -> Attributes:
    model = deployment.model.replace("*", "any")
    if not is_deployment(model, deployment.params):
        return _agent(model)
    try:
        named = read_model(model, base=deployment.url)
    except ConfigError:  # a client asked a wildcard for what is no model: it will hear so
        return {names.OPERATION_NAME: operation, names.PROVIDER_NAME: "azure.ai.openai"}
    provider = names.provider_name(named.provider, named.family)
    return {names.OPERATION_NAME: operation, names.PROVIDER_NAME: provider}


def _agent(model: str) -> Attributes:
    named = parse_agent(model)
    version = {names.AGENT_VERSION: named.version} if named.version else {}
    return {
        names.OPERATION_NAME: "invoke_agent",
        names.PROVIDER_NAME: names.FOUNDRY_AGENTS,
        names.AGENT_NAME: named.name,
        **version,
    }


def tracing_of(config: TracingConfig | None) -> CallTracing | None:
    """Tracing as the config file wants it; None: there is none.

    Args:
        config: What the file says of it; None: nothing.

    Raises:
        ConfigError: OpenTelemetry's SDK is missing.
    """
    return None if config is None else CallTracing(config, Telemetry(SERVICE))
