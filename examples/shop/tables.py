"""The tables of the shop, next to those of the outbox."""

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import define_tables

metadata = sa.MetaData()
"""All tables of the database."""

outbox = define_tables(metadata)
"""The handled messages, with the delivery state of the published ones."""

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
    sa.Column("line_id", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, comment="why the line was rejected; null if it was accepted"),
)
