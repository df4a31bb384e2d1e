"""Other libraries, imported when they are measured. Missing ones are left out."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple


class Peer(NamedTuple):
    """Facts about a library that a reader needs to judge its figures."""

    distribution: str
    difference: str


PEERS = {
    "oban": Peer("oban", "a job queue: a job for each event, sent in no order by ten workers"),
    "blinker": Peer("blinker", "signals: no transaction, no unit of work, no events raised"),
    "mediatr": Peer("mediatr", "a mediator: no transaction, no unit of work, no events raised"),
    "pyee": Peer(
        "pyee",
        "an event emitter: no transaction; in the async rows each handler is a task, which the "
        "emitter awaits",
    ),
    "lato": Peer(
        "lato",
        "a transaction context with dependencies by name; commits nothing by itself; events are "
        "published by a call, depth first, not raised by a model",
    ),
    "python-cqrs": Peer(
        "python-cqrs",
        "one class for each handler, created by a container for each message; logs each request; "
        "no transaction",
    ),
    "dishka": Peer("dishka", "a container; resolves the three objects by type"),
    "wireup": Peer("wireup", "a container; resolves the three objects by type"),
    "faststream": Peer(
        "faststream",
        "calls a handler with each message; the inbox is written by hand; no attempts, dead "
        "letters or order of keys; pushed by NATS where each message has its transaction",
    ),
    "fast-depends": Peer("fast-depends", "also casts and validates; turned off here"),
}


def versions() -> dict[str, str]:
    """Return the versions of the libraries that are installed."""
    found = {}
    for name, peer in PEERS.items():
        try:
            found[name] = version(peer.distribution)
        except PackageNotFoundError:
            continue
    return found
