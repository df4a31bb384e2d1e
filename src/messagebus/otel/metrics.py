"""The metrics: durations, counts, and what the status of relays and consumers says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from . import conventions as names

Observe = Callable[[Any], Mapping[str, Sequence[Observation]]]
"""Reads the status of a component, and returns the observations of each instrument."""

_TOTALS = {
    names.CONSUMER_MESSAGES: "Messages that a consumer has dealt with, by outcome.",
    names.RELAY_SENT: "Messages that this relay has sent.",
}
_STATES = {
    names.CONSUMER_HELD: "Messages that a consumer holds and has not settled.",
    names.OUTBOX_MESSAGES: "Published messages in the outbox that are not sent, by state.",
    names.RELAY_LEADING: "Whether this relay sends.",
    names.RELAY_OUTAGES: "Outages in a row.",
}


class Instruments:
    """The instruments of a meter, created once for all components that share it."""

    def __init__(self, meter: Meter) -> None:
        self.operation_duration: Histogram = _duration(
            meter, names.OPERATION_DURATION, "Duration of sending, receiving or settling."
        )
        self.process_duration: Histogram = _duration(
            meter, names.PROCESS_DURATION, "Duration of processing messages, with the commit."
        )
        self.handle_duration: Histogram = _duration(
            meter, names.HANDLE_DURATION, "Duration of handling a message and what it causes."
        )
        self.listener_duration: Histogram = _duration(
            meter, names.LISTENER_DURATION, "Duration of a call of a listener."
        )
        self.lag: Histogram = _duration(
            meter, names.LAG, "Time from the creation of a message to its processing."
        )
        self.sent: Counter = meter.create_counter(
            names.SENT_MESSAGES, "{message}", "Messages sent."
        )
        self.consumed: Counter = meter.create_counter(
            names.CONSUMED_MESSAGES, "{message}", "Messages received."
        )
        self._observed: WeakKeyDictionary[Any, Observe] = WeakKeyDictionary()
        # One look at each status for all instruments of a collection; the first one takes it.
        self._taken: dict[str, list[Observation]] = {}
        for name, text in _TOTALS.items():
            meter.create_observable_counter(name, [self._reading(name)], "{message}", text)
        for name, text in _STATES.items():
            meter.create_observable_gauge(name, [self._reading(name)], "1", text)
        meter.create_observable_gauge(
            names.OUTBOX_AGE,
            [self._reading(names.OUTBOX_AGE)],
            "s",
            "Age of the first message that waits to be sent.",
        )

    def observe(self, component: object, observe: Observe) -> None:
        """Read the status of a component with each collection, for as long as it lives."""
        self._observed[component] = observe

    def _reading(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_options: CallbackOptions) -> Iterator[Observation]:
            if name not in self._taken:
                self._take()
            yield from self._taken.pop(name, ())

        return read

    def _take(self) -> None:
        taken: dict[str, list[Observation]] = {
            name: [] for name in (*_TOTALS, *_STATES, names.OUTBOX_AGE)
        }
        for component, observe in [*self._observed.items()]:
            for name, observations in observe(component).items():
                taken[name].extend(observations)
        self._taken = taken


def _duration(meter: Meter, name: str, text: str) -> Histogram:
    return meter.create_histogram(
        name, "s", text, explicit_bucket_boundaries_advisory=names.BUCKETS
    )


_instruments: WeakKeyDictionary[Any, Instruments] = WeakKeyDictionary()


def instruments_of(provider: Any, meter: Meter) -> Instruments:
    """Return the instruments of a provider; create them if there are none."""
    if provider not in _instruments:
        _instruments[provider] = Instruments(meter)
    return _instruments[provider]
