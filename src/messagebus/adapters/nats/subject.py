"""The NATS subject of a message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...exceptions import ConfigurationError, MessageRejectedError
from ...serialization.wire import parse_type
from .._transport.partitions import ensure_partitions, partition_of

_PART = r"[^\s.*>\x00-\x1f\x7f]+"
_SUBJECT = re.compile(rf"{_PART}(\.{_PART})*")
_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")

# The server closes the connection when a line exceeds 4 KiB; besides the subject, the line has an
# inbox and two sizes.
_LONGEST = 3_000  # bytes


class SubjectTemplate:
    """A subject with fields, such as ``events.{name}``.

    A field is a key of the serialized message, or *name* or *version*, the parts of its *type*.

    Args:
        text: the template.
        partitions: the number of partitions; if there are several, the number of the one that the
            ordering key of a message leads to is the last token of its subject.

    Attributes:
        text: the template.
        pattern: the pattern that matches every subject of the template.
        patterns: the pattern of each partition.

    Raises:
        ConfigurationError: the template cannot give a valid subject, or the number is out of its
            range.
    """

    def __init__(self, text: str, partitions: int = 1) -> None:
        ensure_partitions(partitions)
        plain = _FIELD.sub("x", text)
        if not _SUBJECT.fullmatch(plain) or "{" in plain or "}" in plain:
            problem = f"{text!r} is not a valid subject with fields such as {{name}}"
            raise ConfigurationError(problem)
        self.text = text
        tokens = ["*" if _FIELD.search(token) else token for token in text.split(".")]
        self._partitions = partitions
        self._length = 0 if partitions == 1 else len(tokens)
        if partitions > 1:
            self.patterns: list[str] = [
                ".".join([*tokens, str(number)]) for number in range(partitions)
            ]
            tokens.append("*")
        elif tokens[-1] == "*":
            tokens[-1] = ">"  # the value of the field may have several tokens
        self.pattern: str = ".".join(tokens)
        if partitions == 1:
            self.patterns = [self.pattern]

    def fill(self, message: Mapping[str, Any]) -> str:
        """Return the subject of a message.

        Raises:
            MessageRejectedError: the message lacks a field, or its subject is not valid or is too
                long.
        """
        values = {key: str(value) for key, value in message.items()}
        if "type" in values:
            values = {**parse_type(values["type"]), **values}
        try:
            subject = _FIELD.sub(lambda field: values[field[1]], self.text)
        except KeyError as error:
            reason = f"it has no key {error} for the subject {self.text!r}"
            raise MessageRejectedError(message, reason) from error
        if not _SUBJECT.fullmatch(subject):
            raise MessageRejectedError(message, f"{subject!r} is not a valid subject")
        if self._length:
            if subject.count(".") + 1 != self._length:
                reason = f"{subject!r} has more tokens than the subject {self.text!r}"
                raise MessageRejectedError(message, reason)
            subject = f"{subject}.{partition_of(message, self._partitions)}"
        if (size := len(subject.encode())) > _LONGEST:
            reason = f"its subject has {size} bytes; the limit is {_LONGEST}"
            raise MessageRejectedError(message, reason)
        return subject


def listens(pattern: str, subject: str) -> bool:
    """Return whether a stream that listens to *pattern* receives messages to *subject*."""
    wildcards = {"*": r"[^.]+", ">": ".+"}
    tokens = (wildcards.get(token) or re.escape(token) for token in pattern.split("."))
    return re.fullmatch(r"\.".join(tokens), subject) is not None


def overlap(first: str, second: str) -> bool:
    """Return whether there is a subject that both patterns match."""
    ours, theirs = first.split("."), second.split(".")
    for our, their in zip(ours, theirs, strict=False):
        if ">" in {our, their}:
            return True
        if our != their and "*" not in {our, their}:
            return False
    return len(ours) == len(theirs)
