"""Upcasters: messages of old versions are read as classes of today."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messagebus import (
    ConfigurationError,
    Event,
    MessageDeserializer,
    MessageSerializer,
    Metadata,
    UnknownMessageTypeError,
    UnreadableMessageError,
    UpcastError,
    Upcasters,
)

send = MessageSerializer().serialize_message


class LentV1(Event):
    book: str
    metadata: Metadata = Metadata(name="lent", schema_version=1)


class LentV2(Event):
    isbn: str
    metadata: Metadata = Metadata(name="lent", schema_version=2)


class Lent(Event):
    isbn: str
    fee: Decimal
    due: datetime | None = None
    metadata: Metadata = Metadata(name="lent", schema_version=3, published=True)


def steps() -> Upcasters:
    """Make the upcasters from version 1 to 3."""
    upcasters = Upcasters()

    @upcasters.upcast("lent", from_version=2)
    def add_fee(payload: dict[str, Any]) -> dict[str, Any]:
        return {**payload, "fee": Decimal("0.50"), "due": datetime(2020, 1, 1, tzinfo=UTC)}

    @upcasters.upcast("lent", from_version=1)
    def rename_book(payload: dict[str, Any]) -> dict[str, Any]:
        payload["isbn"] = payload.pop("book")
        return payload

    return upcasters


def same(payload: dict[str, Any]) -> dict[str, Any]:
    """Change nothing."""
    return payload


@given(book=st.text(), id=st.uuids())
def test_an_old_message_is_read_as_the_class_of_today(book: str, id: Any) -> None:
    """With its own identifier and time, and with the metadata of the class."""
    reader = MessageDeserializer([Lent], steps())
    for old in (LentV1(book=book, message_id=id), LentV2(isbn=book, message_id=id)):
        read = reader.deserialize_message(send(old))

        expected = Lent(isbn=book, fee=Decimal("0.50"), due=datetime(2020, 1, 1, tzinfo=UTC))
        assert expected == read
        assert (old.message_id, old.created_at) == (read.message_id, read.created_at)
        assert 3 == read.metadata.schema_version


def test_a_message_of_today_passes_no_upcaster() -> None:
    """Nor does one of an old version that has a class of its own."""
    upcasters = Upcasters()
    upcasters.upcast("lent", from_version=2)(lambda _payload: {"isbn": "upcast", "fee": "1"})
    reader = MessageDeserializer([LentV1, Lent], upcasters)
    today, old = Lent(isbn="1", fee=Decimal(1)), LentV1(book="1")

    assert [today, old] == [reader.deserialize_message(send(each)) for each in (today, old)]
    assert Lent(isbn="upcast", fee=Decimal(1)) == reader.deserialize_message(send(LentV2(isbn="1")))


def test_a_version_that_no_step_starts_from_is_unknown() -> None:
    """Older than the oldest step, or newer than the class: the error names the version sent."""
    reader = MessageDeserializer([Lent], steps())
    for version in (0, 4):
        wire = {**send(LentV1(book="1")), "type": f"lent_v{version}"}
        with pytest.raises(UnknownMessageTypeError) as caught:
            reader.deserialize_message(wire)
        assert ("lent", version) == (caught.value.name, caught.value.schema_version)


def test_a_step_has_one_upcaster() -> None:
    """The error names both."""
    upcasters = steps()
    with pytest.raises(ConfigurationError, match=r"same, which upcasts lent_v1, .*rename_book"):
        upcasters.upcast("lent", from_version=1)(same)


@pytest.mark.parametrize("version", [-1, True, "1", None, 1.0])
def test_a_step_starts_from_a_version(version: Any) -> None:
    """A number from zero on."""
    with pytest.raises(ConfigurationError, match="from_version must be a number"):
        Upcasters().upcast("lent", from_version=version)


def test_an_upcaster_returns_at_once() -> None:
    """What has to be waited for or iterated is refused when it is declared."""

    async def wait(payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    async def stream(payload: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        yield payload

    def iterate(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield payload

    strange: list[Any] = [wait, stream, iterate, None]
    for each in strange:
        with pytest.raises(ConfigurationError, match="which upcasts lent_v1"):
            Upcasters().upcast("lent", from_version=1)(each)


@pytest.mark.parametrize("versions", [[1], [0, 1], [1, 3], [3], [2, 3]])
def test_each_step_leads_to_a_class(versions: list[int]) -> None:
    """A gap, or a step beyond the last class, is reported at start."""
    upcasters = Upcasters()
    for version in versions:
        upcasters.upcast("lent", from_version=version)(same)

    with pytest.raises(ConfigurationError, match=r"no upcaster leads on|is read as Lent"):
        MessageDeserializer([Lent], upcasters)


def test_a_version_with_a_class_needs_no_upcaster() -> None:
    """It would never run: the class of the exact version wins."""
    with pytest.raises(ConfigurationError, match="lent_v2, which is read as LentV2"):
        MessageDeserializer([LentV2, Lent], steps())


def test_upcasters_of_names_that_are_not_read_are_passed_over() -> None:
    """A program may read fewer messages than there are upcasters."""
    upcasters = steps()
    upcasters.upcast("other", from_version=7)(same)

    assert 1 == len(MessageDeserializer([Lent], upcasters).types)


def test_an_upcaster_that_comes_too_late_is_refused() -> None:
    """It would be ignored by the deserializer that is there already."""
    upcasters = steps()
    MessageDeserializer([Lent], upcasters)

    with pytest.raises(ConfigurationError, match="comes too late: MessageDeserializer"):
        upcasters.upcast("other", from_version=1)(same)


def fail(_payload: dict[str, Any]) -> dict[str, Any]:
    """Fail."""
    raise KeyError("book")


@pytest.mark.parametrize(
    ("function", "reason", "cause"),
    [
        (fail, "raised KeyError: 'book'", KeyError),
        (lambda payload: payload.clear(), "returned a NoneType instead of a payload", None),
        (lambda payload: [payload], "returned a list instead of a payload", None),
    ],
)
def test_an_upcaster_that_fails_is_named(
    function: Callable[..., Any], reason: str, cause: type[Exception] | None
) -> None:
    """The error has the name, the step, the message, the original and the cause."""
    upcasters = Upcasters()
    upcasters.upcast("lent", from_version=2)(function)
    wire = send(LentV2(isbn="1"))

    with pytest.raises(UpcastError) as caught:
        MessageDeserializer([Lent], upcasters).deserialize_message(wire)

    error = caught.value
    assert f"the upcaster of 'lent' from version 2 to 3 {reason}" == error.reason
    assert ("lent", 2, wire["id"]) == (error.name, error.from_version, str(error.message_id))
    assert wire is error.wire
    assert cause is (error.__cause__ and type(error.__cause__))


@pytest.mark.parametrize("payload", ["", "[]", "1", "{", '{"book":1}', "9" * 5000, "[" * 100_000])
def test_an_old_payload_that_cannot_be_read_is_an_error_of_the_message(payload: str) -> None:
    """No upcaster sees what is no object; what the class refuses is no error of an upcaster."""
    with pytest.raises(UnreadableMessageError) as caught:
        MessageDeserializer([Lent], steps()).deserialize_message(
            {**send(LentV1(book="1")), "payload": payload}
        )
    assert not isinstance(caught.value, UpcastError)
    assert caught.value.message_type is Lent


def test_what_upcasters_leave_alone_keeps_its_value() -> None:
    """Large and small numbers, and those that are not finite."""

    class Measured(Event):
        values: list[float | int]
        metadata: Metadata = Metadata(name="measured", schema_version=2)

    upcasters = Upcasters()
    upcasters.upcast("measured", from_version=1)(same)
    payload = '{"values":[1180591620717411303424,1e-300,0.1,NaN,Infinity,-0.0]}'
    wire = {**send(LentV1(book="1")), "type": "measured_v1", "payload": payload}

    read = MessageDeserializer([Measured], upcasters).deserialize_message(wire)
    assert isinstance(read, Measured)

    assert "[1180591620717411303424, 1e-300, 0.1, nan, inf, -0.0]" == str(read.values)
