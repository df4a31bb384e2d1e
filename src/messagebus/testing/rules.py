"""The rules in a module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from inspect import isfunction
from typing import Any


def rules_of(module: str) -> list[Callable[[Any], Any]]:
    """Return the public functions that a module defines, in their order: each is a rule."""
    return [
        member
        for name, member in vars(sys.modules[module]).items()
        if isfunction(member) and member.__module__ == module and not name.startswith("_")
    ]
