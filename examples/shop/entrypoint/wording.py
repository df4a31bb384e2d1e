"""What is wrong with a command, in words for the person who wrote it."""

from __future__ import annotations

import json

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_WORDS = {
    "extra_forbidden": "is not a field of this command",
    "missing": "is missing",
    "int_type": "should be a whole number, not {input}",
    "string_type": "should be a text, not {input}",
    "string_unicode": "should be a text, not {input}",
    "list_type": "should be a list, not {input}",
    "model_type": "should be an object, not {input}",
    "greater_than_equal": "should be at least {ge}, not {input}",
    "less_than_equal": "should be at most {le}, not {input}",
    "string_too_short": "should not be empty",
    "string_too_long": "should have at most {max_length} characters",
    "string_pattern_mismatch": "has characters that are not allowed there: {input}",
    "too_short": "should not be empty",
}
_MOST_PROBLEMS = 3
_MOST_CHARACTERS = 40


def explain(error: ValidationError) -> str:
    """Say which fields of a command are wrong, and how."""
    problems = error.errors(include_url=False)
    words = [_explain_one(problem) for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > _MOST_PROBLEMS:
        words.append(f"and {len(problems) - _MOST_PROBLEMS} more")
    return "; ".join(words)


def as_written(value: object) -> str:
    """Show a JSON value on one line that is not too long, whatever it holds."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}..."


def _explain_one(problem: ErrorDetails) -> str:
    place = _place(problem["loc"])
    template = _WORDS.get(problem["type"])
    if template is None:
        return f"{place}: {problem['msg']}"
    details = {**problem.get("ctx", {}), "input": as_written(problem["input"])}
    return f"{place} {template.format_map(details)}"


def _place(location: tuple[int | str, ...]) -> str:
    """Write a place as a path, with items counted from 1: ``lines, item 2, quantity``."""
    return ", ".join(map(_step, location))


def _step(step: int | str) -> str:
    if isinstance(step, int):
        return f"item {step + 1}"
    return step if step.isidentifier() else as_written(step)
