"""Names of actions."""

from __future__ import annotations


def action_name(function_name: str) -> str:
    """Return the name of the action of a function: ``register_user`` is ``register-user``."""
    return function_name.replace("_", "-")
