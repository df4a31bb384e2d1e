"""What has happened in a shop, in tables."""

from __future__ import annotations

from ..bootstrap import Shop
from .table import table

_LATEST = 3


async def report(shop: Shop) -> str:
    """Write the report on a shop: all of it is read from the database."""
    sections = {
        "Commands": await _commands(shop),
        "Events": table(("event", "count"), sorted(await shop.ledger.events())),
        "Stock": await _stock(shop),
        "Published messages": table(("type", "count"), sorted(await shop.ledger.sent())),
        f"The latest {_LATEST} of them": table(
            ("type", "payload"), await shop.ledger.latest(_LATEST)
        ),
    }
    return "\n".join(f"{title}\n{text}" for title, text in sections.items())


async def _commands(shop: Shop) -> str:
    counts = {
        name: (accepted, rejected) for name, accepted, rejected in await shop.ledger.commands()
    }
    nameless = counts.pop(None, (0, 0))
    rows = [(str(name), *counts[name]) for name in sorted(filter(None, counts))]
    rows.append(("(not a command)", *nameless))
    rows.append(("total", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return table(("command", "accepted", "rejected"), rows)


async def _stock(shop: Shop) -> str:
    async with shop.uow as transaction:
        products = await shop.uow.products.list_all()
        await transaction.rollback()
    rows = [
        (
            each.sku,
            each.stock,
            each.reorder_level,
            "requested" if each.restock_requested else "-",
            each.name,
        )
        for each in products
    ]
    return table(("sku", "stock", "reorder level", "restock", "name"), rows)
