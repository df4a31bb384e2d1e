"""The table of the shipments, next to those of the inbox."""

import sqlalchemy as sa

from messagebus.adapters.sqlalchemy import define_tables

metadata = sa.MetaData()
"""All tables of the database."""

inbox = define_tables(metadata)
"""The marks of the messages that were handled, and the dead letters."""

shipments = sa.Table(
    "shipments",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False, comment="planned or cancelled"),
    sa.Column("changes", sa.Integer, nullable=False, comment="how often it was written"),
)
