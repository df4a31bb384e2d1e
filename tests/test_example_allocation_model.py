"""The rules of allocation, without a bus and without a database."""

from __future__ import annotations

from datetime import date

import pytest

from examples.allocation.messages import Allocated, Deallocated, OutOfStock
from examples.allocation.model import Batch, OrderLine, Product, UnknownBatchError

TOMORROW, LATER = date(2030, 1, 2), date(2030, 1, 9)


def lamp(*batches: Batch) -> Product:
    """Return a product with batches."""
    return Product("lamp", batches)


def line(order_id: str, quantity: int) -> OrderLine:
    """Return a line that asks for lamps."""
    return OrderLine(order_id, "lamp", quantity)


def test_an_allocation_takes_from_the_batch() -> None:
    """What an order has is no longer available to others."""
    batch = Batch("b1", "lamp", 20)
    product = lamp(batch)

    assert "b1" == product.allocate(line("o1", 2))
    assert 18 == batch.available
    assert [Allocated(order_id="o1", sku="lamp", quantity=2, batch="b1")] == product.messages


def test_a_line_is_allocated_once() -> None:
    """An order that asks again for the same keeps its batch, and nothing happens."""
    batch = Batch("b1", "lamp", 20)
    product = lamp(batch)
    product.allocate(line("o1", 2))
    product.messages.clear()

    assert "b1" == product.allocate(line("o1", 2))
    assert (18, []) == (batch.available, product.messages)


@pytest.mark.parametrize("etas", [(TOMORROW, None), (LATER, TOMORROW)])
def test_the_earliest_batch_comes_first(etas: tuple[date, date | None]) -> None:
    """What has arrived goes before what is under way, and that in the order of its arrival."""
    late, early = etas
    product = lamp(Batch("late", "lamp", 5, late), Batch("early", "lamp", 5, early))

    assert "early" == product.allocate(line("o1", 5))
    assert "late" == product.allocate(line("o2", 5))


def test_a_batch_that_is_too_small_is_passed_over() -> None:
    """A line is never divided between batches."""
    product = lamp(Batch("small", "lamp", 1), Batch("large", "lamp", 10, LATER))

    assert "large" == product.allocate(line("o1", 2))


def test_a_product_may_run_out() -> None:
    """That is an event and no error: the order waits, and buyers are told."""
    product = lamp(Batch("b1", "lamp", 10))

    assert None is product.allocate(line("o1", 11))
    assert [OutOfStock(sku="lamp")] == product.messages
    assert 0 == product.version


def test_a_smaller_batch_gives_up_its_last_lines() -> None:
    """Who came first keeps what there is."""
    product = lamp(Batch("b1", "lamp", 10))
    for number in range(5):
        product.allocate(line(f"o{number}", 2))
    product.messages.clear()

    product.change_quantity("b1", 7)

    assert [
        Deallocated(order_id="o4", sku="lamp", quantity=2),
        Deallocated(order_id="o3", sku="lamp", quantity=2),
    ] == product.messages
    assert 1 == product.batches[0].available


def test_a_batch_that_is_not_known_cannot_change() -> None:
    """The error names it."""
    with pytest.raises(UnknownBatchError) as raised:
        lamp().change_quantity("b1", 7)

    assert "b1" == raised.value.ref


def test_each_change_is_counted() -> None:
    """The version tells two transactions that both have changed the product."""
    product = lamp()
    product.add_batch(Batch("b1", "lamp", 10))
    product.allocate(line("o1", 1))
    product.change_quantity("b1", 9)

    assert 3 == product.version
