"""The description of a bus: its messages, its listeners, their dependencies, what they raise."""

from __future__ import annotations

from .model import DescribedDependency, DescribedListener, DescribedMessage, Description
from .reading import describe, describe_with_classes

__all__ = [
    "DescribedDependency",
    "DescribedListener",
    "DescribedMessage",
    "Description",
    "describe",
    "describe_with_classes",
]
