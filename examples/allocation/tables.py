"""The tables, next to those of the outbox and the inbox, and the mapping of the model to them.

The model does not know that it is mapped: this module imports it, never the other way round.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import registry, relationship

from messagebus.adapters.sqlalchemy import define_tables

from .model import Batch, OrderLine, Product

mapping = registry()
metadata = mapping.metadata
"""All tables of the database."""

outbox = define_tables(metadata)
"""The handled messages, the marks of those that came in, and the dead letters."""

products = sa.Table(
    "products",
    metadata,
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("sku", sa.ForeignKey(products.c.sku), nullable=False, index=True),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("eta", sa.Date),
)

lines = sa.Table(
    "allocated_lines",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="the order of allocation"),
    sa.Column("batch", sa.ForeignKey(batches.c.ref), nullable=False, index=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
)

allocations = sa.Table(
    "allocations",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("quantity", sa.Integer, primary_key=True),
    sa.Column("batch", sa.Text, nullable=False),
    comment="the read model: written by listeners, never by the model",
)

mapping.map_imperatively(OrderLine, lines)
mapping.map_imperatively(
    Batch,
    batches,
    properties={
        "lines": relationship(OrderLine, order_by=lines.c.id, cascade="all, delete-orphan")
    },
)
mapping.map_imperatively(
    Product,
    products,
    version_id_col=products.c.version,
    version_id_generator=False,  # the model counts, because a new line changes no column of it
    properties={"batches": relationship(Batch, order_by=batches.c.ref)},
)


@event.listens_for(Product, "load")
def begin_without_messages(product: Product, _context: object) -> None:
    """Give a product that SQLAlchemy loads, without its constructor, a list for its messages."""
    product.messages = []
