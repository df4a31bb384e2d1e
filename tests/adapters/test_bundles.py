from __future__ import annotations

from messagebus.adapters._transport.encoding import (
    MOST_BYTES,
    MOST_MESSAGES,
    Parcel,
    bundle,
)


def parcels(*sizes: int) -> list[Parcel[int]]:
    """Return parcels of these sizes, with their number as content."""
    return [Parcel({}, number, size) for number, size in enumerate(sizes)]


def test_a_bundle_has_a_bounded_number_of_parcels() -> None:
    """A server can confirm a bundle soon."""
    many = parcels(*[1] * (MOST_MESSAGES + 1))

    assert many[:MOST_MESSAGES] == bundle(many, 0)
    assert many[MOST_MESSAGES:] == bundle(many, MOST_MESSAGES)


def test_a_bundle_has_a_bounded_size_but_never_nothing() -> None:
    """A parcel that is larger than a bundle is sent alone."""
    heavy = parcels(1, MOST_BYTES - 1, 1, MOST_BYTES + 1, 1)

    assert [heavy[:2], heavy[2:3], heavy[3:4], heavy[4:]] == [
        bundle(heavy, start) for start in (0, 2, 3, 4)
    ]
