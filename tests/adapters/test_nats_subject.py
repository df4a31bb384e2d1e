from __future__ import annotations

import pytest

from messagebus.adapters.nats.subject import SubjectTemplate, listens, overlap
from messagebus.exceptions import ConfigurationError, MessageRejectedError


@pytest.mark.parametrize(
    ("template", "pattern", "subject"),
    [
        ("events", "events", "events"),
        ("events.{name}", "events.>", "events.book_read"),
        ("events.v{version}.{name}", "events.*.>", "events.v2.book_read"),
        ("{tenant}.{name}.sent", "*.*.sent", "acme.book_read.sent"),
        ("events.{type}", "events.>", "events.book_read_v2"),
        ("événements.{name}", "événements.>", "événements.book_read"),
    ],
)
def test_a_template_is_filled_from_the_message(template: str, pattern: str, subject: str) -> None:
    """Fields are the keys of the message, and the parts of its type."""
    filled = SubjectTemplate(template).fill({"type": "book_read_v2", "tenant": "acme"})

    assert (pattern, subject) == (SubjectTemplate(template).pattern, filled)
    assert listens(pattern, subject)


def test_a_type_without_a_version_is_a_name() -> None:
    """Serializers are free to write types as they like."""
    assert "events.read" == SubjectTemplate("events.{name}").fill({"type": "read"})


@pytest.mark.parametrize(
    "template", ["", ".", "a.", ".a", "a..b", "a b", "a.*", "a.>", "a.{", "a.{}", "a.{x!r}", "a\n"]
)
def test_what_cannot_become_a_subject_is_refused(template: str) -> None:
    """Mistakes in a template are found when it is made."""
    with pytest.raises(ConfigurationError, match="is not a valid subject"):
        SubjectTemplate(template)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"id": "1"}, "'name'"),
        ({"type": "", "id": "1"}, "is not a valid subject"),
        ({"type": "two words_v1"}, "is not a valid subject"),
        ({"type": "star*_v1"}, "is not a valid subject"),
        ({"type": "line\r\nPUB_v1"}, "is not a valid subject"),
        ({"type": "a..b_v1"}, "is not a valid subject"),
    ],
)
def test_a_message_that_has_no_subject_is_refused(message: dict[str, str], reason: str) -> None:
    """Nothing of it gets into the protocol."""
    with pytest.raises(MessageRejectedError, match=reason):
        SubjectTemplate("events.{name}").fill(message)


@pytest.mark.parametrize(
    ("pattern", "subject", "heard"),
    [
        ("a", "a", True),
        ("a", "a.b", False),
        ("a.b", "a", False),
        ("*", "a", True),
        ("*", "a.b", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.b.d", False),
        (">", "a.b.c", True),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        ("b.>", "a.b", False),
    ],
)
def test_a_pattern_matches_subjects(pattern: str, subject: str, heard: bool) -> None:
    """A star stands for one token, a greater-than sign for one or more at the end."""
    assert heard == listens(pattern, subject)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("a", "a", True),
        ("a", "b", False),
        ("a.*", "a.b", True),
        ("a.*", "*.b", True),
        ("a.*", "a.b.c", False),
        ("a.>", "a", False),
        ("a.>", "a.b.c", True),
        ("a.>", "*.b.>", True),
        ("a.>", "b.>", False),
        (">", "a", True),
    ],
)
def test_patterns_overlap_if_a_subject_matches_both(first: str, second: str, shared: bool) -> None:
    """Such a stream may receive some of the messages of a template."""
    assert shared == overlap(first, second) == overlap(second, first)
