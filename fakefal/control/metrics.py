"""Prometheus metrics of an emulator.  Callers cannot create new values of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fakefal.core.lifecycle import State
from fakefal.core.webhook import Fate
from fakefal.engine.emulator import Emulator
from fakefal.state.tally import Counts
from fakefal.version import VERSION

Samples = Mapping[tuple[str, ...], float]
"""Values by the values of their labels."""


class _Taken(Collector):
    """Metrics that were taken already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        return self._metrics


async def exposition(emulator: Emulator, accept: str) -> tuple[bytes, str]:
    """The metrics in the format that the Accept header asks for, and their media type."""
    gauges = await _gauges(emulator)  # which carries out what is due, and so counts it
    registry = CollectorRegistry()
    registry.register(_Taken([*_counters(await emulator.tally.counts()), *gauges]))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _counters(counts: Counts) -> list[Metric]:
    """Counters since the start; a reset of the emulator does not reset them."""
    usd: Samples = {(name,): float(amount) for name, amount in counts.usd.items()}
    tries: Samples = {("acknowledged" if well else "failed",): count for well, count in counts.tries.items()}
    accepted: Samples = {(name,): count for name, count in counts.accepted.items()}
    ended: Samples = {(name, str(status)): count for (name, status), count in counts.ended.items()}
    calls: Samples = {(part, str(status)): count for (part, status), count in counts.calls.items()}
    return [
        _counter("accepted", "Requests that were accepted.", ["endpoint"], accepted),
        _counter("ended", "Requests that have ended, by the status of their result.", ["endpoint", "status"], ended),
        _counter("not_spent_dollars", "What fal would have charged, in US dollars.", ["endpoint"], usd),
        _counter("webhook_tries", "Webhooks that were sent.", ["outcome"], tries),
        _counter("calls", "Calls, by the part of fal; status 0 means no answer.", ["part", "status"], calls),
    ]


async def _gauges(emulator: Emulator) -> list[Metric]:
    """Gauges: the current state."""
    lines = (await emulator.states()).values()
    states = Counter({one: sum(line[one] for line in lines) for one in State})
    keys = Counter({one: sum(line[one] > 0 for line in lines) for one in State})
    fates = Counter(one.fate for one in await emulator.deliveries())
    files = emulator.files.all()
    return [
        _gauge("info", "The emulator's version.", ["version"], {(VERSION,): 1}),
        _gauge("requests", "Stored requests by state.", ["state"], {(one,): states[one] for one in State}),
        _gauge("keys", "Keys that have requests in a state.", ["state"], {(one,): keys[one] for one in State}),
        _gauge("webhooks", "Webhooks of stored requests by fate.", ["fate"], {(one,): fates[one] for one in Fate}),
        _gauge("files", "Uploads that are kept, parts included.", [], {(): len(files)}),
        _gauge("file_bytes", "Bytes of the uploads that are kept.", [], {(): sum(one.size for one in files)}),
        _gauge("journal_calls", "Calls that the journal keeps.", [], {(): await emulator.journal.size()}),
    ]


def _counter(name: str, says: str, labels: list[str], samples: Samples) -> Metric:
    return _filled(CounterMetricFamily(f"fakefal_{name}", says, labels=labels), samples)


def _gauge(name: str, says: str, labels: list[str], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(f"fakefal_{name}", says, labels=labels), samples)


def _filled(metric: CounterMetricFamily | GaugeMetricFamily, samples: Samples) -> Metric:
    for values, number in samples.items():
        metric.add_metric(values, number)
    return metric
