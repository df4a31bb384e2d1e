"""The texts of errors in logs and on the command line."""

from __future__ import annotations

import pytest

from messagebus._error_text import brief_with_advice, with_advice


@pytest.mark.parametrize("fact", ["There is no stream", "There is no stream."])
def test_an_error_and_each_advice_are_sentences(fact: str) -> None:
    """A full stop ends each, whether or not the text of the error has one."""
    error = ValueError(fact)
    assert fact == with_advice(error)
    error.add_note("It was named by the URL.")
    error.add_note("Create it.")

    said = "There is no stream. It was named by the URL. Create it."
    assert said == with_advice(error)
    assert f"ValueError: {said}" == brief_with_advice(error)
