"""Print the shipments: ``python -m examples.shipping``."""

import json

import sqlalchemy as sa

from .app import app
from .tables import shipments

if __name__ == "__main__":
    with app.engine.connect() as connection:
        for row in connection.execute(sa.select(shipments).order_by(shipments.c.order_id)):
            print(json.dumps(row._asdict()))
