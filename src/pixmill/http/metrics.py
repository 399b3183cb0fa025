"""Numbers for Prometheus: what was asked, how it ended, and how the codec processes are."""

from collections.abc import Callable, Iterable
from dataclasses import asdict

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pixmill.http.record import Record
from pixmill.services.limits import LimitsStatus
from pixmill.services.pool.types import PoolStatus

# One more series for each counter, which says when it was first touched: nobody looks at them.
disable_created_metrics()  # type: ignore[no-untyped-call] # its stub lacks "-> None"

_LABELS = ("dialect", "operation")

# From an answer out of hand to the deadline of the slowest picture.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0)


class Metrics:
    """The counters of one application; the rest is asked for."""

    def __init__(
        self, *, pool: Callable[[], PoolStatus], limits: Callable[[], LimitsStatus]
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_PoolCollector(pool))
        self._registry.register(_LimitsCollector(limits))
        self._requests = Counter(
            "pixmill_requests", "Requests answered.", (*_LABELS, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "pixmill_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            _LABELS,
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._received = Counter(
            "pixmill_received_bytes", "Bytes of bodies received.", _LABELS, registry=self._registry
        )
        self._sent = Counter(
            "pixmill_sent_bytes", "Bytes of bodies sent.", _LABELS, registry=self._registry
        )
        self._original = Counter(
            "pixmill_original_bytes",
            "Bytes of the images that were optimized.",
            _LABELS,
            registry=self._registry,
        )
        self._result = Counter(
            "pixmill_result_bytes", "Bytes of what they became.", _LABELS, registry=self._registry
        )

    def observe(self, record: Record) -> None:
        """Count one finished request."""
        labels = record.dialect, record.operation
        self._requests.labels(*labels, str(record.status)).inc()
        self._seconds.labels(*labels).observe(record.seconds)
        self._received.labels(*labels).inc(record.received_size)
        self._sent.labels(*labels).inc(record.sent_size)
        self._original.labels(*labels).inc(record.original_size)
        self._result.labels(*labels).inc(record.result_size)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)


class _PoolCollector(Collector):
    """Reads the state of the codec processes whenever somebody looks."""

    def __init__(self, status: Callable[[], PoolStatus]) -> None:
        self._status = status

    def describe(self) -> Iterable[Metric]:
        """Say nothing in advance: the pool has no state before it is started."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the state of this moment."""
        status = self._status()
        for name, value, meaning in (
            ("workers", status.workers, "Codec processes that there should be."),
            ("workers_alive", status.alive, "Codec processes that there are."),
            ("workers_busy", status.busy, "Codec processes at work."),
            ("waiting", status.waiting, "Images that wait for a codec process."),
            ("memory_bytes", status.memory_in_use, "Memory set aside for images being worked on."),
            ("memory_limit_bytes", status.memory_size, "Memory that may be set aside."),
        ):
            yield GaugeMetricFamily(f"pixmill_pool_{name}", meaning, value=value)
        events = CounterMetricFamily(
            "pixmill_pool_events", "What happened to images and processes.", labels=["event"]
        )
        for name, count in asdict(status.counters).items():
            events.add_metric([name], count)
        yield events
        layers = GaugeMetricFamily(
            "pixmill_pool_layer",
            "Layers of the codec processes' lock that are on.",
            labels=["layer"],
        )
        for name in (*status.layers, *status.missing):
            layers.add_metric([name], float(name in status.layers))
        yield layers


class _LimitsCollector(Collector):
    """Reads how the rate limits do whenever somebody looks."""

    def __init__(self, status: Callable[[], LimitsStatus]) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Return the state of this moment."""
        status = self._status()
        yield GaugeMetricFamily(
            "pixmill_limits_available",
            "Whether requests can be counted.",
            value=float(status.available),
        )
        events = CounterMetricFamily(
            "pixmill_limits_events", "What happened to rate limits.", labels=["event"]
        )
        for name, count in asdict(status.counters).items():
            events.add_metric([name], count)
        yield events
