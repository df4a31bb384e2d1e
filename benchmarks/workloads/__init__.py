"""The workloads, loaded on demand, as the older version cannot import all of them."""

from __future__ import annotations

from importlib import import_module

from .workload import Workload

NAMES = (
    "dispatch",
    "watching",
    "building",
    "cascade",
    "repositories",
    "dependencies",
    "registry",
    "scanning",
    "importing",
    "memory",
    "serialization",
    "transactions",
    "business",
    "relaying",
    "draining",
    "latency",
    "recovery",
    "consuming",
    "end_to_end",
    "endurance",
    "finding",
)
"""The names of the workloads, in the order in which they are measured and shown."""


def workload(name: str) -> Workload:
    """Load a workload."""
    loaded: Workload = import_module(f".{name}", __name__).WORKLOAD
    return loaded
