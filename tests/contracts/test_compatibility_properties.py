"""The comparison of schemas, against what validation says of generated values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from messagebus.contracts import reads

from .documents import Schema, pairs, schemas, values

pytestmark = pytest.mark.slow


@settings(deadline=None, suppress_health_check=[*HealthCheck])
@given(pair=pairs(), data=st.data())
def test_what_is_said_to_be_read_is_read(pair: tuple[Schema, Schema], data: st.DataObject) -> None:
    """If there is no finding, all that fits the writer fits the reader."""
    reader, writer = pair
    assume(not reads(reader, writer))

    value: Any = data.draw(values(writer))

    assert Draft202012Validator(writer).is_valid(value)
    assert Draft202012Validator(reader).is_valid(value)


@settings(deadline=None, suppress_health_check=[*HealthCheck])
@given(schemas())
def test_every_schema_reads_itself(schema: Schema) -> None:
    """What did not change breaks nobody."""
    assert [] == reads(schema, schema)
