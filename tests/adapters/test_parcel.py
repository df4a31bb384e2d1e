from __future__ import annotations

from itertools import islice, pairwise

from messagebus.adapters._transport.encoding import (
    MOST_BYTES,
    MOST_MESSAGES,
    Parcel,
    bundle,
    pauses,
)


def parcels(*sizes: int) -> list[Parcel[int]]:
    """Return parcels of these sizes, with their number as content."""
    return [Parcel({}, number, size) for number, size in enumerate(sizes)]


def test_a_bundle_has_a_bounded_number_of_parcels() -> None:
    """What is sent at once is not more than a server can answer soon."""
    many = parcels(*[1] * (MOST_MESSAGES + 1))

    assert many[:MOST_MESSAGES] == bundle(many, 0)
    assert many[MOST_MESSAGES:] == bundle(many, MOST_MESSAGES)


def test_a_bundle_has_a_bounded_size_but_never_nothing() -> None:
    """A parcel that is larger than a bundle is sent alone."""
    heavy = parcels(1, MOST_BYTES - 1, 1, MOST_BYTES + 1, 1)

    assert [heavy[:2], heavy[2:3], heavy[3:4], heavy[4:]] == [
        bundle(heavy, start) for start in (0, 2, 3, 4)
    ]


def test_pauses_grow_and_jitter_never_shortens_them() -> None:
    """They double up to a second, and each is up to half as long again."""
    found = list(islice(pauses(3600.0), 20))
    least = [min(0.05 * 2**number, 1.0) for number in range(20)]

    assert all(low <= pause <= 1.5 * low for low, pause in zip(least, found, strict=True))
    assert any(first != second for first, second in pairwise(found[10:]))


def test_without_patience_there_is_no_second_attempt() -> None:
    """Whoever wants to decide about every failure is told of it at once."""
    assert [] == list(pauses(0.0))
