"""The subject of a message: where in NATS it is sent to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...exceptions import ConfigurationError, MessageRejectedError

_PART = r"[^\s.*>\x00-\x1f\x7f]+"
_SUBJECT = re.compile(rf"{_PART}(\.{_PART})*")
_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_TYPE = re.compile(r"(?P<name>.*)_v(?P<version>\d+)", re.DOTALL)

# The server closes the connection to who sends a line of more than 4 KiB; besides the subject
# there are on it an inbox and two sizes.
_LONGEST = 3_000  # bytes


class SubjectTemplate:
    """A subject with fields, such as ``events.{name}``.

    A field is a key of the serialized message, or *name* and *version*, which are the parts of
    its *type*.

    Args:
        text: the template.

    Attributes:
        text: the template.
        pattern: what a stream has to listen to for all subjects that come of it.

    Raises:
        ConfigurationError: no subject can come of it.
    """

    def __init__(self, text: str) -> None:
        plain = _FIELD.sub("x", text)
        if not _SUBJECT.fullmatch(plain) or "{" in plain or "}" in plain:
            problem = f"{text!r} is not a subject with fields such as {{name}}"
            raise ConfigurationError(problem)
        self.text = text
        tokens = ["*" if _FIELD.search(token) else token for token in text.split(".")]
        if tokens[-1] == "*":
            tokens[-1] = ">"  # what fills the field may have more tokens than one
        self.pattern = ".".join(tokens)

    def fill(self, message: Mapping[str, Any]) -> str:
        """Return the subject of a message.

        Raises:
            MessageRejectedError: it has no such field, or no subject comes of what it has, or
                one that is too long.
        """
        values = {key: str(value) for key, value in message.items()}
        if "type" in values:
            match = _TYPE.fullmatch(values["type"])
            values = {**(match.groupdict() if match else {"name": values["type"]}), **values}
        try:
            subject = _FIELD.sub(lambda field: values[field[1]], self.text)
        except KeyError as error:
            reason = f"it has no {error} for the subject {self.text!r}"
            raise MessageRejectedError(message, reason) from error
        if not _SUBJECT.fullmatch(subject):
            raise MessageRejectedError(message, f"{subject!r} is not a subject")
        if (size := len(subject.encode())) > _LONGEST:
            raise MessageRejectedError(message, f"its subject has {size} bytes")
        return subject


def listens(pattern: str, subject: str) -> bool:
    """Tell whether a stream that listens to *pattern* gets what is sent to *subject*."""
    patterns, tokens = pattern.split("."), subject.split(".")
    if patterns[-1] == ">":
        patterns = patterns[:-1]
        if len(tokens) <= len(patterns):
            return False
        tokens = tokens[: len(patterns)]
    return len(patterns) == len(tokens) and all(
        wanted in {"*", token} for wanted, token in zip(patterns, tokens, strict=True)
    )
