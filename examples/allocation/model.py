"""Products and their batches, with the rules of allocation. They know no database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from messagebus import Message

from .messages import Allocated, Deallocated, OutOfStock


class UnknownSkuError(Exception):
    """No product has this SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__(f"there is no product {sku}")
        self.sku = sku


class UnknownBatchError(Exception):
    """No product has this batch."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"there is no batch {ref}")
        self.ref = ref


@dataclass
class OrderLine:
    """A product that an order asks for, and how much of it."""

    order_id: str
    sku: str
    quantity: int


class Batch:
    """Pieces of a product that were bought together; without an *eta*, they have arrived."""

    def __init__(self, ref: str, sku: str, quantity: int, eta: date | None = None) -> None:
        self.ref = ref
        self.sku = sku
        self.quantity = quantity
        self.eta = eta
        self.lines: list[OrderLine] = []

    @property
    def available(self) -> int:
        """Number of pieces that no order has; negative if orders have more than there are."""
        return self.quantity - sum(line.quantity for line in self.lines)


class Product:
    """A product with all of its batches: the aggregate, which alone decides on allocations.

    Attributes:
        version: grows with each change, so that two changes at once are noticed.
        messages: what has happened, for the bus.
    """

    def __init__(self, sku: str, batches: Iterable[Batch] = ()) -> None:
        self.sku = sku
        self.batches = list(batches)
        self.version = 0
        self.messages: list[Message[Any]] = []

    def add_batch(self, batch: Batch) -> None:
        """Add a batch that was bought."""
        self.batches.append(batch)
        self.version += 1

    def allocate(self, line: OrderLine) -> str | None:
        """Allocate a line to the earliest batch that has enough; what has arrived comes first.

        Returns:
            The reference of the batch; None if no batch has enough. A line that is allocated
            keeps its batch.
        """
        for batch in self.batches:
            if line in batch.lines:
                return batch.ref
        for batch in sorted(self.batches, key=lambda each: each.eta or date.min):
            if batch.available >= line.quantity:
                batch.lines.append(line)
                self.version += 1
                self.messages.append(Allocated(**asdict(line), batch=batch.ref))
                return batch.ref
        self.messages.append(OutOfStock(sku=self.sku))
        return None

    def change_quantity(self, ref: str, quantity: int) -> None:
        """Correct the quantity of a batch. The last lines lose it, as far as it is too small now.

        Raises:
            UnknownBatchError: the product has no such batch.
        """
        batch = next((each for each in self.batches if each.ref == ref), None)
        if batch is None:
            raise UnknownBatchError(ref)
        batch.quantity = quantity
        self.version += 1
        while batch.available < 0:
            self.messages.append(Deallocated(**asdict(batch.lines.pop())))
