"""Spans and metrics of real calls, in OpenTelemetry's in-memory exporters."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from azure_agents.emulator import Emulator, Fault
from azure_agents.errors import ConfigError
from azure_agents.gateway import tracing
from azure_agents.gateway.config.objects import TracingConfig
from azure_agents.gateway.config.reading import read_config
from azure_agents.tracing import conventions as names
from azure_agents.tracing.telemetry import Telemetry

from .conftest import HELLO, Gateway, Start

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

KEY, UPSTREAM = "sk-of-tracing", "upstream-secret"
MODELS = f"""
model_list:
  - model_name: gpt-4o
    litellm_params: {{model: azure/dep, api_base: "{{resource}}", api_key: {UPSTREAM},
      base_model: azure/gpt-4o}}
    model_info: {{id: first}}
  - model_name: helper
    litellm_params: {{model: "azure_ai/agents/helper:1", api_key: k,
      api_base: "{{resource}}/api/projects/demo", allow_http: true}}
"""
TRACED = "general_settings: {{master_key: {}, tracing: true{}}}"


@dataclass
class Traces:
    """What was exported."""

    spans: InMemorySpanExporter
    reader: InMemoryMetricReader

    def all(self) -> list[ReadableSpan]:
        """All spans, in the order of their ends."""
        return list(self.spans.get_finished_spans())

    def call(self) -> ReadableSpan:
        """The span of the only call; it ends a moment after its client has all of the answer."""
        for _ in range(200):
            found = [one for one in self.all() if one.name != "attempt"]
            if found:
                break
            time.sleep(0.01)
        (one,) = found
        return one

    def attempts(self) -> list[ReadableSpan]:
        """The spans of its attempts."""
        return [one for one in self.all() if one.name == "attempt"]

    def metrics(self) -> dict[str, list[Any]]:
        """The points of all metrics, by name; those of a call come a moment after its answer."""
        for _ in range(200):
            data = self.reader.get_metrics_data()
            resources = [] if data is None else data.resource_metrics
            found = [m for r in resources for s in r.scope_metrics for m in s.metrics]
            if names.OPERATION_DURATION in [one.name for one in found]:
                break
            time.sleep(0.01)
        return {one.name: list(one.data.data_points) for one in found}


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traces]:
    """In the place of OTLP."""
    exported = Traces(InMemorySpanExporter(), InMemoryMetricReader())
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported.spans))
    meters = MeterProvider([exported.reader])

    def made(service: str) -> Telemetry:
        return Telemetry(service, tracer_provider=provider, meter_provider=meters)

    monkeypatch.setattr(tracing, "Telemetry", made)
    yield exported
    provider.shutdown()
    meters.shutdown()


Begin = Callable[..., Gateway]


@pytest.fixture
def begin(foundry: Emulator, start: Start) -> Begin:
    """Starts a gateway with tracing."""
    foundry.deploy("dep", "Hello!")

    def started(more: str = "") -> Gateway:
        config = MODELS + TRACED.format(KEY, more)
        return start(config, authorization=f"Bearer {KEY}")

    return started


def facts(span: ReadableSpan) -> dict[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


def test_a_chat_has_its_span_and_its_metrics(traces: Traces, begin: Begin) -> None:
    """Who was asked, for what, what was used, and why it ended."""
    gateway = begin()
    answer = gateway.chat(temperature=0.5, max_tokens=50)
    span, told = traces.call(), facts(traces.call())
    assert ("chat gpt-4o", "CLIENT", "UNSET") == (
        span.name,
        span.kind.name,
        span.status.status_code.name,
    )
    usage = answer.json()["usage"]
    expected = {
        names.OPERATION_NAME: "chat",
        names.PROVIDER_NAME: "azure.ai.openai",
        names.REQUEST_MODEL: "gpt-4o",
        names.REQUEST_TEMPERATURE: 0.5,
        names.REQUEST_MAX_TOKENS: 50,
        names.RESPONSE_MODEL: answer.json()["model"],
        names.RESPONSE_ID: answer.json()["id"],
        names.RESPONSE_FINISH_REASONS: ("stop",),
        names.USAGE_INPUT: usage["prompt_tokens"],
        names.USAGE_OUTPUT: usage["completion_tokens"],
        names.SERVER_ADDRESS: "127.0.0.1",
        names.KEY: "master",
        names.COST: float(answer.headers["x-response-cost"]),
        names.REQUEST_ID: answer.headers["x-request-id"],
    }
    assert expected == {name: told.get(name) for name in expected}
    (attempt,) = traces.attempts()
    assert span.context.span_id == attempt.parent.span_id
    assert span.start_time <= attempt.start_time <= attempt.end_time <= span.end_time
    assert "first" == facts(attempt)[names.DEPLOYMENT]
    assert not [name for name in facts(attempt) if "usage" in name]
    _check_metrics(traces, usage)


def _check_metrics(traces: Traces, usage: dict[str, int]) -> None:
    found = traces.metrics()
    (seconds,) = found[names.OPERATION_DURATION]
    assert (1, names.SECONDS) == (seconds.count, tuple(seconds.explicit_bounds))
    tokens = {one.attributes[names.TOKEN_TYPE]: one.sum for one in found[names.TOKEN_USAGE]}
    assert {"input": usage["prompt_tokens"], "output": usage["completion_tokens"]} == tokens
    assert names.TIME_TO_FIRST_CHUNK not in found


def test_a_stream_says_when_it_began_and_why_it_ended(traces: Traces, begin: Begin) -> None:
    """Its usage too, which the client did not ask for."""
    gateway = begin()
    assert "[DONE]" in gateway.chat(stream=True).text
    told = facts(traces.call())
    assert told[names.REQUEST_STREAM]
    assert 0 < told[names.RESPONSE_TIME_TO_FIRST_CHUNK] < 10
    assert ("stop",) == told[names.RESPONSE_FINISH_REASONS]
    assert told[names.USAGE_OUTPUT] > 0
    assert 1 == traces.metrics()[names.TIME_TO_FIRST_CHUNK][0].count


def test_each_attempt_has_a_span(traces: Traces, begin: Begin, foundry: Emulator) -> None:
    """Two that failed, and one that answered: the call itself did not fail."""
    gateway = begin()
    foundry.faults.add(Fault("status_before", path="chat", status=500, times=2))
    assert 200 == gateway.chat().status_code
    assert "UNSET" == traces.call().status.status_code.name
    rows = [facts(one) for one in traces.attempts()]
    assert ["500", "500", None] == [row.get(names.ERROR_TYPE) for row in rows]
    assert [None, 1, 2] == [row.get(names.RESEND_COUNT) for row in rows]


def test_a_failure_is_told_without_what_anybody_said(
    traces: Traces, begin: Begin, foundry: Emulator
) -> None:
    """Its kind; the sentence of a client's mistake may quote the client."""
    gateway = begin()
    wrong = [{"role": "my diary", "content": "Dear diary"}]
    assert 400 == gateway.chat(messages=wrong).status_code
    assert "400" == facts(traces.call())[names.ERROR_TYPE]
    assert "diary" not in "".join(one.to_json() for one in traces.all())
    traces.spans.clear()
    foundry.faults.add(Fault("status_before", path="chat", status=429, times=None))
    assert 429 == gateway.chat().status_code
    call = traces.call()
    assert ("429", "ERROR") == (facts(call)[names.ERROR_TYPE], call.status.status_code.name)


def test_a_trace_goes_through_only_where_that_is_wanted(
    traces: Traces, begin: Begin, foundry: Emulator
) -> None:
    """The client's trace is gone on with; upstreams hear of it by a setting."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    sent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    body = {"model": "gpt-4o", "messages": HELLO}
    begin().http.post("/v1/chat/completions", json=body, headers=sent)
    assert trace == f"{traces.call().context.trace_id:032x}"
    assert "traceparent" not in foundry.requests[-1].headers
    traces.spans.clear()
    begin(", tracing_pass_up: true").http.post("/v1/chat/completions", json=body, headers=sent)
    (attempt,) = traces.attempts()
    up = foundry.requests[-1].headers["traceparent"]
    assert f"00-{trace}-{attempt.context.span_id:016x}-01" == up


def test_content_is_there_only_where_it_is_asked_for(traces: Traces, begin: Begin) -> None:
    """And no secret ever is: neither keys nor what is sent upstream."""
    begin().chat()
    traces.call()
    plain = "".join(one.to_json() for one in traces.all())
    traces.spans.clear()
    gateway = begin(", tracing_content: true")
    for stream in (False, True):
        gateway.chat(stream=stream)
        told = facts(traces.call())
        (asked,) = json.loads(told[names.INPUT_MESSAGES])
        assert [{"type": "text", "content": "Hello"}] == asked["parts"]
        (said,) = json.loads(told[names.OUTPUT_MESSAGES])
        assert ([{"type": "text", "content": "Hello!"}], "stop") == (
            said["parts"],
            said["finish_reason"],
        )
        full = "".join(one.to_json() for one in traces.all())
        traces.spans.clear()
    assert [] == [one for one in ("Hello", KEY, UPSTREAM) if one in plain]
    assert [] == [one for one in (KEY, UPSTREAM) if one in full]


def test_an_agent_is_invoked(
    traces: Traces, foundry: Emulator, start: Start, resource: str
) -> None:
    """With its name and version, and the thread as conversation."""
    foundry.create_agent("helper", reply="At your service.")
    project = f"{resource}/api/projects/{foundry.endpoint.rpartition('/')[2]}"
    config = MODELS.replace("{resource}/api/projects/demo", project) + TRACED.format(KEY, "")
    gateway = start(config, authorization=f"Bearer {KEY}")
    answer = gateway.chat("helper")
    assert 200 == answer.status_code, answer.text
    told = facts(traces.call())
    assert "invoke_agent helper" == traces.call().name
    expected = {
        names.OPERATION_NAME: "invoke_agent",
        names.PROVIDER_NAME: "azure.ai.foundry",
        names.AGENT_NAME: "helper",
        names.AGENT_VERSION: "1",
        names.CONVERSATION_ID: answer.json()["thread_id"],
    }
    assert expected == {name: told.get(name) for name in expected}


def test_names_of_clients_are_no_names_of_metrics(traces: Traces, begin: Begin) -> None:
    """A refused model is no span; a metric has the config's name."""
    gateway = begin()
    assert 404 == gateway.chat("made-up").status_code
    gateway.chat()
    named = {
        one.attributes[names.REQUEST_MODEL] for one in traces.metrics()[names.OPERATION_DURATION]
    }
    assert {"gpt-4o"} == named


# --- settings -------------------------------------------------------------------------------------

WRONG = [
    ("tracing: 'yes'", "general_settings.tracing: must be true or false"),
    ("tracing_content: true", "does nothing without tracing: true"),
    ("tracing: true, tracing_pass_up: 1", "must be true or false"),
]


@pytest.mark.parametrize(("given", "says"), WRONG)
def test_a_wrong_setting_is_refused(given: str, says: str) -> None:
    """With its line."""
    entry = "{model_name: a, litellm_params: {model: azure/dep, api_base: 'http://127.0.0.1:9'}}"
    with pytest.raises(ConfigError, match=says):
        read_config(f"model_list: [{entry}]\ngeneral_settings: {{{given}}}")


def test_litellms_own_setting_passes_the_trace_up() -> None:
    """Where tracing is on; else the notes say that it does nothing."""
    entry = "{model_name: a, litellm_params: {model: azure/dep, api_base: 'http://127.0.0.1:9'}}"
    forward = (
        f"model_list: [{entry}]\nlitellm_settings: {{forward_traceparent_to_llm_provider: true}}"
    )
    on = read_config(f"{forward}\ngeneral_settings: {{tracing: true}}")
    assert (TracingConfig(passes_up=True), ()) == (on.tracing, on.notes)
    off = read_config(forward)
    assert off.tracing is None
    assert ["does nothing without tracing: true in general_settings"] == [n.text for n in off.notes]


def test_nothing_is_imported_where_it_is_off() -> None:
    """Not even the small package."""
    code = (
        "import sys\n"
        "from azure_agents.gateway import Application, read_config\n"
        "Application(read_config('model_list: [{model_name: a, litellm_params: '\n"
        "    '{model: azure/dep, api_base: \"http://127.0.0.1:9\", api_key: k}}]'))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigError, match=r'pip install "azure-agents\[otel\]"'):
        Telemetry("any")
