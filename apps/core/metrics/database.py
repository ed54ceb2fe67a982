"""Figures that are read from the database when they are fetched."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of a gauge; `labels` in the order the gauge names them."""

    labels: tuple[str, ...]
    value: float


Read = Callable[[], Iterable[Reading]]


@dataclass(frozen=True, slots=True)
class _Gauge:
    name: str
    text: str
    labels: tuple[str, ...]
    read: Read


_gauges: Final[dict[str, _Gauge]] = {}


def register_gauges(name: str, text: str, labels: tuple[str, ...], read: Read) -> None:
    """Ask `read` whenever figures are fetched; `flywheel_` is put before the name."""
    _gauges[name] = _Gauge(f"flywheel_{name}", text, labels, read)


class DatabaseCollector(Collector):
    """All registered questions."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Ask each."""
        for one in _gauges.values():
            family = GaugeMetricFamily(one.name, one.text, labels=one.labels)
            for reading in one.read():
                family.add_metric(reading.labels, reading.value)
            yield family
