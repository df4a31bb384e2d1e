"""The tables of the shop, and among them those of the eventstore."""

from __future__ import annotations

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import define_tables

metadata = sa.MetaData()
"""All tables; an application that lives longer gives them to its migrations."""

outbox = define_tables(metadata)
"""Every message that was handled, and how far the published ones have come."""

# A column for each field of the model: a row is a model, and a model is a row.
products = sa.Table(
    "shop_products",
    metadata,
    sa.Column("sku", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("stock", sa.BigInteger, nullable=False),
    sa.Column("reorder_level", sa.BigInteger, nullable=False),
    sa.Column("restock_requested", sa.Boolean, nullable=False),
)

orders = sa.Table(
    "shop_orders",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("lines", sa.JSON, nullable=False),
    sa.Column("cancelled", sa.Boolean, nullable=False),
)

inbox = sa.Table(
    "shop_inbox",
    metadata,
    sa.Column("line_id", sa.String(64), primary_key=True),
    sa.Column("command", sa.Text, comment="null if the line did not tell"),
    sa.Column("reason", sa.Text, comment="why the line was rejected, null if it was accepted"),
)
